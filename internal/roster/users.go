package roster

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// question is the moment a question is asked at.
type question struct {
	time time.Time
	at   int64
}

func ask(now time.Time) question { return question{now, now.UnixMicro()} }

// userColumns gives the values users are ordered by.
type userColumns struct {
	p      *Picture
	births []*userBirth
	// seen is how the list sees roles and states.
	seen *lens
	// last is the chunk asked for last: lists go through them one by one.
	last  *userChunk
	lastN uint32
}

func (l *userColumns) at(ref uint32) (*userChunk, uint32) {
	if n := ref >> userShift; l.last == nil || n != l.lastN {
		l.last, l.lastN = l.p.users.chunk(n), n
	}
	return l.last, ref & (userRows - 1)
}

func (l *userColumns) number(ref uint32, f field) uint64 {
	if ref&born != 0 {
		u := l.births[ref&^born]
		switch f {
		case byRole:
			return rankOf(l.seen.role(u.class()))
		case byState:
			return rankOf(l.seen.state(u.class()))
		case byType:
			return rankOf(u.class().kind())
		case byCreated:
			return ascending(u.CreatedAt.UnixMicro())
		case byNumber:
			return uint64(u.Number)
		default:
			return missing
		}
	}
	c, i := l.at(ref)
	switch f {
	case byRole:
		return rankOf(l.seen.role(c.class[i]))
	case byState:
		return rankOf(l.seen.state(c.class[i]))
	case byType:
		return rankOf(c.kind(i))
	case byCreated:
		return ascending(c.created[i])
	case byKeepAlive:
		return ascending(c.keepAlive(i))
	case byNumber:
		return uint64(c.number(i))
	default:
		return missing
	}
}

// rankOf makes a code a number; the empty word is missing.
func rankOf(code uint8) uint64 {
	if code == 0 {
		return missing
	}
	return uint64(code)
}

func (l *userColumns) text(ref uint32, f field) []byte {
	if ref&born != 0 {
		u := l.births[ref&^born]
		switch f {
		case byName:
			return []byte(u.name)
		case byEmail:
			return []byte(u.email)
		default:
			return u.id[:]
		}
	}
	c, i := l.at(ref)
	switch f {
	case byName:
		return c.name(i)
	case byEmail:
		return c.email(i)
	default:
		return c.id[i][:]
	}
}

func userField(name string) (sortKey, bool) {
	switch name {
	case "role":
		return sortKey{field: byRole, width: wordWidth}, true
	case "state":
		return sortKey{field: byState, width: wordWidth}, true
	case "type":
		return sortKey{field: byType, width: wordWidth}, true
	case "created":
		return sortKey{field: byCreated, width: timeWidth}, true
	case "number":
		return sortKey{field: byNumber, width: numberWidth}, true
	case "last_keep_alive":
		return sortKey{field: byKeepAlive, width: timeWidth}, true
	case "name":
		return sortKey{field: byName}, true
	case "email":
		return sortKey{field: byEmail}, true
	default:
		return sortKey{}, false
	}
}

func userOrder(sort []countersign.SortKey) (*ordering, error) {
	return newOrdering(sort, userField, defaultOrder()...)
}

// userBirths lists the users that open requests would create, as they are seen now.
func (p *Picture) userBirths(now time.Time) []*userBirth {
	if p.pending.births == 0 {
		return nil
	}
	var list []*userBirth
	seen := map[uuid]bool{}
	for _, c := range p.pending.changes {
		for _, op := range c.cause.Operations {
			id, ok := parseID(userToBe(op))
			if !ok || seen[id] {
				continue
			}
			seen[id] = true
			n := p.personByID(&id)
			if u := n.birth(now); u != nil {
				list = append(list, u)
			}
		}
	}
	return list
}

// Users answers a list of users. Of its own it refuses an unknown sort field
// (Invalid, "sort_by") and a page after an unknown user (Invalid, "cursor").
func (p *Picture) Users(f countersign.UserFilter, sort []countersign.SortKey, page countersign.Page, now time.Time) (List[countersign.UserView], error) {
	list := List[countersign.UserView]{Revision: p.position}
	order, err := userOrder(sort)
	if err != nil {
		return list, err
	}
	match := p.newUserFilter(&f, ask(now))
	if match.cold() && !p.cold {
		return list, ErrCold
	}
	columns := &userColumns{p: p, births: p.userBirths(now), seen: match.seen}
	order.columns, order.users = columns, columns
	picked, err := newPicker(order, page, columns.find)
	if err != nil {
		return list, err
	}
	var refs []uint32
	refs, list.Total, list.More = p.pickUsers(match, columns, picked)
	list.Items = make([]countersign.UserView, len(refs))
	for i, ref := range refs {
		n := columns.person(ref)
		list.Items[i] = p.userView(&n, now)
	}
	return list, nil
}

func (l *userColumns) person(ref uint32) person {
	if ref&born != 0 {
		return l.p.personByID(&l.births[ref&^born].id)
	}
	return l.p.personAt(ref)
}

// find finds the row a cursor names.
func (l *userColumns) find(text string) (uint32, bool) {
	id, ok := parseID(text)
	if !ok {
		return 0, false
	}
	if row, ok := l.p.userRow(&id); ok {
		return row, true
	}
	for i, u := range l.births {
		if u.id == id {
			return uint32(i) | born, true
		}
	}
	return 0, false
}

// pickUsers finds the rows of a page and counts all that match, in the way that
// looks at the fewest.
func (p *Picture) pickUsers(match *userFilter, columns *userColumns, picked *picker) (refs []uint32, total int, more bool) {
	match.prepare()
	if match.nothing {
		return nil, 0, false
	}
	known := p.settle(match, columns)
	if known.known && (picked.limit == 0 || known.total == 0) {
		return nil, known.total, false
	}
	if known.known && picked.order.byDefault() {
		if refs, more, ok := p.walkUsers(match, known, picked); ok {
			return refs, known.total, more
		}
	}
	if known.known && len(known.births) == 0 && picked.numbered() {
		if refs, more, ok := p.walkNumberedUsers(match, known, picked); ok {
			return refs, known.total, more
		}
	}
	if known.known {
		picked.before = match.narrowLeads(known, picked)
	}
	p.pass(match, columns, picked)
	for _, ref := range known.births {
		if !known.known || match.passes[columns.births[ref&^born].class()] != 0 {
			picked.add(ref)
		}
	}
	if known.known {
		picked.matching = known.total
	}
	total = picked.matching
	refs, more = picked.page()
	return refs, total, more
}

// byDefault reports whether users come in the order that they are kept in.
func (o *ordering) byDefault() bool { return slices.Equal(o.keys, defaultOrder()) }

func defaultOrder() []sortKey {
	return []sortKey{{field: byName}, {field: byCreated, width: timeWidth}, {field: byID}}
}
