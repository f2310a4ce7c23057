package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/csvimport"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

// The import beside a plain bulk insert of the very rows it made: the same
// tables with the same indexes and settings, rows of parameters in prepared
// statements, a thousand rows in a transaction as in a batch.

func init() { importing = measureImporting } //nolint:gochecknoinits // the hook of measure_import.go

func measureImporting(ctx context.Context, s *session) ([]row, error) {
	dir, err := os.MkdirTemp("", "countersign-import-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // only files of this run
	users := min(s.users, 100_000)           // as the aim says, whatever the others measure
	groups, memberships := max(1, users/50), 3*users
	if err := writeFiles(dir, s.seed, users, groups, memberships); err != nil {
		return nil, err
	}
	var made string
	last := func() {
		if made != "" {
			_ = os.RemoveAll(filepath.Dir(made))
		}
	}
	defer func() { last() }()
	ours := func(ctx context.Context, _ time.Duration) (float64, error) {
		last()
		file, took, err := importInto(ctx, dir)
		made = file
		return took.Seconds() / float64(users+groups+memberships), err
	}
	beside := func(ctx context.Context, _ time.Duration) (float64, error) {
		took, n, err := insertInto(ctx, made)
		if err == nil && n != users+groups+memberships {
			err = fmt.Errorf("%d rows were imported, not %d", n, users+groups+memberships)
		}
		return took.Seconds() / float64(users+groups+memberships), err
	}
	r, err := s.duel(ctx, row{
		Name: "import", Unit: rate, Aim: aim{AtLeast: 0.3}, Ours: "the import, from files to a running server", Beside: "a plain bulk insert, the same settings",
		What:     fmt.Sprintf("%d users, %d groups, %d memberships into a running server", users, groups, memberships),
		Compared: "the rows are those the import made",
	}, ours, beside)
	return []row{r}, err
}

// writeFiles makes the files of an import: nine people to one end user.
func writeFiles(dir string, seed uint64, users, groups, memberships int) error {
	random := rand.New(rand.NewPCG(seed, 2))
	write := func(name string, fn func(w io.Writer)) error {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		var b strings.Builder
		fn(&b)
		_, err = io.WriteString(file, b.String())
		return errors.Join(err, file.Close())
	}
	customer := func(i int) bool { return i%10 == 9 }
	return errors.Join(
		write("users.csv", func(w io.Writer) {
			fmt.Fprintln(w, "type,name,email,role,external_id")
			for i := range users {
				if customer(i) {
					fmt.Fprintf(w, "end_user,Customer %d,,,customer-%d\n", i, i)
					continue
				}
				fmt.Fprintf(w, "person,Person Number %d,person%d@import.example,%s,\n", i, i, []string{"viewer", "trader", "none"}[random.IntN(3)])
			}
		}),
		write("groups.csv", func(w io.Writer) {
			fmt.Fprintln(w, "name,description,permissions")
			for i := range groups {
				fmt.Fprintf(w, "Group %d,The group with the number %d,transactions.create accounts.read\n", i, i)
			}
		}),
		write("memberships.csv", func(w io.Writer) {
			fmt.Fprintln(w, "group,user,role")
			seen := map[[2]int]bool{}
			for len(seen) < memberships {
				p := [2]int{random.IntN(groups), random.IntN(users)}
				if customer(p[1]) || seen[p] {
					continue
				}
				seen[p] = true
				fmt.Fprintf(w, "Group %d,person%d@import.example,\n", p[0], p[1])
			}
		}),
	)
}

// importInto imports the files of a directory into a new organization behind a
// running server; reading the files counts.
func importInto(ctx context.Context, dir string) (file string, took time.Duration, err error) {
	place, err := os.MkdirTemp("", "countersign-imported-*")
	if err != nil {
		return "", 0, err
	}
	file = filepath.Join(place, "countersign.db")
	h := &house{door: door{file: file}}
	defer func() { err = errors.Join(err, h.close()) }()
	if h.db, err = sqlstore.Open(ctx, file, sqlstore.Options{}); err != nil {
		return file, 0, err
	}
	h.closers = append(h.closers, h.db.Close)
	if h.engine, err = newEngine(h.db, file, 0); err != nil {
		return file, 0, err
	}
	founding, err := h.engine.Found(ctx, engine.Founding{Organization: "Import", AdminName: "Ada", AdminEmail: "ada@bench.example"})
	if err != nil {
		return file, 0, err
	}
	h.Token = founding.Token.Reveal()
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return file, 0, err
	}
	h.closers = append(h.closers, log.Close)
	if h.address, err = h.serve(ctx, h.handler(log)); err != nil {
		return file, 0, err
	}
	api := h.client(2)
	began := time.Now()
	err = importFiles(ctx, api, dir)
	return file, time.Since(began), err
}

