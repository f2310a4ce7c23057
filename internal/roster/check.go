package roster

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// holds is the permission check: role and individual permissions, then the
// groups in which a membership grants now. Pending additions are not among the
// links, pending removals still are.
func (p *Picture) holds(c *userChunk, i, id uint32, at int64) bool {
	if c.state(i) != userActive {
		return false
	}
	if p.common.roles[c.role(i)].has(id) || c.perms[i].has(id) {
		return true
	}
	for _, l := range c.linksOf(i) {
		if p.grants(l.groupRow()).has(id) && p.grantsAt(l, at) {
			return true
		}
	}
	return false
}

// Holds is Check without reasons; it does not allocate.
func (p *Picture) Holds(user countersign.UserID, permission countersign.Permission, now time.Time) bool {
	number, ok := p.common.number(permission)
	if !ok {
		return false
	}
	id, ok := parseID(user)
	if !ok {
		return false
	}
	row, ok := p.findUser(p.common.hash(&id), &id)
	if !ok {
		return false
	}
	c, i := p.users.at(row)
	return p.holds(c, i, number, now.UnixMicro())
}

// Check answers whether a user holds a permission now. Explain asks for every
// source of a yes, and for the open request that alone would turn a no into a
// yes; a no for want of a pending membership names its request in any case.
//
// Why it denies is the first that applies of: user_unknown, user_not_active;
// membership_pending (an open request would put him into a group that grants it),
// membership_not_started, membership_expired (he is in such a group, but not
// now); not_granted.
func (p *Picture) Check(user countersign.UserID, permission countersign.Permission, now time.Time, explain bool) countersign.Verdict {
	v := countersign.Verdict{Revision: p.position}
	n := p.person(user)
	if !n.exists(now) {
		v.Why = "user_unknown"
		return v
	}
	id, known := p.common.number(permission)
	if known && n.c != nil && p.holds(n.c, n.i, id, now.UnixMicro()) {
		v.Allowed = true
		if explain {
			v.Because = p.sources(&n, permission, id, now)
		}
		return v
	}
	v.Why = "user_not_active"
	if n.active() {
		v.Why, v.PendingChange = p.nearest(&n, permission, id, known, now)
	}
	if explain && v.PendingChange == "" {
		v.PendingChange = p.wouldGrant(&n, permission, now)
	}
	return v
}

// nearest says how near an active user without a permission is to it.
func (p *Picture) nearest(n *person, permission countersign.Permission, id uint32, known bool, now time.Time) (why string, change countersign.ChangeID) {
	at := now.UnixMicro()
	notStarted, expired := false, false
	for _, l := range n.links() {
		if l.group&bounded == 0 || !known || !p.grants(l.groupRow()).has(id) { // an unbounded one would have granted
			continue
		}
		c, i := p.members.at(l.member)
		starts, expires := c.termOf(i)
		notStarted, expired = notStarted || at < starts, expired || at >= until(expires)
	}
	for _, a := range n.additions() {
		if !p.wouldGive(&a.group, permission, id, known, now) || !p.joins(a, now) {
			continue
		}
		if a.grantsAt(at) {
			return "membership_pending", a.born.ID
		}
		notStarted, expired = notStarted || at < a.starts, expired || at >= until(a.expires)
	}
	switch {
	case notStarted:
		return "membership_not_started", ""
	case expired:
		return "membership_expired", ""
	default:
		return "not_granted", ""
	}
}

// wouldGive reports whether the group gives a permission to its members: an
// active one, or one that an open request would create.
func (p *Picture) wouldGive(group *uuid, permission countersign.Permission, id uint32, known bool, now time.Time) bool {
	n := p.teamByID(group)
	if n.c != nil {
		return known && n.c.grants[n.i].has(id)
	}
	birth := n.birth(now)
	return birth != nil && slices.Contains(birth.Permissions, permission)
}

// sources lists why an active user holds a permission: role, individual, groups
// by folded name, then id.
func (p *Picture) sources(n *person, permission countersign.Permission, id uint32, now time.Time) []countersign.Source {
	var list []countersign.Source
	role, own := n.ownSources()
	if p.common.roles[n.c.role(n.i)].has(id) {
		list = append(list, role)
	}
	if slices.Contains(n.c.perms[n.i].names(), permission) {
		list = append(list, own)
	}
	for _, l := range p.granting(n, now) {
		if p.grants(l.groupRow()).has(id) {
			list = append(list, p.source(l))
		}
	}
	return list
}

// ownSources cites what a stored user holds without any group.
func (n *person) ownSources() (role, individual countersign.Source) {
	u := n.c.user(n.i)
	return countersign.Source{Via: "role", Role: u.Role, Position: u.RoleVersion},
		countersign.Source{Via: "individual", Position: u.PermissionsVersion}
}

// source cites the later of the two facts that only together give something:
// that he is in the group, and what the group holds.
func (p *Picture) source(l link) countersign.Source {
	g, i := p.groups.at(l.groupRow())
	m, k := p.members.at(l.member)
	return countersign.Source{
		Via: "group", GroupID: countersign.GroupID(g.id[i].text()), GroupName: g.rawName(i),
		MembershipID: countersign.MembershipID(m.id[k].text()),
		Position:     max(m.stamps[m.stamp[k]].version, g.permissionsVersion(i)),
	}
}

// granting returns the links that give something now, by folded name, then id.
func (p *Picture) granting(n *person, now time.Time) []link {
	at := now.UnixMicro()
	var list []link
	for _, l := range n.links() {
		if p.grants(l.groupRow()) != nil && p.grantsAt(l, at) {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b link) int {
		g, i := p.groups.at(a.groupRow())
		h, k := p.groups.at(b.groupRow())
		return cmp.Or(bytes.Compare(g.name(i), h.name(k)), bytes.Compare(g.id[i][:], h.id[k][:]))
	})
	return list
}

// Effective returns the permissions a user holds now, sorted, each with every
// source; false when there is no such user.
func (p *Picture) Effective(user countersign.UserID, now time.Time) ([]countersign.EffectivePermission, bool) {
	n := p.person(user)
	if !n.exists(now) {
		return nil, false
	}
	if !n.active() {
		return []countersign.EffectivePermission{}, true
	}
	held := map[countersign.Permission][]countersign.Source{}
	give := func(source countersign.Source, set *permSet) {
		for _, name := range set.names() {
			held[name] = append(held[name], source)
		}
	}
	role, own := n.ownSources()
	give(role, p.common.roles[n.c.role(n.i)])
	give(own, n.c.perms[n.i])
	for _, l := range p.granting(&n, now) {
		give(p.source(l), p.grants(l.groupRow()))
	}
	list := make([]countersign.EffectivePermission, 0, len(held))
	for name, sources := range held {
		list = append(list, countersign.EffectivePermission{Permission: name, Sources: sources})
	}
	slices.SortFunc(list, func(a, b countersign.EffectivePermission) int {
		return strings.Compare(string(a.Permission), string(b.Permission))
	})
	return list, true
}
