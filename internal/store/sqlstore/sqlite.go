package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/countersign/countersign"
)

// pragma is a setting of a connection, written as it is set and as it reads.
type pragma struct{ name, set, want string }

// pragmas are the settings of every connection. They are read back from each
// one: the engine ignores what it does not understand or cannot do, and a
// database without WAL on a network disk looks like any other until it loses
// something.
func pragmas(writer bool) []pragma {
	list := []pragma{
		{"busy_timeout", "10000", "10000"},
		{"journal_mode", "wal", "wal"},
		// FULL: NORMAL may lose the last commits when the power goes.
		{"synchronous", "full", "2"},
		{"foreign_keys", "1", "1"},
		// Erased personal data must be gone from the file as well.
		{"secure_delete", "1", "1"},
		// Nothing is sorted that does not fit, and no copy of it lands elsewhere.
		{"temp_store", "memory", "2"},
		{"trusted_schema", "0", "0"},
		// A load of many rows must not leave the log that large for ever.
		{"journal_size_limit", "67108864", "67108864"},
		// Moving the log into the file takes two more syncs: every 32 MB, not every 4,
		// it happens an eighth as often, and to pages that changed again meanwhile.
		{"wal_autocheckpoint", "8000", "8000"},
	}
	if writer {
		// 64 MB: the upper levels of every index a write touches.
		return append(list, pragma{"cache_size", "-65536", "-65536"})
	}
	// Scans read each page once, and points need few: 16 MB for each reader.
	// The last one makes sure that a reader stays one.
	return append(list, pragma{"cache_size", "-16384", "-16384"}, pragma{"query_only", "1", "1"})
}

// openSQLite opens a file for this DB alone. The order matters: lock, create,
// connect, migrate, and only then readers.
func openSQLite(ctx context.Context, path string) (_ *engine, err error) {
	file, err := resolve(path)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(file)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Unlock()
		}
	}()
	if err := create(file); err != nil {
		return nil, err
	}
	// Exactly one writer, whose transactions begin by taking the write lock.
	write, err := openPool(file, pragmas(true), "immediate", 1)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = write.Close()
		}
	}()
	if err := write.PingContext(ctx); err != nil {
		return nil, explain("opening the database file", err, classifySQLite(err))
	}
	if err := migrate(ctx, write, goose.DialectSQLite3, "sqlite"); err != nil {
		return nil, err
	}
	// More readers than processors halve the throughput of this driver.
	read, err := openPool(file, pragmas(false), "deferred", max(2, runtime.GOMAXPROCS(0)))
	if err != nil {
		return nil, err
	}
	return &engine{
		write: &pool{db: write, link: linkSQLite(beginWriting)},
		read:  &pool{db: read, link: linkSQLite(beginReading), readOnly: true},
		rows:  `(select value ->> 'w' as w, value ->> 'n' as n from json_each($2)) as list`,
		// No statement travels anywhere, and the driver looks for a parameter
		// among all there are: several rows at once were no faster, many slower.
		sizes:     []int{1},
		watch:     watchNobody,
		exclusive: true,
		classify:  classifySQLite, classifyCommit: classifySQLiteCommit,
		close: func() error { return closeSQLite(read, write, lock) },
	}, nil
}

// resolve follows links, so that two names of a file meet at one lock.
func resolve(path string) (string, error) {
	if path == "" || strings.HasPrefix(path, ":") || strings.HasSuffix(path, string(filepath.Separator)) {
		return "", countersign.E(countersign.Invalid, "db", "must name a file: a directory cannot be kept in memory only")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("naming the database file: %w", err)
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		if real, err = filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			return filepath.Join(real, filepath.Base(path)), nil
		}
	}
	if err != nil {
		return "", countersign.E(unavailable, "db", "the database file cannot be reached: "+reason(err)).Caused(err)
	}
	return real, nil
}

// lockFile keeps every other DB away from the file, in this process or another.
// The database file itself must not be opened before: closing it again would
// drop the engine's own locks if this process had it open already.
func lockFile(file string) (*flock.Flock, error) {
	name := file + ".lock"
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, countersign.E(unavailable, "db", "the lock file beside the database cannot be taken: "+reason(err)).Caused(err)
	}
	if locked {
		// Only for the message below, so a failure does not matter.
		_ = os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
		return lock, nil
	}
	by := "another process"
	if text, err := os.ReadFile(name); err == nil { //nolint:gosec // the file beside the database the operator named
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			by = "process " + strconv.Itoa(pid)
		}
	}
	return nil, countersign.Code(unavailable, "database_in_use", "db",
		filepath.Base(file)+" is in use by "+by+": stop that one first, or name another file; only one program can keep a SQLite database")
}

