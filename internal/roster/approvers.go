package roster

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// holders returns the active users who hold a permission now.
func (p *Picture) holders(id uint32, at int64) *rowSet {
	return p.reached(1<<userActive, func(set *permSet) bool { return set.has(id) }, func(c *memberChunk, i uint32) bool { return c.grantsAt(i, at) })
}

// reached returns the users in some states, a set of bits, whom something gives
// what is asked about: role, own permissions, or a group in which their
// membership counts. It goes through what gives it, not through who: role and own
// sets are columns, and of the groups only those count that give it.
func (p *Picture) reached(states uint16, gives func(*permSet) bool, counts func(c *memberChunk, i uint32) bool) *rowSet {
	set := newRowSet(p.users.chunks())
	var roles uint32
	for r, perms := range p.common.roles {
		if perms != nil && gives(perms) {
			roles |= 1 << r
		}
	}
	for n := range p.users.chunks() {
		c := p.users.chunk(n)
		for i := range uint32(userRows) {
			if states>>c.state(i)&1 != 0 && (roles>>c.role(i)&1 != 0 || c.perms[i] != nil && gives(c.perms[i])) {
				set.add(n<<userShift + i)
			}
		}
	}
	for n := range p.groups.chunks() {
		c := p.groups.chunk(n)
		for i, grants := range c.grants {
			if grants == nil || !gives(grants) {
				continue
			}
			c.members[i].each(func(m uint32) {
				d, k := p.members.at(m)
				if len(d.terms) > 0 && !counts(d, k) {
					return
				}
				if u, j := p.users.at(d.user[k]); states>>u.state(j)&1 != 0 {
					set.add(d.user[k])
				}
			})
		}
	}
	return set
}

// Eligible returns the active persons of the set who hold changes.approve, sorted.
func (p *Picture) Eligible(set countersign.ApproverSet, now time.Time) []countersign.UserID {
	approve, ok := p.common.number(countersign.ChangesApprove)
	if !ok {
		return nil // nobody ever held it
	}
	at := now.UnixMicro()
	var ids []uuid
	consider := func(c *userChunk, i uint32) {
		if c.state(i) == userActive && c.kind(i) == typePerson && p.holds(c, i, approve, at) {
			ids = append(ids, c.id[i])
		}
	}
	switch {
	case set.GroupID != "":
		if g := p.team(set.GroupID); g.c != nil && g.c.state[g.i] == groupActive {
			g.c.members[g.i].each(func(m uint32) {
				if c, i := p.members.at(m); c.grantsAt(i, at) {
					consider(p.users.at(c.user[i]))
				}
			})
		}
	case set.Permission != "":
		if id, known := p.common.number(set.Permission); known {
			p.holders(id, at).words(func(n uint32, word uint64) {
				c := p.users.chunk(n)
				eachBit(word, func(i uint32) { consider(c, i) })
			})
		}
	case set.Role == countersign.RoleAdmin:
		p.admins.each(func(id *uuid, _ struct{}) bool {
			if row, ok := p.userRow(id); ok {
				consider(p.users.at(row))
			}
			return true
		})
	case set.Role != countersign.NoRole:
		role := codeMask(userRoles, []countersign.Role{set.Role})
		for n := range p.users.chunks() {
			c := p.users.chunk(n)
			for i := range uint32(userRows) {
				if role>>c.role(i)&1 != 0 && c.state(i) == userActive {
					consider(c, i)
				}
			}
		}
	}
	return sortedIDs(ids)
}

// Qualifies reports whether one user is among the Eligible of a set.
func (p *Picture) Qualifies(user countersign.UserID, set countersign.ApproverSet, now time.Time) bool {
	approve, known := p.common.number(countersign.ChangesApprove)
	n, at := p.person(user), now.UnixMicro()
	if !known || !n.active() || n.c.kind(n.i) != typePerson || !p.holds(n.c, n.i, approve, at) {
		return false
	}
	switch {
	case set.GroupID != "":
		id, ok := parseID(set.GroupID)
		if !ok {
			return false
		}
		return slices.ContainsFunc(n.links(), func(l link) bool { return *p.groupID(l.groupRow()) == id && p.grantsAt(l, at) })
	case set.Permission != "":
		return p.Holds(user, set.Permission, now)
	default:
		return set.Role != countersign.NoRole && codeMask(userRoles, []countersign.Role{set.Role})>>n.c.role(n.i)&1 != 0
	}
}

// ActiveAdmins returns the active persons of role admin, sorted.
func (p *Picture) ActiveAdmins(time.Time) []countersign.UserID {
	ids := make([]uuid, 0, p.admins.count)
	p.admins.each(func(id *uuid, _ struct{}) bool {
		ids = append(ids, *id)
		return true
	})
	return sortedIDs(ids)
}

func sortedIDs(ids []uuid) []countersign.UserID {
	slices.SortFunc(ids, compareIDs)
	ids = slices.Compact(ids)
	list := make([]countersign.UserID, len(ids))
	for i := range ids {
		list[i] = countersign.UserID(ids[i].text())
	}
	return list
}
