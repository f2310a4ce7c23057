package engine

import (
	"context"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// Picture returns the roster of an organization, not older than anything this
// process has committed, nor than anything the store has told of. A node that
// is not told asks the store each time: stale answers would be wrong, slow ones
// are not.
func (e *Engine) Picture(ctx context.Context, org countersign.OrganizationID) (*roster.Picture, error) {
	p, err := e.place(ctx, org)
	if err != nil {
		return nil, err
	}
	defer p.release()
	return e.current(ctx, p)
}

func (e *Engine) current(ctx context.Context, p *place) (*roster.Picture, error) {
	picture := p.picture.Load()
	if !p.doubtful.Load() {
		if e.store.Exclusive() || (e.told.Load() && p.heard.Load() <= picture.Position()) {
			return picture, nil
		}
		if head, err := e.head(ctx, p.org); err != nil || head.Size == picture.Position() {
			return picture, err
		}
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	if err := e.follow(ctx, p); err != nil {
		return nil, err
	}
	return p.picture.Load(), nil
}

func (e *Engine) head(ctx context.Context, org countersign.OrganizationID) (countersign.Head, error) {
	var head countersign.Head
	err := e.store.Read(ctx, org, func(tx store.ReadTx) error {
		h, err := tx.Head(ctx)
		head = h
		return err
	})
	return head, err
}

// follow brings a picture up to the store's position; the caller has the turn.
func (e *Engine) follow(ctx context.Context, p *place) error {
	p.doubtful.Store(false)
	err := e.store.Read(ctx, p.org, func(tx store.ReadTx) error {
		next, err := p.picture.Load().Follow(ctx, source{tx})
		if err != nil {
			return err
		}
		e.publish(p, next)
		return nil
	})
	if err != nil {
		p.doubtful.Store(true)
	}
	return err
}

// publish shows a picture to readers; the caller has the turn. An organization
// that outgrows the budget while it is in use stays: what it just committed
// must be answered for. It fails to load the next time.
func (e *Engine) publish(p *place, next *roster.Picture) {
	p.picture.Store(next)
	_ = e.shelf.book(p, next.Bytes())
}

// Fresh waits until the roster stands at a position or beyond, at most 200 ms
// besides the time it takes to look at the store. The place is pinned once: were
// it let go between two looks, each would load it again. Unavailable "revision_not_reached" when it is not reached (docs/adr/0009).
func (e *Engine) Fresh(ctx context.Context, org countersign.OrganizationID, atLeast int64) error {
	const patience, step = 200 * time.Millisecond, 10 * time.Millisecond
	p, err := e.place(ctx, org)
	if err != nil {
		return err
	}
	defer p.release()
	for waited := time.Duration(0); ; waited += step {
		if err := e.ask(ctx, p, atLeast); err != nil {
			return err
		}
		picture, err := e.current(ctx, p)
		if err != nil {
			return err
		}
		if picture.Position() >= atLeast {
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

// ask looks at the store for a position that a node in contact may not have been
// told of yet. It leaves no doubt behind: whoever names a revision that is still
// to come must not make other readers wait for the turn.
func (e *Engine) ask(ctx context.Context, p *place, atLeast int64) error {
	if e.store.Exclusive() || !e.told.Load() || max(p.heard.Load(), p.picture.Load().Position()) >= atLeast {
		return nil // nobody else writes, or every read asks, or it is known
	}
	head, err := e.head(ctx, p.org)
	if err == nil {
		p.hear(head.Size)
	}
	return err
}
