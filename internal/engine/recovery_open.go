package engine

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/statement"
)

// Recover opens a recovery for whoever brings enough signatures by the recovery
// keys. It is the one way to make a request with EntryRecoveryOpened. Signatures
// are verified before anything is read from the store, and again in the
// transaction. Whoever repeats a recovery that is open learns how it stands, and
// has it carried out if it is due: in a locked organization nobody else may come.
func (e *Engine) Recover(ctx context.Context, r Recovery) (Result, error) {
	if err := checkRecoverable(r.Operations, r.Reason); err != nil {
		return Result{}, err
	}
	picture, err := e.recoverable(ctx, r.Organization)
	if err != nil {
		return Result{}, err
	}
	if _, err := parseRecovery(r, picture.Organization()); err != nil {
		return Result{}, err
	}
	if open, is := openRecovery(picture, e.instant()); is && open.Recovery.Statement == r.Statement {
		system := countersign.Actor{Organization: r.Organization, Method: countersign.BySystem}
		return e.mutate(ctx, system, Options{}, func(w *work) (countersign.Outcome, error) { return w.settleDue(open.ID) })
	}
	actor := countersign.Actor{Organization: r.Organization, Method: countersign.ByRecovery}
	return e.mutate(ctx, actor, Options{RequestID: r.RequestID, Reason: r.Reason, Batch: true}, func(w *work) (countersign.Outcome, error) {
		return w.recover(r)
	})
}

func openRecovery(picture *roster.Picture, now time.Time) (countersign.ChangeRequest, bool) {
	open := picture.OpenChanges(now)
	if i := slices.IndexFunc(open, func(c countersign.ChangeRequest) bool { return c.Recovery != nil }); i >= 0 {
		return open[i], true
	}
	return countersign.ChangeRequest{}, false
}

// recover is Recover within a transaction.
func (w *work) recover(r Recovery) (countersign.Outcome, error) {
	organization := w.picture.Organization()
	said, err := parseRecovery(r, organization)
	if err != nil {
		return countersign.Outcome{}, err
	}
	if err := checkIssued(said, w.now); err != nil {
		return countersign.Outcome{}, err
	}
	if other, is := openRecovery(w.picture, w.now); is {
		return countersign.Outcome{}, &countersign.Error{
			Kind: countersign.Refused, Code: "change_pending", Message: "another recovery is open; it has to end first",
			Detail: map[string]string{"change_id": string(other.ID)},
		}
	}
	want, err := expectedRecovery(w.ctx, w.tx, organization, r.Operations, r.Reason)
	if err != nil {
		return countersign.Outcome{}, err
	}
	if member := said.Differs(want); member != "" {
		return countersign.Outcome{}, recoveryMismatch(member)
	}
	if err := w.checkSeen(said.Seen); err != nil {
		return countersign.Outcome{}, err
	}
	ops, err := w.prepareRecovery(r.Operations)
	if err != nil {
		return countersign.Outcome{}, err
	}
	return w.openRecovery(r, ops, organization)
}

// prepareRecovery allots what operations need. They must be in their normal form
// already: what is carried out is what was signed, to the letter.
func (w *work) prepareRecovery(given []countersign.Change) ([]countersign.Change, error) {
	ops := make([]countersign.Change, len(given))
	for i, op := range given {
		ops[i] = clone(op)
		if err := w.recovers(ops[i]); err != nil {
			return nil, inBatch(w.o, i, err)
		}
		if err := w.prepare(ops[i]); err != nil {
			return nil, inBatch(w.o, i, err)
		}
		if same, err := sameBut(given[i], ops[i]); err != nil || !same {
			if err != nil {
				return nil, err
			}
			return nil, inBatch(w.o, i, countersign.Code(countersign.Refused, "not_normal", "",
				"is not in its normal form, so that something else would be done than was signed: texts without blanks at their ends, in Unicode NFC"))
		}
		namePreceding(ops, i)
	}
	return ops, nil
}

