package approval_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

// Two rules of which each can be met, and both at once cannot, lock out whatever
// matches both; and only if something can.
func TestRulesThatCanMeetInOneOperation(t *testing.T) {
	security, operations := countersign.ApproverSet{GroupID: "security"}, countersign.ApproverSet{GroupID: "operations"}
	exclusive := func(set countersign.ApproverSet, need int) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{clause(set, need)}, Exclusive: true}
	}
	two := func(changes string, first, second countersign.Condition) countersign.Policy {
		return countersign.Policy{Default: asks(clause(admins, 1)), Rules: []countersign.Rule{
			{ID: "first", Changes: []string{changes}, When: first, Requirement: exclusive(security, 1)},
			{ID: "second", Changes: []string{changes}, When: second, Requirement: exclusive(operations, 2)},
		}}
	}
	same := staff{admins: named(9), security: named(4), operations: named(4)}
	same[security], same[operations] = named(3), named(3) // the same three people
	type when = countersign.Condition
	groups := func(ids ...countersign.GroupID) when { return when{GroupIDs: ids} }
	for name, c := range map[string]struct {
		policy countersign.Policy
		want   bool
	}{
		"no condition":   {two("group.update", when{}, when{}), true},
		"one condition":  {two("group.update", when{Approvers: true}, when{}), true},
		"the same group": {two("membership.add", groups("a", "b"), groups("b", "c")), true},
		"two groups, of which one is changed at a time": {two("membership.add", groups("a"), groups("b")), false},
		"two groups, entered at once":                   {two("user.invite", groups("a"), groups("b")), true},
		"groups, where none is touched":                 {two("user.update", groups("a"), groups("a")), false},
		"two permissions":                               {two("group.update", when{Permissions: []countersign.Permission{"a.b"}}, when{Permissions: []countersign.Permission{"c.d"}}), true},
		"permissions, where none is given":              {two("user.update", when{Permissions: []countersign.Permission{"a.b"}}, when{}), false},
		"two types of requesters":                       {two("group.update", when{RequesterTypes: person}, when{RequesterTypes: apiUser}), false},
		"a type of requesters":                          {two("group.update", when{RequesterTypes: person}, when{}), true},
		"two types, of one user":                        {two("user.update", when{UserTypes: person}, when{UserTypes: apiUser}), false},
		"two types, of many users":                      {two("group.create", when{UserTypes: person}, when{UserTypes: apiUser}), true},
		"types, of nobody":                              {two("group.delete", when{UserTypes: person}, when{}), false},
		"a type that is not born":                       {two("user.create_end_user", when{UserTypes: person}, when{}), false},
		"a permission, and what makes approvers":        {two("user.grant", when{Permissions: []countersign.Permission{"a.b"}}, when{Approvers: true}), true},
		"what makes no approver":                        {two("user.create_end_user", when{Approvers: true}, when{}), false},
		"what no policy is asked about":                 {two("user.activate", when{}, when{}), false},
	} {
		t.Run(name, func(t *testing.T) {
			var got bool
			for _, gap := range approval.Prove(c.policy, same.find) {
				if len(gap.RuleIDs) == 1 && !gap.Target {
					t.Errorf("alone: %+v", gap)
				}
				got = got || slices.Equal(gap.RuleIDs, []string{"first", "second"})
			}
			if got != c.want {
				t.Errorf("found %t, want %t", got, c.want)
			}
		})
	}
}

var person, apiUser = []countersign.UserType{countersign.Person}, []countersign.UserType{countersign.APIUser}

