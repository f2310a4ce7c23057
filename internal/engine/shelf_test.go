package engine_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// towns are organizations of one store, each with its admin and some groups.
type towns struct {
	t     *testing.T
	store store.Store
	found []countersign.Actor
}

func found(t *testing.T, s store.Store, n int) *towns {
	t.Helper()
	e := withMemory(s, 0)
	w := &towns{t: t, store: s}
	for i := range n {
		f, err := e.Found(t.Context(), engine.Founding{
			Organization: fmt.Sprintf("Town %d", i), AdminName: "Ada", AdminEmail: fmt.Sprintf("ada@town-%d.example", i),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.found = append(w.found, countersign.Actor{
			Organization: f.Organization.ID, User: f.Admin.ID, ResponsiblePerson: f.Admin.ID, Type: countersign.Person,
			Credential: f.Token.Credential, Method: countersign.ByToken,
		})
	}
	return w
}

func withMemory(s store.Store, bytes int64) *engine.Engine {
	return engine.New(engine.Config{
		Store: s, Now: time.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
		Random: rand.Reader, Build: "test", RosterMemory: bytes,
	})
}

// size is what the roster of one of the towns holds.
func (w *towns) size() int64 {
	w.t.Helper()
	picture, err := withMemory(w.store, 0).Picture(w.t.Context(), w.found[0].Organization)
	if err != nil {
		w.t.Fatal(err)
	}
	return picture.Bytes()
}

func (w *towns) mustSeeItself(e *engine.Engine, i int) {
	w.t.Helper()
	o, err := e.Organization(w.t.Context(), w.found[i])
	if err != nil || o.Name != fmt.Sprintf("Town %d", i) {
		w.t.Errorf("town %d sees %q (%v)", i, o.Name, err)
	}
}

func TestRostersStayWithinTheBudget(t *testing.T) {
	w := found(t, testdb.SQLite(t), 30)
	e := withMemory(w.store, 4*w.size()+w.size()/2)
	for round := range 3 {
		for i := range w.found {
			w.mustSeeItself(e, i)
			if f := e.Figures(); f.Bytes > f.Budget || f.Organizations > 4 {
				t.Fatalf("round %d: %d organizations hold %d bytes of %d", round, f.Organizations, f.Bytes, f.Budget)
			}
		}
	}
	f := e.Figures()
	if f.Loads != 90 || f.Evictions != 86 || f.FailedLoads != 0 {
		t.Errorf("%d loads, %d evictions, %d failures", f.Loads, f.Evictions, f.FailedLoads)
	}
	// Whoever is used often stays.
	w.mustSeeItself(e, 0)
	before := e.Figures().Loads
	for i := range 10 {
		w.mustSeeItself(e, 0)
		w.mustSeeItself(e, 1+i)
	}
	if loads := e.Figures().Loads - before; loads != 10 {
		t.Errorf("the one in use was loaded again: %d loads of ten others", loads)
	}
}

func TestARosterInUseIsNotLetGo(t *testing.T) {
	w := found(t, testdb.SQLite(t), 3)
	e := withMemory(w.store, w.size()+w.size()/2)
	release, err := e.Hold(t.Context(), w.found[0].Organization)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Organization(t.Context(), w.found[1])
	mustBe(t, err, "memory_in_use")
	w.mustSeeItself(e, 0)
	release()
	w.mustSeeItself(e, 1)
	if f := e.Figures(); f.Organizations != 1 || f.Loads != 2 || f.FailedLoads != 1 {
		t.Errorf("%d organizations, %d loads, %d failed", f.Organizations, f.Loads, f.FailedLoads)
	}
}

// mustBe wants an Unavailable error that says when to come again, or why there
// is no use.
func mustBe(t *testing.T, err error, code string) {
	t.Helper()
	var own *countersign.Error
	if !errors.As(err, &own) || own.Kind != countersign.Unavailable || own.Code != code {
		t.Errorf("told %v, want %s", err, code)
	}
}

func TestAnOrganizationLargerThanTheBudgetIsUnavailable(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		w := found(t, open(), 2)
		whole := withMemory(w.store, 0)
		ops := make([]countersign.Change, 100)
		for i := range ops {
			ops[i] = &countersign.CreateGroup{Name: fmt.Sprintf("Group %d", i), Description: strings.Repeat("x", 1000)}
		}
		if _, err := whole.Submit(t.Context(), w.found[0], ops, engine.Options{}); err != nil {
			t.Fatal(err)
		}
		large, err := withMemory(w.store, 0).Picture(t.Context(), w.found[0].Organization) // as loading it makes it
		if err != nil {
			t.Fatal(err)
		}
		e := withMemory(w.store, large.Bytes()*9/10)
		for range 3 {
			_, err = e.Organization(t.Context(), w.found[0])
			mustBe(t, err, "organization_too_large")
			w.mustSeeItself(e, 1)
		}
		_, err = e.Submit(t.Context(), w.found[0], []countersign.Change{&countersign.CreateGroup{Name: "more"}}, engine.Options{})
		mustBe(t, err, "organization_too_large")
		// Trying takes the memory of others, so it is not done each time.
		if f := e.Figures(); f.Bytes > f.Budget || f.Organizations != 1 || f.FailedLoads != 1 {
			t.Errorf("%d organizations hold %d bytes of %d after %d loads that failed", f.Organizations, f.Bytes, f.Budget, f.FailedLoads)
		}
	})
}

