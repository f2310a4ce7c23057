package approval_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

// staff says who could give an approval of a set.
type staff map[countersign.ApproverSet]people

func (s staff) find(set countersign.ApproverSet, _ bool) people { return s[set] }

func named(n int) (out people) {
	for i := range n {
		out = append(out, countersign.UserID(fmt.Sprintf("p%02d", i)))
	}
	return out
}

func TestNobodyIsLockedOut(t *testing.T) {
	security, operations := countersign.ApproverSet{GroupID: "security"}, countersign.ApproverSet{GroupID: "operations"}
	type gaps = []approval.Gap
	rule := func(id string, changes string, r countersign.Requirement) countersign.Rule {
		return countersign.Rule{ID: id, Changes: []string{changes}, Requirement: r}
	}
	exclusive := func(r countersign.Requirement) countersign.Requirement {
		r.Exclusive = true
		return r
	}
	easy := asks(clause(admins, 1))
	for name, c := range map[string]struct {
		policy countersign.Policy
		staff  staff
		want   gaps
	}{
		"two-person with three admins": {countersign.TwoPersonPolicy(), staff{admins: named(3)}, nil},
		"two-person with two admins": {
			countersign.TwoPersonPolicy(), staff{admins: named(2)}, gaps{
				{RuleIDs: []string{"policy-needs-two"}, Clause: 0, Requester: "p00", Need: 2, Left: 1},
				{RuleIDs: []string{"default"}, Clause: 0, Requester: "p00", Target: true, Need: 1, Left: 0},
			},
		},
		"two-person with nobody": {
			countersign.TwoPersonPolicy(), nil, gaps{
				{RuleIDs: []string{"policy-needs-two"}, Clause: 0, Need: 2, Left: 0},
				{RuleIDs: []string{"default"}, Clause: 0, Need: 1, Left: 0},
			},
		},
		"no spare for a target, accepted": {
			countersign.Policy{Default: easy, AcceptedRisks: []countersign.Risk{countersign.RiskNoSpareForTargets}}, staff{admins: named(2)}, nil,
		},
		"no spare for a requester cannot be accepted": {
			countersign.Policy{Default: easy, AcceptedRisks: []countersign.Risk{countersign.RiskNoSpareForTargets}},
			staff{admins: named(1)},
			gaps{{RuleIDs: []string{"default"}, Clause: 0, Requester: "p00", Need: 1, Left: 0}},
		},
		"a rule about things needs no spare": {
			countersign.Policy{Default: easy, Rules: []countersign.Rule{rule("groups", "group.*", asks(clause(security, 1)))}}, staff{admins: named(3), security: named(2)}, nil,
		},
		"a rule about people does": {
			countersign.Policy{Default: easy, Rules: []countersign.Rule{rule("removals", "membership.remove", asks(clause(security, 1)))}},
			staff{admins: named(3), security: named(2)},
			gaps{{RuleIDs: []string{"removals"}, Clause: 0, Requester: "p00", Target: true, Need: 1, Left: 0}},
		},
		"enough for each clause, too few different people": {
			countersign.Policy{Default: countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1), clause(security, 1)}, Distinct: 3}},
			staff{admins: named(3), security: named(3)},
			gaps{{RuleIDs: []string{"default"}, Clause: -1, Requester: "p00", Need: 3, Left: 2}},
		},
		"enough for each clause, too few for all at once": {
			countersign.Policy{Default: exclusive(asks(clause(admins, 1), clause(security, 2)))},
			staff{admins: named(3), security: named(3)},
			gaps{{RuleIDs: []string{"default"}, Clause: 1, Requester: "p00", Need: 2, Left: 1}},
		},
		"the requester who is short is not the first": {
			countersign.Policy{Default: exclusive(asks(clause(admins, 2), clause(security, 1)))},
			staff{admins: {"a", "b", "c", "d"}, security: {"y"}},
			gaps{{RuleIDs: []string{"default"}, Clause: 1, Requester: "y", Need: 1, Left: 0}},
		},
		"rules that always come together": {
			countersign.Policy{Default: easy, Rules: []countersign.Rule{
				rule("groups", "group.*", exclusive(asks(clause(security, 1)))), rule("all", "group.create", asks(clause(operations, 2))),
			}},
			staff{admins: named(3), security: named(3), operations: named(3)},
			gaps{{RuleIDs: []string{"groups", "all"}, Clause: 1, Requester: "p00", Need: 2, Left: 1}},
		},
		"a thaw that a rule and the policy rule ask together": {
			countersign.Policy{Default: easy, Rules: []countersign.Rule{
				rule("policy", "policy.*", exclusive(asks(clause(security, 1)))), rule("thaw", "organization.thaw", asks(clause(operations, 2))),
			}},
			staff{admins: named(3), security: named(3), operations: named(3)},
			gaps{{RuleIDs: []string{"policy", "thaw"}, Clause: 1, Requester: "p00", Need: 2, Left: 1}},
		},
		"a thaw that a rule and the default ask together": {
			countersign.Policy{Default: exclusive(easy), Rules: []countersign.Rule{rule("organization", "organization.*", asks(clause(operations, 2)))}},
			staff{admins: named(3), operations: named(3)},
			gaps{{RuleIDs: []string{"organization", "default"}, Clause: 1, Requester: "p00", Need: 1, Left: 0}},
		},
		"a thaw under a condition that a change of the policy always meets": {
			countersign.Policy{Default: easy, Rules: []countersign.Rule{
				{ID: "approvers", Changes: []string{"policy.*"}, When: countersign.Condition{Approvers: true}, Requirement: exclusive(asks(clause(security, 1)))},
				rule("thaw", "organization.thaw", asks(clause(operations, 2))),
			}},
			staff{admins: named(3), security: named(3), operations: named(3)},
			gaps{{RuleIDs: []string{"approvers", "thaw"}, Clause: 1, Requester: "p00", Need: 2, Left: 1}},
		},
		"a thaw that a rule for accounts does not count for": {
			countersign.Policy{Default: easy, Rules: []countersign.Rule{
				{ID: "accounts", Changes: []string{"*"}, When: countersign.Condition{RequesterTypes: []countersign.UserType{countersign.APIUser}}, Requirement: exclusive(asks(clause(security, 1)))},
			}},
			staff{admins: named(3), security: named(3)},
			nil,
		},
		"nothing to meet": {countersign.Policy{Default: easy, Rules: []countersign.Rule{rule("free", "user.create_end_user", countersign.Requirement{})}}, staff{admins: named(3)}, nil},
		"custody": {
			countersign.CustodyPolicy("security", "operations"), staff{security: {"a", "b", "c", "d"}, operations: {"x", "y", "z"}}, nil,
		},
		"custody with one of operations too few": {
			countersign.CustodyPolicy("security", "operations"),
			staff{security: {"a", "b", "c", "d"}, operations: {"x", "y"}},
			gaps{{RuleIDs: []string{"approvers-need-three"}, Clause: 1, Requester: "x", Target: true, Need: 1, Left: 0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := approval.Prove(c.policy, c.staff.find); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestOnlyThoseCountWhoCanSign(t *testing.T) {
	policy := countersign.Policy{Default: countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1)}, Signed: countersign.SigningRequired}}
	find := func(_ countersign.ApproverSet, signed bool) people {
		if signed {
			return named(1)
		}
		return named(5)
	}
	if gaps := approval.Prove(policy, find); len(gaps) != 1 || gaps[0].Left != 0 {
		t.Errorf("%+v", gaps)
	}
	// A rule that wants signatures wants them of all who count with it.
	signing := countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1)}, Signed: countersign.SigningRequired}
	together := countersign.Policy{
		Default: asks(clause(admins, 1)),
		Rules: []countersign.Rule{
			{ID: "signed", Changes: []string{"group.create"}, Requirement: signing},
			{ID: "unsigned", Changes: []string{"group.*"}, Requirement: asks(clause(countersign.ApproverSet{Role: countersign.RoleViewer}, 1))},
		},
	}
	keys := func(set countersign.ApproverSet, signed bool) people {
		if signed && set.Role == countersign.RoleViewer {
			return nil
		}
		return named(5)
	}
	if gaps := approval.Prove(together, keys); len(gaps) != 1 || !slices.Equal(gaps[0].RuleIDs, []string{"signed", "unsigned"}) || gaps[0].Clause != 1 {
		t.Errorf("%+v", gaps)
	}
	if h := approval.Health(policy, find); len(h) != 1 || h[0].Eligible != 1 {
		t.Errorf("%+v", h)
	}
}

