package box

import (
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// Limits of section 0.2.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxOffset    = 10_000
)

// page is the place in a list that a request asks for.
type page struct {
	limit, offset int
	marked        bool
	after         int64
}

// readPage reads limit, offset, usemarker and marker. Markers are a documented
// part of the users list; on the others they are our addition, without which no
// client could read a long one to its end.
func readPage(q *wire.Query) (page, error) {
	p := page{limit: defaultLimit}
	limit, err := count(q, "limit", codeInvalidLimit)
	if err != nil {
		return p, err
	}
	if q.Has("limit") {
		if limit == 0 {
			return p, countersign.Code(countersign.Invalid, codeInvalidLimit, "limit", "must be at least 1")
		}
		p.limit = min(limit, maxLimit)
	}
	if p.offset, err = count(q, "offset", codeInvalidOffset); err != nil {
		return p, err
	}
	if p.offset > maxOffset {
		return p, countersign.Code(countersign.Invalid, codeBadRequest, "offset", "must not exceed 10000; use usemarker=true to go on")
	}
	p.marked = boolean(q, "usemarker")
	marker := q.String("marker", "", 40)
	if !p.marked {
		return p, q.Err()
	}
	p.offset = 0
	if marker == "" {
		return p, q.Err()
	}
	after, ok := parseNumber(marker)
	if !ok {
		return p, countersign.Code(countersign.Invalid, codeBadRequest, "marker", "must be the next_marker of a page before")
	}
	p.after = after
	return p, q.Err()
}

// count reads a number that is not negative; one too large for anything is cut
// to the largest there is.
func count(q *wire.Query, name, code string) (int, error) {
	text := q.String(name, "0", 40)
	if err := q.Err(); err != nil {
		return 0, err
	}
	if text == "" || strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }) >= 0 {
		return 0, countersign.Code(countersign.Invalid, code, name, "must be a whole number that is not negative")
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 1<<31 - 1, nil //nolint:nilerr // only its size is wrong with it
	}
	return int(n), nil
}

// boolean reads a truth; one client writes it with a capital letter (section 3).
func boolean(q *wire.Query, name string) bool {
	switch text := q.String(name, "", 5); strings.ToLower(text) {
	case "true":
		return true
	case "false", "":
		return false
	default:
		q.Fail(name, "must be true or false")
		return false
	}
}

// numbers is the place as the engine takes it.
func (p page) numbers() countersign.NumberPage {
	return countersign.NumberPage{After: p.after, Offset: p.offset, Limit: p.limit, Uncounted: p.marked}
}

// offsetOut is the envelope of section 0.2.
type offsetOut struct {
	TotalCount int      `json:"total_count"`
	Entries    []object `json:"entries"`
	Limit      int      `json:"limit"`
	Offset     int      `json:"offset"`
}

// markerOut is the envelope of pages with markers; the last one has no next.
type markerOut struct {
	Entries    []object `json:"entries"`
	Limit      int      `json:"limit"`
	NextMarker *string  `json:"next_marker"`
}

// answerList answers one page of rows.
func answerList[T any](c *call, p page, list engine.List[T], number func(*T) int64, show func(*T) object) error {
	entries := make([]object, len(list.Items))
	for i := range list.Items {
		entries[i] = show(&list.Items[i])
	}
	if !p.marked {
		wire.WriteJSON(c.w, 200, offsetOut{TotalCount: list.Total, Entries: entries, Limit: p.limit, Offset: p.offset})
		return nil
	}
	out := markerOut{Entries: entries, Limit: p.limit}
	if list.More && len(list.Items) > 0 {
		next := numberText(number(&list.Items[len(list.Items)-1]))
		out.NextMarker = &next
	}
	wire.WriteJSON(c.w, 200, out)
	return nil
}
