package engine_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// errPlanted is no error any database has.
var errPlanted = errors.New("planted")

// failing makes every point from the n-th on fail, as a database does that has
// gone, or only the n-th. It returns how to see which one failed first.
func failing(db *testdb.DB, n int, rest bool, err error) (first func() string) {
	count, point := 0, ""
	db.OnPoint(func(p string) error {
		count++
		if count == n {
			point = p
		}
		if count == n || (rest && count > n) {
			return err
		}
		return nil
	})
	return func() string { return point }
}

func fragile(t *testing.T, s store.Store) *testdb.DB {
	t.Helper()
	db, ok := s.(*testdb.DB)
	if !ok {
		t.Fatal("the test needs a database that can fail")
	}
	return db
}

// mutations are what can fail half way. Each prepares what it needs and returns
// what is tried until it succeeds.
func mutations() map[string]func(h *house) func() (engine.Result, error) {
	ask := func(ops func(h *house) []countersign.Change) func(h *house) func() (engine.Result, error) {
		return func(h *house) func() (engine.Result, error) {
			prepared := ops(h)
			return func() (engine.Result, error) {
				return h.submit("ada", engine.Options{Once: once(h.name("key"), "a")}, prepared...)
			}
		}
	}
	members := func(h *house) countersign.GroupID { return h.team(h.ID("vera"), h.ID("bot")) }
	return map[string]func(h *house) func() (engine.Result, error){
		"a direct change": ask(func(h *house) []countersign.Change {
			return []countersign.Change{&countersign.CreateEndUser{ExternalID: h.name("x")}, &countersign.CreateEndUser{ExternalID: h.name("x")}}
		}),
		"a held submission": ask(func(h *house) []countersign.Change {
			return []countersign.Change{&countersign.DeleteGroup{GroupID: members(h)}, &countersign.CreateGroup{Name: h.name("g"), MemberIDs: []countersign.UserID{h.ID("vera")}}}
		}),
		"the deciding approval": func(h *house) func() (engine.Result, error) {
			group := members(h)
			held := h.mustHold(&countersign.DeleteGroup{GroupID: group}).Change
			// Another that becomes stale by it.
			h.mustHold(&countersign.UpdateGroup{GroupID: group, Name: countersign.Some(h.name("late"))})
			return func() (engine.Result, error) {
				return h.Engine.Decide(h.t.Context(), h.As("grace").Actor, held.ID, engine.Vote{Decision: countersign.Approve, Digest: held.Digest, Comment: "fine"}, noOptions)
			}
		},
		"an approval that makes a request fail": func(h *house) func() (engine.Result, error) {
			name := h.name("twice")
			first := h.mustHold(&countersign.CreateGroup{Name: name}).Change
			second := h.mustHold(&countersign.CreateGroup{Name: name}).Change
			h.votes("grace", first, countersign.Approve)
			return func() (engine.Result, error) {
				return h.Engine.Decide(h.t.Context(), h.As("grace").Actor, second.ID, engine.Vote{Decision: countersign.Approve, Digest: second.Digest}, noOptions)
			}
		},
		"an emergency": func(h *house) func() (engine.Result, error) {
			h.Clock.Pass(countersign.EmergencyPeriod)
			victim := h.account()
			return func() (engine.Result, error) {
				return h.submit("ada", urgent, &countersign.SuspendUser{UserID: victim})
			}
		},
		"a cancel": func(h *house) func() (engine.Result, error) {
			held := h.mustHold(&countersign.CreateGroup{Name: h.name("g")}).Change
			return func() (engine.Result, error) {
				return h.Engine.Cancel(h.t.Context(), h.As("ada").Actor, held.ID, engine.Options{Reason: "a change of mind"})
			}
		},
		"a replace": func(h *house) func() (engine.Result, error) {
			held := h.mustHold(&countersign.CreateGroup{Name: h.name("g")}).Change
			instead := &countersign.CreateGroup{Name: h.name("g"), MemberIDs: []countersign.UserID{h.ID("vera")}}
			return func() (engine.Result, error) {
				return h.Engine.Replace(h.t.Context(), h.As("ada").Actor, held.ID, []countersign.Change{instead}, noOptions)
			}
		},
		"an expiry": func(h *house) func() (engine.Result, error) {
			h.mustHold(&countersign.CreateGroup{Name: h.name("g")})
			h.mustHold(&countersign.CreateGroup{Name: h.name("g")})
			h.Clock.Pass(countersign.DefaultRequestLife)
			return func() (engine.Result, error) {
				_, err := h.Engine.Expire(h.t.Context(), h.Org.ID)
				return engine.Result{}, err
			}
		},
	}
}

