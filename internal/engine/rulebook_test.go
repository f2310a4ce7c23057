package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
)

// The tests of this file fill the places of docs/rules.md that the tables beside
// them leave empty: each spells out one attack on one rule.

// R2: a rule may free kinds that are harmless for most people. Where such a change
// has to do with who approves it waits all the same.
func TestNothingThatMakesOrUnmakesAnApproverIsFree(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		h.activePerson(countersign.RoleAdmin)
		bystander := h.activePerson(countersign.RoleViewer)
		desk := h.Group("Desk", nil, "vera")
		board := h.Group("Board", []countersign.Permission{countersign.ChangesApprove}, "vera")
		seat, chair := h.member(h.ID("grace"), desk), h.member(h.ID("linus"), board)
		other := h.member(bystander, desk)
		h.under(countersign.Rule{ID: "free", Changes: []string{
			"user.update", "user.suspend", "user.delete", "user.revoke", "group.update", "group.delete", "membership.add", "membership.remove", "group.replace_members",
			"credential.create", "credential.revoke", "import.open",
		}})
		granting := countersign.Some([]countersign.Permission{countersign.ChangesApprove})
		_, key := newKey(t)
		for name, c := range map[string]struct {
			op   countersign.Change
			free bool
		}{
			"suspending somebody else":                 {&countersign.SuspendUser{UserID: bystander}, true},
			"suspending an approver":                   {&countersign.SuspendUser{UserID: h.ID("grace")}, false},
			"deleting an approver":                     {&countersign.DeleteUser{UserID: h.ID("grace")}, false},
			"another email of an approver":             {&countersign.UpdateUser{UserID: h.ID("grace"), Email: countersign.Some("eve@northwind.example")}, false},
			"another email of somebody else":           {&countersign.UpdateUser{UserID: bystander, Email: countersign.Some("eve@northwind.example")}, true},
			"ending an approver's token":               {&countersign.RevokeCredential{CredentialID: h.As("grace").Actor.Credential}, false},
			"ending an account's token":                {&countersign.RevokeCredential{CredentialID: h.As("bot").Actor.Credential}, true},
			"a key of one's own, to approve with":      {&countersign.CreateCredential{UserID: h.ID("ada"), Type: countersign.ApprovalKey, PublicKey: key}, false},
			"a further token of one's own":             {&countersign.CreateCredential{UserID: h.ID("ada"), Type: countersign.Token}, false},
			"a token of an account":                    {&countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token}, true},
			"a group that comes to approve":            {&countersign.UpdateGroup{GroupID: desk, Permissions: granting}, false},
			"a group that is renamed":                  {&countersign.UpdateGroup{GroupID: desk, Name: countersign.Some("Floor")}, true},
			"joining a group that approves":            {&countersign.AddMembership{UserID: bystander, GroupID: board}, false},
			"leaving a group that approves":            {&countersign.RemoveMembership{MembershipID: chair}, false},
			"an approver leaves another group":         {&countersign.RemoveMembership{MembershipID: seat}, false},
			"somebody else does":                       {&countersign.RemoveMembership{MembershipID: other}, true},
			"filling a group that approves":            {&countersign.ReplaceMembers{GroupID: board, MemberIDs: []countersign.UserID{bystander}}, false},
			"deleting a group that approves":           {&countersign.DeleteGroup{GroupID: board}, false},
			"an import, whose members may go anywhere": {importing(pairsOf("Board: vera@northwind.example")).open, false},
		} {
			result, err := h.submit("ada", engine.Options{DryRun: true}, c.op)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got := result.Change.State == countersign.ChangeApplied; got != c.free {
				t.Errorf("%s is %s, by %v", name, result.Change.State, result.Change.RuleIDs)
			}
		}
		h.mustHold(&countersign.SuspendUser{UserID: h.ID("grace")})
		h.applies("ada", &countersign.SuspendUser{UserID: bystander})
	})
}

