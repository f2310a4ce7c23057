package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
)

// fate is what becomes of a kind of change that ada asks for in a sealed
// organization under the policy two-person.
type fate struct {
	// need is how many others must agree; 0 means applied at once.
	need int
	// about names who is excluded besides ada: grace, where the change is about her.
	about string
	// make is the change, about grace where it can be about an admin.
	make func(h *house) countersign.Change
}

func fates() map[countersign.ChangeKind]fate {
	grace := func(make func(id countersign.UserID) countersign.Change) func(h *house) countersign.Change {
		return func(h *house) countersign.Change { return make(h.ID("grace")) }
	}
	sample := func(kind countersign.ChangeKind) func(h *house) countersign.Change {
		return func(h *house) countersign.Change { return h.sample(kind) }
	}
	gracesMembership := func(h *house) countersign.MembershipID { return h.member(h.ID("grace"), h.team()) }
	return map[countersign.ChangeKind]fate{
		countersign.KindUserInvite:          {1, "", sample(countersign.KindUserInvite)},
		countersign.KindUserCreateAPIUser:   {1, "", sample(countersign.KindUserCreateAPIUser)},
		countersign.KindUserCreateAPISigner: {1, "", sample(countersign.KindUserCreateAPISigner)},
		countersign.KindUserCreateEndUser:   {0, "", sample(countersign.KindUserCreateEndUser)},
		countersign.KindUserUpdate: {1, "grace", grace(func(id countersign.UserID) countersign.Change {
			return &countersign.UpdateUser{UserID: id, Name: countersign.Some("Grace H.")}
		})},
		countersign.KindUserChangeRole: {1, "grace", grace(func(id countersign.UserID) countersign.Change {
			return &countersign.ChangeRole{UserID: id, Role: countersign.RoleTrader}
		})},
		countersign.KindUserGrant: {1, "grace", grace(func(id countersign.UserID) countersign.Change {
			return &countersign.GrantPermissions{UserID: id, Permissions: []countersign.Permission{countersign.AuditRead}}
		})},
		countersign.KindUserRevoke: {1, "grace", func(h *house) countersign.Change {
			h.approved(&countersign.GrantPermissions{UserID: h.ID("grace"), Permissions: []countersign.Permission{countersign.TransactionsCreate}})
			return &countersign.RevokePermissions{UserID: h.ID("grace"), Permissions: []countersign.Permission{countersign.TransactionsCreate}}
		}},
		countersign.KindUserSetPermissions: {1, "grace", grace(func(id countersign.UserID) countersign.Change {
			return &countersign.SetPermissions{UserID: id, Permissions: []countersign.Permission{countersign.AccountsRead}}
		})},
		countersign.KindUserOnboardingCode: {0, "", sample(countersign.KindUserOnboardingCode)},
		countersign.KindUserActivate:       {0, "", sample(countersign.KindUserActivate)},
		countersign.KindUserResetDevice:    {1, "grace", grace(func(id countersign.UserID) countersign.Change { return &countersign.ResetDevice{UserID: id} })},
		countersign.KindUserSuspend:        {1, "grace", grace(func(id countersign.UserID) countersign.Change { return &countersign.SuspendUser{UserID: id} })},
		countersign.KindUserReactivate:     {1, "", sample(countersign.KindUserReactivate)},
		countersign.KindUserDelete:         {1, "grace", grace(func(id countersign.UserID) countersign.Change { return &countersign.DeleteUser{UserID: id} })},

		countersign.KindGroupCreate: {1, "", func(h *house) countersign.Change {
			return &countersign.CreateGroup{Name: h.name("admins"), MemberIDs: []countersign.UserID{h.ID("grace")}} // a list is no subject
		}},
		countersign.KindGroupUpdate: {1, "", func(h *house) countersign.Change {
			return &countersign.UpdateGroup{GroupID: h.team(h.ID("grace")), Permissions: countersign.Some([]countersign.Permission{countersign.AuditRead})}
		}},
		countersign.KindGroupReplaceMembers: {1, "", func(h *house) countersign.Change {
			return &countersign.ReplaceMembers{GroupID: h.team(), MemberIDs: []countersign.UserID{h.ID("grace")}}
		}},
		countersign.KindGroupDelete: {1, "", func(h *house) countersign.Change { return &countersign.DeleteGroup{GroupID: h.team(h.ID("grace"))} }},
		countersign.KindMembershipAdd: {1, "grace", func(h *house) countersign.Change {
			return &countersign.AddMembership{UserID: h.ID("grace"), GroupID: h.team()}
		}},
		countersign.KindMembershipUpdate: {1, "grace", func(h *house) countersign.Change {
			return &countersign.UpdateMembership{MembershipID: gracesMembership(h), Role: countersign.Some(countersign.GroupAdmin)}
		}},
		countersign.KindMembershipRemove: {1, "grace", func(h *house) countersign.Change {
			return &countersign.RemoveMembership{MembershipID: gracesMembership(h)}
		}},

		countersign.KindCredentialCreate: {1, "", func(h *house) countersign.Change {
			return &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token}
		}},
		countersign.KindCredentialIssueCode: {1, "grace", grace(func(id countersign.UserID) countersign.Change { return &countersign.IssueEnrolmentCode{UserID: id} })},
		countersign.KindCredentialCollect:   {0, "", sample(countersign.KindCredentialCollect)},
		countersign.KindCredentialRedeem: {0, "", func(h *house) countersign.Change {
			id := only[*countersign.IssueEnrolmentCode](h.approved(&countersign.IssueEnrolmentCode{UserID: h.ID("vera")})).CredentialID
			h.applies("ada", &countersign.CollectSecret{CredentialID: id})
			return &countersign.RedeemCode{CodeID: id}
		}},
		countersign.KindCredentialRevoke: {1, "grace", func(h *house) countersign.Change {
			return &countersign.RevokeCredential{CredentialID: h.As("grace").Actor.Credential}
		}},

		countersign.KindPermissionAdd:      {1, "", sample(countersign.KindPermissionAdd)},
		countersign.KindPermissionUpdate:   {1, "", sample(countersign.KindPermissionUpdate)},
		countersign.KindPermissionRemove:   {1, "", sample(countersign.KindPermissionRemove)},
		countersign.KindPolicyPut:          {2, "", sample(countersign.KindPolicyPut)},
		countersign.KindOrganizationUpdate: {1, "", sample(countersign.KindOrganizationUpdate)},
		// There is no way to seal twice, so nothing to approve.
		countersign.KindOrganizationSeal: {0, "", sample(countersign.KindOrganizationSeal)},

		countersign.KindImportOpen:      {1, "", sample(countersign.KindImportOpen)},
		countersign.KindRecoveryReplace: {2, "", sample(countersign.KindRecoveryReplace)},
		// As many as the rule that is tried asks.
		countersign.KindDrillRun: {2, "", sample(countersign.KindDrillRun)},
		// What opened it was approved.
		countersign.KindImportBatch: {0, "", sample(countersign.KindImportBatch)},
	}
}

