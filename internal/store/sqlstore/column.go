package sqlstore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// column is where one column of all rows goes.
type column interface {
	// Scan takes a value of a driver of database/sql, receive takes the bytes that
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
