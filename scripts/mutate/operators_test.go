package main

import (
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// changes are the mutants of a piece of a function, as "operator: what it becomes".
func changes(t *testing.T, text string) []string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "x.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range mutate(fset, file, []byte(text)) {
		out = append(out, m.operator+": "+m.old+" -> "+m.text)
	}
	slices.Sort(out)
	return out
}

func TestWhatIsDoneToWhat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source string
		want   []string
	}{
		"a condition": {"func f(a bool) { if a { g() } }", []string{
			"condition always true: a -> (true || (a))", "condition never true: a -> (false && (a))", "statement dropped: g() -> if false { g() }",
		}},
		"both and either": {"func f(a, b bool) bool { return a && b }", []string{
			"and for or: && -> ||", "part of a condition dropped: a -> (true || (a))", "part of a condition dropped: b -> (true || (b))",
			"return value: a && b -> (false && (a && b))", "return value: a && b -> (true || (a && b))",
		}},
		"a comparison": {"func f(a int) { _ = a < g() }", []string{"boundary of a comparison: < -> <=", "comparison turned: < -> >="}},
		"a number":     {"func f() { _ = g(3) }", []string{"constant: 3 -> (3 + 1)", "constant: 3 -> (3 - 1)"}},
		"a result": {"func f() (error, int) { return g(), h() }", []string{
			"return value: g() -> func() (zero error) { if false { return g() }; return }()",
			"return value: h() -> (h()) + 1", "return value: h() -> func() (zero int) { if false { return h() }; return }()",
		}},
		"no result":    {"func f() { return }", []string{"statement dropped: return -> if false { return }"}},
		"a refusal":    {"func f() bool { return !g() }", []string{"not taken away: !g() -> g()", "return value: !g() -> (false && (!g()))", "return value: !g() -> (true || (!g()))"}},
		"a list":       {"func f() { _ = []string{a, b} }", []string{"element of a list dropped: a,  -> ", "element of a list dropped: b -> "}},
		"a message":    {"func f() { _ = T{Message: a, B: b} }", []string{"field left out: B: b -> "}},
		"a loop":       {"func f() { for range g() { h() } }", []string{"loop ends after one: } -> ; break }", "loop runs for nothing: { -> { break; ", "statement dropped: h() -> if false { h() }"}},
		"cases":        {"func f(a int) { switch a { case b, c: case d: } }", []string{"case removed: case d: -> ", "word of a case removed: , c -> ", "word of a case removed: b,  -> "}},
		"the most":     {"func f() { _ = max(a, b) }", []string{"least and most: max -> min"}},
		"a truth":      {"func f() { g(true) }", []string{"constant: true -> false", "statement dropped: g(true) -> if false { g(true) }"}},
		"one more":     {"func f() { a++ }", []string{"arithmetic: ++ -> --", "statement dropped: a++ -> if false { a++ }"}},
		"text is none": {`func f() { _ = "a" + b }`, nil},
	} {
		if diff := cmp.Diff(c.want, changes(t, "package x\n"+c.source)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// What holds all mutants of a package is Go, and has as many copies as there are
// mutants.
func TestASchemaHoldsEveryMutant(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	list, err := mutantsOf(targets(""))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, copies, err := schema(dir, list)
	if err != nil || len(copies) != len(list) || len(list) < 1000 {
		t.Fatalf("%d copies of %d mutants: %v", len(copies), len(list), err)
	}
	for _, c := range copies {
		if c.from > c.to || c.file == "" {
			t.Fatalf("a copy is nowhere: %+v", c)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err == nil {
			_, err = format.Source(text)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A reason whose line was rewritten explains nothing any more: the run itself
// would say so, but nobody waits for it.
func TestEveryReasonFindsItsMutant(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	list, err := mutantsOf(targets(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range explained() {
		if !slices.ContainsFunc(list, e.speaksOf) || strings.TrimSpace(e.why) == "" {
			t.Errorf("no mutant is %+v", e)
		}
	}
}
