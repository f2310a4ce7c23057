package box

import (
	"context"
	"net/http"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// The roles this API has for users (section 3).
const (
	roleAdmin   = "admin" // in answers only: there is exactly one
	roleCoadmin = "coadmin"
	roleUser    = "user"
)

// The states this API has for users; the two that bind only content stand in the
// profile.
const (
	statusActive   = "active"
	statusInactive = "inactive"
)

// sight is what the users of one answer have in common.
type sight struct {
	fields       fields
	organization countersign.Organization
	admin        countersign.UserID
}

// sight gathers what the fields ask for beyond the users themselves.
func (d *Dialect) sight(ctx context.Context, actor countersign.Actor, f fields) (sight, error) {
	s := sight{fields: f}
	var err error
	if f.wants("enterprise", inFull) {
		if s.organization, err = d.Engine.Organization(ctx, actor); err != nil {
			return s, err
		}
	}
	if f.wants("role", inFull) {
		s.admin, err = d.Engine.FirstAdmin(ctx, actor)
	}
	return s, err
}

// known reports whether this API has users of a kind and in a state: people and
// API users who exist.
func known(u *countersign.User) bool {
	return u.Type.CanHoldMembership() && u.Living() && u.State != countersign.UserPendingApproval
}

func (s *sight) role(u *countersign.User) string {
	switch {
	case u.Role != countersign.RoleAdmin:
		return roleUser
	case u.ID == s.admin:
		return roleAdmin
	default:
		return roleCoadmin
	}
}

func status(u *countersign.User) string {
	if u.State == countersign.UserSuspended {
		return statusInactive
	}
	if content := u.Profile[countersign.ProfileContentStatus]; content != "" {
		return content
	}
	return statusActive
}

// show is a user in full, less what is not asked for. What nobody has told us is
// null, and switches are off.
func (s *sight) show(u *countersign.User) object {
	p := u.Profile
	flag := func(name string) bool { return p[name] == "true" }
	return s.fields.of(append(userRef(u.Number, u.Name, u.Email), object{
		{"created_at", inStandard, moment(u.CreatedAt)},
		{"modified_at", inStandard, moment(u.ModifiedAt)},
		{"language", inStandard, orNull(p[countersign.ProfileLanguage])},
		{"timezone", inStandard, orNull(p[countersign.ProfileTimezone])},
		{"space_amount", inStandard, numberOrNull(p[countersign.ProfileSpaceAmount])},
		{"space_used", inStandard, 0},
		{"max_upload_size", inStandard, nil},
		{"status", inStandard, status(u)},
		{"job_title", inStandard, orNull(p[countersign.ProfileJobTitle])},
		{"phone", inStandard, orNull(p[countersign.ProfilePhone])},
		{"address", inStandard, orNull(p[countersign.ProfileAddress])},
		{"avatar_url", inStandard, nil},
		{"notification_email", inStandard, notificationEmail(p)},
		{"role", inFull, s.role(u)},
		{"tracking_codes", inFull, trackingCodes(p)},
		{"can_see_managed_users", inFull, flag(countersign.ProfileSeesManagedUsers)},
		{"is_sync_enabled", inFull, flag(countersign.ProfileSyncEnabled)},
		{"is_external_collab_restricted", inFull, flag(countersign.ProfileExternalRestricted)},
		{"is_exempt_from_device_limits", inFull, flag(countersign.ProfileExemptDeviceLimits)},
		{"is_exempt_from_login_verification", inFull, flag(countersign.ProfileExemptLoginCheck)},
		{"enterprise", inFull, object{
			{"type", inBase, typeEnterprise}, {"id", inBase, s.organization.Number}, {"name", inMini, s.organization.Name},
		}},
		{"my_tags", inFull, []string{}},
		{"hostname", inFull, nil},
		{"is_platform_access_only", inFull, flag(countersign.ProfilePlatformAccessOnly)},
		{"external_app_user_id", inFull, orNull(p[countersign.ProfileExternalAppUserID])},
	}...))
}

func numberOrNull(s string) any {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil
	}
	return n
}

