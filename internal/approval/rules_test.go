package approval_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

func TestARuleMatchesWhatMeetsItsWholeCondition(t *testing.T) {
	op := approval.Operation{
		Kind: countersign.KindMembershipAdd, Groups: []countersign.GroupID{"treasury"}, Gains: []countersign.Permission{"payouts.create"}, Loses: []countersign.Permission{"payouts.read"},
		Users: []countersign.UserType{countersign.Person}, Requester: countersign.APIUser,
	}
	for name, c := range map[string]struct {
		when countersign.Condition
		want bool
	}{
		"no condition":                  {countersign.Condition{}, true},
		"the group":                     {countersign.Condition{GroupIDs: []countersign.GroupID{"other", "treasury"}}, true},
		"another group":                 {countersign.Condition{GroupIDs: []countersign.GroupID{"other"}}, false},
		"the permission":                {countersign.Condition{Permissions: []countersign.Permission{"payouts.create"}}, true},
		"the permission that is lost":   {countersign.Condition{Permissions: []countersign.Permission{"payouts.read"}}, true},
		"another permission":            {countersign.Condition{Permissions: []countersign.Permission{"Payouts.create"}}, false},
		"the type of the user":          {countersign.Condition{UserTypes: []countersign.UserType{countersign.EndUser, countersign.Person}}, true},
		"another type of user":          {countersign.Condition{UserTypes: []countersign.UserType{countersign.APIUser}}, false},
		"the type of the requester":     {countersign.Condition{RequesterTypes: []countersign.UserType{countersign.APIUser}}, true},
		"another type of requester":     {countersign.Condition{RequesterTypes: []countersign.UserType{countersign.Person}}, false},
		"approvers, and it is about no": {countersign.Condition{Approvers: true}, false},
		"one field met, the other not":  {countersign.Condition{GroupIDs: []countersign.GroupID{"treasury"}, UserTypes: []countersign.UserType{countersign.EndUser}}, false},
		"both fields met":               {countersign.Condition{GroupIDs: []countersign.GroupID{"treasury"}, UserTypes: []countersign.UserType{countersign.Person}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			rule := countersign.Rule{Changes: []string{"membership.*"}, When: c.when}
			if got := approval.Matches(rule, op); got != c.want {
				t.Errorf("matches: %t", got)
			}
			if rule.Changes = []string{"user.*"}; approval.Matches(rule, op) {
				t.Error("matches an operation of another kind")
			}
		})
	}
	op.Approvers = true
	if !approval.Matches(countersign.Rule{Changes: []string{"*"}, When: countersign.Condition{Approvers: true}}, op) {
		t.Error("does not match what makes an approver")
	}
}

func TestAConditionFreesOnlyWhatMeetsItWholly(t *testing.T) {
	policy := countersign.Policy{
		Rules: []countersign.Rule{
			{ID: "end users", Changes: []string{"credential.create"}, When: countersign.Condition{UserTypes: []countersign.UserType{countersign.EndUser}}},
			{ID: "desk", Changes: []string{"group.update"}, When: countersign.Condition{Permissions: []countersign.Permission{"desk.read"}, GroupIDs: []countersign.GroupID{"desk"}}},
		},
		Default: asks(clause(admins, 1)),
	}
	for name, c := range map[string]struct {
		op   approval.Operation
		free bool
	}{
		"wholly": {approval.Operation{Kind: countersign.KindCredentialCreate, Users: []countersign.UserType{countersign.EndUser}}, true},
		"partly": {approval.Operation{Kind: countersign.KindCredentialCreate, Users: []countersign.UserType{countersign.EndUser, countersign.Person}}, false},
		"not":    {approval.Operation{Kind: countersign.KindCredentialCreate}, false},
		"of an approver": {approval.Operation{
			Kind: countersign.KindCredentialCreate, Users: []countersign.UserType{countersign.EndUser}, Approvers: true,
		}, false},
		"a permission more": {approval.Operation{
			Kind: countersign.KindGroupUpdate, Groups: []countersign.GroupID{"desk"}, Gains: []countersign.Permission{"desk.read"}, Loses: []countersign.Permission{"desk.trade"},
		}, false},
		"a group more": {approval.Operation{
			Kind: countersign.KindGroupUpdate, Groups: []countersign.GroupID{"desk", "other"}, Gains: []countersign.Permission{"desk.read"},
		}, false},
		"just these": {approval.Operation{
			Kind: countersign.KindGroupUpdate, Groups: []countersign.GroupID{"desk"}, Gains: []countersign.Permission{"desk.read"},
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			asked := approval.Required(policy, []approval.Operation{c.op})
			if asked.Requirement.Free() != c.free {
				t.Errorf("asks %+v by %v", asked.Requirement, asked.RuleIDs)
			}
		})
	}
}

