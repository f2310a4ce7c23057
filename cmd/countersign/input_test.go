package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// A question that nobody answers ends with a signal, and nothing is sent.
func TestAQuestionCanBeInterrupted(t *testing.T) {
	for name, args := range map[string][]string{
		"a question": {"changes", "approve", openChange},
		"a file":     {"changes", "submit", "-f", "-"},
		"a code":     {"credentials", "redeem"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			silence, speaker := io.Pipe()
			t.Cleanup(func() { _ = speaker.Close() })
			ctx, interrupt := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer interrupt()
			var out, errs bytes.Buffer
			err := run(ctx, args, func(name string) string { return at(f).env[name] }, stdio{in: silence, out: &out, err: &errs, interactive: true})
			if exitCode(err) != exitFailed || !strings.HasSuffix(errs.String(), "interrupted; nothing was sent\n") {
				t.Errorf("exit %d, %q", exitCode(err), errs.String())
			}
			if slices.ContainsFunc(f.lines(""), func(line string) bool { return !strings.HasPrefix(line, "GET ") }) {
				t.Errorf("sent %q", f.lines(""))
			}
		})
	}
}

func TestOnlyYesIsYes(t *testing.T) {
	for typed, sent := range map[string]int{"y\n": 1, "YES\n": 1, " yes \n": 1, "y": 1, "\n": 0, "n\n": 0, "yess\n": 0, "ja\n": 0, "": 0} {
		f := newFake(t)
		f.will("decideChange", answer{status: 200, body: f.list("changes")[0]})
		c := at(f)
		c.stdin, c.interactive = typed, true
		p := c.types(t, "changes", "approve", openChange)
		if got := len(f.lines("decideChange")); got != sent || (p.code == exitDone) != (sent == 1) {
			t.Errorf("%q: sent %d, exit %d; want %d", typed, got, p.code, sent)
		}
	}
}
