package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// rollbackLimit is how long the server may take to acknowledge a rollback;
	// after that its connection is dropped, which rolls back as well.
	rollbackLimit = 5 * time.Second
	// commitLimit is how long we wait for the answer to a commit, which may have
	// to reach a standby first, before its outcome counts as unknown.
	commitLimit = 30 * time.Second
)

// postgresLink is a connection of PostgreSQL, whose driver keeps prepared
// statements by itself.
type postgresLink struct {
	conn    *pgx.Conn
	options pgx.TxOptions
	tx      pgx.Tx
}

// newPostgresLink takes a connection as it is kept by database/sql.
func newPostgresLink(conn any, options pgx.TxOptions) link {
	c, ok := conn.(*stdlib.Conn)
	if !ok {
		panic(fmt.Sprintf("a connection of PostgreSQL is %T", conn))
	}
	return &postgresLink{conn: c.Conn(), options: options}
}

func (l *postgresLink) begin(ctx context.Context) (err error) {
	l.tx, err = l.conn.BeginTx(ctx, l.options)
	return err
}

func (l *postgresLink) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, commitLimit)
	defer cancel()
	return l.tx.Commit(ctx)
}

func (l *postgresLink) rollback(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rollbackLimit)
	defer cancel()
	return l.tx.Rollback(ctx)
}

func (l *postgresLink) exec(ctx context.Context, q statement, args []any) (int64, error) {
	done, err := l.conn.Exec(ctx, string(q), args...)
	return done.RowsAffected(), err
}

// execAll sends all statements before it waits for the first answer.
func (l *postgresLink) execAll(ctx context.Context, calls []call) (at int, touched int64, err error) {
	if len(calls) == 0 {
		return 0, 0, nil
	}
	if len(calls) == 1 {
		touched, err = l.exec(ctx, calls[0].text, calls[0].args)
		return 0, touched, err
	}
	var batch pgx.Batch
	for _, c := range calls {
		batch.Queue(string(c.text), c.args...)
	}
	answers := l.conn.SendBatch(ctx, &batch)
	for i := range calls {
		done, err := answers.Exec()
		if err != nil {
			_ = answers.Close() // tells the same again
			return i, 0, err
		}
		touched = done.RowsAffected()
	}
	return 0, touched, answers.Close()
}

// query takes columns as they came in.
func (l *postgresLink) query(ctx context.Context, q statement, args []any, columns []column, fn func() error) error {
	rows, err := l.conn.Query(ctx, string(q), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	formats := rows.FieldDescriptions()
	for rows.Next() {
		for i, wire := range rows.RawValues() {
			if err := columns[i].receive(wire, formats[i].Format == pgx.BinaryFormatCode); err != nil {
				return err
			}
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}
