package roster

import (
	"cmp"
	"slices"
	"sort"
)

// vector is the list of a group's living memberships in the order of their
// numbers, copied on write leaf by leaf: a page of it is a walk, and a change
// copies one leaf, however large the group.
type vector struct {
	owner  uint64
	leaves []*leaf
	length uint32
}

// A leaf that is full is split, and one that has few rows left joins its neighbour.
const (
	leafRows = 1024
	leafFew  = leafRows / 8
)

// leaf holds at least one row.
type leaf struct {
	owner uint64
	rows  []uint32
}

// newVector makes a vector of rows in order, in exactly the memory it needs; nil
// of no rows.
func newVector(members []uint32, token uint64) *vector {
	if len(members) == 0 {
		return nil
	}
	v := &vector{owner: token, length: uint32(len(members))}
	for rest := range slices.Chunk(members, leafRows) {
		v.leaves = append(v.leaves, &leaf{owner: token, rows: append(make([]uint32, 0, len(rest)), rest...)})
	}
	v.leaves = slices.Clip(v.leaves)
	return v
}

func (v *vector) len() int {
	if v == nil {
		return 0
	}
	return int(v.length)
}

// each visits the memberships; nil is an empty vector.
func (v *vector) each(visit func(member uint32)) {
	if v == nil {
		return
	}
	for _, l := range v.leaves {
		for _, m := range l.rows {
			visit(m)
		}
	}
}

func (v *vector) size() int64 {
	if v == nil {
		return 0
	}
	return 48 + int64(len(v.leaves))*40 + int64(v.length)*4
}

// own returns a vector for writing.
func (v *vector) own(token uint64) *vector {
	switch {
	case v == nil:
		return &vector{owner: token}
	case v.owner == token:
		return v
	}
	d := &vector{owner: token, leaves: make([]*leaf, len(v.leaves), len(v.leaves)+1), length: v.length}
	copy(d.leaves, v.leaves)
	return d
}

// ownLeaf returns a leaf of an owned vector for writing.
func (v *vector) ownLeaf(n int) *leaf {
	l := v.leaves[n]
	if l.owner != v.owner {
		l = &leaf{owner: v.owner, rows: append(make([]uint32, 0, len(l.rows)+1), l.rows...)}
		v.leaves[n] = l
	}
	return l
}

// seek returns the leaf and the place in it of the first row that is not before
// what is sought; behind the last row, a leaf that is not there.
func (v *vector) seek(before func(row uint32) bool) (n, at int) {
	if v == nil {
		return 0, 0
	}
	n = sort.Search(len(v.leaves), func(n int) bool {
		rows := v.leaves[n].rows
		return !before(rows[len(rows)-1])
	})
	if n == len(v.leaves) {
		return n, 0
	}
	rows := v.leaves[n].rows
	return n, sort.Search(len(rows), func(i int) bool { return !before(rows[i]) })
}

// insert puts a row into an owned vector.
func (v *vector) insert(row uint32, before func(row uint32) bool) {
	v.length++
	n, at := v.seek(before)
	if n == len(v.leaves) { // at the end, where new numbers come
		if n == 0 || len(v.leaves[n-1].rows) >= leafRows {
			v.leaves = append(v.leaves, &leaf{owner: v.owner, rows: []uint32{row}})
			return
		}
		l := v.ownLeaf(n - 1)
		l.rows = append(l.rows, row)
		return
	}
	l := v.ownLeaf(n)
	if len(l.rows) >= leafRows {
		upper := &leaf{owner: v.owner, rows: slices.Clone(l.rows[leafRows/2:])}
		l.rows = l.rows[:leafRows/2]
		v.leaves = slices.Insert(v.leaves, n+1, upper)
		if at > leafRows/2 {
			l, at = upper, at-leafRows/2
		}
	}
	l.rows = slices.Insert(l.rows, at, row)
}

// remove takes a row out of an owned vector.
func (v *vector) remove(before func(row uint32) bool) {
	v.length--
	n, at := v.seek(before)
	l := v.ownLeaf(n)
	l.rows = slices.Delete(l.rows, at, at+1)
	switch {
	case len(l.rows) == 0:
		v.leaves = slices.Delete(v.leaves, n, n+1)
	case len(l.rows) < leafFew && n+1 < len(v.leaves) && len(v.leaves[n+1].rows) < leafRows/2:
		l.rows = append(l.rows, v.leaves[n+1].rows...)
		v.leaves = slices.Delete(v.leaves, n+1, n+2)
	}
}

// from visits rows in order, those before what is sought left out and then skip
// more, until visit returns false.
func (v *vector) from(before func(row uint32) bool, skip int, visit func(row uint32) bool) {
	if v == nil {
		return
	}
	n, at := 0, 0
	if before != nil {
		n, at = v.seek(before)
	}
	for ; n < len(v.leaves); n, at = n+1, 0 {
		rows := v.leaves[n].rows[at:]
		if skip >= len(rows) {
			skip -= len(rows)
			continue
		}
		for _, row := range rows[skip:] {
			if !visit(row) {
				return
			}
		}
		skip = 0
	}
}

// compareMembers is the order of memberBefore.
func (p *Picture) compareMembers(a, b uint32) int {
	c, i := p.members.at(a)
	d, k := p.members.at(b)
	return cmp.Or(cmp.Compare(c.numberOf(i), d.numberOf(k)), cmp.Compare(a, b))
}

// memberBefore tells which rows of a group come before one: those with a smaller
// number and, where rows have none of their own, those that are smaller rows.
func (p *Picture) memberBefore(row uint32) func(uint32) bool {
	return func(other uint32) bool { return p.compareMembers(other, row) < 0 }
}
