package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

const week = 7 * 24 * time.Hour

// under seals the crew's organization under a policy with these rules; everything
// else needs one admin. change may alter the policy.
func (h *house) under(rules ...countersign.Rule) *house {
	h.t.Helper()
	policy := countersign.Policy{Name: "house", Default: adminsAsked(1), Rules: append(rules, countersign.Rule{ID: "codes", Changes: []string{"user.onboarding_code"}})}
	h.applies("ada", &countersign.SealOrganization{Policy: &policy})
	return h
}

func adminsAsked(need int) countersign.Requirement {
	return countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: need}}}
}

// asked is a requirement of one admin with more to it.
func asked(change func(r *countersign.Requirement)) countersign.Requirement {
	r := adminsAsked(1)
	change(&r)
	return r
}

func groups(r countersign.Requirement) countersign.Rule {
	return countersign.Rule{ID: "groups", Changes: []string{"group.create"}, Requirement: r}
}

// state reads a request as a reader sees it.
func (h *house) state(id countersign.ChangeID) engine.ChangeView {
	h.t.Helper()
	view, err := h.Engine.Change(h.t.Context(), h.As("ada").Actor, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return view
}

func (h *house) mustBe(id countersign.ChangeID, want countersign.ChangeState) {
	h.t.Helper()
	if got := h.state(id); got.State != want {
		h.t.Fatalf("the request is %s, want %s", got.State, want)
	}
}

func (h *house) tend() {
	h.t.Helper()
	if err := h.Engine.Tend(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func TestAnApprovedRequestWaitsOutItsDelay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().under(groups(asked(func(r *countersign.Requirement) { r.DelaySeconds = 3600 })))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		if want := c.CreatedAt.Add(week + time.Hour + 24*time.Hour); !c.ExpiresAt.Equal(want) {
			t.Errorf("expires at %s, want %s: a week to decide, the delay, and a day to apply it", c.ExpiresAt, want)
		}
		scheduled := h.votes("grace", c, countersign.Approve)
		if scheduled.Change.State != countersign.ChangeScheduled || !scheduled.Change.ScheduledAt.Equal(h.Clock.Now()) {
			t.Fatalf("after its approval it is %s since %s", scheduled.Change.State, scheduled.Change.ScheduledAt)
		}
		h.Clock.Pass(time.Hour - time.Microsecond)
		h.tend()
		h.mustBe(c.ID, countersign.ChangeScheduled)
		h.Clock.Pass(time.Microsecond)
		h.tend()
		h.mustBe(c.ID, countersign.ChangeApplied)
		if applied := h.state(c.ID); !applied.ScheduledAt.IsZero() || applied.ClosedBy != "" {
			t.Errorf("applied, scheduled at %s, by %q", applied.ScheduledAt, applied.ClosedBy)
		}
	})
}

func TestWhatHappensWhileARequestIsScheduled(t *testing.T) {
	delayed := func(r *countersign.Requirement) { r.DelaySeconds = 3600 }
	for name, c := range map[string]struct {
		change  func(r *countersign.Requirement)
		happens func(h *house, c countersign.ChangeRequest)
		want    countersign.ChangeState
		later   countersign.ChangeState
	}{
		"nothing":         {delayed, func(*house, countersign.ChangeRequest) {}, countersign.ChangeScheduled, countersign.ChangeApplied},
		"a denial":        {delayed, func(h *house, c countersign.ChangeRequest) { h.votes("linus", c, countersign.Deny) }, countersign.ChangeRejected, countersign.ChangeRejected},
		"another approve": {delayed, func(h *house, c countersign.ChangeRequest) { h.votes("linus", c, countersign.Approve) }, countersign.ChangeScheduled, countersign.ChangeApplied},
		"a withdrawal":    {delayed, func(h *house, c countersign.ChangeRequest) { h.votes("grace", c, countersign.Withdraw) }, countersign.ChangePending, countersign.ChangePending},
		"the approver is suspended": {delayed, func(h *house, _ countersign.ChangeRequest) {
			h.agreed("linus", "edsger", &countersign.SuspendUser{UserID: h.ID("grace")})
		}, countersign.ChangeScheduled, countersign.ChangePending},
		"the approver's token is revoked": {delayed, func(h *house, _ countersign.ChangeRequest) {
			h.agreed("linus", "edsger", &countersign.RevokeCredential{CredentialID: h.As("grace").Actor.Credential})
		}, countersign.ChangeScheduled, countersign.ChangePending},
		"the requester is suspended": {delayed, func(h *house, _ countersign.ChangeRequest) {
			h.agreed("linus", "edsger", &countersign.SuspendUser{UserID: h.ID("ada")})
		}, countersign.ChangeCancelled, countersign.ChangeCancelled},
		"the name is taken": {delayed, func(h *house, _ countersign.ChangeRequest) {
			h.agreed("linus", "edsger", &countersign.UpdateGroup{GroupID: h.only(), Name: countersign.Some("desk")})
		}, countersign.ChangeScheduled, countersign.ChangeFailed},
		"the delay is made longer": {delayed, func(h *house, _ countersign.ChangeRequest) {
			h.agreed("linus", "edsger", &countersign.PutPolicy{Policy: countersign.Policy{
				Name: "house", Default: adminsAsked(1), Rules: []countersign.Rule{groups(asked(func(r *countersign.Requirement) { r.DelaySeconds = 7200 }))},
			}})
		}, countersign.ChangeScheduled, countersign.ChangeScheduled},
		"the delay is made shorter": {delayed, func(h *house, _ countersign.ChangeRequest) {
			h.agreed("linus", "edsger", &countersign.PutPolicy{Policy: countersign.Policy{Name: "house", Default: adminsAsked(1)}})
			h.Clock.Pass(-time.Second) // a moment before its own delay is over
		}, countersign.ChangeScheduled, countersign.ChangeScheduled},
		"the policy asks one more": {delayed, func(h *house, _ countersign.ChangeRequest) {
			h.agreed("linus", "edsger", &countersign.PutPolicy{Policy: countersign.Policy{Name: "house", Default: adminsAsked(1), Rules: []countersign.Rule{groups(adminsAsked(2))}}})
		}, countersign.ChangeScheduled, countersign.ChangePending},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew().team()
				h.under(groups(asked(c.change)))
				request := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
				h.votes("grace", request, countersign.Approve)
				c.happens(h, request)
				h.stored(request.ID, c.want)
				h.Clock.Pass(time.Hour)
				h.tend()
				h.stored(request.ID, c.later)
				h.mustAgree(t)
			})
		})
	}
}

