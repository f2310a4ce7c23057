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
// After commit the roster follows before the caller gets the answer.
//
// Files: engine.go (wiring, the shelf of rosters), work.go (one transaction),
// submit.go and decide.go (the state machine), prepare.go (ids and normal
// forms), ledger.go and apply_*.go (what each kind does), document.go (the
// canonical change document), reads.go, changes.go, log.go, found.go.
package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/roster"
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
}

// Engine is safe for concurrent use.
type Engine struct {
	store  store.Store
	now    clock
	newID  func() string
	random io.Reader
	keeper *audit.Keeper
	build  string
	shelf  shelf
}

// New returns an engine over a store.
func New(c Config) *Engine {
	e := &Engine{store: c.Store, now: c.Now, newID: c.NewID, random: c.Random, keeper: c.Keeper, build: c.Build}
	e.shelf.books = map[countersign.OrganizationID]*shelved{}
	return e
}

// shelf holds the rosters of the organizations in use.
type shelf struct {
	mu    sync.RWMutex
	books map[countersign.OrganizationID]*shelved
}

// shelved is one roster with what is known about the store's position.
type shelved struct {
	book *roster.Book
	// committed is the highest position this process has committed.
	committed atomic.Int64
	// doubtful is set when a commit's outcome or a follow-up is unknown: the
	// next reader looks at the store first.
	doubtful atomic.Bool
	// following orders catching up, so that many readers cause one read.
	following sync.Mutex
	// loaded is set once, under loading, when the book first stands.
	loading sync.Mutex
	loaded  atomic.Bool
}

// Picture returns the roster of an organization, not older than anything this
// process has committed. On a store that others write too, it asks the store
// for its position each time: stale answers would be wrong, slow ones are not.
func (e *Engine) Picture(ctx context.Context, org countersign.OrganizationID) (*roster.Book, error) {
	s, err := e.shelve(ctx, org)
	if err != nil {
		return nil, err
	}
	if e.store.Exclusive() && !s.doubtful.Load() && s.book.Position() >= s.committed.Load() {
		return s.book, nil
	}
	return s.book, e.follow(ctx, org, s)
}

// shelve finds the roster or loads it, once for all who wait for it, without
// making readers of other organizations wait. Only organizations that exist keep
// a place.
func (e *Engine) shelve(ctx context.Context, org countersign.OrganizationID) (*shelved, error) {
	e.shelf.mu.RLock()
	s, ok := e.shelf.books[org]
	e.shelf.mu.RUnlock()
	if ok && s.loaded.Load() {
		return s, nil
	}
	e.shelf.mu.Lock()
	if s, ok = e.shelf.books[org]; !ok {
		s = &shelved{book: roster.NewBook()}
		e.shelf.books[org] = s
	}
	e.shelf.mu.Unlock()
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loaded.Load() {
		return s, nil
	}
	if err := e.follow(context.WithoutCancel(ctx), org, s); err != nil {
		e.shelf.mu.Lock()
		if e.shelf.books[org] == s {
			delete(e.shelf.books, org)
		}
		e.shelf.mu.Unlock()
		return nil, err
	}
	s.loaded.Store(true)
	return s, nil
}

// follow brings a roster up to the store's position.
func (e *Engine) follow(ctx context.Context, org countersign.OrganizationID, s *shelved) error {
	s.following.Lock()
	defer s.following.Unlock()
	s.doubtful.Store(false)
	err := e.store.Read(ctx, org, func(tx store.ReadTx) error { return s.book.Follow(ctx, source{tx}) })
	if err != nil {
		s.doubtful.Store(true)
	}
	return err
}

// Fresh waits until the roster stands at a position or beyond, at most 200 ms.
func (e *Engine) Fresh(ctx context.Context, org countersign.OrganizationID, atLeast int64) error {
	const patience, step = 200 * time.Millisecond, 10 * time.Millisecond
	for waited := time.Duration(0); ; waited += step {
		book, err := e.Picture(ctx, org)
		if err != nil {
			return err
		}
		if book.Position() >= atLeast {
			return nil
		}
		if waited >= patience {
			return countersign.Code(countersign.Unavailable, "revision_not_reached", "",
				"this node has not reached the revision you asked for; try again, or ask for an older one")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(step):
		}
	}
}

// source shows a store transaction to a roster, with change requests decoded.
type source struct{ store.ReadTx }

// OpenChanges implements roster.Source.
func (s source) OpenChanges(ctx context.Context, position int64, fn func(countersign.ChangeRequest) error) error {
	return s.OpenChangesSince(ctx, position, func(r store.ChangeRecord) error {
		if !r.State.Open() { // of a closed one a roster only needs to know that
			return fn(countersign.ChangeRequest{ID: r.ID, State: r.State, Version: r.Version})
		}
		request, err := readRecord(r)
		if err != nil {
			return err
		}
		return fn(request)
	})
}

// The rows that live, and those that no longer do, told apart here until the
// store does.

// LivingUsers implements roster.Source.
func (s source) LivingUsers(ctx context.Context, fn func(countersign.User) error) error {
	return s.UsersSince(ctx, 0, where((*countersign.User).Living, true, fn))
}

// DeletedUsers implements roster.Source.
func (s source) DeletedUsers(ctx context.Context, fn func(countersign.User) error) error {
	return s.UsersSince(ctx, 0, where((*countersign.User).Living, false, fn))
}

// LivingGroups implements roster.Source.
func (s source) LivingGroups(ctx context.Context, fn func(countersign.Group) error) error {
	return s.GroupsSince(ctx, 0, where((*countersign.Group).Living, true, fn))
}

// DeletedGroups implements roster.Source.
func (s source) DeletedGroups(ctx context.Context, fn func(countersign.Group) error) error {
	return s.GroupsSince(ctx, 0, where((*countersign.Group).Living, false, fn))
}

// LivingMemberships implements roster.Source.
func (s source) LivingMemberships(ctx context.Context, fn func(countersign.Membership) error) error {
	return s.MembershipsSince(ctx, 0, where(lives, true, fn))
}

// RemovedMemberships implements roster.Source.
func (s source) RemovedMemberships(ctx context.Context, fn func(countersign.Membership) error) error {
	return s.MembershipsSince(ctx, 0, where(lives, false, fn))
}

func lives(m *countersign.Membership) bool { return m.State != countersign.MembershipRemoved }

func where[T any](living func(*T) bool, wanted bool, fn func(T) error) func(T) error {
	return func(row T) error {
		if living(&row) != wanted {
			return nil
		}
		return fn(row)
	}
}

// isKind reports whether err is one of ours of a kind.
func isKind(err error, kind countersign.Kind) bool { return errors.Is(err, kind) }

func asError(err error, into **countersign.Error) bool { return errors.As(err, into) }
