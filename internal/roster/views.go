package roster

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// userView makes the view of a user who is there.
func (p *Picture) userView(n *person, now time.Time) countersign.UserView {
	v := countersign.UserView{Groups: p.groupRefs(n, now)}
	if birth := n.birth(now); birth != nil {
		v.User = birth.User
		v.Permissions = slices.Clone(birth.Permissions)
		v.AllowedIPs = slices.Clone(birth.AllowedIPs)
		v.Profile = maps.Clone(birth.Profile)
		v.PendingChange = birth.born.ID
	} else {
		v.User = n.c.user(n.i)
		v.PendingChange = n.pendingChange(now)
	}
	v.PendingRole, v.PendingRoleChange = n.pendingRole(now)
	return v
}

// pendingChange names the oldest request that would move his role or state; else
// the oldest other one about him.
func (n *person) pendingChange(now time.Time) countersign.ChangeID {
	var moves, alters countersign.ChangeID
	for _, k := range n.marks() {
		switch {
		case !k.change.openAt(now):
		case k.does == movesUser:
			moves = cmp.Or(moves, k.change.ID)
		default:
			alters = cmp.Or(alters, k.change.ID)
		}
	}
	return cmp.Or(moves, alters)
}

// pendingRole is that of the oldest request that would change his role.
func (n *person) pendingRole(now time.Time) (countersign.Role, countersign.ChangeID) {
	for _, k := range n.marks() {
		if k.role != countersign.NoRole && k.change.openAt(now) {
			return k.role, k.change.ID
		}
	}
	return countersign.NoRole, ""
}

// groupRefs lists the groups a user is or would be in, by folded name, then id.
func (p *Picture) groupRefs(n *person, now time.Time) []countersign.GroupRef {
	type named struct {
		name   []byte
		id     uuid
		member uuid
		ref    countersign.GroupRef
	}
	var list []named
	add := func(g *team, member uuid, state countersign.MembershipState, role countersign.MembershipRole) {
		entry := named{name: g.folded(now), id: g.id, member: member, ref: countersign.GroupRef{
			ID: countersign.GroupID(g.id.text()), MembershipID: countersign.MembershipID(member.text()), Membership: state, Role: role,
			Name: g.name(now),
		}}
		if g.c != nil {
			entry.ref.Number, entry.ref.State = g.c.number(g.i), groupStates[g.c.state[g.i]]
			entry.ref.UsersCount, _, entry.ref.RoleAdminsCount = g.counts()
		} else if birth := g.birth(now); birth != nil {
			entry.ref.Number, entry.ref.State = birth.Number, birth.State
		}
		list = append(list, entry)
	}
	for _, l := range n.links() {
		g := p.teamAt(l.groupRow())
		c, i := p.members.at(l.member)
		state, _ := p.stateAt(l.member, now)
		add(&g, c.id[i], state, memberRoles[c.role(i)])
	}
	for _, a := range n.additions() {
		if p.joins(a, now) {
			g := p.teamByID(&a.group)
			add(&g, a.id, countersign.MembershipPendingAddition, a.role)
		}
	}
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(bytes.Compare(a.name, b.name), bytes.Compare(a.id[:], b.id[:]), bytes.Compare(a.member[:], b.member[:]))
	})
	refs := make([]countersign.GroupRef, len(list))
	for i := range list {
		refs[i] = list[i].ref
	}
	return refs
}

// groupView makes the view of a group that is there.
func (p *Picture) groupView(n *team, now time.Time) countersign.GroupView {
	var v countersign.GroupView
	if birth := n.birth(now); birth != nil {
		v.Group = birth.Group
		v.Permissions = slices.Clone(birth.Permissions)
	} else {
		v.Group = n.c.group(n.i)
		v.UsersCount, v.AdminsCount, v.RoleAdminsCount = n.counts()
	}
	if k, ok := oldest(n.marks(), now); ok {
		v.PendingChange = k.change.ID
	}
	return v
}

// member is a membership as one question sees it: a stored row, or an addition.
type member struct {
	row uint32
	add *addition
}

// findMembership returns a stored membership, or else the addition with this id
// that is to be seen now.
func (p *Picture) findMembership(text countersign.MembershipID, now time.Time) (member, bool) {
	id, ok := parseID(text)
	if !ok {
		return member{}, false
	}
	if row, ok := p.memberRow(&id); ok {
		return member{row: row}, true
	}
	if n := p.pendingMember(&id); n != nil {
		for _, a := range n.additions {
			if p.joins(a, now) {
				return member{add: a}, true
			}
		}
	}
	return member{}, false
}

// people returns both sides of a membership.
func (p *Picture) people(m member) (person, team) {
	if m.add != nil {
		return p.personByID(&m.add.user), p.teamByID(&m.add.group)
	}
	c, i := p.members.at(m.row)
	return p.personAt(c.user[i]), p.teamAt(c.group[i])
}

func (p *Picture) membershipView(m member, now time.Time) countersign.MembershipView {
	user, group := p.people(m)
	v := countersign.MembershipView{
		UserName: user.name(now), UserEmail: user.email(now), UserType: user.kind(now), UserNumber: user.number(now),
		GroupName: group.name(now), GroupNumber: group.number(now),
	}
	if a := m.add; a != nil {
		v.Membership = countersign.Membership{
			ID: countersign.MembershipID(a.id.text()), Number: a.number, Role: a.role, Configurable: a.switches,
			StartsAt: fromMicro(a.starts), ExpiresAt: fromMicro(a.expires), State: countersign.MembershipPendingAddition,
			CreatedAt: fromMicro(a.created), ModifiedAt: fromMicro(a.created),
		}
		v.PendingChange = a.born.ID
	} else {
		c, i := p.members.at(m.row)
		v.Membership = c.membership(i)
		v.State, v.PendingChange = p.stateAt(m.row, now)
	}
	v.UserID, v.GroupID = countersign.UserID(user.id.text()), countersign.GroupID(group.id.text())
	return v
}
