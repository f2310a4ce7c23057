package native_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

const evaluation, evaluations = "/access/v1/evaluation", "/access/v1/evaluations"

func zen(subject, action, resource string) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":%q},"resource":{"type":%q,"id":"7"}}`, subject, action, resource)
}

func TestAnEvaluationAsksForAPermission(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	vera := invite(h, ada.Token, "Vera", "viewer")
	for _, c := range []struct {
		name, body string
		want       bool
		reason     any
	}{
		{"resource and action", zen(vera.id, "read", "users"), true, nil},
		{"a whole permission", zen(vera.id, "users.read", "anything"), true, nil},
		{"not granted", zen(vera.id, "delete", "users"), false, "not_granted"},
		{"nobody", zen("0198c5f0-6a3b-7c11-8a55-3f5f0a3d9e01", "read", "users"), false, "user_unknown"},
		{
			"with members we do not know", `{"subject":{"type":"user","id":"` + vera.id + `","properties":{"ip":"x"}},"action":{"name":"read","properties":{}},` +
				`"resource":{"type":"users","id":"1","properties":{"a":[1]}},"context":{"time":"now"},"options":null,"extra":1}`, true, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := h.Do(ada.Token, "POST", evaluation, c.body).Must(http.StatusOK).Object()
			if a["decision"] != c.want || a["context"].(map[string]any)["reason"] != c.reason {
				t.Errorf("%v", a)
			}
		})
	}
	// Who may not read users may ask about himself only.
	bot := h.Do(ada.Token, "POST", base+"/users", map[string]any{"type": "api_user", "name": "bot", "role": "none", "responsible_person_id": ada.ID}).Must(http.StatusCreated).Text("id")
	token := h.Do(ada.Token, "POST", base+"/credentials", map[string]any{"user_id": bot, "type": "token"}).Must(http.StatusCreated).Secret()
	h.Do(token, "POST", evaluation, zen(bot, "read", "users")).Must(http.StatusOK)
	h.Do(token, "POST", evaluation, zen(vera.id, "read", "users")).Must(http.StatusForbidden)
}

func TestBadEvaluations(t *testing.T) {
	f := furnish(t)
	for _, c := range []struct {
		name, path, body string
		want             wanted
	}{
		{"no subject", evaluation, `{"action":{"name":"read"},"resource":{"type":"users","id":"1"}}`, bad("invalid", "subject")},
		{"null subject", evaluation, `{"subject":null,"action":{"name":"read"},"resource":{"type":"users","id":"1"}}`, bad("invalid", "subject")},
		{"no subject id", evaluation, `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"users","id":"1"}}`, bad("invalid", "subject")},
		{"no action", evaluation, `{"subject":{"type":"user","id":"x"},"resource":{"type":"users","id":"1"}}`, bad("invalid", "action")},
		{"no resource", evaluation, `{"subject":{"type":"user","id":"x"},"action":{"name":"read"}}`, bad("invalid", "resource")},
		{"no resource id", evaluation, `{"subject":{"type":"user","id":"x"},"action":{"name":"read"},"resource":{"type":"users"}}`, bad("invalid", "resource")},
		{"another subject", evaluation, `{"subject":{"type":"device","id":"x"},"action":{"name":"read"},"resource":{"type":"users","id":"1"}}`, bad("invalid_value", "subject.type")},
		{"subject is no id", evaluation, zen("vera", "read", "users"), bad("invalid", "subject.id")},
		{"no permission", evaluation, zen(f.bot, "may read", "users"), bad("invalid", "action.name")},
		{"subject is a text", evaluation, `{"subject":"x"}`, bad("wrong_type", "subject")},
		{"no JSON", evaluation, `{`, bad("invalid_json", "")},
		{"no body", evaluations, ``, bad("body_required", "")},
		{"unknown semantic", evaluations, `{"options":{"evaluations_semantic":"any"},"evaluations":[{}]}`, bad("invalid_value", "options.evaluations_semantic")},
		{"an empty list is one evaluation", evaluations, `{"evaluations":[]}`, bad("invalid", "subject")},
	} {
		t.Run(c.name, func(t *testing.T) { f.refused(t, c.want, "POST", c.path, c.body) })
	}
}

func TestEvaluationsFollowTheirSemantic(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	vera := invite(h, ada.Token, "Vera", "viewer")
	ask := func(semantic string) []any {
		t.Helper()
		body := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"resource":{"type":"users","id":"1"},%s"evaluations":[`+
			`{"action":{"name":"read"}},{"action":{"name":"delete"}},{"resource":{"type":"groups","id":"2"},"action":{"name":"read"}},{},`+
			`{"subject":{"type":"user","id":%q},"action":{"name":"delete"}}]}`, vera.id, semantic, ada.ID)
		var out []any
		for _, answer := range h.Do(ada.Token, "POST", evaluations, body).Must(http.StatusOK).Object()["evaluations"].([]any) {
			out = append(out, answer.(map[string]any)["decision"])
		}
		return out
	}
	all := []any{true, false, true, false, true}
	for semantic, want := range map[string][]any{
		"": all, `"options":{},`: all,
		`"options":{"evaluations_semantic":"execute_all"},`:            all,
		`"options":{"evaluations_semantic":"deny_on_first_deny"},`:     {true, false},
		`"options":{"evaluations_semantic":"permit_on_first_permit"},`: {true},
	} {
		if diff := cmp.Diff(want, ask(semantic)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", semantic, diff)
		}
	}
	// Without items it is one evaluation.
	single := h.Do(ada.Token, "POST", evaluations, zen(vera.id, "read", "users")).Must(http.StatusOK).Object()
	if single["decision"] != true {
		t.Errorf("%v", single)
	}
	// An item that cannot be answered says why in its place.
	answer := h.Do(ada.Token, "POST", evaluations, `{"evaluations":[{}]}`).Must(http.StatusOK).Object()["evaluations"].([]any)[0].(map[string]any)
	if answer["decision"] != false || answer["context"].(map[string]any)["error"].(map[string]any)["status"] != 400.0 {
		t.Errorf("%v", answer)
	}
}

func TestTheCallersRequestIDIsRepeatedAndOursIsNot(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	a := h.Do(ada.Token, "POST", evaluation, zen(ada.ID, "read", "users"), "X-Request-ID: caller-17").Must(http.StatusOK)
	if got := a.Header.Get("X-Request-ID"); got != "caller-17" {
		t.Errorf("X-Request-ID %q", got)
	}
	for _, given := range []string{"with blank", string(make([]byte, 200))} {
		a = h.Do(ada.Token, "POST", evaluation, zen(ada.ID, "read", "users"), "X-Request-ID: "+given).Must(http.StatusOK)
		if got := a.Header.Get("X-Request-ID"); got == given || got == "" {
			t.Errorf("X-Request-ID %q", got)
		}
	}
	a = h.Do(ada.Token, "GET", base+"/me", nil, "X-Request-ID: caller-17").Must(http.StatusOK)
	if got := a.Header.Get("X-Request-ID"); got == "caller-17" {
		t.Error("our own API took the caller's request id")
	}
}
