package engine

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/store"
)

// Submit asks for a batch of changes, all or nothing. Policy decides whether
// they are applied at once or wait as a change request.
func (e *Engine) Submit(ctx context.Context, actor countersign.Actor, ops []countersign.Change, o Options) (Result, error) {
	if err := validate(ops, o); err != nil {
		return Result{}, err
	}
	return e.mutate(ctx, actor, o, func(w *work) (countersign.Outcome, error) {
		return w.submit(ops, countersign.ChangeID(e.newID()), nil)
	})
}

// validate checks what needs no directory.
func validate(ops []countersign.Change, o Options) error {
	if len(ops) == 0 {
		return countersign.E(countersign.Invalid, "operations", "must hold at least one operation")
	}
	if len(ops) > countersign.MaxOperations {
		return countersign.E(countersign.Invalid, "operations", "must hold at most 100 operations")
	}
	if err := countersign.CheckReason("reason", o.Reason); err != nil {
		return err
	}
	for i, op := range ops {
		if err := op.Validate(); err != nil {
			return inBatch(o, i, err)
		}
	}
	if o.Emergency {
		if err := countersign.CheckEmergency(ops, o.Reason); err != nil {
			return err
		}
	}
	if o.recovers {
		return nil // in a recovery a thaw comes with what it is needed for
	}
	return checkAlone(ops)
}

// inBatch makes an error name the operation it is about.
func inBatch(o Options, i int, err error) error {
	var own *countersign.Error
	if !o.Batch || !errors.As(err, &own) {
		return err
	}
	return own.In("operations." + strconv.Itoa(i))
}

// submit is Submit within a transaction; replaced is the request this one
// succeeds, nil when there is none.
func (w *work) submit(given []countersign.Change, id countersign.ChangeID, replaced *countersign.ChangeRequest) (countersign.Outcome, error) {
	if replaced == nil {
		w.tries("submit", given, nil)
	}
	if before, err := w.takenIn(given); err != nil || before != nil {
		return orNone(before), err
	}
	if err := w.mayTake(given); err != nil {
		return countersign.Outcome{}, err
	}
	ops := make([]countersign.Change, len(given))
	for i, op := range given {
		ops[i] = clone(op)
		if err := w.mayRequest(ops[i]); err != nil {
			return countersign.Outcome{}, inBatch(w.o, i, err)
		}
		if err := w.prepare(ops[i]); err != nil {
			return countersign.Outcome{}, inBatch(w.o, i, err)
		}
		nameImport(ops[i], id)
		nameDrill(ops[i], id)
		namePreceding(ops, i)
	}
	if err := w.checkVersion(ops[0]); err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.checkSeparate(ops); err != nil {
		return countersign.Outcome{}, err
	}
	// The picture stands at the head this transaction has locked.
	organization := w.picture.Organization()
	asked := w.ask(organization, ops)
	request := countersign.ChangeRequest{
		ID: id, Operations: ops, Reason: w.o.Reason,
		Requester: w.actor.User, RequesterPerson: w.actor.Person(), RequesterCredential: w.actor.Credential,
		RuleIDs: asked.RuleIDs, PolicyVersion: organization.PolicyVersion, Requirement: asked.Requirement,
		CreatedAt: w.now, ExpiresAt: w.now.Add(asked.Requirement.Life()), Bootstrap: !organization.Sealed(),
	}
	if replaced != nil {
		request.Replaces = replaced.ID
		request.Excluded = slices.Concat(replaced.Excluded, []countersign.UserID{replaced.RequesterPerson, replaced.Requester})
	}
	switch {
	case w.o.Emergency:
		return w.act(request)
	case asked.Requirement.Free():
		return w.applyAtOnce(request)
	default:
		return w.hold(request)
	}
}

// clone copies a change, so that a transaction that runs again starts from what
// was given. Slices are shared: nothing writes into them.
func clone(op countersign.Change) countersign.Change {
	from := reflect.ValueOf(op).Elem()
	to := reflect.New(from.Type())
	to.Elem().Set(from)
	copied, ok := to.Interface().(countersign.Change)
	if !ok {
		panic("a copy of a change is a change")
	}
	return copied
}

