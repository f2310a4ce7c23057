package roster

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// userEntry is a user as one question sees him.
type userEntry struct {
	n   *userNode
	row *userRow
}

// userMatch is a filter made ready: texts folded, lists made into sets.
type userMatch struct {
	f   *countersign.UserFilter
	now time.Time
	at  int64

	names       map[string]bool
	emails      map[string]bool
	externalIDs map[string]bool
	ids         map[countersign.UserID]bool
	excluded    map[countersign.UserID]bool
	groups      map[*groupNode]bool
	notGroups   map[*groupNode]bool
	text        string
	deleted     bool
	permission  uint32
	// nobody is set when the filter asks for a permission nobody ever had.
	nobody bool
}

// setOf makes a set of the values; nil for none, which does not filter.
func setOf[T any, K comparable](values []T, key func(T) K) map[K]bool {
	if len(values) == 0 {
		return nil
	}
	set := make(map[K]bool, len(values))
	for _, v := range values {
		set[key(v)] = true
	}
	return set
}

func same[T any](v T) T { return v }

func (s *state) groupSet(ids []countersign.GroupID) map[*groupNode]bool {
	return setOf(ids, func(id countersign.GroupID) *groupNode { return s.groupsByID[id] })
}

func (s *state) matchUsers(f *countersign.UserFilter, now time.Time) *userMatch {
	m := &userMatch{
		f: f, now: now, at: now.UnixMicro(),
		names: setOf(f.Names, names.Fold), emails: setOf(f.Emails, names.FoldEmail), externalIDs: setOf(f.ExternalIDs, same),
		ids: setOf(f.IDs, same), excluded: setOf(f.ExcludeIDs, same),
		groups: s.groupSet(f.GroupIDs), notGroups: s.groupSet(f.NotGroupIDs),
		text:    names.Fold(f.Text),
		deleted: f.IncludeDeleted || slices.Contains(f.States, countersign.UserDeleted),
	}
	if f.Permission != "" {
		id, ok := s.sets.ids[f.Permission]
		m.permission, m.nobody = id, !ok
	}
	return m
}

// row tells by the user's own fields.
func (m *userMatch) row(u *userRow) bool {
	f := m.f
	return (m.deleted || u.Living()) &&
		among(f.Types, u.Type) && among(f.Roles, u.Role) && among(f.States, u.State) &&
		within(m.names, u.name) && within(m.emails, u.email) && within(m.externalIDs, u.ExternalID) &&
		(m.ids == nil || m.ids[u.ID]) && !m.excluded[u.ID] &&
		(f.Only == "" || f.Only == u.ID) &&
		(m.text == "" || strings.Contains(u.name, m.text) || strings.Contains(u.email, m.text))
}

func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// within is true when the set does not filter, or holds the value; an absent
// value is no value.
func within(set map[string]bool, v string) bool { return set == nil || (v != "" && set[v]) }

// relations tells by memberships and permissions.
func (s *state) relations(m *userMatch, n *userNode) bool {
	if m.groups != nil && !s.inGroups(m, n) {
		return false
	}
	if m.notGroups != nil && slices.ContainsFunc(n.links, func(l link) bool { return m.notGroups[l.group] }) {
		return false
	}
	return m.f.Permission == "" || (!m.nobody && n.holds(m.permission, m.at))
}

// inGroups looks for a membership in one of the groups, in one of the states.
func (s *state) inGroups(m *userMatch, n *userNode) bool {
	states := m.f.GroupStates
	for i := range n.links {
		if !m.groups[n.links[i].group] {
			continue
		}
		if len(states) == 0 {
			return true
		}
		if state, _ := n.links[i].m.stateAt(m.now); slices.Contains(states, state) {
			return true
		}
	}
	return among(states, countersign.MembershipPendingAddition) && slices.ContainsFunc(n.additions, func(a *memberRow) bool {
		return m.groups[a.group] && s.joins(a, m.now)
	})
}

// candidates walks the fewest users that can match, each once.
func (s *state) candidates(m *userMatch, visit func(*userNode)) {
	switch {
	case m.f.Only != "":
		if n, ok := s.users[m.f.Only]; ok {
			visit(n)
		}
	case m.ids != nil:
		for id := range m.ids {
			if n, ok := s.users[id]; ok {
				visit(n)
			}
		}
	case m.groups != nil:
		seen := map[*userNode]bool{}
		once := func(n *userNode) {
			if !seen[n] {
				seen[n] = true
				visit(n)
			}
		}
		for g := range m.groups {
			if g == nil {
				continue
			}
			for _, member := range g.members {
				once(member.user)
			}
			for _, addition := range g.additions {
				once(addition.user)
			}
		}
	default:
		for _, n := range s.people {
			visit(n)
		}
	}
}

func userField(field string) (compare[userEntry], bool) {
	switch field {
	case "role":
		return byText(func(e userEntry) countersign.Role { return e.row.Role }), true
	case "email":
		return byText(func(e userEntry) string { return e.row.email }), true
	case "created":
		return byTime(func(e userEntry) time.Time { return e.row.CreatedAt }), true
	case "name":
		return byText(func(e userEntry) string { return e.row.name }), true
	case "last_keep_alive":
		return byTime(func(e userEntry) time.Time { return e.row.LastKeepAliveAt }), true
	case "state":
		return byText(func(e userEntry) countersign.UserState { return e.row.State }), true
	case "type":
		return byText(func(e userEntry) countersign.UserType { return e.row.Type }), true
	default:
		return nil, false
	}
}

func userOrder(sort []countersign.SortKey) (compare[userEntry], error) {
	name, _ := userField("name")
	created, _ := userField("created")
	id := byText(func(e userEntry) countersign.UserID { return e.row.ID })
	return chain(sort, userField, name, created, id)
}

func (s *state) listUsers(f *countersign.UserFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.UserView], error) {
	list := List[countersign.UserView]{Revision: s.position}
	order, err := userOrder(sort)
	if err != nil {
		return list, err
	}
	match := s.matchUsers(f, now)
	var rows []userEntry
	s.candidates(match, func(n *userNode) {
		if row := n.rowAt(now); row != nil && match.row(row) && s.relations(match, n) {
			rows = append(rows, userEntry{n, row})
		}
	})
	total := len(rows)
	page, more, err := cut(rows, order, p, func(id string) (userEntry, bool) {
		n, ok := s.users[countersign.UserID(id)]
		if !ok {
			return userEntry{}, false
		}
		row := n.rowAt(now)
		return userEntry{n, row}, row != nil
	})
	if err != nil {
		return list, err
	}
	list.Total, list.More = total, more
	list.Items = make([]countersign.UserView, len(page))
	for i, e := range page {
		list.Items[i] = s.userView(e.n, e.row, now)
	}
	return list, nil
}