func TestHealthCountsTheRequesterOut(t *testing.T) {
	health := approval.Health(countersign.TwoPersonPolicy(), staff{admins: named(3)}.find)
	for _, h := range health {
		if want := 3 - 1 - h.Need; h.Spare != want {
			t.Errorf("%s: %d to spare, want %d", h.RuleID, h.Spare, want)
		}
	}
	if len(health) != 2 {
		t.Errorf("%d clauses: %+v", len(health), health)
	}
}

// Whatever the requirement and the staff, the proof says the same as letting
// everybody ask, everybody else approve, and counting.
func TestTheProofIsWhatTryingEveryRequestSays(t *testing.T) {
	sets := []countersign.ApproverSet{admins, {GroupID: "security"}, {Permission: "desk.trade"}}
	rapid.Check(t, func(t *rapid.T) {
		everybody := named(rapid.IntRange(0, 7).Draw(t, "people"))
		s := staff{}
		var r countersign.Requirement
		for i := range rapid.IntRange(1, 3).Draw(t, "clauses") {
			for _, person := range everybody {
				if rapid.Bool().Draw(t, "in") {
					s[sets[i]] = append(s[sets[i]], person)
				}
			}
			r.Clauses = append(r.Clauses, clause(sets[i], rapid.IntRange(1, 3).Draw(t, "need")))
		}
		r.Distinct, r.Exclusive = rapid.IntRange(0, 5).Draw(t, "distinct"), rapid.Bool().Draw(t, "exclusive")
		policy := countersign.Policy{Default: r, AcceptedRisks: []countersign.Risk{countersign.RiskNoSpareForTargets}}
		if rapid.Bool().Draw(t, "targets") {
			policy.AcceptedRisks = nil
		}
		locked, lockedByTarget := false, false
		outsiders := append(slices.Clone(everybody), "nobody")
		for _, requester := range outsiders {
			locked = locked || !meetable(r, s, requester)
			for _, target := range outsiders {
				lockedByTarget = lockedByTarget || !meetable(r, s, requester, target)
			}
		}
		want := locked || lockedByTarget && policy.AcceptedRisks == nil
		gaps := approval.Prove(policy, s.find)
		if (len(gaps) > 0) != want {
			t.Fatalf("%+v of %v: proof %+v, tried %t, about an approver %t", r, s, gaps, locked, lockedByTarget)
		}
		if len(gaps) > 0 && gaps[0].Target == locked {
			t.Fatalf("%+v of %v: %+v, though without a target it is %t", r, s, gaps, locked)
		}
		if len(gaps) > 0 && !gaps[0].Target && meetable(r, s, gaps[0].Requester) {
			t.Fatalf("%+v of %v: %s is no counter-example", r, s, gaps[0].Requester)
		}
	})
}