// ask finds what is required. Nothing is in bootstrap, nor of revoking one's own
// credential, nor of redeeming or collecting what was already approved.
func (w *work) ask(organization countersign.Organization, ops []countersign.Change) approval.Asked {
	if !organization.Sealed() {
		return approval.Asked{}
	}
	return approval.Required(organization.Policy, governed(w.picture, ops, w.actor.User, w.now))
}

// applyAtOnce applies a batch nobody needs to approve.
func (w *work) applyAtOnce(request countersign.ChangeRequest) (countersign.Outcome, error) {
	position, err := w.position()
	if err != nil {
		return countersign.Outcome{}, err
	}
	l := newLedger(w, position, true)
	if err := l.applyAll(request.Operations); err != nil {
		return countersign.Outcome{}, err
	}
	if len(l.effects) == 0 {
		return countersign.Outcome{}, noEffect()
	}
	if request.Emergency() {
		if err := l.markEmergency(request); err != nil {
			return countersign.Outcome{}, err
		}
	}
	request.Base, request.State = l.base, countersign.ChangeApplied
	request.Effects, request.EffectsTotal = l.effects, len(l.effects)
	if err := w.checkOverlap(request); err != nil {
		return countersign.Outcome{}, err
	}
	request.AppliedPosition, request.ClosedAt, request.Version = position, w.now, position
	committer := canon.NewCommitter(w.e.random, nil)
	document, openings, err := writeDocument(w.actor.Organization, &request, l.effects, committer)
	if err != nil {
		return countersign.Outcome{}, err
	}
	err = w.append(entry{
		kind: countersign.EntryApplied, document: document, effects: l.effects, committer: committer, openings: openings,
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest, Bootstrap: request.Bootstrap, Emergency: request.Emergency()},
	})
	if err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.tx.PutChange(w.ctx, record(request, document, openings), nil); err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.recordBatch(request.ID, l); err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.afterApply(request.ID, l); err != nil {
		return countersign.Outcome{}, err
	}
	if request.Emergency() {
		if err := w.askAfterwards(request, l); err != nil {
			return countersign.Outcome{}, err
		}
	}
	return countersign.Outcome{Change: request, Secrets: l.secrets}, nil
}

func noEffect() error {
	return countersign.Code(countersign.Refused, "no_effect", "", "this is already so; nothing would change")
}

// hold stores a change request after a rehearsal has shown that it could be
// applied now.
func (w *work) hold(request countersign.ChangeRequest) (countersign.Outcome, error) {
	waiting, err := w.repeated(request.Operations)
	if err != nil {
		return countersign.Outcome{}, err
	}
	if waiting != nil {
		return countersign.Outcome{Change: *waiting}, nil
	}
	if err := w.checkFlood(); err != nil {
		return countersign.Outcome{}, err
	}
	l, err := w.rehearse(request.Operations)
	if err != nil {
		return countersign.Outcome{}, err
	}
	request.Base, request.State = l.base, countersign.ChangePending
	request.Excluded = w.excluded(request, l)
	described := governed(w.picture, request.Operations, w.actor.User, w.now)
	for _, clause := range request.Requirement.Clauses {
		request.Pools = append(request.Pools, orEmpty(approvers(w.picture, request.Requirement, clause.Approvers, described, w.now)))
	}
	if err := checkReachable(request); err != nil {
		return countersign.Outcome{}, err
	}
	request.Effects, request.EffectsTotal = l.effects, len(l.effects)
	if err := firstOf(w.checkSingle(request), w.checkOverlap(request)); err != nil {
		return countersign.Outcome{}, err
	}
	if err := w.keepWaiting(&request, l); err != nil {
		return countersign.Outcome{}, err
	}
	return countersign.Outcome{Change: request}, nil
}

