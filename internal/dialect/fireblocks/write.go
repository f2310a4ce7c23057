package fireblocks

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

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
	writeAnswer(c.w, a)
	return nil
}

// once reads the idempotency key, which POST and PUT may carry. An empty one is
// none: an SDK sends the header for an empty text.
func (c *call) once() (*engine.Once, error) {
	values := c.r.Header.Values(headerIdempotency)
	if c.r.Method == http.MethodDelete || len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil, nil //nolint:nilnil // no key, no protection
	}
	key := values[0]
	printable := strings.IndexFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) < 0
	if len(values) > 1 || len(key) > maxIdempotencyKey || !printable {
		return nil, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, headerIdempotency, "must be one key of at most 40 printable ASCII characters")
	}
	body, err := wire.ReadBody(c.r, 0)
	if err != nil {
		return nil, err
	}
	return &engine.Once{Route: onceRoute, Key: key, Fingerprint: fingerprint(c.r, body)}, nil
}

// fingerprint is over method, raw path and body (section 5, "Scope"). Lengths
// keep one part from running into the next.
func fingerprint(r *http.Request, body []byte) [32]byte {
	path := r.URL.EscapedPath()
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %s %d ", r.Method, len(path), path, len(body))
	h.Write(body)
	return [32]byte(h.Sum(nil))
}

// writeAnswer sends what was rendered, now or when the key was first used. Only
// success without a body carries no JSON (section 7, pitfalls 2 to 4).
func writeAnswer(w http.ResponseWriter, a engine.Answer) {
	h := w.Header()
	for name, value := range a.Header {
		h.Set(name, value)
	}
	setPrivate(h)
	if len(a.Body) == 0 {
		if a.Status != http.StatusNoContent {
			h.Set("Content-Length", "0")
		}
		w.WriteHeader(a.Status)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // whoever has gone away cannot be told
}

func setPrivate(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// nothing answers a success that has no body.
func nothing(status int) func(countersign.Outcome) engine.Answer {
	return func(countersign.Outcome) engine.Answer { return engine.Answer{Status: status} }
}

func mustEncode(v any) []byte {
	body, err := wire.Encode(v)
	if err != nil {
		panic(fmt.Errorf("fireblocks: encode %T: %w", v, err))
	}
	return body
}
