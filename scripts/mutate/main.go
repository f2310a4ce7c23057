// Command mutate changes the code that decides about access and approvals in
// every small way it knows, one at a time, and runs the tests: a change that no
// test notices is a rule that no test holds.
//
// It is the systematic brother of scripts/mutants, whose rows are picked by hand.
// Nothing is written into the tree: the compiler is given other sources in place of
// the real ones (go build -overlay), which hold every mutant at once, and each run
// of the package's tests chooses one. Every survivor is either explained in
// explained.go or an error, and so is an explanation of what does not survive.
//
//	go run ./scripts/mutate                  # everything, into docs/mutation.md
//	go run ./scripts/mutate -only tally.go   # a part, to the terminal
//	go run ./scripts/mutate -dir engine      # the engine's part of the rules: slow
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

// least is the part of the mutants that has to be noticed, in percent.
const least = 90

// settings are what the command line says.
type settings struct {
	only    string
	out     string
	jobs    int
	listing bool
	dir     string
}

// whole reports whether everything is tried.
func (s settings) whole() bool { return s.only == "" && s.dir == "" }

func main() {
	var s settings
	flag.StringVar(&s.only, "only", "", "try only the mutants whose file:line contains this")
	flag.StringVar(&s.out, "out", "docs/mutation.md", "where the report goes; - is the terminal; a part of the mutants never goes into a file")
	flag.IntVar(&s.jobs, "jobs", max(1, runtime.NumCPU()), "how many mutants are tried at once")
	flag.BoolVar(&s.listing, "list", false, "list the mutants and try none")
	flag.StringVar(&s.dir, "dir", "", "try this package only, also where it is not one of those that must be tried")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	all, err := mutantsOf(targets(s.dir))
	if err != nil {
		return err
	}
	var chosen []mutant
	for _, m := range all {
		if strings.Contains(m.place(), s.only) {
			chosen = append(chosen, m)
		}
	}
	if s.listing {
		for _, m := range chosen {
			fmt.Fprintf(os.Stdout, "%s\t%s\t%s\n", m.place(), m.operator, m.line)
		}
		return nil
	}
	began := time.Now()
	results, err := tryAll(ctx, chosen, s.jobs, bar(len(chosen)))
	if err != nil {
		return err
	}
	r := newReport(results)
	r.took, r.when = time.Since(began), began
	if err := write(s, r); err != nil {
		return err
	}
	return r.verdict(s.whole())
}

// bar shows how far it is; on what is no terminal it would fill a log.
func bar(steps int) (step func()) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	shown := progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("mutants"), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func() { _ = shown.Add(1) }
}

func write(s settings, r report) (err error) {
	var w io.Writer = os.Stdout
	if s.out != "-" && s.whole() {
		file, failure := os.Create(s.out)
		if failure != nil {
			return failure
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		w = file
	}
	return r.markdown(w)
}