// Every kind waits for exactly the people of its row: those it is about and who
// asked decide nothing, everybody else may, and as many as the row says suffice.
func TestWhatNeedsWhoseApproval(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		rows := fates()
		for _, kind := range ordinaryKinds() {
			t.Run(string(kind), func(t *testing.T) {
				f, ok := rows[kind]
				if !ok {
					t.Fatalf("%s has no row: say whether it waits", kind)
				}
				// Each in a world of its own would be clean, and slow: what a held
				// change is about is left as it was by denying it.
				h.in(t).mustMeet(kind, f)
			})
		}
	})
}

func (h *house) mustMeet(kind countersign.ChangeKind, f fate) {
	h.t.Helper()
	result, err := h.asks(f.make(h), engine.Options{})
	c := result.Change
	switch {
	case kind == countersign.KindOrganizationSeal:
		refused(h.t, err, "already_sealed", "")
		return
	case err != nil:
		h.t.Fatal(err)
	case f.need == 0:
		if c.State != countersign.ChangeApplied || len(c.Requirement.Clauses) != 0 || c.Bootstrap {
			h.t.Errorf("%s, asking %+v", c.State, c.Requirement)
		}
		return
	}
	excluded := []countersign.UserID{h.ID("ada")}
	if f.about != "" {
		excluded = append(excluded, h.ID(f.about))
	}
	// The account whose credential it is cannot vote anyway, and is named.
	if kind == countersign.KindCredentialCreate {
		excluded = append(excluded, h.ID("bot"))
	}
	if kind == countersign.KindUserReactivate {
		excluded = append(excluded, only[*countersign.ReactivateUser](result).UserID)
	}
	slices.Sort(excluded)
	if diff := cmp.Diff(excluded, c.Excluded); diff != "" || c.State != countersign.ChangePending || c.Requirement.Clauses[0].Need != f.need {
		h.t.Fatalf("%s, needs %+v, excluded (-want +got)\n%s", c.State, c.Requirement, diff)
	}
	if len(result.Secrets) != 0 {
		h.t.Error("a held change shows a secret")
	}
	for _, name := range h.cast {
		may := slices.Contains([]string{"grace", "linus", "edsger"}, name) && name != f.about
		view, err := h.Engine.Change(h.t.Context(), h.As(name).Actor, c.ID)
		if err != nil || view.CanDecide != may {
			h.t.Errorf("%s can decide: %t (%v)", name, view.CanDecide, err)
		}
		if may {
			continue
		}
		for _, d := range []countersign.Decision{countersign.Approve, countersign.Deny} {
			_, err = h.Engine.Decide(h.t.Context(), h.As(name).Actor, c.ID, engine.Vote{Decision: d, Digest: c.Digest}, engine.Options{})
			if countersign.KindOf(err) != countersign.Forbidden {
				h.t.Errorf("%s may %s: %v", name, d, err)
			}
		}
	}
	for i := range f.need {
		result = h.votes([]string{"linus", "edsger"}[i], c, countersign.Approve)
		if done := i+1 == f.need; (result.Change.State == countersign.ChangeApplied) != done {
			h.t.Fatalf("after %d approvals it is %s", i+1, result.Change.State)
		}
	}
	h.undo(kind)
}

