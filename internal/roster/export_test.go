package roster

import (
	"fmt"

	"github.com/countersign/countersign"
)

// Nodes counts what a book keeps: users, groups and memberships, ids that open
// requests hang on, open requests.
func (b *Book) Nodes() [7]int {
	p := b.Picture()
	return [7]int{
		p.users.living, p.groups.living, p.members.living, p.pending.users.count, p.pending.groups.count,
		p.pending.members.count, len(p.pending.changes),
	}
}

// LowerSizes lets small worlds go all ways of making a list; what it returns
// undoes it.
func LowerSizes() (undo func()) {
	before := size
	size = sizes{walkRows: 20, walkPart: 8, partRows: 1, spareRows: 10, keepRows: 30, narrowRows: 5}
	return func() { size = before }
}

// InOrder lists the living users as they are kept in order, and how many blocks
// that takes; an error for an order or a count that is not what the rows say.
func (p *Picture) InOrder() (ids []countersign.UserID, blocks int, err error) {
	var last uint32
	var counts [classes]uint32
	for _, b := range p.inOrder.blocks {
		if b.n == 0 || b.n > blockRows {
			return nil, 0, fmt.Errorf("a block of %d", b.n)
		}
		for _, row := range b.list() {
			if len(ids) > 0 && p.compareUsers(last, row) >= 0 {
				return nil, 0, fmt.Errorf("row %d stands before row %d", last, row)
			}
			c, i := p.users.at(row)
			if last = row; c.state(i) == userDeleted || c.state(i) == noRow {
				return nil, 0, fmt.Errorf("row %d is not living", row)
			}
			counts[c.class[i]]++
			ids = append(ids, countersign.UserID(c.id[i].text()))
		}
	}
	if len(ids) != p.users.living || counts != p.census.of {
		return nil, 0, fmt.Errorf("%d of %d in order; counts %v, want %v", len(ids), p.users.living, p.census.of, counts)
	}
	return ids, len(p.inOrder.blocks), nil
}

// MembersInOrder lists a group's living memberships as they are kept.
func (p *Picture) MembersInOrder(id countersign.GroupID) (ids []countersign.MembershipID) {
	g := p.team(id)
	g.c.members[g.i].each(func(row uint32) {
		c, i := p.members.at(row)
		ids = append(ids, countersign.MembershipID(c.id[i].text()))
	})
	return ids
}
