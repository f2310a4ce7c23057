package engine_test

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// urgent is how an emergency act is submitted.
var urgent = engine.Options{Emergency: true, Reason: "the phone was stolen", Batch: true}

// acts does in an emergency what must succeed.
func (h *house) acts(who string, op countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.submit(who, urgent, op)
	if err != nil || result.Change.State != countersign.ChangeApplied || result.Change.Ratification == "" {
		h.t.Fatalf("%s by %s is %s (%v), and should be done at once", op.Kind(), who, result.Change.State, err)
	}
	return result
}

// ratification is the open request about an act.
func (h *house) ratification(act engine.Result) countersign.ChangeRequest {
	h.t.Helper()
	return h.state(act.Change.Ratification).ChangeRequest
}

func (h *house) organization() countersign.Organization {
	h.t.Helper()
	o, err := h.Engine.Organization(h.t.Context(), h.As("ada").Actor)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

func (h *house) emergencies(unratified bool) []countersign.Emergency {
	h.t.Helper()
	list, err := h.Engine.Emergencies(h.t.Context(), h.As("ada").Actor, unratified, countersign.Page{Limit: 100})
	if err != nil || list.Total != len(list.Items) {
		h.t.Fatalf("%d of %d acts (%v)", len(list.Items), list.Total, err)
	}
	return list.Items
}

func suspend(h *house, name string) countersign.Change {
	return &countersign.SuspendUser{UserID: h.ID(name)}
}

// What one person does at once stands in the log as such, and others are asked in
// the same transaction: who policy would have asked before, but him and whom it is
// about.
func TestOnePersonReducesPowerAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		for name, c := range map[string]struct {
			op    func() countersign.Change
			about countersign.UserID
			done  func() bool
		}{
			"a user": {
				func() countersign.Change { return suspend(h, "linus") }, h.ID("linus"),
				func() bool { return h.user(h.ID("linus")).State == countersign.UserSuspended },
			},
			"a credential": {
				func() countersign.Change {
					return &countersign.RevokeCredential{CredentialID: h.As("vera").Actor.Credential}
				}, h.ID("vera"),
				func() bool { return h.credential(h.As("vera").Actor.Credential).State == countersign.CredentialRevoked },
			},
			"everything": {
				func() countersign.Change { return &countersign.FreezeOrganization{} }, "",
				func() bool { return h.organization().Frozen() },
			},
		} {
			t.Run(name, func(t *testing.T) {
				h, before := h.in(t), h.head().Size
				h.Clock.Pass(countersign.EmergencyPeriod)
				act := h.acts("ada", c.op())
				if !c.done() || len(act.Change.Pools) != 0 || act.Change.RuleIDs[0] != "default" || len(act.Change.Requirement.Clauses) != 1 {
					t.Errorf("done: %t, %+v", c.done(), act.Change)
				}
				entries := h.entries(before)
				marked := bytes.Contains(entries[0].Leaf, []byte(`"emergency":true`))
				if len(entries) != 2 || entries[0].Kind != countersign.EntryApplied || entries[1].Kind != countersign.EntrySubmitted || !marked {
					t.Errorf("%d entries, marked %t", len(entries), marked)
				}
				asked := h.ratification(act)
				excluded := []countersign.UserID{h.ID("ada")}
				if c.about != "" {
					excluded = append(excluded, c.about)
				}
				slices.Sort(excluded)
				if asked.State != countersign.ChangePending || asked.Ratifies != act.Change.ID || asked.Reason != urgent.Reason ||
					!asked.ExpiresAt.Equal(h.Clock.Now().Add(24*time.Hour)) || !slices.Equal(asked.Excluded, excluded) ||
					slices.Contains(asked.Pools[0], h.ID("linus")) != (h.user(h.ID("linus")).State == countersign.UserActive) {
					t.Errorf("%+v", asked)
				}
				_, err := h.Engine.Decide(t.Context(), h.As("ada").Actor, asked.ID, engine.Vote{Decision: countersign.Approve, Digest: asked.Digest}, noOptions)
				refused(t, err, "not_eligible", "")
				want := countersign.Emergency{
					Change: act.Change.ID, Kind: act.Change.Operations[0].Kind(), Person: h.ID("ada"), At: h.Clock.Now(), Ratification: asked.ID,
					State: countersign.ChangePending, Position: before + 1,
				}
				if diff := cmp.Diff([]countersign.Emergency{want}, h.emergencies(true)); diff != "" {
					t.Errorf("unratified (-want +got)\n%s", diff)
				}
				h.votes("grace", asked, countersign.Approve)
				h.mustBe(asked.ID, countersign.ChangeApplied)
				if left := h.emergencies(true); len(left) != 0 || h.emergencies(false)[0].State != countersign.ChangeApplied || !c.done() {
					t.Errorf("ratified, and unratified are %v", left)
				}
				if name == "everything" { // the others need it open
					h.thaws()
				}
			})
		}
	})
}

