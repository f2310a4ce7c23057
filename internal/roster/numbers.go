package roster

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

const (
	// blockNumbers numbers share a block of 1 KiB, which is what a new row copies
	// beside the page and the directory; pageBlocks blocks share a page.
	blockNumbers = 256
	pageBlocks   = 128
	// maxNumber bounds the directory. The store allots numbers one after another,
	// so one beyond it is no number of ours.
	maxNumber = 1 << 31
)

// numbers leads from the number of a row to the row, four bytes each. It only
// grows: the entry of a row that was dropped stays, and whoever follows one
// verifies the number in the row.
type numbers struct {
	owner uint64
	pages []*numberPage
}

type numberPage struct {
	owner  uint64
	blocks [pageBlocks]*numberBlock
}

// numberBlock holds rows + 1; 0 is nothing.
type numberBlock struct {
	owner uint64
	rows  [blockNumbers]uint32
}

const (
	numberPageSize  = 8 + 8 + 8*pageBlocks // with its entry in the directory
	numberBlockSize = 8 + 4*blockNumbers
)

// row returns the row that a number was last given to.
func (x *numbers) row(number int64) (uint32, bool) {
	if number <= 0 || number >= maxNumber {
		return 0, false
	}
	n := number / blockNumbers
	if int(n/pageBlocks) >= len(x.pages) {
		return 0, false
	}
	page := x.pages[n/pageBlocks]
	if page == nil || page.blocks[n%pageBlocks] == nil {
		return 0, false
	}
	entry := page.blocks[n%pageBlocks].rows[number%blockNumbers]
	return entry - 1, entry != 0
}

// note enters a row; added is how many bytes that takes.
func (x *numbers) note(number int64, row uint32, token uint64) (added int64) {
	if have, ok := x.row(number); number <= 0 || number >= maxNumber || (ok && have == row) {
		return 0
	}
	n := number / blockNumbers
	if x.owner != token {
		x.pages, x.owner = slices.Clone(x.pages), token
	}
	for int(n/pageBlocks) >= len(x.pages) {
		x.pages = append(x.pages, nil)
	}
	page := x.pages[n/pageBlocks]
	switch {
	case page == nil:
		page, added = &numberPage{owner: token}, numberPageSize
	case page.owner != token:
		mine := *page
		mine.owner, page = token, &mine
	}
	x.pages[n/pageBlocks] = page
	block := page.blocks[n%pageBlocks]
	switch {
	case block == nil:
		block, added = &numberBlock{owner: token}, added+numberBlockSize
	case block.owner != token:
		mine := *block
		mine.owner, block = token, &mine
	}
	page.blocks[n%pageBlocks] = block
	block.rows[number%blockNumbers] = row + 1
	return added
}

// UserByNumber returns the stored user of a number. Numbers lead to what exists
// only: not to whom an open request would create, and to a deleted one once what
// is cold is loaded.
func (p *Picture) UserByNumber(number int64, now time.Time) (countersign.UserView, bool) {
	row, ok := p.userNumbers.row(number)
	if !ok {
		return countersign.UserView{}, false
	}
	c, i := p.users.at(row)
	if _, used := c.rowID(i); !used || c.number(i) != number || (c.state(i) == userDeleted && !p.cold) {
		return countersign.UserView{}, false
	}
	n := p.personAt(row)
	return p.userView(&n, now), true
}

// GroupByNumber is the same for a group.
func (p *Picture) GroupByNumber(number int64, now time.Time) (countersign.GroupView, bool) {
	row, ok := p.groupNumbers.row(number)
	if !ok {
		return countersign.GroupView{}, false
	}
	c, i := p.groups.at(row)
	if _, used := c.rowID(i); !used || c.number(i) != number || (c.state[i] == groupDeleted && !p.cold) {
		return countersign.GroupView{}, false
	}
	n := p.teamAt(row)
	return p.groupView(&n, now), true
}

// MembershipByNumber is the same for a membership.
func (p *Picture) MembershipByNumber(number int64, now time.Time) (countersign.MembershipView, bool) {
	row, ok := p.memberNumbers.row(number)
	if !ok {
		return countersign.MembershipView{}, false
	}
	c, i := p.members.at(row)
	if _, used := c.rowID(i); !used || c.numberOf(i) != number {
		return countersign.MembershipView{}, false
	}
	return p.membershipView(member{row: row}, now), true
}
