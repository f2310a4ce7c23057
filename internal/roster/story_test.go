package roster_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// Ids of the stories; the change requests need none that a wire would accept.
const (
	ada    = "00000000-0000-7000-8000-000000000ada"
	bob    = "00000000-0000-7000-8000-000000000b0b"
	bot    = "00000000-0000-7000-8000-000000000b07"
	eve    = "00000000-0000-7000-8000-000000000e5e"
	nobody = "00000000-0000-7000-8000-00000000000f"
	ops    = "00000000-0000-7000-8000-000000000095"
	old    = "00000000-0000-7000-8000-00000000001d"
	fresh  = "00000000-0000-7000-8000-000000000e77"
	m0     = "00000000-0000-7000-8000-000000000011"
	m1     = "00000000-0000-7000-8000-000000000012"
	m2     = "00000000-0000-7000-8000-000000000013"
)

// story is a small organization: ada (viewer) and bob (admin), both active
// persons; the groups ops (holds ops.run) and old (deleted, holds old.run).
type story struct {
	*world
	t    *testing.T
	book *roster.Book
}

func tell(t *testing.T) *story {
	t.Helper()
	w := newWorld(1)
	w.users = []countersign.User{
		{ID: ada, Name: "Ada", Type: countersign.Person, Role: countersign.RoleViewer, State: countersign.UserActive, Version: w.next()},
		{ID: bob, Name: "Bob", Type: countersign.Person, Role: countersign.RoleAdmin, State: countersign.UserActive, Version: w.next()},
	}
	w.groups = []countersign.Group{
		{ID: ops, Name: "Ops", State: countersign.GroupActive, Permissions: []countersign.Permission{"ops.run"}, Version: w.next()},
		{ID: old, Name: "Old", State: countersign.GroupDeleted, Permissions: []countersign.Permission{"old.run"}, Version: w.next()},
	}
	return &story{world: w, t: t, book: roster.NewBook()}
}

// asks submits a request, the older the earlier it comes; it expires an hour
// after noon.
func (s *story) asks(id countersign.ChangeID, ops ...countersign.Change) {
	s.changes = append(s.changes, countersign.ChangeRequest{
		ID: id, State: countersign.ChangePending, Operations: ops, Version: s.next(),
		CreatedAt: noon.Add(time.Duration(len(s.changes)-100) * time.Minute), ExpiresAt: noon.Add(time.Hour),
	})
}

func (s *story) member(m countersign.Membership) {
	m.UserID, m.GroupID, m.State = ada, ops, countersign.MembershipActive
	s.storeMembership(m)
}

func (s *story) follow() {
	s.t.Helper()
	follow(s.t, s.book, s.world)
}

func (s *story) verdict(user countersign.UserID, p countersign.Permission, at time.Time) countersign.Verdict {
	s.t.Helper()
	v := s.book.Check(user, p, at, true)
	if s.book.Holds(user, p, at) != v.Allowed {
		s.t.Errorf("Holds and Check disagree on %s %s", user, p)
	}
	return v
}

func (s *story) expect(user countersign.UserID, p countersign.Permission, at time.Time, why string, change countersign.ChangeID) {
	s.t.Helper()
	if v := s.verdict(user, p, at); v.Allowed != (why == "") || v.Why != why || v.PendingChange != change {
		s.t.Errorf("%s %s at %v: allowed %v, why %q, change %q; want why %q, change %q", user, p, at, v.Allowed, v.Why, v.PendingChange, why, change)
	}
}

func TestAMembershipGrantsFromItsStartUntilBeforeItsExpiry(t *testing.T) {
	s := tell(t)
	s.member(countersign.Membership{ID: m0, StartsAt: noon, ExpiresAt: noon.Add(time.Hour)})
	s.follow()
	s.expect(ada, "ops.run", noon.Add(-time.Microsecond), "membership_not_started", "")
	s.expect(ada, "ops.run", noon, "", "")
	s.expect(ada, "ops.run", noon.Add(time.Hour-time.Microsecond), "", "")
	s.expect(ada, "ops.run", noon.Add(time.Hour), "membership_expired", "")
	for at, want := range map[time.Time]int{noon.Add(-time.Microsecond): 0, noon: 1, noon.Add(time.Hour): 0} {
		got, err := s.book.Users(countersign.UserFilter{Permission: "ops.run"}, nil, countersign.Page{}, at)
		if err != nil || got.Total != want {
			t.Errorf("%d users hold it at %v, want %d (%v)", got.Total, at, want, err)
		}
	}
}

