// Package native speaks the directory's own API: /directory/v1, and the AuthZEN
// shapes of a check at /access/v1. Its contract is api/openapi.yaml; routes.go
// has one row for each operation of it.
//
// The way of a request: wire.Mux finds the row; call proves who is asking (or
// the row is public) and waits for the revision the caller asked for; the
// handler, in the file of its noun, decodes, makes its one call into the engine
// and encodes. A handler that changes something leaves the rest to write.go:
// what stands in the headers goes into engine.Options, and what came of it is
// answered from a note that the engine keeps under the idempotency key, so that
// the first answer and its replay are made by the same code.
//
// Files: routes.go; call.go (who asks); write.go (mutations); list.go (pages and
// cursors); errors.go (kind -> status); wire.go and wire_change.go (the structs
// of every answer); one file for each noun, with the structs it decodes.
//
// It does not own: any rule. What is allowed, what is held and what is visible
// is decided by the engine; a handler knows neither roles nor policy.
package native

import (
	"net/http"
	"net/netip"

	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// Config is what the dialect is made of. Engine and Authenticator are required.
type Config struct {
	Engine        *engine.Engine
	Authenticator *authn.Authenticator
	// Setup founds the first organization; nil when there is nothing to set up.
	Setup *Setup
	// Callers bounds how often one credential may ask, and Codes how often one
	// address may try a code or a setup token; nil does not.
	Callers *wire.RateLimiter
	Codes   *wire.RateLimiter
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

// Paths are the prefixes of all routes.
func Paths() []string { return []string{"/directory/v1/", "/access/v1/"} }

// ServeHTTP answers one request.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// Routes returns the rows, for metrics and for the tests that compare them with
// the document.
func (d *Dialect) Routes() []wire.Route { return d.mux.Routes() }

// clientAddr is the address a request came from; internal/server has already
// looked behind trusted proxies.
func clientAddr(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap()
}
