package roster

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"

	"github.com/countersign/countersign"
)

// field is a column a list can be ordered by.
type field uint8

const (
	byID field = iota
	byName
	byEmail
	byCreated
	byModified
	byKeepAlive
	byRole
	byState
	byType
	byCount
	byUserName
	byGroupName
	byNumber
)

// columns gives the values of a list's rows. A missing number is missing, a
// missing text is empty.
type columns interface {
	number(ref uint32, f field) uint64
	text(ref uint32, f field) []byte
}

// sortKey is one key of an order. Numbers are less than 1<<width - 1, which
// stands for a missing one; texts have no width.
type sortKey struct {
	field      field
	width      uint8
	descending bool
}

const (
	wordWidth  = 4
	countWidth = 32
	// Numbers are allotted one after another and stay below maxNumber.
	numberWidth = 32
	timeWidth   = 57
)

// ordering is the order of one list: the keys in the order given, of each field
// the first one only, then the tail, always ascending. Values are compared as
// the bytes of the folded text (names, emails) or of the word itself (role,
// state, type: admin, none, trader, viewer), and a row without a value comes
// after those that have one, in both directions.
type ordering struct {
	columns columns
	// users are the columns too, when those of users.
	users *userColumns
	keys  []sortKey
}

func newOrdering(sort []countersign.SortKey, fields func(name string) (sortKey, bool), tail ...sortKey) (*ordering, error) {
	o := &ordering{}
	var seen [32]bool
	for _, k := range sort {
		key, ok := fields(k.Field)
		if !ok {
			return nil, countersign.E(countersign.Invalid, "sort_by", "names a field that the list cannot be ordered by")
		}
		if seen[key.field] {
			continue
		}
		seen[key.field] = true
		key.descending = k.Descending
		o.keys = append(o.keys, key)
	}
	for _, key := range tail {
		if !seen[key.field] {
			o.keys = append(o.keys, key)
		}
	}
	return o, nil
}

// item is a row with the first 64 bits of its keys: mostly those decide.
type item struct {
	prefix uint64
	ref    uint32
}

// item packs as much of the keys as fits. A cut-off key still orders, only more
// coarsely, and nothing may follow it.
func (o *ordering) item(ref uint32) item {
	prefix, left := uint64(0), uint8(64)
	for _, k := range o.keys {
		if k.width == 0 {
			return item{prefix | o.head(ref, k)>>(64-left), ref}
		}
		var v uint64
		if o.users != nil { // the longest lists; this spares them a call for each key
			v = o.users.number(ref, k.field)
		} else {
			v = o.columns.number(ref, k.field)
		}
		prefix |= placed(v, k, left)
		if k.width >= left {
			return item{prefix, ref}
		}
		left -= k.width
	}
	return item{prefix, ref}
}

// placed puts a number where its key has so many bits left in a prefix.
func placed(v uint64, k sortKey, left uint8) uint64 {
	all := uint64(1)<<k.width - 1
	switch {
	case v >= all:
		v = all
	case k.descending:
		v = all - 1 - v
	}
	if k.width >= left {
		return v >> (k.width - left)
	}
	return v << (left - k.width)
}

// head returns the first bytes of a text as a number that orders like it.
func (o *ordering) head(ref uint32, k sortKey) uint64 {
	text := o.columns.text(ref, k.field)
	if len(text) == 0 && k.field != byID {
		return missing
	}
	var v uint64
	if len(text) >= 8 {
		v = binary.BigEndian.Uint64(text)
	} else {
		for i, b := range text {
			v |= uint64(b) << (56 - 8*i)
		}
	}
	if k.descending {
		v = ^v
	}
	return v
}

// compare orders two rows; no two are equal, since the last key is the id.
func (o *ordering) compare(a, b item) int {
	if a.prefix != b.prefix {
		if a.prefix < b.prefix {
			return -1
		}
		return 1
	}
	for _, k := range o.keys {
		if order := o.compareKey(a.ref, b.ref, k); order != 0 {
			return order
		}
	}
	return 0
}

