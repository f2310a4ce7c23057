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
	// by is the package whose tests noticed, test the first of them; "time" when
	// they did not end.
	by, test string
}

// runner tries mutants with test binaries that hold all of them.
type runner struct {
	dir, root string
	binaries  map[suite]string
	// patience of each suite, from how long it takes without a mutant.
	patience map[suite]time.Duration
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
	r := &runner{dir: dir, root: root, binaries: map[suite]string{}, patience: map[suite]time.Duration{}}
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
		for _, s := range append([]suite{m.target.own}, m.target.others...) {
			if r.binaries[s] != "" {
				continue
			}
			r.binaries[s] = filepath.Join(r.dir, fmt.Sprint(len(r.binaries), ".test"))
			if err := r.build(ctx, s, list, invalid); err != nil {
				return nil, err
			}
			began := time.Now()
			if text, err := r.test(ctx, s, 0, 10*time.Minute); err != nil {
				return nil, fmt.Errorf("%s fails without a mutant: %w: %s", s.pkg, err, text)
			}
			r.patience[s] = 10*time.Second + 10*time.Since(began)
		}
	}
	return invalid, nil
}

var complaint = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):\d+: `)

// build compiles a test binary with the mutants; those of which the compiler
// complains become invalid, and it tries again.
func (r *runner) build(ctx context.Context, s suite, list []mutant, invalid map[int]bool) error {
	for {
		valid := slices.DeleteFunc(slices.Clone(list), func(m mutant) bool { return invalid[m.id] })
		overlay, copies, err := schema(r.dir, valid)
		if err != nil {
			return err
		}
		text, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-gcflags=-e", "-overlay", overlay, "-o", r.binaries[s], s.pkg).CombinedOutput()
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
			return fmt.Errorf("%s does not build: %w: %s", s.pkg, err, text)
		}
	}
}

func (r *runner) try(ctx context.Context, m mutant, isInvalid bool) (result, error) {
	out := result{mutant: m, fate: survived}
	if isInvalid {
		out.fate = invalid
		return out, nil
	}
	for _, s := range append([]suite{m.target.own}, m.target.others...) {
		text, err := r.test(ctx, s, m.id, r.patience[s])
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if err != nil {
			out.fate, out.by, out.test = killed, s.pkg, firstFailure(text)
			return out, nil
		}
	}
	return out, nil
}

// test runs a suite as a mutant; as none when its id is 0.
func (r *runner) test(ctx context.Context, s suite, id int, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.binaries[s], "-test.failfast", "-test.short", "-test.timeout", patience.String(), "-test.run", s.run)
	cmd.Dir = filepath.Join(r.root, s.pkg)
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
