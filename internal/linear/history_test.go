package linear

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// clients work at the same time in every history.
const clients = 16

var (
	histories  = flag.Int("linear.histories", 2, "how many histories of each kind on each database")
	operations = flag.Int("linear.operations", 480, "operations in one history, over all clients")
	rounds     = flag.Int("linear.rounds", 4, "how many requests sixty-four people vote on at once, of each kind on each database")
	firstSeed  = flag.Uint64("linear.seed", 0, "seed of the first history; 0 draws one")
)

// patience bounds the search for an order of one history. What is found takes
// milliseconds; what does not exist can take for ever to rule out.
const patience = 2 * time.Minute

// call is one operation as it was made and answered.
type call struct {
	// key is the thing it was about; each has a history of its own.
	key string
	// marker of the request, by which the log knows it; empty of reads.
	marker   string
	in, out  any
	from, to int64
	client   int
	// unknown is true when its answer got lost.
	unknown bool
	// at is where the log has it, 0 when it does not, and nth which it is of those
	// about the same thing that the log has, from 1.
	at  int64
	nth int
}

// history collects what clients called and were told. Its clock ticks with each
// call and return, so that the order of ticks is one that real time allows.
type history struct {
	clock atomic.Int64

	mu    sync.Mutex
	calls []call
	// failed are the markers of what was answered "it has not happened".
	failed []string
	broken error
	// busy counts who is calling just now, most is the most there were.
	busy, most int
}

// do makes a call and keeps it. The caller's marker goes into the log with it.
func (h *history) do(client int, key, marker string, in any, fn func() (any, error)) {
	h.mu.Lock()
	h.busy++
	h.most = max(h.most, h.busy)
	h.mu.Unlock()
	c := call{key: key, marker: marker, in: in, client: client, from: h.clock.Add(1)}
	out, err := fn()
	c.out, c.to = out, h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy--
	switch {
	case errors.Is(err, store.ErrCommitUnknown) && marker != "":
		c.unknown, c.to, c.out = true, math.MaxInt64, nil
	case countersign.KindOf(err) == countersign.Unavailable || errors.Is(err, errPlanted):
		if marker != "" {
			h.failed = append(h.failed, marker)
		}
		return
	case err != nil && countersign.KindOf(err) == "":
		h.broken = errors.Join(h.broken, fmt.Errorf("%s of %s: an error without a kind: %w", in, key, err))
		return
	case err != nil:
		c.out = refusalOf(err)
	}
	h.calls = append(h.calls, c)
}

// note records something that takes no time.
func (h *history) note(client int, key string, in any) {
	at := h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, call{key: key, in: in, client: client, from: at, to: at})
}

// refusal is an answer that says no: its code, what the thing is instead.
type refusal struct{ code, detail string }

func (r refusal) String() string { return strings.TrimSpace("refused: " + r.code + " " + r.detail) }

func refusalOf(err error) refusal {
	var own *countersign.Error
	if !errors.As(err, &own) {
		return refusal{code: string(countersign.KindOf(err))}
	}
	r := refusal{code: own.Code, detail: own.Detail["state"] + own.Detail["membership_id"]}
	if r.code == "" {
		r.code = string(own.Kind)
	}
	return r
}

// lost is what stands for an answer that got lost; at is where the log has it.
type lost struct{ at int64 }

func (l lost) String() string { return fmt.Sprintf("not known (entry %d)", l.at) }

// settle asks the log what became of the calls whose answer got lost, and whether
// what was answered "failed" has failed.
func (h *history) settle(t *testing.T, entries map[string]int64) {
	t.Helper()
	if h.broken != nil {
		t.Fatal(h.broken)
	}
	for _, marker := range h.failed {
		if at, there := entries[marker]; there {
			t.Errorf("%s was answered as failed, and is entry %d of the log", marker, at)
		}
	}
	kept := h.calls[:0]
	for _, c := range h.calls {
		c.at = entries[c.marker]
		if c.unknown && c.at == 0 {
			continue
		}
		if c.unknown {
			c.out = lost{c.at}
		}
		kept = append(kept, c)
	}
	h.calls = kept
	h.number()
}

// number puts what the log has into its order, which is the order in which things
// have to have happened.
func (h *history) number() {
	slices.SortFunc(h.calls, func(a, b call) int { return cmp.Compare(a.at, b.at) })
	count := map[string]int{}
	for i, c := range h.calls {
		if c.at > 0 {
			count[c.key]++
			h.calls[i].nth = count[c.key]
		}
	}
	slices.SortFunc(h.calls, func(a, b call) int { return cmp.Compare(a.from, b.from) })
}