// compareRows is compare without prefixes.
func (o *ordering) compareRows(a, b uint32) int { return o.compare(item{ref: a}, item{ref: b}) }

func (o *ordering) compareKey(a, b uint32, k sortKey) int {
	order, aMissing, bMissing := 0, false, false
	if k.width == 0 {
		x, y := o.columns.text(a, k.field), o.columns.text(b, k.field)
		order, aMissing, bMissing = bytes.Compare(x, y), len(x) == 0, len(y) == 0
	} else {
		x, y := o.columns.number(a, k.field), o.columns.number(b, k.field)
		aMissing, bMissing = x == missing, y == missing
		switch {
		case x < y:
			order = -1
		case x > y:
			order = 1
		}
	}
	switch {
	case aMissing && bMissing:
		return 0
	case aMissing:
		return 1
	case bMissing:
		return -1
	case k.descending:
		return -order
	default:
		return order
	}
}

// picker gathers the rows of one page while a list is walked. It keeps only as
// many rows as can still be on the page, and some more.
type picker struct {
	order *ordering
	// after is the row the page follows; nil for none.
	after *item
	from  int
	limit int
	// before is how many rows before the page are counted, but were not looked at.
	before int
	// matching counts all rows, left those after the cursor.
	matching int
	left     int
	items    []item
	// bound is the largest prefix that can still be on the page.
	bound uint64
}

func newPicker(o *ordering, p countersign.Page, find func(id string) (uint32, bool)) (*picker, error) {
	const most = 1 << 30 // more rows than there can be, and sums of them are numbers
	s := &picker{order: o, from: min(max(p.Offset, 0), most), limit: min(max(p.Limit, 0), most), bound: missing}
	if p.After == "" {
		return s, nil
	}
	ref, ok := find(p.After)
	if !ok {
		return nil, countersign.E(countersign.Invalid, "cursor", "names a row that is not there; begin again without a cursor")
	}
	after := o.item(ref)
	s.after, s.from = &after, 0
	return s, nil
}

func (s *picker) add(ref uint32) {
	s.matching++
	if s.limit > 0 {
		s.offer(s.order.item(ref))
	}
}

// offer takes a row, already counted, if it can be on the page.
func (s *picker) offer(it item) {
	if s.after != nil {
		if it.prefix < s.after.prefix || (it.prefix == s.after.prefix && s.order.compare(*s.after, it) >= 0) {
			return
		}
		s.left++
	}
	if it.prefix > s.bound {
		return
	}
	if s.items == nil {
		s.items = scratch.get()
	}
	s.items = append(s.items, it)
	if keep := s.from - s.before + s.limit; keep <= size.keepRows && len(s.items) >= 2*keep+size.spareRows {
		s.shrink(keep)
	}
}

// helper is a picker for a part of the rows.
func (s *picker) helper(o *ordering) *picker {
	return &picker{order: o, after: s.after, from: s.from, limit: s.limit, before: s.before, bound: missing}
}

// join takes what a helper has picked.
func (s *picker) join(h *picker) {
	s.matching += h.matching
	s.left += h.left
	if s.items == nil {
		s.items = h.items
		return
	}
	s.items = append(s.items, h.items...)
	scratch.put(h.items)
}

// shrink forgets the rows beyond the page.
func (s *picker) shrink(keep int) {
	partition(s.items, s.order.compare, keep)
	s.items = s.items[:keep]
	s.bound = 0
	for _, it := range s.items {
		s.bound = max(s.bound, it.prefix)
	}
}

