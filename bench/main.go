package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"
)

// options are the flags.
type options struct {
	only     string
	users    int
	rounds   int
	seconds  float64
	seed     uint64
	dir      string
	json     string
	from     string
	markdown bool
	list     bool
	make     bool
	clean    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if what := os.Getenv(childEnv); what != "" {
		err = serveChild(context.WithoutCancel(ctx), what, os.Stdin, os.Stdout) // ends with the parent
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// all measurements, those that use one world beside each other.
func all() []measurement {
	return slices.Concat(checkMeasurements(), listMeasurements(), fordefiMeasurements(), loadMeasurements(), changeMeasurements(), importMeasurements(), manyMeasurements())
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.only, "only", "", "measure only these `names`, with commas between; a name that ends in * is a beginning")
	flags.IntVar(&o.users, "users", 100_000, "users of the large organization; the aims are meant for 1000000")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of each measurement; figures are their medians")
	flags.Float64Var(&o.seconds, "seconds", 2, "seconds that one side of a round lasts at least")
	flags.Uint64Var(&o.seed, "seed", 20260301, "what the generator draws from: the same seed makes the same rows")
	flags.StringVar(&o.dir, "dir", "", "`folder` for generated databases (default: countersign-bench in the user's cache)")
	flags.StringVar(&o.json, "json", "", "`file` for everything that was found out: every round, plans, machine")
	flags.StringVar(&o.from, "from", "", "print what an earlier run left in this `file`, and measure nothing")
	flags.BoolVar(&o.markdown, "markdown", false, "print the section for docs/benchmarks.md in place of the table")
	flags.BoolVar(&o.list, "list", false, "print the names of the measurements and stop")
	flags.BoolVar(&o.make, "make", false, "make the databases of this scale and stop, so that a later run only measures")
	flags.BoolVar(&o.clean, "clean", false, "remove the databases of other schemas and generators, which no run of this program uses, and stop")
	flags.Usage = func() { usage(errs, flags) }
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	const fewest = 200
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("what is %q? measurements are named with -only", flags.Arg(0))
	case o.users < fewest:
		return o, errors.New("-users must be at least 200: below that nothing is said")
	case o.rounds < 1 || o.seconds <= 0:
		return o, errors.New("-rounds and -seconds must be above 0")
	}
	return o, nil
}

func usage(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprint(w, `bench measures the directory beside something simpler that runs in the same minutes,
in turns, and prints ratios. Organizations come from a seeded generator; their
databases are kept in a cache, so that the second run begins at once.

  go run ./bench -users 10000 -seconds 0.2      a look at everything, in about a minute
  go run ./bench -users 1000000 -json all.json  the figures that the aims are for
  go run ./bench -users 1000000 -make           their databases, beforehand
  go run ./bench -only 'check-*' -users 100000  one group of measurements
  go run ./bench -from all.json -markdown       the section for docs/benchmarks.md

A ratio is how many times faster ours is than what stands beside it, or, where the
row says "times slower", how many times longer ours takes. A million users need
about 30 GB of disk and, for 20 groups each, whatever memory the roster takes.
Let nothing else run meanwhile, and look at min - max before trusting a median.

Flags:
`)
	flags.PrintDefaults()
	fmt.Fprintln(w, "\nMeasurements:")
	for _, m := range all() {
		fmt.Fprintf(w, "  %-22s %s\n", m.name, m.what)
	}
}

// chosen are the measurements that -only names.
func chosen(names string) ([]measurement, error) {
	if names == "" {
		return all(), nil
	}
	var out []measurement
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, m := range all() {
			beginning, open := strings.CutSuffix(name, "*")
			if m.name == name || (open && strings.HasPrefix(m.name, beginning)) {
				out, found = append(out, m), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no measurement %q; -list names them", name)
		}
	}
	return out, nil
}

func run(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	measurements, err := chosen(o.only)
	if err != nil {
		return err
	}
	if o.list {
		for _, m := range measurements {
			fmt.Fprintln(out, m.name)
		}
		return nil
	}
	if o.from != "" {
		earlier, err := readReport(o.from)
		if err == nil {
			earlier.print(out, o.markdown)
		}
		return err
	}
	say := progress{out: errs, bar: isTerminal(errs)}
	r := report{Machine: describeMachine(ctx, time.Now()), Users: o.users, Seed: o.seed, Rounds: o.rounds, Seconds: o.seconds}
	store, err := openCache(ctx, o.dir, say)
	if err != nil {
		return err
	}
	if o.clean {
		return store.clean()
	}
	s := &session{
		users: o.users, seed: o.seed, rounds: o.rounds, length: time.Duration(o.seconds * float64(time.Second)), say: say, cache: store,
		houses: map[use]*house{}, remotes: map[use]*remote{}, removals: map[use]func() error{},
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if o.make {
		return s.makeAll(ctx)
	}
	for _, m := range measurements {
		rows, err := s.measure(ctx, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		r.Rows = append(r.Rows, rows...)
		for _, one := range rows {
			say.say("  %s", strings.Join(one.cells(), "  "))
		}
		if err := r.save(o.json); err != nil { // so that a run that breaks off leaves what it has
			return err
		}
	}
	r.print(out, o.markdown)
	return nil
}

func (r report) save(file string) error {
	if file == "" {
		return nil
	}
	return r.writeJSON(file)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
