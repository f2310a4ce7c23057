package roster

import (
	"time"

	"github.com/countersign/countersign"
)

func (p *Picture) findUser(hash uint64, id *uuid) (uint32, bool) { return find(&p.users, hash, id) }

func (p *Picture) findGroup(hash uint64, id *uuid) (uint32, bool) { return find(&p.groups, hash, id) }

func (p *Picture) findMember(hash uint64, id *uuid) (uint32, bool) { return find(&p.members, hash, id) }

// userRow finds a stored user that is to be seen.
func (p *Picture) userRow(id *uuid) (uint32, bool) {
	row, ok := p.findUser(p.common.hash(id), id)
	if ok && !p.cold {
		c, i := p.users.at(row)
		ok = c.state(i) != userDeleted
	}
	return row, ok
}

func (p *Picture) groupRow(id *uuid) (uint32, bool) {
	row, ok := p.findGroup(p.common.hash(id), id)
	if ok && !p.cold {
		c, i := p.groups.at(row)
		ok = c.state[i] != groupDeleted
	}
	return row, ok
}

func (p *Picture) memberRow(id *uuid) (uint32, bool) { return p.findMember(p.common.hash(id), id) }

func (p *Picture) userID(row uint32) *uuid {
	c, i := p.users.at(row)
	return &c.id[i]
}

func (p *Picture) groupID(row uint32) *uuid {
	c, i := p.groups.at(row)
	return &c.id[i]
}

// person gathers all that is known about one user: the stored row, if there is
// one, and what open requests would make of it.
type person struct {
	id uuid
	// c and i are where the stored row is; c is nil for none.
	c    *userChunk
	i    uint32
	row  uint32
	hung *userPending
}

// person looks an id up; one that is no UUID names nobody.
func (p *Picture) person(text countersign.UserID) person {
	id, ok := parseID(text)
	if !ok {
		return person{}
	}
	return p.personByID(&id)
}

func (p *Picture) personByID(id *uuid) person {
	n := person{id: *id, hung: p.pendingUser(id)}
	if row, ok := p.userRow(id); ok {
		n.row = row
		n.c, n.i = p.users.at(row)
	}
	return n
}

func (p *Picture) personAt(row uint32) person {
	c, i := p.users.at(row)
	return person{id: c.id[i], c: c, i: i, row: row, hung: p.pendingUser(&c.id[i])}
}

// birth returns the user that the oldest open request would create under this
// id; nil when there is none, or a stored row.
func (n *person) birth(now time.Time) *userBirth {
	if n.c != nil || n.hung == nil {
		return nil
	}
	birth, _ := oldest(n.hung.births, now)
	return birth
}

func (n *person) exists(now time.Time) bool { return n.c != nil || n.birth(now) != nil }

// living reports whether he is there and not deleted.
func (n *person) living(now time.Time) bool {
	if n.c != nil {
		return n.c.state(n.i) != userDeleted
	}
	return n.birth(now) != nil
}

func (n *person) active() bool { return n.c != nil && n.c.state(n.i) == userActive }

func (n *person) links() []link {
	if n.c == nil {
		return nil
	}
	return n.c.linksOf(n.i)
}

func (n *person) additions() []*addition {
	if n.hung == nil {
		return nil
	}
	return n.hung.additions
}

func (n *person) marks() []mark {
	if n.hung == nil {
		return nil
	}
	return n.hung.marks
}

// name and folded are empty for who is not there.
func (n *person) name(now time.Time) string {
	if n.c != nil {
		return n.c.rawName(n.i)
	}
	if birth := n.birth(now); birth != nil {
		return birth.Name
	}
	return ""
}

func (n *person) email(now time.Time) string {
	if n.c != nil {
		return n.c.rawEmail(n.i)
	}
	if birth := n.birth(now); birth != nil {
		return birth.Email
	}
	return ""
}

func (n *person) number(now time.Time) int64 {
	if n.c != nil {
		return n.c.number(n.i)
	}
	if birth := n.birth(now); birth != nil {
		return birth.Number
	}
	return 0
}

func (n *person) kind(now time.Time) countersign.UserType {
	if n.c != nil {
		return userTypes[n.c.kind(n.i)]
	}
	if birth := n.birth(now); birth != nil {
		return birth.Type
	}
	return ""
}

func (n *person) folded(now time.Time) []byte {
	if n.c != nil {
		return n.c.name(n.i)
	}
	if birth := n.birth(now); birth != nil {
		return []byte(birth.name)
	}
	return nil
}

// team is the same for a group.
type team struct {
	id   uuid
	c    *groupChunk
	i    uint32
	row  uint32
	hung *groupPending
}

func (p *Picture) team(text countersign.GroupID) team {
	id, ok := parseID(text)
	if !ok {
		return team{}
	}
	return p.teamByID(&id)
}

