package engine

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/store"
)

// vote records the vote and acts on what it settles.
func (w *work) vote(row store.ChangeRecord, request countersign.ChangeRequest, c weighed, v Vote) (countersign.Outcome, error) {
	position, err := w.position()
	if err != nil {
		return countersign.Outcome{}, err
	}
	given := countersign.Approval{
		Change: request.ID, Person: w.actor.User, Credential: w.actor.Credential, Decision: v.Decision,
		Digest: v.Digest, Comment: v.Comment, At: w.now, Position: position, Statement: v.Statement, Signature: v.Signature, Method: methodOf(v),
	}
	c.Approvals = append(slices.Clone(c.Approvals), given)
	if err := c.inTime(row, w.now); err != nil {
		return countersign.Outcome{}, err
	}
	err = w.append(entry{
		kind: countersign.EntryVote, committer: canon.NewCommitter(w.e.random, row.Openings), facts: factsOf(request),
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest},
		approval: &audit.LeafApproval{
			Decision: string(v.Decision), Digest: v.Digest, Person: string(given.Person),
			Credential: string(given.Credential), Comment: v.Comment,
			Statement: v.Statement, Signature: v.Signature, Attested: string(given.Attested()), Method: string(given.Method),
		},
	})
	if err != nil {
		return countersign.Outcome{}, err
	}
	if v.Statement != "" {
		if err := w.keepNonce(request.ID, ""); err != nil { // used
			return countersign.Outcome{}, err
		}
	}
	if err := w.tx.AddApproval(w.ctx, given); err != nil {
		return countersign.Outcome{}, err
	}
	row.Version = position
	return w.settle(row, request, c)
}

// settle does what the votes have led to (governance.md B.3, T1 to T6): ends the
// request, applies it, lets it wait out its delay, or leaves it as it is. A
// request that was scheduled and has lost an approval is pending again.
func (w *work) settle(row store.ChangeRecord, request countersign.ChangeRequest, c weighed) (countersign.Outcome, error) {
	tally := approval.Count(c.Case)
	was := row
	switch {
	case tally.Denied:
		return w.finish(row, closing{state: countersign.ChangeRejected, because: "denied", by: w.actor.User})
	case !tally.Met:
		row.State, row.ScheduledAt = countersign.ChangePending, time.Time{}
	case w.stopped(request): // it stays as it is until the thaw
	case row.State != countersign.ChangeScheduled && c.required.Delay() > 0:
		row.State, row.ScheduledAt = countersign.ChangeScheduled, w.now
	case c.due(row, w.now):
		return w.applyRequest(row, request)
	}
	if row.Version == request.Version && row.State == was.State {
		return countersign.Outcome{Change: request}, nil // nothing moved
	}
	if row.Version == request.Version {
		if err := w.turned(&row, request); err != nil {
			return countersign.Outcome{}, err
		}
	}
	if err := w.tx.PutChange(w.ctx, row, request.Base); err != nil {
		return countersign.Outcome{}, err
	}
	return w.outcomeOf(request.ID)
}

// turned records that a request came to wait, or to wait for approvals again,
// without anybody having voted: a vote had become void, or counts again.
func (w *work) turned(row *store.ChangeRecord, request countersign.ChangeRequest) error {
	position, err := w.position()
	if err != nil {
		return err
	}
	row.Version = position
	return w.append(entry{
		kind: countersign.EntryTurned, committer: canon.NewCommitter(w.e.random, row.Openings), facts: factsOf(request),
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest, State: string(row.State)},
	})
}

// finish closes a request and returns it.
func (w *work) finish(row store.ChangeRecord, how closing) (countersign.Outcome, error) {
	if err := w.closeRow(row, how); err != nil {
		return countersign.Outcome{}, err
	}
	return w.outcomeOf(row.ID)
}

// applyRequest applies a request whose approvals suffice. A rule that now says
// no makes it failed; the votes stay on record.
func (w *work) applyRequest(row store.ChangeRecord, request countersign.ChangeRequest) (countersign.Outcome, error) {
	position, err := w.position()
	if err != nil {
		return countersign.Outcome{}, err
	}
	var l *ledger
	err = w.tx.Savepoint(w.ctx, func() error {
		l = newLedger(w, position, false)
		l.request = &request
		return l.applyAll(request.Operations)
	})
	var rule *countersign.Error
	switch {
	case errors.As(err, &rule) && rule.Kind != countersign.Unavailable:
		return w.finish(row, closing{state: countersign.ChangeFailed, because: l.because(rule)})
	case err != nil:
		return countersign.Outcome{}, err
	}
	kind := countersign.EntryApplied
	if request.Recovery != nil {
		kind = countersign.EntryRecoveryApplied
	}
	err = w.append(entry{
		kind: kind, effects: l.effects, committer: canon.NewCommitter(w.e.random, row.Openings),
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest},
	})
	if err != nil {
		return countersign.Outcome{}, err
	}
	row.State, row.AppliedPosition, row.Version = countersign.ChangeApplied, position, position
	row.ScheduledAt, row.ClosedAt, row.ClosedBy = time.Time{}, w.now, w.actor.User
	if err := w.tx.PutChange(w.ctx, row, nil); err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.afterApply(request.ID, l); err != nil {
		return countersign.Outcome{}, err
	}
	return w.outcomeOf(request.ID)
}

// because says why a request failed: the code of the rule that now says no, and
// of a batch which operation it was (governance.md B.8).
func (l *ledger) because(e *countersign.Error) string {
	word := e.Code
	if word == "" {
		word = string(e.Kind)
	}
	if len(l.request.Operations) > 1 {
		return "operations." + strconv.Itoa(l.at) + ": " + word
	}
	return word
}
