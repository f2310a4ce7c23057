package roster

import (
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// groupColumns gives the values groups are ordered by.
type groupColumns struct {
	p      *Picture
	births []*groupBirth
}

func (l *groupColumns) number(ref uint32, f field) uint64 {
	if ref&born != 0 {
		switch f {
		case byCount:
			return 0
		case byNumber:
			return uint64(l.births[ref&^born].Number)
		default:
		}
		return ascending(l.births[ref&^born].CreatedAt.UnixMicro()) // modified when created
	}
	c, i := l.p.groups.at(ref)
	switch f {
	case byCreated:
		return ascending(c.created[i])
	case byModified:
		return ascending(c.modified[i])
	case byNumber:
		return uint64(c.number(i))
	default:
		return uint64(c.members[i].len())
	}
}

func (l *groupColumns) text(ref uint32, f field) []byte {
	if ref&born != 0 {
		g := l.births[ref&^born]
		if f == byName {
			return []byte(g.name)
		}
		return g.id[:]
	}
	c, i := l.p.groups.at(ref)
	if f == byName {
		return c.name(i)
	}
	return c.id[i][:]
}

func groupField(name string) (sortKey, bool) {
	switch name {
	case "created":
		return sortKey{field: byCreated, width: timeWidth}, true
	case "modified":
		return sortKey{field: byModified, width: timeWidth}, true
	case "name":
		return sortKey{field: byName}, true
	case "number":
		return sortKey{field: byNumber, width: numberWidth}, true
	case "users_count":
		return sortKey{field: byCount, width: countWidth}, true
	default:
		return sortKey{}, false
	}
}

func groupOrder(sort []countersign.SortKey) (*ordering, error) {
	return newOrdering(sort, groupField, sortKey{field: byName}, sortKey{field: byCreated, width: timeWidth}, sortKey{field: byID})
}

// groupBirths lists the groups that open requests would create, as they are seen now.
func (p *Picture) groupBirths(now time.Time) []*groupBirth {
	if p.pending.births == 0 {
		return nil
	}
	var list []*groupBirth
	seen := map[uuid]bool{}
	for _, c := range p.pending.changes {
		for _, op := range c.cause.Operations {
			create, ok := op.(*countersign.CreateGroup)
			if !ok {
				continue
			}
			id, ok := parseID(create.GroupID)
			if !ok || seen[id] {
				continue
			}
			seen[id] = true
			n := p.teamByID(&id)
			if g := n.birth(now); g != nil {
				list = append(list, g)
			}
		}
	}
	return list
}

// groupFilter is a filter of groups made ready.
type groupFilter struct {
	p             *Picture
	f             *countersign.GroupFilter
	states        uint32
	names         map[string]bool
	ids, excluded map[uuid]bool
	modifiedBy    map[uuid]bool
	text          []byte
	// permission is its number; nobody has it when known is false.
	permission uint32
	known      bool
	sets       []*rowSet
	// stored is set when only groups with members can match.
	stored  bool
	without []*rowSet
}

func (p *Picture) newGroupFilter(f *countersign.GroupFilter) *groupFilter {
	states := f.States
	if len(states) == 0 {
		states = []countersign.GroupState{countersign.GroupActive, countersign.GroupPendingApproval}
	}
	m := &groupFilter{
		p: p, f: f, states: codeMask(groupStates, states) &^ (1 << noRow), names: textSet(f.Names, names.Fold), text: []byte(names.Fold(f.Text)),
		ids: idSet(f.IDs), excluded: idSet(f.ExcludeIDs), modifiedBy: idSet(f.ModifiedBy),
	}
	m.permission, m.known = p.common.number(f.Permission)
	if m.ids != nil {
		m.sets = append(m.sets, p.groupRowSet(m.ids))
	}
	if m.excluded != nil {
		m.without = append(m.without, p.groupRowSet(m.excluded))
	}
	if len(f.UserIDs) > 0 {
		m.sets, m.stored = append(m.sets, p.groupsOf(f.UserIDs...)), true
	}
	if f.MemberOnly != "" {
		m.sets, m.stored = append(m.sets, p.groupsOf(f.MemberOnly)), true
	}
	return m
}

// groupsOf returns the groups in which one of the users is an effective member:
// pending additions not yet, pending removals still, whatever the term.
func (p *Picture) groupsOf(ids ...countersign.UserID) *rowSet {
	set := newRowSet(p.groups.chunks())
	for _, id := range ids {
		n := p.person(id)
		for _, l := range n.links() {
			set.add(l.groupRow())
		}
	}
	return set
}

// word returns which of some rows of a chunk match.
func (m *groupFilter) word(n uint32, among uint64) uint64 {
	c := m.p.groups.chunk(n)
	word := uint64(0)
	for i := range groupRows {
		word |= uint64(m.states>>c.state[i]&1) << i
	}
	word &= among
	for _, s := range m.without {
		word &^= s.word(n)
	}
	if len(m.text) > 0 && word != 0 {
		word &= rowsWithText(c.texts, c.textAt[:], 1, m.text)
	}
	if m.names == nil && m.modifiedBy == nil && m.f.Permission == "" {
		return word
	}
	eachBit(word, func(i uint32) {
		if (m.names != nil && !m.names[string(c.name(i))]) || (m.f.Permission != "" && !(m.known && c.perms[i].has(m.permission))) ||
			(m.modifiedBy != nil && !m.modified(c, i)) {
			word &^= 1 << i
		}
	})
	return word
}

func (m *groupFilter) modified(c *groupChunk, i uint32) bool {
	by := c.modifiedBy(i)
	if by == nil {
		return contains(m.f.ModifiedBy, "")
	}
	return m.modifiedBy[*by]
}

// birth tells whether a group matches that an open request would create.
func (m *groupFilter) birth(g *groupBirth) bool {
	by, _ := parseID(g.ModifiedBy)
	return !m.stored && m.states&codeMask(groupStates, []countersign.GroupState{g.State}) != 0 &&
		(m.ids == nil || m.ids[g.id]) && !m.excluded[g.id] && (m.modifiedBy == nil || m.modifiedBy[by]) &&
		within(m.names, g.name) && strings.Contains(g.name, string(m.text)) &&
		(m.f.Permission == "" || contains(g.Permissions, m.f.Permission))
}

// Groups answers a list of groups, and refuses as Users does.
func (p *Picture) Groups(f countersign.GroupFilter, sort []countersign.SortKey, page countersign.Page, now time.Time) (List[countersign.GroupView], error) {
	list := List[countersign.GroupView]{Revision: p.position}
	order, err := groupOrder(sort)
	if err != nil {
		return list, err
	}
	match := p.newGroupFilter(&f)
	if match.states>>groupDeleted&1 != 0 && !p.cold {
		return list, ErrCold
	}
	columns := &groupColumns{p: p, births: p.groupBirths(now)}
	order.columns = columns
	picked, err := newPicker(order, page, columns.find)
	if err != nil {
		return list, err
	}
	refs, more, walked := p.walkNumberedGroups(match, picked)
	if walked {
		picked.matching = p.groups.living
	} else {
		refs, more = p.passGroups(match, columns, picked)
	}
	list.Total, list.More = picked.matching, more
	list.Items = make([]countersign.GroupView, len(refs))
	for i, ref := range refs {
		n := columns.team(ref)
		list.Items[i] = p.groupView(&n, now)
	}
	return list, nil
}

// passGroups looks at every group that can match.
func (p *Picture) passGroups(match *groupFilter, columns *groupColumns, picked *picker) (refs []uint32, more bool) {
	narrowed(p.groups.chunks(), match.sets, func(n uint32, among uint64) {
		word := match.word(n, among)
		if picked.limit == 0 {
			picked.matching += count(word)
			return
		}
		eachBit(word, func(i uint32) { picked.add(n<<groupShift + i) })
	})
	for i, g := range columns.births {
		if match.birth(g) {
			picked.add(uint32(i) | born)
		}
	}
	return picked.page()
}

func (l *groupColumns) team(ref uint32) team {
	if ref&born != 0 {
		return l.p.teamByID(&l.births[ref&^born].id)
	}
	return l.p.teamAt(ref)
}

func (l *groupColumns) find(text string) (uint32, bool) {
	id, ok := parseID(text)
	if !ok {
		return 0, false
	}
	if row, ok := l.p.groupRow(&id); ok {
		return row, true
	}
	for i, g := range l.births {
		if g.id == id {
			return uint32(i) | born, true
		}
	}
	return 0, false
}
