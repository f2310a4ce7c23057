package roster

import (
	"math/bits"
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// What counts for a separation of duties (docs/adr/0027): what a living user of
// any state would hold if every membership had begun, those that are over left
// out; and where a change is judged, what the other open requests would add.

// Gains are those whom a batch gives something that an exclusion names.
type Gains struct {
	// Users gain it themselves, Groups give it to their members.
	Users  []countersign.UserID
	Groups []countersign.GroupID
}

// Conflict is somebody who would come to hold permissions of two sides.
type Conflict struct {
	Exclusion string
	User      countersign.UserID
	// Gained is what he did not hold before, Held what is on another side.
	Gained, Held countersign.Permission
}

// duties compares what users could hold with the exclusions of a policy. The
// permissions the exclusions name are numbered for it alone, from 0.
type duties struct {
	exclusions []countersign.Exclusion
	names      []countersign.Permission
	ids        map[countersign.Permission]int
	// sides are those of each exclusion.
	sides [][][]uint64
	// sets are those that somebody holds, read once.
	sets map[*permSet][]uint64
	at   int64

	// after shows the open requests that count, but for except.
	after  *Picture
	except countersign.ChangeID
	now    time.Time
	// proposed is what requests would let groups give, by group.
	proposed map[uuid][]uint64
}

func newDuties(exclusions []countersign.Exclusion, now time.Time) *duties {
	d := &duties{
		exclusions: exclusions, ids: map[countersign.Permission]int{}, sets: map[*permSet][]uint64{},
		at: now.UnixMicro(), now: now, proposed: map[uuid][]uint64{},
	}
	for _, exclusion := range exclusions {
		var sides [][]uint64
		for _, side := range exclusion.Sides {
			var words []uint64
			for _, p := range side {
				words = setBit(words, uint32(d.id(p)))
			}
			sides = append(sides, words)
		}
		d.sides = append(d.sides, sides)
	}
	return d
}

func (d *duties) id(p countersign.Permission) int {
	id, known := d.ids[p]
	if !known {
		id = len(d.names)
		d.ids[p] = id
		d.names = append(d.names, p)
	}
	return id
}

// list is what of some permissions the exclusions name.
func (d *duties) list(permissions []countersign.Permission) (words []uint64) {
	for _, p := range permissions {
		if id, named := d.ids[p]; named {
			words = setBit(words, uint32(id))
		}
	}
	return words
}

func (d *duties) set(s *permSet) []uint64 {
	if s == nil {
		return nil
	}
	words, read := d.sets[s]
	if !read {
		words = d.list(s.list)
		d.sets[s] = words
	}
	return words
}

// held adds what a stored user could hold in a picture.
func (d *duties) held(words []uint64, p *Picture, n *person) []uint64 {
	if n.c == nil || n.c.state(n.i) == userDeleted {
		return words
	}
	words = merge(words, d.set(p.common.roles[n.c.role(n.i)]))
	words = merge(words, d.set(n.c.perms[n.i]))
	for _, l := range n.links() {
		if gives := d.set(p.grants(l.groupRow())); len(gives) > 0 && !p.over(l, d.at) {
			words = merge(words, gives)
		}
	}
	return words
}

// over reports whether the term of a living membership has ended.
func (p *Picture) over(l link, at int64) bool {
	if l.group&bounded == 0 {
		return false
	}
	c, i := p.members.at(l.member)
	_, expires := c.termOf(i)
	return at >= until(expires)
}

// counts reports whether what a request would do is to be reckoned with.
func (d *duties) counts(c *cause) bool { return c.openAt(d.now) && c.ID != d.except }

// coming adds what the open requests would add to what somebody could hold in a
// picture: the one before a batch or the one after it.
func (d *duties) coming(words []uint64, p *Picture, n *person) []uint64 {
	if len(d.after.pending.changes) == 0 {
		return words
	}
	if n.c == nil && n.hung != nil {
		for _, birth := range n.hung.births {
			if d.counts(birth.born) {
				words = merge(merge(words, d.list(countersign.RolePermissions(birth.Role))), d.list(birth.Permissions))
			}
		}
	}
	var last *cause
	for _, k := range n.marks() {
		if k.change != last && d.counts(k.change) {
			words = d.asked(words, n.id, k.change)
		}
		last = k.change
	}
	for _, a := range n.additions() {
		if d.counts(a.born) && d.at < until(a.expires) {
			words = d.given(words, p, &a.group)
		}
	}
	for _, l := range n.links() {
		if group := p.groupID(l.groupRow()); !p.over(l, d.at) {
			words = merge(words, d.proposes(group))
		} else if d.extends(p, l) {
			words = d.given(words, p, group)
		}
	}
	return words
}

// asked adds what a request would give a user himself.
func (d *duties) asked(words []uint64, id uuid, c *cause) []uint64 {
	user := countersign.UserID(id.text())
	for _, op := range c.Operations {
		switch op := op.(type) {
		case *countersign.ChangeRole:
			if op.UserID == user {
				words = merge(words, d.list(countersign.RolePermissions(op.Role)))
			}
		case *countersign.GrantPermissions:
			if op.UserID == user {
				words = merge(words, d.list(op.Permissions))
			}
		case *countersign.SetPermissions:
			if op.UserID == user {
				words = merge(words, d.list(op.Permissions))
			}
		}
	}
	return words
}

// given adds what a group gives in a picture, and what requests would let it give.
func (d *duties) given(words []uint64, p *Picture, group *uuid) []uint64 {
	if row, ok := p.groupRow(group); ok {
		words = merge(words, d.set(p.grants(row)))
	}
	return merge(words, d.proposes(group))
}

// proposes is what open requests would let a group give, those that create it
// among them.
func (d *duties) proposes(group *uuid) []uint64 {
	words, known := d.proposed[*group]
	if known {
		return words
	}
	if hung := d.after.pendingGroup(group); hung != nil {
		for _, birth := range hung.births {
			if d.counts(birth.born) {
				words = merge(words, d.list(birth.Permissions))
			}
		}
		for _, k := range hung.marks {
			for _, op := range k.change.Operations {
				update, is := op.(*countersign.UpdateGroup)
				if is && d.counts(k.change) && string(update.GroupID) == group.text() {
					words = merge(words, d.list(update.Permissions.Value))
				}
			}
		}
	}
	d.proposed[*group] = words
	return words
}

// extends reports whether a request would let a membership that is over go on.
func (d *duties) extends(p *Picture, l link) bool {
	c, i := p.members.at(l.member)
	hung := d.after.pendingMember(&c.id[i])
	if hung == nil {
		return false
	}
	id := countersign.MembershipID(c.id[i].text())
	return slices.ContainsFunc(hung.marks, func(k mark) bool {
		return d.counts(k.change) && slices.ContainsFunc(k.change.Operations, func(op countersign.Change) bool {
			update, is := op.(*countersign.UpdateMembership)
			return is && update.MembershipID == id && update.ExpiresAt.Set && d.at < until(update.ExpiresAt.Value.UnixMicro())
		})
	})
}

// worse finds what of an exclusion somebody gains who then could hold two sides.
func (d *duties) worse(gains, has []uint64) (Conflict, bool) {
	for x, sides := range d.sides {
		for s, side := range sides {
			gained, ok := d.firstOf(side, gains, nil)
			if !ok {
				continue
			}
			for o, other := range sides {
				if held, ok := d.firstOf(other, has, nil); ok && o != s {
					return Conflict{Exclusion: d.exclusions[x].ID, Gained: gained, Held: held}, true
				}
			}
		}
	}
	return Conflict{}, false
}

// without are the permissions of one set that are not in another.
func without(set, not []uint64) []uint64 {
	out := slices.Clone(set)
	for i := range min(len(out), len(not)) {
		out[i] &^= not[i]
	}
	return out
}

// firstOf is the first permission of a side that stands in a set, and not in another.
func (d *duties) firstOf(side, in, not []uint64) (countersign.Permission, bool) {
	for i, word := range side {
		if i < len(not) {
			word &^= not[i]
		}
		if i >= len(in) {
			break
		}
		if word &= in[i]; word != 0 {
			return d.names[i*64+bits.TrailingZeros64(word)], true
		}
	}
	return "", false
}

// Conflict finds the first of those whom a batch gives something who would come
// to hold permissions of two sides of an exclusion, or to hold more of them: p is
// the picture it leaves, before the one it found. Of the open requests except is
// the one being applied, empty for none. It looks at the members of groups one by
// one, and stops at the first conflict.
func (p *Picture) Conflict(before *Picture, exclusions []countersign.Exclusion, gains Gains, except countersign.ChangeID, now time.Time) (Conflict, bool) {
	d := newDuties(exclusions, now)
	d.after, d.except = p, except
	// What he could hold after and before, with and without what is only asked for.
	// A request that waits is no cover: what he gains but for it he gains.
	var has, had, holds, held []uint64
	look := func(id *uuid) (Conflict, bool) {
		is, was := p.personByID(id), before.personByID(id)
		holds = d.held(holds[:0], p, &is)
		has = d.coming(append(has[:0], holds...), p, &is)
		if is.c != nil && is.c.state(is.i) == userDeleted {
			return Conflict{}, false
		}
		was.hung = is.hung
		had, held = had[:0], held[:0]
		if !revived(&was, &is) {
			held = d.held(held, before, &was)
			had = d.coming(append(had, held...), before, &was)
		}
		found, worse := d.worse(merge(without(has, had), without(holds, held)), has)
		found.User = countersign.UserID(id.text())
		return found, worse
	}
	for _, text := range gains.Users {
		if id, ok := parseID(text); ok {
			if found, worse := look(&id); worse {
				return found, true
			}
		}
	}
	for _, text := range gains.Groups {
		if found, worse := p.firstMember(text, d, look); worse {
			return found, true
		}
	}
	return Conflict{}, false
}

// revived reports whether a suspension ends: who was suspended is judged as if
// all he could hold were new, so that nobody comes back to two sides.
func revived(was, is *person) bool {
	return was.c != nil && was.c.state(was.i) == userSuspended && is.c != nil && is.c.state(is.i) != userSuspended
}

// firstMember looks at the members of a group, and at those whom requests would add.
func (p *Picture) firstMember(group countersign.GroupID, d *duties, look func(*uuid) (Conflict, bool)) (found Conflict, worse bool) {
	n := p.team(group)
	if n.c != nil {
		n.c.members[n.i].each(func(m uint32) {
			if !worse {
				c, i := p.members.at(m)
				found, worse = look(p.userID(c.user[i]))
			}
		})
	}
	if n.hung != nil {
		for _, a := range n.hung.additions {
			if !worse && d.counts(a.born) {
				found, worse = look(&a.user)
			}
		}
	}
	return found, worse
}

// MayGive reports whether the members of a group could receive one of the
// permissions, now or by an open request.
func (p *Picture) MayGive(group countersign.GroupID, named map[countersign.Permission]bool) bool {
	n := p.team(group)
	return n.hung != nil || n.c != nil && slices.ContainsFunc(n.c.grants[n.i].names(), func(held countersign.Permission) bool { return named[held] })
}
