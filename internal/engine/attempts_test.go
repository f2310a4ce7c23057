package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// refusals are the attempts in the log from an index on.
func (h *house) refusals(from int64) (told []audit.Leaf) {
	h.t.Helper()
	for _, e := range h.entries(from) {
		var l audit.Leaf
		if err := json.Unmarshal(e.Leaf, &l); err != nil {
			h.t.Fatal(err)
		}
		if e.Kind == countersign.EntryRefused {
			told = append(told, l)
		}
	}
	return told
}

// grantsHimself is what nobody lets vera do.
func (h *house) grantsHimself() (engine.Result, error) {
	return h.submit("vera", noOptions, h.Grant("vera", countersign.AuditRead))
}

// movedSince reports whether the log holds more from an index on than what was
// refused.
func (h *house) movedSince(from int64) bool {
	h.t.Helper()
	return slices.ContainsFunc(h.entries(from), func(e countersign.AuditEntry) bool { return e.Kind != countersign.EntryRefused })
}

// locksOut is what no rule lets anybody do.
func locksOut() countersign.Change {
	return &countersign.PutPolicy{Policy: countersign.Policy{Name: "p", Default: adminsAsked(9)}}
}

// What is refused of somebody known, on a protected kind of a sealed
// organization, stands in the log; and nothing else does (amendment 8).
func TestARefusedAttemptStandsInTheLog(t *testing.T) {
	type told = audit.LeafAttempt
	submit := func(who string, o engine.Options, op func(h *house) countersign.Change) func(*house) error {
		return func(h *house) error { return second(h.submit(who, o, op(h))) }
	}
	grant := func(h *house) countersign.Change { return h.Grant("vera", countersign.AuditRead) }
	decide := func(who string, d countersign.Decision, digest string, op func(h *house) countersign.Change) func(*house) error {
		return func(h *house) error {
			c := h.mustHold(op(h)).Change
			return second(h.Engine.Decide(h.t.Context(), h.As(who).Actor, c.ID, engine.Vote{Decision: d, Digest: digest + c.Digest[len(digest):]}, noOptions))
		}
	}
	granted := []string{"user.grant"}
	for rule, c := range map[string]struct {
		try  func(h *house) error
		want *told
	}{
		"who may not ask": {submit("vera", noOptions, grant), &told{Action: "submit", Kinds: granted, Code: "permission_missing"}},
		"one of several operations": {func(h *house) error {
			return second(h.submit("vera", noOptions, &countersign.CreateGroup{Name: "x"}, grant(h)))
		}, &told{Action: "submit", Kinds: []string{"group.create", "user.grant"}, Code: "permission_missing"}},
		"a rule says no":           {submit("bot", noOptions, func(*house) countersign.Change { return locksOut() }), &told{Action: "submit", Kinds: []string{"policy.put"}, Code: "would_lock_out"}},
		"an approval of one's own": {decide("ada", countersign.Approve, "", grant), &told{Action: "approve", Kinds: granted, Code: "not_eligible"}},
		"a denial of what is about one": {decide("grace", countersign.Deny, "", func(h *house) countersign.Change {
			return &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleTrader}
		}), &told{Action: "deny", Kinds: []string{"user.change_role"}, Code: "not_eligible"}},
		"a vote on other words": {decide("grace", countersign.Approve, "0000", grant), &told{Action: "approve", Kinds: granted, Code: "digest_mismatch"}},
		"a vote of an account":  {decide("bot", countersign.Approve, "", grant), &told{Action: "approve", Kinds: granted, Code: "not_a_person"}},
		"a cancellation by a stranger": {func(h *house) error {
			return second(h.Engine.Cancel(h.t.Context(), h.As("vera").Actor, h.mustHold(grant(h)).Change.ID, noOptions))
		}, &told{Action: "cancel", Kinds: granted, Code: "permission_missing"}},
		"a replacement by another": {func(h *house) error {
			return second(h.Engine.Replace(h.t.Context(), h.As("grace").Actor, h.mustHold(grant(h)).Change.ID, []countersign.Change{&countersign.CreateGroup{Name: "x"}}, noOptions))
		}, &told{Action: "replace", Kinds: []string{"group.create", "user.grant"}, Code: "not_the_requester"}},

		"what is not protected": {submit("vera", noOptions, func(*house) countersign.Change { return &countersign.CreateGroup{Name: "x"} }), nil},
		"what is only tried":    {submit("vera", engine.Options{DryRun: true}, grant), nil},
		"what is malformed":     {submit("ada", noOptions, func(h *house) countersign.Change { return h.Grant("vera", "no permission") }), nil},
		"what is already so": {submit("ada", noOptions, func(h *house) countersign.Change {
			return &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleAdmin}
		}), nil},
		"who comes too late": {func(h *house) error {
			c := h.approved(grant(h)).Change
			return second(h.Engine.Cancel(h.t.Context(), h.As("ada").Actor, c.ID, noOptions))
		}, nil},
		"whom nobody knows": {func(h *house) error {
			actor := h.As("vera").Actor
			actor.Credential = nobody
			return second(h.Engine.Submit(h.t.Context(), actor, []countersign.Change{grant(h)}, noOptions))
		}, nil},
		"the house itself": {func(h *house) error {
			actor := countersign.Actor{Organization: h.Org.ID, Method: countersign.BySystem}
			return second(h.Engine.Submit(h.t.Context(), actor, []countersign.Change{locksOut()}, noOptions))
		}, nil},
	} {
		t.Run(rule, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew().Seal()
				before := h.head().Size
				if err := c.try(h); err == nil {
					t.Fatal("it was not refused")
				}
				list := h.refusals(before)
				if c.want == nil {
					if len(list) > 0 {
						t.Errorf("it stands in the log: %+v", list[0].Attempt)
					}
					return
				}
				if len(list) != 1 {
					t.Fatalf("%d attempts are told", len(list))
				}
				if diff := cmp.Diff(c.want, list[0].Attempt); diff != "" {
					t.Error(diff)
				}
				if about := list[0].Change; (about != nil) != (c.want.Action != "submit") {
					t.Errorf("it is about %+v", about)
				}
				// It is read at once by who asks for more than the roster.
				if book, err := h.Engine.Picture(t.Context(), h.Org.ID); err != nil || book.Position() != h.head().Size {
					t.Errorf("the roster stands at %d, the log at %d (%v)", book.Position(), h.head().Size, err)
				}
			})
		})
	}
	t.Run("before the seal", func(t *testing.T) {
		onOne(t, func(t *testing.T, h *house) {
			h.crew()
			before := h.head().Size
			_, err := h.grantsHimself()
			refused(t, err, "permission_missing", "")
			if h.head().Size != before {
				t.Error("it stands in the log")
			}
		})
	})
}

