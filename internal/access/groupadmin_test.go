package access_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

// club is a directory of one group admin: he administers "own" with some
// switches, is an ordinary member of "other", and has nothing to do with "far".
type club struct {
	switches countersign.ConfigurablePermissions
}

func (c club) Standing(id countersign.GroupID) (countersign.Membership, bool) {
	switch id {
	case "own":
		return countersign.Membership{GroupID: id, Role: countersign.GroupAdmin, Configurable: c.switches}, true
	case "other":
		return countersign.Membership{GroupID: id, Role: countersign.GroupMember}, true
	}
	return countersign.Membership{}, false
}

func (club) Membership(id countersign.MembershipID) (countersign.Membership, bool) {
	m, ok := map[countersign.MembershipID]countersign.Membership{
		"member of own":   {GroupID: "own", Role: countersign.GroupMember},
		"admin of own":    {GroupID: "own", Role: countersign.GroupAdmin},
		"member of other": {GroupID: "other", Role: countersign.GroupMember},
		"member of far":   {GroupID: "far", Role: countersign.GroupMember},
	}[id]
	return m, ok
}

func (club) User(id countersign.UserID) (countersign.User, bool) {
	plain := countersign.User{Type: countersign.Person, Role: countersign.RoleNone}
	u, ok := map[countersign.UserID]countersign.User{
		"member": plain, "co-admin": plain, "outsider": plain,
		"viewer": {Type: countersign.Person, Role: countersign.RoleViewer},
		"bot":    {Type: countersign.APIUser, Role: countersign.RoleNone},
		"holder": {Type: countersign.Person, Role: countersign.RoleNone, Permissions: []countersign.Permission{countersign.ChangesApprove}},
	}[id]
	return u, ok
}

func (club) Memberships(id countersign.UserID) []countersign.Membership {
	switch id {
	case "outsider":
		return []countersign.Membership{{GroupID: "other", Role: countersign.GroupMember}, {GroupID: "far", Role: countersign.GroupMember}}
	case "co-admin":
		return []countersign.Membership{{GroupID: "own", Role: countersign.GroupAdmin}}
	default:
		return []countersign.Membership{{GroupID: "own", Role: countersign.GroupMember}}
	}
}

