package roster

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// compare orders two rows; 0 means that a later key decides.
type compare[T any] func(a, b T) int

// chain makes the order of a list: the keys in the order given, of each field
// the first one only, then the tail, always ascending. Values are compared as
// the bytes of the folded text (names, emails) or of the word itself (role,
// state, type: admin, none, trader, viewer), and a row without a value comes
// after those that have one, in both directions.
func chain[T any](sort []countersign.SortKey, fields func(field string) (compare[T], bool), tail ...compare[T]) (compare[T], error) {
	var keys []compare[T]
	seen := map[string]bool{}
	for _, k := range sort {
		key, ok := fields(k.Field)
		if !ok {
			return nil, countersign.E(countersign.Invalid, "sort_by", "names a field that the list cannot be ordered by")
		}
		if seen[k.Field] {
			continue
		}
		seen[k.Field] = true
		if k.Descending {
			key = descending(key)
		}
		keys = append(keys, key)
	}
	keys = append(keys, tail...)
	return func(a, b T) int {
		for _, key := range keys {
			if order := key(a, b); order != 0 {
				return settled(order)
			}
		}
		return 0
	}, nil
}

// missing is how a key says "a has no value and b has one" (or, negative, the
// other way round), which no direction turns.
const missing = 2

// descending turns a key, but not its missing values.
func descending[T any](key compare[T]) compare[T] {
	return func(a, b T) int {
		order := key(a, b)
		if order == missing || order == -missing {
			return order
		}
		return -order
	}
}

func settled(order int) int {
	return max(-1, min(order, 1))
}

// byText orders by a text, which is missing when empty.
func byText[T any, S ~string](value func(T) S) compare[T] {
	return func(a, b T) int {
		x, y := value(a), value(b)
		switch {
		case x == y:
			return 0
		case x == "":
			return missing
		case y == "":
			return -missing
		default:
			return strings.Compare(string(x), string(y))
		}
	}
}

// byTime orders by a time, which is missing when zero.
func byTime[T any](value func(T) time.Time) compare[T] {
	return func(a, b T) int {
		x, y := value(a), value(b)
		switch {
		case x.IsZero() && y.IsZero():
			return 0
		case x.IsZero():
			return missing
		case y.IsZero():
			return -missing
		default:
			return x.Compare(y)
		}
	}
}

// window returns the rows from..to of the order, without ordering the others:
// it moves the rows of the list about.
func window[T any](rows []T, order compare[T], from, to int) []T {
	from, to = min(from, len(rows)), min(to, len(rows))
	if from >= to {
		return nil
	}
	partition(rows, order, from)
	rest := rows[from:]
	partition(rest, order, to-from)
	page := rest[:to-from]
	slices.SortFunc(page, order)
	return page
}

// partition moves the n smallest rows to the front: quickselect, median of
// three, with a full sort once the pivots turn out badly.
func partition[T any](rows []T, order compare[T], n int) {
	const small = 32
	for tries := 0; len(rows) > small; tries++ {
		if n <= 0 || n >= len(rows) {
			return
		}
		if tries > 64 {
			break
		}
		lower := split(rows, order)
		if n <= lower {
			rows = rows[:lower]
		} else {
			rows, n = rows[lower:], n-lower
		}
	}
	slices.SortFunc(rows, order)
}

// split parts the rows around a pivot (Hoare) and returns how many are in the
// lower part: at least one, and not all.
func split[T any](rows []T, order compare[T]) int {
	last := len(rows) - 1
	a, b, c := rows[0], rows[last/2], rows[last]
	if order(a, b) > 0 {
		a, b = b, a
	}
	if order(b, c) > 0 {
		b = c
	}
	if order(a, b) > 0 {
		b = a
	}
	i, j := -1, len(rows)
	for {
		for i++; order(rows[i], b) < 0; i++ {
		}
		for j--; order(rows[j], b) > 0; j-- {
		}
		if i >= j {
			return j + 1
		}
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// cut returns the rows of a page and whether rows remain after the last of them.
func cut[T any](rows []T, order compare[T], p countersign.Page, find func(id string) (T, bool)) (page []T, more bool, err error) {
	from, limit := max(p.Offset, 0), max(p.Limit, 0)
	if p.After != "" {
		anchor, ok := find(p.After)
		if !ok {
			return nil, false, countersign.E(countersign.Invalid, "cursor", "names a row that is not there; begin again without a cursor")
		}
		rows = slices.DeleteFunc(rows, func(row T) bool { return order(anchor, row) >= 0 })
		from = 0
	}
	from = min(from, len(rows))
	left := len(rows) - from
	return window(rows, order, from, from+min(limit, left)), limit > 0 && left > limit, nil
}
