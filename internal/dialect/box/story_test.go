package box_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
)

// TestTheLifeCycleOfTheSDK is the story of Box's own SDK test (contract section 7).
func TestTheLifeCycleOfTheSDK(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, base := range []string{"/2.0", "//2.0", "/box/2.0", "/box//2.0"} {
		user := h.as("robot", "POST", base+"/users", `{"name":"App user","login":"u`+strconv.Itoa(len(base))+`@example.org","is_platform_access_only":true}`).must(http.StatusCreated)
		list := h.as("robot", "GET", base+"/users/"+user.text("id")+"/memberships", "").must(http.StatusOK)
		if list.at("total_count") != float64(0) || len(list.entries()) != 0 {
			t.Errorf("a new user has memberships: %s", list.body)
		}
		group := h.as("robot", "POST", base+"/groups", `{"name":"Group `+strconv.Itoa(len(base))+`"}`).must(http.StatusCreated)
		list = h.as("robot", "GET", base+"/groups/"+group.text("id")+"/memberships", "").must(http.StatusOK)
		if list.at("total_count") != float64(0) || len(list.entries()) != 0 {
			t.Errorf("a new group has members: %s", list.body)
		}
		made := h.as("robot", "POST", base+"/group_memberships", `{"user":{"id":"`+user.text("id")+`"},"group":{"id":"`+group.text("id")+`"}}`).must(http.StatusCreated)
		if made.text("role") != "member" || made.text("user.id") != user.text("id") || made.text("group.id") != group.text("id") {
			t.Errorf("made %s", made.body)
		}
		at := base + "/group_memberships/" + made.text("id")
		if got := h.as("robot", "GET", at, "").must(http.StatusOK); got.text("id") != made.text("id") || got.text("type") != "group_membership" {
			t.Errorf("got %s", got.body)
		}
		if updated := h.as("robot", "PUT", at, `{"role":"admin"}`).must(http.StatusOK); updated.text("role") != "admin" {
			t.Errorf("updated %s", updated.body)
		}
		h.as("robot", "DELETE", at, "").must(http.StatusNoContent)
		h.as("robot", "GET", at, "").refused(http.StatusNotFound, "not_found")
		h.as("robot", "DELETE", at, "").refused(http.StatusNotFound, "not_found")
		h.as("robot", "DELETE", base+"/groups/"+group.text("id"), "").must(http.StatusNoContent)
		h.as("robot", "DELETE", base+"/users/"+user.text("id")+"?notify=False&force=True", "").must(http.StatusNoContent)
		h.as("robot", "GET", base+"/users/"+user.text("id"), "").refused(http.StatusNotFound, "not_found")
	}
}

// TestConfigurablePermissions is the table of section 1.1, over the wire: what is
// sent on POST and on PUT, for both roles.
func TestConfigurablePermissions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	h.enrol("eve", countersign.RoleNone)
	const all, none, noReports = "aeri", "----", "ae-i"
	switches := func(a answer) string {
		on, ok := a.at("configurable_permissions").(map[string]any)
		if !ok {
			if v, given := a.object()["configurable_permissions"]; !given || v != nil {
				t.Errorf("no switches and no null: %s", a.body)
			}
			return "null"
		}
		text := ""
		for i, key := range countersign.ConfigurableKeys() {
			if on[key] == true {
				text += all[i : i+1]
			} else {
				text += "-"
			}
		}
		return text
	}
	sent := []struct{ name, json, fresh, was string }{
		{"absent", "", all, noReports},
		{"null", `"configurable_permissions":null`, none, none},
		{"empty", `"configurable_permissions":{}`, all, all},
		{"partial", `"configurable_permissions":{"can_run_reports":false}`, noReports, noReports},
		{"all off", `"configurable_permissions":{"can_create_accounts":false,"can_edit_accounts":false,"can_run_reports":false,"can_instant_login":false}`, none, none},
	}
	with := func(parts ...string) string {
		return "{" + strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ",") + "}"
	}
	pair := `"user":{"id":"` + h.numbers["eve"] + `"},"group":{"id":"` + group + `"}`
	for _, s := range sent {
		t.Run(s.name, func(t *testing.T) {
			post := func(parts ...string) answer {
				return h.as("ada", "POST", "/2.0/group_memberships", with(append([]string{pair}, parts...)...)).must(http.StatusCreated)
			}
			remove := func(a answer) {
				h.as("ada", "DELETE", "/2.0/group_memberships/"+a.text("id"), "").must(http.StatusNoContent)
			}
			admin := post(`"role":"admin"`, s.json)
			if got := switches(admin); got != s.fresh {
				t.Errorf("POST admin: %s, want %s", got, s.fresh)
			}
			at := "/2.0/group_memberships/" + admin.text("id")
			put := func(body string) answer { return h.as("ada", "PUT", at, body).must(http.StatusOK) }
			put(`{"configurable_permissions":{"can_run_reports":false}}`)
			for what, body := range map[string]string{"with the role": with(`"role":"admin"`, s.json), "alone": with(s.json)} {
				put(`{"configurable_permissions":{"can_run_reports":false}}`)
				if got := switches(put(body)); got != s.was {
					t.Errorf("PUT on an admin, %s: %s, want %s", what, got, s.was)
				}
				if got := switches(h.as("ada", "GET", at, "").must(http.StatusOK)); got != s.was {
					t.Errorf("GET after it: %s, want %s", got, s.was)
				}
			}
			if got := switches(put(with(`"role":"member"`, s.json))); got != "null" {
				t.Errorf("PUT that demotes: %s", got)
			}
			if got := switches(put(with(s.json))); got != "null" {
				t.Errorf("PUT on a member: %s", got)
			}
			if got := switches(put(with(`"role":"admin"`, s.json))); got != s.fresh {
				t.Errorf("PUT that promotes again: %s, want %s", got, s.fresh)
			}
			remove(admin)
			for _, role := range []string{"", `"role":"member"`} {
				member := post(role, s.json)
				if got := switches(member); got != "null" {
					t.Errorf("POST member: %s", got)
				}
				remove(member)
			}
		})
	}
}

