package fireblocks_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// TestAFreezeIsForbidden to every write, in this API's shape, and says why; reads
// go on.
func TestAFreezeIsForbidden(t *testing.T) {
	h := newHouse(t)
	g := h.makes("Treasury")
	h.seal()
	_, err := h.Engine.Submit(t.Context(), h.ada, []countersign.Change{&countersign.FreezeOrganization{}}, engine.Options{Emergency: true, Reason: "a stolen phone"})
	if err != nil {
		t.Fatal(err)
	}
	for what, a := range map[string]answer{
		"create": h.post(groupsPath, map[string]any{"groupName": "New", "memberIds": []string{}}),
		"update": h.put(g.ID, map[string]any{"groupName": "Other"}),
		"delete": h.write("DELETE", groupsPath+"/"+g.ID, nil),
	} {
		a.must(http.StatusForbidden).mustBeError()
		if !strings.Contains(a.body, "frozen") {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	h.get(groupsPath + "/" + g.ID).must(http.StatusOK)
}
