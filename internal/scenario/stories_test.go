package scenario_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// told runs a story on both engines, through every door.
func told(t *testing.T, story func(t *testing.T, w *scenario.World)) {
	t.Helper()
	for name, opening := range doors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.Each(t, func(t *testing.T, open func() store.Store) { story(t, scenario.New(t, opening, open())) })
		})
	}
}

// crew is the cast of most stories: four admins, a viewer, and vera's API user.
func crew(w *scenario.World) *scenario.World {
	return w.Admins("grace", "linus", "edsger").People(countersign.RoleViewer, "vera").Account("bot", "vera")
}

func TestTwoPersonGrant(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(w.Grant("vera", countersign.VaultsCreate)).MustBe(countersign.ChangePending)
		w.MustHold("vera", countersign.VaultsCreate, false)
		w.As("ada").Approves(request).MustFail("not_eligible")
		w.As("vera").Approves(request).MustFail("permission_missing")
		w.As("grace").Approves(request).MustBe(countersign.ChangeApplied)
		w.MustHold("vera", countersign.VaultsCreate, true)
		w.As("linus").Approves(request).MustFail("change_closed")
	})
}

func TestOneDenialEndsARequest(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(w.Grant("vera", countersign.VaultsCreate))
		w.As("grace").Denies(request).MustBe(countersign.ChangeRejected)
		w.As("linus").Approves(request).MustFail("change_closed")
		w.MustHold("vera", countersign.VaultsCreate, false)
	})
}

func TestADeniedCreationNeverExisted(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Treasury"}).MustBe(countersign.ChangePending)
		created := request.Operations[0].(*countersign.CreateGroup)
		group, _, err := w.Engine.Group(t.Context(), w.As("ada").Actor, created.GroupID)
		if err != nil || group.State != countersign.GroupPendingApproval {
			t.Fatalf("a pending group reads as %s (%v)", group.State, err)
		}
		w.As("grace").Denies(request).MustBe(countersign.ChangeRejected)
		if _, _, err := w.Engine.Group(t.Context(), w.As("ada").Actor, created.GroupID); countersign.KindOf(err) != countersign.NotFound {
			t.Fatalf("a denied group reads %v", err)
		}
	})
}

func TestARequestIsStaleWhenAFactItTouchesMoved(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		first := w.As("ada").Asks(&countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleTrader})
		second := w.As("linus").Asks(&countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleNone})
		w.As("grace").Approves(first).MustBe(countersign.ChangeApplied)
		w.As("ada").Sees(second).MustBe(countersign.ChangeStale)
		w.As("grace").Approves(second).MustFail("change_closed")
	})
}

func TestAMemberIsNotAddedToAGroupThatMeanwhileGrantsMore(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w)
		group := w.Group("Interns", nil)
		w.Seal()
		join := w.As("ada").Asks(&countersign.AddMembership{UserID: w.ID("vera"), GroupID: group})
		widen := w.As("linus").Asks(&countersign.UpdateGroup{GroupID: group, Permissions: countersign.Some([]countersign.Permission{countersign.VaultsCreate})})
		w.As("grace").Approves(widen).MustBe(countersign.ChangeApplied)
		w.As("grace").Approves(join).MustFail("change_closed")
		w.As("ada").Sees(join).MustBe(countersign.ChangeStale)
	})
}

func TestAGroupIsNotWidenedForAMemberTheApproverDidNotSee(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w)
		group := w.Group("Interns", nil)
		w.Seal()
		widen := w.As("ada").Asks(&countersign.UpdateGroup{GroupID: group, Permissions: countersign.Some([]countersign.Permission{countersign.VaultsCreate})})
		join := w.As("linus").Asks(&countersign.AddMembership{UserID: w.ID("vera"), GroupID: group})
		w.As("grace").Approves(join).MustBe(countersign.ChangeApplied)
		w.As("ada").Sees(widen).MustBe(countersign.ChangeStale)
		w.MustHold("vera", countersign.VaultsCreate, false)
	})
}

func TestTwoAdditionsToOneGroupDoNotCollide(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w)
		group := w.Group("Treasury", []countersign.Permission{countersign.VaultsCreate})
		w.Seal()
		one := w.As("ada").Asks(&countersign.AddMembership{UserID: w.ID("vera"), GroupID: group})
		two := w.As("ada").Asks(&countersign.AddMembership{UserID: w.ID("edsger"), GroupID: group})
		w.As("grace").Approves(one).MustBe(countersign.ChangeApplied)
		w.As("grace").Approves(two).MustBe(countersign.ChangeApplied)
		w.MustHold("vera", countersign.VaultsCreate, true)
	})
}

