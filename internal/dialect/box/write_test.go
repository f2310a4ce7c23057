package box_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// TestConflictsHaveTheirCodes is what connectors compare (pitfall 8).
func TestConflictsHaveTheirCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("Support")
	h.join("vera", group, "")
	other := h.group("Other")
	conflict := func(a answer, code, name string) {
		t.Helper()
		a.refused(http.StatusConflict, code)
		if a.text("context_info.errors.0.reason") != "invalid_parameter" || a.text("context_info.errors.0.name") != name || a.text("context_info.errors.0.message") == "" {
			t.Errorf("context: %s", a.body)
		}
	}
	conflict(h.as("ada", "POST", "/2.0/group_memberships", h.membership("vera", group, "")), "conflict", "user")
	conflict(h.as("ada", "POST", "/2.0/group_memberships", h.membership("vera", group, "admin")), "conflict", "user")
	conflict(h.as("ada", "POST", "/2.0/groups", `{"name":" sUPPORT "}`), "conflict", "group_tag_name")
	conflict(h.as("ada", "PUT", "/2.0/groups/"+other, `{"name":"SUPPORT"}`), "conflict", "group_tag_name")
	conflict(h.as("ada", "POST", "/2.0/users", `{"name":"V","login":"VERA@example.org"}`), "user_login_already_used", "login")
	conflict(h.as("ada", "PUT", "/2.0/users/"+h.numbers["grace"], `{"login":"vera@example.org"}`), "user_login_already_used", "login")
}

// TestOneOfAHundredWins: parallel creations of one thing (contract section 7).
func TestOneOfAHundredWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	for what, request := range map[string][2]string{
		"a membership": {"/2.0/group_memberships", h.membership("vera", group, "")},
		"a group name": {"/2.0/groups", `{"name":"One name"}`},
		"a login":      {"/2.0/users", `{"name":"N","login":"one@example.org"}`},
	} {
		var made, lost, odd atomic.Int64
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				switch a := h.as("robot", "POST", request[0], request[1]); a.status {
				case http.StatusCreated:
					made.Add(1)
				case http.StatusConflict:
					lost.Add(1)
				default:
					odd.Add(1)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 || lost.Load() != 99 || odd.Load() != 0 {
			t.Errorf("%s: %d times 201, %d times 409, %d others", what, made.Load(), lost.Load(), odd.Load())
		}
	}
}

