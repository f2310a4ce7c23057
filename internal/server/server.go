// Package server puts dialects on one port: it sends each request to the dialect
// whose path it is, around it what all of them need, and beside them what is for
// operators only.
//
// From the outside in:
//
//	wire.Log    request id, one event, one line
//	behind      the client's address, if a trusted proxy stands before us
//	measured    counts and durations by route
//	dialect     the longest of its paths that fits; else the first dialect, so
//	            that an unknown path is answered in the shape of our own API
//
// /healthz, /readyz and /metrics are rows of a mux of their own and never reach a
// dialect. Run serves a listener until its context ends, then lets what has
// begun come to its end.
//
// It does not own: limits and timeouts (wire), routes (the dialects), where
// figures come from (whoever wires the house).
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/wire"
)

const (
	// grace is how long requests that have begun may take to end at shutdown: a
	// little more than a request may take at all.
	grace = wire.RequestDeadline + 5*time.Second
	// readyPatience bounds the question to the database: whoever balances load by
	// the answer asks often, and wants it soon.
	readyPatience = 2 * time.Second
)

// Dialect is one API shape with the paths it answers.
type Dialect struct {
	Name string
	// Paths are prefixes that end with a slash.
	Paths []string
	// Mount is a prefix without a slash at its end, under which the same paths
	// are served too; empty for none.
	Mount string
	API   API
}

// API is what a dialect package makes.
type API interface {
	http.Handler
	// Routes are its rows; metrics has one series for each.
	Routes() []wire.Route
}

// Config is what a server is made of. Dialects, Logger and Now are required.
type Config struct {
	// Dialects has one row for each; the first also answers what is nobody's.
	Dialects []Dialect
	Logger   *slog.Logger
	Now      func() time.Time
	// Ready reports whether the database answers; nil means always.
	Ready func(context.Context) error
	// Loading reports whether the server is still on its way; nil means never.
	Loading func() bool
	// TrustedProxies are the addresses whose X-Forwarded-For is believed; empty
	// means none, and the client is who connects.
	TrustedProxies []netip.Prefix
	// Build names the running version in metrics.
	Build string
	// Figures are read at every scrape; nil leaves them out.
	Figures func() []Figure
}

// Server is the handler of everything, and can serve itself.
type Server struct {
	Config
	handler  http.Handler
	metrics  *metrics
	stopping atomic.Bool
}

// New composes the server.
func New(c Config) *Server {
	s := &Server{Config: c, metrics: newMetrics(c)}
	s.handler = wire.Log(behind(c.TrustedProxies, s.routed()), c.Logger, c.Now)
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// house is a dialect with its figures.
type house struct {
	prefix string
	serve  http.Handler
}

// unmounted takes the mount prefix away before a dialect looks at the path. What
// was sent stays in RequestURI, for those who check what was signed.
func unmounted(mount string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped, ok := strings.CutPrefix(r.URL.EscapedPath(), mount)
		plain, err := url.PathUnescape(escaped)
		if !ok || err != nil { // the prefix was written with escapes: no client does
			next.ServeHTTP(w, r)
			return
		}
		u, copied := *r.URL, *r
		u.Path, u.RawPath = plain, escaped
		copied.URL = &u
		next.ServeHTTP(w, &copied)
	})
}

// singleSlashes is a path as wire.Mux reads it.
func singleSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// routed sends each request to whose path it is.
func (s *Server) routed() http.Handler {
	own := s.operations()
	operations := s.metrics.measured("operations", own)
	var houses []house
	for _, d := range s.Dialects {
		measured := s.metrics.measured(d.Name, d.API)
		for _, path := range d.Paths {
			houses = append(houses, house{path, measured})
			if d.Mount != "" {
				houses = append(houses, house{d.Mount + path, unmounted(d.Mount, measured)})
			}
		}
	}
	exact := map[string]bool{}
	for _, row := range own.Routes() {
		exact[row.Pattern] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if exact[r.URL.Path] || len(houses) == 0 {
			operations.ServeHTTP(w, r)
			return
		}
		best := houses[0]
		longest := 0
		path := singleSlashes(r.URL.Path)
		for _, h := range houses {
			if len(h.prefix) > longest && (strings.HasPrefix(path, h.prefix) || path+"/" == h.prefix) {
				best, longest = h, len(h.prefix)
			}
		}
		best.serve.ServeHTTP(w, r)
	})
}

// operations are the routes for those who run the server. They are public: they
// tell nothing about anybody.
func (s *Server) operations() *wire.Mux {
	mux := wire.NewMux(plainError)
	mux.Handle(
		wire.Route{Method: "GET", Pattern: "/healthz", Name: "getHealth", Public: true, Handler: http.HandlerFunc(healthy)},
		wire.Route{Method: "GET", Pattern: "/readyz", Name: "getReadiness", Public: true, Handler: http.HandlerFunc(s.ready)},
		wire.Route{Method: "GET", Pattern: "/metrics", Name: "getMetrics", Public: true, Handler: s.metrics.handler()},
	)
	return mux
}

// Routes are those of the operators, for the test that compares all routes with
// the document.
func (s *Server) Routes() []wire.Route { return s.operations().Routes() }

func healthy(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") }

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		writeText(w, http.StatusServiceUnavailable, "not ready: shutting down\n")
		return
	}
	if s.Loading != nil && s.Loading() {
		writeText(w, http.StatusServiceUnavailable, "not ready: organizations are being loaded\n")
		return
	}
	if s.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			wire.EventOf(r.Context()).Fail(err)
			writeText(w, http.StatusServiceUnavailable, "not ready: the database does not answer\n")
			return
		}
	}
	writeText(w, http.StatusOK, "ready\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// Whoever has gone away cannot be told.
	_, _ = w.Write([]byte(text))
}

// plainError answers for the routes of the operators.
func plainError(w http.ResponseWriter, r *http.Request, err error) {
	wire.EventOf(r.Context()).Fail(err)
	status, ok := wire.TransportStatus(err)
	if !ok {
		status = http.StatusInternalServerError
	}
	writeText(w, status, http.StatusText(status)+"\n")
}

// Run serves a listener until ctx ends, then refuses what is new and waits for
// what has begun. It returns nil after an orderly end.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := wire.NewServer(s, s.Logger)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.Logger.LogAttrs(ctx, slog.LevelInfo, "shutting down", slog.Duration("grace", grace))
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(patience)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
