package fordefi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// makesEndUser creates one through the API and returns his id.
func (h *house) makesEndUser(external string) string {
	h.t.Helper()
	made := h.write("POST", endUsers, `{"external_id":"`+external+`"}`).must(http.StatusCreated).object()
	h.ids[external] = text(made, "id")
	return h.ids[external]
}

// issues makes a token of an end user.
func (h *house) issues(id, more string) answer {
	h.t.Helper()
	return h.write("POST", tokens, `{"user_type":"end_user","user_id":"`+id+`"`+more+`}`)
}

// TestEndUsers is section 3.1 of the contract, under the policy two-person: end
// users and their tokens need no approval.
func TestEndUsers(t *testing.T) {
	t.Parallel()
	h := newHouse(t).seal()
	first := h.makesEndUser("c-1")
	h.Pass(time.Minute)
	second := h.makesEndUser("c-2")
	if o := h.write("POST", endUsers, `{"external_id":"c-1"}`).must(http.StatusConflict).object(); o["resource"] != "user" {
		t.Errorf("%v", o)
	}
	for _, row := range []struct {
		query string
		want  []string
		total any
	}{
		{"", []string{first, second}, nil},
		{"include_count=true", []string{first, second}, 2.0},
		{"include_count=true&skip_count=true", []string{first, second}, nil},
		{"sort_by=created_desc", []string{second, first}, nil},
		{"sort_by=created_asc&size=1&page=2&include_count=1", []string{second}, 2.0},
		{"sort_by=end_user_last_login_desc&sort_by=created_desc", []string{second, first}, nil},
		{"external_ids=c-2&external_ids=c-9", []string{second}, nil},
		{"user_ids=" + first, []string{first}, nil},
		{"external_ids=C-2", []string{}, nil},
		{"user_ids=" + h.ids["ada"], []string{}, nil},
		{"size=0&include_count=true", []string{}, 2.0},
	} {
		o := h.get(endUsers + "?" + row.query).must(http.StatusOK).object()
		got := []string{}
		for _, u := range list(o, "end_users") {
			got = append(got, text(u, "id"))
		}
		if !slices.Equal(got, row.want) || o["total"] != row.total {
			t.Errorf("%s: %v of %v, want %v of %v", row.query, got, o["total"], row.want, row.total)
		}
	}
	one := h.get(endUsers + "/" + first).must(http.StatusOK).object()
	if one["external_id"] != "c-1" || one["export_allowed"] != false || one["last_login_at"] != nil {
		t.Errorf("%v", one)
	}
	h.get(users + "/" + first).must(http.StatusNotFound)
	h.get(endUsers + "/" + h.ids["ada"]).must(http.StatusNotFound)

	export := endUsers + "/" + first + "/set-export-end-user-keys-permissions"
	if a := h.write("PUT", export, `{"allow":false}`).must(http.StatusNoContent); a.body != "" {
		t.Errorf("%s", a.body)
	}
	if o := h.write("PUT", export, `{"allow":true}`).must(http.StatusBadRequest).object(); o["error_type"] != "unsupported_organization" {
		t.Errorf("%v", o)
	}
	h.write("PUT", strings.Replace(export, first, stranger, 1), `{"allow":false}`).must(http.StatusNotFound)

	h.write("DELETE", endUsers+"/"+second, "").must(http.StatusOK)
	h.write("DELETE", endUsers+"/"+second, "").must(http.StatusNotFound)
	h.write("DELETE", endUsers+"/"+h.ids["vera"], "").must(http.StatusNotFound)
	h.get(endUsers + "/" + second).must(http.StatusNotFound)
	h.makesEndUser("c-2") // free again

	// A viewer sees them and changes nothing.
	h.send(request{method: "POST", path: endUsers, body: `{"external_id":"x"}`, token: h.tokens["reader"]}).must(http.StatusForbidden)
	h.send(request{method: "DELETE", path: endUsers + "/" + first, token: h.tokens["reader"]}).must(http.StatusForbidden)
	h.get(endUsers + "/" + first).must(http.StatusOK)
}

