package roster

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// changeRow is one open change request. What it would do hangs on the nodes it
// names (births, additions, replaces, marks) and is taken off when it closes;
// whether it has expired is asked when a question is answered.
type changeRow struct {
	countersign.ChangeRequest
}

func (c *changeRow) openAt(now time.Time) bool { return now.Before(c.ExpiresAt) }

// older orders requests by age; the oldest one wins.
func (c *changeRow) older(d *changeRow) int {
	if order := c.CreatedAt.Compare(d.CreatedAt); order != 0 {
		return order
	}
	return strings.Compare(string(c.ID), string(d.ID))
}

// mark says that a request touches what it hangs on.
type mark struct {
	change *changeRow
	does   effect
	// role is the one a request would give a user.
	role countersign.Role
}

// effect is what a request would do, as far as readers are told.
type effect uint8

const (
	alters effect = iota
	// movesUser changes role or state of a user.
	movesUser
	// removesMember takes a membership away.
	removesMember
)

// replacement is a request that would keep only these members of a group.
type replacement struct {
	change *changeRow
	keeps  map[countersign.UserID]struct{}
}

// aged is what hangs on a node because of a request.
type aged interface{ cause() *changeRow }

func (k mark) cause() *changeRow        { return k.change }
func (r replacement) cause() *changeRow { return r.change }
func (m *memberRow) cause() *changeRow  { return m.born }
func (r *userRow) cause() *changeRow    { return r.born }
func (r *groupRow) cause() *changeRow   { return r.born }

// hang inserts by age of the request, after what hangs there because of the same one.
func hang[T aged](list []T, item T) []T {
	place := len(list)
	for place > 0 && list[place-1].cause().older(item.cause()) > 0 {
		place--
	}
	return slices.Insert(list, place, item)
}

// unhang takes off everything a request has put there.
func unhang[T aged](list []T, c *changeRow) []T {
	return slices.DeleteFunc(list, func(item T) bool { return item.cause() == c })
}

// oldest returns the oldest item whose request is open now.
func oldest[T aged](list []T, now time.Time) (T, bool) {
	for _, item := range list {
		if item.cause().openAt(now) {
			return item, true
		}
	}
	var none T
	return none, false
}

// installChange takes a request that moved: an open one is hung up, any other
// one taken off. What it asks for never changes, so an open one that only
// gathered votes stays where it hangs.
func (s *state) installChange(r countersign.ChangeRequest) {
	row, known := s.changes[r.ID]
	switch {
	case known && r.State.Open():
		row.ChangeRequest = r
	case known:
		delete(s.changes, r.ID)
		for _, op := range row.Operations {
			s.takeOff(row, op)
		}
	case r.State.Open():
		row = &changeRow{ChangeRequest: r}
		s.changes[r.ID] = row
		for _, op := range row.Operations {
			s.hangUp(row, op)
		}
	}
}

// hangUp puts one operation on the nodes it names.
func (s *state) hangUp(c *changeRow, op countersign.Change) {
	if birth, ok := userBorn(c, op); ok {
		n := s.user(birth.ID)
		n.births = hang(n.births, birth)
	}
	if birth, ok := groupBorn(c, op); ok {
		n := s.group(birth.ID)
		n.births = hang(n.births, birth)
	}
	for _, a := range addedMemberships(op) {
		m := s.prospect(c, a)
		m.user.additions = hang(m.user.additions, m)
		m.group.additions = hang(m.group.additions, m)
		s.additions[m.id] = hang(s.additions[m.id], m)
	}
	if op, ok := op.(*countersign.ReplaceMembers); ok {
		n := s.group(op.GroupID)
		keeps := make(map[countersign.UserID]struct{}, len(op.MemberIDs))
		for _, id := range op.MemberIDs {
			keeps[id] = struct{}{}
		}
		n.replaces = hang(n.replaces, replacement{change: c, keeps: keeps})
	}
	if id, does, role := userTouched(op); id != "" {
		n := s.user(id)
		n.marks = hang(n.marks, mark{change: c, does: does, role: role})
	}
	for _, id := range groupsTouched(op) {
		n := s.group(id)
		n.marks = hang(n.marks, mark{change: c})
	}
	if id, does := membershipTouched(op); id != "" {
		s.markMembership(id, mark{change: c, does: does})
	}
}