func TestAnExpiredRequestCannotBeApproved(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(w.Grant("vera", countersign.VaultsCreate))
		w.Clock.Pass(countersign.DefaultRequestLife)
		w.As("grace").Approves(request).MustFail("change_closed")
		w.As("ada").Sees(request).MustBe(countersign.ChangeExpired)
		if closed, err := w.Engine.Expire(t.Context(), w.Org.ID); err != nil || closed != 1 {
			t.Fatalf("closed %d (%v)", closed, err)
		}
		w.As("ada").Sees(request).MustBe(countersign.ChangeExpired)
		w.MustHold("vera", countersign.VaultsCreate, false)
	})
}

func TestAMomentBeforeExpiryStillCounts(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(w.Grant("vera", countersign.VaultsCreate))
		w.Clock.Pass(countersign.DefaultRequestLife - time.Microsecond)
		w.As("grace").Approves(request).MustBe(countersign.ChangeApplied)
	})
}

func TestCancelAndTheLastApprovalRace(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		for range 5 {
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: fmt.Sprint("group ", w.Clock.Now().UnixNano())})
			var approved, cancelled *scenario.Request
			together(func() { approved = w.As("grace").Approves(request) }, func() { cancelled = w.As("ada").Cancels(request) })
			switch final := w.As("ada").Sees(request).State; {
			case final == countersign.ChangeApplied && approved.Err == nil && scenario.CodeOf(cancelled.Err) == "change_closed":
			case final == countersign.ChangeCancelled && cancelled.Err == nil && scenario.CodeOf(approved.Err) == "change_closed":
			default:
				t.Fatalf("ended %s: approve %v, cancel %v", final, approved.Err, cancelled.Err)
			}
			w.Clock.Pass(time.Second)
		}
	})
}

func together(fns ...func()) {
	var wg sync.WaitGroup
	for _, fn := range fns {
		wg.Go(fn)
	}
	wg.Wait()
}

func TestReplacingStartsWithoutVotes(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		policy := countersign.TwoPersonPolicy()
		policy.Name = "second"
		first := w.As("ada").Asks(&countersign.PutPolicy{Policy: policy})
		w.As("grace").Approves(first).MustBe(countersign.ChangePending)
		policy.Name = "third"
		second := w.As("ada").Replaces(first, &countersign.PutPolicy{Policy: policy}).MustBe(countersign.ChangePending)
		old := w.As("ada").Sees(first).MustBe(countersign.ChangeCancelled)
		if old.ReplacedBy != second.ID {
			t.Fatalf("replaced by %q, want %q", old.ReplacedBy, second.ID)
		}
		w.As("linus").Approves(second).MustBe(countersign.ChangePending)
		w.As("grace").Approves(second).MustBe(countersign.ChangeApplied)
		w.As("edsger").Replaces(second, w.Grant("vera", countersign.VaultsCreate)).MustFail("not_the_requester")
	})
}

func TestAPolicyNeedsTwo(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		policy := countersign.TwoPersonPolicy()
		policy.Name = "stricter"
		request := w.As("ada").Asks(&countersign.PutPolicy{Policy: policy}).MustBe(countersign.ChangePending)
		w.As("linus").Asks(&countersign.PutPolicy{Policy: policy}).MustFail("change_pending")
		w.As("grace").Approves(request).MustBe(countersign.ChangePending)
		w.As("grace").Approves(request).MustBe(countersign.ChangePending)
		w.As("linus").Approves(request).MustBe(countersign.ChangeApplied)
	})
}

func TestARequesterDemotedMeanwhileGetsNothing(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("edsger").Asks(w.Grant("vera", countersign.VaultsCreate))
		demotion := w.As("ada").Asks(&countersign.ChangeRole{UserID: w.ID("edsger"), Role: countersign.RoleViewer})
		w.As("grace").Approves(demotion).MustBe(countersign.ChangeApplied)
		w.As("grace").Approves(request).MustFail("change_closed")
		w.As("ada").Sees(request).MustBe(countersign.ChangeCancelled)
		w.MustHold("vera", countersign.VaultsCreate, false)
	})
}

