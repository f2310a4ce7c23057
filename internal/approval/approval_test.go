package approval_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

type people = []countersign.UserID

var admins = countersign.ApproverSet{Role: countersign.RoleAdmin}

func clause(set countersign.ApproverSet, need int) countersign.Clause {
	return countersign.Clause{Approvers: set, Need: need}
}

func asks(clauses ...countersign.Clause) countersign.Requirement {
	return countersign.Requirement{Clauses: clauses}
}

func vote(person countersign.UserID, d countersign.Decision) countersign.Approval {
	return countersign.Approval{Person: person, Decision: d, Digest: "digest"}
}

func operations(kinds ...countersign.ChangeKind) []approval.Operation {
	var out []approval.Operation
	for _, kind := range kinds {
		out = append(out, approval.Operation{Kind: kind})
	}
	return out
}

func TestEveryRuleThatMatchesCounts(t *testing.T) {
	security := countersign.ApproverSet{GroupID: "security"}
	policy := countersign.Policy{
		Rules: []countersign.Rule{
			{ID: "users", Changes: []string{"user.*"}, Requirement: asks(clause(admins, 1))},
			{ID: "roles", Changes: []string{"user.change_role"}, Requirement: asks(clause(security, 2))},
			{ID: "roles again", Changes: []string{"user.change_role"}, Requirement: countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 3)}, ExpiresAfterSeconds: 60}},
			{ID: "free", Changes: []string{"user.create_end_user"}, Requirement: asks()},
		},
		Default: countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1)}, ExpiresAfterSeconds: 3600},
	}
	for name, c := range map[string]struct {
		kinds []countersign.ChangeKind
		want  approval.Asked
	}{
		"no operation that needs anything": {nil, approval.Asked{}},
		"one rule": {
			[]countersign.ChangeKind{countersign.KindUserUpdate},
			approval.Asked{RuleIDs: []string{"users"}, Requirement: asks(clause(admins, 1))},
		},
		"all matching rules, the larger need, the shorter life": {
			[]countersign.ChangeKind{countersign.KindUserChangeRole},
			approval.Asked{
				RuleIDs:     []string{"users", "roles", "roles again"},
				Requirement: countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 3), clause(security, 2)}, ExpiresAfterSeconds: 60},
			},
		},
		"no match falls to the default": {
			[]countersign.ChangeKind{countersign.KindGroupCreate},
			approval.Asked{RuleIDs: []string{approval.DefaultRule}, Requirement: policy.Default},
		},
		"a batch needs the union": {
			[]countersign.ChangeKind{countersign.KindGroupCreate, countersign.KindUserUpdate},
			approval.Asked{RuleIDs: []string{"users", approval.DefaultRule}, Requirement: countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1)}, ExpiresAfterSeconds: 3600}},
		},
		"a free rule does not free what another rule asks": {
			[]countersign.ChangeKind{countersign.KindUserCreateEndUser},
			approval.Asked{RuleIDs: []string{"users", "free"}, Requirement: asks(clause(admins, 1))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := approval.Required(policy, operations(c.kinds...)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestTheShortestLifeCounts(t *testing.T) {
	life := func(seconds int64) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{clause(admins, 1)}, ExpiresAfterSeconds: seconds}
	}
	const month = 30 * 24 * 3600
	for name, c := range map[string]struct {
		a, b countersign.Requirement
		want int64
	}{
		"the default is shorter than a month": {life(0), life(month), 0},
		"in whatever order":                   {life(month), life(0), 0},
		"a minute is shorter":                 {life(60), life(0), 60},
		"of two months":                       {life(month), life(2 * month), month},
		"what asks nothing has no say":        {countersign.Requirement{}, life(month), month},
		"nor on the other side":               {life(month), countersign.Requirement{}, month},
	} {
		t.Run(name, func(t *testing.T) {
			if got := approval.And(c.a, c.b).ExpiresAfterSeconds; got != c.want {
				t.Errorf("%d seconds, want %d", got, c.want)
			}
		})
	}
}

func TestAloneAFreeRuleAsksNothing(t *testing.T) {
	asked := approval.Required(countersign.TwoPersonPolicy(), []approval.Operation{{Kind: countersign.KindUserCreateEndUser, Users: []countersign.UserType{countersign.EndUser}}})
	if !asked.Requirement.Free() {
		t.Errorf("asks %+v", asked.Requirement)
	}
}

func TestVotes(t *testing.T) {
	everybody := people{"ada", "grace", "linus"}
	one := approval.ClauseCase{Clause: clause(admins, 1), Pool: everybody, Now: everybody}
	two := approval.ClauseCase{Clause: clause(admins, 2), Pool: everybody, Now: everybody}
	with := func(c approval.ClauseCase, pool, now people) approval.ClauseCase {
		c.Pool, c.Now = pool, now
		return c
	}
	for name, c := range map[string]struct {
		clauses                []approval.ClauseCase
		excluded               people
		votes                  []countersign.Approval
		met, denied, reachable bool
	}{
		"nobody has voted":                      {clauses: []approval.ClauseCase{one}, reachable: true},
		"one of one":                            {clauses: []approval.ClauseCase{one}, votes: []countersign.Approval{vote("grace", countersign.Approve)}, met: true, reachable: true},
		"one of two":                            {clauses: []approval.ClauseCase{two}, votes: []countersign.Approval{vote("grace", countersign.Approve)}, reachable: true},
		"one person twice counts once":          {clauses: []approval.ClauseCase{two}, votes: []countersign.Approval{vote("grace", countersign.Approve), vote("grace", countersign.Approve)}, reachable: true},
		"a name twice in the pool counts once":  {clauses: []approval.ClauseCase{with(two, people{"grace", "grace"}, everybody)}, votes: []countersign.Approval{vote("grace", countersign.Approve)}},
		"two of two":                            {clauses: []approval.ClauseCase{two}, votes: []countersign.Approval{vote("grace", countersign.Approve), vote("linus", countersign.Approve)}, met: true, reachable: true},
		"the requester never counts":            {clauses: []approval.ClauseCase{one}, excluded: people{"ada"}, votes: []countersign.Approval{vote("ada", countersign.Approve)}, reachable: true},
		"an excluded denial never counts":       {clauses: []approval.ClauseCase{one}, excluded: people{"ada"}, votes: []countersign.Approval{vote("ada", countersign.Deny)}, reachable: true},
		"one denial denies":                     {clauses: []approval.ClauseCase{one}, votes: []countersign.Approval{vote("linus", countersign.Approve), vote("grace", countersign.Deny)}, denied: true, reachable: true},
		"the latest vote of a person counts":    {clauses: []approval.ClauseCase{one}, votes: []countersign.Approval{vote("grace", countersign.Approve), vote("grace", countersign.Deny)}, denied: true},
		"somebody appointed later":              {clauses: []approval.ClauseCase{with(one, people{"grace"}, everybody)}, votes: []countersign.Approval{vote("linus", countersign.Approve)}, reachable: true},
		"somebody demoted meanwhile":            {clauses: []approval.ClauseCase{with(one, everybody, people{"linus"})}, votes: []countersign.Approval{vote("grace", countersign.Approve)}, reachable: true},
		"too few are left":                      {clauses: []approval.ClauseCase{with(two, everybody, people{"linus"})}},
		"a vote for another digest":             {clauses: []approval.ClauseCase{one}, votes: []countersign.Approval{{Person: "grace", Decision: countersign.Approve, Digest: "other"}}, reachable: true},
		"every clause must be met":              {clauses: []approval.ClauseCase{one, with(one, people{"linus"}, people{"linus"})}, votes: []countersign.Approval{vote("grace", countersign.Approve)}, reachable: true},
		"the first clause must be met too":      {clauses: []approval.ClauseCase{with(one, people{"linus"}, people{"linus"}), one}, votes: []countersign.Approval{vote("grace", countersign.Approve)}, reachable: true},
		"one person counts in each clause":      {clauses: []approval.ClauseCase{one, with(one, people{"grace"}, people{"grace"})}, votes: []countersign.Approval{vote("grace", countersign.Approve)}, met: true, reachable: true},
		"no clauses are never met by counting":  {reachable: true},
		"no clauses and a vote are not met too": {votes: []countersign.Approval{vote("grace", countersign.Approve)}, reachable: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := approval.Count(approval.Case{Clauses: c.clauses, Excluded: c.excluded, Approvals: c.votes, Digest: "digest"})
			if name == "the latest vote of a person counts" {
				got.Reachable = false // irrelevant after a denial
			}
			if got.Met != c.met || got.Denied != c.denied || got.Reachable != c.reachable {
				t.Errorf("met %t denied %t reachable %t, want %t %t %t", got.Met, got.Denied, got.Reachable, c.met, c.denied, c.reachable)
			}
		})
	}
}

