package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the databases are filled with the driver of the store

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

// founded is what opens a generated organization.
type founded struct {
	Shape        shape                      `json:"shape"`
	Organization countersign.OrganizationID `json:"organization"`
	Admin        countersign.UserID         `json:"admin"`
	Credential   countersign.CredentialID   `json:"credential"`
	Token        string                     `json:"token"`
	// Others are every organization of a deployment of many.
	Others []founded `json:"others,omitempty"`
}

// actor is the admin.
func (f founded) actor() countersign.Actor {
	return countersign.Actor{
		Organization: f.Organization, User: f.Admin, Type: countersign.Person, ResponsiblePerson: f.Admin, Credential: f.Credential,
		Method: countersign.ByToken,
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// generate makes a database with one organization of a shape.
func generate(ctx context.Context, file string, s shape, say progress) error {
	f, err := found(ctx, file, "Bench")
	if err != nil {
		return err
	}
	f.Shape = s
	users, groups, members := s.rows()
	step, done := say.count("making "+s.words(), users+groups+members)
	err = bulkLoad(ctx, file, say, func(tx *sql.Tx) error {
		rev, err := headOf(ctx, tx, f.Organization)
		if err != nil {
			return err
		}
		fill := &filler{tx: tx, organization: string(f.Organization), admin: string(f.Admin), rev: rev, step: step}
		err = fill.fill(ctx, s)
		done()
		return err
	})
	if err != nil {
		return err
	}
	if err := countRows(ctx, file, s); err != nil {
		return err
	}
	return writeFounded(file, f)
}

func (s shape) words() string {
	_, groups, members := s.rows()
	return fmt.Sprintf("%s users, %s groups, %s memberships", grouped(s.Users), grouped(groups), grouped(members))
}

// found lets the store make its schema and the engine found the organization, so
// that there is a log, and an admin with a token.
func found(ctx context.Context, file, name string) (founded, error) {
	db, err := sqlstore.Open(ctx, file, sqlstore.Options{})
	if err != nil {
		return founded{}, err
	}
	f, err := foundIn(ctx, engineOver(db), name)
	return f, errors.Join(err, db.Close())
}

// engineOver is an engine without a key of its own, which founding does not need.
func engineOver(db *sqlstore.DB) *engine.Engine {
	return engine.New(engine.Config{Store: db, Now: time.Now, NewID: newID, Random: rand.Reader, Build: "bench"})
}

func foundIn(ctx context.Context, e *engine.Engine, name string) (founded, error) {
	result, err := e.Found(ctx, engine.Founding{Organization: name, AdminName: "Ada Lovelace", AdminEmail: "ada@founder.example"})
	if err != nil {
		return founded{}, err
	}
	return founded{
		Organization: result.Organization.ID, Admin: result.Admin.ID, Credential: result.Token.Credential, Token: result.Token.Reveal(),
	}, nil
}

func headOf(ctx context.Context, tx *sql.Tx, org countersign.OrganizationID) (int64, error) {
	var size int64
	err := tx.QueryRowContext(ctx, "select size from audit_heads where organization_id = ?", string(org)).Scan(&size)
	return size, err
}

// openRaw opens a database without the store, to fill or to question it.
func openRaw(file string, pragmas ...string) (*sql.DB, error) {
	query := "?_txlock=immediate"
	for _, p := range pragmas {
		query += "&_pragma=" + p
	}
	db, err := sql.Open("sqlite", "file:"+file+query)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// bulkLoad runs fn in one transaction of a database without durability and
// without secondary indexes, which are made again from their own SQL.
func bulkLoad(ctx context.Context, file string, say progress, fn func(*sql.Tx) error) (err error) {
	db, err := openRaw(file, "journal_mode(off)", "synchronous(off)", "locking_mode(exclusive)", "cache_size(-524288)", "temp_store(file)", "threads(2)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	indexes, err := secondaryIndexes(ctx, db)
	if err != nil {
		return err
	}
	statistics, err := readStatistics(ctx, db)
	if err != nil {
		return err
	}
	for _, i := range indexes {
		if _, err := db.ExecContext(ctx, "drop index "+i.name); err != nil {
			return err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	step, done := say.count("making its indexes", len(indexes))
	defer done()
	for _, i := range indexes {
		if _, err := db.ExecContext(ctx, i.text); err != nil {
			return err
		}
		step(1)
	}
	return statistics.restore(ctx, db)
}

// statistics are what the planner was told by the migrations; dropping an index
// takes its line along.
type statistics [][3]any

func readStatistics(ctx context.Context, db *sql.DB) (statistics, error) {
	rows, err := db.QueryContext(ctx, "select tbl, idx, stat from sqlite_stat1")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out statistics
	for rows.Next() {
		var row [3]any
		if err := rows.Scan(&row[0], &row[1], &row[2]); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func (s statistics) restore(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "delete from sqlite_stat1"); err != nil {
		return err
	}
	for _, row := range s {
		if _, err := db.ExecContext(ctx, "insert into sqlite_stat1 (tbl, idx, stat) values (?, ?, ?)", row[:]...); err != nil {
			return err
		}
	}
	return nil
}

type index struct{ name, text string }

// secondaryIndexes are those with a text of their own.
func secondaryIndexes(ctx context.Context, db *sql.DB) ([]index, error) {
	rows, err := db.QueryContext(ctx, `select name, sql from sqlite_master where type = 'index' and sql is not null
		and tbl_name in ('users', 'groups', 'memberships') order by tbl_name, name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []index
	for rows.Next() {
		var i index
		if err := rows.Scan(&i.name, &i.text); err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// countRows compares what is in the file with what should be.
func countRows(ctx context.Context, file string, s shape) (err error) {
	db, err := openRaw(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	users, groups, members := s.rows()
	for table, want := range map[string]int{"users": users + 1, "groups": groups, "memberships": members} {
		var got int
		if err := db.QueryRowContext(ctx, "select count(*) from "+table).Scan(&got); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s has %d rows, not %d", table, got, want)
		}
	}
	return nil
}

// The token stands beside the database: both are made up.
func writeFounded(file string, f founded) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file+".json", text, 0o600)
}

func readFounded(file string) (founded, error) {
	var f founded
	text, err := os.ReadFile(file + ".json")
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}