func TestAPendingAdditionGrantsNothingAndAPendingRemovalStillGrants(t *testing.T) {
	s := tell(t)
	s.asks("add", &countersign.AddMembership{MembershipID: m0, UserID: ada, GroupID: ops})
	s.follow()
	s.expect(ada, "ops.run", noon, "membership_pending", "add")
	s.expect(ada, "ops.run", noon.Add(time.Hour), "not_granted", "") // the request has expired

	s = tell(t)
	s.member(countersign.Membership{ID: m0})
	s.asks("remove", &countersign.RemoveMembership{MembershipID: m0})
	s.follow()
	s.expect(ada, "ops.run", noon, "", "")
	if m, _ := s.book.Membership(m0, noon); m.State != countersign.MembershipPendingRemoval || m.PendingChange != "remove" {
		t.Errorf("%+v", m)
	}
	if m, _ := s.book.Membership(m0, noon.Add(time.Hour)); m.State != countersign.MembershipActive || m.PendingChange != "" {
		t.Errorf("after the request has expired: %+v", m)
	}
}

func TestAPendingAdditionCountsWithinItsTermOnly(t *testing.T) {
	s := tell(t)
	s.asks("add", &countersign.AddMembership{
		MembershipID: m0, UserID: ada, GroupID: ops, StartsAt: countersign.Some(noon), ExpiresAt: countersign.Some(noon.Add(time.Minute)),
	})
	s.follow()
	s.expect(ada, "ops.run", noon.Add(-time.Microsecond), "membership_not_started", "")
	s.expect(ada, "ops.run", noon, "membership_pending", "add")
	s.expect(ada, "ops.run", noon.Add(time.Minute), "membership_expired", "")
}

func TestTheOldestOfTwoRequestsForOnePairWins(t *testing.T) {
	s := tell(t)
	s.asks("first", &countersign.AddMembership{MembershipID: m1, UserID: ada, GroupID: ops})
	s.asks("second", &countersign.AddMembership{MembershipID: m2, UserID: ada, GroupID: ops, Role: countersign.GroupAdmin})
	s.changes[0].ExpiresAt = noon.Add(time.Minute)
	s.follow()
	for at, want := range map[time.Time]countersign.MembershipID{noon: m1, noon.Add(time.Minute): m2} {
		got, err := s.book.Memberships(countersign.MembershipFilter{}, nil, countersign.Page{Limit: 9}, at)
		if err != nil || got.Total != 1 || got.Items[0].ID != want {
			t.Errorf("at %v: %+v, %v; want %s alone", at, got.Items, err, want)
		}
		for _, id := range []countersign.MembershipID{m1, m2} {
			if _, ok := s.book.Membership(id, at); ok != (id == want) {
				t.Errorf("at %v membership %s found: %v", at, id, ok)
			}
		}
	}
}

func TestTheOldestRemovalIsNamedWhateverItsKind(t *testing.T) {
	remove, replace := &countersign.RemoveMembership{MembershipID: m0}, &countersign.ReplaceMembers{GroupID: ops, MemberIDs: []countersign.UserID{}}
	for _, pair := range [][]countersign.Change{{remove, replace}, {replace, remove}} {
		s := tell(t)
		s.member(countersign.Membership{ID: m0})
		s.asks("alter", &countersign.UpdateMembership{MembershipID: m0, Role: countersign.Some(countersign.GroupAdmin)})
		s.asks("first", pair[0])
		s.asks("second", pair[1])
		s.follow()
		if m, _ := s.book.Membership(m0, noon); m.PendingChange != "first" || m.State != countersign.MembershipPendingRemoval {
			t.Errorf("%T first: %s is named", pair[0], m.PendingChange)
		}
		if g, _ := s.book.Group(ops, noon); g.PendingChange != "alter" || g.UsersCount != 1 {
			t.Errorf("group: %s is named, %d users", g.PendingChange, g.UsersCount)
		}
	}
}

func TestTheOldestRoleChangeIsShown(t *testing.T) {
	s := tell(t)
	s.asks("rename", &countersign.UpdateUser{UserID: ada, Name: countersign.Some("Ada L.")})
	s.asks("trader", &countersign.ChangeRole{UserID: ada, Role: countersign.RoleTrader})
	s.asks("admin", &countersign.ChangeRole{UserID: ada, Role: countersign.RoleAdmin})
	s.follow()
	if u, _ := s.book.User(ada, noon); u.PendingRole != countersign.RoleTrader || u.PendingChange != "trader" || u.Role != countersign.RoleViewer {
		t.Errorf("%s would become %s by %s", u.Role, u.PendingRole, u.PendingChange)
	}
}

