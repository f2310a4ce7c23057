package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// A frozen organization takes nothing, whichever kind it is and whoever asks: not
// what would wait, not what is free, not what was approved before.
func TestNothingIsTakenWhileFrozen(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		samples := map[countersign.ChangeKind]countersign.Change{}
		for _, kind := range ordinaryKinds() {
			samples[kind] = h.sample(kind)
		}
		code := h.code(h.person(countersign.RoleNone))
		h.approved(&countersign.FreezeOrganization{})
		before := h.head().Size
		for kind, op := range samples {
			_, err := h.asks(op, noOptions)
			if refused(t, err, engine.CodeFrozen, ""); t.Failed() {
				t.Fatalf("%s", kind)
			}
		}
		_, err := h.Engine.Redeem(t.Context(), engine.Redemption{Code: code}, noOptions)
		refused(t, err, engine.CodeFrozen, "")
		_, err = h.Engine.SubmitPlanned(t.Context(), h.As("ada").Actor, engine.Planned{
			Plan: func(engine.Present) ([]countersign.Change, error) {
				return []countersign.Change{&countersign.CreateGroup{Name: "Desk"}}, nil
			},
		}, noOptions)
		refused(t, err, engine.CodeFrozen, "")
		_, err = h.submit("ada", noOptions, &countersign.ThawOrganization{}, &countersign.CreateGroup{Name: "Desk"})
		refused(t, err, "invalid", "operations.0")
		_, err = h.submit("ada", engine.Options{DryRun: true}, &countersign.CreateGroup{Name: "Desk"})
		refused(t, err, engine.CodeFrozen, "")
		for _, o := range []engine.Options{noOptions, urgent} {
			_, err = h.submit("ada", o, &countersign.FreezeOrganization{})
			code, field := engine.CodeFrozen, ""
			if o.Emergency {
				code, field = "already_frozen", "operations.0"
			}
			refused(t, err, code, field)
		}
		if h.movedSince(before) {
			t.Error("something moved")
		}
		// Reads and checks go on.
		h.MustHold("ada", countersign.UsersUpdate, true)
		h.thaws()
		_, err = h.submit("ada", noOptions, &countersign.ThawOrganization{})
		refused(t, err, "not_frozen", "")
		h.approved(&countersign.CreateGroup{Name: "Desk"})
	})
}

// Of an open request only what ends it remains (T13).
func TestWhatRemainsOfAnOpenRequestWhileFrozen(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		key := h.crew().enrols("grace")
		h.under(groups(asked(func(r *countersign.Requirement) { r.DelaySeconds = 3600 })))
		group := func() countersign.ChangeRequest {
			return h.mustHold(&countersign.CreateGroup{Name: h.name("group")}).Change
		}
		denied, cancelled, replaced, late, scheduled, withdrawn := group(), group(), group(), group(), group(), group()
		h.votes("grace", scheduled, countersign.Approve)
		h.votes("grace", withdrawn, countersign.Approve)
		h.mustBe(withdrawn.ID, countersign.ChangeScheduled)
		vote := func(who string, c countersign.ChangeRequest, d countersign.Decision) error {
			_, err := h.Engine.Decide(t.Context(), h.As(who).Actor, c.ID, engine.Vote{Decision: d, Digest: c.Digest}, noOptions)
			return err
		}
		h.acts("edsger", &countersign.FreezeOrganization{})

		before := h.head().Size
		refused(t, vote("grace", late, countersign.Approve), engine.CodeFrozen, "")
		refused(t, vote("grace", scheduled, countersign.Approve), engine.CodeFrozen, "") // said before
		_, err := h.Engine.Statement(t.Context(), h.As("grace").Actor, late.ID, countersign.Approve, key.id)
		refused(t, err, engine.CodeFrozen, "")
		_, err = h.Engine.Replace(t.Context(), h.As("ada").Actor, replaced.ID, []countersign.Change{&countersign.CreateGroup{Name: "Desk"}}, noOptions)
		refused(t, err, engine.CodeFrozen, "")
		h.Clock.Pass(2 * time.Hour)
		h.tend()
		h.mustBe(scheduled.ID, countersign.ChangeScheduled) // although it is due
		h.mustBe(replaced.ID, countersign.ChangePending)
		if h.movedSince(before) {
			t.Fatal("something moved")
		}

		if err := vote("grace", withdrawn, countersign.Withdraw); err != nil {
			t.Error(err)
		}
		h.mustBe(withdrawn.ID, countersign.ChangePending)
		h.signs("grace", denied, countersign.Deny, key)
		h.mustBe(denied.ID, countersign.ChangeRejected)
		if _, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, cancelled.ID, noOptions); err != nil {
			t.Error(err)
		}
		h.mustBe(cancelled.ID, countersign.ChangeCancelled)

		h.thaws()
		h.mustBe(scheduled.ID, countersign.ChangeScheduled)
		h.tend()
		h.mustBe(scheduled.ID, countersign.ChangeApplied)
		h.votes("grace", late, countersign.Approve)

		// Expiry keeps running.
		h.approved(&countersign.FreezeOrganization{})
		h.Clock.Pass(week + 26*time.Hour)
		h.tend()
		for _, c := range []countersign.ChangeRequest{replaced, late, withdrawn} {
			h.mustBe(c.ID, countersign.ChangeExpired)
		}
	})
}