// Ten of one account within a minute have an entry each, and of the others one
// tells how many there were, once the minute is over.
func TestAFloodOfAttemptsIsCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		try := func(n int) {
			t.Helper()
			for range n {
				_, err := h.grantsHimself()
				refused(t, err, "permission_missing", "")
				h.Clock.Pass(time.Second)
			}
		}
		since := audit.FormatTime(h.Clock.Now())
		before := h.head().Size
		try(engine.MaxAttempts + 7)
		if n := h.head().Size - before; n != engine.MaxAttempts {
			t.Fatalf("%d attempts are told", n)
		}
		_, err := h.submit("bot", noOptions, locksOut())
		refused(t, err, "would_lock_out", "policy")
		if told := h.refusals(before); len(told) != engine.MaxAttempts+1 || told[engine.MaxAttempts].Actor.User != string(h.ID("bot")) {
			t.Fatal("another account is counted with her")
		}
		h.tend()
		if n := h.head().Size - before; n != engine.MaxAttempts+1 {
			t.Fatalf("the minute is not over, and the log has moved by %d", n)
		}
		h.Clock.Pass(engine.AttemptWindow)
		before = h.head().Size
		// Whoever is refused next tells of it, or else the upkeep does.
		want := audit.LeafAttempt{User: string(h.ID("vera")), Since: since, Count: 7}
		_, err = h.submit("bot", noOptions, locksOut())
		refused(t, err, "would_lock_out", "policy")
		told := h.refusals(before)
		if len(told) != 2 || cmp.Diff(&want, told[0].Attempt) != "" || told[0].Actor.Method != string(countersign.BySystem) || told[0].Actor.User != "" {
			t.Fatalf("told are %+v", told)
		}
		since = audit.FormatTime(h.Clock.Now())
		try(engine.MaxAttempts + 2)
		h.Clock.Pass(engine.AttemptWindow)
		before = h.head().Size
		h.tend()
		h.tend()
		want = audit.LeafAttempt{User: string(h.ID("vera")), Since: since, Count: 2}
		if told := h.refusals(before); len(told) != 1 || cmp.Diff(&want, told[0].Attempt) != "" {
			t.Fatalf("told are %+v", told)
		}
	})
}

