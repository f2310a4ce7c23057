package sqlstore

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign"
)

// values turns arguments, where they stand, into what both drivers store alike:
// text, integers and bytes. Times become microseconds, booleans 0 or 1, everything
// else that is not a scalar JSON text.
func values(args []any) error {
	for i, arg := range args {
		v, err := value(arg)
		if err != nil {
			return err
		}
		args[i] = v
	}
	return nil
}

func value(arg any) (any, error) {
	switch arg := arg.(type) {
	case nil, int64:
		return arg, nil
	case int:
		return int64(arg), nil
	case string:
		return arg, checkText(arg)
	case bool:
		if arg {
			return int64(1), nil
		}
		return int64(0), nil
	case time.Time:
		if arg.IsZero() {
			return int64(0), nil
		}
		return arg.UnixMicro(), nil
	case []byte:
		if arg == nil {
			return []byte{}, nil // nil would be null, which the columns refuse
		}
		return arg, nil
	}
	v := reflect.ValueOf(arg)
	switch v.Kind() {
	case reflect.String:
		return v.String(), checkText(v.String())
	case reflect.Slice:
		if v.Len() == 0 {
			return "[]", nil
		}
	case reflect.Map:
		if v.Len() == 0 {
			return "{}", nil
		}
	default:
	}
	text, err := json.Marshal(arg)
	return string(text), err
}

// checkText refuses what PostgreSQL cannot store and SQLite would: text with a
// NUL in it, or that is not UTF-8.
func checkText(s string) error {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return countersign.E(countersign.Invalid, "", "text must be valid UTF-8 without NUL characters")
	}
	return nil
}

// bytesOrNull stores no bytes as null.
func bytesOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// row is one element of a list parameter, see texts.
type row struct {
	Word   string `json:"w"`
	Number int64  `json:"n"`
}

// words makes the list parameter of texts, each once and in order: sorted keys
// are the ones an index takes in fastest.
func words[T ~string](list []T) ([]row, error) {
	rows := make([]row, len(list))
	for i, word := range list {
		if err := checkText(string(word)); err != nil {
			return nil, err
		}
		rows[i].Word = string(word)
	}
	return rows, nil
}

// at reads a time into t, in UTC; 0 is the zero time.
func at(t *time.Time) timeColumn { return timeColumn{t} }

type timeColumn struct{ t *time.Time }

// Scan implements sql.Scanner.
func (c timeColumn) Scan(src any) error {
	n, ok := src.(int64)
	switch {
	case !ok:
		return fmt.Errorf("a time is stored as %T", src)
	case n == 0:
		*c.t = time.Time{}
	default:
		*c.t = time.UnixMicro(n).UTC()
	}
	return nil
}

// asStored is what a time reads as after it was stored.
func asStored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// parsed reads JSON text into v, a pointer to a zero value; empty lists and
// objects read as nil.
func parsed(v any) jsonColumn { return jsonColumn{v} }

type jsonColumn struct{ v any }

// Scan implements sql.Scanner.
func (c jsonColumn) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("a document is stored as %T", src)
	}
	return c.parse([]byte(text))
}

func (c jsonColumn) parse(text []byte) error {
	if len(text) == len("[]") { // of lists and objects only the empty ones are that short
		return nil
	}
	return json.Unmarshal(text, c.v)
}

// bytes reads a blob into b; empty and null ones read as nil.
func bytes(b *[]byte) bytesColumn { return bytesColumn{b} }

type bytesColumn struct{ b *[]byte }

// Scan implements sql.Scanner.
func (c bytesColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok && src != nil {
		return fmt.Errorf("bytes are stored as %T", src)
	}
	*c.b = nil
	if len(b) > 0 {
		*c.b = append([]byte(nil), b...) // the driver owns b
	}
	return nil
}
