package native_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

// furnished is a house with one of everything, in bootstrap, so that whatever is
// let through would be applied and move the log.
type furnished struct {
	*dialecttest.House
	ada        dialecttest.Admin
	vera       person
	bot        string
	group      string
	membership string
	credential string
	imported   string
	change     dialecttest.Answer
}

func furnish(t *testing.T) furnished {
	h := dialecttest.NewHouse(t)
	f := furnished{House: h, ada: h.Found("Northwind Custody")}
	f.vera = invite(h, f.ada.Token, "Vera", "viewer")
	f.bot = h.Do(f.ada.Token, "POST", base+"/users", map[string]any{
		"type": "api_user", "name": "bot", "role": "none", "responsible_person_id": f.vera.id,
	}).Must(http.StatusCreated).Text("id")
	f.group = h.Do(f.ada.Token, "POST", base+"/groups", map[string]any{"name": "Treasury"}).Must(http.StatusCreated).Text("id")
	f.membership = h.Do(f.ada.Token, "POST", base+"/memberships", map[string]any{
		"user_id": f.vera.id, "group_id": f.group,
	}).Must(http.StatusCreated).Text("id")
	f.credential = h.Do(f.ada.Token, "POST", base+"/credentials", map[string]any{"user_id": f.bot, "type": "token"}).Must(http.StatusCreated).Text("id")
	f.imported = h.Do(f.ada.Token, "POST", base+"/imports", map[string]any{
		"salt": strings.Repeat("0a", 16), "files": []any{map[string]any{"file": "groups.csv", "sha256": strings.Repeat("0b", 32), "rows": 1}},
		"batches": []any{map[string]any{"digest": strings.Repeat("0c", 32), "counts": map[string]int{"groups": 1}}},
	}).Must(http.StatusCreated).Text("id")
	f.change = h.Do(f.ada.Token, "POST", base+"/changes", map[string]any{"operations": []any{
		map[string]any{"kind": "permission.add", "permission": "payouts.release"},
	}}).Must(http.StatusOK)
	return f
}

// refused sends a request and asserts that it is refused as said, and that the
// log did not move.
func (f furnished) refused(t *testing.T, w wanted, method, path string, body any, header ...string) {
	t.Helper()
	before := f.LogSize(f.ada.Organization)
	a := f.Do(f.ada.Token, method, path, body, header...)
	var p struct {
		Code, Field, Detail string
	}
	if err := json.Unmarshal(a.Body, &p); err != nil {
		t.Errorf("%s %s: no problem: %s", method, path, a.Body)
		return
	}
	if a.Status != w.status || p.Code != w.code || p.Field != w.field {
		t.Errorf("%s %s %v\n got %d %s %q (%s)\nwant %d %s %q", method, path, shown(body), a.Status, p.Code, p.Field, p.Detail, w.status, w.code, w.field)
	}
	if after := f.LogSize(f.ada.Organization); after != before {
		t.Errorf("%s %s: the log moved from %d to %d", method, path, before, after)
	}
}

func shown(body any) string {
	text, ok := body.(string)
	if !ok {
		raw, _ := json.Marshal(body)
		text = string(raw)
	}
	return text[:min(len(text), 300)]
}

type wanted struct {
	status      int
	code, field string
}

func bad(code, field string) wanted { return wanted{http.StatusBadRequest, code, field} }

