package oracle

import (
	"sort"
	"time"

	"github.com/countersign/countersign"
)

// grant is one way in which a user holds permissions.
type grant struct {
	source      countersign.Source
	permissions []countersign.Permission
}

// grantsOf lists every grant at a moment: role, individual, groups by name.
func grantsOf(d Directory, id countersign.UserID, now time.Time) []grant {
	var list []grant
	for _, u := range d.Users {
		if u.ID != id || u.State != countersign.UserActive {
			continue
		}
		list = append(list,
			grant{countersign.Source{Via: "role", Role: u.Role, Position: u.RoleVersion}, countersign.RolePermissions(u.Role)},
			grant{countersign.Source{Via: "individual", Position: u.PermissionsVersion}, u.Permissions})
		var groups []grant
		for _, m := range d.Memberships {
			if m.UserID != id || !m.GrantsAt(now) {
				continue
			}
			for _, g := range d.Groups {
				if m.GroupID != g.ID || g.State != countersign.GroupActive {
					continue
				}
				position := m.Version
				if g.PermissionsVersion > position {
					position = g.PermissionsVersion
				}
				groups = append(groups, grant{countersign.Source{
					Via: "group", GroupID: g.ID, GroupName: g.Name, MembershipID: m.ID, Position: position,
				}, g.Permissions})
			}
		}
		sort.Slice(groups, func(i, j int) bool {
			a, b := groups[i].source, groups[j].source
			if fold(a.GroupName) != fold(b.GroupName) {
				return fold(a.GroupName) < fold(b.GroupName)
			}
			return a.GroupID < b.GroupID
		})
		list = append(list, groups...)
	}
	return list
}

func sourcesOf(d Directory, id countersign.UserID, p countersign.Permission, now time.Time) []countersign.Source {
	var sources []countersign.Source
	for _, g := range grantsOf(d, id, now) {
		if holds(g.permissions, p) {
			sources = append(sources, g.source)
		}
	}
	return sources
}

// grants is grantsOf, asked once of each user.
func (s *Sight) grants(id countersign.UserID) []grant {
	list, ok := s.granted[id]
	if !ok {
		if s.granted == nil {
			s.granted = map[countersign.UserID][]grant{}
		}
		list = grantsOf(s.directory, id, s.Now)
		s.granted[id] = list
	}
	return list
}

func (s *Sight) sources(id countersign.UserID, p countersign.Permission) []countersign.Source {
	var sources []countersign.Source
	for _, g := range s.grants(id) {
		if holds(g.permissions, p) {
			sources = append(sources, g.source)
		}
	}
	return sources
}

// Holds answers whether a user holds a permission.
func (s *Sight) Holds(id countersign.UserID, p countersign.Permission) bool {
	return len(s.sources(id, p)) > 0
}

// Check answers with every reason.
func (s *Sight) Check(id countersign.UserID, p countersign.Permission) countersign.Verdict {
	u := s.User(id)
	if u == nil {
		return countersign.Verdict{Why: "user_unknown"}
	}
	if sources := s.sources(id, p); len(sources) > 0 {
		return countersign.Verdict{Allowed: true, Because: sources}
	}
	v := countersign.Verdict{Why: "user_not_active"}
	if u.State == countersign.UserActive {
		v = s.nearest(id, p)
	}
	for i, after := range s.futures() {
		if v.PendingChange == "" && len(sourcesOf(after, id, p, s.Now)) > 0 {
			v.PendingChange = s.open[i].ID
		}
	}
	return v
}

// futures returns the rows as each open request alone would leave them.
func (s *Sight) futures() []Directory {
	if s.after == nil {
		for _, c := range s.open {
			s.after = append(s.after, apply(s.directory, c))
		}
	}
	return s.after
}

func (s *Sight) nearest(id countersign.UserID, p countersign.Permission) countersign.Verdict {
	var notStarted, expired bool
	for _, m := range s.Memberships {
		g := s.Group(m.GroupID)
		if m.UserID != id || m.State == countersign.MembershipRemoved || g == nil || !holds(g.Permissions, p) {
			continue
		}
		if g.State != countersign.GroupActive && !(g.State == countersign.GroupPendingApproval && m.State == countersign.MembershipPendingAddition) {
			continue
		}
		begun := m.StartsAt.IsZero() || !s.Now.Before(m.StartsAt)
		over := !m.ExpiresAt.IsZero() && !s.Now.Before(m.ExpiresAt)
		if m.State == countersign.MembershipPendingAddition && begun && !over {
			return countersign.Verdict{Why: "membership_pending", PendingChange: s.oldestAddition(id, p)}
		}
		notStarted, expired = notStarted || !begun, expired || over
	}
	switch {
	case notStarted:
		return countersign.Verdict{Why: "membership_not_started"}
	case expired:
		return countersign.Verdict{Why: "membership_expired"}
	}
	return countersign.Verdict{Why: "not_granted"}
}

// oldestAddition finds the request that adds the membership that would count;
// pending additions stand in sight in the order of their requests.
func (s *Sight) oldestAddition(id countersign.UserID, p countersign.Permission) countersign.ChangeID {
	for _, m := range s.Memberships {
		g := s.Group(m.GroupID)
		would := m.Membership
		would.State = countersign.MembershipActive
		if m.UserID == id && m.State == countersign.MembershipPendingAddition && g != nil && holds(g.Permissions, p) && would.GrantsAt(s.Now) {
			return m.PendingChange
		}
	}
	return ""
}

// Effective lists the permissions a user holds, sorted, with every source.
func (s *Sight) Effective(id countersign.UserID) []countersign.EffectivePermission {
	var list []countersign.EffectivePermission
	for _, g := range s.grants(id) {
		for _, p := range g.permissions {
			found := false
			for i := range list {
				if list[i].Permission == p {
					list[i].Sources = append(list[i].Sources, g.source)
					found = true
				}
			}
			if !found {
				list = append(list, countersign.EffectivePermission{Permission: p, Sources: []countersign.Source{g.source}})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Permission < list[j].Permission })
	return list
}

// Eligible lists who may vote in a clause.
func (s *Sight) Eligible(set countersign.ApproverSet) []countersign.UserID {
	var ids []countersign.UserID
	for _, u := range s.directory.Users {
		if u.Type != countersign.Person || u.State != countersign.UserActive {
			continue
		}
		in := false
		switch {
		case set.Role != "":
			in = u.Role == set.Role
		case set.Permission != "":
			in = s.Holds(u.ID, set.Permission)
		case set.GroupID != "":
			for _, m := range s.Memberships {
				if m.UserID == u.ID && m.GroupID == set.GroupID && m.GrantsAt(s.Now) {
					g := s.Group(m.GroupID)
					in = in || (g != nil && g.State == countersign.GroupActive)
				}
			}
		}
		if in && s.Holds(u.ID, countersign.ChangesApprove) {
			ids = append(ids, u.ID)
		}
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

// Impact lists, for every user, the permissions he would hold if rows were
// replaced by others, less those he holds: and the other way round.
func Impact(before, after Directory, id countersign.UserID, now time.Time) (gained, lost []countersign.Permission) {
	was, is := (&Sight{directory: before, Now: now}).Effective(id), (&Sight{directory: after, Now: now}).Effective(id)
	return less(is, was), less(was, is)
}

func less(a, b []countersign.EffectivePermission) []countersign.Permission {
	var list []countersign.Permission
	for _, x := range a {
		in := false
		for _, y := range b {
			in = in || x.Permission == y.Permission
		}
		if !in {
			list = append(list, x.Permission)
		}
	}
	return list
}
