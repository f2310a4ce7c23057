// Package fordefi speaks the users and user groups API of Fordefi, which is also
// that of XFT, below /api/v1. Its contract is contracts/fordefi.md; what that
// leaves open is settled in docs/dialects/fordefi.md.
//
// One table, operations.go, says of each operation its parameters, its body and
// its answers. The parser (arguments.go) and the document at /openapi.json
// (document.go) are both made from it, so they cannot disagree.
//
// The way of a request: wire.Mux finds the row; call.go proves who asks, takes
// one from his allowance, and reads the parameters, all faults together; the
// handler, in the file of its noun, takes one look at the engine and appends the
// answer to a buffer (append.go, append_user.go). What changes something goes
// through write.go.
//
// Files besides: param.go and scalar.go (what a value may be), errors.go (kind ->
// status and shape), rate.go (the published allowance), shown.go (how users are
// worded, in two generations), schemas.json (the shapes of the document).
//
// It does not own: any rule of the directory.
package fordefi

import (
	"net/http"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// Config is what the dialect is made of. Engine, Authenticator and Now are required.
type Config struct {
	Engine        *engine.Engine
	Authenticator *authn.Authenticator
	Now           func() time.Time
	// Title is the name of the service in its document; empty means Fordefi.
	Title string
	// Profile is the generation of the wire where a request names none.
	Profile Profile
	// Rate is how many requests one user may send in 60 seconds; 0 does not bound it.
	Rate int
}

// Dialect is the API at work.
type Dialect struct {
	Config
	mux      *wire.Mux
	allow    *allowances
	document []byte
}

// New returns the dialect with all its routes.
func New(c Config) *Dialect {
	d := &Dialect{Config: c, mux: wire.NewMux(writeError)}
	if d.Title == "" {
		d.Title = "Fordefi"
	}
	if c.Rate > 0 {
		d.allow = newAllowances(c.Rate, c.Now)
	}
	operations := d.operations()
	d.document = document(d.Title, operations)
	d.mux.Handle(d.routes(operations)...)
	return d
}

// Paths are the prefixes of all routes. No other API lives below /api/v1, so what
// is missing there is answered in this one's shape.
func Paths() []string { return []string{base + "/", documentPath + "/"} }

// ServeHTTP answers one request. A slash at the end of a path does not count: the
// published service redirects to the path without it.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := strings.TrimRight(r.URL.Path, "/"); path != r.URL.Path && path != "" {
		u, copied := *r.URL, *r
		u.Path, u.RawPath = path, strings.TrimRight(u.RawPath, "/")
		copied.URL = &u
		r = &copied
	}
	d.mux.ServeHTTP(w, r)
}

// Routes returns the rows, for metrics and tests.
func (d *Dialect) Routes() []wire.Route { return d.mux.Routes() }

var _ http.Handler = (*Dialect)(nil)