// importFiles does what the import command does.
func importFiles(ctx context.Context, api *client.Client, dir string) error {
	rows, err := csvimport.Read(dir)
	if err != nil {
		return err
	}
	plan, err := rows.Cut("000102030405060708090a0b0c0d0e0f", false)
	if err != nil {
		return err
	}
	o := client.ImportOpening{Salt: plan.Open.Salt}
	for _, f := range plan.Open.Files {
		o.Files = append(o.Files, client.ImportFile{File: f.File, SHA256: f.SHA256, Rows: int64(f.Rows)})
	}
	for _, b := range plan.Open.Batches {
		o.Batches = append(o.Batches, client.ImportBatchSummary{Digest: b.Digest, Counts: client.ImportCounts{
			Persons: int64(b.Counts.Persons), EndUsers: int64(b.Counts.EndUsers), Groups: int64(b.Counts.Groups), Memberships: int64(b.Counts.Memberships),
		}})
	}
	for _, p := range plan.Open.Permissions {
		o.Permissions = append(o.Permissions, client.Permission(p))
	}
	opened, err := api.OpenImport(ctx, o)
	if err != nil {
		return err
	}
	for from := 0; from < len(plan.Batches); {
		to := from
		for to < len(plan.Batches) && plan.Batches[to].Stage == plan.Batches[from].Stage {
			to++
		}
		errs := make([]error, 2)
		next := make(chan int)
		var wg sync.WaitGroup
		for n := range errs {
			wg.Go(func() {
				for i := range next {
					_, err := api.TakeImportBatch(ctx, opened.Object.ID, i, plan.Batches[i].Body)
					errs[n] = errors.Join(errs[n], err)
				}
			})
		}
		for ; from < to; from++ {
			next <- from
		}
		close(next)
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// insertInto inserts the rows of an imported database into an empty one.
func insertInto(ctx context.Context, imported string) (took time.Duration, rows int, err error) {
	place, err := os.MkdirTemp("", "countersign-inserted-*")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(place)) }()
	file := filepath.Join(place, "countersign.db")
	empty, err := sqlstore.Open(ctx, file, sqlstore.Options{})
	if err != nil {
		return 0, 0, err
	}
	if err := empty.Close(); err != nil {
		return 0, 0, err
	}
	from, err := openRaw(imported)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := openRaw(file, "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "secure_delete(1)", "temp_store(memory)", "trusted_schema(0)",
		"journal_size_limit(67108864)", "cache_size(-65536)")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	for _, table := range []string{"users", "groups", "memberships"} {
		columns, list, err := readTable(ctx, from, table)
		if err != nil {
			return 0, 0, err
		}
		began := time.Now()
		if err := insertTable(ctx, to, table, columns, list); err != nil {
			return 0, 0, err
		}
		took += time.Since(began)
		rows += len(list)
	}
	return took, rows, nil
}

// readTable reads the rows the import made, which is all but those of the founding.
func readTable(ctx context.Context, db *sql.DB, table string) (columns []string, list [][]any, err error) {
	found, err := db.QueryContext(ctx, "select * from "+table+" where rev > 1 order by rev, number")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	if columns, err = found.Columns(); err != nil {
		return nil, nil, err
	}
	for found.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := found.Scan(places...); err != nil {
			return nil, nil, err
		}
		list = append(list, values)
	}
	return columns, list, found.Err()
}

func insertTable(ctx context.Context, db *sql.DB, table string, columns []string, list [][]any) error {
	const many, batch = 100, csvimport.BatchRows
	tuple := "(" + strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",") + ")"
	text := func(n int) string {
		return "insert into " + table + " (" + strings.Join(columns, ",") + ") values " + strings.TrimSuffix(strings.Repeat(tuple+",", n), ",")
	}
	whole, err := db.PrepareContext(ctx, text(many))
	if err != nil {
		return err
	}
	single, err := db.PrepareContext(ctx, text(1))
	if err != nil {
		return errors.Join(err, whole.Close())
	}
	defer func() { err = errors.Join(whole.Close(), single.Close()) }()
	for len(list) > 0 {
		n := min(batch, len(list))
		if err := insertBatch(ctx, db, whole, single, many, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func insertBatch(ctx context.Context, db *sql.DB, whole, single *sql.Stmt, many int, list [][]any) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for len(list) > 0 {
		n, statement := 1, single
		if len(list) >= many {
			n, statement = many, whole
		}
		var args []any
		for _, values := range list[:n] {
			args = append(args, values...)
		}
		if _, err := tx.StmtContext(ctx, statement).ExecContext(ctx, args...); err != nil { //nolint:sqlclosecheck // it ends with its transaction
			return err
		}
		list = list[n:]
	}
	return tx.Commit()
}
