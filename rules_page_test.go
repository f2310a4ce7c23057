package countersign_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var quotedWords = regexp.MustCompile("`([^`]+)`")

// docs/rules.md names, for every rule, the tests that try to get around it and the
// row that takes it out. What it names has to be there.
func TestTheRulesPageNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile("docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, rows := testNames(t), mutantNames(t)
	ruled := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") {
			for _, name := range words(line) {
				if strings.HasPrefix(name, "Test") && !tests[name] {
					t.Errorf("there is no test %s", name)
				}
			}
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 {
			t.Fatalf("a line has %d cells: %s", len(cells), line)
		}
		rule := strings.Fields(cells[0])[0]
		if rule == "rule" || rule == "lesson" || strings.HasPrefix(rule, "--") {
			continue
		}
		ruled[rule]++
		named, removed := words(cells[2]), words(cells[3])
		if len(named) == 0 || len(removed) == 0 {
			t.Errorf("%s has no test, or no row that takes it out", strings.TrimSpace(cells[0]))
		}
		for _, name := range named {
			if !tests[name] {
				t.Errorf("%s: there is no test %s", strings.TrimSpace(cells[0]), name)
			}
		}
		for _, name := range removed {
			if !rows[name] {
				t.Errorf("%s: there is no row %q in scripts/mutants", strings.TrimSpace(cells[0]), name)
			}
		}
	}
	for letter, last := range map[string]int{"R": 8, "L": 8, "S": 9} {
		for n := range last {
			if rule := letter + strconv.Itoa(n+1); ruled[rule] != 1 {
				t.Errorf("rule %s of governance.md stands there %d times", rule, ruled[rule])
			}
		}
	}
	for _, lesson := range strings.Split("abcdefghijk", "") {
		if ruled[lesson] != 1 {
			t.Errorf("lesson %s of governance.md stands there %d times", lesson, ruled[lesson])
		}
	}
}

func words(s string) (out []string) {
	for _, found := range quotedWords.FindAllStringSubmatch(s, -1) {
		out = append(out, found[1])
	}
	return out
}

// testNames are the test functions of the tree.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	eachFile(t, ".", "_test.go", func(file *ast.File) {
		for _, declared := range file.Decls {
			if fn, is := declared.(*ast.FuncDecl); is && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				out[fn.Name.Name] = true
			}
		}
	})
	return out
}

// mutantNames are the first words of the rows of scripts/mutants.
func mutantNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	eachFile(t, "scripts/mutants", ".go", func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			row, is := n.(*ast.CompositeLit)
			if !is || row.Type != nil || len(row.Elts) != 6 {
				return true
			}
			if word, is := row.Elts[0].(*ast.BasicLit); is {
				if name, err := strconv.Unquote(word.Value); err == nil {
					out[name] = true
				}
			}
			return true
		})
	})
	return out
}

func eachFile(t *testing.T, root, suffix string, fn func(*ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return openFolder(path, d, err)
		}
		if !strings.HasSuffix(path, suffix) {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		fn(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
