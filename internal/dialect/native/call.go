package native

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

const (
	headerAtLeast  = "Countersign-At-Least"
	headerRevision = "Countersign-Revision"
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

// authenticated proves who is asking before the handler runs. Nothing of the
// request but its headers is looked at until then.
func (d *Dialect) authenticated(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.serve(h, w, r); err != nil {
			writeError(w, r, err)
		}
	})
}

func (d *Dialect) serve(h handler, w http.ResponseWriter, r *http.Request) error {
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
	if d.Callers != nil {
		if err := d.Callers.Allow(string(actor.Credential)); err != nil {
			return err
		}
	}
	c := &call{ctx: ctx, w: w, r: r, actor: actor}
	if err := d.waitForRevision(c); err != nil {
		return err
	}
	return h(c)
}

// bearer takes the token out of the header. More than one Authorization header
// would let a proxy and us see different callers.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", countersign.E(countersign.Unauthenticated, "Authorization", "Send one header Authorization: Bearer <token>.")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", countersign.E(countersign.Unauthenticated, "Authorization", "Send the token as Authorization: Bearer <token>.")
	}
	return token, nil
}

// waitForRevision makes the answer no older than the caller asks.
func (d *Dialect) waitForRevision(c *call) error {
	values := c.r.Header.Values(headerAtLeast)
	if len(values) == 0 {
		return nil
	}
	revision, err := strconv.ParseInt(values[0], 10, 64)
	if len(values) > 1 || err != nil || revision < 0 {
		return countersign.Code(countersign.Invalid, wire.CodeInvalidValue, headerAtLeast, "Send one revision as you got it, such as 4211.")
	}
	return d.Engine.Fresh(c.ctx, c.actor.Organization, revision)
}

// publicHandler answers a request that carries no token.
type publicHandler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP answers the error, if there is one.
func (h publicHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		writeError(w, r, err)
	}
}

// answer writes what was read at a revision.
func (c *call) answer(revision int64, v any) error {
	setRevision(c.w, revision)
	wire.WriteJSON(c.w, http.StatusOK, v)
	return nil
}

// answerObject is answer for an object that has a version.
func (c *call) answerObject(revision, version int64, v any) error {
	wire.SetETag(c.w, version)
	return c.answer(revision, v)
}

func setRevision(w http.ResponseWriter, revision int64) {
	w.Header().Set(headerRevision, strconv.FormatInt(revision, 10))
}

// query refuses parameters; it is for operations that take none.
func (c *call) noQuery() error { return wire.ParseQuery(c.r).Done() }

// pathID reads an id in the path.
func pathID[T ~string](r *http.Request, name string) (T, error) {
	id, err := countersign.ParseUUID(name, r.PathValue(name))
	return T(id), err
}
