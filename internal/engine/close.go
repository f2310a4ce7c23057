package engine

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// closing says how a request ends without effect.
type closing struct {
	state     countersign.ChangeState
	because   string
	reason    string
	by        countersign.UserID
	winner    countersign.ChangeID
	successor countersign.ChangeID
}

func (w *work) close(id countersign.ChangeID, how closing) error {
	row, err := w.tx.Change(w.ctx, id)
	if err != nil {
		return err
	}
	if !w.now.Before(row.ExpiresAt) {
		// Every reader has seen it expired; a final state does not change.
		how = closing{state: countersign.ChangeExpired, because: "expired"}
	}
	return w.closeRow(row, how)
}

func (w *work) closeRow(row store.ChangeRecord, how closing) error {
	if !row.State.Open() {
		return nil
	}
	position, err := w.position()
	if err != nil {
		return err
	}
	err = w.append(entry{
		kind: countersign.EntryClosed, committer: canon.NewCommitter(w.e.random, row.Openings),
		change: &audit.LeafChange{
			ID: string(row.ID), Digest: row.Digest, State: string(how.state), Because: how.because, Reason: how.reason,
			Winner: string(how.winner), Successor: string(how.successor),
		},
	})
	if err != nil {
		return err
	}
	row.State, row.ClosedAt, row.ClosedBy, row.ClosedBecause = how.state, w.now, how.by, how.because
	row.ScheduledAt = time.Time{}
	row.WinnerID, row.ReplacedBy, row.Version = how.winner, how.successor, position
	return w.tx.PutChange(w.ctx, row, nil)
}

// outcomeOf reads a request back as this transaction left it.
func (w *work) outcomeOf(id countersign.ChangeID) (countersign.Outcome, error) {
	row, err := w.tx.Change(w.ctx, id)
	if err != nil {
		return countersign.Outcome{}, err
	}
	request, err := readRecord(row)
	return countersign.Outcome{Change: request}, err
}

// Cancel withdraws an open request: its requester may, and holders of
// changes.cancel.
func (e *Engine) Cancel(ctx context.Context, actor countersign.Actor, id countersign.ChangeID, o Options) (Result, error) {
	if err := countersign.CheckReason("reason", o.Reason); err != nil {
		return Result{}, err
	}
	return e.mutate(ctx, actor, o, func(w *work) (countersign.Outcome, error) {
		row, request, err := w.visible(id)
		if err != nil {
			return countersign.Outcome{}, err
		}
		w.tries("cancel", nil, &request)
		if request.Recovery != nil {
			return countersign.Outcome{}, access.EndsRecovery()
		}
		if !access.Cancel(w.actor, w.holds, request.Requester, request.RequesterPerson) {
			return countersign.Outcome{}, access.Require(func(countersign.Permission) bool { return false }, countersign.ChangesCancel)
		}
		if state := request.StateAt(w.now); !state.Open() {
			return countersign.Outcome{}, alreadyClosed(request, state)
		}
		if err := notRatification(request); err != nil {
			return countersign.Outcome{}, err
		}
		return w.finish(row, closing{state: countersign.ChangeCancelled, because: "cancelled", reason: o.Reason, by: w.actor.User})
	})
}

// Replace withdraws an open request of the actor's and submits its successor,
// with no votes, in one transaction.
func (e *Engine) Replace(ctx context.Context, actor countersign.Actor, id countersign.ChangeID, ops []countersign.Change, o Options) (Result, error) {
	o.Emergency = false // nothing that waits is replaced by what does not
	if err := validate(ops, o); err != nil {
		return Result{}, err
	}
	return e.mutate(ctx, actor, o, func(w *work) (countersign.Outcome, error) {
		row, request, err := w.visible(id)
		if err != nil {
			return countersign.Outcome{}, err
		}
		w.tries("replace", ops, &request)
		if w.actor.Subject != "" || w.actor.User != request.Requester && w.actor.Person() != request.RequesterPerson {
			return countersign.Outcome{}, countersign.Code(countersign.Forbidden, "not_the_requester", "", "only who asked for a change can replace it; others may cancel it")
		}
		if state := request.StateAt(w.now); !state.Open() {
			return countersign.Outcome{}, alreadyClosed(request, state)
		}
		if err := notRatification(request); err != nil {
			return countersign.Outcome{}, err
		}
		// The row is closed first, so that its own hold on a fact or a count
		// does not stand in its successor's way.
		successor := countersign.ChangeID(e.newID())
		err = w.closeRow(row, closing{state: countersign.ChangeCancelled, because: "replaced", by: w.actor.User, successor: successor})
		if err != nil {
			return countersign.Outcome{}, err
		}
		return w.submit(ops, successor, &request)
	})
}

// applyDue settles the scheduled requests whose delay is over: those that still
// have their approvals are applied. It looks at the roster as it stands, so that
// an organization nobody asks about does not count as used.
func (e *Engine) applyDue(ctx context.Context, org countersign.OrganizationID, picture *roster.Picture) error {
	var failures []error
	now := e.instant()
	system := countersign.Actor{Organization: org, Method: countersign.BySystem}
	for _, request := range picture.OpenChanges(now) {
		if request.State != countersign.ChangeScheduled || now.Before(request.ScheduledAt.Add(request.Requirement.Delay())) {
			continue
		}
		_, err := e.mutate(ctx, system, Options{}, func(w *work) (countersign.Outcome, error) { return w.settleDue(request.ID) })
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// settleDue is the moment at which a delay is over (governance.md B.3 T6): all
// that was tested when the last vote came is tested again.
func (w *work) settleDue(id countersign.ChangeID) (countersign.Outcome, error) {
	row, err := w.tx.Change(w.ctx, id)
	if err != nil {
		return countersign.Outcome{}, err
	}
	request, err := readRecord(row)
	if err != nil {
		return countersign.Outcome{}, err
	}
	if request.StateAt(w.now) != countersign.ChangeScheduled {
		return countersign.Outcome{Change: request}, nil // another node was faster
	}
	if w.stopped(request) {
		return countersign.Outcome{Change: request}, nil
	}
	if how, err := w.overtaken(request); err != nil || how != nil {
		if err != nil {
			return countersign.Outcome{}, err
		}
		return w.finish(row, *how)
	}
	c, err := w.gather(request)
	if err != nil {
		return countersign.Outcome{}, err
	}
	return w.settle(row, request, c)
}

// Expire closes requests whose time has passed, a bounded number, and returns
// how many it closed.
// Readers see such requests as expired before this runs.
func (e *Engine) Expire(ctx context.Context, org countersign.OrganizationID) (int, error) {
	const most = 100
	var due []countersign.ChangeID
	now := e.instant()
	err := e.store.Read(ctx, org, func(tx store.ReadTx) error {
		ids, err := tx.ExpiredChanges(ctx, now, most)
		due = ids
		return err
	})
	if err != nil || len(due) == 0 {
		return 0, err
	}
	closed := 0
	system := countersign.Actor{Organization: org, Method: countersign.BySystem}
	_, err = e.mutate(ctx, system, Options{}, func(w *work) (countersign.Outcome, error) {
		count := 0
		for _, id := range due {
			row, err := w.tx.Change(w.ctx, id)
			if err != nil {
				return countersign.Outcome{}, err
			}
			if !row.State.Open() || w.now.Before(row.ExpiresAt) {
				continue
			}
			if err := w.closeRow(row, closing{state: countersign.ChangeExpired, because: "expired"}); err != nil {
				return countersign.Outcome{}, err
			}
			count++
		}
		closed = count
		return countersign.Outcome{}, nil
	})
	return closed, err
}