// TestBodiesAreReadStrictly and refused in the published shape.
func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, row := range []struct{ path, body, want string }{
		{endUsers, ``, `["body"] missing`},
		{endUsers, `null`, `["body"] missing`},
		{endUsers, `{`, `["body",0] json_invalid`},
		{endUsers, `{"external_id":"a","external_id":"b"}`, `["body",0] json_invalid`},
		{endUsers, `[]`, `["body"] model_attributes_type`},
		{endUsers, `{}`, `["body","external_id"] missing`},
		{endUsers, `{"external_id":null}`, `["body","external_id"] missing`},
		{endUsers, `{"external_id":1}`, `["body","external_id"] string_type`},
		{endUsers, `{"external_id":""}`, `["body","external_id"] string_too_short`},
		{endUsers, `{"external_id":"` + strings.Repeat("x", 256) + `"}`, `["body","external_id"] value_error`},
		{tokens, `{"user_type":"robot","user_id":"x","expiration":0}`, `["body","user_type"] enum ["body","user_id"] uuid_parsing ["body","expiration"] greater_than_equal`},
		{tokens, `{"user_type":"end_user","user_id":7,"expiration":1.5}`, `["body","user_id"] uuid_type ["body","expiration"] int_from_float`},
		{tokens, `{"user_type":true,"user_id":"` + stranger + `","expiration":{}}`, `["body","user_type"] enum ["body","expiration"] int_type`},
		{tokens, `{"user_type":"end_user","user_id":"` + stranger + `","expiration":315360001}`, `["body","expiration"] less_than_equal`},
	} {
		if got := strings.Join(h.write("POST", row.path, row.body).faults(), " "); got != row.want {
			t.Errorf("%s: %s, want %s", row.body, got, row.want)
		}
	}
	h.write("POST", endUsers, `{"external_id":"`+strings.Repeat("x", 2<<20)+`"}`).must(http.StatusRequestEntityTooLarge)
	if o := h.get(endUsers + "?include_count=true"); o.total() != 0 {
		t.Errorf("something was created: %s", o.body)
	}
}

