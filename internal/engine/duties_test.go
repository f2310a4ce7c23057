package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
)

// The permissions of a payment, which nobody may hold together.
const (
	paysIn  countersign.Permission = "payouts.create"
	paysOut countersign.Permission = "payouts.release"
)

// apart seals under a policy that keeps the two apart.
func (h *house) apart() *house {
	h.t.Helper()
	policy := h.apartPolicy()
	h.applies("ada", &countersign.SealOrganization{Policy: &policy})
	return h
}

func (h *house) apartPolicy() countersign.Policy {
	return countersign.Policy{
		Name: "house", Default: adminsAsked(1),
		Rules:      []countersign.Rule{{ID: "codes", Changes: []string{"user.onboarding_code"}}},
		Exclusions: []countersign.Exclusion{{ID: "payouts", Sides: [][]countersign.Permission{{paysIn}, {paysOut}}}},
	}
}

// teller is a crew whose vera makes payments, with a group that releases them and
// one that gives nothing yet.
type teller struct {
	*house
	vera                 countersign.UserID
	makers, payers, idle countersign.GroupID
}

func newTeller(h *house) *teller {
	h.crew()
	h.applies("ada", &countersign.AddPermission{Permission: paysIn}, &countersign.AddPermission{Permission: paysOut})
	w := &teller{house: h, vera: h.ID("vera")}
	w.makers, w.payers, w.idle = w.makes("Makers", paysIn), w.makes("Payers", paysOut), w.makes("Idle")
	return w
}

func (w *teller) makes(name string, p ...countersign.Permission) countersign.GroupID {
	w.t.Helper()
	return only[*countersign.CreateGroup](w.applies("ada", &countersign.CreateGroup{Name: name, Permissions: p})).GroupID
}

func (w *teller) grants(user countersign.UserID, p ...countersign.Permission) countersign.Change {
	return &countersign.GrantPermissions{UserID: user, Permissions: p}
}

// conflicts holds a refusal to what it must say.
func (w *teller) conflicts(err error, user countersign.UserID) {
	w.t.Helper()
	var own *countersign.Error
	if !errors.As(err, &own) || own.Code != "duties_conflict" {
		w.t.Fatalf("refused with %v, want duties_conflict", err)
	}
	both := []string{own.Detail["permission"], own.Detail["held_permission"]}
	slices.Sort(both)
	if own.Detail["exclusion"] != "payouts" || !slices.Equal(both, []string{string(paysIn), string(paysOut)}) {
		w.t.Errorf("it names %v", own.Detail)
	}
	if user != "" && own.Detail["user_id"] != string(user) {
		w.t.Errorf("it names %s, want %s", own.Detail["user_id"], user)
	}
}

