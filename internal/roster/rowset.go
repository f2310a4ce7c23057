package roster

import (
	"maps"
	"math/bits"
	"slices"
)

// rowSet is a set of rows of a table with 64 rows in a chunk: a word for each
// chunk. While it is small only the chunks it touches are kept.
type rowSet struct {
	few  map[uint32]uint64
	many []uint64
	// chunks is how many the table has.
	chunks uint32
}

// fewChunks is how many chunks a set touches before it keeps all words.
const fewChunks = 256

func newRowSet(chunks uint32) *rowSet { return &rowSet{few: map[uint32]uint64{}, chunks: chunks} }

func (s *rowSet) add(row uint32) {
	n, bit := row>>6, uint64(1)<<(row&63)
	if s.many != nil {
		s.many[n] |= bit
		return
	}
	s.few[n] |= bit
	if len(s.few) > fewChunks {
		s.many = make([]uint64, s.chunks)
		for n, word := range s.few {
			s.many[n] = word
		}
		s.few = nil
	}
}

func (s *rowSet) word(n uint32) uint64 {
	if s.many != nil {
		return s.many[n]
	}
	return s.few[n]
}

func (s *rowSet) has(row uint32) bool { return s.word(row>>6)>>(row&63)&1 != 0 }

// words visits the chunks in which the set has rows.
func (s *rowSet) words(visit func(n uint32, word uint64)) {
	if s.many == nil {
		for _, n := range slices.Sorted(maps.Keys(s.few)) {
			visit(n, s.few[n])
		}
		return
	}
	for n, word := range s.many {
		if word != 0 {
			visit(uint32(n), word)
		}
	}
}

// eachBit visits the rows of a word.
func eachBit(word uint64, visit func(i uint32)) {
	for ; word != 0; word &= word - 1 {
		visit(uint32(bits.TrailingZeros64(word)))
	}
}