func TestWhoMayVoteIsPoolAndEligibleNowWithoutTheExcluded(t *testing.T) {
	c := approval.Case{
		Clauses:  []approval.ClauseCase{{Pool: people{"ada", "grace", "linus"}, Now: people{"ada", "grace", "new"}}, {Pool: people{"edsger"}, Now: people{"edsger"}}},
		Excluded: people{"ada"},
	}
	for person, want := range map[countersign.UserID]bool{"ada": false, "grace": true, "linus": false, "new": false, "edsger": true} {
		if got := approval.MayVote(c, person); got != want {
			t.Errorf("%s may vote: %t", person, got)
		}
	}
}

func TestTheUserAChangeIsAboutIsItsSubject(t *testing.T) {
	for _, kind := range countersign.ChangeKinds() {
		c, _ := countersign.NewChange(kind)
		field := reflect.ValueOf(c).Elem().FieldByName("UserID")
		if !field.IsValid() {
			continue
		}
		field.SetString("vera")
		got := approval.Subjects(c)
		switch kind {
		case countersign.KindUserInvite, countersign.KindUserCreateAPIUser, countersign.KindUserCreateAPISigner, countersign.KindUserCreateEndUser,
			countersign.KindUserOnboardingCode, countersign.KindUserActivate: // nobody yet, or himself by his own code
			if got != nil {
				t.Errorf("%s is about %v", kind, got)
			}
		default:
			if !slices.Equal(got, people{"vera"}) {
				t.Errorf("%s is about %v", kind, got)
			}
		}
	}
}
