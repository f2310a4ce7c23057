package roster_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// However memberships come and go, by number in order, out of order and in the
// middle of large groups, the members of a group stand in the order of their
// numbers, in every picture on the way, and pages of them are parts of the whole.
func TestMembersStayInTheOrderOfNumbers(t *testing.T) {
	w := newWorld(340)
	for range 40 {
		w.addUser()
	}
	big, small := countersign.GroupID(w.id()), countersign.GroupID(w.id())
	for _, id := range []countersign.GroupID{big, small} {
		w.groups = append(w.groups, countersign.Group{ID: id, Number: w.next(), Name: string(id), State: countersign.GroupActive, Version: w.next()})
	}
	// People enough for several leaves; numbers are handed out in blocks and used
	// in any order.
	numbers := w.Perm(5000)
	join := func(n int) {
		u := countersign.User{ID: countersign.UserID(w.id()), Number: w.next(), Type: countersign.Person, State: countersign.UserActive, Version: w.next()}
		w.users = append(w.users, u)
		group := big
		if n%50 == 0 {
			group = small
		}
		w.memberships = append(w.memberships, countersign.Membership{
			ID: countersign.MembershipID(w.id()), Number: int64(n + 1), UserID: u.ID, GroupID: group, Role: countersign.GroupMember,
			State: countersign.MembershipActive, Version: w.next(),
		})
	}
	for _, n := range numbers[:3000] {
		join(n)
	}
	p := load(t, w, false)
	check := func(p *roster.Picture, want []countersign.Membership) {
		t.Helper()
		for _, group := range []countersign.GroupID{big, small} {
			var ids []countersign.MembershipID
			for _, m := range want {
				if m.GroupID == group && m.State == countersign.MembershipActive {
					ids = append(ids, m.ID)
				}
			}
			got := p.MembersInOrder(group)
			if !slices.Equal(got, ids) {
				t.Fatalf("%d members in another order than %d", len(got), len(ids))
			}
		}
	}
	inOrder := func() []countersign.Membership {
		list := slices.Clone(w.memberships)
		slices.SortFunc(list, func(a, b countersign.Membership) int { return int(a.Number - b.Number) })
		return list
	}
	check(p, inOrder())
	type past struct {
		picture *roster.Picture
		want    []countersign.Membership
	}
	var pasts []past
	rest := numbers[3000:]
	for step := range 120 {
		before := w.position
		for range 1 + w.IntN(40) {
			switch {
			case step < 60 && len(rest) > 0 && w.chance(60):
				join(rest[0])
				rest = rest[1:]
			default:
				m := &w.memberships[w.IntN(len(w.memberships))]
				m.State, m.Version = countersign.MembershipRemoved, w.next()
			}
		}
		p = p.Apply(w.delta(before))
		if step%20 == 0 {
			pasts = append(pasts, past{p, inOrder()})
		}
		check(p, inOrder())
	}
	for _, old := range pasts {
		check(old.picture, old.want)
	}
	before := w.position
	for i := range w.memberships {
		w.memberships[i].State, w.memberships[i].Version = countersign.MembershipRemoved, w.next()
	}
	if p = p.Apply(w.delta(before)); len(p.MembersInOrder(big)) != 0 {
		t.Error("somebody is left")
	}
}
