// Package engine is the one door to state. Every mutation of every dialect, of
// the command line and of background work is a countersign.Change that passes
// Submit, Decide, Cancel or Replace; every read passes a method that narrows it
// to what the actor may see.
//
// One mutation is one store transaction (work). In it the organization's head
// row is locked, the roster is brought to exactly that position, the actor is
// checked again, idempotency is looked up, access and approval decide from
// facts, the change is applied through a ledger that records every fact it
// touches, and the audit entry, its tree hashes and the outbox row are written.
// Mutations of one organization that wait for each other share a transaction
// without sharing fate (group.go). What they write is recorded (record.go) and
// shown in the roster right after the commit, before the caller gets the answer.
//
// Files: engine.go (wiring), shelf.go, load.go, slots.go, current.go and watch.go
// (rosters in memory: which ones, how they come, how many at once, and how new),
// group.go and record.go (one transaction for many mutations), work.go (one
// mutation), submit.go and decide.go (the state machine), prepare.go (ids and
// normal forms), ledger.go and apply_*.go (what each kind does), document.go (the
// canonical change document), reads.go, changes.go, log.go, found.go.
package engine

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/store"
)

// Config is what an engine is made of. Store, Now, NewID and Random are required.
type Config struct {
	Store store.Store
	// Now is the engine's only clock.
	Now func() time.Time
	// NewID makes UUIDs, version 7.
	NewID func() string
	// Random is a cryptographic source.
	Random io.Reader
	// Keeper signs checkpoints; without one they are Unavailable.
	Keeper *audit.Keeper
	// Build names the running version in audit entries.
	Build string
	// RosterMemory bounds what the rosters of all organizations hold, in bytes;
	// 0 does not. The least recently used goes first, never one in use; an
	// organization that alone needs more is Unavailable.
	RosterMemory int64
}

// Engine is safe for concurrent use.
type Engine struct {
	store  store.Store
	now    clock
	newID  func() string
	random io.Reader
	keeper *audit.Keeper
	build  string
	shelf  *shelf
	// told is set while the store tells of commits made elsewhere.
	told atomic.Bool
	// grouped counts mutations, transactions the transactions they took.
	grouped, transactions atomic.Int64
}

// New returns an engine over a store.
func New(c Config) *Engine {
	return &Engine{
		store: c.Store, now: c.Now, newID: c.NewID, random: c.Random, keeper: c.Keeper, build: c.Build,
		shelf: newShelf(c.RosterMemory),
	}
}

// source shows a store transaction to a roster, with change requests decoded.
type source struct{ store.ReadTx }

// OpenChanges implements roster.Source.
func (s source) OpenChanges(ctx context.Context, position int64, fn func(countersign.ChangeRequest) error) error {
	return s.OpenChangesSince(ctx, position, func(r store.ChangeRecord) error {
		request, err := shown(r)
		if err != nil {
			return err
		}
		return fn(request)
	})
}

// shown is a change request as a roster takes it: of a closed one it only needs
// to know that.
func shown(r store.ChangeRecord) (countersign.ChangeRequest, error) {
	if !r.State.Open() {
		return countersign.ChangeRequest{ID: r.ID, State: r.State, Version: r.Version}, nil
	}
	return readRecord(r)
}

// isKind reports whether err is one of ours of a kind.
func isKind(err error, kind countersign.Kind) bool { return errors.Is(err, kind) }

func asError(err error, into **countersign.Error) bool { return errors.As(err, into) }