// A vote that was void may count again, and nobody has noticed yet. While frozen that
// applies nothing, whoever touches the request.
func TestVotesThatComeBackApplyNothingWhileFrozen(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().under(groups(asked(func(r *countersign.Requirement) { r.Clauses[0].Need, r.Veto = 2, 2 })))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.votes("grace", c, countersign.Approve)
		h.votesIn("linus", &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleViewer})
		h.votes("linus", c, countersign.Approve)
		h.votes("edsger", c, countersign.Deny)
		h.votesIn("linus", &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleAdmin})
		h.mustBe(c.ID, countersign.ChangePending)
		h.acts("ada", &countersign.FreezeOrganization{})
		h.votes("edsger", c, countersign.Withdraw)
		h.mustBe(c.ID, countersign.ChangePending)
		h.thaws()
		h.votes("grace", c, countersign.Approve)
		h.mustBe(c.ID, countersign.ChangeApplied)
	})
}

// A thaw asks at least what a change of the policy asks, and what rules say of it.
func TestAThawIsAskedWhatThePolicyIs(t *testing.T) {
	security := countersign.ApproverSet{Permission: countersign.ChangesApprove}
	rule := func(id, changes string, need int) countersign.Rule {
		return countersign.Rule{ID: id, Changes: []string{changes}, Requirement: adminsAsked(need)}
	}
	for name, c := range map[string]struct {
		rules []countersign.Rule
		cited []string
		want  countersign.Requirement
	}{
		"no rule":             {nil, []string{"default"}, adminsAsked(1)},
		"a rule for policy":   {[]countersign.Rule{rule("policy", "policy.*", 3)}, []string{"policy"}, adminsAsked(3)},
		"a weaker rule":       {[]countersign.Rule{rule("policy", "policy.put", 2), rule("thaw", "organization.thaw", 1)}, []string{"policy", "thaw"}, adminsAsked(2)},
		"a stronger rule":     {[]countersign.Rule{rule("policy", "policy.put", 2), rule("thaw", "organization.*", 3)}, []string{"policy", "thaw"}, adminsAsked(3)},
		"a rule of its own":   {[]countersign.Rule{{ID: "thaw", Changes: []string{"organization.thaw"}, Requirement: countersign.Requirement{Clauses: []countersign.Clause{{Approvers: security, Need: 2}}}}}, []string{"thaw", "default"}, countersign.Requirement{Clauses: []countersign.Clause{{Approvers: security, Need: 2}, adminsAsked(1).Clauses[0]}}},
		"a rule on approvers": {[]countersign.Rule{{ID: "approvers", Changes: []string{"*"}, When: countersign.Condition{Approvers: true}, Requirement: adminsAsked(2)}}, []string{"approvers"}, adminsAsked(2)},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew().under(c.rules...)
				h.acts("grace", &countersign.FreezeOrganization{})
				got := h.mustHold(&countersign.ThawOrganization{}).Change
				if diff := cmp.Diff(c.want, got.Requirement); diff != "" || !slices.Equal(c.cited, got.RuleIDs) {
					t.Errorf("by %v, want %v (-want +got)\n%s", got.RuleIDs, c.cited, diff)
				}
			})
		})
	}
}

// What reduces power goes on: one's own credentials, and emergencies, and that
// others agree with one.
func TestPowerIsReducedWhileFrozen(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		freeze := h.acts("ada", &countersign.FreezeOrganization{})
		act := h.acts("grace", suspend(h, "bot"))
		h.votes("linus", h.ratification(act), countersign.Approve)
		h.mustBe(act.Change.Ratification, countersign.ChangeApplied)
		h.votes("grace", h.ratification(freeze), countersign.Deny)
		if !h.organization().Frozen() {
			t.Error("a denial undoes what was done")
		}
		_, err := h.submit("ada", noOptions, &countersign.RevokeCredential{CredentialID: h.As("grace").Actor.Credential})
		refused(t, err, engine.CodeFrozen, "")
		_, err = h.submit("vera", noOptions, &countersign.RevokeCredential{CredentialID: h.As("vera").Actor.Credential}, &countersign.CreateGroup{Name: "Desk"})
		refused(t, err, engine.CodeFrozen, "")
		h.applies("vera", &countersign.RevokeCredential{CredentialID: h.As("vera").Actor.Credential})
		// A thaw can be replaced by a thaw, and by nothing else.
		thaw := h.mustHold(&countersign.ThawOrganization{}).Change
		_, err = h.Engine.Replace(t.Context(), h.As("ada").Actor, thaw.ID, []countersign.Change{&countersign.ThawOrganization{}}, engine.Options{Reason: "said better"})
		if err != nil {
			t.Error(err)
		}
	})
}

// A refusal for a freeze is not the last word on a key: after the thaw the same
// request is done.
func TestAFreezeIsNotRememberedUnderAKey(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		h.acts("ada", &countersign.FreezeOrganization{})
		o := engine.Options{Once: once("k", "a")}
		_, err := h.submit("ada", o, &countersign.CreateGroup{Name: "Desk"})
		refused(t, err, engine.CodeFrozen, "")
		h.thaws()
		if result, err := h.submit("ada", o, &countersign.CreateGroup{Name: "Desk"}); err != nil || result.Replayed != nil {
			t.Errorf("%+v (%v)", result, err)
		}
	})
}