// undo gives grace back what a deed took from her.
func (h *house) undo(kind countersign.ChangeKind) {
	h.t.Helper()
	again := func(op countersign.Change) { h.votes("linus", h.mustHold(op).Change, countersign.Approve) }
	grace := h.ID("grace")
	switch kind {
	case countersign.KindUserChangeRole:
		again(&countersign.ChangeRole{UserID: grace, Role: countersign.RoleAdmin})
	case countersign.KindUserSuspend:
		again(&countersign.ReactivateUser{UserID: grace})
	case countersign.KindUserResetDevice:
		h.readmit("grace", h.redeem(h.code(grace)).Secrets[0])
	case countersign.KindUserDelete:
		id := only[*countersign.InvitePerson](h.votesIn("linus", &countersign.InvitePerson{Name: "Grace", Email: "grace@again.example", Role: countersign.RoleAdmin})).UserID
		h.readmit("grace", h.redeem(h.code(id)).Secrets[0])
	case countersign.KindCredentialRevoke:
		id := only[*countersign.IssueEnrolmentCode](h.votesIn("linus", &countersign.IssueEnrolmentCode{UserID: grace})).CredentialID
		h.readmit("grace", h.redeem(h.applies("ada", &countersign.CollectSecret{CredentialID: id}).Secrets[0].Reveal()).Secrets[0])
	default: // took nothing from her
	}
}

func (h *house) mustHold(op countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.asks(op, engine.Options{})
	if err != nil || result.Change.State != countersign.ChangePending {
		h.t.Fatalf("%s is %s (%v), not held", op.Kind(), result.Change.State, err)
	}
	return result
}

// votesIn is what ada asks for and somebody approves.
func (h *house) votesIn(who string, op countersign.Change) engine.Result {
	h.t.Helper()
	return h.votes(who, h.mustHold(op).Change, countersign.Approve)
}

// readmit lets somebody act by a new token.
func (h *house) readmit(name string, s countersign.Secret) {
	h.t.Helper()
	one := h.As(name)
	one.User, one.Token = h.user(s.User), s.Reveal()
	one.Actor.User, one.Actor.ResponsiblePerson, one.Actor.Credential = s.User, s.User, s.Credential
}

// What an account asks for is decided neither by its person nor by whoever was
// shown its token.
func TestWhoIsExcludedFromWhatAnAccountAsks(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		h.approved(&countersign.UpdateUser{UserID: h.ID("bot"), ResponsiblePersonID: countersign.Some(h.ID("edsger"))})
		h.Seal()
		h.As("bot").Actor.ResponsiblePerson = h.ID("edsger")
		excluded := func(c countersign.ChangeRequest, names ...string) {
			t.Helper()
			var want []countersign.UserID
			for _, name := range names {
				want = append(want, h.ID(name))
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, c.Excluded); diff != "" {
				t.Errorf("excluded (-want +got)\n%s", diff)
			}
		}
		ask := func(op countersign.Change) countersign.ChangeRequest {
			t.Helper()
			result, err := h.submit("bot", engine.Options{}, op)
			if err != nil {
				t.Fatal(err)
			}
			return result.Change
		}
		// A token from bootstrap: one person made everything then.
		first := ask(&countersign.CreateGroup{Name: "One"})
		excluded(first, "bot", "edsger")
		// A token that ada asked for, and was shown.
		token := only[*countersign.CreateCredential](h.approved(&countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token})).CredentialID
		h.applies("ada", &countersign.CollectSecret{CredentialID: token})
		h.As("bot").Actor.Credential = token
		excluded(ask(&countersign.CreateGroup{Name: "Two"}), "bot", "edsger", "ada")
		// What replaces a request remembers who asked for the one before.
		replaced, err := h.Engine.Replace(t.Context(), h.As("edsger").Actor, first.ID, []countersign.Change{&countersign.AddMembership{UserID: h.ID("linus"), GroupID: h.someTeam()}}, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		excluded(replaced.Change, "bot", "edsger", "linus")
		if replaced.Change.RequesterPerson != h.ID("edsger") || replaced.Change.Replaces != first.ID || len(replaced.Change.Approvals) != 0 {
			t.Errorf("the successor is %+v", replaced.Change)
		}
	})
}

