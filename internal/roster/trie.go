package roster

import (
	"math/bits"
	"slices"
)

// trie is a map from ids that is copied on write: an edit copies the path to
// what it changes, once per token, and leaves every other trie as it was.
type trie[V any] struct {
	root  *branch[V]
	count int
}

type branch[V any] struct {
	owner  uint64
	bitmap uint32
	slots  []slot[V]
}

// slot is a branch, or else a pair.
type slot[V any] struct {
	down  *branch[V]
	key   uuid
	value V
}

const (
	trieBits = 5
	// trieEnd is where the hash is used up: what still collides stands in a row.
	trieEnd = 60
)

func place(hash uint64, depth uint) uint32 { return 1 << (hash >> depth & (1<<trieBits - 1)) }

func (b *branch[V]) position(bit uint32) int { return bits.OnesCount32(b.bitmap & (bit - 1)) }

func (t *trie[V]) get(hash uint64, key *uuid) (value V, ok bool) {
	b := t.root
	for depth := uint(0); b != nil; depth += trieBits {
		if depth >= trieEnd {
			if i := b.search(key); i >= 0 {
				return b.slots[i].value, true
			}
			break
		}
		bit := place(hash, depth)
		if b.bitmap&bit == 0 {
			break
		}
		s := &b.slots[b.position(bit)]
		if s.down == nil {
			if s.key == *key {
				return s.value, true
			}
			break
		}
		b = s.down
	}
	return value, false
}

func (b *branch[V]) search(key *uuid) int {
	return slices.IndexFunc(b.slots, func(s slot[V]) bool { return s.key == *key })
}

// own returns a branch for writing.
func (b *branch[V]) own(token uint64) *branch[V] {
	if b == nil {
		return &branch[V]{owner: token}
	}
	if b.owner == token {
		return b
	}
	return &branch[V]{owner: token, bitmap: b.bitmap, slots: slices.Clone(b.slots)}
}

// set puts a pair in; hashOf is asked for keys that stand in its way.
func (t *trie[V]) set(hash uint64, key uuid, value V, token uint64, hashOf func(*uuid) uint64) {
	t.root = t.root.own(token)
	b := t.root
	for depth := uint(0); ; depth += trieBits {
		if depth >= trieEnd {
			if i := b.search(&key); i >= 0 {
				b.slots[i].value = value
				return
			}
			b.slots = append(b.slots, slot[V]{key: key, value: value})
			t.count++
			return
		}
		bit := place(hash, depth)
		i := b.position(bit)
		if b.bitmap&bit == 0 {
			b.bitmap |= bit
			b.slots = slices.Insert(b.slots, i, slot[V]{key: key, value: value})
			t.count++
			return
		}
		s := &b.slots[i]
		if s.down == nil {
			if s.key == key {
				s.value = value
				return
			}
			lower := &branch[V]{owner: token, slots: []slot[V]{*s}}
			if depth+trieBits < trieEnd {
				lower.bitmap = place(hashOf(&s.key), depth+trieBits)
			}
			*s = slot[V]{down: lower}
		} else {
			s.down = s.down.own(token)
		}
		b = s.down
	}
}

// remove takes a key out, if it is there.
func (t *trie[V]) remove(hash uint64, key uuid, token uint64) {
	if _, ok := t.get(hash, &key); !ok {
		return
	}
	t.count--
	t.root = t.root.without(hash, &key, 0, token)
}

// without returns the branch without a key it holds; nil when nothing is left.
func (b *branch[V]) without(hash uint64, key *uuid, depth uint, token uint64) *branch[V] {
	b = b.own(token)
	var i int
	var bit uint32
	if depth >= trieEnd {
		i = b.search(key)
	} else {
		bit = place(hash, depth)
		i = b.position(bit)
	}
	if down := b.slots[i].down; down != nil {
		if down = down.without(hash, key, depth+trieBits, token); down != nil {
			b.slots[i].down = down
			return b
		}
	}
	b.slots = slices.Delete(b.slots, i, i+1)
	b.bitmap &^= bit
	if len(b.slots) == 0 {
		return nil
	}
	return b
}

// each visits all pairs in no order; the visitor says whether to go on.
func (t *trie[V]) each(visit func(key *uuid, value V) bool) { t.root.each(visit) }

func (b *branch[V]) each(visit func(key *uuid, value V) bool) bool {
	if b == nil {
		return true
	}
	for i := range b.slots {
		s := &b.slots[i]
		if s.down != nil {
			if !s.down.each(visit) {
				return false
			}
		} else if !visit(&s.key, s.value) {
			return false
		}
	}
	return true
}
