package engine

import (
	"context"

	"github.com/countersign/countersign"
)

// Watch keeps the rosters told of what other nodes commit, until ctx ends. While
// it is in contact a read costs no look at the store; without contact each read
// asks the store for its position first (docs/adr/0009).
func (e *Engine) Watch(ctx context.Context) error {
	defer e.told.Store(false)
	return e.store.Watch(ctx, e.hear)
}

// hear takes what the store tells: a commit; that anything may have moved since
// there was no contact; or that contact is lost.
func (e *Engine) hear(org countersign.OrganizationID, position int64) {
	switch {
	case position < 0:
		e.told.Store(false)
	case org == "":
		// Those being loaded count too: their snapshot may be older than the contact.
		e.shelf.doubtAll()
		e.told.Store(true)
	default:
		e.shelf.hear(org, position)
	}
}

func (s *shelf) doubtAll() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.places {
		p.doubtful.Store(true)
	}
}

func (s *shelf) hear(org countersign.OrganizationID, position int64) {
	s.mu.RLock()
	p, ok := s.places[org]
	s.mu.RUnlock()
	if !ok {
		return // what is loaded later is newer
	}
	p.hear(position)
}

// hear notes a position the store has told of; it never goes back.
func (p *place) hear(position int64) {
	for {
		heard := p.heard.Load()
		if heard >= position || p.heard.CompareAndSwap(heard, position) {
			return
		}
	}
}