func TestOfTwoRequirementsTheStricterHolds(t *testing.T) {
	one := []countersign.Clause{clause(admins, 1)}
	with := func(change func(*countersign.Requirement)) countersign.Requirement {
		r := countersign.Requirement{Clauses: one}
		change(&r)
		return r
	}
	plain := with(func(*countersign.Requirement) {})
	for name, c := range map[string]struct{ a, b, want countersign.Requirement }{
		"more different people": {
			with(func(r *countersign.Requirement) { r.Distinct = 2 }), with(func(r *countersign.Requirement) { r.Distinct = 3 }),
			with(func(r *countersign.Requirement) { r.Distinct = 3 }),
		},
		"the longer delay": {
			with(func(r *countersign.Requirement) { r.DelaySeconds = 60 }), plain, with(func(r *countersign.Requirement) { r.DelaySeconds = 60 }),
		},
		"fewer denials": {
			with(func(r *countersign.Requirement) { r.Veto = 2 }), with(func(r *countersign.Requirement) { r.Veto = 3 }), with(func(r *countersign.Requirement) { r.Veto = 2 }),
		},
		"one denial, where one requirement says nothing": {
			with(func(r *countersign.Requirement) { r.Veto = 2 }), plain, plain,
		},
		"what asks nothing has no say about denials": {
			with(func(r *countersign.Requirement) { r.Veto = 2 }), countersign.Requirement{}, with(func(r *countersign.Requirement) { r.Veto = 2 }),
		},
		"one person in one clause": {
			with(func(r *countersign.Requirement) { r.Exclusive = true }), plain, with(func(r *countersign.Requirement) { r.Exclusive = true }),
		},
		"what the approver must hold": {
			with(func(r *countersign.Requirement) { r.MustHold = true }), plain, with(func(r *countersign.Requirement) { r.MustHold = true }),
		},
		"signatures": {
			with(func(r *countersign.Requirement) { r.Signed = countersign.SigningRequired }), with(func(r *countersign.Requirement) { r.Signed = countersign.SigningOptional }),
			with(func(r *countersign.Requirement) { r.Signed = countersign.SigningRequired }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := approval.And(c.a, c.b); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if got := approval.And(c.b, c.a); !reflect.DeepEqual(got, c.want) {
				t.Errorf("the other way round: %+v", got)
			}
		})
	}
}