// keepWaiting records and stores a request that waits, with what it would do.
func (w *work) keepWaiting(request *countersign.ChangeRequest, would *ledger) error {
	position, err := w.position()
	if err != nil {
		return err
	}
	request.Version = position
	committer := canon.NewCommitter(w.e.random, nil)
	document, openings, err := writeDocument(w.actor.Organization, request, held(would.effects), committer)
	if err != nil {
		return err
	}
	err = w.append(entry{
		kind: countersign.EntrySubmitted, document: document, committer: committer, openings: openings, facts: would.factsMoved(),
		change: &audit.LeafChange{ID: string(request.ID), Digest: request.Digest},
	})
	if err != nil {
		return err
	}
	return w.storeOpen(*request, document, openings)
}

// storeOpen stores a request that begins to wait.
func (w *work) storeOpen(request countersign.ChangeRequest, document []byte, openings map[string]countersign.Opening) error {
	row := record(request, document, openings)
	intent, err := intentOf(request.Operations)
	if err != nil {
		return err
	}
	row.Intent = intent
	return w.tx.PutChange(w.ctx, row, request.Base)
}

// rehearse applies a batch and undoes it, keeping what it would have done.
func (w *work) rehearse(ops []countersign.Change) (*ledger, error) {
	position, err := w.position()
	if err != nil {
		return nil, err
	}
	var l *ledger
	err = w.tx.Savepoint(w.ctx, func() error {
		l = newLedger(w, position, false)
		if err := l.applyAll(ops); err != nil {
			return err
		}
		return errNothingStored
	})
	if !errors.Is(err, errNothingStored) {
		return nil, err
	}
	if len(l.effects) == 0 {
		return nil, noEffect()
	}
	return l, nil
}

// held returns effects as they stand while waiting: not at any version yet.
func held(effects []countersign.Effect) []countersign.Effect {
	out := slices.Clone(effects)
	for i := range out {
		out[i].To = 0
	}
	return out
}

// excluded lists who may not vote: the account and the person who ask, the user
// for whom they do, those
// who asked for what this replaces, and those the change is about.
func (w *work) excluded(request countersign.ChangeRequest, l *ledger) []countersign.UserID {
	out := append(slices.Clone(request.Excluded), request.Requester, request.RequesterPerson, w.actor.Subject)
	out = append(out, w.holders(request.RequesterCredential)...)
	for _, op := range request.Operations {
		out = append(out, approval.Subjects(op)...)
	}
	out = append(out, l.subjects...)
	out = slices.DeleteFunc(out, func(id countersign.UserID) bool { return id == "" })
	slices.Sort(out)
	return slices.Compact(out)
}

// holders are who may have a credential in hand besides the person who answers
// for its account: who asked for it was shown its secret. Without this an admin
// could let an account ask for which somebody else answers, and approve it.
// Credentials from bootstrap are exempt: one person made everything then.
func (w *work) holders(id countersign.CredentialID) []countersign.UserID {
	credential, ok := w.picture.Credential(id)
	if !ok || credential.RequestedBy == "" || credential.CreatedAt.Before(w.picture.Organization().SealedAt) {
		return nil
	}
	out := []countersign.UserID{credential.RequestedBy}
	if account, ok := w.picture.Account(credential.RequestedBy); ok && account.ResponsiblePersonID != "" {
		out = append(out, account.ResponsiblePersonID)
	}
	return out
}

// checkReachable refuses a request that nobody could ever approve.
func checkReachable(request countersign.ChangeRequest) error {
	c := approval.NewCase(request.Requirement, func(i int, _ countersign.ApproverSet) (pool, now []countersign.UserID) {
		return request.Pools[i], request.Pools[i]
	})
	c.Excluded = request.Excluded
	tally := approval.Count(c)
	if tally.Reachable {
		return nil
	}
	return countersign.Code(countersign.Refused, "not_enough_approvers", "",
		"too few people could approve this: requester, responsible person and those it is about do not count")
}