func TestASuspendedRequestersRequestsAreCancelled(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("edsger").Asks(w.Grant("vera", countersign.VaultsCreate))
		w.As("grace").Approves(w.As("ada").Asks(&countersign.SuspendUser{UserID: w.ID("edsger")})).MustBe(countersign.ChangeApplied)
		w.As("ada").Sees(request).MustBe(countersign.ChangeCancelled)
		w.As("edsger").Asks(w.Grant("vera", countersign.VaultsCreate)).MustFail("unauthenticated")
	})
}

func TestAVoteOfADemotedApproverIsVoid(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		policy := countersign.TwoPersonPolicy()
		policy.Name = "second"
		request := w.As("ada").Asks(&countersign.PutPolicy{Policy: policy})
		w.As("edsger").Approves(request).MustBe(countersign.ChangePending)
		w.As("linus").Approves(w.As("ada").Asks(&countersign.ChangeRole{UserID: w.ID("edsger"), Role: countersign.RoleViewer})).MustBe(countersign.ChangeApplied)
		w.As("grace").Approves(request).MustBe(countersign.ChangePending)
		w.As("linus").Approves(request).MustBe(countersign.ChangeApplied)
	})
}

func TestNobodyAppointedLaterHelpsAnOpenRequest(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(w.Grant("bot", countersign.VaultsCreate))
		w.As("linus").Approves(w.As("ada").Asks(&countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleAdmin})).MustBe(countersign.ChangeApplied)
		w.As("vera").Approves(request).MustFail("not_eligible")
		w.As("grace").Approves(request).MustBe(countersign.ChangeApplied)
	})
}

func TestAPersonCannotApproveWhatHerOwnAccountAsked(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		w.Admins("grace", "linus", "edsger").People(countersign.RoleViewer, "vera").Account("robot", "grace").Seal()
		request := w.As("robot").Asks(w.Grant("vera", countersign.VaultsCreate)).MustBe(countersign.ChangePending)
		w.As("robot").Approves(request).MustFail("not_a_person")
		w.As("grace").Approves(request).MustFail("not_eligible")
		w.As("ada").Approves(request).MustBe(countersign.ChangeApplied)
	})
}

func TestNobodyApprovesWhatHeAskedThroughATokenHeCollected(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		w.Admins("grace", "linus", "edsger").People(countersign.RoleViewer, "vera").Account("robot", "vera").Seal()
		// Grace asks for a token of an account vera answers for, and collects it.
		token := w.As("grace").Asks(&countersign.CreateCredential{UserID: w.ID("robot"), Type: countersign.Token})
		w.As("linus").Approves(token).MustBe(countersign.ChangeApplied)
		w.Collect("grace", token, "robot in grace's hands")
		request := w.As("robot in grace's hands").Asks(w.Grant("vera", countersign.VaultsCreate)).MustBe(countersign.ChangePending)
		w.As("grace").Approves(request).MustFail("not_eligible")
		w.As("linus").Approves(request).MustBe(countersign.ChangeApplied)
	})
}

func TestAVoteNamesTheDigestItSaw(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(w.Grant("vera", countersign.VaultsCreate))
		other := w.As("ada").Asks(w.Grant("vera", countersign.TransactionsCreate))
		w.As("grace").Votes(request.ID, countersign.Approve, "").MustFail("invalid")
		w.As("grace").Votes(request.ID, countersign.Approve, other.Digest).MustFail("digest_mismatch")
		flipped := []byte(request.Digest)
		flipped[0] ^= 1
		w.As("grace").Votes(request.ID, countersign.Approve, string(flipped)).MustFail("digest_mismatch")
		w.As("ada").Sees(request).MustBe(countersign.ChangePending)
	})
}

func TestNobodyVotesOnHisOwnRole(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(&countersign.ChangeRole{UserID: w.ID("grace"), Role: countersign.RoleViewer})
		w.As("grace").Denies(request).MustFail("not_eligible")
		w.As("linus").Approves(request).MustBe(countersign.ChangeApplied)
	})
}

func TestWhatIsAlreadySoIsRefused(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		w.As("ada").Asks(&countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleViewer}).MustFail("no_effect")
		policy := countersign.TwoPersonPolicy()
		policy.AcceptedRisks = []countersign.Risk{countersign.RiskNoRecoveryKeys} // as it was sealed
		w.As("ada").Asks(&countersign.PutPolicy{Policy: policy}).MustFail("no_effect")
	})
}

