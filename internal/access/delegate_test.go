package access_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

// S3: who may act for whom, asked of facts alone; internal/authn and internal/engine
// ask the same of a directory.
func TestWhoIsTrustedToActForAnother(t *testing.T) {
	t.Parallel()
	trusted := func(p countersign.Permission) bool { return slices.Contains(countersign.DirectoryPermissions(), p) }
	for _, c := range []struct {
		rule    string
		actor   countersign.UserType
		holds   access.Holder
		subject countersign.UserType
		state   countersign.UserState
		may     bool
	}{
		{"an account for a person", countersign.APIUser, trusted, countersign.Person, countersign.UserActive, true},
		{"a person for an account", countersign.Person, trusted, countersign.APIUser, countersign.UserActive, true},
		{"for somebody who is invited", countersign.APIUser, trusted, countersign.Person, countersign.UserOnboardingCode, true},
		{"for somebody who enrols", countersign.APIUser, trusted, countersign.Person, countersign.UserOnboardingActivation, true},
		{"for somebody nobody has agreed to yet", countersign.APIUser, trusted, countersign.Person, countersign.UserPendingApproval, false},
		{"for somebody suspended", countersign.APIUser, trusted, countersign.Person, countersign.UserSuspended, false},
		{"for somebody whose device was reset", countersign.APIUser, trusted, countersign.Person, countersign.UserResetDeviceCode, false},
		{"for somebody deleted", countersign.APIUser, trusted, countersign.Person, countersign.UserDeleted, false},
		{"for nobody", countersign.APIUser, trusted, "", "", false},
		{"for an end user", countersign.APIUser, trusted, countersign.EndUser, countersign.UserActive, false},
		{"for a signer", countersign.APIUser, trusted, countersign.APISigner, countersign.UserActive, false},
		{"an end user", countersign.EndUser, trusted, countersign.Person, countersign.UserActive, false},
		{"a signer", countersign.APISigner, trusted, countersign.Person, countersign.UserActive, false},
		{"without any permission", countersign.APIUser, nothing, countersign.Person, countersign.UserActive, false},
	} {
		if err := access.ActFor(countersign.Actor{Type: c.actor}, c.holds, c.subject, c.state); (err == nil) != c.may {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
	for _, missing := range countersign.DirectoryPermissions() {
		all := func(p countersign.Permission) bool { return p != missing }
		if access.ActFor(countersign.Actor{Type: countersign.APIUser}, all, countersign.Person, countersign.UserActive) == nil {
			t.Errorf("without %s an account acts for others", missing)
		}
	}
}

// What nobody asks for in the name of another, kind by kind; a new kind has to be
// given its place here.
func TestWhatIsAskedInTheNameOfAnother(t *testing.T) {
	t.Parallel()
	may := []countersign.ChangeKind{
		countersign.KindUserCreateAPIUser, countersign.KindUserCreateAPISigner, countersign.KindUserCreateEndUser, countersign.KindUserUpdate,
		countersign.KindUserRevoke, countersign.KindUserSuspend, countersign.KindUserDelete,
		countersign.KindGroupCreate, countersign.KindGroupUpdate, countersign.KindGroupReplaceMembers, countersign.KindGroupDelete,
		countersign.KindMembershipAdd, countersign.KindMembershipUpdate, countersign.KindMembershipRemove,
		countersign.KindPermissionAdd, countersign.KindPermissionUpdate, countersign.KindPermissionRemove,
	}
	everything := access.Holder(func(countersign.Permission) bool { return true })
	for _, kind := range countersign.ChangeKinds() {
		op, _ := countersign.NewChange(kind)
		err := access.Request(countersign.Actor{Method: countersign.ByToken, Type: countersign.APIUser, Subject: "somebody"}, everything, op, true)
		if (err == nil) != slices.Contains(may, kind) {
			t.Errorf("%s for another: %v", kind, err)
		}
	}
	acting := countersign.Actor{Type: countersign.Person, User: "a", ResponsiblePerson: "a", Subject: "b"}
	if access.Vote(acting, everything) == nil {
		t.Error("somebody votes for another")
	}
	if access.Cancel(acting, everything, "a", "a") {
		t.Error("somebody cancels for another")
	}
}
