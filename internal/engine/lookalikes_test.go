package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// told writes look-alikes down: where, which name, whose others, whether the same.
func told(v engine.ChangeView) []string {
	out := []string{}
	for _, l := range v.Detail.Lookalikes {
		text := l.Field + " " + l.Text + ":"
		for _, o := range l.Others {
			text += fmt.Sprintf(" %s %v", o.Text, o.Same)
		}
		out = append(out, fmt.Sprintf("%s of %d", text, l.OthersTotal))
	}
	return out
}

// E12: an approver is told of names that he could take for others'.
func TestApproversAreWarnedOfNamesThatCouldBeMistaken(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		invite := func(name, email string) *countersign.InvitePerson {
			return &countersign.InvitePerson{Name: name, Email: email, Role: countersign.RoleViewer}
		}
		h.applies("ada", invite("Ada Lovelace", "ada@northwind.example"))
		twin := only[*countersign.InvitePerson](h.applies("ada", invite("Аda Lovelace", "other@northwind.example"))).UserID // a Cyrillic first letter
		gone := only[*countersign.InvitePerson](h.applies("ada", invite("Charles", "charles@northwind.example"))).UserID
		h.applies("ada", &countersign.DeleteUser{UserID: gone})
		group := only[*countersign.CreateGroup](h.applies("ada", &countersign.CreateGroup{Name: "Administrators 1"})).GroupID
		h.Seal()
		for rule, c := range map[string]struct {
			op   countersign.Change
			want []string
		}{
			"a new name like another": {invite("Ada Lоvelace", "x@y.example"), []string{
				"operations.0.name Ada Lоvelace: Ada Lovelace false Аda Lovelace false of 2",
			}},
			"the same name": {invite("ada lovelace", "x@y.example"), []string{
				"operations.0.name ada lovelace: Ada Lovelace true Аda Lovelace false of 2",
			}},
			"an address like another":    {invite("Somebody", "ada@northwlnd.example"), []string{"operations.0.email ada@northwlnd.example: ada@northwind.example false of 1"}},
			"the name of one who left":   {invite("Charles", "x@y.example"), []string{}},
			"a name like nobody's":       {invite("Somebody", "x@y.example"), []string{}},
			"whom it is about":           {&countersign.ChangeRole{UserID: twin, Role: countersign.RoleTrader}, []string{"operations.0.user_id Аda Lovelace: Ada Lovelace false of 1"}},
			"one who takes another's":    {&countersign.UpdateUser{UserID: h.ID("vera"), Name: countersign.Some("Ada Lovelacе")}, []string{"operations.0.name Ada Lovelacе: Ada Lovelace false Аda Lovelace false of 2"}},
			"a group like another":       {&countersign.CreateGroup{Name: "Administrators l"}, []string{"operations.0.name Administrators l: Administrators 1 false of 1"}},
			"a group is nobody's name":   {&countersign.CreateGroup{Name: "Ada Lovelace"}, []string{}},
			"a group that stays itself":  {&countersign.UpdateGroup{GroupID: group, Name: countersign.Some("administrators I")}, []string{}},
			"members with such names":    {&countersign.ReplaceMembers{GroupID: group, MemberIDs: []countersign.UserID{h.ID("vera"), twin}}, []string{"operations.0.member_ids Аda Lovelace: Ada Lovelace false of 1"}},
			"what is revoked of whom":    {&countersign.SuspendUser{UserID: h.ID("bot")}, []string{}},
			"a policy names no such one": {&countersign.AddPermission{Permission: "desk.lovelace"}, []string{}},
		} {
			result, err := h.submit("linus", engine.Options{DryRun: true}, c.op)
			if err != nil {
				t.Errorf("%s: %v", rule, err)
				continue
			}
			if got := told(*result.Preview); !slices.Equal(got, c.want) {
				t.Errorf("%s: told\n%q, want\n%q", rule, got, c.want)
			}
		}
		asked := h.holds("linus", invite("Ada Lоvelace", "x@y.example"))
		if got := told(h.sees("grace", asked.ID)); len(got) != 1 {
			t.Errorf("an open request: %q", got)
		}
		h.votes("grace", asked, countersign.Deny)
		if got := told(h.sees("grace", asked.ID)); len(got) != 0 {
			t.Errorf("one that is closed still warns: %q", got)
		}
	})
}

// Who may not read users learns no names of theirs by asking for one.
func TestLookalikesTellOnlyWhatTheReaderMayRead(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		lone := only[*countersign.CreateAPIUser](h.applies("ada", &countersign.CreateAPIUser{
			Name: "lone", Role: countersign.RoleNone, ResponsiblePersonID: h.ID("vera"), Permissions: []countersign.Permission{countersign.UsersCreate},
		})).UserID
		token := h.applies("ada", &countersign.CreateCredential{UserID: lone, Type: countersign.Token})
		actor := countersign.Actor{
			Organization: h.Org.ID, User: lone, ResponsiblePerson: h.ID("vera"), Method: countersign.ByToken,
			Credential: only[*countersign.CreateCredential](token).CredentialID,
		}
		result, err := h.Engine.Submit(t.Context(), actor, []countersign.Change{
			&countersign.InvitePerson{Name: "Grace", Email: "someone@else.example", Role: countersign.RoleViewer},
		}, engine.Options{DryRun: true})
		if err != nil || len(result.Preview.Detail.Lookalikes) != 0 {
			t.Errorf("it is told of %+v (%v)", result.Preview, err)
		}
	})
}
