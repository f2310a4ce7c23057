package fordefi

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// call is one authenticated request whose parameters have been read.
type call struct {
	ctx     context.Context //nolint:containedctx // a call lives within one handler
	w       http.ResponseWriter
	r       *http.Request
	actor   countersign.Actor
	profile Profile
	args    arguments
}

// handler answers one call, or returns the error to answer.
type handler func(*call) error

// authenticated proves who is asking, takes one from his allowance and reads the
// parameters, in this order (contract section 2.1: 401 before 422).
func (d *Dialect) authenticated(op operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.serve(op, w, r); err != nil {
			writeError(w, r, err)
		}
	})
}

func (d *Dialect) serve(op operation, w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	token, err := bearer(r)
	if err != nil {
		return err
	}
	actor, err := d.Authenticator.Bearer(ctx, token, clientAddr(r))
	if err != nil {
		return err
	}
	event := wire.EventOf(ctx)
	event.Organization, event.User, event.Credential = string(actor.Organization), string(actor.User), string(actor.Credential)
	if err := d.allow.take(actor.User, w.Header()); err != nil {
		return err
	}
	if actor.Type == countersign.EndUser && !op.endUsers {
		return countersign.E(countersign.Forbidden, "", "The token of an end user reaches nothing but his own data.")
	}
	args, err := readArguments(r, op.params, op.body)
	if err != nil {
		return err
	}
	c := &call{ctx: ctx, w: w, r: r, actor: actor, profile: d.Profile, args: args}
	if chosen := args.text(profileHeader); chosen != "" {
		c.profile = Profile(chosen)
	}
	return op.handler(c)
}

// bearer takes the token out of the header. More than one Authorization header
// would let a proxy and us see different callers.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", countersign.E(countersign.Unauthenticated, "", "Send one header Authorization: Bearer <token>.")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", countersign.E(countersign.Unauthenticated, "", "Send the token as Authorization: Bearer <token>.")
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

// buffers keeps the memory of answers from one to the next.
//
//nolint:gochecknoglobals // a pool is one for all
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest buffer that is worth keeping.
const maxKept = 1 << 20

// show answers a call with 200 from one look at the organization. The answer is
// made whole before its status is sent.
func (d *Dialect) show(c *call, write func(*answer) error) error {
	look, err := d.Engine.Look(c.ctx, c.actor)
	if err != nil {
		return err
	}
	defer look.Close()
	kept, _ := buffers.Get().(*[]byte)
	a := &answer{b: (*kept)[:0], look: look, profile: c.profile, shown: c.profile.shown(), organization: c.actor.Organization}
	defer func() {
		if cap(a.b) <= maxKept {
			*kept = a.b
			buffers.Put(kept)
		}
	}()
	if err := write(a); err != nil {
		return err
	}
	c.send(http.StatusOK, a.b)
	return nil
}

func (c *call) send(status int, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // whoever has gone away cannot be told
}

// answer is the JSON of one answer in the making, compact and without null
// (contract section 1.6).
type answer struct {
	b       []byte
	look    *engine.Look
	profile Profile
	shown   countersign.UserShown
	// organization is that of the caller.
	organization countersign.OrganizationID
}
