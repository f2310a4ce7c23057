package oracle

import (
	"sort"
	"strings"

	"github.com/countersign/countersign"
)

// newUser is the user an operation creates, in the state it creates him in.
func newUser(c countersign.ChangeRequest, op countersign.Change) (countersign.User, bool) {
	u := countersign.User{CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt}
	switch op := op.(type) {
	case *countersign.InvitePerson:
		u.ID, u.Number, u.Name, u.Email, u.Role = op.UserID, op.Number, op.Name, op.Email, op.Role
		u.Profile = op.Profile
		u.Type, u.State, u.InvitedBy = countersign.Person, countersign.UserOnboardingCode, c.Requester
	case *countersign.CreateAPIUser:
		u.ID, u.Number, u.Name, u.Role, u.ResponsiblePersonID = op.UserID, op.Number, op.Name, op.Role, op.ResponsiblePersonID
		u.Type, u.State, u.Permissions, u.AllowedIPs = countersign.APIUser, countersign.UserActive, sorted(op.Permissions), op.AllowedIPs
	case *countersign.CreateAPISigner:
		u.ID, u.Number, u.Name, u.ResponsiblePersonID = op.UserID, op.Number, op.Name, op.ResponsiblePersonID
		u.Type, u.State = countersign.APISigner, countersign.UserOnboardingCode
	case *countersign.CreateEndUser:
		u.ID, u.Number, u.Name, u.ExternalID = op.UserID, op.Number, op.Name, op.ExternalID
		u.Type, u.State = countersign.EndUser, countersign.UserActive
	default:
		return u, false
	}
	return u, true
}

func newGroup(c countersign.ChangeRequest, op countersign.Change) (countersign.Group, bool) {
	create, ok := op.(*countersign.CreateGroup)
	if !ok {
		return countersign.Group{}, false
	}
	return countersign.Group{
		ID: create.GroupID, Number: create.Number, Name: create.Name, Description: create.Description,
		Permissions: sorted(create.Permissions), ExternalSyncIdentifier: create.ExternalSyncIdentifier,
		Provenance: create.Provenance, Invitability: create.Invitability, MemberViewability: create.MemberViewability,
		State: countersign.GroupActive, CreatedBy: c.Requester, ModifiedBy: c.Requester, CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt,
	}, true
}

// newMemberships are the memberships an operation creates, whether or not they
// can be.
func newMemberships(c countersign.ChangeRequest, op countersign.Change) []countersign.Membership {
	var allotted []countersign.AllottedMembership
	switch op := op.(type) {
	case *countersign.AddMembership:
		m := countersign.Membership{
			ID: op.MembershipID, Number: op.Number, UserID: op.UserID, GroupID: op.GroupID, Role: op.Role,
			StartsAt: op.StartsAt.Value, ExpiresAt: op.ExpiresAt.Value, State: countersign.MembershipActive,
			CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt,
		}
		if m.Role == "" {
			m.Role = countersign.GroupMember
		}
		m.Configurable = countersign.ResolveConfigurable(op.Configurable, m.Role, false, m.Configurable)
		return []countersign.Membership{m}
	case *countersign.InvitePerson:
		allotted = op.Memberships
	case *countersign.CreateAPIUser:
		allotted = op.Memberships
	case *countersign.CreateGroup:
		allotted = op.Memberships
	case *countersign.ReplaceMembers:
		allotted = op.Memberships
	}
	var list []countersign.Membership
	for _, a := range allotted {
		list = append(list, countersign.Membership{
			ID: a.MembershipID, Number: a.Number, UserID: a.UserID, GroupID: a.GroupID, Role: countersign.GroupMember,
			State: countersign.MembershipActive, CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt,
		})
	}
	return list
}

// aboutUser names the existing user an operation changes, and whether it moves
// his role or state.
func aboutUser(op countersign.Change) (id countersign.UserID, moves bool) {
	switch op := op.(type) {
	case *countersign.UpdateUser:
		return op.UserID, false
	case *countersign.GrantPermissions:
		return op.UserID, false
	case *countersign.RevokePermissions:
		return op.UserID, false
	case *countersign.SetPermissions:
		return op.UserID, false
	case *countersign.ChangeRole:
		return op.UserID, true
	case *countersign.MakeOnboardingCode:
		return op.UserID, true
	case *countersign.ActivateUser:
		return op.UserID, true
	case *countersign.ResetDevice:
		return op.UserID, true
	case *countersign.SuspendUser:
		return op.UserID, true
	case *countersign.ReactivateUser:
		return op.UserID, true
	case *countersign.DeleteUser:
		return op.UserID, true
	default:
		return "", false
	}
}

