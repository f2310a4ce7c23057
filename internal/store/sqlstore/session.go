package sqlstore

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// session is one transaction on one connection. It is used by one goroutine.
//
// Its transaction does not hang off the caller's context: a caller who leaves
// while the commit is under way must not make the outcome unknown. Each
// statement does.
type session struct {
	db   *DB
	pool *pool
	link link

	// failed is the error that spoilt the transaction, until a savepoint undoes
	// it. transient is the last failure, if it was one after which running it
	// all again may help.
	failed    error
	transient error
	// adrift is true once a savepoint could not be set or let go: nobody knows then
	// which is the innermost, and none of them can undo failed any more.
	adrift bool
	// scanning is true while a callback runs: the connection is busy then, on
	// one engine so that it breaks, on the other so that it works.
	scanning bool
	// long is true once allowLong has been asked.
	long bool
	// over is true when the transaction needs no rollback any more.
	over bool
}

// link is a connection as a session uses it: in one transaction. It reports
// what the driver does; what that means is the session's.
type link interface {
	begin(ctx context.Context) error
	// exec runs a statement and returns how many rows it touched.
	exec(ctx context.Context, q statement, args []any) (int64, error)
	// execAll runs statements until one fails, and says which, or how many rows
	// the last one touched.
	execAll(ctx context.Context, calls []call) (failed int, touched int64, err error)
	// query calls fn after each row has gone into columns, until it fails.
	query(ctx context.Context, q statement, args []any, columns []column, fn func() error) error
	commit(ctx context.Context) error
	// rollback fails when the connection is not to be used again.
	rollback(ctx context.Context) error
}

// errInCallback is a mistake of the caller, found on both engines alike.
var errInCallback = errors.New("a callback of a scan used the transaction")

// within runs fn in a transaction, on a connection for which it waits as long as
// ctx lasts. Unless fn commits, everything is rolled back, also when it panics.
// The failure is that of beginning or of fn.
func (db *DB) within(ctx context.Context, p *pool, fn func(*session) (failure, error)) (f failure, err error) {
	refused := func(cause error) (failure, error) {
		f := db.classify(cause)
		return f, db.explain(ctx, "begin", cause, f)
	}
	if err := db.fault(FaultBegin); err != nil {
		return refused(err)
	}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return refused(err)
	}
	defer func() { _ = conn.Close() }()
	ran := false
	raw := conn.Raw(func(c any) (broken error) {
		s := &session{db: db, pool: p, link: p.link(c)}
		if begin := s.link.begin(ctx); begin != nil {
			ran = true
			f, err = refused(begin)
			return nil
		}
		defer func() { broken = s.end(ctx) }()
		f, err = fn(s)
		ran = true
		return nil
	})
	if !ran {
		return refused(raw)
	}
	return f, err
}

// end rolls back unless the transaction was committed. Its failure changes
// nothing, what is not committed is rolled back; but the connection is done with.
func (s *session) end(ctx context.Context) error {
	if s.over {
		return nil
	}
	if err := s.link.rollback(context.WithoutCancel(ctx)); err != nil {
		return driver.ErrBadConn
	}
	return nil
}

// commit ends the transaction for good. When the connection breaks in between,
// nobody can know whether it happened.
func (s *session) commit(ctx context.Context) (failure, error) {
	err := s.db.fault(FaultCommit)
	if err != nil {
		f := s.db.classify(err)
		return f, s.db.explain(ctx, "commit", err, f)
	}
	if err := s.link.commit(context.WithoutCancel(ctx)); err != nil {
		f := s.db.engine.classifyCommit(err)
		return f, explain("commit", err, f)
	}
	s.over = true
	if err := s.db.fault(FaultCommitted); err != nil {
		f := failure{kind: unavailable, unknown: true}
		return f, explain("commit", err, f)
	}
	return failure{}, nil
}

// exec runs a statement and returns how many rows it touched.
func (s *session) exec(ctx context.Context, q statement, args ...any) (int64, error) {
	if err := s.ready(ctx, q, args); err != nil {
		return 0, err
	}
	touched, err := s.link.exec(ctx, q, args)
	if err != nil {
		return 0, s.fail(ctx, q, err)
	}
	return touched, nil
}

// execAll runs statements one after another, on PostgreSQL in one round trip, and
// returns how many rows the last one touched. Bad text in any of them is found
// before the first is run.
func (s *session) execAll(ctx context.Context, calls []call) (touched int64, err error) {
	for _, c := range calls {
		if err := s.ready(ctx, c.text, c.args); err != nil {
			return 0, err
		}
	}
	failed, touched, err := s.link.execAll(ctx, calls)
	if err != nil {
		return 0, s.fail(ctx, calls[failed].text, err)
	}
	return touched, nil
}

