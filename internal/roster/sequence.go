package roster

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// A block of rows fills 2 KiB, which is what a change copies beside the
// directory. Loading leaves room in it, and one that has few rows left joins its
// neighbour.
const (
	blockRows = 509
	blockFill = 400
	blockFew  = 100
)

// sequence keeps the rows of the living users in the order that lists have when
// nobody asks for another: by folded name, creation and id. Without it a page of
// names would cost a look at everybody.
type sequence struct {
	blocks []*block
	owner  uint64
}

type block struct {
	owner uint64
	n     uint32
	rows  [blockRows]uint32
}

const blockSize = 8 + 8 + 4*blockRows // with its entry in the directory

func (b *block) list() []uint32 { return b.rows[:b.n] }

// spot is a block and a place in it; behind the last row, a block that is not there.
type spot struct{ block, at int }

// seek returns the place of the first row that is not before what is sought.
func (s *sequence) seek(before func(row uint32) bool) spot {
	n := sort.Search(len(s.blocks), func(n int) bool { return !before(s.blocks[n].rows[s.blocks[n].n-1]) })
	if n == len(s.blocks) {
		return spot{block: n}
	}
	list := s.blocks[n].list()
	return spot{n, sort.Search(len(list), func(i int) bool { return !before(list[i]) })}
}

// own returns a block for writing.
func (s *sequence) own(n int, token uint64) *block {
	if s.owner != token {
		s.blocks, s.owner = slices.Clone(s.blocks), token
	}
	if s.blocks[n].owner != token {
		b := *s.blocks[n]
		b.owner = token
		s.blocks[n] = &b
	}
	return s.blocks[n]
}

// insert puts a row where it belongs; added is how many bytes that takes.
func (s *sequence) insert(row uint32, before func(row uint32) bool, token uint64) (added int64) {
	if len(s.blocks) == 0 {
		first := &block{owner: token, n: 1}
		first.rows[0] = row
		s.blocks, s.owner = []*block{first}, token
		return blockSize
	}
	p := s.seek(before)
	if p.block == len(s.blocks) {
		p = spot{p.block - 1, int(s.blocks[p.block-1].n)}
	}
	b := s.own(p.block, token)
	if b.n == blockRows {
		upper := &block{owner: token, n: blockRows / 2}
		b.n -= upper.n
		copy(upper.rows[:], b.rows[b.n:])
		s.blocks = slices.Insert(s.blocks, p.block+1, upper)
		added += blockSize
		if p.at > int(b.n) {
			p.at -= int(b.n)
			b = upper
		}
	}
	copy(b.rows[p.at+1:], b.rows[p.at:b.n])
	b.rows[p.at] = row
	b.n++
	return added
}

// remove takes a row out, before anything it is ordered by has changed.
func (s *sequence) remove(before func(row uint32) bool, token uint64) (added int64) {
	p := s.seek(before)
	b := s.own(p.block, token)
	copy(b.rows[p.at:], b.rows[p.at+1:b.n])
	b.n--
	if b.n >= blockFew {
		return 0
	}
	if next := p.block + 1; b.n > 0 && next < len(s.blocks) && s.blocks[next].n <= blockFill-blockFew {
		copy(b.rows[b.n:], s.blocks[next].list())
		b.n += s.blocks[next].n
		s.blocks = slices.Delete(s.blocks, next, next+1)
		return -blockSize
	}
	if b.n == 0 {
		s.blocks = slices.Delete(s.blocks, p.block, p.block+1)
		return -blockSize
	}
	return 0
}

// compareUsers orders two rows as the sequence does.
func (p *Picture) compareUsers(a, b uint32) int {
	c, i := p.users.at(a)
	d, k := p.users.at(b)
	x, y := c.name(i), d.name(k)
	if len(x) == 0 || len(y) == 0 { // who has no name comes last
		if order := cmp.Compare(len(y), len(x)); order != 0 {
			return order
		}
	}
	return cmp.Or(bytes.Compare(x, y), cmp.Compare(ascending(c.created[i]), ascending(d.created[k])), bytes.Compare(c.id[i][:], d.id[k][:]))
}

