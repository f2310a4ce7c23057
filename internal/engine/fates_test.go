package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// deletesNobody is refused, and its answer panics when asked to say so.
func (h *house) deletesNobody(key string) func() (engine.Result, error) {
	bad := once(key, "bad")
	bad.Answer = func(_ engine.Result, err error) engine.Answer {
		if err != nil {
			panic("a bug in a dialect")
		}
		return engine.Answer{Status: 200}
	}
	return func() (engine.Result, error) {
		return h.submit("ada", engine.Options{Once: bad}, &countersign.DeleteUser{UserID: nobody})
	}
}

// An answer is rendered in the goroutine that leads; a bug in it is still its
// caller's alone, also where only refusals show it.
func TestAnAnswerThatPanicsOnARefusalHarmsNobodyElse(t *testing.T) {
	onGated(t, func(t *testing.T, h *house, g *gated) {
		_, failures, panics := h.together(g, []func() (engine.Result, error){
			h.creates("ada", "A", engine.Options{}), h.creates("ada", "B", engine.Options{}), h.deletesNobody("among others"), h.creates("ada", "C", engine.Options{}),
		})
		for i, name := range []string{"A", "B", "", "C"} {
			if name != "" && (failures[i] != nil || panics[i] != nil) {
				t.Errorf("%s was told %v, %v", name, failures[i], panics[i])
			}
		}
		if panics[2] != "a bug in a dialect" {
			t.Errorf("its caller sees %v (%v)", panics[2], failures[2])
		}
		if names := h.groupNames(); !slices.Equal(names, []string{"A", "B", "C"}) {
			t.Errorf("there are now %v", names)
		}
		// Led by somebody who has gone meanwhile, it is alone in its transaction.
		gone, leave := context.WithCancel(t.Context())
		_, failures, panics = h.together(g, []func() (engine.Result, error){
			h.creates("ada", "D", engine.Options{}),
			func() (engine.Result, error) {
				return h.Engine.Submit(gone, h.As("ada").Actor, []countersign.Change{&countersign.CreateGroup{Name: "Gone"}}, engine.Options{})
			},
			func() (engine.Result, error) {
				leave()
				return h.deletesNobody("alone")()
			},
		})
		if panics[1] != nil || !errors.Is(failures[1], context.Canceled) || panics[2] != "a bug in a dialect" {
			t.Errorf("who has gone sees %v (%v), who panicked %v", panics[1], failures[1], panics[2])
		}
		h.applies("ada", &countersign.CreateGroup{Name: "E"})
	})
}

// What a run of a transaction did to a mutation is forgotten when it runs again.
func TestAPanicOfARunThatWasUndoneIsForgotten(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		g := &gated{Store: db}
		h := newHouse(t, g)
		h.crew()
		var runs atomic.Int64
		fickle := once("fickle", "fickle")
		fickle.Answer = func(engine.Result, error) engine.Answer {
			if runs.Add(1) == 1 {
				panic("only once")
			}
			return engine.Answer{Status: 200, Header: map[string]string{}, Body: []byte{}}
		}
		commits := nth(db, sqlstore.FaultCommit, 2, func() error { return sqlstore.ErrTransient })
		_, failures, panics := h.together(g, []func() (engine.Result, error){
			h.creates("ada", "A", engine.Options{}), h.creates("ada", "B", engine.Options{Once: fickle}), h.creates("ada", "C", engine.Options{}),
		})
		db.OnPoint(nil)
		if *commits != 3 || runs.Load() != 2 {
			t.Fatalf("%d commits, %d answers: the transaction did not run again", *commits, runs.Load())
		}
		if !slices.Equal(panics, []any{nil, nil, nil}) || errors.Join(failures...) != nil {
			t.Errorf("they were told %v, %v", failures, panics)
		}
		if names := h.groupNames(); !slices.Equal(names, []string{"A", "B", "C"}) {
			t.Errorf("there are now %v", names)
		}
	})
}

// A refusal may rest on what a neighbour did in the same transaction. When that
// was not committed, nobody is told that it stands in his way.
func TestARefusalGoesWithTheTransactionItRestsOn(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		for point, want := range map[string]error{sqlstore.FaultCommit: errPlanted, sqlstore.FaultCommitted: store.ErrCommitUnknown} {
			t.Run(point, func(t *testing.T) {
				g := &gated{Store: db}
				h := newHouse(t, g)
				nth(db, point, 2, func() error { return errPlanted })
				_, failures, _ := h.together(g, []func() (engine.Result, error){
					h.creates("ada", "A", engine.Options{}), h.creates("ada", "B", engine.Options{}), h.creates("ada", "B", engine.Options{}),
				})
				db.OnPoint(nil)
				for i, err := range failures[1:] {
					if !errors.Is(err, want) || countersign.KindOf(err) == countersign.Exists {
						t.Errorf("who asked for B the %d. time is told %v", i+1, err)
					}
				}
				h.mustStand(point)
			})
		}
	})
}

// Nobody is told that something was done which perhaps was not: a bug of the
// store itself leaves the outcome unknown to all who shared the transaction, and
// readers see what there is.
func TestAPanicOfTheStoreIsASuccessForNobody(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		for point, want := range map[string][]string{sqlstore.FaultCommit: {"A"}, sqlstore.FaultCommitted: {"A", "B", "C"}} {
			t.Run(point, func(t *testing.T) {
				g := &gated{Store: db}
				h := newHouse(t, g)
				nth(db, point, 2, func() error { panic("a bug in the store") })
				_, failures, panics := h.together(g, []func() (engine.Result, error){
					h.creates("ada", "A", engine.Options{}), h.creates("ada", "B", engine.Options{}), h.creates("ada", "C", engine.Options{}),
				})
				db.OnPoint(nil)
				if failures[0] != nil || panics[1] != "a bug in the store" {
					t.Errorf("the first was told %v, the leader panicked with %v", failures[0], panics[1])
				}
				if !errors.Is(failures[2], store.ErrCommitUnknown) || countersign.KindOf(failures[2]) != countersign.Unavailable {
					t.Errorf("its neighbour was told %v", failures[2])
				}
				if names := h.groupNames(); !slices.Equal(names, want) {
					t.Errorf("readers see %v, want %v", names, want)
				}
				h.mustStand(point)
				h.applies("ada", &countersign.CreateGroup{Name: "D"})
			})
		}
	})
}

// nth does something at the n-th time a point is passed.
func nth(db *testdb.DB, point string, n int, do func() error) (passed *int) {
	passed = new(int)
	db.OnPoint(func(p string) error {
		if p != point {
			return nil
		}
		if *passed++; *passed != n {
			return nil
		}
		return do()
	})
	return passed
}