// writes are the operations with a body, each with a body that is fine.
func (f furnished) writes() []write {
	digest := strings.Repeat("0", 64)
	policy := map[string]any{"name": "strict", "rules": []any{}, "default": map[string]any{"clauses": []any{
		map[string]any{"approvers": map[string]any{"role": "admin"}, "need": 1},
	}}}
	return []write{
		{"POST", "/users", map[string]any{"type": "person", "name": "Eve", "email": "eve@example.org", "role": "none", "group_ids": []any{f.group}}, nil},
		{"POST", "/users", map[string]any{"type": "api_user", "name": "b2", "role": "none", "responsible_person_id": f.vera.id, "permissions": []any{}, "allowed_ips": []any{}, "group_ids": []any{}}, nil},
		{"POST", "/users", map[string]any{"type": "api_signer", "name": "hsm", "responsible_person_id": f.vera.id}, nil},
		{"POST", "/users", map[string]any{"type": "end_user", "external_id": "C-1", "name": "Zoe"}, nil},
		{"PATCH", "/users/" + f.vera.id, map[string]any{"name": "V", "email": "v@example.org", "external_id": "x", "responsible_person_id": f.vera.id, "role": "none", "permissions": []any{}, "allowed_ips": []any{}}, []string{"allowed_ips"}},
		{"POST", "/groups", map[string]any{"name": "G", "description": "d", "permissions": []any{}, "external_sync_identifier": "x", "provenance": "p", "invitability": "admins_only", "member_viewability": "admins_only", "member_ids": []any{}}, nil},
		{"PATCH", "/groups/" + f.group, map[string]any{"name": "G", "permissions": []any{}, "invitability": "admins_only", "member_viewability": "admins_only", "description": "d", "external_sync_identifier": "x", "provenance": "p"}, []string{"description", "external_sync_identifier", "provenance"}},
		{"PUT", "/groups/" + f.group + "/members", map[string]any{"member_ids": []any{f.bot}}, nil},
		{"POST", "/memberships", map[string]any{"user_id": f.bot, "group_id": f.group, "role": "member", "configurable_permissions": map[string]any{"can_run_reports": true}, "starts_at": "2026-01-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z"}, []string{"configurable_permissions", "starts_at", "expires_at"}},
		{"PATCH", "/memberships/" + f.membership, map[string]any{"role": "member", "configurable_permissions": map[string]any{"can_run_reports": true}, "starts_at": "2026-01-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z"}, []string{"configurable_permissions", "starts_at", "expires_at"}},
		{"POST", "/changes", map[string]any{"operations": []any{map[string]any{"kind": "group.delete", "group_id": f.group}}, "reason": "r"}, nil},
		{"POST", "/changes/" + f.change.Text("id") + "/approvals", map[string]any{"decision": "approve", "digest": digest, "comment": "c", "statement": "s", "signature": "s", "credential_id": f.credential}, nil},
		{"POST", "/changes/" + f.change.Text("id") + "/replace", map[string]any{"operations": []any{map[string]any{"kind": "group.delete", "group_id": f.group}}, "reason": "r"}, nil},
		{"PUT", "/policy", policy, nil},
		{"POST", "/policy/lint", policy, nil},
		{"POST", "/check", map[string]any{"user_id": f.bot, "permission": "users.read", "resource": "x", "explain": true}, nil},
		{"POST", "/check/batch", map[string]any{"checks": []any{map[string]any{"user_id": f.bot, "permission": "users.read"}}}, nil},
		{"POST", "/credentials", map[string]any{"user_id": f.bot, "type": "token", "label": "l", "lifetime_seconds": 60, "public_key": ""}, nil},
		{"POST", "/credentials/enrolment-codes", map[string]any{"user_id": f.vera.id}, nil},
		{"POST", "/permissions", map[string]any{"permission": "a.b", "description": "d"}, nil},
		{"PATCH", "/permissions/payouts.release", map[string]any{"description": "d"}, nil},
		{"PATCH", "/organization", map[string]any{"name": "N"}, nil},
		{"POST", "/credentials/redeem", map[string]any{"code": "AAAA", "label": "l"}, nil},
		{"POST", "/users/" + f.vera.id + "/activate", map[string]any{"code": "AAAA", "label": "l"}, nil},
	}
}

type write struct {
	method, path string
	body         map[string]any
	// nullable members take null.
	nullable []string
}

