package engine

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// tooLargeFor is how long an organization is not tried again that needs more
// memory than there may be.
const tooLargeFor = time.Minute

// shelf holds the rosters of the organizations in use within a budget of memory.
type shelf struct {
	// budget is in bytes; 0 sets none.
	budget int64
	// slots admit loads, so that scans leave the store readers for others.
	slots slots
	// ticks orders uses.
	ticks atomic.Int64

	loaded, failed, evicted atomic.Int64

	mu     sync.RWMutex
	places map[countersign.OrganizationID]*place
	bytes  int64
	// large holds the organizations that did not fit, until they are tried again:
	// loading one takes the memory of all others before it fails.
	large map[countersign.OrganizationID]time.Time
}

func newShelf(budget int64) *shelf {
	return &shelf{
		budget: budget, slots: newSlots(runtime.GOMAXPROCS(0)),
		places: map[countersign.OrganizationID]*place{}, large: map[countersign.OrganizationID]time.Time{},
	}
}

// place is where the picture of one organization stands. While anybody pins it,
// it is the only one of its organization.
type place struct {
	org   countersign.OrganizationID
	shelf *shelf
	// picture is nil until it is loaded. Only who has the turn replaces it.
	picture atomic.Pointer[roster.Picture]
	// turn is taken by who moves the picture on: writers, followers, loaders.
	turn sync.Mutex
	// doubtful is set when a commit's outcome or a follow-up is unknown: the next
	// reader looks at the store first.
	doubtful atomic.Bool
	// heard is the highest position the store has told of.
	heard atomic.Int64
	// queue holds the mutations waiting for the store.
	queue queue

	// used and pins decide who goes when memory is short: the least recently
	// used, and never one that somebody is using.
	used atomic.Int64
	pins atomic.Int32
	// bytes are what is booked for the place; guarded by shelf.mu.
	bytes int64

	loading, thawing boarding
}

// pin finds or makes the place of an organization, which stays until released.
func (s *shelf) pin(org countersign.OrganizationID) *place {
	s.mu.RLock()
	p, ok := s.places[org]
	if ok {
		p.pins.Add(1)
	}
	s.mu.RUnlock()
	if !ok {
		s.mu.Lock()
		if p, ok = s.places[org]; !ok {
			p = &place{org: org, shelf: s}
			s.places[org] = p
		}
		p.pins.Add(1)
		s.mu.Unlock()
	}
	p.used.Store(s.ticks.Add(1))
	return p
}

// release undoes pin. A place that nobody pins and that holds no picture goes:
// organizations that never were, or could not be loaded, keep none. One that is
// pinned never goes: whoever waits for it would load what nobody else finds.
func (p *place) release() {
	if p.pins.Add(-1) > 0 || p.picture.Load() != nil {
		return
	}
	s := p.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.pins.Load() == 0 && p.picture.Load() == nil && s.places[p.org] == p {
		s.drop(p)
	}
}

// all returns the places that hold a picture.
func (s *shelf) all() []*place {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*place, 0, len(s.places))
	for _, p := range s.places {
		if p.picture.Load() != nil {
			out = append(out, p)
		}
	}
	return out
}

// book notes what a place needs now, and makes room by letting go of others.
func (s *shelf) book(p *place, bytes int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += bytes - p.bytes
	p.bytes = bytes
	for s.budget > 0 && s.bytes > s.budget {
		if p.bytes > s.budget {
			return errTooLarge()
		}
		if !s.evictOne(p) {
			return comeAgain("memory_in_use", "the server's memory is taken by other organizations just now; try again", 1)
		}
	}
	return nil
}

func errTooLarge() error {
	return comeAgain("organization_too_large",
		"this organization needs more memory than the server may use; its operator can raise --roster-memory", int(tooLargeFor/time.Second))
}

// fits refuses an organization that did not fit a while ago.
func (s *shelf) fits(org countersign.OrganizationID, now time.Time) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if now.Before(s.large[org]) {
		return errTooLarge()
	}
	return nil
}

// evictOne lets go of the least recently used picture that nobody uses.
func (s *shelf) evictOne(but *place) bool {
	var oldest *place
	for _, p := range s.places {
		if p != but && p.pins.Load() == 0 && p.bytes > 0 && (oldest == nil || p.used.Load() < oldest.used.Load()) {
			oldest = p
		}
	}
	if oldest == nil {
		return false
	}
	s.drop(oldest)
	s.evicted.Add(1)
	return true
}

// drop takes a place off the shelf that nobody pins; the caller holds mu.
func (s *shelf) drop(p *place) {
	s.bytes -= p.bytes
	p.bytes = 0
	delete(s.places, p.org)
}

func comeAgain(code, message string, seconds int) error {
	e := countersign.Code(countersign.Unavailable, code, "", message)
	e.Detail = map[string]string{"retry_after": fmt.Sprint(seconds)}
	return e
}

// unloaded notes why an organization could not be loaded. Its place stays as long
// as somebody waits for it.
func (s *shelf) unloaded(org countersign.OrganizationID, why error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.large, func(_ countersign.OrganizationID, until time.Time) bool { return !now.Before(until) })
	var own *countersign.Error
	if errors.As(why, &own) && own.Code == "organization_too_large" {
		s.large[org] = now.Add(tooLargeFor)
	}
}