// However far a mutation has come when the database goes, it has happened as a
// whole or not at all; the log, the rows and the roster say the same; and it can
// be tried again.
func TestAFaultLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		// Looking at everything takes the time. What is half done stays so, and is
		// seen a few points later.
		const every = 5
		for name, prepare := range mutations() {
			for mode, rest := range map[string]bool{"one point fails": false, "the database is gone": true} {
				t.Run(name+", "+mode, func(t *testing.T) {
					h := newHouse(t, db)
					h.crew().Seal()
					try := prepare(h)
					before := h.head().Size
					done, n := false, 1
					for ; !done; n++ {
						point := failing(db, n, rest, errPlanted)
						_, err := try()
						db.OnPoint(nil)
						size := h.head().Size
						done = size > before
						h.mustHaveFailed(fmt.Sprintf("point %d, %q", n, point()), point() != "", err, done)
						if done || n%every == 0 {
							h.mustStand(point())
						}
					}
					if n < 10 {
						t.Errorf("only %d points were tried", n)
					}
					// What is done is done once.
					if _, err := try(); err != nil && countersign.KindOf(err) == countersign.Unavailable {
						t.Errorf("tried once more: %v", err)
					}
					h.mustStand("after it was done")
				})
			}
		}
	})
}

// mustHaveFailed says what a caller must be told.
func (h *house) mustHaveFailed(where string, reached bool, err error, done bool) {
	h.t.Helper()
	switch {
	case done && err != nil && !errors.Is(err, store.ErrCommitUnknown):
		h.t.Errorf("%s: it has happened, and the caller is told %v", where, err)
	case !done && err == nil:
		h.t.Errorf("%s: it has not happened, and the caller is told that it has", where)
	case !done && errors.Is(err, store.ErrCommitUnknown):
		h.t.Errorf("%s: it has not happened, and the caller is told that it may have", where)
	case !done && !reached:
		h.t.Fatalf("%s: it fails without a fault: %v", where, err)
	case !done && !errors.Is(err, errPlanted):
		h.t.Errorf("%s: the cause is lost: %v", where, err)
	}
}

// mustStand compares the log with the rows, and the roster with one that is
// loaded afresh.
func (h *house) mustStand(when string) {
	h.t.Helper()
	findings, err := h.played.Compare(h.t.Context(), h.Store)
	if err != nil || len(findings) > 0 {
		h.t.Fatalf("%s: %v %v", when, findings, err)
	}
	if diff, err := h.differs(); diff != "" || err != nil {
		h.t.Fatalf("%s: the roster differs (-loaded +followed)\n%s (%v)", when, diff, err)
	}
}

// A passing fault is nobody's business: the transaction runs again, and what it
// does is done once.
func TestAPassingFaultIsNotSeen(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := fragile(t, open())
		for name, prepare := range mutations() {
			t.Run(name, func(t *testing.T) {
				h := newHouse(t, db)
				h.crew().Seal()
				for n := 1; ; n++ {
					try := prepare(h)
					before := h.head().Size
					point := failing(db, n, false, sqlstore.ErrTransient)
					_, err := try()
					db.OnPoint(nil)
					unknown := point() == sqlstore.FaultCommitted
					// What is read before the transaction is not read again; nothing
					// has happened then.
					unread := name == "an expiry" && h.head().Size == before
					if (err != nil) != (unknown || unread) {
						t.Errorf("point %d, %q: %v", n, point(), err)
					}
					if point() == "" {
						break
					}
					if name != "an emergency" { // whose question others answer
						h.votesNobodyMisses()
					}
				}
				h.mustStand(name)
			})
		}
	})
}

// votesNobodyMisses keeps ada below the number of requests she may have open.
func (h *house) votesNobodyMisses() {
	h.t.Helper()
	open, err := h.Engine.Changes(h.t.Context(), h.As("ada").Actor, engine.ChangeFilter{States: []countersign.ChangeState{countersign.ChangePending}}, countersign.Page{Limit: 400})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range open.Items {
		if _, err := h.Engine.Cancel(h.t.Context(), h.As("ada").Actor, c.ID, noOptions); err != nil {
			h.t.Fatal(err)
		}
	}
}

// A founding that fails leaves no organization behind, and its name is free.
func TestAFoundingThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		s := open()
		db := fragile(t, s)
		e := engineAt(s, time.Now)
		founding := engine.Founding{Organization: "Northwind", AdminName: "Ada", AdminEmail: "ada@northwind.example"}
		n := 1
		for ; ; n++ {
			point := failing(db, n, false, errPlanted)
			founded, err := e.Found(t.Context(), founding)
			db.OnPoint(nil)
			if point() == "" || point() == sqlstore.FaultCommitted {
				break
			}
			if err == nil || founded.Token.Reveal() != "" {
				t.Fatalf("point %d, %q: founded all the same, or a token shown (%v)", n, point(), err)
			}
			if empty, err := e.Empty(t.Context()); err != nil || !empty {
				t.Fatalf("point %d, %q: an organization is left (%v)", n, point(), err)
			}
		}
		if n < 10 {
			t.Errorf("only %d points were tried", n)
		}
		founded, err := e.Found(t.Context(), founding)
		if err != nil {
			t.Fatal(err)
		}
		replay.Check(t, s, founded.Organization.ID)
		if founded.Admin.Number != 1 || founded.Admin.Version != 1 || founded.Organization.Version != 1 || founded.Organization.PolicyVersion != 1 {
			t.Errorf("founded as %+v with %+v", founded.Organization, founded.Admin)
		}
	})
}
