package fireblocks

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/wire"
)

// call is one authenticated request.
type call struct {
	ctx   context.Context //nolint:containedctx // a call lives within one handler
	w     http.ResponseWriter
	r     *http.Request
	actor countersign.Actor
	nonce authn.Nonce
}

// handler answers one authenticated request, or returns the error to answer.
type handler func(*call) error

// signed proves who is asking before the handler runs.
func (d *Dialect) signed(who callers, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.serve(who, h, w, r); err != nil {
			writeError(w, r, err)
		}
	})
}

// serve keeps to the order of section 2: the signature and its claims, then what
// a client may repeat with the same token (rate, overload), then the nonce, then
// the role. The nonce is used up only by what is really carried out.
func (d *Dialect) serve(who callers, h handler, w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	signed, err := d.Signatures.Verify(ctx, authn.SignedRequest{
		APIKey: r.Header.Values("X-API-Key"), Authorization: r.Header.Values("Authorization"),
		Method: r.Method, Target: r.RequestURI, Mount: d.Mount, From: clientAddr(r),
		Body: func() ([]byte, error) { return wire.ReadBody(r, 0) },
	})
	if err != nil {
		return err
	}
	actor := signed.Actor
	event := wire.EventOf(ctx)
	event.Organization, event.User, event.Credential = string(actor.Organization), string(actor.User), string(actor.Credential)
	if d.Callers != nil {
		if err := d.Callers.Allow(string(actor.Credential)); err != nil {
			return err
		}
	}
	c := &call{ctx: ctx, w: w, r: r, actor: actor}
	if d.Nonces == nil {
		return d.carryOut(c, who, h)
	}
	if err := d.Nonces.Take(actor.User, signed.Nonce, d.Now()); err != nil {
		return err
	}
	c.nonce = signed.Nonce
	err = d.carryOut(c, who, h)
	if notCarriedOut(err) {
		d.Nonces.Release(actor.User, signed.Nonce)
	}
	return err
}

func (d *Dialect) carryOut(c *call, who callers, h handler) error {
	if who == administrators {
		if err := d.mustAdminister(c); err != nil {
			return err
		}
	}
	return h(c)
}

// notCarriedOut reports whether a client may send the same request again.
func notCarriedOut(err error) bool {
	switch wire.Explicable(err, wire.RepeatWithKey).Kind {
	case countersign.Limited, countersign.Unavailable, countersign.Forbidden:
		return true
	default:
		return false
	}
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

// decode reads a body that the signature has been checked against. Clients send
// Content-Type twice, or none, or name types we would not expect: the hash and
// the parser say enough (section 7, pitfall 6). Unknown members are ignored.
func (c *call) decode(into any) error {
	body, err := wire.ReadBody(c.r, 0)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		body = []byte("{}") // so says an SDK whose caller gave no argument
	}
	return wire.DecodeBytes(body, into, wire.IgnoreUnknown(), wire.NullAsAbsent())
}

// pathID reads an id in the path; what is no id names nothing.
func pathID[T ~string](c *call, name string, missing error) (T, error) {
	id, err := countersign.ParseUUID(name, c.r.PathValue(name))
	if err != nil {
		return "", missing
	}
	return T(id), nil
}