// with is the body with one member replaced, as text.
func (w write) with(name string, value any) string {
	body := maps.Clone(w.body)
	body[name] = value
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func (w write) text() string {
	raw, err := json.Marshal(w.body)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// wrong is a value of another type than the one given.
func wrong(v any) any {
	switch v.(type) {
	case string:
		return 7
	case []any:
		return map[string]any{"0": "x"}
	default:
		return "text"
	}
}

func TestBadBodiesAreRefusedFieldByFieldAndChangeNothing(t *testing.T) {
	f := furnish(t)
	for _, w := range f.writes() {
		path := base + w.path
		t.Run(w.method+" "+w.path[:strings.LastIndex(w.path, "/")+1], func(t *testing.T) {
			text := w.text()
			inside := strings.TrimSuffix(text, "}")
			f.refused(t, bad("body_required", ""), w.method, path, "")
			f.refused(t, bad("body_required", ""), w.method, path, "  \n ")
			f.refused(t, bad("invalid_json", ""), w.method, path, inside)
			f.refused(t, bad("invalid_json", ""), w.method, path, text+" {}")
			f.refused(t, bad("invalid_json", ""), w.method, path, text+"x")
			f.refused(t, bad("wrong_type", ""), w.method, path, "["+text+"]")
			f.refused(t, bad("wrong_type", ""), w.method, path, `"text"`)
			f.refused(t, bad("null_not_allowed", ""), w.method, path, "null")
			f.refused(t, bad("unknown_field", "nmae"), w.method, path, inside+`,"nmae":1}`)
			f.refused(t, bad("unknown_field", "organization_id"), w.method, path, inside+`,"organization_id":"x"}`)
			f.refused(t, bad("too_deep", deep("nmae")), w.method, path, inside+`,"nmae":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`)
			f.refused(t, wanted{http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type"}, w.method, path, text, "Content-Type: text/plain")
			f.refused(t, wanted{http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type"}, w.method, path, text, "Content-Type: application/json; charset=latin1")
			f.refused(t, wanted{http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Encoding"}, w.method, path, text, "Content-Encoding: gzip")
			f.refused(t, bad("unknown_parameter", "drry_run"), w.method, path+"?drry_run=true", text)
			for _, name := range slices.Sorted(maps.Keys(w.body)) {
				f.badMember(t, w, path, name)
			}
		})
	}
}

// deep is where nesting becomes too deep below a member.
func deep(member string) string {
	return member + strings.Repeat(".0", 31)
}

func (f furnished) badMember(t *testing.T, w write, path, name string) {
	t.Helper()
	text := w.text()
	raw, _ := json.Marshal(w.body[name])
	twice := strings.TrimSuffix(text, "}") + fmt.Sprintf(",%q:%s}", name, raw)
	f.refused(t, bad("duplicate_member", name), w.method, path, twice)
	shout := strings.Replace(text, `"`+name+`":`, `"`+strings.ToUpper(name)+`":`, 1)
	if name == "type" && w.path == "/users" {
		f.refused(t, bad("invalid", "type"), w.method, path, shout) // nothing says what the others mean
	} else {
		f.refused(t, bad("unknown_field", strings.ToUpper(name)), w.method, path, shout)
	}
	f.refused(t, bad(typeCode(name), name), w.method, path, w.with(name, wrong(w.body[name])))
	if !slices.Contains(w.nullable, name) {
		f.refused(t, bad(nullCode(w.method, name), name), w.method, path, w.with(name, nil))
	}
	if _, ok := w.body[name].(string); ok {
		f.refused(t, bad("invalid_json", name), w.method, path, strings.Replace(w.with(name, "a~b"), "a~b", "a\xffb", 1))
		f.refused(t, bad("invalid_json", name), w.method, path, strings.Replace(w.with(name, "a~b"), "a~b", `a\ud800b`, 1))
		f.refused(t, bad("invalid_text", name), w.method, path, strings.Replace(w.with(name, "a~b"), "a~b", `a\u0000b`, 1))
	}
}

// nullCode is the decoder's word, except where null is a possible answer that a
// rule behind the decoder refuses.
func nullCode(method, name string) string {
	switch {
	case name == "lifetime_seconds":
		return "out_of_range"
	case method == "PATCH":
		return "invalid"
	default:
		return "null_not_allowed"
	}
}

// typeCode: a time is a text with a form of its own.
func typeCode(name string) string {
	if name == "starts_at" || name == "expires_at" {
		return "invalid_value"
	}
	return "wrong_type"
}

func TestBadValuesAreRefusedByName(t *testing.T) {
	f := furnish(t)
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		name         string
		method, path string
		body         string
		want         wanted
	}{
		{"no type", "POST", "/users", `{}`, bad("invalid", "type")},
		{"unknown type", "POST", "/users", `{"type":"robot"}`, bad("invalid_value", "type")},
		{"a person of another type's fields", "POST", "/users", `{"type":"person","name":"E","email":"e@example.org","role":"none","external_id":"x"}`, bad("unknown_field", "external_id")},
		{"the id is given", "POST", "/users", `{"type":"end_user","external_id":"x","id":"` + f.bot + `"}`, bad("unknown_field", "id")},
		{"the state is given", "POST", "/users", `{"type":"end_user","external_id":"x","state":"active"}`, bad("unknown_field", "state")},
		{"no name", "POST", "/users", `{"type":"person","email":"e@example.org","role":"none"}`, bad("invalid", "name")},
		{"blank name", "POST", "/users", `{"type":"person","name":"  ","email":"e@example.org","role":"none"}`, bad("invalid", "name")},
		{"long name", "POST", "/users", `{"type":"person","name":"` + long + `","email":"e@example.org","role":"none"}`, bad("too_long", "name")},
		{"no email", "POST", "/users", `{"type":"person","name":"E","role":"none"}`, bad("invalid", "email")},
		{"bad email", "POST", "/users", `{"type":"person","name":"E","email":"nowhere","role":"none"}`, bad("invalid", "email")},
		{"unknown role", "POST", "/users", `{"type":"person","name":"E","email":"e@example.org","role":"owner"}`, bad("invalid", "role")},
		{"admin bot", "POST", "/users", `{"type":"api_user","name":"b","role":"admin","responsible_person_id":"` + f.vera.id + `"}`, bad("invalid", "role")},
		{"bad group id", "POST", "/users", `{"type":"person","name":"E","email":"e@example.org","role":"none","group_ids":["x"]}`, bad("invalid", "group_ids")},
		{"bad person id", "POST", "/users", `{"type":"api_signer","name":"b","responsible_person_id":"` + f.vera.id[1:] + `"}`, bad("invalid", "responsible_person_id")},
		{"upper case id", "POST", "/users", `{"type":"api_signer","name":"b","responsible_person_id":"` + strings.ToUpper(f.vera.id) + `"}`, bad("invalid", "responsible_person_id")},
		{"person unknown", "POST", "/users", `{"type":"api_signer","name":"b","responsible_person_id":"` + f.group + `"}`, wanted{404, "user_unknown", "responsible_person_id"}},
		{"bad permission", "POST", "/users", `{"type":"api_user","name":"b","role":"none","responsible_person_id":"` + f.vera.id + `","permissions":["all"]}`, bad("invalid", "permissions")},
		{"bad address", "POST", "/users", `{"type":"api_user","name":"b","role":"none","responsible_person_id":"` + f.vera.id + `","allowed_ips":["here"]}`, bad("invalid", "allowed_ips")},
		{"number in a list of texts", "POST", "/users", `{"type":"api_user","name":"b","role":"none","responsible_person_id":"` + f.vera.id + `","allowed_ips":[7]}`, bad("wrong_type", "allowed_ips.0")},
		{"null in a list of texts", "POST", "/users", `{"type":"api_user","name":"b","role":"none","responsible_person_id":"` + f.vera.id + `","allowed_ips":[null]}`, bad("null_not_allowed", "allowed_ips.0")},

		{"nothing to change", "PATCH", "/users/" + f.vera.id, `{}`, bad("invalid", "")},
		{"nothing to change in a group", "PATCH", "/groups/" + f.group, `{}`, bad("invalid", "")},
		{"unknown permission", "PATCH", "/users/" + f.vera.id, `{"permissions":["no.such"]}`, bad("permission_unknown", "permissions")},
		{"twice the same permission", "PATCH", "/users/" + f.vera.id, `{"permissions":["users.read","users.read"]}`, bad("invalid", "permissions")},
		{"an address list for a person", "PATCH", "/users/" + f.vera.id, `{"allowed_ips":["192.0.2.1"]}`, bad("invalid", "allowed_ips")},
		{"the version is given", "PATCH", "/groups/" + f.group, `{"version":7}`, bad("unknown_field", "version")},
		{"unknown audience", "PATCH", "/groups/" + f.group, `{"invitability":"everybody"}`, bad("invalid", "invitability")},
		{"member twice", "PUT", "/groups/" + f.group + "/members", `{"member_ids":["` + f.bot + `","` + f.bot + `"]}`, bad("invalid", "member_ids")},
		{"no member list", "PUT", "/groups/" + f.group + "/members", `{}`, bad("invalid", "member_ids")},

		{"unknown switch", "PATCH", "/memberships/" + f.membership, `{"configurable_permissions":{"can_fly":true}}`, bad("invalid", "configurable_permissions")},
		{"switch is no boolean", "PATCH", "/memberships/" + f.membership, `{"configurable_permissions":{"can_run_reports":"yes"}}`, bad("wrong_type", "configurable_permissions.can_run_reports")},
		{"switch is null", "PATCH", "/memberships/" + f.membership, `{"configurable_permissions":{"can_run_reports":null}}`, bad("null_not_allowed", "configurable_permissions.can_run_reports")},
		{"no date", "PATCH", "/memberships/" + f.membership, `{"expires_at":"tomorrow"}`, bad("invalid_value", "expires_at")},
		{"ends before it begins", "PATCH", "/memberships/" + f.membership, `{"starts_at":"2027-01-01T00:00:00Z","expires_at":"2026-01-01T00:00:00Z"}`, bad("invalid", "expires_at")},
		{"unknown membership role", "POST", "/memberships", `{"user_id":"` + f.bot + `","group_id":"` + f.group + `","role":"owner"}`, bad("invalid", "role")},
		{"group unknown", "POST", "/memberships", `{"user_id":"` + f.bot + `","group_id":"` + f.bot + `"}`, wanted{404, "group_unknown", "group_id"}},

		{"no operations", "POST", "/changes", `{"operations":[]}`, bad("invalid", "operations")},
		{"an operation is null", "POST", "/changes", `{"operations":[null]}`, bad("wrong_type", "operations.0")},
		{"an operation is a text", "POST", "/changes", `{"operations":["group.delete"]}`, bad("wrong_type", "operations.0")},
		{"no kind", "POST", "/changes", `{"operations":[{"name":"x"}]}`, bad("invalid", "operations.0.kind")},
		{"unknown kind", "POST", "/changes", `{"operations":[{"kind":"group.explode"}]}`, bad("invalid_value", "operations.0.kind")},
		{"kind is no text", "POST", "/changes", `{"operations":[{"kind":7}]}`, bad("wrong_type", "operations.0.kind")},
		{"kind twice", "POST", "/changes", `{"operations":[{"kind":"group.delete","kind":"group.create"}]}`, bad("duplicate_member", "operations.0.kind")},
		{"unknown field of an operation", "POST", "/changes", ops(3, `{"kind":"group.create","nmae":"x"}`), bad("unknown_field", "operations.3.nmae")},
		{"wrong type in an operation", "POST", "/changes", ops(3, `{"kind":"group.create","name":7}`), bad("wrong_type", "operations.3.name")},
		{"null in an operation", "POST", "/changes", ops(3, `{"kind":"user.change_role","user_id":"`+f.vera.id+`","role":null}`), bad("null_not_allowed", "operations.3.role")},
		{"bad value in an operation", "POST", "/changes", ops(3, `{"kind":"group.delete","group_id":"x"}`), bad("invalid", "operations.3.group_id")},
		{"unknown user in an operation", "POST", "/changes", ops(3, `{"kind":"user.delete","user_id":"`+f.group+`"}`), wanted{404, "user_unknown", "operations.3.user_id"}},
		{"an allotted id in an operation", "POST", "/changes", ops(3, `{"kind":"group.create","name":"x","group_id":"`+f.group+`"}`), bad("invalid", "operations.3.group_id")},
		{"a public act as an operation", "POST", "/changes", ops(3, `{"kind":"credential.redeem","code_id":"`+f.credential+`"}`), wanted{403, "forbidden", "operations.3"}},
		{"101 operations", "POST", "/changes", `{"operations":[` + strings.Repeat(`{},`, 100) + `{}]}`, bad("invalid", "operations")},
		{"long reason", "POST", "/changes", `{"operations":[{"kind":"group.delete","group_id":"` + f.group + `"}],"reason":"` + strings.Repeat("r", 2001) + `"}`, bad("too_long", "reason")},

		{"no digest", "POST", "/changes/" + f.change.Text("id") + "/approvals", `{"decision":"approve"}`, bad("invalid", "digest")},
		{"unknown decision", "POST", "/changes/" + f.change.Text("id") + "/approvals", `{"decision":"maybe","digest":"x"}`, bad("invalid", "decision")},
		{"another digest", "POST", "/changes/" + f.change.Text("id") + "/approvals", `{"decision":"approve","digest":"x"}`, wanted{409, "digest_mismatch", "digest"}},
		{"a change that is over", "POST", "/changes/" + f.change.Text("id") + "/approvals", `{"decision":"approve","digest":"` + f.change.Text("digest") + `"}`, wanted{409, "change_closed", ""}},

		{"policy of nobody", "PUT", "/policy", `{"name":"p","rules":[],"default":{"clauses":[]}}`, wanted{422, "refused", "policy.default"}},
		{"policy without approvers", "PUT", "/policy", `{"name":"p","rules":[],"default":{"clauses":[{"approvers":{},"need":1}]}}`, bad("invalid", "policy.default.clauses.0.approvers")},
		{"policy with an unknown field", "PUT", "/policy", `{"name":"p","rules":[{"id":"r","change":[]}],"default":{"clauses":[]}}`, bad("unknown_field", "rules.0.change")},

		{"bad permission of a check", "POST", "/check", `{"user_id":"` + f.bot + `","permission":"everything"}`, bad("invalid", "permission")},
		{"bad user of a check", "POST", "/check", `{"user_id":"bot","permission":"users.read"}`, bad("invalid", "user_id")},
		{"no checks", "POST", "/check/batch", `{"checks":[]}`, bad("invalid", "checks")},
		{"1001 checks", "POST", "/check/batch", `{"checks":[` + strings.Repeat(`{},`, 1000) + `{}]}`, bad("invalid", "checks")},
		{"bad permission in a batch", "POST", "/check/batch", `{"checks":[{"user_id":"` + f.bot + `","permission":"users.read"},{"user_id":"` + f.bot + `"}]}`, bad("invalid", "checks.1.permission")},

		{"a code as a credential", "POST", "/credentials", `{"user_id":"` + f.bot + `","type":"enrolment_code"}`, bad("invalid", "type")},
		{"a key without a key", "POST", "/credentials", `{"user_id":"` + f.bot + `","type":"signing_key"}`, bad("invalid", "public_key")},
		{"a key that is none", "POST", "/credentials", `{"user_id":"` + f.bot + `","type":"signing_key","public_key":"x"}`, bad("invalid", "public_key")},
		{"no lifetime", "POST", "/credentials", `{"user_id":"` + f.bot + `","type":"token","lifetime_seconds":0}`, bad("out_of_range", "lifetime_seconds")},
		{"a lifetime too long", "POST", "/credentials", `{"user_id":"` + f.bot + `","type":"token","lifetime_seconds":999999999}`, bad("invalid", "lifetime_seconds")},
		{"half a second", "POST", "/credentials", `{"user_id":"` + f.bot + `","type":"token","lifetime_seconds":0.5}`, bad("wrong_type", "lifetime_seconds")},
		{"a number beyond all", "POST", "/credentials", `{"user_id":"` + f.bot + `","type":"token","lifetime_seconds":1e400}`, bad("out_of_range", "lifetime_seconds")},
		{"a person's secret", "POST", "/credentials", `{"user_id":"` + f.vera.id + `","type":"token"}`, wanted{422, "not_yours", "user_id"}},

		{"bad catalogue entry", "POST", "/permissions", `{"permission":"payouts"}`, bad("invalid", "permission")},
		{"catalogue entry that is there", "POST", "/permissions", `{"permission":"payouts.release"}`, wanted{409, "permission_taken", "permission"}},
		{"description is required", "PATCH", "/permissions/payouts.release", `{}`, bad("invalid", "description")},
		{"built-in entry", "PATCH", "/permissions/users.read", `{"description":"x"}`, wanted{422, "permission_built_in", "permission"}},

		{"a body where none is", "POST", "/users/" + f.vera.id + "/suspend", `{"until":"tomorrow"}`, bad("unknown_field", "until")},
		{"a body for a deletion", "DELETE", "/users/" + f.vera.id, `{"force":true}`, bad("unknown_field", "force")},
		{"a wrong code", "POST", "/credentials/redeem", `{"code":"7Q2MKX9DR4TWB8NCHJ3V"}`, wanted{401, "code_invalid", "code"}},
		{"a code that is no code", "POST", "/credentials/redeem", `{"code":"` + strings.Repeat("A", 201) + `"}`, bad("too_long", "code")},
		{"no code", "POST", "/credentials/redeem", `{}`, bad("invalid", "code")},
	} {
		t.Run(c.name, func(t *testing.T) { f.refused(t, c.want, c.method, base+c.path, c.body) })
	}
}

// ops is a batch whose n-th operation is the one given, after good ones.
func ops(n int, last string) string {
	var b strings.Builder
	b.WriteString(`{"operations":[`)
	for i := range n {
		fmt.Fprintf(&b, `{"kind":"group.create","name":"fine %d"},`, i)
	}
	return b.String() + last + `]}`
}

func TestBadPathsParametersAndHeaders(t *testing.T) {
	f := furnish(t)
	vera := base + "/users/" + f.vera.id
	patch := `{"name":"V"}`
	for _, c := range []struct {
		name         string
		method, path string
		body         any
		header       []string
		want         wanted
	}{
		{"id is a word", "GET", base + "/users/vera", nil, nil, bad("invalid", "user_id")},
		{"id is too short", "GET", vera[:len(vera)-1], nil, nil, bad("invalid", "user_id")},
		{"id is in braces", "GET", base + "/users/%7B" + f.vera.id + "%7D", nil, nil, bad("invalid", "user_id")},
		{"id with a slash", "GET", base + "/users/a%2Fb", nil, nil, bad("invalid", "user_id")},
		{"id of a group", "GET", base + "/groups/x", nil, nil, bad("invalid", "group_id")},
		{"id of a membership", "GET", base + "/memberships/x", nil, nil, bad("invalid", "membership_id")},
		{"id of a change", "GET", base + "/changes/x", nil, nil, bad("invalid", "change_id")},
		{"id of a credential", "GET", base + "/credentials/x", nil, nil, bad("invalid", "credential_id")},
		{"index of an entry", "GET", base + "/audit/entries/-1", nil, nil, bad("invalid_value", "index")},
		{"permission in the path", "DELETE", base + "/permissions/payouts", nil, nil, bad("invalid", "permission")},
		{"nobody", "GET", base + "/users/" + f.group, nil, nil, wanted{404, "not_found", ""}},
		{"no group", "GET", base + "/groups/" + f.bot, nil, nil, wanted{404, "not_found", ""}},
		{"no membership", "GET", base + "/memberships/" + f.bot, nil, nil, wanted{404, "not_found", ""}},
		{"no change", "GET", base + "/changes/" + f.bot, nil, nil, wanted{404, "not_found", ""}},
		{"no credential", "GET", base + "/credentials/" + f.bot, nil, nil, wanted{404, "not_found", ""}},
		{"no entry", "GET", base + "/audit/entries/9999", nil, nil, wanted{404, "not_found", ""}},
		{"memberships of nobody", "GET", base + "/users/" + f.group + "/memberships", nil, nil, wanted{404, "not_found", ""}},
		{"members of no group", "GET", base + "/groups/" + f.bot + "/members", nil, nil, wanted{404, "not_found", ""}},
		{"deleting nobody", "DELETE", base + "/users/" + f.group, nil, nil, wanted{404, "user_unknown", "user_id"}},
		{"a path that is none", "GET", base + "/user", nil, nil, wanted{404, "no_such_route", ""}},
		{"a path of nobody", "GET", "/directory/v2/users", nil, nil, wanted{404, "no_such_route", ""}},
		{"a trailing slash", "GET", base + "/users/", nil, nil, wanted{404, "no_such_route", ""}},
		{"the root", "GET", "/", nil, nil, wanted{404, "no_such_route", ""}},
		{"wrong method", "PUT", base + "/users", "{}", nil, wanted{405, "method_not_allowed", ""}},
		{"wrong method of one", "POST", vera, "{}", nil, wanted{405, "method_not_allowed", ""}},

		{"unknown parameter", "GET", base + "/users?stat=active", nil, nil, bad("unknown_parameter", "stat")},
		{"unknown parameter of one", "GET", vera + "?expand=groups", nil, nil, bad("unknown_parameter", "expand")},
		{"unknown state", "GET", base + "/users?state=asleep", nil, nil, bad("malformed_parameter", "state")},
		{"states in one value", "GET", base + "/users?state=active,suspended", nil, nil, bad("malformed_parameter", "state")},
		{"unknown type", "GET", base + "/users?type=robot", nil, nil, bad("malformed_parameter", "type")},
		{"unknown sort key", "GET", base + "/users?sort=age", nil, nil, bad("malformed_parameter", "sort")},
		{"sort key of another list", "GET", base + "/groups?sort=email", nil, nil, bad("malformed_parameter", "sort")},
		{"sort key of memberships", "GET", base + "/memberships?sort=name", nil, nil, bad("malformed_parameter", "sort")},
		{"id that is none", "GET", base + "/users?group_id=x", nil, nil, bad("malformed_parameter", "group_id")},
		{"permission that is none", "GET", base + "/users?permission=all", nil, nil, bad("malformed_parameter", "permission")},
		{"neither true nor false", "GET", base + "/users?include_deleted=1", nil, nil, bad("malformed_parameter", "include_deleted")},
		{"search twice", "GET", base + "/users?q=a&q=b", nil, nil, bad("repeated_parameter", "q")},
		{"text that is none", "GET", base + "/users?q=%ff", nil, nil, bad("invalid_text", "q")},
		{"escape that is none", "GET", base + "/users?q=%zz", nil, nil, bad("malformed_parameter", "")},
		{"needs of somebody", "GET", base + "/changes?needs=you", nil, nil, bad("malformed_parameter", "needs")},
		{"limit of none", "GET", base + "/users?limit=0", nil, nil, bad("out_of_range", "limit")},
		{"limit of too many", "GET", base + "/users?limit=401", nil, nil, bad("out_of_range", "limit")},
		{"limit with a sign", "GET", base + "/users?limit=%2B5", nil, nil, bad("out_of_range", "limit")},
		{"limit that is empty", "GET", base + "/users?limit=", nil, nil, bad("out_of_range", "limit")},
		{"page zero", "GET", base + "/users?page=0", nil, nil, bad("out_of_range", "page")},
		{"size of too many", "GET", base + "/users?page=1&size=401", nil, nil, bad("out_of_range", "size")},
		{"page beyond all numbers", "GET", base + "/users?page=99999999999999999999", nil, nil, bad("out_of_range", "page")},
		{"limit with page", "GET", base + "/users?limit=5&page=2", nil, nil, bad("malformed_parameter", "limit")},
		{"cursor with page", "GET", base + "/users?cursor=abc&page=2", nil, nil, bad("malformed_parameter", "cursor")},
		{"cursor with size", "GET", base + "/groups?cursor=abc&size=2", nil, nil, bad("malformed_parameter", "cursor")},
		{"cursor that is none", "GET", base + "/users?cursor=abc", nil, nil, bad("malformed_parameter", "cursor")},
		{"cursor that is empty", "GET", base + "/users?cursor=", nil, nil, bad("malformed_parameter", "cursor")},
		{"from with cursor", "GET", base + "/audit/entries?from=1&cursor=abc", nil, nil, bad("malformed_parameter", "cursor")},
		{"proof of nothing", "GET", base + "/audit/proofs/inclusion", nil, nil, bad("missing_parameter", "index")},
		{"proof beyond the log", "GET", base + "/audit/proofs/inclusion?index=0&size=9999", nil, nil, bad("invalid", "size")},
		{"proof of a later entry", "GET", base + "/audit/proofs/inclusion?index=5&size=3", nil, nil, bad("invalid", "index")},
		{"proof backwards", "GET", base + "/audit/proofs/consistency?from=5&to=3", nil, nil, bad("invalid", "from")},
		{"a dry run that is none", "PATCH", vera + "?dry_run=yes", patch, nil, bad("malformed_parameter", "dry_run")},

		{"revision that is none", "GET", vera, nil, []string{"Countersign-At-Least: soon"}, bad("invalid_value", "Countersign-At-Least")},
		{"revision below zero", "GET", vera, nil, []string{"Countersign-At-Least: -1"}, bad("invalid_value", "Countersign-At-Least")},
		{"a revision to come", "GET", vera, nil, []string{"Countersign-At-Least: 999999"}, wanted{503, "revision_not_reached", ""}},
		{"a stale version", "PATCH", vera, patch, []string{`If-Match: "1"`}, wanted{412, "version_moved", "If-Match"}},
		{"a version of nothing", "PATCH", vera, patch, []string{`If-Match: "0"`}, wanted{412, "version_mismatch", "If-Match"}},
		{"a foreign tag", "PATCH", vera, patch, []string{`If-Match: "abc"`}, wanted{412, "version_mismatch", "If-Match"}},
		{"a weak tag", "PATCH", vera, patch, []string{`If-Match: W/"1"`}, bad("malformed_etag", "If-Match")},
		{"a bare version", "PATCH", vera, patch, []string{"If-Match: 1"}, bad("malformed_etag", "If-Match")},
		{"two tags", "PATCH", vera, patch, []string{`If-Match: "1", "2"`}, bad("malformed_etag", "If-Match")},
		{"two headers", "PATCH", vera, patch, []string{`If-Match: "1"`, `If-Match: "2"`}, bad("malformed_etag", "If-Match")},
		{"a version of what is new", "POST", base + "/groups", `{"name":"x"}`, []string{`If-Match: "1"`}, bad("invalid_value", "If-Match")},
		{"a version of a change", "POST", base + "/changes/" + f.change.Text("id") + "/cancel", nil, []string{`If-Match: *`}, bad("invalid_value", "If-Match")},
		{"a key too long", "PATCH", vera, patch, []string{"Idempotency-Key: " + strings.Repeat("k", 65)}, bad("invalid_value", "Idempotency-Key")},
		{"a key with a blank", "PATCH", vera, patch, []string{"Idempotency-Key: a b"}, bad("invalid_value", "Idempotency-Key")},
		{"a key beyond ASCII", "PATCH", vera, patch, []string{"Idempotency-Key: clé"}, bad("invalid_value", "Idempotency-Key")},
		{"two keys", "PATCH", vera, patch, []string{"Idempotency-Key: a", "Idempotency-Key: b"}, bad("invalid_value", "Idempotency-Key")},
		{"a reason that is no text", "PATCH", vera, patch, []string{"Countersign-Reason: %ff"}, bad("invalid_text", "Countersign-Reason")},
		{"a reason half escaped", "PATCH", vera, patch, []string{"Countersign-Reason: 100%"}, bad("invalid_text", "Countersign-Reason")},
		{"a long reason", "PATCH", vera, patch, []string{"Countersign-Reason: " + strings.Repeat("r", 2001)}, bad("too_long", "Countersign-Reason")},
		{"two tokens", "GET", vera, nil, []string{"Authorization: Bearer x"}, wanted{401, "unauthenticated", "Authorization"}},
	} {
		t.Run(c.name, func(t *testing.T) { f.refused(t, c.want, c.method, c.path, c.body, c.header...) })
	}
}

func TestWhatIsTooLarge(t *testing.T) {
	f := furnish(t)
	tooLarge := wanted{http.StatusRequestEntityTooLarge, "body_too_large", ""}
	filler := func(n int) string { return `{"name":"` + strings.Repeat("x", n) + `"}` }
	f.refused(t, tooLarge, "POST", base+"/groups", filler(1<<20))
	f.refused(t, tooLarge, "PATCH", base+"/groups/"+f.group, filler(1<<20))
	f.refused(t, tooLarge, "POST", base+"/check", filler(1<<20))
	f.refused(t, tooLarge, "POST", base+"/credentials/redeem", filler(1<<20))
	f.refused(t, bad("unknown_field", "name"), "PUT", base+"/groups/"+f.group+"/members", filler(1<<20))
	f.refused(t, tooLarge, "PUT", base+"/groups/"+f.group+"/members", filler(8<<20))
	f.refused(t, tooLarge, "POST", base+"/changes", filler(8<<20))
	f.refused(t, wanted{http.StatusRequestURITooLong, "url_too_long", ""}, "GET", base+"/users?q="+strings.Repeat("x", 8<<10), nil)
	f.refused(t, bad("too_many_parameters", ""), "GET", base+"/users?"+strings.Repeat("a&", 1001), nil)
	f.refused(t, bad("too_many_parameters", "id"), "GET", base+"/users?"+strings.Repeat("id=x&", 201), nil)

	var list strings.Builder
	for i := range 200_001 {
		list.WriteString(`"` + f.bot[:24] + fmt.Sprintf("%012x", i) + `",`)
	}
	ids := strings.TrimSuffix(list.String(), ",")
	f.refused(t, bad("too_many", "member_ids"), "PUT", base+"/groups/"+f.group+"/members", `{"member_ids":[`+ids+`]}`)
	f.refused(t, bad("too_many", "operations.0.member_ids"), "POST", base+"/changes",
		`{"operations":[{"kind":"group.replace_members","group_id":"`+f.group+`","member_ids":[`+ids+`]}]}`)
}
