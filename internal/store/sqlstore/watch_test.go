package sqlstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// watched watches until the test ends. next gives what was heard, in order.
func watched(t *testing.T, db store.Store) (next func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(ended)
		_ = db.Watch(ctx, func(org countersign.OrganizationID, position int64) { heard <- fmt.Sprint(org, " ", position) })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return func() string {
		t.Helper()
		select {
		case news := <-heard:
			return news
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was heard")
			return ""
		}
	}
}

// move commits an entry.
func move(t *testing.T, db store.Store, org countersign.OrganizationID) {
	t.Helper()
	err := db.Write(t.Context(), org, func(tx store.WriteTx) error {
		head, err := tx.Head(t.Context())
		if err != nil {
			return err
		}
		e := countersign.AuditEntry{Index: head.Size, Kind: countersign.EntryApplied}
		return tx.AppendEntry(t.Context(), e, nil, 0, nil, countersign.Head{Size: head.Size + 1})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, next func() string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := next(); got != w {
			t.Fatalf("heard %q, want %q", got, w)
		}
	}
}

func TestAWatcherComesBackAfterItsConnectionBroke(t *testing.T) {
	db := testdb.Postgres(t).(*testdb.DB)
	found(t, db, "o")
	write, _ := db.Pools()
	next := watched(t, db)
	expect(t, next, " 0")
	for round := range int64(3) {
		move(t, db, "o")
		expect(t, next, fmt.Sprint("o ", round+1))
		query(t, write, `select pg_terminate_backend(pid) as ended from pg_stat_activity
			where datname = current_database() and application_name like '% watch'`, func(map[string]string) {})
		expect(t, next, " -1", " 0")
	}
}

// A server that says nothing more, as behind a cut cable, is found out by the
// heartbeat: no error would ever come from such a connection.
func TestAWatcherNoticesSilence(t *testing.T) {
	p := newProxy(t, testdb.PostgresURL(t), true)
	db, err := testdb.Open(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	found(t, db, "o")
	next := watched(t, db)
	expect(t, next, " 0")
	p.quiet.Lock()
	start := time.Now()
	news := next()
	silent := time.Since(start)
	p.quiet.Unlock()
	if news != " -1" || silent > 5*time.Second {
		t.Errorf("heard %q after %v", news, silent)
	}
	expect(t, next, " 0")
	move(t, db, "o")
	expect(t, next, "o 1")
}

// A notice of somebody else on our channel is as good as a broken connection:
// nothing is believed of it, and everything looked at again.
func TestANoticeThatIsNoneOfOursIsNotBelieved(t *testing.T) {
	db := testdb.Postgres(t).(*testdb.DB)
	write, _ := db.Pools()
	next := watched(t, db)
	expect(t, next, " 0")
	if _, err := write.ExecContext(t.Context(), "notify countersign, 'hello there'"); err != nil {
		t.Fatal(err)
	}
	expect(t, next, " -1", " 0")
}
