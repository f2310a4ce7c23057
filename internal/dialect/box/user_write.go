package box

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

const maxUserName = 50

// userIn is the body of both writes.
type userIn struct {
	Name         countersign.Opt[string]           `json:"name"`
	Login        countersign.Opt[string]           `json:"login"`
	AppUser      countersign.Opt[bool]             `json:"is_platform_access_only"`
	Role         countersign.Opt[string]           `json:"role"`
	Status       countersign.Opt[string]           `json:"status"`
	Enterprise   countersign.Opt[struct{}]         `json:"enterprise"`
	Language     countersign.Opt[string]           `json:"language"`
	Timezone     countersign.Opt[string]           `json:"timezone"`
	JobTitle     countersign.Opt[string]           `json:"job_title"`
	Phone        countersign.Opt[string]           `json:"phone"`
	Address      countersign.Opt[string]           `json:"address"`
	SpaceAmount  countersign.Opt[int64]            `json:"space_amount"`
	Tracking     countersign.Opt[[]trackingCodeIn] `json:"tracking_codes"`
	SeesManaged  countersign.Opt[bool]             `json:"can_see_managed_users"`
	Sync         countersign.Opt[bool]             `json:"is_sync_enabled"`
	Restricted   countersign.Opt[bool]             `json:"is_external_collab_restricted"`
	DeviceLimits countersign.Opt[bool]             `json:"is_exempt_from_device_limits"`
	LoginCheck   countersign.Opt[bool]             `json:"is_exempt_from_login_verification"`
	Reset        countersign.Opt[bool]             `json:"is_password_reset_required"`
	AppUserID    countersign.Opt[string]           `json:"external_app_user_id"`
	Notification countersign.Opt[struct {
		Email string `json:"email"`
	}] `json:"notification_email"`
}

type trackingCodeIn struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// profile is what the body says that no rule reads; null clears an entry.
func (in *userIn) profile() countersign.Profile {
	p := countersign.Profile{}
	text := func(name string, v countersign.Opt[string]) {
		if v.Set {
			p[name] = v.Value
		}
	}
	flag := func(name string, v countersign.Opt[bool]) {
		if v.Set {
			p[name] = strconv.FormatBool(v.Value)
		}
		if v.Null {
			p[name] = ""
		}
	}
	text(countersign.ProfileLanguage, in.Language)
	text(countersign.ProfileTimezone, in.Timezone)
	text(countersign.ProfileJobTitle, in.JobTitle)
	text(countersign.ProfilePhone, in.Phone)
	text(countersign.ProfileAddress, in.Address)
	text(countersign.ProfileExternalAppUserID, in.AppUserID)
	flag(countersign.ProfileSeesManagedUsers, in.SeesManaged)
	flag(countersign.ProfileSyncEnabled, in.Sync)
	flag(countersign.ProfileExternalRestricted, in.Restricted)
	flag(countersign.ProfileExemptDeviceLimits, in.DeviceLimits)
	flag(countersign.ProfileExemptLoginCheck, in.LoginCheck)
	flag(countersign.ProfilePasswordResetRequired, in.Reset)
	if in.SpaceAmount.Set {
		p[countersign.ProfileSpaceAmount] = strconv.FormatInt(in.SpaceAmount.Value, 10)
	}
	if in.SpaceAmount.Null {
		p[countersign.ProfileSpaceAmount] = ""
	}
	if in.Tracking.Set {
		p[countersign.ProfileTrackingCodes] = trackingText(in.Tracking.Value)
	}
	if in.Notification.Set {
		p[countersign.ProfileNotificationEmail] = in.Notification.Value.Email
	}
	if in.Status.Set && !in.Status.Null {
		if p[countersign.ProfileContentStatus] = in.Status.Value; in.suspends() || in.Status.Value == statusActive {
			p[countersign.ProfileContentStatus] = ""
		}
	}
	return p
}

func trackingText(list []trackingCodeIn) string {
	codes := make([]countersign.TrackingCode, len(list))
	for i, code := range list {
		codes[i] = countersign.TrackingCode(code)
	}
	return countersign.TrackingCodesText(codes)
}

func (in *userIn) suspends() bool { return in.Status.Value == statusInactive }

// check refuses what this API refuses by itself.
func (in *userIn) check() error {
	switch {
	case in.Name.Null:
		return invalidField("name", "must not be null")
	case utf8.RuneCountInString(in.Name.Value) > maxUserName:
		return invalidField("name", "must not be longer than 50 characters")
	case in.Login.Null:
		return invalidField("login", "must not be null")
	case in.Role.Set && in.Role.Value != roleCoadmin && in.Role.Value != roleUser:
		return invalidField("role", "must be coadmin or user")
	case in.SpaceAmount.Value < -1:
		return invalidField("space_amount", "must be a number of bytes, or -1 for no bound")
	case in.Enterprise.Set:
		return invalidField("enterprise", "cannot be changed: this directory has no users outside of it; delete the user instead")
	case in.Notification.Set && !in.Notification.Null && in.Notification.Value.Email == "":
		return invalidField("notification_email.email", "is required")
	}
	switch in.Status.Value {
	case "", statusActive, statusInactive, "cannot_delete_edit", "cannot_delete_edit_upload":
		return nil
	default:
		return invalidField("status", "must be active, inactive, cannot_delete_edit or cannot_delete_edit_upload")
	}
}

