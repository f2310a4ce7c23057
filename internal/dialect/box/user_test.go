package box_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/countersign/countersign"
)

// TestUsersKeepWhatTheyAreGiven: every body field of section 3 comes back as it
// was sent, and goes when it is cleared.
func TestUsersKeepWhatTheyAreGiven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	fields := map[string]any{
		"language": "de", "timezone": "Europe/Zurich", "job_title": "Treasurer", "phone": "+41 1 555", "address": "Bahnhofstr. 1",
		"space_amount": float64(11345156112), "can_see_managed_users": true, "is_sync_enabled": true, "is_external_collab_restricted": true,
		"is_exempt_from_device_limits": true, "is_exempt_from_login_verification": true, "external_app_user_id": "my-user-1234",
		"status":         "cannot_delete_edit",
		"tracking_codes": []any{map[string]any{"type": "tracking_code", "name": "department", "value": "Sales"}, map[string]any{"type": "tracking_code", "name": "a", "value": ""}},
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	query := "?fields=" + strings.Join(names, "%2C")
	body := map[string]any{"name": "Zoe", "login": "zoe@example.org"}
	for name, value := range fields {
		body[name] = value
	}
	same := func(a answer, want map[string]any) {
		t.Helper()
		got := a.object()
		for name, value := range want {
			if !reflect.DeepEqual(got[name], value) {
				t.Errorf("%s is %v, want %v", name, got[name], value)
			}
		}
	}
	made := h.as("robot", "POST", "/2.0/users"+query, encode(t, body)).must(http.StatusCreated)
	same(made, fields)
	at := "/2.0/users/" + made.text("id")
	same(h.as("robot", "GET", at+query, "").must(http.StatusOK), fields)

	// One entry does not touch the others.
	fields["phone"] = "+41 2"
	same(h.as("robot", "PUT", at+query, `{"phone":"+41 2"}`).must(http.StatusOK), fields)
	same(h.as("robot", "PUT", at, `{"notification_email":{"email":"n@example.org"}}`).must(http.StatusOK),
		map[string]any{"notification_email": map[string]any{"email": "n@example.org", "is_confirmed": false}})
	same(h.as("robot", "PUT", at, `{"notification_email":null,"language":null,"timezone":"","space_amount":-1}`).must(http.StatusOK),
		map[string]any{"notification_email": nil, "language": nil, "timezone": nil, "space_amount": float64(-1)})
	same(h.as("robot", "PUT", at, `{"space_amount":null}`).must(http.StatusOK), map[string]any{"space_amount": nil})
	same(h.as("robot", "PUT", at+"?fields=tracking_codes,is_sync_enabled", `{"tracking_codes":[],"is_sync_enabled":false}`).must(http.StatusOK),
		map[string]any{"tracking_codes": []any{}, "is_sync_enabled": false})
	same(h.as("robot", "PUT", at, `{"status":"active","name":"Zoe II","login":"zoe2@example.org"}`).must(http.StatusOK),
		map[string]any{"status": "active", "name": "Zoe II", "login": "zoe2@example.org"})

	// The native API shows the same entries, and none where there are none.
	u := h.Do(h.tokens["ada"], "GET", "/directory/v1/users?q=zoe", nil).Must(http.StatusOK).Items()[0]
	if p, _ := u["profile"].(map[string]any); p["job_title"] != "Treasurer" || p["language"] != nil || p["is_sync_enabled"] != "false" {
		t.Errorf("profile %v", p)
	}
}

func TestUsersByTheIdOfTheirApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.account("other app", countersign.DirectoryPermissions()...)
	mine := h.as("robot", "POST", "/2.0/users?fields=is_platform_access_only", `{"name":"Mine","is_platform_access_only":true,"external_app_user_id":"u-1"}`).must(http.StatusCreated)
	if !strings.HasSuffix(mine.text("login"), ".invalid") || mine.at("is_platform_access_only") != true {
		t.Errorf("an app user is %s", mine.body)
	}
	h.as("robot", "POST", "/2.0/users", `{"name":"Mine too","is_platform_access_only":true}`).must(http.StatusCreated)
	for who, want := range map[string]int{"robot": 1, "other app": 0, "ada": 0} {
		if got := h.as(who, "GET", "/2.0/users?external_app_user_id=u-1", "").must(http.StatusOK).entries(); len(got) != want {
			t.Errorf("%s sees %v", who, got)
		}
	}
	if got := h.as("robot", "GET", "/2.0/users?external_app_user_id=u-", "").must(http.StatusOK).entries(); len(got) != 0 {
		t.Errorf("part of an id finds %v", got)
	}
}

