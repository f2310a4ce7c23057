package engine

import (
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// user loads a user an operation is about; deleted users cannot be changed.
func (l *ledger) user(field string, id countersign.UserID) (countersign.User, error) {
	u, err := l.w.tx.User(l.w.ctx, id)
	if isKind(err, countersign.NotFound) || (err == nil && !u.Living()) {
		return u, countersign.Code(countersign.NotFound, "user_unknown", field, "names no user")
	}
	if err == nil {
		l.rely(countersign.UserStateFact(id), u.StateVersion)
	}
	return u, err
}

func (l *ledger) invite(c *countersign.InvitePerson) error {
	if err := l.emailFree(c.Email, ""); err != nil {
		return err
	}
	err := l.putUser(nil, countersign.User{
		ID: c.UserID, Number: c.Number, Type: countersign.Person, Role: c.Role, State: countersign.UserOnboardingCode,
		Name: c.Name, Email: c.Email, Profile: c.Profile, InvitedBy: l.requester(), CreatedAt: l.w.now,
	})
	if err != nil {
		return err
	}
	return l.join("group_ids", c.Memberships)
}

func (l *ledger) createAPIUser(c *countersign.CreateAPIUser) error {
	if err := l.responsible("responsible_person_id", c.ResponsiblePersonID); err != nil {
		return err
	}
	if err := l.knows(c.Permissions); err != nil {
		return err
	}
	err := l.putUser(nil, countersign.User{
		ID: c.UserID, Number: c.Number, Type: countersign.APIUser, Role: c.Role, State: countersign.UserActive, Name: c.Name,
		Permissions: sorted(c.Permissions), AllowedIPs: c.AllowedIPs, ResponsiblePersonID: c.ResponsiblePersonID,
		InvitedBy: l.requester(), CreatedAt: l.w.now,
	})
	if err != nil {
		return err
	}
	return l.join("group_ids", c.Memberships)
}

func (l *ledger) createAPISigner(c *countersign.CreateAPISigner) error {
	if err := l.responsible("responsible_person_id", c.ResponsiblePersonID); err != nil {
		return err
	}
	err := l.putUser(nil, countersign.User{
		ID: c.UserID, Number: c.Number, Type: countersign.APISigner, State: countersign.UserOnboardingCode, Name: c.Name,
		ResponsiblePersonID: c.ResponsiblePersonID, InvitedBy: l.requester(), CreatedAt: l.w.now,
	})
	return err
}

func (l *ledger) createEndUser(c *countersign.CreateEndUser) error {
	if err := l.externalIDFree(c.ExternalID, ""); err != nil {
		return err
	}
	err := l.putUser(nil, countersign.User{
		ID: c.UserID, Number: c.Number, Type: countersign.EndUser, State: countersign.UserActive, Name: c.Name,
		ExternalID: c.ExternalID, InvitedBy: l.requester(), CreatedAt: l.w.now,
	})
	return err
}

// responsible checks that a person answers for an account: a living person. That
// he is active is asked each time the account acts.
func (l *ledger) responsible(field string, id countersign.UserID) error {
	u, err := l.user(field, id)
	if err != nil {
		return err
	}
	if u.Type != countersign.Person {
		return countersign.E(countersign.Invalid, field, "must name a person: people answer for accounts")
	}
	return nil
}

func (l *ledger) emailFree(email string, but countersign.UserID) error {
	other, err := l.w.tx.LivingUserByEmail(l.w.ctx, names.FoldEmail(email))
	if err == nil && other.ID != but {
		return countersign.Code(countersign.Exists, "email_taken", "email", "belongs to another user of the organization")
	}
	return ignoreMissing(err)
}

func (l *ledger) externalIDFree(id string, but countersign.UserID) error {
	other, err := l.w.tx.LivingUserByExternalID(l.w.ctx, id)
	if err == nil && other.ID != but {
		return countersign.Code(countersign.Exists, "external_id_taken", "external_id", "belongs to another end user of the organization")
	}
	return ignoreMissing(err)
}

func ignoreMissing(err error) error {
	if isKind(err, countersign.NotFound) {
		return nil
	}
	return err
}

// knows checks that every permission is in the catalogue.
func (l *ledger) knows(list []countersign.Permission) error {
	builtIn := countersign.BuiltInPermissions()
	for _, p := range list {
		if _, found := slices.BinarySearch(builtIn, p); found {
			continue
		}
		entry, err := l.w.tx.CataloguePermission(l.w.ctx, p)
		if isKind(err, countersign.NotFound) || (err == nil && entry.Removed) {
			return countersign.Code(countersign.Invalid, "permission_unknown", "permissions", string(p)+" is not in the organization's catalogue of permissions")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) updateUser(c *countersign.UpdateUser) error {
	old, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	if err := suits(old.Type, c); err != nil {
		return err
	}
	if c.Email.Set {
		if err := l.emailFree(c.Email.Value, old.ID); err != nil {
			return err
		}
	}
	if c.ExternalID.Set {
		if err := l.externalIDFree(c.ExternalID.Value, old.ID); err != nil {
			return err
		}
	}
	if c.ResponsiblePersonID.Set {
		if err := l.responsible("responsible_person_id", c.ResponsiblePersonID.Value); err != nil {
			return err
		}
	}
	l.rely(countersign.UserFact(old.ID), old.AttributesVersion)
	u := old
	u.Name, u.Email, u.ExternalID = c.Name.Or(u.Name), c.Email.Or(u.Email), c.ExternalID.Or(u.ExternalID)
	u.AllowedIPs, u.ResponsiblePersonID = c.AllowedIPs.Or(u.AllowedIPs), c.ResponsiblePersonID.Or(u.ResponsiblePersonID)
	switch {
	case c.Profile.Null:
		u.Profile = nil
	case c.Profile.Set:
		u.Profile = u.Profile.Merged(c.Profile.Value)
	}
	err = l.putUser(&old, u)
	return err
}

// suits refuses attributes that users of a type do not have.
func suits(t countersign.UserType, c *countersign.UpdateUser) error {
	account := t == countersign.APIUser || t == countersign.APISigner
	refuse := func(field string) error {
		return countersign.E(countersign.Invalid, field, "does not belong to a user of type "+string(t))
	}
	switch {
	case c.Email.Set && t != countersign.Person:
		return refuse("email")
	case c.ExternalID.Set && t != countersign.EndUser:
		return refuse("external_id")
	case c.AllowedIPs.Set && t != countersign.APIUser:
		return refuse("allowed_ips")
	case c.ResponsiblePersonID.Set && !account:
		return refuse("responsible_person_id")
	}
	return nil
}

func (l *ledger) changeRole(c *countersign.ChangeRole) error {
	old, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	if err := countersign.CheckRole("role", old.Type, c.Role); err != nil {
		return err
	}
	l.rely(countersign.UserRoleFact(old.ID), old.RoleVersion)
	u := old
	u.Role = c.Role
	err = l.putUser(&old, u)
	return err
}

func (l *ledger) setPermissions(id countersign.UserID, given []countersign.Permission, combine func(have, given []countersign.Permission) []countersign.Permission) error {
	old, err := l.user("user_id", id)
	if err != nil {
		return err
	}
	if !old.Type.CanHoldMembership() {
		return countersign.E(countersign.Invalid, "user_id", "names a user of type "+string(old.Type)+", who holds no permissions")
	}
	l.rely(countersign.UserPermissionsFact(old.ID), old.PermissionsVersion)
	u := old
	u.Permissions = combine(old.Permissions, given)
	if len(u.Permissions) > countersign.MaxPermissions {
		return countersign.E(countersign.Refused, "permissions", "would leave the user with more than 1000 individual permissions")
	}
	gained := slices.DeleteFunc(slices.Clone(u.Permissions), func(p countersign.Permission) bool { return slices.Contains(old.Permissions, p) })
	if err := l.knows(gained); err != nil {
		return err
	}
	err = l.putUser(&old, u)
	return err
}

func (l *ledger) turnState(id countersign.UserID, from, to countersign.UserState) error {
	old, err := l.user("user_id", id)
	if err != nil {
		return err
	}
	if old.State == to {
		return nil
	}
	if old.State != from {
		return wrongState(old.State, "must be "+string(from))
	}
	u := old
	u.State = to
	err = l.putUser(&old, u)
	return err
}

func wrongState(state countersign.UserState, wanted string) error {
	return &countersign.Error{
		Kind: countersign.Refused, Code: "wrong_state", Field: "user_id",
		Message: "the user is " + string(state) + " and " + wanted + " for this",
		Detail:  map[string]string{"state": string(state)},
	}
}

// resetDevice ends every credential, so that a lost device is worth nothing.
func (l *ledger) resetDevice(c *countersign.ResetDevice) error {
	old, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	if old.Type != countersign.Person && old.Type != countersign.APISigner {
		return countersign.E(countersign.Invalid, "user_id", "names a user of type "+string(old.Type)+", who has no device; revoke his credentials instead")
	}
	if old.State != countersign.UserActive {
		return wrongState(old.State, "must be active")
	}
	u := old
	u.State, u.DeviceResetBy = countersign.UserResetDeviceCode, l.requester()
	if err := l.putUser(&old, u); err != nil {
		return err
	}
	return l.revokeAll(c.UserID)
}

func (l *ledger) deleteUser(c *countersign.DeleteUser) error {
	old, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	u := old
	u.State = countersign.UserDeleted
	if err := l.putUser(&old, u); err != nil {
		return err
	}
	if err := l.leaveAll(c.UserID); err != nil {
		return err
	}
	return l.revokeAll(c.UserID)
}

// leaveAll ends every membership of a user, in one statement however many.
func (l *ledger) leaveAll(id countersign.UserID) error {
	var list []countersign.Membership
	err := l.w.tx.MembershipsOfUser(l.w.ctx, id, func(m countersign.Membership) error {
		list = append(list, m)
		return nil
	})
	if err != nil || len(list) == 0 {
		return err
	}
	for _, m := range list {
		l.bookRemoval(m)
		if err := l.touchMembers(m.GroupID); err != nil {
			return err
		}
	}
	return l.w.tx.RemoveMembershipsOfUser(l.w.ctx, id, l.position, l.w.now)
}

// bookRemoval books the end of a membership that a bulk statement removes.
func (l *ledger) bookRemoval(m countersign.Membership) {
	gone := m
	gone.State = countersign.MembershipRemoved
	l.move(countersign.MembershipFact(m.UserID, m.GroupID), m.Version, membershipFields(m), membershipFields(gone))
	l.moved[countersign.GroupMembersFact(m.GroupID)] = true
}
