package fireblocks

import (
	"errors"
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const (
	headerIdempotency   = "Idempotency-Key"
	headerChangeRequest = "Countersign-Change-Request"
	// maxIdempotencyKey is the published bound (section 5).
	maxIdempotencyKey = 40
	// onceRoute is one for all operations: a key that was used for one of them
	// cannot be used for another (section 5, "Same key, other body or path").
	onceRoute = "v1"
)

// mutation is one write: how it is planned and how its success is answered.
type mutation struct {
	plan engine.Plan
	// done renders a success from the outcome. It is called inside the
	// transaction and again afterwards, and must be pure.
	done func(countersign.Outcome) engine.Answer
	// unchanged renders a write that found everything as it should be; nil lets
	// it be the refusal that it is to the engine.
	unchanged func() engine.Answer
	// nameField is how the operation calls what the engine calls name.
	nameField string
}

// explain lets an error name the field as it was sent.
func (m mutation) explain(err error) error {
	var known *countersign.Error
	if !errors.As(err, &known) || known.Field != "name" || m.nameField == "" {
		return err
	}
	renamed := *known
	renamed.Field = m.nameField
	return &renamed
}

// render is the answer of a result, and the error to log when it is one.
func (m mutation) render(result engine.Result, err error) (engine.Answer, error) {
	switch {
	case err == nil:
		a := m.done(result.Outcome)
		if result.Change.State.Open() {
			a.Header = map[string]string{headerChangeRequest: string(result.Change.ID)}
		}
		return a, nil
	case m.unchanged != nil && codeOf(err) == "no_effect":
		return m.unchanged(), nil
	default:
		err = m.explain(err)
		return errorAnswer(err), err
	}
}

// mutate carries a mutation out and answers it. The bytes that are stored under
// the idempotency key are those that are sent.
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
	result, err := d.Engine.SubmitPlanned(c.ctx, c.actor, engine.Planned{Plan: m.plan, Nonce: c.nonce, FailureEndsKey: true}, o)
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

// once reads the idempotency key, which POST and PUT may carry. An empty one is
// none: an SDK sends the header for an empty text.
func (c *call) once() (*engine.Once, error) {
	if values := c.r.Header.Values(headerIdempotency); c.r.Method == http.MethodDelete || len(values) == 1 && values[0] == "" {
		return nil, nil //nolint:nilnil // no key, no protection
	}
	key, err := wire.IdempotencyKey(c.r, headerIdempotency, maxIdempotencyKey, true)
	if err != nil || key.Key == "" {
		return nil, err
	}
	return &engine.Once{Route: onceRoute, Key: key.Key, Fingerprint: key.Fingerprint}, nil
}

// nothing answers a success that has no body.
func nothing(status int) func(countersign.Outcome) engine.Answer {
	return func(countersign.Outcome) engine.Answer { return engine.Answer{Status: status} }
}
