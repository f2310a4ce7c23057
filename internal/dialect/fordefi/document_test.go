package fordefi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/countersign/countersign/internal/dialect/fordefi"
)

// TestTheDocumentIsThatOfTheRoutes: valid, whole, with nothing in it that is not
// served and no shape that nothing has.
func TestTheDocumentIsThatOfTheRoutes(t *testing.T) {
	t.Parallel()
	api := fordefi.New(fordefi.Config{Title: "XFT"})
	h := newHouse(t, func(c *fordefi.Config) { c.Title = "XFT" })
	text := (request{path: "/openapi.json"}).send(t, h.bare).must(http.StatusOK).body
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	if doc.Info.Title != "XFT API" || doc.Info.Version != "0.2.0" {
		t.Errorf("%s %s", doc.Info.Title, doc.Info.Version)
	}
	described := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+path+" "+op.OperationID] = true
		}
	}
	for _, route := range api.Routes() {
		if key := route.Method + " " + route.Pattern + " " + route.Name; route.Public == described[key] {
			t.Errorf("%s: public %v, described %v", key, route.Public, described[key])
		}
	}
	if len(described) != len(api.Routes())-1 {
		t.Errorf("%d operations, %d routes", len(described), len(api.Routes()))
	}
	for name := range doc.Components.Schemas {
		if !strings.Contains(text, `"#/components/schemas/`+name+`"`) {
			t.Errorf("nothing has the shape %s", name)
		}
	}
	for _, name := range []string{"User", "UserRef", "GroupUserRef"} {
		union := doc.Components.Schemas[name].Value
		if union.Discriminator == nil || len(union.Discriminator.Mapping) != len(union.OneOf) {
			t.Errorf("%s has no discriminator for each variant", name)
		}
	}
}

// TestEveryOperationIsSeenToSucceed, so that every shape has been held to an answer.
func TestEveryOperationIsSeenToSucceed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Treasury", "vera")
	id := h.makesEndUser("c-1")
	made := h.issues(id, "").must(http.StatusOK).object()
	h.get(users)
	h.get(users + "/" + h.ids["ada"])
	h.get(groups)
	h.get(groups + "/" + h.ids["treasury"])
	h.get(endUsers)
	h.get(endUsers + "/" + id)
	h.send(request{path: endUsers + "/current", token: text(made, "access_token")})
	h.write("PUT", endUsers+"/"+id+"/set-export-end-user-keys-permissions", `{"allow":false}`)
	h.get(tokens)
	h.write("DELETE", tokens+"/"+text(made, "id"), "")
	h.write("DELETE", endUsers+"/"+id, "")
	h.send(request{path: auditLog, token: h.tokens["ada"]})
	h.send(request{path: auditLog + "/export", token: h.tokens["ada"]})
	if unseen := h.validator.Unseen(); len(unseen) > 0 {
		t.Errorf("not seen: %v", unseen)
	}
}

// TestWhatIsDescribedIsWhatIsRead: every word and bound of the document is taken,
// and what lies beyond is refused.
func TestWhatIsDescribedIsWhatIsRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc, err := openapi3.NewLoader().LoadFromData([]byte((request{path: "/openapi.json"}).send(t, h.bare).body))
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		if item.Get == nil || strings.Contains(path, "{") || strings.HasSuffix(path, "/current") {
			continue
		}
		for _, p := range item.Get.Parameters {
			good, bad := probes(p.Value)
			for _, value := range good {
				h.send(request{path: path + "?" + query(p.Value.Name, value), token: h.tokens["ada"]}).must(http.StatusOK)
			}
			if p.Value.In != "query" {
				continue
			}
			for _, value := range bad {
				got := h.send(request{path: path + "?" + query(p.Value.Name, value), token: h.tokens["ada"]}).faults()
				if len(got) != 1 || !strings.Contains(got[0], `"`+p.Value.Name+`"`) {
					t.Errorf("%s %s=%s: %v", path, p.Value.Name, value, got)
				}
			}
		}
	}
}

// probes are values at the edges of what a parameter takes, and just beyond.
func probes(p *openapi3.Parameter) (good, bad []string) {
	s := p.Schema.Value
	if s.Type.Is("array") {
		s = s.Items.Value
	}
	number := func(f float64) string {
		text, _ := json.Marshal(int64(f))
		return string(text)
	}
	switch {
	case len(s.Enum) > 0:
		for _, word := range s.Enum {
			w, _ := word.(string)
			good = append(good, w)
			bad = append(bad, strings.ToUpper(w), w+" ")
		}
	case s.Type.Is("integer"):
		good = append(good, number(*s.Min), number(*s.Max))
		bad = append(bad, number(*s.Min-1), number(*s.Max+1), "", "x")
	case s.Type.Is("boolean"):
		good, bad = []string{"true", "false"}, []string{"", "2"}
	case s.Format == "uuid":
		good, bad = []string{stranger}, []string{"", "1"}
	case s.Format == "date-time":
		good, bad = []string{"2026-03-01T09:00:00Z"}, []string{"", "soon"}
	case s.MinLength > 0:
		good, bad = []string{"a"}, []string{""}
	default:
		good = []string{"", "a"}
	}
	return good, bad
}

// TestOperationsAreCalledAsPublished: generators make method names from these.
func TestOperationsAreCalledAsPublished(t *testing.T) {
	t.Parallel()
	var names []string
	for _, route := range fordefi.New(fordefi.Config{}).Routes() {
		names = append(names, route.Name)
	}
	if !slices.Contains(names, "list_users_api_v1_users_get") {
		t.Errorf("%v", names)
	}
	for _, name := range names {
		if !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(name) {
			t.Errorf("%s is no name for a method", name)
		}
	}
}
