package roster

import (
	"slices"
	"strings"

	"github.com/countersign/countersign"
)

// setTable interns sets of permissions: groups and users that hold the same
// ones share one set, and a set tells in one step whether it holds a permission.
// Guarded by the lock of the book.
type setTable struct {
	// ids numbers every permission that was ever seen, in that order; names is
	// the way back. The catalogue bounds both.
	ids   map[countersign.Permission]uint32
	names []countersign.Permission
	sets  map[string]*permSet
}

// permSet is one distinct set. A nil set is empty.
type permSet struct {
	words []uint64
	key   string
	// holders counts who took the set; the last drop removes it from the table.
	holders int
}

func newSetTable() *setTable {
	return &setTable{ids: map[countersign.Permission]uint32{}, sets: map[string]*permSet{}}
}

func (s *permSet) has(id uint32) bool {
	if s == nil {
		return false
	}
	word := int(id / 64)
	return word < len(s.words) && s.words[word]&(1<<(id%64)) != 0
}

// take returns the set of all permissions in the lists, which need neither be
// sorted nor distinct; nil for none.
func (t *setTable) take(lists ...[]countersign.Permission) *permSet {
	all := slices.Concat(lists...)
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	all = slices.Compact(all)
	var key strings.Builder
	for _, p := range all {
		key.WriteString(string(p))
		key.WriteByte('\n')
	}
	set, ok := t.sets[key.String()]
	if !ok {
		set = &permSet{key: key.String()}
		for _, p := range all {
			set.words = setBit(set.words, t.id(p))
		}
		t.sets[set.key] = set
	}
	set.holders++
	return set
}

// drop gives a taken set back.
func (t *setTable) drop(set *permSet) {
	if set == nil {
		return
	}
	if set.holders--; set.holders == 0 {
		delete(t.sets, set.key)
	}
}

// id numbers a permission.
func (t *setTable) id(p countersign.Permission) uint32 {
	id, ok := t.ids[p]
	if !ok {
		id = uint32(len(t.names))
		t.ids[p] = id
		t.names = append(t.names, p)
	}
	return id
}

// setBit sets a bit, growing words as far as needed.
func setBit(words []uint64, id uint32) []uint64 {
	for int(id/64) >= len(words) {
		words = append(words, 0)
	}
	words[id/64] |= 1 << (id % 64)
	return words
}

// union adds the members of a set to words.
func union(words []uint64, set *permSet) []uint64 {
	if set == nil {
		return words
	}
	for len(words) < len(set.words) {
		words = append(words, 0)
	}
	for i, w := range set.words {
		words[i] |= w
	}
	return words
}
