package scenario_test

import (
	"net/netip"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/testdb"
)

// TestASecondNodeIsNeverBehind lets two nodes share a PostgreSQL database: what
// one has answered, the other knows at its next word.
func TestASecondNodeIsNeverBehind(t *testing.T) {
	first := testdb.Postgres(t)
	w := crew(scenario.New(t, scenario.Direct, first)).Seal()
	again, err := first.(*testdb.DB).Again(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
	other := scenario.NewEngine(again, w.Clock)
	doorman := authn.New(other, w.Clock.Now)
	for range 20 {
		request := w.As("ada").Asks(w.Grant("vera", countersign.VaultsCreate)).MustBe(countersign.ChangePending)
		// Grace votes on the other node, on what it has never been told of.
		voted, err := other.Decide(t.Context(), w.As("grace").Actor, request.ID, engine.Vote{Decision: countersign.Approve, Digest: request.Digest}, engine.Options{})
		if err != nil || voted.Change.State != countersign.ChangeApplied {
			t.Fatalf("the other node says %s, %v", voted.Change.State, err)
		}
		w.MustHold("vera", countersign.VaultsCreate, true)
		back := w.As("linus").Asks(&countersign.RevokePermissions{UserID: w.ID("vera"), Permissions: []countersign.Permission{countersign.VaultsCreate}})
		w.As("edsger").Approves(back).MustBe(countersign.ChangeApplied)
		verdict, err := other.Check(t.Context(), w.As("vera").Actor, engine.Question{User: w.ID("vera"), Permission: countersign.VaultsCreate})
		if err != nil || verdict.Allowed {
			t.Fatalf("a revoked permission is still granted on the other node (%v)", err)
		}
	}
	w.As("linus").Asks(&countersign.RevokeCredential{CredentialID: w.As("linus").Actor.Credential}).MustBe(countersign.ChangeApplied)
	if _, err := doorman.Bearer(t.Context(), w.As("linus").Token, netip.IPv6Loopback()); countersign.KindOf(err) != countersign.Unauthenticated {
		t.Errorf("a revoked token works on the other node: %v", err)
	}
}
