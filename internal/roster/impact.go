package roster

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// maxImpact is how many users an impact lists; an approver reads no more.
const maxImpact = 100

// Impact says who would gain or lose which effective permission.
type Impact struct {
	// Users, by folded name, then id, at most 100 of them; UsersTotal counts all.
	Users      []UserImpact
	UsersTotal int
	// Gains and Losses count pairs of user and permission, of all users.
	Gains  int
	Losses int
}

// UserImpact is what one user would gain and lose, sorted.
type UserImpact struct {
	UserID countersign.UserID
	Name   string
	Type   countersign.UserType
	Gained []countersign.Permission
	Lost   []countersign.Permission
}

// weighing compares permissions before and after an overlay. It numbers
// permissions the picture has never seen beyond those it has, for itself only.
type weighing struct {
	p     *Picture
	seen  *numbering
	o     *overlay
	at    int64
	extra map[countersign.Permission]uint32
	names []countersign.Permission
	// roles and groups hold the sets of the overlay, made once.
	roles  map[countersign.Role][]uint64
	groups map[countersign.GroupID][]uint64
	// before and after are scratch.
	before, after []uint64
}

// Impact tells who would gain or lose which effective permission if the effects
// were applied now. Effects name facts and their new values as the engine does:
// words and permissions as strings, times in RFC 3339.
func (p *Picture) Impact(effects []countersign.Effect, now time.Time) Impact {
	w := &weighing{
		p: p, seen: p.common.numbers.Load(), o: newOverlay(effects), at: now.UnixMicro(), extra: map[countersign.Permission]uint32{},
		roles: map[countersign.Role][]uint64{}, groups: map[countersign.GroupID][]uint64{},
	}
	var result Impact
	var users []UserImpact
	for _, id := range w.affected() {
		u, differs := w.user(id)
		if !differs {
			continue
		}
		users = append(users, u)
		result.Gains += len(u.Gained)
		result.Losses += len(u.Lost)
	}
	result.UsersTotal = len(users)
	result.Users = byFoldedName(users)
	return result
}

func byFoldedName(users []UserImpact) []UserImpact {
	type keyed struct {
		key string
		u   UserImpact
	}
	list := make([]keyed, len(users))
	for i, u := range users {
		list[i] = keyed{names.Fold(u.Name), u}
	}
	list = window(list, func(a, b keyed) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(string(a.u.UserID), string(b.u.UserID)))
	}, 0, maxImpact)
	first := make([]UserImpact, len(list))
	for i := range list {
		first[i] = list[i].u
	}
	return first
}