// A rule that has its approvers sign has those of every other rule sign that the
// same operation matches, and they need keys too.
func TestWhoSignsForOneRuleSignsForAll(t *testing.T) {
	security := countersign.ApproverSet{GroupID: "security"}
	policy := countersign.Policy{Default: asks(clause(admins, 1)), Rules: []countersign.Rule{
		{ID: "two", Changes: []string{"group.*"}, Requirement: asks(clause(admins, 2))},
		{ID: "signed", Changes: []string{"group.update"}, Requirement: countersign.Requirement{
			Clauses: []countersign.Clause{clause(security, 1)}, Signed: countersign.SigningRequired,
		}},
	}}
	find := func(set countersign.ApproverSet, signed bool) people {
		switch {
		case set == security:
			return people{"x", "y"}
		case signed:
			return people{"a", "b"} // no spare
		default:
			return people{"a", "b", "c"}
		}
	}
	want := []approval.Gap{{RuleIDs: []string{"two", "signed"}, Clause: 0, Requester: "a", Signed: true, Need: 2, Left: 1}}
	if got := approval.Prove(policy, find); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// All places of a policy are told apart, the last as well as the first.
func TestAHundredRulesCombine(t *testing.T) {
	policy := countersign.Policy{Default: asks(clause(admins, 1))}
	for i := range countersign.MaxRules {
		policy.Rules = append(policy.Rules, countersign.Rule{ID: string(named(100)[i]), Changes: []string{"group.update"}, Requirement: asks(clause(admins, 1))})
	}
	policy.Rules[99].Requirement = countersign.Requirement{Clauses: []countersign.Clause{clause(countersign.ApproverSet{GroupID: "g"}, 1)}, Exclusive: true}
	gaps := approval.Prove(policy, staff{admins: named(3), {GroupID: "g"}: named(2)}.find)
	if len(gaps) != 0 {
		t.Errorf("met: %+v", gaps)
	}
	gaps = approval.Prove(policy, staff{admins: named(2), {GroupID: "g"}: named(2)}.find)
	if !slices.ContainsFunc(gaps, func(g approval.Gap) bool { return len(g.RuleIDs) == countersign.MaxRules }) {
		t.Errorf("not met: %+v", gaps)
	}
}

// Whatever the policy, an operation that could not be met is one the proof has
// found, and rules it says cannot be met together do meet in some operation.
func TestNoOperationIsLockedOutUnseen(t *testing.T) {
	all := everyOperation()
	rapid.Check(t, func(t *rapid.T) {
		policy, s := drawPolicy(t), drawStaff(t)
		gaps := approval.Prove(policy, s.find)
		stuck, tried := map[string]bool{}, map[string]bool{}
		for _, op := range all {
			asked, about := approval.Required(policy, []approval.Operation{op}), op.Kind != countersign.KindGroupReplaceMembers
			ids := strings.Join(asked.RuleIDs, " ")
			if again := fmt.Sprint(ids, about); !tried[again] {
				tried[again] = true
				stuck[ids] = stuck[ids] || !everybodyIsServed(asked.Requirement, s, about)
			}
		}
		maps.DeleteFunc(stuck, func(_ string, is bool) bool { return !is })
		if len(stuck) > 0 && len(gaps) == 0 {
			t.Fatalf("%+v of %+v: locked out %v, and no gap", policy, s, stuck)
		}
		for _, gap := range gaps {
			if len(gap.RuleIDs) > 1 && !stuck[strings.Join(gap.RuleIDs, " ")] {
				t.Fatalf("%+v of %+v: %+v, and no operation is stuck: %v", policy, s, gap, stuck)
			}
		}
	})
}

// signers is a staff of whom only some can sign.
type signers struct {
	staff staff
	keys  people
}

func (s signers) find(set countersign.ApproverSet, signed bool) people {
	return slices.DeleteFunc(slices.Clone(s.staff[set]), func(id countersign.UserID) bool { return signed && !slices.Contains(s.keys, id) })
}

var askedSets = []countersign.ApproverSet{admins, {GroupID: "security"}, {GroupID: "operations"}}

func drawStaff(t *rapid.T) signers {
	out := signers{staff: staff{}}
	for _, id := range named(rapid.IntRange(3, 7).Draw(t, "people")) {
		for _, set := range askedSets {
			if rapid.IntRange(0, 3).Draw(t, "in") > 0 {
				out.staff[set] = append(out.staff[set], id)
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "has a key") > 0 {
			out.keys = append(out.keys, id)
		}
	}
	return out
}

func drawPolicy(t *rapid.T) countersign.Policy {
	some := func(label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 0 }
	requirement := func() countersign.Requirement {
		r := countersign.Requirement{Clauses: []countersign.Clause{clause(rapid.SampledFrom(askedSets).Draw(t, "set"), rapid.IntRange(1, 2).Draw(t, "need"))}}
		r.Exclusive = rapid.Bool().Draw(t, "exclusive")
		if some("signed") {
			r.Signed = countersign.SigningRequired
		}
		return r
	}
	policy := countersign.Policy{Default: requirement()}
	for i := range rapid.IntRange(0, 4).Draw(t, "rules") {
		kinds := []string{"membership.add", "group.replace_members", "user.reactivate", "user.update"}
		rule := countersign.Rule{ID: string(named(9)[i]), Changes: kinds, Requirement: requirement()}
		if some("one kind") {
			rule.Changes = []string{rapid.SampledFrom(kinds).Draw(t, "kind")}
		}
		if some("groups") {
			rule.When.GroupIDs = []countersign.GroupID{rapid.SampledFrom([]countersign.GroupID{"g", "h"}).Draw(t, "group")}
		}
		if some("users") {
			rule.When.UserTypes = rapid.SampledFrom([][]countersign.UserType{person, apiUser}).Draw(t, "type")
		}
		if some("requesters") {
			rule.When.RequesterTypes = rapid.SampledFrom([][]countersign.UserType{person, apiUser}).Draw(t, "requester")
		}
		if some("permissions") {
			rule.When.Permissions = []countersign.Permission{rapid.SampledFrom([]countersign.Permission{"a.b", "c.d"}).Draw(t, "permission")}
		}
		rule.When.Approvers = some("approvers")
		policy.Rules = append(policy.Rules, rule)
	}
	return policy
}

// everyOperation lists all there could be of a few kinds that differ in what they touch.
func everyOperation() (out []approval.Operation) {
	groups := [][]countersign.GroupID{nil, {"g"}, {"h"}, {"g", "h"}}
	permissions := [][]countersign.Permission{nil, {"a.b"}, {"c.d"}, {"a.b", "c.d"}}
	types := [][]countersign.UserType{nil, person, apiUser, {countersign.Person, countersign.APIUser}}
	for _, c := range []struct {
		kind        countersign.ChangeKind
		users       [][]countersign.UserType
		groups      [][]countersign.GroupID
		permissions [][]countersign.Permission
	}{
		{countersign.KindMembershipAdd, types[1:3], groups[1:3], permissions},
		{countersign.KindGroupReplaceMembers, types, groups[1:3], permissions},
		{countersign.KindUserReactivate, types[1:3], groups, permissions},
		{countersign.KindUserUpdate, types[1:3], groups[:1], permissions[:1]},
	} {
		for _, users := range c.users {
			for _, touched := range c.groups {
				for _, gains := range c.permissions {
					for _, approvers := range []bool{false, true} {
						for _, requester := range []countersign.UserType{countersign.Person, countersign.APIUser} {
							out = append(out, approval.Operation{Kind: c.kind, Users: users, Groups: touched, Gains: gains, Approvers: approvers, Requester: requester})
						}
					}
				}
			}
		}
	}
	return out
}

// everybodyIsServed tries every requester, and where the operation is about
// somebody everybody as him.
func everybodyIsServed(r countersign.Requirement, s signers, about bool) bool {
	able := staff{}
	for _, set := range askedSets {
		able[set] = s.find(set, r.MustBeSigned())
	}
	plain := r
	plain.Signed = "" // those who cannot sign are not among them
	outsiders := append(named(7), "nobody")
	for _, requester := range outsiders {
		if !meetable(plain, able, requester) {
			return false
		}
		for _, target := range outsiders {
			if about && !meetable(plain, able, requester, target) {
				return false
			}
		}
	}
	return true
}

// A kind of which the proof knows nothing would be left out of it: all are known
// but those that no policy is asked about.
func TestTheProofKnowsEveryKind(t *testing.T) {
	decidedBefore := []countersign.ChangeKind{
		countersign.KindUserActivate, countersign.KindCredentialCollect, countersign.KindCredentialRedeem, countersign.KindImportBatch,
		countersign.KindRecoveryAccess, countersign.KindDrillRun, // of a recovery nobody is asked, of a drill one rule
		countersign.KindEmergencyRatify, // what the act was asked
	}
	admin := asks(clause(admins, 1))
	admin.Exclusive = true
	for _, kind := range countersign.ChangeKinds() {
		policy := countersign.Policy{Default: admin, Rules: []countersign.Rule{
			{ID: "one", Changes: []string{string(kind)}, Requirement: admin}, {ID: "two", Changes: []string{string(kind)}, Requirement: admin},
		}}
		found := slices.ContainsFunc(approval.Prove(policy, staff{}.find), func(g approval.Gap) bool { return len(g.RuleIDs) >= 2 }) // a thaw is asked the default too
		if want := !slices.Contains(decidedBefore, kind); found != want {
			t.Errorf("%s: both its rules at once tried: %t, want %t", kind, found, want)
		}
	}
}

// What holds of every operation holds of the one way out of a freeze: it is asked
// what a change of the policy is, and what rules say of it besides, and the proof
// knows all that can come together so, and nothing else.
func TestNoThawIsLockedOutUnseen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy, s := drawPolicy(t), drawStaff(t)
		for i := range policy.Rules {
			rule := &policy.Rules[i]
			rule.When.GroupIDs, rule.When.UserTypes, rule.When.Permissions = nil, nil, nil
			rule.Changes = rapid.SampledFrom([][]string{{"policy.put"}, {"organization.thaw"}, {"policy.put", "organization.thaw"}}).Draw(t, "changes")
		}
		gaps := approval.Prove(policy, s.find)
		stuck := map[string]bool{}
		for _, who := range []countersign.UserType{countersign.Person, countersign.APIUser} {
			put := approval.Operation{Kind: countersign.KindPolicyPut, Requester: who, Approvers: true}
			thaw := approval.Operation{Kind: countersign.KindOrganizationThaw, Requester: who, Approvers: true, Besides: true}
			for _, ops := range [][]approval.Operation{{put}, {put, thaw}} {
				asked := approval.Required(policy, ops)
				ids := strings.Join(asked.RuleIDs, " ")
				stuck[ids] = stuck[ids] || !everybodyIsServed(asked.Requirement, s, false)
			}
		}
		maps.DeleteFunc(stuck, func(_ string, is bool) bool { return !is })
		if len(stuck) > 0 && len(gaps) == 0 {
			t.Fatalf("%+v of %+v: locked out %v, and no gap", policy, s, stuck)
		}
		for _, gap := range gaps {
			if len(gap.RuleIDs) > 1 && !stuck[strings.Join(gap.RuleIDs, " ")] {
				t.Fatalf("%+v of %+v: %+v, and no thaw is stuck: %v", policy, s, gap, stuck)
			}
		}
	})
}
