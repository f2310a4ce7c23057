package native

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) listUsers(c *call) error {
	q := wire.ParseQuery(c.r)
	filter := countersign.UserFilter{
		Types:          enums(q, "type", countersign.Person, countersign.APIUser, countersign.APISigner, countersign.EndUser),
		Roles:          enums(q, "role", countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone),
		States:         enums(q, "state", userStates()...),
		IncludeDeleted: q.Bool("include_deleted", false),
		Names:          q.List("name", maxValues),
		Emails:         q.List("email", maxValues),
		ExternalIDs:    q.List("external_id", maxValues),
		IDs:            ids[countersign.UserID](q, "id"),
		ExcludeIDs:     ids[countersign.UserID](q, "not_id"),
		GroupIDs:       ids[countersign.GroupID](q, "group_id"),
		GroupStates:    enums(q, "membership_state", livingMemberships()...),
		NotGroupIDs:    ids[countersign.GroupID](q, "not_group_id"),
		Text:           q.String("q", "", maxText),
		Permission:     permission(q, "permission"),
	}
	keys, p := sortKeys(q, countersign.UserSortFields()), c.paging(q)
	if err := q.Done(); err != nil {
		return err
	}
	rows, err := d.Engine.Users(c.ctx, c.actor, filter, keys, p.page)
	if err != nil {
		return err
	}
	return answerList(c, p, rows, func(u countersign.UserView) string { return string(u.ID) }, plain(userToWire))
}

func userStates() []countersign.UserState {
	return []countersign.UserState{
		countersign.UserPendingApproval, countersign.UserOnboardingCode, countersign.UserOnboardingActivation, countersign.UserActive,
		countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation, countersign.UserSuspended, countersign.UserDeleted,
	}
}

func livingMemberships() []countersign.MembershipState {
	return []countersign.MembershipState{
		countersign.MembershipActive, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval,
	}
}

func (d *Dialect) getUser(c *call) error {
	id, err := pathID[countersign.UserID](c.r, "user_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	u, revision, err := d.Engine.User(c.ctx, c.actor, id)
	if err != nil {
		return err
	}
	return c.answerObject(revision, u.Version, userToWire(u))
}

// The bodies of createUser, one for each type.
type newPerson struct {
	Type     countersign.UserType  `json:"type"`
	Name     string                `json:"name"`
	Email    string                `json:"email"`
	Role     countersign.Role      `json:"role"`
	Profile  countersign.Profile   `json:"profile"`
	GroupIDs []countersign.GroupID `json:"group_ids"`
}

type newAPIUser struct {
	Type                countersign.UserType     `json:"type"`
	Name                string                   `json:"name"`
	Role                countersign.Role         `json:"role"`
	ResponsiblePersonID countersign.UserID       `json:"responsible_person_id"`
	Permissions         []countersign.Permission `json:"permissions"`
	AllowedIPs          []string                 `json:"allowed_ips"`
	GroupIDs            []countersign.GroupID    `json:"group_ids"`
}

type newAPISigner struct {
	Type                countersign.UserType `json:"type"`
	Name                string               `json:"name"`
	ResponsiblePersonID countersign.UserID   `json:"responsible_person_id"`
}

type newEndUser struct {
	Type       countersign.UserType `json:"type"`
	ExternalID string               `json:"external_id"`
	Name       string               `json:"name"`
}

func (d *Dialect) createUser(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	change, err := decodeNewUser(c.r)
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "createUser", status: http.StatusCreated, do: d.submit(change),
		object: func(r countersign.ChangeRequest) string { return "users/" + string(newUserID(r.Operations[0])) },
	}, o)
}

// decodeNewUser reads the type first, because it decides which members exist.
func decodeNewUser(r *http.Request) (countersign.Change, error) {
	var kind struct {
		Type countersign.UserType `json:"type"`
	}
	if err := wire.Decode(r, 0, &kind, wire.IgnoreUnknown()); err != nil {
		return nil, err
	}
	switch kind.Type {
	case countersign.Person:
		var b newPerson
		err := wire.Decode(r, 0, &b)
		return &countersign.InvitePerson{Name: b.Name, Email: b.Email, Role: b.Role, Profile: b.Profile, GroupIDs: b.GroupIDs}, err
	case countersign.APIUser:
		var b newAPIUser
		err := wire.Decode(r, 0, &b)
		return &countersign.CreateAPIUser{
			Name: b.Name, Role: b.Role, ResponsiblePersonID: b.ResponsiblePersonID, Permissions: b.Permissions,
			AllowedIPs: b.AllowedIPs, GroupIDs: b.GroupIDs,
		}, err
	case countersign.APISigner:
		var b newAPISigner
		err := wire.Decode(r, 0, &b)
		return &countersign.CreateAPISigner{Name: b.Name, ResponsiblePersonID: b.ResponsiblePersonID}, err
	case countersign.EndUser:
		var b newEndUser
		err := wire.Decode(r, 0, &b)
		return &countersign.CreateEndUser{ExternalID: b.ExternalID, Name: b.Name}, err
	case "":
		return nil, countersign.E(countersign.Invalid, "type", "is required: person, api_user, api_signer or end_user")
	default:
		return nil, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "type", "must be person, api_user, api_signer or end_user")
	}
}

