package roster_test

import (
	"maps"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// books are plain maps of what a picture must find by number.
type books struct {
	users   map[int64]countersign.UserID
	groups  map[int64]countersign.GroupID
	members map[int64]countersign.MembershipID
}

func (w *world) books(cold bool) books {
	b := books{map[int64]countersign.UserID{}, map[int64]countersign.GroupID{}, map[int64]countersign.MembershipID{}}
	for _, u := range w.users {
		if u.Living() || cold {
			b.users[u.Number] = u.ID
		}
	}
	for _, g := range w.groups {
		if g.Living() || cold {
			b.groups[g.Number] = g.ID
		}
	}
	for _, m := range w.memberships {
		if m.State != countersign.MembershipRemoved || cold {
			b.members[m.Number] = m.ID
		}
	}
	return b
}

// found asks a picture for every number up to a limit, and some beyond.
func found(t *testing.T, p *roster.Picture, limit int64) books {
	t.Helper()
	b := books{map[int64]countersign.UserID{}, map[int64]countersign.GroupID{}, map[int64]countersign.MembershipID{}}
	ask := func(n int64) {
		if u, ok := p.UserByNumber(n, noon); ok {
			b.users[n] = u.ID
		}
		if g, ok := p.GroupByNumber(n, noon); ok {
			b.groups[n] = g.ID
		}
		if m, ok := p.MembershipByNumber(n, noon); ok {
			b.members[n] = m.ID
		}
	}
	for n := range limit {
		ask(n)
	}
	for _, n := range []int64{-1, -1 << 63, 1 << 31, 1 << 40, 1<<63 - 1} {
		ask(n)
	}
	return b
}

// Every number leads to the row it was given to and to no other, while rows
// come, go and are used again, and in every picture on the way.
func TestNumbersLeadToTheirRows(t *testing.T) {
	for _, cold := range []bool{false, true} {
		w := newWorld(330)
		w.found(300, 80, 900, 10)
		p := load(t, w, cold)
		type past struct {
			picture *roster.Picture
			limit   int64
			want    books
		}
		var pasts []past
		for range *steps {
			before := w.position
			w.live(1 + w.IntN(40))
			p = p.Apply(w.delta(before))
			pasts = append(pasts, past{p, w.position + 600, w.books(cold)})
		}
		for _, past := range pasts {
			got := found(t, past.picture, past.limit)
			if !maps.Equal(got.users, past.want.users) || !maps.Equal(got.groups, past.want.groups) || !maps.Equal(got.members, past.want.members) {
				t.Fatalf("cold %v, position %d: numbers lead elsewhere", cold, past.picture.Position())
			}
		}
		if got := found(t, load(t, w, cold), w.position+600); !maps.Equal(got.members, w.books(cold).members) {
			t.Errorf("cold %v: numbers of a fresh picture lead elsewhere", cold)
		}
		if len(pasts[0].want.users) < 100 || len(pasts[len(pasts)-1].want.members) < 100 {
			t.Error("the world is too small to show anything")
		}
	}
}
