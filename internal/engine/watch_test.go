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

// twoNodes are two stores of one database.
func twoNodes(t *testing.T) (one, second store.Store) {
	t.Helper()
	db := fragile(t, testdb.Postgres(t))
	second, err := db.Again(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, second
}

// A node that is told of what others commit shows it soon, and looks at the store
// only when there is something new.
func TestANodeFollowsWhatItIsTold(t *testing.T) {
	one, second := twoNodes(t)
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

// deaf is a store in contact whose notifications stay away.
type deaf struct{ counting }

func (d *deaf) Watch(ctx context.Context, fn func(countersign.OrganizationID, int64)) error {
	fn("", 0)
	d.tell.Store(&fn)
	<-ctx.Done()
	return ctx.Err()
}

// Between a commit elsewhere and its notification a node may answer by what
// stood before, but not to who names the revision (docs/adr/0009).
func TestANamedRevisionIsReachedUntold(t *testing.T) {
	one, second := twoNodes(t)
	w := found(t, one, 1)
	org := w.found[0].Organization
	other := &deaf{counting{Store: second}}
	reader := withMemory(other, 0)
	go func() { _ = reader.Watch(t.Context()) }() // it ends with the test
	(&house{t: t}).mustReach(func() bool { return other.tell.Load() != nil })
	groups := func() int {
		list, err := reader.Groups(t.Context(), w.found[0], countersign.GroupFilter{}, nil, countersign.Page{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return list.Total
	}
	before := groups()
	r, err := withMemory(one, 0).Submit(t.Context(), w.found[0], []countersign.Change{&countersign.CreateGroup{Name: "Elsewhere"}}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := groups(); n != before {
		t.Fatalf("%d groups after %d: the notification was not withheld", n, before)
	}
	if err := reader.Fresh(t.Context(), org, r.Revision); err != nil {
		t.Fatalf("revision %d: %v", r.Revision, err)
	}
	if n := groups(); n != before+1 {
		t.Errorf("%d groups at revision %d, want %d", n, r.Revision, before+1)
	}
	// A revision that is still to come is not reached, and costs nobody else anything.
	mustBe(t, reader.Fresh(t.Context(), org, r.Revision+1), "revision_not_reached")
	looks := other.reads.Load()
	for range 100 {
		groups()
	}
	if more := other.reads.Load() - looks; more != 0 {
		t.Errorf("100 reads looked at the store %d times because somebody named the future", more)
	}
}