// invitation is the change that creates the user. He has no rights until somebody
// gives him some.
func (in *userIn) invitation() (*countersign.InvitePerson, error) {
	app := in.AppUser.Value
	switch {
	case !in.Name.Set:
		return nil, invalidField("name", "is required")
	case !in.Login.Set && !app:
		return nil, invalidField("login", "is required, unless is_platform_access_only is true")
	case in.suspends():
		return nil, invalidField("status", "must not be inactive: who is new cannot sign in before he has enrolled")
	}
	c := &countersign.InvitePerson{Name: in.Name.Value, Email: in.Login.Value, Role: countersign.RoleNone, Profile: in.profile()}
	if in.Role.Value == roleCoadmin {
		c.Role = countersign.RoleAdmin
	}
	if app {
		c.Profile[countersign.ProfilePlatformAccessOnly] = "true"
		if !in.Login.Set {
			c.Email = inventedLogin(in.AppUserID.Value)
		}
	}
	return c, nil
}

// inventedLogin is the login of an app user, under a domain that no mail reaches
// (RFC 2606). The app's own id of the user gives the same login each time, so that
// a repeated request is recognised as one.
func inventedLogin(appUserID string) string {
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails: crypto/rand crashes the program instead
	if appUserID != "" {
		sum := sha256.Sum256([]byte(appUserID))
		copy(raw, sum[:])
	}
	return "AppUser_" + hex.EncodeToString(raw) + "@appusers.invalid"
}

func (d *Dialect) createUser(c *call) error {
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	var in userIn
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	invite, err := in.invitation()
	if err != nil {
		return err
	}
	plan := func(now engine.Present) ([]countersign.Change, error) {
		op := *invite
		if now.May(&op) != nil {
			op.GroupIDs = oneGroup(now)
		}
		return []countersign.Change{&op}, now.May(&op)
	}
	return d.mutate(c, mutation{plan: plan, done: func(ops []countersign.Change) {
		made, _ := only[*countersign.InvitePerson](ops)
		d.changed(c, http.StatusCreated, made.Number, made.Name, f)
	}})
}

// oneGroup is the group into which a group admin may invite, if it is only one:
// this API has no way to say which.
func oneGroup(now engine.Present) []countersign.GroupID {
	var groups []countersign.GroupID
	for _, m := range now.Standings() {
		if m.Role == countersign.GroupAdmin && m.Configurable.CreateAccounts {
			groups = append(groups, m.GroupID)
		}
	}
	if len(groups) != 1 {
		return nil
	}
	return groups
}

func (d *Dialect) updateUser(c *call) error {
	number, err := c.number("user_id", "user")
	if err != nil {
		return err
	}
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	var in userIn
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	if in.AppUser.Set {
		return invalidField("is_platform_access_only", "cannot be changed")
	}
	return d.mutate(c, mutation{
		plan: func(now engine.Present) ([]countersign.Change, error) { return in.update(now, number) },
		done: func([]countersign.Change) { d.changed(c, http.StatusOK, number, strings.TrimSpace(in.Name.Value), f) },
	})
}

// update makes the operations that differ from what is there. Who may not see a
// user may still edit him, as an admin of his group; to everybody else there is
// no such user.
func (in *userIn) update(now engine.Present, number int64) ([]countersign.Change, error) {
	attributes := &countersign.UpdateUser{Name: in.Name, Email: in.Login}
	if p := in.profile(); len(p) > 0 {
		attributes.Profile = countersign.Some(p)
	}
	u, sees := now.UserByNumber(number)
	if !sees {
		id, ok := now.UserID(number)
		attributes.UserID = id
		if !ok || now.May(attributes) != nil || in.Role.Set || in.Status.Set {
			return nil, noSuch("user")
		}
		return changing(attributes), nil
	}
	attributes.UserID = u.ID
	if !known(&u.User) {
		return nil, noSuch("user")
	}
	if err := now.May(attributes); err != nil {
		return nil, err
	}
	if err := mayManage(now, &u.User); err != nil {
		return nil, err
	}
	return append(changing(attributes), in.moves(&u.User)...), nil
}

// changing is the update, if it names anything.
func changing(c *countersign.UpdateUser) []countersign.Change {
	if !c.Name.Set && !c.Email.Set && !c.Profile.Set {
		return nil
	}
	return []countersign.Change{c}
}

// moves are the changes of role and state.
func (in *userIn) moves(u *countersign.User) []countersign.Change {
	var ops []countersign.Change
	switch admin := u.Role == countersign.RoleAdmin; {
	case in.Role.Value == roleCoadmin && !admin:
		ops = append(ops, &countersign.ChangeRole{UserID: u.ID, Role: countersign.RoleAdmin})
	case in.Role.Value == roleUser && admin:
		ops = append(ops, &countersign.ChangeRole{UserID: u.ID, Role: countersign.RoleNone})
	}
	switch suspended := u.State == countersign.UserSuspended; {
	case in.Status.Value == "":
	case in.suspends() && !suspended:
		ops = append(ops, &countersign.SuspendUser{UserID: u.ID})
	case !in.suspends() && suspended:
		ops = append(ops, &countersign.ReactivateUser{UserID: u.ID})
	}
	return ops
}
