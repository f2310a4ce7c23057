package access_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

// What each kind asks of who asks for it, written down a second time.
func TestWhichPermissionEachKindAsksFor(t *testing.T) {
	t.Parallel()
	want := map[countersign.Permission][]countersign.ChangeKind{
		countersign.UsersCreate: {countersign.KindUserInvite, countersign.KindUserCreateAPIUser, countersign.KindUserCreateAPISigner, countersign.KindUserCreateEndUser},
		countersign.UsersUpdate: {
			countersign.KindUserUpdate, countersign.KindUserChangeRole, countersign.KindUserGrant, countersign.KindUserRevoke, countersign.KindUserSetPermissions,
			countersign.KindUserOnboardingCode, countersign.KindUserResetDevice, countersign.KindUserSuspend, countersign.KindUserReactivate,
		},
		countersign.UsersDelete:       {countersign.KindUserDelete},
		countersign.GroupsCreate:      {countersign.KindGroupCreate},
		countersign.GroupsUpdate:      {countersign.KindGroupUpdate},
		countersign.GroupsDelete:      {countersign.KindGroupDelete},
		countersign.MembershipsCreate: {countersign.KindMembershipAdd},
		countersign.MembershipsUpdate: {countersign.KindMembershipUpdate, countersign.KindGroupReplaceMembers},
		countersign.MembershipsDelete: {countersign.KindMembershipRemove},
		countersign.CredentialsCreate: {countersign.KindCredentialCreate, countersign.KindCredentialIssueCode},
		countersign.CredentialsDelete: {countersign.KindCredentialRevoke},
		countersign.EmergencyFreeze:   {countersign.KindOrganizationFreeze},
		countersign.PoliciesCreate:    {countersign.KindPermissionAdd},
		countersign.PoliciesDelete:    {countersign.KindPermissionRemove},
		countersign.PoliciesUpdate: {
			countersign.KindPermissionUpdate, countersign.KindPolicyPut, countersign.KindOrganizationUpdate, countersign.KindOrganizationSeal,
			countersign.KindOrganizationThaw, countersign.KindRecoveryReplace, countersign.KindDrillRun,
		},
	}
	got := map[countersign.Permission][]countersign.ChangeKind{}
	for _, kind := range countersign.ChangeKinds() {
		if need, asks := access.Needed(kind); asks {
			got[need] = append(got[need], kind)
		}
	}
	for _, list := range []map[countersign.Permission][]countersign.ChangeKind{want, got} {
		for _, kinds := range list {
			slices.Sort(kinds)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A refusal says which permission was missing, in words a program can read.
func TestARefusalNamesThePermission(t *testing.T) {
	t.Parallel()
	var own *countersign.Error
	if err := access.Require(nothing, countersign.GroupsRead); !errors.As(err, &own) {
		t.Fatal(err)
	}
	got := *own
	got.Message = ""
	want := countersign.Error{Kind: countersign.Forbidden, Code: "permission_missing", Detail: map[string]string{"permission": "groups.read"}}
	if diff := cmp.Diff(want.Detail, got.Detail); diff != "" || got.Kind != want.Kind || got.Code != want.Code {
		t.Errorf("refused with %+v", got)
	}
}

// What may be asked for on behalf of somebody else: nothing that decides about
// approvals or makes secrets. Everything else may.
func TestWhatMayBeAskedForSomebodyElse(t *testing.T) {
	t.Parallel()
	all := access.Holder(func(countersign.Permission) bool { return true })
	never := slices.Concat(countersign.ProtectedKinds(), []countersign.ChangeKind{
		countersign.KindCredentialCreate, countersign.KindCredentialIssueCode, countersign.KindCredentialRevoke,
		countersign.KindCredentialCollect, countersign.KindCredentialRedeem, countersign.KindUserActivate,
		countersign.KindUserOnboardingCode, countersign.KindOrganizationSeal, countersign.KindImportOpen, countersign.KindImportBatch, countersign.KindDrillRun,
	})
	for _, kind := range countersign.ChangeKinds() {
		c, _ := countersign.NewChange(kind)
		if kind == countersign.KindEmergencyRatify {
			continue // which nobody asks for, in whosever name
		}
		for _, method := range []countersign.AuthMethod{countersign.ByToken, countersign.ByEnrolmentCode} {
			err := access.Request(countersign.Actor{User: "bot", Subject: "vera", Method: method}, all, c, true)
			if want := !slices.Contains(never, kind); (err == nil) != want {
				t.Errorf("%s by %s: %v, want it granted: %t", kind, method, err, want)
			}
			if err != nil && codeOf(err) != "acts_for_another" {
				t.Errorf("%s by %s is refused with %v", kind, method, err)
			}
		}
	}
}

func codeOf(err error) string {
	var own *countersign.Error
	if !errors.As(err, &own) {
		return ""
	}
	return own.Code
}

// Who acts for somebody else votes and cancels nothing, and sees a request only as
// his permissions let him.
func TestWhoActsForAnotherHasNoSayOfHisOwn(t *testing.T) {
	t.Parallel()
	all := access.Holder(func(countersign.Permission) bool { return true })
	acting := countersign.Actor{User: "bot", ResponsiblePerson: "vera", Type: countersign.Person, Subject: "carl"}
	if codeOf(access.Vote(acting, all)) != "acts_for_another" {
		t.Error("he votes")
	}
	if access.Cancel(acting, all, "bot", "vera") {
		t.Error("he cancels")
	}
	if access.SeeChange(acting, nothing, "bot", "vera") {
		t.Error("he sees his own through other eyes")
	}
	if !access.SeeChange(acting, all, "bot", "vera") {
		t.Error("he does not see what he has the permission to see")
	}
	// The account that asked may see and cancel, also when somebody else answers for
	// it by now.
	account := countersign.Actor{User: "bot", ResponsiblePerson: "carl"}
	if !access.SeeChange(account, nothing, "bot", "vera") || !access.Cancel(account, nothing, "bot", "vera") {
		t.Error("the account that asked has lost its request")
	}
}

// Whoever holds every directory permission acts for people and API users who are
// active or invited; for nobody else, and nobody else does.
func TestWhoMayActForWhom(t *testing.T) {
	t.Parallel()
	list := countersign.DirectoryPermissions()
	for _, actor := range []countersign.UserType{countersign.Person, countersign.APIUser, countersign.APISigner, countersign.EndUser} {
		for _, subject := range []countersign.UserType{countersign.Person, countersign.APIUser, countersign.APISigner, countersign.EndUser} {
			for _, state := range []countersign.UserState{
				countersign.UserActive, countersign.UserOnboardingCode, countersign.UserOnboardingActivation,
				countersign.UserPendingApproval, countersign.UserSuspended, countersign.UserDeleted,
			} {
				acts := func(u countersign.UserType) bool { return u == countersign.Person || u == countersign.APIUser }
				lives := state == countersign.UserActive || state == countersign.UserOnboardingCode || state == countersign.UserOnboardingActivation
				err := access.ActFor(countersign.Actor{Type: actor}, holding(list...), subject, state)
				if want := acts(actor) && acts(subject) && lives; (err == nil) != want || (err != nil && codeOf(err) != "may_not_act_for") {
					t.Errorf("%s for %s, %s: %v", actor, subject, state, err)
				}
			}
		}
	}
	for i := range list {
		without := slices.Delete(slices.Clone(list), i, i+1)
		if codeOf(access.ActFor(countersign.Actor{Type: countersign.APIUser}, holding(without...), countersign.Person, countersign.UserActive)) != "may_not_act_for" {
			t.Errorf("he acts for others without %s", list[i])
		}
	}
}

// An import asks what the changes would ask that do the same one by one, and one
// that counts nothing asks for everything an import can do.
func TestAnImportAsksForWhatItsRowsWouldAskFor(t *testing.T) {
	t.Parallel()
	actor := countersign.Actor{User: "ada", Method: countersign.ByToken}
	u, g, m := countersign.UsersCreate, countersign.GroupsCreate, countersign.MembershipsCreate
	opened := func(counts ...countersign.ImportCounts) countersign.Change {
		c := &countersign.OpenImport{}
		for _, n := range counts {
			c.Batches = append(c.Batches, countersign.ImportBatchSummary{Counts: n})
		}
		return c
	}
	batch := func(rows *countersign.ImportRows) countersign.Change {
		return countersign.NewImportBatch("import", 0, nil, rows)
	}
	for name, c := range map[string]struct {
		change countersign.Change
		need   []countersign.Permission
	}{
		"users":            {opened(countersign.ImportCounts{EndUsers: 1}), []countersign.Permission{u}},
		"groups":           {opened(countersign.ImportCounts{Groups: 2}), []countersign.Permission{g}},
		"one of each":      {opened(countersign.ImportCounts{Persons: 1}, countersign.ImportCounts{Memberships: 1}), []countersign.Permission{u, m}},
		"nothing":          {opened(), []countersign.Permission{u, g, m}},
		"a batch of users": {batch(&countersign.ImportRows{Users: []countersign.ImportUser{{Type: countersign.EndUser}}}), []countersign.Permission{u}},
		"a batch of members": {
			batch(&countersign.ImportRows{Memberships: []countersign.ImportMembership{{}}}), []countersign.Permission{m},
		},
		"a batch whose rows are gone": {batch(nil), []countersign.Permission{u, g, m}},
	} {
		for _, held := range [][]countersign.Permission{{}, {u}, {g}, {m}, {u, g}, {u, m}, {g, m}, {u, g, m}} {
			missing := slices.DeleteFunc(slices.Clone(c.need), func(p countersign.Permission) bool { return slices.Contains(held, p) })
			if err := access.Request(actor, holding(held...), c.change, false); (err == nil) != (len(missing) == 0) {
				t.Errorf("%s with %v: %v", name, held, err)
			}
		}
	}
}

// loose is a club whose answers are not tidy: what it answers with false is what
// was left from somebody else, and its ordinary members have switches.
type loose struct {
	club
	found bool
}

func (l loose) Standing(id countersign.GroupID) (countersign.Membership, bool) {
	m, _ := l.club.Standing(id)
	m.Configurable = countersign.AllConfigurable()
	return m, l.found
}

func (l loose) Membership(id countersign.MembershipID) (countersign.Membership, bool) {
	m, _ := l.club.Membership(id)
	return m, l.found
}

func (l loose) User(id countersign.UserID) (countersign.User, bool) {
	u, _ := l.club.User(id)
	return u, l.found
}

// halfKnown finds standings and nothing else.
type halfKnown struct{ club }

func (h halfKnown) Membership(id countersign.MembershipID) (countersign.Membership, bool) {
	m, _ := h.club.Membership(id)
	return m, false
}

func (h halfKnown) User(id countersign.UserID) (countersign.User, bool) {
	u, _ := h.club.User(id)
	return u, false
}

// Being no admin, or there being nothing, is not made up for by what is left over.
func TestWhatIsNotThereGivesNothing(t *testing.T) {
	t.Parallel()
	add := func(id countersign.GroupID) countersign.Change {
		return &countersign.AddMembership{UserID: "member", GroupID: id, Role: countersign.GroupMember}
	}
	remove := &countersign.RemoveMembership{MembershipID: "member of own"}
	invite := func(id countersign.GroupID) countersign.Change {
		return &countersign.InvitePerson{Name: "N", Role: countersign.RoleNone, GroupIDs: []countersign.GroupID{id}}
	}
	edit := func(id countersign.UserID) countersign.Change {
		return &countersign.UpdateUser{UserID: id, Name: countersign.Some("N")}
	}
	all := club{countersign.AllConfigurable()}
	for name, c := range map[string]struct {
		facts  access.Facts
		change countersign.Change
		want   bool
	}{
		"his own group":                        {loose{all, true}, add("own"), true},
		"a group he is not in":                 {loose{all, false}, add("own"), false},
		"a membership that is not there":       {halfKnown{all}, remove, false},
		"an invitation into no group of his":   {loose{all, false}, invite("own"), false},
		"an invitation by an ordinary member":  {loose{all, true}, invite("other"), false},
		"a user who is not there":              {halfKnown{all}, edit("member"), false},
		"somebody among other ordinary people": {loose{all, true}, edit("outsider"), false},
		"a user in no group of his":            {loose{all, false}, edit("member"), false},
		"a member of his":                      {loose{all, true}, edit("member"), true},
	} {
		if got := access.AsGroupAdmin(c.facts, c.change); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if access.SeeMembers(nothing, countersign.AdminsOnly, countersign.Membership{Role: countersign.GroupAdmin}, false) {
		t.Error("who is not in the group sees its members as an admin")
	}
}

// leftovers answers that a user in some group is edited by one who is not in it.
type leftovers struct{ club }

func (l leftovers) Standing(id countersign.GroupID) (countersign.Membership, bool) {
	return countersign.Membership{GroupID: id, Role: countersign.GroupAdmin, Configurable: countersign.AllConfigurable()}, false
}

func TestAStandingThatDoesNotCountGivesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []countersign.Change{
		&countersign.AddMembership{UserID: "member", GroupID: "own", Role: countersign.GroupMember},
		&countersign.InvitePerson{Name: "N", Role: countersign.RoleNone, GroupIDs: []countersign.GroupID{"own"}},
		&countersign.UpdateUser{UserID: "member", Name: countersign.Some("N")},
	} {
		if access.AsGroupAdmin(leftovers{}, c) {
			t.Errorf("%s is granted", c.Kind())
		}
	}
}

// How to reach somebody is what group admins may write, entry by entry.
func TestWhichEntriesOfAProfileAreContactData(t *testing.T) {
	t.Parallel()
	all := club{countersign.AllConfigurable()}
	for _, entry := range []string{
		countersign.ProfileAddress, countersign.ProfileJobTitle, countersign.ProfileLanguage, countersign.ProfilePhone,
		countersign.ProfileTelegramChatID, countersign.ProfileTimezone,
	} {
		c := &countersign.UpdateUser{UserID: "member", Profile: countersign.Some(countersign.Profile{entry: "x"})}
		if !access.AsGroupAdmin(all, c) {
			t.Errorf("%s is not", entry)
		}
	}
}

// A filter is narrowed and otherwise left as it is.
func TestAReadersFilterIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	f := countersign.MembershipFilter{UserIDs: []countersign.UserID{"x"}, Roles: []countersign.MembershipRole{countersign.GroupAdmin}}
	sees := func(countersign.GroupID) bool { return false }
	if diff := cmp.Diff(f, access.Memberships(countersign.Actor{User: "ada"}, holding(countersign.MembershipsRead), sees, f)); diff != "" {
		t.Error(diff)
	}
}