// thaws ends a freeze as those agree whom it needs.
func (h *house) thaws() {
	h.t.Helper()
	c := h.mustHold(&countersign.ThawOrganization{}).Change
	for _, who := range []string{"grace", "edsger"} {
		if !h.organization().Frozen() {
			break
		}
		h.votes(who, c, countersign.Approve)
	}
	h.mustBe(c.ID, countersign.ChangeApplied)
}

// Whatever is refused is refused whole.
func TestWhatIsNoEmergency(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		customer := h.endUser()
		token := only[*countersign.CreateCredential](h.applies("ada", &countersign.CreateCredential{UserID: customer, Type: countersign.Token})).CredentialID
		h.applies("ada", &countersign.GrantPermissions{UserID: h.ID("bot"), Permissions: []countersign.Permission{
			countersign.EmergencySuspend, countersign.EmergencyRevoke, countersign.EmergencyFreeze,
		}})
		_, err := h.submit("ada", urgent, suspend(h, "vera"))
		refused(t, err, "not_sealed", "")
		_, err = h.submit("ada", urgent, &countersign.FreezeOrganization{})
		refused(t, err, "not_sealed", "")
		_, err = h.submit("ada", engine.Options{}, &countersign.FreezeOrganization{})
		refused(t, err, "not_sealed", "")
		h.Seal()
		silent := urgent
		silent.Reason = " \n"
		for name, c := range map[string]struct {
			who         string
			o           engine.Options
			ops         []countersign.Change
			code, field string
		}{
			"two at once":               {"ada", urgent, []countersign.Change{suspend(h, "vera"), suspend(h, "bot")}, "invalid", "operations"},
			"what adds power":           {"ada", urgent, []countersign.Change{&countersign.ReactivateUser{UserID: h.ID("vera")}}, "not_an_emergency", "operations.0.kind"},
			"a thaw":                    {"ada", urgent, []countersign.Change{&countersign.ThawOrganization{}}, "not_an_emergency", "operations.0.kind"},
			"without a reason":          {"ada", silent, []countersign.Change{suspend(h, "vera")}, "invalid", "reason"},
			"by an account":             {"bot", urgent, []countersign.Change{suspend(h, "vera")}, "not_a_person", "operations.0"},
			"by who may not":            {"vera", urgent, []countersign.Change{suspend(h, "linus")}, "permission_missing", "operations.0"},
			"about oneself":             {"ada", urgent, []countersign.Change{suspend(h, "ada")}, "emergency_about_oneself", "operations.0.user_id"},
			"a credential of one's own": {"ada", urgent, []countersign.Change{&countersign.RevokeCredential{CredentialID: h.As("ada").Actor.Credential}}, "emergency_not_needed", ""},
			"what is free anyway":       {"ada", urgent, []countersign.Change{&countersign.RevokeCredential{CredentialID: token}}, "emergency_not_needed", ""},
			"nobody":                    {"ada", urgent, []countersign.Change{&countersign.SuspendUser{UserID: nobody}}, "user_unknown", "operations.0.user_id"},
			"to ratify":                 {"ada", noOptions, []countersign.Change{&countersign.RatifyEmergency{ChangeID: nobody}}, "forbidden", ""},
		} {
			t.Run(name, func(t *testing.T) {
				h, before := h.in(t), h.head().Size
				_, err := h.submit(c.who, c.o, c.ops...)
				refused(t, err, c.code, c.field)
				if h.head().Size != before || len(h.emergencies(false)) != 0 {
					t.Errorf("something was done all the same")
				}
			})
		}
		// Somebody else's session is nobody's emergency.
		ada := h.As("ada").Actor
		ada.Subject = h.ID("grace")
		_, err = h.Engine.Submit(t.Context(), ada, []countersign.Change{suspend(h, "vera")}, urgent)
		refused(t, err, "acts_for_another", "operations.0")
		h.acts("ada", suspend(h, "vera"))
		_, err = h.submit("ada", urgent, suspend(h, "vera"))
		refused(t, err, "no_effect", "")
	})
}

