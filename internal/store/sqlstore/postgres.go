package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	neturl "net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/countersign/countersign"
)

const (
	// statementTimeout, in milliseconds, is how long one statement may take,
	// waiting for the head row included. A point write takes a millisecond.
	statementTimeout = "30000"
	// idleTimeout ends a transaction whose client has stopped: it holds the
	// writers of an organization.
	idleTimeout = "60000"
	// connectTimeout bounds dialling one address.
	connectTimeout = 10 * time.Second
	// poolSize bounds connections; readers need few, and writers of one
	// organization queue before they take one.
	poolSize = 16
	// longScan lets a read of a whole organization take ten minutes.
	longScan statement = `select set_config('statement_timeout', '600000', true)`
)

func openPostgres(ctx context.Context, url string) (*engine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// Their error repeats the URL, and a password that is not where it
		// expects one with it.
		return nil, countersign.E(countersign.Invalid, "db",
			"is not a PostgreSQL URL of the form postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	if given, err := neturl.Parse(url); err == nil && !given.Query().Has("pool_max_conns") {
		config.MaxConns = poolSize
	}
	if config.ConnConfig.ConnectTimeout == 0 || config.ConnConfig.ConnectTimeout > connectTimeout {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	settings := config.ConnConfig.RuntimeParams
	prefer(settings, "application_name", "countersign")
	if err := checkServer(ctx, config.ConnConfig, settings); err != nil {
		return nil, err
	}
	if err := migratePostgres(ctx, config.ConnConfig.Copy()); err != nil {
		return nil, err
	}
	prefer(settings, "statement_timeout", statementTimeout)
	prefer(settings, "idle_in_transaction_session_timeout", idleTimeout)
	conns, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, explain("connecting", err, classifyPostgres(err))
	}
	db := stdlib.OpenDBFromPool(conns)
	return &engine{
		write: &pool{db: db, link: func(conn any) link { return newPostgresLink(conn, pgx.TxOptions{}) }},
		// Repeatable read is what makes a snapshot of a transaction.
		read: &pool{db: db, readOnly: true, link: func(conn any) link {
			return newPostgresLink(conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		}},
		rows: `json_to_recordset($2::json) as list (w text, n bigint)`,
		// A statement of one row takes four times as long as a row among 128;
		// more gain little, and 65,535 parameters are the most there can be.
		sizes:      []int{128, 16, 1},
		watch:      watchPostgres(config.ConnConfig),
		announce:   announceCommit,
		beforeScan: longScan,
		classify:   classifyPostgres, classifyCommit: classifyPostgresCommit,
		close: func() error {
			err := db.Close()
			conns.Close()
			return err
		},
	}, nil
}

// prefer sets what the operator has not set in the URL.
func prefer(settings map[string]string, name, value string) {
	if _, given := settings[name]; !given {
		settings[name] = value
	}
}

// checkServer refuses a server on which our promises would not hold, and turns
// on what it would do without: a commit that is acknowledged must be on disk.
func checkServer(ctx context.Context, config *pgx.ConnConfig, settings map[string]string) error {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return countersign.E(unavailable, "db", "the PostgreSQL server cannot be reached or refuses us").Caused(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var encoding, commits string
	var standby bool
	err = conn.QueryRow(ctx, `select current_setting('server_encoding'), current_setting('synchronous_commit'), pg_is_in_recovery()`).
		Scan(&encoding, &commits, &standby)
	switch {
	case err != nil:
		return explain("looking at the server", err, classifyPostgres(err))
	case encoding != "UTF8":
		return countersign.E(unavailable, "db", "the database has encoding "+encoding+" and must have UTF8: create it with encoding 'UTF8'")
	case standby:
		return countersign.E(unavailable, "db", "this server is a standby and cannot be written to: name the primary")
	case commits == "off":
		prefer(settings, "synchronous_commit", "on")
	}
	return nil
}

// migratePostgres has connections of its own, without the limits of ours: an
// index on a large table takes its time.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) error {
	db := sql.OpenDB(stdlib.GetConnector(*config))
	defer func() { _ = db.Close() }()
	// Whoever comes second asks every second, for ten minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
	if err != nil {
		return fmt.Errorf("preparing the migration lock: %w", err)
	}
	return migrate(ctx, db, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker))
}

// The codes of PostgreSQL we tell apart: see its appendix A.
const (
	codeUniqueViolation      = "23505"
	codeSerializationFailure = "40001"
	codeDeadlock             = "40P01"
	codeLockNotAvailable     = "55P03"
	codeReadOnly             = "25006"
	codeBadCharacter         = "22021"
	codeUntranslatable       = "22P05"
)

func classifyPostgres(err error) failure {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return classifyConnection(err)
	}
	switch e.Code {
	case codeUniqueViolation:
		return failure{index: e.ConstraintName}
	case codeSerializationFailure, codeDeadlock, codeLockNotAvailable:
		return failure{kind: unavailable, transient: true}
	case codeBadCharacter, codeUntranslatable:
		return failure{kind: countersign.Invalid}
	case codeReadOnly:
		// The primary has become a standby; a new connection may find the new one.
		return failure{kind: unavailable, transient: true}
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08": // connection exceptions
		return failure{kind: unavailable, transient: true}
	case "57": // shut down, crashed, starting, or cancelled for taking too long
		return failure{kind: unavailable, transient: strings.HasPrefix(e.Code, "57P")}
	case "53", "58", "28", "3D": // resources, disk, and what only an operator can mend
		return failure{kind: unavailable}
	}
	return failure{}
}

// classifyConnection looks at an error that is no answer of the server.
func classifyConnection(err error) failure {
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case pgconn.SafeToRetry(err), errors.As(err, &network), errors.As(err, &connect),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, pgconn.ErrConnClosed):
		return failure{kind: unavailable, transient: true}
	}
	return failure{}
}

// classifyPostgresCommit: only an answer that says "not done" makes a failed
// commit certain. A server that ends the connection may have committed before;
// and pgconn.SafeToRetry is not to be asked here: pgx 5.12 calls a connection
// "closed before use" that broke while it waited for the answer.
func classifyPostgresCommit(err error) failure {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.SeverityUnlocalized == "ERROR" && !strings.HasPrefix(e.Code, "08"):
		return classifyPostgres(err)
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return failure{}
	}
	return failure{kind: unavailable, unknown: true}
}