func TestRolesAndStates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	role := func(name string) string {
		return h.as("ada", "GET", "/2.0/users/"+h.numbers[name]+"?fields=role", "").must(http.StatusOK).text("role")
	}
	for name, want := range map[string]string{"ada": "admin", "grace": "coadmin", "vera": "user", "robot": "user"} {
		if got := role(name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
	at := "/2.0/users/" + h.numbers["vera"]
	h.as("ada", "PUT", at, `{"role":"user","status":"active"}`).must(http.StatusOK) // a viewer is a user here, and stays a viewer
	if u, _, err := h.Engine.User(t.Context(), h.ada, h.ids["vera"]); err != nil || u.Role != countersign.RoleViewer {
		t.Errorf("vera is %s (%v)", u.Role, err)
	}
	h.as("ada", "PUT", at, `{"role":"coadmin"}`).must(http.StatusOK)
	if got := role("vera"); got != "coadmin" {
		t.Errorf("vera is %s", got)
	}
	if a := h.as("ada", "PUT", at, `{"role":"user","status":"inactive","phone":"1"}`).must(http.StatusOK); a.text("status") != "inactive" || a.text("phone") != "1" {
		t.Errorf("vera is %s", a.body)
	}
	if a := h.as("ada", "PUT", at, `{"status":"cannot_delete_edit_upload"}`).must(http.StatusOK); a.text("status") != "cannot_delete_edit_upload" {
		t.Errorf("vera is %s", a.body)
	}
	if made := h.as("ada", "POST", "/2.0/users?fields=role", `{"name":"C","login":"c@example.org","role":"coadmin"}`).must(http.StatusCreated); made.text("role") != "coadmin" {
		t.Errorf("made %s", made.body)
	}
	if made := h.as("ada", "POST", "/2.0/users", `{"name":"U","login":"u@example.org"}`).must(http.StatusCreated); made.text("status") != "active" {
		t.Errorf("made %s", made.body)
	}
}

// TestMe: the account of the app, or whom it acts for.
func TestMe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("eve", countersign.RoleNone)
	me := h.as("robot", "GET", "/2.0/users/me?fields=enterprise", "").must(http.StatusOK)
	if me.text("id") != h.numbers["robot"] || me.text("enterprise.id") != h.org.Number || me.text("enterprise.type") != "enterprise" {
		t.Errorf("the service account: %s", me.body)
	}
	if me := h.as("robot", "GET", "/2.0/users/me", "", "As-User: "+h.numbers["eve"]).must(http.StatusOK); me.text("id") != h.numbers["eve"] {
		t.Errorf("as eve: %s", me.body)
	}
	for _, id := range []string{"999", "eve", "-1", "", h.numbers["eve"] + "," + h.numbers["vera"]} {
		h.as("robot", "GET", "/2.0/users/me", "", "As-User: "+id).refused(http.StatusForbidden, "access_denied_insufficient_permissions")
	}
	h.as("eve", "GET", "/2.0/users/me", "", "As-User: "+h.numbers["vera"]).refused(http.StatusForbidden, "access_denied_insufficient_permissions")
	// Acting for somebody is seeing and doing what he may.
	h.as("robot", "GET", "/2.0/groups", "", "As-User: "+h.numbers["eve"]).refused(http.StatusForbidden, "access_denied_insufficient_permissions")
	h.as("robot", "GET", "/2.0/users/"+h.numbers["vera"], "", "As-User: "+h.numbers["eve"]).refused(http.StatusNotFound, "not_found")
}

