package roster_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
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

// Lists in the order of numbers, of any filter and at any place, are what sorting
// the rows gives.
func TestListsInTheOrderOfNumbers(t *testing.T) {
	w := newWorld(331)
	w.found(400, 60, 1500, 10)
	w.live(400)
	for _, cold := range []bool{false, true} {
		p := load(t, w, cold)
		for range 300 {
			page := countersign.NumberPage{Offset: w.IntN(20), Limit: w.IntN(30), After: int64(w.IntN(2) * w.IntN(int(w.position))), Uncounted: w.chance(30)}
			numberedUsers(t, w, p, page)
			numberedGroups(t, w, p, page)
			numberedMemberships(t, w, p, page)
		}
	}
}

// cut is the naive page of numbers.
func cut(all []int64, page countersign.NumberPage) (want []int64, total int, more bool) {
	slices.Sort(all)
	all = slices.DeleteFunc(all, func(n int64) bool { return n <= page.After })
	rest := all[min(page.Offset, len(all)):]
	want = rest[:min(page.Limit, len(rest))]
	return want, len(all), len(rest) > len(want)
}

func agrees[T any](t *testing.T, what string, got roster.List[T], number func(T) int64, all []int64, page countersign.NumberPage, total int) {
	t.Helper()
	want, left, more := cut(all, page)
	var have []int64
	for _, item := range got.Items {
		have = append(have, number(item))
	}
	if total < 0 {
		total = left
	}
	if !slices.Equal(have, want) || got.More != more || (!page.Uncounted && got.Total != total) {
		t.Fatalf("%s %+v: %v of %d, more %v; want %v of %d, more %v", what, page, have, got.Total, got.More, want, total, more)
	}
}

func numberedUsers(t *testing.T, w *world, p *roster.Picture, page countersign.NumberPage) {
	t.Helper()
	var f countersign.NumberedUserFilter
	if w.chance(40) {
		u := pick(w, w.users...)
		f.Prefix = pick(w, strings.ToUpper(first(u.Name, 3)), first(u.Email, 2), "no such name")
	}
	if w.chance(20) {
		f.Profile = countersign.Profile{countersign.ProfileSpaceAmount: "-1"}
	}
	if w.chance(20) {
		f.InvitedBy = pick(w, w.users...).InvitedBy
	}
	var all []int64
	for _, u := range w.users {
		prefix := names.Fold(f.Prefix)
		if u.Living() && u.Type.CanHoldMembership() && (strings.HasPrefix(names.Fold(u.Name), prefix) || strings.HasPrefix(names.FoldEmail(u.Email), prefix)) &&
			(f.InvitedBy == "" || f.InvitedBy == u.InvitedBy) && (f.Profile == nil || u.Profile[countersign.ProfileSpaceAmount] == "-1") {
			all = append(all, u.Number)
		}
	}
	agrees(t, "users", p.NumberedUsers(f, page, noon), func(u countersign.UserView) int64 { return u.Number }, all, page, -1)
}

func first(s string, n int) string { return string([]rune(s)[:min(n, len([]rune(s)))]) }

func numberedGroups(t *testing.T, w *world, p *roster.Picture, page countersign.NumberPage) {
	t.Helper()
	prefix := ""
	if w.chance(50) {
		prefix = strings.ToUpper(first(pick(w, w.groups...).Name, 2))
	}
	var all []int64
	for _, g := range w.groups {
		if g.Living() && strings.HasPrefix(names.Fold(g.Name), names.Fold(prefix)) {
			all = append(all, g.Number)
		}
	}
	agrees(t, "groups", p.NumberedGroups(prefix, page, noon), func(g countersign.GroupView) int64 { return g.Number }, all, page, -1)
}

func numberedMemberships(t *testing.T, w *world, p *roster.Picture, page countersign.NumberPage) {
	t.Helper()
	group, user := w.anyGroup(), w.anyUser()
	var ofGroup, ofUser []int64
	for _, m := range w.memberships {
		if m.State != countersign.MembershipActive {
			continue
		}
		if m.GroupID == group {
			ofGroup = append(ofGroup, m.Number)
		}
		if m.UserID == user {
			ofUser = append(ofUser, m.Number)
		}
	}
	number := func(m countersign.MembershipView) int64 { return m.Number }
	agrees(t, "members", p.NumberedMembers(group, page, noon), number, ofGroup, page, len(ofGroup))
	agrees(t, "memberships", p.NumberedMemberships(user, page, noon), number, ofUser, page, len(ofUser))
}
