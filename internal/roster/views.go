package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// rowAt returns the user as readers see him now: the stored row, else the one
// that the oldest open request would create, else nothing.
func (n *userNode) rowAt(now time.Time) *userRow {
	if n.row != nil {
		return n.row
	}
	birth, _ := oldest(n.births, now)
	return birth
}

func (n *groupNode) rowAt(now time.Time) *groupRow {
	if n.row != nil {
		return n.row
	}
	birth, _ := oldest(n.births, now)
	return birth
}

// joins reports whether an addition is to be seen now: its request is open, no
// older one would add the same pair, user and group are there, and he is not in
// the group already.
func (s *state) joins(m *memberRow, now time.Time) bool {
	if !s.stillComing(m, now) || m.user.linked(m.group) != nil {
		return false
	}
	for _, earlier := range m.user.additions {
		if earlier == m {
			break
		}
		if earlier.group == m.group && s.stillComing(earlier, now) {
			return false
		}
	}
	user, group := m.user.rowAt(now), m.group.rowAt(now)
	return user != nil && user.Living() && group != nil && group.Living()
}

// stillComing reports whether an addition's request is open and its id not yet taken.
func (s *state) stillComing(m *memberRow, now time.Time) bool {
	if !m.born.openAt(now) {
		return false
	}
	stored, ok := s.memberships[m.id]
	return !ok || stored.state == ""
}

// linked returns the user's living membership in a group, or nil.
func (n *userNode) linked(g *groupNode) *memberRow {
	for i := range n.links {
		if n.links[i].group == g {
			return n.links[i].m
		}
	}
	return nil
}

// stateAt returns the state of a membership as readers see it, and the request
// that would move it: the oldest that would remove it, else the oldest that
// would alter it. A removed membership is beyond any request.
func (m *memberRow) stateAt(now time.Time) (countersign.MembershipState, countersign.ChangeID) {
	if m.born != nil {
		return m.state, m.born.ID
	}
	if !m.living() {
		return m.state, ""
	}
	var removes, alters *changeRow
	for _, k := range m.marks {
		switch {
		case !k.change.openAt(now):
		case k.does == removesMember && removes == nil:
			removes = k.change
		case k.does != removesMember && alters == nil:
			alters = k.change
		}
	}
	for _, r := range m.group.replaces {
		if _, stays := r.keeps[m.user.id]; stays || !r.change.openAt(now) {
			continue
		}
		if removes == nil || r.change.older(removes) < 0 {
			removes = r.change
		}
		break
	}
	switch {
	case removes != nil:
		return countersign.MembershipPendingRemoval, removes.ID
	case alters != nil:
		return m.state, alters.ID
	default:
		return m.state, ""
	}
}

// userView makes a view that shares nothing with the row.
func (s *state) userView(n *userNode, row *userRow, now time.Time) countersign.UserView {
	v := countersign.UserView{User: row.User, Groups: s.groupRefs(n, now)}
	v.Permissions = slices.Clone(row.Permissions)
	v.AllowedIPs = slices.Clone(row.AllowedIPs)
	v.PendingChange, v.PendingRole = n.pending(row, now)
	return v
}

// pending names the request that would create him; else the oldest that would
// move his role or state; else the oldest other one about him. The role is that
// of the oldest request that would change it.
func (n *userNode) pending(row *userRow, now time.Time) (id countersign.ChangeID, role countersign.Role) {
	var moves, alters countersign.ChangeID
	for _, k := range n.marks {
		if !k.change.openAt(now) {
			continue
		}
		if k.role != countersign.NoRole && role == countersign.NoRole {
			role = k.role
		}
		if k.does == movesUser {
			moves = cmp.Or(moves, k.change.ID)
		} else {
			alters = cmp.Or(alters, k.change.ID)
		}
	}
	if row.born != nil {
		return row.born.ID, role
	}
	return cmp.Or(moves, alters), role
}

// groupRefs lists the groups a user is or would be in, by folded name, then id.
func (s *state) groupRefs(n *userNode, now time.Time) []countersign.GroupRef {
	type named struct {
		name string
		ref  countersign.GroupRef
	}
	var list []named
	add := func(m *memberRow) {
		state, _ := m.stateAt(now)
		entry := named{ref: countersign.GroupRef{ID: m.group.id, MembershipID: m.id, Membership: state, Role: m.role}}
		if g := m.group.rowAt(now); g != nil {
			entry.name = g.name
			entry.ref.Number, entry.ref.Name, entry.ref.State = g.Number, g.Name, g.State
		}
		list = append(list, entry)
	}
	for i := range n.links {
		add(n.links[i].m)
	}
	for _, m := range n.additions {
		if s.joins(m, now) {
			add(m)
		}
	}
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(strings.Compare(a.name, b.name),
			strings.Compare(string(a.ref.ID), string(b.ref.ID)),
			strings.Compare(string(a.ref.MembershipID), string(b.ref.MembershipID)))
	})
	refs := make([]countersign.GroupRef, len(list))
	for i := range list {
		refs[i] = list[i].ref
	}
	return refs
}

// groupView makes a view that shares nothing with the row.
func (n *groupNode) view(row *groupRow, now time.Time) countersign.GroupView {
	v := countersign.GroupView{Group: row.Group, UsersCount: len(n.members), AdminsCount: n.admins}
	v.Permissions = slices.Clone(row.Permissions)
	// The row's own copy is as old as the row; memberships are followed themselves.
	v.MembersVersion = n.membersVersion
	if k, ok := oldest(n.marks, now); ok {
		v.PendingChange = k.change.ID
	}
	return v
}

func (m *memberRow) view(now time.Time) countersign.MembershipView {
	v := countersign.MembershipView{Membership: m.membership()}
	v.State, v.PendingChange = m.stateAt(now)
	if u := m.user.rowAt(now); u != nil {
		v.UserName, v.UserType = u.Name, u.Type
	}
	if g := m.group.rowAt(now); g != nil {
		v.GroupName = g.Name
	}
	return v
}
