package engine

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// A frozen organization (governance.md B.3 T13): of an open request only what ends
// it remains. Nothing is taken or applied but the thaw, what reduces power at
// once, the ratification of that, which moves nothing (docs/adr/0028), and recoveries:
// else whoever froze it and left would have locked it for ever (docs/adr/0029).

// CodeFrozen is the machine word of every refusal for a freeze.
const CodeFrozen = "organization_frozen"

func isFrozen() error {
	return countersign.Code(countersign.Forbidden, CodeFrozen, "",
		"the organization is frozen: until others agree to a thaw, open requests can only be denied, withdrawn or cancelled, and nothing else is changed")
}

// movesFrozen reports whether a request can be approved and applied in a frozen
// organization.
func movesFrozen(request countersign.ChangeRequest) bool {
	return request.Ratifies != "" || request.Recovery != nil || thaws(request.Operations)
}

func thaws(ops []countersign.Change) bool {
	_, is := alone[*countersign.ThawOrganization](ops)
	return is
}

// stopped reports whether a freeze keeps a request from being applied.
func (w *work) stopped(request countersign.ChangeRequest) bool {
	return w.picture.Organization().Frozen() && !movesFrozen(request)
}

// mayTake refuses what a frozen organization takes from nobody. Whoever ends a
// credential of his own reduces his power, and needs nobody for it.
func (w *work) mayTake(ops []countersign.Change) error {
	own := func(op countersign.Change) bool {
		return op.Kind() == countersign.KindCredentialRevoke && owns(w.picture, op, w.actor.User)
	}
	foreign := func(op countersign.Change) bool { return !own(op) }
	if !w.picture.Organization().Frozen() || w.o.Emergency || w.actor.Method == countersign.ByRecovery || thaws(ops) || !slices.ContainsFunc(ops, foreign) {
		return nil
	}
	return isFrozen()
}

// mayDecide refuses the approval of what a freeze stops.
func (w *work) mayDecide(request countersign.ChangeRequest, d countersign.Decision) error {
	if d == countersign.Approve && w.stopped(request) {
		return isFrozen()
	}
	return nil
}

// checkFrozen is asked of every batch that is applied or rehearsed, whichever way
// it came: the ways in may be many, this is where all of them end.
func (l *ledger) checkFrozen(ops []countersign.Change) error {
	if l.request != nil && l.w.stopped(*l.request) {
		return isFrozen()
	}
	if l.request == nil {
		return l.w.mayTake(ops)
	}
	return nil
}

func (l *ledger) freeze() error {
	old, err := l.w.tx.Organization(l.w.ctx)
	switch {
	case err != nil:
		return err
	case !old.Sealed():
		return countersign.Code(countersign.Refused, "not_sealed", "", "only a sealed organization can be frozen: in bootstrap one person alone could thaw it")
	case old.Frozen():
		return countersign.Code(countersign.Refused, "already_frozen", "", "the organization is frozen already")
	}
	o := old
	o.FrozenAt = l.w.now
	return l.putOrganization(&old, o)
}

func (l *ledger) thaw() error {
	old, err := l.w.tx.Organization(l.w.ctx)
	if err != nil {
		return err
	}
	if !old.Frozen() {
		return countersign.Code(countersign.Refused, "not_frozen", "", "the organization is not frozen")
	}
	o := old
	o.FrozenAt = time.Time{}
	return l.putOrganization(&old, o)
}

// freezeFields say whether, and not since when: that is when the fact moved.
func freezeFields(o countersign.Organization) map[string]any {
	state := ""
	if o.Frozen() {
		state = "frozen"
	}
	return map[string]any{"state": state}
}
