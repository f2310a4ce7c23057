package roster

// numbered reports whether rows come in the order of their numbers, from the first.
func (s *picker) numbered() bool {
	first := s.order.keys[0]
	return first.field == byNumber && !first.descending && s.after == nil
}

// walkNumbers finds a page of a list in the order of numbers by going from its
// beginning to its end. Without it a page would cost a look at every row. It is
// for lists of whose rows it is known how many match; false when what was found
// does not agree with that.
func (s *picker) walkNumbers(x *numbers, total int, takes func(number int64, row uint32) bool) (refs []uint32, more, ok bool) {
	want := min(s.limit, max(total-s.from, 0))
	more = want > 0 && total > s.from+want
	if want == 0 {
		return nil, false, true
	}
	skip := s.from
	x.walk(0, func(number int64, row uint32) bool {
		switch {
		case !takes(number, row):
		case skip > 0:
			skip--
		default:
			refs = append(refs, row)
		}
		return len(refs) < want
	})
	return refs, more, len(refs) == want
}

// walkNumberedUsers answers a list that asks for types, roles and states only.
func (p *Picture) walkNumberedUsers(match *userFilter, known *settled, picked *picker) (refs []uint32, more, ok bool) {
	return picked.walkNumbers(&p.userNumbers, known.total, func(number int64, row uint32) bool {
		c, i := p.users.at(row)
		return match.passes[c.class[i]%classes] != 0 && c.number(i) == number
	})
}

// walkNumberedGroups answers a list of all groups in effect; false when another
// is asked for.
func (p *Picture) walkNumberedGroups(match *groupFilter, picked *picker) (refs []uint32, more, ok bool) {
	if match.states != 1<<groupActive || !match.byState() || !picked.numbered() {
		return nil, false, false
	}
	return picked.walkNumbers(&p.groupNumbers, p.groups.living, func(number int64, row uint32) bool {
		c, i := p.groups.at(row)
		return c.state[i] == groupActive && c.number(i) == number
	})
}

// byState reports whether the filter asks for nothing but states.
func (m *groupFilter) byState() bool {
	return len(m.sets)+len(m.without)+len(m.text) == 0 && m.names == nil && m.modifiedBy == nil && m.f.Permission == ""
}
