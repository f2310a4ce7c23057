package countersign_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

func TestPermissionGrammar(t *testing.T) {
	for s, good := range map[string]bool{
		"accounts.read": true, "Accounts.Read": true, "a-b_c.d": true, "a.b.c.d.e.f": true, strings.Repeat("x", 60) + ".y": true,
		"": false, "accounts": false, ".read": false, "accounts.": false, "a..b": false, "a.b.c.d.e.f.g": false, "a b.c": false,
		"ä.b": false, "a.b\n": false, "a.*": false, strings.Repeat("x", 65) + ".y": false, strings.Repeat("x.", 70) + "y": false,
	} {
		if _, err := countersign.ParsePermission("permission", s); (err == nil) != good {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, p := range countersign.BuiltInPermissions() {
		if _, err := countersign.ParsePermission("", string(p)); err != nil {
			t.Errorf("the built-in %s: %v", p, err)
		}
	}
}

func TestRolesHoldWhatTheProductSays(t *testing.T) {
	admin := countersign.RolePermissions(countersign.RoleAdmin)
	if slices.Contains(admin, countersign.AuditExport) || len(admin) != len(countersign.BuiltInPermissions())-1 {
		t.Error("an admin holds everything built in but audit.export")
	}
	reads := []countersign.Permission{
		countersign.AccountsRead, countersign.CredentialsRead, countersign.GroupsRead, countersign.MembershipsRead, countersign.PoliciesRead, countersign.UsersRead,
	}
	if viewer := countersign.RolePermissions(countersign.RoleViewer); !slices.Equal(viewer, reads) {
		t.Errorf("a viewer holds %v", viewer)
	}
	trader := countersign.RolePermissions(countersign.RoleTrader)
	for _, p := range append(reads, countersign.VaultsCreate, countersign.TransactionsCreate) {
		if !slices.Contains(trader, p) {
			t.Errorf("a trader lacks %s", p)
		}
	}
	if len(trader) != len(reads)+2 || slices.Contains(trader, countersign.AuditRead) {
		t.Errorf("a trader holds %v", trader)
	}
	for _, r := range []countersign.Role{countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer} {
		if !slices.IsSorted(countersign.RolePermissions(r)) {
			t.Errorf("the permissions of %s are not sorted", r)
		}
	}
	if countersign.RolePermissions(countersign.RoleNone) != nil || countersign.RolePermissions("emperor") != nil {
		t.Error("a role nobody defined grants something")
	}
	directory := countersign.DirectoryPermissions()
	for _, p := range []countersign.Permission{countersign.ChangesApprove, countersign.AuditExport, countersign.VaultsCreate, countersign.TransactionsCreate, countersign.AccountsCreate} {
		if slices.Contains(directory, p) {
			t.Errorf("an API key with all directory permissions holds %s", p)
		}
	}
}

func TestOnlyAPersonCanBeAdmin(t *testing.T) {
	for _, c := range []struct {
		user countersign.UserType
		role countersign.Role
		good bool
	}{
		{countersign.Person, countersign.RoleAdmin, true},
		{countersign.Person, countersign.RoleNone, true},
		{countersign.Person, countersign.NoRole, false},
		{countersign.APIUser, countersign.RoleAdmin, false},
		{countersign.APIUser, countersign.RoleTrader, true},
		{countersign.APISigner, countersign.NoRole, true},
		{countersign.APISigner, countersign.RoleViewer, false},
		{countersign.EndUser, countersign.RoleNone, false},
		{"robot", countersign.RoleViewer, false},
		{countersign.Person, "emperor", false},
	} {
		if err := countersign.CheckRole("role", c.user, c.role); (err == nil) != c.good {
			t.Errorf("%s as %q: %v", c.user, c.role, err)
		}
	}
}

// TestConfigurablePermissions is the table of contracts/box.md section 1.1.
func TestConfigurablePermissions(t *testing.T) {
	all := countersign.AllConfigurable()
	none := countersign.ConfigurablePermissions{}
	noReports := all
	noReports.RunReports = false
	given := func(m map[string]bool) countersign.Opt[map[string]bool] { return countersign.Some(m) }
	for name, c := range map[string]struct {
		given    countersign.Opt[map[string]bool]
		role     countersign.MembershipRole
		wasAdmin bool
		current  countersign.ConfigurablePermissions
		want     countersign.ConfigurablePermissions
	}{
		"absent, new admin":             {role: countersign.GroupAdmin, want: all},
		"absent, existing admin":        {role: countersign.GroupAdmin, wasAdmin: true, current: noReports, want: noReports},
		"null":                          {given: countersign.Null[map[string]bool](), role: countersign.GroupAdmin, wasAdmin: true, current: all, want: none},
		"empty object":                  {given: given(map[string]bool{}), role: countersign.GroupAdmin, wasAdmin: true, current: none, want: all},
		"one off, the others are on":    {given: given(map[string]bool{"can_run_reports": false}), role: countersign.GroupAdmin, wasAdmin: true, current: none, want: noReports},
		"members have none":             {given: given(map[string]bool{"can_run_reports": true}), role: countersign.GroupMember, want: none},
		"a demoted admin loses the set": {role: countersign.GroupMember, wasAdmin: true, current: all, want: none},
		"promoted again, from all":      {role: countersign.GroupAdmin, current: none, want: all},
	} {
		t.Run(name, func(t *testing.T) {
			if got := countersign.ResolveConfigurable(c.given, c.role, c.wasAdmin, c.current); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAMembershipGrantsWithinItsTermOnly(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		m    countersign.Membership
		want bool
	}{
		"active without bounds":  {countersign.Membership{State: countersign.MembershipActive}, true},
		"pending removal grants": {countersign.Membership{State: countersign.MembershipPendingRemoval}, true},
		"pending addition":       {countersign.Membership{State: countersign.MembershipPendingAddition}, false},
		"removed":                {countersign.Membership{State: countersign.MembershipRemoved}, false},
		"starts now":             {countersign.Membership{State: countersign.MembershipActive, StartsAt: noon}, true},
		"starts later":           {countersign.Membership{State: countersign.MembershipActive, StartsAt: noon.Add(1)}, false},
		"expires now":            {countersign.Membership{State: countersign.MembershipActive, ExpiresAt: noon}, false},
		"expires later":          {countersign.Membership{State: countersign.MembershipActive, ExpiresAt: noon.Add(1)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.m.GrantsAt(noon); got != c.want {
				t.Errorf("grants: %t", got)
			}
		})
	}
}

func TestPoliciesThatWouldOpenADoorAreRefused(t *testing.T) {
	admins := func(need int) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: need}}}
	}
	free := countersign.Requirement{Clauses: []countersign.Clause{}}
	rule := func(r countersign.Requirement, changes ...string) countersign.Policy {
		return countersign.Policy{Name: "p", Default: admins(1), Rules: []countersign.Rule{{ID: "r", Changes: changes, Requirement: r}}}
	}
	byGroup := rule(free, "membership.add")
	byGroup.Default.Clauses[0].Approvers = countersign.ApproverSet{GroupID: "01890a5d-ac96-774b-bcce-b302099a8057"}
	twice := rule(admins(1), "user.*")
	twice.Rules = append(twice.Rules, twice.Rules[0])
	cases := map[string]struct {
		policy countersign.Policy
		field  string
	}{
		"default without approvals":         {countersign.Policy{Name: "p", Default: free}, "policy.default"},
		"nameless":                          {countersign.Policy{Default: admins(1)}, "policy.name"},
		"free for everything":               {rule(free, "*"), "policy.rules.0.changes"},
		"free for a noun":                   {rule(free, "end_user.*"), "policy.rules.0.changes"},
		"unknown kind":                      {rule(admins(1), "user.explode"), "policy.rules.0.changes"},
		"no kinds":                          {rule(admins(1)), "policy.rules.0.changes"},
		"the same id twice":                 {twice, "policy.rules.1.id"},
		"need 0":                            {rule(admins(0), "user.*"), "policy.rules.0.requirement.clauses.0.need"},
		"nobody named":                      {rule(countersign.Requirement{Clauses: []countersign.Clause{{Need: 1}}}, "user.*"), "policy.rules.0.requirement.clauses.0.approvers"},
		"expires at once":                   {rule(countersign.Requirement{Clauses: admins(1).Clauses, ExpiresAfterSeconds: 1}, "user.*"), "policy.rules.0.requirement.expires_after_seconds"},
		"free road into the approver group": {byGroup, "policy.rules.0.changes"},
	}
	for _, kind := range countersign.ProtectedKinds() {
		cases["free for "+string(kind)] = struct {
			policy countersign.Policy
			field  string
		}{rule(free, string(kind)), "policy.rules.0.changes"}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.policy.Validate("policy")
			var own *countersign.Error
			if !errors.As(err, &own) || own.Field != c.field {
				t.Errorf("got %v, want a refusal of %s", err, c.field)
			}
		})
	}
	ready := countersign.TwoPersonPolicy()
	if err := ready.Validate("policy"); err != nil {
		t.Errorf("the ready-made policy: %v", err)
	}
	narrow := rule(free, "membership.add")
	if err := narrow.Validate("policy"); err != nil {
		t.Errorf("memberships may be free where admins approve: %v", err)
	}
}

