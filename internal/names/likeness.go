package names

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Likeness finds, among very many texts, those that look like one of a few: a
// million names are asked in the time of a request.
type Likeness struct {
	seed maphash.Seed
	// skeletons of the few; by says which of them have a hash.
	skeletons []string
	by        map[uint64][]int
	// begins holds the first bytes of the skeletons. Most texts differ there.
	begins [256]bool
}

// NewLikeness prepares the texts to look for, in any form.
func NewLikeness(texts []string) *Likeness {
	l := &Likeness{seed: maphash.MakeSeed(), by: map[uint64][]int{}}
	for i, text := range texts {
		skeleton := Skeleton(text)
		l.skeletons = append(l.skeletons, skeleton)
		if skeleton != "" { // what cannot be seen looks like nothing
			l.begins[skeleton[0]] = true
			h := maphash.String(l.seed, skeleton)
			l.by[h] = append(l.by[h], i)
		}
	}
	return l
}

// Of returns which of the texts a folded text could be taken for, by their places.
func (l *Likeness) Of(folded []byte) []int {
	if len(folded) == 0 {
		return nil
	}
	if b := folded[0]; b < utf8.RuneSelf && b != ' ' && !l.begins[plainOf(rune(b)).text[0]] {
		return nil
	}
	var room [256]byte
	skeleton := appendLooks(room[:0], folded)
	var found []int
	for _, i := range l.by[maphash.Bytes(l.seed, skeleton)] {
		if l.skeletons[i] == string(skeleton) { // hashes may be equal for nothing
			found = append(found, i)
		}
	}
	return found
}

// appendLooks is Skeleton of a folded text, character by character where that
// comes to the same.
func appendLooks(to, folded []byte) []byte {
	from := len(to)
	for at := 0; at < len(folded); {
		r, size := utf8.DecodeRune(folded[at:])
		at += size
		p := plainOf(r)
		if !p.alone {
			return append(to[:from], Skeleton(string(folded))...)
		}
		to = append(to, p.text...)
	}
	return append(to[:from], bytes.TrimSpace(to[from:])...)
}

// plain is what one folded character looks like. Alone says that this does not
// depend on its neighbours: it begins with a character that combines with none
// before it, and at most its last one is a mark.
type plain struct {
	text  string
	alone bool
}

const pageBits = 8

// plains are those of the characters met so far, in pages; they are few.
var plains [(utf8.MaxRune + 1) >> pageBits]atomic.Pointer[[1 << pageBits]plain] //nolint:gochecknoglobals // a table, filled as it is used

func plainOf(r rune) *plain {
	page := plains[r>>pageBits].Load()
	if page == nil {
		page = new([1 << pageBits]plain)
		for i := range page {
			page[i] = plainFor(r&^(1<<pageBits-1) + rune(i))
		}
		plains[r>>pageBits].Store(page) // whoever else makes it makes the same
	}
	return &page[r&(1<<pageBits-1)]
}

func plainFor(r rune) plain {
	p := plain{text: looks(string(r)), alone: true}
	for at := 0; at < len(p.text); {
		_, size := utf8.DecodeRuneInString(p.text[at:])
		mark := norm.NFD.PropertiesString(p.text[at:]).CCC() != 0
		last := at+size == len(p.text)
		p.alone = p.alone && (!mark || at > 0 && last)
		at += size
	}
	return p
}
