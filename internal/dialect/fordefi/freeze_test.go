package fordefi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// TestAFreezeIsForbidden also to what policy leaves free: end users and their
// tokens. The answer has this API's shape and says why; reads go on.
func TestAFreezeIsForbidden(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.makesEndUser("c-1")
	h.seal()
	_, err := h.Engine.Submit(t.Context(), h.ada, []countersign.Change{&countersign.FreezeOrganization{}}, engine.Options{Emergency: true, Reason: "a stolen phone"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []request{
		{method: "POST", path: endUsers, body: `{"external_id":"c-2"}`},
		{method: "DELETE", path: endUsers + "/" + id},
		{method: "POST", path: tokens, body: `{"user_type":"end_user","user_id":"` + id + `"}`},
	} {
		r.token = h.tokens["writer"]
		a := h.send(r).must(http.StatusForbidden)
		if !strings.Contains(text(a.object(), "detail"), "frozen") || a.header.Get("Countersign-Change-Request") != "" {
			t.Errorf("%s %s: %s", r.method, r.path, a.body)
		}
	}
	h.get(endUsers + "/" + id).must(http.StatusOK)
}