// R7, and E4's "rule edit and dependent change in one batch": the rules of the
// moment of asking hold for the whole batch, whatever it would make of them.
func TestABatchIsNotJudgedByTheRulesItBrings(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().under(
			countersign.Rule{ID: "policy", Changes: []string{"policy.*"}, Requirement: adminsAsked(2)},
			countersign.Rule{ID: "groups", Changes: []string{"group.*"}, Requirement: adminsAsked(3)},
		)
		loose := countersign.Policy{Name: "loose", Default: adminsAsked(1), Rules: []countersign.Rule{{ID: "free", Changes: []string{"group.create"}}}}
		for _, ops := range [][]countersign.Change{
			{&countersign.PutPolicy{Policy: loose}, &countersign.CreateGroup{Name: "Desk"}},
			{&countersign.CreateGroup{Name: "Desk"}, &countersign.PutPolicy{Policy: loose}},
		} {
			c := h.mustHoldBy("ada", ops...).Change
			if c.Requirement.People() != 3 || !slices.Equal(c.RuleIDs, []string{"policy", "groups"}) {
				t.Errorf("asks %d, by %v", c.Requirement.People(), c.RuleIDs)
			}
			h.votes("grace", c, countersign.Approve)
			if got := h.votes("linus", c, countersign.Approve).Change.State; got != countersign.ChangePending {
				t.Errorf("two approvals make it %s", got)
			}
			if _, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, c.ID, noOptions); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// R8: a policy, and who would approve under it, are two requests.
func TestAPolicyIsNotPutTogetherWithItsApprovers(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		security := h.Group("Security", nil, "ada", "grace", "linus", "edsger")
		desk := h.Group("Desk", nil, "vera")
		crony := h.activePerson(countersign.RoleViewer)
		h.under()
		put := &countersign.PutPolicy{Policy: countersign.Policy{Name: "by security", Default: countersign.Requirement{
			Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{GroupID: security}, Need: 1}},
		}}}
		for name, op := range map[string]countersign.Change{
			"filling the group":            &countersign.AddMembership{UserID: crony, GroupID: security},
			"replacing its members":        &countersign.ReplaceMembers{GroupID: security, MemberIDs: []countersign.UserID{h.ID("ada"), crony}},
			"letting somebody approve":     &countersign.GrantPermissions{UserID: crony, Permissions: []countersign.Permission{countersign.ChangesApprove}},
			"suspending one of them":       &countersign.SuspendUser{UserID: h.ID("grace")},
			"a code for one of them":       &countersign.IssueEnrolmentCode{UserID: h.ID("grace")},
			"letting another group do so":  &countersign.UpdateGroup{GroupID: desk, Permissions: countersign.Some([]countersign.Permission{countersign.ChangesApprove})},
			"renaming the group it is for": &countersign.UpdateGroup{GroupID: security, Name: countersign.Some("Safety")},
		} {
			for at, ops := range [][]countersign.Change{{op, put}, {put, op}} {
				before := h.head().Size
				_, err := h.submit("ada", engine.Options{Batch: true}, ops...)
				if refused(t, err, "policy_with_its_approvers", []string{"operations.0", "operations.1"}[at]); h.movedSince(before) {
					t.Errorf("%s moved the log", name)
				}
			}
		}
		// What has nothing to do with them goes along, and each alone waits.
		h.mustHoldBy("ada", put, &countersign.AddMembership{UserID: crony, GroupID: desk})
	})
}

// S3: who acts for another, as with As-User, asks for nothing that has to do with
// who approves, whatever its kind; not even for himself.
func TestNobodyMovesApproversInTheNameOfAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		security := h.Group("Security", nil, "ada", "grace", "linus", "edsger")
		desk := h.Group("Desk", nil, "vera")
		h.under(countersign.Rule{ID: "security", Changes: []string{"group.delete"}, Requirement: countersign.Requirement{
			Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{GroupID: security}, Need: 1}},
		}})
		for who, actor := range map[string]countersign.Actor{
			"an account for an admin": h.actsFor("bot", "linus"), "an admin for another": h.actsFor("ada", "linus"), "an admin for the account": h.actsFor("ada", "bot"),
		} {
			for name, op := range map[string]countersign.Change{
				"joining a group that is asked":   &countersign.AddMembership{UserID: h.ID("vera"), GroupID: security},
				"replacing its members":           &countersign.ReplaceMembers{GroupID: security, MemberIDs: []countersign.UserID{h.ID("vera")}},
				"deleting it":                     &countersign.DeleteGroup{GroupID: security},
				"letting another approve":         &countersign.UpdateGroup{GroupID: desk, Permissions: countersign.Some([]countersign.Permission{countersign.ChangesApprove})},
				"suspending an approver":          &countersign.SuspendUser{UserID: h.ID("grace")},
				"another email of an approver":    &countersign.UpdateUser{UserID: h.ID("grace"), Email: countersign.Some("eve@northwind.example")},
				"hiding it behind something else": nil,
			} {
				ops := []countersign.Change{op}
				if op == nil {
					ops = []countersign.Change{&countersign.CreateGroup{Name: "Harmless"}, &countersign.DeleteUser{UserID: h.ID("grace")}}
				}
				before := h.head().Size
				_, err := h.Engine.Submit(t.Context(), actor, ops, noOptions)
				if scenario.CodeOf(err) != "acts_for_another" || h.movedSince(before) {
					t.Errorf("%s, %s: %v", who, name, err)
				}
			}
			result, err := h.Engine.Submit(t.Context(), actor, []countersign.Change{&countersign.CreateGroup{Name: h.name("harmless")}}, noOptions)
			if err != nil || !result.Change.State.Open() {
				t.Errorf("%s, something else: %s (%v)", who, result.Change.State, err)
			}
		}
	})
}

