package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// runner tries mutants in a folder of its own. Overlays name files in full.
type runner struct {
	dir, root string
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
	r := &runner{dir: dir, root: root, patience: map[suite]time.Duration{}}
	if err := r.measure(ctx, list); err != nil {
		return nil, err
	}
	results, failures := make([]result, len(list)), make([]error, len(list))
	places := make(chan struct{}, jobs)
	var all sync.WaitGroup
	for i, m := range list {
		places <- struct{}{}
		all.Go(func() {
			results[i], failures[i] = r.try(ctx, i, m)
			step()
			<-places
		})
	}
	all.Wait()
	return results, errors.Join(failures...)
}

// measure runs every suite without a mutant: it has to pass, or a failure would
// mean nothing, and how long it takes says when a mutant hangs.
func (r *runner) measure(ctx context.Context, list []mutant) error {
	for _, m := range list {
		for _, s := range append([]suite{m.target.own}, m.target.others...) {
			if _, known := r.patience[s]; known {
				continue
			}
			binary := filepath.Join(r.dir, "clean.test")
			if text, err := r.build(ctx, s, binary, ""); err != nil {
				return fmt.Errorf("%s does not build: %w: %s", s.pkg, err, text)
			}
			began := time.Now()
			if text, err := r.test(ctx, s, binary, 10*time.Minute); err != nil {
				return fmt.Errorf("%s fails without a mutant: %w: %s", s.pkg, err, text)
			}
			r.patience[s] = 10*time.Second + 10*time.Since(began)
		}
	}
	return nil
}

func (r *runner) try(ctx context.Context, i int, m mutant) (result, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return result{}, err
	}
	base := filepath.Join(r.dir, fmt.Sprint(i))
	changed, overlay, binary := base+".go", base+".json", base+".test"
	defer func() { _ = errors.Join(os.Remove(changed), os.Remove(overlay), os.Remove(binary)) }()
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(r.root, m.file): changed}})
	if err != nil {
		return result{}, err
	}
	if err := errors.Join(os.WriteFile(changed, m.apply(source), 0o600), os.WriteFile(overlay, replaced, 0o600)); err != nil {
		return result{}, err
	}
	out := result{mutant: m, fate: survived}
	for _, s := range append([]suite{m.target.own}, m.target.others...) {
		if _, err := r.build(ctx, s, binary, overlay); err != nil {
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			out.fate = invalid
			return out, nil
		}
		text, err := r.test(ctx, s, binary, r.patience[s])
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

func (r *runner) build(ctx context.Context, s suite, binary, overlay string) ([]byte, error) {
	args := []string{"test", "-c", "-vet=off", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	return exec.CommandContext(ctx, "go", append(args, s.pkg)...).CombinedOutput()
}

func (r *runner) test(ctx context.Context, s suite, binary string, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.failfast", "-test.short", "-test.timeout", patience.String(), "-test.run", s.run)
	cmd.Dir = filepath.Join(r.root, s.pkg)
	// One engine is enough: what the databases differ in is not what is tried here.
	cmd.Env = append(os.Environ(), "COUNTERSIGN_TEST_POSTGRES=", "CI=")
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