// create makes the file before the engine would, to say who may read it; the
// engine gives its companions the same rights.
func create(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // named by the operator
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return countersign.E(unavailable, "db", "the database file cannot be created: "+reason(err)).Caused(err)
	}
	return f.Close()
}

// reason is the system's word for what went wrong, without the path.
func reason(err error) string {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

func openPool(file string, settings []pragma, begin string, size int) (*sql.DB, error) {
	// Double-quoted text that is no column is a mistake, never a string, and no
	// statement can reach the pages beneath the tables.
	query := url.Values{"_txlock": {begin}, "_dqs": {"0"}, "_defensive": {"1"}}
	for _, p := range settings {
		query.Add("_pragma", p.name+"("+p.set+")")
	}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(file), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("naming the database file: %w", err)
	}
	db := sql.OpenDB(checked{connector, settings})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// checked is a connector whose connections have the settings they should have.
type checked struct {
	driver.Connector
	settings []pragma
}

// Connect opens a connection and reads its settings back.
func (c checked) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	err = checkPragmas(c.settings, func(name string) (string, error) { return readPragma(ctx, conn, name) })
	able, ok := conn.(sqliteConn)
	if err == nil && !ok {
		err = fmt.Errorf("a connection of SQLite is %T", conn)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &sqliteLink{sqliteConn: able, prepared: map[statement]sqliteStatement{}}, nil
}

// linkSQLite makes links whose transactions begin by first.
func linkSQLite(first statement) func(conn any) link {
	return func(conn any) link {
		l, ok := conn.(*sqliteLink)
		if !ok {
			panic(fmt.Sprintf("a connection of SQLite is %T", conn))
		}
		l.first = first
		return l
	}
}

// checkPragmas refuses a connection on which a setting did not take.
func checkPragmas(settings []pragma, read func(name string) (string, error)) error {
	for _, p := range settings {
		got, err := read(p.name)
		if err != nil {
			return fmt.Errorf("reading the setting %s: %w", p.name, err)
		}
		if got != p.want {
			return countersign.E(unavailable, "db", fmt.Sprintf(
				"SQLite setting %s is %q here and must be %q; is the file on a network disk or read-only?", p.name, got, p.want))
		}
	}
	return nil
}

func readPragma(ctx context.Context, conn driver.Conn, name string) (string, error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return "", errors.New("the driver cannot be asked")
	}
	rows, err := q.QueryContext(ctx, "pragma "+name, nil)
	if err != nil {
		return "", err
	}
	value := make([]driver.Value, 1)
	err = rows.Next(value)
	if errors.Is(err, io.EOF) {
		err = errors.New("the engine does not know it")
	}
	return fmt.Sprint(value[0]), errors.Join(err, rows.Close())
}

// closeSQLite ends the readers first, so that nothing keeps the checkpoint from
// moving the whole log into the file, and lets go of the lock last.
func closeSQLite(read, write *sql.DB, lock *flock.Flock) error {
	err := read.Close()
	_, checkpoint := write.ExecContext(context.Background(), "pragma wal_checkpoint(truncate)")
	return errors.Join(err, checkpoint, write.Close(), lock.Unlock())
}

func classifySQLite(err error) failure {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return failure{}
	}
	switch e.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY:
		return failure{index: uniqueIndex(e.Error())}
	}
	switch e.Code() & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return failure{kind: unavailable, transient: true}
	case codes.SQLITE_FULL, codes.SQLITE_IOERR, codes.SQLITE_CANTOPEN, codes.SQLITE_READONLY, codes.SQLITE_NOMEM,
		codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB, // for an operator to mend
		codes.SQLITE_PROTOCOL, codes.SQLITE_INTERRUPT:
		return failure{kind: unavailable}
	}
	return failure{}
}

// classifySQLiteCommit: after an I/O error the commit is undone in this process,
// but part of it may stand in the log, and a crash right now could revive it.
func classifySQLiteCommit(err error) failure {
	f := classifySQLite(err)
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Code()&0xff == codes.SQLITE_IOERR {
		f = failure{kind: unavailable, unknown: true}
	}
	return f
}

// uniqueIndex finds the index by its columns, the only thing this engine says
// about it: "UNIQUE constraint failed: users.organization_id, users.email_key".
func uniqueIndex(message string) string {
	_, columns, _ := strings.Cut(message, "UNIQUE constraint failed: ")
	columns, _, _ = strings.Cut(columns, " (")
	for _, c := range conflicts() {
		if c.columns == columns {
			return c.index
		}
	}
	return ""
}
