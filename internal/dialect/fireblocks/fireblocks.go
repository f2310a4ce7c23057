// Package fireblocks speaks the user group API of Fireblocks (Beta) and the
// neighbours that its clients use, below /v1. Its contract is
// contracts/fireblocks.md; what that leaves open is settled in
// docs/dialects/fireblocks.md.
//
// The way of a request: wire.Mux finds the row; call.go has the signature
// checked (authn.Signatures), the rate, the nonce and the role, in this order;
// the handler, in the file of its noun, decodes and makes one call into the
// engine. What changes something goes through write.go: a plan that the engine
// runs inside of its transaction, and an answer that is rendered once and stored
// under the idempotency key, so that a replay has the same status and bytes.
//
// Files: routes.go; call.go (who asks); write.go (mutations and idempotency);
// errors.go (kind -> status, code, type); wire.go (the structs of every
// answer); role.go (their roles and ours); group.go, group_list.go, user.go,
// api_user.go, audit.go and event.go (one noun each).
//
// It does not own: any rule of the directory. What it decides by itself is only
// what this API alone says: which roles may call it, that a VIEWER joins no
// group, that a group with a pending change takes no second one.
package fireblocks

import (
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// Config is what the dialect is made of. Engine, Signatures and Now are required.
type Config struct {
	Engine     *engine.Engine
	Signatures *authn.Signatures
	// Nonces remembers what was carried out; nil lets one request be sent twice.
	Nonces *authn.Nonces
	// Callers bounds how often one credential may ask; nil does not.
	Callers *wire.RateLimiter
	// Mount is the prefix under which the dialect can also be reached.
	Mount string
	Now   func() time.Time
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

// Paths are the prefixes of all routes. No other API lives below /v1, so what
// is missing there is answered in this one's shape.
func Paths() []string { return []string{base + "/"} }

// ServeHTTP answers one request.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// Routes returns the rows, for metrics and tests.
func (d *Dialect) Routes() []wire.Route { return d.mux.Routes() }
