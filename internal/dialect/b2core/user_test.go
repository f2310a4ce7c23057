package b2core_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// TestUserLifeCycle is section 7 in one walk. The members of bodies are inferred.
func TestInferredUserLifeCycle(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	desk, vault := h.makes("Desk", "accounts.read"), h.makes("Vault", "vaults.create")
	made := strict[user](h.post(usersPath, map[string]any{
		"phone": "+1", "name": " Tom Jones ", "email": "tom@example.org", "permissions": []string{"accounts.update", "accounts.create"}, "groups": []int64{vault.ID, desk.ID},
	}).must(http.StatusCreated))
	if made.Name != "Tom Jones" || *made.Email != "tom@example.org" || made.Active || made.CreateTime == nil || made.UpdateTime != nil {
		t.Errorf("made: %+v", made)
	}
	same(t, "phone", made.Phone, ptr("+1"))
	same(t, "groups", made.Groups, []groupRef{{desk.ID, "Desk"}, {vault.ID, "Vault"}})
	same(t, "permissions", made.Permissions, []string{"accounts.create", "accounts.update"})
	self := one(usersPath, made.ID)
	same(t, "read", strict[user](h.get(self).must(http.StatusOK)), made)
	found, _, err := h.Engine.UserByNumber(t.Context(), h.ada, made.ID)
	if err != nil || found.Role != countersign.RoleNone || found.Type != countersign.Person {
		t.Fatalf("%v %+v", err, found.User)
	}
	h.ids["tom"] = found.ID
	if a := h.put(self, `{"active":true}`).must(http.StatusConflict); a.field() != "active" || a.failure().Code != "wrong_state" {
		t.Errorf("active before he enrolled: %s", a.body)
	}
	h.finish("tom")
	h.Pass(time.Second)
	for _, step := range []struct {
		body string
		want func(*user)
	}{
		{`{"name":"Thomas Jones"}`, func(u *user) { u.Name = "Thomas Jones" }},
		{`{"email":"thomas@example.org"}`, func(u *user) { *u.Email = "thomas@example.org" }},
		{`{"permissions":[]}`, func(u *user) { u.Permissions = []string{} }},
		{`{"groups":[]}`, func(u *user) { u.Groups = []groupRef{} }},
		{`{"groups":[{"id":1,"name":"whatever"},2]}`, func(u *user) { u.Groups = []groupRef{{1, "Desk"}, {2, "Vault"}} }},
		{`{"phone":"+31 6 1234","telegramChatId":"-42"}`, func(u *user) { u.Phone, u.TelegramID = ptr("+31 6 1234"), ptr("-42") }},
		{`{"phone":null}`, func(u *user) { u.Phone = nil }},
		{`{"active":false}`, func(u *user) { u.Active = false }},
		{`{"active":true,"groups":[2],"permissions":["accounts.read"],"name":"Tom"}`, func(u *user) {
			u.Active, u.Groups, u.Permissions, u.Name = true, []groupRef{{2, "Vault"}}, []string{"accounts.read"}, "Tom"
		}},
	} {
		for _, method := range []string{"PUT", "PATCH"} { // the second time there is nothing to do
			want := strict[user](h.get(self).must(http.StatusOK))
			step.want(&want)
			size := h.LogSize(h.org)
			got := strict[user](h.as("robot", method, self, step.body).must(http.StatusOK))
			same(t, step.body+", read", strict[user](h.get(self)), got)
			if got.UpdateTime == nil {
				t.Errorf("%s: never updated", step.body)
			}
			got.UpdateTime = want.UpdateTime
			same(t, step.body, got, want)
			if moved := h.LogSize(h.org) - size; moved != 1 && method == "PUT" || moved != 0 && method == "PATCH" {
				t.Errorf("%s %s: %d entries", method, step.body, moved)
			}
		}
	}
	h.remove(self).must(http.StatusNoContent)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		h.as("robot", method, self, `{}`).must(http.StatusNotFound)
	}
}

func ptr(s string) *string { return &s }

