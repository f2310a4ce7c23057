package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/b2core"
	"github.com/countersign/countersign/internal/dialect/fireblocks"
	"github.com/countersign/countersign/internal/dialect/fordefi"
	"github.com/countersign/countersign/internal/dialect/native"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/wire"
)

// plan is what a house is built from.
type plan struct {
	// db is a SQLite path or a postgres:// address.
	db string
	// logKey is the file of the log signing key; made if it is missing.
	logKey         string
	trustedProxies []netip.Prefix
	// mounts are where dialects are served besides their own paths.
	mounts  mounts
	fordefi fordefiFlags
	b2core  b2coreFlags
	logger  *slog.Logger
	// boxAudiences are for whom assertions of Box clients may be signed, besides
	// Box itself.
	boxAudiences []string
	// rosterMemory bounds the rosters, in bytes; 0 does not.
	rosterMemory int64
	// preload loads every organization before the server is ready.
	preload bool
}

// house is everything put together: the only place where the rooms meet.
type house struct {
	db     *sqlstore.DB
	engine *engine.Engine
	server *server.Server
	logger *slog.Logger
	// setupToken founds the first organization; empty when there is one.
	setupToken string
	// preloading is set until the organizations asked for at the start are loaded.
	preloading atomic.Bool
}

const (
	// tendEvery is how often time's work is done.
	tendEvery = 10 * time.Second
	// One credential may ask this often a second, in bursts of twice as much: far
	// above what a client needs, far below what would starve the others.
	callsPerSecond = 5000
	// Codes have 100 random bits; ten tries a minute from one address is plenty
	// for people and nothing for guessing.
	codesPerSecond = 10.0 / 60
	rememberedKeys = 100_000
)

// build opens the database and wires the house.
func build(ctx context.Context, p plan) (*house, error) {
	db, err := sqlstore.Open(ctx, p.db, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	h, err := furnish(ctx, p, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return h, nil
}

func furnish(ctx context.Context, p plan, db *sqlstore.DB) (*house, error) {
	keeper, err := audit.OpenKeeper(p.logKey)
	if err != nil {
		return nil, err
	}
	e := engine.New(engine.Config{
		Store: db, Now: time.Now, NewID: newID, Random: rand.Reader, Keeper: keeper, Build: buildVersion(),
		RosterMemory: p.rosterMemory,
	})
	h := &house{db: db, engine: e, logger: p.logger}
	h.preloading.Store(p.preload)
	config := native.Config{
		Engine: e, Authenticator: authn.New(e, time.Now),
		Callers: wire.NewRateLimiter(callsPerSecond, 2*callsPerSecond, rememberedKeys, time.Now),
		Codes:   wire.NewRateLimiter(codesPerSecond, 10, rememberedKeys, time.Now),
	}
	empty, err := e.Empty(ctx)
	if err != nil {
		return nil, err
	}
	if empty {
		h.setupToken = setupToken()
		config.Setup = native.NewSetup(h.setupToken)
	}
	dialects := []server.Dialect{{Name: "directory", Paths: native.Paths(), API: native.New(config)}}
	if at, served := p.mounts.of("fireblocks"); served {
		dialects = append(dialects, server.Dialect{Name: "fireblocks", Paths: fireblocks.Paths(), Mount: at, API: fireblocks.New(fireblocks.Config{
			Engine: e, Signatures: authn.NewSignatures(e, time.Now), Nonces: new(authn.Nonces), Callers: config.Callers, Mount: at, Now: time.Now,
		})})
	}
	if at, served := p.mounts.of("fordefi"); served {
		dialects = append(dialects, server.Dialect{
			Name: "fordefi", Paths: fordefi.Paths(), Mount: at, API: fordefi.New(p.fordefi.config(e, config.Authenticator)),
		})
	}
	if at, served := p.mounts.of("b2core"); served {
		dialects = append(dialects, server.Dialect{
			Name: "b2core", Paths: b2core.Paths(), Mount: at, API: b2core.New(p.b2core.config(e, config.Authenticator, config.Callers)),
		})
	}
	if at, served := p.mounts.of("box"); served {
		dialects = append(dialects, boxDialects(e, config.Authenticator, config.Callers, at, p.boxAudiences)...)
	}
	h.server = server.New(server.Config{
		Dialects: dialects,
		Logger:   p.logger, Now: time.Now, Ready: e.Ready, Loading: h.preloading.Load, TrustedProxies: p.trustedProxies, Build: buildVersion(),
		Figures: func() []server.Figure { return figuresOf(e.Figures()) },
	})
	return h, nil
}

// run serves until ctx ends, then closes the database.
func (h *house) run(ctx context.Context, l net.Listener) error {
	background, stop := context.WithCancel(ctx)
	var rest sync.WaitGroup
	rest.Go(func() { h.tend(background) })
	rest.Go(func() { h.watch(background) })
	if h.preloading.Load() {
		rest.Go(func() { h.preload(background) })
	}
	err := h.server.Run(ctx, l)
	stop()
	rest.Wait()
	return errors.Join(err, h.db.Close())
}

// watch follows what other nodes commit. Without it, reads ask the database first.
func (h *house) watch(ctx context.Context) {
	if err := h.engine.Watch(ctx); err != nil && ctx.Err() == nil {
		h.logger.LogAttrs(ctx, slog.LevelError, "watching", slog.String("error", err.Error()))
	}
}

// preload loads organizations and says how it went. One that fails is tried
// again when somebody asks for it.
func (h *house) preload(ctx context.Context) {
	began := time.Now()
	failed := 0
	err := h.engine.Preload(ctx, func(o countersign.Organization, err error) {
		if err != nil {
			failed++
			h.logger.LogAttrs(ctx, slog.LevelError, "preloading", slog.String("organization", string(o.ID)), slog.String("error", err.Error()))
		}
	})
	if err != nil && ctx.Err() == nil {
		h.logger.LogAttrs(ctx, slog.LevelError, "preloading", slog.String("error", err.Error()))
	}
	held := h.engine.Figures()
	h.logger.LogAttrs(ctx, slog.LevelInfo, "preloaded", slog.Int("organizations", held.Organizations), slog.Int("failed", failed),
		slog.Int64("bytes", held.Bytes), slog.Duration("took", time.Since(began)))
	h.preloading.Store(false)
}

// tend does time's work now and then; a failure is logged and tried again.
func (h *house) tend(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := h.engine.Tend(ctx); err != nil && ctx.Err() == nil {
				h.logger.LogAttrs(ctx, slog.LevelError, "tending", slog.String("error", err.Error()))
			}
		}
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// setupToken is 256 random bits.
func setupToken() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails: crypto/rand crashes the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

// buildVersion names the running program in entries and metrics.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			version += "+" + s.Value[:12]
		}
	}
	return version
}

// listen opens the port before anything is printed, so that what is printed is true.
func listen(ctx context.Context, address string) (net.Listener, string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("listening on %s: %w; choose another address with --listen", address, err)
	}
	return l, "http://" + reachable(l.Addr().String()), nil
}

// reachable turns an address that means "everywhere" into one a browser can open.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// parseProxies reads --trusted-proxy.
func parseProxies(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		if !strings.Contains(s, "/") {
			if addr, err := netip.ParseAddr(s); err == nil {
				out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
				continue
			}
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %q is neither an address nor a prefix such as 10.0.0.0/8", s)
		}
		out = append(out, prefix)
	}
	return out, nil
}