// aboutGroup reports whether an operation touches a group or who is in it.
func (s *Sight) aboutGroup(op countersign.Change, id countersign.GroupID) bool {
	switch op := op.(type) {
	case *countersign.CreateGroup:
		return op.GroupID == id
	case *countersign.UpdateGroup:
		return op.GroupID == id
	case *countersign.ReplaceMembers:
		return op.GroupID == id
	case *countersign.DeleteGroup:
		return op.GroupID == id
	case *countersign.AddMembership:
		return op.GroupID == id
	case *countersign.UpdateMembership:
		return s.storedGroup(op.MembershipID) == id
	case *countersign.RemoveMembership:
		return s.storedGroup(op.MembershipID) == id
	case *countersign.InvitePerson:
		return holds(op.GroupIDs, id)
	case *countersign.CreateAPIUser:
		return holds(op.GroupIDs, id)
	default:
		return false
	}
}

func (s *Sight) storedGroup(id countersign.MembershipID) countersign.GroupID {
	for _, m := range s.directory.Memberships {
		if m.ID == id {
			return m.GroupID
		}
	}
	return ""
}

// apply changes the rows as a request would, as far as permissions go.
func apply(d Directory, c countersign.ChangeRequest) Directory {
	after := Directory{
		Users:       append([]countersign.User{}, d.Users...),
		Groups:      append([]countersign.Group{}, d.Groups...),
		Memberships: append([]countersign.Membership{}, d.Memberships...),
	}
	for _, op := range c.Operations {
		applyToUsers(&after, c, op)
		applyToGroups(&after, c, op)
		applyToMemberships(&after, c, op)
	}
	return after
}

func applyToUsers(d *Directory, c countersign.ChangeRequest, op countersign.Change) {
	if u, ok := newUser(c, op); ok {
		known := false
		for _, other := range d.Users {
			known = known || other.ID == u.ID
		}
		if !known {
			d.Users = append(d.Users, u)
		}
		return
	}
	id, _ := aboutUser(op)
	for i := range d.Users {
		u := &d.Users[i]
		if u.ID != id || u.State == countersign.UserDeleted {
			continue
		}
		switch op := op.(type) {
		case *countersign.GrantPermissions:
			u.Permissions = append(append([]countersign.Permission{}, u.Permissions...), op.Permissions...)
		case *countersign.RevokePermissions:
			var left []countersign.Permission
			for _, p := range u.Permissions {
				if !holds(op.Permissions, p) {
					left = append(left, p)
				}
			}
			u.Permissions = left
		case *countersign.SetPermissions:
			u.Permissions = op.Permissions
		case *countersign.ChangeRole:
			u.Role = op.Role
		case *countersign.MakeOnboardingCode:
			u.State = countersign.UserOnboardingActivation
		case *countersign.ActivateUser, *countersign.ReactivateUser:
			u.State = countersign.UserActive
		case *countersign.ResetDevice:
			u.State = countersign.UserResetDeviceCode
		case *countersign.SuspendUser:
			u.State = countersign.UserSuspended
		case *countersign.DeleteUser:
			u.State = countersign.UserDeleted
		}
	}
}

func applyToGroups(d *Directory, c countersign.ChangeRequest, op countersign.Change) {
	if g, ok := newGroup(c, op); ok {
		known := false
		for _, other := range d.Groups {
			known = known || other.ID == g.ID
		}
		if !known {
			d.Groups = append(d.Groups, g)
		}
		return
	}
	for i := range d.Groups {
		g := &d.Groups[i]
		switch op := op.(type) {
		case *countersign.UpdateGroup:
			if op.GroupID == g.ID && op.Permissions.Set {
				g.Permissions = op.Permissions.Value
			}
		case *countersign.DeleteGroup:
			if op.GroupID == g.ID {
				g.State = countersign.GroupDeleted
			}
		}
	}
}

func applyToMemberships(d *Directory, c countersign.ChangeRequest, op countersign.Change) {
	for i := range d.Memberships {
		m := &d.Memberships[i]
		if m.State == countersign.MembershipRemoved {
			continue
		}
		if removes(op, *m) {
			m.State = countersign.MembershipRemoved
		}
		if update, ok := op.(*countersign.UpdateMembership); ok && update.MembershipID == m.ID {
			m.StartsAt, m.ExpiresAt = update.StartsAt.Or(m.StartsAt), update.ExpiresAt.Or(m.ExpiresAt)
		}
	}
	for _, m := range newMemberships(c, op) {
		taken := false
		for _, other := range d.Memberships {
			taken = taken || (other.UserID == m.UserID && other.GroupID == m.GroupID && other.State != countersign.MembershipRemoved)
		}
		if !taken {
			d.Memberships = append(d.Memberships, m)
		}
	}
}

func sorted(list []countersign.Permission) []countersign.Permission {
	list = append([]countersign.Permission(nil), list...)
	sort.Slice(list, func(i, j int) bool { return strings.Compare(string(list[i]), string(list[j])) < 0 })
	return list
}

func holds[T comparable](list []T, v T) bool {
	for _, item := range list {
		if item == v {
			return true
		}
	}
	return false
}
