package roster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/oracle"
	"github.com/countersign/countersign/internal/roster"
)

// Filters by type, role and state alone, and the orders that are kept or can be
// narrowed, take shorter ways than a pass over everybody; they lead to the same
// pages, from any offset and after any row, also one that the filter does not let
// through, that is deleted, or yet to be born.
func TestShorterWaysLeadToTheSamePages(t *testing.T) {
	orders := [][]countersign.SortKey{
		nil,
		{{Field: "name"}},
		{{Field: "name"}, {Field: "created"}},
		{{Field: "name", Descending: true}},
		{{Field: "role", Descending: true}, {Field: "state"}, {Field: "created", Descending: true}},
		{{Field: "type"}, {Field: "name"}},
		{{Field: "created"}, {Field: "state", Descending: true}},
		{{Field: "state"}, {Field: "last_keep_alive"}},
	}
	for seed := uint64(300); seed < 304; seed++ {
		w := newWorld(seed)
		w.found(150+w.IntN(150), 10, 300, 40)
		book := roster.NewBook()
		users := userList()
		for round := range 8 {
			if err := book.Follow(t.Context(), &snapshot{w: w}); err != nil {
				t.Fatal(err)
			}
			sight := oracle.At(w.directory(), noon.Add(time.Duration(w.IntN(30)-4)*time.Hour))
			undo := func() {}
			if round%2 == 0 {
				undo = roster.LowerSizes()
			}
			t.Run(fmt.Sprintf("seed %d position %d", seed, w.position), func(t *testing.T) {
				defer undo()
				for range 60 {
					users.compareSorted(t, w, book, sight, w.filterByClass(sight), pick(w, orders...))
				}
			})
			if t.Failed() {
				return
			}
			w.live(1 + w.IntN(60))
		}
	}
}

// filterByClass asks for types, roles and states only, mostly so that some pass,
// and now and then for something else too.
func (w *world) filterByClass(sight *oracle.Sight) countersign.UserFilter {
	var f countersign.UserFilter
	row := pick(w, sight.Users...)
	for _, k := range userFields {
		if slices.Contains([]string{"Types", "Roles", "States"}, k.name) && w.chance(50) {
			k.set(w, &f, row)
		}
	}
	if w.chance(15) {
		pick(w, userFields...).set(w, &f, row)
	}
	return f
}

// Enough users for many blocks, few names for all of them: whatever is created,
// renamed and deleted one by one stands where loading would put it.
func TestUsersStayInOrder(t *testing.T) {
	w := newWorld(310)
	name := func() string {
		return pick(w, "", "a", "a\x00", "same name as many others", "SAME name as many others", "same name as many", w.name(),
			strings.Repeat("long ", 9)+string(rune('a'+w.IntN(26))))
	}
	for range 2500 {
		w.addUser()
		w.users[len(w.users)-1].Name = name()
	}
	loaded := newWorld(311)
	loaded.users = slices.Clone(w.users)
	loaded.position = w.position
	p := load(t, w, true)
	grown, shrunk := 0, 0
	for step := range 700 {
		before := w.position
		for range 1 + w.IntN(40) {
			switch {
			case step < 200 && w.chance(70):
				w.addUser()
				w.users[len(w.users)-1].Name = name()
			default:
				u := &w.users[w.IntN(len(w.users))]
				if w.chance(60) || step >= 200 {
					u.State = countersign.UserDeleted
				} else {
					u.Name, u.State = name(), countersign.UserActive
				}
				u.Version = w.next()
			}
		}
		_, was, _ := p.InOrder()
		p = p.Apply(w.delta(before))
		_, is, err := p.InOrder()
		if err != nil {
			t.Fatal(err)
		}
		grown, shrunk = grown+max(0, is-was), shrunk+max(0, was-is)
	}
	got, _, _ := p.InOrder()
	want, _, err := load(t, w, false).InOrder()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "applied and loaded", got, want)
	if grown == 0 || shrunk == 0 {
		t.Errorf("%d blocks came, %d went", grown, shrunk)
	}
	list, err := oracle.At(w.directory(), noon).ListUsers(countersign.UserFilter{}, nil, countersign.Page{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var listed []countersign.UserID
	for _, u := range list.Items {
		listed = append(listed, u.ID)
	}
	same(t, "in order", got, listed)

	// Pages across many blocks, and after any of them, are parts of the whole.
	whole := load(t, loaded, false)
	want, _, _ = whole.InOrder()
	for range 100 {
		page := countersign.Page{Offset: loaded.IntN(len(want) + 100), Limit: 1 + loaded.IntN(30)}
		from := min(page.Offset, len(want))
		if loaded.chance(40) && from > 0 {
			page.After = string(want[from-1])
		}
		list, err := whole.Users(countersign.UserFilter{}, nil, page, noon)
		if err != nil {
			t.Fatal(err)
		}
		to := min(from+page.Limit, len(want))
		if list.Total != len(want) || list.More != (to < len(want)) {
			t.Fatalf("%+v: total %d, more %v", page, list.Total, list.More)
		}
		for i, id := range want[from:to] {
			if list.Items[i].ID != id {
				t.Fatalf("%+v: item %d is %s, want %s", page, i, list.Items[i].ID, id)
			}
		}
	}

	// Until nobody is left, and from there on.
	for _, state := range []countersign.UserState{countersign.UserDeleted, countersign.UserActive} {
		before := w.position
		for i := range w.users {
			w.users[i].State, w.users[i].Version = state, w.next()
		}
		p = p.Apply(w.delta(before))
		ids, blocks, err := p.InOrder()
		if err != nil || (len(ids) == 0) != (blocks == 0) || (len(ids) == 0) != (state == countersign.UserDeleted) {
			t.Fatalf("%s: %d users in %d blocks: %v", state, len(ids), blocks, err)
		}
	}
}
