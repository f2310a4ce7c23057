package engine

import (
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

// Whether an open request can still come to be applied (governance.md L8). It is
// found out for whoever looks, from the people of this moment, and never stored.

// Unreachable says why an open request can no longer be applied as things stand.
type Unreachable struct {
	Because Cause
	// Approvers of the clause that is short of people; zero for other causes.
	Approvers countersign.ApproverSet
	// Need people, of whom only Left approve or may still; both 0 for TooLate.
	Need int
	Left int
}

// Cause is a machine word for what an open request lacks.
type Cause string

// The causes.
const (
	// TooFewForClause: of those whom one clause asks, too few are left.
	TooFewForClause Cause = "too_few_for_clause"
	// TooFewPeople: each clause could be met, but not by enough different people.
	TooFewPeople Cause = "too_few_people"
	// TooLate: its delay, were it approved now, would not be over before it expires.
	TooLate Cause = "too_late"
)

// unreachable finds what a request lacks; nil when it can still be applied.
func (c weighed) unreachable(request countersign.ChangeRequest, tally approval.Tally, now time.Time) *Unreachable {
	switch {
	case tally.Reachable && c.tooLate(request.State, request.ExpiresAt, now):
		return &Unreachable{Because: TooLate}
	case tally.Reachable:
		return nil
	case tally.Short.Clause < 0:
		return &Unreachable{Because: TooFewPeople, Need: tally.Short.Need, Left: tally.Short.Left}
	default:
		return &Unreachable{
			Because: TooFewForClause, Approvers: c.Clauses[tally.Short.Clause].Clause.Approvers,
			Need: tally.Short.Need, Left: tally.Short.Left,
		}
	}
}

// tooLate reports whether the delay of what is not scheduled yet would last beyond
// its expiry.
func (c weighed) tooLate(state countersign.ChangeState, expires, now time.Time) bool {
	return state != countersign.ChangeScheduled && !now.Add(c.required.Delay()).Before(expires)
}
