package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// What one governed change costs, against the least that durable storage can
// cost: one row in one table without any other index, in the same engine with
// the same settings. The change adds somebody to a group, by the statements the
// engine uses for it; "ratio" is how many bare inserts take as long. The two
// alternate, so that a disk that is slow for a while is slow for both.
func BenchmarkChange(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		insert := bareInsert(b)
		db := testdb.SQLite(b)
		add := newAdder(b, db)
		var bare, store, bareCPU, storeCPU time.Duration
		n := 0
		for b.Loop() {
			n++
			start, used := b.Elapsed(), cpuTime()
			insert(n)
			middle, usedByBare := b.Elapsed(), cpuTime()
			add.commit(b, db, 1)
			bare, store = bare+middle-start, store+b.Elapsed()-middle
			bareCPU, storeCPU = bareCPU+usedByBare-used, storeCPU+cpuTime()-usedByBare
		}
		b.ReportMetric(float64(bareCPU.Microseconds())/float64(n), "cpu-µs/bare")
		b.ReportMetric(float64(storeCPU.Microseconds())/float64(n), "cpu-µs/change")
		b.ReportMetric(float64(bare.Microseconds())/float64(n), "µs/bare")
		b.ReportMetric(float64(store.Microseconds())/float64(n), "µs/change")
		b.ReportMetric(float64(store)/float64(bare), "ratio")
	})
	b.Run("postgres", func(b *testing.B) {
		db := testdb.Postgres(b)
		add := newAdder(b, db)
		n := 0
		for b.Loop() {
			n++
			add.commit(b, db, 1)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/change")
	})
}

// What one of many changes in one transaction costs, each in a savepoint of its
// own, and how much of it is the transaction.
func BenchmarkManyChanges(b *testing.B) {
	const together = 64
	for name, open := range map[string]func(testing.TB) store.Store{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			add := newAdder(b, db)
			n, used := 0, cpuTime()
			for b.Loop() {
				n += together
				add.commit(b, db, together)
			}
			b.ReportMetric(float64((cpuTime()-used).Microseconds())/float64(n), "cpu-µs/change")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/change")
		})
	}
}

// adder adds people to groups, of an organization with enough of both.
type adder struct {
	org  countersign.OrganizationID
	next int
	leaf []byte
	hash []byte
}

const (
	adderUsers  = 10_000
	adderGroups = 100
)