// TestTokensOfEndUsers is the other half of section 3.1.
func TestTokensOfEndUsers(t *testing.T) {
	t.Parallel()
	h := newHouse(t).seal()
	first, second := h.makesEndUser("c-1"), h.makesEndUser("c-2")
	made := h.issues(first, "").must(http.StatusOK).object()
	if made["user_id"] != first || made["expired_at"] != "2026-03-02T09:00:00Z" || made["user_type"] != "end_user" || len(text(made, "access_token")) < 100 {
		t.Errorf("%v", made)
	}
	token := text(made, "access_token")
	if me := h.send(request{path: endUsers + "/current", token: token}).must(http.StatusOK).object(); me["id"] != first || me["external_id"] != "c-1" {
		t.Errorf("%v", me)
	}
	if o := h.get(endUsers + "/current").must(http.StatusNotFound).object(); o["resource"] != "user" {
		t.Errorf("%v", o)
	}
	// Nothing else is open to him.
	for _, path := range []string{users, users + "/" + first, groups, endUsers, endUsers + "/" + first, tokens, auditLog, auditLog + "/export", users + "?size=401"} {
		h.send(request{path: path, token: token}).must(http.StatusForbidden)
	}
	h.send(request{method: "POST", path: tokens, body: `{"user_type":"end_user","user_id":"` + first + `"}`, token: token}).must(http.StatusForbidden)

	h.Pass(time.Second)
	short := h.issues(second, `,"expiration":"60"`).must(http.StatusOK).object()
	all := h.get(tokens).must(http.StatusOK)
	if rows := list(all.object(), "auth_tokens"); all.total() != 2 || rows[0]["id"] != made["id"] || rows[1]["id"] != short["id"] || rows[0]["access_token"] != nil {
		t.Errorf("%s", all.body)
	}
	for q, want := range map[string]int{"user_ids=" + first: 1, "user_types=end_user": 2, "user_ids=" + h.ids["reader"]: 0, "page=2&size=1": 2, "size=0": 2} {
		if a := h.get(tokens + "?" + q); a.total() != want {
			t.Errorf("%s: %s", q, a.body)
		}
	}
	h.Pass(time.Minute)
	if a := h.get(tokens); a.total() != 1 {
		t.Errorf("one is over: %s", a.body)
	}
	h.send(request{path: endUsers + "/current", token: text(short, "access_token")}).must(http.StatusUnauthorized)
	h.write("DELETE", tokens+"/"+text(short, "id"), "").must(http.StatusNotFound)

	for body, want := range map[string]string{
		`{"user_type":"api_user","user_id":"` + h.ids["reader"] + `"}`: "cannot_issue_token_for_user_type",
		`{"user_type":"end_user","user_id":"` + h.ids["reader"] + `"}`: "cannot_issue_token_for_user_type",
		`{"user_type":"end_user","user_id":"` + stranger + `"}`:        "",
	} {
		a := h.write("POST", tokens, body)
		if kind := text(a.object(), "error_type"); kind != want || (want == "") != (a.status == http.StatusNotFound) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	h.send(request{method: "POST", path: tokens, body: `{"user_type":"end_user","user_id":"` + first + `"}`, token: h.tokens["reader"]}).must(http.StatusForbidden)
	own, _, err := h.Engine.Credentials(t.Context(), h.ada, h.user("reader"))
	if err != nil || len(own) != 1 {
		t.Fatal(own, err)
	}
	h.write("DELETE", tokens+"/"+string(own[0].ID), "").must(http.StatusNotFound) // it is an API user's
	h.get(users).must(http.StatusOK)

	if a := h.write("DELETE", tokens+"/"+text(made, "id"), "").must(http.StatusNoContent); a.body != "" {
		t.Errorf("%s", a.body)
	}
	h.send(request{path: endUsers + "/current", token: token}).must(http.StatusUnauthorized)
	h.write("DELETE", tokens+"/"+text(made, "id"), "").must(http.StatusNotFound)
	h.write("DELETE", tokens+"/"+stranger, "").must(http.StatusNotFound)
}

// TestAtMostTenTokens work at a time; those that are over do not count.
func TestAtMostTenTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, other := h.makesEndUser("c-1"), h.makesEndUser("c-2")
	for range 10 {
		h.issues(id, `,"expiration":60`).must(http.StatusOK)
	}
	if o := h.issues(id, "").must(http.StatusBadRequest).object(); text(o, "detail") == "" {
		t.Errorf("%v", o)
	}
	h.issues(other, "").must(http.StatusOK)
	h.Pass(time.Minute)
	for range 10 {
		h.issues(id, "").must(http.StatusOK)
	}
	h.issues(id, "").must(http.StatusBadRequest)
	first := text(list(h.get(tokens+"?user_ids="+id).object(), "auth_tokens")[0], "id")
	h.write("DELETE", tokens+"/"+first, "").must(http.StatusNoContent)
	h.issues(id, "").must(http.StatusOK)
}

// TestAHeldWriteIsForbiddenAndNamesItsRequest, and changes nothing.
func TestAHeldWriteIsForbiddenAndNamesItsRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.makesEndUser("c-1")
	policy := countersign.TwoPersonPolicy()
	policy.Rules = slices.DeleteFunc(policy.Rules, func(r countersign.Rule) bool { return r.ID == "end-users-are-free" })
	h.submit(&countersign.SealOrganization{Policy: &policy})
	for _, r := range []request{
		{method: "POST", path: endUsers, body: `{"external_id":"c-2"}`},
		{method: "DELETE", path: endUsers + "/" + id},
		{method: "POST", path: tokens, body: `{"user_type":"end_user","user_id":"` + id + `"}`},
	} {
		r.token = h.tokens["writer"]
		a := h.send(r).must(http.StatusForbidden)
		change := a.header.Get("Countersign-Change-Request")
		if change == "" || !strings.Contains(text(a.object(), "detail"), change) {
			t.Errorf("%s %s: %s, %v", r.method, r.path, a.body, a.header)
		}
		h.Do(h.tokens["grace"], "GET", "/directory/v1/changes/"+change, nil).Must(http.StatusOK)
	}
	h.get(endUsers + "/" + id).must(http.StatusOK)
	if a := h.get(endUsers + "?include_count=true"); a.total() != 1 {
		t.Errorf("%s", a.body)
	}
	if a := h.get(tokens); a.total() != 0 {
		t.Errorf("%s", a.body)
	}
}
