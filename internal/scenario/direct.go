package scenario

import (
	"net/netip"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

var anywhere = netip.MustParseAddr("127.0.0.1")

// Direct is the door that calls the engine.
func Direct(w *World) Door { return direct{w} }

type direct struct{ w *World }

func seen(result engine.Result, err error) (Seen, error) {
	c := result.Change
	return Seen{ID: c.ID, State: c.State, Digest: c.Digest, Operations: c.Operations, ReplacedBy: c.ReplacedBy, Ratification: c.Ratification}, err
}

func (d direct) Submit(who *Someone, ops []countersign.Change) (Seen, error) {
	return seen(d.w.Engine.Submit(d.w.Context(), who.Actor, ops, engine.Options{}))
}

func (d direct) Act(who *Someone, op countersign.Change, reason string) (Seen, error) {
	return seen(d.w.Engine.Submit(d.w.Context(), who.Actor, []countersign.Change{op}, engine.Options{Emergency: true, Reason: reason}))
}

func (d direct) Decide(who *Someone, id countersign.ChangeID, decision countersign.Decision, digest string) (Seen, error) {
	return seen(d.w.Engine.Decide(d.w.Context(), who.Actor, id, engine.Vote{Decision: decision, Digest: digest}, engine.Options{}))
}

func (d direct) Cancel(who *Someone, id countersign.ChangeID) (Seen, error) {
	return seen(d.w.Engine.Cancel(d.w.Context(), who.Actor, id, engine.Options{}))
}

func (d direct) Replace(who *Someone, id countersign.ChangeID, ops []countersign.Change) (Seen, error) {
	return seen(d.w.Engine.Replace(d.w.Context(), who.Actor, id, ops, engine.Options{}))
}

func (d direct) Look(who *Someone, id countersign.ChangeID) (Seen, error) {
	v, err := d.w.Engine.Change(d.w.Context(), who.Actor, id)
	return Seen{ID: v.ID, State: v.State, Digest: v.Digest, Operations: v.Operations, ReplacedBy: v.ReplacedBy, CanDecide: v.CanDecide}, err
}

func (d direct) Check(who *Someone, user countersign.UserID, p countersign.Permission) (bool, error) {
	v, err := d.w.Engine.Check(d.w.Context(), who.Actor, engine.Question{User: user, Permission: p})
	return v.Allowed, err
}
