package b2core

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const (
	headerIdempotency   = "Idempotency-Key"
	headerChangeRequest = "Countersign-Change-Request"
	// maxIdempotencyKey is that of the native API.
	maxIdempotencyKey = 64
	// onceRoute is one for all operations: a key that was used for one of them
	// cannot be used for another.
	onceRoute = "b2core"
)

// mutation is one write: how it is planned and how its success is answered.
type mutation struct {
	plan engine.Plan
	// status of a change in effect; one that waits is 202.
	status int
	// shown is the object as it is once the change is in effect, nil where there is
	// none. It is called inside the transaction and again afterwards, and must be
	// pure.
	shown func(countersign.Outcome) any
	// unchanged is the object when the plan found everything as it should be; nil
	// lets that be the refusal that it is to the engine.
	unchanged func() any
}

// inEffect reports whether a change was applied at once.
func inEffect(out countersign.Outcome) bool { return !out.Change.State.Open() }

// render is the answer of a result, and the error to log when it is one.
func (m mutation) render(result engine.Result, err error) (engine.Answer, error) {
	switch {
	case err == nil:
		a := engine.Answer{Status: m.status}
		if m.shown != nil {
			a.Body = wire.MustEncode(m.shown(result.Outcome))
		}
		if !inEffect(result.Outcome) {
			a.Status = http.StatusAccepted
			a.Header = map[string]string{headerChangeRequest: string(result.Change.ID)}
		}
		return a, nil
	case m.unchanged != nil && codeOf(err) == "no_effect":
		return engine.Answer{Status: m.status, Body: wire.MustEncode(m.unchanged())}, nil
	default:
		return errorAnswer(err), err
	}
}

// mutate carries a mutation out and answers it. The bytes that are stored under
// an idempotency key are those that are sent.
func (d *Dialect) mutate(c *call, m mutation) error {
	o := engine.Options{RequestID: wire.EventOf(c.ctx).RequestID}
	once, err := c.once()
	if err != nil {
		return err
	}
	if once != nil {
		once.Answer = func(result engine.Result, err error) engine.Answer {
			a, _ := m.render(result, err)
			return a
		}
		o.Once = once
	}
	result, err := d.Engine.SubmitPlanned(c.ctx, c.actor, engine.Planned{Plan: m.plan}, o)
	a := engine.Answer{}
	if result.Replayed != nil {
		a = *result.Replayed
	} else if a, err = m.render(result, err); err != nil {
		return err
	}
	wire.EventOf(c.ctx).ChangeRequest = a.Header[headerChangeRequest]
	wire.WriteAnswer(c.w, a.Status, a.Header, a.Body)
	return nil
}

// once reads the idempotency key, which every write may carry. The published API
// has none; this is ours, under the name the others use.
func (c *call) once() (*engine.Once, error) {
	key, err := wire.IdempotencyKey(c.r, headerIdempotency, maxIdempotencyKey, false)
	if err != nil || key.Key == "" {
		return nil, err
	}
	return &engine.Once{Route: onceRoute, Key: key.Key, Fingerprint: key.Fingerprint}, nil
}
