package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/countersign/countersign/internal/names"
)

// sqlSide is the table of users in a database of its own, as somebody would keep
// it who answers lists with SQL: one organization, so that no query has to name
// it, the folded name in a column, a cache that holds everything, and statements
// prepared once.
type sqlSide struct{ db *sql.DB }

// plan is what the database says about a query.
type plan struct {
	Query   string   `json:"query"`
	Indexes []string `json:"indexes,omitempty"`
	Steps   []string `json:"steps"`
	Kept    bool     `json:"kept"`
	// Trial is the best of three tries, in seconds.
	Trial float64 `json:"trial"`
}

// registerFold makes names.Fold known to SQL, once in a process.
var registerFold = sync.OnceValue(func() error {
	return sqlite.RegisterDeterministicScalarFunction("fold", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, _ := args[0].(string)
		return names.Fold(text), nil
	})
})

// sqlCopy is how the users of a world are copied: the name of the copy, and the
// query over world.users that gives a user's columns.
type sqlCopy struct{ name, rows string }

var plainUsers = sqlCopy{"sql-", "select " + userColumns + ", email_key, fold(name) from world.users order by id"}

// openSQLSide copies the users of a world, once, and opens a copy of that.
func openSQLSide(ctx context.Context, c *cache, s shape, as sqlCopy) (*sqlSide, func() error, error) {
	master, err := sqlMaster(ctx, c, s, as)
	if err != nil {
		return nil, nil, err
	}
	file, remove, err := c.copied(master)
	if err != nil {
		return nil, nil, err
	}
	db, err := openRaw(file, "journal_mode(wal)", "synchronous(full)", "temp_store(memory)", "cache_size(-1048576)", "analysis_limit(2000)")
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return &sqlSide{db}, func() error { return errors.Join(db.Close(), remove()) }, nil
}

func sqlMaster(ctx context.Context, c *cache, s shape, as sqlCopy) (string, error) {
	world, err := c.world(ctx, s)
	if err != nil {
		return "", err
	}
	return c.master(as.name+s.String(), func(file string) error { return makeSQLSide(ctx, file, world, as, c.say) })
}

// sqlTable has a number of its own as its key, which makes every index smaller.
const sqlTable = `create table users (
	seq integer primary key, id text not null unique, number integer not null, type text not null, role text not null, state text not null,
	name text not null, email text not null, external_id text not null, permissions text not null, responsible_person_id text not null,
	allowed_ips text not null, invited_by text not null, device_reset_by text not null, created_at integer not null,
	modified_at integer not null, last_keep_alive_at integer not null, last_active_at integer not null, rev integer not null,
	email_key text not null, name_key text not null
) strict`

func makeSQLSide(ctx context.Context, file, world string, as sqlCopy, say progress) (err error) {
	if err := registerFold(); err != nil {
		return err
	}
	db, err := openRaw(file, "journal_mode(off)", "synchronous(off)", "cache_size(-524288)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "attach ? as world", world); err != nil {
		return err
	}
	step, done := say.count("copying the users for plain SQL", 1)
	defer done()
	_, err = db.ExecContext(ctx, sqlTable+"; insert into users ("+userColumns+", email_key, name_key) "+as.rows+"; detach world")
	if err != nil {
		return err
	}
	step(1)
	return os.WriteFile(file+".json", []byte("{}\n"), 0o600)
}

// userColumns are what a list shows of a user.
const userColumns = `id, number, type, role, state, name, email, external_id, permissions, responsible_person_id, allowed_ips,
	invited_by, device_reset_by, created_at, modified_at, last_keep_alive_at, last_active_at, rev`

// listQuery is a list in SQL.
type listQuery struct {
	where, order  string
	limit, offset int
	// untotalled leaves the exact total out.
	untotalled bool
}

// candidate is one way to answer it.
type candidate struct {
	indexes []string
	// deferred finds the rows first and reads their columns afterwards.
	deferred bool
}

func (q listQuery) rows(c candidate) string {
	const page = " from users where %s order by %s limit %d offset %d"
	tail := fmt.Sprintf(page, q.where, q.order, q.limit, q.offset)
	if !c.deferred {
		return "select " + userColumns + tail
	}
	return "select " + userColumns + " from users where seq in (select seq" + tail + ") order by " + q.order
}

func (q listQuery) count() string { return "select count(*) from users where " + q.where }

// answer is what a list says: which users in which order, and how many there are.
type answer struct {
	ids   []string
	total int
}

// prepared is a list ready to be asked for.
type prepared struct {
	rows, count *sql.Stmt
	columns     []sql.RawBytes
}