// actsFor is somebody acting for another, as authn would resolve him.
func (h *house) actsFor(who, whom string) countersign.Actor {
	h.t.Helper()
	actor, err := h.Authn.ActFor(h.t.Context(), h.As(who).Actor, h.As(whom).User.Number)
	if err != nil {
		h.t.Fatal(err)
	}
	return actor
}

// S8: a vote may ask for what this version can verify, and for nothing else: a
// policy that asks for a touch or a fresh login is refused, not put and ignored.
func TestSignaturesAreAskedInWordsThatMeanSomething(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for _, word := range []countersign.Signing{"webauthn", "user_verification", "Required", "always"} {
			policy := countersign.Policy{Name: "p", Default: asked(func(r *countersign.Requirement) { r.Signed = word })}
			h.mustRefuse(&countersign.SealOrganization{Policy: &policy}, "invalid", "policy.default.signed")
		}
	})
}

// S9: however many tokens, keys and groups somebody has, he counts once.
func TestOnePersonCountsOnceWhateverHeComesWith(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		one, two := h.Group("One", nil, "ada", "grace", "linus", "edsger"), h.Group("Two", nil, "ada", "grace", "linus", "edsger")
		keys := []approvalKey{h.enrols("grace"), h.enrols("grace")}
		second := h.redeem(h.applies("ada", &countersign.IssueEnrolmentCode{UserID: h.ID("grace")}).Secrets[0].Reveal()).Secrets[0].Credential
		h.under(groups(countersign.Requirement{Distinct: 2, Clauses: []countersign.Clause{
			{Approvers: countersign.ApproverSet{GroupID: one}, Need: 1}, {Approvers: countersign.ApproverSet{GroupID: two}, Need: 1},
		}}))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		first := h.As("grace").Actor.Credential
		for _, token := range []countersign.CredentialID{first, second} {
			h.As("grace").Actor.Credential = token
			h.votes("grace", c, countersign.Approve)
			for _, key := range keys {
				h.signs("grace", c, countersign.Approve, key)
			}
		}
		if seen := h.state(c.ID); seen.State != countersign.ChangePending || seen.People != 1 || seen.Needs[0].Have != 1 || seen.Needs[1].Have != 1 {
			t.Errorf("%s: %d people, %+v", seen.State, seen.People, seen.Needs)
		}
		if got := h.votes("linus", c, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("a second person makes it %s", got)
		}
	})
}