// TestHeldChanges is section 5.4: a refusal that names the change request, the
// same one each time, and what is there stays until somebody has approved.
func TestHeldChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	doomed := h.group("Doomed")
	m := h.join("vera", group, "member")
	h.enrol("eve", countersign.RoleNone)
	h.enrol("linus", countersign.RoleAdmin)
	h.seal()
	held := func(method, target, body string) string {
		t.Helper()
		before := h.as("robot", "GET", target, "")
		a := h.as("robot", method, target, body).refused(http.StatusForbidden, "forbidden_by_policy")
		id := a.text("context_info.change_request.id")
		if id == "" || a.header.Get("Countersign-Change-Request") != id || a.text("context_info.change_request.state") != "pending" ||
			!strings.HasSuffix(a.text("context_info.change_request.link"), id) {
			t.Fatalf("%s %s: %v %s", method, target, a.header, a.body)
		}
		size := h.LogSize(h.org.ID)
		for range 3 {
			again := h.as("robot", method, target, body).refused(http.StatusForbidden, "forbidden_by_policy")
			if again.text("context_info.change_request.id") != id || h.LogSize(h.org.ID) != size {
				t.Errorf("%s %s: asked again, another request", method, target)
			}
		}
		if after := h.as("robot", "GET", target, ""); after.body != before.body && method != "POST" {
			t.Errorf("%s %s: shown before it is approved: %s", method, target, after.body)
		}
		return id
	}
	approve := func(id string) {
		t.Helper()
		h.approve("grace", id)
	}
	add := h.membership("eve", group, "")
	id := held("POST", "/2.0/group_memberships", add)
	if other := held("POST", "/2.0/group_memberships", h.membership("eve", group, "admin")); other == id {
		t.Error("another role is the same request")
	}
	if total := h.as("robot", "GET", "/2.0/groups/"+group+"/memberships", "").at("total_count"); total != float64(1) {
		t.Errorf("a pending member is listed: %v", total)
	}
	approve(id)
	h.as("robot", "POST", "/2.0/group_memberships", add).refused(http.StatusConflict, "conflict")
	if total := h.as("robot", "GET", "/2.0/groups/"+group+"/memberships", "").at("total_count"); total != float64(2) {
		t.Errorf("members: %v", total)
	}

	at := "/2.0/group_memberships/" + m
	approve(held("PUT", at, `{"role":"admin","configurable_permissions":{"can_run_reports":false}}`))
	if a := h.as("robot", "GET", at, "").must(http.StatusOK); a.text("role") != "admin" || a.at("configurable_permissions.can_run_reports") != false {
		t.Errorf("once approved: %s", a.body)
	}
	approve(held("DELETE", at, ""))
	h.as("robot", "GET", at, "").refused(http.StatusNotFound, "not_found")

	approve(held("PUT", "/2.0/groups/"+group, `{"name":"New name","description":"d"}`))
	if a := h.as("robot", "GET", "/2.0/groups/"+group+"?fields=description", "").must(http.StatusOK); a.text("name") != "New name" || a.text("description") != "d" {
		t.Errorf("once approved: %s", a.body)
	}
	approve(held("DELETE", "/2.0/groups/"+doomed, ""))
	h.as("robot", "GET", "/2.0/groups/"+doomed, "").refused(http.StatusNotFound, "not_found")
	approve(held("POST", "/2.0/groups", `{"name":"Made","member_viewability_level":"admins_only"}`))
	h.as("robot", "POST", "/2.0/groups", `{"name":"Made"}`).refused(http.StatusConflict, "conflict")

	user := "/2.0/users/" + h.numbers["eve"]
	approve(held("PUT", user, `{"phone":"+1 555","name":"Eve II"}`))
	if a := h.as("robot", "GET", user, "").must(http.StatusOK); a.text("phone") != "+1 555" || a.text("name") != "Eve II" {
		t.Errorf("once approved: %s", a.body)
	}
	approve(held("POST", "/2.0/users", `{"name":"Mallory","login":"m@example.org","tracking_codes":[{"type":"tracking_code","name":"a","value":"b"}]}`))
	held("POST", "/2.0/users", `{"name":"App","is_platform_access_only":true,"external_app_user_id":"x-1"}`)
	approve(held("DELETE", user, ""))
	h.as("robot", "GET", user, "").refused(http.StatusNotFound, "not_found")

	// Another person asks for himself.
	body := `{"name":"Twice"}`
	if held("POST", "/2.0/groups", body) == h.as("linus", "POST", "/2.0/groups", body).refused(http.StatusForbidden, "forbidden_by_policy").text("context_info.change_request.id") {
		t.Error("two people share a request")
	}
}

// approve lets somebody approve a request and expects it to be applied by that.
func (h *house) approve(name, id string) {
	h.t.Helper()
	view := h.Do(h.tokens[name], "GET", "/directory/v1/changes/"+id, nil).Must(http.StatusOK)
	h.Approve(h.tokens[name], view)
}

// Equal requests at once are one request.
func TestEqualHeldRequestsAreOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	h.enrol("eve", countersign.RoleNone)
	h.enrol("linus", countersign.RoleAdmin)
	h.seal()
	body := h.membership("eve", group, "")
	var ids sync.Map
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			a := h.as("robot", "POST", "/2.0/group_memberships", body)
			ids.Store(a.text("context_info.change_request.id"), a.status)
		})
	}
	all.Wait()
	count := 0
	ids.Range(func(id, status any) bool {
		count++
		if id == "" || status != http.StatusForbidden {
			t.Errorf("%v: %v", status, id)
		}
		return true
	})
	open, err := h.Engine.Changes(t.Context(), h.ada, engine.ChangeFilter{States: []countersign.ChangeState{countersign.ChangePending}}, countersign.Page{Limit: 10})
	if err != nil || count != 1 || open.Total != 1 {
		t.Errorf("%d ids, %d requests (%v)", count, open.Total, err)
	}
}