// The permission for one kind of emergency is all that it needs, and all it gives.
func TestWhoMayOnlySuspend(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		h.applies("ada", h.Grant("vera", countersign.EmergencySuspend))
		h.Seal()
		_, err := h.submit("vera", noOptions, suspend(h, "linus"))
		refused(t, err, "permission_missing", "")
		_, err = h.submit("vera", urgent, &countersign.RevokeCredential{CredentialID: h.As("linus").Actor.Credential})
		refused(t, err, "permission_missing", "operations.0")
		_, err = h.submit("vera", urgent, &countersign.FreezeOrganization{})
		refused(t, err, "permission_missing", "operations.0")
		h.acts("vera", suspend(h, "linus"))
	})
}

// Two acts a person and any 24 hours; others have their own.
func TestTwoEmergenciesADay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		var victims []countersign.UserID
		for range 9 {
			victims = append(victims, h.account())
		}
		// All at once: the count is made under the lock.
		var done sync.WaitGroup
		results := make([]error, 6)
		for i := range results {
			done.Go(func() { _, results[i] = h.submit("ada", urgent, &countersign.SuspendUser{UserID: victims[i]}) })
		}
		done.Wait()
		succeeded := 0
		for _, err := range results {
			if err == nil {
				succeeded++
				continue
			}
			refused(t, err, "too_many_emergencies", "")
		}
		if succeeded != 2 {
			t.Fatalf("%d acts within a moment", succeeded)
		}
		h.acts("grace", &countersign.SuspendUser{UserID: victims[6]})
		h.Clock.Pass(24*time.Hour - time.Microsecond)
		_, err := h.submit("ada", urgent, &countersign.SuspendUser{UserID: victims[7]})
		refused(t, err, "too_many_emergencies", "")
		h.Clock.Pass(time.Microsecond)
		h.acts("ada", &countersign.SuspendUser{UserID: victims[7]})
		h.acts("ada", &countersign.FreezeOrganization{})
		_, err = h.submit("ada", urgent, &countersign.SuspendUser{UserID: victims[8]})
		refused(t, err, "too_many_emergencies", "")
	})
}

// Nobody is locked out in an emergency either: then a freeze is what is left, and
// it is never refused for that. No threshold moves.
func TestWhoCannotBeSparedIsNotSuspended(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		h.acts("ada", suspend(h, "edsger"))
		for name, op := range map[string]countersign.Change{
			"suspended":       suspend(h, "linus"),
			"without a token": &countersign.RevokeCredential{CredentialID: h.As("linus").Actor.Credential},
		} {
			_, err := h.submit("ada", urgent, op)
			refused(t, err, "would_lock_out", "")
			var own *countersign.Error
			if !errors.As(err, &own) || own.Detail["instead"] != "organization.freeze" || own.Detail["rule"] == "" {
				t.Errorf("%s: what is left is not offered: %v", name, own)
			}
		}
		if h.user(h.ID("linus")).State != countersign.UserActive || len(h.emergencies(false)) != 1 {
			t.Error("something was done all the same")
		}
		h.acts("ada", &countersign.FreezeOrganization{})
		_, err := h.submit("grace", urgent, suspend(h, "linus"))
		var own *countersign.Error
		if refused(t, err, "would_lock_out", ""); errors.As(err, &own) && own.Detail["instead"] != "" {
			t.Errorf("what is frozen is offered to be frozen")
		}
		if asked := h.mustHold(&countersign.ThawOrganization{}).Change.Requirement; asked.Clauses[0].Need != 2 {
			t.Errorf("a policy that asked two asks %d", asked.Clauses[0].Need)
		}
	})
}