func (p *Picture) teamByID(id *uuid) team {
	n := team{id: *id, hung: p.pendingGroup(id)}
	if row, ok := p.groupRow(id); ok {
		n.row = row
		n.c, n.i = p.groups.at(row)
	}
	return n
}

func (p *Picture) teamAt(row uint32) team {
	c, i := p.groups.at(row)
	return team{id: c.id[i], c: c, i: i, row: row, hung: p.pendingGroup(&c.id[i])}
}

func (n *team) birth(now time.Time) *groupBirth {
	if n.c != nil || n.hung == nil {
		return nil
	}
	birth, _ := oldest(n.hung.births, now)
	return birth
}

func (n *team) exists(now time.Time) bool { return n.c != nil || n.birth(now) != nil }

func (n *team) living(now time.Time) bool {
	if n.c != nil {
		return n.c.state[n.i] != groupDeleted
	}
	return n.birth(now) != nil
}

// counts are how many effective members a stored group has, how many of them
// administer it, and how many are admins of the organization.
func (n *team) counts() (users, admins, roleAdmins int) {
	return n.c.members[n.i].len(), int(n.c.admins[n.i]), int(n.c.roleAdmins[n.i])
}

func (n *team) marks() []mark {
	if n.hung == nil {
		return nil
	}
	return n.hung.marks
}

func (n *team) name(now time.Time) string {
	if n.c != nil {
		return n.c.rawName(n.i)
	}
	if birth := n.birth(now); birth != nil {
		return birth.Name
	}
	return ""
}

func (n *team) number(now time.Time) int64 {
	if n.c != nil {
		return n.c.number(n.i)
	}
	if birth := n.birth(now); birth != nil {
		return birth.Number
	}
	return 0
}

func (n *team) folded(now time.Time) []byte {
	if n.c != nil {
		return n.c.name(n.i)
	}
	if birth := n.birth(now); birth != nil {
		return []byte(birth.name)
	}
	return nil
}

// grants returns what the members of a group receive.
func (p *Picture) grants(group uint32) *permSet {
	c, i := p.groups.at(group)
	return c.grants[i]
}

// linked returns the user's living membership in a group.
func (p *Picture) linked(n *person, group *uuid) (member uint32, ok bool) {
	links := n.links()
	if len(links) == 0 {
		return 0, false
	}
	row, ok := p.findGroup(p.common.hash(group), group)
	if !ok {
		return 0, false
	}
	for _, l := range links {
		if l.groupRow() == row {
			return l.member, true
		}
	}
	return 0, false
}

// grantsAt reports whether a living membership gives something at a moment.
func (p *Picture) grantsAt(l link, at int64) bool {
	if l.group&bounded == 0 {
		return true
	}
	c, i := p.members.at(l.member)
	return c.grantsAt(i, at)
}

// joins reports whether an addition is to be seen now: its request is open, no
// older one would add the same pair, user and group are there, and he is not in
// the group already.
func (p *Picture) joins(a *addition, now time.Time) bool {
	if !p.stillComing(a, now) {
		return false
	}
	user := p.personByID(&a.user)
	if _, in := p.linked(&user, &a.group); in {
		return false
	}
	for _, earlier := range user.additions() {
		if earlier == a {
			break
		}
		if earlier.group == a.group && p.stillComing(earlier, now) {
			return false
		}
	}
	if !user.living(now) {
		return false
	}
	group := p.teamByID(&a.group)
	return group.living(now)
}

// stillComing reports whether an addition's request is open and its id not yet taken.
func (p *Picture) stillComing(a *addition, now time.Time) bool {
	if !a.born.openAt(now) {
		return false
	}
	_, stored := p.memberRow(&a.id)
	return !stored
}

// stateAt returns the state of a stored membership as readers see it, and the
// request that would move it: the oldest that would remove it, else the oldest
// that would alter it. A removed membership is beyond any request.
func (p *Picture) stateAt(row uint32, now time.Time) (countersign.MembershipState, countersign.ChangeID) {
	c, i := p.members.at(row)
	state := memberStates[c.state(i)]
	if c.state(i) != memberActive || len(p.pending.changes) == 0 {
		return state, ""
	}
	var removes, alters *cause
	if n := p.pendingMember(&c.id[i]); n != nil {
		for _, k := range n.marks {
			switch {
			case !k.change.openAt(now):
			case k.does == removesMember && removes == nil:
				removes = k.change
			case k.does != removesMember && alters == nil:
				alters = k.change
			}
		}
	}
	if g := p.pendingGroup(p.groupID(c.group[i])); g != nil && len(g.replaces) > 0 {
		user := p.userID(c.user[i])
		for _, r := range g.replaces {
			if _, stays := r.keeps[*user]; stays || !r.change.openAt(now) {
				continue
			}
			if removes == nil || r.change.older(removes) < 0 {
				removes = r.change
			}
			break
		}
	}
	switch {
	case removes != nil:
		return countersign.MembershipPendingRemoval, removes.ID
	case alters != nil:
		return state, alters.ID
	default:
		return state, ""
	}
}
