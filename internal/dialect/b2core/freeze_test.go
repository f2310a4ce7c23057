package b2core_test

import (
	"net/http"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// TestAFreezeIs403 for every write, in this API's shape and with the word that
// says why; reads and signing in go on.
func TestAFreezeIs403(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Desk", "accounts.read")
	password, _ := h.withPassword(robotName)
	h.seal()
	_, err := h.Engine.Submit(t.Context(), h.ada, []countersign.Change{&countersign.FreezeOrganization{}}, engine.Options{Emergency: true, Reason: "a stolen phone"})
	if err != nil {
		t.Fatal(err)
	}
	size := h.LogSize(h.org)
	for _, c := range []struct{ method, target, body string }{
		{"POST", groupsPath, `{"name":"New","permissions":[]}`},
		{"PUT", groupsPath + "/1", `{"name":"Bureau","permissions":[]}`},
		{"DELETE", groupsPath + "/1", ``},
		{"POST", usersPath, `{"name":"Eve","email":"eve@example.org","permissions":[],"groups":[]}`},
		{"PATCH", usersPath + "/4", `{"active":false}`},
		{"DELETE", usersPath + "/4", ``},
	} {
		a := h.as("robot", c.method, c.target, c.body).must(http.StatusForbidden)
		if a.failure().Code != engine.CodeFrozen {
			t.Errorf("%s %s: %s", c.method, c.target, a.body)
		}
	}
	h.get(groupsPath).must(http.StatusOK)
	got := strict[tokens](h.signIn(robotName, password).must(http.StatusOK))
	h.listsBy(got.Access.Token).must(http.StatusOK)
	h.nothingMoved(size + 1) // that somebody tried to invite Eve stands in the log
}
