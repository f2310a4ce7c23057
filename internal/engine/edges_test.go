package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

// TestEdgesOfGovernance is governance.md B.8, row by row.
func TestEdgesOfGovernance(t *testing.T) {
	for _, row := range []struct {
		name string
		edge func(t *testing.T, h *house)
	}{
		{"last needed approve and cancel race", approveAndCancelRace},
		{"64 approvers vote at once for the last slot", manyVoteForTheLastSlot},
		{"approver loses role after voting, then regains it", roleLostAndRegained},
		{"approver's key revoked as compromised", keyIsCompromised},
		{"policy tightened from 2 to 3 while open with 2 votes", policyTightened},
		{"policy loosened from 3 to 2 while open", policyLoosened},
		{"target user deleted by another request", targetDeleted},
		{"same change already true", alreadyTrue},
		{"clock steps back", clockStepsBack},
		{"crash between commit and answer", crashBeforeTheAnswer},
		{"suspension of a voter on a scheduled request", voterSuspended},
		{"rule deleted that an open request matched", ruleDeleted},
		{"100-op batch, op 57 fails", batchFailsInside},
		{"deny by a person later found to be ineligible", denialStands},
		// 200 of an organization: TestAnOrganizationBoundsItsOpenRequests.
		{"request flood to tire approvers", floodOfRequests},
	} {
		t.Run(row.name, func(t *testing.T) {
			onBoth(t, row.edge)
		})
	}
}

// atOnce starts all at the same moment and waits for them.
func atOnce(all ...func()) {
	var ready, done sync.WaitGroup
	ready.Add(len(all))
	for _, one := range all {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			one()
		})
	}
	done.Wait()
}

func (h *house) tries(who string, c countersign.ChangeRequest, d countersign.Decision) (engine.Result, error) {
	return h.decides(who, c, engine.Vote{Decision: d, Digest: c.Digest})
}

// mustConflict ends the test unless it is refused because the request is over.
func (h *house) mustConflict(err error, state countersign.ChangeState) {
	h.t.Helper()
	refused(h.t, err, "change_closed", "")
	var own *countersign.Error
	if errors.As(err, &own) && own.Detail["state"] != string(state) {
		h.t.Errorf("told that it is %s, and it is %s", own.Detail["state"], state)
	}
}

func approveAndCancelRace(t *testing.T, h *house) {
	h.crew().Seal()
	for range 8 {
		c := h.mustHold(&countersign.CreateGroup{Name: h.name("g")}).Change
		var approved, ended error
		atOnce(
			func() { _, approved = h.tries("grace", c, countersign.Approve) },
			func() { _, ended = h.Engine.Cancel(t.Context(), h.As("ada").Actor, c.ID, noOptions) },
		)
		switch state := h.state(c.ID).State; {
		case state == applied && approved == nil:
			h.mustConflict(ended, state)
		case state == cancelled && ended == nil:
			h.mustConflict(approved, state)
		default:
			t.Fatalf("it is %s: %v, %v", state, approved, ended)
		}
	}
}

func manyVoteForTheLastSlot(t *testing.T, h *house) {
	var voters []string
	for i := range 64 {
		voters = append(voters, fmt.Sprint("admin", i))
	}
	h.Admins(voters...).Seal()
	c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
	before := h.head().Size
	var won, late int
	var mu sync.Mutex
	var votes []func()
	for _, who := range voters {
		votes = append(votes, func() {
			result, err := h.tries(who, c, countersign.Approve)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && result.Change.State == applied {
				won++
			} else if scenario.CodeOf(err) == "change_closed" {
				late++
			}
		})
	}
	atOnce(votes...)
	if won != 1 || late != 63 {
		t.Errorf("%d applied it, %d came too late", won, late)
	}
	if n := h.head().Size - before; n != 2 {
		t.Errorf("%d entries, want one vote and one application", n)
	}
}

