package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
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
	case v.Decision != countersign.Approve && v.Decision != countersign.Deny && v.Decision != countersign.Withdraw:
		return countersign.E(countersign.Invalid, "decision", "must be approve, deny or withdraw")
	case v.Digest == "":
		return countersign.E(countersign.Invalid, "digest", "is required: a vote names the digest of what the voter saw")
	}
	if err := firstOf(checkComplete(v), checkMethod(v.Method, v.Statement != "")); err != nil {
		return err
	}
	return countersign.CheckReason("comment", v.Comment)
}

// checkComplete refuses half a signature.
func checkComplete(v Vote) error {
	missing := func(field string) error {
		return countersign.E(countersign.Invalid, field, "is missing: a signed vote has statement, signature and credential_id")
	}
	switch {
	case v.Statement == "" && v.Signature == "" && v.CredentialID == "":
		return nil
	case v.Statement == "":
		return missing("statement")
	case v.Signature == "":
		return missing("signature")
	case v.CredentialID == "":
		return missing("credential_id")
	default:
		return nil
	}
}

func (w *work) decide(id countersign.ChangeID, v Vote) (countersign.Outcome, error) {
	row, request, err := w.visible(id)
	if err != nil {
		return countersign.Outcome{}, err
	}
	w.tries(string(v.Decision), nil, &request)
	if err := access.Vote(w.actor, w.holds); err != nil {
		return countersign.Outcome{}, err
	}
	if v.Digest != request.Digest {
		return countersign.Outcome{}, countersign.Code(countersign.Stale, "digest_mismatch", "digest",
			"is not the digest of this request; read the request again and decide on what it says")
	}
	if state := request.StateAt(w.now); !state.Open() {
		if settledBy(request, w.actor.User, v) {
			return countersign.Outcome{Change: request}, nil
		}
		return countersign.Outcome{}, alreadyClosed(request, state)
	}
	c, err := w.gather(request)
	if err != nil {
		return countersign.Outcome{}, err
	}
	if request.Recovery != nil && v.Decision == countersign.Approve {
		return countersign.Outcome{}, countersign.Code(countersign.Refused, "recovery_not_approvable", "decision",
			"nobody approves a recovery: it is carried out when its delay is over, unless an admin denies it")
	}
	if !approval.MayVote(c.Case, w.actor.User) {
		return countersign.Outcome{}, notEligible(request, w.actor.User)
	}
	if err := w.mayDecide(request, v.Decision); err != nil {
		return countersign.Outcome{}, err
	}
	last, voted := lastVote(c.Approvals, w.actor.User)
	again := voted && v.repeats(last)
	if err := c.mustSign(v, last); err != nil {
		return countersign.Outcome{}, err
	}
	if v.Statement != "" && !again {
		if err := w.checkSigned(request, v); err != nil {
			return countersign.Outcome{}, err
		}
	}
	if how, err := w.overtaken(request); err != nil || how != nil {
		return w.endUndecided(row, request, how, err)
	}
	switch {
	case v.Decision == countersign.Withdraw && (!voted || last.Decision == countersign.Withdraw):
		return countersign.Outcome{}, countersign.Code(countersign.Stale, "nothing_to_withdraw", "decision", "you have said nothing that could be withdrawn")
	case again:
		// Nothing new is said; but a vote that was void for a while may by now be
		// what was missing.
		return w.settle(row, request, c)
	default:
		return w.vote(row, request, c, v)
	}
}

// repeats reports whether a vote says what was said before.
func (v Vote) repeats(last countersign.Approval) bool {
	return last.Decision == v.Decision && (v.Statement == "" || v.Statement == last.Statement && v.Signature == last.Signature)
}

// settledBy reports whether this very vote is what decided a request: whoever has not
// got the answer says it again and is given it (governance.md B.8).
func settledBy(request countersign.ChangeRequest, person countersign.UserID, v Vote) bool {
	last, voted := lastVote(request.Approvals, person)
	decided := request.State == countersign.ChangeApplied || request.State == countersign.ChangeRejected || request.State == countersign.ChangeFailed
	return voted && decided && v.repeats(last) && request.Version == last.Position+1 // the entry that ended it came next
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

func lastVote(votes []countersign.Approval, person countersign.UserID) (countersign.Approval, bool) {
	for _, a := range slices.Backward(votes) {
		if a.Person == person {
			return a, true
		}
	}
	return countersign.Approval{}, false
}

// overtaken finds out why an open request can no longer be decided: its
// requester left or may no longer ask, or the world has moved.
func (w *work) overtaken(request countersign.ChangeRequest) (*closing, error) {
	if request.Recovery != nil {
		return w.recoveryOvertaken(request)
	}
	if request.Ratifies == "" {
		if how := w.abandoned(request); how != nil {
			return how, nil
		}
	}
	return w.moved(request)
}

// moved finds out whether a request relies on something that is no longer so.
func (w *work) moved(request countersign.ChangeRequest) (*closing, error) {
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

// abandoned finds out that nobody stands behind a request any more.
func (w *work) abandoned(request countersign.ChangeRequest) *closing {
	for _, id := range []countersign.UserID{request.Requester, request.RequesterPerson} {
		if u, ok := w.picture.User(id, w.now); !ok || u.State != countersign.UserActive {
			return &closing{state: countersign.ChangeCancelled, because: "requester_inactive"}
		}
	}
	for _, op := range request.Operations {
		if err := mayAsk(w.picture, countersign.Actor{User: request.Requester, Method: countersign.ByToken}, op, w.now); err != nil {
			return &closing{state: countersign.ChangeCancelled, because: "requester_not_permitted"}
		}
	}
	return nil
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