// takeOff is hangUp undone. The order matters only for the nodes, which are
// forgotten once nothing is left on them.
func (s *state) takeOff(c *changeRow, op countersign.Change) {
	if birth, ok := userBorn(c, op); ok {
		s.strip(birth.ID, c)
	}
	if birth, ok := groupBorn(c, op); ok {
		s.stripGroup(birth.ID, c)
	}
	for _, a := range addedMemberships(op) {
		s.strip(a.UserID, c)
		s.stripGroup(a.GroupID, c)
		if rest := unhang(s.additions[a.MembershipID], c); len(rest) == 0 {
			delete(s.additions, a.MembershipID)
		} else {
			s.additions[a.MembershipID] = rest
		}
	}
	if id, _, _ := userTouched(op); id != "" {
		s.strip(id, c)
	}
	for _, id := range groupsTouched(op) {
		s.stripGroup(id, c)
	}
	if id, _ := membershipTouched(op); id != "" {
		s.unmarkMembership(id, c)
	}
}

func (s *state) strip(id countersign.UserID, c *changeRow) {
	n, ok := s.users[id]
	if !ok {
		return
	}
	n.births, n.additions, n.marks = unhang(n.births, c), unhang(n.additions, c), unhang(n.marks, c)
	s.forgetUser(n)
}

func (s *state) stripGroup(id countersign.GroupID, c *changeRow) {
	n, ok := s.groupsByID[id]
	if !ok {
		return
	}
	n.births, n.additions = unhang(n.births, c), unhang(n.additions, c)
	n.marks, n.replaces = unhang(n.marks, c), unhang(n.replaces, c)
	s.forgetGroup(n)
}

// markMembership marks a membership and its group.
func (s *state) markMembership(id countersign.MembershipID, k mark) {
	row, ok := s.memberships[id]
	if !ok {
		row = &memberRow{id: id}
		s.memberships[id] = row
	}
	row.marks = hang(row.marks, k)
	if row.group != nil {
		row.group.marks = hang(row.group.marks, k)
	}
}

func (s *state) unmarkMembership(id countersign.MembershipID, c *changeRow) {
	row, ok := s.memberships[id]
	if !ok {
		return
	}
	row.marks = unhang(row.marks, c)
	switch {
	case row.group != nil:
		s.stripGroup(row.group.id, c)
	case len(row.marks) == 0:
		delete(s.memberships, id)
	}
}

// prospect makes the membership an open request would create.
func (s *state) prospect(c *changeRow, a countersign.AddMembership) *memberRow {
	at := c.CreatedAt.UnixMicro()
	m := &memberRow{
		id: a.MembershipID, number: a.Number, user: s.user(a.UserID), group: s.group(a.GroupID),
		role: a.Role, state: countersign.MembershipPendingAddition,
		starts: a.StartsAt.Value.UnixMicro(), expires: a.ExpiresAt.Value.UnixMicro(),
		created: at, modified: at, born: c,
	}
	if m.role == "" {
		m.role = countersign.GroupMember
	}
	m.switches = countersign.ResolveConfigurable(a.Configurable, m.role, false, countersign.ConfigurablePermissions{})
	return m
}

// userBorn returns the user an operation would create.
func userBorn(c *changeRow, op countersign.Change) (*userRow, bool) {
	u := countersign.User{State: countersign.UserPendingApproval, CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt}
	switch op := op.(type) {
	case *countersign.InvitePerson:
		u.ID, u.Number, u.Type, u.Role = op.UserID, op.Number, countersign.Person, op.Role
		u.Name, u.Email, u.InvitedBy = op.Name, op.Email, c.Requester
	case *countersign.CreateAPIUser:
		u.ID, u.Number, u.Type, u.Role, u.Name = op.UserID, op.Number, countersign.APIUser, op.Role, op.Name
		u.ResponsiblePersonID, u.AllowedIPs = op.ResponsiblePersonID, slices.Clone(op.AllowedIPs)
		u.Permissions = slices.Sorted(slices.Values(op.Permissions))
	case *countersign.CreateAPISigner:
		u.ID, u.Number, u.Type, u.Name = op.UserID, op.Number, countersign.APISigner, op.Name
		u.ResponsiblePersonID = op.ResponsiblePersonID
	case *countersign.CreateEndUser:
		u.ID, u.Number, u.Type, u.Name, u.ExternalID = op.UserID, op.Number, countersign.EndUser, op.Name, op.ExternalID
	default:
		return nil, false
	}
	return &userRow{User: u, name: names.Fold(u.Name), email: names.FoldEmail(u.Email), born: c}, true
}