// A ratification that is denied or expires undoes nothing, and stays on record.
func TestWhatNobodyRatifiesStaysOnRecord(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		denied, late := h.acts("ada", suspend(h, "vera")), h.acts("ada", suspend(h, "bot"))
		h.votes("linus", h.ratification(denied), countersign.Deny)
		h.Clock.Pass(24*time.Hour - time.Microsecond)
		h.mustBe(late.Change.Ratification, countersign.ChangePending)
		h.Clock.Pass(time.Microsecond)
		for range 2 { // before and after somebody writes it down
			var states []countersign.ChangeState
			for _, act := range h.emergencies(true) {
				states = append(states, act.State)
			}
			if !slices.Equal(states, []countersign.ChangeState{countersign.ChangeExpired, countersign.ChangeRejected}) {
				t.Errorf("the acts nobody ratified are %v", states)
			}
			h.tend()
		}
		for _, name := range []string{"vera", "bot"} {
			if u := h.user(h.ID(name)); u.State != countersign.UserSuspended {
				t.Errorf("%s is %s", name, u.State)
			}
		}
		h.approved(&countersign.ReactivateUser{UserID: h.ID("vera")}) // as any other change
		page, err := h.Engine.Emergencies(t.Context(), h.As("ada").Actor, true, countersign.Page{Offset: 1, Limit: 1})
		if err != nil || page.Total != 2 || page.More || len(page.Items) != 1 || page.Items[0].Change != denied.Change.ID {
			t.Errorf("the second page: %+v (%v)", page, err)
		}
		page, err = h.Engine.Emergencies(t.Context(), h.As("ada").Actor, false, countersign.Page{Limit: 1})
		if err != nil || !page.More || page.Items[0].Change != late.Change.ID {
			t.Errorf("the first page: %+v (%v)", page, err)
		}
	})
}

// Nobody but those who are asked ends the question, whatever became of who acted.
func TestARatificationIsAnsweredOrExpires(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		asked := h.ratification(h.acts("ada", suspend(h, "vera")))
		for _, who := range []string{"ada", "grace"} {
			_, err := h.Engine.Cancel(t.Context(), h.As(who).Actor, asked.ID, noOptions)
			refused(t, err, "ratification_stays", "")
		}
		_, err := h.Engine.Replace(t.Context(), h.As("ada").Actor, asked.ID, []countersign.Change{&countersign.CreateGroup{Name: "Desk"}}, noOptions)
		refused(t, err, "ratification_stays", "")
		_, err = h.Engine.Replace(t.Context(), h.As("ada").Actor, asked.ID, []countersign.Change{suspend(h, "bot")}, urgent)
		refused(t, err, "ratification_stays", "")
		waits, err := h.submit("ada", noOptions, &countersign.CreateGroup{Name: "Desk"})
		if err != nil {
			t.Fatal(err)
		}
		h.acts("grace", suspend(h, "ada"))
		if got, err := h.Engine.Change(t.Context(), h.As("linus").Actor, waits.Change.ID); err != nil || got.ClosedBecause != "requester_inactive" {
			t.Errorf("what ada asked for otherwise is %s (%v)", got.State, err)
		}
		if result := h.votes("linus", asked, countersign.Approve); result.Change.State != countersign.ChangeApplied {
			t.Errorf("it is %s", result.Change.State)
		}
	})
}

// Of a ratification is asked what policy asked of the act, but at once and for a
// day; a rule that comes later changes nothing about it.
func TestARatificationAsksWhatTheActWasAsked(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		rule := countersign.Rule{ID: "suspensions", Changes: []string{"user.suspend"}, Requirement: countersign.Requirement{
			Clauses: adminsAsked(2).Clauses, DelaySeconds: 3600, Veto: 2, ExpiresAfterSeconds: 7200,
		}}
		h.crew().under(rule)
		act := h.acts("ada", suspend(h, "vera"))
		asked := h.ratification(act)
		want := rule.Requirement
		want.DelaySeconds, want.ExpiresAfterSeconds = 0, 24*3600
		if diff := cmp.Diff(want, asked.Requirement); diff != "" || !slices.Equal(asked.RuleIDs, []string{"suspensions"}) {
			t.Errorf("by %v (-want +got)\n%s", asked.RuleIDs, diff)
		}
		h.approved(&countersign.PutPolicy{Policy: countersign.Policy{Name: "stricter", Default: adminsAsked(2), Rules: []countersign.Rule{
			{ID: "all", Changes: []string{"*"}, Requirement: adminsAsked(2)},
		}}})
		h.votes("grace", asked, countersign.Approve)
		h.mustBe(asked.ID, countersign.ChangePending)
		h.votes("linus", asked, countersign.Approve)
		h.mustBe(asked.ID, countersign.ChangeApplied)
	})
}

