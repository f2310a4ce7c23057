package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/store"
)

// Break-glass (governance.md B.7, docs/adr/0028): one person does at once what
// reduces power, and others are asked afterwards.

// mayAct refuses an emergency act that is none, or one too many. asked is what
// policy asks of it, which is not waited for.
func (w *work) mayAct(request countersign.ChangeRequest) error {
	if !w.picture.Organization().Sealed() {
		return countersign.Code(countersign.Refused, "not_sealed", "", "there are no emergencies in bootstrap: every change is applied at once; submit it without")
	}
	if suspend, is := request.Operations[0].(*countersign.SuspendUser); is && suspend.UserID == w.actor.User {
		return countersign.Code(countersign.Refused, "emergency_about_oneself", "operations.0.user_id", "is you: revoke your own credentials instead, which needs nobody")
	}
	if request.Requirement.Free() {
		return countersign.Code(countersign.Refused, "emergency_not_needed", "", "nobody's approval is asked for this: submit it without emergency, and it is applied at once")
	}
	n, err := w.tx.EmergenciesOf(w.ctx, w.actor.Person(), w.now.Add(-countersign.EmergencyPeriod))
	if err != nil {
		return err
	}
	if n >= countersign.MaxEmergencies {
		return countersign.Code(countersign.Limited, "too_many_emergencies", "", "you have acted in an emergency twice within 24 hours; ask for it as a change, or let somebody else act")
	}
	return nil
}

// act applies an emergency act and asks others about it, in one transaction.
func (w *work) act(request countersign.ChangeRequest) (countersign.Outcome, error) {
	if err := w.mayAct(request); err != nil {
		return countersign.Outcome{}, err
	}
	request.Ratification = countersign.ChangeID(w.e.newID())
	outcome, err := w.applyAtOnce(request)
	return outcome, w.offerFreeze(err)
}

// offerFreeze says what remains where somebody cannot be spared (L5).
func (w *work) offerFreeze(err error) error {
	var own *countersign.Error
	if !errors.As(err, &own) || own.Code != "would_lock_out" && own.Code != "last_admins" || w.picture.Organization().Frozen() {
		return err
	}
	offer := *own
	offer.Message += "; what remains is to freeze the organization, for which nobody has to be spared"
	offer.Detail = map[string]string{"instead": string(countersign.KindOrganizationFreeze)}
	for name, value := range own.Detail {
		offer.Detail[name] = value
	}
	return &offer
}

// markEmergency books and records that the batch is an emergency act.
func (l *ledger) markEmergency(request countersign.ChangeRequest) error {
	l.move(countersign.EmergencyFact(request.ID), 0, nil, map[string]any{"state": "unratified", "ratification": string(request.Ratification)})
	return l.w.tx.PutEmergency(l.w.ctx, countersign.Emergency{
		Change: request.ID, Kind: request.Operations[0].Kind(), Person: request.RequesterPerson, At: l.w.now,
		Ratification: request.Ratification, Position: l.position,
	})
}

// askAfterwards opens the ratification of an act that l has applied. It asks what
// policy asked of the act when it was done, for a day and without a delay; whom
// the act is about does not count. It is no change of the requester's making: it
// neither fills his share of open requests nor ends when he leaves.
func (w *work) askAfterwards(act countersign.ChangeRequest, l *ledger) error {
	request := countersign.ChangeRequest{
		ID: act.Ratification, State: countersign.ChangePending, Ratifies: act.ID, Reason: act.Reason,
		Operations: []countersign.Change{&countersign.RatifyEmergency{ChangeID: act.ID}},
		Requester:  act.Requester, RequesterPerson: act.RequesterPerson, RequesterCredential: act.RequesterCredential,
		RuleIDs: act.RuleIDs, PolicyVersion: act.PolicyVersion, Requirement: act.Requirement,
		CreatedAt: w.now, ExpiresAt: w.now.Add(countersign.RatificationLife), Excluded: w.excluded(act, l),
	}
	request.Requirement.DelaySeconds = 0
	request.Requirement.ExpiresAfterSeconds = int64(countersign.RatificationLife / time.Second)
	after := w.written.glimpse()
	for _, clause := range request.Requirement.Clauses {
		request.Pools = append(request.Pools, orEmpty(approvers(after, request.Requirement, clause.Approvers, nil, w.now)))
	}
	position, err := w.position()
	if err != nil {
		return err
	}
	would := newLedger(w, position, false)
	would.bookRatified(act.ID, act.AppliedPosition)
	request.Base = would.base
	return w.keepWaiting(&request, would)
}

func (l *ledger) bookRatified(id countersign.ChangeID, at int64) {
	l.move(countersign.EmergencyFact(id), at, map[string]any{"state": "unratified"}, map[string]any{"state": "ratified"})
}

// ratify records that others agree with an act. What was done stays done either
// way: to undo it adds power, and is a change like others.
func (l *ledger) ratify(c *countersign.RatifyEmergency) error {
	act, err := l.w.tx.Emergency(l.w.ctx, c.ChangeID)
	if isKind(err, countersign.NotFound) {
		return countersign.Code(countersign.NotFound, "emergency_unknown", "change_id", "names no emergency act")
	}
	if err != nil {
		return err
	}
	l.bookRatified(act.Change, act.Position)
	return nil
}

// emergencyVersion is the version of the fact that an act is, or is not, ratified.
func (w *work) emergencyVersion(id countersign.ChangeID) (int64, error) {
	act, err := w.tx.Emergency(w.ctx, id)
	if err != nil || act.State != countersign.ChangeApplied {
		return act.Position, err
	}
	ratification, err := w.tx.Change(w.ctx, act.Ratification)
	return ratification.AppliedPosition, err
}

// notRatification refuses to end the question about an emergency act otherwise
// than by its answer: who acted must not take it back, nor may who likes the act.
func notRatification(request countersign.ChangeRequest) error {
	if request.Ratifies == "" {
		return nil
	}
	return countersign.Code(countersign.Refused, "ratification_stays", "", "the ratification of an emergency act is decided by others, or expires; it can be neither cancelled nor replaced")
}

// Emergencies lists emergency acts newest first: those that nobody has ratified,
// or all. It needs policies.read.
func (e *Engine) Emergencies(ctx context.Context, actor countersign.Actor, unratified bool, p countersign.Page) (List[countersign.Emergency], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.Emergency]{}, err
	}
	defer v.done()
	if err := access.Require(v.holds, countersign.PoliciesRead); err != nil {
		return List[countersign.Emergency]{}, err
	}
	var list List[countersign.Emergency]
	err = e.store.Read(ctx, actor.Organization, func(tx store.ReadTx) error {
		list = List[countersign.Emergency]{Revision: v.picture.Position(), Items: []countersign.Emergency{}}
		all, open, err := tx.CountEmergencies(ctx)
		if list.Total = all; unratified {
			list.Total = open
		}
		if err != nil {
			return err
		}
		// Acts are few, two a day and person: who asks for a page far behind has
		// those before it read.
		want := p.Offset + p.Limit + 1
		rows, err := tx.Emergencies(ctx, unratified, countersign.ChangeID(p.After), want)
		rows = slices.Delete(rows, 0, min(p.Offset, len(rows)))
		list.More = len(rows) > p.Limit && p.Limit > 0
		for _, act := range rows[:min(p.Limit, len(rows))] {
			if act.State.Open() && !v.now.Before(act.At.Add(countersign.RatificationLife)) {
				act.State = countersign.ChangeExpired
			}
			list.Items = append(list.Items, act)
		}
		return err
	})
	return list, err
}
