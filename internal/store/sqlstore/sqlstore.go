package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// Options tune a database; the zero value is right for production.
type Options struct {
	// Fault, when set, is asked before every statement, with its text, and at
	// the points named by the Fault constants. An error it returns takes the
	// place of the database's own; one that wraps ErrTransient is treated as a
	// deadlock or a lost connection would be. It is how tests reach the
	// failures that no input produces.
	Fault func(point string) error
}

// The points at which Options.Fault is asked besides statements.
const (
	FaultBegin     = "begin"
	FaultCommit    = "commit"
	FaultCommitted = "committed" // the commit has happened; its answer gets lost
)

// ErrTransient marks a fault after which a transaction is worth running again.
var ErrTransient = errors.New("transient fault")

// DB is a database of organizations. It implements store.Store.
type DB struct {
	engine *engine
	texts  texts
	queue  queue
	fault  func(point string) error

	// mu guards closing and running; ending is closed when Close begins, idle when
	// the last transaction ends after that, and closed when Close is done.
	mu                   sync.Mutex
	closing              bool
	running              int
	ending, idle, closed chan struct{}
}

var _ store.Store = (*DB)(nil)

// engine is everything in which the two databases differ.
type engine struct {
	// write and read are pools; on PostgreSQL they share one.
	write, read *pool
	// rows is the fragment of SQL that differs, see texts.
	rows string
	// sizes are the numbers of rows that one statement writes where many are to
	// be written, largest first, the last being 1. Every text is static that way.
	sizes []int
	// watch calls its function for what is committed, until its context ends;
	// announce, when not empty, is what a transaction has to tell it.
	watch    func(ctx context.Context, fn func(countersign.OrganizationID, int64))
	announce statement
	// beforeScan, when not empty, is run before the first scan of a read.
	beforeScan statement
	// exclusive is true when no other process can write.
	exclusive bool
	// classify says what a statement's error means, classifyCommit what that of
	// a commit does.
	classify, classifyCommit func(error) failure
	close                    func() error
}

// pool is a set of connections. database/sql keeps them; what runs on them goes
// by the driver itself, see link.
type pool struct {
	db       *sql.DB
	readOnly bool
	// link makes a link of a connection of the driver.
	link func(conn any) link
}

// Open opens a database, brings its schema up to date and checks that it is set
// up as durability needs. The URL is postgres://..., or the path of a SQLite
// file, which is created when missing, with "sqlite:" before it or without. A
// SQLite file belongs to one DB at a time, in whatever process; who comes second
// gets Unavailable. No error ever shows the URL: it may hold a password.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	db := &DB{fault: o.Fault, ending: make(chan struct{}), idle: make(chan struct{}), closed: make(chan struct{})}
	if db.fault == nil {
		db.fault = func(string) error { return nil }
	}
	var err error
	switch scheme, rest, _ := strings.Cut(url, ":"); {
	case scheme == "postgres" || scheme == "postgresql":
		db.engine, err = openPostgres(ctx, url)
	case scheme == "sqlite":
		db.engine, err = openSQLite(ctx, strings.TrimPrefix(rest, "//"))
	case strings.Contains(url, "://"):
		err = countersign.E(countersign.Invalid, "db", "must be postgres://... or the path of a SQLite file")
	default:
		db.engine, err = openSQLite(ctx, url)
	}
	if err != nil {
		return nil, err
	}
	db.texts = newTexts(db.engine)
	if err := db.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.engine.close())
	}
	return db, nil
}

// prepare prepares every statement where they are kept by us, so that a schema
// that does not fit them is found at start and not at three in the morning.
func (db *DB) prepare(ctx context.Context) error {
	for _, p := range []*pool{db.engine.write, db.engine.read} {
		conn, err := p.db.Conn(ctx)
		if err != nil {
			return db.explain(ctx, "preparing", err, db.classify(err))
		}
		err = conn.Raw(func(c any) error {
			l, ok := p.link(c).(preparer)
			if !ok {
				return nil
			}
			return l.prepareAll(db.texts.all())
		})
		if err := errors.Join(err, conn.Close()); err != nil {
			return err
		}
	}
	return nil
}

// preparer is a link that keeps prepared statements itself.
type preparer interface {
	prepareAll(all []statement) error
}

// Exclusive reports whether this process is the only one that can write.
func (db *DB) Exclusive() bool { return db.engine.exclusive }

// Close waits for running transactions and closes the database. Later calls
// find it closed.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closing {
		db.mu.Unlock()
		<-db.closed
		return nil
	}
	db.closing = true
	close(db.ending)
	if db.running == 0 {
		close(db.idle)
	}
	db.mu.Unlock()
	<-db.idle
	defer close(db.closed)
	return db.engine.close()
}

func errClosed() error {
	return countersign.E(countersign.Unavailable, "", "the database has been closed")
}

// enter counts a transaction in; who got in calls leave.
func (db *DB) enter() (leave func(), err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closing {
		return nil, errClosed()
	}
	db.running++
	return func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		db.running--
		if db.closing && db.running == 0 {
			close(db.idle)
		}
	}, nil
}