func TestRulesMatchKindsNounsAndAll(t *testing.T) {
	for pattern, want := range map[string]bool{"user.invite": true, "user.*": true, "*": true, "user.update": false, "group.*": false, "use.*": false, "user": false} {
		if got := (countersign.Rule{Changes: []string{pattern}}).Matches(countersign.KindUserInvite); got != want {
			t.Errorf("%q matches user.invite: %t", pattern, got)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := countersign.NewSecret(countersign.Credential{ID: "c"}, "hunter2")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format, s); strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%s prints %s", format, text)
		}
	}
	outcome := countersign.Outcome{Secrets: []countersign.Secret{s}}
	if text := fmt.Sprintf("%+v", outcome); strings.Contains(text, "hunter2") {
		t.Errorf("inside an outcome it prints %s", text)
	}
	if encoded, err := json.Marshal(s); err != nil || strings.Contains(string(encoded), "hunter2") {
		t.Errorf("it is encoded as %s (%v)", encoded, err)
	}
	if s.Reveal() != "hunter2" {
		t.Error("it is lost")
	}
}

func TestErrorsReadAsTheirKind(t *testing.T) {
	cause := errors.New("disk on fire")
	err := fmt.Errorf("doing: %w", countersign.E(countersign.Stale, "name", "has moved").In("operations.3").Caused(cause))
	if !errors.Is(err, countersign.Stale) || errors.Is(err, countersign.Exists) || !errors.Is(err, cause) || countersign.KindOf(err) != countersign.Stale {
		t.Errorf("%v is not what it should be", err)
	}
	var own *countersign.Error
	if !errors.As(err, &own) || own.Field != "operations.3.name" || strings.Contains(own.Message, "fire") {
		t.Errorf("%+v", own)
	}
	if countersign.KindOf(cause) != "" || countersign.KindOf(nil) != "" {
		t.Error("an error without a kind has one")
	}
}