func roleLostAndRegained(t *testing.T, h *house) {
	h.crew().under(groups(adminsAsked(2)))
	c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
	h.votes("grace", c, countersign.Approve)
	role := func(r countersign.Role) {
		h.agreed("linus", "edsger", &countersign.ChangeRole{UserID: h.ID("grace"), Role: r})
	}
	role(countersign.RoleTrader)
	if seen := h.state(c.ID); seen.People != 0 {
		t.Errorf("%d people count while she is a trader", seen.People)
	}
	role(countersign.RoleAdmin)
	if seen := h.state(c.ID); seen.People != 1 {
		t.Errorf("%d people count now that she is back", seen.People)
	}
	if got := h.votes("linus", c, countersign.Approve).Change.State; got != applied {
		t.Errorf("with his vote it is %s", got)
	}
}

func keyIsCompromised(t *testing.T, h *house) {
	h.crew()
	stolen, other := h.enrols("grace"), h.enrols("linus")
	h.under(groups(adminsAsked(2)))
	ask := func() countersign.ChangeRequest {
		return h.mustHold(&countersign.CreateGroup{Name: h.name("g")}).Change
	}
	counted, denied, open, again, untouched := ask(), ask(), ask(), ask(), ask()
	h.signs("linus", counted, countersign.Approve, other)
	h.signs("grace", counted, countersign.Approve, stolen)
	h.signs("grace", denied, countersign.Deny, stolen)
	h.signs("grace", open, countersign.Approve, stolen)
	h.signs("grace", again, countersign.Approve, stolen)
	h.signs("linus", untouched, countersign.Approve, other)
	withdrawn := ask()
	h.signs("grace", withdrawn, countersign.Approve, stolen)
	h.votes("grace", withdrawn, countersign.Withdraw)
	ended := ask()
	h.signs("grace", ended, countersign.Approve, stolen)
	_, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, ended.ID, noOptions)
	h.fatal(err)
	h.votes("grace", again, countersign.Withdraw)
	h.votes("grace", again, countersign.Approve) // her last word is not signed
	h.applies("grace", &countersign.RevokeCredential{CredentialID: stolen.id})
	if seen := h.state(open.ID); seen.People != 0 {
		t.Error("the vote on what is open still counts")
	}
	// Decided afterwards, without the vote that is void.
	later := open
	h.votes("linus", later, countersign.Approve)
	h.mustReport(stolen.id, open, denied, counted)
	h.votes("edsger", later, countersign.Approve)
	h.mustBe(later.ID, applied)
	h.mustReport(stolen.id, denied, counted)
	h.mustReport(other.id, untouched, counted)
	// A token is stolen like a key.
	h.mustReport(h.As("edsger").Actor.Credential, later)
	h.mustReport(nobody)
}

// mustReport lists what a credential had a say in, page by page, and compares.
func (h *house) mustReport(id countersign.CredentialID, want ...countersign.ChangeRequest) {
	h.t.Helper()
	var got, ids []countersign.ChangeID
	for _, c := range want {
		ids = append(ids, c.ID)
	}
	for page := (countersign.Page{Limit: 1}); ; page.After = string(got[len(got)-1]) {
		list, err := h.Engine.Changes(h.t.Context(), h.As("ada").Actor, engine.ChangeFilter{VotedWith: id}, page)
		h.fatal(err)
		if list.Total != len(want) {
			h.t.Errorf("%d in all, want %d", list.Total, len(want))
		}
		for _, c := range list.Items {
			got = append(got, c.ID)
		}
		if !list.More {
			break
		}
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		h.t.Errorf("decided with %s (-want +got)\n%s", id, diff)
	}
}

// groupsNeed is the policy of under, asking so many admins for a group.
func groupsNeed(n int) countersign.Change {
	return &countersign.PutPolicy{Policy: countersign.Policy{Name: fmt.Sprint("house of ", n), Default: adminsAsked(1), Rules: []countersign.Rule{groups(adminsAsked(n))}}}
}

func policyTightened(t *testing.T, h *house) {
	h.crew().under(groups(adminsAsked(2)))
	c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
	h.votes("grace", c, countersign.Approve)
	h.agreed("linus", "edsger", groupsNeed(3))
	if got := h.votes("linus", c, countersign.Approve).Change.State; got != pending {
		t.Errorf("with two of three it is %s", got)
	}
	if got := h.votes("edsger", c, countersign.Approve).Change.State; got != applied {
		t.Errorf("with one more it is %s", got)
	}
}

