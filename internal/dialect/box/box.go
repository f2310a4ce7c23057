// Package box speaks the group memberships API of Box, with the groups and users
// that its clients need, below /2.0. Its contract is contracts/box.md; what that
// leaves open is settled in docs/dialects/box.md.
//
// The way of a request: wire.Mux finds the row; call.go asks Config.Authenticate
// who calls, and for the scope of the row; the handler, in the file of its noun,
// decodes and makes one call into the engine. What changes something goes through
// write.go: a plan that the engine runs inside of its transaction, and a refusal
// of its own where the change waits for approval.
//
// Files: routes.go; caller.go and call.go (who asks); write.go (mutations);
// errors.go (kind -> status, code); fields.go (mini, standard, full); page.go
// (offsets and markers); wire.go (the objects); membership.go, group.go, user.go
// (one noun each); oauth*.go (tokens).
//
// It does not own: any rule of the directory. What it decides by itself is only
// what this API alone says, such as that nobody but the admin manages co-admins.
package box

import (
	"net/http"

	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// Config is what the dialect is made of. Engine and Authenticate are required.
type Config struct {
	Engine       *engine.Engine
	Authenticate Authenticate
	// Callers bounds how often one credential may ask; nil does not.
	Callers *wire.RateLimiter
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

// Paths are the prefixes of all routes; what is missing below them is answered
// in the shape of this API.
func Paths() []string { return []string{base + "/"} }

// ServeHTTP answers one request.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// Routes returns the rows, for metrics and tests.
func (d *Dialect) Routes() []wire.Route { return d.mux.Routes() }
