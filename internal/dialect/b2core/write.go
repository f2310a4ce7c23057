package b2core

import (
	"crypto/sha256"
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
			a.Body = mustEncode(m.shown(result.Outcome))
		}
		if !inEffect(result.Outcome) {
			a.Status = http.StatusAccepted
			a.Header = map[string]string{headerChangeRequest: string(result.Change.ID)}
		}
		return a, nil
	case m.unchanged != nil && codeOf(err) == "no_effect":
		return engine.Answer{Status: m.status, Body: mustEncode(m.unchanged())}, nil
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
	writeAnswer(c.w, a)
	return nil
}

// once reads the idempotency key, which every write may carry. The published API
// has none; this is ours, under the name the others use.
func (c *call) once() (*engine.Once, error) {
	values := c.r.Header.Values(headerIdempotency)
	if len(values) == 0 {
		return nil, nil //nolint:nilnil // no key, no protection
	}
	key := values[0]
	printable := strings.IndexFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || !printable {
		return nil, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, headerIdempotency, "must be one key of 1 to 64 printable ASCII characters without blanks")
	}
	body, err := wire.ReadBody(c.r, 0)
	if err != nil {
		return nil, err
	}
	return &engine.Once{Route: onceRoute, Key: key, Fingerprint: fingerprint(c.r, body)}, nil
}

// fingerprint is over method, raw path and body. Lengths keep one part from
// running into the next.
func fingerprint(r *http.Request, body []byte) [32]byte {
	path := r.URL.EscapedPath()
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %s %d ", r.Method, len(path), path, len(body))
	h.Write(body)
	return [32]byte(h.Sum(nil))
}

// writeAnswer sends what was rendered, now or when the key was first used.
func writeAnswer(w http.ResponseWriter, a engine.Answer) {
	h := w.Header()
	for name, value := range a.Header {
		h.Set(name, value)
	}
	if len(a.Body) == 0 {
		if a.Status != http.StatusNoContent {
			h.Set("Content-Length", "0")
		}
		wire.WriteNothing(w, a.Status)
		return
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // whoever has gone away cannot be told
}

func mustEncode(v any) []byte {
	body, err := wire.Encode(v)
	if err != nil {
		panic(fmt.Errorf("b2core: encode %T: %w", v, err))
	}
	return body
}
