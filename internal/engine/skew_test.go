package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// Two requests that each take one of the admins that can be spared touch nothing in
// common. However they are approved, both are never applied (B.4, write skew).
func TestTheLastOnesAreNotTakenTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		// On PostgreSQL another node approves one of them.
		other := h.Engine
		if !h.Store.Exclusive() {
			other = engineAt(h.Store, h.Clock.Now)
		}
		take := []func(id countersign.UserID) countersign.Change{
			func(id countersign.UserID) countersign.Change {
				return &countersign.ChangeRole{UserID: id, Role: countersign.RoleTrader}
			},
			func(id countersign.UserID) countersign.Change { return &countersign.SuspendUser{UserID: id} },
		}
		give := []func(id countersign.UserID) countersign.Change{
			func(id countersign.UserID) countersign.Change {
				return &countersign.ChangeRole{UserID: id, Role: countersign.RoleAdmin}
			},
			func(id countersign.UserID) countersign.Change { return &countersign.ReactivateUser{UserID: id} },
		}
		for round := range 20 {
			way := round % len(take)
			asks := func(name string) countersign.ChangeRequest { return h.mustHold(take[way](h.ID(name))).Change }
			requests := []countersign.ChangeRequest{asks("grace"), asks("linus")}
			var failures [2]error
			atOnce(
				func() {
					c := requests[0]
					_, failures[0] = h.tries("edsger", c, countersign.Approve)
				},
				func() {
					c := requests[1]
					_, failures[1] = other.Decide(t.Context(), h.As("edsger").Actor, c.ID, engine.Vote{Decision: countersign.Approve, Digest: c.Digest}, noOptions)
				},
			)
			h.fatal(errors.Join(failures[:]...))
			one, two := h.state(requests[0].ID), h.state(requests[1].ID)
			taken, name := one, "grace"
			if two.State == applied {
				taken, one, name = two, taken, "linus"
			} else {
				one = two
			}
			if taken.State != applied || one.State != failed || !slices.Contains([]string{"would_lock_out", "last_admins"}, one.ClosedBecause) {
				t.Fatalf("round %d: one is %s, the other %s because of %q", round, taken.State, one.State, one.ClosedBecause)
			}
			h.votesIn("edsger", give[way](h.ID(name)))
		}
	})
}

// A transaction that deadlocks, or is not serializable, runs again, and not forever.
func TestATransactionIsNotTriedForever(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		h := newHouse(t, db)
		h.crew().Seal()
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		before, runs := h.head().Size, 0
		db.OnPoint(func(point string) error {
			if point == sqlstore.FaultCommit {
				runs++
				return sqlstore.ErrTransient
			}
			return nil
		})
		_, err := h.tries("grace", c, countersign.Approve)
		db.OnPoint(nil)
		if countersign.KindOf(err) != countersign.Unavailable || runs < 2 || runs > 5 || h.head().Size != before {
			t.Errorf("after %d runs: %v, and the log moved by %d", runs, err, h.head().Size-before)
		}
		if got := h.votes("grace", c, countersign.Approve).Change.State; got != applied {
			t.Errorf("tried anew it is %s", got)
		}
	})
}

// T0: a request is made, or applied at once where a rule says so, or refused; and
// nothing of what is refused is left (B.3).
func TestARequestIsMadeOrRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		if c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change; c.State != pending || len(c.Approvals) != 0 {
			t.Errorf("it is %s with %d votes", c.State, len(c.Approvals))
		}
		h.applies("ada", &countersign.CreateEndUser{ExternalID: "a"})
		group := h.approved(&countersign.CreateGroup{Name: "Old"})
		id := only[*countersign.CreateGroup](group).GroupID
		for rule, c := range map[string]struct {
			who  string
			o    engine.Options
			op   countersign.Change
			kind countersign.Kind
		}{
			"who may not ask":           {"vera", noOptions, &countersign.CreateGroup{Name: "x"}, countersign.Forbidden},
			"a base that has moved":     {"ada", engine.Options{IfMatch: 1}, &countersign.UpdateGroup{GroupID: id, Name: countersign.Some("x")}, countersign.Stale},
			"a rehearsal that fails":    {"ada", noOptions, &countersign.CreateGroup{Name: "OLD"}, countersign.Exists},
			"a rehearsal that locks":    {"ada", noOptions, locksOut(), countersign.Refused},
			"what nobody may approve":   {"ada", noOptions, &countersign.DeleteGroup{GroupID: nobody}, countersign.NotFound},
			"what would have no effect": {"ada", noOptions, &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleAdmin}, countersign.Refused},
		} {
			before, seen := h.head().Size, h.open()
			_, err := h.submit(c.who, c.o, c.op)
			if countersign.KindOf(err) != c.kind || h.movedSince(before) || h.open() != seen {
				t.Errorf("%s: %v", rule, err)
			}
		}
	})
}

// open are the ids of what is open.
func (h *house) open() string {
	h.t.Helper()
	book, err := h.Engine.Picture(h.t.Context(), h.Org.ID)
	h.fatal(err)
	var ids []string
	for _, c := range book.OpenChanges(h.Clock.Now()) {
		ids = append(ids, string(c.ID))
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}