// affected returns the users whose permissions the overlay could move, each once.
func (w *weighing) affected() []countersign.UserID {
	seen := map[countersign.UserID]bool{}
	for id := range w.o.users {
		seen[id] = true
	}
	for id := range w.o.members {
		seen[id] = true
	}
	for id := range w.o.groups {
		n := w.p.team(id)
		if n.c == nil {
			continue
		}
		n.c.members[n.i].each(func(m uint32) {
			c, i := w.p.members.at(m)
			seen[countersign.UserID(w.p.userID(c.user[i]).text())] = true
		})
	}
	ids := make([]countersign.UserID, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	return ids
}

// user weighs one user.
func (w *weighing) user(id countersign.UserID) (UserImpact, bool) {
	n := w.p.person(id)
	clear(w.before)
	clear(w.after)
	if n.active() {
		w.before = union(w.before, w.p.common.roles[n.c.role(n.i)])
		w.before = union(w.before, n.c.perms[n.i])
		for _, l := range n.links() {
			if w.p.grantsAt(l, w.at) {
				w.before = union(w.before, w.p.grants(l.groupRow()))
			}
		}
	}
	w.weighAfter(id, &n)
	u := w.named(id, &n)
	u.Gained, u.Lost = w.difference(w.after, w.before), w.difference(w.before, w.after)
	return u, len(u.Gained)+len(u.Lost) > 0
}

// weighAfter gathers what the user would hold.
func (w *weighing) weighAfter(id countersign.UserID, n *person) {
	change := w.o.users[id]
	if change == nil {
		change = &userAfter{}
	}
	var state, role string
	var own []countersign.Permission
	if n.c != nil {
		state, role, own = string(userStates[n.c.state(n.i)]), string(userRoles[n.c.role(n.i)]), n.c.perms[n.i].names()
	}
	if countersign.UserState(or(change.state, state)) != countersign.UserActive {
		return
	}
	w.after = merge(w.after, w.role(countersign.Role(or(change.role, role))))
	for _, p := range or(change.permissions, own) {
		w.after = setBit(w.after, w.id(p))
	}
	members := w.o.members[id]
	for _, l := range n.links() {
		group := countersign.GroupID(w.p.groupID(l.groupRow()).text())
		if _, moves := members[group]; !moves && w.p.grantsAt(l, w.at) {
			w.after = merge(w.after, w.group(group))
		}
	}
	for g, m := range members {
		if w.grants(n, g, m) {
			w.after = merge(w.after, w.group(g))
		}
	}
}

// grants reports whether a membership the overlay moves would grant now.
func (w *weighing) grants(n *person, g countersign.GroupID, after memberAfter) bool {
	m := countersign.Membership{State: countersign.MembershipRemoved}
	if id, ok := parseID(g); ok {
		if linked, ok := w.p.linked(n, &id); ok {
			c, i := w.p.members.at(linked)
			m = c.membership(i)
		}
	}
	m.State = countersign.MembershipState(or(after.state, string(m.State)))
	m.StartsAt, m.ExpiresAt = or(after.starts, m.StartsAt), or(after.expires, m.ExpiresAt)
	return m.GrantsAt(time.UnixMicro(w.at))
}

// role returns the set of a role.
func (w *weighing) role(r countersign.Role) []uint64 {
	set, ok := w.roles[r]
	if !ok {
		for _, p := range countersign.RolePermissions(r) {
			set = setBit(set, w.id(p))
		}
		w.roles[r] = set
	}
	return set
}

// group returns what a group would grant.
func (w *weighing) group(id countersign.GroupID) []uint64 {
	set, ok := w.groups[id]
	if ok {
		return set
	}
	var state string
	var own []countersign.Permission
	if n := w.p.team(id); n.c != nil {
		state, own = string(groupStates[n.c.state[n.i]]), n.c.perms[n.i].names()
	}
	change := w.o.groups[id]
	if change == nil {
		change = &groupAfter{}
	}
	if countersign.GroupState(or(change.state, state)) == countersign.GroupActive {
		for _, p := range or(change.permissions, own) {
			set = setBit(set, w.id(p))
		}
	}
	w.groups[id] = set
	return set
}

// id numbers a permission without touching the picture.
func (w *weighing) id(p countersign.Permission) uint32 {
	if id, ok := w.seen.ids[p]; ok {
		return id
	}
	id, ok := w.extra[p]
	if !ok {
		id = uint32(len(w.seen.names) + len(w.names))
		w.extra[p] = id
		w.names = append(w.names, p)
	}
	return id
}

// difference lists the members of a that are not in b, sorted.
func (w *weighing) difference(a, b []uint64) []countersign.Permission {
	var list []countersign.Permission
	for i, word := range a {
		if i < len(b) {
			word &^= b[i]
		}
		for ; word != 0; word &= word - 1 {
			id := i*64 + bits.TrailingZeros64(word)
			if seen := w.seen.names; id < len(seen) {
				list = append(list, seen[id])
			} else {
				list = append(list, w.names[id-len(seen)])
			}
		}
	}
	slices.Sort(list)
	return list
}

// named fills in who he is: as stored, else as the overlay would make him.
func (w *weighing) named(id countersign.UserID, n *person) UserImpact {
	u := UserImpact{UserID: id}
	if n.c != nil {
		u.Name, u.Type = n.c.rawName(n.i), userTypes[n.c.kind(n.i)]
	} else if change := w.o.users[id]; change != nil {
		u.Name, u.Type = or(change.name, ""), countersign.UserType(or(change.kind, ""))
	}
	return u
}

func or[T any](after *T, current T) T {
	if after == nil {
		return current
	}
	return *after
}

func merge(words, set []uint64) []uint64 {
	for len(words) < len(set) {
		words = append(words, 0)
	}
	for i, word := range set {
		words[i] |= word
	}
	return words
}
