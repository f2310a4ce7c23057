package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// tooLargeFor is how long an organization is not tried again that needs more
// memory than there may be.
const tooLargeFor = time.Minute

// loadPatience is how long a caller waits for the roster of his organization
// before he is asked to come again. Small ones are there long before.
const loadPatience = time.Second

// shelf holds the rosters of the organizations in use within a budget of memory.
type shelf struct {
	// budget is in bytes; 0 sets none.
	budget int64
	// loads admits so many loaders at once, so that scans leave the store
	// readers for others.
	loads chan struct{}
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
		budget: budget, loads: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)),
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

	flights sync.Mutex
	flight  *flight // guarded by flights
}

// flight is one loading that any number of callers wait for.
type flight struct {
	done chan struct{}
	err  error
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

// place pins the place of an organization with its picture loaded.
func (e *Engine) place(ctx context.Context, org countersign.OrganizationID) (*place, error) {
	p := e.shelf.pin(org)
	if p.picture.Load() != nil {
		return p, nil
	}
	if err := e.await(ctx, p, e.load); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// await runs work for a place once for all who wait for it, off anybody's
// deadline, and waits with patience.
func (e *Engine) await(ctx context.Context, p *place, work func(context.Context, *place) error) error {
	f := p.board(func(f *flight) {
		defer p.land(f)
		f.err = work(context.WithoutCancel(ctx), p)
	})
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

// board joins the flight under way, or starts one.
func (p *place) board(fly func(*flight)) *flight {
	p.flights.Lock()
	defer p.flights.Unlock()
	if p.flight == nil {
		f := &flight{done: make(chan struct{})}
		p.flight = f
		p.pins.Add(1)
		go fly(f)
	}
	return p.flight
}

func (p *place) land(f *flight) {
	p.flights.Lock()
	p.flight = nil
	p.flights.Unlock()
	p.release()
	close(f.done)
}

// load brings the picture of an organization into memory.
func (e *Engine) load(ctx context.Context, p *place) error {
	e.shelf.loads <- struct{}{}
	defer func() { <-e.shelf.loads }()
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.picture.Load() != nil {
		return nil
	}
	if err := e.shelf.fits(p.org, e.now()); err != nil {
		return err
	}
	err := e.store.Read(ctx, p.org, func(tx store.ReadTx) error {
		return e.advance(p, func(room func(int64) error) (*roster.Picture, error) {
			return roster.Empty().FollowWithin(ctx, source{tx}, room)
		})
	})
	if err != nil {
		e.shelf.failed.Add(1)
		e.shelf.unloaded(p.org, err, e.now())
		return err
	}
	e.shelf.loaded.Add(1)
	return nil
}

// advance puts a new picture into a place if there is room for it; the caller
// has the turn.
func (e *Engine) advance(p *place, paint func(room func(int64) error) (*roster.Picture, error)) error {
	before := p.booked(e.shelf)
	next, err := paint(func(bytes int64) error { return e.shelf.book(p, max(bytes, before)) })
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
	if err := e.await(ctx, p, e.loadCold); err != nil {
		return nil, err
	}
	return p.picture.Load(), nil
}

func (e *Engine) loadCold(ctx context.Context, p *place) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	return e.store.Read(ctx, p.org, func(tx store.ReadTx) error {
		return e.advance(p, func(room func(int64) error) (*roster.Picture, error) {
			next, err := p.picture.Load().FollowWithin(ctx, source{tx}, room)
			if err != nil || next.HasCold() {
				return next, err
			}
			return next.WithCold(ctx, source{tx}, room)
		})
	})
}

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