func policyLoosened(t *testing.T, h *house) {
	h.crew().under(groups(adminsAsked(3)))
	c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
	h.agreed("linus", "edsger", groupsNeed(2))
	h.votes("grace", c, countersign.Approve)
	if got := h.votes("linus", c, countersign.Approve).Change.State; got != pending {
		t.Errorf("with two of three it is %s", got)
	}
	if got := h.votes("edsger", c, countersign.Approve).Change.State; got != applied {
		t.Errorf("with three it is %s", got)
	}
}

func targetDeleted(t *testing.T, h *house) {
	h.crew().Seal()
	c := h.mustHold(h.Grant("vera", countersign.AuditRead)).Change
	h.agreed("linus", "edsger", &countersign.DeleteUser{UserID: h.ID("vera")})
	if seen := h.state(c.ID); seen.State != stale || seen.WinnerID == "" {
		t.Errorf("it is %s by %q", seen.State, seen.WinnerID)
	}
}

func alreadyTrue(t *testing.T, h *house) {
	h.crew().Seal()
	trader := func() countersign.Change {
		return &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleTrader}
	}
	c := h.mustHold(trader()).Change
	h.agreed("linus", "edsger", trader())
	h.mustBe(c.ID, stale)
	_, err := h.submit("ada", noOptions, trader())
	refused(t, err, "no_effect", "")
}

func clockStepsBack(t *testing.T, h *house) {
	h.crew().Seal()
	ended := h.mustHold(&countersign.CreateGroup{Name: "ends"}).Change
	h.Clock.Pass(countersign.DefaultRequestLife)
	h.tend()
	open := h.mustHold(&countersign.CreateGroup{Name: "open"}).Change
	at := h.head().Time
	h.Clock.Pass(-2 * countersign.DefaultRequestLife)
	h.mustBe(ended.ID, expired)
	late := h.mustHold(&countersign.CreateGroup{Name: "late"}).Change
	if !late.CreatedAt.Equal(at) || !late.ExpiresAt.Equal(open.ExpiresAt) {
		t.Errorf("made at %s until %s, and the log stands at %s", late.CreatedAt, late.ExpiresAt, at)
	}
	_, err := h.tries("grace", ended, countersign.Approve)
	h.mustConflict(err, expired)
	if got := h.votes("grace", open, countersign.Approve).Change; got.State != applied || !got.ClosedAt.Equal(at) {
		t.Errorf("it is %s at %s", got.State, got.ClosedAt)
	}
	last := time.Time{}
	for _, e := range h.entries(0) {
		if e.Time.Before(last) {
			t.Fatalf("entry %d is of %s, after one of %s", e.Index, e.Time, last)
		}
		last = e.Time
	}
}

func crashBeforeTheAnswer(t *testing.T, h *house) {
	h.crew().under(groups(adminsAsked(2)))
	db := fragile(t, h.Store)
	lost := func(do func() error) {
		t.Helper()
		nth(db, sqlstore.FaultCommitted, 1, func() error { return errPlanted })
		err := do()
		db.OnPoint(nil)
		if !errors.Is(err, store.ErrCommitUnknown) {
			t.Fatalf("the answer is not lost: %v", err)
		}
	}
	ask := func() countersign.ChangeRequest {
		return h.mustHold(&countersign.CreateGroup{Name: h.name("g")}).Change
	}
	for _, c := range []struct {
		rule   string
		first  string
		who    string
		says   countersign.Decision
		become countersign.ChangeState
	}{
		{"a vote of two", "", "grace", countersign.Approve, pending},
		{"the last vote", "grace", "linus", countersign.Approve, applied},
		{"a denial", "grace", "linus", countersign.Deny, rejected},
	} {
		request := ask()
		if c.first != "" {
			h.votes(c.first, request, countersign.Approve)
		}
		vote := func() (engine.Result, error) { return h.tries(c.who, request, c.says) }
		lost(func() error { return second(vote()) })
		before := h.head().Size
		// By voter and digest, with no key.
		again, err := vote()
		if err != nil || again.Change.State != c.become || again.Change.ID != request.ID || h.head().Size != before {
			t.Errorf("%s: repeated, it is %s (%v), and the log moved by %d", c.rule, again.Change.State, err, h.head().Size-before)
		}
		// What others say, or he says otherwise, comes too late.
		if !c.become.Open() {
			h.mustConflict(second(h.tries("edsger", request, c.says)), c.become)
			h.mustConflict(second(h.tries(c.who, request, countersign.Withdraw)), c.become)
			if c.first != "" && c.says == countersign.Approve {
				h.mustConflict(second(h.tries(c.first, request, c.says)), c.become)
			}
		}
	}
	// Who voted for what somebody else then ended is told so.
	request := ask()
	h.votes("grace", request, countersign.Approve)
	_, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, request.ID, noOptions)
	h.fatal(err)
	h.mustConflict(second(h.tries("grace", request, countersign.Approve)), cancelled)
	// By its key: TestAnAnswerLostAfterTheCommit.
}