// TestWhatGroupAdminsMayAskFor is the rule, row by row. Every row is tried with
// all switches and with none.
func TestWhatGroupAdminsMayAskFor(t *testing.T) {
	name := countersign.Some("N")
	add := func(group countersign.GroupID, role countersign.MembershipRole) countersign.Change {
		return &countersign.AddMembership{UserID: "member", GroupID: group, Role: role}
	}
	update := func(id countersign.MembershipID, role countersign.Opt[countersign.MembershipRole]) countersign.Change {
		return &countersign.UpdateMembership{MembershipID: id, Role: role}
	}
	member, admin := countersign.Some(countersign.GroupMember), countersign.Some(countersign.GroupAdmin)
	same := countersign.Opt[countersign.MembershipRole]{}
	invite := func(p countersign.Profile, role countersign.Role, groups ...countersign.GroupID) countersign.Change {
		return &countersign.InvitePerson{Name: "N", Role: role, Profile: p, GroupIDs: groups}
	}
	edit := func(c countersign.UpdateUser, id countersign.UserID) countersign.Change {
		c.UserID = id
		return &c
	}
	phone, quota := countersign.Profile{"phone": "1"}, countersign.Profile{"phone": "1", "space_amount": "-1"}
	const always, accounts, edits, never = "always", "can_create_accounts", "can_edit_accounts", "never"
	for what, c := range map[string]struct {
		change countersign.Change
		when   string
	}{
		"add a member":                    {add("own", countersign.GroupMember), always},
		"add without a role":              {add("own", ""), always},
		"add an admin":                    {add("own", countersign.GroupAdmin), never},
		"add to a group he is only in":    {add("other", countersign.GroupMember), never},
		"add to a group he is not in":     {add("far", countersign.GroupMember), never},
		"alter a member":                  {update("member of own", same), always},
		"leave a member a member":         {update("member of own", member), always},
		"promote a member":                {update("member of own", admin), never},
		"alter an admin":                  {update("admin of own", same), never},
		"demote an admin":                 {update("admin of own", member), never},
		"alter a member elsewhere":        {update("member of other", same), never},
		"alter nobody":                    {update("nothing", same), never},
		"remove a member":                 {&countersign.RemoveMembership{MembershipID: "member of own"}, always},
		"remove an admin":                 {&countersign.RemoveMembership{MembershipID: "admin of own"}, never},
		"remove a member elsewhere":       {&countersign.RemoveMembership{MembershipID: "member of far"}, never},
		"replace all members":             {&countersign.ReplaceMembers{GroupID: "own"}, never},
		"rename his group":                {&countersign.UpdateGroup{GroupID: "own", Name: name}, always},
		"rename another group":            {&countersign.UpdateGroup{GroupID: "other", Name: name}, never},
		"let his group grant something":   {&countersign.UpdateGroup{GroupID: "own", Permissions: countersign.Some([]countersign.Permission{})}, never},
		"delete his group":                {&countersign.DeleteGroup{GroupID: "own"}, never},
		"make a group":                    {&countersign.CreateGroup{Name: "N"}, never},
		"invite into his group":           {invite(phone, countersign.RoleNone, "own"), accounts},
		"invite into no group":            {invite(nil, countersign.RoleNone), never},
		"invite into another group too":   {invite(nil, countersign.RoleNone, "own", "other"), never},
		"invite somebody with a role":     {invite(nil, countersign.RoleViewer, "own"), never},
		"invite an admin":                 {invite(nil, countersign.RoleAdmin, "own"), never},
		"invite with a quota":             {invite(quota, countersign.RoleNone, "own"), never},
		"rename a member":                 {edit(countersign.UpdateUser{Name: name, Profile: countersign.Some(phone)}, "member"), edits},
		"give a member a quota":           {edit(countersign.UpdateUser{Profile: countersign.Some(quota)}, "member"), never},
		"clear the profile of a member":   {edit(countersign.UpdateUser{Profile: countersign.Null[countersign.Profile]()}, "member"), never},
		"give a member another address":   {edit(countersign.UpdateUser{Email: name}, "member"), never},
		"rename a fellow admin":           {edit(countersign.UpdateUser{Name: name}, "co-admin"), never},
		"rename somebody of other groups": {edit(countersign.UpdateUser{Name: name}, "outsider"), never},
		"rename somebody with a role":     {edit(countersign.UpdateUser{Name: name}, "viewer"), never},
		"rename somebody with rights":     {edit(countersign.UpdateUser{Name: name}, "holder"), never},
		"rename an account":               {edit(countersign.UpdateUser{Name: name}, "bot"), never},
		"rename nobody":                   {edit(countersign.UpdateUser{Name: name}, "nobody"), never},
		"set where an account calls from": {edit(countersign.UpdateUser{AllowedIPs: countersign.Some([]string{})}, "member"), never},
		"set an external id":              {edit(countersign.UpdateUser{ExternalID: name}, "member"), never},
		"set who is responsible":          {edit(countersign.UpdateUser{ResponsiblePersonID: countersign.Some(countersign.UserID("x"))}, "member"), never},
		"suspend a member":                {&countersign.SuspendUser{UserID: "member"}, never},
		"delete a member's account":       {&countersign.DeleteUser{UserID: "member"}, never},
		"grant a member something":        {&countersign.GrantPermissions{UserID: "member"}, never},
		"give a member a role":            {&countersign.ChangeRole{UserID: "member"}, never},
		"make a code for a member":        {&countersign.MakeOnboardingCode{UserID: "member"}, never},
		"make an account":                 {&countersign.CreateAPIUser{Name: "N"}, never},
		"change the policy":               {&countersign.PutPolicy{}, never},
		"make a credential for somebody":  {&countersign.CreateCredential{UserID: "member"}, never},
		"seal the organization":           {&countersign.SealOrganization{}, never},
		"take in many":                    {&countersign.OpenImport{}, never},
	} {
		for given, switches := range map[string]countersign.ConfigurablePermissions{
			always: countersign.AllConfigurable(), never: {},
			accounts: {CreateAccounts: true}, edits: {EditAccounts: true},
		} {
			want := c.when == always || c.when == given && given != never || (given == always && c.when != never)
			if got := access.AsGroupAdmin(club{switches}, c.change); got != want {
				t.Errorf("%s, with %s: %v", what, given, got)
			}
		}
	}
}