// page returns the rows of the page, in order, and whether rows remain after it.
// The picker is used up then.
func (s *picker) page() (refs []uint32, more bool) {
	if s.after == nil {
		s.left = s.matching - min(s.from, s.matching)
	}
	from := s.from - s.before
	items, from, to := narrow(s.items, from, from+min(s.limit, s.left))
	for _, it := range window(items, s.order.compare, from, to) {
		refs = append(refs, it.ref)
	}
	scratch.put(s.items)
	s.items = nil
	return refs, s.limit > 0 && s.left > s.limit
}

// bucketBits is how many bits of the prefixes are told apart in one go.
const bucketBits = 11

// narrow leaves out rows whose prefix alone says that they come before from or
// not before to, and gives both places among the others. It moves the rows.
func narrow(rows []item, from, to int) ([]item, int, int) {
	for rounds := 64 / bucketBits; rounds >= 0 && len(rows) > size.narrowRows && from < to; rounds-- {
		least, most := uint64(missing), uint64(0)
		for i := range rows {
			least, most = min(least, rows[i].prefix), max(most, rows[i].prefix)
		}
		shift := max(bits.Len64(most-least), bucketBits) - bucketBits
		var counts [1 << bucketBits]int
		for i := range rows {
			counts[(rows[i].prefix-least)>>shift]++
		}
		first, last, before := 0, len(counts)-1, 0
		for ; first < last && before+counts[first] <= from; first++ {
			before += counts[first]
		}
		upTo := before
		for n := first; n < len(counts); n++ {
			if upTo += counts[n]; upTo >= to {
				last = n
				break
			}
		}
		kept := rows[:0]
		for _, it := range rows {
			if n := int((it.prefix - least) >> shift); first <= n && n <= last {
				kept = append(kept, it)
			}
		}
		rows, from, to = kept, from-before, to-before
		if shift == 0 {
			break
		}
	}
	return rows, from, to
}

// scratch keeps the memory of pickers from one list to the next: a deep page of a
// long list takes megabytes of it.
var scratch itemPool //nolint:gochecknoglobals // a pool is one for all

type itemPool struct{ pool sync.Pool }

func (p *itemPool) get() []item {
	if list, ok := p.pool.Get().(*[]item); ok {
		return (*list)[:0]
	}
	return make([]item, 0, 1024)
}

func (p *itemPool) put(list []item) {
	if cap(list) > 0 {
		p.pool.Put(&list)
	}
}

// window returns the rows from..to of the order, without ordering the others:
// it moves the rows of the list about.
func window[T any](rows []T, order func(a, b T) int, from, to int) []T {
	from, to = min(from, len(rows)), min(to, len(rows))
	if from >= to {
		return nil
	}
	partition(rows, order, from)
	rest := rows[from:]
	partition(rest, order, to-from)
	page := rest[:to-from]
	slices.SortFunc(page, order)
	return page
}

// partition moves the n smallest rows to the front: quickselect, median of
// three, with a full sort once the pivots turn out badly.
func partition[T any](rows []T, order func(a, b T) int, n int) {
	const small = 32
	for tries := 0; len(rows) > small; tries++ {
		if n <= 0 || n >= len(rows) {
			return
		}
		if tries > 64 {
			break
		}
		lower := split(rows, order)
		if n <= lower {
			rows = rows[:lower]
		} else {
			rows, n = rows[lower:], n-lower
		}
	}
	slices.SortFunc(rows, order)
}

// split parts the rows around a pivot (Hoare) and returns how many are in the
// lower part: at least one, and not all.
func split[T any](rows []T, order func(a, b T) int) int {
	last := len(rows) - 1
	a, b, c := rows[0], rows[last/2], rows[last]
	if order(a, b) > 0 {
		a, b = b, a
	}
	if order(b, c) > 0 {
		b = c
	}
	if order(a, b) > 0 {
		b = a
	}
	i, j := -1, len(rows)
	for {
		for i++; order(rows[i], b) < 0; i++ {
		}
		for j--; order(rows[j], b) > 0; j-- {
		}
		if i >= j {
			return j + 1
		}
		rows[i], rows[j] = rows[j], rows[i]
	}
}
