package engine_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/engine"
)

// The prover knows beforehand which rules an operation can match at once. Here
// real operations are described, as when they are asked for, and must match no
// rules together of which it did not know.
func TestRulesMeetOnlyWhereTheProverExpectsThem(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		guarded := h.permission()
		treasury, desk := h.Group("Treasury", []countersign.Permission{guarded}, "linus"), h.Group("Desk", nil, "linus")
		hers := h.member(h.ID("vera"), treasury)
		suspended := h.activePerson(countersign.RoleTrader)
		h.member(suspended, treasury)
		h.member(suspended, desk)
		h.applies("ada", &countersign.SuspendUser{UserID: suspended})
		everybody := []countersign.UserID{h.ID("ada"), h.ID("bot"), h.ID("vera"), h.endUser(), h.signer()}
		h.under(conditional(guarded, treasury, desk)...)

		picture, err := h.Engine.Picture(t.Context(), h.Org.ID)
		if err != nil {
			t.Fatal(err)
		}
		met := map[countersign.ChangeKind]int{}
		for _, op := range touching(h, everybody, guarded, treasury, desk, hers, suspended) {
			for _, who := range []string{"ada", "bot"} {
				for _, described := range engine.Governed(picture, h.ID(who), h.Clock.Now(), op) {
					if described.Kind != op.Kind() {
						continue // an import is also asked what its rows would be
					}
					policy := onlyOf(picture.Organization().Policy, op.Kind())
					ids := approval.Required(policy, []approval.Operation{described}).RuleIDs
					if !triedTogether(policy, ids) {
						t.Errorf("%s by %s meets %v at once, and the prover does not know", op.Kind(), who, ids)
					}
					met[op.Kind()] = max(met[op.Kind()], len(ids))
				}
			}
		}
		if met[countersign.KindUserReactivate] < 6 || met[countersign.KindMembershipAdd] < 5 {
			t.Errorf("hardly any rules meet: %v", met)
		}
	})
}

// onlyOf is a policy that speaks of one kind alone, and asks of it what nobody can
// meet, so that the prover names every set of rules it tries.
func onlyOf(p countersign.Policy, kind countersign.ChangeKind) countersign.Policy {
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		p.Rules[i].Changes = []string{string(kind)}
		p.Rules[i].Requirement = countersign.Requirement{Exclusive: true, Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: 9}}}
	}
	return p
}

func triedTogether(p countersign.Policy, ids []string) bool {
	nobody := func(countersign.ApproverSet, bool) []countersign.UserID { return nil }
	return slices.ContainsFunc(approval.Prove(p, nobody), func(g approval.Gap) bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(g.RuleIDs, id) })
	})
}

// conditional are rules of every sort of condition.
func conditional(guarded countersign.Permission, groups ...countersign.GroupID) []countersign.Rule {
	when := map[string]countersign.Condition{
		"permission": {Permissions: []countersign.Permission{guarded}}, "roles": {Permissions: []countersign.Permission{countersign.UsersRead}},
		"people": {UserTypes: []countersign.UserType{countersign.Person}}, "accounts": {UserTypes: []countersign.UserType{countersign.APIUser}},
		"end users": {UserTypes: []countersign.UserType{countersign.EndUser, countersign.APISigner}},
		"by people": {RequesterTypes: []countersign.UserType{countersign.Person}}, "by accounts": {RequesterTypes: []countersign.UserType{countersign.APIUser}},
		"approvers": {Approvers: true}, "anything": {},
	}
	for i, id := range groups {
		when["group "+string(rune('a'+i))] = countersign.Condition{GroupIDs: []countersign.GroupID{id}}
	}
	var out []countersign.Rule
	for id, condition := range when {
		out = append(out, countersign.Rule{ID: id, Changes: []string{"*"}, When: condition, Requirement: adminsAsked(1)})
	}
	slices.SortFunc(out, func(a, b countersign.Rule) int { return len(a.ID) - len(b.ID) })
	return out
}

// touching are operations of every kind that touch as much as they can.
func touching(h *house, everybody []countersign.UserID, guarded countersign.Permission, treasury, desk countersign.GroupID, hers countersign.MembershipID, suspended countersign.UserID) []countersign.Change {
	both, perms := []countersign.GroupID{treasury, desk}, []countersign.Permission{guarded, countersign.ChangesApprove}
	ops := []countersign.Change{
		&countersign.InvitePerson{Name: "New", Email: "new@northwind.example", Role: countersign.RoleAdmin, GroupIDs: both},
		&countersign.CreateAPIUser{Name: "new", Role: countersign.RoleViewer, ResponsiblePersonID: h.ID("vera"), Permissions: perms, GroupIDs: both},
		&countersign.CreateAPISigner{Name: "new"}, &countersign.CreateEndUser{},
		&countersign.ReactivateUser{UserID: suspended},
		&countersign.CreateGroup{Name: "New", Permissions: perms, MemberIDs: everybody},
		&countersign.UpdateGroup{GroupID: treasury, Permissions: countersign.Some(perms)}, &countersign.UpdateGroup{GroupID: desk, Name: countersign.Some("Other")},
		&countersign.ReplaceMembers{GroupID: treasury, MemberIDs: everybody}, &countersign.DeleteGroup{GroupID: treasury},
		&countersign.UpdateMembership{MembershipID: hers}, &countersign.RemoveMembership{MembershipID: hers},
		&countersign.RevokeCredential{CredentialID: h.As("grace").Actor.Credential}, &countersign.RevokeCredential{CredentialID: h.As("bot").Actor.Credential},
		&countersign.AddPermission{Permission: "desk.trade"}, &countersign.UpdatePermission{Permission: guarded}, &countersign.RemovePermission{Permission: guarded},
		&countersign.PutPolicy{Policy: countersign.TwoPersonPolicy()}, &countersign.UpdateOrganization{},
		importing(pairsOf("Desk: vera@northwind.example")).open,
	}
	for _, user := range everybody {
		ops = append(ops,
			&countersign.UpdateUser{UserID: user}, &countersign.ChangeRole{UserID: user, Role: countersign.RoleAdmin}, &countersign.ChangeRole{UserID: user, Role: countersign.RoleNone},
			&countersign.GrantPermissions{UserID: user, Permissions: perms}, &countersign.RevokePermissions{UserID: user, Permissions: perms}, &countersign.SetPermissions{UserID: user, Permissions: perms},
			&countersign.MakeOnboardingCode{UserID: user}, &countersign.ResetDevice{UserID: user}, &countersign.SuspendUser{UserID: user}, &countersign.DeleteUser{UserID: user},
			&countersign.AddMembership{UserID: user, GroupID: treasury}, &countersign.AddMembership{UserID: user, GroupID: desk},
			&countersign.CreateCredential{UserID: user}, &countersign.IssueEnrolmentCode{UserID: user},
		)
	}
	return ops
}
