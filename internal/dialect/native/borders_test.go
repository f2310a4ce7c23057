package native_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/dialect/native"
	"github.com/countersign/countersign/internal/wire"
)

// Every id of one organization, put wherever another's caller may write one,
// gives him exactly what an id gives that was never used.
func TestNothingOfAnotherOrganizationCanBeSeenOrTouched(t *testing.T) {
	f := furnish(t)
	eve := f.Found("Other Custody")
	const never = "0198c5f0-6a3b-7c11-8a55-3f5f0a3d9e01"
	ids := map[string]string{
		"{user_id}": f.vera.id, "{group_id}": f.group, "{membership_id}": f.membership,
		"{change_id}": f.change.Text("id"), "{credential_id}": f.credential, "{import_id}": f.imported,
	}
	bodies := map[string]string{
		"updateUser": `{"name":"X"}`, "updateGroup": `{"name":"X"}`, "replaceGroupMembers": `{"member_ids":[]}`, "updateMembership": `{"role":"admin"}`,
		"decideChange":    `{"decision":"deny","digest":"` + f.change.Text("digest") + `"}`,
		"takeImportBatch": `{"salt":"` + strings.Repeat("0a", 16) + `","groups":[{"line":2,"name":"X"}]}`,
		"replaceChange":   `{"operations":[{"kind":"group.create","name":"X"}]}`,
	}
	before := f.LogSize(f.ada.Organization)
	tried := 0
	for _, row := range native.New(native.Config{}).Routes() {
		for name, id := range ids {
			if !strings.Contains(row.Pattern, name) || row.Public {
				continue
			}
			tried++
			var body any
			if text, ok := bodies[row.Name]; ok {
				body = text
			}
			path := strings.Replace(row.Pattern, "{index}", "0", 1)
			foreign := f.Do(eve.Token, row.Method, strings.Replace(path, name, id, 1), body)
			unused := f.Do(eve.Token, row.Method, strings.Replace(path, name, never, 1), body)
			if foreign.Status != unused.Status || but(foreign) != but(unused) || foreign.Status < 400 {
				t.Errorf("%s: foreign %d %s\nunused %d %s", row.Name, foreign.Status, foreign.Body, unused.Status, unused.Body)
			}
		}
	}
	for _, c := range []struct{ method, path, body string }{
		{"GET", base + "/users?id=ID", ""},
		{"GET", base + "/users?group_id=ID", ""},
		{"GET", base + "/groups?user_id=ID", ""},
		{"GET", base + "/memberships?group_id=ID", ""},
		{"GET", base + "/changes?user_id=ID", ""},
		{"GET", base + "/credentials?user_id=ID", ""},
		{"POST", base + "/users", `{"type":"api_signer","name":"s","responsible_person_id":"ID"}`},
		{"POST", base + "/users", `{"type":"person","name":"P","email":"p@example.org","role":"none","group_ids":["ID"]}`},
		{"POST", base + "/groups", `{"name":"G","member_ids":["ID"]}`},
		{"POST", base + "/memberships", `{"user_id":"ID","group_id":"ID"}`},
		{"POST", base + "/credentials", `{"user_id":"ID","type":"token"}`},
		{"POST", base + "/credentials/enrolment-codes", `{"user_id":"ID"}`},
		{"POST", base + "/changes", `{"operations":[{"kind":"user.delete","user_id":"ID"}]}`},
		{"POST", base + "/changes", `{"operations":[{"kind":"group.delete","group_id":"ID"}]}`},
		{"POST", base + "/changes", `{"operations":[{"kind":"credential.revoke","credential_id":"ID"}]}`},
		{"POST", base + "/check", `{"user_id":"ID","permission":"users.read","explain":true}`},
		{"POST", "/access/v1/evaluation", zen("ID", "read", "users")},
		{"PUT", base + "/policy", `{"name":"p","rules":[],"default":{"clauses":[{"approvers":{"group_id":"ID"},"need":1}]}}`},
	} {
		for _, id := range ids {
			tried++
			var answers []dialecttest.Answer
			for _, use := range []string{id, never} {
				var body any
				if c.body != "" {
					body = strings.ReplaceAll(c.body, "ID", use)
				}
				answers = append(answers, f.Do(eve.Token, c.method, strings.ReplaceAll(c.path, "ID", use), body))
			}
			if answers[0].Status != answers[1].Status || strings.ReplaceAll(but(answers[0]), id, never) != but(answers[1]) {
				t.Errorf("%s %s %s\nforeign %d %s\nunused %d %s", c.method, c.path, c.body, answers[0].Status, answers[0].Body, answers[1].Status, answers[1].Body)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d requests were tried", tried)
	}
	if after := f.LogSize(f.ada.Organization); after != before {
		t.Errorf("the other organization's log moved from %d to %d", before, after)
	}
}

// but is a body without what differs between any two requests.
func but(a dialecttest.Answer) string {
	var v map[string]any
	if json.Unmarshal(a.Body, &v) != nil {
		return string(a.Body)
	}
	delete(v, "request_id")
	delete(v, "revision")
	if context, ok := v["context"].(map[string]any); ok {
		delete(context, "revision")
	}
	out, _ := json.Marshal(v)
	return string(out)
}

// Every member is there, and what has no value is null: neither "" nor year 1.
func TestWhatHasNoValueIsNull(t *testing.T) {
	f := furnish(t)
	signer := f.Do(f.ada.Token, "POST", base+"/users", map[string]any{
		"type": "api_signer", "name": "hsm", "responsible_person_id": f.vera.id,
	}).Must(http.StatusCreated).Text("id")
	for path, none := range map[string][]string{
		"/users/" + signer:                {"role", "email", "external_id", "device_reset_by", "last_active_at", "last_keep_alive_at", "pending_change"},
		"/groups/" + f.group:              {"description", "external_sync_identifier", "provenance", "pending_change"},
		"/memberships/" + f.membership:    {"configurable_permissions", "starts_at", "expires_at", "pending_change"},
		"/credentials/" + f.credential:    {"label", "public_key", "client_id"},
		"/changes/" + f.change.Text("id"): {"reason", "closed_because", "replaces", "replaced_by", "winner"},
		"/organization":                   {"sealed_at"},
	} {
		got := f.Do(f.ada.Token, "GET", base+path, nil).Must(http.StatusOK).Object()
		for _, member := range none {
			if value, there := got[member]; !there || value != nil {
				t.Errorf("%s: %s is %v (there: %v), want null", path, member, value, there)
			}
		}
	}
}

func TestAWriteIsReadByWhoNamesItsRevision(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	made := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "G"}).Must(http.StatusCreated)
	revision := made.Header.Get("Countersign-Revision")
	for _, path := range []string{"/groups", "/groups/" + made.Text("id"), "/users", "/me", "/changes", "/permissions", "/policy", "/organization", "/credentials", "/audit/entries"} {
		a := h.Do(ada.Token, "GET", base+path, nil, "Countersign-At-Least: "+revision).Must(http.StatusOK)
		if a.Header.Get("Countersign-Revision") != revision {
			t.Errorf("%s: revision %s, want %s", path, a.Header.Get("Countersign-Revision"), revision)
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	get := h.Do(ada.Token, "GET", base+"/organization", nil).Must(http.StatusOK)
	head := h.Do(ada.Token, "HEAD", base+"/organization", nil).Must(http.StatusOK)
	if head.Header.Get("ETag") != get.Header.Get("ETag") {
		t.Errorf("ETag %q, want %q", head.Header.Get("ETag"), get.Header.Get("ETag"))
	}
}

func TestAnotherMethodIsToldWhichThereAre(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	a := h.Do(ada.Token, "PUT", base+"/groups", "{}").Must(http.StatusMethodNotAllowed)
	if a.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow: %s", a.Header.Get("Allow"))
	}
}

func TestNothingIsKeptByAnybodyOnTheWay(t *testing.T) {
	f := furnish(t)
	for _, path := range []string{"/users", "/users/" + f.bot, "/me", "/audit/entries", "/users/x"} {
		if a := f.Do(f.ada.Token, "GET", base+path, nil); a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
}

func TestTheDocumentIsServedAsItStands(t *testing.T) {
	h := dialecttest.NewHouse(t)
	a := h.Do("", "GET", base+"/openapi.yaml", nil).Must(http.StatusOK)
	if !slices.Equal(a.Body, api.Document()) {
		t.Error("another document is served")
	}
}

func TestSetupAsksForItsToken(t *testing.T) {
	h := dialecttest.NewHouse(t)
	body := map[string]string{"organization": "Northwind Custody", "admin_name": "Ada", "admin_email": "ada@example.org"}
	for _, token := range []string{"", "wrong", dialecttest.SetupToken + "x"} {
		h.Do(token, "POST", base+"/setup", body).Must(http.StatusUnauthorized)
	}
	// A request that is refused does not spend it.
	for field, value := range map[string]string{"organization": " ", "admin_name": "", "admin_email": "nowhere"} {
		broken := map[string]string{"organization": "N", "admin_name": "A", "admin_email": "a@example.org"}
		broken[field] = value
		if a := h.Do(dialecttest.SetupToken, "POST", base+"/setup", broken).Must(http.StatusBadRequest); a.Text("field") != field {
			t.Errorf("%s: %s", field, a.Body)
		}
	}
	h.Do(dialecttest.SetupToken, "POST", base+"/setup", body).Must(http.StatusCreated)
	h.Do(dialecttest.SetupToken, "POST", base+"/setup", body).Must(http.StatusUnauthorized)
}

func TestGuessingIsBounded(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	limited := native.New(native.Config{
		Engine: h.Engine, Authenticator: h.Authn,
		Codes: wire.NewRateLimiter(0.1, 3, 100, h.Now), Callers: wire.NewRateLimiter(1, 5, 100, h.Now),
	})
	h.Client = h.Validator.Client(wire.Log(limited, quiet(), h.Now))
	for _, path := range []string{"/credentials/redeem", "/users/" + ada.ID + "/activate", "/credentials/redeem"} {
		h.Do("", "POST", base+path, map[string]string{"code": "AAAA"}).Must(http.StatusUnauthorized)
	}
	a := h.Do("", "POST", base+"/credentials/redeem", map[string]string{"code": "AAAA"}).Must(http.StatusTooManyRequests)
	if a.Header.Get("Retry-After") != "10" || a.Text("code") != "rate_limited" {
		t.Errorf("%v %s", a.Header, a.Body)
	}
	h.Do("guess", "POST", base+"/setup", map[string]string{}).Must(http.StatusTooManyRequests)
	h.Pass(10 * time.Second)
	h.Do("", "POST", base+"/credentials/redeem", map[string]string{"code": "AAAA"}).Must(http.StatusUnauthorized)

	for range 5 {
		h.Do(ada.Token, "GET", base+"/me", nil).Must(http.StatusOK)
	}
	h.Do(ada.Token, "GET", base+"/me", nil).Must(http.StatusTooManyRequests)
}

func TestATokenStopsWithItsUserAndItsExpiry(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	bot := h.Do(ada.Token, "POST", base+"/users", map[string]any{
		"type": "api_user", "name": "bot", "role": "viewer", "responsible_person_id": ada.ID, "allowed_ips": []string{"192.0.2.0/24"},
	}).Must(http.StatusCreated).Text("id")
	token := h.Do(ada.Token, "POST", base+"/credentials", map[string]any{"user_id": bot, "type": "token", "lifetime_seconds": 3600}).Must(http.StatusCreated).Secret()
	if a := h.Do(token, "GET", base+"/me", nil).Must(http.StatusForbidden); a.Text("code") != "address_not_allowed" {
		t.Errorf("from elsewhere: %s", a.Body)
	}
	for _, list := range []any{[]string{"192.0.2.0/24", "127.0.0.1"}, nil} {
		h.Do(ada.Token, "PATCH", base+"/users/"+bot, map[string]any{"allowed_ips": list}).Must(http.StatusOK)
		h.Do(token, "GET", base+"/me", nil).Must(http.StatusOK)
	}
	h.Do(ada.Token, "POST", base+"/users/"+bot+"/suspend", nil).Must(http.StatusOK)
	h.Do(token, "GET", base+"/me", nil).Must(http.StatusUnauthorized)
	h.Do(ada.Token, "POST", base+"/users/"+bot+"/reactivate", nil).Must(http.StatusOK)
	h.Do(token, "GET", base+"/me", nil).Must(http.StatusOK)
	h.Pass(time.Hour)
	h.Do(token, "GET", base+"/me", nil).Must(http.StatusUnauthorized)
}
