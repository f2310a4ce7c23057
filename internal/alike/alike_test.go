package alike_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/alike"
)

type row struct {
	Name  string
	At    time.Time
	List  []string
	Words map[string]any
	Next  *row
}

func TestDiff(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	whole := func() row {
		return row{Name: "a", At: at, List: []string{"x"}, Words: map[string]any{"n": 1, "l": []int{1}}, Next: &row{Name: "b"}}
	}
	changed := func(change func(r *row)) row {
		r := whole()
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		x, y any
		same bool
	}{
		"what is the same":         {whole(), whole(), true},
		"a moment in another zone": {whole(), changed(func(r *row) { r.At = at.In(time.FixedZone("", 3600)) }), true},
		"nil and nothing in it":    {row{}, row{List: []string{}, Words: map[string]any{}}, true},
		"a word":                   {whole(), changed(func(r *row) { r.Name = "c" }), false},
		"a moment":                 {whole(), changed(func(r *row) { r.At = at.Add(1) }), false},
		"one more":                 {whole(), changed(func(r *row) { r.List = append(r.List, "y") }), false},
		"another in a list":        {whole(), changed(func(r *row) { r.List[0] = "y" }), false},
		"another key":              {whole(), changed(func(r *row) { r.Words = map[string]any{"n": 1, "m": []int{1}} }), false},
		"another value":            {whole(), changed(func(r *row) { r.Words["n"] = 2 }), false},
		"another type of value":    {whole(), changed(func(r *row) { r.Words["n"] = "1" }), false},
		"behind a pointer":         {whole(), changed(func(r *row) { r.Next.Name = "c" }), false},
		"nothing behind it":        {whole(), changed(func(r *row) { r.Next = nil }), false},
		"another type":             {whole(), 1, false},
	} {
		if diff := alike.Diff(c.x, c.y); (diff == "") != c.same {
			t.Errorf("%s: %q", name, diff)
		}
	}
	if diff := alike.Diff(whole(), changed(func(r *row) { r.Name = "c" }), cmpopts.IgnoreFields(row{}, "Name")); diff != "" {
		t.Errorf("an option is not asked: %s", diff)
	}
}
