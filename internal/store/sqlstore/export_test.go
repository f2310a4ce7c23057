package sqlstore

import (
	"database/sql"
	"io/fs"
)

// What tests of the engines need to see from outside: they use testdb, which
// imports this package.

// Pools returns the writer's and the readers' connections.
func (db *DB) Pools() (write, read *sql.DB) { return db.engine.write.db, db.engine.read.db }

// Statements returns the text of every statement.
func (db *DB) Statements() (all []string) {
	for _, q := range db.texts.all() {
		all = append(all, string(q))
	}
	return all
}

// Waiting returns how many lines of writers the queue keeps.
func (db *DB) Waiting() int {
	db.queue.mu.Lock()
	defer db.queue.mu.Unlock()
	return len(db.queue.lines)
}

// Conflicts returns, by index, the columns by which SQLite names it.
func Conflicts() map[string]string {
	all := map[string]string{}
	for _, c := range conflicts() {
		all[c.index] = c.columns
	}
	return all
}

// CheckPragmas checks settings as a connection's are checked.
func CheckPragmas(writer bool, read func(name string) (string, error)) error {
	return checkPragmas(pragmas(writer), read)
}

// Pragmas returns the settings and what they must read as.
func Pragmas(writer bool) map[string]string {
	all := map[string]string{}
	for _, p := range pragmas(writer) {
		all[p.name] = p.want
	}
	return all
}

// Migrations returns the migration files.
func Migrations() fs.FS { return migrations }

// Failure says what a driver's error is taken for.
type Failure struct {
	Kind               string
	Index              string
	Transient, Unknown bool
}

// ClassifyPostgres and ClassifyPostgresCommit show how errors are told apart.
func ClassifyPostgres(err error) Failure       { return show(classifyPostgres(err)) }
func ClassifyPostgresCommit(err error) Failure { return show(classifyPostgresCommit(err)) }

func show(f failure) Failure { return Failure{string(f.kind), f.index, f.transient, f.unknown} }

// BareSQLite opens a file as a writer's, without lock, schema or store.
func BareSQLite(file string) (*sql.DB, error) {
	return openPool(file, pragmas(true), "immediate", 1)
}