// groupBorn returns the group an operation would create.
func groupBorn(c *changeRow, op countersign.Change) (*groupRow, bool) {
	create, ok := op.(*countersign.CreateGroup)
	if !ok {
		return nil, false
	}
	return &groupRow{
		Group: countersign.Group{
			ID: create.GroupID, Number: create.Number, Name: create.Name, Description: create.Description,
			Permissions:            slices.Sorted(slices.Values(create.Permissions)),
			ExternalSyncIdentifier: create.ExternalSyncIdentifier, Provenance: create.Provenance,
			Invitability: create.Invitability, MemberViewability: create.MemberViewability,
			State: countersign.GroupPendingApproval, CreatedBy: c.Requester, ModifiedBy: c.Requester,
			CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt,
		},
		name: names.Fold(create.Name), born: c,
	}, true
}

// addedMemberships returns the memberships an operation would create, with the
// ids they were allotted.
func addedMemberships(op countersign.Change) []countersign.AddMembership {
	var allotted []countersign.AllottedMembership
	switch op := op.(type) {
	case *countersign.AddMembership:
		return []countersign.AddMembership{*op}
	case *countersign.InvitePerson:
		allotted = op.Memberships
	case *countersign.CreateAPIUser:
		allotted = op.Memberships
	case *countersign.CreateGroup:
		allotted = op.Memberships
	case *countersign.ReplaceMembers:
		allotted = op.Memberships
	}
	added := make([]countersign.AddMembership, len(allotted))
	for i, a := range allotted {
		added[i] = countersign.AddMembership{MembershipID: a.MembershipID, Number: a.Number, UserID: a.UserID, GroupID: a.GroupID}
	}
	return added
}

// userTouched names the existing user an operation is about.
func userTouched(op countersign.Change) (countersign.UserID, effect, countersign.Role) {
	switch op := op.(type) {
	case *countersign.ChangeRole:
		return op.UserID, movesUser, op.Role
	case *countersign.MakeOnboardingCode:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.ActivateUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.ResetDevice:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.SuspendUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.ReactivateUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.DeleteUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.UpdateUser:
		return op.UserID, alters, countersign.NoRole
	case *countersign.GrantPermissions:
		return op.UserID, alters, countersign.NoRole
	case *countersign.RevokePermissions:
		return op.UserID, alters, countersign.NoRole
	case *countersign.SetPermissions:
		return op.UserID, alters, countersign.NoRole
	default:
		return "", alters, countersign.NoRole
	}
}

// groupsTouched names the groups an operation alters, or whose members it
// alters; those of membership operations that name only the membership are found
// through it.
func groupsTouched(op countersign.Change) []countersign.GroupID {
	switch op := op.(type) {
	case *countersign.CreateGroup:
		return []countersign.GroupID{op.GroupID}
	case *countersign.UpdateGroup:
		return []countersign.GroupID{op.GroupID}
	case *countersign.ReplaceMembers:
		return []countersign.GroupID{op.GroupID}
	case *countersign.DeleteGroup:
		return []countersign.GroupID{op.GroupID}
	case *countersign.AddMembership:
		return []countersign.GroupID{op.GroupID}
	case *countersign.InvitePerson:
		return op.GroupIDs
	case *countersign.CreateAPIUser:
		return op.GroupIDs
	default:
		return nil
	}
}

func membershipTouched(op countersign.Change) (countersign.MembershipID, effect) {
	switch op := op.(type) {
	case *countersign.UpdateMembership:
		return op.MembershipID, alters
	case *countersign.RemoveMembership:
		return op.MembershipID, removesMember
	default:
		return "", alters
	}
}
