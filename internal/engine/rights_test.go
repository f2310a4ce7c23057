package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
)

// club is a group of gina, who administers it, mona, and a group of neither.
func (h *house) club() (own, other countersign.GroupID, mona countersign.MembershipID) {
	h.t.Helper()
	h.crew().People(countersign.RoleNone, "gina", "mona", "otto")
	own = created(h.t, h.applies("ada", &countersign.CreateGroup{Name: "Own"}).Change.Operations[0])
	other = created(h.t, h.applies("ada", &countersign.CreateGroup{Name: "Other", MemberIDs: []countersign.UserID{h.ID("vera")}}).Change.Operations[0])
	h.applies("ada", &countersign.AddMembership{UserID: h.ID("gina"), GroupID: own, Role: countersign.GroupAdmin})
	mona = only[*countersign.AddMembership](h.applies("ada", &countersign.AddMembership{UserID: h.ID("mona"), GroupID: own})).MembershipID
	return own, other, mona
}

// The rules of group admins hold for whatever is submitted, by whatever API.
func TestGroupAdminsManageTheirGroup(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		own, other, mona := h.club()
		add := func(group countersign.GroupID, role countersign.MembershipRole) countersign.Change {
			return &countersign.AddMembership{UserID: h.ID("otto"), GroupID: group, Role: role}
		}
		refused := func(op countersign.Change) {
			t.Helper()
			if _, err := h.submit("gina", engine.Options{}, op); !errors.Is(err, countersign.Forbidden) {
				t.Errorf("%s: %v", op.Kind(), err)
			}
		}
		refused(add(other, countersign.GroupMember))
		refused(add(own, countersign.GroupAdmin))
		refused(&countersign.UpdateMembership{MembershipID: mona, Role: countersign.Some(countersign.GroupAdmin)})
		refused(&countersign.UpdateGroup{GroupID: own, Permissions: countersign.Some([]countersign.Permission{countersign.UsersRead})})
		refused(&countersign.DeleteGroup{GroupID: own})
		h.applies("gina", add(own, countersign.GroupMember), &countersign.UpdateGroup{GroupID: own, Description: countersign.Some("d")})
		h.applies("gina", &countersign.RemoveMembership{MembershipID: mona})
		// One operation he may not ask for refuses them all.
		if _, err := h.submit("gina", engine.Options{}, &countersign.UpdateGroup{GroupID: own, Name: countersign.Some("N")}, add(other, "")); !errors.Is(err, countersign.Forbidden) {
			t.Errorf("a batch: %v", err)
		}
		if g := h.group(own); g.Name != "Own" || g.Description != "d" {
			t.Errorf("the group is %+v", g)
		}
	})
}

// Who is a group admin is asked when the change is made and again when it is
// decided, and a term that is over makes nobody one.
func TestGroupAdminsOfYesterday(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		own, _, _ := h.club()
		gina := h.membershipOf("gina", own)
		h.Seal()
		ask := func() (engine.Result, error) {
			return h.submit("gina", engine.Options{}, &countersign.AddMembership{UserID: h.ID("otto"), GroupID: own})
		}
		held, err := ask()
		if err != nil || !held.Change.State.Open() {
			t.Fatalf("%s (%v)", held.Change.State, err)
		}
		h.approved(&countersign.UpdateMembership{MembershipID: gina, Role: countersign.Some(countersign.GroupMember)})
		_, voted := h.Engine.Decide(t.Context(), h.As("grace").Actor, held.Change.ID, engine.Vote{Decision: countersign.Approve, Digest: held.Change.Digest}, noOptions)
		c, err := h.Engine.Change(t.Context(), h.As("ada").Actor, held.Change.ID)
		if err != nil || voted == nil || c.State != countersign.ChangeCancelled || c.ClosedBecause != "requester_not_permitted" {
			t.Errorf("the request is %s because %s (%v, %v)", c.State, c.ClosedBecause, voted, err)
		}
		h.approved(&countersign.UpdateMembership{
			MembershipID: gina, Role: countersign.Some(countersign.GroupAdmin), ExpiresAt: countersign.Some(h.Clock.Now().Add(1e9)),
		})
		if r, err := ask(); err != nil || !r.Change.State.Open() {
			t.Errorf("within the term: %s (%v)", r.Change.State, err)
		}
		h.Clock.Pass(2e9)
		if _, err := ask(); !errors.Is(err, countersign.Forbidden) {
			t.Errorf("after the term: %v", err)
		}
	})
}

func (h *house) membershipOf(name string, group countersign.GroupID) countersign.MembershipID {
	h.t.Helper()
	list, err := h.Engine.Memberships(h.t.Context(), h.As("ada").Actor, countersign.MembershipFilter{
		UserIDs: []countersign.UserID{h.ID(name)}, GroupIDs: []countersign.GroupID{group},
	}, nil, countersign.Page{Limit: 1})
	if err != nil || len(list.Items) != 1 {
		h.t.Fatalf("%d memberships (%v)", len(list.Items), err)
	}
	return list.Items[0].ID
}

