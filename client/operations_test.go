package client_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
)

func TestEveryOperationHasAMethod(t *testing.T) {
	doc, _ := newContract(t)
	methods := reflect.TypeFor[*client.Client]()
	for id := range doc.operations() {
		if _, ok := methods.MethodByName(strings.ToUpper(id[:1]) + id[1:]); !ok {
			t.Errorf("the operation %s has no method", id)
		}
	}
}

// called names a call and makes it. Together they use every operation, every
// parameter and every body member of the document; the test below says what they
// leave out.
func calls(c *client.Client) []func(*testing.T) error {
	p := []client.Permission{"users.read"}
	member := client.MemberQuery{
		States: []client.MembershipState{client.MembershipStateActive}, Roles: []client.MembershipRole{client.Member},
		Sort: []string{"-created", "user_name"}, Paging: client.Paging{Limit: 5, Cursor: "abc"},
	}
	numbered := client.MemberQuery{Paging: client.Paging{Page: 2, Size: 10}}
	admins := client.Requirement{
		Clauses: []client.Clause{{Approvers: client.ApproverSet{Role: "admin"}, Need: 1}}, ExpiresAfterSeconds: 3600,
		Distinct: 2, Exclusive: true, Veto: 2, DelaySeconds: 60, MustHold: true, Signed: client.SigningRequired,
	}
	narrow := client.Condition{
		GroupIDs: []client.GroupID{someID}, Permissions: []client.Permission{"desk.trade"}, UserTypes: []client.UserType{client.EndUser},
		RequesterTypes: []client.UserType{client.Person}, Approvers: true,
	}
	policy := client.Policy{
		Name: "mine", Default: admins, AcceptedRisks: []string{"no_spare_for_targets"},
		Exclusions: []client.Exclusion{{ID: "x", Sides: [][]client.Permission{{"users.read"}, {"users.create", "users.update"}}}},
		Rules:      []client.Rule{{ID: "r", Changes: []string{"user.*"}, Requirement: admins}, {ID: "free", Changes: []string{"user.create_end_user"}, When: narrow}},
	}
	write := []client.WriteOption{client.Reason("because – naturally"), client.IdempotencyKey("key-1")}
	versioned := append(slices.Clone(write), client.IfMatch(4207))
	dry := []client.WriteOption{client.DryRun()}
	least := client.AtLeast(4211)
	when := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []func(*testing.T) error
	do := func(f func(t *testing.T) error) { all = append(all, f) }

	// users
	do(func(t *testing.T) error {
		_, err := c.ListUsers(t.Context(), client.UserQuery{
			Types: []client.UserType{client.Person, client.APIUser}, Roles: []client.Role{client.RoleAdmin},
			States: []client.UserState{client.UserStateActive}, IncludeDeleted: true, IDs: []client.UserID{someID}, NotIDs: []client.UserID{otherID},
			Names: []string{"Grace", "Ada & Co"}, Emails: []string{"grace@northwind.example"}, ExternalIDs: []string{"x=1"},
			GroupIDs: []client.GroupID{otherID}, MembershipStates: []client.MembershipState{client.MembershipStateActive},
			NotGroupIDs: []client.GroupID{otherID}, Text: "gr", Permission: "users.read", Sort: []string{"role", "-name"},
			Paging: client.Paging{Limit: 400, Cursor: "abc"},
		}, least)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListUsers(t.Context(), client.UserQuery{Paging: client.Paging{Page: 2, Size: 10}})
		return err
	})
	for _, u := range []client.NewUser{
		client.UserInvite{Name: "Grace", Email: "grace@northwind.example", Role: client.RoleTrader, Profile: wholeProfile, GroupIDs: []client.GroupID{otherID}},
		client.UserCreateAPIUser{Name: "bot", Role: client.RoleViewer, ResponsiblePersonID: someID, Permissions: p, AllowedIPs: []string{"192.0.2.0/24"}, GroupIDs: []client.GroupID{otherID}},
		client.UserCreateAPISigner{Name: "signer", ResponsiblePersonID: someID},
		client.UserCreateEndUser{ExternalID: "c-1", Name: "Client"},
	} {
		do(func(t *testing.T) error { _, err := c.CreateUser(t.Context(), u, write...); return err })
	}
	do(func(t *testing.T) error {
		_, err := c.CreateUser(t.Context(), client.UserCreateEndUser{ExternalID: "c-1"}, dry...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetUser(t.Context(), someID, least); return err })
	do(func(t *testing.T) error {
		_, err := c.UpdateUser(t.Context(), someID, client.UserPatch{
			Name: client.Value("Grace"), Email: client.Value("g@northwind.example"), ExternalID: client.Value("x"), AllowedIPs: client.Null[[]string](),
			ResponsiblePersonID: client.Value(client.UserID(otherID)), Role: client.Value(client.RoleAdmin), Permissions: client.Value(p),
			Profile: client.Null[map[string]string](),
		}, versioned...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.UpdateUser(t.Context(), someID, client.UserPatch{AllowedIPs: client.Value([]string{})}, dry...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.DeleteUser(t.Context(), someID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.DeleteUser(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error { _, err := c.SuspendUser(t.Context(), someID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.SuspendUser(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error { _, err := c.ReactivateUser(t.Context(), someID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.ReactivateUser(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error { _, err := c.ResetDevice(t.Context(), someID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.ResetDevice(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error {
		_, err := c.MakeOnboardingCode(t.Context(), someID, versioned...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.MakeOnboardingCode(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error {
		_, err := c.ActivateUser(t.Context(), someID, client.NewSecretValue("7Q2M"), "laptop", client.IdempotencyKey("key-1"))
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListUserMemberships(t.Context(), someID, member, least)
		return err
	})
	do(func(t *testing.T) error { _, err := c.ListUserMemberships(t.Context(), someID, numbered); return err })
	do(func(t *testing.T) error { _, err := c.ListUserPermissions(t.Context(), someID, least); return err })

	// groups
	do(func(t *testing.T) error {
		_, err := c.ListGroups(t.Context(), client.GroupQuery{
			States: []client.GroupState{client.GroupStateActive}, IDs: []client.GroupID{otherID}, NotIDs: []client.GroupID{someID}, Names: []string{"Treasury"},
			UserIDs: []client.UserID{someID}, ModifiedBy: []client.UserID{someID}, Text: "tr", Permission: "users.read",
			Sort: []string{"-users_count"}, Paging: client.Paging{Limit: 1, Cursor: "abc"},
		}, least)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListGroups(t.Context(), client.GroupQuery{Paging: client.Paging{Page: 1, Size: 1}})
		return err
	})
	group := client.GroupCreate{
		Name: "Treasury", Description: "d", Permissions: p, ExternalSyncIdentifier: "e", Provenance: "okta",
		Invitability: client.AdminsOnly, MemberViewability: client.AllManagedUsers, MemberIDs: []client.UserID{someID},
	}
	do(func(t *testing.T) error { _, err := c.CreateGroup(t.Context(), group, write...); return err })
	do(func(t *testing.T) error { _, err := c.CreateGroup(t.Context(), group, dry...); return err })
	do(func(t *testing.T) error { _, err := c.GetGroup(t.Context(), otherID, least); return err })
	groupPatch := client.GroupPatch{
		Name: client.Value("T"), Description: client.Null[string](), Permissions: client.Value(p), ExternalSyncIdentifier: client.Null[string](),
		Provenance: client.Value("x"), Invitability: client.Value(client.AdminsAndMembers), MemberViewability: client.Value(client.AdminsOnly),
	}
	do(func(t *testing.T) error {
		_, err := c.UpdateGroup(t.Context(), otherID, groupPatch, versioned...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.UpdateGroup(t.Context(), otherID, groupPatch, dry...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.DeleteGroup(t.Context(), otherID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.DeleteGroup(t.Context(), otherID, dry...); return err })
	do(func(t *testing.T) error {
		_, err := c.ListGroupMembers(t.Context(), otherID, member, least)
		return err
	})
	do(func(t *testing.T) error { _, err := c.ListGroupMembers(t.Context(), otherID, numbered); return err })
	do(func(t *testing.T) error {
		_, err := c.ReplaceGroupMembers(t.Context(), otherID, []client.UserID{someID}, versioned...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ReplaceGroupMembers(t.Context(), otherID, nil, dry...)
		return err
	})

	// memberships
	do(func(t *testing.T) error {
		_, err := c.ListMemberships(t.Context(), client.MembershipQuery{UserIDs: []client.UserID{someID}, GroupIDs: []client.GroupID{otherID}, MemberQuery: member}, least)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListMemberships(t.Context(), client.MembershipQuery{MemberQuery: numbered})
		return err
	})
	switches := client.Value(client.ConfigurableSwitches{
		CanCreateAccounts: client.Value(true), CanEditAccounts: client.Value(false), CanRunReports: client.Value(true), CanInstantLogin: client.Value(true),
	})
	add := client.MembershipAdd{UserID: someID, GroupID: otherID, Role: client.GroupAdmin, ConfigurablePermissions: switches, StartsAt: when, ExpiresAt: when}
	do(func(t *testing.T) error { _, err := c.CreateMembership(t.Context(), add, write...); return err })
	do(func(t *testing.T) error { _, err := c.CreateMembership(t.Context(), add, dry...); return err })
	do(func(t *testing.T) error { _, err := c.GetMembership(t.Context(), someID, least); return err })
	memberPatch := client.MembershipPatch{Role: client.Value(client.GroupAdmin), ConfigurablePermissions: switches, StartsAt: client.Value(when), ExpiresAt: client.Null[time.Time]()}
	do(func(t *testing.T) error {
		_, err := c.UpdateMembership(t.Context(), someID, memberPatch, versioned...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.UpdateMembership(t.Context(), someID, memberPatch, dry...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.DeleteMembership(t.Context(), someID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.DeleteMembership(t.Context(), someID, dry...); return err })

	// changes
	do(func(t *testing.T) error {
		_, err := c.ListChanges(t.Context(), client.ChangeQuery{
			States: []client.ChangeState{client.ChangeStatePending, client.ChangeStateStale}, NeedsMe: true, UserID: someID, GroupID: otherID, Reachable: new(bool), VotedWith: otherID,
			Paging: client.Paging{Limit: 3, Cursor: "abc"},
		}, least)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListChanges(t.Context(), client.ChangeQuery{Paging: client.Paging{Page: 1, Size: 3}})
		return err
	})
	batch := client.ChangeSubmission{Operations: everyOperation(policy, add, memberPatch, groupPatch, group), Reason: "all of them"}
	do(func(t *testing.T) error {
		_, err := c.SubmitChange(t.Context(), batch, client.IdempotencyKey("key-1"), client.IfMatch(4207))
		return err
	})
	do(func(t *testing.T) error { _, err := c.SubmitChange(t.Context(), batch, dry...); return err })
	do(func(t *testing.T) error {
		_, err := c.SubmitChange(t.Context(), client.ChangeSubmission{Operations: []client.Operation{client.OrganizationFreeze{}}, Reason: "a stolen phone", Emergency: true})
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetChange(t.Context(), someID, least); return err })
	digest := strings.Repeat("9b74c989", 8)
	do(func(t *testing.T) error {
		_, err := c.DecideChange(t.Context(), someID, client.Decision{Decision: client.Approve, Digest: digest, Statement: "s", Signature: "s", CredentialID: someID, Method: client.MethodEd25519}, write...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.DecideChange(t.Context(), someID, client.Decision{Decision: client.Deny, Digest: digest}, dry...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetChangeDocument(t.Context(), someID, least); return err })
	do(func(t *testing.T) error {
		_, err := c.MakeStatement(t.Context(), someID, client.Approve, someID)
		return err
	})
	do(func(t *testing.T) error { _, err := c.CancelChange(t.Context(), someID, write...); return err })
	do(func(t *testing.T) error { _, err := c.CancelChange(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error { _, err := c.ReplaceChange(t.Context(), someID, batch, write...); return err })
	do(func(t *testing.T) error {
		alone := batch
		alone.RejectOverlap = true
		_, err := c.ReplaceChange(t.Context(), someID, alone, dry...)
		return err
	})
	do(func(t *testing.T) error {
		alone := batch
		alone.RejectOverlap = true
		_, err := c.SubmitChange(t.Context(), alone, dry...)
		return err
	})

	// imports
	someSum, someSalt := strings.Repeat("ab", 32), strings.Repeat("ab", 16)
	opening := client.ImportOpening{
		Label: "from Okta", Salt: someSalt, Files: []client.ImportFile{{File: "users.csv", SHA256: someSum, Rows: 7, Rejected: 1}}, Permissions: p, SkipRejects: true,
		Batches: []client.ImportBatchSummary{
			{Digest: someSum, Counts: client.ImportCounts{Persons: 2, Admins: 1, EndUsers: 1, APIUsers: 1, Grantees: 1}},
			{Digest: someSum, Counts: client.ImportCounts{Groups: 1}},
			{Digest: someSum, Counts: client.ImportCounts{Memberships: 1, GroupAdmins: 1}},
		},
	}
	rows, err := json.Marshal(client.ImportRows{
		Salt:        someSalt,
		Users:       []client.ImportUser{{Line: 2, Type: client.APIUser, Name: "N", Email: "e@x.example", Role: "none", ExternalID: "x", Permissions: p, Responsible: "r@x.example"}},
		Groups:      []client.ImportGroup{{Line: 2, Name: "G & <H>", Description: "d", Permissions: p, ExternalSyncIdentifier: "x"}},
		Memberships: []client.ImportMembership{{Line: 2, Group: "G", User: "U", Role: client.GroupAdmin, StartsAt: when, ExpiresAt: when}},
	})
	if err != nil {
		panic(err)
	}
	do(func(t *testing.T) error { _, err := c.OpenImport(t.Context(), opening, write...); return err })
	do(func(t *testing.T) error { _, err := c.OpenImport(t.Context(), opening, dry...); return err })
	do(func(t *testing.T) error { _, err := c.GetImport(t.Context(), someID, least); return err })
	do(func(t *testing.T) error {
		_, err := c.TakeImportBatch(t.Context(), someID, 17, rows, write...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.TakeImportBatch(t.Context(), someID, 17, rows, dry...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetImportBatch(t.Context(), someID, 17, least); return err })

	// policy, check
	do(func(t *testing.T) error { _, _, err := c.GetPolicy(t.Context(), least); return err })
	do(func(t *testing.T) error { _, err := c.PutPolicy(t.Context(), policy, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.PutPolicy(t.Context(), policy, dry...); return err })
	do(func(t *testing.T) error { _, err := c.GetPolicyHealth(t.Context(), least); return err })
	do(func(t *testing.T) error {
		_, err := c.ListViolations(t.Context(), client.Paging{Limit: 1, Cursor: "abc"}, least)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListViolations(t.Context(), client.Paging{Page: 2, Size: 3})
		return err
	})
	do(func(t *testing.T) error { _, err := c.LintPolicy(t.Context(), policy); return err })
	do(func(t *testing.T) error {
		_, err := c.ListEmergencies(t.Context(), client.EmergencyQuery{Paging: client.Paging{Limit: 1, Cursor: "abc"}, Unratified: true}, least)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListEmergencies(t.Context(), client.EmergencyQuery{Paging: client.Paging{Page: 2, Size: 3}})
		return err
	})
	question := client.Question{UserID: someID, Permission: "users.read", Resource: "r", Explain: true}
	do(func(t *testing.T) error { _, err := c.Check(t.Context(), question, least); return err })
	do(func(t *testing.T) error {
		_, err := c.CheckBatch(t.Context(), []client.Question{question}, least)
		return err
	})
	one := client.Evaluation{
		Subject: &client.Subject{Type: "user", ID: someID, Properties: map[string]any{"a": 1}}, Action: &client.Action{Name: "read", Properties: map[string]any{"a": 1}},
		Resource: &client.Resource{Type: "accounts", ID: "7", Properties: map[string]any{"a": 1}}, Context: map[string]any{"ip": "::1"},
	}
	do(func(t *testing.T) error { _, err := c.Evaluate(t.Context(), one, least); return err })
	do(func(t *testing.T) error {
		_, err := c.EvaluateAll(t.Context(), client.Evaluations{Evaluation: one, Semantic: "deny_on_first_deny", Items: []client.Evaluation{one}}, least)
		return err
	})

	// credentials, audit, permissions, organization, the deployment
	do(func(t *testing.T) error { _, err := c.ListCredentials(t.Context(), someID, least); return err })
	credential := client.CredentialCreate{UserID: someID, Type: client.SigningKey, Label: "l", LifetimeSeconds: 60, PublicKey: "PEM"}
	do(func(t *testing.T) error { _, err := c.CreateCredential(t.Context(), credential, write...); return err })
	do(func(t *testing.T) error { _, err := c.CreateCredential(t.Context(), credential, dry...); return err })
	do(func(t *testing.T) error { _, err := c.IssueEnrolmentCode(t.Context(), someID, write...); return err })
	do(func(t *testing.T) error { _, err := c.IssueEnrolmentCode(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error {
		_, err := c.RedeemCode(t.Context(), client.NewSecretValue("7Q2M"), "laptop", client.IdempotencyKey("key-1"))
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetCredential(t.Context(), someID, least); return err })
	do(func(t *testing.T) error { _, err := c.RevokeCredential(t.Context(), someID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.RevokeCredential(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error { _, err := c.CollectSecret(t.Context(), someID, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.CollectSecret(t.Context(), someID, dry...); return err })
	do(func(t *testing.T) error {
		_, err := c.ListEntries(t.Context(), client.EntryQuery{From: 3, Limit: 5}, least)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.ListEntries(t.Context(), client.EntryQuery{Cursor: "abc"})
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetEntry(t.Context(), 0); return err })
	do(func(t *testing.T) error { _, err := c.GetCheckpoint(t.Context()); return err })
	do(func(t *testing.T) error { _, err := c.ProveInclusion(t.Context(), 0, 9); return err })
	do(func(t *testing.T) error { _, err := c.ProveConsistency(t.Context(), 3, 9); return err })
	do(func(t *testing.T) error { _, err := c.ListPermissions(t.Context(), least); return err })
	entry := client.PermissionAdd{Permission: "payouts.release", Description: "d"}
	do(func(t *testing.T) error { _, err := c.AddPermission(t.Context(), entry, write...); return err })
	do(func(t *testing.T) error { _, err := c.AddPermission(t.Context(), entry, dry...); return err })
	do(func(t *testing.T) error {
		_, err := c.UpdatePermission(t.Context(), "payouts.release", "d", versioned...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.UpdatePermission(t.Context(), "payouts.release", "d", dry...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.RemovePermission(t.Context(), "payouts.release", versioned...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.RemovePermission(t.Context(), "payouts.release", dry...)
		return err
	})
	do(func(t *testing.T) error {
		_, err := c.SetUp(t.Context(), client.SetupRequest{Organization: "Northwind", AdminName: "Ada", AdminEmail: "ada@northwind.example"})
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetMe(t.Context(), least); return err })
	do(func(t *testing.T) error { _, err := c.GetOrganization(t.Context(), least); return err })
	named := client.OrganizationPatch{Name: client.Value("Northwind")}
	do(func(t *testing.T) error { _, err := c.UpdateOrganization(t.Context(), named, versioned...); return err })
	seal := client.OrganizationSeal{Policy: &policy, Recovery: &someKeys, AcceptedRisks: []string{"no_spare_for_targets"}}
	do(func(t *testing.T) error { _, err := c.GetRecovery(t.Context(), least); return err })
	do(func(t *testing.T) error { _, err := c.ReplaceRecovery(t.Context(), someKeys, versioned...); return err })
	do(func(t *testing.T) error { _, err := c.ReplaceRecovery(t.Context(), someKeys, dry...); return err })
	do(func(t *testing.T) error { _, err := c.RunDrill(t.Context(), "default", write...); return err })
	do(func(t *testing.T) error { _, err := c.RunDrill(t.Context(), "default", dry...); return err })
	rescue := client.RecoveryRequest{OrganizationID: someID, Reason: "locked out", Operations: []client.Operation{
		client.UserInvite{Name: "Grace", Email: "grace@northwind.example", Role: client.RoleAdmin, Profile: wholeProfile, GroupIDs: []client.GroupID{otherID}},
		client.RecoveryAccess{UserID: client.PrecedingUser, CodeHash: someSum},
		client.OrganizationThaw{},
		client.UserChangeRole{UserID: someID, Role: client.RoleAdmin},
		client.PolicyPut{Policy: policy},
	}}
	do(func(t *testing.T) error { _, err := c.MakeRecoveryStatement(t.Context(), rescue); return err })
	do(func(t *testing.T) error {
		_, err := c.OpenRecovery(t.Context(), rescue, client.RecoveryAct{Statement: "{}", Signatures: []client.RecoverySignature{{Key: someSum, Signature: "eA=="}, {Key: someSum, Signature: "eA=="}}})
		return err
	})
	do(func(t *testing.T) error { _, err := c.UpdateOrganization(t.Context(), named, dry...); return err })
	do(func(t *testing.T) error { _, err := c.SealOrganization(t.Context(), seal, versioned...); return err })
	do(func(t *testing.T) error {
		_, err := c.SealOrganization(t.Context(), client.OrganizationSeal{}, dry...)
		return err
	})
	do(func(t *testing.T) error { _, err := c.GetDocument(t.Context()); return err })
	do(func(t *testing.T) error { _, err := c.GetHealth(t.Context()); return err })
	do(func(t *testing.T) error { _, err := c.GetReadiness(t.Context()); return err })
	do(func(t *testing.T) error { _, err := c.GetMetrics(t.Context()); return err })
	return all
}

// someKeys are a recovery set with everything in it.
var someKeys = client.RecoverySet{Keys: []client.RecoveryKey{{Name: "bank", PublicKey: "PEM"}, {Name: "notary", PublicKey: "PEM 2"}}, Need: 2, DelaySeconds: 86400}

// wholeProfile has every entry there is.
var wholeProfile = map[string]string{
	"address": "1 Main St", "can_see_managed_users": "true", "content_status": "cannot_delete_edit", "external_app_user_id": "x",
	"is_exempt_from_device_limits": "true", "is_exempt_from_login_verification": "true", "is_external_collab_restricted": "true",
	"is_password_reset_required": "true", "is_platform_access_only": "true", "is_sync_enabled": "false", "job_title": "Treasurer",
	"language": "en", "notification_email": "g@northwind.example", "phone": "5550100", "space_amount": "-1", "telegram_chat_id": "7",
	"timezone": "UTC", "tracking_codes": `[["cost center","7"]]`,
}

func everyOperation(policy client.Policy, add client.MembershipAdd, memberPatch client.MembershipPatch, groupPatch client.GroupPatch, group client.GroupCreate) []client.Operation {
	p := []client.Permission{"users.read"}
	return []client.Operation{
		client.UserInvite{Name: "Grace", Email: "grace@northwind.example", Role: client.RoleTrader, Profile: wholeProfile, GroupIDs: []client.GroupID{otherID}},
		client.UserCreateAPIUser{Name: "bot", Role: client.RoleViewer, ResponsiblePersonID: someID, Permissions: p, AllowedIPs: []string{"192.0.2.0/24"}, GroupIDs: []client.GroupID{otherID}},
		client.UserCreateAPISigner{Name: "signer", ResponsiblePersonID: someID},
		client.UserCreateEndUser{ExternalID: "c-1", Name: "Client"},
		client.UserUpdate{
			UserID: someID, Name: client.Value("n"), Email: client.Value("g@northwind.example"), ExternalID: client.Value("x"),
			AllowedIPs: client.Value([]string{"::1"}), ResponsiblePersonID: client.Value(client.UserID(otherID)),
			Profile: client.Value(map[string]string{"phone": ""}),
		},
		client.UserChangeRole{UserID: someID, Role: client.RoleNone},
		client.UserGrant{UserID: someID, Permissions: p},
		client.UserRevoke{UserID: someID, Permissions: p},
		client.UserSetPermissions{UserID: someID, Permissions: p},
		client.UserOnboardingCode{UserID: someID},
		client.UserResetDevice{UserID: someID},
		client.UserSuspend{UserID: someID},
		client.UserReactivate{UserID: someID},
		client.UserDelete{UserID: someID},
		group,
		client.GroupUpdate{GroupID: otherID, GroupPatch: groupPatch},
		client.GroupReplaceMembers{GroupID: otherID, MemberIDs: []client.UserID{someID}},
		client.GroupDelete{GroupID: otherID},
		add,
		client.MembershipUpdate{MembershipID: someID, MembershipPatch: memberPatch},
		client.MembershipRemove{MembershipID: someID},
		client.CredentialCreate{UserID: someID, Type: client.Token, Label: "l", LifetimeSeconds: 60, PublicKey: "PEM"},
		client.CredentialIssueCode{UserID: someID},
		client.CredentialCollect{CredentialID: someID},
		client.CredentialRevoke{CredentialID: someID},
		client.PermissionAdd{Permission: "payouts.release", Description: "d"},
		client.PermissionUpdate{Permission: "payouts.release", Description: "d"},
		client.PermissionRemove{Permission: "payouts.release"},
		client.PolicyPut{Policy: policy},
		client.OrganizationUpdate{Name: "Northwind"},
		client.OrganizationSeal{Policy: &policy, Recovery: &someKeys, AcceptedRisks: []string{"no_recovery_keys"}},
		client.RecoveryReplace{Recovery: someKeys},
		client.DrillRun{RuleID: "default"},
		client.OrganizationFreeze{},
		client.OrganizationThaw{},
		client.RawOperation(`{"kind": "user.suspend", "user_id": "` + someID + `"}`),
	}
}
