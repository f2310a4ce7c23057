// Package testdb gives tests a real database, fresh and empty, on either engine.
//
// SQLite lives in a file of the test's temporary folder. PostgreSQL is the
// server that COUNTERSIGN_TEST_POSTGRES names by URL, whose user must be allowed
// to create databases: every test gets a database of its own, dropped at its
// end. Without that variable the PostgreSQL half of a test is skipped; in
// continuous integration (CI=true) it fails instead, so that nobody mistakes
// half a run for a whole one. scripts/with-postgres provides such a server.
//
// What it returns is a store.Store, and a *DB for tests that need to break it.
package testdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the server itself

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

// Variable names the PostgreSQL server of the tests.
const Variable = "COUNTERSIGN_TEST_POSTGRES"

// DB is a database that can be told to fail.
type DB struct {
	*sqlstore.DB
	// URL opens the same database again.
	URL string

	fault atomic.Pointer[func(point string) error]
}

// OnPoint makes f decide, before every statement and at the points of
// sqlstore.Options, whether it fails; nil ends that.
func (db *DB) OnPoint(f func(point string) error) {
	if f == nil {
		db.fault.Store(nil)
		return
	}
	db.fault.Store(&f)
}

// FailOnce makes the first point that matches fail once, as a lost connection
// or a deadlock would, and returns a function that tells whether it has.
func (db *DB) FailOnce(matches func(point string) bool) (failed func() bool) {
	var done atomic.Bool
	db.OnPoint(func(point string) error {
		if matches(point) && done.CompareAndSwap(false, true) {
			return sqlstore.ErrTransient
		}
		return nil
	})
	return done.Load
}

// Again opens the same database a second time.
func (db *DB) Again(ctx context.Context) (store.Store, error) {
	return Open(ctx, db.URL)
}

// Open opens a database that a test has prepared itself.
func Open(ctx context.Context, url string) (*DB, error) {
	db := &DB{URL: url}
	var err error
	db.DB, err = sqlstore.Open(ctx, url, sqlstore.Options{Fault: func(point string) error {
		if f := db.fault.Load(); f != nil {
			return (*f)(point)
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return db, nil
}

// Each runs fn on SQLite and on PostgreSQL, as subtests of these names. open
// opens the subtest's own database, empty at first; called after a Close it
// opens the same one again, as a restart would.
func Each(t *testing.T, fn func(t *testing.T, open func() store.Store)) {
	t.Helper()
	on := func(place func(testing.TB) string) func(t *testing.T) {
		return func(t *testing.T) {
			url := place(t)
			fn(t, func() store.Store { return open(t, url) })
		}
	}
	t.Run("sqlite", on(SQLiteURL))
	t.Run("postgres", on(PostgresURL))
}

// SQLite returns an open, empty database in a temporary file.
func SQLite(t testing.TB) store.Store {
	t.Helper()
	return open(t, SQLiteURL(t))
}

// Postgres returns an open, empty database on the server of the tests.
func Postgres(t testing.TB) store.Store {
	t.Helper()
	return open(t, PostgresURL(t))
}

func open(t testing.TB, url string) *DB {
	t.Helper()
	db, err := Open(t.Context(), url)
	if err != nil {
		t.Fatalf("opening the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the test database: %v", err)
		}
	})
	return db
}

// SQLiteURL names a file that does not exist yet.
func SQLiteURL(t testing.TB) string {
	return filepath.Join(t.TempDir(), "countersign.db")
}

// PostgresURL creates an empty database and drops it when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Variable)
	if server == "" {
		const missing = Variable + " names no PostgreSQL server: run this through scripts/with-postgres"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	place, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(place.Scheme, "postgres") {
		t.Fatal(Variable + " must be a URL such as postgres://user@localhost/postgres?sslmode=disable")
	}
	name := "countersign_test_" + strings.ToLower(rand.Text())
	administer(t, server, "create database "+name)
	t.Cleanup(func() { administer(t, server, "drop database if exists "+name+" with (force)") })
	place.Path = "/" + name
	return place.String()
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", server)
	if err == nil {
		_, err = db.ExecContext(context.WithoutCancel(t.Context()), statement)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
