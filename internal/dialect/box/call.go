package box

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// call is one authenticated request.
type call struct {
	ctx   context.Context //nolint:containedctx // a call lives within one handler
	w     http.ResponseWriter
	r     *http.Request
	actor countersign.Actor
}

// handler answers one authenticated request, or returns the error to answer.
type handler func(*call) error

// authenticated finds out who calls before the handler runs. anyScope is a row
// that no scope guards.
func (d *Dialect) authenticated(needs []Scope, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.serve(needs, h, w, r); err != nil {
			writeError(w, r, err)
		}
	})
}

func (d *Dialect) serve(needs []Scope, h handler, w http.ResponseWriter, r *http.Request) error {
	caller, err := d.Authenticate(r)
	if err != nil {
		return err
	}
	actor := caller.Actor
	event := wire.EventOf(r.Context())
	event.Organization, event.User, event.Credential = string(actor.Organization), string(actor.User), string(actor.Credential)
	if d.Callers != nil {
		if err := d.Callers.Allow(string(actor.Credential)); err != nil {
			return err
		}
	}
	if !caller.hasOneOf(needs) {
		return countersign.Code(countersign.Forbidden, codeScope, "", "The token lacks the scope "+string(needs[0])+".")
	}
	return h(&call{ctx: r.Context(), w: w, r: r, actor: actor})
}

// hasOneOf reports whether the token has one of some scopes; none is asked for by
// an empty list.
func (c *Caller) hasOneOf(needs []Scope) bool {
	for _, s := range needs {
		if c.has(s) {
			return true
		}
	}
	return len(needs) == 0
}

// decode reads a body; an empty one is an empty object, whatever Content-Type
// says, and unknown members are ignored (section 0).
func (c *call) decode(into any) error {
	body, err := wire.ReadBody(c.r, 0)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return wire.DecodeBytes(body, into, wire.IgnoreUnknown())
}

// number reads an id in the path; what is no id names nothing.
func (c *call) number(name, what string) (int64, error) {
	n, ok := parseNumber(c.r.PathValue(name))
	if !ok {
		return 0, noSuch(what)
	}
	return n, nil
}

// parseNumber reads an id: decimal, in its one form.
func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

func numberText(n int64) string { return strconv.FormatInt(n, 10) }
