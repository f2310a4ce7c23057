package client_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/countersign/countersign/client"
)

// Every member of an answer has a field, and every field a member: nothing the
// server says is dropped, and nothing waits for what it never says.
func TestObjectsHaveTheMembersOfTheDocument(t *testing.T) {
	doc, _ := newContract(t)
	for name, of := range map[string]reflect.Type{
		"User":                reflect.TypeFor[client.User](),
		"Group":               reflect.TypeFor[client.Group](),
		"Membership":          reflect.TypeFor[client.Membership](),
		"Credential":          reflect.TypeFor[client.Credential](),
		"Receipt":             reflect.TypeFor[client.Receipt](),
		"Change":              reflect.TypeFor[client.Change](),
		"Preview":             reflect.TypeFor[client.Preview](),
		"EffectivePermission": reflect.TypeFor[client.EffectivePermission](),
		"Verdict":             reflect.TypeFor[client.Verdict](),
		"EvaluationAnswer":    reflect.TypeFor[client.EvaluationAnswer](),
		"RuleHealth":          reflect.TypeFor[client.RuleHealth](),
		"Finding":             reflect.TypeFor[client.Finding](),
		"CatalogueEntry":      reflect.TypeFor[client.CatalogueEntry](),
		"Recovery":            reflect.TypeFor[client.Recovery](),
		"RecoveryOpened":      reflect.TypeFor[client.RecoveryOpened](),
		"Organization":        reflect.TypeFor[client.Organization](),
		"Me":                  reflect.TypeFor[client.Me](),
		"SetupAnswer":         reflect.TypeFor[client.SetupAnswer](),
		"Redeemed":            reflect.TypeFor[client.Redeemed](),
		"Entry":               reflect.TypeFor[client.Entry](),
		"Opening":             reflect.TypeFor[client.Opening](),
		"InclusionProof":      reflect.TypeFor[client.InclusionProof](),
		"ConsistencyProof":    reflect.TypeFor[client.ConsistencyProof](),
		"Policy":              reflect.TypeFor[client.Policy](),
		"Import":              reflect.TypeFor[client.Import](),
		"ImportOpening":       reflect.TypeFor[client.ImportOpening](),
		"ImportRows":          reflect.TypeFor[client.ImportRows](),
		"ImportedBatch":       reflect.TypeFor[client.ImportedBatch](),
		"UserList":            reflect.TypeFor[client.List[client.User]](),
	} {
		schema := doc.doc.Components.Schemas[name]
		if schema == nil {
			t.Errorf("the document has no schema %s", name)
			continue
		}
		compare(t, name, schema, of, 0)
	}
}

func compare(t *testing.T, at string, ref *openapi3.SchemaRef, of reflect.Type, depth int) {
	t.Helper()
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	s := ref.Value
	if s.Type.Includes("array") {
		s = s.Items.Value
	}
	for _, alternative := range s.AnyOf {
		if alternative.Value.Type.Includes("object") {
			s = alternative.Value
		}
	}
	if of.Kind() != reflect.Struct || len(s.Properties) == 0 || depth > 6 || strings.HasSuffix(at, "operations") {
		return
	}
	fields := map[string]reflect.Type{}
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			fields[name] = of.Field(i).Type
		}
	}
	for name, property := range s.Properties {
		field, ok := fields[name]
		if !ok {
			if !(at == "Receipt" && name == "secrets") { // which stand in the Outcome
				t.Errorf("%s.%s has no field in %v", at, name, of)
			}
			continue
		}
		compare(t, at+"."+name, property, field, depth+1)
	}
	for name := range fields {
		if s.Properties[name] == nil {
			t.Errorf("%v has a field for %s.%s, which does not exist", of, at, name)
		}
	}
}

