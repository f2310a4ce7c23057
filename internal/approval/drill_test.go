package approval_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

// A drill asks what its rule asks, whatever else matches, and what the default asks
// when there is no such rule any more: never nothing.
func TestADrillAsksWhatItsRuleAsks(t *testing.T) {
	asks := func(need int) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: need}}}
	}
	policy := countersign.Policy{Name: "p", Default: asks(1), Rules: []countersign.Rule{
		{ID: "all", Changes: []string{"*"}, Requirement: asks(5)},
		{ID: "narrow", Changes: []string{"group.create"}, When: countersign.Condition{Approvers: true}, Requirement: asks(2)},
		{ID: "free", Changes: []string{"drill.run"}},
	}}
	for rule, want := range map[string]struct {
		need int
		ids  []string
	}{
		"all": {5, []string{"all"}}, "narrow": {2, []string{"narrow"}}, "default": {1, []string{"default"}}, "gone": {1, []string{"default"}},
		"free": {1, []string{"default"}},
	} {
		got := approval.Required(policy, []approval.Operation{{Kind: countersign.KindDrillRun, Rule: rule}})
		if !slices.Equal(got.RuleIDs, want.ids) || got.Requirement.People() != want.need {
			t.Errorf("a drill of %s asks %d by %v", rule, got.Requirement.People(), got.RuleIDs)
		}
	}
}

// Who names recovery keys has to meet the rules of that kind and those of the
// policy at once, and the proof knows.
func TestTheProofPutsTheRulesOfKeysAndPolicyTogether(t *testing.T) {
	one := countersign.Requirement{Exclusive: true, Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: 1}}}
	policy := countersign.Policy{Name: "p", Default: one, Rules: []countersign.Rule{
		{ID: "keys", Changes: []string{"recovery.replace"}, Requirement: one}, {ID: "policy", Changes: []string{"policy.put"}, Requirement: one},
	}}
	nobody := func(countersign.ApproverSet, bool) []countersign.UserID { return nil }
	if !slices.ContainsFunc(approval.Prove(policy, nobody), func(g approval.Gap) bool { return slices.Equal(g.RuleIDs, []string{"keys", "policy"}) }) {
		t.Error("they are not tried together")
	}
}
