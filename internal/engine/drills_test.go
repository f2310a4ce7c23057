package engine_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// healthOf is what is told of a rule.
func (h *house) healthOf(rule string) engine.RuleHealth {
	h.t.Helper()
	rows, err := h.Engine.PolicyHealth(h.t.Context(), h.As("ada").Actor)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, row := range rows {
		if row.RuleID == rule {
			return row
		}
	}
	h.t.Fatalf("nothing is told of %s", rule)
	return engine.RuleHealth{}
}

// L7: a drill asks what its rule asks, changes nothing else, and is told of.
func TestADrillShowsThatTheApproversCanBeReached(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		h.mustRefuse(&countersign.RunDrill{RuleID: "default"}, "not_sealed", "")
		h.Seal()
		for _, rule := range []string{"policy-needs-two", "default"} {
			if row := h.healthOf(rule); !row.LastDrillAt.IsZero() || !row.DrillDue {
				t.Errorf("before any drill: %+v", row)
			}
		}
		drill := h.mustHold(&countersign.RunDrill{RuleID: "policy-needs-two"}).Change
		if len(drill.Effects) != 1 || drill.RuleIDs[0] != "policy-needs-two" || len(drill.RuleIDs) != 1 || drill.Requirement.People() != 2 {
			t.Fatalf("a drill does %v and asks %v", drill.Effects, drill.RuleIDs)
		}
		h.votes("grace", drill, countersign.Approve)
		if row := h.healthOf("policy-needs-two"); !row.DrillDue {
			t.Error("one of two suffices")
		}
		h.Clock.Pass(time.Hour)
		h.votes("linus", drill, countersign.Approve)
		at := h.Clock.Now()
		for pass, due := range map[time.Duration]bool{0: false, countersign.DrillInterval: false} {
			h.Clock.Pass(pass)
			if row := h.healthOf("policy-needs-two"); !row.LastDrillAt.Equal(at) || row.DrillDue != due {
				t.Errorf("after %s: %+v", pass, row)
			}
		}
		h.Clock.Pass(time.Microsecond)
		if row := h.healthOf("policy-needs-two"); !row.DrillDue || !row.OK {
			t.Errorf("a quarter later: %+v", row)
		}
		if row := h.healthOf("default"); !row.LastDrillAt.IsZero() {
			t.Error("the drill of one rule counts for another")
		}
		again := h.approved(&countersign.RunDrill{RuleID: "policy-needs-two"})
		if row := h.healthOf("policy-needs-two"); row.DrillDue || again.Change.Effects[0].From == 0 {
			t.Errorf("after another drill: %+v", row)
		}
	})
}

func TestADrillOfNothingIsRefused(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		h.mustRefuse(&countersign.RunDrill{RuleID: "unheard-of"}, "rule_unknown", "rule_id")
		h.mustRefuse(&countersign.RunDrill{RuleID: "end-users-are-free"}, "rule_free", "rule_id")
		h.mustRefuse(&countersign.RunDrill{}, "invalid", "rule_id")
		_, err := h.submit("ada", engine.Options{}, &countersign.RunDrill{RuleID: "default"}, &countersign.CreateGroup{Name: "Desk"})
		refused(t, err, "invalid", "operations.0")
		_, err = h.submit("vera", engine.Options{}, &countersign.RunDrill{RuleID: "default"})
		refused(t, err, "permission_missing", "")
		// Of a rule that changes while the drill waits it would prove nothing.
		drill := h.mustHold(&countersign.RunDrill{RuleID: "default"}).Change
		policy := countersign.TwoPersonPolicy()
		policy.Name = "another"
		h.approved(&countersign.PutPolicy{Policy: policy})
		h.stored(drill.ID, countersign.ChangeStale)
	})
}

// L7: who is of the set and who could approve are told apart.
func TestHealthTellsWhoIsReachable(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		if row := h.healthOf("default"); row.Eligible != 4 || row.Reachable != 4 || row.Spare != 2 {
			t.Errorf("%+v", row)
		}
		h.approved(&countersign.RevokeCredential{CredentialID: h.As("edsger").Actor.Credential})
		if row := h.healthOf("default"); row.Eligible != 4 || row.Reachable != 3 || row.Spare != 1 || !row.OldestSignInAt.IsZero() {
			t.Errorf("%+v", row)
		}
	})
}