// only is the one group there is.
func (h *house) only() countersign.GroupID {
	h.t.Helper()
	list, err := h.Engine.Groups(h.t.Context(), h.As("ada").Actor, countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupActive}}, nil, countersign.Page{Limit: 2})
	if err != nil || len(list.Items) != 1 {
		h.t.Fatalf("%d groups, %v", len(list.Items), err)
	}
	return list.Items[0].ID
}

// stored is the state as the store has it.
func (h *house) stored(id countersign.ChangeID, want countersign.ChangeState) {
	h.t.Helper()
	if got := h.state(id).ChangeRequest.State; got != want {
		h.t.Fatalf("the request is stored as %s, want %s", got, want)
	}
}

// agreed lets one ask and another agree, and applies what then waits.
func (h *house) agreed(asks, agrees string, ops ...countersign.Change) {
	h.t.Helper()
	c := h.mustHoldBy(asks, ops...).Change
	if result := h.votes(agrees, c, countersign.Approve); result.Change.State != countersign.ChangeApplied {
		h.t.Fatalf("%s is %s", kindsOf(ops), result.Change.State)
	}
}

func (h *house) mustHoldBy(who string, ops ...countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.submit(who, engine.Options{}, ops...)
	if err != nil || !result.Change.State.Open() {
		h.t.Fatalf("%s is %s (%v), and should wait", kindsOf(ops), result.Change.State, err)
	}
	return result
}

func TestARequestThatWouldExpireBeforeItsDelayIsOverTakesNoApproval(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().under(groups(asked(func(r *countersign.Requirement) { r.DelaySeconds = 3600 })))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.Clock.Pass(week + 24*time.Hour)
		_, err := h.Engine.Decide(t.Context(), h.As("grace").Actor, c.ID, engine.Vote{Decision: countersign.Approve, Digest: c.Digest}, noOptions)
		refused(t, err, "too_late", "")
	})
}

func TestAVoidVoteCountsAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().under(groups(adminsAsked(2)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.votes("grace", c, countersign.Approve)
		h.agreed("linus", "edsger", &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleTrader})
		if need := h.state(c.ID).Needs[0]; need.Have != 0 {
			t.Fatalf("the vote of a trader counts: %+v", need)
		}
		h.votes("linus", c, countersign.Approve)
		h.mustBe(c.ID, countersign.ChangePending)
		h.agreed("linus", "edsger", &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleAdmin})
		h.mustBe(c.ID, countersign.ChangePending)
		// Saying it again is nothing new, and now enough.
		if again := h.votes("linus", c, countersign.Approve); again.Change.State != countersign.ChangeApplied {
			t.Errorf("with both votes it is %s", again.Change.State)
		}
	})
}