// TestBadInput: whatever is wrong is refused with 400, names the field, and
// changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	m := h.join("vera", group, "admin")
	pair := fmt.Sprintf(`"user":{"id":%q},"group":{"id":%q}`, h.numbers["grace"], group)
	long := strings.Repeat("x", 300)
	memberships, at := "/2.0/group_memberships", "/2.0/group_memberships/"+m
	groups, users := "/2.0/groups", "/2.0/users"
	size := h.LogSize(h.org.ID)
	for _, c := range []struct{ method, target, body, field string }{
		{"POST", memberships, ``, "user.id"},
		{"POST", memberships, `[]`, ""},
		{"POST", memberships, `null`, ""},
		{"POST", memberships, `{`, ""},
		{"POST", memberships, `{"user":{"id":"1"},"user":{"id":"1"}}`, "user"},
		{"POST", memberships, `{"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":{},"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":null,"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":{"id":"1"}}`, "group.id"},
		{"POST", memberships, `{"user":"1","group":{"id":"1"}}`, "user"},
		{"POST", memberships, `{"user":{"id":"one"},"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":{"id":"01"},"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":{"id":1.5},"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":{"id":-1},"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":{"id":true},"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{"user":{"id":"99999999999999999999"},"group":{"id":"1"}}`, "user.id"},
		{"POST", memberships, `{` + pair + `,"role":"banana"}`, "role"},
		{"POST", memberships, `{` + pair + `,"role":7}`, "role"},
		{"POST", memberships, `{` + pair + `,"role":""}`, "role"},
		{"POST", memberships, `{` + pair + `,"role":"admin","configurable_permissions":[]}`, "configurable_permissions"},
		{"POST", memberships, `{` + pair + `,"role":"admin","configurable_permissions":true}`, "configurable_permissions"},
		{"POST", memberships, `{` + pair + `,"role":"admin","configurable_permissions":{"can_fly":true}}`, "configurable_permissions"},
		{"POST", memberships, `{` + pair + `,"role":"member","configurable_permissions":{"can_fly":true}}`, "configurable_permissions"},
		{"POST", memberships, `{` + pair + `,"role":"admin","configurable_permissions":{"can_run_reports":"no"}}`, "configurable_permissions.can_run_reports"},
		{"POST", memberships, `{` + pair + `,"role":"admin","configurable_permissions":{"can_run_reports":null}}`, "configurable_permissions.can_run_reports"},
		{"PUT", at, `{"role":"owner"}`, "role"},
		{"PUT", at, `{"configurable_permissions":{"can_fly":false}}`, "configurable_permissions"},
		{"PUT", at, `{"configurable_permissions":{"can_edit_accounts":1}}`, "configurable_permissions.can_edit_accounts"},
		{"PUT", at, `{"role":"member"} trailing`, ""},
		{"POST", groups, `{}`, "name"},
		{"POST", groups, `{"name":""}`, "name"},
		{"POST", groups, `{"name":null}`, "name"},
		{"POST", groups, `{"name":7}`, "name"},
		{"POST", groups, `{"name":"a\u202eb"}`, "name"},
		{"POST", groups, `{"name":"` + long + `"}`, "name"},
		{"POST", groups, `{"name":"N","description":"` + long + `"}`, "description"},
		{"POST", groups, `{"name":"N","provenance":"` + long + `"}`, "provenance"},
		{"POST", groups, `{"name":"N","invitability_level":"everybody"}`, "invitability_level"},
		{"POST", groups, `{"name":"N","member_viewability_level":null}`, "member_viewability_level"},
		{"PUT", groups + "/" + group, `{"name":" "}`, "name"},
		{"PUT", groups + "/" + group, `{"member_viewability_level":"x"}`, "member_viewability_level"},
		{"POST", users, `{"login":"a@example.org"}`, "name"},
		{"POST", users, `{"name":"N"}`, "login"},
		{"POST", users, `{"name":"N","login":"no address"}`, "login"},
		{"POST", users, `{"name":"N","is_platform_access_only":false}`, "login"},
		{"POST", users, `{"name":"` + strings.Repeat("x", 51) + `","login":"a@example.org"}`, "name"},
		{"POST", users, `{"name":"N","login":"a@example.org","role":"admin"}`, "role"},
		{"POST", users, `{"name":"N","login":"a@example.org","status":"gone"}`, "status"},
		{"POST", users, `{"name":"N","login":"a@example.org","status":"inactive"}`, "status"},
		{"POST", users, `{"name":"N","login":"a@example.org","space_amount":-2}`, "space_amount"},
		{"POST", users, `{"name":"N","login":"a@example.org","space_amount":"1"}`, "space_amount"},
		{"POST", users, `{"name":"N","login":"a@example.org","phone":"` + strings.Repeat("1", 101) + `"}`, "phone"},
		{"POST", users, `{"name":"N","login":"a@example.org","address":"` + long + `"}`, "address"},
		{"POST", users, `{"name":"N","login":"a@example.org","is_sync_enabled":"yes"}`, "is_sync_enabled"},
		{"POST", users, `{"name":"N","login":"a@example.org","tracking_codes":{}}`, "tracking_codes"},
		{"POST", users, `{"name":"N","login":"a@example.org","tracking_codes":[{"name":"","value":"x"}]}`, "tracking_codes"},
		{"PUT", users + "/" + h.numbers["vera"], `{"enterprise":null}`, "enterprise"},
		{"PUT", users + "/" + h.numbers["vera"], `{"is_platform_access_only":true}`, "is_platform_access_only"},
		{"PUT", users + "/" + h.numbers["vera"], `{"notification_email":{"email":"nobody"}}`, "notification_email.email"},
		{"PUT", users + "/" + h.numbers["vera"], `{"notification_email":{}}`, "notification_email.email"},
		{"PUT", users + "/" + h.numbers["vera"], `{"name":null}`, "name"},
		{"DELETE", users + "/" + h.numbers["vera"] + "?force=perhaps", ``, "force"},
	} {
		a := h.as("ada", c.method, c.target, c.body).refused(http.StatusBadRequest, "bad_request")
		if name := a.text("context_info.errors.0.name"); name != c.field {
			t.Errorf("%s %s %s: names %q, want %q: %s", c.method, c.target, c.body, name, c.field, a.body)
		}
	}
	if h.LogSize(h.org.ID) != size {
		t.Error("bad input has changed something")
	}
}

