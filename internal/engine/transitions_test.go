package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
)

const (
	pending   = countersign.ChangePending
	scheduled = countersign.ChangeScheduled
	applied   = countersign.ChangeApplied
	rejected  = countersign.ChangeRejected
	cancelled = countersign.ChangeCancelled
	expired   = countersign.ChangeExpired
	stale     = countersign.ChangeStale
	failed    = countersign.ChangeFailed
)

// transition is one row of the table of governance.md B.3.
type transition struct {
	row     string
	event   string
	from    []countersign.ChangeState
	to      countersign.ChangeState
	because string
}

// transitions are all rows from T1 on; T0, the creation, is a test of its own. A
// pair of state and event that stands in no row changes nothing, and whoever asked
// for it is told so.
//
// T13 (a frozen organization, in which only T4, T5, T7 and T8 remain) belongs to
// freeze_test.go: every other event then ends as in an unlisted pair.
func transitions() []transition {
	either := []countersign.ChangeState{pending, scheduled}
	is := func(states ...countersign.ChangeState) []countersign.ChangeState { return states }
	return []transition{
		{"T1", "approve, one of two", is(pending), pending, ""},
		{"T2", "approve, the last", is(pending), applied, ""},
		{"T3", "approve, the last, with a delay", is(pending), scheduled, ""},
		// Of what is scheduled one more approval is welcome: it stands in for another
		// that may become void (docs/adr/0031).
		{"T3", "approve, one of two", is(scheduled), scheduled, ""},
		{"T3", "approve, the last", is(scheduled), scheduled, ""},
		{"T3", "approve, the last, with a delay", is(scheduled), scheduled, ""},
		{"T3", "approve, the name being taken", is(scheduled), scheduled, ""},
		{"T4", "deny", either, rejected, "denied"},
		{"T5", "withdraw", either, pending, ""},
		{"T6", "due", is(scheduled), applied, ""},
		{"T6", "due, an approval being void", is(scheduled), pending, ""},
		{"T7", "cancel by the requester", either, cancelled, "cancelled"},
		{"T7", "cancel by a holder of changes.cancel", either, cancelled, "cancelled"},
		{"T8", "time passes its expiry", either, expired, "expired"},
		{"T9", "an overlap is applied", either, stale, "fact_moved"},
		{"T10", "replace by the requester", either, cancelled, "replaced"},
		{"T11", "approve, the name being taken", is(pending), failed, "name_taken"},
		{"T11", "due, the name being taken", is(scheduled), failed, "name_taken"},
		{"T12", "the requester is suspended", either, cancelled, "requester_inactive"},
		{"T12", "the requester is deleted", either, cancelled, "requester_inactive"},
	}
}

// happening is how an event comes about.
type happening struct {
	name string
	// do makes it happen to a request; the error is what is answered.
	do func(h *house, c countersign.ChangeRequest) error
	// need and delayed are asked of the request beforehand; a need of 0 is one.
	need    int
	delayed bool
	// early is a vote of grace's before, while it is pending.
	early bool
	// nobody asks for what happens by itself.
	nobody bool
	// denied is the kind of refusal of who may not ask for it in any state; none
	// means that in a pair that is not listed the answer is 409.
	denied countersign.Kind
}

