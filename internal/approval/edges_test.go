package approval_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

var secured, operated = countersign.ApproverSet{GroupID: "security"}, countersign.ApproverSet{GroupID: "operations"}

// Rules that ask match what meets their condition in part; rules that free match
// what meets it wholly, and have no say about what they do not mention.
func TestAskingTakesAPartAndFreeingTheWhole(t *testing.T) {
	t.Parallel()
	type when = countersign.Condition
	type list = []countersign.Permission
	groups := when{GroupIDs: []countersign.GroupID{"a"}}
	grants := when{Permissions: list{"a.b"}}
	types := when{UserTypes: []countersign.UserType{countersign.EndUser}}
	free, asked := asks(), asks(clause(secured, 1))
	wide := approval.Operation{
		Groups: []countersign.GroupID{"a", "b"}, Gains: list{"a.b", "c.d"}, Loses: list{"a.b"},
		Users: []countersign.UserType{countersign.EndUser, countersign.Person},
	}
	only := func(change func(*approval.Operation)) approval.Operation {
		op := wide
		change(&op)
		return op
	}
	for name, c := range map[string]struct {
		when when
		rule countersign.Requirement
		op   approval.Operation
		want string
	}{
		"asking, one of two groups":                     {groups, asked, wide, "rule"},
		"asking, one of two permissions":                {grants, asked, wide, "rule"},
		"asking, one of two types":                      {types, asked, wide, "rule"},
		"freeing, one of two groups":                    {groups, free, wide, "default"},
		"freeing, one of two permissions gained":        {grants, free, wide, "default"},
		"freeing, one of two permissions lost":          {grants, free, only(func(op *approval.Operation) { op.Gains, op.Loses = op.Loses, op.Gains }), "default"},
		"freeing, one of two types":                     {types, free, wide, "default"},
		"freeing groups, whatever permissions, types":   {groups, free, only(func(op *approval.Operation) { op.Groups = groups.GroupIDs }), "rule"},
		"freeing permissions, whatever groups, types":   {grants, free, only(func(op *approval.Operation) { op.Gains = grants.Permissions }), "rule"},
		"freeing types, whatever groups or permissions": {types, free, only(func(op *approval.Operation) { op.Users = types.UserTypes }), "rule"},
	} {
		policy := countersign.Policy{Default: asks(clause(admins, 1)), Rules: []countersign.Rule{{ID: "rule", Changes: []string{"*"}, When: c.when, Requirement: c.rule}}}
		c.op.Kind = countersign.KindGroupUpdate
		if got := approval.Required(policy, []approval.Operation{c.op}).RuleIDs; !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestEveryClauseOfTheSecondRequirementJoins(t *testing.T) {
	t.Parallel()
	x, y, z := admins, secured, operated
	for name, c := range map[string]struct{ a, b, want countersign.Requirement }{
		"two new ones":               {asks(clause(x, 1)), asks(clause(y, 1), clause(z, 2)), asks(clause(x, 1), clause(y, 1), clause(z, 2))},
		"a new one before a known":   {asks(clause(x, 1)), asks(clause(y, 1), clause(x, 3)), asks(clause(x, 3), clause(y, 1))},
		"a known one before a new":   {asks(clause(x, 1)), asks(clause(x, 3), clause(y, 1)), asks(clause(x, 3), clause(y, 1))},
		"a known one that asks less": {asks(clause(x, 3)), asks(clause(x, 1)), asks(clause(x, 3))},
	} {
		if diff := cmp.Diff(c.want, approval.And(c.a, c.b)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Of two equal lives the first is kept as it was written; a life counts also where
// nothing else is asked.
func TestLivesThatAreNotShorter(t *testing.T) {
	t.Parallel()
	usual := int64(countersign.DefaultRequestLife.Seconds())
	life := func(seconds int64) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1)}, ExpiresAfterSeconds: seconds}
	}
	free := countersign.Requirement{ExpiresAfterSeconds: 60}
	for name, c := range map[string]struct {
		a, b countersign.Requirement
		want int64
	}{
		"the default, unsaid and said": {life(0), life(usual), 0},
		"the default, said and unsaid": {life(usual), life(0), usual},
		"a second less than unsaid":    {life(0), life(usual - 1), usual - 1},
		"free, and shorter":            {free, life(3600), 60},
		"shorter, and free":            {life(3600), free, 60},
	} {
		if got := approval.And(c.a, c.b).ExpiresAfterSeconds; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// A case takes over all that its requirement says.
func TestACaseIsItsRequirement(t *testing.T) {
	t.Parallel()
	r := countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 2)}, Distinct: 3, Exclusive: true, Veto: 4, Signed: countersign.SigningRequired}
	got := approval.NewCase(r, func(i int, set countersign.ApproverSet) (pool, now []countersign.UserID) {
		return people{countersign.UserID(fmt.Sprint(i, set.Role))}, people{"now"}
	})
	want := approval.Case{Distinct: 3, Exclusive: true, Veto: 4, Signed: true, Clauses: []approval.ClauseCase{{Clause: clause(admins, 2), Pool: people{"0admin"}, Now: people{"now"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Whoever stands in a pool twice, with others between, counts once.
func TestAPoolInAnyOrderCountsEverybodyOnce(t *testing.T) {
	t.Parallel()
	pool := people{"linus", "grace", "linus", "ada"}
	c := approval.ClauseCase{Clause: clause(admins, 2), Pool: pool, Now: pool}
	if got := approval.Voters(c, nil); !slices.Equal(got, people{"ada", "grace", "linus"}) {
		t.Errorf("voters are %v", got)
	}
	tally := approval.Count(approval.Case{Clauses: []approval.ClauseCase{c}, Digest: "digest", Approvals: []countersign.Approval{vote("linus", countersign.Approve)}})
	if tally.Met || tally.Clauses[0].Have != 1 {
		t.Errorf("one vote is %+v", tally)
	}
}

// Who makes room has left his place: nobody sits in two, however long the chain.
func TestWhoeverMovesLeavesHisPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lists []people
		first int // places of the first clause; the others have one each
		want  int
	}{
		// Of b and c only one finds a place, and a takes one of the two others.
		"one who could sit in three": {[]people{{"a", "b", "c"}, {"a"}, {"a"}}, 1, 2},
		// Of c and d only one finds a place.
		"a chain of three moves": {[]people{{"a", "b", "c", "d"}, {"a", "b"}, {"a"}, {"b"}}, 1, 3},
		// Of the two who sit in the first, the second can move.
		"not the first of two": {[]people{{"a", "b", "c"}, {"b"}}, 2, 3},
	} {
		asked := approval.Case{Exclusive: true, Digest: "digest"}
		for i, list := range c.lists {
			need := 1
			if i == 0 {
				need = c.first
			}
			asked.Clauses = append(asked.Clauses, approval.ClauseCase{Clause: clause(admins, need), Pool: list, Now: list})
		}
		for _, person := range c.lists[0] {
			asked.Approvals = append(asked.Approvals, vote(person, countersign.Approve))
		}
		sum, tally := 0, approval.Count(asked)
		for _, clause := range tally.Clauses {
			sum += clause.Have
		}
		if sum != c.want || tally.Met != (name == "not the first of two") {
			t.Errorf("%s: %d places filled, want %d; met: %t", name, sum, c.want, tally.Met)
		}
	}
}

// The first clause that is short is named; who qualifies for several is looked at
// by himself, and two requesters of different kinds are tried together.
func TestWhichGapIsNamed(t *testing.T) {
	t.Parallel()
	rule := func(changes string, r countersign.Requirement) countersign.Policy {
		return countersign.Policy{Default: asks(), Rules: []countersign.Rule{{ID: "rule", Changes: []string{changes}, Requirement: r}}}
	}
	apart := asks(clause(secured, 1), clause(operated, 1))
	apart.Distinct = 2
	for name, c := range map[string]struct {
		policy countersign.Policy
		staff  staff
		want   []approval.Gap
	}{
		"two clauses are short": {
			rule("group.update", asks(clause(secured, 2), clause(operated, 2))), nil,
			[]approval.Gap{{RuleIDs: []string{"rule"}, Clause: 0, Need: 2}},
		},
		"the one who alone is in both": {
			rule("group.update", asks(clause(secured, 1), clause(operated, 1))),
			staff{secured: {"a", "b", "c"}, operated: {"c"}},
			[]approval.Gap{{RuleIDs: []string{"rule"}, Clause: 1, Requester: "c", Need: 1}},
		},
		"requester and target of different kinds": {
			rule("user.update", apart),
			staff{secured: {"x", "z"}, operated: {"y", "z"}},
			[]approval.Gap{{RuleIDs: []string{"rule"}, Clause: -1, Requester: "x", Target: true, Need: 2, Left: 1}},
		},
		"a membership is about somebody": {
			rule("membership.update", asks(clause(secured, 1))),
			staff{secured: {"x", "y"}},
			[]approval.Gap{{RuleIDs: []string{"rule"}, Clause: 0, Requester: "x", Target: true, Need: 1}},
		},
		"a credential is somebody's": {
			rule("credential.revoke", asks(clause(secured, 1))),
			staff{secured: {"x", "y"}},
			[]approval.Gap{{RuleIDs: []string{"rule"}, Clause: 0, Requester: "x", Target: true, Need: 1}},
		},
		"a group is nobody": {rule("group.update", asks(clause(secured, 1))), staff{secured: {"x", "y"}}, nil},
	} {
		if diff := cmp.Diff(c.want, approval.Prove(c.policy, c.staff.find)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestHealthNamesEveryClause(t *testing.T) {
	t.Parallel()
	policy := countersign.Policy{Default: asks(clause(admins, 1)), Rules: []countersign.Rule{
		{ID: "first", Requirement: asks(clause(secured, 1), clause(operated, 2))}, {ID: "second", Requirement: asks(clause(secured, 3))},
	}}
	want := []approval.ClauseHealth{
		{RuleID: "first", Clause: 0, Approvers: secured, Need: 1, Eligible: 4, Spare: 2},
		{RuleID: "first", Clause: 1, Approvers: operated, Need: 2, Eligible: 2, Spare: -1},
		{RuleID: "second", Clause: 0, Approvers: secured, Need: 3, Eligible: 4, Spare: 0},
		{RuleID: "default", Clause: 0, Approvers: admins, Need: 1, Eligible: 1, Spare: -1},
	}
	if diff := cmp.Diff(want, approval.Health(policy, staff{secured: named(4), operated: named(2), admins: named(1)}.find)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A longer time to decide is not asking less.
func TestALongerLifeIsNotWeaker(t *testing.T) {
	t.Parallel()
	long := asks(clause(admins, 1))
	long.ExpiresAfterSeconds = int64(countersign.DefaultRequestLife.Seconds()) + 1
	policy := countersign.Policy{Default: asks(clause(admins, 1)), Rules: []countersign.Rule{{ID: "long", Requirement: long}}}
	if got := approval.Weaker(policy); len(got) != 0 {
		t.Errorf("weaker: %v", got)
	}
}

// pair are two rules of which each can be met and both at once cannot, so that a
// gap says whether they can meet in one operation.
func pair(changes []string, first, second countersign.Condition) countersign.Policy {
	exclusive := func(set countersign.ApproverSet, need int) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{clause(set, need)}, Exclusive: true}
	}
	return countersign.Policy{Default: asks(), Rules: []countersign.Rule{
		{ID: "first", Changes: changes, When: first, Requirement: exclusive(secured, 1)},
		{ID: "second", Changes: changes, When: second, Requirement: exclusive(operated, 2)},
	}}
}

// meet are the gaps of both rules with so many people, the same in both sets.
func meet(policy countersign.Policy, n int) []approval.Gap {
	return slices.DeleteFunc(approval.Prove(policy, staff{secured: named(n), operated: named(n)}.find), func(g approval.Gap) bool { return len(g.RuleIDs) < 2 })
}

// What an operation of each kind can be about, written down a second time and seen
// through the rules that can meet in it.
func TestWhatEachKindCanBeAbout(t *testing.T) {
	t.Parallel()
	type when = countersign.Condition
	types := []countersign.UserType{countersign.Person, countersign.APIUser, countersign.APISigner, countersign.EndUser}
	user := func(t countersign.UserType) when { return when{UserTypes: []countersign.UserType{t}} }
	group := func(id countersign.GroupID) when { return when{GroupIDs: []countersign.GroupID{id}} }
	about := func(kind countersign.ChangeKind) string {
		can := func(first, second when) bool { return len(meet(pair([]string{string(kind)}, first, second), 3)) > 0 }
		var words []string
		for _, u := range types {
			if can(user(u), user(u)) {
				words = append(words, string(u))
			}
		}
		if len(words) == len(types) {
			words = []string{"anybody"}
		}
		for word, c := range map[string]bool{
			"users": can(user(types[0]), user(types[1])), "group": can(group("a"), group("a")), "groups": can(group("a"), group("b")),
			"grants": can(when{Permissions: []countersign.Permission{"a.b"}}, when{}), "approvers": can(when{Approvers: true}, when{}), "": can(when{}, when{}),
		} {
			if c {
				words = append(words, word)
			}
		}
		slices.Sort(words)
		return strings.TrimSpace(strings.Join(words, " "))
	}
	want := map[string]string{
		"user.invite":            "approvers grants group groups person",
		"user.create_api_user":   "api_user grants group groups",
		"user.create_api_signer": "api_signer",
		"user.create_end_user":   "end_user",
		"user.reactivate":        "anybody approvers grants group groups",
		"group.create":           "anybody approvers grants users",
		"group.replace_members":  "anybody approvers grants group users",
		"import.open":            "anybody approvers grants group groups users",
		"permission.remove":      "approvers grants",
	}
	for _, kind := range strings.Fields("user.change_role user.grant user.revoke user.set_permissions user.reset_device user.suspend user.delete") {
		want[kind] = "anybody approvers grants"
	}
	for _, kind := range strings.Fields("user.update user.onboarding_code credential.create credential.issue_code credential.revoke") {
		want[kind] = "anybody approvers"
	}
	for _, kind := range strings.Fields("group.update group.delete") {
		want[kind] = "approvers grants group"
	}
	for _, kind := range strings.Fields("membership.add membership.update membership.remove") {
		want[kind] = "anybody approvers grants group"
	}
	for _, kind := range strings.Fields("permission.add policy.put organization.seal organization.thaw recovery.replace") {
		want[kind] = "approvers"
	}
	got := map[string]string{}
	for _, kind := range countersign.ChangeKinds() {
		if words := about(kind); words != "" {
			got[string(kind)] = words
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, kind := range strings.Fields("permission.update organization.update") {
		if len(meet(pair([]string{kind}, when{}, when{}), 3)) == 0 {
			t.Errorf("two rules about %s do not meet", kind)
		}
	}
}

// Where rules meet in several kinds of change, that is one gap; it is one about a
// target if any of the kinds can be about somebody.
func TestRulesThatMeetInSeveralKindsAreOneGap(t *testing.T) {
	t.Parallel()
	type when = countersign.Condition
	kinds := []string{"user.update", "group.create", "group.update"}
	if got := meet(pair(kinds, when{}, when{}), 3); len(got) != 1 || got[0].Target {
		t.Errorf("with three people: %+v", got)
	}
	if got := meet(pair(kinds, when{}, when{}), 4); len(got) != 1 || !got[0].Target {
		t.Errorf("with four people: %+v", got)
	}
	if got := meet(pair(kinds[1:], when{}, when{}), 4); len(got) != 0 {
		t.Errorf("with four people, about nobody: %+v", got)
	}
	if got := meet(pair(kinds, when{}, when{}), 5); len(got) != 0 {
		t.Errorf("with five people: %+v", got)
	}
}

// Rules that ask no more together than one by one are named one by one.
func TestWhatIsShortAloneIsNamedOnce(t *testing.T) {
	t.Parallel()
	signed := func(r countersign.Requirement) countersign.Requirement {
		r.Signed = countersign.SigningRequired
		return r
	}
	short, easy := asks(clause(secured, 3)), asks(clause(admins, 1))
	rule := func(id, changes string, r countersign.Requirement) countersign.Rule {
		return countersign.Rule{ID: id, Changes: []string{changes}, Requirement: r}
	}
	alone := easy
	alone.Exclusive = true
	for name, c := range map[string]struct {
		rules  []countersign.Rule
		signed bool
	}{
		"all have approvals signed, others elsewhere do not": {
			[]countersign.Rule{rule("short", "group.update", signed(short)), rule("easy", "group.update", signed(easy)), rule("elsewhere", "user.update", easy)}, true,
		},
		"none is exclusive, others elsewhere are": {
			[]countersign.Rule{rule("short", "group.update", short), rule("easy", "group.update", easy), rule("elsewhere", "user.delete", alone)}, false,
		},
	} {
		want := []approval.Gap{{RuleIDs: []string{"short"}, Clause: 0, Requester: "p00", Signed: c.signed, Need: 3, Left: 2}}
		got := approval.Prove(countersign.Policy{Default: asks(), Rules: c.rules}, staff{secured: named(3), admins: named(5)}.find)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Rules meet in any value of a condition, not only in the first that is named.
func TestRulesMeetInWhateverValueTheyShare(t *testing.T) {
	t.Parallel()
	type when = countersign.Condition
	p, a := countersign.Person, countersign.APIUser
	for name, c := range map[string]struct{ other, both when }{
		"requesters": {when{RequesterTypes: []countersign.UserType{p}}, when{RequesterTypes: []countersign.UserType{a}}},
		"users":      {when{UserTypes: []countersign.UserType{p}}, when{UserTypes: []countersign.UserType{a}}},
		"groups":     {when{GroupIDs: []countersign.GroupID{"a"}}, when{GroupIDs: []countersign.GroupID{"b"}}},
	} {
		policy := pair([]string{"membership.add"}, c.both, c.both)
		other := countersign.Rule{ID: "other", Changes: []string{"membership.add"}, When: c.other, Requirement: asks(clause(secured, 1))}
		policy.Rules = append([]countersign.Rule{other}, policy.Rules...)
		if got := meet(policy, 3); len(got) == 0 {
			t.Errorf("%s: no gap", name)
		}
	}
	born := when{UserTypes: []countersign.UserType{a, p}} // the first is none that can be born here
	if got := meet(pair([]string{"user.invite"}, born, born), 3); len(got) == 0 {
		t.Error("the second of two types is not looked at")
	}
}

// Wherever in a policy two rules stand, they are the two that meet.
func TestRulesMeetWhereverTheyStand(t *testing.T) {
	t.Parallel()
	filler := countersign.Rule{Changes: []string{"group.delete"}, Requirement: asks(clause(secured, 1))}
	for _, at := range []int{0, 1, 61, 62, 63, 64, 65, 97} {
		policy := pair([]string{"group.update"}, countersign.Condition{}, countersign.Condition{})
		rules := slices.Repeat([]countersign.Rule{filler}, 98)
		for i := range rules {
			rules[i].ID = fmt.Sprint("filler ", i)
		}
		policy.Rules = slices.Insert(rules, at, policy.Rules...)
		ids := map[string]bool{}
		for _, gap := range meet(policy, 3) {
			ids[strings.Join(gap.RuleIDs, "+")] = true
		}
		if !maps.Equal(ids, map[string]bool{"first+second": true}) {
			t.Errorf("at %d: %v", at, ids)
		}
	}
}
