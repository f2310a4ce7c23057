package roster

import "slices"

// pageChunks is how many chunks a page points to: small enough to copy for one
// change, large enough to keep the directory short.
const pageChunks = 128

// chunk is a block of rows of one kind. It is never written to once a picture
// that others can see holds it: whoever changes a row copies the chunk first.
// The token says which edit made the copy, so that one edit copies it once.
type chunk[C any] interface {
	*C
	token() *uint64
	// copied makes a copy whose variable parts are still shared; they are
	// replaced, never written to.
	copied() *C
	// rowID returns the id of a row, and false for a row not in use.
	rowID(i uint32) (*uuid, bool)
	// free makes a row unused; next is kept in it for the list of free rows.
	free(i uint32, next uint32)
	// next reads what free has kept.
	next(i uint32) uint32
	size() int64
}

// rows is one table of a picture: chunks behind a directory of two levels, and
// the index of ids, which is shared with other pictures. Copying it by value and
// editing the copy under a token of its own leaves the original as it was.
type rows[C any] struct {
	// shift is the binary logarithm of the rows in a chunk.
	shift uint8
	pages []*page[C]
	owner uint64
	// high is how many rows were ever used; unused is the first free one + 1.
	high   uint32
	unused uint32
	// living counts rows that are neither deleted nor removed.
	living int
	index  index
}

type page[C any] struct {
	owner  uint64
	chunks [pageChunks]*C
}

// chunks returns how many chunks there are.
func (t *rows[C]) chunks() uint32 { return (t.high + 1<<t.shift - 1) >> t.shift }

func (t *rows[C]) chunk(n uint32) *C { return t.pages[n/pageChunks].chunks[n%pageChunks] }

// at returns the chunk of a row and the place in it.
func (t *rows[C]) at(row uint32) (*C, uint32) {
	return t.chunk(row >> t.shift), row & (1<<t.shift - 1)
}

// own returns the chunk of a row for writing.
func own[C any, P chunk[C]](t *rows[C], row uint32, token uint64) (*C, uint32) {
	n := row >> t.shift
	pg := ownPage(t, n, token)
	c := pg.chunks[n%pageChunks]
	if *P(c).token() != token {
		c = P(c).copied()
		*P(c).token() = token
		pg.chunks[n%pageChunks] = c
	}
	return c, row & (1<<t.shift - 1)
}

func ownPage[C any](t *rows[C], n uint32, token uint64) *page[C] {
	if t.owner != token {
		t.pages = slices.Clone(t.pages)
		t.owner = token
	}
	pg := t.pages[n/pageChunks]
	if pg.owner != token {
		c := *pg
		c.owner = token
		pg = &c
		t.pages[n/pageChunks] = pg
	}
	return pg
}

// take returns a row that is not in use: a freed one, else a new one. added is
// how many bytes the table grew by.
func take[C any, P chunk[C]](t *rows[C], token uint64) (row uint32, added int64) {
	if t.unused > 0 {
		row = t.unused - 1
		c, i := t.at(row)
		t.unused = P(c).next(i)
		return row, 0
	}
	row = t.high
	if n := row >> t.shift; n == t.chunks() {
		if int(n/pageChunks) == len(t.pages) {
			t.pages = append(slices.Clip(t.pages), &page[C]{owner: token})
			added += 8 + pageChunks*8
			t.owner = token
		}
		pg := ownPage(t, n, token)
		c := new(C)
		*P(c).token() = token
		pg.chunks[n%pageChunks] = c
		added += P(c).size()
	}
	t.high++
	return row, added
}

// drop makes a row free again. Its entry in the index stays, as one of those
// that lead nowhere.
func drop[C any, P chunk[C]](t *rows[C], row uint32, token uint64) {
	c, i := own[C, P](t, row, token)
	P(c).free(i, t.unused)
	t.unused = row + 1
}

// find looks an id up. What the index says is only a hint: the chunk of this
// picture decides, so entries made by other pictures do no harm.
func find[C any, P chunk[C]](t *rows[C], hash uint64, id *uuid) (uint32, bool) {
	s := t.index.shard(hash)
	if s == nil {
		return 0, false
	}
	for at := s.start(hash); ; at = s.after(at) {
		entry := s.load(at)
		if entry == 0 {
			return 0, false
		}
		row := entry - 1
		if row >= t.high {
			continue
		}
		c, i := t.at(row)
		if have, used := P(c).rowID(i); used && *have == *id {
			return row, true
		}
	}
}

// note enters a row into the index; hashOf hashes the id of a row.
func note[C any, P chunk[C]](t *rows[C], hash uint64, row uint32, token uint64, hashOf func(*uuid) uint64) (added int64) {
	return t.index.insert(hash, row, token, func(row uint32) (uint64, bool) {
		if row >= t.high {
			return 0, false
		}
		c, i := t.at(row)
		id, used := P(c).rowID(i)
		if !used {
			return 0, false
		}
		return hashOf(id), true
	})
}

// noteAll builds the index of a table that has none yet, in shards of exactly
// the size they need.
func noteAll[C any, P chunk[C]](t *rows[C], token uint64, hashOf func(*uuid) uint64) (added int64) {
	var counts [shards]int
	each := func(visit func(hash uint64, row uint32)) {
		for row := range t.high {
			c, i := t.at(row)
			if id, used := P(c).rowID(i); used {
				visit(hashOf(id), row)
			}
		}
	}
	each(func(hash uint64, _ uint32) { counts[hash>>shardShift]++ })
	t.index = index{dir: new([shards]*shard), owner: token}
	for i, n := range counts {
		if n > 0 {
			t.index.dir[i] = newShard(n)
			added += t.index.dir[i].size()
		}
	}
	each(func(hash uint64, row uint32) { t.index.shard(hash).put(hash, row) })
	return added + shards*8
}

// spliced returns a list with a part replaced, in memory of its own.
func spliced[T any](old []T, from, to uint32, with []T) []T {
	list := make([]T, 0, len(old)-int(to-from)+len(with))
	list = append(list, old[:from]...)
	list = append(list, with...)
	return append(list, old[to:]...)
}

// shift moves the offsets behind a part whose length has changed.
func shift(offsets []uint32, by int) {
	if by == 0 {
		return
	}
	for i := range offsets {
		offsets[i] += uint32(by)
	}
}