// E4, "wildcard catalogue growth": what an organization adds to its catalogue is
// granted to nobody by that, and nothing stands for what is still to come.
func TestAPermissionThatIsAddedWidensNoGrant(t *testing.T) {
	const added = countersign.Permission("users.impersonate")
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Group("Everything", countersign.DirectoryPermissions(), "vera")
		holders := func() (names []string) {
			for _, name := range h.cast {
				verdict, err := h.Engine.Check(t.Context(), h.As("ada").Actor, engine.Question{User: h.ID(name), Permission: added})
				if err != nil {
					t.Fatal(err)
				}
				if verdict.Allowed {
					names = append(names, name)
				}
			}
			return names
		}
		h.applies("ada", &countersign.AddPermission{Permission: added})
		if names := holders(); len(names) > 0 {
			t.Errorf("%v hold what nobody was given", names)
		}
		for _, wide := range []countersign.Permission{"*", "users.*", "*.read", "users", "users.", ".read", "Users .read"} {
			h.mustRefuse(&countersign.GrantPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{wide}}, "invalid", "permissions")
			h.mustRefuse(&countersign.CreateGroup{Name: "Wide", Permissions: []countersign.Permission{wide}}, "invalid", "permissions")
			h.mustRefuse(&countersign.AddPermission{Permission: wide}, "invalid", "permission")
		}
		// Case is part of a name: neither spelling stands for the other.
		h.applies("ada", h.Grant("vera", added), &countersign.AddPermission{Permission: "Users.impersonate"})
		if names := holders(); !slices.Equal(names, []string{"vera"}) {
			t.Errorf("%v hold it", names)
		}
		verdict, err := h.Engine.Check(t.Context(), h.As("ada").Actor, engine.Question{User: h.ID("vera"), Permission: "Users.impersonate"})
		if err != nil || verdict.Allowed {
			t.Errorf("another spelling is held: %t (%v)", verdict.Allowed, err)
		}
		// Taken away and added again, it is given to nobody anew.
		h.applies("ada", &countersign.RevokePermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{added}})
		h.applies("ada", &countersign.RemovePermission{Permission: added})
		h.applies("ada", &countersign.AddPermission{Permission: added})
		if names := holders(); len(names) > 0 {
			t.Errorf("added again, %v hold it", names)
		}
	})
}

// S5: log, witnesses and retention have no kind of change. Whoever adds a noun has
// to say here who may move it, and to keep its auditors apart.
func TestNoKindOfChangeMovesTheLog(t *testing.T) {
	known := []string{"user", "group", "membership", "credential", "permission", "policy", "organization", "import", "recovery", "drill", "emergency"}
	for _, kind := range countersign.ChangeKinds() {
		noun, _, _ := strings.Cut(string(kind), ".")
		if !slices.Contains(known, noun) {
			t.Errorf("%s is a change of something new: what does it do to the log, and who must agree (governance.md S5)?", kind)
		}
	}
}

// A.3 h: a rule that guards what is not there guards nothing, and the linter says so.
func TestTheLinterNamesWhatARuleCannotGuard(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		desk, gone := h.Group("Desk", nil), h.Group("Gone", nil)
		h.applies("ada", &countersign.AddPermission{Permission: "payouts.create"}, &countersign.DeleteGroup{GroupID: gone})
		policy := countersign.Policy{Name: "p", Default: adminsAsked(1), Rules: []countersign.Rule{
			{ID: "groups", Changes: []string{"*"}, When: countersign.Condition{GroupIDs: []countersign.GroupID{desk, gone, nobody}}, Requirement: adminsAsked(2)},
			{ID: "payouts", Changes: []string{"*"}, When: countersign.Condition{Permissions: []countersign.Permission{"payouts.create", "Payouts.create", "users.read"}}, Requirement: adminsAsked(2)},
		}, Exclusions: []countersign.Exclusion{{ID: "apart", Sides: [][]countersign.Permission{{"payouts.create"}, {"payouts.relaese"}}}}}
		findings, err := h.Engine.PolicyLint(t.Context(), h.As("ada").Actor, policy)
		if err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, f := range findings {
			if f.Severity == "warning" && strings.Contains(f.Message, "which is not there") {
				fields = append(fields, f.Field)
			}
		}
		want := []string{"policy.rules.0.when.group_ids.1", "policy.rules.0.when.group_ids.2", "policy.rules.1.when.permissions.1", "policy.exclusions.0.sides.1.0"}
		if !slices.Equal(fields, want) {
			t.Errorf("warns of %v, want %v", fields, want)
		}
		if findings, err := h.Engine.PolicyLint(t.Context(), h.As("ada").Actor, countersign.TwoPersonPolicy()); err != nil || len(findings) != 0 {
			t.Errorf("finds %v in a policy that guards what is there (%v)", findings, err)
		}
	})
}

// The replay tells what the rules of this file keep out, from the log alone: here
// by a policy of another opinion about what is free.
func TestTheReplayKnowsThatApproversAreNeverFree(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		bystander := h.activePerson(countersign.RoleViewer)
		h.under(countersign.Rule{ID: "free", Changes: []string{"user.suspend"}})
		h.applies("ada", &countersign.SuspendUser{UserID: bystander})
		h.agreed("ada", "linus", &countersign.SuspendUser{UserID: h.ID("grace")})
		replay.Check(t, h.Store, h.Org.ID)
	})
}
