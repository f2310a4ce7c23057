package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"time"
)

// row counts the mutants of a package, or of a kind.
type row struct {
	Name                          string
	Made, Valid, Killed, Survived int
}

// Percent of the mutants that compile and are noticed, to one place, never
// rounded up.
func (r row) Percent() string {
	if r.Valid == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(1000*r.Killed/r.Valid)/10)
}

// report is what a run has found.
type report struct {
	results []result
	took    time.Duration
	when    time.Time
	// stale are explanations of mutants that do not survive, or are no more.
	stale []explanation
}

func newReport(results []result) report {
	r := report{results: results}
	for _, e := range explained() {
		if !slices.ContainsFunc(results, func(m result) bool { return m.fate == survived && e.speaksOf(m.mutant) }) {
			r.stale = append(r.stale, e)
		}
	}
	return r
}

// by counts the results by something.
func (r report) by(name func(result) string) []row {
	rows := map[string]row{}
	for _, m := range r.results {
		one := rows[name(m)]
		one.Name = name(m)
		one.Made++
		if m.fate != invalid {
			one.Valid++
		}
		switch m.fate {
		case survived:
			one.Survived++
		case killed:
			one.Killed++
		case invalid:
		}
		rows[one.Name] = one
	}
	return slices.SortedFunc(maps.Values(rows), func(a, b row) int { return cmp.Compare(a.Name, b.Name) })
}

// Survivor is a mutant that no test notices, and why that is right.
type Survivor struct{ Place, Function, Line, Operator, Old, New, Why string }

func (r report) survivors() []Survivor {
	var out []Survivor
	for _, m := range r.results {
		if m.fate != survived {
			continue
		}
		out = append(out, Survivor{
			Place: strings.TrimPrefix(m.place(), "internal/"), Function: m.function, Line: m.line,
			Operator: m.operator, Old: brief(m.old), New: brief(m.text), Why: why(m.mutant),
		})
	}
	return out
}

// brief is a piece of source on one line, in a table.
func brief(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 80 {
		text = text[:77] + "..."
	}
	if text == "" {
		return "nothing"
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// verdict is an error unless enough were noticed and every survivor is explained.
func (r report) verdict(whole bool) error {
	for _, t := range r.by(func(m result) string { return m.target.dir }) {
		if whole && t.Killed*100 < least*t.Valid {
			return fmt.Errorf("%s: %s %% of the mutants are noticed, fewer than %d", t.Name, t.Percent(), least)
		}
	}
	for _, s := range r.survivors() {
		if s.Why == "" {
			return fmt.Errorf("%s: nobody notices %s (%s becomes %s), and explained.go does not say why", s.Place, s.Operator, s.Old, s.New)
		}
	}
	if whole && len(r.stale) > 0 {
		return fmt.Errorf("explained.go speaks of what does not survive: %+v", r.stale)
	}
	return nil
}

const page = `# Mutation testing

What decides who may ask, who has to agree, and whether enough have agreed is changed in every small way that
scripts/mutate knows, one change at a time; then the tests of the package run. A change that no test notices is a rule
that no test holds. This page is written by the program:

` + "```sh" + `
make mutation    # or: go run ./scripts/mutate; -only tally.go for a part, -list for what would be tried
` + "```" + `

It fails when fewer than {{.Least}} % are noticed in a package, when a survivor has no reason in scripts/mutate/explained.go, and
when a reason speaks of a mutant that no longer survives. Tests that hang count as tests that notice.

Last run: {{.When}}, {{.Go}}, {{.Took}}.

| package | mutants | that compile | noticed | survive | noticed of those that compile |
|---|---|---|---|---|---|
{{range .Packages}}| {{.Name}} | {{.Made}} | {{.Valid}} | {{.Killed}} | {{.Survived}} | {{.Percent}} % |
{{end}}
| what is done | that compile | survive |
|---|---|---|
{{range .Operators}}| {{.Name}} | {{.Valid}} | {{.Survived}} |
{{end}}
A condition is that of an ` + "`if`, a `for`" + ` or a case; its parts are also taken away one at a time. What stands in messages for people is
not changed.
{{if .Survivors}}
## The survivors

| where | change | why no test can notice |
|---|---|---|
{{range .Survivors}}| {{.Place}} {{.Function}} | {{.Operator}}: {{.Old}} becomes {{.New}} | {{.Why}} |
{{end}}{{end}}
## Why not a tool from elsewhere

Gremlins 0.6.0 runs with this Go version. It turns and moves comparisons, logical operators, arithmetic and loop control, but
knows neither conditions that are calls (most of ours: ` + "`if !holds(p)`" + `), nor dropped statements, list elements and cases, nor return
values; and it compiles and links once for each mutant. scripts/mutate does all of that with the standard library's parser, and compiles once:
each function is there in all its forms, and a variable of the environment chooses one.
`

func (r report) markdown(w io.Writer) error {
	t, err := template.New("page").Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Least": least, "When": r.when.Format(time.DateOnly), "Go": runtime.Version(), "Took": r.took.Round(time.Second),
		"Packages":  r.by(func(m result) string { return m.target.dir }),
		"Operators": r.by(func(m result) string { return m.operator }), "Survivors": r.survivors(),
	})
}
