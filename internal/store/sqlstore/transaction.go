package sqlstore

import (
	"context"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const unavailable = countersign.Unavailable

const (
	// maxAttempts bounds how often a transaction is run. Writers of one
	// organization cannot deadlock with each other, so more than a second run
	// means that the server is restarting or failing over.
	maxAttempts = 4
	// firstPause is the wait before the second run; each further one is five
	// times as long.
	firstPause = 10 * time.Millisecond
)

const (
	setSavepoint     statement = `savepoint step`
	releaseSavepoint statement = `release savepoint step`
	undoSavepoint    statement = `rollback to savepoint step`
)

// readTx is a transaction of one organization that only reads.
type readTx struct {
	s    *session
	org  countersign.OrganizationID
	head countersign.Head
}

// writeTx also writes; head moves with what it appends, from where it began.
type writeTx struct {
	*readTx
	began int64
}

var (
	_ store.ReadTx  = (*readTx)(nil)
	_ store.WriteTx = (*writeTx)(nil)
)

// Read runs fn in one read snapshot.
func (db *DB) Read(ctx context.Context, org countersign.OrganizationID, fn func(store.ReadTx) error) error {
	return db.look(ctx, func(s *session) error {
		t := &readTx{s: s, org: org}
		// The first statement fixes the snapshot, so the head comes first: what
		// follows is exactly what stood at its position.
		found, err := s.one(ctx, readHead, []any{org}, t.headColumns()...)
		if err != nil {
			return err
		}
		if !found {
			return notFound("organization")
		}
		return fn(t)
	})
}

// Deployment runs fn in one read snapshot across organizations.
func (db *DB) Deployment(ctx context.Context, fn func(store.DeploymentTx) error) error {
	return db.look(ctx, func(s *session) error { return fn(&deploymentTx{s}) })
}

// look runs a read. It is not run again: fn may already have given away what it
// saw. What it saw before a failure is not to be trusted either, so a failure
// that fn swallowed still counts.
func (db *DB) look(ctx context.Context, fn func(*session) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	_, err = db.within(ctx, db.engine.read, func(s *session) (failure, error) {
		if err := fn(s); err != nil {
			return failure{}, err
		}
		return failure{}, s.failed
	})
	return err
}

// Write runs fn in one transaction of an organization.
func (db *DB) Write(ctx context.Context, org countersign.OrganizationID, fn func(store.WriteTx) error) error {
	head := takeHead
	if db.engine.exclusive {
		head = readHead // whoever has begun to write is alone already
	}
	return db.change(ctx, org, func(t *writeTx) error {
		found, err := t.s.one(ctx, head, []any{org}, t.headColumns()...)
		if err == nil && !found {
			err = notFound("organization")
		}
		return err
	}, fn)
}

// Found creates an organization with an empty log.
func (db *DB) Found(ctx context.Context, o countersign.Organization, fn func(store.WriteTx) error) error {
	return db.change(ctx, o.ID, func(t *writeTx) error { return t.found(ctx, o) }, fn)
}

// change runs a write until it is done, refused, or out of luck too often.
func (db *DB) change(ctx context.Context, org countersign.OrganizationID, first func(*writeTx) error, fn func(store.WriteTx) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	next, err := db.queue.wait(ctx, org)
	if err != nil {
		return err
	}
	defer next()
	return persist(ctx, func() (bool, error) { return db.attempt(ctx, org, first, fn) })
}

// persist runs a transaction again while that is worth it.
func persist(ctx context.Context, try func() (again bool, err error)) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		again, err := try()
		if !again || attempt == maxAttempts {
			return err
		}
		select {
		case <-time.After(pause):
			pause *= 5
		case <-ctx.Done():
			return err
		}
	}
}

// attempt runs a write once and says whether it should be run again.
func (db *DB) attempt(ctx context.Context, org countersign.OrganizationID, first func(*writeTx) error, fn func(store.WriteTx) error) (again bool, err error) {
	began := false
	f, err := db.within(ctx, db.engine.write, func(s *session) (failure, error) {
		began = true
		t := &writeTx{readTx: &readTx{s: s, org: org}}
		err := first(t)
		t.began = t.head.Size
		if err == nil {
			err = fn(t)
		}
		if err == nil {
			err = s.failed
		}
		if err == nil {
			err = t.announce(ctx)
		}
		if err != nil {
			return failure{transient: s.worthAnother(err)}, err
		}
		if err := ctx.Err(); err != nil {
			return failure{}, givenUp(err) // the last moment at which this is certain
		}
		return s.commit(ctx)
	})
	if !began && ctx.Err() != nil {
		return false, err
	}
	return f.transient, err
}

// announce tells watchers where the log will stand, if it has moved.
func (t *writeTx) announce(ctx context.Context) error {
	q := t.s.db.engine.announce
	if q == "" || t.head.Size == t.began {
		return nil
	}
	_, err := t.s.exec(ctx, q, t.org, t.head.Size)
	return err
}

// Savepoint runs fn and undoes what it wrote if it fails.
func (t *writeTx) Savepoint(ctx context.Context, fn func() error) error {
	head := t.head
	err := t.s.savepoint(ctx, fn)
	if err != nil {
		t.head = head
	}
	return err
}