// Only the want of a permission is made up for by being a group admin.
func TestGroupAdminsPassNoOtherRefusal(t *testing.T) {
	everything := func(countersign.Permission) bool { return true }
	actor := countersign.Actor{User: "vera", Method: countersign.ByToken}
	if !access.Missing(access.Request(actor, nothing, &countersign.DeleteUser{}, false)) {
		t.Error("a missing permission is not recognised")
	}
	actor.Subject = "eve"
	for _, err := range []error{
		access.Request(actor, everything, &countersign.SealOrganization{}, false),
		access.Request(actor, nothing, &countersign.RedeemCode{}, false),
		nil, countersign.E(countersign.NotFound, "", "nothing"),
	} {
		if access.Missing(err) {
			t.Errorf("%v counts as a missing permission", err)
		}
	}
}

// TestWhoSeesMembers is the table of contracts/box.md section 4.1, "list a
// group's members".
func TestWhoSeesMembers(t *testing.T) {
	member := countersign.Membership{Role: countersign.GroupMember}
	admin := countersign.Membership{Role: countersign.GroupAdmin}
	for _, c := range []struct {
		level                               countersign.Audience
		reader, groupAdmin, member, anybody bool
	}{
		{countersign.AdminsOnly, true, true, false, false},
		{countersign.AdminsAndMembers, true, true, true, false},
		{countersign.AllManagedUsers, true, true, true, true},
		{"", true, true, false, false},
	} {
		got := []bool{
			access.SeeMembers(holding(countersign.MembershipsRead), c.level, countersign.Membership{}, false),
			access.SeeMembers(nothing, c.level, admin, true),
			access.SeeMembers(nothing, c.level, member, true),
			access.SeeMembers(nothing, c.level, countersign.Membership{}, false),
		}
		if want := []bool{c.reader, c.groupAdmin, c.member, c.anybody}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.level, got, want)
		}
	}
}

func TestListsOfGroupsWhoseMembersOneSees(t *testing.T) {
	actor := countersign.Actor{User: "vera"}
	sees := func(id countersign.GroupID) bool { return id != "far" }
	own, other := countersign.GroupID("own"), countersign.GroupID("other")
	for what, c := range map[string]struct {
		filter countersign.MembershipFilter
		own    bool
		states int
	}{
		"a group one sees":        {countersign.MembershipFilter{GroupIDs: []countersign.GroupID{own}}, false, 2},
		"two of them":             {countersign.MembershipFilter{GroupIDs: []countersign.GroupID{own, other}}, false, 2},
		"one of them not":         {countersign.MembershipFilter{GroupIDs: []countersign.GroupID{own, "far"}}, true, 0},
		"no group":                {countersign.MembershipFilter{}, true, 0},
		"who was there once":      {countersign.MembershipFilter{GroupIDs: []countersign.GroupID{own}, States: []countersign.MembershipState{countersign.MembershipRemoved}}, true, 1},
		"who is about to come":    {countersign.MembershipFilter{GroupIDs: []countersign.GroupID{own}, States: []countersign.MembershipState{countersign.MembershipPendingAddition}}, true, 1},
		"who was there and is":    {countersign.MembershipFilter{GroupIDs: []countersign.GroupID{own}, States: []countersign.MembershipState{countersign.MembershipActive, countersign.MembershipRemoved}}, false, 1},
		"a user of another group": {countersign.MembershipFilter{UserIDs: []countersign.UserID{"eve"}}, true, 0},
	} {
		f := access.Memberships(actor, nothing, sees, c.filter)
		if (f.Only == "vera") != c.own || len(f.States) != c.states {
			t.Errorf("%s: %+v", what, f)
		}
	}
}
