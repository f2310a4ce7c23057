package roster

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// wouldGrant returns the oldest open request that alone, applied now, would make
// the user hold a permission; empty for none.
func (p *Picture) wouldGrant(n *person, permission countersign.Permission, now time.Time) countersign.ChangeID {
	for _, c := range p.requests(n, now) {
		trial := p.newTrial(n, permission, now)
		for _, op := range c.Operations {
			trial.apply(op)
		}
		if trial.holds() {
			return c.ID
		}
	}
	return ""
}

// requests returns the open requests that could give the user something, oldest
// first: those about him, about his memberships and about his groups.
func (p *Picture) requests(n *person, now time.Time) []*cause {
	if len(p.pending.changes) == 0 {
		return nil
	}
	found := map[*cause]bool{}
	add := func(c *cause) {
		if c.openAt(now) {
			found[c] = true
		}
	}
	if n.hung != nil {
		for _, birth := range n.hung.births {
			add(birth.born)
		}
	}
	for _, k := range n.marks() {
		add(k.change)
	}
	for _, a := range n.additions() {
		add(a.born)
	}
	for _, l := range n.links() {
		// Whatever alters the membership is marked on its group too.
		if g := p.pendingGroup(p.groupID(l.groupRow())); g != nil {
			for _, k := range g.marks {
				add(k.change)
			}
		}
	}
	list := make([]*cause, 0, len(found))
	for c := range found {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *cause) int { return a.older(b) })
	return list
}

// trial follows one permission of one user through the operations of a request.
type trial struct {
	picture *Picture
	user    countersign.UserID
	p       countersign.Permission
	now     time.Time

	exists, active, role, own bool
	// terms are his memberships.
	terms map[countersign.GroupID]countersign.Membership
	// groups are those the request has moved so far.
	groups map[countersign.GroupID]groupTrial
}

// groupTrial says whether a group is active and holds the permission.
type groupTrial struct{ active, holds bool }

func (p *Picture) newTrial(n *person, permission countersign.Permission, now time.Time) *trial {
	t := &trial{
		picture: p, user: countersign.UserID(n.id.text()), p: permission, now: now,
		terms: map[countersign.GroupID]countersign.Membership{}, groups: map[countersign.GroupID]groupTrial{},
	}
	if n.c != nil {
		t.exists, t.active = n.c.state(n.i) != userDeleted, n.active()
		t.role = slices.Contains(p.common.roles[n.c.role(n.i)].names(), permission)
		t.own = slices.Contains(n.c.perms[n.i].names(), permission)
	}
	for _, l := range n.links() {
		c, i := p.members.at(l.member)
		t.terms[countersign.GroupID(p.groupID(l.groupRow()).text())] = c.membership(i)
	}
	return t
}

// group returns a group as it is at this point of the request, and false for
// one that does not exist.
func (t *trial) group(id countersign.GroupID) (groupTrial, bool) {
	if g, moved := t.groups[id]; moved {
		return g, true
	}
	n := t.picture.team(id)
	if n.c == nil {
		return groupTrial{}, false
	}
	return groupTrial{active: n.c.state[n.i] == groupActive, holds: slices.Contains(n.c.perms[n.i].names(), t.p)}, true
}

func (t *trial) holds() bool {
	if !t.active {
		return false
	}
	if t.role || t.own {
		return true
	}
	for id, m := range t.terms {
		if g, _ := t.group(id); g.active && g.holds && m.GrantsAt(t.now) {
			return true
		}
	}
	return false
}

func (t *trial) apply(op countersign.Change) {
	t.applyToUser(op)
	t.applyToGroup(op)
	for _, a := range addedMemberships(op) {
		if _, already := t.terms[a.GroupID]; a.UserID == t.user && !already {
			t.terms[a.GroupID] = countersign.Membership{
				ID: a.MembershipID, State: countersign.MembershipActive, StartsAt: a.StartsAt.Value, ExpiresAt: a.ExpiresAt.Value,
			}
		}
	}
}

func (t *trial) applyToUser(op countersign.Change) {
	if id, _, _ := userTouched(op); id != "" && id != t.user {
		return
	}
	if birth, ok := userBorn(&cause{}, op); ok && birth.ID == t.user && !t.exists {
		t.exists, t.active = true, birth.Type == countersign.APIUser || birth.Type == countersign.EndUser // others enrol first
		t.role = slices.Contains(countersign.RolePermissions(birth.Role), t.p)
		t.own = slices.Contains(birth.Permissions, t.p)
		return
	}
	switch op := op.(type) {
	case *countersign.ChangeRole:
		t.role = slices.Contains(countersign.RolePermissions(op.Role), t.p)
	case *countersign.GrantPermissions:
		t.own = t.own || slices.Contains(op.Permissions, t.p)
	case *countersign.RevokePermissions:
		t.own = t.own && !slices.Contains(op.Permissions, t.p)
	case *countersign.SetPermissions:
		t.own = slices.Contains(op.Permissions, t.p)
	case *countersign.ActivateUser, *countersign.ReactivateUser:
		t.active = t.exists
	case *countersign.MakeOnboardingCode, *countersign.SuspendUser, *countersign.ResetDevice:
		t.active = false
	case *countersign.DeleteUser:
		t.exists, t.active = false, false
	}
}

func (t *trial) applyToGroup(op countersign.Change) {
	switch op := op.(type) {
	case *countersign.CreateGroup:
		if _, exists := t.group(op.GroupID); !exists {
			t.groups[op.GroupID] = groupTrial{active: true, holds: slices.Contains(op.Permissions, t.p)}
		}
	case *countersign.UpdateGroup:
		if g, exists := t.group(op.GroupID); exists && op.Permissions.Set {
			t.groups[op.GroupID] = groupTrial{active: g.active, holds: slices.Contains(op.Permissions.Value, t.p)}
		}
	case *countersign.DeleteGroup:
		if _, exists := t.group(op.GroupID); exists {
			t.groups[op.GroupID] = groupTrial{}
		}
	case *countersign.ReplaceMembers:
		if !slices.Contains(op.MemberIDs, t.user) {
			delete(t.terms, op.GroupID)
		}
	case *countersign.UpdateMembership:
		for g, m := range t.terms {
			if m.ID == op.MembershipID {
				m.StartsAt, m.ExpiresAt = op.StartsAt.Or(m.StartsAt), op.ExpiresAt.Or(m.ExpiresAt)
				t.terms[g] = m
			}
		}
	case *countersign.RemoveMembership:
		for g, m := range t.terms {
			if m.ID == op.MembershipID {
				delete(t.terms, g)
			}
		}
	}
}
