package roster

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
	"weak"

	"github.com/countersign/countersign"
)

// common is what all pictures that grew out of one loading share. It only ever
// gains, and nothing it gained is taken back when an edit is thrown away.
type common struct {
	seed maphash.Seed
	// tokens numbers the edits.
	tokens uint64
	// ids numbers every permission that was ever seen; only the writer uses it.
	ids   map[countersign.Permission]uint32
	names []countersign.Permission
	// numbers is what readers see of it, brought up to date when an edit ends.
	numbers atomic.Pointer[numbering]
	// interned holds the sets somebody holds, so that equal ones are one. What
	// nobody holds any more the collector takes. Only the writer uses it.
	interned map[string]weak.Pointer[permSet]
	sweepAt  int
	// roles holds the set of each role, by code.
	roles []*permSet
}

// numbering numbers permissions; names is the way back.
type numbering struct {
	ids   map[countersign.Permission]uint32
	names []countersign.Permission
}

func newCommon() *common {
	c := &common{
		seed: maphash.MakeSeed(), ids: map[countersign.Permission]uint32{},
		interned: map[string]weak.Pointer[permSet]{}, sweepAt: 256,
	}
	for _, p := range countersign.BuiltInPermissions() {
		c.id(p)
	}
	for _, r := range userRoles {
		c.roles = append(c.roles, c.intern(countersign.RolePermissions(r)))
	}
	c.publish()
	return c
}

func (c *common) hash(id *uuid) uint64 { return maphash.Bytes(c.seed, id[:]) }

// number returns the number of a permission that anybody ever held.
func (c *common) number(p countersign.Permission) (uint32, bool) {
	id, ok := c.numbers.Load().ids[p]
	return id, ok
}

// id numbers a permission.
func (c *common) id(p countersign.Permission) uint32 {
	id, ok := c.ids[p]
	if !ok {
		p = countersign.Permission(strings.Clone(string(p)))
		id = uint32(len(c.names))
		c.ids[p] = id
		c.names = append(c.names, p)
	}
	return id
}

// publish shows readers the permissions an edit has seen for the first time.
func (c *common) publish() {
	if seen := c.numbers.Load(); seen != nil && len(seen.names) == len(c.names) {
		return
	}
	ids := make(map[countersign.Permission]uint32, len(c.ids))
	for p, id := range c.ids {
		ids[p] = id
	}
	c.numbers.Store(&numbering{ids: ids, names: slices.Clip(c.names)})
}

// permSet is one distinct set of permissions; nil is the empty one. Groups and
// users that hold the same ones share it.
type permSet struct {
	words []uint64
	list  []countersign.Permission
}

func (s *permSet) has(id uint32) bool {
	if s == nil {
		return false
	}
	word := int(id / 64)
	return word < len(s.words) && s.words[word]&(1<<(id%64)) != 0
}

// permissions lists the set, sorted, in memory of its own; nil for none.
func (s *permSet) permissions() []countersign.Permission {
	if s == nil {
		return nil
	}
	return slices.Clone(s.list)
}

func (s *permSet) names() []countersign.Permission {
	if s == nil {
		return nil
	}
	return s.list
}

// intern returns the set of a list, which need neither be sorted nor distinct;
// nil for none.
func (c *common) intern(list []countersign.Permission) *permSet {
	if len(list) == 0 {
		return nil
	}
	if !slices.IsSorted(list) {
		list = slices.Sorted(slices.Values(list))
	}
	var key strings.Builder
	for i, p := range list {
		if i > 0 && p == list[i-1] {
			continue
		}
		key.WriteString(string(p))
		key.WriteByte('\n')
	}
	if known := c.interned[key.String()].Value(); known != nil {
		return known
	}
	set := &permSet{}
	for i, p := range list {
		if i > 0 && p == list[i-1] {
			continue
		}
		id := c.id(p)
		set.words = setBit(set.words, id)
		set.list = append(set.list, c.names[id])
	}
	set.words, set.list = slices.Clip(set.words), slices.Clip(set.list)
	c.sweep()
	c.interned[key.String()] = weak.Make(set)
	return set
}

// sweep forgets sets that are gone, now and then.
func (c *common) sweep() {
	if len(c.interned) < c.sweepAt {
		return
	}
	for key, set := range c.interned {
		if set.Value() == nil {
			delete(c.interned, key)
		}
	}
	c.sweepAt = 256 + 2*len(c.interned)
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
	return merge(words, set.words)
}
