package engine

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// Waiting counts the mutations that wait for the store.
func (e *Engine) Waiting(org countersign.OrganizationID) int {
	p := e.shelf.pin(org)
	defer p.release()
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	return len(p.queue.waiting)
}

// Hold pins an organization's picture, as a long request would.
func (e *Engine) Hold(ctx context.Context, org countersign.OrganizationID) (func(), error) {
	p, err := e.place(ctx, org)
	if err != nil {
		return nil, err
	}
	return p.release, nil
}

// Late pins the place of an organization and comes for its picture later, as who
// is overtaken between the two.
func (e *Engine) Late(org countersign.OrganizationID) (come func(context.Context) error) {
	p := e.shelf.pin(org)
	return func(ctx context.Context) error {
		defer p.release()
		return e.await(ctx, p, &p.loading, e.load)
	}
}

// NewSlots returns how loads are admitted on a machine of so many processors, and
// how many long ones run at once.
func NewSlots(processors int) (run func(load func(most int64) error) error, long int) {
	s := newSlots(processors)
	return s.run, cap(s.long)
}

// ErrLong is what a load returns that is too long for its slot.
var ErrLong = errLong

// LoadAs admits loads as on a machine of so many processors, long ones from so
// many bytes on, and holds all slots for long ones until release is called.
func (e *Engine) LoadAs(processors int, bytes int64) (release func()) {
	s := &e.shelf.slots
	*s = newSlots(processors)
	s.limit = bytes
	for range cap(s.long) {
		s.long <- struct{}{}
	}
	return func() {
		for range cap(s.long) {
			<-s.long
		}
	}
}

// Reload joins a load under way, or starts one, although there is a picture: as
// who found none, and was overtaken by the load of another.
func (e *Engine) Reload(org countersign.OrganizationID) error {
	p := e.shelf.pin(org)
	defer p.release()
	return e.await(context.Background(), p, &p.loading, e.load)
}

// Booked is what the shelf believes its pictures hold.
func (e *Engine) Booked() int64 {
	e.shelf.mu.RLock()
	defer e.shelf.mu.RUnlock()
	return e.shelf.bytes
}

// Recorded is a transaction as a mutation sees it.
func Recorded(tx store.WriteTx) store.WriteTx { return &recorder{WriteTx: tx} }

// Places counts the organizations that have one, loaded or not.
func (e *Engine) Places() int {
	e.shelf.mu.RLock()
	defer e.shelf.mu.RUnlock()
	return len(e.shelf.places)
}

// Pins counts who uses a picture just now, or waits for one.
func (e *Engine) Pins() (n int32) {
	e.shelf.mu.RLock()
	defer e.shelf.mu.RUnlock()
	for _, p := range e.shelf.places {
		n += p.pins.Load()
	}
	return n
}

// Whole is the picture of an organization with its deleted rows, which stay
// unknown to the engine itself.
func (e *Engine) Whole(ctx context.Context, org countersign.OrganizationID) (*roster.Picture, error) {
	picture, err := e.Picture(ctx, org)
	if err != nil || picture.HasCold() {
		return picture, err
	}
	err = e.store.Read(ctx, org, func(tx store.ReadTx) error {
		next, err := picture.Follow(ctx, source{tx})
		if err == nil {
			picture, err = next.WithCold(ctx, source{tx}, nil)
		}
		return err
	})
	return picture, err
}

// Gaps are what the lock-out prover finds in a picture.
func Gaps(p *roster.Picture, now time.Time) []approval.Gap {
	return approval.Prove(p.Organization().Policy, able(p, now))
}

// NoWider reports whether a gap was there before.
func NoWider(gap approval.Gap, before []approval.Gap) bool {
	return slices.ContainsFunc(before, func(old approval.Gap) bool { return noWider(gap, old) })
}

// StillSigned is what a decision finds out about a vote before it counts it.
func (e *Engine) StillSigned(ctx context.Context, request countersign.ChangeRequest, a countersign.Approval, org countersign.OrganizationID) (bool, error) {
	picture, err := e.Picture(ctx, org)
	if err != nil {
		return false, err
	}
	w := &work{ctx: ctx, picture: picture, actor: countersign.Actor{Organization: org}}
	return w.stillSigned(request, a)
}

// Governed are operations as the rules of a policy see them.
func Governed(p *roster.Picture, requester countersign.UserID, now time.Time, ops ...countersign.Change) []approval.Operation {
	return governed(p, ops, requester, now)
}
