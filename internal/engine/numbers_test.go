package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// number is the small number of a user, whatever became of him.
func (h *house) number(id countersign.UserID) int64 {
	h.t.Helper()
	u, _, err := h.Engine.User(h.t.Context(), h.As("ada").Actor, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return u.Number
}

// Whoever asks by number gets what he gets by id, a refusal included.
func TestReadsByNumberAreReadsByID(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().People(countersign.RoleNone, "eve", "mallory")
		h.applies("ada", &countersign.CreateGroup{Name: "G", MemberIDs: []countersign.UserID{h.ID("eve")}})
		other := created(t, h.applies("ada", &countersign.CreateGroup{Name: "Gone", MemberIDs: []countersign.UserID{h.ID("eve")}}).Change.Operations[0])
		ada := h.As("ada").Actor
		members, err := h.Engine.Memberships(t.Context(), ada, countersign.MembershipFilter{}, nil, countersign.Page{Limit: 10})
		if err != nil || len(members.Items) != 2 {
			t.Fatal(members, err)
		}
		groups, err := h.Engine.Groups(t.Context(), ada, countersign.GroupFilter{}, nil, countersign.Page{Limit: 10})
		if err != nil || len(groups.Items) != 2 {
			t.Fatal(groups, err)
		}
		h.applies("ada", &countersign.DeleteGroup{GroupID: other})
		users := map[string]int64{}
		for _, name := range []string{"ada", "vera", "eve", "mallory", "bot"} {
			users[name] = h.number(h.ID(name))
		}
		h.applies("ada", &countersign.DeleteUser{UserID: h.ID("bot")})
		seen, refused := 0, 0
		same := func(what string, byID, byNumber any, idErr, numberErr error) {
			t.Helper()
			if countersign.KindOf(idErr) != countersign.KindOf(numberErr) || !cmp.Equal(byID, byNumber) {
				t.Errorf("%s: by id %v (%v), by number %v (%v)", what, byID, idErr, byNumber, numberErr)
			}
			if idErr == nil {
				seen++
			} else {
				refused++
			}
		}
		for _, who := range []string{"ada", "vera", "eve", "mallory"} {
			actor := h.As(who).Actor
			for name, number := range users {
				a, _, err := h.Engine.User(t.Context(), actor, h.ID(name))
				b, _, err2 := h.Engine.UserByNumber(t.Context(), actor, number)
				same(who+" reads user "+name, a, b, err, err2)
			}
			for _, g := range groups.Items {
				a, _, err := h.Engine.Group(t.Context(), actor, g.ID)
				b, _, err2 := h.Engine.GroupByNumber(t.Context(), actor, g.Number)
				same(who+" reads group "+g.Name, a, b, err, err2)
			}
			for _, m := range members.Items {
				a, _, err := h.Engine.Membership(t.Context(), actor, m.ID)
				b, _, err2 := h.Engine.MembershipByNumber(t.Context(), actor, m.Number)
				same(who+" reads a membership", a, b, err, err2)
			}
			for _, n := range []int64{0, -1, 999, 1 << 40} {
				_, _, err := h.Engine.UserByNumber(t.Context(), actor, n)
				_, _, err2 := h.Engine.GroupByNumber(t.Context(), actor, n)
				_, _, err3 := h.Engine.MembershipByNumber(t.Context(), actor, n)
				for _, err := range []error{err, err2, err3} {
					if countersign.KindOf(err) != countersign.NotFound {
						t.Errorf("%s reads number %d: %v", who, n, err)
					}
				}
			}
		}
		if seen < 15 || refused < 10 {
			t.Errorf("%d reads answered, %d refused: the test shows little", seen, refused)
		}
	})
}

// What an open request would create has a number, and is not found by it.
func TestNumbersLeadOnlyToWhatExists(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		h.Seal()
		r, err := h.submit("ada", engine.Options{}, &countersign.CreateGroup{Name: "Later"})
		if err != nil {
			t.Fatal(err)
		}
		ada, made := h.As("ada").Actor, r.Change.Operations[0].(*countersign.CreateGroup)
		if _, _, err := h.Engine.GroupByNumber(t.Context(), ada, made.Number); countersign.KindOf(err) != countersign.NotFound {
			t.Errorf("a held creation: %v", err)
		}
		h.votes("grace", r.Change, countersign.Approve)
		if g, _, err := h.Engine.GroupByNumber(t.Context(), ada, made.Number); err != nil || g.ID != made.GroupID {
			t.Errorf("once applied: %v (%v)", g, err)
		}
	})
}
