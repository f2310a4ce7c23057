package roster

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// Lists in the order of numbers show what exists: nothing deleted, and nothing
// that only an open request would create. They are walks along the numbers, or
// along the members of a group, so a page costs what it holds and what it skips.

// walk visits the rows that numbers above one were given to, in order, until
// visit returns false. Whether a row still has the number is for visit to see.
func (x *numbers) walk(after int64, visit func(number int64, row uint32) bool) {
	for number := max(after, 0) + 1; number < maxNumber; {
		n := number / blockNumbers
		if int(n/pageBlocks) >= len(x.pages) {
			return
		}
		page := x.pages[n/pageBlocks]
		if page == nil {
			number = (n/pageBlocks + 1) * pageBlocks * blockNumbers
			continue
		}
		block := page.blocks[n%pageBlocks]
		if block == nil {
			number = (n + 1) * blockNumbers
			continue
		}
		for ; number/blockNumbers == n; number++ {
			if entry := block.rows[number%blockNumbers]; entry != 0 && !visit(number, entry-1) {
				return
			}
		}
	}
}

// slice gathers the rows of a page in a walk.
type slice struct {
	page countersign.NumberPage
	rows []uint32
	// seen counts the rows that match, as far as the walk went.
	seen int
	more bool
}

// take takes a row that matches, and reports whether to go on. A total that is
// known already ends the walk with the page.
func (s *slice) take(row uint32, known bool) bool {
	s.seen++
	switch {
	case s.seen <= s.page.Offset:
	case len(s.rows) < s.page.Limit:
		s.rows = append(s.rows, row)
	default:
		s.more = true
		return !known && !s.page.Uncounted
	}
	return true
}

// NumberedUsers lists people and API users.
func (p *Picture) NumberedUsers(f countersign.NumberedUserFilter, page countersign.NumberPage, now time.Time) List[countersign.UserView] {
	prefix := []byte(names.Fold(f.Prefix))
	plain := len(prefix) == 0 && len(f.Profile) == 0 && f.InvitedBy == ""
	known := plain && page.After == 0
	s := slice{page: page}
	p.userNumbers.walk(page.After, func(number int64, row uint32) bool {
		c, i := p.users.at(row)
		if !listed(c.class[i]) || c.number(i) != number || !plain && !c.fits(i, prefix, &f) {
			return true
		}
		return s.take(row, known)
	})
	list := List[countersign.UserView]{Items: make([]countersign.UserView, len(s.rows)), Total: s.seen, Revision: p.position, More: s.more}
	if known {
		list.Total = 0
		for k, n := range p.census.of {
			if listed(class(k)) {
				list.Total += int(n)
			}
		}
	}
	for i, row := range s.rows {
		n := p.personAt(row)
		list.Items[i] = p.userView(&n, now)
	}
	return list
}

// listed reports whether users of a class are people or API users who live.
func listed(k class) bool {
	return (k.kind() == typePerson || k.kind() == typeAPIUser) && k.state() != userDeleted && k.state() != noRow
}

func (c *userChunk) fits(i uint32, prefix []byte, f *countersign.NumberedUserFilter) bool {
	if !bytes.HasPrefix(c.name(i), prefix) && !bytes.HasPrefix(c.email(i), prefix) {
		return false
	}
	if len(f.Profile) == 0 && f.InvitedBy == "" {
		return true
	}
	if flags := binary.LittleEndian.Uint16(c.recs[c.recAt[i]:]); len(f.Profile) > 0 && !has(flags, userProfile) {
		return false
	}
	u := c.user(i)
	for name, value := range f.Profile {
		if u.Profile[name] != value {
			return false
		}
	}
	return f.InvitedBy == "" || u.InvitedBy == f.InvitedBy
}

// NumberedGroups lists groups whose name begins with a text, compared folded.
func (p *Picture) NumberedGroups(prefix string, page countersign.NumberPage, now time.Time) List[countersign.GroupView] {
	folded := []byte(names.Fold(prefix))
	known := len(folded) == 0 && page.After == 0
	s := slice{page: page}
	p.groupNumbers.walk(page.After, func(number int64, row uint32) bool {
		c, i := p.groups.at(row)
		if c.state[i] == noRow || c.state[i] == groupDeleted || c.number(i) != number || !bytes.HasPrefix(c.name(i), folded) {
			return true
		}
		return s.take(row, known)
	})
	list := List[countersign.GroupView]{Items: make([]countersign.GroupView, len(s.rows)), Total: s.seen, Revision: p.position, More: s.more}
	if known {
		list.Total = p.groups.living
	}
	for i, row := range s.rows {
		n := p.teamAt(row)
		list.Items[i] = p.groupView(&n, now)
	}
	return list
}

// NumberedMembers lists who is in a group: pending removals still, pending
// additions not yet, whatever the term.
func (p *Picture) NumberedMembers(group countersign.GroupID, page countersign.NumberPage, now time.Time) List[countersign.MembershipView] {
	list := List[countersign.MembershipView]{Revision: p.position, Items: []countersign.MembershipView{}}
	n := p.team(group)
	if n.c == nil {
		return list
	}
	members := n.c.members[n.i]
	skip, taken := page.Offset, 0
	var before func(uint32) bool
	if page.After > 0 {
		before = func(row uint32) bool {
			c, i := p.members.at(row)
			return c.numberOf(i) <= page.After
		}
	}
	members.from(before, skip, func(row uint32) bool {
		if taken++; taken > page.Limit {
			list.More = true
			return false
		}
		list.Items = append(list.Items, p.membershipView(member{row: row}, now))
		return true
	})
	list.Total = members.len()
	return list
}

// NumberedMemberships lists the groups a user is in, in the same way.
func (p *Picture) NumberedMemberships(user countersign.UserID, page countersign.NumberPage, now time.Time) List[countersign.MembershipView] {
	n := p.person(user)
	rows := make([]uint32, 0, len(n.links()))
	for _, l := range n.links() {
		rows = append(rows, l.member)
	}
	slices.SortFunc(rows, p.compareMembers)
	list := List[countersign.MembershipView]{Revision: p.position, Total: len(rows), Items: []countersign.MembershipView{}}
	from, _ := slices.BinarySearchFunc(rows, page.After, func(row uint32, after int64) int {
		c, i := p.members.at(row)
		return cmp.Or(cmp.Compare(c.numberOf(i), after), -1)
	})
	rows = rows[min(from+max(page.Offset, 0), len(rows)):]
	list.More = len(rows) > page.Limit
	for _, row := range rows[:min(page.Limit, len(rows))] {
		list.Items = append(list.Items, p.membershipView(member{row: row}, now))
	}
	return list
}

// FirstAdmin is the active admin with the smallest number.
func (p *Picture) FirstAdmin(now time.Time) countersign.UserID {
	var first countersign.UserID
	least := int64(0)
	for _, id := range p.ActiveAdmins(now) {
		n := p.person(id)
		if number := n.number(now); first == "" || number < least {
			first, least = id, number
		}
	}
	return first
}