func notificationEmail(p countersign.Profile) any {
	email := p[countersign.ProfileNotificationEmail]
	if email == "" {
		return nil
	}
	return object{{"email", inBase, email}, {"is_confirmed", inBase, false}}
}

func trackingCodes(p countersign.Profile) []object {
	list := []object{}
	for _, code := range p.TrackingCodes() {
		list = append(list, object{{"type", inBase, typeTrackingCode}, {"name", inBase, code.Name}, {"value", inBase, code.Value}})
	}
	return list
}

func (d *Dialect) listUsers(c *call) error {
	q := wire.ParseQuery(c.r)
	f := readFields(q)
	filter := countersign.NumberedUserFilter{Prefix: filterTerm(q)}
	kind := q.Enum("user_type", "all", "all", "managed", "external")
	if app := q.String("external_app_user_id", "", maxFilterTerm); app != "" {
		// Only the app that made them sees its users by this id (section 3).
		filter.Profile, filter.InvitedBy = countersign.Profile{countersign.ProfileExternalAppUserID: app}, c.actor.User
	}
	p, err := readPage(q)
	if err != nil {
		return err
	}
	list, err := d.Engine.NumberedUsers(c.ctx, c.actor, filter, p.numbers())
	if err != nil {
		return err
	}
	if kind == "external" { // the directory knows nobody outside
		list = engine.List[countersign.UserView]{}
	}
	s, err := d.sight(c.ctx, c.actor, f)
	if err != nil {
		return err
	}
	return answerList(c, p, list, func(u *countersign.UserView) int64 { return u.Number },
		func(u *countersign.UserView) object { return s.show(&u.User) })
}

// answerUser answers one user.
func (d *Dialect) answerUser(c *call, u *countersign.User, f fields) error {
	if !known(u) {
		return noSuch("user")
	}
	s, err := d.sight(c.ctx, c.actor, f)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, s.show(u))
	return nil
}

func (d *Dialect) getUser(c *call) error {
	number, err := c.number("user_id", "user")
	if err != nil {
		return err
	}
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	u, _, err := d.Engine.UserByNumber(c.ctx, c.actor, number)
	if err != nil {
		return err
	}
	return d.answerUser(c, &u.User, f)
}

// getMe answers who is calling: the account of the app, or whom it acts for.
func (d *Dialect) getMe(c *call) error {
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	u, _, err := d.Engine.User(c.ctx, c.actor, c.actor.Viewer())
	if err != nil {
		return err
	}
	return d.answerUser(c, &u.User, f)
}

// changed answers a write with the user as he is now, or with what is known of him
// if the caller cannot see him, or if he is gone by now.
func (d *Dialect) changed(c *call, status int, number int64, name string, f fields) {
	u, _, err := d.Engine.UserByNumber(c.ctx, c.actor, number)
	s, failed := d.sight(c.ctx, c.actor, f)
	if err != nil || failed != nil {
		wire.WriteJSON(c.w, status, f.of(userRef(number, name, "")))
		return
	}
	wire.WriteJSON(c.w, status, s.show(&u.User))
}

func (d *Dialect) deleteUser(c *call) error {
	number, err := c.number("user_id", "user")
	if err != nil {
		return err
	}
	q := wire.ParseQuery(c.r)
	boolean(q, "notify") // nobody is notified, and no content stands in the way
	boolean(q, "force")
	if err := q.Err(); err != nil {
		return err
	}
	plan := func(now engine.Present) ([]countersign.Change, error) {
		u, ok := now.UserByNumber(number)
		if !ok || !known(&u.User) {
			return nil, noSuch("user")
		}
		op := &countersign.DeleteUser{UserID: u.ID}
		if err := now.May(op); err != nil {
			return nil, err
		}
		return []countersign.Change{op}, mayManage(now, &u.User)
	}
	return d.mutate(c, mutation{plan: plan, done: c.gone})
}

// mayManage refuses co-admins the admin and each other (section 4.1). Service
// accounts count as co-admins.
func mayManage(now engine.Present, u *countersign.User) error {
	if u.Role != countersign.RoleAdmin || now.Viewer() == u.ID || now.Viewer() == now.FirstAdmin() {
		return nil
	}
	return forbidden("Co-admins do not manage the admin or other co-admins; the admin does.")
}
