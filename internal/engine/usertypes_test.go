package engine_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// TestARuleMaySpeakOfATypeOfUser: of whom a change creates, deletes, gives a
// credential or takes one from, also when he comes into being in the same batch.
func TestARuleMaySpeakOfATypeOfUser(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		customer, bot := h.endUser(), h.account()
		customersToken, botsToken := h.token(customer), h.token(bot)
		policy := countersign.TwoPersonPolicy()
		policy.Rules = append(policy.Rules, countersign.Rule{
			ID: "accounts-need-two", When: countersign.Condition{UserTypes: []countersign.UserType{countersign.APIUser}},
			Changes:     []string{string(countersign.KindUserDelete), string(countersign.KindCredentialCreate), string(countersign.KindCredentialRevoke), "membership.*"},
			Requirement: policy.Rules[0].Requirement,
		})
		team := h.team(bot)
		h.applies("ada", &countersign.SealOrganization{Policy: &policy})
		account := func() countersign.Change {
			return &countersign.CreateAPIUser{Name: h.name("bot"), Role: countersign.RoleViewer, ResponsiblePersonID: h.ID("vera")}
		}
		for what, c := range map[string]struct {
			ops  []countersign.Change
			need int
		}{
			"an end user": {[]countersign.Change{&countersign.CreateEndUser{ExternalID: h.name("x")}}, 0},
			"a token of an end user": {[]countersign.Change{
				&countersign.CreateCredential{UserID: customer, Type: countersign.Token},
			}, 0},
			"the end of a customer's token": {[]countersign.Change{&countersign.RevokeCredential{CredentialID: customersToken}}, 0},
			"an account":                    {[]countersign.Change{account()}, 1},
			"an account with a token": {[]countersign.Change{
				account(), &countersign.CreateCredential{UserID: countersign.PrecedingUser, Type: countersign.Token},
			}, 2},
			"a token of an account":         {[]countersign.Change{&countersign.CreateCredential{UserID: bot, Type: countersign.Token}}, 2},
			"the end of a token of it":      {[]countersign.Change{&countersign.RevokeCredential{CredentialID: botsToken}}, 2},
			"the end of an account":         {[]countersign.Change{&countersign.DeleteUser{UserID: bot}}, 2},
			"the end of its membership":     {[]countersign.Change{&countersign.RemoveMembership{MembershipID: h.memberOf(bot, team)}}, 2},
			"the end of a person":           {[]countersign.Change{&countersign.DeleteUser{UserID: h.ID("vera")}}, 1},
			"an end user and a group":       {[]countersign.Change{&countersign.CreateEndUser{ExternalID: h.name("x")}, &countersign.CreateGroup{Name: h.name("g")}}, 1},
			"the end of a customer and bot": {[]countersign.Change{&countersign.DeleteUser{UserID: customer}, &countersign.DeleteUser{UserID: bot}}, 2},
		} {
			result, err := h.submit("ada", engine.Options{DryRun: true}, c.ops...)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			need := 0
			for _, clause := range result.Preview.Requirement.Clauses {
				need = max(need, clause.Need)
			}
			if need != c.need {
				t.Errorf("%s needs %d, want %d", what, need, c.need)
			}
		}
		held, err := h.submit("ada", noOptions, &countersign.DeleteUser{UserID: bot})
		if err != nil {
			t.Fatal(err)
		}
		h.votes("grace", held.Change, countersign.Approve)
		if got := h.votes("linus", held.Change, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("after two votes it is %s", got)
		}
		h.applies("ada", &countersign.DeleteUser{UserID: customer})
	})
}

// memberOf is the id of a membership that is there.
func (h *house) memberOf(user countersign.UserID, group countersign.GroupID) countersign.MembershipID {
	h.t.Helper()
	u, _, err := h.Engine.User(h.t.Context(), h.As("ada").Actor, user)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, g := range u.Groups {
		if g.ID == group {
			return g.MembershipID
		}
	}
	h.t.Fatal("no such membership")
	return ""
}

// TestAnEndUserHasTenTokens that work; those that are over do not count.
func TestAnEndUserHasTenTokens(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		id := h.endUser()
		another := func(seconds int64) error {
			_, err := h.submit("ada", noOptions, &countersign.CreateCredential{UserID: id, Type: countersign.Token, LifetimeSeconds: seconds})
			return err
		}
		for range 2 {
			for range countersign.MaxEndUserTokens {
				if err := another(60); err != nil {
					t.Fatal(err)
				}
			}
			refused(t, another(60), "too_many_credentials", "user_id")
			h.Clock.Pass(time.Minute)
		}
		look, err := h.Engine.Look(t.Context(), h.As("ada").Actor)
		if err != nil {
			t.Fatal(err)
		}
		defer look.Close()
		if list, err := look.Tokens(countersign.EndUser, nil, countersign.Page{Limit: 5}); err != nil || list.Total != 0 {
			t.Errorf("%d are over and still listed (%v)", list.Total, err)
		}
	})
}