// one reads one row into dest and reports whether there was one.
func (s *session) one(ctx context.Context, q statement, args []any, dest ...any) (found bool, err error) {
	err = s.each(ctx, q, args, dest, func() error {
		found = true
		return errEnough
	})
	if found && err == errEnough { //nolint:errorlint // it comes back as it is
		err = nil
	}
	return found && err == nil, err
}

// errEnough ends a query whose first row was wanted.
var errEnough = errors.New("this row was enough")

// each reads rows into dest, one after another, and calls fn after each. An
// error of fn ends it and is returned as it is.
func (s *session) each(ctx context.Context, q statement, args, dest []any, fn func() error) error {
	if err := s.ready(ctx, q, args); err != nil {
		return err
	}
	columns, err := columnsOf(dest)
	if err != nil {
		return err
	}
	var mine error // of fn, which is not the database's
	s.scanning = true
	defer func() { s.scanning = false }()
	err = s.link.query(ctx, q, args, columns, func() error {
		mine = fn()
		return mine
	})
	if mine != nil {
		return mine
	}
	if err != nil {
		return s.fail(ctx, q, err)
	}
	return nil
}

// allowLong gives the rest of a read the time to read a whole organization. A
// write gets no more than usual: others wait for it.
func (s *session) allowLong(ctx context.Context) error {
	longer := s.db.engine.beforeScan
	if longer == "" || s.long || !s.pool.readOnly {
		return nil
	}
	s.long = true
	_, err := s.exec(ctx, longer)
	return err
}

// ready makes sure that a statement may run and makes its arguments storable.
// Bad text is found here, before the database, so it spoils nothing.
func (s *session) ready(ctx context.Context, q statement, args []any) error {
	switch {
	case s.failed != nil:
		return s.failed
	case s.scanning:
		return errInCallback
	}
	if err := values(args); err != nil {
		return err
	}
	if err := s.db.fault(string(q)); err != nil {
		return s.fail(ctx, q, err)
	}
	return nil
}

// fail spoils the transaction and explains why.
func (s *session) fail(ctx context.Context, q statement, err error) error {
	f := s.db.classify(err)
	s.failed = s.db.explain(ctx, summary(q), err, f)
	s.transient = nil
	if f.transient && ctx.Err() == nil {
		s.transient = s.failed
	}
	return s.failed
}

// worthAnother says whether a transaction that ended with err should be run
// again: it met a transient failure that no savepoint undid, or one that did
// and was passed on all the same.
func (s *session) worthAnother(err error) bool {
	return s.transient != nil && (s.failed != nil || errors.Is(err, s.transient))
}

// savepoint runs fn; when it fails, what it wrote is undone and the transaction
// goes on. A statement that failed in fn makes fn fail, whatever it returned.
func (s *session) savepoint(ctx context.Context, fn func() error) error {
	if err := s.mark(ctx, setSavepoint); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		err = s.failed
	}
	if err == nil {
		return s.mark(ctx, releaseSavepoint)
	}
	if s.adrift {
		return err
	}
	// Undone even for a caller who has gone: he may catch the error and go on.
	for _, q := range []statement{undoSavepoint, releaseSavepoint} {
		if _, undo := s.link.exec(context.WithoutCancel(ctx), q, nil); undo != nil {
			// The engine gave up the whole transaction; so must we.
			if s.failed == nil {
				s.failed = fmt.Errorf("%s: %w", q, undo)
			}
			return err
		}
	}
	s.failed = nil
	return err
}

// mark sets a savepoint or lets one go. They all have one name: after a failure of
// this, undoing "the" savepoint could undo less than was meant, or more.
func (s *session) mark(ctx context.Context, q statement) error {
	if s.failed != nil || s.scanning {
		return cmp.Or(s.failed, errInCallback)
	}
	_, err := s.exec(ctx, q)
	s.adrift = err != nil
	return err
}

func (db *DB) classify(err error) failure {
	switch {
	case errors.Is(err, ErrTransient):
		return failure{kind: unavailable, transient: true}
	case isLostConnection(err):
		return failure{kind: unavailable, transient: true}
	default:
		return db.engine.classify(err)
	}
}

func (db *DB) explain(ctx context.Context, doing string, err error, f failure) error {
	if ctx.Err() != nil && f.index == "" {
		return givenUp(fmt.Errorf("%s: %w: %w", doing, ctx.Err(), err))
	}
	if isGivenUp(err) {
		return givenUp(fmt.Errorf("%s: %w", doing, err))
	}
	return explain(doing, err, f)
}
