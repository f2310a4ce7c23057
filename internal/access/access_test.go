package access_test

import (
	"errors"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

func holding(list ...countersign.Permission) access.Holder {
	return func(p countersign.Permission) bool {
		for _, q := range list {
			if p == q {
				return true
			}
		}
		return false
	}
}

var nothing = holding()

// TestEveryKindAsksForItsPermission walks every kind: without exactly its
// permission it is refused, with it it is granted. Codes and secrets have rules
// of their own.
func TestEveryKindAsksForItsPermission(t *testing.T) {
	byToken := countersign.Actor{User: "ada", Method: countersign.ByToken}
	for _, kind := range countersign.ChangeKinds() {
		c, _ := countersign.NewChange(kind)
		need, asks := access.Needed(kind)
		if !asks {
			switch kind {
			case countersign.KindUserActivate, countersign.KindCredentialRedeem, countersign.KindCredentialCollect:
			case countersign.KindImportOpen, countersign.KindImportBatch: // what their rows ask for
			case countersign.KindRecoveryAccess: // nobody who has signed in
			case countersign.KindEmergencyRatify: // which nobody asks for
				if err := access.Request(byToken, func(countersign.Permission) bool { return true }, c, true); !errors.Is(err, countersign.Forbidden) {
					t.Errorf("%s: %v", kind, err)
				}
			default:
				t.Errorf("%s asks for nothing", kind)
			}
			continue
		}
		if err := access.Request(byToken, holding(need), c, false); err != nil {
			t.Errorf("%s with %s: %v", kind, need, err)
		}
		for _, other := range countersign.BuiltInPermissions() {
			if other != need && access.Request(byToken, holding(other), c, false) == nil {
				t.Errorf("%s is granted by %s", kind, other)
			}
		}
	}
}

func TestOneStepAsksForWhatSeveralWouldAskFor(t *testing.T) {
	byToken := countersign.Actor{User: "ada", Method: countersign.ByToken}
	members, groups := []countersign.UserID{"vera"}, []countersign.GroupID{"treasury"}
	for name, c := range map[string]struct {
		change     countersign.Change
		need, also countersign.Permission
	}{
		"a group with members":        {&countersign.CreateGroup{MemberIDs: members}, countersign.GroupsCreate, countersign.MembershipsCreate},
		"a person with groups":        {&countersign.InvitePerson{GroupIDs: groups}, countersign.UsersCreate, countersign.MembershipsCreate},
		"an account with groups":      {&countersign.CreateAPIUser{GroupIDs: groups}, countersign.UsersCreate, countersign.MembershipsCreate},
		"an account with permissions": {&countersign.CreateAPIUser{Permissions: []countersign.Permission{"a.b"}}, countersign.UsersCreate, countersign.UsersUpdate},
	} {
		t.Run(name, func(t *testing.T) {
			if access.Request(byToken, holding(c.need), c.change, false) == nil {
				t.Errorf("granted without %s", c.also)
			}
			if access.Request(byToken, holding(c.also), c.change, false) == nil {
				t.Errorf("granted without %s", c.need)
			}
			if err := access.Request(byToken, holding(c.need, c.also), c.change, false); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCodesAreRedeemedOnlyByTheCode(t *testing.T) {
	all := access.Holder(func(countersign.Permission) bool { return true })
	for _, c := range []countersign.Change{&countersign.ActivateUser{}, &countersign.RedeemCode{}} {
		if err := access.Request(countersign.Actor{Method: countersign.ByToken}, all, c, true); !errors.Is(err, countersign.Forbidden) {
			t.Errorf("%s by token: %v", c.Kind(), err)
		}
		if err := access.Request(countersign.Actor{Method: countersign.ByEnrolmentCode}, nothing, c, false); err != nil {
			t.Errorf("%s by code: %v", c.Kind(), err)
		}
	}
}

func TestOnesOwnCredentialsNeedNoPermission(t *testing.T) {
	actor := countersign.Actor{User: "ada", Method: countersign.ByToken}
	for _, kind := range countersign.ChangeKinds() {
		c, _ := countersign.NewChange(kind)
		granted := access.Request(actor, nothing, c, true) == nil
		want := kind == countersign.KindCredentialRevoke || kind == countersign.KindCredentialCreate || kind == countersign.KindCredentialCollect
		if granted != want {
			t.Errorf("%s of one's own: granted %t", kind, granted)
		}
	}
}

func TestReadersWithoutPermissionSeeThemselves(t *testing.T) {
	actor := countersign.Actor{User: "vera"}
	if f := access.Users(actor, nothing, countersign.UserFilter{}); f.Only != "vera" {
		t.Errorf("users narrowed to %q", f.Only)
	}
	if f := access.Groups(actor, nothing, countersign.GroupFilter{}); f.MemberOnly != "vera" {
		t.Errorf("groups narrowed to %q", f.MemberOnly)
	}
	none := func(countersign.GroupID) bool { return false }
	if f := access.Memberships(actor, nothing, none, countersign.MembershipFilter{}); f.Only != "vera" {
		t.Errorf("memberships narrowed to %q", f.Only)
	}
	reads := holding(countersign.UsersRead, countersign.GroupsRead, countersign.MembershipsRead)
	if access.Users(actor, reads, countersign.UserFilter{}).Only+access.Groups(actor, reads, countersign.GroupFilter{}).MemberOnly+
		access.Memberships(actor, reads, none, countersign.MembershipFilter{}).Only != "" {
		t.Error("a reader was narrowed")
	}
}

func TestWhoSeesAndCancelsARequest(t *testing.T) {
	for name, c := range map[string]struct {
		actor       countersign.Actor
		holds       access.Holder
		see, cancel bool
	}{
		"the account that asked":      {countersign.Actor{User: "bot", ResponsiblePerson: "vera"}, nothing, true, true},
		"the person behind it":        {countersign.Actor{User: "vera", ResponsiblePerson: "vera"}, nothing, true, true},
		"anybody else":                {countersign.Actor{User: "eve", ResponsiblePerson: "eve"}, nothing, false, false},
		"a reader of users":           {countersign.Actor{User: "eve", ResponsiblePerson: "eve"}, holding(countersign.UsersRead), true, false},
		"an approver":                 {countersign.Actor{User: "eve", ResponsiblePerson: "eve"}, holding(countersign.ChangesApprove), true, false},
		"an auditor":                  {countersign.Actor{User: "eve", ResponsiblePerson: "eve"}, holding(countersign.AuditRead), true, false},
		"a holder of changes.cancel":  {countersign.Actor{User: "eve", ResponsiblePerson: "eve"}, holding(countersign.ChangesCancel), false, true},
		"another account of the same": {countersign.Actor{User: "bot2", ResponsiblePerson: "vera"}, nothing, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := access.SeeChange(c.actor, c.holds, "bot", "vera"); got != c.see {
				t.Errorf("sees: %t", got)
			}
			if got := access.Cancel(c.actor, c.holds, "bot", "vera"); got != c.cancel {
				t.Errorf("cancels: %t", got)
			}
		})
	}
}

func TestOnlyPeopleVote(t *testing.T) {
	approver := holding(countersign.ChangesApprove)
	for _, u := range []countersign.UserType{countersign.APIUser, countersign.APISigner, countersign.EndUser} {
		if access.Vote(countersign.Actor{Type: u}, approver) == nil {
			t.Errorf("a user of type %s votes", u)
		}
	}
	if err := access.Vote(countersign.Actor{Type: countersign.Person}, approver); err != nil {
		t.Error(err)
	}
	if access.Vote(countersign.Actor{Type: countersign.Person}, nothing) == nil {
		t.Error("a person without changes.approve votes")
	}
}

func TestTheSystemAndUnknownKinds(t *testing.T) {
	if err := access.Request(countersign.Actor{Method: countersign.BySystem}, nothing, &countersign.DeleteUser{}, false); err != nil {
		t.Error(err)
	}
	if _, asks := access.Needed("user.explode"); asks {
		t.Error("an unknown kind has a permission")
	}
	all := access.Holder(func(countersign.Permission) bool { return true })
	if access.Request(countersign.Actor{Method: countersign.ByToken}, all, unknown{}, false) == nil {
		t.Error("an unknown kind was granted")
	}
}

type unknown struct{}

func (unknown) Kind() countersign.ChangeKind { return "user.explode" }
func (unknown) Validate() error              { return nil }
