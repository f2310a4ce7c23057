package engine_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// flaky is a store some of whose snapshots fail.
type flaky struct {
	store.Store
	reads atomic.Int64
	fails func(n int64) bool
}

func (f *flaky) Read(ctx context.Context, org countersign.OrganizationID, fn func(store.ReadTx) error) error {
	if f.fails(f.reads.Add(1)) {
		return countersign.E(countersign.Unavailable, "", "the database is away")
	}
	return f.Store.Read(ctx, org, fn)
}

// mustHoldTogether wants no pin left, every place to hold a picture, and the shelf
// to know what all of them hold.
func mustHoldTogether(t *testing.T, e *engine.Engine) {
	t.Helper()
	if n := pinsLeft(e); n != 0 {
		t.Errorf("%d pins are left", n)
	}
	f := e.Figures()
	if n := e.Places(); n != f.Organizations {
		t.Errorf("%d places for %d organizations", n, f.Organizations)
	}
	if n := e.Booked(); n != f.Bytes {
		t.Errorf("%d bytes are booked, the pictures hold %d", n, f.Bytes)
	}
}

// Who has a place in hand when a load of it fails, and comes for the picture only
// then, loads it where everybody finds it.
func TestAPlaceInHandIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	w := found(t, testdb.SQLite(t), 1)
	e := withMemory(&flaky{Store: w.store, fails: func(n int64) bool { return n == 1 }}, 0)
	late := e.Late(w.found[0].Organization)
	if _, err := e.Organization(t.Context(), w.found[0]); countersign.KindOf(err) != countersign.Unavailable {
		t.Fatalf("the first load ends with %v", err)
	}
	if err := late(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mustSeeItself(e, 0)
	if f := e.Figures(); f.Loads != 1 || f.Organizations != 1 {
		t.Errorf("%d organizations after %d loads", f.Organizations, f.Loads)
	}
	mustHoldTogether(t, e)
}

// Loads that fail, evictions and readers meet in every order.
func TestPlacesHoldTogether(t *testing.T) {
	t.Parallel()
	w := found(t, testdb.SQLite(t), 6)
	e := withMemory(&flaky{Store: w.store, fails: func(n int64) bool { return n%3 == 1 }}, 3*w.size())
	var all sync.WaitGroup
	var seen atomic.Int64
	for worker := range 8 {
		all.Go(func() {
			for i := range 200 {
				_, err := e.Organization(t.Context(), w.found[(worker+i*5)%len(w.found)])
				switch countersign.KindOf(err) {
				case "":
					seen.Add(1)
				case countersign.Unavailable:
				default:
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if f := e.Figures(); seen.Load() == 0 || f.FailedLoads == 0 || f.Evictions == 0 {
		t.Errorf("%d reads, %d failed loads, %d evictions: not what this is about", seen.Load(), f.FailedLoads, f.Evictions)
	}
	mustHoldTogether(t, e)
}