// Every way in which vera, who holds one side, could come to the other is refused
// when it is asked for (S6): nothing is held, nothing moves.
func TestNobodyComesToHoldBothSides(t *testing.T) {
	later := func(w *teller) countersign.Opt[time.Time] {
		return countersign.Some(w.Clock.Now().Add(1000 * time.Hour))
	}
	// other is nobody in particular: somebody whom the batch itself makes.
	const other = true
	for name, c := range map[string]struct {
		before func(w *teller)
		ops    func(w *teller) []countersign.Change
		other  bool
	}{
		"a grant": {ops: func(w *teller) []countersign.Change { return []countersign.Change{w.grants(w.vera, paysOut)} }},
		"permissions set": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.SetPermissions{UserID: w.vera, Permissions: []countersign.Permission{paysOut, paysIn}}}
		}},
		"both at once": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{w.grants(w.ID("linus"), paysOut, paysIn)}
		}, other: other},
		"a membership": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.AddMembership{UserID: w.vera, GroupID: w.payers}}
		}},
		"a membership that begins later": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.AddMembership{UserID: w.vera, GroupID: w.payers, StartsAt: later(w)}}
		}},
		"a membership that goes on": {
			before: func(w *teller) {
				w.applies("ada", &countersign.AddMembership{UserID: w.vera, GroupID: w.payers, ExpiresAt: countersign.Some(w.Clock.Now().Add(time.Hour))})
				w.Clock.Pass(2 * time.Hour)
			},
			ops: func(w *teller) []countersign.Change {
				u, _, err := w.Engine.User(w.t.Context(), w.As("ada").Actor, w.vera)
				if err != nil || len(u.Groups) != 1 {
					w.t.Fatalf("%+v, %v", u.Groups, err)
				}
				return []countersign.Change{&countersign.UpdateMembership{MembershipID: u.Groups[0].MembershipID, ExpiresAt: later(w)}}
			},
		},
		"a list of members": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.ReplaceMembers{GroupID: w.payers, MemberIDs: []countersign.UserID{w.ID("linus"), w.vera}}}
		}},
		"a new group": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.CreateGroup{Name: "New", Permissions: []countersign.Permission{paysOut}, MemberIDs: []countersign.UserID{w.vera}}}
		}},
		"a group that gives more": {
			before: func(w *teller) { w.member(w.vera, w.idle) },
			ops: func(w *teller) []countersign.Change {
				return []countersign.Change{&countersign.UpdateGroup{GroupID: w.idle, Permissions: countersign.Some([]countersign.Permission{paysOut})}}
			},
		},
		"a group that gives more, to who comes later": {
			before: func(w *teller) {
				w.applies("ada", &countersign.AddMembership{UserID: w.vera, GroupID: w.idle, StartsAt: later(w)})
			},
			ops: func(w *teller) []countersign.Change {
				return []countersign.Change{&countersign.UpdateGroup{GroupID: w.idle, Permissions: countersign.Some([]countersign.Permission{paysOut})}}
			},
		},
		"a suspended user": {
			before: func(w *teller) { w.applies("ada", &countersign.SuspendUser{UserID: w.vera}) },
			ops:    func(w *teller) []countersign.Change { return []countersign.Change{w.grants(w.vera, paysOut)} },
		},
		"an invitation into both groups": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.InvitePerson{Name: "Nia", Email: "nia@house.example", Role: countersign.RoleViewer, GroupIDs: []countersign.GroupID{w.makers, w.payers}}}
		}, other: other},
		"an account with both": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.CreateAPIUser{Name: "bot", Role: countersign.RoleNone, ResponsiblePersonID: w.ID("ada"), Permissions: []countersign.Permission{paysIn, paysOut}}}
		}, other: other},
		"an account with one, in a group with the other": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{&countersign.CreateAPIUser{Name: "bot", Role: countersign.RoleNone, ResponsiblePersonID: w.ID("ada"), Permissions: []countersign.Permission{paysIn}, GroupIDs: []countersign.GroupID{w.payers}}}
		}, other: other},
		"two halves of one batch": {ops: func(w *teller) []countersign.Change {
			return []countersign.Change{w.grants(w.ID("linus"), paysIn), &countersign.AddMembership{UserID: w.ID("linus"), GroupID: w.payers}}
		}, other: other},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				w := newTeller(h)
				w.applies("ada", w.grants(w.vera, paysIn))
				if c.before != nil {
					c.before(w)
				}
				w.apart()
				head := w.head().Size
				_, err := w.submit("ada", noOptions, c.ops(w)...)
				if w.vera != "" && !c.other {
					w.conflicts(err, w.vera)
				} else {
					w.conflicts(err, "")
				}
				if w.movedSince(head) {
					t.Error("a refused batch moved the log")
				}
				_, err = w.submit("ada", engine.Options{DryRun: true}, c.ops(w)...)
				w.conflicts(err, "")
			})
		})
	}
}

// A role is a way like any other.
func TestARoleCountsForAnExclusion(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		h.applies("ada", &countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.AuditExport}})
		h.Seal() // two-person keeps auditors from having a part (S5)
		for _, role := range []countersign.Role{countersign.RoleAdmin, countersign.RoleTrader} {
			_, err := h.submit("ada", noOptions, &countersign.ChangeRole{UserID: h.ID("vera"), Role: role})
			refused(t, err, "duties_conflict", "")
		}
		h.mustHoldBy("ada", &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleNone})
		_, err := h.submit("ada", noOptions, &countersign.GrantPermissions{UserID: h.ID("linus"), Permissions: []countersign.Permission{countersign.AuditExport}})
		refused(t, err, "duties_conflict", "")
		if !strings.Contains(err.Error(), "auditors-have-no-part") || !strings.Contains(err.Error(), string(countersign.AuditExport)) {
			t.Errorf("it says %v", err)
		}
	})
}