// TestFilterActive: 1 keeps active profiles, 0 means everybody and not the
// inactive ones (section 7, the trap).
func TestFilterActive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("tom", countersign.RoleTrader)
	h.submit(&countersign.SuspendUser{UserID: h.ids["tom"]})
	h.submit(&countersign.InvitePerson{Name: "New", Email: "new@example.org", Role: countersign.RoleNone})
	h.submit(&countersign.CreateEndUser{ExternalID: "customer"})
	h.submit(&countersign.CreateAPISigner{Name: "device", ResponsiblePersonID: h.ids["vera"]})
	h.enrol("gone", countersign.RoleNone)
	h.submit(&countersign.DeleteUser{UserID: h.ids["gone"]})
	emails := func(query string) string {
		t.Helper()
		a := h.get(usersPath + query).must(http.StatusOK)
		var out []string
		for _, u := range strict[[]user](a) {
			email := "-"
			if u.Email != nil {
				email, _, _ = strings.Cut(*u.Email, "@")
			}
			out = append(out, fmt.Sprintf("%s:%t", email, u.Active))
		}
		if total := a.header.Get("X-Total-Count"); total != fmt.Sprint(len(out)) {
			t.Errorf("%s: %s of %d", query, total, len(out))
		}
		return strings.Join(out, " ")
	}
	const active = "ada:true grace:true linus:true vera:true -:true"
	const everybody = active + " tom:false new:false"
	for query, want := range map[string]string{
		"": everybody, "?filter[active]=0": everybody, "?filter[active]=1": active, "?filter%5Bactive%5D=1": active,
		"?filter[email]=TOM@example.org":                   "tom:false",
		"?filter[email]=tom@example.org&filter[active]=1":  "",
		"?filter[name]=vera%20northwind":                   "vera:true", // inferred: the whole name, whatever its case
		"?filter[name]=vera":                               "",
		"?filter[name]=vera%20northwind&filter[email]=a@b": "",
	} {
		same(t, query, emails(query), want)
	}
	for _, query := range []string{"filter[active]=2", "filter[active]=true", "filter[active]=", "filter[status]=1", "filter[name]=a&filter[name]=b", "active=1"} {
		h.get(usersPath + "?" + query).must(http.StatusBadRequest)
	}
}

