package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// fate is what became of a mutant.
type fate string

const (
	// invalid mutants do not compile and say nothing about the tests.
	invalid  fate = "does not compile"
	killed   fate = "killed"
	survived fate = "survived"
)

// result is what became of a mutant, and by which tests.
type result struct {
	mutant
	fate fate
	// by is the first test that noticed; "time" when they did not end.
	by string
}

// runner tries mutants with test binaries that hold all of them.
type runner struct {
	dir, root string
	// binaries and patience of each package; the latter from how long its tests take
	// without a mutant.
	binaries map[string]string
	patience map[string]time.Duration
}

// tryAll tries mutants, several at once, and calls step after each.
func tryAll(ctx context.Context, list []mutant, jobs int, step func()) ([]result, error) {
	dir, err := os.MkdirTemp("", "countersign-mutate-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	r := &runner{dir: dir, root: root, binaries: map[string]string{}, patience: map[string]time.Duration{}}
	invalid, err := r.prepare(ctx, list)
	if err != nil {
		return nil, err
	}
	results, failures := make([]result, len(list)), make([]error, len(list))
	places := make(chan struct{}, jobs)
	var all sync.WaitGroup
	for i, m := range list {
		places <- struct{}{}
		all.Go(func() {
			results[i], failures[i] = r.try(ctx, m, invalid[m.id])
			step()
			<-places
		})
	}
	all.Wait()
	return results, errors.Join(failures...)
}

// prepare builds the test binaries, leaving out what does not compile, and runs
// each without a mutant: it has to pass, or a failure would mean nothing, and how
// long it takes says when a mutant hangs.
func (r *runner) prepare(ctx context.Context, list []mutant) (invalid map[int]bool, err error) {
	invalid = map[int]bool{}
	for _, m := range list {
		t := m.target
		if r.binaries[t.dir] != "" {
			continue
		}
		r.binaries[t.dir] = filepath.Join(r.dir, fmt.Sprint(len(r.binaries), ".test"))
		if err := r.build(ctx, t, list, invalid); err != nil {
			return nil, err
		}
		began := time.Now()
		if text, err := r.test(ctx, t, 0, 10*time.Minute); err != nil {
			return nil, fmt.Errorf("%s fails without a mutant: %w: %s", t.dir, err, text)
		}
		r.patience[t.dir] = 10*time.Second + 10*time.Since(began)
	}
	return invalid, nil
}

var complaint = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):\d+: `)

// build compiles a test binary with the mutants; those of which the compiler
// complains become invalid, and it tries again.
func (r *runner) build(ctx context.Context, t target, list []mutant, invalid map[int]bool) error {
	for {
		valid := slices.DeleteFunc(slices.Clone(list), func(m mutant) bool { return invalid[m.id] })
		overlay, copies, err := schema(r.dir, valid)
		if err != nil {
			return err
		}
		text, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-gcflags=-e", "-overlay", overlay, "-o", r.binaries[t.dir], t.pkg()).CombinedOutput()
		if err == nil {
			return nil
		}
		before := len(invalid)
		for _, found := range complaint.FindAllSubmatch(text, -1) {
			row, _ := strconv.Atoi(string(found[2])) // digits
			for _, c := range copies {
				if c.file == string(found[1]) && c.from <= row && row <= c.to {
					invalid[c.id] = true
				}
			}
		}
		if len(invalid) == before {
			return fmt.Errorf("%s does not build: %w: %s", t.dir, err, text)
		}
	}
}

func (r *runner) try(ctx context.Context, m mutant, isInvalid bool) (result, error) {
	out := result{mutant: m, fate: survived}
	if isInvalid {
		out.fate = invalid
		return out, nil
	}
	text, err := r.test(ctx, m.target, m.id, r.patience[m.target.dir])
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	if err != nil {
		out.fate, out.by = killed, firstFailure(text)
	}
	return out, nil
}

// test runs the tests of a package as a mutant; as none when its id is 0.
func (r *runner) test(ctx context.Context, t target, id int, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Minute)
	defer cancel()
	args := append([]string{"-test.failfast", "-test.short", "-test.timeout", patience.String(), "-test.run", t.run}, t.flags...)
	cmd := exec.CommandContext(ctx, r.binaries[t.dir], args...)
	cmd.Dir = filepath.Join(r.root, t.dir)
	// One engine is enough: what the databases differ in is not what is tried here.
	cmd.Env = append(os.Environ(), "COUNTERSIGN_TEST_POSTGRES=", "CI=", fmt.Sprint(variable, "=", id))
	return cmd.CombinedOutput()
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// firstFailure names the test that noticed.
func firstFailure(text []byte) string {
	switch found := failedTest.FindSubmatch(text); {
	case bytes.Contains(text, []byte("panic: test timed out")):
		return "time"
	case found != nil:
		return string(found[1])
	default:
		return "panic"
	}
}
