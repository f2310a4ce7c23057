package engine

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/store"
)

// Decide records a vote on an open request, and applies or rejects the request
// when that vote settles it. Saying the same again changes nothing. A request
// that turns out to be stale, or whose requester may no longer ask, is closed
// and reported as a Stale error.
func (e *Engine) Decide(ctx context.Context, actor countersign.Actor, id countersign.ChangeID, v Vote, o Options) (Result, error) {
	if err := checkVote(v); err != nil {
		return Result{}, err
	}
	return e.mutate(ctx, actor, o, func(w *work) (countersign.Outcome, error) { return w.decide(id, v) })
}

func checkVote(v Vote) error {
	switch {
	case v.Decision != countersign.Approve && v.Decision != countersign.Deny:
		return countersign.E(countersign.Invalid, "decision", "must be approve or deny")
	case v.Digest == "":
		return countersign.E(countersign.Invalid, "digest", "is required: a vote names the digest of what the voter saw")
	case v.Statement != "":
		return countersign.E(countersign.Refused, "statement", "signed approvals are not accepted yet; leave statement, signature and credential_id out")
	case v.Signature != "":
		return countersign.E(countersign.Refused, "signature", "signed approvals are not accepted yet; leave statement, signature and credential_id out")
	case v.CredentialID != "":
		return countersign.E(countersign.Refused, "credential_id", "signed approvals are not accepted yet; leave statement, signature and credential_id out")
	}
	return countersign.CheckReason("comment", v.Comment)
}

func (w *work) decide(id countersign.ChangeID, v Vote) (countersign.Outcome, error) {
	row, request, err := w.visible(id)
	if err != nil {
		return countersign.Outcome{}, err
	}
	if err := access.Vote(w.actor, w.holds); err != nil {
		return countersign.Outcome{}, err
	}
	if v.Digest != request.Digest {
		return countersign.Outcome{}, countersign.Code(countersign.Stale, "digest_mismatch", "digest",
			"is not the digest of this request; read the request again and decide on what it says")
	}
	if state := request.StateAt(w.now); !state.Open() {
		return countersign.Outcome{}, alreadyClosed(request, state)
	}
	c := w.tallyCase(w.picture.Organization(), request)
	if !approval.MayVote(c, w.actor.User) {
		return countersign.Outcome{}, notEligible(request, w.actor.User)
	}
	if how, err := w.overtaken(request); err != nil || how != nil {
		return w.endUndecided(row, request, how, err)
	}
	if last, voted := lastVote(request, w.actor.User); voted && last.Decision == v.Decision {
		return countersign.Outcome{Change: request}, nil
	}
	return w.vote(row, request, c, v)
}

// visible loads a request the actor may know about.
func (w *work) visible(id countersign.ChangeID) (store.ChangeRecord, countersign.ChangeRequest, error) {
	row, err := w.tx.Change(w.ctx, id)
	if isKind(err, countersign.NotFound) {
		err = missingThing("change request")
	}
	if err != nil {
		return row, countersign.ChangeRequest{}, err
	}
	request, err := readRecord(row)
	if err != nil {
		return row, request, err
	}
	if !access.SeeChange(w.actor, w.holds, request.Requester, request.RequesterPerson) {
		return row, request, missingThing("change request")
	}
	return row, request, nil
}

func alreadyClosed(request countersign.ChangeRequest, state countersign.ChangeState) error {
	return &countersign.Error{
		Kind: countersign.Stale, Code: "change_closed", Message: "this request is already " + string(state),
		Detail: map[string]string{"state": string(state), "change_id": string(request.ID)},
	}
}

func notEligible(request countersign.ChangeRequest, person countersign.UserID) error {
	message := "you are not among the people who may decide this request"
	switch {
	case person == request.Requester || person == request.RequesterPerson:
		message = "nobody decides what he asked for himself, or what an account he is responsible for asked for"
	case slices.Contains(request.Excluded, person):
		message = "nobody decides a change that is about himself, or that replaces one of his own"
	}
	return countersign.Code(countersign.Forbidden, "not_eligible", "", message)
}

func lastVote(request countersign.ChangeRequest, person countersign.UserID) (countersign.Approval, bool) {
	for _, a := range slices.Backward(request.Approvals) {
		if a.Person == person {
			return a, true
		}
	}
	return countersign.Approval{}, false
}

// tallyCase gathers who may count: the pools fixed at creation, today's eligible
// people, and a requirement that current rules may have tightened but never
// loosened (R4).
func (w *work) tallyCase(organization countersign.Organization, request countersign.ChangeRequest) approval.Case {
	return gather(w.picture, organization, request, governed(w.picture, request.Operations, request.Requester), w.now)
}