func newUserID(op countersign.Change) countersign.UserID {
	switch c := op.(type) {
	case *countersign.InvitePerson:
		return c.UserID
	case *countersign.CreateAPIUser:
		return c.UserID
	case *countersign.CreateAPISigner:
		return c.UserID
	case *countersign.CreateEndUser:
		return c.UserID
	default:
		return ""
	}
}

// userPatch is the body of updateUser.
type userPatch struct {
	Name                countersign.Opt[string]                   `json:"name"`
	Email               countersign.Opt[string]                   `json:"email"`
	ExternalID          countersign.Opt[string]                   `json:"external_id"`
	AllowedIPs          countersign.Opt[[]string]                 `json:"allowed_ips"`
	ResponsiblePersonID countersign.Opt[countersign.UserID]       `json:"responsible_person_id"`
	Profile             countersign.Opt[countersign.Profile]      `json:"profile"`
	Role                countersign.Opt[countersign.Role]         `json:"role"`
	Permissions         countersign.Opt[[]countersign.Permission] `json:"permissions"`
}

// operations are those that the patch needs, each only if it is named. A null
// where nothing can be cleared is for them to refuse: it gives no value.
func (p userPatch) operations(id countersign.UserID) ([]countersign.Change, error) {
	var ops []countersign.Change
	if p.Name.Set || p.Email.Set || p.ExternalID.Set || p.AllowedIPs.Set || p.ResponsiblePersonID.Set || p.Profile.Set {
		ops = append(ops, &countersign.UpdateUser{
			UserID: id, Name: p.Name, Email: p.Email, ExternalID: p.ExternalID,
			AllowedIPs: p.AllowedIPs, ResponsiblePersonID: p.ResponsiblePersonID, Profile: p.Profile,
		})
	}
	if p.Role.Set {
		ops = append(ops, &countersign.ChangeRole{UserID: id, Role: p.Role.Value})
	}
	if p.Permissions.Set {
		ops = append(ops, &countersign.SetPermissions{UserID: id, Permissions: p.Permissions.Value})
	}
	if len(ops) == 0 {
		return nil, countersign.E(countersign.Invalid, "", "names nothing to change")
	}
	return ops, nil
}

func (d *Dialect) updateUser(c *call) error {
	id, err := pathID[countersign.UserID](c.r, "user_id")
	if err != nil {
		return err
	}
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	var body userPatch
	if err := wire.Decode(c.r, 0, &body); err != nil {
		return err
	}
	ops, err := body.operations(id)
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{route: "updateUser", status: http.StatusOK, object: at("users", id), do: d.submit(ops...)}, o)
}

func (d *Dialect) deleteUser(c *call) error {
	return d.actOnUser(c, "deleteUser", http.StatusNoContent, func(id countersign.UserID) countersign.Change {
		return &countersign.DeleteUser{UserID: id}
	})
}

func (d *Dialect) suspendUser(c *call) error {
	return d.actOnUser(c, "suspendUser", http.StatusOK, func(id countersign.UserID) countersign.Change {
		return &countersign.SuspendUser{UserID: id}
	})
}

func (d *Dialect) reactivateUser(c *call) error {
	return d.actOnUser(c, "reactivateUser", http.StatusOK, func(id countersign.UserID) countersign.Change {
		return &countersign.ReactivateUser{UserID: id}
	})
}

func (d *Dialect) resetDevice(c *call) error {
	return d.actOnUser(c, "resetDevice", http.StatusOK, func(id countersign.UserID) countersign.Change {
		return &countersign.ResetDevice{UserID: id}
	})
}

func (d *Dialect) makeOnboardingCode(c *call) error {
	return d.actOnUser(c, "makeOnboardingCode", http.StatusOK, func(id countersign.UserID) countersign.Change {
		return &countersign.MakeOnboardingCode{UserID: id}
	})
}

// actOnUser is a write that needs nothing but the user.
func (d *Dialect) actOnUser(c *call, route string, status int, change func(countersign.UserID) countersign.Change) error {
	id, err := pathID[countersign.UserID](c.r, "user_id")
	if err != nil {
		return err
	}
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	if err := noBody(c.r); err != nil {
		return err
	}
	return d.mutate(c, mutation{route: route, status: status, object: at("users", id), do: d.submit(change(id))}, o)
}

// noBody refuses a body where the document has none: whoever sends one expects
// it to mean something. An empty object is forgiven, since some clients cannot
// send nothing.
func noBody(r *http.Request) error {
	var empty struct{}
	return wire.Decode(r, 0, &empty, wire.OptionalBody())
}

func (d *Dialect) listUserPermissions(c *call) error {
	id, err := pathID[countersign.UserID](c.r, "user_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	permissions, revision, err := d.Engine.Effective(c.ctx, c.actor, id)
	if err != nil {
		return err
	}
	return c.answer(revision, whole(permissions, effectiveToWire))
}
