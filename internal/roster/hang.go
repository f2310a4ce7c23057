package roster

import (
	"slices"

	"github.com/countersign/countersign"
)

// What one thing that hangs on an id takes, roughly; for Picture.Bytes.
const (
	changeCost = 4 << 10
	hungCost   = 300
	keepCost   = 40
)

// putChange takes a request that moved: an open one is hung up, any other one
// taken off. What it asks for never changes, so an open one that only gathered
// votes stays where it hangs.
func (b *builder) putChange(r *countersign.ChangeRequest) {
	at := slices.IndexFunc(b.pending.changes, func(c *changeRow) bool { return c.request.ID == r.ID })
	if at >= 0 {
		old := b.pending.changes[at]
		b.pending.changes = slices.Delete(slices.Clone(b.pending.changes), at, at+1)
		if r.State.Open() && old.cause.CreatedAt.Equal(r.CreatedAt) && old.cause.ExpiresAt.Equal(r.ExpiresAt) {
			b.insertChange(&changeRow{cause: old.cause, request: *r})
			return
		}
		b.bytes -= changeCost
		b.takeOff(old.cause)
	}
	if !r.State.Open() {
		return
	}
	row := &changeRow{cause: causeOf(r), request: *r}
	b.bytes += changeCost
	b.insertChange(row)
	for _, op := range row.cause.Operations {
		b.hangUp(row.cause, op)
	}
}

func (b *builder) insertChange(row *changeRow) {
	at, _ := slices.BinarySearchFunc(b.pending.changes, row, func(x, y *changeRow) int { return x.cause.older(y.cause) })
	b.pending.changes = slices.Insert(slices.Clip(b.pending.changes), at, row)
}

// The lists of an id for writing, made when there are none.

func (b *builder) hookUser(id *uuid) *userPending {
	hash := b.common.hash(id)
	n, ok := b.pending.users.get(hash, id)
	if ok && n.owner == b.token {
		return n
	}
	mine := &userPending{owner: b.token}
	if ok {
		mine.births, mine.additions, mine.marks = slices.Clone(n.births), slices.Clone(n.additions), slices.Clone(n.marks)
	}
	b.pending.users.set(hash, *id, mine, b.token, b.common.hash)
	return mine
}

func (b *builder) hookGroup(id *uuid) *groupPending {
	hash := b.common.hash(id)
	n, ok := b.pending.groups.get(hash, id)
	if ok && n.owner == b.token {
		return n
	}
	mine := &groupPending{owner: b.token}
	if ok {
		mine.births, mine.additions = slices.Clone(n.births), slices.Clone(n.additions)
		mine.marks, mine.replaces = slices.Clone(n.marks), slices.Clone(n.replaces)
	}
	b.pending.groups.set(hash, *id, mine, b.token, b.common.hash)
	return mine
}

func (b *builder) hookMember(id *uuid) *memberPending {
	hash := b.common.hash(id)
	n, ok := b.pending.members.get(hash, id)
	if ok && n.owner == b.token {
		return n
	}
	mine := &memberPending{owner: b.token}
	if ok {
		*mine = *n
		mine.owner, mine.additions, mine.marks = b.token, slices.Clone(n.additions), slices.Clone(n.marks)
	}
	b.pending.members.set(hash, *id, mine, b.token, b.common.hash)
	return mine
}