func TestWhatIsCounted(t *testing.T) {
	security, operations := countersign.ApproverSet{GroupID: "security"}, countersign.ApproverSet{GroupID: "operations"}
	clauses := func(needSecurity, needOperations int) []approval.ClauseCase {
		guards, doers := people{"ada", "grace"}, people{"grace", "linus"}
		return []approval.ClauseCase{
			{Clause: clause(security, needSecurity), Pool: guards, Now: guards}, {Clause: clause(operations, needOperations), Pool: doers, Now: doers},
		}
	}
	signed := func(person countersign.UserID) countersign.Approval {
		v := vote(person, countersign.Approve)
		v.Signature = "signature"
		return v
	}
	yes := func(names ...countersign.UserID) (votes []countersign.Approval) {
		for _, name := range names {
			votes = append(votes, vote(name, countersign.Approve))
		}
		return votes
	}
	no := func(names ...countersign.UserID) (votes []countersign.Approval) {
		for _, name := range names {
			votes = append(votes, vote(name, countersign.Deny))
		}
		return votes
	}
	for name, c := range map[string]struct {
		given                  approval.Case
		met, denied, reachable bool
		have                   []int
	}{
		"one person in two clauses":                      {approval.Case{Clauses: clauses(1, 1), Approvals: yes("grace")}, true, false, true, []int{1, 1}},
		"but not enough different people":                {approval.Case{Clauses: clauses(1, 1), Distinct: 2, Approvals: yes("grace")}, false, false, true, []int{1, 1}},
		"enough different people":                        {approval.Case{Clauses: clauses(1, 1), Distinct: 2, Approvals: yes("grace", "linus")}, true, false, true, []int{1, 2}},
		"more different people than there are":           {approval.Case{Clauses: clauses(1, 1), Distinct: 4}, false, false, false, []int{0, 0}},
		"exclusive: one person fills one clause":         {approval.Case{Clauses: clauses(1, 1), Exclusive: true, Approvals: yes("grace")}, false, false, true, []int{1, 0}},
		"exclusive: two people fill two":                 {approval.Case{Clauses: clauses(1, 1), Exclusive: true, Approvals: yes("grace", "linus")}, true, false, true, []int{1, 1}},
		"exclusive: whoever came first makes room":       {approval.Case{Clauses: clauses(1, 1), Exclusive: true, Approvals: yes("ada", "grace")}, true, false, true, []int{1, 1}},
		"exclusive: too few for all":                     {approval.Case{Clauses: clauses(2, 2), Exclusive: true}, false, false, false, []int{0, 0}},
		"exclusive: just enough for all":                 {approval.Case{Clauses: clauses(2, 1), Exclusive: true, Approvals: yes("ada", "grace", "linus")}, true, false, true, []int{2, 1}},
		"two denials needed, one given":                  {approval.Case{Clauses: clauses(1, 1), Veto: 2, Approvals: append(yes("grace"), no("ada")...)}, true, false, true, []int{1, 1}},
		"two denials of two people":                      {approval.Case{Clauses: clauses(1, 1), Veto: 2, Approvals: append(yes("grace"), no("ada", "linus")...)}, false, true, true, []int{1, 1}},
		"a denial counts once, in however many clauses":  {approval.Case{Clauses: clauses(1, 1), Veto: 2, Approvals: no("grace")}, false, false, true, []int{0, 0}},
		"withdrawn approval":                             {approval.Case{Clauses: clauses(1, 1), Approvals: append(yes("grace"), vote("grace", countersign.Withdraw))}, false, false, true, []int{0, 0}},
		"withdrawn denial":                               {approval.Case{Clauses: clauses(1, 1), Approvals: append(no("grace"), vote("grace", countersign.Withdraw))}, false, false, true, []int{0, 0}},
		"signatures asked, none given":                   {approval.Case{Clauses: clauses(1, 1), Signed: true, Approvals: yes("grace")}, false, false, true, []int{0, 0}},
		"signatures asked and given":                     {approval.Case{Clauses: clauses(1, 1), Signed: true, Approvals: []countersign.Approval{signed("grace")}}, true, false, true, []int{1, 1}},
		"a denial without a signature counts":            {approval.Case{Clauses: clauses(1, 1), Signed: true, Approvals: no("grace")}, false, true, true, []int{0, 0}},
		"who denied and now approves unsigned does none": {approval.Case{Clauses: clauses(1, 1), Signed: true, Approvals: append(no("grace"), yes("grace")...)}, false, false, true, []int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			c.given.Digest = "digest"
			got := approval.Count(c.given)
			var have []int
			for _, clause := range got.Clauses {
				have = append(have, clause.Have)
			}
			if got.Met != c.met || got.Denied != c.denied || got.Reachable != c.reachable || !slices.Equal(have, c.have) {
				t.Errorf("met %t denied %t reachable %t have %v, want %t %t %t %v", got.Met, got.Denied, got.Reachable, have, c.met, c.denied, c.reachable, c.have)
			}
		})
	}
}

// Ada takes the first place she finds; when Grace can have no other, Ada moves on
// to one that only she can have.
func TestWhoeverCameFirstMakesRoom(t *testing.T) {
	security, operations := people{"ada", "grace"}, people{"ada"}
	tally := approval.Count(approval.Case{
		Clauses: []approval.ClauseCase{
			{Clause: clause(countersign.ApproverSet{GroupID: "security"}, 1), Pool: security, Now: security},
			{Clause: clause(countersign.ApproverSet{GroupID: "operations"}, 1), Pool: operations, Now: operations},
		},
		Exclusive: true, Digest: "digest",
		Approvals: []countersign.Approval{vote("ada", countersign.Approve), vote("grace", countersign.Approve)},
	})
	if !tally.Met {
		t.Errorf("not met: %+v", tally)
	}
}

// What is asked of rules alone falls to no default: that was asked already of what
// stands beside it (a thaw is also asked what a policy is).
func TestWhatStandsBesideFallsToNoDefault(t *testing.T) {
	policy := countersign.Policy{Default: asks(clause(admins, 2)), Rules: []countersign.Rule{
		{ID: "thaws", Changes: []string{"organization.thaw"}, When: countersign.Condition{RequesterTypes: []countersign.UserType{countersign.APIUser}}, Requirement: asks(clause(admins, 3))},
	}}
	put := approval.Operation{Kind: countersign.KindPolicyPut, Requester: countersign.Person, Approvers: true}
	thaw := approval.Operation{Kind: countersign.KindOrganizationThaw, Requester: countersign.Person, Approvers: true, Besides: true}
	for name, c := range map[string]struct {
		ops  []approval.Operation
		want []string
	}{
		"alone":                    {[]approval.Operation{thaw}, nil},
		"beside what is asked":     {[]approval.Operation{put, thaw}, []string{"default"}},
		"matched by a rule of its": {[]approval.Operation{{Kind: thaw.Kind, Requester: countersign.APIUser, Besides: true}}, []string{"thaws"}},
	} {
		if got := approval.Required(policy, c.ops).RuleIDs; !slices.Equal(got, c.want) {
			t.Errorf("%s: asked by %v, want %v", name, got, c.want)
		}
	}
}
