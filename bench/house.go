package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/fordefi"
	"github.com/countersign/countersign/internal/dialect/native"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/wire"
)

// house is the directory at work over one database: put together as the server
// command does it, with everything on.
type house struct {
	door
	db     *sqlstore.DB
	engine *engine.Engine
	// web is the handler behind the address.
	web     http.Handler
	closers []func() error
}

// furnish opens a house; budget bounds its rosters if it is above 0.
func furnish(ctx context.Context, file string, budget int64) (_ *house, err error) {
	h := &house{door: door{file: file}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.founded, err = readFounded(file); err != nil {
		return nil, err
	}
	if h.db, err = sqlstore.Open(ctx, file, sqlstore.Options{}); err != nil {
		return nil, err
	}
	h.closers = append(h.closers, h.db.Close)
	if h.engine, err = newEngine(h.db, file, budget); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, log.Close)
	h.web = h.handler(log)
	h.address, err = h.serve(ctx, h.web)
	return h, err
}

func newEngine(db *sqlstore.DB, file string, budget int64) (*engine.Engine, error) {
	keeper, err := audit.OpenKeeper(filepath.Join(filepath.Dir(file), "log-key"))
	if err != nil {
		return nil, err
	}
	return engine.New(engine.Config{
		Store: db, Now: time.Now, NewID: newID, Random: rand.Reader, Keeper: keeper, Build: "bench", RosterMemory: budget,
	}), nil
}

// handler has authentication, the rate limits (too high to be met), the log line
// and metrics on, as in production.
func (h *house) handler(log io.Writer) http.Handler {
	const never = 1e9
	callers := authn.New(h.engine, time.Now)
	return server.New(server.Config{
		Dialects: []server.Dialect{
			{Name: "directory", Paths: native.Paths(), API: native.New(native.Config{
				Engine: h.engine, Authenticator: callers,
				Callers: wire.NewRateLimiter(never, never, 1000, time.Now), Codes: wire.NewRateLimiter(never, never, 1000, time.Now),
			})},
			{Name: "fordefi", Paths: fordefi.Paths(), API: fordefi.New(fordefi.Config{
				Engine: h.engine, Authenticator: callers, Now: time.Now, Rate: never,
			})},
		},
		Logger: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now, Build: "bench",
	})
}

// serve listens on loopback until the house is closed.
func (h *house) serve(ctx context.Context, handler http.Handler) (address string, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := wire.NewServer(handler, slog.New(slog.DiscardHandler))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l) // ends when the server is closed
	}()
	h.closers = append(h.closers, func() error {
		err := s.Close()
		<-ended
		return err
	})
	return l.Addr().String(), nil
}

// client is the Go client of the API, with as many connections as callers.
func (h *house) client(callers int) *client.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: callers}
	h.closers = append(h.closers, func() error {
		transport.CloseIdleConnections()
		return nil
	})
	return client.New("http://"+h.address, h.Token, client.WithHTTPClient(&http.Client{Transport: transport}))
}

func (h *house) close() error {
	var err error
	for i := len(h.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, h.closers[i]())
	}
	h.closers = nil
	return err
}