// The count is nobody's memory: another node goes on with it.
func TestAttemptsAreCountedOnEveryNode(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		before := h.head().Size
		for i := range 2 * engine.MaxAttempts {
			e := h.Engine
			if i%2 == 1 {
				e = engineAt(h.Store, h.Clock.Now)
			}
			_, err := e.Submit(t.Context(), h.As("vera").Actor, []countersign.Change{h.Grant("vera", countersign.AuditRead)}, noOptions)
			refused(t, err, "permission_missing", "")
		}
		if n := h.head().Size - before; n != engine.MaxAttempts {
			t.Errorf("%d attempts are told", n)
		}
		// The house's own engine has missed what the others wrote, unless it is told or asks.
		_ = second(h.submit("ada", noOptions, &countersign.CreateGroup{Name: "catches up"}))
	})
}

// An attempt is told in the transaction it shares with others, and its refusal is
// kept for its key.
func TestAnAttemptAmongOthers(t *testing.T) {
	onGated(t, func(t *testing.T, h *house, g *gated) {
		h.Seal()
		before := h.head().Size
		key := engine.Options{Once: once("attempt", "a")}
		_, failures, _ := h.together(g, []func() (engine.Result, error){
			func() (engine.Result, error) {
				return h.submit("ada", noOptions, &countersign.CreateEndUser{ExternalID: "a"})
			},
			h.grantsHimself,
			func() (engine.Result, error) {
				return h.submit("ada", noOptions, &countersign.CreateEndUser{ExternalID: "b"})
			},
			func() (engine.Result, error) { return h.submit("vera", key, h.Grant("vera", countersign.AuditRead)) },
		})
		for i, err := range failures {
			if (err != nil) != (i%2 == 1) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if len(h.refusals(before)) != 2 || h.head().Size != before+4 {
			t.Errorf("%d attempts, and %d entries", len(h.refusals(before)), h.head().Size-before)
		}
		again, err := h.submit("vera", key, h.Grant("vera", countersign.AuditRead))
		if err != nil || again.Replayed == nil || h.head().Size != before+4 {
			t.Errorf("repeated: %+v (%v), and %d entries", again.Replayed, err, h.head().Size-before)
		}
		// Counted only, it is stored all the same.
		for range engine.MaxAttempts {
			_, _ = h.grantsHimself()
		}
		before = h.head().Size
		_, failures, _ = h.together(g, []func() (engine.Result, error){
			func() (engine.Result, error) {
				return h.submit("ada", noOptions, &countersign.CreateEndUser{ExternalID: "c"})
			},
			h.grantsHimself, h.grantsHimself,
		})
		refused(t, failures[1], "permission_missing", "")
		h.Clock.Pass(engine.AttemptWindow)
		h.tend()
		if told := h.refusals(before); len(told) != 1 || told[0].Attempt.Count != 4 {
			t.Errorf("told are %+v", told)
		}
	})
}

// Who cannot be told of in the log is not told that he was refused: then it is not
// known what became of it, and nothing has.
func TestAnAttemptThatCannotBeTold(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		h := newHouse(t, db)
		h.crew().Seal()
		for n, done := 1, false; !done; n++ {
			before := h.head().Size
			point := failing(db, n, false, errPlanted)
			_, err := h.grantsHimself()
			db.OnPoint(nil)
			told := h.head().Size > before
			switch {
			case point() == "":
				done = true
				refused(t, err, "permission_missing", "")
			case point() == sqlstore.FaultCommitted && told:
				if countersign.KindOf(err) != countersign.Unavailable {
					t.Errorf("its commit is unknown, and he is told %v", err)
				}
			case countersign.KindOf(err) == countersign.Forbidden && !told:
				t.Errorf("point %d, %q: he is refused, and nobody is told", n, point())
			}
			h.mustStand(fmt.Sprintf("point %d, %q", n, point()))
			h.Clock.Pass(engine.AttemptWindow)
		}
	})
}

// Changes of one minute by many accounts are one record, which does not grow with time.
func TestCountsOfAttemptsAreForgotten(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		size := func() (n int) {
			err := h.Store.Write(context.WithoutCancel(t.Context()), h.Org.ID, func(tx store.WriteTx) error {
				kept, err := tx.Remembered(t.Context(), "", "attempts", "attempts", h.Clock.Now().Add(-time.Hour))
				n = len(kept.Body)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		_, _ = h.grantsHimself()
		one := size()
		for _, name := range []string{"bot", "ada", "vera"} {
			h.Clock.Pass(engine.AttemptWindow)
			_, err := h.submit(name, noOptions, locksOut())
			if err == nil {
				t.Fatalf("%s was not refused", name)
			}
		}
		if again := size(); again != one {
			t.Errorf("the record grew from %d to %d bytes", one, again)
		}
	})
}
