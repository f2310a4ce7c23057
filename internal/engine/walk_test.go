package engine_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

var (
	walks    = flag.Int("walks", 0, "how many random walks are taken on SQLite; 0 for a few")
	walkSeed = flag.Uint64("walk.seed", 0, "take this walk alone, and tell its steps")
	walkOnly = flag.String("walk.only", "", "of that walk take only these steps, by number, with commas between")
)

const (
	// stepsOfAWalk, besides those that set the stage.
	stepsOfAWalk = 100
	// walksOfAStore share a database.
	walksOfAStore = 25
)

// Random people ask for random things, sign and vote, cancel and replace while
// time goes by; after each step the invariants of governance.md B.10 hold. A
// failure names the command that repeats it, with as few steps as still fail.
//
// "make test" takes a thousand of them without the race detector, which has
// nothing to say about one goroutine, and a few with it.
func TestRandomWalks(t *testing.T) {
	t.Parallel()
	if *walkSeed != 0 {
		takeOne(t)
		return
	}
	n := *walks
	if n == 0 {
		n = walksOfAStore
	}
	first := rand.Uint64() | 1
	total := &tellings{counts: map[string]int{}}
	t.Run("all", func(t *testing.T) {
		for from := 0; from < n; from += walksOfAStore {
			t.Run(strconv.Itoa(from), func(t *testing.T) {
				t.Parallel()
				s := testdb.SQLite(t)
				for i := from; i < min(n, from+walksOfAStore); i++ {
					total.add(mustWalk(t, s, first+uint64(2*i)))
				}
			})
		}
	})
	total.mustHaveSeen(t, n)
}

func TestRandomWalksOnPostgres(t *testing.T) {
	t.Parallel()
	s := testdb.Postgres(t)
	first := rand.Uint64() | 1
	for i := range uint64(8) { // fewer: what differs between the engines is tested elsewhere
		mustWalk(t, s, first+2*i)
	}
}

// A seed says all there is to say about a walk, else it could not repeat one.
func TestAWalkRepeatsItself(t *testing.T) {
	t.Parallel()
	s := testdb.SQLite(t)
	seed := rand.Uint64() | 1
	one, two := walk(t.Context(), s, seed, nil), walk(t.Context(), s, seed, nil)
	if !slices.Equal(one.trace, two.trace) || len(one.trace) == 0 {
		t.Errorf("seed %d took these steps\n%s\nand then these\n%s", seed, strings.Join(one.trace, "\n"), strings.Join(two.trace, "\n"))
	}
}

// takeOne repeats a walk, or some steps of it.
func takeOne(t *testing.T) {
	var only []int
	for part := range strings.SplitSeq(*walkOnly, ",") {
		if n, err := strconv.Atoi(part); err == nil {
			only = append(only, n)
		}
	}
	told := walk(t.Context(), testdb.SQLite(t), *walkSeed, func(step int) bool { return len(only) == 0 || slices.Contains(only, step) })
	t.Log(strings.Join(told.trace, "\n"))
	if told.failure != nil {
		t.Fatal(told.failure)
	}
}

func mustWalk(t *testing.T, s store.Store, seed uint64) map[string]int {
	t.Helper()
	told := walk(t.Context(), s, seed, nil)
	if told.failure == nil {
		return told.counts
	}
	only := shorten(t.Context(), s, seed, told.steps)
	least := walk(t.Context(), s, seed, func(step int) bool { return slices.Contains(only, step) })
	if least.failure == nil {
		least = told // it does not fail every time
	}
	t.Fatalf("%v\n\n%s\n\nto repeat this: go test ./internal/engine -run '^TestRandomWalks$' -walk.seed=%d -walk.only=%s",
		least.failure, strings.Join(least.trace, "\n"), seed, strings.Trim(strings.ReplaceAll(fmt.Sprint(only), " ", ","), "[]"))
	return nil
}

// shorten leaves out as many steps of a walk that fails as it can, by halves,
// quarters and so on, and returns those without which it does not fail.
func shorten(ctx context.Context, s store.Store, seed uint64, taken int) []int {
	only := make([]int, taken)
	for i := range only {
		only[i] = i
	}
	for size := len(only) / 2; size > 0; size /= 2 {
		for at := 0; at < len(only); {
			less := slices.Delete(slices.Clone(only), at, min(at+size, len(only)))
			if walk(ctx, s, seed, func(step int) bool { return slices.Contains(less, step) }).failure != nil {
				only = less
			} else {
				at += size
			}
		}
	}
	return only
}

// walked is what came of a walk.
type walked struct {
	// steps that were taken or left out before it failed.
	steps   int
	trace   []string
	counts  map[string]int
	history []commit
	failure error
}

// ended is how a step ends a walk.
type ended struct{ error }

// walk takes the steps of a seed that only allows, nil meaning all.
func walk(ctx context.Context, s store.Store, seed uint64, only func(step int) bool) (out walked) {
	w := newWalker(ctx, s, seed)
	defer func() {
		out.trace, out.counts, out.history = w.trace, w.judge.counts, w.history
		switch r := recover().(type) {
		case nil:
		case ended:
			out.failure = r.error
		default:
			panic(r)
		}
	}()
	w.found()
	for i := range stepsOfAWalk {
		out.steps = i + 1
		if only == nil || only(i) {
			w.r = rand.New(rand.NewPCG(seed, uint64(i)))
			w.number = i
			w.step()
		}
	}
	w.mustStand()
	return out
}

// tellings add up what many walks came across.
type tellings struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tellings) add(counts map[string]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for what, n := range counts {
		t.counts[what] += n
	}
}

// mustHaveSeen fails when many walks never came across something that an
// invariant is about: then they would show nothing of it.
func (t *tellings) mustHaveSeen(tb testing.TB, walks int) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	tb.Logf("%d walks: %v", walks, t.counts)
	if walks < 200 || tb.Failed() {
		return
	}
	for _, what := range []string{
		"votes", "signed votes", "approved", "delayed", "late", "present violations", "pending users", "pending groups",
		"applied", "rejected", "cancelled", "expired", "stale", "failed", "scheduled", "refused", "tighter",
		"would_lock_out", "duties_conflict", "signature_required", "signature_invalid", "nonce_unknown", "key_unknown", "not_eligible",
	} {
		if t.counts[what] == 0 {
			tb.Errorf("%d walks never came across %q", walks, what)
		}
	}
}
