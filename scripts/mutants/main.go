// Command mutants takes rules out of the code, one at a time, and runs the tests
// named after them: a test that still passes does not hold its rule.
//
// It works in a throw-away copy of HEAD and changes nothing here. Each row of
// rules.go names an exact piece of source, what it becomes, and the test that
// must then fail. A row whose source is no longer there is an error, so the
// table cannot rot.
//
//	go run ./scripts/mutants [-only "WORDS|OTHER WORDS"]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	only := flag.String("only", "", "run only the rules whose name contains this, or one of these with | between them")
	flag.Parse()
	if err := run(context.Background(), *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) (err error) {
	dir, err := os.MkdirTemp("", "countersign-mutants-")
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, "copy")
	if text, err := exec.CommandContext(ctx, "git", "worktree", "add", "--detach", copied, "HEAD").CombinedOutput(); err != nil {
		return fmt.Errorf("copying HEAD: %w: %s", err, text)
	}
	defer func() {
		err = errors.Join(err, exec.CommandContext(ctx, "git", "worktree", "remove", "--force", copied).Run(), os.RemoveAll(dir))
	}()
	survived := 0
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "rule removed\ttest\tseen")
	for _, r := range rules() {
		if !slices.ContainsFunc(strings.Split(only, "|"), func(words string) bool { return strings.Contains(r.name, words) }) {
			continue
		}
		fmt.Fprintln(os.Stderr, r.name)
		verdict, err := r.try(ctx, copied)
		if err != nil {
			verdict = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if verdict != "fails" {
			survived++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.name, r.test, verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if survived > 0 {
		return fmt.Errorf("%d rules are held by no test", survived)
	}
	return nil
}

// rule is one mutant: in file, old becomes new; test in pkg must fail.
type rule struct{ name, file, old, new, pkg, test string }

// try breaks the rule, runs the test, mends the rule.
func (r rule) try(ctx context.Context, dir string) (verdict string, err error) {
	path := filepath.Join(dir, r.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), r.old); n != 1 {
		return "", fmt.Errorf("its source stands %d times in %s, not once", n, r.file)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), r.old, r.new, 1)), 0o600); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, text, 0o600)) }()
	test := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := test("-run", "^$", r.pkg); err != nil {
		return "", fmt.Errorf("the mutant does not compile: %s", out)
	}
	out, failure := test("-short", "-count=1", "-run", r.test, r.pkg)
	switch {
	case strings.Contains(out, "no tests to run"):
		return "", errors.New("no such test: " + r.test)
	case failure != nil:
		return "fails", nil
	default:
		return "SURVIVES", nil
	}
}
