package box_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// TestAFreezeIsForbidden to every write, in Box's shape, and says why; reads go on.
func TestAFreezeIsForbidden(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	m := h.join("vera", group, "member")
	h.enrol("eve", countersign.RoleNone)
	h.enrol("linus", countersign.RoleAdmin)
	h.seal()
	_, err := h.Engine.Submit(t.Context(), h.ada, []countersign.Change{&countersign.FreezeOrganization{}}, engine.Options{Emergency: true, Reason: "a stolen phone"})
	if err != nil {
		t.Fatal(err)
	}
	size := h.LogSize(h.org.ID)
	for _, c := range []struct{ method, target, body string }{
		{"POST", "/box/2.0/groups", `{"name":"New"}`},
		{"PUT", "/box/2.0/groups/" + group, `{"name":"H"}`},
		{"DELETE", "/box/2.0/groups/" + group, ""},
		{"POST", "/box/2.0/group_memberships", `{"user":{"id":"` + h.numbers["eve"] + `"},"group":{"id":"` + group + `"}}`},
		{"DELETE", "/box/2.0/group_memberships/" + m, ""},
		{"PUT", "/box/2.0/users/" + h.numbers["eve"], `{"name":"Eve II"}`},
	} {
		a := h.as("robot", c.method, c.target, c.body).must(http.StatusForbidden)
		if a.text("type") != "error" || !strings.Contains(a.text("message"), "frozen") || a.header.Get("Countersign-Change-Request") != "" {
			t.Errorf("%s %s: %s", c.method, c.target, a.body)
		}
	}
	h.as("robot", "GET", "/box/2.0/groups/"+group, "").must(http.StatusOK)
	if h.LogSize(h.org.ID) != size {
		t.Error("something moved")
	}
}