func happenings() []happening {
	votes := func(who string, d countersign.Decision) func(*house, countersign.ChangeRequest) error {
		return func(h *house, c countersign.ChangeRequest) error {
			return second(h.Engine.Decide(h.t.Context(), h.As(who).Actor, c.ID, engine.Vote{Decision: d, Digest: c.Digest}, noOptions))
		}
	}
	cancels := func(who string) func(*house, countersign.ChangeRequest) error {
		return func(h *house, c countersign.ChangeRequest) error {
			return second(h.Engine.Cancel(h.t.Context(), h.As(who).Actor, c.ID, noOptions))
		}
	}
	replaces := func(who string) func(*house, countersign.ChangeRequest) error {
		return func(h *house, c countersign.ChangeRequest) error {
			return second(h.Engine.Replace(h.t.Context(), h.As(who).Actor, c.ID, []countersign.Change{&countersign.CreateGroup{Name: h.name("instead")}}, noOptions))
		}
	}
	passes := func(d time.Duration) func(*house, countersign.ChangeRequest) error {
		return func(h *house, _ countersign.ChangeRequest) error {
			h.Clock.Pass(d)
			h.tend()
			return nil
		}
	}
	// after is something else that linus asks for and barbara agrees to, and what
	// follows it.
	after := func(op func(h *house, c countersign.ChangeRequest) countersign.Change, then func(*house, countersign.ChangeRequest) error) func(*house, countersign.ChangeRequest) error {
		return func(h *house, c countersign.ChangeRequest) error {
			h.agreed("linus", "barbara", op(h, c))
			if then == nil {
				return nil
			}
			return then(h, c)
		}
	}
	// taken makes a group that has the name, unless there is one.
	taken := func(then func(*house, countersign.ChangeRequest) error) func(*house, countersign.ChangeRequest) error {
		return func(h *house, c countersign.ChangeRequest) error {
			if !slices.ContainsFunc(h.groupNames(), func(name string) bool { return strings.EqualFold(name, "desk") }) {
				h.agreed("linus", "barbara", &countersign.CreateGroup{Name: "desk"})
			}
			return then(h, c)
		}
	}
	ada := func(make func(id countersign.UserID) countersign.Change) func(*house, countersign.ChangeRequest) countersign.Change {
		return func(h *house, _ countersign.ChangeRequest) countersign.Change { return make(h.ID("ada")) }
	}
	return []happening{
		{name: "approve, one of two", do: votes("edsger", countersign.Approve), need: 2},
		{name: "approve, the last", do: votes("edsger", countersign.Approve)},
		{name: "approve, the last, with a delay", do: votes("edsger", countersign.Approve), delayed: true},
		{name: "approve by the requester", do: votes("ada", countersign.Approve), denied: countersign.Forbidden},
		{name: "deny", do: votes("edsger", countersign.Deny), need: 2},
		{name: "withdraw", do: votes("grace", countersign.Withdraw), need: 2, early: true},
		{name: "withdraw, having said nothing", do: votes("edsger", countersign.Withdraw)},
		{name: "cancel by the requester", do: cancels("ada")},
		{name: "cancel by a holder of changes.cancel", do: cancels("grace")},
		{name: "cancel by a stranger", do: cancels("vera"), denied: countersign.Forbidden},
		{name: "replace by the requester", do: replaces("ada")},
		{name: "replace by another", do: replaces("grace"), denied: countersign.Forbidden},
		{name: "approve, the name being taken", do: taken(votes("edsger", countersign.Approve))},
		// What happens by itself comes last, and what has no way back at the very end.
		{name: "due", do: passes(time.Hour), nobody: true},
		{name: "due, an approval being void", do: after(func(h *house, _ countersign.ChangeRequest) countersign.Change {
			return &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleTrader}
		}, passes(time.Hour)), nobody: true},
		{name: "due, the name being taken", do: taken(passes(time.Hour)), nobody: true},
		{name: "an overlap is applied", do: after(func(_ *house, c countersign.ChangeRequest) countersign.Change {
			return &countersign.DeleteGroup{GroupID: c.Operations[0].(*countersign.UpdateGroup).GroupID}
		}, nil), nobody: true},
		{name: "time passes its expiry", do: passes(2 * week), nobody: true},
		{name: "the requester is suspended", do: after(ada(func(id countersign.UserID) countersign.Change { return &countersign.SuspendUser{UserID: id} }), nil), nobody: true},
		{name: "the requester is deleted", do: after(ada(func(id countersign.UserID) countersign.Change { return &countersign.DeleteUser{UserID: id} }), nil), nobody: true},
	}
}

// asksFor is a request of ada's in a state, under a policy of its own.
func (h *house) asksFor(state countersign.ChangeState, e happening) countersign.ChangeRequest {
	h.t.Helper()
	h.crew().Admins("barbara", "ken")
	group := h.team()
	r := adminsAsked(max(e.need, 1))
	if e.delayed || state == scheduled {
		r.DelaySeconds = 3600
	}
	h.under(countersign.Rule{ID: "renames", Changes: []string{"group.update"}, Requirement: r})
	c := h.mustHold(&countersign.UpdateGroup{GroupID: group, Name: countersign.Some("Desk")}).Change
	approve := func() {
		for _, who := range []string{"grace", "linus"}[:max(e.need, 1)] {
			h.votes(who, c, countersign.Approve)
		}
	}
	switch state {
	case pending:
		if e.early {
			h.votes("grace", c, countersign.Approve)
		}
	case scheduled, applied:
		approve()
	case rejected:
		h.votes("linus", c, countersign.Deny)
	case cancelled:
		_, err := h.Engine.Cancel(h.t.Context(), h.As("ada").Actor, c.ID, noOptions)
		h.fatal(err)
	case expired:
		h.Clock.Pass(2 * week)
		h.tend()
	case stale:
		other := h.mustHoldBy("linus", &countersign.UpdateGroup{GroupID: group, Description: countersign.Some("moved")}).Change
		for _, who := range []string{"barbara", "ken"}[:max(e.need, 1)] {
			h.votes(who, other, countersign.Approve)
		}
	case failed:
		h.agreed("linus", "barbara", &countersign.CreateGroup{Name: "DESK"})
		approve()
	}
	h.stored(c.ID, state)
	return c
}

