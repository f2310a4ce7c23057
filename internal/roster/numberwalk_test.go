package roster_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// inNumbers keeps the rows that are wanted and returns their ids in the order of
// their numbers.
func inNumbers[T any, I ~string](rows []T, of func(*T) (number int64, id I, wanted bool)) []I {
	type numbered struct {
		number int64
		id     I
	}
	var kept []numbered
	for i := range rows {
		if number, id, wanted := of(&rows[i]); wanted {
			kept = append(kept, numbered{number, id})
		}
	}
	slices.SortFunc(kept, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	out := make([]I, len(kept))
	for i := range kept {
		out[i] = kept[i].id
	}
	return out
}

// A page in the order of numbers is found by going through the numbers. Rows come,
// go and are used again, and the page must be the one a table would give.
func TestPagesByNumberAreThoseOfATable(t *testing.T) {
	byNumber := []countersign.SortKey{{Field: "number"}}
	types := []countersign.UserType{countersign.Person, countersign.APIUser}
	for _, cold := range []bool{false, true} {
		w := newWorld(331)
		w.found(300, 80, 300, 10)
		p := load(t, w, cold)
		for range *steps {
			before := w.position
			w.live(1 + w.IntN(40))
			p = p.Apply(w.delta(before))
			users := inNumbers(w.users, func(u *countersign.User) (int64, countersign.UserID, bool) {
				return u.Number, u.ID, u.State == countersign.UserActive && slices.Contains(types, u.Type)
			})
			groups := inNumbers(w.groups, func(g *countersign.Group) (int64, countersign.GroupID, bool) {
				return g.Number, g.ID, g.State == countersign.GroupActive
			})
			page := countersign.Page{Limit: w.IntN(30), Offset: w.IntN(max(len(users), len(groups)) + 5)}
			gotUsers, err := p.Users(countersign.UserFilter{Types: types, States: []countersign.UserState{countersign.UserActive}}, byNumber, page, noon)
			if err != nil {
				t.Fatal(err)
			}
			pageIs(t, "users", page, users, gotUsers, func(u countersign.UserView) countersign.UserID { return u.ID })
			gotGroups, err := p.Groups(countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupActive}}, byNumber, page, noon)
			if err != nil {
				t.Fatal(err)
			}
			pageIs(t, "groups", page, groups, gotGroups, func(g countersign.GroupView) countersign.GroupID { return g.ID })
		}
	}
}

func pageIs[I ~string, V any](t *testing.T, noun string, page countersign.Page, all []I, got roster.List[V], id func(V) I) {
	t.Helper()
	from := min(page.Offset, len(all))
	want := all[from:min(from+page.Limit, len(all))]
	var ids []I
	for _, v := range got.Items {
		ids = append(ids, id(v))
	}
	more := page.Limit > 0 && len(all) > from+page.Limit
	if !slices.Equal(ids, want) || got.Total != len(all) || got.More != more {
		t.Fatalf("%s %+v: %d items of %d, more %v; want %d of %d, more %v", noun, page, len(ids), got.Total, got.More, len(want), len(all), more)
	}
}
