package csvimport

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// source hashes what is read, leaves a byte order mark out, and bounds a row.
type source struct {
	from *bufio.Reader
	sum  hash.Hash
	read int
	// begun is true once the mark was looked for.
	begun bool
}

var errRecord = errors.New("is longer than 256 KB; a closing quote may be missing")

// Read implements io.Reader.
func (s *source) Read(b []byte) (int, error) {
	if !s.begun {
		s.begun = true
		if mark, _ := s.from.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
			s.sum.Write(mark)
			_, _ = s.from.Discard(len(mark)) // they were peeked at
		}
	}
	if s.read > maxRecord {
		return 0, errRecord
	}
	n, err := s.from.Read(b)
	s.read += n
	s.sum.Write(b[:n])
	return n, err
}

// table is a file with its header.
type table struct {
	name   string
	source *source
	reader *csv.Reader
	// places of the columns, by name; each column has one.
	places map[string]int
	// last is the line of the row before.
	last int
}

// row is one row with its line.
type row struct {
	table  *table
	line   int
	fields []string
}

func newTable(name string, source *source) (*table, error) {
	t := &table{name: name, source: source, reader: csv.NewReader(source), places: map[string]int{}}
	t.reader.FieldsPerRecord, t.reader.ReuseRecord = -1, true
	header, err := t.next()
	if errors.Is(err, io.EOF) {
		return nil, &FileError{name, 1, "is empty; its first line must name the columns"}
	}
	if err != nil {
		return nil, err
	}
	known, required := Columns(name)
	for i, column := range header.fields {
		column = strings.TrimSpace(column)
		if !slices.Contains(known, column) {
			return nil, &FileError{name, header.line, fmt.Sprintf("has the unknown column %q; known are %s", short(column), strings.Join(known, ", "))}
		}
		if _, twice := t.places[column]; twice {
			return nil, &FileError{name, header.line, "has the column " + column + " twice"}
		}
		t.places[column] = i
	}
	for _, column := range known[:required] {
		if _, ok := t.places[column]; !ok {
			return nil, &FileError{name, header.line, "lacks the column " + column}
		}
	}
	return t, nil
}

func short(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// next reads a row; io.EOF after the last.
func (t *table) next() (row, error) {
	t.source.read = 0
	fields, err := t.reader.Read()
	if errors.Is(err, io.EOF) {
		return row{}, io.EOF
	}
	line := t.last + 1
	if len(fields) > 0 {
		line, _ = t.reader.FieldPos(0)
	}
	t.last = line
	var wrong *csv.ParseError
	switch {
	case errors.As(err, &wrong):
		return row{}, &FileError{t.name, wrong.Line, wrong.Err.Error()}
	case errors.Is(err, errRecord):
		return row{}, &FileError{t.name, line, errRecord.Error()}
	case err != nil:
		return row{}, fmt.Errorf("reading %s: %w", t.name, err)
	}
	return row{t, line, fields}, nil
}

// cell is the value of a column, without blanks around it; a column that the file
// does not have is empty.
func (r row) cell(column string) string {
	i, ok := r.table.places[column]
	if !ok || i >= len(r.fields) {
		return ""
	}
	// A copy: the reader uses its memory again.
	return strings.Clone(strings.TrimSpace(r.fields[i]))
}

func (r row) permissions() []countersign.Permission {
	var list []countersign.Permission
	for p := range strings.FieldsSeq(r.cell("permissions")) {
		list = append(list, countersign.Permission(p))
	}
	return list
}

// moment reads a time of a cell: RFC 3339, or a day, which begins in UTC.
func (r row) moment(column string) (countersign.Opt[time.Time], error) {
	text := r.cell(column)
	if text == "" {
		return countersign.Opt[time.Time]{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return countersign.Some(at.UTC().Truncate(time.Microsecond)), nil
		}
	}
	return countersign.Opt[time.Time]{}, countersign.E(countersign.Invalid, column, "must be a day such as 2027-01-31 or a time such as 2027-01-31T09:30:00Z")
}
