package native

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const (
	defaultLimit = 50
	maxLimit     = 400
	maxPage      = 1_000_000_000
	maxCursor    = 1000
	// maxValues bounds the alternatives of one filter: an URL of 8 KB holds about
	// as many ids, and each costs every row a comparison.
	maxValues = 200
	// maxText bounds a text to search for.
	maxText = 255

	cursorVersion     = 1
	fingerprintDigits = 16
)

// cursor is what next_cursor holds: where to go on, and of which list. It is
// opaque to clients, so that it can change.
type cursor struct {
	Version     int    `json:"v"`
	After       string `json:"a"`
	Fingerprint string `json:"f"`
}

// pager reads the parameters of paging, and makes the cursor of the next page.
type pager struct {
	page countersign.Page
	// fingerprint of everything that must stay the same from page to page.
	fingerprint string
	numbered    bool
}

// paging reads limit and cursor, or page and size. It asks for the parameters
// through q, so that q.Done knows them.
func (c *call) paging(q *wire.Query) pager {
	p := pager{fingerprint: c.listFingerprint()}
	hasLimit, hasCursor, hasPage, hasSize := q.Has("limit"), q.Has("cursor"), q.Has("page"), q.Has("size")
	p.numbered = hasPage || hasSize
	limit := q.Int("limit", defaultLimit, 1, maxLimit)
	after := q.String("cursor", "", maxCursor)
	number := q.Int("page", 1, 1, maxPage)
	size := q.Int("size", defaultLimit, 1, maxLimit)
	switch {
	case p.numbered && hasCursor:
		q.Fail("cursor", "Give limit and cursor, or page and size, not both.")
	case p.numbered && hasLimit:
		q.Fail("limit", "Give limit and cursor, or page and size, not both.")
	case p.numbered:
		p.page = countersign.Page{Offset: int((number - 1) * size), Limit: int(size)}
	default:
		p.page.Limit = int(limit)
	}
	if !hasCursor || p.numbered {
		return p
	}
	var ok bool
	if p.page.After, ok = p.open(after); !ok {
		q.Fail("cursor", "This is not a next_cursor of this list with these filters and this order; begin without one.")
	}
	return p
}

// listFingerprint covers the organization, the path and all parameters but
// those that say where to go on and how far.
func (c *call) listFingerprint() string {
	values := c.r.URL.Query()
	for _, name := range []string{"cursor", "limit", "from"} {
		values.Del(name)
	}
	sum := sha256.Sum256([]byte(string(c.actor.Organization) + " " + c.r.URL.Path + "?" + values.Encode()))
	return hex.EncodeToString(sum[:])[:fingerprintDigits]
}

func (p pager) open(given string) (after string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(given)
	if err != nil {
		return "", false
	}
	var c cursor
	if json.Unmarshal(raw, &c, json.RejectUnknownMembers(true)) != nil {
		return "", false
	}
	return c.After, c.Version == cursorVersion && c.Fingerprint == p.fingerprint && c.After != ""
}

func (p pager) next(after string) text {
	raw := wire.MustEncode(cursor{cursorVersion, after, p.fingerprint})
	return text(base64.RawURLEncoding.EncodeToString(raw))
}

// answerList writes one page. id names the row after which the next one begins.
func answerList[T, Out any](c *call, p pager, rows engine.List[T], id func(T) string, render func(T) (Out, error)) error {
	out := list[Out]{Items: make([]Out, len(rows.Items)), Total: rows.Total}
	for i, row := range rows.Items {
		var err error
		if out.Items[i], err = render(row); err != nil {
			return err
		}
	}
	if last := len(rows.Items) - 1; rows.More && !p.numbered && last >= 0 {
		out.NextCursor = p.next(id(rows.Items[last]))
	}
	return c.answer(rows.Revision, out)
}

// plain makes a renderer of one that cannot fail.
func plain[T, Out any](render func(T) Out) func(T) (Out, error) {
	return func(v T) (Out, error) { return render(v), nil }
}

// whole is a list that always fits one page.
func whole[T, Out any](rows []T, render func(T) Out) list[Out] {
	out := list[Out]{Items: make([]Out, len(rows)), Total: len(rows)}
	for i, row := range rows {
		out.Items[i] = render(row)
	}
	return out
}

// sortKeys reads the order: fields, with "-" before those that descend.
func sortKeys(q *wire.Query, fields []string) []countersign.SortKey {
	words := slices.Clone(fields)
	for _, f := range fields {
		words = append(words, "-"+f)
	}
	var keys []countersign.SortKey
	for _, word := range q.EnumList("sort", words...) {
		field, descending := strings.CutPrefix(word, "-")
		keys = append(keys, countersign.SortKey{Field: field, Descending: descending})
	}
	return keys
}

// ids reads a parameter that may be repeated and holds ids.
func ids[T ~string](q *wire.Query, name string) []T {
	var out []T
	for _, given := range q.List(name, maxValues) {
		id, err := countersign.ParseUUID(name, given)
		if err != nil {
			q.Fail(name, "Every value must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057.")
			return nil
		}
		out = append(out, T(id))
	}
	return out
}

// id reads a parameter that holds one id.
func id[T ~string](q *wire.Query, name string) T {
	if given := q.String(name, "", maxText); given != "" || q.Has(name) {
		parsed, err := countersign.ParseUUID(name, given)
		if err != nil {
			q.Fail(name, "This must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057.")
		}
		return T(parsed)
	}
	return ""
}

// enums reads a parameter that may be repeated and holds words.
func enums[T ~string](q *wire.Query, name string, allowed ...T) []T {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	var out []T
	for _, word := range q.EnumList(name, words...) {
		out = append(out, T(word))
	}
	return out
}

// permission reads a parameter that holds a permission.
func permission(q *wire.Query, name string) countersign.Permission {
	given := q.String(name, "", countersign.MaxPermissionLength)
	if given == "" && !q.Has(name) {
		return ""
	}
	p, err := countersign.ParsePermission(name, given)
	if err != nil {
		if known, ok := asError(err); ok {
			q.Fail(name, known.Message)
		}
	}
	return p
}
