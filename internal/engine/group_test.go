package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// gated is a store whose writes wait while the gate is shut.
type gated struct {
	store.Store
	gate    atomic.Pointer[chan struct{}]
	arrived atomic.Int64
}

func (g *gated) shut() (open func()) {
	gate := make(chan struct{})
	g.gate.Store(&gate)
	return func() {
		g.gate.Store(nil)
		close(gate)
	}
}

func (g *gated) Write(ctx context.Context, org countersign.OrganizationID, fn func(store.WriteTx) error) error {
	if gate := g.gate.Load(); gate != nil {
		g.arrived.Add(1)
		<-*gate
	}
	return g.Store.Write(ctx, org, fn)
}

// together runs mutations so that all but the first share a transaction: they
// come while the first waits for the store. It returns what each was told.
func (h *house) together(g *gated, mutations []func() (engine.Result, error)) (results []engine.Result, failures []error, panics []any) {
	h.t.Helper()
	before := h.Engine.Figures()
	open := g.shut()
	arrived, n := g.arrived.Load(), len(mutations)
	results, failures, panics = make([]engine.Result, n), make([]error, n), make([]any, n)
	var done sync.WaitGroup
	for i, mutate := range mutations {
		done.Go(func() {
			defer func() { panics[i] = recover() }()
			results[i], failures[i] = mutate()
		})
		// One after another, so that the order in the queue is known.
		h.mustReach(func() bool { return g.arrived.Load() > arrived && h.Engine.Waiting(h.Org.ID) == i })
	}
	open()
	done.Wait()
	after := h.Engine.Figures()
	if transactions := after.Transactions - before.Transactions; transactions > 2 {
		h.t.Errorf("%d mutations took %d transactions", n, transactions)
	}
	return results, failures, panics
}

func (h *house) mustReach(reached func() bool) {
	h.t.Helper()
	for range 2000 {
		if reached() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatal("it did not come to that")
}

func onGated(t *testing.T, fn func(t *testing.T, h *house, g *gated)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		g := &gated{Store: open()}
		h := newHouse(t, g)
		fn(t, h.crew(), g)
	})
}

func (h *house) creates(who, name string, o engine.Options) func() (engine.Result, error) {
	return func() (engine.Result, error) { return h.submit(who, o, &countersign.CreateGroup{Name: name}) }
}

func TestOneRefusedChangeDoesNotTouchItsNeighbours(t *testing.T) {
	onGated(t, func(t *testing.T, h *house, g *gated) {
		var mutations []func() (engine.Result, error)
		for i := range 40 {
			switch i % 4 {
			case 1: // somebody has the name already, perhaps in this very transaction
				mutations = append(mutations, h.creates("ada", "Group 0", engine.Options{}))
			case 2: // found out only by the store, after rows were written
				mutations = append(mutations, func() (engine.Result, error) {
					return h.submit("ada", engine.Options{}, &countersign.CreateGroup{Name: fmt.Sprintf("Half %d", i)}, &countersign.DeleteUser{UserID: nobody})
				})
			case 3:
				mutations = append(mutations, func() (engine.Result, error) {
					return h.submit("ada", engine.Options{DryRun: true}, &countersign.CreateGroup{Name: "Only tried"})
				})
			default:
				mutations = append(mutations, h.creates("ada", fmt.Sprintf("Group %d", i), engine.Options{}))
			}
		}
		before := h.head().Size
		results, failures, _ := h.together(g, mutations)
		var revisions []int64
		for i := range mutations {
			switch want := map[int]countersign.Kind{1: countersign.Exists, 2: countersign.NotFound}[i%4]; {
			case countersign.KindOf(failures[i]) != want:
				t.Errorf("mutation %d: %v, want %q", i, failures[i], want)
			case i%4 == 0:
				revisions = append(revisions, results[i].Revision)
			}
		}
		slices.Sort(revisions)
		if revisions = slices.Compact(revisions); len(revisions) != 10 || h.head().Size != before+10 || revisions[9] != before+10 {
			t.Errorf("ten groups stand at %v, and the log at %d after %d", revisions, h.head().Size, before)
		}
		h.mustStand("after the group")
	})
}

