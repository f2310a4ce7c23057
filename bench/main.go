package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// round is one timed stretch: it runs for about d and returns operations per second.
type round func(d time.Duration) (float64, error)

// pair is a figure with its neighbour.
type pair struct {
	name, ours, theirs string
	// run and beside measure the two, in turns.
	run, beside round
	// aim says what the ratio should reach, in words.
	aim string
	// slower turns the ratio round: how many times longer ours takes.
	slower bool
}

func main() {
	users := flag.Int("users", 100_000, "users in the organization")
	rounds := flag.Int("rounds", 7, "rounds of each measurement")
	seconds := flag.Float64("seconds", 2, "length of a round")
	flag.Parse()
	if err := measure(*users, *rounds, time.Duration(*seconds*float64(time.Second))); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(users, rounds int, length time.Duration) (err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "countersign-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(os.Stderr, "making an organization of %d users, %d groups each...\n", users, groupsPerUser)
	b, err := open(ctx, dir, users)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("%s, %d CPUs, %s/%s; %d users, %d memberships; %d rounds of %s, medians\n\n",
		runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, users, users*groupsPerUser, rounds, length)
	fmt.Printf("roster loaded in %.1f s\n\n", b.loading.Seconds())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "measurement\tours\tbeside it\tratio\t(min - max)\taim")
	for _, p := range b.pairs() {
		fmt.Fprintf(os.Stderr, "measuring: %s\n", p.name)
		if err := p.report(w, rounds, length); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return w.Flush()
}

// report runs the two sides in turns and prints a row.
func (p pair) report(w io.Writer, rounds int, length time.Duration) error {
	var ours, theirs, ratios []float64
	for range rounds {
		a, err := p.run(length)
		if err != nil {
			return err
		}
		b, err := p.beside(length)
		if err != nil {
			return err
		}
		ratio := a / b
		if p.slower {
			ratio = b / a
		}
		ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, ratio)
	}
	slices.Sort(ratios)
	_, err := fmt.Fprintf(w, "%s\t%s %s\t%s %s\t%.2f\t%.2f - %.2f\t%s\n", p.name, p.ours, perSecond(median(ours)), p.theirs, perSecond(median(theirs)),
		median(ratios), ratios[0], ratios[len(ratios)-1], p.aim)
	return err
}

func median(list []float64) float64 {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

func perSecond(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%.1f M/s", f/1e6)
	case f >= 1e4:
		return fmt.Sprintf("%.0f k/s", f/1e3)
	default:
		return fmt.Sprintf("%.0f/s", f)
	}
}
