package roster

import (
	"bytes"
	"math/bits"
	"sort"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// born marks a reference to something an open request would create: the rest of
// it is a place in a list made for the question.
const born = 1 << 31

// anyWord is the mask of a filter that does not ask.
const anyWord = ^uint32(0)

// wordMask is codeMask, with an empty list for any word.
func wordMask[T ~string](list, words []T) uint32 {
	if len(words) == 0 {
		return anyWord
	}
	return codeMask(list, words)
}

// idSet makes a set of ids; nil for none, which does not filter. What is no UUID
// names nothing.
func idSet[T ~string](texts []T) map[uuid]bool {
	if len(texts) == 0 {
		return nil
	}
	set := make(map[uuid]bool, len(texts))
	for _, text := range texts {
		if id, ok := parseID(text); ok {
			set[id] = true
		}
	}
	return set
}

// textSet makes a set of folded texts; nil for none.
func textSet(texts []string, fold func(string) string) map[string]bool {
	if len(texts) == 0 {
		return nil
	}
	set := make(map[string]bool, len(texts))
	for _, text := range texts {
		if text = fold(text); text != "" { // an absent value is no value
			set[text] = true
		}
	}
	return set
}

func exactly(s string) string { return s }

func within(set map[string]bool, value string) bool { return set == nil || (value != "" && set[value]) }

// userRowSet finds the rows of a set of ids; nil for nil.
func (p *Picture) userRowSet(ids map[uuid]bool) *rowSet {
	if ids == nil {
		return nil
	}
	set := newRowSet(p.users.chunks())
	for id := range ids {
		if row, ok := p.userRow(&id); ok {
			set.add(row)
		}
	}
	return set
}

func (p *Picture) groupRowSet(ids map[uuid]bool) *rowSet {
	if ids == nil {
		return nil
	}
	set := newRowSet(p.groups.chunks())
	for id := range ids {
		if row, ok := p.groupRow(&id); ok {
			set.add(row)
		}
	}
	return set
}

// narrowed visits the chunks that can hold rows of all the sets, with the rows
// that are in all of them; without sets, every chunk.
func narrowed(chunks uint32, sets []*rowSet, visit func(n uint32, word uint64)) {
	if len(sets) == 0 {
		for n := range chunks {
			visit(n, ^uint64(0))
		}
		return
	}
	least := sets[0]
	for _, s := range sets[1:] {
		if s.many == nil && (least.many != nil || len(s.few) < len(least.few)) {
			least = s
		}
	}
	least.words(func(n uint32, word uint64) {
		for _, s := range sets {
			word &= s.word(n)
		}
		if word != 0 {
			visit(n, word)
		}
	})
}

// rowsWithText returns the rows of a chunk in which a text occurs, each row
// having its texts side by side, `each` of them. All texts are searched at once;
// what runs over the end of one is no match.
func rowsWithText(texts []byte, at []uint32, each int, text []byte) (word uint64) {
	for from := 0; ; {
		hit := bytes.Index(texts[from:], text)
		if hit < 0 {
			return word
		}
		hit += from
		// The text it lies in is the last one that begins at or before it.
		k := sort.Search(len(at), func(k int) bool { return int(at[k]) > hit }) - 1
		if hit+len(text) > int(at[k+1]) {
			from = hit + 1
			continue
		}
		row := k / each
		word |= 1 << row
		from = int(at[(row+1)*each])
	}
}

func count(word uint64) int { return bits.OnesCount64(word) }

// userFilter is a filter of users made ready.
type userFilter struct {
	p                  *Picture
	f                  *countersign.UserFilter
	now                question
	seen               *lens
	names, emails      map[string]bool
	externalIDs        map[string]bool
	ids, excluded      map[uuid]bool
	groups             map[uuid]bool
	only               uuid
	text               []byte
	sets               []*rowSet
	without            []*rowSet
	textually, nothing bool
	// withDeleted is set when deleted users can match.
	withDeleted bool
	// passes says which classes of users get through: 1 or 0.
	passes [classes]uint64
}

func (p *Picture) newUserFilter(f *countersign.UserFilter, now question) *userFilter {
	m := &userFilter{
		p: p, f: f, now: now, seen: newLens(f.Shown),
		names: textSet(f.Names, names.Fold), emails: textSet(f.Emails, names.FoldEmail), externalIDs: textSet(f.ExternalIDs, exactly),
		ids: idSet(f.IDs), excluded: idSet(f.ExcludeIDs), groups: idSet(f.GroupIDs), text: []byte(names.Fold(f.Text)),
	}
	m.compile()
	m.textually = len(m.text) > 0 || m.names != nil || m.emails != nil || m.externalIDs != nil
	return m
}

// compile makes a table of the types, roles and states, as they are seen.
func (m *userFilter) compile() {
	kinds, roles := wordMask(userTypes, m.f.Types), wordMask(userRoles, m.f.Roles)
	states := wordMask(userStates, m.f.States) &^ (1 << noRow)
	if len(m.f.States) == 0 && !m.f.IncludeDeleted {
		states &^= 1 << userDeleted
	}
	for kind := range userTypes {
		for role := range userRoles {
			for state := range userStates {
				k := classOf(uint8(kind), uint8(role), uint8(state))
				if m.seen.hides(k) || state == int(noRow) {
					continue
				}
				pass := kinds >> kind & (roles >> m.seen.role(k)) & (states >> m.seen.state(k)) & 1
				m.passes[k] = uint64(pass)
				m.withDeleted = m.withDeleted || pass != 0 && state == int(userDeleted)
			}
		}
	}
}

// cold reports whether deleted users can match.
func (m *userFilter) cold() bool { return m.withDeleted }

// prepare finds the rows that ids, memberships and permissions leave.
func (m *userFilter) prepare() {
	p := m.p
	if m.f.Only != "" {
		id, ok := parseID(m.f.Only)
		m.only, m.nothing = id, !ok
		m.sets = append(m.sets, p.userRowSet(map[uuid]bool{id: ok}))
	}
	if m.ids != nil {
		m.sets = append(m.sets, p.userRowSet(m.ids))
	}
	if m.excluded != nil {
		m.without = append(m.without, p.userRowSet(m.excluded))
	}
	if m.groups != nil {
		m.sets = append(m.sets, p.membersOf(m.groups, m.f.GroupStates, m.now))
	}
	if others := idSet(m.f.NotGroupIDs); others != nil {
		set := newRowSet(p.users.chunks())
		for id := range others {
			p.eachMemberOf(&id, func(c *memberChunk, i, _ uint32) { set.add(c.user[i]) })
		}
		m.without = append(m.without, set)
	}
	if m.f.Permission != "" {
		id, known := p.common.number(m.f.Permission)
		if !known { // nobody ever had it
			m.nothing = true
			return
		}
		m.sets = append(m.sets, p.holders(id, m.now.at))
	}
}

// eachMemberOf visits the living memberships of a group.
func (p *Picture) eachMemberOf(group *uuid, visit func(c *memberChunk, i, row uint32)) {
	row, ok := p.groupRow(group)
	if !ok {
		return
	}
	c, i := p.groups.at(row)
	c.members[i].each(func(m uint32) {
		d, k := p.members.at(m)
		visit(d, k, m)
	})
}

// membersOf returns the users with a membership in one of the groups, in one of
// the states.
func (p *Picture) membersOf(groups map[uuid]bool, states []countersign.MembershipState, now question) *rowSet {
	set := newRowSet(p.users.chunks())
	pendingToo := len(states) == 0
	for _, s := range states {
		pendingToo = pendingToo || s == countersign.MembershipPendingAddition
	}
	for id := range groups {
		p.eachMemberOf(&id, func(c *memberChunk, i, row uint32) {
			if len(states) > 0 {
				if state, _ := p.stateAt(row, now.time); !contains(states, state) {
					return
				}
			}
			set.add(c.user[i])
		})
		if n := p.pendingGroup(&id); n != nil && pendingToo {
			for _, a := range n.additions {
				if row, ok := p.userRow(&a.user); ok && p.joins(a, now.time) {
					set.add(row)
				}
			}
		}
	}
	return set
}

func contains[T comparable](list []T, v T) bool {
	for _, w := range list {
		if w == v {
			return true
		}
	}
	return false
}

// word returns which of some rows of a chunk match.
func (m *userFilter) word(n uint32, among uint64) uint64 {
	c := m.p.users.chunk(n)
	word := uint64(0)
	for i, class := range &c.class {
		word |= m.passes[class%classes] << (i & 63)
	}
	word &= among
	for _, s := range m.without {
		word &^= s.word(n)
	}
	if word == 0 || !m.textually {
		return word
	}
	if len(m.text) > 0 {
		word &= rowsWithText(c.texts, c.textAt[:], 2, m.text)
	}
	if m.names == nil && m.emails == nil && m.externalIDs == nil {
		return word
	}
	eachBit(word, func(i uint32) {
		if (m.names != nil && !m.names[string(c.name(i))]) || (m.emails != nil && !m.emails[string(c.email(i))]) ||
			(m.externalIDs != nil && !m.externalIDs[string(c.externalID(i))]) {
			word &^= 1 << i
		}
	})
	return word
}

// birth tells whether a user matches whom an open request would create.
func (m *userFilter) birth(u *userBirth) bool {
	f := m.f
	if m.nothing || f.Permission != "" || (f.Only != "" && m.only != u.id) || (m.ids != nil && !m.ids[u.id]) || m.excluded[u.id] {
		return false
	}
	if m.passes[u.class()%classes] == 0 {
		return false
	}
	text := string(m.text)
	if !within(m.names, u.name) || !within(m.emails, u.email) || !within(m.externalIDs, u.ExternalID) ||
		(!strings.Contains(u.name, text) && !strings.Contains(u.email, text)) {
		return false
	}
	return m.groups == nil || m.birthInGroups(u)
}

func (m *userFilter) birthInGroups(u *userBirth) bool {
	if len(m.f.GroupStates) > 0 && !contains(m.f.GroupStates, countersign.MembershipPendingAddition) {
		return false
	}
	n := m.p.personByID(&u.id)
	for _, a := range n.additions() {
		if m.groups[a.group] && m.p.joins(a, m.now.time) {
			return true
		}
	}
	return false
}