func TestABatchIsAllOrNothing(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w)
		group := w.Group("Treasury", nil, "vera")
		w.As("ada").Asks(
			&countersign.CreateGroup{Name: "Operations"},
			&countersign.AddMembership{UserID: w.ID("vera"), GroupID: group},
		).MustFail("already_member")
		list, err := w.Engine.Groups(t.Context(), w.As("ada").Actor, countersign.GroupFilter{Names: []string{"Operations"}}, nil, countersign.Page{Limit: 1})
		if err != nil || list.Total != 0 {
			t.Fatalf("half of a refused batch is there: %d (%v)", list.Total, err)
		}
	})
}

func TestSealingNeedsEnoughPeople(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		w.Admins("grace")
		w.As("ada").Asks(&countersign.SealOrganization{}).MustFail("would_lock_out")
		w.Admins("linus")
		w.As("ada").Asks(&countersign.SealOrganization{}).MustBe(countersign.ChangeApplied)
		w.As("ada").Asks(&countersign.SealOrganization{}).MustFail("already_sealed")
	})
}

func TestTheLastAdminsStay(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		w.As("ada").Asks(&countersign.ChangeRole{UserID: w.ID("ada"), Role: countersign.RoleViewer}).MustFail("last_admins")
		w.Admins("grace", "linus", "edsger").Seal()
		w.As("linus").Approves(w.As("ada").Asks(&countersign.SuspendUser{UserID: w.ID("grace")})).MustBe(countersign.ChangeApplied)
		w.As("ada").Asks(&countersign.SuspendUser{UserID: w.ID("linus")}).MustFail("would_lock_out")
	})
}

func TestARuleThatNowSaysNoFailsTheRequest(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		one := w.As("ada").Asks(&countersign.CreateGroup{Name: "Treasury"})
		two := w.As("linus").Asks(&countersign.CreateGroup{Name: "  TREASURY "})
		w.As("grace").Approves(one).MustBe(countersign.ChangeApplied)
		w.As("grace").Approves(two).MustBe(countersign.ChangeFailed)
	})
}

func TestAFailedBatchSaysWhichOperationFailed(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		w := crew(scenario.New(t, scenario.Direct, open())).Seal()
		batch := w.As("ada").Asks(&countersign.CreateGroup{Name: "Front"}, &countersign.CreateGroup{Name: "Back"})
		w.As("grace").Approves(w.As("linus").Asks(&countersign.CreateGroup{Name: "back"})).MustBe(countersign.ChangeApplied)
		w.As("grace").Approves(batch).MustBe(countersign.ChangeFailed)
		failed, err := w.Engine.Change(t.Context(), w.As("ada").Actor, batch.ID)
		if err != nil || failed.ClosedBecause != "operations.1: name_taken" {
			t.Errorf("closed because %q (%v)", failed.ClosedBecause, err)
		}
	})
}

func TestASecretOfAHeldCredentialGoesToWhoAskedOnly(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		request := w.As("ada").Asks(&countersign.CreateCredential{UserID: w.ID("bot"), Type: countersign.Token}).MustBe(countersign.ChangePending)
		id := request.Operations[0].(*countersign.CreateCredential).CredentialID
		w.As("grace").Approves(request).MustBe(countersign.ChangeApplied)
		w.As("grace").Asks(&countersign.CollectSecret{CredentialID: id}).MustFail("credential_unknown")
		w.As("ada").Asks(&countersign.CollectSecret{CredentialID: id}).MustBe(countersign.ChangeApplied)
		w.As("ada").Asks(&countersign.CollectSecret{CredentialID: id}).MustFail("secret_already_shown")
	})
}

func TestRevokingOnesOwnNeedsNobody(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Admins("edsger", "donald").Seal() // enough are left
		w.As("grace").Asks(&countersign.RevokeCredential{CredentialID: w.As("grace").Actor.Credential}).MustBe(countersign.ChangeApplied)
		w.As("grace").Asks(w.Grant("vera", countersign.VaultsCreate)).MustFail("unauthenticated")
		w.As("ada").Asks(&countersign.RevokeCredential{CredentialID: w.As("linus").Actor.Credential}).MustBe(countersign.ChangePending)
	})
}

