package roster

import (
	"time"

	"github.com/countersign/countersign"
)

// memberColumns gives the values memberships are ordered by.
type memberColumns struct {
	p         *Picture
	now       time.Time
	additions []*addition
}

func (l *memberColumns) member(ref uint32) member {
	if ref&born != 0 {
		return member{add: l.additions[ref&^born]}
	}
	return member{row: ref}
}

// note makes a reference to an addition.
func (l *memberColumns) note(a *addition) uint32 {
	l.additions = append(l.additions, a)
	return uint32(len(l.additions)-1) | born
}

func (l *memberColumns) number(ref uint32, _ field) uint64 {
	if ref&born != 0 {
		return ascending(l.additions[ref&^born].created)
	}
	c, i := l.p.members.at(ref)
	return ascending(c.stamps[c.stamp[i]].created)
}

func (l *memberColumns) text(ref uint32, f field) []byte {
	if ref&born != 0 {
		a := l.additions[ref&^born]
		switch f {
		case byUserName:
			n := l.p.personByID(&a.user)
			return n.folded(l.now)
		case byGroupName:
			n := l.p.teamByID(&a.group)
			return n.folded(l.now)
		default:
			return a.id[:]
		}
	}
	c, i := l.p.members.at(ref)
	switch f {
	case byUserName:
		u, k := l.p.users.at(c.user[i])
		return u.name(k)
	case byGroupName:
		g, k := l.p.groups.at(c.group[i])
		return g.name(k)
	default:
		return c.id[i][:]
	}
}

func (l *memberColumns) find(text string) (uint32, bool) {
	m, ok := l.p.findMembership(countersign.MembershipID(text), l.now)
	if !ok {
		return 0, false
	}
	if m.add != nil {
		return l.note(m.add), true
	}
	return m.row, true
}

func memberField(name string) (sortKey, bool) {
	switch name {
	case "created":
		return sortKey{field: byCreated, width: timeWidth}, true
	case "user_name":
		return sortKey{field: byUserName}, true
	case "group_name":
		return sortKey{field: byGroupName}, true
	default:
		return sortKey{}, false
	}
}

// memberFilter is a filter of memberships made ready.
type memberFilter struct {
	p   *Picture
	now time.Time
	// userIDs and groupIDs are nil when not asked for; users and groups are the
	// rows of those that are stored.
	userIDs, groupIDs map[uuid]bool
	users, groups     *rowSet
	roles             uint32
	// Which states are asked for.
	active, added, leaving, removed bool
}

func (p *Picture) newMemberFilter(f *countersign.MembershipFilter, now time.Time) *memberFilter {
	m := &memberFilter{p: p, now: now, userIDs: idSet(f.UserIDs), groupIDs: idSet(f.GroupIDs), roles: wordMask(memberRoles, f.Roles)}
	if f.Only != "" {
		only, ok := parseID(f.Only)
		ok = ok && (m.userIDs == nil || m.userIDs[only])
		m.userIDs = map[uuid]bool{}
		if ok {
			m.userIDs[only] = true
		}
	}
	m.users, m.groups = p.userRowSet(m.userIDs), p.groupRowSet(m.groupIDs)
	living := len(f.States) == 0
	m.active = living || contains(f.States, countersign.MembershipActive)
	m.added = living || contains(f.States, countersign.MembershipPendingAddition)
	m.leaving = living || contains(f.States, countersign.MembershipPendingRemoval)
	m.removed = contains(f.States, countersign.MembershipRemoved)
	return m
}

// row tells whether a stored membership matches.
func (m *memberFilter) row(c *memberChunk, i, row uint32) bool {
	if m.roles>>c.role(i)&1 == 0 || (m.users != nil && !m.users.has(c.user[i])) || (m.groups != nil && !m.groups.has(c.group[i])) {
		return false
	}
	switch c.state(i) {
	case memberRemoved:
		return m.removed
	case memberActive:
		if m.active == m.leaving || len(m.p.pending.changes) == 0 {
			return m.active
		}
		state, _ := m.p.stateAt(row, m.now)
		return m.leaving == (state == countersign.MembershipPendingRemoval)
	default:
		return false
	}
}

func (m *memberFilter) addition(a *addition) bool {
	return m.added && (m.userIDs == nil || m.userIDs[a.user]) && (m.groupIDs == nil || m.groupIDs[a.group]) &&
		m.roles&codeMask(memberRoles, []countersign.MembershipRole{a.role}) != 0 && m.p.joins(a, m.now)
}

// walk visits the fewest memberships that can match, each once.
func (m *memberFilter) walk(stored func(c *memberChunk, i, row uint32), addition func(*addition)) {
	p := m.p
	switch {
	case m.userIDs != nil:
		for id := range m.userIDs {
			n := p.personByID(&id)
			for _, l := range n.links() {
				c, i := p.members.at(l.member)
				stored(c, i, l.member)
			}
			for _, a := range n.additions() {
				addition(a)
			}
		}
	case m.groupIDs != nil:
		for id := range m.groupIDs {
			p.eachMemberOf(&id, stored)
			if n := p.pendingGroup(&id); n != nil {
				for _, a := range n.additions {
					addition(a)
				}
			}
		}
	default:
		p.eachMember(memberActive, stored)
		p.pending.members.each(func(_ *uuid, n *memberPending) bool {
			for _, a := range n.additions {
				addition(a)
			}
			return true
		})
	}
	if m.removed { // those are in nobody's list
		p.eachMember(memberRemoved, stored)
	}
}

// eachMember visits the rows in one state.
func (p *Picture) eachMember(state uint8, visit func(c *memberChunk, i, row uint32)) {
	for n := range p.members.chunks() {
		c := p.members.chunk(n)
		for i := range uint32(memberRows) {
			if c.state(i) == state {
				visit(c, i, n<<memberShift+i)
			}
		}
	}
}

// Memberships answers a list of memberships, and refuses as Users does.
func (p *Picture) Memberships(f countersign.MembershipFilter, sort []countersign.SortKey, page countersign.Page, now time.Time) (List[countersign.MembershipView], error) {
	list := List[countersign.MembershipView]{Revision: p.position}
	order, err := newOrdering(sort, memberField, sortKey{field: byID})
	if err != nil {
		return list, err
	}
	match := p.newMemberFilter(&f, now)
	if match.removed && !p.cold {
		return list, ErrCold
	}
	columns := &memberColumns{p: p, now: now}
	order.columns = columns
	picked, err := newPicker(order, page, columns.find)
	if err != nil {
		return list, err
	}
	match.walk(func(c *memberChunk, i, row uint32) {
		if match.row(c, i, row) {
			picked.add(row)
		}
	}, func(a *addition) {
		if match.addition(a) {
			picked.add(columns.note(a))
		}
	})
	refs, more := picked.page()
	list.Total, list.More = picked.matching, more
	list.Items = make([]countersign.MembershipView, len(refs))
	for i, ref := range refs {
		list.Items[i] = p.membershipView(columns.member(ref), now)
	}
	return list, nil
}