// Who answers for an account may have changed since it authenticated. What it
// asks in the name of the one before would not exclude the one who answers now.
func TestWhoAnswersIsAskedUnderTheLock(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		early := h.As("bot").Actor
		h.applies("ada", &countersign.UpdateUser{UserID: early.User, ResponsiblePersonID: countersign.Some(h.ID("grace"))})
		_, err := h.Engine.Submit(t.Context(), early, []countersign.Change{&countersign.CreateGroup{Name: "Late"}}, noOptions)
		refused(t, err, "unauthenticated", "")
		early.ResponsiblePerson = h.ID("grace")
		if _, err := h.Engine.Submit(t.Context(), early, []countersign.Change{&countersign.CreateGroup{Name: "Late"}}, noOptions); err != nil {
			t.Errorf("authenticated again: %v", err)
		}
	})
}

// someTeam makes a group that waits for nobody's second thoughts.
func (h *house) someTeam() countersign.GroupID {
	h.t.Helper()
	return only[*countersign.CreateGroup](h.approved(&countersign.CreateGroup{Name: h.name("team")})).GroupID
}

// A batch needs the union of what its operations need.
func TestABatchNeedsWhatItsOperationsNeed(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		free := &countersign.CreateEndUser{ExternalID: "x"}
		policy := h.sample(countersign.KindPolicyPut)
		held := &countersign.CreateGroup{Name: "Held"}
		own := &countersign.RevokeCredential{CredentialID: h.As("ada").Actor.Credential}
		for rule, c := range map[string]struct {
			ops  []countersign.Change
			need int
			ids  []string
		}{
			"free alone":              {[]countersign.Change{free}, 0, []string{"end-users-are-free"}},
			"free with held":          {[]countersign.Change{free, held}, 1, []string{"end-users-are-free", "default"}},
			"held with policy":        {[]countersign.Change{held, policy}, 2, []string{"policy-needs-two", "default"}},
			"one's own end with held": {[]countersign.Change{own, held}, 1, []string{"default"}},
		} {
			t.Run(rule, func(t *testing.T) {
				result, err := h.submit("ada", engine.Options{DryRun: true}, c.ops...)
				if err != nil {
					t.Fatal(err)
				}
				got := result.Change
				if (got.State == countersign.ChangePending) != (c.need > 0) || (c.need > 0 && got.Requirement.Clauses[0].Need != c.need) {
					t.Errorf("%s, needs %+v", got.State, got.Requirement)
				}
				if diff := cmp.Diff(c.ids, got.RuleIDs); diff != "" {
					t.Errorf("rules (-want +got)\n%s", diff)
				}
			})
		}
	})
}

// A batch that adds a member and widens the group can be approved: it does not
// rely on what it makes of the members itself.
func TestABatchDoesNotRelyOnItself(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		one, two, three := h.team(h.ID("vera")), h.team(h.ID("vera")), h.team(h.ID("vera"))
		h.Seal()
		widen := func(id countersign.GroupID) countersign.Change {
			return &countersign.UpdateGroup{GroupID: id, Permissions: countersign.Some([]countersign.Permission{countersign.AccountsRead})}
		}
		for _, c := range []struct {
			rule string
			ops  []countersign.Change
		}{
			{"add and widen", []countersign.Change{&countersign.AddMembership{UserID: h.ID("bot"), GroupID: one}, widen(one)}},
			{"replace and add", []countersign.Change{&countersign.ReplaceMembers{GroupID: two, MemberIDs: []countersign.UserID{}}, &countersign.AddMembership{UserID: h.ID("bot"), GroupID: two}}},
			{"delete a member and widen", []countersign.Change{&countersign.DeleteUser{UserID: h.ID("vera")}, widen(three)}},
		} {
			held, err := h.submit("ada", engine.Options{Batch: true}, c.ops...)
			if err != nil {
				t.Fatalf("%s: %v", c.rule, err)
			}
			if got := h.votes("linus", held.Change, countersign.Approve); got.Change.State != countersign.ChangeApplied {
				t.Errorf("%s is %s", c.rule, got.Change.State)
			}
		}
	})
}

func TestAFloodOfRequestsIsBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		ask := func(who string) (engine.Result, error) {
			return h.submit(who, engine.Options{}, &countersign.CreateGroup{Name: h.name("g")})
		}
		var first countersign.ChangeRequest
		for i := range countersign.MaxOpenPerRequester {
			// What an account asks counts for its person: vera's bot, not ada's.
			result, err := ask("ada")
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			if i == 0 {
				first = result.Change
			}
		}
		_, err := ask("ada")
		refused(t, err, "too_many_open_changes", "")
		if _, err := ask("bot"); err != nil {
			t.Errorf("another person is refused as well: %v", err)
		}
		// Replacing makes none more, cancelling makes room, and so does expiry.
		if _, err := h.Engine.Replace(t.Context(), h.As("ada").Actor, first.ID, []countersign.Change{&countersign.CreateGroup{Name: h.name("g")}}, noOptions); err != nil {
			t.Errorf("replacing: %v", err)
		}
		h.Clock.Pass(countersign.DefaultRequestLife)
		if _, err := ask("ada"); err != nil {
			t.Errorf("after all have expired: %v", err)
		}
	})
}

func TestAnOrganizationBoundsItsOpenRequests(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		var names []string
		for i := range countersign.MaxOpenPerOrganization / countersign.MaxOpenPerRequester {
			names = append(names, fmt.Sprint("admin", i))
		}
		h.Admins(names...).Seal()
		for _, name := range names {
			for range countersign.MaxOpenPerRequester {
				if _, err := h.submit(name, noOptions, &countersign.CreateGroup{Name: h.name("g")}); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err := h.submit("ada", noOptions, &countersign.CreateGroup{Name: "one more"})
		refused(t, err, "too_many_open_changes", "")
		// What waits for nobody still goes through.
		h.applies("ada", &countersign.CreateEndUser{ExternalID: "x"})
	})
}

func TestPoliciesThatOpenADoorAreRefused(t *testing.T) {
	admins := func(need int) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: need}}}
	}
	free := func(kinds ...string) countersign.Policy {
		return countersign.Policy{Name: "p", Default: admins(1), Rules: []countersign.Rule{{ID: "free", Changes: kinds}}}
	}
	with := func(change func(p *countersign.Policy)) countersign.Policy {
		p := countersign.Policy{Name: "p", Default: admins(1), Rules: []countersign.Rule{{ID: "one", Changes: []string{"group.*"}, Requirement: admins(1)}}}
		change(&p)
		return p
	}
	cases := map[string]struct {
		policy      countersign.Policy
		code, field string
	}{
		"a free default":        {countersign.Policy{Name: "p"}, "refused", "policy.default"},
		"a free noun":           {free("group.*"), "refused", "policy.rules.0.changes"},
		"everything free":       {free("*"), "refused", "policy.rules.0.changes"},
		"an unknown kind":       {free("group.explode"), "invalid", "policy.rules.0.changes"},
		"a rule about nothing":  {free(), "invalid", "policy.rules.0.changes"},
		"two rules of one name": {with(func(p *countersign.Policy) { p.Rules = append(p.Rules, p.Rules[0]) }), "invalid", "policy.rules.1.id"},
		"nobody is needed":      {with(func(p *countersign.Policy) { p.Default = admins(0) }), "invalid", "policy.default.clauses.0.need"},
		"two sets in one clause": {with(func(p *countersign.Policy) {
			p.Rules[0].Requirement.Clauses[0].Approvers.Permission = countersign.AuditRead
		}), "invalid", "policy.rules.0.requirement.clauses.0.approvers"},
		"no set at all":          {with(func(p *countersign.Policy) { p.Rules[0].Requirement.Clauses[0].Approvers = countersign.ApproverSet{} }), "invalid", "policy.rules.0.requirement.clauses.0.approvers"},
		"a life of a second":     {with(func(p *countersign.Policy) { p.Default.ExpiresAfterSeconds = 1 }), "invalid", "policy.default.expires_after_seconds"},
		"more people than there": {with(func(p *countersign.Policy) { p.Default = admins(4) }), "would_lock_out", "policy"},
		"a group of nobody":      {with(func(p *countersign.Policy) { p.Default.Clauses[0].Approvers = countersign.ApproverSet{GroupID: nobody} }), "would_lock_out", "policy"},
		"viewers cannot approve": {with(func(p *countersign.Policy) {
			p.Rules[0].Requirement.Clauses[0].Approvers = countersign.ApproverSet{Role: countersign.RoleViewer}
		}), "would_lock_out", "policy"},
		"a policy without its name": {with(func(p *countersign.Policy) { p.Name = "" }), "invalid", "policy.name"},
	}
	for _, kind := range countersign.ProtectedKinds() {
		cases["free "+string(kind)] = struct {
			policy      countersign.Policy
			code, field string
		}{free(string(kind)), "refused", "policy.rules.0.changes"}
	}
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		unsealed := newHouse(t, h.Store)
		unsealed.crew()
		h.Seal()
		for rule, c := range cases {
			t.Run(rule, func(t *testing.T) {
				h.in(t).mustRefuse(&countersign.PutPolicy{Policy: c.policy}, c.code, c.field)
				unsealed.in(t).mustRefuse(&countersign.SealOrganization{Policy: &c.policy}, c.code, c.field)
			})
		}
	})
}