// marked reads from the log where the first entry of each marked request stands.
func marked(t *testing.T, s store.Store, org countersign.OrganizationID) map[string]int64 {
	t.Helper()
	entries := map[string]int64{}
	ctx := context.WithoutCancel(t.Context())
	err := s.Read(ctx, org, func(tx store.ReadTx) error {
		head, err := tx.Head(ctx)
		if err != nil {
			return err
		}
		return tx.Entries(ctx, 0, int(head.Size), func(e countersign.AuditEntry) error {
			var leaf struct {
				Request struct {
					ID string `json:"id"`
				} `json:"request"`
			}
			if err := json.Unmarshal(e.Leaf, &leaf); err != nil {
				return err
			}
			if e.Kind == countersign.EntryRefused {
				return nil // something was tried, and nothing happened
			}
			if _, known := entries[leaf.Request.ID]; !known && leaf.Request.ID != "" {
				entries[leaf.Request.ID] = e.Index + 1
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// of are the calls about one thing, as porcupine takes them.
func (h *history) of(key string) []porcupine.Operation {
	var out []porcupine.Operation
	for _, c := range h.calls {
		if c.key == key {
			out = append(out, porcupine.Operation{ClientId: c.client, Input: entered{c.in, c.nth}, Output: c.out, Call: c.from, Return: c.to})
		}
	}
	return out
}

// keys are the things there are calls about.
func (h *history) keys() []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range h.calls {
		if !seen[c.key] {
			seen[c.key] = true
			out = append(out, c.key)
		}
	}
	return out
}

// mustBeInOrder fails the test unless the calls about each thing are something
// that one client at a time could have seen.
func (h *history) mustBeInOrder(t *testing.T, seed uint64, model func(key string) porcupine.Model) {
	t.Helper()
	if h.most < 2 {
		t.Error("nothing happened at the same time")
	}
	for _, key := range h.keys() {
		list, m := h.of(key), model(key)
		result, info := porcupine.CheckOperationsVerbose(m, list, patience)
		if result == porcupine.Ok {
			continue
		}
		//nolint:usetesting // the page has to outlive the test
		place := filepath.Join(os.TempDir(), fmt.Sprintf("countersign-linear-%s-%d-%s.html", strings.ReplaceAll(t.Name(), "/", "-"), seed, key))
		if err := porcupine.VisualizePath(m, info, place); err != nil {
			t.Error(err)
		}
		t.Errorf("%d operations about %s are in no order that one client at a time could have seen (%s).\nsee %s\nagain: go test ./internal/linear -run '^%s$' -linear.seed %d -count 20",
			len(list), key, result, place, strings.ReplaceAll(t.Name(), "/", "$/^"), seed)
	}
}

// entered is what was asked, and which entry of the log about this thing it is; 0
// for what the log does not have.
type entered struct {
	in  any
	nth int
}

// written is a state after so many entries.
type written[S fmt.Stringer] struct {
	state S
	n     int
}

func (w written[S]) String() string { return fmt.Sprintf("%d: %s", w.n, w.state) }

// machine makes a model of a step over immutable states that say what they are.
// What the log has happens in its order; the step is told whether it has it.
func machine[S fmt.Stringer](initial S, step func(state S, in, out any, logged bool) (bool, S)) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return written[S]{state: initial} },
		Step: func(state, in, out any) (bool, any) {
			w, asked := state.(written[S]), in.(entered)
			if asked.nth > 0 {
				if w.n++; asked.nth != w.n {
					return false, state
				}
			}
			fits, next := step(w.state, asked.in, out, asked.nth > 0)
			w.state = next
			return fits, w
		},
		Equal: func(a, b any) bool { return a.(written[S]).String() == b.(written[S]).String() },
		Hash: func(state any) uint64 {
			sum := fnv.New64a()
			_, _ = sum.Write([]byte(state.(written[S]).String())) // it never fails
			return sum.Sum64()
		},
		DescribeOperation: func(in, out any) string {
			if out == nil {
				return fmt.Sprint(in.(entered).in)
			}
			return fmt.Sprint(in.(entered).in, " -> ", out)
		},
		DescribeState: func(state any) string { return state.(written[S]).String() },
	}
}

// mustHave fails the test unless what makes a history worth checking is in it: an
// answer to each of these words, or a refusal where it says so.
func (h *history) mustHave(t *testing.T, words ...string) {
	t.Helper()
	count := map[string]int{}
	for _, c := range h.calls {
		word, _, _ := strings.Cut(fmt.Sprint(c.in), " ")
		switch c.out.(type) {
		case refusal:
			word += " refused"
		case lost:
			word = "lost"
		}
		count[word]++
	}
	t.Logf("%d operations, %d at once, %d failed: %v", len(h.calls), h.most, len(h.failed), count)
	for _, word := range words {
		if count[word] == 0 {
			t.Errorf("nothing in %d operations was %q", len(h.calls), word)
		}
	}
}

// seeds are those of the histories of a test.
func seeds() []uint64 {
	first := *firstSeed
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	}
	out := make([]uint64, *histories)
	for i := range out {
		out[i] = first + uint64(i)
	}
	return out
}

// together lets clients work at the same time, each with choices of its own.
func together(n int, seed uint64, work func(client int, r *rand.Rand)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for client := range n {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			<-start
			work(client, r)
		})
	}
	close(start)
	all.Wait()
}