// hangUp puts one operation on the ids it names. An id that is no UUID names
// nothing.
func (b *builder) hangUp(c *cause, op countersign.Change) {
	if birth, ok := userBorn(c, op); ok {
		n := b.hookUser(&birth.id)
		n.births = hang(n.births, birth)
		b.pending.births++
		b.bytes += 2 * hungCost
	}
	if birth, ok := groupBorn(c, op); ok {
		n := b.hookGroup(&birth.id)
		n.births = hang(n.births, birth)
		b.pending.births++
		b.bytes += 2 * hungCost
	}
	for _, a := range addedMemberships(op) {
		b.hangAddition(c, &a)
	}
	if op, ok := op.(*countersign.ReplaceMembers); ok {
		b.hangReplacement(c, op)
	}
	if text, does, role := userTouched(op); text != "" {
		if id, ok := parseID(text); ok {
			n := b.hookUser(&id)
			n.marks = hang(n.marks, mark{change: c, does: does, role: role})
			b.bytes += hungCost
		}
	}
	for _, text := range groupsTouched(op) {
		if id, ok := parseID(text); ok {
			n := b.hookGroup(&id)
			n.marks = hang(n.marks, mark{change: c})
			b.bytes += hungCost
		}
	}
	if text, does := membershipTouched(op); text != "" {
		if id, ok := parseID(text); ok {
			b.markMembership(&id, mark{change: c, does: does})
		}
	}
}

func (b *builder) hangAddition(c *cause, op *countersign.AddMembership) {
	a, ok := prospect(c, op)
	if !ok {
		return
	}
	user, group, member := b.hookUser(&a.user), b.hookGroup(&a.group), b.hookMember(&a.id)
	user.additions = hang(user.additions, a)
	group.additions = hang(group.additions, a)
	member.additions = hang(member.additions, a)
	b.bytes += 3 * hungCost
}

func (b *builder) hangReplacement(c *cause, op *countersign.ReplaceMembers) {
	id, ok := parseID(op.GroupID)
	if !ok {
		return
	}
	n := b.hookGroup(&id)
	keeps := make(map[uuid]struct{}, len(op.MemberIDs))
	for _, text := range op.MemberIDs {
		if user, ok := parseID(text); ok {
			keeps[user] = struct{}{}
		}
	}
	n.replaces = hang(n.replaces, replacement{change: c, keeps: keeps})
	b.bytes += hungCost + int64(len(keeps))*keepCost
}

// prospect makes the membership an open request would create.
func prospect(c *cause, op *countersign.AddMembership) (*addition, bool) {
	a := &addition{
		number: op.Number, role: op.Role, starts: op.StartsAt.Value.UnixMicro(), expires: op.ExpiresAt.Value.UnixMicro(),
		created: c.CreatedAt.UnixMicro(), born: c,
	}
	var id, user, group bool
	a.id, id = parseID(op.MembershipID)
	a.user, user = parseID(op.UserID)
	a.group, group = parseID(op.GroupID)
	if a.role == "" {
		a.role = countersign.GroupMember
	}
	a.switches = countersign.ResolveConfigurable(op.Configurable, a.role, false, countersign.ConfigurablePermissions{})
	return a, id && user && group
}

// markMembership marks a membership and its group.
func (b *builder) markMembership(id *uuid, k mark) {
	n := b.hookMember(id)
	n.marks = hang(n.marks, k)
	b.bytes += hungCost
	if row, ok := b.findMember(b.common.hash(id), id); ok {
		c, i := b.members.at(row)
		b.showOnGroup(n, id, b.groupID(c.group[i]), k)
	}
}

// showOnGroup lets the group of a membership show a mark too.
func (b *builder) showOnGroup(n *memberPending, id *uuid, group *uuid, k mark) {
	n.group, n.known = *group, true
	g := b.hookGroup(group)
	g.marks = hang(g.marks, mark{change: k.change, via: *id})
	b.bytes += hungCost
}

// memberArrives shows the marks that requests have put on a membership before it
// was known; memberLeaves undoes that.
func (b *builder) memberArrives(id *uuid, group *uuid) {
	if n := b.pendingMember(id); n == nil || n.known || len(n.marks) == 0 {
		return
	}
	n := b.hookMember(id)
	for _, k := range n.marks {
		b.showOnGroup(n, id, group, k)
	}
}

func (b *builder) memberLeaves(id *uuid) {
	if n := b.pendingMember(id); n == nil || !n.known {
		return
	}
	n := b.hookMember(id)
	g := b.hookGroup(&n.group)
	shown := len(g.marks)
	g.marks = slices.DeleteFunc(g.marks, func(k mark) bool { return k.via == *id })
	b.bytes -= int64(shown-len(g.marks)) * hungCost
	b.settleGroup(&n.group, g)
	n.known = false
}

