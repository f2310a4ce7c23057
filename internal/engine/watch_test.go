package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// counting is a store that counts its snapshots, and can lose the contact.
type counting struct {
	store.Store
	reads atomic.Int64
	tell  atomic.Pointer[func(countersign.OrganizationID, int64)]
}

func (c *counting) Read(ctx context.Context, org countersign.OrganizationID, fn func(store.ReadTx) error) error {
	c.reads.Add(1)
	return c.Store.Read(ctx, org, fn)
}

func (c *counting) Watch(ctx context.Context, fn func(countersign.OrganizationID, int64)) error {
	c.tell.Store(&fn)
	return c.Store.Watch(ctx, fn)
}

// A node that is told of what others commit shows it soon, and looks at the store
// only when there is something new.
func TestANodeFollowsWhatItIsTold(t *testing.T) {
	one, ok := testdb.Postgres(t).(*testdb.DB)
	if !ok {
		t.Fatal("the test store cannot be opened again")
	}
	second, err := one.Again(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}()
	w := found(t, one, 1)
	writer, other := withMemory(one, 0), &counting{Store: second}
	reader := withMemory(other, 0)
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- reader.Watch(ctx) }()
	h := &house{t: t}
	groups := func() int {
		list, err := reader.Groups(t.Context(), w.found[0], countersign.GroupFilter{}, nil, countersign.Page{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return list.Total
	}
	h.mustReach(func() bool { // in contact
		before := other.reads.Load()
		groups()
		return other.reads.Load() == before
	})
	for i := range 20 {
		r, err := writer.Submit(t.Context(), w.found[0], []countersign.Change{&countersign.CreateGroup{Name: fmt.Sprintf("Group %d", i)}}, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // who names the revision never sees less
			if err := reader.Fresh(t.Context(), w.found[0].Organization, r.Revision); err != nil {
				t.Fatal(err)
			}
			if n := groups(); n != i+1 {
				t.Fatalf("%d groups at revision %d", n, r.Revision)
			}
		}
		h.mustReach(func() bool { return groups() == i+1 })
	}
	before := other.reads.Load()
	for range 100 {
		groups()
	}
	if reads := other.reads.Load() - before; reads != 0 {
		t.Errorf("100 reads looked at the store %d times", reads)
	}

	// Without contact each read asks.
	(*other.tell.Load())("", -1)
	before = other.reads.Load()
	groups()
	if reads := other.reads.Load() - before; reads == 0 {
		t.Error("a node without contact answered from memory alone")
	}
	if _, err := writer.Submit(t.Context(), w.found[0], []countersign.Change{&countersign.CreateGroup{Name: "Late"}}, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if n := groups(); n != 21 {
		t.Errorf("%d groups without contact", n)
	}
	// In contact again, what was missed is caught up with before anything is answered.
	(*other.tell.Load())("", 0)
	before = other.reads.Load()
	if n := groups(); n != 21 || other.reads.Load() == before {
		t.Errorf("%d groups in contact again, after %d looks", n, other.reads.Load()-before)
	}
	stop()
	select {
	case err := <-watched:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the watch ends with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the watch does not end")
	}
}
