package fordefi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/dialect/fordefi"
)

// published are the parameters of contracts/fordefi.md, sections 1.1, 2, 3.1, 3.2
// and 3.3, written down from there and in that order: name, type, then whatever is
// said of its values. skip_count stands where the table of section 1.1 has it; the
// text of sections 3.1 to 3.3 gives no order. A body's members are the last rows.
var published = map[string]string{
	"GET /api/v1/users": `
sort_by array of string enum role_asc role_desc email_asc email_desc created_asc created_desc name_asc name_desc last_keep_alive_asc last_keep_alive_desc state_asc state_desc type_asc type_desc
page integer default 1 minimum 1
size integer default 50 minimum 0 maximum 400
skip_count boolean default false
types array of string enum person api_signer api_user system
roles array of string enum admin trader viewer
states array of string enum active onboarding_pending_code_generation onboarding_pending_activation pending_approval reset_device_pending_code_generation reset_device_pending_activation deleted onboarding
include_deleted boolean default false
names array of string
emails array of string
user_ids array of string uuid
external_ids array of string
group_ids array of string uuid
group_ids__not array of string uuid
states_on_groups array of string enum active pending_addition pending_removal
exclude_user_ids array of string uuid`,
	"GET /api/v1/users/{id}": `
path id string uuid required`,
	"GET /api/v1/user-groups": `
page integer default 1 minimum 1
size integer default 50 minimum 0 maximum 100
skip_count boolean default false
states array of string enum active deleted
user_group_ids array of string uuid
user_ids array of string uuid
modified_by array of string uuid
name string shortest 1
search string shortest 1
exclude_user_group_ids array of string uuid
sort_by array of string enum created_at_asc created_at_desc modified_at_asc modified_at_desc name_asc name_desc users_count_asc users_count_desc`,
	"GET /api/v1/user-groups/{id}": `
path id string uuid required`,
	"GET /api/v1/end-users": `
sort_by array of string enum created_asc created_desc end_user_last_login_asc end_user_last_login_desc
page integer default 1 minimum 1
size integer default 50 minimum 0 maximum 100
include_count boolean default false
skip_count boolean default false
user_ids array of string uuid
external_ids array of string`,
	"POST /api/v1/end-users": `
body external_id string required`,
	"GET /api/v1/end-users/current": ``,
	"GET /api/v1/end-users/{id}": `
path id string uuid required`,
	"DELETE /api/v1/end-users/{id}": `
path id string uuid required`,
	"PUT /api/v1/end-users/{id}/set-export-end-user-keys-permissions": `
path id string uuid required
body allow boolean required`,
	"GET /api/v1/authorization-tokens": `
page integer default 1 minimum 1
size integer default 50 minimum 0 maximum 100
skip_count boolean default false
user_ids array of string uuid
user_types array of string enum end_user`,
	"POST /api/v1/authorization-tokens": `
body user_type string enum end_user required
body user_id string uuid required
body expiration integer default 86400 minimum 1 maximum 315360000`,
	"DELETE /api/v1/authorization-tokens/{id}": `
path id string uuid required`,
	"GET /api/v1/audit-log": `
page integer default 1 minimum 1
size integer default 50 minimum 0 maximum 100
skip_count boolean default false
created_by array of string uuid
created_before string date-time
created_after string date-time
category array of string enum policy quorum_threshold user_management vaults address_book address_group backup webhook vault_group user_group aml_policy chains device_backup import_keys authentication dapp_group`,
	"GET /api/v1/audit-log/export": `
created_by array of string uuid
created_before string date-time
created_after string date-time
category array of string enum policy quorum_threshold user_management vaults address_book address_group backup webhook vault_group user_group aml_policy chains device_backup import_keys authentication dapp_group`,
}

// seeds are the parameters of the two seed documents, which are one text: list
// users, as it was first published.
const seeds = `
sort_by array of string enum role_asc role_desc email_asc email_desc created_asc created_desc name_asc name_desc last_keep_alive_asc last_keep_alive_desc state_asc state_desc type_asc type_desc
page integer default 1 minimum 1
size integer default 50 minimum 0 maximum 400
types array of string enum person api_signer api_user
roles array of string enum admin trader viewer
states array of string enum active onboarding pending_approval deleted
include_deleted boolean default false
names array of string
emails array of string
user_ids array of string uuid
external_ids array of string
group_ids array of string uuid
group_ids__not array of string uuid
states_on_groups array of string enum active pending_addition pending_removal`

// beyond are what we say and the contract does not: no number may be so large that
// readers of JSON cannot tell it from the next, no external id is empty, and the
// published enumeration of user types is wider than what may be asked for.
var beyond = strings.NewReplacer(
	"page integer default 1 minimum 1 maximum 9007199254740991", "page integer default 1 minimum 1",
	"body external_id string shortest 1 required", "body external_id string required",
	"body user_type string enum person api_signer api_user end_user system required", "body user_type string enum end_user required",
)

type served struct {
	OpenAPI string `json:"openapi"`
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   schema
		}
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
		Responses map[string]any
	}
}

type schema struct {
	Type, Format                string
	Enum, Required              []string
	Default                     any
	Minimum, Maximum, MinLength *int64
	Items                       *schema
	Properties                  map[string]schema
}

