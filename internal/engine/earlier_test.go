package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// Whoever asks again for what was refused is known to have asked.
func TestApproversAreToldHowOftenTheSameWasAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		both := func(swap bool, permission countersign.Permission) []countersign.Change {
			ops := []countersign.Change{
				&countersign.CreateGroup{Name: "Night shift"}, &countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{permission}},
			}
			if swap {
				slices.Reverse(ops)
			}
			return ops
		}
		ask := func(who, reason string, ops ...countersign.Change) countersign.ChangeRequest {
			result, err := h.submit(who, engine.Options{Reason: reason}, ops...)
			if err != nil {
				t.Fatal(err)
			}
			return result.Change
		}
		first := ask("ada", "please", both(false, countersign.AccountsRead)...)
		told := h.sees("grace", first.ID).Detail.Earlier
		if told.Total != 0 || told.More || len(told.Latest) != 0 {
			t.Errorf("the first time: %+v", told)
		}
		h.votes("grace", first, countersign.Deny)
		second := ask("ada", "pretty please", both(true, countersign.AccountsRead)...)
		if _, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, second.ID, noOptions); err != nil {
			t.Fatal(err)
		}
		third := ask("ada", "", both(false, countersign.AccountsRead)...)
		h.Clock.Pass(third.ExpiresAt.Sub(h.Clock.Now()) + time.Second) // nobody has written so yet
		ask("linus", "please", both(false, countersign.AccountsRead)...)
		ask("ada", "something else", both(false, countersign.VaultsCreate)...)
		last := ask("ada", "once more", both(true, countersign.AccountsRead)...)

		told = h.sees("grace", last.ID).Detail.Earlier
		want := map[countersign.ChangeState]int{countersign.ChangeRejected: 1, countersign.ChangeCancelled: 1, countersign.ChangeExpired: 1}
		if told.Total != 3 || told.More || !maps.Equal(told.States, want) {
			t.Errorf("told of %+v", told)
		}
		var latest []string
		for _, r := range told.Latest {
			latest = append(latest, fmt.Sprint(r.ID, " ", r.State, " ", r.ClosedBecause, " ", r.ClosedAt.IsZero()))
		}
		if diff := cmp.Diff([]string{
			fmt.Sprint(third.ID, " expired  true"), fmt.Sprint(second.ID, " cancelled cancelled false"), fmt.Sprint(first.ID, " rejected denied false"),
		}, latest); diff != "" {
			t.Errorf("the latest (-want +told)\n%s", diff)
		}
		// What came before an earlier one came before that one.
		if told := h.sees("grace", second.ID).Detail.Earlier; told.Total != 1 || told.Latest[0].ID != first.ID {
			t.Errorf("of the second: %+v", told)
		}
		dry, err := h.submit("ada", engine.Options{DryRun: true}, both(false, countersign.AccountsRead)...)
		if err != nil || dry.Preview.Detail.Earlier.Total != 4 {
			t.Errorf("a dry run: %+v (%v)", dry.Preview.Detail.Earlier, err)
		}
	})
}

// An account asks for the person who answers for it, and is told nothing of him.
func TestWhoIsToldWhatSomebodyAskedForBefore(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		lone := only[*countersign.CreateAPIUser](h.applies("ada", &countersign.CreateAPIUser{
			Name: "lone", Role: countersign.RoleNone, ResponsiblePersonID: h.ID("vera"), Permissions: []countersign.Permission{countersign.GroupsCreate},
		})).UserID
		token := h.applies("ada", &countersign.CreateCredential{UserID: lone, Type: countersign.Token})
		h.Seal()
		actor := countersign.Actor{
			Organization: h.Org.ID, User: lone, ResponsiblePerson: h.ID("vera"), Method: countersign.ByToken,
			Credential: only[*countersign.CreateCredential](token).CredentialID,
		}
		ask := func() countersign.ChangeID {
			result, err := h.Engine.Submit(t.Context(), actor, []countersign.Change{&countersign.CreateGroup{Name: "Same"}}, noOptions)
			if err != nil {
				t.Fatal(err)
			}
			return result.Change.ID
		}
		ask()
		id := ask()
		own, err := h.Engine.ChangeInDetail(t.Context(), actor, id)
		if err != nil || own.Detail.Earlier != nil {
			t.Errorf("the account is told %+v (%v)", own.Detail.Earlier, err)
		}
		for _, who := range []string{"grace", "vera"} {
			if told := h.sees(who, id).Detail.Earlier; told == nil || told.Total != 1 {
				t.Errorf("%s is told %+v", who, told)
			}
		}
	})
}

// However long the history, what is read of it is bounded, and says so.
func TestTheHistoryThatIsReadIsBounded(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		ask := func() countersign.ChangeRequest { return h.holds("ada", h.Grant("vera", countersign.AccountsRead)) }
		for range 101 {
			c := ask()
			if _, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, c.ID, noOptions); err != nil {
				t.Fatal(err)
			}
		}
		told := h.sees("grace", ask().ID).Detail.Earlier
		if told.Total != 100 || !told.More || told.States[countersign.ChangeCancelled] != 100 || len(told.Latest) != 5 {
			t.Errorf("told of %d, more %v, %v, %d named", told.Total, told.More, told.States, len(told.Latest))
		}
	})
}