func voterSuspended(t *testing.T, h *house) {
	h.crew().under(groups(asked(func(r *countersign.Requirement) { r.DelaySeconds = 3600 })))
	c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
	h.votes("grace", c, countersign.Approve)
	h.mustBe(c.ID, scheduled)
	h.agreed("linus", "edsger", &countersign.SuspendUser{UserID: h.ID("grace")})
	if seen := h.state(c.ID); seen.People != 0 {
		t.Errorf("%d people count", seen.People)
	}
	h.Clock.Pass(time.Hour)
	h.tend()
	h.mustBe(c.ID, pending)
}

func ruleDeleted(t *testing.T, h *house) {
	h.crew().under(groups(adminsAsked(2)))
	c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
	h.agreed("linus", "edsger", &countersign.PutPolicy{Policy: countersign.Policy{Name: "without", Default: adminsAsked(1)}})
	if got := h.votes("grace", c, countersign.Approve).Change.State; got != pending {
		t.Errorf("with one of two it is %s", got)
	}
	if got := h.votes("linus", c, countersign.Approve).Change.State; got != applied {
		t.Errorf("with both it is %s", got)
	}
}

func batchFailsInside(t *testing.T, h *house) {
	h.crew().Seal()
	var ops []countersign.Change
	for i := range countersign.MaxOperations {
		ops = append(ops, &countersign.CreateGroup{Name: fmt.Sprint("group ", i)})
	}
	c := h.mustHoldBy("ada", ops...).Change
	h.agreed("linus", "edsger", &countersign.CreateGroup{Name: "GROUP 57"})
	got := h.votes("grace", c, countersign.Approve).Change
	if got.State != failed || got.ClosedBecause != "operations.57: name_taken" || len(got.Approvals) != 1 {
		t.Errorf("it is %s because of %q with %d votes", got.State, got.ClosedBecause, len(got.Approvals))
	}
	if names := h.groupNames(); !slices.Equal(names, []string{"GROUP 57"}) {
		t.Errorf("there are now %v", names)
	}
}

func denialStands(t *testing.T, h *house) {
	h.crew().Seal()
	ask := func() countersign.ChangeRequest { return h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change }
	c := ask()
	h.votes("grace", c, countersign.Deny)
	h.agreed("linus", "edsger", &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleTrader})
	h.mustBe(c.ID, rejected)
	if got := h.votes("linus", ask(), countersign.Approve).Change.State; got != applied {
		t.Errorf("asked for again it is %s", got)
	}
}

func floodOfRequests(t *testing.T, h *house) {
	h.crew().Seal()
	ask := func(who string) error {
		return second(h.submit(who, noOptions, &countersign.CreateGroup{Name: h.name("g")}))
	}
	var first error
	for range countersign.MaxOpenPerRequester {
		first = errors.Join(first, ask("ada"))
	}
	h.fatal(first)
	before := h.head().Size
	refused(t, ask("ada"), "too_many_open_changes", "")
	if h.head().Size != before {
		t.Error("it stands in the log")
	}
	h.fatal(ask("grace"))
}