// recovers says whether a recovery may do this, as far as it depends on whom it
// is done to.
func (w *work) recovers(op countersign.Change) error {
	if c, is := op.(*countersign.ChangeRole); is {
		u, _ := w.picture.User(c.UserID, w.now)
		return access.RecoversRole(u.Role, c.Role)
	}
	return access.Recovery(op)
}

// sameBut reports whether an operation is as it was given, but for what it was
// allotted.
func sameBut(given, prepared countersign.Change) (bool, error) {
	bare := clone(prepared)
	switch c := bare.(type) {
	case *countersign.InvitePerson:
		c.UserID, c.Number, c.Memberships = "", 0, nil
	case *countersign.RecoverAccess:
		c.CredentialID = ""
	}
	was, err := canon.EncodeChange(given)
	if err != nil {
		return false, err
	}
	is, err := canon.EncodeChange(bare)
	return bytes.Equal(was, is), err
}

// openRecovery stores a recovery that begins to wait, after a rehearsal has shown
// that it could be carried out now.
func (w *work) openRecovery(r Recovery, ops []countersign.Change, organization countersign.Organization) (countersign.Outcome, error) {
	requirement := organization.Recovery.Requirement()
	request := countersign.ChangeRequest{
		ID: countersign.ChangeID(w.e.newID()), Operations: ops, Reason: r.Reason, PolicyVersion: organization.PolicyVersion,
		Requirement: requirement, Pools: [][]countersign.UserID{orEmpty(w.picture.Eligible(requirement.Clauses[0].Approvers, w.now))},
		CreatedAt: w.now, ExpiresAt: w.now.Add(requirement.Life()), ScheduledAt: w.now, State: countersign.ChangeScheduled,
		Recovery: &countersign.RecoveryAct{Statement: r.Statement, Signatures: r.Signatures},
	}
	l, err := w.rehearse(ops)
	if err != nil {
		return countersign.Outcome{}, err
	}
	// Whoever replaces the keys ends what the old ones have begun.
	l.rely(countersign.RecoveryFact(), organization.RecoveryVersion)
	request.Base = l.base
	position, err := w.position()
	if err != nil {
		return countersign.Outcome{}, err
	}
	request.Version = position
	committer := canon.NewCommitter(w.e.random, nil)
	document, openings, err := writeDocument(w.actor.Organization, &request, held(l.effects), committer)
	if err != nil {
		return countersign.Outcome{}, err
	}
	err = w.append(entry{
		kind: countersign.EntryRecoveryOpened, document: document, committer: committer, openings: openings,
		facts:  append(l.factsMoved(), countersign.RecoveryActsFact()),
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest},
	})
	if err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.storeOpen(request, document, openings); err != nil {
		return countersign.Outcome{}, err
	}
	return w.outcomeOf(request.ID)
}

// gatherRecovery collects who could deny a recovery, and who does: whoever is an
// admin now, also if it is about him, since it asks for nobody's approval.
func gatherRecovery(picture *roster.Picture, request countersign.ChangeRequest, now time.Time) weighed {
	c := approval.NewCase(request.Requirement, func(_ int, set countersign.ApproverSet) (pool, eligible []countersign.UserID) {
		admins := picture.Eligible(set, now)
		return admins, admins
	})
	c.Approvals, c.Digest = standing(picture, request), request.Digest
	return weighed{c, request.Requirement}
}

// recoveryOvertaken finds out why a recovery must not be carried out any more: the
// world has moved, the keys among it, or what was signed is not what is stored.
func (w *work) recoveryOvertaken(request countersign.ChangeRequest) (*closing, error) {
	how, err := w.moved(request)
	if err != nil || how != nil {
		return how, err
	}
	organization := w.picture.Organization()
	said, err := statement.ParseRecovery([]byte(request.Recovery.Statement))
	if err == nil {
		err = checkKeys(organization.Recovery, request.Recovery.Statement, request.Recovery.Signatures)
	}
	if err != nil || said.RecoveryVersion != organization.RecoveryVersion || said.Organization != string(organization.ID) {
		return &closing{state: countersign.ChangeFailed, because: "signature_invalid"}, nil
	}
	return nil, nil //nolint:nilnil // nothing stands in the way
}
