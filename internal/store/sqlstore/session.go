package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// session is one transaction on one connection. It is used by one goroutine.
//
// Its transaction does not hang off the caller's context: a caller who leaves
// while the commit is under way must not make the outcome unknown. Each
// statement does.
type session struct {
	db   *DB
	pool *pool
	conn *sql.Conn
	tx   *sql.Tx
	// abandon ends the transaction's own context.
	abandon context.CancelFunc
	// bound are the pool's prepared statements, bound to tx; they end with it.
	bound map[statement]runner

	// failed is the error that spoilt the transaction, until a savepoint undoes
	// it. transient is the last failure, if it was one after which running it
	// all again may help.
	failed    error
	transient error
	// scanning is true while a callback runs: the connection is busy then, on
	// one engine so that it breaks, on the other so that it works.
	scanning bool
	// long is true once allowLong has been asked.
	long  bool
	ended bool
}

// errInCallback is a mistake of the caller, found on both engines alike.
var errInCallback = errors.New("a callback of a scan used the transaction")

// rollbackLimit is how long PostgreSQL may take to acknowledge a rollback;
// after that its connection is dropped, which rolls back as well.
const rollbackLimit = 5 * time.Second

// begin takes a connection, waiting for it as long as ctx lasts, and begins.
func (db *DB) begin(ctx context.Context, p *pool) (*session, failure, error) {
	s := &session{db: db, pool: p}
	err := db.fault(FaultBegin)
	if err == nil {
		s.conn, err = p.db.Conn(ctx)
	}
	if err == nil {
		var own context.Context
		own, s.abandon = context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, s.abandon)
		s.tx, err = s.conn.BeginTx(own, p.options)
		if !stop() && err == nil {
			err = ctx.Err()
		}
	}
	if err != nil {
		s.end()
		f := db.classify(err)
		return nil, f, db.explain(ctx, "begin", err, f)
	}
	return s, failure{}, nil
}

// end rolls back unless the transaction was committed, and gives the connection
// back. It may be called twice.
func (s *session) end() {
	if s.ended {
		return
	}
	s.ended = true
	if s.tx != nil {
		limit := time.AfterFunc(rollbackLimit, s.abandon)
		// Its failure changes nothing: what is not committed is rolled back.
		_ = s.tx.Rollback()
		limit.Stop()
	}
	if s.abandon != nil {
		s.abandon()
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// commit ends the transaction for good. When the connection breaks in between,
// nobody can know whether it happened.
func (s *session) commit(ctx context.Context) (failure, error) {
	err := s.db.fault(FaultCommit)
	if err != nil {
		f := s.db.classify(err)
		return f, s.db.explain(ctx, "commit", err, f)
	}
	if limit := s.db.engine.commitLimit; limit > 0 {
		defer time.AfterFunc(limit, s.abandon).Stop()
	}
	if err := s.tx.Commit(); err != nil {
		f := s.db.engine.classifyCommit(err)
		return f, explain("commit", err, f)
	}
	if err := s.db.fault(FaultCommitted); err != nil {
		f := failure{kind: unavailable, unknown: true}
		return f, explain("commit", err, f)
	}
	return failure{}, nil
}

// exec runs a statement and returns how many rows it touched.
func (s *session) exec(ctx context.Context, q statement, args ...any) (int64, error) {
	args, err := s.ready(ctx, q, args)
	if err != nil {
		return 0, err
	}
	result, err := s.runner(ctx, q).ExecContext(ctx, args...)
	if err != nil {
		return 0, s.fail(ctx, q, err)
	}
	return result.RowsAffected()
}

// one reads one row into dest and reports whether there was one.
func (s *session) one(ctx context.Context, q statement, args []any, dest ...any) (bool, error) {
	args, err := s.ready(ctx, q, args)
	if err != nil {
		return false, err
	}
	switch err := s.runner(ctx, q).QueryRowContext(ctx, args...).Scan(dest...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, s.fail(ctx, q, err)
	}
	return true, nil
}

// each reads rows into dest, one after another, and calls fn after each. An
// error of fn ends it and is returned as it is.
func (s *session) each(ctx context.Context, q statement, args, dest []any, fn func() error) error {
	args, err := s.ready(ctx, q, args)
	if err != nil {
		return err
	}
	rows, err := s.runner(ctx, q).QueryContext(ctx, args...)
	if err != nil {
		return s.fail(ctx, q, err)
	}
	defer func() { _ = rows.Close() }()
	s.scanning = true
	defer func() { s.scanning = false }()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return s.fail(ctx, q, err)
		}
		if err := fn(); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.fail(ctx, q, err)
	}
	return nil
}

// allowLong gives the rest of a read the time to read a whole organization. A
// write gets no more than usual: others wait for it.
func (s *session) allowLong(ctx context.Context) error {
	longer := s.db.engine.beforeScan
	if longer == "" || s.long || !s.pool.options.ReadOnly {
		return nil
	}
	s.long = true
	_, err := s.exec(ctx, longer)
	return err
}

// ready makes sure that a statement may run and makes its arguments storable.
// Bad text is found here, before the database, so it spoils nothing.
func (s *session) ready(ctx context.Context, q statement, args []any) ([]any, error) {
	switch {
	case s.failed != nil:
		return nil, s.failed
	case s.scanning:
		return nil, errInCallback
	}
	args, err := values(args)
	if err != nil {
		return nil, err
	}
	if err := s.db.fault(string(q)); err != nil {
		return nil, s.fail(ctx, q, err)
	}
	return args, nil
}

// runner is a statement ready to run in a transaction.
type runner interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
}

// runner returns the statement prepared for this transaction, or its text where
// the driver prepares by itself.
func (s *session) runner(ctx context.Context, q statement) runner {
	if bound := s.bound[q]; bound != nil {
		return bound
	}
	shared := s.pool.prepared[q]
	if shared == nil {
		return unprepared{s.tx, q}
	}
	if s.bound == nil {
		s.bound = map[statement]runner{}
	}
	s.bound[q] = s.tx.StmtContext(ctx, shared)
	return s.bound[q]
}

type unprepared struct {
	tx   *sql.Tx
	text statement
}

func (u unprepared) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return u.tx.ExecContext(ctx, string(u.text), args...)
}

func (u unprepared) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return u.tx.QueryContext(ctx, string(u.text), args...)
}

func (u unprepared) QueryRowContext(ctx context.Context, args ...any) *sql.Row {
	return u.tx.QueryRowContext(ctx, string(u.text), args...)
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
	if _, err := s.exec(ctx, setSavepoint); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		err = s.failed
	}
	if err == nil {
		_, err = s.exec(ctx, releaseSavepoint)
		return err
	}
	// Undone even for a caller who has gone: he may catch the error and go on.
	for _, q := range []statement{undoSavepoint, releaseSavepoint} {
		if _, undo := s.tx.ExecContext(context.WithoutCancel(ctx), string(q)); undo != nil {
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