func (s *sqlSide) prepare(ctx context.Context, q listQuery, c candidate) (*prepared, error) {
	p := &prepared{columns: make([]sql.RawBytes, 1+strings.Count(userColumns, ","))}
	var err error
	if q.limit > 0 {
		if p.rows, err = s.db.PrepareContext(ctx, q.rows(c)); err != nil {
			return nil, err
		}
	}
	if !q.untotalled {
		p.count, err = s.db.PrepareContext(ctx, q.count())
	}
	return p, err
}

// ask reads every column of every row of the page.
func (p *prepared) ask(ctx context.Context, args ...any) (answer, error) {
	var a answer
	if p.count != nil {
		if err := p.count.QueryRowContext(ctx).Scan(&a.total); err != nil {
			return a, err
		}
	}
	if p.rows == nil {
		return a, nil
	}
	rows, err := p.rows.QueryContext(ctx, args...)
	if err != nil {
		return a, err
	}
	defer rows.Close()
	dest := make([]any, len(p.columns))
	for i := range p.columns {
		dest[i] = &p.columns[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return a, err
		}
		a.ids = append(a.ids, string(p.columns[0]))
	}
	return a, rows.Err()
}

func (p *prepared) close() error {
	var err error
	for _, statement := range []*sql.Stmt{p.rows, p.count} {
		if statement != nil {
			err = errors.Join(err, statement.Close())
		}
	}
	return err
}

// best tries every candidate, sees that all answer the same, and leaves the
// fastest one's indexes in place.
func (s *sqlSide) best(ctx context.Context, q listQuery, candidates []candidate, want answer) (*prepared, []plan, error) {
	plans := make([]plan, len(candidates))
	fastest := 0
	for i, c := range candidates {
		err := s.with(ctx, c, func() error {
			var err error
			plans[i], err = s.try(ctx, q, c, want)
			return err
		})
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", q.rows(c), err)
		}
		if plans[i].Trial < plans[fastest].Trial {
			fastest = i
		}
	}
	plans[fastest].Kept = true
	if err := s.build(ctx, candidates[fastest]); err != nil {
		return nil, nil, err
	}
	p, err := s.prepare(ctx, q, candidates[fastest])
	return p, plans, err
}

// with makes a candidate's indexes for as long as fn runs.
func (s *sqlSide) with(ctx context.Context, c candidate, fn func() error) error {
	if err := s.build(ctx, c); err != nil {
		return err
	}
	return errors.Join(fn(), s.tear(ctx, c))
}

// build also tells the planner about the real data.
func (s *sqlSide) build(ctx context.Context, c candidate) error {
	for i, columns := range c.indexes {
		if _, err := s.db.ExecContext(ctx, fmt.Sprintf("create index own_%d on users %s", i, columns)); err != nil {
			return err
		}
	}
	_, err := s.db.ExecContext(ctx, "analyze main")
	return err
}

func (s *sqlSide) tear(ctx context.Context, c candidate) error {
	for i := range c.indexes {
		if _, err := s.db.ExecContext(ctx, fmt.Sprintf("drop index own_%d", i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlSide) try(ctx context.Context, q listQuery, c candidate, want answer) (_ plan, err error) {
	out := plan{Indexes: c.indexes}
	p, err := s.prepare(ctx, q, c)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	const tries = 3
	for i := range tries {
		began := time.Now()
		got, err := p.ask(ctx)
		if err != nil {
			return out, err
		}
		if past := time.Since(began).Seconds(); i == 0 || past < out.Trial {
			out.Trial = past
		}
		if q.untotalled {
			got.total = want.total
		}
		if err := equal(want, got); err != nil {
			return out, err
		}
	}
	if q.limit > 0 {
		out.Query = q.rows(c)
		if out.Steps, err = s.explain(ctx, out.Query); err != nil {
			return out, err
		}
	}
	if q.untotalled {
		return out, nil
	}
	steps, err := s.explain(ctx, q.count())
	out.Query = strings.TrimPrefix(out.Query+"; "+q.count(), "; ")
	out.Steps = append(out.Steps, steps...)
	return out, err
}

func (s *sqlSide) explain(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "explain query plan "+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		out = append(out, step)
	}
	return out, rows.Err()
}

// equal says where two answers part.
func equal(want, got answer) error {
	if want.total != got.total {
		return fmt.Errorf("the total is %d here and %d there", want.total, got.total)
	}
	if len(want.ids) != len(got.ids) {
		return fmt.Errorf("the page has %d rows here and %d there", len(want.ids), len(got.ids))
	}
	for i := range want.ids {
		if want.ids[i] != got.ids[i] {
			return fmt.Errorf("row %d is %s here and %s there", i, want.ids[i], got.ids[i])
		}
	}
	return nil
}