// overtaken finds out why an open request can no longer be decided: its
// requester left or may no longer ask, or the world has moved.
func (w *work) overtaken(request countersign.ChangeRequest) (*closing, error) {
	for _, id := range []countersign.UserID{request.Requester, request.RequesterPerson} {
		if u, ok := w.picture.User(id, w.now); !ok || u.State != countersign.UserActive {
			return &closing{state: countersign.ChangeCancelled, because: "requester_inactive"}, nil
		}
	}
	for _, op := range request.Operations {
		if err := mayAsk(w.picture, countersign.Actor{User: request.Requester, Method: countersign.ByToken}, op, w.now); err != nil {
			return &closing{state: countersign.ChangeCancelled, because: "requester_not_permitted"}, nil
		}
	}
	for _, base := range request.Base {
		version, err := w.factVersion(base.Fact)
		if err != nil {
			return nil, err
		}
		if version != base.Version {
			return &closing{state: countersign.ChangeStale, because: "fact_moved"}, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing stands in the way
}

// endUndecided closes a request that was overtaken; the transaction commits, and
// the voter is told why his vote was not taken.
func (w *work) endUndecided(row store.ChangeRecord, request countersign.ChangeRequest, how *closing, err error) (countersign.Outcome, error) {
	if err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.closeRow(row, *how); err != nil {
		return countersign.Outcome{}, err
	}
	failure := alreadyClosed(request, how.state)
	var own *countersign.Error
	if errors.As(failure, &own) {
		own.Detail["because"] = how.because
	}
	w.late = failure
	return w.outcomeOf(request.ID)
}

// vote records the vote and acts on what it settles.
func (w *work) vote(row store.ChangeRecord, request countersign.ChangeRequest, c approval.Case, v Vote) (countersign.Outcome, error) {
	position, err := w.position()
	if err != nil {
		return countersign.Outcome{}, err
	}
	given := countersign.Approval{
		Change: request.ID, Person: w.actor.User, Credential: w.actor.Credential, Decision: v.Decision,
		Digest: v.Digest, Comment: v.Comment, At: w.now, Position: position,
	}
	err = w.append(entry{
		kind: countersign.EntryVote, committer: canon.NewCommitter(w.e.random, row.Openings), facts: factsOf(request),
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest},
		approval: &audit.LeafApproval{
			Decision: string(v.Decision), Digest: v.Digest, Person: string(given.Person),
			Credential: string(given.Credential), Comment: v.Comment, Attested: "server",
		},
	})
	if err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.tx.AddApproval(w.ctx, given); err != nil {
		return countersign.Outcome{}, err
	}
	c.Approvals = append(slices.Clone(request.Approvals), given)
	row.Version = position
	switch tally := approval.Count(c); {
	case tally.Denied:
		return w.finish(row, closing{state: countersign.ChangeRejected, because: "denied", by: w.actor.User})
	case tally.Met:
		return w.applyRequest(row, request)
	default:
		if err := w.tx.PutChange(w.ctx, row, request.Base); err != nil {
			return countersign.Outcome{}, err
		}
		return w.outcomeOf(request.ID)
	}
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
	err = w.append(entry{
		kind: countersign.EntryApplied, effects: l.effects, committer: canon.NewCommitter(w.e.random, row.Openings),
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest},
	})
	if err != nil {
		return countersign.Outcome{}, err
	}
	row.State, row.AppliedPosition, row.Version = countersign.ChangeApplied, position, position
	row.ClosedAt, row.ClosedBy = w.now, w.actor.User
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
		if !access.Cancel(w.actor, w.holds, request.Requester, request.RequesterPerson) {
			return countersign.Outcome{}, access.Require(func(countersign.Permission) bool { return false }, countersign.ChangesCancel)
		}
		if state := request.StateAt(w.now); !state.Open() {
			return countersign.Outcome{}, alreadyClosed(request, state)
		}
		return w.finish(row, closing{state: countersign.ChangeCancelled, because: "cancelled", reason: o.Reason, by: w.actor.User})
	})
}

// Replace withdraws an open request of the actor's and submits its successor,
// with no votes, in one transaction.
func (e *Engine) Replace(ctx context.Context, actor countersign.Actor, id countersign.ChangeID, ops []countersign.Change, o Options) (Result, error) {
	if err := validate(ops, o); err != nil {
		return Result{}, err
	}
	return e.mutate(ctx, actor, o, func(w *work) (countersign.Outcome, error) {
		row, request, err := w.visible(id)
		if err != nil {
			return countersign.Outcome{}, err
		}
		if w.actor.Subject != "" || w.actor.User != request.Requester && w.actor.Person() != request.RequesterPerson {
			return countersign.Outcome{}, countersign.Code(countersign.Forbidden, "not_the_requester", "", "only who asked for a change can replace it; others may cancel it")
		}
		if state := request.StateAt(w.now); !state.Open() {
			return countersign.Outcome{}, alreadyClosed(request, state)
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