// TestIdsAreDecimalStrings: numbers are taken in bodies, and what is no id names
// nothing.
func TestIdsAreDecimalStrings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	body := `{"user":{"id":` + h.numbers["vera"] + `},"group":{"id":` + group + `}}`
	made := h.as("ada", "POST", "/2.0/group_memberships", body).must(http.StatusCreated)
	for _, path := range []string{"id", "user.id", "group.id"} {
		if made.text(path) == "" {
			t.Errorf("%s is no text: %s", path, made.body)
		}
	}
	for _, id := range []string{"0", "00", "01", "-1", "+1", "1.0", "abc", "9999999", "9223372036854775808", "1%20", "%00", strings.Repeat("1", 500)} {
		for _, at := range []string{"/2.0/group_memberships/", "/2.0/groups/", "/2.0/users/"} {
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				h.as("ada", method, at+id, "").refused(http.StatusNotFound, "not_found")
			}
		}
		h.as("ada", "GET", "/2.0/groups/"+id+"/memberships", "").refused(http.StatusNotFound, "not_found")
		h.as("ada", "GET", "/2.0/users/"+id+"/memberships", "").refused(http.StatusNotFound, "not_found")
	}
	for _, missing := range []string{`{"user":{"id":"999"},"group":{"id":"` + group + `"}}`, `{"user":{"id":"` + h.numbers["vera"] + `"},"group":{"id":"999"}}`} {
		h.as("ada", "POST", "/2.0/group_memberships", missing).refused(http.StatusNotFound, "not_found")
	}
}

