package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// loadPatience is how long a caller waits for the roster of his organization
// before he is asked to come again. Small ones are there long before.
const loadPatience = time.Second

// boarding lets any number of callers wait for one flight.
type boarding struct {
	mu     sync.Mutex
	flight *flight // guarded by mu
}

// flight is work for a place that is under way.
type flight struct {
	done chan struct{}
	err  error
}

// place pins the place of an organization with its picture loaded.
func (e *Engine) place(ctx context.Context, org countersign.OrganizationID) (*place, error) {
	p := e.shelf.pin(org)
	if p.picture.Load() != nil {
		return p, nil
	}
	if err := e.await(ctx, p, &p.loading, e.load); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// await runs work for a place once for all who wait for it, off anybody's
// deadline, and waits with patience. Each kind of work boards for itself: who
// waits for the deleted rows is not served by a load of the others.
func (e *Engine) await(ctx context.Context, p *place, at *boarding, work func(context.Context, *place) error) error {
	f := at.board(p, func() error { return work(context.WithoutCancel(ctx), p) })
	patience := time.NewTimer(loadPatience)
	defer patience.Stop()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return comeAgain("loading", "the directory of this organization is being loaded; try again", 2)
	}
}

// board joins the flight under way, or starts one, which pins the place.
func (b *boarding) board(p *place, work func() error) *flight {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.flight == nil {
		b.flight = &flight{done: make(chan struct{})}
		p.pins.Add(1)
		go b.fly(p, b.flight, work)
	}
	return b.flight
}

func (b *boarding) fly(p *place, f *flight, work func() error) {
	f.err = work()
	b.mu.Lock()
	b.flight = nil
	b.mu.Unlock()
	p.release()
	close(f.done)
}

// load brings the picture of an organization into memory.
func (e *Engine) load(ctx context.Context, p *place) error {
	return e.shelf.slots.run(func(most int64) error { return e.loadWithin(ctx, p, most) })
}

// loadWithin loads at most so many bytes; errLong when there are more.
func (e *Engine) loadWithin(ctx context.Context, p *place, most int64) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.picture.Load() != nil {
		return nil
	}
	if err := e.shelf.fits(p.org, e.now()); err != nil {
		return err
	}
	err := e.store.Read(ctx, p.org, func(tx store.ReadTx) error {
		return e.advance(p, most, func(room func(int64) error) (*roster.Picture, error) {
			return roster.Empty().FollowWithin(ctx, source{tx}, room)
		})
	})
	switch {
	case err == nil:
		e.shelf.loaded.Add(1)
	case !errors.Is(err, errLong):
		e.shelf.failed.Add(1)
		e.shelf.unloaded(p.org, err, e.now())
	}
	return err
}

// advance puts a new picture into a place if there is room for it, and if it
// takes at most so many bytes more; the caller has the turn.
func (e *Engine) advance(p *place, most int64, paint func(room func(int64) error) (*roster.Picture, error)) error {
	before := p.booked(e.shelf)
	next, err := paint(func(bytes int64) error {
		if bytes-before > most {
			return errLong
		}
		return e.shelf.book(p, max(bytes, before))
	})
	if err == nil {
		err = e.shelf.book(p, next.Bytes())
	}
	if err != nil {
		_ = e.shelf.book(p, before)
		return err
	}
	p.picture.Store(next)
	return nil
}

func (p *place) booked(s *shelf) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return p.bytes
}

// thaw brings the deleted rows of an organization into its picture.
func (e *Engine) thaw(ctx context.Context, p *place) (*roster.Picture, error) {
	if err := e.await(ctx, p, &p.thawing, e.loadCold); err != nil {
		return nil, err
	}
	return p.picture.Load(), nil
}

func (e *Engine) loadCold(ctx context.Context, p *place) error {
	return e.shelf.slots.run(func(most int64) error { return e.loadColdWithin(ctx, p, most) })
}

func (e *Engine) loadColdWithin(ctx context.Context, p *place, most int64) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	return e.store.Read(ctx, p.org, func(tx store.ReadTx) error {
		return e.advance(p, most, func(room func(int64) error) (*roster.Picture, error) {
			next, err := p.picture.Load().FollowWithin(ctx, source{tx}, room)
			if err != nil || next.HasCold() {
				return next, err
			}
			return next.WithCold(ctx, source{tx}, room)
		})
	})
}

// Preload loads one organization after another and reports each. It ends when
// one more takes the memory of another.
func (e *Engine) Preload(ctx context.Context, loaded func(countersign.Organization, error)) error {
	var organizations []countersign.Organization
	err := e.store.Deployment(ctx, func(tx store.DeploymentTx) error {
		organizations = nil
		return tx.Organizations(ctx, func(o countersign.Organization) error {
			organizations = append(organizations, o)
			return nil
		})
	})
	if err != nil {
		return err
	}
	crowded := e.shelf.evicted.Load()
	for _, o := range organizations {
		if ctx.Err() != nil || e.shelf.evicted.Load() != crowded {
			return ctx.Err()
		}
		p := e.shelf.pin(o.ID)
		err := e.load(ctx, p)
		p.release()
		loaded(o, err)
	}
	return nil
}
