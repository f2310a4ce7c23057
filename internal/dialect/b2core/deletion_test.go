package b2core_test

import (
	"net/http"
	"testing"

	"github.com/countersign/countersign"
)

// TestInferredDeletionTakesWhatCameThroughTheGroup and nothing else: reading A of
// section 9. One user has the right through the group, one individually, one both
// ways; they are asked about through the native API.
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
		if !u.Active {
			t.Errorf("%s is not active any more", name)
		}
	}
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
