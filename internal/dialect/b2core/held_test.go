package b2core_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// timeless is an object without its times: what will be, says nothing of when.
func timeless(a answer) map[string]any {
	a.t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	delete(out, "createTime")
	delete(out, "updateTime")
	return out
}

// TestAHeldChangeIs202 and shows the object as it will be; reads are unchanged
// until somebody else approves (contract section 12, 1).
func TestAHeldChangeIs202(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, method, target, body string
		// read is the path of the object afterwards; empty when it is gone.
		read string
	}{
		{"create a group", "POST", groupsPath, `{"name":"New","permissions":["accounts.create","accounts.read"]}`, groupsPath + "/2"},
		{"update a group", "PUT", groupsPath + "/1", `{"name":"Bureau","permissions":[]}`, groupsPath + "/1"},
		{"patch a group", "PATCH", groupsPath + "/1", `{"permissions":["vaults.create"]}`, groupsPath + "/1"},
		{"delete a group", "DELETE", groupsPath + "/1", ``, ""},
		{"create a user", "POST", usersPath, `{"name":"Eve","email":"eve@example.org","permissions":["accounts.create"],"groups":[1]}`, usersPath + "/7"},
		{"update a user", "PUT", usersPath + "/6", `{"name":"Thomas","email":"thomas@example.org","permissions":[],"groups":[]}`, usersPath + "/6"},
		{"assign a user", "PUT", usersPath + "/4", `{"groups":[1]}`, usersPath + "/4"},
		{"suspend a user", "PATCH", usersPath + "/6", `{"active":false}`, usersPath + "/6"},
		{"delete a user", "DELETE", usersPath + "/6", ``, ""},
	} {
		for _, decision := range []string{"approve", "deny"} {
			h := newHouse(t)
			h.makes("Desk", "accounts.read")
			h.enrol("tom", countersign.RoleNone)
			h.put(one(usersPath, 6), `{"permissions":["accounts.read"],"groups":[1]}`).must(http.StatusOK)
			h.seal()
			paths := []string{groupsPath, usersPath, c.read, c.target}
			all := func() (out []string) {
				for _, path := range paths {
					if path != "" {
						out = append(out, h.get(path).body)
					}
				}
				return out
			}
			before := all()
			held := h.as("robot", c.method, c.target, c.body).must(http.StatusAccepted)
			same(t, c.what+": what is read while it waits", all(), before)
			h.Pass(time.Second)
			h.decide("grace", held.waiting(), decision)
			switch {
			case decision == "deny":
				same(t, c.what+": what is read after a denial", all(), before)
			case c.read == "":
				if h.get(c.target).must(http.StatusNotFound); held.body != "" {
					t.Errorf("%s: %s", c.what, held.body)
				}
			default:
				same(t, c.what, timeless(h.get(c.read).must(http.StatusOK)), timeless(held))
			}
		}
	}
}

// TestAssignmentIsOneChange: all of it waits, and all of it is applied, or none.
func TestAssignmentIsOneChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{"A", "B", "C"} {
		h.makes(name)
	}
	vera := one(usersPath, h.numbers["vera"])
	h.put(vera, `{"groups":[1,2]}`).must(http.StatusOK)
	h.seal()
	held := h.put(vera, `{"groups":[2,3],"permissions":["accounts.read"],"name":"Vera R."}`).must(http.StatusAccepted)
	request := h.Do(h.tokens["grace"], "GET", "/directory/v1/changes/"+held.waiting(), nil).Must(http.StatusOK)
	var kinds []string
	for _, op := range request.Object()["operations"].([]any) {
		kinds = append(kinds, op.(map[string]any)["kind"].(string))
	}
	same(t, "operations", kinds, []string{"user.update", "user.set_permissions", "membership.remove", "membership.add"})
	h.remove(one(groupsPath, 3)).must(http.StatusAccepted)
	h.decide("grace", h.remove(one(groupsPath, 3)).must(http.StatusAccepted).waiting(), "approve")
	if seen := h.Do(h.tokens["grace"], "GET", "/directory/v1/changes/"+held.waiting(), nil); seen.Text("state") != "stale" {
		t.Errorf("a group of it is gone, and the change is %s", seen.Text("state"))
	}
	shown := strict[user](h.get(vera))
	same(t, "nothing of it has happened", shown.Groups, []groupRef{{1, "A"}, {2, "B"}})
	same(t, "nor of the rest", []any{shown.Name, shown.Permissions}, []any{"Vera Northwind", []string{}})
}

// TestTooManyGroupsAtOnceAreRefused by the field, not cut off.
func TestTooManyGroupsAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var ids []string
	for range 100 {
		name := "Group " + strings.Repeat("x", len(ids)+1)
		ids = append(ids, string(mustEncode(t, h.makes(name).ID)))
	}
	vera := one(usersPath, h.numbers["vera"])
	size := h.LogSize(h.org)
	if a := h.put(vera, `{"groups":[`+strings.Join(ids, ",")+`]}`).must(http.StatusBadRequest); a.field() != "groups" {
		t.Error(a.body)
	}
	h.nothingMoved(size)
	h.put(vera, `{"groups":[`+strings.Join(ids[:99], ",")+`]}`).must(http.StatusOK)
	h.put(vera, `{"groups":[`+strings.Join(ids, ",")+`]}`).must(http.StatusOK)
	if got := strict[user](h.get(vera)); len(got.Groups) != 100 {
		t.Errorf("%d groups", len(got.Groups))
	}
}

func mustEncode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
