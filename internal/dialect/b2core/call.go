package b2core

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"net/netip"
	"strings"

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

// authenticated proves who is asking before the handler runs (section 3).
// Nothing of the request but its headers is looked at until then.
func (d *Dialect) authenticated(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.serve(h, w, r); err != nil {
			writeError(w, r, err)
		}
	})
}

func (d *Dialect) serve(h handler, w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	actor, err := d.actorOf(r)
	if err != nil {
		return err
	}
	event := wire.EventOf(ctx)
	event.Organization, event.User, event.Credential = string(actor.Organization), string(actor.User), string(actor.Credential)
	if d.Callers != nil {
		if err := d.Callers.Allow(string(actor.Credential)); err != nil {
			return err
		}
	}
	return h(&call{ctx: ctx, w: w, r: r, actor: actor})
}

// bearer takes the token out of the header. More than one Authorization header
// would let a proxy and us see different callers.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	missing := countersign.E(countersign.Unauthenticated, "", "Send one header Authorization: Bearer <access_token>.")
	if len(values) != 1 {
		return "", missing
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", missing
	}
	return token, nil
}

// clientAddr is the address a request came from; internal/server has already
// looked behind trusted proxies.
func clientAddr(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap()
}

// decode reads a JSON body whatever its Content-Type says: the published curl
// lines send curl's own (section 3). Unknown members are ignored.
func decode(r *http.Request, into any) error {
	body, err := wire.ReadBody(r, 0)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return countersign.Code(countersign.Invalid, wire.CodeBodyRequired, "", "This request needs a JSON object as its body, and the body is empty.")
	}
	return wire.DecodeBytes(body, into, wire.IgnoreUnknown())
}

// pathNumber reads an id in the path; what is no id names nothing.
func (c *call) pathNumber(name string, missing error) (int64, error) {
	n, err := wire.PathInt(c.r, name, 0, math.MaxInt64)
	if err != nil {
		return 0, missing
	}
	return n, nil
}

// given refuses null for a member that was given: nothing here can be null, and
// leaving a value as it is says so by leaving the member out.
func given[T any](field string, o countersign.Opt[T]) error {
	if o.Set && o.Null {
		return countersign.Code(countersign.Invalid, wire.CodeNullNotAllowed, field, "cannot be null; leave it out to keep it as it is")
	}
	return nil
}
