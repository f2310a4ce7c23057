package roster

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"github.com/countersign/countersign"
)

const (
	memberShift = 8
	memberRows  = 1 << memberShift
)

// memberChunk holds 256 memberships in as little as they need, since there are
// many. What the rows of one transaction have in common stands once.
type memberChunk struct {
	owner uint64
	// id stands apart, since most edits leave it alone; idOwner is whose copy it is.
	id      *[memberRows]uuid
	idOwner uint64
	user    [memberRows]uint32
	group   [memberRows]uint32
	number  [memberRows]uint32
	flags   [memberRows]uint8
	stamp   [memberRows]uint8
	stamps  []stamp
	// terms are those of the rows that have one, by row.
	terms []term
	// wide holds the numbers when one of them does not fit into 32 bits.
	wide []int64
}

// The flags of a membership: two bits of state, two of role, then the switches.
const (
	memberRoleShift  = 2
	switchAccounts   = 1 << 4
	switchEdits      = 1 << 5
	switchReports    = 1 << 6
	switchLogin      = 1 << 7
	memberStateBits  = 3
	memberRoleBits   = 3
	maxStamps        = memberRows
	stampsRemembered = 4
)

// stamp is when a row was written, and at which position.
type stamp struct{ version, created, modified int64 }

// term bounds the time in which a membership grants, in microseconds as stored.
type term struct {
	row             uint8
	starts, expires int64
}

func (c *memberChunk) token() *uint64 { return &c.owner }

func (c *memberChunk) copied() *memberChunk {
	d := *c
	return &d
}

func (c *memberChunk) setID(i uint32, id uuid) {
	switch {
	case c.id == nil:
		c.id, c.idOwner = new([memberRows]uuid), c.owner
	case c.id[i] == id:
		return
	case c.idOwner != c.owner:
		mine := *c.id
		c.id, c.idOwner = &mine, c.owner
	}
	c.id[i] = id
}

func (c *memberChunk) state(i uint32) uint8 { return c.flags[i] & memberStateBits }

func (c *memberChunk) role(i uint32) uint8 { return c.flags[i] >> memberRoleShift & memberRoleBits }

func (c *memberChunk) rowID(i uint32) (*uuid, bool) { return &c.id[i], c.state(i) != noRow }

func (c *memberChunk) size() int64 {
	return int64(unsafe.Sizeof(*c)) + int64(unsafe.Sizeof(*c.id)) + int64(cap(c.stamps))*int64(unsafe.Sizeof(stamp{})) +
		int64(cap(c.terms))*int64(unsafe.Sizeof(term{})) + int64(cap(c.wide))*8
}

func (c *memberChunk) free(i, next uint32) {
	c.flags[i] = noRow
	var id uuid
	binary.LittleEndian.PutUint32(id[:], next)
	c.setID(i, id)
	c.setTerm(i, unbounded, unbounded, false)
}

func (c *memberChunk) next(i uint32) uint32 { return binary.LittleEndian.Uint32(c.id[i][:]) }

// termOf returns the bounds as stored.
func (c *memberChunk) termOf(i uint32) (starts, expires int64) {
	for k := range c.terms {
		if c.terms[k].row == uint8(i) {
			return c.terms[k].starts, c.terms[k].expires
		}
	}
	return unbounded, unbounded
}

// grantsAt reports whether the term has begun and is not over.
func (c *memberChunk) grantsAt(i uint32, at int64) bool {
	starts, expires := c.termOf(i)
	return starts <= at && at < until(expires)
}

// until makes a missing end a very late one; a missing start is very early.
func until(expires int64) int64 {
	if expires == unbounded {
		return math.MaxInt64
	}
	return expires
}

func (c *memberChunk) setTerm(i uint32, starts, expires int64, loading bool) {
	at := slices.IndexFunc(c.terms, func(t term) bool { return t.row == uint8(i) })
	var with []term
	if starts != unbounded || expires != unbounded {
		with = []term{{row: uint8(i), starts: starts, expires: expires}}
	}
	switch {
	case at >= 0:
		c.terms = spliced(c.terms, uint32(at), uint32(at)+1, with)
	case len(with) > 0:
		c.terms = replaced(c.terms, uint32(len(c.terms)), uint32(len(c.terms)), with, loading)
	}
}

