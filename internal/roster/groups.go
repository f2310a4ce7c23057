package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// groupEntry is a group as one question sees it.
type groupEntry struct {
	n   *groupNode
	row *groupRow
}

type groupMatch struct {
	f          *countersign.GroupFilter
	states     []countersign.GroupState
	names      map[string]bool
	text       string
	ids        map[countersign.GroupID]bool
	excluded   map[countersign.GroupID]bool
	modifiedBy map[countersign.UserID]bool
	// users and memberOnly are sets of groups, found from the side of the users,
	// who are in fewer groups than groups have members.
	users      map[*groupNode]bool
	memberOnly map[*groupNode]bool
}

func (s *state) matchGroups(f *countersign.GroupFilter) *groupMatch {
	m := &groupMatch{
		f: f, states: f.States, names: setOf(f.Names, names.Fold), text: names.Fold(f.Text),
		ids: setOf(f.IDs, same), excluded: setOf(f.ExcludeIDs, same), modifiedBy: setOf(f.ModifiedBy, same),
	}
	if len(m.states) == 0 {
		m.states = []countersign.GroupState{countersign.GroupActive, countersign.GroupPendingApproval}
	}
	if len(f.UserIDs) > 0 {
		m.users = s.groupsOf(f.UserIDs...)
	}
	if f.MemberOnly != "" {
		m.memberOnly = s.groupsOf(f.MemberOnly)
	}
	return m
}

// groupsOf returns the groups in which one of the users is an effective member:
// pending additions not yet, pending removals still, whatever the term.
func (s *state) groupsOf(ids ...countersign.UserID) map[*groupNode]bool {
	set := map[*groupNode]bool{}
	for _, id := range ids {
		if n, ok := s.users[id]; ok {
			for i := range n.links {
				set[n.links[i].group] = true
			}
		}
	}
	return set
}

func (m *groupMatch) holds(e groupEntry) bool {
	f, g := m.f, e.row
	return slices.Contains(m.states, g.State) &&
		(m.ids == nil || m.ids[g.ID]) && !m.excluded[g.ID] &&
		(m.modifiedBy == nil || m.modifiedBy[g.ModifiedBy]) &&
		within(m.names, g.name) && (m.text == "" || strings.Contains(g.name, m.text)) &&
		(f.Permission == "" || slices.Contains(g.Permissions, f.Permission)) &&
		(m.users == nil || m.users[e.n]) && (m.memberOnly == nil || m.memberOnly[e.n])
}

func groupField(field string) (compare[groupEntry], bool) {
	switch field {
	case "created":
		return byTime(func(e groupEntry) time.Time { return e.row.CreatedAt }), true
	case "modified":
		return byTime(func(e groupEntry) time.Time { return e.row.ModifiedAt }), true
	case "name":
		return byText(func(e groupEntry) string { return e.row.name }), true
	case "users_count":
		return func(a, b groupEntry) int { return cmp.Compare(len(a.n.members), len(b.n.members)) }, true
	default:
		return nil, false
	}
}

func groupOrder(sort []countersign.SortKey) (compare[groupEntry], error) {
	name, _ := groupField("name")
	created, _ := groupField("created")
	id := byText(func(e groupEntry) countersign.GroupID { return e.row.ID })
	return chain(sort, groupField, name, created, id)
}

func (s *state) listGroups(f *countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.GroupView], error) {
	list := List[countersign.GroupView]{Revision: s.position}
	order, err := groupOrder(sort)
	if err != nil {
		return list, err
	}
	match := s.matchGroups(f)
	var rows []groupEntry
	for _, n := range s.groups {
		if row := n.rowAt(now); row != nil && match.holds(groupEntry{n, row}) {
			rows = append(rows, groupEntry{n, row})
		}
	}
	total := len(rows)
	page, more, err := cut(rows, order, p, func(id string) (groupEntry, bool) {
		n, ok := s.groupsByID[countersign.GroupID(id)]
		if !ok {
			return groupEntry{}, false
		}
		row := n.rowAt(now)
		return groupEntry{n, row}, row != nil
	})
	if err != nil {
		return list, err
	}
	list.Total, list.More = total, more
	list.Items = make([]countersign.GroupView, len(page))
	for i, e := range page {
		list.Items[i] = e.n.view(e.row, now)
	}
	return list, nil
}
