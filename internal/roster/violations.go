package roster

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// Violation is somebody who could hold permissions of two sides or more of an
// exclusion, whatever brought him there before it was in force.
type Violation struct {
	Exclusion string
	User      countersign.UserID
	Name      string
	Type      countersign.UserType
	State     countersign.UserState
	// Sides are what he could hold of each side, in the order of the policy; empty
	// for a side of which he holds nothing.
	Sides [][]countersign.Permission
}

// Place names a row of the list, for the page after it.
func (v *Violation) Place() string { return placeOf(v.Exclusion) + "/" + string(v.User) }

// placeOf is short whatever the id of an exclusion is.
func placeOf(exclusion string) string {
	sum := sha256.Sum256([]byte(exclusion))
	return hex.EncodeToString(sum[:8])
}

// livingStates are all but no row at all and deleted.
const livingStates uint16 = 0xffff &^ (1<<noRow | 1<<userDeleted)

// violator is a row of the list before it is read.
type violator struct {
	exclusion int
	id        uuid
	row       uint32
}

func inOrder(a, b violator) int {
	return cmp.Or(cmp.Compare(a.exclusion, b.exclusion), compareIDs(a.id, b.id))
}

// Violations lists who could hold permissions of two sides of an exclusion, by
// exclusion as given, then id: living users of any state, with every membership
// that is not over; what open requests would add is left out. It unites who holds
// each side, and looks at single users only for the page. The error is Invalid for
// a cursor of no such list.
func (p *Picture) Violations(exclusions []countersign.Exclusion, page countersign.Page, now time.Time) (List[Violation], error) {
	d := newDuties(exclusions, now)
	var all []violator
	for x := range exclusions {
		p.onTwoSides(d, x).words(func(n uint32, word uint64) {
			c := p.users.chunk(n)
			eachBit(word, func(i uint32) { all = append(all, violator{x, c.id[i], n<<userShift + i}) })
		})
	}
	slices.SortFunc(all, inOrder)
	list := List[Violation]{Total: len(all), Revision: p.position}
	from := min(max(page.Offset, 0), len(all))
	if page.After != "" {
		after, ok := d.place(page.After)
		if !ok {
			return list, countersign.E(countersign.Invalid, "cursor", "names a row that is not there; begin again without a cursor")
		}
		at, there := slices.BinarySearchFunc(all, after, inOrder)
		if from = at; there {
			from++
		}
	}
	to := from + min(max(page.Limit, 0), len(all)-from)
	for _, v := range all[from:to] {
		list.Items = append(list.Items, p.violation(d, v.exclusion, v.row))
	}
	list.More = page.Limit > 0 && to < len(all)
	return list, nil
}

// place reads a cursor.
func (d *duties) place(text string) (violator, bool) {
	exclusion, user, _ := strings.Cut(text, "/")
	id, ok := parseID(countersign.UserID(user))
	x := slices.IndexFunc(d.exclusions, func(e countersign.Exclusion) bool { return placeOf(e.ID) == exclusion })
	return violator{exclusion: x, id: id}, ok && x >= 0
}

// onTwoSides returns who is among the holders of two sides of an exclusion.
func (p *Picture) onTwoSides(d *duties, x int) *rowSet {
	once, twice := newRowSet(p.users.chunks()), newRowSet(p.users.chunks())
	for _, side := range d.sides[x] {
		p.reached(livingStates, func(set *permSet) bool {
			_, some := d.firstOf(side, d.set(set), nil)
			return some
		}, func(c *memberChunk, i uint32) bool {
			_, expires := c.termOf(i)
			return d.at < until(expires)
		}).words(func(n uint32, word uint64) {
			eachBit(word, func(i uint32) {
				row := n<<userShift + i
				if once.has(row) {
					twice.add(row)
				}
				once.add(row)
			})
		})
	}
	return twice
}

func (p *Picture) violation(d *duties, x int, row uint32) Violation {
	n := p.personAt(row)
	u := n.c.user(n.i)
	v := Violation{Exclusion: d.exclusions[x].ID, User: u.ID, Name: u.Name, Type: u.Type, State: u.State}
	holds := d.held(nil, p, &n)
	for _, side := range d.exclusions[x].Sides {
		held := []countersign.Permission{}
		for _, permission := range side {
			if id := d.ids[permission]; id/64 < len(holds) && holds[id/64]>>(id%64)&1 != 0 {
				held = append(held, permission)
			}
		}
		slices.Sort(held)
		v.Sides = append(v.Sides, held)
	}
	return v
}