func TestTheListOfRequestsPagesToItsEnd(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		w := crew(scenario.New(t, scenario.Direct, open())).Seal()
		for i := range 12 {
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: fmt.Sprint("group ", i)}).MustBe(countersign.ChangePending)
			switch i % 4 {
			case 0:
				w.As("grace").Approves(request)
			case 1:
				w.As("grace").Denies(request)
			case 2:
				w.As("ada").Cancels(request)
			}
		}
		w.Clock.Pass(countersign.DefaultRequestLife) // what is open expires, and nobody has written so
		w.As("ada").Asks(&countersign.CreateGroup{Name: "the newest"})
		every := walk(t, w, engine.ChangeFilter{}, 1)
		byState := 0
		for _, state := range countersign.ChangeStates() {
			found := walk(t, w, engine.ChangeFilter{States: []countersign.ChangeState{state}}, 2)
			for _, c := range found {
				if c.State != state {
					t.Errorf("asked for %s, got %s", state, c.State)
				}
			}
			byState += len(found)
		}
		if len(every) < 13 || byState != len(every) {
			t.Errorf("%d requests, %d by state", len(every), byState)
		}
		if expired := walk(t, w, engine.ChangeFilter{States: []countersign.ChangeState{countersign.ChangeExpired}}, 400); len(expired) != 3 {
			t.Errorf("%d expired, not 3", len(expired))
		}
		second, err := w.Engine.Changes(t.Context(), w.As("ada").Actor, engine.ChangeFilter{}, countersign.Page{Offset: 1, Limit: 3})
		if err != nil || len(second.Items) != 3 || second.Items[0].ID != every[1].ID || second.Total != len(every) || !second.More {
			t.Errorf("by offset: %d of %d (%v)", len(second.Items), second.Total, err)
		}
	})
}

// walk reads a list of requests to its end, page by page, and checks the totals.
func walk(t *testing.T, w *scenario.World, f engine.ChangeFilter, limit int) []engine.ChangeView {
	t.Helper()
	var out []engine.ChangeView
	for after := ""; ; after = string(out[len(out)-1].ID) {
		page, err := w.Engine.Changes(t.Context(), w.As("ada").Actor, f, countersign.Page{After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Items...)
		if !page.More {
			if page.Total != len(out) {
				t.Errorf("%v: a total of %d, and %d to be had", f.States, page.Total, len(out))
			}
			return out
		}
	}
}

func TestSixtyFourLastApprovalsApplyOnce(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 5
	}
	told(t, func(t *testing.T, w *scenario.World) {
		voters := make([]string, 64)
		for i := range voters {
			voters[i] = fmt.Sprint("voter", i)
		}
		w.Admins(voters...).People(countersign.RoleViewer, "vera").Seal()
		for round := range rounds {
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: fmt.Sprint("round ", round)}).MustBe(countersign.ChangePending)
			mustApplyOnce(t, w, request, voters)
		}
	})
}

// mustApplyOnce lets everybody approve at once and counts in the log.
func mustApplyOnce(t *testing.T, w *scenario.World, request *scenario.Request, voters []string) {
	t.Helper()
	before := appliedEntries(t, w)
	votes := make([]func(), len(voters))
	answers := make([]*scenario.Request, len(voters))
	for i, name := range voters {
		votes[i] = func() { answers[i] = w.As(name).Approves(request) }
	}
	together(votes...)
	won := 0
	for _, a := range answers {
		switch {
		case a.Err == nil && a.State == countersign.ChangeApplied:
			won++
		case scenario.CodeOf(a.Err) == "change_closed":
		default:
			t.Fatalf("a vote ended in %s, %v", a.State, a.Err)
		}
	}
	if after := appliedEntries(t, w); won != 1 || after != before+1 {
		t.Fatalf("%d votes say they applied it, the log says %d", won, after-before)
	}
}

// appliedEntries counts the entries that record an effect.
func appliedEntries(t *testing.T, w *scenario.World) int {
	t.Helper()
	count := 0
	for from := int64(0); ; {
		entries, head, err := w.Engine.Entries(t.Context(), w.As("ada").Actor, from, 400)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range entries {
			if n.Kind == countersign.EntryApplied {
				count++
			}
		}
		if from += int64(len(entries)); from >= head.Size {
			return count
		}
	}
}