// Lists and single reads of memberships show what the group's level shows.
func TestGroupsShowTheirMembersAsTheySay(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		own, _, mona := h.club()
		sees := func(who string) (listed int, one bool) {
			actor := h.As(who).Actor
			list, err := h.Engine.Memberships(t.Context(), actor, countersign.MembershipFilter{GroupIDs: []countersign.GroupID{own}}, nil, countersign.Page{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = h.Engine.Membership(t.Context(), actor, mona)
			return list.Total, err == nil
		}
		for level, want := range map[countersign.Audience]map[string]int{
			countersign.AdminsOnly:       {"ada": 2, "vera": 2, "gina": 2, "mona": 1, "otto": 0},
			countersign.AdminsAndMembers: {"ada": 2, "vera": 2, "gina": 2, "mona": 2, "otto": 0},
			countersign.AllManagedUsers:  {"ada": 2, "vera": 2, "gina": 2, "mona": 2, "otto": 2},
		} {
			if h.group(own).MemberViewability != level {
				h.applies("ada", &countersign.UpdateGroup{GroupID: own, MemberViewability: countersign.Some(level)})
			}
			for who, total := range want {
				if listed, one := sees(who); listed != total || one != (total == 2 || who == "mona") {
					t.Errorf("%s: %s sees %d and one %v", level, who, listed, one)
				}
			}
		}
	})
}

// TestARepeatedRequestIsTheOneThatWaits asks for every kind that waits twice, the
// second time by copies that know nothing of what was allotted.
func TestARepeatedRequestIsTheOneThatWaits(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		own, other, mona := h.club()
		h.Seal()
		repeats := engine.Options{Repeats: true}
		for _, make := range []func() countersign.Change{
			func() countersign.Change {
				return &countersign.InvitePerson{Name: "N", Email: "n@" + somebodys, Role: countersign.RoleNone, GroupIDs: []countersign.GroupID{own}, Profile: countersign.Profile{"phone": "1"}}
			},
			func() countersign.Change {
				return &countersign.CreateAPIUser{Name: "N", Role: countersign.RoleNone, ResponsiblePersonID: h.ID("vera"), GroupIDs: []countersign.GroupID{own}}
			},
			func() countersign.Change {
				return &countersign.CreateAPISigner{Name: "N", ResponsiblePersonID: h.ID("vera")}
			},
			func() countersign.Change {
				return &countersign.CreateGroup{Name: " N ", MemberIDs: []countersign.UserID{h.ID("otto")}}
			},
			func() countersign.Change { return &countersign.UpdateGroup{GroupID: own, Name: countersign.Some("M")} },
			func() countersign.Change {
				return &countersign.ReplaceMembers{GroupID: other, MemberIDs: []countersign.UserID{h.ID("otto")}}
			},
			func() countersign.Change { return &countersign.AddMembership{UserID: h.ID("otto"), GroupID: own} },
			func() countersign.Change { return &countersign.RemoveMembership{MembershipID: mona} },
			func() countersign.Change {
				return &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.OAuthClient}
			},
			func() countersign.Change { return &countersign.IssueEnrolmentCode{UserID: h.ID("mona")} },
		} {
			kind := make().Kind()
			first, err := h.submit("ada", repeats, make())
			if err != nil || !first.Change.State.Open() {
				t.Fatalf("%s is %s (%v)", kind, first.Change.State, err)
			}
			again, err := h.submit("ada", repeats, make())
			if err != nil || again.Change.ID != first.Change.ID || !again.Change.State.Open() {
				t.Errorf("%s, asked again, is another request (%v)", kind, err)
			}
			if others, err := h.submit("linus", repeats, make()); err != nil || others.Change.ID == first.Change.ID {
				t.Errorf("%s, asked by somebody else, is the same request (%v)", kind, err)
			}
			if another, err := h.submit("ada", engine.Options{}, make()); err != nil || another.Change.ID == first.Change.ID {
				t.Errorf("%s, where each time is another request, is the same (%v)", kind, err)
			}
			h.votesNobodyMisses()
			if fresh, err := h.submit("ada", repeats, make()); err != nil || fresh.Change.ID == first.Change.ID {
				t.Errorf("%s, once nothing waits, is an old request (%v)", kind, err)
			}
			h.votesNobodyMisses()
		}
	})
}

// What a profile holds is in no leaf, in clear.
func TestProfilesStandInTheLogAsCommitments(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		const phone = "+41 79 555 01 23"
		h.applies("ada", &countersign.UpdateUser{UserID: h.ID("vera"), Profile: countersign.Some(countersign.Profile{"phone": phone, "job_title": "Auditor"})})
		if u := h.user(h.ID("vera")); u.Profile["phone"] != phone {
			t.Errorf("the profile is %v", u.Profile)
		}
		h.applies("ada", &countersign.UpdateUser{UserID: h.ID("vera"), Profile: countersign.Some(countersign.Profile{"phone": ""})})
		if u := h.user(h.ID("vera")); len(u.Profile) != 1 || u.Profile["job_title"] != "Auditor" {
			t.Errorf("the profile is %v", u.Profile)
		}
		h.applies("ada", &countersign.UpdateUser{UserID: h.ID("vera"), Profile: countersign.Null[countersign.Profile]()})
		if u := h.user(h.ID("vera")); u.Profile != nil {
			t.Errorf("the profile is %v", u.Profile)
		}
		seen := 0
		err := h.Store.Read(t.Context(), h.Org.ID, func(tx store.ReadTx) error {
			return tx.Entries(t.Context(), 0, 1000, func(e countersign.AuditEntry) error {
				if strings.Contains(string(e.Leaf), "555 01") || strings.Contains(string(e.Leaf), "Auditor") {
					t.Errorf("entry %d tells the profile: %s", e.Index, e.Leaf)
				}
				for _, o := range e.Openings {
					if o.Field == "profile" {
						seen++
					}
				}
				return nil
			})
		})
		if err != nil || seen == 0 {
			t.Errorf("%d openings (%v)", seen, err)
		}
	})
}