// TestEveryFailureIsJSON: what no row serves is answered in this API's shape too.
func TestEveryFailureIsJSON(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.as("ada", "GET", "/2.0/nothing", "").refused(http.StatusNotFound, "not_found")
	h.as("ada", "GET", "/2.0/", "").refused(http.StatusNotFound, "not_found")
	h.as("ada", "GET", "/2.0/groups/1/2/3", "").refused(http.StatusNotFound, "not_found")
	h.as("ada", "GET", "/2.0/../2.0/groups", "").refused(http.StatusNotFound, "not_found")
	h.as("ada", "GET", "/2.0/groups/", "").refused(http.StatusNotFound, "not_found")
	if a := h.as("ada", "PATCH", "/2.0/groups/1", "{}").refused(http.StatusMethodNotAllowed, "method_not_allowed"); !strings.Contains(a.header.Get("Allow"), "PUT") {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
	h.as("ada", "POST", "/2.0/groups", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`).refused(http.StatusRequestEntityTooLarge, "bad_request")
	h.as("ada", "GET", "/2.0/groups?filter_term="+strings.Repeat("x", 9000), "").refused(http.StatusRequestURITooLong, "bad_request")
	h.as("ada", "POST", "/2.0/groups", `{"name":"x"}`, "Content-Encoding: gzip").must(http.StatusUnsupportedMediaType)
	for _, header := range []string{"Authorization: ", "Authorization: Bearer", "Authorization: Bearer nothing", "Authorization: Basic eDp5", "Authorization: Bearer a b"} {
		a := h.as("", "GET", "/2.0/users/me", "", header).must(http.StatusUnauthorized)
		if given := header != "Authorization: "; given != strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %s", header, a.header.Get("WWW-Authenticate"))
		}
	}
	if a := h.as("ada", "GET", "/2.0/users/me", "").must(http.StatusOK); a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.header)
	}
	// The content type of a body does not matter, nor do headers we do not know.
	h.as("ada", "POST", "/2.0/groups", `{"name":"typed"}`, "Content-Type: text/plain").must(http.StatusCreated)
	h.as("ada", "POST", "/2.0/groups", `{"name":"marked","unknown":[1]}`, "Box-Notifications: off", "If-Match: 7", "box-version: 2025.0").must(http.StatusCreated)
}

// What policy or state refuse for good is no reason to try again.
func TestRefusalsOfTheDirectory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.as("ada", "DELETE", "/2.0/users/"+h.numbers["grace"], "").must(http.StatusNoContent)
	h.as("ada", "DELETE", "/2.0/users/"+h.numbers["ada"], "").refused(http.StatusForbidden, "denied_by_policy")
	made := h.as("ada", "POST", "/2.0/users", `{"name":"New","login":"new@example.org"}`).must(http.StatusCreated)
	h.as("ada", "PUT", "/2.0/users/"+made.text("id"), `{"status":"inactive"}`).refused(http.StatusBadRequest, "bad_request")
	result, err := h.Engine.Submit(t.Context(), h.ada, []countersign.Change{&countersign.CreateEndUser{ExternalID: "c-1"}}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	number := result.Change.Operations[0].(*countersign.CreateEndUser).Number
	group := h.group("G")
	h.as("ada", "POST", "/2.0/group_memberships", fmt.Sprintf(`{"user":{"id":"%d"},"group":{"id":%q}}`, number, group)).
		refused(http.StatusForbidden, "access_denied_insufficient_permissions")
	h.as("ada", "GET", fmt.Sprintf("/2.0/users/%d", number), "").refused(http.StatusNotFound, "not_found")
}