// TestBadUsersAreRefusedAndNothingChanges, by field.
func TestBadUsersAreRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := h.makes("Desk")
	h.makes("Gone")
	h.remove(one(groupsPath, 2)).must(http.StatusNoContent)
	vera, robot := one(usersPath, h.numbers["vera"]), one(usersPath, h.numbers["robot"])
	size := h.LogSize(h.org)
	person := func(members string) string { return `{"name":"Tom","email":"tom@example.org",` + members + `}` }
	for _, c := range []struct {
		method, target, body string
		status               int
		field                string
	}{
		{"POST", usersPath, `{"email":"tom@example.org"}`, 400, "name"},
		{"POST", usersPath, `{"name":"Tom"}`, 400, "email"},
		{"POST", usersPath, `{"name":"Tom","email":"tom"}`, 400, "email"},
		{"POST", usersPath, `{"name":"Tom","email":"VERA@example.org"}`, 400, "email"},
		{"POST", usersPath, `{"name":"To\u202em","email":"tom@example.org"}`, 400, "name"},
		{"POST", usersPath, person(`"password":"secret"`), 400, "password"},
		{"POST", usersPath, person(`"password":null`), 400, "password"},
		{"POST", usersPath, person(`"active":false`), 400, "active"},
		{"POST", usersPath, person(`"active":"1"`), 400, "active"},
		{"POST", usersPath, person(`"permissions":["accounts.fly"]`), 400, "permissions"},
		{"POST", usersPath, person(`"permissions":"accounts.read"`), 400, "permissions"},
		{"POST", usersPath, person(`"permissions":[null]`), 400, "permissions.0"},
		{"POST", usersPath, person(`"groups":[2]`), 400, "groups.0"},
		{"POST", usersPath, person(`"groups":[1,1]`), 400, "groups.1"},
		{"POST", usersPath, person(`"groups":["1"]`), 400, "groups.0"},
		{"POST", usersPath, person(`"groups":[1.5]`), 400, "groups.0"},
		{"POST", usersPath, person(`"groups":[null]`), 400, "groups.0"},
		{"POST", usersPath, person(`"groups":[-1]`), 400, "groups.0"},
		{"POST", usersPath, person(`"groups":[{"name":"Desk"}]`), 400, "groups.0.id"},
		{"POST", usersPath, person(`"groups":null`), 400, "groups"},
		{"POST", usersPath, person(`"phone":"` + strings.Repeat("1", 101) + `"`), 400, "phone"},
		{"POST", usersPath, person(`"telegramChatId":"x"`), 400, "telegramChatId"},
		{"PUT", vera, `{"phone":7}`, 400, "phone"},
		{"PUT", vera, `{"name":""}`, 400, "name"},
		{"PUT", vera, `{"name":null}`, 400, "name"},
		{"PUT", vera, `{"email":"ada@example.org"}`, 400, "email"},
		{"PUT", vera, `{"permissions":["accounts.read","accounts.read"]}`, 400, "permissions"},
		{"PUT", vera, `{"groups":[1,99]}`, 400, "groups.1"},
		{"PUT", vera, `{"password":"x"}`, 400, "password"},
		{"PUT", robot, `{"email":"robot@example.org"}`, 400, "email"},
		{"PUT", vera, ``, 400, ""},
		{"PUT", vera, `[]`, 400, ""},
		{"PUT", one(usersPath, 99), `{}`, 404, ""},
		{"PUT", usersPath + "/0", `{}`, 404, ""},
		{"GET", usersPath + "/x", ``, 404, ""},
		{"GET", usersPath + "/01", ``, 404, ""},
		{"GET", usersPath + "/-1", ``, 404, ""},
		{"GET", usersPath + "/99999999999999999999", ``, 404, ""},
		{"GET", groupsPath + "/9223372036854775807", ``, 404, ""},
		{"PUT", groupsPath + "/x", `{}`, 404, ""},
		{"DELETE", groupsPath + "/2", ``, 404, ""},
		{"GET", groupsPath + "/1/users", ``, 404, ""},
		{"POST", one(groupsPath, g.ID), `{}`, 405, ""},
		{"DELETE", groupsPath, ``, 405, ""},
		{"GET", "/api/v2/clients", ``, 404, ""},
		{"POST", groupsPath, `{"name":"` + strings.Repeat("n", 1<<20) + `"}`, 413, ""},
		{"POST", groupsPath, `{"name":"A","name":"B","permissions":[]}`, 400, "name"},
		{"POST", groupsPath, `{"name":7,"permissions":[]}`, 400, "name"},
		{"POST", groupsPath, `{"name":"A","permissions":{}}`, 400, "permissions"},
		{"POST", groupsPath, `{"name":"A","permissions":[]} {}`, 400, ""},
		{"POST", groupsPath, `{"name":"` + strings.Repeat("n", 256) + `","permissions":[]}`, 400, "name"},
		{"POST", groupsPath, `{"name":"A","permissions":[],"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400, ""},
	} {
		a := h.as("robot", c.method, c.target, c.body)
		if a.status != c.status || c.field != "" && a.field() != c.field {
			t.Errorf("%s %s %.80s: %d %.200s", c.method, c.target, c.body, a.status, a.body)
		}
	}
	h.nothingMoved(size)
}

// TestWritesNeedTheirPermission: the engine decides, and names it.
func TestWritesNeedTheirPermission(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := h.makes("Desk")
	size := h.LogSize(h.org)
	for _, a := range []answer{
		h.as("vera", "POST", groupsPath, `{"name":"X","permissions":[]}`), h.as("vera", "PUT", one(groupsPath, g.ID), `{"name":"X"}`),
		h.as("vera", "DELETE", one(groupsPath, g.ID), nil), h.as("vera", "PUT", one(usersPath, h.numbers["vera"]), `{"permissions":["users.delete"]}`),
		h.as("vera", "PUT", one(usersPath, h.numbers["vera"]), `{"groups":[1]}`),
	} {
		if a.must(http.StatusForbidden).failure().Code != "permission_missing" {
			t.Error(a.body)
		}
	}
	h.nothingMoved(size)
}
