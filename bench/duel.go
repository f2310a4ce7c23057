package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// row is one line of the table with everything it rests on.
type row struct {
	Name   string `json:"name"`
	What   string `json:"what"`
	Ours   string `json:"ours"`
	Beside string `json:"beside"`
	Unit   string `json:"unit"`
	// Slower says that the ratio is how many times longer ours takes; else it is
	// how many times faster ours is.
	Slower bool    `json:"slower,omitempty"`
	Aim    aim     `json:"aim"`
	Ratio  summary `json:"ratio"`
	// OursRounds and BesideRounds are seconds per operation, or bytes.
	OursRounds   []float64 `json:"ours_rounds"`
	BesideRounds []float64 `json:"beside_rounds,omitempty"`
	// Compared says which answers of the two sides were found equal beforehand.
	Compared string `json:"compared"`
	Command  string `json:"command"`
	// Plans are what the database said about the queries beside.
	Plans []plan `json:"plans,omitempty"`
	// Skipped is why there are no figures.
	Skipped string `json:"skipped,omitempty"`
}

// contender works for about d, at least one operation, and returns seconds per
// operation.
type contender func(ctx context.Context, d time.Duration) (float64, error)

// duel lets two sides work in turns: once to warm up, then round by round.
func (s *session) duel(ctx context.Context, r row, ours, beside contender) (row, error) {
	step, done := s.say.count("measuring "+r.Name, 2*s.rounds+2)
	defer done()
	turn := func(c contender, d time.Duration) (float64, error) {
		defer step(1)
		runtime.GC() // what the other side left is not this side's to collect
		f, err := c(ctx, d)
		return f, errors.Join(err, ctx.Err())
	}
	for _, c := range []contender{ours, beside} {
		if _, err := turn(c, s.length/4); err != nil {
			return r, fmt.Errorf("warming up: %w", err)
		}
	}
	var ratios []float64
	for range s.rounds {
		a, err := turn(ours, s.length)
		if err != nil {
			return r, fmt.Errorf("ours: %w", err)
		}
		b, err := turn(beside, s.length)
		if err != nil {
			return r, fmt.Errorf("beside: %w", err)
		}
		r.OursRounds, r.BesideRounds = append(r.OursRounds, a), append(r.BesideRounds, b)
		if r.Slower {
			ratios = append(ratios, a/b)
		} else {
			ratios = append(ratios, b/a)
		}
	}
	r.Ratio = summarize(ratios)
	return r, nil
}

// repeat does one thing after another.
func repeat(fn func(ctx context.Context) error) contender {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		start := time.Now()
		for n := 1; ; n++ {
			if err := fn(ctx); err != nil {
				return 0, err
			}
			if past := time.Since(start); past >= d {
				return past.Seconds() / float64(n), nil
			}
		}
	}
}

// quick does what takes less than looking at the clock.
func quick(fn func(i int)) contender {
	return func(_ context.Context, d time.Duration) (float64, error) {
		const batch = 1000
		start := time.Now()
		for n := 0; ; {
			for range batch {
				fn(n)
				n++
			}
			if past := time.Since(start); past >= d {
				return past.Seconds() / float64(n), nil
			}
		}
	}
}

// together lets several workers do one thing after another each; what one
// operation takes is the time of all divided by what all did.
func together(workers int, fn func(ctx context.Context, worker int) error) contender {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		var done atomic.Int64
		var failed error
		var once sync.Once
		var wg sync.WaitGroup
		start := time.Now()
		for w := range workers {
			wg.Go(func() {
				for time.Since(start) < d {
					if err := fn(ctx, w); err != nil {
						once.Do(func() { failed = err })
						return
					}
					done.Add(1)
				}
			})
		}
		wg.Wait()
		if failed != nil || done.Load() == 0 {
			return 0, errors.Join(failed, ctx.Err())
		}
		return time.Since(start).Seconds() / float64(done.Load()), nil
	}
}