// meetable lets everybody who may approve do so.
func meetable(r countersign.Requirement, s staff, excluded ...countersign.UserID) bool {
	c := approval.NewCase(r, func(_ int, set countersign.ApproverSet) (pool, now people) { return s[set], s[set] })
	c.Excluded, c.Digest = excluded, "digest"
	for _, list := range s {
		for _, person := range list {
			c.Approvals = append(c.Approvals, vote(person, countersign.Approve))
		}
	}
	return approval.Count(c).Met
}

// Exclusive counting gives each person at most one place and fills as many as
// any way of placing them could.
func TestExclusiveClausesAreFilledAsFarAsTheyCanBe(t *testing.T) {
	sets := []countersign.ApproverSet{admins, {GroupID: "security"}, {Permission: "desk.trade"}}
	rapid.Check(t, func(t *rapid.T) {
		everybody := named(rapid.IntRange(0, 6).Draw(t, "people"))
		var c approval.Case
		c.Exclusive, c.Digest = true, "digest"
		for i := range rapid.IntRange(1, 3).Draw(t, "clauses") {
			var pool people
			for _, person := range everybody {
				if rapid.Bool().Draw(t, "in") {
					pool = append(pool, person)
				}
			}
			c.Clauses = append(c.Clauses, approval.ClauseCase{Clause: clause(sets[i], rapid.IntRange(1, 3).Draw(t, "need")), Pool: pool, Now: pool})
		}
		for _, person := range everybody {
			c.Approvals = append(c.Approvals, vote(person, countersign.Approve))
		}
		filled := 0
		for _, clause := range approval.Count(c).Clauses {
			filled += clause.Have
		}
		if want := bestPlacing(c, everybody, make([]int, len(c.Clauses))); filled != want {
			t.Fatalf("%d places filled, could be %d: %+v", filled, want, c.Clauses)
		}
	})
}

// bestPlacing tries every way.
func bestPlacing(c approval.Case, rest people, given []int) int {
	if len(rest) == 0 {
		sum := 0
		for _, n := range given {
			sum += n
		}
		return sum
	}
	best := bestPlacing(c, rest[1:], given)
	for i, clause := range c.Clauses {
		if slices.Contains(clause.Pool, rest[0]) && given[i] < clause.Clause.Need {
			given[i]++
			best = max(best, bestPlacing(c, rest[1:], given))
			given[i]--
		}
	}
	return best
}

func TestRulesThatAskLessThanTheDefaultAreNamed(t *testing.T) {
	rule := func(id string, r countersign.Requirement) countersign.Rule {
		return countersign.Rule{ID: id, Changes: []string{"group.*"}, Requirement: r}
	}
	policy := countersign.Policy{
		Default: countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 2)}, DelaySeconds: 60},
		Rules: []countersign.Rule{
			rule("fewer", countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1)}, DelaySeconds: 60}),
			rule("others", countersign.Requirement{Clauses: []countersign.Clause{clause(countersign.ApproverSet{GroupID: "g"}, 5)}, DelaySeconds: 60}),
			rule("sooner", asks(clause(admins, 2))),
			rule("the same, for longer", countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 2)}, DelaySeconds: 60, ExpiresAfterSeconds: 60}),
			rule("more", countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 3)}, DelaySeconds: 90}),
			rule("free", countersign.Requirement{}),
		},
	}
	if got := approval.Weaker(policy); !slices.Equal(got, []string{"fewer", "others", "sooner"}) {
		t.Errorf("%v", got)
	}
}
