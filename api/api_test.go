package api_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/api"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentIsValidOpenAPIWithValidExamples(t *testing.T) {
	if err := load(t).Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Redemption is a public act of its own, an import has addresses of its own, so has
// a recovery, and a ratification is asked for by the directory: none is an operation
// of a batch.
func TestEveryKindThatAClientMaySubmitIsAnOperation(t *testing.T) {
	doc := load(t)
	var kinds, want []string
	for _, ref := range doc.Components.Schemas["Operation"].Value.OneOf {
		kinds = append(kinds, ref.Value.Properties["kind"].Value.Const.(string))
	}
	for _, kind := range countersign.ChangeKinds() {
		if kind != countersign.KindUserActivate && kind != countersign.KindCredentialRedeem &&
			kind != countersign.KindImportOpen && kind != countersign.KindImportBatch && kind != countersign.KindRecoveryAccess && kind != countersign.KindEmergencyRatify {
			want = append(want, string(kind))
		}
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("operations (-kinds of the vocabulary +document)\n%s", diff)
	}
	mapping := doc.Components.Schemas["Operation"].Value.Discriminator.Mapping
	for _, kind := range kinds {
		if _, ok := mapping[kind]; !ok {
			t.Errorf("the discriminator does not map %s", kind)
		}
	}
	if len(mapping) != len(kinds) {
		t.Errorf("the discriminator maps %d kinds, want %d", len(mapping), len(kinds))
	}
}

func TestEveryOperationIsNamedOnceAndDescribed(t *testing.T) {
	seen := map[string]string{}
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			at := method + " " + path
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) == 0 {
				t.Errorf("%s lacks an operationId, a summary or a tag", at)
			}
			if other, ok := seen[op.OperationID]; ok {
				t.Errorf("%s and %s are both called %s", at, other, op.OperationID)
			}
			seen[op.OperationID] = at
		}
	}
}

// The enumerations are those of the vocabulary, not a memory of them.
func TestEnumerationsAreThoseOfTheVocabulary(t *testing.T) {
	doc := load(t)
	words := func(schema string) []string {
		var all []string
		for _, v := range doc.Components.Schemas[schema].Value.Enum {
			all = append(all, v.(string))
		}
		return all
	}
	var kinds, states []string
	for _, k := range countersign.ChangeKinds() {
		kinds = append(kinds, string(k))
	}
	for _, s := range countersign.ChangeStates() {
		states = append(states, string(s))
	}
	if diff := cmp.Diff(kinds, words("ChangeKind")); diff != "" {
		t.Errorf("change kinds (-vocabulary +document)\n%s", diff)
	}
	if diff := cmp.Diff(states, words("ChangeState")); diff != "" {
		t.Errorf("change states (-vocabulary +document)\n%s", diff)
	}
	for path, fields := range map[string][]string{
		"/directory/v1/users":       countersign.UserSortFields(),
		"/directory/v1/groups":      countersign.GroupSortFields(),
		"/directory/v1/memberships": countersign.MembershipSortFields(),
	} {
		var both []string
		for _, f := range fields {
			both = append(both, f, "-"+f)
		}
		var given []string
		for _, v := range doc.Paths.Find(path).Get.Parameters.GetByInAndName("query", "sort").Schema.Value.Items.Value.Enum {
			given = append(given, v.(string))
		}
		slices.Sort(both)
		slices.Sort(given)
		if diff := cmp.Diff(both, given); diff != "" {
			t.Errorf("sort keys of %s (-vocabulary +document)\n%s", path, diff)
		}
	}
}

func TestTheDocumentNamesEveryErrorKind(t *testing.T) {
	description := load(t).Info.Description
	for _, kind := range []countersign.Kind{
		countersign.Invalid, countersign.Unauthenticated, countersign.Forbidden, countersign.NotFound, countersign.Exists,
		countersign.Stale, countersign.Refused, countersign.Limited, countersign.Unavailable,
	} {
		if !strings.Contains(description, "`"+string(kind)+"`") {
			t.Errorf("the kind %s is not described", kind)
		}
	}
}

// A client can act only on a code it was told about. Codes are written as
// literals beside the rule that raises them, so the sources are searched.
func TestTheDocumentNamesEveryErrorCode(t *testing.T) {
	description := load(t).Info.Description
	literal := regexp.MustCompile(`(?:Code: |Code\((?:countersign\.)?[A-Za-z"]+, |Code[A-Z][A-Za-z]+ += )"([a-z_]+)"`)
	found := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.Contains(name, "storetest") || strings.Contains(name, "testdata") || strings.HasPrefix(d.Name(), ".") && name != "..") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || ofAnotherDialect(filepath.ToSlash(name)) {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range literal.FindAllSubmatch(source, -1) {
			found++
			code := string(m[1])
			if !strings.Contains(description, "`"+code+"`") && !slices.Contains(codesOfNoAnswer(), code) {
				t.Errorf("%s raises the code %s, which the document does not name", name, code)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 40 {
		t.Errorf("found only %d codes: the search is broken", found)
	}
}

// ofOtherDialects are sources whose codes this API never answers with: the other
// dialects, how their clients prove who they are and for whom they act, and what
// is planned in their transaction or listed by their numbers, have a wire of their own.
func ofOtherDialects() []string {
	return []string{
		"../internal/dialect/b2core/", "../internal/dialect/box/", "../internal/dialect/fireblocks/", "../internal/dialect/fordefi/",
		"../internal/authn/signature.go", "../internal/authn/nonces.go", "../internal/authn/assertion.go", "../internal/authn/client.go",
		"../internal/authn/session", "../internal/authn/password.go", "../internal/access/delegate.go", "../internal/engine/planned.go", "../internal/engine/numbers.go",
		"../internal/secret/short.go", "../internal/store/sqlstore/ticket.go",
	}
}

func ofAnotherDialect(name string) bool {
	return slices.ContainsFunc(ofOtherDialects(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// codesOfNoAnswer are raised where no client is listening.
func codesOfNoAnswer() []string { return []string{"database_in_use"} }
