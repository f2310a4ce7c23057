package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

func TestManyStartersOnAnEmptyDatabase(t *testing.T) {
	place := testdb.PostgresURL(t)
	var all sync.WaitGroup
	for n := range 6 {
		all.Go(func() {
			db, err := testdb.Open(t.Context(), place)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			found(t, db, countersign.OrganizationID(fmt.Sprint("o", n)))
		})
	}
	all.Wait()
	db, err := testdb.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write, _ := db.Pools()
	query(t, write, "select count(*) as n, count(distinct version_id) as versions from goose_db_version", func(row map[string]string) {
		if row["n"] != row["versions"] {
			t.Errorf("%s migrations ran for %s versions", row["n"], row["versions"])
		}
	})
}

// The server ends the connection in the middle of a closure: the closure runs
// again on another one, and there is one effect.
func TestAConnectionLostBeforeTheCommitIsRunAgain(t *testing.T) {
	db := testdb.Postgres(t).(*testdb.DB)
	found(t, db, "o")
	write, _ := db.Pools()
	runs := 0
	err := db.Write(t.Context(), "o", func(tx store.WriteTx) error {
		runs++
		if err := tx.PutUser(t.Context(), countersign.User{ID: "u"}, ""); err != nil {
			return err
		}
		if runs == 1 {
			end(t, write)
		}
		_, err := tx.Allot(t.Context(), store.UserNumbers, 1)
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("%v after %d runs", err, runs)
	}
	if diff := cmp.Diff([]countersign.UserID{"u"}, users(t, db, "o")); diff != "" {
		t.Error(diff)
	}
}

// end makes the server end every transaction of this database but its own.
func end(t *testing.T, db *sql.DB) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
		where datname = current_database() and pid <> pg_backend_pid() and state = 'idle in transaction'`)
	if err != nil {
		t.Error(err)
	}
}

// The answer to a commit gets lost. Whether it happened cannot be known here,
// so the error must say so, and the closure must not run again.
func TestACommitWhoseAnswerIsLostIsUnknown(t *testing.T) {
	for name, forward := range map[string]bool{"after the server did it": true, "before the server saw it": false} {
		t.Run(name, func(t *testing.T) {
			direct := testdb.PostgresURL(t)
			p := newProxy(t, direct, forward)
			db, err := testdb.Open(t.Context(), p.url)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			found(t, db, "o")
			runs := 0
			p.armed.Store(true)
			err = db.Write(t.Context(), "o", func(tx store.WriteTx) error {
				runs++
				return tx.PutUser(t.Context(), countersign.User{ID: "u"}, "")
			})
			if !errors.Is(err, store.ErrCommitUnknown) || countersign.KindOf(err) != countersign.Unavailable || runs != 1 {
				t.Errorf("%v after %d runs", err, runs)
			}
			if p.armed.Load() {
				t.Fatal("the proxy saw no commit")
			}
			deadline := time.Now().Add(10 * time.Second)
			for forward && len(users(t, db, "o")) == 0 && time.Now().Before(deadline) {
				time.Sleep(10 * time.Millisecond)
			}
			if got := len(users(t, db, "o")) == 1; got != forward {
				t.Errorf("the user is there: %t", got)
			}
			if err := db.Write(t.Context(), "o", func(tx store.WriteTx) error {
				return tx.PutUser(t.Context(), countersign.User{ID: "next"}, "")
			}); err != nil {
				t.Errorf("the next write: %v", err)
			}
		})
	}
}

// The same on both engines, without a network.
func TestAnUnknownCommitIsNotRunAgain(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := open().(*testdb.DB)
		found(t, db, "o")
		runs := 0
		db.FailOnce(func(point string) bool { return point == sqlstore.FaultCommitted })
		err := db.Write(t.Context(), "o", func(tx store.WriteTx) error {
			runs++
			return tx.PutUser(t.Context(), countersign.User{ID: "u"}, "")
		})
		if !errors.Is(err, store.ErrCommitUnknown) || countersign.KindOf(err) != countersign.Unavailable || runs != 1 {
			t.Errorf("%v after %d runs", err, runs)
		}
		if got := users(t, db, "o"); len(got) != 1 {
			t.Errorf("%d users", len(got))
		}
	})
}

// A caller who leaves while the commit is under way must not make it unknown.
func TestACallerWhoLeavesDuringTheCommitDoesNotBreakIt(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := open().(*testdb.DB)
		found(t, db, "o")
		ctx, cancel := context.WithCancel(t.Context())
		db.OnPoint(func(point string) error {
			if point == sqlstore.FaultCommit {
				cancel()
			}
			return nil
		})
		err := db.Write(ctx, "o", func(tx store.WriteTx) error { return tx.PutUser(ctx, countersign.User{ID: "u"}, "") })
		db.OnPoint(nil)
		if err != nil || len(users(t, db, "o")) != 1 {
			t.Errorf("%v, %d users", err, len(users(t, db, "o")))
		}
	})
}

// proxy stands between us and the server and cuts the connection at a commit.
type proxy struct {
	url   string
	armed atomic.Bool
	// forward says whether the server gets to see the commit.
	forward bool
	// quiet, while somebody holds it, lets nothing through to the server.
	quiet sync.RWMutex
}

func newProxy(t *testing.T, direct string, forward bool) *proxy {
	t.Helper()
	p := &proxy{forward: forward}
	config, err := pgconn.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				client.Close()
				return
			}
			go func() { _, _ = io.Copy(client, server); client.Close() }()
			go p.pass(client, server)
		}
	}()
	place, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	place.Host = listener.Addr().String()
	q := place.Query()
	q.Del("host")
	q.Set("sslmode", "disable")
	place.RawQuery = q.Encode()
	p.url = place.String()
	return p
}

func (p *proxy) pass(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte("commit\x00")) && p.armed.CompareAndSwap(true, false) {
			if p.forward {
				client.Close() // first, so that no answer gets through
				_, _ = server.Write(buffer[:n])
				time.Sleep(100 * time.Millisecond) // the server may need its client until it has read
			}
			return
		}
		p.quiet.RLock()
		_, err = server.Write(buffer[:n])
		p.quiet.RUnlock()
		if err != nil {
			return
		}
	}
}

func TestErrorsOfTheServerAreToldApartByCode(t *testing.T) {
	server := func(code, severity string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, SeverityUnlocalized: severity, ConstraintName: "users_living_email"})
	}
	again := sqlstore.Failure{Kind: "unavailable", Transient: true}
	operator := sqlstore.Failure{Kind: "unavailable"}
	unknown := sqlstore.Failure{Kind: "unavailable", Unknown: true}
	taken := sqlstore.Failure{Index: "users_living_email"}
	internal := sqlstore.Failure{}
	for _, c := range []struct {
		name              string
		err               error
		statement, commit sqlstore.Failure
	}{
		{"unique", server("23505", "ERROR"), taken, taken},
		{"serialization", server("40001", "ERROR"), again, again},
		{"deadlock", server("40P01", "ERROR"), again, again},
		{"lock not available", server("55P03", "ERROR"), again, again},
		{"text", server("22021", "ERROR"), sqlstore.Failure{Kind: "invalid"}, sqlstore.Failure{Kind: "invalid"}},
		{"standby", server("25006", "ERROR"), again, again},
		{"disk full", server("53100", "ERROR"), operator, operator},
		{"took too long", server("57014", "ERROR"), operator, operator},
		{"shutting down", server("57P01", "FATAL"), again, unknown},
		{"transaction unknown", server("08007", "ERROR"), again, unknown},
		{"wrong password", server("28P01", "FATAL"), operator, unknown},
		{"our own mistake", server("42601", "ERROR"), internal, internal},
		{"foreign key", server("23503", "ERROR"), internal, internal},
		{"cut", io.ErrUnexpectedEOF, again, unknown},
		{"network", &net.OpError{Op: "read", Err: errors.New("reset")}, again, unknown},
		{"rolled back instead", pgx.ErrTxCommitRollback, internal, internal},
		{"anything else", errors.New("anything"), internal, unknown},
	} {
		if got := sqlstore.ClassifyPostgres(c.err); got != c.statement {
			t.Errorf("%s in a statement: %+v, want %+v", c.name, got, c.statement)
		}
		if got := sqlstore.ClassifyPostgresCommit(c.err); got != c.commit {
			t.Errorf("%s in a commit: %+v, want %+v", c.name, got, c.commit)
		}
	}
}

func TestASettingOfTheServerThatLosesCommitsIsOverridden(t *testing.T) {
	place := testdb.PostgresURL(t)
	admin, err := pgx.Connect(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	name := admin.Config().Database
	if _, err := admin.Exec(t.Context(), "alter database "+name+" set synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	db, err := testdb.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write, _ := db.Pools()
	for setting, want := range map[string]string{"synchronous_commit": "on", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "1min"} {
		query(t, write, "show "+setting, func(row map[string]string) {
			if row[setting] != want {
				t.Errorf("%s is %s, want %s", setting, row[setting], want)
			}
		})
	}
}

func TestALoadMayTakeLongAndAWriteMayNot(t *testing.T) {
	db := testdb.Postgres(t).(*testdb.DB)
	found(t, db, "o")
	var seen []string
	db.OnPoint(func(point string) error { seen = append(seen, point); return nil })
	long := func() (n int) {
		for _, point := range seen {
			n += strings.Count(point, "statement_timeout")
		}
		seen = nil
		return n
	}
	none := func(countersign.User) error { return nil }
	err := db.Read(t.Context(), "o", func(tx store.ReadTx) error {
		return errors.Join(tx.UsersSince(t.Context(), 0, none), tx.UsersSince(t.Context(), 0, none))
	})
	if got := long(); err != nil || got != 1 {
		t.Errorf("a read: %v, asked for more time %d times", err, got)
	}
	err = db.Write(t.Context(), "o", func(tx store.WriteTx) error { return tx.UsersSince(t.Context(), 0, none) })
	if got := long(); err != nil || got != 0 {
		t.Errorf("a write: %v, asked for more time %d times", err, got)
	}
}

func TestADatabaseThatCannotHoldEveryTextIsRefused(t *testing.T) {
	place := testdb.PostgresURL(t)
	admin, err := pgx.Connect(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	name := admin.Config().Database + "_ascii"
	if _, err := admin.Exec(t.Context(), "create database "+name+" encoding 'SQL_ASCII' locale_provider libc locale 'C' template template0"); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = admin.Exec(t.Context(), "drop database "+name+" with (force)") }()
	if _, err := testdb.Open(t.Context(), strings.Replace(place, admin.Config().Database, name, 1)); !errors.Is(err, countersign.Unavailable) || !strings.Contains(err.Error(), "UTF8") {
		t.Errorf("got %v", err)
	}
}

func TestNoErrorShowsThePassword(t *testing.T) {
	socket := url.QueryEscape(filepath.Join(t.TempDir(), "nobody"))
	for _, place := range []string{
		"postgres://user:hunter2@127.0.0.1:1/x?sslmode=disable",
		"postgres://user:hunter2@/x?host=" + socket,
		"postgres://user:hun ter2:hunter2@127.0.0.1:port/x",
		"postgres://user:hunter2@127.0.0.1:99999/x",
		"postgresql://user:%zzhunter2@h/x",
		"postgres:password=hunter2 host='",
		"mysql://user:hunter2@h/x",
	} {
		db, err := sqlstore.Open(t.Context(), place, sqlstore.Options{})
		if err == nil {
			db.Close()
			t.Errorf("%s was opened", place)
			continue
		}
		kind := countersign.KindOf(err)
		if kind != countersign.Invalid && kind != countersign.Unavailable || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2") {
			t.Errorf("%s: %s %v", place, kind, err)
		}
	}
}

// Waiting writers must not keep connections: a burst in one organization would
// leave none for the others.
func TestABurstOfWritersHoldsOneConnection(t *testing.T) {
	db := testdb.Postgres(t).(*testdb.DB)
	found(t, db, "o")
	write, _ := db.Pools()
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = db.Write(t.Context(), "o", func(store.WriteTx) error { close(holding); <-release; return nil })
	})
	<-holding
	for range 40 {
		all.Go(func() {
			if err := db.Write(t.Context(), "o", func(store.WriteTx) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	found(t, db, "other")
	if n := write.Stats().InUse; n != 1 {
		t.Errorf("%d connections are in use", n)
	}
	close(release)
	all.Wait()
	if n := db.Waiting(); n != 0 {
		t.Errorf("%d lines are left", n)
	}
}
