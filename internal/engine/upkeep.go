package engine

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// Figures say what this process holds in memory and what it did for it.
type Figures struct {
	Organizations int
	// Positions is the sum of the log positions the rosters stand at.
	Positions   int64
	Users       int
	Groups      int
	Memberships int
	OpenChanges int
	// Bytes is what the rosters hold, Budget what they may; 0 sets none.
	Bytes  int64
	Budget int64
	// Loads, FailedLoads and Evictions count since the start.
	Loads       int64
	FailedLoads int64
	Evictions   int64
	// Lag is by how many positions the roster that is furthest behind stands
	// behind what the store has told of.
	Lag int64
	// Mutations and Transactions count since the start; mutations that wait for
	// each other share a transaction.
	Mutations    int64
	Transactions int64
}

// Figures reads the shelf without waiting for anything but the shelf itself.
func (e *Engine) Figures() Figures {
	s := e.shelf
	f := Figures{
		Budget: s.budget, Loads: s.loaded.Load(), FailedLoads: s.failed.Load(), Evictions: s.evicted.Load(),
		Mutations: e.grouped.Load(), Transactions: e.transactions.Load(),
	}
	for _, p := range s.all() {
		picture := p.picture.Load()
		size := picture.Size()
		f.Organizations++
		f.Positions += picture.Position()
		f.Users += size.Users
		f.Groups += size.Groups
		f.Memberships += size.Memberships
		f.OpenChanges += size.OpenChanges
		f.Bytes += picture.Bytes()
		f.Lag = max(f.Lag, p.heard.Load()-picture.Position())
	}
	return f
}

// Tend does what time asks for in every organization in use: it applies requests
// whose delay is over, records that requests have expired, tells how many refused
// attempts were only counted, forgets idempotency
// records that are too old, and deletes the tickets of tokens that have expired.
// Readers depend on none of it. It goes on after a failure and returns all.
func (e *Engine) Tend(ctx context.Context) error {
	const most, mostTickets = 1000, 5000
	// What expired is kept a little longer, so that a node whose clock is ahead
	// does not let another forget what was used.
	const ticketGrace = 10 * time.Minute
	var failures []error
	for _, p := range e.shelf.all() {
		due := e.applyDue(ctx, p.org, p.picture.Load())
		_, err := e.Expire(ctx, p.org)
		_, told := e.mutate(ctx, countersign.Actor{Organization: p.org, Method: countersign.BySystem}, Options{}, (*work).tellAttempts)
		failures = append(failures, due, err, told, e.store.Write(ctx, p.org, func(tx store.WriteTx) error {
			return tx.Forget(ctx, e.instant().Add(-countersign.IdempotencyLife), most)
		}), e.store.WriteTickets(ctx, p.org, func(tx store.TicketTx) error {
			return tx.PurgeTickets(ctx, e.instant().Add(-ticketGrace), mostTickets)
		}))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// Empty reports whether the deployment has no organization yet.
func (e *Engine) Empty(ctx context.Context) (bool, error) {
	empty := true
	found := errors.New("found one")
	err := e.store.Deployment(ctx, func(tx store.DeploymentTx) error {
		return tx.Organizations(ctx, func(countersign.Organization) error { return found })
	})
	if errors.Is(err, found) {
		empty, err = false, nil
	}
	return empty, err
}

// Ready asks the database for something small.
func (e *Engine) Ready(ctx context.Context) error {
	_, err := e.Empty(ctx)
	return err
}
