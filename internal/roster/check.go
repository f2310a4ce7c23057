package roster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// holds is the permission check: role and individual permissions, then the
// groups in which a membership grants now. Pending additions are not among the
// links, pending removals still are.
func (n *userNode) holds(id uint32, at int64) bool {
	if !n.active {
		return false
	}
	if n.self.has(id) {
		return true
	}
	for i := range n.links {
		if l := &n.links[i]; l.group.grants.has(id) && l.grantsAt(at) {
			return true
		}
	}
	return false
}

func (s *state) userHolds(user countersign.UserID, p countersign.Permission, now time.Time) bool {
	n, ok := s.users[user]
	if !ok {
		return false
	}
	id, ok := s.sets.ids[p]
	return ok && n.holds(id, now.UnixMicro())
}

// check answers with reasons. Why it denies is the first that applies of:
// user_unknown, user_not_active; membership_pending (an open request would put
// him into a group that grants it), membership_not_started, membership_expired
// (he is in such a group, but not now); not_granted.
func (s *state) check(user countersign.UserID, p countersign.Permission, now time.Time, explain bool) countersign.Verdict {
	v := countersign.Verdict{Revision: s.position}
	n, ok := s.users[user]
	if !ok || n.rowAt(now) == nil {
		v.Why = "user_unknown"
		return v
	}
	id, known := s.sets.ids[p]
	if known && n.holds(id, now.UnixMicro()) {
		v.Allowed = true
		if explain {
			v.Because = n.sources(p, id, now)
		}
		return v
	}
	v.Why, v.PendingChange = "user_not_active", ""
	if n.active {
		v.Why, v.PendingChange = s.nearest(n, p, id, known, now)
	}
	if explain && v.PendingChange == "" {
		v.PendingChange = s.wouldGrant(n, p, now)
	}
	return v
}

// nearest says how near an active user without p is to it.
func (s *state) nearest(n *userNode, p countersign.Permission, id uint32, known bool, now time.Time) (why string, change countersign.ChangeID) {
	at := now.UnixMicro()
	notStarted, expired := false, false
	for i := range n.links {
		if l := &n.links[i]; l.bounded() && known && l.group.grants.has(id) { // an unbounded one would have granted
			notStarted, expired = notStarted || at < l.from, expired || at >= l.until
		}
	}
	for _, m := range n.additions {
		if !m.group.wouldGive(p, id, known, now) || !s.joins(m, now) {
			continue
		}
		from, until := m.term()
		if from <= at && at < until {
			return "membership_pending", m.born.ID
		}
		notStarted, expired = notStarted || at < from, expired || at >= until
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

// wouldGive reports whether the group gives p to its members: an active one, or
// one that an open request would create.
func (n *groupNode) wouldGive(p countersign.Permission, id uint32, known bool, now time.Time) bool {
	if n.row != nil {
		return known && n.grants.has(id)
	}
	birth, ok := oldest(n.births, now)
	return ok && slices.Contains(birth.Permissions, p)
}

// sources lists why an active user holds p: role, individual, groups by folded
// name, then id.
func (n *userNode) sources(p countersign.Permission, id uint32, now time.Time) []countersign.Source {
	var list []countersign.Source
	if slices.Contains(countersign.RolePermissions(n.row.Role), p) {
		list = append(list, n.roleSource())
	}
	if slices.Contains(n.row.Permissions, p) {
		list = append(list, n.ownSource())
	}
	for _, l := range n.granting(now) {
		if l.group.grants.has(id) {
			list = append(list, l.source())
		}
	}
	return list
}

func (n *userNode) roleSource() countersign.Source {
	return countersign.Source{Via: "role", Role: n.row.Role, Position: n.row.RoleVersion}
}

func (n *userNode) ownSource() countersign.Source {
	return countersign.Source{Via: "individual", Position: n.row.PermissionsVersion}
}

// source cites the later of the two facts that only together give something:
// that he is in the group, and what the group holds.
func (l *link) source() countersign.Source {
	return countersign.Source{
		Via: "group", GroupID: l.group.id, GroupName: l.group.row.Name, MembershipID: l.m.id,
		Position: max(l.m.version, l.group.row.PermissionsVersion),
	}
}

// granting returns the links that give something now, by folded name, then id.
func (n *userNode) granting(now time.Time) []link {
	at := now.UnixMicro()
	var list []link
	for _, l := range n.links {
		if l.group.grants != nil && l.grantsAt(at) {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b link) int {
		return cmp.Or(strings.Compare(a.group.row.name, b.group.row.name), strings.Compare(string(a.group.id), string(b.group.id)))
	})
	return list
}

// effective lists everything a user holds now, with every source.
func (s *state) effective(user countersign.UserID, now time.Time) ([]countersign.EffectivePermission, bool) {
	n, ok := s.users[user]
	if !ok || n.rowAt(now) == nil {
		return nil, false
	}
	if !n.active {
		return []countersign.EffectivePermission{}, true
	}
	held := map[countersign.Permission][]countersign.Source{}
	give := func(source countersign.Source, list []countersign.Permission) {
		for _, p := range list {
			held[p] = append(held[p], source)
		}
	}
	give(n.roleSource(), countersign.RolePermissions(n.row.Role))
	give(n.ownSource(), n.row.Permissions)
	for _, l := range n.granting(now) {
		give(l.source(), l.group.row.Permissions)
	}
	list := make([]countersign.EffectivePermission, 0, len(held))
	for p, sources := range held {
		list = append(list, countersign.EffectivePermission{Permission: p, Sources: sources})
	}
	slices.SortFunc(list, func(a, b countersign.EffectivePermission) int {
		return strings.Compare(string(a.Permission), string(b.Permission))
	})
	return list, true
}