// Approvals of one request meet in one transaction as they do in many.
func TestVotesOfOneTransactionCountInTheirOrder(t *testing.T) {
	onGated(t, func(t *testing.T, h *house, g *gated) {
		h.Seal()
		held := h.mustHold(&countersign.CreateGroup{Name: "Held"}).Change
		vote := func(who string) func() (engine.Result, error) {
			return func() (engine.Result, error) {
				return h.Engine.Decide(t.Context(), h.As(who).Actor, held.ID, engine.Vote{Decision: countersign.Approve, Digest: held.Digest}, engine.Options{})
			}
		}
		_, failures, _ := h.together(g, []func() (engine.Result, error){h.creates("ada", "Other", engine.Options{}), vote("grace"), vote("linus"), vote("edsger")})
		applied := 0
		for _, err := range failures[1:] {
			switch countersign.KindOf(err) {
			case "":
				applied++
			case countersign.Stale:
			default:
				t.Error(err)
			}
		}
		if applied != 1 || failures[1] != nil {
			t.Errorf("the votes were told %v", failures[1:])
		}
	})
}

func TestEqualRequestsOfOneTransactionAreExecutedOnce(t *testing.T) {
	onGated(t, func(t *testing.T, h *house, g *gated) {
		for rule, mutate := range map[string]func() (engine.Result, error){
			"applied": h.creates("ada", "Once", engine.Options{Once: once("k1", "same")}),
			"refused": func() (engine.Result, error) {
				return h.submit("ada", engine.Options{Once: once("k2", "same")}, &countersign.DeleteUser{UserID: nobody})
			},
		} {
			before := h.head().Size
			// The first of the queue has a transaction of its own.
			first := h.creates("ada", "First, "+rule, engine.Options{})
			results, failures, _ := h.together(g, append([]func() (engine.Result, error){first}, slices.Repeat([]func() (engine.Result, error){mutate}, 12)...))
			fresh, same := 0, map[string]int{}
			for i, r := range results[1:] {
				if r.Replayed == nil {
					fresh++
				} else {
					same[string(r.Replayed.Body)]++
				}
				if failures[1+i] != nil && i > 0 {
					t.Errorf("%s: %d of 12: %v", rule, i, failures[1+i])
				}
			}
			if fresh != 1 || len(same) != 1 || h.head().Size > before+2 {
				t.Errorf("%s: executed %d times, %d different replays, the log went from %d to %d", rule, fresh, len(same), before, h.head().Size)
			}
		}
	})
}

func TestAPanicGoesToWhoseItIs(t *testing.T) {
	onGated(t, func(t *testing.T, h *house, g *gated) {
		bad := once("bad", "bad")
		bad.Answer = func(engine.Result, error) engine.Answer { panic("a bug in a dialect") }
		_, failures, panics := h.together(g, []func() (engine.Result, error){
			h.creates("ada", "A", engine.Options{}), h.creates("ada", "B", engine.Options{Once: bad}), h.creates("ada", "C", engine.Options{}),
		})
		if failures[0] != nil || failures[2] != nil || panics[0] != nil || panics[2] != nil {
			t.Errorf("its neighbours were told %v, %v", failures, panics)
		}
		if panics[1] != "a bug in a dialect" {
			t.Errorf("its caller sees %v", panics[1])
		}
		if names := h.groupNames(); !slices.Equal(names, []string{"A", "C"}) {
			t.Errorf("there are now %v", names)
		}
		// Nobody waits for ever behind it.
		h.applies("ada", &countersign.CreateGroup{Name: "D"})
	})
}