func TestOneChangeOfThePolicyIsOpenAtATime(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		put := func() countersign.Change { return h.sample(countersign.KindPolicyPut) }
		first := h.mustHold(put()).Change
		_, err := h.submit("grace", engine.Options{}, &countersign.CreateGroup{Name: "with it"}, put())
		refused(t, err, "change_pending", "")
		// The same person may replace it; when it has expired, anybody may ask.
		if _, err := h.Engine.Replace(t.Context(), h.As("ada").Actor, first.ID, []countersign.Change{put()}, noOptions); err != nil {
			t.Errorf("replacing: %v", err)
		}
		h.Clock.Pass(countersign.DefaultRequestLife)
		if _, err := h.submit("grace", engine.Options{}, put()); err != nil {
			t.Errorf("after it has expired: %v", err)
		}
	})
}

// A requirement may tighten while a request is open, and never loosens.
func TestRulesThatMoveWhileARequestIsOpen(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		default_ := func(need int) countersign.Change {
			p := countersign.TwoPersonPolicy()
			p.Name, p.Default.Clauses = h.name("policy"), []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: need}}
			return &countersign.PutPolicy{Policy: p}
		}
		ask := func() countersign.ChangeRequest {
			return h.mustHold(&countersign.CreateGroup{Name: h.name("g")}).Change
		}
		one := ask()
		h.approved(default_(2))
		two := ask()
		if got := h.votes("grace", one, countersign.Approve).Change.State; got != countersign.ChangePending {
			t.Errorf("tightened, and one approval makes it %s", got)
		}
		h.approved(default_(1))
		if got := h.votes("grace", two, countersign.Approve).Change.State; got != countersign.ChangePending {
			t.Errorf("loosened, and one approval makes it %s", got)
		}
		if got := h.votes("linus", two, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("two approvals make it %s", got)
		}
		// The first asked for one; by now one is what the rules ask again.
		if got := h.votes("linus", one, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("two approvals make it %s", got)
		}
	})
}

// What is asked of a request does not depend on who looks at it: the end of the
// requester's own credential is free for all of them.
func TestWhatARequestNeedsDependsOnItsRequester(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		spare := h.redeem(h.applies("ada", &countersign.IssueEnrolmentCode{UserID: h.ID("ada")}).Secrets[0].Reveal()).Secrets[0].Credential
		policy := countersign.TwoPersonPolicy()
		policy.Rules = append(policy.Rules, countersign.Rule{ID: "ends-need-two", Changes: []string{string(countersign.KindCredentialRevoke)}, Requirement: policy.Rules[0].Requirement})
		h.applies("ada", &countersign.SealOrganization{Policy: &policy})
		result, err := h.submit("ada", engine.Options{}, &countersign.RevokeCredential{CredentialID: spare}, &countersign.CreateGroup{Name: "Beside"})
		if err != nil || result.Change.Requirement.Clauses[0].Need != 1 {
			t.Fatalf("needs %+v (%v)", result.Change.Requirement, err)
		}
		if got := h.votes("grace", result.Change, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("the approval it needs makes it %s", got)
		}
	})
}

