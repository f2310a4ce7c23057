package box

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// mutation is one write: how it is planned and how its success is answered.
type mutation struct {
	// plan must ask whether the actor may do it also when it makes no operation:
	// then nobody else does.
	plan engine.Plan
	// done answers a success, with what was done; nil when everything was so
	// already. What was committed must not be answered as a failure: clients
	// repeat those (section 4.4).
	done func(ops []countersign.Change)
}

// mutate carries a mutation out and answers it. What waits for approval is
// answered as a refusal that names the change request, the same one each time.
func (d *Dialect) mutate(c *call, m mutation) error {
	o := engine.Options{RequestID: wire.EventOf(c.ctx).RequestID, Repeats: true}
	result, err := d.Engine.SubmitPlanned(c.ctx, c.actor, engine.Planned{Plan: m.plan}, o)
	switch {
	case codeOf(err) == "no_effect":
		m.done(nil)
		return nil
	case err != nil:
		return err
	case result.Change.State.Open():
		return heldError(result.Change)
	}
	m.done(result.Change.Operations)
	return nil
}

// gone answers a deletion.
func (c *call) gone([]countersign.Change) { wire.WriteNothing(c.w, http.StatusNoContent) }
