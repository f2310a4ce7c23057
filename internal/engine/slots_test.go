package engine_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// However many long loads there are, short ones go through; and long ones end.
func TestShortLoadsPassLongOnes(t *testing.T) {
	t.Parallel()
	for _, processors := range []int{1, 2, 3, 4, 16, 128} {
		t.Run(fmt.Sprintf("%d processors", processors), func(t *testing.T) {
			t.Parallel()
			run, long := engine.NewSlots(processors)
			const many = 20
			var begun, done atomic.Int64
			gate := make(chan struct{})
			var all sync.WaitGroup
			for range many {
				all.Go(func() {
					if err := run(func(most int64) error {
						if most < math.MaxInt64 {
							return fmt.Errorf("read users: %w", engine.ErrLong)
						}
						begun.Add(1)
						<-gate
						done.Add(1)
						return nil
					}); err != nil {
						t.Error(err)
					}
				})
			}
			h := &house{t: t}
			h.mustReach(func() bool { return begun.Load() == int64(long) })
			for range 100 {
				if err := run(func(int64) error { return nil }); err != nil {
					t.Error(err)
				}
			}
			if n := begun.Load(); n != int64(long) || done.Load() != 0 {
				t.Errorf("%d long loads at once, %d of them done", n, done.Load())
			}
			close(gate)
			all.Wait()
			if done.Load() != many {
				t.Errorf("%d of %d long loads are done", done.Load(), many)
			}
		})
	}
}

// ends is a store that counts the snapshots of one organization that have ended.
type ends struct {
	store.Store
	org countersign.OrganizationID
	n   atomic.Int64
}

func (s *ends) Read(ctx context.Context, org countersign.OrganizationID, fn func(store.ReadTx) error) error {
	err := s.Store.Read(ctx, org, fn)
	if org == s.org {
		s.n.Add(1)
	}
	return err
}

// While a large organization waits for its turn to be loaded, small ones are
// loaded and answer.
func TestASmallOrganizationIsLoadedBesideALargeOne(t *testing.T) {
	t.Parallel()
	w := found(t, testdb.SQLite(t), 4)
	whole := withMemory(w.store, 0)
	for n := range 14 { // a megabyte and more, which is when a load looks how long it is
		ops := make([]countersign.Change, 100)
		for i := range ops {
			ops[i] = &countersign.CreateGroup{Name: fmt.Sprintf("Group %d %d", n, i), Description: strings.Repeat("x", 1000)}
		}
		if _, err := whole.Submit(t.Context(), w.found[0], ops, engine.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	s := &ends{Store: w.store, org: w.found[0].Organization}
	e := withMemory(s, 0)
	release := e.LoadAs(2, 1<<20)
	_, err := e.Organization(t.Context(), w.found[0])
	mustBe(t, err, "loading")
	h := &house{t: t}
	h.mustReach(func() bool { return s.n.Load() == 1 }) // it has proved long
	for i := 1; i < len(w.found); i++ {
		w.mustSeeItself(e, i)
	}
	if f := e.Figures(); f.Loads != 3 || f.FailedLoads != 0 {
		t.Errorf("%d loads, %d failed", f.Loads, f.FailedLoads)
	}
	release()
	h.mustReach(func() bool { return e.Figures().Loads == 4 && e.Pins() == 0 })
	w.mustSeeItself(e, 0)
	if n := s.n.Load(); n != 2 || e.Figures().FailedLoads != 0 {
		t.Errorf("loaded in %d snapshots, %d loads failed", n, e.Figures().FailedLoads)
	}
	mustHoldTogether(t, e)
}

// Who waits for deleted rows is served with them, also when a load of the others
// is under way that was found to be done already.
func TestWhoWaitsForDeletedRowsGetsThem(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		g := &gated{Store: open()}
		h := newHouse(t, g)
		letWrite := g.shut()
		var both sync.WaitGroup
		both.Go(func() { h.applies("ada", &countersign.CreateGroup{Name: "Holds the turn"}) })
		h.mustReach(func() bool { return g.arrived.Load() == 1 })
		both.Go(func() {
			_ = h.Engine.Reload(h.Org.ID) // it may take longer than anybody waits
		})
		h.mustReach(func() bool { return h.Engine.Pins() == 3 }) // the writer, the load, and who waits for it
		both.Go(func() {
			list, err := h.Engine.Users(t.Context(), h.As("ada").Actor, countersign.UserFilter{IncludeDeleted: true}, nil, countersign.Page{Limit: 10})
			if scenario.CodeOf(err) != "loading" && (err != nil || list.Total != 1) {
				t.Errorf("%d users (%v)", list.Total, err)
			}
		})
		h.mustReach(func() bool { return h.Engine.Pins() >= 4 })
		time.Sleep(20 * time.Millisecond) // for him to board, should it be the wrong one
		letWrite()
		both.Wait()
	})
}
