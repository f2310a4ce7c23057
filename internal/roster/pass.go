package roster

import (
	"cmp"
	"math/bits"
	"runtime"
	"slices"
	"sync"
)

// packing makes the prefix of a stored user without asking for each key by
// itself: what his class gives comes from a table, and when he was created is
// shifted in.
type packing struct {
	words [classes]uint64
	// lead are the bits of the words that come before every other key.
	lead uint64
	// A created time has left bits from the top, if it takes part.
	created    bool
	descending bool
	left       uint8
	// text is the last key, if one takes part; it has textLeft bits.
	text     *sortKey
	textLeft uint8
}

// newPacking returns nil for an order it knows nothing of.
func newPacking(keys []sortKey, seen *lens) *packing {
	k, left := &packing{}, uint8(64)
	for i, key := range keys {
		switch key.field {
		case byRole, byState, byType:
			k.word(key, left, seen)
			if !k.created && left >= wordWidth {
				k.lead |= (1<<wordWidth - 1) << (left - wordWidth)
			}
		case byCreated:
			k.created, k.descending, k.left = true, key.descending, left
		case byName, byEmail, byID:
			k.text, k.textLeft = &keys[i], left
			return k
		default:
			return nil
		}
		if key.width >= left {
			return k
		}
		left -= key.width
	}
	return k
}

// word adds what one of the three words gives.
func (k *packing) word(key sortKey, left uint8, seen *lens) {
	for n := range classes {
		code := seen.state(class(n))
		switch key.field {
		case byRole:
			code = seen.role(class(n))
		case byType:
			code = class(n).kind()
		default:
		}
		k.words[n] |= placed(rankOf(code), key, left)
	}
}

func (k *packing) prefix(o *ordering, c *userChunk, i, ref uint32) uint64 {
	v := k.words[c.class[i]%classes]
	if k.created {
		v |= placed(ascending(c.created[i]), sortKey{width: timeWidth, descending: k.descending}, k.left)
	}
	if k.text != nil {
		v |= o.head(ref, *k.text) >> (64 - k.textLeft)
	}
	return v
}

// parts is how many goroutines look at the rows: no more than processors, and
// one where there is little to look at.
func parts(rows uint32) int {
	if rows < size.partRows {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// pass looks at every row that can match. Large tables are looked at in parts,
// side by side; which rows come out does not depend on how.
func (p *Picture) pass(match *userFilter, columns *userColumns, picked *picker) {
	if len(match.sets) > 0 {
		scan := newScan(match, columns, picked)
		narrowed(p.users.chunks(), match.sets, scan.chunk)
		return
	}
	chunks := p.users.chunks()
	n := uint32(parts(p.users.high))
	if n == 1 {
		scan := newScan(match, columns, picked)
		for k := range chunks {
			scan.chunk(k, ^uint64(0))
		}
		return
	}
	helpers := make([]*picker, n)
	var wait sync.WaitGroup
	for part := range n {
		wait.Go(func() {
			own, order := *columns, *picked.order
			order.columns, order.users = &own, &own
			helpers[part] = picked.helper(&order)
			scan := newScan(match, &own, helpers[part])
			for k := chunks * part / n; k < chunks*(part+1)/n; k++ {
				scan.chunk(k, ^uint64(0))
			}
		})
	}
	wait.Wait()
	for _, h := range helpers {
		picked.join(h)
	}
}

// scan is a pass over one part of the chunks.
type scan struct {
	match   *userFilter
	picked  *picker
	packing *packing
}

func newScan(match *userFilter, columns *userColumns, picked *picker) *scan {
	s := &scan{match: match, picked: picked}
	if picked.limit > 0 && picked.order.users == columns {
		s.packing = newPacking(picked.order.keys, match.seen)
	}
	return s
}

func (s *scan) chunk(n uint32, among uint64) {
	word := s.match.word(n, among)
	s.picked.matching += count(word)
	if s.picked.limit == 0 || word == 0 {
		return
	}
	c, order := s.match.p.users.chunk(n), s.picked.order
	for ; word != 0; word &= word - 1 {
		i := uint32(bits.TrailingZeros64(word))
		ref := n<<userShift + i
		if s.packing == nil {
			s.picked.offer(order.item(ref))
			continue
		}
		s.picked.offer(item{s.packing.prefix(order, c, i, ref), ref})
	}
}

// lead is a part of an order: the users whose first words are the same.
type lead struct {
	prefix uint64
	count  int
}

// narrowLeads takes the classes out of the filter that no row of the page can
// have: how many users come before them is known without looking. It returns how
// many rows before the page that leaves out.
func (m *userFilter) narrowLeads(known *settled, picked *picker) (before int) {
	packing := newPacking(picked.order.keys, m.seen)
	if packing == nil || packing.lead == 0 {
		return 0
	}
	var leads []lead
	for k, pass := range m.passes {
		if pass != 0 && known.counts[k] > 0 {
			leads = append(leads, lead{packing.words[k] & packing.lead, int(known.counts[k])})
		}
	}
	slices.SortFunc(leads, func(a, b lead) int { return cmp.Compare(a.prefix, b.prefix) })
	first, last, before := picked.span(packing.lead, leads)
	for k := range m.passes {
		if prefix := packing.words[k] & packing.lead; prefix < first || prefix > last {
			m.passes[k] = 0
		}
	}
	return before
}

// span returns the first and the last lead that the page can have rows of, and
// how many rows stand before the first; leads of equal prefix are told apart by
// nobody.
func (s *picker) span(mask uint64, leads []lead) (first, last uint64, before int) {
	first, last = 0, missing
	to := s.from + s.limit
	if s.after != nil {
		first, to = s.after.prefix&mask, s.limit+1
	}
	stand := 0
	for i := 0; i < len(leads); {
		prefix, n := leads[i].prefix, 0
		for ; i < len(leads) && leads[i].prefix == prefix; i++ {
			n += leads[i].count
		}
		switch {
		case s.after != nil && prefix <= first: // nobody knows how many of these come after
			continue
		case s.after == nil && stand+n <= s.from:
			before = stand + n
			first = prefix + 1
		}
		if stand += n; stand >= to {
			return first, prefix, before
		}
	}
	return first, last, before
}