func TestEveryKindIsListedOnce(t *testing.T) {
	seen := map[countersign.ChangeKind]bool{}
	for _, kind := range countersign.ChangeKinds() {
		c, ok := countersign.NewChange(kind)
		if !ok || c.Kind() != kind || seen[kind] || strings.Count(string(kind), ".") != 1 {
			t.Errorf("%s", kind)
		}
		seen[kind] = true
		if c.Validate() == nil && !strings.HasPrefix(string(kind), "organization.") {
			t.Errorf("an empty %s is valid", kind)
		}
	}
	if _, ok := countersign.NewChange("user.explode"); ok {
		t.Error("an unknown kind has a change")
	}
}

func TestEmailsAndAddresses(t *testing.T) {
	for s, good := range map[string]bool{
		"ada@example.org": true, "a+b.c@x.y.z": true, "é@example.org": true,
		"": false, "ada": false, "@x": false, "a@": false, "a@b@c": false, "a b@c.d": false, "a@.x": false, "a@x.": false, "<a@b.c>": false, "a@b.c,d@e.f": false,
	} {
		c := countersign.InvitePerson{Name: "A", Email: s, Role: countersign.RoleViewer}
		if err := c.Validate(); (err == nil) != good {
			t.Errorf("%q: %v", s, err)
		}
	}
	for s, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "192.0.2.7/24": "192.0.2.0/24", "2001:db8::1": "2001:db8::1/128", "::ffff:192.0.2.7": "192.0.2.7/32",
		"": "", "192.0.2": "", "fe80::1%eth0": "", "192.0.2.7/33": "", "localhost": "",
	} {
		got, err := countersign.ParseAllowedIP("ip", s)
		if want == "" && err == nil || want != "" && got.String() != want {
			t.Errorf("%q reads as %v (%v)", s, got, err)
		}
	}
}