// String writes a schema as the table does.
func (s schema) String() string {
	if s.Items != nil {
		return s.Type + " of " + s.Items.String()
	}
	out := s.Type
	if s.Format != "" {
		out += " " + s.Format
	}
	if len(s.Enum) > 0 {
		out += " enum " + strings.Join(s.Enum, " ")
	}
	if s.Default != nil {
		out += fmt.Sprint(" default ", s.Default)
	}
	bounds := []struct {
		name  string
		value *int64
	}{{"shortest", s.MinLength}, {"minimum", s.Minimum}, {"maximum", s.Maximum}}
	for _, b := range bounds {
		if b.value != nil {
			out += fmt.Sprint(" ", b.name, " ", *b.value)
		}
	}
	return out
}

// parametersOf are the lines of each operation; headers of ours are left out.
func parametersOf(t *testing.T, d served) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for path, item := range d.Paths {
		for method, op := range item {
			lines := []string{}
			for _, p := range op.Parameters {
				line := p.Name + " " + p.Schema.String()
				switch {
				case p.In == "header" && strings.HasPrefix(p.Name, "countersign-"):
					continue
				case p.In != "query":
					line = p.In + " " + line
				}
				if p.Required {
					line += " required"
				}
				lines = append(lines, line)
			}
			body := op.RequestBody.Content["application/json"].Schema
			for name, s := range body.Properties {
				line := "body " + name + " " + s.String()
				if slices.Contains(body.Required, name) {
					line += " required"
				}
				lines = append(lines, line)
			}
			for i := range lines {
				lines[i] = beyond.Replace(lines[i])
			}
			out[strings.ToUpper(method)+" "+path] = lines
		}
	}
	return out
}

func readDocument(t *testing.T, title string) served {
	t.Helper()
	d := fordefi.New(fordefi.Config{Now: time.Now, Title: title})
	out := httptest.NewRecorder()
	d.ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	if out.Code != http.StatusOK {
		t.Fatalf("%d: %s", out.Code, out.Body)
	}
	var doc served
	if err := json.Unmarshal(out.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentHasThePublishedParametersOneByOne(t *testing.T) {
	t.Parallel()
	doc := readDocument(t, "")
	got := parametersOf(t, doc)
	want := map[string][]string{}
	for op, lines := range published {
		want[op] = split(lines)
	}
	// Of users the order is that of the published document too; elsewhere the
	// contract tells none.
	for op := range want {
		if op != "GET /api/v1/users" {
			slices.Sort(want[op])
			slices.Sort(got[op])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-contract +served)\n%s", diff)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "0.2.0" || doc.Info.Title != "Fordefi API" {
		t.Errorf("it calls itself %s, %s %s", doc.OpenAPI, doc.Info.Title, doc.Info.Version)
	}
	if xft := readDocument(t, "XFT"); xft.Info.Title != "XFT API" {
		t.Errorf("the other name is %q", xft.Info.Title)
	}
}

func split(lines string) []string {
	if lines = strings.TrimSpace(lines); lines == "" {
		return []string{}
	}
	return strings.Split(lines, "\n")
}

// Every parameter of the seed is there, with its default and bounds, in its
// order; enumerations may have grown.
func TestTheDocumentHasEveryParameterOfTheSeeds(t *testing.T) {
	t.Parallel()
	got := parametersOf(t, readDocument(t, "XFT"))["GET /api/v1/users"]
	at := 0
	for _, line := range split(seeds) {
		name, rest, _ := strings.Cut(line, " ")
		kind, words, _ := strings.Cut(rest, " enum ")
		i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, name+" ") })
		if i < 0 {
			t.Errorf("%s is not served", name)
			continue
		}
		if i < at {
			t.Errorf("%s stands before what it follows in the seed", name)
		}
		at = i
		servedKind, servedWords, _ := strings.Cut(strings.TrimPrefix(got[i], name+" "), " enum ")
		if servedKind != kind {
			t.Errorf("%s is served as %q, the seed has %q", name, servedKind, kind)
		}
		for _, word := range strings.Fields(words) {
			if !slices.Contains(strings.Fields(servedWords), word) {
				t.Errorf("%s does not know %s", name, word)
			}
		}
	}
}

// The statuses of section 2.1, and of sections 3.1 where an operation has its own.
func TestTheDocumentNamesThePublishedStatuses(t *testing.T) {
	t.Parallel()
	always := []string{"401", "403", "408", "422", "429", "500"}
	own := map[string][]string{
		"GET /api/v1/users": {"200"}, "GET /api/v1/users/{id}": {"200", "404"},
		"GET /api/v1/user-groups": {"200"}, "GET /api/v1/user-groups/{id}": {"200", "404"},
		"GET /api/v1/end-users": {"200"}, "POST /api/v1/end-users": {"201", "400", "409"},
		"GET /api/v1/end-users/current": {"200", "404"}, "GET /api/v1/end-users/{id}": {"200", "404"},
		"DELETE /api/v1/end-users/{id}": {"200"}, "PUT /api/v1/end-users/{id}/set-export-end-user-keys-permissions": {"204", "404"},
		"POST /api/v1/authorization-tokens": {"200", "400", "404"}, "GET /api/v1/authorization-tokens": {"200"},
		"DELETE /api/v1/authorization-tokens/{id}": {"204", "404"},
		"GET /api/v1/audit-log":                    {"200"}, "GET /api/v1/audit-log/export": {"200"},
	}
	for path, item := range readDocument(t, "").Paths {
		for method, op := range item {
			name := strings.ToUpper(method) + " " + path
			if own[name] == nil {
				t.Errorf("%s is not published", name)
			}
			for _, status := range append(slices.Clone(always), own[name]...) {
				if op.Responses[status] == nil {
					t.Errorf("%s does not name status %s", name, status)
				}
			}
		}
	}
}