func (h *house) groupNames() []string {
	h.t.Helper()
	list, err := h.Engine.Groups(h.t.Context(), h.As("ada").Actor, countersign.GroupFilter{}, nil, countersign.Page{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, g := range list.Items {
		names = append(names, g.Name)
	}
	return names
}

func TestWhoHasGoneBeforeHisTurnChangesNothing(t *testing.T) {
	onGated(t, func(t *testing.T, h *house, g *gated) {
		gone, leave := context.WithCancel(t.Context())
		_, failures, _ := h.together(g, []func() (engine.Result, error){
			h.creates("ada", "A", engine.Options{}),
			func() (engine.Result, error) {
				return h.Engine.Submit(gone, h.As("ada").Actor, []countersign.Change{&countersign.CreateGroup{Name: "B"}}, engine.Options{})
			},
			func() (engine.Result, error) {
				leave()
				return h.submit("ada", engine.Options{}, &countersign.CreateGroup{Name: "C"})
			},
		})
		if !errors.Is(failures[1], context.Canceled) || failures[0] != nil || failures[2] != nil {
			t.Errorf("they were told %v", failures)
		}
		if names := h.groupNames(); !slices.Equal(names, []string{"A", "C"}) {
			t.Errorf("there are now %v", names)
		}
	})
}

// What the store fails at has not happened for those who are told so, unless
// they are told that nobody knows; it has for all others.
func TestAFaultInASharedTransactionLeavesNothingHalfDone(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		g := &gated{Store: db}
		h := newHouse(t, g)
		h.crew()
		for n := 1; ; n += 7 {
			var mutations []func() (engine.Result, error)
			for i := range 5 {
				mutations = append(mutations, h.creates("ada", fmt.Sprintf("Group %d of %d", i, n), engine.Options{}))
			}
			before := h.head().Size
			var point func() string
			_, failures, _ := h.together(g, append([]func() (engine.Result, error){func() (engine.Result, error) {
				r, err := h.submit("ada", engine.Options{}, &countersign.CreateGroup{Name: fmt.Sprintf("First of %d", n)})
				point = failing(db, n, false, errPlanted)
				return r, err
			}}, mutations...))
			db.OnPoint(nil)
			failed := 0
			for _, err := range failures[1:] {
				if err != nil {
					failed++
				}
			}
			grown := h.head().Size - before - 1
			switch at := point(); {
			case at == sqlstore.FaultCommitted && grown == 5 && failed == 5:
			case at != sqlstore.FaultCommitted && grown == int64(5-failed):
			default:
				t.Errorf("point %d, %q: %d of 5 failed, and %d entries were made: %v", n, at, failed, grown, failures)
			}
			h.mustStand(point())
			if point() == "" {
				return
			}
		}
	})
}

// Whatever the contract lets a transaction write that a roster shows, the
// recorder takes down: a method it merely inherits would go unseen.
func TestEveryWriteIsRecorded(t *testing.T) {
	// What no roster shows.
	unseen := []string{"Allot", "TouchMembers", "TouchManyMembers", "AppendEntry", "PutBlob", "PutImportedBatch", "PutEmergency", "Remember", "Forget"}
	write, read := reflect.TypeFor[store.WriteTx](), reflect.TypeFor[store.ReadTx]()
	recorder := reflect.TypeOf(engine.Recorded(nil))
	for i := range write.NumMethod() {
		name := write.Method(i).Name
		if _, reads := read.MethodByName(name); reads || slices.Contains(unseen, name) || strings.HasPrefix(name, "Remembered") {
			continue
		}
		// A method of the embedded interface panics on nil; the recorder's own
		// takes it down first. Its source tells which it is.
		m, ok := recorder.MethodByName(name)
		if !ok || !ownMethod(t, m.Name) {
			t.Errorf("%s is written and not recorded", name)
		}
	}
}

// ownMethod reports whether the source of the recorder defines a method.
func ownMethod(t *testing.T, name string) bool {
	t.Helper()
	source, err := os.ReadFile("record.go")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(source), "func (r *recorder) "+name+"(")
}
