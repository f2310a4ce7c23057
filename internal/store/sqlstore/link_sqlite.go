package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
	driver.Pinger
}

type sqliteStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// sqliteLink is a connection of SQLite with its prepared statements.
//
// Statements run to their end: given a context that can end, the driver starts a
// goroutine for each, and asks it for each row, which costs more than most
// statements. The context is asked in between instead, and in long results now
// and then.
type sqliteLink struct {
	sqliteConn
	first    statement // how a transaction begins
	prepared map[statement]sqliteStatement
	args     []driver.NamedValue // used again by each statement
}

const (
	beginReading statement = `begin deferred`
	beginWriting statement = `begin immediate` // takes the lock of all writers
	commitAll    statement = `commit`
	rollbackAll  statement = `rollback`
)

func (l *sqliteLink) begin(ctx context.Context) error {
	_, err := l.exec(ctx, l.first, nil)
	if err != nil && errors.Is(err, ctx.Err()) {
		err = errors.Join(err, l.rollback(ctx)) // it may have begun
	}
	return err
}

func (l *sqliteLink) commit(ctx context.Context) error {
	_, err := l.exec(ctx, commitAll, nil)
	return err
}

func (l *sqliteLink) rollback(ctx context.Context) error {
	_, err := l.exec(context.WithoutCancel(ctx), rollbackAll, nil)
	return err
}

func (l *sqliteLink) exec(ctx context.Context, q statement, args []any) (int64, error) {
	s, err := l.ready(ctx, q)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), l.named(args))
	if err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (l *sqliteLink) execAll(ctx context.Context, calls []call) (at int, touched int64, err error) {
	for i, c := range calls {
		if touched, err = l.exec(ctx, c.text, c.args); err != nil {
			return i, 0, err
		}
	}
	return 0, touched, nil
}

func (l *sqliteLink) query(ctx context.Context, q statement, args []any, columns []column, fn func() error) (err error) {
	const now = 1 << 8
	s, err := l.ready(ctx, q)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), l.named(args))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(columns))
	for n := 1; ; n++ {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		for i, c := range columns {
			if err := c.Scan(values[i]); err != nil {
				return err
			}
		}
		if err := fn(); err != nil {
			return err
		}
		if n%now == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// ready returns a statement as it is prepared on this connection.
func (l *sqliteLink) ready(ctx context.Context, q statement) (sqliteStatement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s := l.prepared[q]; s != nil {
		return s, nil
	}
	return l.prepare(q)
}

func (l *sqliteLink) prepare(q statement) (sqliteStatement, error) {
	prepared, err := l.Prepare(string(q))
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", q, err)
	}
	s, ok := prepared.(sqliteStatement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a statement of SQLite is %T", prepared), prepared.Close())
	}
	l.prepared[q] = s
	return s, nil
}

func (l *sqliteLink) prepareAll(all []statement) error {
	for _, q := range all {
		if _, err := l.prepare(q); err != nil {
			return err
		}
	}
	return nil
}

// named gives arguments as the driver wants them, until the next call.
func (l *sqliteLink) named(args []any) []driver.NamedValue {
	l.args = l.args[:0]
	for i, arg := range args {
		l.args = append(l.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return l.args
}

// Close closes the statements first: they belong to the connection.
func (l *sqliteLink) Close() error {
	var all error
	for _, s := range l.prepared {
		all = errors.Join(all, s.Close())
	}
	return errors.Join(all, l.sqliteConn.Close())
}