// checkFlood bounds open requests, so that approvers are not worn down.
func (w *work) checkFlood() error {
	all, own, err := w.tx.CountOpen(w.ctx, w.actor.Person(), w.now)
	if err != nil {
		return err
	}
	if own >= countersign.MaxOpenPerRequester {
		return countersign.Code(countersign.Limited, "too_many_open_changes", "", "you already have 20 open change requests; wait for decisions or cancel some")
	}
	if all >= countersign.MaxOpenPerOrganization {
		return countersign.Code(countersign.Limited, "too_many_open_changes", "", "the organization already has 200 open change requests")
	}
	return nil
}

// checkSingle allows one open request on the policy at a time, and one on the
// recovery keys (B.4). Recoveries do not count: they rely on both, and whoever is
// still there must be able to answer one.
func (w *work) checkSingle(request countersign.ChangeRequest) error {
	for _, kind := range []countersign.ChangeKind{countersign.KindPolicyPut, countersign.KindRecoveryReplace} {
		if !does(request, kind) {
			continue
		}
		for _, other := range w.picture.OpenChanges(w.now) {
			if other.ID != request.Replaces && other.Recovery == nil && does(other, kind) {
				what := map[countersign.ChangeKind]string{countersign.KindPolicyPut: "the policy", countersign.KindRecoveryReplace: "the recovery keys"}[kind]
				return &countersign.Error{
					Kind: countersign.Refused, Code: "change_pending", Message: "another change of " + what + " is open; decide or cancel it first",
					Detail: map[string]string{"change_id": string(other.ID)},
				}
			}
		}
	}
	return nil
}

func does(request countersign.ChangeRequest, kind countersign.ChangeKind) bool {
	return slices.ContainsFunc(request.Operations, func(op countersign.Change) bool { return op.Kind() == kind })
}

// afterApply deals with the open requests an applied change affects: those that
// relied on a fact it moved are stale, those whose requester is no longer active
// are cancelled.
func (w *work) afterApply(winner countersign.ChangeID, l *ledger) error {
	if w.picture.Size().OpenChanges == 0 {
		return nil
	}
	stale, err := w.tx.OpenChangesRelyingOn(w.ctx, l.factsMoved())
	if err != nil {
		return err
	}
	for _, id := range stale {
		if id == winner {
			continue
		}
		if err := w.close(id, closing{state: countersign.ChangeStale, because: "fact_moved", winner: winner}); err != nil {
			return err
		}
	}
	if len(l.deactivated) == 0 {
		return nil
	}
	for _, request := range w.picture.OpenChanges(w.now) {
		if request.Ratifies != "" {
			continue // others answer it, whatever became of who acted
		}
		left := slices.Contains(l.deactivated, request.Requester) || slices.Contains(l.deactivated, request.RequesterPerson)
		if !left || request.ID == winner || slices.Contains(stale, request.ID) {
			continue
		}
		if err := w.close(request.ID, closing{state: countersign.ChangeCancelled, because: "requester_inactive"}); err != nil {
			return err
		}
	}
	return nil
}

// record is the row of a request.
func record(c countersign.ChangeRequest, document []byte, openings map[string]countersign.Opening) store.ChangeRecord {
	return store.ChangeRecord{
		ID: c.ID, State: c.State, Requester: c.Requester, RequesterPerson: c.RequesterPerson, Digest: c.Digest,
		Payload: document, Openings: openings, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, ClosedAt: c.ClosedAt,
		ClosedBy: c.ClosedBy, ClosedBecause: c.ClosedBecause, ReplacedBy: c.ReplacedBy, WinnerID: c.WinnerID,
		AppliedPosition: c.AppliedPosition, Version: c.Version, ScheduledAt: c.ScheduledAt,
	}
}

// checkVersion compares If-Match with the object the first operation is about.
func (w *work) checkVersion(op countersign.Change) error {
	if w.o.IfMatch == 0 {
		return nil
	}
	version, err := w.objectVersion(op)
	if err != nil {
		return err
	}
	if version != w.o.IfMatch {
		return countersign.Code(countersign.Stale, "version_moved", "If-Match", "the object has changed since you read it; read it again and decide anew")
	}
	return nil
}
