package fordefi

import (
	"errors"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// errNotWhatWasAsked is a mistake of ours.
var errNotWhatWasAsked = errors.New("the engine answered another change than it was asked for")

func (d *Dialect) submit(c *call, change countersign.Change) (engine.Result, error) {
	return d.plan(c, func(engine.Present) ([]countersign.Change, error) { return []countersign.Change{change}, nil })
}

// plan carries a change out. Where policy holds it, it is a 403 that names the
// change request: this API has no word for a write that waits (product.md section 4).
func (d *Dialect) plan(c *call, plan engine.Plan) (engine.Result, error) {
	result, err := d.Engine.SubmitPlanned(c.ctx, c.actor, engine.Planned{Plan: plan}, engine.Options{RequestID: wire.EventOf(c.ctx).RequestID})
	if err == nil && result.Change.State.Open() {
		return result, held(result.Change.ID)
	}
	return result, err
}