// Two open requests that each add one half: the second is refused when it is
// asked for, whatever the halves are.
func TestOpenRequestsCountForAnExclusion(t *testing.T) {
	grant := func(p countersign.Permission) func(w *teller) countersign.Change {
		return func(w *teller) countersign.Change { return w.grants(w.vera, p) }
	}
	join := func(of func(w *teller) countersign.GroupID) func(w *teller) countersign.Change {
		return func(w *teller) countersign.Change {
			return &countersign.AddMembership{UserID: w.vera, GroupID: of(w)}
		}
	}
	give := func(of func(w *teller) countersign.GroupID, p countersign.Permission) func(w *teller) countersign.Change {
		return func(w *teller) countersign.Change {
			return &countersign.UpdateGroup{GroupID: of(w), Permissions: countersign.Some([]countersign.Permission{p})}
		}
	}
	makers, payers, idle := func(w *teller) countersign.GroupID { return w.makers }, func(w *teller) countersign.GroupID { return w.payers }, func(w *teller) countersign.GroupID { return w.idle }
	for name, c := range map[string]struct {
		before        func(w *teller)
		first, second func(w *teller) countersign.Change
	}{
		"two grants": {first: grant(paysIn), second: grant(paysOut)},
		"a set and a grant": {first: func(w *teller) countersign.Change {
			return &countersign.SetPermissions{UserID: w.vera, Permissions: []countersign.Permission{paysIn}}
		}, second: grant(paysOut)},
		"two memberships":       {first: join(makers), second: join(payers)},
		"a grant, a membership": {first: grant(paysIn), second: join(payers)},
		"a membership, a grant": {first: join(payers), second: grant(paysIn)},
		"a list, a grant": {first: func(w *teller) countersign.Change {
			return &countersign.ReplaceMembers{GroupID: w.payers, MemberIDs: []countersign.UserID{w.vera}}
		}, second: grant(paysIn)},
		"a new group, a grant": {first: func(w *teller) countersign.Change {
			return &countersign.CreateGroup{Name: "New", Permissions: []countersign.Permission{paysOut}, MemberIDs: []countersign.UserID{w.vera}}
		}, second: grant(paysIn)},
		"a group, its member":     {before: func(w *teller) { w.applies("ada", w.grants(w.vera, paysIn)) }, first: give(idle, paysOut), second: join(idle)},
		"a member, his group":     {before: func(w *teller) { w.applies("ada", w.grants(w.vera, paysIn)) }, first: join(idle), second: give(idle, paysOut)},
		"a group of his, a grant": {before: func(w *teller) { w.member(w.vera, w.idle) }, first: give(idle, paysOut), second: grant(paysIn)},
		"a grant, a group of his": {before: func(w *teller) { w.member(w.vera, w.idle) }, first: grant(paysIn), second: give(idle, paysOut)},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				w := newTeller(h)
				if c.before != nil {
					c.before(w)
				}
				w.apart()
				first := w.mustHoldBy("ada", c.first(w)).Change
				_, err := w.submit("grace", noOptions, c.second(w))
				w.conflicts(err, w.vera)
				// Once the first is gone, so is what it would have added.
				w.votes("edsger", first, countersign.Deny)
				second := w.mustHoldBy("grace", c.second(w)).Change
				if got := w.votes("edsger", second, countersign.Approve).Change; got.State != countersign.ChangeApplied {
					t.Errorf("alone, the second is %s because of %s", got.State, got.ClosedBecause)
				}
			})
		})
	}
}

