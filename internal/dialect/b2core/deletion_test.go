package b2core_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/fordefi"
)

// TestInferredDeletionTakesWhatCameThroughTheGroup and nothing else: reading A of
// section 9. One user has the right through the group, one individually, one both
// ways; they are asked about through the native API, and looked at through Fordefi's.
func TestInferredDeletionTakesWhatCameThroughTheGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const right, other = "accounts.create", "accounts.read"
	g := h.makes("Tellers", right, other)
	users := map[string]string{
		"groupie": `{"groups":[1],"permissions":[]}`, "solist": `{"groups":[],"permissions":["accounts.create"]}`,
		"both": `{"groups":[1],"permissions":["accounts.create"]}`,
	}
	for name, body := range users {
		h.enrol(name, countersign.RoleNone)
		h.put(one(usersPath, h.numbers[name]), body).must(http.StatusOK)
	}
	want := func(when string, sources map[string][]string) {
		t.Helper()
		for name := range users {
			same(t, when+", "+name+" may by", h.because(name, right), sources[name])
		}
	}
	individual, group := "individual", "group Tellers"
	want("before", map[string][]string{"groupie": {group}, "solist": {individual}, "both": {individual, group}})
	same(t, "before, through the group alone", h.because("both", other), []string{group})

	for name, groups := range map[string][]string{"groupie": {"Tellers"}, "solist": {}, "both": {"Tellers"}} {
		same(t, "before, "+name+" as Fordefi shows him", h.fordefiGroups(name), groups)
	}

	h.seal()
	held := h.remove(one(groupsPath, g.ID)).must(http.StatusAccepted)
	want("while it waits", map[string][]string{"groupie": {group}, "solist": {individual}, "both": {individual, group}})
	h.decide("grace", held.waiting(), "approve")

	want("after", map[string][]string{"groupie": nil, "solist": {individual}, "both": {individual}})
	same(t, "after, through the group alone", h.because("both", other), []string(nil))
	for name, permissions := range map[string][]string{"groupie": {}, "solist": {right}, "both": {right}} {
		u := strict[user](h.get(one(usersPath, h.numbers[name])).must(http.StatusOK))
		same(t, name+" as shown here", u.Permissions, permissions)
		same(t, name+" is in no group", u.Groups, []groupRef{})
		same(t, name+" is in no group of Fordefi", h.fordefiGroups(name), []string{})
		if !u.Active {
			t.Errorf("%s is not active any more", name)
		}
	}
}

// fordefiGroups are the groups of a user, active and by name, as the Fordefi
// dialect over the same directory shows him.
func (h *house) fordefiGroups(name string) []string {
	h.t.Helper()
	api := fordefi.New(fordefi.Config{Engine: h.Engine, Authenticator: h.Authn, Now: h.Now, Title: "Fordefi", Profile: fordefi.Newest})
	in := httptest.NewRequestWithContext(h.t.Context(), "GET", "/api/v1/users/"+string(h.ids[name]), http.NoBody)
	in.RemoteAddr = "192.0.2.7:5000"
	in.Header.Set("Authorization", "Bearer "+h.tokens["vera"])
	out := httptest.NewRecorder()
	api.ServeHTTP(out, in)
	var shown struct {
		State  string `json:"state"`
		Groups []struct {
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"user_groups"`
	}
	if err := json.Unmarshal(out.Body.Bytes(), &shown); err != nil || shown.State != "active" {
		h.t.Fatalf("Fordefi shows %s: %d %s", name, out.Code, out.Body)
	}
	groups := []string{}
	for _, g := range shown.Groups {
		if g.State == "active" {
			groups = append(groups, g.Name)
		}
	}
	return groups
}

// because is why somebody may do something, by the native check; and what the
// explanation of all his permissions says of it must agree.
func (h *house) because(name, permission string) []string {
	h.t.Helper()
	verdict := h.Do(h.tokens["ada"], "POST", "/directory/v1/check", map[string]any{
		"user_id": h.ids[name], "permission": permission, "explain": true,
	}).Must(http.StatusOK).Object()
	sources := via(verdict["because"])
	if allowed, _ := verdict["allowed"].(bool); allowed != (sources != nil) {
		h.t.Errorf("%s, %s: allowed is %v, because of %v", name, permission, verdict["allowed"], sources)
	}
	var explained []string
	for _, item := range h.Do(h.tokens["ada"], "GET", "/directory/v1/users/"+string(h.ids[name])+"/permissions", nil).Must(http.StatusOK).Items() {
		if item["permission"] == permission {
			explained = via(item["sources"])
		}
	}
	same(h.t, name+", "+permission+", as explained", explained, sources)
	return sources
}

// via names sources.
func via(list any) []string {
	var out []string
	all, _ := list.([]any)
	for _, item := range all {
		source, _ := item.(map[string]any)
		text, _ := source["via"].(string)
		if group, ok := source["group_name"].(string); ok {
			text += " " + group
		}
		out = append(out, text)
	}
	return out
}
