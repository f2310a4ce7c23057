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

// What a change costs, against the least that durable storage can cost: one row
// in one table without any other index, in the same engine with the same
// settings. A change writes a user, an entry, its fact, two hashes, an outbox
// row and the head; "ratio" is how many bare inserts take as long. The two
// alternate, so that a disk that is slow for a while is slow for both.
func BenchmarkWrite(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		insert := bareInsert(b)
		write := benchmarkWrite(b, testdb.SQLite(b))
		var bare, store time.Duration
		n := 0
		for b.Loop() {
			n++
			start := b.Elapsed()
			insert(n)
			middle := b.Elapsed()
			write(n)
			bare, store = bare+middle-start, store+b.Elapsed()-middle
		}
		b.ReportMetric(float64(n)/bare.Seconds(), "bare/s")
		b.ReportMetric(float64(n)/store.Seconds(), "writes/s")
		b.ReportMetric(float64(store)/float64(bare), "ratio")
	})
	b.Run("postgres", func(b *testing.B) {
		write := benchmarkWrite(b, testdb.Postgres(b))
		n := 0
		for b.Loop() {
			n++
			write(n)
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "writes/s")
	})
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

func benchmarkWrite(b *testing.B, db store.Store) func(n int) {
	b.Helper()
	const org = "0190a5d0-0000-7000-8000-000000000000"
	found(b, db, org)
	hashes := [][]byte{make([]byte, 32), make([]byte, 32)}
	leaf := make([]byte, 600)
	return func(n int) {
		u := countersign.User{
			ID: countersign.UserID(fmt.Sprintf("0190a5d0-0000-7000-8000-%012d", n)), Number: int64(n), Type: countersign.Person, State: countersign.UserActive,
			Name: "Somebody", Email: fmt.Sprintf("user%d@example.com", n), Permissions: []countersign.Permission{"users.read"}, Version: int64(n),
		}
		err := db.Write(b.Context(), org, func(tx store.WriteTx) error {
			head, err := tx.Head(b.Context())
			if err != nil {
				return err
			}
			if err := tx.PutUser(b.Context(), u, u.Email); err != nil {
				return err
			}
			e := countersign.AuditEntry{Index: head.Size, Kind: countersign.EntryApplied, Leaf: leaf}
			return tx.AppendEntry(b.Context(), e, []countersign.Fact{countersign.UserFact(u.ID)}, 2*head.Size, hashes, countersign.Head{Size: head.Size + 1, Frontier: hashes[0]})
		})
		if err != nil {
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
	loads := 0
	for b.Loop() {
		loads++
		if got := load(); got != rows {
			b.Fatal(got)
		}
	}
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
				n := 0
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
