package native_test

import (
	"regexp"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/dialect/native"
	"github.com/countersign/countersign/internal/wire"
)

// The document and the routes say the same, in both directions and by name.
func TestEveryRouteIsInTheDocumentAndEveryOperationInTheRoutes(t *testing.T) {
	h := dialecttest.NewHouse(t)
	rows := append(native.New(native.Config{}).Routes(), h.Server.Routes()...)
	got := map[string]string{}
	for _, row := range rows {
		got[row.Method+" "+row.Pattern] = row.Name
	}
	if diff := cmp.Diff(h.Validator.Operations(), got); diff != "" {
		t.Errorf("(-document +routes)\n%s", diff)
	}
}

// What may be called without a token is a decision, not an oversight.
func TestPublicRoutesAreThese(t *testing.T) {
	var public []string
	for _, row := range native.New(native.Config{}).Routes() {
		if row.Public {
			public = append(public, row.Name)
		}
	}
	if diff := cmp.Diff([]string{"getDocument", "setUp", "activateUser", "openRecovery", "makeRecoveryStatement", "redeemCode"}, public); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWithoutATokenNothingElseAnswers(t *testing.T) {
	h := dialecttest.NewHouse(t)
	for _, row := range native.New(native.Config{}).Routes() {
		if row.Public {
			continue
		}
		path := pathParameter.ReplaceAllString(row.Pattern, "0198c5f0-6a3b-7c11-8a55-3f5f0a3d9e01")
		for _, token := range []string{"", "nonsense"} {
			// A body that would be refused if anybody looked at it.
			a := h.Do(token, row.Method, path, "{")
			if a.Status != 401 || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with token %q: status %d", row.Name, token, a.Status)
			}
		}
	}
}

func TestRoutesThatMayReplaceMembersTakeLargeBodies(t *testing.T) {
	var large []string
	for _, row := range native.New(native.Config{}).Routes() {
		if row.BodyLimit == wire.MaxListBody {
			large = append(large, row.Name)
		}
	}
	if diff := cmp.Diff([]string{"replaceGroupMembers", "submitChange", "replaceChange"}, large); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What the document says an operation needs is what the rule says.
func TestTheDocumentNamesThePermissionThatAChangeNeeds(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	kind, need := regexp.MustCompile("Short for `([a-z_.]+)`"), regexp.MustCompile("Needs `([a-z.]+)`")
	checked := 0
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			k, n := kind.FindStringSubmatch(op.Description), need.FindStringSubmatch(op.Description)
			if k == nil || n == nil {
				continue
			}
			checked++
			if want, _ := access.Needed(countersign.ChangeKind(k[1])); string(want) != n[1] {
				t.Errorf("%s: the document says that %s needs %s; it needs %s", op.OperationID, k[1], n[1], want)
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d operations say what they need", checked)
	}
}
