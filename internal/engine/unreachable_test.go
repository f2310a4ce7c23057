package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// threeFor makes groups need the approval of three admins.
func (h *house) threeFor() countersign.Policy {
	policy := countersign.TwoPersonPolicy()
	policy.Name, policy.Rules = h.name("three"), append(policy.Rules, groups(adminsAsked(3)))
	return policy
}

// outOfReach is an open request of ada's that needs three admins, of whom one has
// gone since: the policy was eased, and that does not help what is open.
func (h *house) outOfReach() countersign.ChangeRequest {
	h.t.Helper()
	h.approved(&countersign.PutPolicy{Policy: h.threeFor()})
	c := h.mustHold(&countersign.CreateGroup{Name: h.name("never")}).Change
	h.approved(&countersign.PutPolicy{Policy: countersign.TwoPersonPolicy()})
	h.approved(&countersign.ChangeRole{UserID: h.ID("edsger"), Role: countersign.RoleTrader})
	return c
}

// A request that can no longer be applied says so at once, with the reason, and no
// longer than that is so (L8).
func TestARequestOutOfReachSaysSo(t *testing.T) {
	admins := countersign.ApproverSet{Role: countersign.RoleAdmin}
	hourLater := func(r *countersign.Requirement) { r.DelaySeconds = 3600 }
	ask := func(h *house, r countersign.Requirement) countersign.ChangeRequest {
		h.under(groups(r))
		return h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
	}
	for rule, c := range map[string]struct {
		happens func(h *house) countersign.ChangeRequest
		want    *engine.Unreachable
		// back is what brings it within reach again.
		back func(h *house, c countersign.ChangeRequest)
	}{
		"nothing has happened": {func(h *house) countersign.ChangeRequest { return ask(h, adminsAsked(3)) }, nil, nil},
		"an approver is no longer one": {
			func(h *house) countersign.ChangeRequest { h.Seal(); return h.outOfReach() },
			&engine.Unreachable{Because: engine.TooFewForClause, Approvers: admins, Need: 3, Left: 2},
			func(h *house, _ countersign.ChangeRequest) {
				h.approved(&countersign.ChangeRole{UserID: h.ID("edsger"), Role: countersign.RoleAdmin})
			},
		},
		"somebody appointed since does not help": {
			func(h *house) countersign.ChangeRequest {
				h.Seal()
				c := h.outOfReach()
				h.approved(&countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin})
				return c
			},
			&engine.Unreachable{Because: engine.TooFewForClause, Approvers: admins, Need: 3, Left: 2}, nil,
		},
		"an approver has denied, which alone ends nothing": {
			func(h *house) countersign.ChangeRequest {
				r := adminsAsked(3)
				r.Veto = 2
				c := ask(h, r)
				h.votes("grace", c, countersign.Deny)
				return c
			},
			&engine.Unreachable{Because: engine.TooFewForClause, Approvers: admins, Need: 3, Left: 2},
			func(h *house, c countersign.ChangeRequest) { h.votes("grace", c, countersign.Withdraw) },
		},
		"too few different people": {
			func(h *house) countersign.ChangeRequest {
				r := adminsAsked(1)
				r.Distinct, r.Veto = 3, 2
				c := ask(h, r)
				h.votes("grace", c, countersign.Deny)
				return c
			},
			&engine.Unreachable{Because: engine.TooFewPeople, Need: 3, Left: 2},
			func(h *house, c countersign.ChangeRequest) { h.votes("grace", c, countersign.Withdraw) },
		},
		"its delay would outlast it": {
			func(h *house) countersign.ChangeRequest {
				c := ask(h, asked(hourLater))
				h.Clock.Pass(week + 24*time.Hour)
				return c
			},
			&engine.Unreachable{Because: engine.TooLate}, nil,
		},
		"a moment before that": {
			func(h *house) countersign.ChangeRequest {
				c := ask(h, asked(hourLater))
				h.Clock.Pass(week + 24*time.Hour - time.Microsecond)
				return c
			}, nil, nil,
		},
		"what is scheduled is not too late": {
			func(h *house) countersign.ChangeRequest {
				c := ask(h, asked(hourLater))
				h.Clock.Pass(week + 24*time.Hour - time.Microsecond)
				h.votes("grace", c, countersign.Approve)
				h.Clock.Pass(time.Minute)
				return c
			}, nil, nil,
		},
	} {
		t.Run(rule, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew()
				id := c.happens(h)
				h.mustLack(id.ID, c.want)
				if c.back != nil {
					c.back(h, id)
					h.mustLack(id.ID, nil)
				}
				if c.want == nil {
					return
				}
				// What is over is neither.
				if _, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, id.ID, noOptions); err != nil {
					t.Fatal(err)
				}
				h.mustLack(id.ID, nil)
			})
		})
	}
}

// mustLack reads what a request lacks where it is read: alone, and in the list of
// those that lack something.
func (h *house) mustLack(id countersign.ChangeID, want *engine.Unreachable) {
	h.t.Helper()
	seen := h.state(id)
	if diff := cmp.Diff(want, seen.Unreachable); diff != "" || seen.Reachable != (want == nil) {
		h.t.Errorf("reachable %t\n%s", seen.Reachable, diff)
	}
	list, err := h.Engine.Changes(h.t.Context(), h.As("ada").Actor, engine.ChangeFilter{Reachable: new(bool)}, countersign.Page{Limit: 10})
	if err != nil || (list.Total == 1) != (want != nil) || list.Total == 1 && list.Items[0].ID != id {
		h.t.Errorf("%d are listed as out of reach (%v)", list.Total, err)
	}
}
