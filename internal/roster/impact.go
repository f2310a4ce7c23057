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
// permissions the book has never seen beyond those it has, for itself only.
type weighing struct {
	s     *state
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

func (s *state) impact(effects []countersign.Effect, now time.Time) Impact {
	w := &weighing{
		s: s, o: newOverlay(effects), at: now.UnixMicro(), extra: map[countersign.Permission]uint32{},
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
		n, ok := w.s.groupsByID[id]
		if !ok {
			continue
		}
		for _, m := range n.members {
			seen[m.user.id] = true
		}
	}
	ids := make([]countersign.UserID, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	return ids
}

// user weighs one user.
func (w *weighing) user(id countersign.UserID) (UserImpact, bool) {
	n := w.s.users[id]
	if n == nil {
		n = &userNode{id: id}
	}
	clear(w.before)
	clear(w.after)
	if n.active {
		w.before = union(w.before, n.self)
		for i := range n.links {
			if l := &n.links[i]; l.grantsAt(w.at) {
				w.before = union(w.before, l.group.grants)
			}
		}
	}
	w.weighAfter(n)
	u := w.named(n)
	u.Gained, u.Lost = w.difference(w.after, w.before), w.difference(w.before, w.after)
	return u, len(u.Gained)+len(u.Lost) > 0
}

// weighAfter gathers what the user would hold.
func (w *weighing) weighAfter(n *userNode) {
	change := w.o.users[n.id]
	if change == nil {
		change = &userAfter{}
	}
	row := n.row
	if row == nil {
		row = &userRow{}
	}
	if countersign.UserState(or(change.state, string(row.State))) != countersign.UserActive {
		return
	}
	w.after = merge(w.after, w.role(countersign.Role(or(change.role, string(row.Role)))))
	for _, p := range or(change.permissions, row.Permissions) {
		w.after = setBit(w.after, w.id(p))
	}
	members := w.o.members[n.id]
	for i := range n.links {
		l := &n.links[i]
		if _, moves := members[l.group.id]; !moves && l.grantsAt(w.at) {
			w.after = merge(w.after, w.group(l.group.id))
		}
	}
	for g, m := range members {
		if w.grants(n, g, m) {
			w.after = merge(w.after, w.group(g))
		}
	}
}

// grants reports whether a membership the overlay moves would grant now.
func (w *weighing) grants(n *userNode, g countersign.GroupID, after memberAfter) bool {
	m := countersign.Membership{State: countersign.MembershipRemoved}
	if node, ok := w.s.groupsByID[g]; ok {
		if linked := n.linked(node); linked != nil {
			m = linked.membership()
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
	var row groupRow
	if n, ok := w.s.groupsByID[id]; ok && n.row != nil {
		row = *n.row
	}
	change := w.o.groups[id]
	if change == nil {
		change = &groupAfter{}
	}
	if countersign.GroupState(or(change.state, string(row.State))) == countersign.GroupActive {
		for _, p := range or(change.permissions, row.Permissions) {
			set = setBit(set, w.id(p))
		}
	}
	w.groups[id] = set
	return set
}

// id numbers a permission without touching the book.
func (w *weighing) id(p countersign.Permission) uint32 {
	if id, ok := w.s.sets.ids[p]; ok {
		return id
	}
	id, ok := w.extra[p]
	if !ok {
		id = uint32(len(w.s.sets.names) + len(w.names))
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
			if seen := w.s.sets.names; id < len(seen) {
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
func (w *weighing) named(n *userNode) UserImpact {
	u := UserImpact{UserID: n.id}
	if n.row != nil {
		u.Name, u.Type = n.row.Name, n.row.Type
	} else if change := w.o.users[n.id]; change != nil {
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