func TestVotesThatAreNotTaken(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		for rule, v := range map[string]struct {
			vote        engine.Vote
			code, field string
		}{
			"no decision":    {engine.Vote{Digest: c.Digest}, "invalid", "decision"},
			"another word":   {engine.Vote{Digest: c.Digest, Decision: "abstain"}, "invalid", "decision"},
			"nothing said":   {engine.Vote{Digest: c.Digest, Decision: countersign.Withdraw}, "nothing_to_withdraw", "decision"},
			"no digest":      {engine.Vote{Decision: countersign.Approve}, "invalid", "digest"},
			"another digest": {engine.Vote{Decision: countersign.Approve, Digest: c.Digest[1:] + "0"}, "digest_mismatch", "digest"},
			"a statement":    {engine.Vote{Decision: countersign.Approve, Digest: c.Digest, Statement: "x"}, "invalid", "signature"},
			"a signature":    {engine.Vote{Decision: countersign.Approve, Digest: c.Digest, Signature: "x"}, "invalid", "statement"},
			"a key":          {engine.Vote{Decision: countersign.Approve, Digest: c.Digest, CredentialID: nobody}, "invalid", "statement"},
			"a long comment": {engine.Vote{Decision: countersign.Approve, Digest: c.Digest, Comment: string(make([]byte, 2001))}, "too_long", "comment"},
		} {
			before := h.head().Size
			_, err := h.Engine.Decide(t.Context(), h.As("grace").Actor, c.ID, v.vote, noOptions)
			refused(t, err, v.code, v.field)
			if h.head().Size != before {
				t.Errorf("%s moved the log", rule)
			}
		}
		_, err := h.Engine.Decide(t.Context(), h.As("grace").Actor, nobody, engine.Vote{Decision: countersign.Approve, Digest: c.Digest}, noOptions)
		if countersign.KindOf(err) != countersign.NotFound {
			t.Errorf("an unknown request: %v", err)
		}
		// Somebody without any say does not even learn that it exists.
		h.approved(&countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleNone})
		for _, err := range []error{
			second(h.Engine.Decide(t.Context(), h.As("vera").Actor, c.ID, engine.Vote{Decision: countersign.Approve, Digest: c.Digest}, noOptions)),
			second(h.Engine.Cancel(t.Context(), h.As("vera").Actor, c.ID, noOptions)),
			second(h.Engine.Replace(t.Context(), h.As("vera").Actor, c.ID, []countersign.Change{&countersign.CreateGroup{Name: "x"}}, noOptions)),
		} {
			if countersign.KindOf(err) != countersign.NotFound {
				t.Errorf("vera learns of it: %v", err)
			}
		}
		h.Clock.Pass(time.Second)
		if got := h.votes("grace", c, countersign.Approve).Change; got.State != countersign.ChangeApplied || len(got.Approvals) != 1 || !got.Approvals[0].At.Equal(h.Clock.Now()) {
			t.Errorf("ends as %+v", got)
		}
		_, err = h.Engine.Cancel(t.Context(), h.As("ada").Actor, c.ID, noOptions)
		if scenario.CodeOf(err) != "change_closed" {
			t.Errorf("cancelled after it was applied: %v", err)
		}
	})
}

func second(_ engine.Result, err error) error { return err }