// What waits would add to what counts, and is no cover for it: of a request that is
// in order as a whole (it takes the other half, or lifts the exclusion) another may
// not have the half alone.
func TestWhatWaitsIsNoCover(t *testing.T) {
	for name, c := range map[string]struct {
		first  func(w *teller) []countersign.Change
		second func(w *teller) countersign.Change
	}{
		"for a grant, by a swap": {
			func(w *teller) []countersign.Change {
				return []countersign.Change{&countersign.RevokePermissions{UserID: w.vera, Permissions: []countersign.Permission{paysIn}}, w.grants(w.vera, paysOut)}
			},
			func(w *teller) countersign.Change { return w.grants(w.vera, paysOut) },
		},
		"for a membership, by a change of policy": {
			func(w *teller) []countersign.Change {
				return []countersign.Change{
					&countersign.ReplaceMembers{GroupID: w.payers, MemberIDs: []countersign.UserID{w.vera}},
					&countersign.PutPolicy{Policy: countersign.TwoPersonPolicy()},
				}
			},
			func(w *teller) countersign.Change {
				return &countersign.AddMembership{UserID: w.vera, GroupID: w.payers}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				w := newTeller(h)
				w.applies("ada", w.grants(w.vera, paysIn))
				w.apart()
				if _, err := w.submit("ada", noOptions, c.first(w)...); err != nil {
					t.Fatal(err)
				}
				_, err := w.submit("grace", noOptions, c.second(w))
				w.conflicts(err, w.vera)
			})
		})
	}
}

// An invitation that waits counts too, and so does what it would be put into.
func TestSomebodyWhoIsToBeCountsForAnExclusion(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		w := newTeller(h)
		w.apart()
		c := w.mustHoldBy("ada", &countersign.InvitePerson{
			Name: "Nia", Email: "nia@house.example", Role: countersign.RoleViewer, GroupIDs: []countersign.GroupID{w.makers, w.idle},
		})
		nia := only[*countersign.InvitePerson](c).UserID
		giveBoth := &countersign.UpdateGroup{GroupID: w.idle, Permissions: countersign.Some([]countersign.Permission{paysOut})}
		_, err := w.submit("grace", noOptions, giveBoth)
		w.conflicts(err, nia)
		w.votes("edsger", c.Change, countersign.Deny)
		c = w.mustHoldBy("ada", &countersign.CreateAPIUser{
			Name: "bot 2", Role: countersign.RoleNone, ResponsiblePersonID: w.ID("ada"), Permissions: []countersign.Permission{paysIn}, GroupIDs: []countersign.GroupID{w.idle},
		})
		_, err = w.submit("grace", noOptions, giveBoth)
		w.conflicts(err, only[*countersign.CreateAPIUser](c).UserID)
	})
}

// Requests made before the exclusion was in force meet it when they are decided:
// the request fails, with the reason, and its votes stay on record.
func TestADecisionHoldsToExclusions(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		w := newTeller(h)
		w.under()
		one := w.mustHoldBy("ada", &countersign.AddMembership{UserID: w.vera, GroupID: w.makers}).Change
		two := w.mustHoldBy("ada", &countersign.AddMembership{UserID: w.vera, GroupID: w.payers}).Change
		policy := w.apartPolicy()
		w.agreed("grace", "edsger", &countersign.PutPolicy{Policy: policy})
		if got := w.votes("edsger", one, countersign.Approve).Change; got.State != countersign.ChangeFailed || got.ClosedBecause != "duties_conflict" {
			t.Errorf("beside the other it is %s because of %s", got.State, got.ClosedBecause)
		}
		if got := w.votes("edsger", two, countersign.Approve).Change; got.State != countersign.ChangeApplied {
			t.Errorf("alone it is %s because of %s", got.State, got.ClosedBecause)
		}
	})
}

// A request may be replaced by one that takes the place of its half.
func TestAReplacedRequestNoLongerCounts(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		w := newTeller(h)
		w.apart()
		first := w.mustHoldBy("ada", w.grants(w.vera, paysIn)).Change
		result, err := w.Engine.Replace(t.Context(), w.As("ada").Actor, first.ID, []countersign.Change{w.grants(w.vera, paysOut)}, noOptions)
		if err != nil || result.Change.State != countersign.ChangePending {
			t.Fatalf("%s, %v", result.Change.State, err)
		}
		_, err = w.Engine.Replace(t.Context(), w.As("ada").Actor, result.Change.ID, []countersign.Change{w.grants(w.vera, paysIn, paysOut)}, noOptions)
		w.conflicts(err, w.vera)
	})
}