// An answer with every member decodes, and its values arrive.
func TestValuesArrive(t *testing.T) {
	doc, server := newContract(t)
	c := client.New(server.URL, someToken)
	change, err := c.GetChange(t.Context(), someID)
	if err != nil {
		t.Fatal(err)
	}
	if change.Effects[0].Fact == "" || change.Impact == nil || change.Impact.Users[0].Gained[0] != "users.read" || change.Needs[0].Need != 7 ||
		change.CreatedAt.Year() != 2026 || change.Operations[0].Kind != "user.invite" || change.Approvals[0].Decision != client.Approve {
		t.Errorf("a change arrived as %+v", change)
	}
	users, err := c.ListUsers(t.Context(), client.UserQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if users.Revision != 4211 || users.Total != 7 || users.Items[0].ID != someID || users.Items[0].Groups[0].MembershipID != someID {
		t.Errorf("users arrived as %+v", users)
	}
	entry, err := c.GetEntry(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(entry.LeafHash) != 32 {
		t.Errorf("a hash arrived as %x", entry.LeafHash)
	}
	_ = doc
}

// What the words of the client say is what the document says.
func TestWordsAreThoseOfTheDocument(t *testing.T) {
	doc, _ := newContract(t)
	for schema, words := range map[string][]string{
		"UserType":        words(client.Person, client.APIUser, client.APISigner, client.EndUser),
		"Role":            words(client.RoleAdmin, client.RoleTrader, client.RoleViewer, client.RoleNone),
		"UserState":       words(client.UserStatePendingApproval, client.UserStateOnboardingCode, client.UserStateOnboardingActivation, client.UserStateActive, client.UserStateResetDeviceCode, client.UserStateResetDeviceActivation, client.UserStateSuspended, client.UserStateDeleted),
		"GroupState":      words(client.GroupStatePendingApproval, client.GroupStateActive, client.GroupStateDeleted),
		"MembershipState": words(client.MembershipStateActive, client.MembershipStatePendingAddition, client.MembershipStatePendingRemoval, client.MembershipStateRemoved),
		"MembershipRole":  words(client.Member, client.GroupAdmin),
		"Audience":        words(client.AdminsOnly, client.AdminsAndMembers, client.AllManagedUsers),
		"ChangeState":     words(client.ChangeStatePending, client.ChangeStateScheduled, client.ChangeStateApplied, client.ChangeStateRejected, client.ChangeStateCancelled, client.ChangeStateExpired, client.ChangeStateStale, client.ChangeStateFailed),
		"CredentialType":  words(client.Token, client.EnrolmentCode, client.SigningKey, client.OAuthClient, client.Password, client.ApprovalKey),
		"CredentialState": words(client.CredentialStatePending, client.CredentialStateActive, client.CredentialStateRedeemed, client.CredentialStateRevoked),
	} {
		var said []string
		for _, v := range doc.doc.Components.Schemas[schema].Value.Enum {
			said = append(said, v.(string))
		}
		if !slices.Equal(said, words) {
			t.Errorf("%s: the document says %q, the client %q", schema, said, words)
		}
	}
	var kinds []string
	for _, op := range everyOperation(client.Policy{}, client.MembershipAdd{}, client.MembershipPatch{}, client.GroupPatch{}, client.GroupCreate{}) {
		kinds = append(kinds, op.Kind())
	}
	for _, ref := range doc.doc.Components.Schemas["Operation"].Value.OneOf {
		if kind := ref.Value.Properties["kind"].Value.Const.(string); !slices.Contains(kinds, kind) {
			t.Errorf("the client has no operation %s", kind)
		}
	}
}

func words[T ~string](list ...T) []string {
	var out []string
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}

func TestAbsentNullAndValueDifferInAPatch(t *testing.T) {
	for want, patch := range map[string]client.GroupPatch{
		`{}`:                   {},
		`{"description":null}`: {Description: client.Null[string]()},
		`{"description":""}`:   {Description: client.Value("")},
		`{"permissions":[]}`:   {Permissions: client.Value([]client.Permission{})},
	} {
		got, err := json.Marshal(patch)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

func TestAnOperationSurvivesBothWays(t *testing.T) {
	var op client.SubmittedOperation
	if err := json.Unmarshal([]byte(`{"user_id":"u","kind":"user.suspend"}`), &op); err != nil {
		t.Fatal(err)
	}
	if op.Kind != "user.suspend" || string(op.Fields["user_id"]) != `"u"` || len(op.Fields) != 1 {
		t.Errorf("read as %+v", op)
	}
	again, err := json.Marshal(op)
	if err != nil || string(again) != `{"kind":"user.suspend","user_id":"u"}` {
		t.Errorf("written as %s, %v", again, err)
	}
	for _, bad := range []string{`null`, `[]`, `"x"`, `{"kind":7}`} {
		if err := json.Unmarshal([]byte(bad), &op); err == nil {
			t.Errorf("%s was taken for an operation", bad)
		}
	}
	none, err := json.Marshal(client.SubmittedOperation{Kind: "organization.seal"})
	if err != nil || string(none) != `{"kind":"organization.seal"}` {
		t.Errorf("written as %s, %v", none, err)
	}
}