func TestWhatIsAskedOfARequest(t *testing.T) {
	security := func(h *house) countersign.GroupID {
		return only[*countersign.CreateGroup](h.applies("ada", &countersign.CreateGroup{Name: "Security", MemberIDs: []countersign.UserID{h.ID("grace"), h.ID("linus"), h.ID("edsger"), h.ID("ada")}})).GroupID
	}
	const yes, no = countersign.Approve, countersign.Deny
	type vote struct {
		who   string
		says  countersign.Decision
		after countersign.ChangeState
	}
	pending, applied, rejected := countersign.ChangePending, countersign.ChangeApplied, countersign.ChangeRejected
	for name, c := range map[string]struct {
		asks  func(h *house) countersign.Requirement
		votes []vote
	}{
		"two denials, each of one person": {
			func(*house) countersign.Requirement {
				return asked(func(r *countersign.Requirement) { r.Veto, r.Clauses[0].Need = 2, 2 })
			},
			[]vote{{"grace", no, pending}, {"grace", no, pending}, {"linus", no, rejected}},
		},
		"a denial taken back": {
			func(*house) countersign.Requirement {
				return asked(func(r *countersign.Requirement) { r.Veto, r.Clauses[0].Need = 2, 2 })
			},
			[]vote{{"grace", no, pending}, {"grace", countersign.Withdraw, pending}, {"linus", no, pending}, {"grace", yes, pending}, {"edsger", yes, applied}},
		},
		"three different people": {
			func(*house) countersign.Requirement {
				return asked(func(r *countersign.Requirement) { r.Distinct = 3 })
			},
			[]vote{{"grace", yes, pending}, {"linus", yes, pending}, {"edsger", yes, applied}},
		},
		"one person counts in each clause": {
			func(h *house) countersign.Requirement {
				r := adminsAsked(1)
				r.Clauses = append(r.Clauses, countersign.Clause{Approvers: countersign.ApproverSet{GroupID: security(h)}, Need: 1})
				return r
			},
			[]vote{{"grace", yes, applied}},
		},
		"or in one, where they are exclusive": {
			func(h *house) countersign.Requirement {
				r := adminsAsked(1)
				r.Clauses, r.Exclusive = append(r.Clauses, countersign.Clause{Approvers: countersign.ApproverSet{GroupID: security(h)}, Need: 1}), true
				return r
			},
			[]vote{{"grace", yes, pending}, {"linus", yes, applied}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew()
				h.under(groups(c.asks(h)))
				request := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
				for i, v := range c.votes {
					if got := h.votes(v.who, request, v.says).Change.State; got != v.after {
						t.Fatalf("after vote %d it is %s, want %s", i, got, v.after)
					}
				}
			})
		})
	}
}

func TestAnApproverMustHoldWhatHeGives(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		h.applies("ada", &countersign.AddPermission{Permission: "desk.trade"})
		h.applies("ada", &countersign.GrantPermissions{UserID: h.ID("grace"), Permissions: []countersign.Permission{"desk.trade"}})
		h.under(countersign.Rule{ID: "grants", Changes: []string{"user.grant"}, Requirement: asked(func(r *countersign.Requirement) { r.MustHold = true })})
		c := h.mustHold(&countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{"desk.trade"}}).Change
		if !slices.Equal(c.Pools[0], []countersign.UserID{h.ID("grace")}) {
			t.Errorf("the pool is %v, only grace holds it", c.Pools)
		}
		_, err := h.Engine.Decide(t.Context(), h.As("linus").Actor, c.ID, engine.Vote{Decision: countersign.Approve, Digest: c.Digest}, noOptions)
		refused(t, err, "not_eligible", "")
		if got := h.votes("grace", c, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("it is %s", got)
		}
		_, err = h.submit("grace", noOptions, &countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.TransactionsCreate}})
		if err != nil {
			t.Errorf("every admin holds it, but %v", err)
		}
		_, err = h.submit("grace", noOptions, &countersign.GrantPermissions{UserID: h.ID("linus"), Permissions: []countersign.Permission{"desk.trade"}})
		refused(t, err, "not_enough_approvers", "")
	})
}

// A clause that rules came to ask later is met by who could approve something
// when the request was made, not by anybody appointed since.
func TestALaterClauseIsNotMetBySomebodyAppointedLater(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		security := only[*countersign.CreateGroup](h.applies("ada", &countersign.CreateGroup{Name: "Security", MemberIDs: []countersign.UserID{h.ID("ada"), h.ID("grace"), h.ID("linus"), h.ID("edsger")}})).GroupID
		h.under()
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		newcomer := h.activePerson(countersign.RoleAdmin)
		h.agreed("linus", "edsger", &countersign.AddMembership{UserID: newcomer, GroupID: security})
		h.agreed("linus", "edsger", &countersign.PutPolicy{Policy: countersign.Policy{
			Name: "house", Default: adminsAsked(1),
			Rules: []countersign.Rule{groups(countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{GroupID: security}, Need: 1}}})},
		}})
		for _, need := range h.state(c.ID).Needs {
			if slices.Contains(need.Eligible, newcomer) {
				t.Errorf("somebody appointed later may help an open request: %+v", need)
			}
		}
		if got := h.votes("grace", c, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("it is %s", got)
		}
	})
}
