package approval_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

// A thaw is asked what a change of the policy is and what rules say of it besides;
// the proof puts them together for whoever may ask.
func TestAThawIsProvedForWhoeverAsks(t *testing.T) {
	security, operations := countersign.ApproverSet{GroupID: "security"}, countersign.ApproverSet{GroupID: "operations"}
	same := staff{admins: named(9), security: named(3), operations: named(3)}
	for _, who := range [][]countersign.UserType{person, apiUser} {
		when := countersign.Condition{RequesterTypes: who}
		policy := countersign.Policy{Default: asks(clause(admins, 1)), Rules: []countersign.Rule{
			{ID: "put", Changes: []string{"policy.put"}, When: when, Requirement: countersign.Requirement{Clauses: []countersign.Clause{clause(security, 1)}, Exclusive: true}},
			{ID: "thaw", Changes: []string{"organization.thaw"}, When: when, Requirement: asks(clause(operations, 2))},
		}}
		mustLackTogether(t, policy, same.find, "put", "thaw")
	}
}

// Where no rule speaks of the policy its default does, and either may be the one
// that has all sign.
func TestAThawIsProvedWithTheDefault(t *testing.T) {
	signs := func(need int) countersign.Requirement {
		r := asks(clause(admins, need))
		r.Signed = countersign.SigningRequired
		return r
	}
	few := func(_ countersign.ApproverSet, signed bool) people {
		if signed {
			return named(2)
		}
		return named(3)
	}
	thaw := func(r countersign.Requirement) []countersign.Rule {
		return []countersign.Rule{{ID: "thaw", Changes: []string{"organization.thaw"}, Requirement: r}}
	}
	mustLackTogether(t, countersign.Policy{Default: signs(1), Rules: thaw(asks(clause(admins, 2)))}, few, "thaw", "default")
	mustLackTogether(t, countersign.Policy{Default: asks(clause(admins, 2)), Rules: thaw(signs(1))}, few, "thaw", "default")
}

func mustLackTogether(t *testing.T, policy countersign.Policy, find approval.People, ids ...string) {
	t.Helper()
	gaps := approval.Prove(policy, find)
	if !slices.ContainsFunc(gaps, func(g approval.Gap) bool { return slices.Equal(g.RuleIDs, ids) }) {
		t.Errorf("%v are not tried together: %+v", ids, gaps)
	}
}