// An operation that changes nothing when it is asked for is not shown as an
// effect. If what it names moves meanwhile it would do something that nobody saw,
// so the request relies on it all the same.
func TestWhatChangesNothingYetIsReliedUpon(t *testing.T) {
	ours := countersign.TwoPersonPolicy()
	ours.Name = "ours"
	for rule, c := range map[string]struct {
		stage func(h *house) []countersign.Change
		// idle does nothing once the stage is set; undo makes it do something.
		idle func(h *house) countersign.Change
		undo func(h *house) countersign.Change
	}{
		"a grant": {
			func(h *house) []countersign.Change {
				return []countersign.Change{h.Grant("vera", countersign.VaultsCreate)}
			},
			func(h *house) countersign.Change { return h.Grant("vera", countersign.VaultsCreate) },
			func(h *house) countersign.Change {
				return &countersign.RevokePermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.VaultsCreate}}
			},
		},
		"a set of permissions": {
			func(h *house) []countersign.Change {
				return []countersign.Change{h.Grant("vera", countersign.VaultsCreate)}
			},
			func(h *house) countersign.Change {
				return &countersign.SetPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{countersign.VaultsCreate}}
			},
			func(h *house) countersign.Change {
				return &countersign.SetPermissions{UserID: h.ID("vera"), Permissions: []countersign.Permission{}}
			},
		},
		"a role": {
			func(h *house) []countersign.Change {
				return []countersign.Change{&countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleTrader}}
			},
			func(h *house) countersign.Change {
				return &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleTrader}
			},
			func(h *house) countersign.Change {
				return &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleNone}
			},
		},
		"a name": {
			func(h *house) []countersign.Change {
				return []countersign.Change{&countersign.UpdateUser{UserID: h.ID("vera"), Name: countersign.Some("V")}}
			},
			func(h *house) countersign.Change {
				return &countersign.UpdateUser{UserID: h.ID("vera"), Name: countersign.Some("V")}
			},
			func(h *house) countersign.Change {
				return &countersign.UpdateUser{UserID: h.ID("vera"), Name: countersign.Some("W")}
			},
		},
		"the policy": {
			func(*house) []countersign.Change { return []countersign.Change{&countersign.PutPolicy{Policy: ours}} },
			func(*house) countersign.Change { return &countersign.PutPolicy{Policy: ours} },
			func(*house) countersign.Change { return &countersign.PutPolicy{Policy: countersign.TwoPersonPolicy()} },
		},
		"the organization": {
			func(*house) []countersign.Change {
				return []countersign.Change{&countersign.UpdateOrganization{Name: countersign.Some("O")}}
			},
			func(*house) countersign.Change { return &countersign.UpdateOrganization{Name: countersign.Some("O")} },
			func(*house) countersign.Change { return &countersign.UpdateOrganization{Name: countersign.Some("P")} },
		},
	} {
		t.Run(rule, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew()
				h.applies("ada", c.stage(h)...)
				h.Seal()
				held, err := h.submit("ada", engine.Options{}, &countersign.CreateGroup{Name: "Beside"}, c.idle(h))
				if err != nil {
					t.Fatal(err)
				}
				moving, err := h.submit("linus", engine.Options{}, c.undo(h))
				switch {
				case scenario.CodeOf(err) == "change_pending": // one change of the policy is open at a time
					return
				case err != nil:
					t.Fatal(err)
				}
				for _, name := range []string{"grace", "edsger"} {
					if moving.Change.State.Open() {
						moving = h.votes(name, moving.Change, countersign.Approve)
					}
				}
				view, err := h.Engine.Change(t.Context(), h.As("ada").Actor, held.Change.ID)
				if err != nil || view.State != countersign.ChangeStale {
					t.Errorf("it is %s (%v)", view.State, err)
				}
			})
		})
	}
	t.Run("a group", func(t *testing.T) {
		onOne(t, func(t *testing.T, h *house) {
			h.crew()
			id := h.team()
			h.Seal()
			idle := &countersign.UpdateGroup{GroupID: id, Name: countersign.Some(h.group(id).Name), Permissions: countersign.Some([]countersign.Permission{})}
			for rule, move := range map[string]countersign.Change{
				"its name":        &countersign.UpdateGroup{GroupID: id, Name: countersign.Some("Moved")},
				"its permissions": &countersign.UpdateGroup{GroupID: id, Permissions: countersign.Some([]countersign.Permission{countersign.VaultsCreate})},
			} {
				held, err := h.submit("linus", engine.Options{}, &countersign.CreateGroup{Name: h.name("beside")}, idle)
				if err != nil {
					t.Fatal(err)
				}
				h.approved(move)
				view, err := h.Engine.Change(t.Context(), h.As("ada").Actor, held.Change.ID)
				if err != nil || view.State != countersign.ChangeStale {
					t.Errorf("%s: it is %s (%v)", rule, view.State, err)
				}
				h.approved(&countersign.UpdateGroup{GroupID: id, Name: idle.Name, Permissions: idle.Permissions})
			}
		})
	})
}

// A policy that says the same with other brackets is the same.
func TestAPolicyIsComparedByWhatItSays(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		admins := countersign.TwoPersonPolicy().Default
		h.applies("ada", &countersign.PutPolicy{Policy: countersign.Policy{Name: "p", Default: admins}})
		for _, rules := range [][]countersign.Rule{nil, {}} {
			h.mustRefuse(&countersign.PutPolicy{Policy: countersign.Policy{Name: "p", Rules: rules, Default: admins}}, "no_effect", "")
		}
		free := func(clauses []countersign.Clause) countersign.Change {
			return &countersign.PutPolicy{Policy: countersign.Policy{Name: "q", Default: admins, Rules: []countersign.Rule{{ID: "free", Changes: []string{"group.create"}, Requirement: countersign.Requirement{Clauses: clauses}}}}}
		}
		h.applies("ada", free(nil))
		h.mustRefuse(free([]countersign.Clause{}), "no_effect", "")
	})
}

// A request that has expired stays expired, also when something it relied on
// moves, or its requester goes, before anybody has written so.
func TestWhatHasExpiredDoesNotBecomeStale(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		group := h.team()
		h.Seal()
		rename := func(name string) countersign.Change {
			return &countersign.UpdateGroup{GroupID: group, Name: countersign.Some(name)}
		}
		overtaken := h.mustHold(rename("one")).Change
		left, err := h.submit("edsger", noOptions, &countersign.CreateGroup{Name: "by edsger"})
		if err != nil {
			t.Fatal(err)
		}
		h.Clock.Pass(countersign.DefaultRequestLife)
		h.approved(rename("two"))
		h.approved(&countersign.SuspendUser{UserID: h.ID("edsger")})
		for _, c := range []countersign.ChangeRequest{overtaken, left.Change} {
			view, err := h.Engine.Change(t.Context(), h.As("ada").Actor, c.ID)
			if err != nil || view.State != countersign.ChangeExpired {
				t.Errorf("it is %s, %s (%v)", view.State, view.ClosedBecause, err)
			}
		}
	})
}