func (c *memberChunk) setStamp(i uint32, s stamp, loading bool) {
	for k, tries := len(c.stamps)-1, 0; k >= 0 && (tries < stampsRemembered || !loading); k, tries = k-1, tries+1 {
		if c.stamps[k] == s {
			c.stamp[i] = uint8(k)
			return
		}
	}
	if len(c.stamps) == maxStamps {
		c.packStamps(i)
	}
	n := uint32(len(c.stamps))
	c.stamps = replaced(c.stamps, n, n, []stamp{s}, loading)
	c.stamp[i] = uint8(n)
}

// packStamps forgets the stamps no row has, the one of row i among them, so that
// there is room for another.
func (c *memberChunk) packStamps(i uint32) {
	var packed []stamp
	seen := map[stamp]uint8{}
	for k := range uint32(memberRows) {
		if k == i || c.state(k) == noRow {
			continue
		}
		s := c.stamps[c.stamp[k]]
		at, ok := seen[s]
		if !ok {
			at = uint8(len(packed))
			seen[s] = at
			packed = append(packed, s)
		}
		c.stamp[k] = at
	}
	c.stamps = packed
}

func (c *memberChunk) numberOf(i uint32) int64 {
	if c.wide != nil {
		return c.wide[i]
	}
	return int64(c.number[i])
}

func (c *memberChunk) setNumber(i uint32, number int64) {
	c.number[i] = uint32(number)
	switch {
	case c.wide != nil:
		c.wide = slices.Clone(c.wide)
		c.wide[i] = number
	case int64(c.number[i]) != number:
		c.wide = make([]int64, memberRows)
		for k := range c.wide {
			c.wide[k] = int64(c.number[k])
		}
		c.wide[i] = number
	}
}

// set writes a membership into a row of a chunk that is ours to write.
func (c *memberChunk) set(i uint32, id uuid, user, group uint32, m *countersign.Membership, loading bool) error {
	state, err := code(memberStates, m.State)
	if err != nil || state == noRow {
		return errNoState
	}
	role, err := code(memberRoles, m.Role)
	if err != nil {
		return err
	}
	c.setStamp(i, stamp{m.Version, m.CreatedAt.UnixMicro(), m.ModifiedAt.UnixMicro()}, loading)
	c.setID(i, id)
	c.user[i], c.group[i] = user, group
	c.flags[i] = state | role<<memberRoleShift | switches(m.Configurable)
	c.setNumber(i, m.Number)
	c.setTerm(i, m.StartsAt.UnixMicro(), m.ExpiresAt.UnixMicro(), loading)
	return nil
}

func switches(c countersign.ConfigurablePermissions) (bits uint8) {
	if c.CreateAccounts {
		bits |= switchAccounts
	}
	if c.EditAccounts {
		bits |= switchEdits
	}
	if c.RunReports {
		bits |= switchReports
	}
	if c.InstantLogin {
		bits |= switchLogin
	}
	return bits
}

// membership gives a row back as it was stored, without the ids of its sides.
func (c *memberChunk) membership(i uint32) countersign.Membership {
	flags, s := c.flags[i], c.stamps[c.stamp[i]]
	starts, expires := c.termOf(i)
	return countersign.Membership{
		ID: countersign.MembershipID(c.id[i].text()), Number: c.numberOf(i), Role: memberRoles[c.role(i)], State: memberStates[c.state(i)],
		Configurable: countersign.ConfigurablePermissions{
			CreateAccounts: flags&switchAccounts != 0, EditAccounts: flags&switchEdits != 0,
			RunReports: flags&switchReports != 0, InstantLogin: flags&switchLogin != 0,
		},
		StartsAt: fromMicro(starts), ExpiresAt: fromMicro(expires),
		CreatedAt: fromMicro(s.created), ModifiedAt: fromMicro(s.modified), Version: s.version,
	}
}