func TestARequestMayNameAMembershipBeforeItArrives(t *testing.T) {
	s := tell(t)
	s.asks("remove", &countersign.RemoveMembership{MembershipID: m0})
	s.follow()
	if g, _ := s.book.Group(ops, noon); g.PendingChange != "" {
		t.Errorf("the group is touched by %s", g.PendingChange)
	}
	s.member(countersign.Membership{ID: m0})
	s.follow()
	if m, _ := s.book.Membership(m0, noon); m.State != countersign.MembershipPendingRemoval {
		t.Errorf("%+v", m)
	}
	if g, _ := s.book.Group(ops, noon); g.PendingChange != "remove" {
		t.Error("the group does not show the request")
	}
	s.changes[0].State, s.changes[0].Version = countersign.ChangeRejected, s.next()
	s.follow()
	if g, _ := s.book.Group(ops, noon); g.PendingChange != "" {
		t.Error("the group still shows the request")
	}
}

func TestAnAdminCountsWhileHeIsOne(t *testing.T) {
	s := tell(t)
	admin := &s.users[1]
	for _, step := range []struct {
		role  countersign.Role
		state countersign.UserState
		want  int
	}{
		{countersign.RoleAdmin, countersign.UserActive, 1},
		{countersign.RoleTrader, countersign.UserActive, 0},
		{countersign.RoleAdmin, countersign.UserActive, 1},
		{countersign.RoleAdmin, countersign.UserSuspended, 0},
		{countersign.RoleAdmin, countersign.UserActive, 1},
		{countersign.RoleAdmin, countersign.UserDeleted, 0},
	} {
		admin.Role, admin.State, admin.Version = step.role, step.state, s.next()
		s.follow()
		admins, eligible := s.book.ActiveAdmins(noon), s.book.Eligible(countersign.ApproverSet{Role: countersign.RoleAdmin}, noon)
		if len(admins) != step.want || len(eligible) != step.want {
			t.Errorf("%s %s: %v are admins, %v may vote", step.role, step.state, admins, eligible)
		}
	}
	if u, ok := s.book.User(bob, noon); !ok || u.State != countersign.UserDeleted {
		t.Error("a deleted user cannot be read")
	}
}

func TestWhichRequestWouldGrant(t *testing.T) {
	for _, c := range []struct {
		name   string
		user   countersign.UserID
		p      countersign.Permission
		tell   func(*story)
		why    string
		change countersign.ChangeID
	}{
		{"the oldest of two grants", ada, "x.y", func(s *story) {
			s.asks("other", &countersign.GrantPermissions{UserID: ada, Permissions: []countersign.Permission{"x.z"}})
			s.asks("first", &countersign.GrantPermissions{UserID: ada, Permissions: []countersign.Permission{"x.y"}})
			s.asks("second", &countersign.SetPermissions{UserID: ada, Permissions: []countersign.Permission{"x.y"}})
		}, "not_granted", "first"},
		{"a role that holds it", ada, "vaults.create", func(s *story) {
			s.asks("c", &countersign.ChangeRole{UserID: ada, Role: countersign.RoleTrader})
		}, "not_granted", "c"},
		{"none that takes it away again", ada, "x.y", func(s *story) {
			s.asks("c", &countersign.GrantPermissions{UserID: ada, Permissions: []countersign.Permission{"x.y"}},
				&countersign.RevokePermissions{UserID: ada, Permissions: []countersign.Permission{"x.y"}})
		}, "not_granted", ""},
		{"a permission for a group he is in", ada, "x.y", func(s *story) {
			s.member(countersign.Membership{ID: m0})
			s.asks("c", &countersign.UpdateGroup{GroupID: ops, Permissions: countersign.Some([]countersign.Permission{"x.y"})})
		}, "not_granted", "c"},
		{"no permission for a deleted group", ada, "x.y", func(s *story) {
			s.storeMembership(countersign.Membership{ID: m0, UserID: ada, GroupID: old, State: countersign.MembershipActive})
			s.asks("c", &countersign.UpdateGroup{GroupID: old, Permissions: countersign.Some([]countersign.Permission{"x.y"})})
		}, "not_granted", ""},
		{"a membership whose end is lifted", ada, "ops.run", func(s *story) {
			s.member(countersign.Membership{ID: m0, ExpiresAt: noon})
			s.asks("c", &countersign.UpdateMembership{MembershipID: m0, ExpiresAt: countersign.Null[time.Time]()})
		}, "membership_expired", "c"},
		{"no second membership of a pair", ada, "ops.run", func(s *story) {
			s.member(countersign.Membership{ID: m0, ExpiresAt: noon})
			s.asks("c", &countersign.AddMembership{MembershipID: m2, UserID: ada, GroupID: ops})
		}, "membership_expired", ""},
		{"a membership that takes the place of another", ada, "ops.run", func(s *story) {
			s.member(countersign.Membership{ID: m0, ExpiresAt: noon})
			s.asks("c", &countersign.RemoveMembership{MembershipID: m0}, &countersign.AddMembership{MembershipID: m2, UserID: ada, GroupID: ops})
		}, "membership_expired", "c"},
		{"a new group with him in it", ada, "x.y", func(s *story) {
			s.asks("c", &countersign.CreateGroup{
				GroupID: fresh, Name: "New", Permissions: []countersign.Permission{"x.y"}, MemberIDs: []countersign.UserID{ada},
				Memberships: []countersign.AllottedMembership{{UserID: ada, GroupID: fresh, MembershipID: m0}},
			})
		}, "membership_pending", "c"},
		{"the end of a suspension", bob, "users.create", func(s *story) {
			s.users[1].State = countersign.UserSuspended
			s.asks("c", &countersign.ReactivateUser{UserID: bob})
		}, "user_not_active", "c"},
		{"nothing brings back a deleted user", bob, "users.create", func(s *story) {
			s.users[1].State = countersign.UserDeleted
			s.asks("c", &countersign.ReactivateUser{UserID: bob})
		}, "user_not_active", ""},
		{"an API user is active once created", bot, "x.y", func(s *story) {
			s.asks("c", &countersign.CreateAPIUser{UserID: bot, Name: "Bot", Role: countersign.RoleNone, Permissions: []countersign.Permission{"x.y"}})
		}, "user_not_active", "c"},
		{"an invited person still has to enrol", eve, "users.read", func(s *story) {
			s.asks("c", &countersign.InvitePerson{UserID: eve, Name: "Eve", Role: countersign.RoleViewer})
		}, "user_not_active", ""},
		{"nobody has heard of him", nobody, "users.read", func(*story) {}, "user_unknown", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell(t)
			c.tell(s)
			s.follow()
			s.expect(c.user, c.p, noon, c.why, c.change)
		})
	}
}

