package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress tells a person at a terminal how far a thing is; elsewhere it writes a
// line for each thing.
type progress struct {
	out io.Writer
	bar bool
}

// count begins a thing of so many steps.
func (p progress) count(what string, steps int) (step func(n int), done func()) {
	if p.out == nil {
		return func(int) {}, func() {}
	}
	if !p.bar {
		began := time.Now()
		fmt.Fprintf(p.out, "%s...\n", what)
		return func(int) {}, func() { fmt.Fprintf(p.out, "  %s\n", time.Since(began).Round(time.Millisecond)) }
	}
	bar := progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true))
	return func(n int) { _ = bar.Add(n) }, func() { _ = bar.Finish() } // a bar that cannot be drawn is no reason to stop
}

// say writes a line of its own.
func (p progress) say(format string, args ...any) {
	if p.out != nil {
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}
