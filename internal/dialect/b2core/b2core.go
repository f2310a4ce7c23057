// Package b2core speaks the user group API of the B2CORE back office, its
// neighbour of users and a sign-in, below /api/v2. Its contract is
// contracts/b2core.md, which knows the requests and hardly any answer; what that
// leaves open is settled, and marked as ours, in docs/dialects/b2core.md.
//
// The way of a request: wire.Mux finds the row; call.go proves who is asking;
// the handler, in the file of its noun, decodes and makes one call into the
// engine. What changes something goes through write.go: a plan that the engine
// runs inside of its transaction, and an answer that is rendered once: 200, 201
// or 204 when the change is in effect, 202 with the object as it will be when it
// waits for a second person.
//
// Files: routes.go; call.go (who asks); signin.go (tokens for a password);
// write.go (mutations and idempotency); errors.go (kind -> status); wire.go (the
// structs of every answer); list.go (paging and the envelope of lists);
// group.go, builtin.go (the administrators group), user.go, user_change.go.
//
// It does not own: any rule of the directory. What it decides by itself is only
// what this API alone says: which ids it has, and that its built-in group cannot
// be changed.
package b2core

import (
	"net/http"

	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// Config is what the dialect is made of. Engine and Authenticator are required.
type Config struct {
	Engine        *engine.Engine
	Authenticator *authn.Authenticator
	// Sessions are those of Audience; nil lets nobody sign in.
	Sessions *authn.Sessions
	// Callers bounds how often one credential may ask; nil does not.
	Callers *wire.RateLimiter
	// Addresses bounds how often one address may try to sign in, and Names how
	// often one name may be tried; nil does not.
	Addresses *wire.RateLimiter
	Names     *wire.RateLimiter
	// Envelope is how lists are answered; empty means EnvelopeArray.
	Envelope Envelope
}

// Dialect is the API at work.
type Dialect struct {
	Config
	mux *wire.Mux
}

// New returns the dialect with all its routes.
func New(c Config) *Dialect {
	d := &Dialect{Config: c, mux: wire.NewMux(writeError)}
	d.mux.Handle(d.routes()...)
	return d
}

// Paths are the prefixes of all routes. No other API lives below /api/v2, so
// what is missing there is answered in this one's shape.
func Paths() []string { return []string{base + "/"} }

// ServeHTTP answers one request.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// Routes returns the rows, for metrics and tests.
func (d *Dialect) Routes() []wire.Route { return d.mux.Routes() }

var _ http.Handler = (*Dialect)(nil)
