package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// stream is each for very many rows: it takes them from the driver itself,
// because what database/sql does between costs as much as reading them.
func (s *session) stream(ctx context.Context, q statement, args, dest []any, fn func() error) error {
	args, err := s.ready(ctx, q, args)
	if err != nil {
		return err
	}
	columns, err := columnsOf(dest)
	if err != nil {
		return err
	}
	var mine error // of fn, which is not the database's
	s.scanning = true
	defer func() { s.scanning = false }()
	err = s.conn.Raw(func(conn any) error {
		return s.db.engine.stream(ctx, conn, q, args, columns, func() error {
			mine = fn()
			return mine
		})
	})
	if mine != nil {
		return mine
	}
	if err != nil {
		return s.fail(ctx, q, err)
	}
	return nil
}

// streamSQLite is the stream of SQLite. The driver would ask the context
// at every step, at the price of the step; here it is asked now and then.
func streamSQLite(ctx context.Context, conn any, q statement, args []any, columns []column, fn func() error) (err error) {
	const now = 1 << 8
	if err := ctx.Err(); err != nil {
		return err
	}
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	queryer, ok := conn.(driver.QueryerContext)
	if !ok {
		return fmt.Errorf("a connection of SQLite is %T", conn)
	}
	rows, err := queryer.QueryContext(context.WithoutCancel(ctx), string(q), named)
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

// streamPostgres is the stream of PostgreSQL: columns as they came in.
func streamPostgres(ctx context.Context, conn any, q statement, args []any, columns []column, fn func() error) error {
	c, ok := conn.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("a connection of PostgreSQL is %T", conn)
	}
	rows, err := c.Conn().Query(ctx, string(q), args...)
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

// column is where one column of all rows goes.
type column interface {
	// Scan takes a value as database/sql gives it, receive takes the bytes that
	// PostgreSQL sent, which are not for keeping.
	Scan(value any) error
	receive(wire []byte, isBinary bool) error
}

var errNull = errors.New("a column that cannot be null was null")

// columnsOf finds out once, and not for every row, what the places are.
func columnsOf(dest []any) ([]column, error) {
	columns := make([]column, len(dest))
	for i, d := range dest {
		switch c := d.(type) {
		case timeColumn:
			columns[i] = c
		case jsonColumn:
			columns[i] = c
		case bytesColumn:
			columns[i] = c
		default:
			v := reflect.ValueOf(d).Elem()
			switch v.Kind() {
			case reflect.String:
				columns[i] = &textColumn{v: v}
			case reflect.Int, reflect.Int64, reflect.Bool:
				columns[i] = numberColumn{v}
			default:
				return nil, fmt.Errorf("no column is read into %T", d)
			}
		}
	}
	return columns, nil
}

// textColumn is text, of whatever type. The same text as in the row before,
// as of most states and roles, is not made anew.
type textColumn struct {
	v    reflect.Value
	last string
}

// Scan implements sql.Scanner.
func (c *textColumn) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("text is stored as %T", value)
	}
	c.v.SetString(text)
	return nil
}

func (c *textColumn) receive(wire []byte, _ bool) error {
	if wire == nil {
		return errNull
	}
	if string(wire) != c.last {
		c.last = string(wire)
	}
	c.v.SetString(c.last)
	return nil
}

// numberColumn is a number, or a truth, which is stored as 0 or 1.
type numberColumn struct{ v reflect.Value }

// Scan implements sql.Scanner.
func (c numberColumn) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a number is stored as %T", value)
	}
	if c.v.Kind() == reflect.Bool {
		c.v.SetBool(n != 0)
	} else {
		c.v.SetInt(n)
	}
	return nil
}

func (c numberColumn) receive(wire []byte, isBinary bool) error {
	n, err := number(wire, isBinary)
	if err != nil {
		return err
	}
	return c.Scan(n)
}

func number(wire []byte, isBinary bool) (int64, error) {
	switch {
	case wire == nil:
		return 0, errNull
	case !isBinary:
		return strconv.ParseInt(string(wire), 10, 64)
	case len(wire) == 8:
		return int64(binary.BigEndian.Uint64(wire)), nil
	case len(wire) == 4:
		return int64(int32(binary.BigEndian.Uint32(wire))), nil
	default:
		return 0, fmt.Errorf("a number of %d bytes", len(wire))
	}
}

func (c timeColumn) receive(wire []byte, isBinary bool) error {
	n, err := number(wire, isBinary)
	if err != nil {
		return err
	}
	return c.Scan(n)
}

func (c jsonColumn) receive(wire []byte, _ bool) error {
	if wire == nil {
		return errNull
	}
	return c.parse(wire)
}

func (c bytesColumn) receive(wire []byte, isBinary bool) error {
	if wire == nil || isBinary {
		return c.Scan(wire)
	}
	decoded, err := hex.DecodeString(string(wire[min(2, len(wire)):])) // it begins with \x
	if err != nil {
		return err
	}
	return c.Scan(decoded)
}
