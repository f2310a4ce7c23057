package engine

import (
	"context"
	"errors"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// Figures say how much this process holds in memory.
type Figures struct {
	Organizations int
	// Positions is the sum of the log positions the rosters stand at.
	Positions   int64
	Users       int
	OpenChanges int
}

// Figures reads the shelf without waiting for anything.
func (e *Engine) Figures() Figures {
	var f Figures
	for _, s := range e.loaded() {
		size := s.book.Size()
		f.Organizations++
		f.Positions += s.book.Position()
		f.Users += size.Users
		f.OpenChanges += size.OpenChanges
	}
	return f
}

func (e *Engine) loaded() map[countersign.OrganizationID]*shelved {
	e.shelf.mu.RLock()
	defer e.shelf.mu.RUnlock()
	out := make(map[countersign.OrganizationID]*shelved, len(e.shelf.books))
	for id, s := range e.shelf.books {
		if s.loaded.Load() {
			out[id] = s
		}
	}
	return out
}

// Tend does what time asks for in every organization in use: it records that
// requests have expired and forgets idempotency records that are too old.
// Readers depend on neither. It goes on after a failure and returns all.
func (e *Engine) Tend(ctx context.Context) error {
	const most = 1000
	var failures []error
	for org := range e.loaded() {
		_, err := e.Expire(ctx, org)
		failures = append(failures, err, e.store.Write(ctx, org, func(tx store.WriteTx) error {
			return tx.Forget(ctx, e.instant().Add(-countersign.IdempotencyLife), most)
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