// Whoever waits for others in twenty places can act all the same.
func TestOpenRequestsDoNotStandInTheWayOfAnEmergency(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		for range countersign.MaxOpenPerRequester {
			h.mustHold(&countersign.CreateGroup{Name: h.name("group")})
		}
		h.acts("ada", suspend(h, "vera"))
	})
}

// Votes of who is suspended are void, and what waited with them waits for others
// again (governance.md B.8).
func TestAnEmergencyVoidsVotes(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().under(groups(asked(func(r *countersign.Requirement) { r.DelaySeconds = 3600 })),
			countersign.Rule{ID: "two", Changes: []string{"user.invite"}, Requirement: adminsAsked(2)})
		scheduled := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.votes("linus", scheduled, countersign.Approve)
		h.mustBe(scheduled.ID, countersign.ChangeScheduled)
		pending := h.mustHold(&countersign.InvitePerson{Name: "Eve", Email: "eve@" + somebodys, Role: countersign.RoleViewer}).Change
		h.votes("linus", pending, countersign.Approve)
		h.acts("ada", suspend(h, "linus"))
		if got := h.state(pending.ID); got.Needs[0].Have != 0 || got.State != countersign.ChangePending {
			t.Errorf("%d approvals count", got.Needs[0].Have)
		}
		h.votes("grace", pending, countersign.Approve)
		h.mustBe(pending.ID, countersign.ChangePending)
		h.Clock.Pass(time.Hour)
		h.tend()
		h.mustBe(scheduled.ID, countersign.ChangePending)
		h.votes("grace", scheduled, countersign.Approve)
		h.mustBe(scheduled.ID, countersign.ChangeScheduled)
	})
}

// An emergency that is tried out leaves nothing, and one that is repeated by its key
// is done once.
func TestAnEmergencyIsDoneOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		dry := urgent
		dry.DryRun = true
		before := h.head().Size
		result, err := h.submit("ada", dry, suspend(h, "vera"))
		if err != nil || result.Preview.State != countersign.ChangeApplied || h.head().Size != before || len(h.emergencies(false)) != 0 {
			t.Errorf("tried out: %+v (%v)", result.Preview, err)
		}
		keyed := urgent
		keyed.Once = once("k", "a")
		h.applied(h.submit("ada", keyed, suspend(h, "vera")))
		again, err := h.submit("ada", keyed, suspend(h, "vera"))
		if err != nil || again.Replayed == nil || len(h.emergencies(false)) != 1 {
			t.Errorf("repeated: %+v (%v)", again, err)
		}
	})
}

func (h *house) applied(result engine.Result, err error) {
	h.t.Helper()
	if err != nil || result.Change.State != countersign.ChangeApplied {
		h.t.Fatalf("%s (%v)", result.Change.State, err)
	}
}

// Whoever can suspend an approver alone touches approvers, and so does who lets
// somebody: what a policy says of approvers counts.
func TestWhoMayActAloneIsAnApproversBusiness(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().under(countersign.Rule{ID: "approvers", Changes: []string{"*"}, When: countersign.Condition{Approvers: true}, Requirement: adminsAsked(2)})
		for _, p := range []countersign.Permission{countersign.EmergencySuspend, countersign.EmergencyRevoke, countersign.EmergencyFreeze} {
			if rules := h.mustHold(h.Grant("vera", p)).Change.RuleIDs; !slices.Equal(rules, []string{"approvers"}) {
				t.Errorf("%s is given by %v", p, rules)
			}
		}
		if rules := h.mustHold(h.Grant("vera", countersign.VaultsCreate)).Change.RuleIDs; !slices.Equal(rules, []string{"default"}) {
			t.Errorf("another permission is given by %v", rules)
		}
	})
}
