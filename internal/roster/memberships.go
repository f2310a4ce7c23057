package roster

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// memberEntry is a membership with the keys it is ordered by.
type memberEntry struct {
	m     *memberRow
	user  string
	group string
}

func (s *state) entry(m *memberRow, now time.Time) memberEntry {
	e := memberEntry{m: m}
	if u := m.user.rowAt(now); u != nil {
		e.user = u.name
	}
	if g := m.group.rowAt(now); g != nil {
		e.group = g.name
	}
	return e
}

// findMembership returns a stored membership, or else the addition with this id
// that is to be seen now.
func (s *state) findMembership(id countersign.MembershipID, now time.Time) (*memberRow, bool) {
	if m, ok := s.memberships[id]; ok && m.state != "" {
		return m, true
	}
	for _, m := range s.additions[id] {
		if s.joins(m, now) {
			return m, true
		}
	}
	return nil, false
}

type memberMatch struct {
	f      *countersign.MembershipFilter
	now    time.Time
	users  map[countersign.UserID]bool
	groups map[*groupNode]bool
	states []countersign.MembershipState
}

func (s *state) matchMemberships(f *countersign.MembershipFilter, now time.Time) *memberMatch {
	m := &memberMatch{f: f, now: now, users: setOf(f.UserIDs, same), groups: s.groupSet(f.GroupIDs), states: f.States}
	if len(m.states) == 0 {
		m.states = []countersign.MembershipState{
			countersign.MembershipActive, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval,
		}
	}
	return m
}

// holds tells by everything; an addition must also be one that is to be seen.
func (s *state) holds(match *memberMatch, m *memberRow) bool {
	f := match.f
	if (match.users != nil && !match.users[m.user.id]) || (match.groups != nil && !match.groups[m.group]) ||
		(f.Only != "" && f.Only != m.user.id) || !among(f.Roles, m.role) {
		return false
	}
	if state, _ := m.stateAt(match.now); !slices.Contains(match.states, state) {
		return false
	}
	return m.born == nil || s.joins(m, match.now)
}

// members walks the fewest memberships that can match, each once.
func (s *state) members(match *memberMatch, visit func(*memberRow)) {
	removed := slices.Contains(match.states, countersign.MembershipRemoved)
	ofUser := func(n *userNode) {
		for i := range n.links {
			visit(n.links[i].m)
		}
		for _, m := range n.additions {
			visit(m)
		}
		if removed {
			for _, m := range n.past {
				visit(m)
			}
		}
	}
	switch {
	case match.f.Only != "":
		if n, ok := s.users[match.f.Only]; ok {
			ofUser(n)
		}
	case match.users != nil:
		for id := range match.users {
			if n, ok := s.users[id]; ok {
				ofUser(n)
			}
		}
	case match.groups != nil && !removed:
		for g := range match.groups {
			if g == nil {
				continue
			}
			for _, m := range g.members {
				visit(m)
			}
			for _, m := range g.additions {
				visit(m)
			}
		}
	default:
		for _, n := range s.people {
			ofUser(n)
		}
	}
}

func memberField(field string) (compare[memberEntry], bool) {
	switch field {
	case "created":
		return byTime(func(e memberEntry) time.Time { return fromMicro(e.m.created) }), true
	case "user_name":
		return byText(func(e memberEntry) string { return e.user }), true
	case "group_name":
		return byText(func(e memberEntry) string { return e.group }), true
	default:
		return nil, false
	}
}

func memberOrder(sort []countersign.SortKey) (compare[memberEntry], error) {
	return chain(sort, memberField, byText(func(e memberEntry) countersign.MembershipID { return e.m.id }))
}

func (s *state) listMemberships(f *countersign.MembershipFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.MembershipView], error) {
	list := List[countersign.MembershipView]{Revision: s.position}
	order, err := memberOrder(sort)
	if err != nil {
		return list, err
	}
	match := s.matchMemberships(f, now)
	var rows []memberEntry
	s.members(match, func(m *memberRow) {
		if s.holds(match, m) {
			rows = append(rows, s.entry(m, now))
		}
	})
	total := len(rows)
	page, more, err := cut(rows, order, p, func(id string) (memberEntry, bool) {
		m, ok := s.findMembership(countersign.MembershipID(id), now)
		if !ok {
			return memberEntry{}, false
		}
		return s.entry(m, now), true
	})
	if err != nil {
		return list, err
	}
	list.Total, list.More = total, more
	list.Items = make([]countersign.MembershipView, len(page))
	for i, e := range page {
		list.Items[i] = e.m.view(now)
	}
	return list, nil
}