// keepsPlace reports whether a user stays where he stands in the sequence when
// his row is written anew.
func (c *userChunk) keepsPlace(i uint32, u *countersign.User) bool {
	return u.Living() && c.created[i] == u.CreatedAt.UnixMicro() && string(c.name(i)) == names.Fold(u.Name)
}

func (b *builder) standsBefore(row uint32) func(uint32) bool {
	return func(other uint32) bool { return b.compareUsers(other, row) < 0 }
}

// enter puts a living user into the sequence, withdraw takes one out.

func (b *builder) enter(row uint32) {
	b.bytes += b.inOrder.insert(row, b.standsBefore(row), b.token)
}

func (b *builder) withdraw(row uint32) {
	b.bytes += b.inOrder.remove(b.standsBefore(row), b.token)
}

// enterAll makes the sequence of a table that has none yet. Sorting once is much
// cheaper than putting everybody in his place, and small beside the rest of
// loading; were it left to the first list, that one would wait for it, and every
// change before it would have to remember that there is none.
func (b *builder) enterAll() {
	rows := make([]keyed, 0, b.users.living)
	for row := range b.users.high {
		if c, i := b.users.at(row); c.state(i) != userDeleted {
			rows = append(rows, keyed{row: row})
		}
	}
	b.sortByName(rows, 0)
	s := sequence{owner: b.token}
	for part := range slices.Chunk(rows, blockFill) {
		k := &block{owner: b.token, n: uint32(len(part))}
		for i := range part {
			k.rows[i] = part[i].row
		}
		s.blocks = append(s.blocks, k)
	}
	b.inOrder = s
	b.bytes += int64(len(s.blocks)) * blockSize
}

// keyed is a row with the part of its name that it is being sorted by.
type keyed struct {
	key uint64
	row uint32
}

const (
	keyBytes = 7
	// fewRows is how many are compared rather than keyed once more.
	fewRows = 12
)

// keyAt makes seven bytes of a name a number, with how many were left, so that
// what ends comes before what goes on.
func keyAt(name []byte, depth int) uint64 {
	if len(name) == 0 {
		return missing
	}
	var b [8]byte
	copy(b[:keyBytes], name[depth:])
	b[keyBytes] = byte(min(len(name)-depth, keyBytes+1))
	return binary.BigEndian.Uint64(b[:])
}

// sortByName sorts rows whose names agree up to a depth, a few bytes at a time:
// names of one kind begin alike, and comparing them whole would look everybody
// up again and again.
func (p *Picture) sortByName(rows []keyed, depth int) {
	for i := range rows {
		c, k := p.users.at(rows[i].row)
		rows[i].key = keyAt(c.name(k), depth)
	}
	slices.SortFunc(rows, func(a, b keyed) int { // by row at last, so that memory is walked in order
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return cmp.Compare(a.row, b.row)
	})
	for from := 0; from < len(rows); {
		to, key := from+1, rows[from].key
		for to < len(rows) && rows[to].key == key {
			to++
		}
		switch run := rows[from:to]; {
		case len(run) > fewRows && byte(key) == keyBytes+1:
			p.sortByName(run, depth+keyBytes)
		case len(run) > 1:
			slices.SortFunc(run, func(a, b keyed) int { return p.compareUsers(a.row, b.row) })
		}
		from = to
	}
}

// census counts the living stored users of each class, so that the total of a
// filter by type, role and state is a sum.
type census struct {
	owner uint64
	of    [classes]uint32
}

func (b *builder) count(k class, by int) {
	if b.census.owner != b.token {
		mine := *b.census
		mine.owner = b.token
		b.census = &mine
	}
	b.census.of[k%classes] += uint32(by)
}