// Who held both before the exclusion keeps them, and nothing about him is
// refused that makes it no worse; what makes it worse is, and so is his return.
func TestWhatWasSoBeforeIsInNobodysWay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		w := newTeller(h)
		w.applies("ada", &countersign.AddPermission{Permission: "payouts.amend"})
		w.applies("ada", w.grants(w.vera, paysIn, paysOut))
		w.member(w.vera, w.idle)
		policy := w.apartPolicy()
		policy.Exclusions[0].Sides[0] = append(policy.Exclusions[0].Sides[0], "payouts.amend")
		w.applies("ada", &countersign.SealOrganization{Policy: &policy})
		for name, ops := range map[string][]countersign.Change{
			"his name":                  {&countersign.UpdateUser{UserID: w.vera, Name: countersign.Some("Vera the second")}},
			"his role":                  {&countersign.ChangeRole{UserID: w.vera, Role: countersign.RoleTrader}},
			"a permission of no side":   {w.grants(w.vera, countersign.AuditRead)},
			"what he holds, by a group": {&countersign.AddMembership{UserID: w.vera, GroupID: w.payers}},
			"a group of his":            {&countersign.UpdateGroup{GroupID: w.idle, Permissions: countersign.Some([]countersign.Permission{paysIn})}},
			"one of the two taken":      {&countersign.RevokePermissions{UserID: w.vera, Permissions: []countersign.Permission{paysIn}}},
			"a suspension":              {&countersign.SuspendUser{UserID: w.vera}},
			"somebody else":             {w.grants(w.ID("linus"), paysIn)},
			"the policy again":          {&countersign.PutPolicy{Policy: w.apartPolicy()}},
		} {
			if _, err := w.submit("ada", engine.Options{DryRun: true}, ops...); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := w.submit("ada", noOptions, w.grants(w.vera, "payouts.amend"))
		if scenario.CodeOf(err) != "duties_conflict" {
			t.Errorf("one more permission: %v", err)
		}
		w.agreed("ada", "edsger", &countersign.SuspendUser{UserID: w.vera})
		_, err = w.submit("ada", noOptions, &countersign.ReactivateUser{UserID: w.vera})
		w.conflicts(err, w.vera)
		w.agreed("ada", "edsger", &countersign.RevokePermissions{UserID: w.vera, Permissions: []countersign.Permission{paysIn}})
		w.agreed("ada", "edsger", &countersign.ReactivateUser{UserID: w.vera})
	})
}

// What is over, gone or free of sides does not count, and bootstrap asks nothing.
func TestWhatDoesNotCountForAnExclusion(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		w := newTeller(h)
		policy := w.apartPolicy()
		w.applies("ada", w.grants(w.vera, paysIn), &countersign.AddMembership{UserID: w.ID("linus"), GroupID: w.makers, ExpiresAt: countersign.Some(w.Clock.Now().Add(time.Hour))})
		w.applies("ada", &countersign.PutPolicy{Policy: policy})
		w.applies("ada", w.grants(w.ID("grace"), paysIn, paysOut)) // not sealed yet
		w.applies("ada", &countersign.SealOrganization{Policy: &policy})
		w.agreed("ada", "edsger", &countersign.RevokePermissions{UserID: w.vera, Permissions: []countersign.Permission{paysIn}}, w.grants(w.vera, paysOut))
		_, err := w.submit("ada", noOptions, w.grants(w.ID("linus"), paysOut))
		w.conflicts(err, w.ID("linus"))
		w.Clock.Pass(time.Hour) // the membership is over
		w.agreed("ada", "edsger", w.grants(w.ID("linus"), paysOut))
		// A group and its members go in one batch with the grant.
		w.agreed("grace", "edsger", &countersign.AddMembership{UserID: w.ID("linus"), GroupID: w.idle}, &countersign.DeleteGroup{GroupID: w.payers}, w.grants(w.ID("ada"), paysIn))
	})
}