func TestDeletingAGroupLeavesIndividualPermissions(t *testing.T) {
	s := tell(t)
	s.users[0].Permissions = []countersign.Permission{"own.run"}
	s.member(countersign.Membership{ID: m0})
	s.follow()
	s.expect(ada, "ops.run", noon, "", "")
	s.groups[0].State, s.groups[0].Version = countersign.GroupDeleted, s.next()
	s.follow()
	s.expect(ada, "ops.run", noon, "not_granted", "")
	s.expect(ada, "own.run", noon, "", "")
	s.groups[0].State, s.groups[0].Version = countersign.GroupActive, s.next()
	s.users[0].State, s.users[0].Version = countersign.UserSuspended, s.next()
	s.follow()
	s.expect(ada, "ops.run", noon, "user_not_active", "")
	s.expect(ada, "own.run", noon, "user_not_active", "")
}

func TestAStoredRowTakesThePlaceOfTheRequestThatAskedForIt(t *testing.T) {
	s := tell(t)
	s.asks("c", &countersign.InvitePerson{
		UserID: eve, Number: 7, Name: "Eve", Email: "eve@example.org", Role: countersign.RoleTrader, GroupIDs: []countersign.GroupID{ops},
		Memberships: []countersign.AllottedMembership{{UserID: eve, GroupID: ops, MembershipID: m0, Number: 8}},
	})
	s.changes[0].Requester = bob
	s.follow()
	u, ok := s.book.User(eve, noon)
	if !ok || u.State != countersign.UserPendingApproval || u.Number != 7 || u.InvitedBy != bob || u.PendingChange != "c" ||
		len(u.Groups) != 1 || u.Groups[0].Membership != countersign.MembershipPendingAddition || u.Groups[0].MembershipID != m0 {
		t.Errorf("while it waits: %+v", u)
	}
	if _, ok := s.book.Effective(eve, noon); !ok {
		t.Error("nobody knows whom the request would create")
	}
	s.users = append(s.users, countersign.User{ID: eve, Number: 7, Name: "Eve", Type: countersign.Person, Role: countersign.RoleTrader, State: countersign.UserOnboardingCode, Version: s.next()})
	s.storeMembership(countersign.Membership{ID: m0, UserID: eve, GroupID: ops, State: countersign.MembershipRemoved})
	s.follow() // the request itself is still open, as it never is in a store
	u, _ = s.book.User(eve, noon)
	if u.State != countersign.UserOnboardingCode || len(u.Groups) != 0 {
		t.Errorf("after it was applied: %+v", u)
	}

	s = tell(t)
	s.asks("c", &countersign.CreateEndUser{UserID: eve, ExternalID: "c-1"})
	s.follow()
	s.changes[0].State, s.changes[0].Version = countersign.ChangeRejected, s.next()
	s.follow()
	if _, ok := s.book.User(eve, noon); ok {
		t.Error("a denied creation left a user")
	}
}