// takeOff is hangUp undone, for all operations at once, so that an id many of
// them name is visited once.
func (b *builder) takeOff(c *cause) {
	users, groups, members := map[uuid]struct{}{}, map[uuid]struct{}{}, map[uuid]struct{}{}
	b.namedBy(c, users, groups, members)
	for id := range members {
		if n := b.pendingMember(&id); n != nil && n.known {
			groups[n.group] = struct{}{}
		}
	}
	for id := range users {
		if b.pendingUser(&id) == nil {
			continue
		}
		n := b.hookUser(&id)
		before := hung(n.births, n.additions, n.marks)
		b.pending.births -= len(n.births)
		n.births, n.additions, n.marks = unhang(n.births, c), unhang(n.additions, c), unhang(n.marks, c)
		b.pending.births += len(n.births)
		after := hung(n.births, n.additions, n.marks)
		b.bytes -= before - after
		if after == 0 {
			b.pending.users.remove(b.common.hash(&id), id, b.token)
		}
	}
	for id := range groups {
		if b.pendingGroup(&id) == nil {
			continue
		}
		n := b.hookGroup(&id)
		before := hung(n.births, n.additions, n.marks) + keepers(n.replaces)
		b.pending.births -= len(n.births)
		n.births, n.additions = unhang(n.births, c), unhang(n.additions, c)
		n.marks, n.replaces = unhang(n.marks, c), unhang(n.replaces, c)
		b.pending.births += len(n.births)
		b.bytes -= before - hung(n.births, n.additions, n.marks) - keepers(n.replaces)
		b.settleGroup(&id, n)
	}
	for id := range members {
		if b.pendingMember(&id) == nil {
			continue
		}
		n := b.hookMember(&id)
		before := hung[*userBirth](nil, n.additions, n.marks)
		n.additions, n.marks = unhang(n.additions, c), unhang(n.marks, c)
		after := hung[*userBirth](nil, n.additions, n.marks)
		b.bytes -= before - after
		if after == 0 {
			b.pending.members.remove(b.common.hash(&id), id, b.token)
		}
	}
}

// settleGroup forgets an id of which nothing hangs any more.
func (b *builder) settleGroup(id *uuid, n *groupPending) {
	if len(n.births)+len(n.additions)+len(n.marks)+len(n.replaces) == 0 {
		b.pending.groups.remove(b.common.hash(id), *id, b.token)
	}
}

func hung[T aged](births []T, additions []*addition, marks []mark) int64 {
	return int64(2*len(births)+len(additions)+len(marks)) * hungCost
}

func keepers(list []replacement) (cost int64) {
	for _, r := range list {
		cost += hungCost + int64(len(r.keeps))*keepCost
	}
	return cost
}

// namedBy gathers every id a request has put something on.
func (b *builder) namedBy(c *cause, users, groups, members map[uuid]struct{}) {
	name := func(set map[uuid]struct{}, id uuid, ok bool) {
		if ok {
			set[id] = struct{}{}
		}
	}
	for _, op := range c.Operations {
		if birth, ok := userBorn(c, op); ok {
			name(users, birth.id, true)
		}
		if birth, ok := groupBorn(c, op); ok {
			name(groups, birth.id, true)
		}
		for _, a := range addedMemberships(op) {
			if a, ok := prospect(c, &a); ok {
				name(users, a.user, true)
				name(groups, a.group, true)
				name(members, a.id, true)
			}
		}
		if text, _, _ := userTouched(op); text != "" {
			id, ok := parseID(text)
			name(users, id, ok)
		}
		for _, text := range groupsTouched(op) {
			id, ok := parseID(text)
			name(groups, id, ok)
		}
		if text, _ := membershipTouched(op); text != "" {
			id, ok := parseID(text)
			name(members, id, ok)
		}
	}
}
