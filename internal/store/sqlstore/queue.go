package sqlstore

import (
	"context"
	"sync"

	"github.com/countersign/countersign"
)

// queue lets the writers of one organization begin one after another, in the
// order they came. The database would make them wait as well, but each with a
// connection in hand: a burst in one organization would then leave none for
// the others.
type queue struct {
	mu    sync.Mutex
	lines map[countersign.OrganizationID]*line
}

type line struct {
	// turn holds one token while nobody writes.
	turn chan struct{}
	// waiting counts who holds or waits for the turn; guarded by queue.mu.
	waiting int
}

// wait returns when it is the caller's turn, or when ctx is done.
func (q *queue) wait(ctx context.Context, org countersign.OrganizationID) (leave func(), err error) {
	q.mu.Lock()
	if q.lines == nil {
		q.lines = map[countersign.OrganizationID]*line{}
	}
	l := q.lines[org]
	if l == nil {
		l = &line{turn: make(chan struct{}, 1)}
		l.turn <- struct{}{}
		q.lines[org] = l
	}
	l.waiting++
	q.mu.Unlock()

	gone := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(q.lines, org)
		}
	}
	select {
	case <-l.turn:
		return func() { l.turn <- struct{}{}; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, givenUp(ctx.Err())
	}
}
