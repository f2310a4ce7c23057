package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The formats of -o.
const (
	asTable = "table"
	asJSON  = "json"
	asCSV   = "csv"
)

// column is one member of an object as people read it. Its name is the header of
// the CSV, and in capitals that of the table.
type column[T any] struct {
	name string
	cell func(T) string
	// full columns are left out of tables of several rows, which must fit a screen.
	full bool
	// exact columns are written to CSV as they are: a secret may begin with a dash,
	// and with an apostrophe before it would not work.
	exact bool
}

// brief are the columns of a table of several rows.
func brief[T any](columns []column[T]) []column[T] {
	var kept []column[T]
	for _, c := range columns {
		if !c.full {
			kept = append(kept, c)
		}
	}
	return kept
}

func cells[T any](columns []column[T], row T) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.cell(row)
	}
	return out
}

func names[T any](columns []column[T]) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name
	}
	return out
}

// writer takes rows page by page, in one of the formats that have rows.
type writer interface {
	rows(rows [][]string) error
}

func writerFor[T any](s *session, columns []column[T]) writer {
	if s.format() != asCSV {
		return &tableWriter{to: s.out, header: names(columns)}
	}
	w := &csvWriter{to: csv.NewWriter(s.out), header: names(columns)}
	for _, c := range columns {
		w.exact = append(w.exact, c.exact)
	}
	return w
}

// tableWriter lines up columns. It does so page by page, because a list may be
// longer than memory: a column only ever grows.
type tableWriter struct {
	to     io.Writer
	header []string
	widths []int
}

func (t *tableWriter) rows(rows [][]string) error {
	first := t.widths == nil
	if first {
		t.widths = make([]int, len(t.header))
		heads := make([]string, len(t.header))
		for i, name := range t.header {
			heads[i] = strings.ToUpper(strings.ReplaceAll(name, "_", " "))
		}
		rows = append([][]string{heads}, rows...)
	}
	for n, row := range rows {
		for i, cell := range row {
			if n > 0 || !first {
				row[i] = orDash(visible(cell))
			}
			t.widths[i] = max(t.widths[i], cellWidth(row[i]))
		}
	}
	var b bytes.Buffer
	for _, row := range rows {
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", t.widths[i]-cellWidth(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := t.to.Write(b.Bytes())
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// csvWriter writes RFC 4180, for spreadsheets and scripts.
type csvWriter struct {
	to     *csv.Writer
	header []string
	exact  []bool
	begun  bool
}

func (c *csvWriter) rows(rows [][]string) error {
	if !c.begun {
		c.begun = true
		rows = append([][]string{c.header}, rows...)
	}
	for _, row := range rows {
		for i, cell := range row {
			if !c.exact[i] {
				row[i] = neutral(cell)
			}
		}
	}
	if err := c.to.WriteAll(rows); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

// printRows writes a list that is already whole.
func printRows[T any](s *session, columns []column[T], rows []T) error {
	if s.format() == asTable {
		columns = brief(columns)
	}
	lines := make([][]string, len(rows))
	for i, row := range rows {
		lines[i] = cells(columns, row)
	}
	return writerFor(s, columns).rows(lines)
}

// printOne writes one object in full: for people as lines of name and value, for
// programs as a list of one.
func printOne[T any](s *session, columns []column[T], object T, raw []byte) error {
	switch s.format() {
	case asJSON:
		return s.printJSON(raw)
	case asCSV:
		return printRows(s, columns, []T{object})
	default:
		return s.printLines(names(columns), cells(columns, object))
	}
}

// printLines writes names and values; what has no value is left out.
func (s *session) printLines(names, values []string) error {
	widest := 0
	for i, name := range names {
		if values[i] != "" {
			widest = max(widest, len(name))
		}
	}
	var b bytes.Buffer
	for i, name := range names {
		if values[i] != "" {
			fmt.Fprintf(&b, "%-*s  %s\n", widest, strings.ReplaceAll(name, "_", " "), visible(values[i]))
		}
	}
	_, err := s.out.Write(b.Bytes())
	return err
}

// printJSON writes the API's own JSON, indented.
func (s *session) printJSON(raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil // the answer had no body: what was deleted is gone
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	b.WriteByte('\n')
	_, err := s.out.Write(quietJSON(b.Bytes()))
	return err
}

// Values as cells. What has none is empty: "-" in a table, nothing in CSV.

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func joined[T ~string](list []T) string {
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = string(item)
	}
	return strings.Join(parts, " ")
}