// TestAnEmptyUpdateChangesNothing: {} and no body at all return the object.
func TestAnEmptyUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	m := h.join("vera", group, "admin")
	for _, target := range []string{"/2.0/group_memberships/" + m, "/2.0/groups/" + group, "/2.0/users/" + h.numbers["vera"]} {
		before, size := h.as("ada", "GET", target, "").must(http.StatusOK), h.LogSize(h.org.ID)
		for _, body := range []string{"", "{}", " ", `{"unknown":1}`} {
			if got := h.as("ada", "PUT", target, body).must(http.StatusOK); got.body != before.body {
				t.Errorf("%s with %q: %s, want %s", target, body, got.body, before.body)
			}
		}
		if h.LogSize(h.org.ID) != size {
			t.Errorf("%s: the log has moved", target)
		}
	}
}

// TestFieldsSelectMembers is section 0.3: mini and what was asked for.
func TestFieldsSelectMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	m := h.join("vera", group, "admin")
	keys := func(body string) string {
		var o map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &o); err != nil {
			t.Fatal(err)
		}
		var list []string
		for key := range o {
			list = append(list, key)
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	const userStandard = "address avatar_url created_at id job_title language login max_upload_size modified_at name notification_email phone space_amount space_used status timezone type"
	for target, want := range map[string]string{
		"/2.0/group_memberships/" + m:                                          "configurable_permissions created_at group id modified_at role type user",
		"/2.0/group_memberships/" + m + "?fields=role%2Ccreated_at":            "created_at id role type",
		"/2.0/group_memberships/" + m + "?fields=no_such_field":                "id type",
		"/2.0/group_memberships/" + m + "?fields=":                             "configurable_permissions created_at group id modified_at role type user",
		"/2.0/groups/" + group:                                                 "created_at group_type id modified_at name type",
		"/2.0/groups/" + group + "?fields=description,invitability_level":      "description group_type id invitability_level name type",
		"/2.0/groups/" + group + "?fields=permissions":                         "group_type id name permissions type",
		"/2.0/users/" + h.numbers["vera"]:                                      userStandard,
		"/2.0/users/" + h.numbers["vera"] + "?fields=role,enterprise,hostname": "enterprise hostname id login name role type",
	} {
		if got := keys(h.as("ada", "GET", target, "").must(http.StatusOK).body); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	first := func(target string) string {
		a := h.as("ada", "GET", target, "").must(http.StatusOK)
		raw, err := json.Marshal(a.at("entries.0"))
		if err != nil {
			t.Fatal(err)
		}
		return keys(string(raw))
	}
	for target, want := range map[string]string{
		"/2.0/groups/" + group + "/memberships":             "created_at group id modified_at role type user",
		"/2.0/groups/" + group + "/memberships?fields=role": "id role type",
		"/2.0/groups":                    "created_at group_type id modified_at name type",
		"/2.0/groups?fields=description": "description group_type id name type",
		"/2.0/users?fields=status":       "id login name status type",
	} {
		if got := first(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	// Writes take the parameter too, and nested objects are always mini.
	made := h.as("ada", "POST", "/2.0/group_memberships?fields=user,group", h.membership("grace", group, "")).must(http.StatusCreated)
	if got := keys(made.body); got != "group id type user" || made.text("user.login") != "grace@example.org" || made.text("group.group_type") != "managed_group" {
		t.Errorf("made %s", made.body)
	}
	for target, body := range map[string]string{
		"/2.0/group_memberships/" + m:     `{"role":"member"}`,
		"/2.0/groups/" + group:            `{"description":"d"}`,
		"/2.0/users/" + h.numbers["vera"]: `{"phone":"1"}`,
	} {
		if got := keys(h.as("ada", "PUT", target+"?fields=nothing", body).must(http.StatusOK).body); strings.Contains(got, "created_at") {
			t.Errorf("PUT %s: %s", target, got)
		}
	}
}
