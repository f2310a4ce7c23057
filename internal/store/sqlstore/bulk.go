package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// put is a statement that writes a fixed number of rows.
type put struct {
	rows int
	text statement
}

// puts gives a statement that inserts one row in each of sizes.
func puts(one statement, sizes []int) (list []put) {
	for _, rows := range sizes {
		list = append(list, put{rows, one.times(rows)})
	}
	return list
}

// times gives the text of an insert of one row for many rows. They share the
// first parameter, the organization.
func (q statement) times(rows int) statement {
	const open, shut = "values (", ")"
	before, rest, _ := strings.Cut(string(q), open)
	tuple, after, found := strings.Cut(rest, shut)
	columns := strings.Count(tuple, "$") - 1
	if !found || !strings.HasPrefix(tuple, "$1, $2") {
		panic(fmt.Sprintf("not an insert of one row: %s", q))
	}
	var b strings.Builder
	b.WriteString(before + open)
	for row := range rows {
		if row > 0 {
			b.WriteString("), (")
		}
		b.WriteString("$1")
		for column := range columns {
			fmt.Fprintf(&b, ", $%d", row*columns+column+2)
		}
	}
	b.WriteString(shut + after)
	return statement(b.String())
}

// call is a statement and its arguments.
type call struct {
	text statement
	args []any
}

// puts makes the calls that write count rows by the statement one, or by what its
// puts are in larger sizes; row gives the arguments of a row, without its
// organization.
func (t *writeTx) puts(one statement, count int, row func(i int) []any) (calls []call) {
	next := 0
	for _, p := range t.s.db.texts.puts[one] {
		for ; count-next >= p.rows; next += p.rows {
			args := []any{t.org}
			for i := range p.rows {
				args = append(args, row(next+i)...)
			}
			calls = append(calls, call{p.text, args})
		}
	}
	return calls
}

// putAll writes rows. What they hold is looked at before the first is written,
// so that bad text leaves nothing behind.
func putAll[T any](ctx context.Context, t *writeTx, one statement, rows []T, args func(row *T) []any) error {
	_, err := t.s.execAll(ctx, t.puts(one, len(rows), func(i int) []any { return args(&rows[i]) }))
	return err
}

// lastOfEach drops rows whose id comes again later: PostgreSQL writes a row at
// most once in a statement.
func lastOfEach[T any, K comparable](rows []T, id func(*T) K) []T {
	if len(rows) < 2 {
		return rows
	}
	last := make(map[K]int, len(rows))
	for i := range rows {
		last[id(&rows[i])] = i
	}
	if len(last) == len(rows) {
		return rows
	}
	each := make([]T, 0, len(last))
	for i := range rows {
		if last[id(&rows[i])] == i {
			each = append(each, rows[i])
		}
	}
	return slices.Clip(each)
}