func (h *house) fatal(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// standing is all there is to see of an organization and of one request.
type standing struct {
	Head countersign.Head
	Row  store.ChangeRecord
	Seen sight
}

func (h *house) standing(id countersign.ChangeID) standing {
	h.t.Helper()
	s := standing{Head: h.head()}
	h.read(func(tx store.ReadTx) error {
		row, err := tx.Change(h.t.Context(), id)
		s.Row = row
		return err
	})
	seen, err := picture(h.t.Context(), h.Engine, h.Org.ID, h.Clock.Now(), true)
	h.fatal(err)
	s.Seen = seen
	return s
}

func TestEveryTransitionOfTheTable(t *testing.T) {
	events := map[string]happening{}
	for _, e := range happenings() {
		events[e.name] = e
	}
	for _, row := range transitions() {
		e, known := events[row.event]
		if !known {
			t.Fatalf("nobody knows how %q comes about", row.event)
		}
		for _, from := range row.from {
			t.Run(fmt.Sprintf("%s %s, %s", row.row, from, row.event), func(t *testing.T) {
				onBoth(t, func(t *testing.T, h *house) {
					c := h.asksFor(from, e)
					h.fatal(e.do(h, c))
					h.mustHaveCome(c, row)
				})
			})
		}
	}
}

// mustHaveCome holds a request to where a row says it goes, stored and seen, and to
// what the row says happens besides.
func (h *house) mustHaveCome(c countersign.ChangeRequest, row transition) {
	h.t.Helper()
	h.stored(c.ID, row.to)
	seen := h.state(c.ID)
	if seen.State != row.to || seen.ClosedBecause != row.because {
		h.t.Errorf("it is %s because of %q, want %s because of %q", seen.State, seen.ClosedBecause, row.to, row.because)
	}
	entries := h.entries(c.Version) // after its own
	last := entries[len(entries)-1].Kind
	done := h.group(c.Operations[0].(*countersign.UpdateGroup).GroupID).Name == "Desk"
	switch {
	case done != (row.to == applied):
		h.t.Errorf("it is %s, and what it asked for is done: %t", row.to, done)
	case row.row == "T3" && (seen.DueAt.IsZero() || !seen.ScheduledAt.Add(time.Hour).Equal(seen.DueAt)):
		h.t.Errorf("scheduled at %s, due at %s", seen.ScheduledAt, seen.DueAt)
	case row.row == "T9" && (seen.WinnerID == "" || seen.WinnerID == c.ID):
		h.t.Errorf("the winner is %q", seen.WinnerID)
	case row.row == "T10":
		next := h.state(seen.ReplacedBy)
		if next.State != pending || len(next.Approvals) != 0 || next.Replaces != c.ID {
			h.t.Errorf("the successor is %s with %d votes", next.State, len(next.Approvals))
		}
	case row.row == "T6" && row.to == pending && last != countersign.EntryTurned:
		h.t.Errorf("the last entry is %s", last)
	}
}

// Every pair of state and event that the table does not list changes nothing: not
// the log, not a row, not what anybody sees. Who asked for it is told 409 with the
// state, or that he may not in any state.
func TestEveryPairThatIsNotListedChangesNothing(t *testing.T) {
	listed := map[string]bool{}
	for _, row := range transitions() {
		for _, from := range row.from {
			listed[string(from)+" "+row.event] = true
		}
	}
	pairs := 0
	for _, state := range countersign.ChangeStates() {
		var events []happening
		for _, e := range happenings() {
			if !listed[string(state)+" "+e.name] {
				events = append(events, e)
			}
		}
		pairs += len(events)
		t.Run(string(state), func(t *testing.T) {
			onBoth(t, func(t *testing.T, h *house) {
				c := h.asksFor(state, happening{need: 2})
				for _, e := range events {
					t.Run(e.name, func(t *testing.T) { h.in(t).mustStay(c, state, e) })
				}
			})
		})
	}
	if all := len(happenings()) * len(countersign.ChangeStates()); pairs+len(listed) != all {
		t.Errorf("%d pairs are listed and %d are not, of %d", len(listed), pairs, all)
	}
}

// mustStay lets something happen to a request that nothing happens to.
func (h *house) mustStay(c countersign.ChangeRequest, state countersign.ChangeState, e happening) {
	h.t.Helper()
	before := h.standing(c.ID)
	err := e.do(h, c)
	after := h.standing(c.ID)
	if e.nobody || e.name == "approve, the name being taken" {
		// Something else has happened; of this request nothing has.
		before.Head, before.Seen, after.Head, after.Seen = countersign.Head{}, sight{}, countersign.Head{}, sight{}
	}
	if diff := cmp.Diff(before, after, cmpopts.EquateEmpty()); diff != "" {
		h.t.Errorf("it changed something\n%s", diff)
	}
	want := countersign.Stale
	switch {
	case e.nobody:
		want = ""
	case e.denied != "" && (state.Open() || e.name != "approve by the requester"):
		want = e.denied
	}
	if countersign.KindOf(err) != want {
		h.t.Errorf("answered %v, want %q", err, want)
	}
	var own *countersign.Error
	if want == countersign.Stale && errors.As(err, &own) && !state.Open() && own.Detail["state"] != string(state) {
		h.t.Errorf("told that it is %q", own.Detail["state"])
	}
}