func newAdder(b *testing.B, db store.Store) *adder {
	b.Helper()
	a := &adder{org: "0190a5d0-0000-7000-8000-000000000000", leaf: make([]byte, 900), hash: make([]byte, 32)}
	found(b, db, a.org)
	err := db.Write(b.Context(), a.org, func(tx store.WriteTx) error {
		groups := make([]store.GroupRow, adderGroups)
		for i := range groups {
			groups[i] = store.GroupRow{NameKey: benchID(i), Group: countersign.Group{ID: countersign.GroupID(benchID(i)), Number: int64(i), State: countersign.GroupActive}}
		}
		return errors.Join(fillBatch(b.Context(), tx, 0, adderUsers), tx.PutGroups(b.Context(), groups))
	})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// commit adds count people in one transaction: more than one, each in a savepoint.
func (a *adder) commit(b *testing.B, db store.Store, count int) {
	ctx, cancel := context.WithCancel(b.Context()) // as that of a request
	defer cancel()
	err := db.Write(ctx, a.org, func(tx store.WriteTx) error {
		if count == 1 {
			return a.add(ctx, tx)
		}
		for range count {
			if err := tx.Savepoint(ctx, func() error { return a.add(ctx, tx) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (a *adder) add(ctx context.Context, tx store.WriteTx) error {
	a.next++
	n := adderUsers + a.next
	m := benchMembership(n)
	// Users from all over the organization, but those who are in groups already.
	const free = adderUsers / 2
	m.UserID = countersign.UserID(benchID(free + a.next*7919%free))
	m.GroupID = countersign.GroupID(benchID(a.next / free % adderGroups))
	head, err := tx.Head(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Organization(ctx); err != nil {
		return err
	}
	if _, err := tx.User(ctx, m.UserID); err != nil {
		return err
	}
	if _, err := tx.Group(ctx, m.GroupID); err != nil {
		return err
	}
	if _, err := tx.MembershipOf(ctx, m.UserID, m.GroupID); !errors.Is(err, countersign.NotFound) && err != nil {
		return err
	}
	if _, err := tx.Allot(ctx, store.MembershipNumbers, 1); err != nil {
		return err
	}
	if err := tx.PutMembership(ctx, m); err != nil {
		return err
	}
	if err := tx.TouchMembers(ctx, m.GroupID, head.Size+1); err != nil {
		return err
	}
	e := countersign.AuditEntry{
		Index: head.Size, Kind: countersign.EntryApplied, Time: time.UnixMicro(1_700_000_000_000_000), Leaf: a.leaf,
		Openings: map[string]countersign.Opening{benchID(1): {Field: "name", Salt: benchID(2), Value: `"Somebody"`}},
	}
	facts := []countersign.Fact{
		countersign.Fact("membership:" + m.ID), countersign.Fact("group:" + m.GroupID + ":members"), countersign.Fact("user:" + m.UserID),
	}
	next := countersign.Head{Size: head.Size + 1, Time: e.Time, Frontier: a.hash}
	return tx.AppendEntry(ctx, e, facts, 2*head.Size, [][]byte{a.hash, a.hash}, next)
}

func bareInsert(b *testing.B) func(n int) {
	b.Helper()
	db, err := sqlstore.BareSQLite(filepath.Join(b.TempDir(), "bare.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(b.Context(), "create table rows (id text primary key, value text not null) strict, without rowid"); err != nil {
		b.Fatal(err)
	}
	insert, err := db.PrepareContext(b.Context(), "insert into rows (id, value) values ($1, $2)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { insert.Close() })
	return func(n int) {
		if _, err := insert.ExecContext(b.Context(), fmt.Sprintf("0190a5d0-0000-7000-8000-%012d", n), "value"); err != nil {
			b.Fatal(err)
		}
	}
}

// What a roster pays to load an organization, per row, beside the least it could
// pay: the same columns of the same rows through plain database/sql, looked at by
// nobody.
func BenchmarkLoad(b *testing.B) {
	const org, batches, batch = "0190a5d0-0000-7000-8000-000000000000", 10, 10_000
	for name, open := range map[string]func(testing.TB) store.Store{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := open(b).(*testdb.DB)
			found(b, db, org)
			for i := range batches {
				err := db.Write(b.Context(), org, func(tx store.WriteTx) error { return fillBatch(b.Context(), tx, i*batch, batch) })
				if err != nil {
					b.Fatal(err)
				}
			}
			_, read := db.Pools()
			for _, table := range []string{"users", "memberships"} {
				q := livingStatement(b, db, table)
				b.Run(table+"/bare", func(b *testing.B) {
					perRow(b, batches*batch, func() int { return bareScan(b, read, q, org) })
				})
			}
			b.Run("users/living", func(b *testing.B) {
				perRow(b, batches*batch, func() int { return countRows(b, db, org, store.ReadTx.LivingUsers) })
			})
			b.Run("memberships/living", func(b *testing.B) {
				perRow(b, batches*batch, func() int { return countRows(b, db, org, store.ReadTx.LivingMemberships) })
			})
		})
	}
}

// fillBatch writes count users and as many memberships.
func fillBatch(ctx context.Context, tx store.WriteTx, from, count int) error {
	users := make([]store.UserRow, count)
	memberships := make([]countersign.Membership, count)
	for i := range count {
		n := from + i
		email := fmt.Sprintf("user%d@example.com", n)
		users[i] = store.UserRow{EmailKey: email, User: countersign.User{
			ID: countersign.UserID(benchID(n)), Number: int64(n), Type: countersign.Person, State: countersign.UserActive,
			Name: "Somebody", Email: email, Version: int64(n),
		}}
		if n%10 == 0 {
			users[i].User.Permissions = []countersign.Permission{"users.read"}
		}
		memberships[i] = benchMembership(n)
	}
	return errors.Join(tx.PutUsers(ctx, users), tx.PutMemberships(ctx, memberships))
}

// livingStatement finds the text by which a table's living rows are read.
func livingStatement(b *testing.B, db *testdb.DB, table string) string {
	b.Helper()
	for _, q := range db.Statements() {
		if strings.Contains(q, "from "+table) && strings.Contains(q, "organization_id = $1 and state <>") {
			return q
		}
	}
	b.Fatal("no statement reads living " + table)
	return ""
}

func perRow(b *testing.B, rows int, load func() int) {
	b.Helper()
	loads, used := 0, cpuTime()
	for b.Loop() {
		loads++
		if got := load(); got != rows {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64((cpuTime()-used).Nanoseconds())/float64(loads*rows), "cpu-ns/row")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(loads*rows), "ns/row")
}

func bareScan(b *testing.B, db *sql.DB, q string, args ...any) (count int) {
	b.Helper()
	rows, err := db.QueryContext(context.WithoutCancel(b.Context()), q, args...)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	dest := make([]any, len(columns))
	for i := range dest {
		dest[i] = new(sql.RawBytes)
	}
	for rows.Next() {
		count++
		if err := rows.Scan(dest...); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return count
}

func countRows[T any](b *testing.B, db store.Store, org countersign.OrganizationID, scan func(store.ReadTx, context.Context, func(T) error) error) (count int) {
	b.Helper()
	err := db.Read(b.Context(), org, func(tx store.ReadTx) error {
		return scan(tx, b.Context(), func(T) error { count++; return nil })
	})
	if err != nil {
		b.Fatal(err)
	}
	return count
}

// What one row of a large operation costs, such as replacing the members of a
// group: others wait for its transaction. Once row by row, once in bulk.
func BenchmarkManyMemberships(b *testing.B) {
	const org, rows = "0190a5d0-0000-7000-8000-000000000000", 20_000
	oneByOne := func(ctx context.Context, tx store.WriteTx, all []countersign.Membership) error {
		for _, m := range all {
			if err := tx.PutMembership(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
	inBulk := func(ctx context.Context, tx store.WriteTx, all []countersign.Membership) error {
		return tx.PutMemberships(ctx, all)
	}
	for name, open := range map[string]func(testing.TB) store.Store{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		for way, put := range map[string]func(context.Context, store.WriteTx, []countersign.Membership) error{"one by one": oneByOne, "in bulk": inBulk} {
			b.Run(name+"/"+way, func(b *testing.B) {
				db := open(b)
				found(b, db, org)
				ctx, cancel := context.WithCancel(b.Context()) // as that of a request
				defer cancel()
				n, used := 0, cpuTime()
				for b.Loop() {
					all := make([]countersign.Membership, rows)
					for i := range all {
						n++
						all[i] = benchMembership(n)
					}
					if err := db.Write(ctx, org, func(tx store.WriteTx) error { return put(ctx, tx, all) }); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((cpuTime()-used).Microseconds())/float64(n), "cpu-µs/row")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/row")
			})
		}
	}
}

// benchMembership is the membership n, of users with ten each in 1000 groups.
func benchMembership(n int) countersign.Membership {
	return countersign.Membership{
		ID: countersign.MembershipID(benchID(n)), Number: int64(n), UserID: countersign.UserID(benchID(n / 10)),
		GroupID: countersign.GroupID(benchID(n * 7919 % 1000)), Role: countersign.GroupMember, State: countersign.MembershipActive,
		CreatedAt: time.UnixMicro(1_700_000_000_000_000), ModifiedAt: time.UnixMicro(1_700_000_000_000_000), Version: int64(n),
	}
}

func benchID(n int) string { return fmt.Sprintf("0190a5d0-0000-7000-8000-%012d", n) }