// Group attributes go in and out, null clears, and absent leaves.
func TestGroupsKeepWhatTheyAreGiven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const query = "?fields=provenance,external_sync_identifier,description,invitability_level,member_viewability_level"
	given := map[string]any{
		"name": "Sales", "provenance": "Okta", "external_sync_identifier": "ext:1", "description": "d",
		"invitability_level": "all_managed_users", "member_viewability_level": "admins_only",
	}
	same := func(a answer, want map[string]any) {
		t.Helper()
		for name, value := range want {
			if got := a.object()[name]; got != value {
				t.Errorf("%s is %v, want %v", name, got, value)
			}
		}
	}
	made := h.as("robot", "POST", "/2.0/groups"+query, encode(t, given)).must(http.StatusCreated)
	same(made, given)
	at := "/2.0/groups/" + made.text("id") + query
	same(h.as("robot", "PUT", at, `{"provenance":null,"description":"e"}`).must(http.StatusOK), map[string]any{"provenance": nil, "description": "e", "external_sync_identifier": "ext:1"})
	same(h.as("robot", "PUT", at, `{"external_sync_identifier":null,"description":null,"invitability_level":"admins_only"}`).must(http.StatusOK),
		map[string]any{"external_sync_identifier": nil, "description": "", "invitability_level": "admins_only"})
	plain := h.as("robot", "POST", "/2.0/groups"+query, `{"name":"Plain"}`).must(http.StatusCreated)
	same(plain, map[string]any{"group_type": "managed_group", "invitability_level": "admins_only", "member_viewability_level": "admins_and_members", "provenance": nil})

	// What every API does to a group shows in each.
	native := h.Do(h.tokens["ada"], "GET", "/directory/v1/groups?q=sales", nil).Must(http.StatusOK).Items()[0]
	if fmt.Sprint(native["number"]) != made.text("id") || native["description"] != nil || native["member_viewability"] != "admins_only" {
		t.Errorf("natively: %v", native)
	}
	var times struct{ Created, Modified string }
	raw := h.as("ada", "GET", "/2.0/groups/"+made.text("id"), "").must(http.StatusOK).body
	if err := json.Unmarshal([]byte(strings.NewReplacer("created_at", "Created", "modified_at", "Modified").Replace(raw)), &times); err != nil ||
		times.Created != "2026-03-01T09:00:00+00:00" || times.Modified != times.Created {
		t.Errorf("times %+v (%v)", times, err)
	}
	member := h.join("vera", made.text("id"), "")
	h.as("ada", "DELETE", "/2.0/groups/"+made.text("id"), "").must(http.StatusNoContent)
	h.as("ada", "GET", "/2.0/group_memberships/"+member, "").refused(http.StatusNotFound, "not_found")
	h.as("ada", "GET", "/2.0/groups/"+made.text("id")+"/memberships", "").refused(http.StatusNotFound, "not_found")
}

// TestGroupAdminsLookAfterTheirMembers: accounts as far as the switches say
// (sections 1.1 and 4.1), and what this API has no way to say is refused.
func TestGroupAdminsLookAfterTheirMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("gina", countersign.RoleNone)
	group, second := h.group("G"), h.group("H")
	m := h.join("gina", group, "admin")
	n := 0
	create := func(rest string) answer {
		n++
		return h.as("gina", "POST", "/2.0/users", fmt.Sprintf(`{"name":"N","login":"n%d@example.org"%s}`, n, rest))
	}
	made := create(`,"phone":"1"`).must(http.StatusCreated)
	if got := h.as("ada", "GET", "/2.0/users/"+made.text("id")+"/memberships", "").entries(); len(got) != 1 {
		t.Errorf("who was created by a group admin is in %v", got)
	}
	create(`,"role":"coadmin"`).refused(http.StatusForbidden, "access_denied_insufficient_permissions")
	create(`,"is_exempt_from_login_verification":true`).refused(http.StatusForbidden, "access_denied_insufficient_permissions")
	at := "/2.0/users/" + made.text("id")
	edited := h.as("gina", "PUT", at, `{"phone":"2","name":"M"}`).must(http.StatusOK)
	if edited.text("id") != made.text("id") || edited.text("name") != "M" || h.as("ada", "GET", at, "").text("phone") != "2" {
		t.Errorf("edited %s", edited.body)
	}
	for _, body := range []string{`{"login":"x@example.org"}`, `{"is_exempt_from_login_verification":true}`, `{"status":"inactive"}`, `{"role":"coadmin"}`} {
		h.as("gina", "PUT", at, body).refused(http.StatusNotFound, "not_found")
	}
	h.as("ada", "PUT", "/2.0/group_memberships/"+m, `{"configurable_permissions":{"can_create_accounts":false,"can_edit_accounts":false}}`).must(http.StatusOK)
	create("").refused(http.StatusForbidden, "access_denied_insufficient_permissions")
	h.as("gina", "PUT", at, `{"phone":"3"}`).refused(http.StatusNotFound, "not_found")
	h.as("ada", "PUT", "/2.0/group_memberships/"+m, `{"configurable_permissions":{}}`).must(http.StatusOK)
	h.join("gina", second, "admin")
	create("").refused(http.StatusForbidden, "access_denied_insufficient_permissions") // into which of the two?
	h.as("ada", "PUT", "/2.0/group_memberships/"+m, `{"role":"member"}`).must(http.StatusOK)
	create("").must(http.StatusCreated)
}