// slow is a store whose snapshots begin late.
type slow struct {
	store.Store
	gate  chan struct{}
	reads atomic.Int64
}

func (s *slow) Read(ctx context.Context, org countersign.OrganizationID, fn func(store.ReadTx) error) error {
	s.reads.Add(1)
	<-s.gate
	return s.Store.Read(ctx, org, fn)
}

func TestALoadIsSharedAndOutlivesItsCallers(t *testing.T) {
	w := found(t, testdb.SQLite(t), 1)
	s := &slow{Store: w.store, gate: make(chan struct{})}
	e := withMemory(s, 0)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			_, err := e.Organization(t.Context(), w.found[0])
			mustBe(t, err, "loading")
		})
	}
	gone, leave := context.WithCancel(t.Context())
	callers.Go(func() {
		if _, err := e.Organization(gone, w.found[0]); !errors.Is(err, context.Canceled) {
			t.Errorf("who left is told %v", err)
		}
	})
	leave()
	callers.Wait()
	close(s.gate)
	for range 1000 {
		if e.Figures().Loads == 1 { // counted last
			break
		}
		time.Sleep(time.Millisecond)
	}
	w.mustSeeItself(e, 0)
	if s.reads.Load() != 1 || e.Figures().Loads != 1 {
		t.Errorf("%d snapshots, %d loads", s.reads.Load(), e.Figures().Loads)
	}
}

func TestPreloadEndsWhereTheBudgetDoes(t *testing.T) {
	w := found(t, testdb.SQLite(t), 10)
	for budget, want := range map[int64]int{0: 10, 4*w.size() + w.size()/2: 4} {
		e := withMemory(w.store, budget)
		reported := 0
		if err := e.Preload(t.Context(), func(_ countersign.Organization, err error) {
			reported++
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if f := e.Figures(); f.Organizations != want || reported < want || reported > want+1 {
			t.Errorf("budget %d: %d organizations are loaded, %d reported", budget, f.Organizations, reported)
		}
	}
}

// Ids that never were leave nothing behind, neither in memory nor as loads.
func TestUnknownOrganizationsKeepNoPlace(t *testing.T) {
	w := found(t, testdb.SQLite(t), 1)
	e := withMemory(w.store, 0)
	for range 100 {
		_, err := e.Picture(t.Context(), countersign.OrganizationID(uuid.NewString()))
		if countersign.KindOf(err) != countersign.NotFound {
			t.Fatal(err)
		}
	}
	if n := e.Places(); n != 0 {
		t.Errorf("%d places are kept", n)
	}
}

// Many organizations are read and changed while memory holds few of them.
func TestEvictionLosesNothing(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		w := found(t, open(), 6)
		e := withMemory(w.store, 3*w.size())
		var all sync.WaitGroup
		var made [6]atomic.Int64
		for worker := range 8 {
			all.Go(func() {
				for i := range 30 {
					town := (worker + i*5) % len(w.found)
					_, err := e.Submit(t.Context(), w.found[town], []countersign.Change{&countersign.CreateGroup{Name: fmt.Sprintf("Group %d %d", worker, i)}}, engine.Options{})
					switch {
					case err == nil:
						made[town].Add(1)
					case countersign.KindOf(err) != countersign.Unavailable:
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for i, town := range w.found {
			list, err := withMemory(w.store, 0).Groups(t.Context(), town, countersign.GroupFilter{}, nil, countersign.Page{Limit: 1})
			if err != nil || int64(list.Total) != made[i].Load() {
				t.Errorf("town %d has %d groups of %d acknowledged (%v)", i, list.Total, made[i].Load(), err)
			}
		}
	})
}
