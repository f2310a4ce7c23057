package roster

import "slices"

// settled is what is known about a list of users before any row is looked at:
// who would be born into it, and how many it has, when a sum says so.
type settled struct {
	// births are references to those that match.
	births []uint32
	counts [classes]uint32
	total  int
	// known is set when total is.
	known bool
}

func (p *Picture) settle(match *userFilter, columns *userColumns) *settled {
	s := &settled{}
	for i, u := range columns.births {
		if match.birth(u) {
			s.births = append(s.births, uint32(i)|born)
			s.counts[u.class()%classes]++
		}
	}
	if !match.byClass() {
		return s
	}
	s.known = true
	for k, pass := range match.passes {
		if pass != 0 {
			s.counts[k] += p.census.of[k]
			s.total += int(s.counts[k])
		}
	}
	return s
}

// class is that of the user as he would be.
func (u *userBirth) class() class {
	kind, _ := code(userTypes, u.Type)
	role, _ := code(userRoles, u.Role)
	state, _ := code(userStates, u.State)
	return classOf(kind, role, state)
}

// byClass reports whether the filter asks for nothing but types, roles and
// states of the living.
func (m *userFilter) byClass() bool {
	return !m.nothing && !m.textually && len(m.sets)+len(m.without) == 0 && !m.cold()
}

// sizes say from when on which way of making a list is the better one. Tests
// lower them, so that small worlds go all ways.
type sizes struct {
	// walkRows and one living user in walkPart is how many rows are visited one by
	// one, wherever in memory they are, before a pass over all is the better way.
	walkRows, walkPart int
	// partRows is how many rows are looked at in parts, side by side.
	partRows uint32
	// spareRows is how many a picker gathers beyond its page before it looks which
	// can go, unless the page ends behind keepRows.
	spareRows, keepRows int
	// narrowRows is how many are narrowed down by their prefixes before any two
	// are compared.
	narrowRows int
}

//nolint:gochecknoglobals // nothing but tests sets it
var size = sizes{walkRows: 4096, walkPart: 16, partRows: 50_000, spareRows: 4096, keepRows: 32_768, narrowRows: 1024}

// walker goes through the living users in the order of the sequence, with those
// among them who are yet to be born.
type walker struct {
	p      *Picture
	match  *userFilter
	order  *ordering
	births []uint32
	at     spot
	// skip is how many matching rows come before the page.
	skip int
	want int
	refs []uint32
}

// walkUsers finds a page by going from its beginning to its end. It gives up
// when it takes so long that a pass is cheaper.
func (p *Picture) walkUsers(match *userFilter, known *settled, picked *picker) (refs []uint32, more, ok bool) {
	budget := size.walkRows + p.users.living/size.walkPart
	w := walker{p: p, match: match, order: picked.order, births: slices.Clone(known.births), skip: picked.from, want: picked.limit + 1}
	slices.SortFunc(w.births, func(a, b uint32) int { return w.order.compareRows(a, b) })
	switch {
	case picked.after != nil:
		w.begin(picked.after.ref)
	case known.total <= picked.from:
		return nil, false, true
	case len(w.births) == 0 && known.total == p.users.living:
		w.leap()
	}
	// How many rows that will take, if those that match are spread evenly.
	if visits := float64(min(w.skip+w.want, known.total)) * float64(p.users.living) / float64(known.total); visits > float64(budget) {
		return nil, false, false
	}
	if !w.run(budget) {
		return nil, false, false
	}
	more = len(w.refs) == w.want
	return w.refs[:min(len(w.refs), picked.limit)], more, true
}

// begin goes to where the row of a cursor stands, or would.
func (w *walker) begin(after uint32) {
	w.at = w.p.inOrder.seek(func(row uint32) bool { return w.order.compareRows(row, after) <= 0 })
	w.births = slices.DeleteFunc(w.births, func(ref uint32) bool { return w.order.compareRows(ref, after) <= 0 })
}

// leap goes past whole blocks of rows that all match.
func (w *walker) leap() {
	for w.at.block < len(w.p.inOrder.blocks) && w.skip >= int(w.p.inOrder.blocks[w.at.block].n) {
		w.skip -= int(w.p.inOrder.blocks[w.at.block].n)
		w.at.block++
	}
}

// run gathers rows until there are enough; false when the budget does not do.
func (w *walker) run(budget int) bool {
	blocks := w.p.inOrder.blocks
	for ; w.at.block < len(blocks); w.at = (spot{block: w.at.block + 1}) {
		for _, row := range blocks[w.at.block].list()[w.at.at:] {
			if budget--; budget < 0 {
				return false
			}
			if c, i := w.p.users.at(row); w.match.passes[c.class[i]%classes] == 0 {
				continue
			}
			for len(w.births) > 0 && w.order.compareRows(w.births[0], row) < 0 {
				w.take(w.births[0])
				w.births = w.births[1:]
			}
			w.take(row)
			if len(w.refs) >= w.want {
				return true
			}
		}
	}
	for _, ref := range w.births {
		w.take(ref)
	}
	return true
}

func (w *walker) take(ref uint32) {
	switch {
	case w.skip > 0:
		w.skip--
	case len(w.refs) < w.want:
		w.refs = append(w.refs, ref)
	}
}
