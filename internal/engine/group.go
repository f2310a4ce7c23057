package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// maxGroup bounds how many mutations share a transaction, so that the first of
// them does not wait long for the last.
const maxGroup = 128

// groupLife bounds a transaction that no single caller's deadline governs.
const groupLife = time.Minute

// job is one mutation on its way through the queue of its organization.
type job struct {
	ctx   context.Context //nolint:containedctx // a job lives within one call
	actor countersign.Actor
	o     Options
	do    func(*work) (countersign.Outcome, error)

	result Result
	// late is an error to be reported although the transaction commits.
	late error
	err  error
	// tried is what the job was about, as far as it came; counted says that its
	// refusal is kept, perhaps without an entry.
	tried   attempt
	counted bool
	// settled is set when it is known what became of the job. Without it nobody is
	// told that he succeeded: the leader panicked outside of any mutation.
	settled bool
	// panicked carries a panic back to whose it is.
	panicked any
	// woken tells a waiting job that it is done (false), or leads (true).
	woken chan bool
}

// keepPanic is deferred where what belongs to a job runs in the goroutine of
// another: rendering the answer to keep may panic, and the panic is its caller's.
func (j *job) keepPanic() {
	if r := recover(); r != nil {
		j.panicked = r
	}
}

// queue lines up the mutations of one organization. The first leads: it takes
// those that have come while others held the store, runs all of them in one
// transaction, and hands the lead to the next that waits.
type queue struct {
	mu      sync.Mutex
	waiting []*job
	led     bool
}

// enter reports whether the job leads at once.
func (q *queue) enter(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, j)
	if q.led {
		return false
	}
	q.led = true
	return true
}

// take removes the next group from the line.
func (q *queue) take() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), maxGroup)
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return group
}

// handOn gives the lead to who waits first, if anybody does.
func (q *queue) handOn() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting, q.led = nil, false
		return
	}
	q.waiting[0].woken <- true
}

// mutate runs do in a transaction and brings the roster up to date before it
// returns, also when the caller has gone or the outcome of the commit is unknown.
func (e *Engine) mutate(ctx context.Context, actor countersign.Actor, o Options, do func(*work) (countersign.Outcome, error)) (Result, error) {
	p, err := e.place(ctx, actor.Organization)
	if err != nil {
		return Result{}, err
	}
	defer p.release()
	j := &job{ctx: ctx, actor: actor, o: o, do: do, woken: make(chan bool, 1)}
	if p.queue.enter(j) || <-j.woken {
		e.lead(p, j)
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	if !j.settled {
		return Result{}, countersign.E(countersign.Unavailable, "", "it is not known whether this was done; look before trying again").
			Caused(store.ErrCommitUnknown)
	}
	if j.err != nil {
		return Result{}, j.err
	}
	if j.result.Preview != nil {
		// Outside of the transaction: it looks at every name there is.
		if err := e.detail(ctx, actor, j.result.Preview); err != nil {
			return Result{}, err
		}
	}
	return j.result, j.late
}

// lead runs the group that own stands first in.
func (e *Engine) lead(p *place, own *job) {
	group := p.queue.take()
	defer func() {
		if slices.ContainsFunc(group, func(j *job) bool { return !j.settled }) {
			p.doubtful.Store(true) // a panic is on its way: readers look at the store first
		}
		for _, j := range group {
			if j != own {
				j.woken <- false
			}
		}
		p.queue.handOn()
	}()
	present := make([]*job, 0, len(group))
	for _, j := range group {
		if j.err = j.ctx.Err(); j.err != nil {
			j.settled = true
			continue
		}
		present = append(present, j)
	}
	if len(present) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(own.ctx), groupLife)
	defer cancel()
	e.transact(ctx, p, present)
}

// transact runs a group in one transaction. Each job has its own savepoint, so
// that what is refused leaves nothing behind and harms nobody; what the store
// fails at fails for all of them.
func (e *Engine) transact(ctx context.Context, p *place, group []*job) {
	p.turn.Lock()
	defer p.turn.Unlock()
	var next *roster.Picture
	err := e.store.Write(ctx, p.org, func(tx store.WriteTx) error {
		picture, err := p.picture.Load().Follow(ctx, source{tx})
		if err != nil {
			return err
		}
		began := picture
		for _, j := range group {
			if picture, err = e.attempt(ctx, tx, picture, j, len(group) > 1); err != nil {
				return err
			}
		}
		next = picture
		if picture == began && !kept(group) {
			return errNothingStored
		}
		return nil
	})
	e.transactions.Add(1)
	e.grouped.Add(int64(len(group)))
	switch {
	case err == nil:
		e.publish(p, next)
	case errors.Is(err, errNothingStored):
	default:
		e.failed(ctx, p, group, err)
	}
	for _, j := range group {
		j.settled = true
	}
	if len(group) == 1 {
		e.rememberAlone(ctx, p, group[0])
	}
}

// failed gives everybody the error of the transaction, also who was refused in it:
// the refusal may rest on what a neighbour did, which has not happened. After a commit of unknown
// outcome the roster follows what there is; if it cannot, the next reader does.
func (e *Engine) failed(ctx context.Context, p *place, group []*job, err error) {
	for _, j := range group {
		j.err = err
	}
	if errors.Is(err, store.ErrCommitUnknown) {
		p.doubtful.Store(true)
		_ = e.follow(ctx, p)
	}
}

// kept reports whether a job wants something stored that is no log entry: the
// answer to an idempotency key, a nonce, or the count of a refused attempt.
func kept(group []*job) bool {
	for _, j := range group {
		if (j.o.Once != nil || j.o.notes || j.counted) && !j.o.DryRun {
			return true
		}
	}
	return false
}

// attempt runs one job and returns the picture after it. Only the failures of the
// store itself are returned: they end the transaction, which may then run again.
func (e *Engine) attempt(ctx context.Context, tx store.WriteTx, picture *roster.Picture, j *job, shared bool) (*roster.Picture, error) {
	j.result, j.late, j.err, j.panicked, j.tried, j.counted = Result{}, nil, nil, nil, attempt{}, false
	written := &recorder{WriteTx: tx, picture: picture}
	run := func() error {
		result, late, err := e.perform(ctx, written, j)
		if err == nil || errors.Is(err, errNothingStored) {
			j.result, j.late = result, late
		}
		return err
	}
	if !shared {
		err := run()
		if errors.Is(err, errNothingStored) {
			return picture, nil
		}
		if err != nil {
			return nil, err
		}
		return written.after(ctx)
	}
	err := written.Savepoint(ctx, run)
	switch {
	case err == nil:
		return written.after(ctx)
	case errors.Is(err, errNothingStored):
		return picture, nil
	case isKind(err, countersign.Unavailable):
		return nil, err
	}
	j.err = e.rememberShared(ctx, written, j, err)
	return written.after(ctx)
}

// perform is one job without its savepoint. A panic becomes an error here, so
// that it cannot leave others waiting, and goes on in the goroutine of its caller.
func (e *Engine) perform(ctx context.Context, tx *recorder, j *job) (result Result, late, err error) {
	defer func() {
		if r := recover(); r != nil {
			j.panicked, err = r, fmt.Errorf("a mutation panicked: %v", r)
		}
	}()
	w, err := e.begin(ctx, tx, tx.picture, j.actor, j.o)
	if err != nil {
		return Result{}, nil, err
	}
	w.written = tx
	defer func() { j.tried = w.tried }()
	return w.perform(j.do)
}
