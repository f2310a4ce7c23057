package engine

import (
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// group loads a group an operation is about; deleted groups cannot be changed.
func (l *ledger) group(field string, id countersign.GroupID) (countersign.Group, error) {
	g, err := l.w.tx.Group(l.w.ctx, id)
	if isKind(err, countersign.NotFound) || (err == nil && !g.Living()) {
		return g, countersign.Code(countersign.NotFound, "group_unknown", field, "names no group")
	}
	if err == nil {
		l.rely(countersign.GroupStateFact(id), g.StateVersion)
	}
	return g, err
}

func (l *ledger) nameFree(name string, but countersign.GroupID) error {
	other, err := l.w.tx.LivingGroupByName(l.w.ctx, names.Fold(name))
	if err == nil && other.ID != but {
		return &countersign.Error{
			Kind: countersign.Exists, Code: "name_taken", Field: "name", Message: "belongs to another group of the organization",
			Detail: map[string]string{"group_id": string(other.ID)},
		}
	}
	return ignoreMissing(err)
}

func (l *ledger) createGroup(c *countersign.CreateGroup) error {
	if err := l.nameFree(c.Name, ""); err != nil {
		return err
	}
	if err := l.knows(c.Permissions); err != nil {
		return err
	}
	err := l.putGroup(nil, countersign.Group{
		ID: c.GroupID, Number: c.Number, Name: c.Name, Description: c.Description, Permissions: sorted(c.Permissions),
		ExternalSyncIdentifier: c.ExternalSyncIdentifier, Provenance: c.Provenance,
		Invitability: c.Invitability, MemberViewability: c.MemberViewability,
		State: countersign.GroupActive, CreatedBy: l.requester(), CreatedAt: l.w.now,
	})
	if err != nil {
		return err
	}
	return l.join("member_ids", c.Memberships)
}

func (l *ledger) updateGroup(c *countersign.UpdateGroup) error {
	old, err := l.group("group_id", c.GroupID)
	if err != nil {
		return err
	}
	if c.Name.Set {
		if err := l.nameFree(c.Name.Value, old.ID); err != nil {
			return err
		}
	}
	if c.Name.Set || c.Description.Set || c.ExternalSyncIdentifier.Set || c.Provenance.Set || c.Invitability.Set || c.MemberViewability.Set {
		l.rely(countersign.GroupFact(old.ID), old.AttributesVersion)
	}
	g := old
	g.Name, g.Description = c.Name.Or(g.Name), c.Description.Or(g.Description)
	g.ExternalSyncIdentifier, g.Provenance = c.ExternalSyncIdentifier.Or(g.ExternalSyncIdentifier), c.Provenance.Or(g.Provenance)
	g.Invitability, g.MemberViewability = c.Invitability.Or(g.Invitability), c.MemberViewability.Or(g.MemberViewability)
	if c.Permissions.Set {
		if err := l.regrant(&g, c.Permissions.Value); err != nil {
			return err
		}
	}
	err = l.putGroup(&old, g)
	return err
}

// regrant replaces a group's permissions. Who is in the group is part of what
// approvers see of such a change, so the request relies on it (docs/adr/0005).
func (l *ledger) regrant(g *countersign.Group, given []countersign.Permission) error {
	gained := slices.DeleteFunc(slices.Clone(given), func(p countersign.Permission) bool { return slices.Contains(g.Permissions, p) })
	if err := l.knows(gained); err != nil {
		return err
	}
	g.Permissions = sorted(given)
	l.rely(countersign.GroupPermissionsFact(g.ID), g.PermissionsVersion)
	l.relyOnMembers(g.ID, g.MembersVersion)
	return nil
}

func (l *ledger) deleteGroup(c *countersign.DeleteGroup) error {
	old, err := l.group("group_id", c.GroupID)
	if err != nil {
		return err
	}
	g := old
	g.State = countersign.GroupDeleted
	if err := l.putGroup(&old, g); err != nil {
		return err
	}
	list, err := l.members(c.GroupID)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, m := range list {
		l.bookRemoval(m)
	}
	if err := l.touchMembers(c.GroupID); err != nil {
		return err
	}
	return l.w.tx.RemoveMembershipsOfGroup(l.w.ctx, c.GroupID, l.position, l.w.now)
}

func (l *ledger) members(id countersign.GroupID) ([]countersign.Membership, error) {
	var list []countersign.Membership
	err := l.w.tx.MembershipsOfGroup(l.w.ctx, id, func(m countersign.Membership) error {
		list = append(list, m)
		return nil
	})
	return list, err
}

// replaceMembers relies on the group's members as a whole: approvers saw who
// joins and who leaves.
func (l *ledger) replaceMembers(c *countersign.ReplaceMembers) error {
	g, err := l.group("group_id", c.GroupID)
	if err != nil {
		return err
	}
	l.relyOnMembers(g.ID, g.MembersVersion)
	l.relyOnGroup(g)
	list, err := l.members(c.GroupID)
	if err != nil {
		return err
	}
	wanted := make(map[countersign.UserID]bool, len(c.MemberIDs))
	for _, id := range c.MemberIDs {
		wanted[id] = true
	}
	for _, m := range list {
		if wanted[m.UserID] {
			continue
		}
		if err := l.remove(m); err != nil {
			return err
		}
	}
	return l.join("member_ids", c.Memberships)
}

// join adds ordinary members with ids allotted beforehand.
func (l *ledger) join(field string, list []countersign.AllottedMembership) error {
	for _, a := range list {
		err := l.enter(field, countersign.Membership{
			ID: a.MembershipID, Number: a.Number, UserID: a.UserID, GroupID: a.GroupID, Role: countersign.GroupMember,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// enter adds one membership; field names the input at fault when it cannot.
func (l *ledger) enter(field string, m countersign.Membership) error {
	userField, groupField := field, field
	if field == "" {
		userField, groupField = "user_id", "group_id"
	}
	u, err := l.user(userField, m.UserID)
	if err != nil {
		return err
	}
	if !u.Type.CanHoldMembership() {
		return countersign.Code(countersign.Invalid, "not_a_member_type", userField, "only people and API users can be in groups; this is a user of type "+string(u.Type))
	}
	g, err := l.group(groupField, m.GroupID)
	if err != nil {
		return err
	}
	l.relyOnGroup(g)
	from := int64(0)
	present, err := l.w.tx.MembershipOf(l.w.ctx, m.UserID, m.GroupID)
	switch {
	case isKind(err, countersign.NotFound):
	case err != nil:
		return err
	case present.State != countersign.MembershipRemoved:
		return &countersign.Error{
			Kind: countersign.Exists, Code: "already_member", Field: userField, Message: "is already in the group",
			Detail: map[string]string{"membership_id": string(present.ID)},
		}
	default:
		from = present.Version
	}
	m.State, m.CreatedAt = countersign.MembershipActive, l.w.now
	if _, err := l.putMembership(nil, m, from); err != nil {
		return err
	}
	return l.touchMembers(m.GroupID)
}

// relyOnGroup books what the approver of a new member saw of the group: its name
// and what it grants (B.4).
func (l *ledger) relyOnGroup(g countersign.Group) {
	l.rely(countersign.GroupFact(g.ID), g.AttributesVersion)
	l.rely(countersign.GroupPermissionsFact(g.ID), g.PermissionsVersion)
}

// relyOnMembers books that the batch depends on who is in a group. What an
// earlier operation of the batch made of that is no version anybody else will
// ever see: such a request would be stale from birth.
func (l *ledger) relyOnMembers(id countersign.GroupID, version int64) {
	if before, moved := l.membersBefore[id]; moved {
		version = before
	}
	l.rely(countersign.GroupMembersFact(id), version)
}

// touchMembers records that who is in a group moves.
func (l *ledger) touchMembers(id countersign.GroupID) error {
	if _, moved := l.membersBefore[id]; !moved {
		g, err := l.w.tx.Group(l.w.ctx, id)
		if err != nil {
			return err
		}
		l.membersBefore[id] = g.MembersVersion
	}
	return l.w.tx.TouchMembers(l.w.ctx, id, l.position)
}

func (l *ledger) remove(m countersign.Membership) error {
	gone := m
	gone.State = countersign.MembershipRemoved
	if _, err := l.putMembership(&m, gone, m.Version); err != nil {
		return err
	}
	return l.touchMembers(m.GroupID)
}

func (l *ledger) addMembership(c *countersign.AddMembership) error {
	return l.enter("", countersign.Membership{
		ID: c.MembershipID, Number: c.Number, UserID: c.UserID, GroupID: c.GroupID, Role: c.Role,
		Configurable: countersign.ResolveConfigurable(c.Configurable, c.Role, false, countersign.ConfigurablePermissions{}),
		StartsAt:     c.StartsAt.Value, ExpiresAt: c.ExpiresAt.Value,
	})
}

// membership loads a living membership an operation is about.
func (l *ledger) membership(id countersign.MembershipID) (countersign.Membership, error) {
	m, err := l.w.tx.Membership(l.w.ctx, id)
	if isKind(err, countersign.NotFound) || (err == nil && m.State == countersign.MembershipRemoved) {
		return m, countersign.Code(countersign.NotFound, "membership_unknown", "membership_id", "names no membership")
	}
	if err == nil {
		l.subjects = append(l.subjects, m.UserID)
	}
	return m, err
}

func (l *ledger) updateMembership(c *countersign.UpdateMembership) error {
	old, err := l.membership(c.MembershipID)
	if err != nil {
		return err
	}
	m := old
	m.Role = c.Role.Or(m.Role)
	m.Configurable = countersign.ResolveConfigurable(c.Configurable, m.Role, old.Role == countersign.GroupAdmin, old.Configurable)
	m.StartsAt, m.ExpiresAt = c.StartsAt.Or(m.StartsAt), c.ExpiresAt.Or(m.ExpiresAt)
	if !m.StartsAt.IsZero() && !m.ExpiresAt.IsZero() && !m.StartsAt.Before(m.ExpiresAt) {
		return countersign.E(countersign.Invalid, "expires_at", "must be after starts_at")
	}
	moved, err := l.putMembership(&old, m, old.Version)
	if err != nil || !moved {
		return err
	}
	return l.touchMembers(m.GroupID)
}

func (l *ledger) removeMembership(c *countersign.RemoveMembership) error {
	m, err := l.membership(c.MembershipID)
	if err != nil {
		return err
	}
	return l.remove(m)
}
