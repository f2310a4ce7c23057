package native_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

// What an approver sees, on the wire. Every exchange is held to the document.
func TestWhatAnApproverSeesOnTheWire(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	grace, linus := invite(h, ada.Token, "Grace", "admin"), invite(h, ada.Token, "Linus", "admin")
	vera := invite(h, ada.Token, "Vera", "viewer")
	h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "Treasury"}).Must(http.StatusCreated)
	h.Do(ada.Token, "POST", base+"/organization/seal", map[string]any{}).Must(http.StatusOK)
	batch := func(permissions ...string) map[string]any {
		return map[string]any{"operations": []any{
			map[string]any{"kind": "group.create", "name": "Тreasury", "permissions": permissions}, // a Cyrillic first letter
			map[string]any{"kind": "user.update", "user_id": vera.id, "name": "Vera R."},
		}}
	}
	first := h.Do(ada.Token, "POST", base+"/changes", batch("vaults.create")).Must(http.StatusAccepted)
	next := h.Do(ada.Token, "POST", base+"/changes/"+first.Text("id")+"/replace?overlap=reject", batch("vaults.create", "accounts.read")).Must(http.StatusAccepted)
	if o := next.Object(); o["lookalikes"] != nil || o["earlier"] != nil || o["differences"] != nil {
		t.Errorf("the answer to a write looks at every name: %s", next.Body)
	}
	other := h.Do(linus.token, "POST", base+"/changes?overlap=allow", map[string]any{"operations": []any{
		map[string]any{"kind": "user.update", "user_id": vera.id, "name": "V."},
	}}).Must(http.StatusAccepted)
	h.Do(linus.token, "POST", base+"/changes?overlap=reject", map[string]any{"operations": []any{
		map[string]any{"kind": "user.update", "user_id": vera.id, "name": "Vera Rubin"},
	}}).Must(http.StatusConflict)
	h.Do(linus.token, "POST", base+"/changes?overlap=perhaps", batch()).Must(http.StatusBadRequest)

	seen := h.Do(grace.token, "GET", base+"/changes/"+next.Text("id"), nil).Must(http.StatusOK).Object()
	words, _ := seen["digest_words"].(string)
	document := h.Do(grace.token, "GET", base+"/changes/"+next.Text("id")+"/document", nil).Must(http.StatusOK)
	if len(strings.Fields(words)) != 8 || document.Text("digest_words") != words {
		t.Errorf("the digest is said %q, and %q", words, document.Text("digest_words"))
	}
	for member, want := range map[string]string{
		"overlaps": fmt.Sprintf("[map[change_id:%s ends_other:true ends_this:true facts:[user:%s] facts_total:1 kinds:[user.update] requester:%s]]",
			other.Text("id"), vera.id, linus.id),
		"earlier": "map[latest:[] more:false states:map[] total:0]",
	} {
		if got := fmt.Sprint(seen[member]); got != want {
			t.Errorf("%s is %s, want %s", member, got, want)
		}
	}
	warnings, _ := seen["lookalikes"].([]any)
	if len(warnings) != 1 || !strings.Contains(fmt.Sprint(warnings), "field:operations.0.name id:<nil> kind:group_name others:[map[") {
		t.Errorf("look-alikes: %v", warnings)
	}
	differences, _ := seen["differences"].(map[string]any)
	if differences["change_id"] != first.Text("id") || !strings.Contains(fmt.Sprint(differences["operations"]), "after:map[permissions:[accounts.read vaults.create]] before:map[permissions:[vaults.create]] how:changed is:0") {
		t.Errorf("differences: %v", differences)
	}
	listed := h.Do(grace.token, "GET", base+"/changes?needs=me", nil).Must(http.StatusOK).Items()
	if len(listed) != 2 || len(listed[0]["overlaps"].([]any)) != 1 || listed[0]["earlier"] != nil || listed[1]["digest_words"] != words {
		t.Errorf("the list: %v", listed)
	}
	for _, body := range []map[string]string{
		{"decision": "approve", "digest": next.Text("digest"), "method": "webauthn", "statement": "s", "signature": "s", "credential_id": vera.id},
		{"decision": "approve", "digest": next.Text("digest"), "method": "ed25519"},
	} {
		h.Do(grace.token, "POST", base+"/changes/"+next.Text("id")+"/approvals", body).Must(http.StatusBadRequest)
	}
	h.Do(grace.token, "POST", base+"/changes/"+next.Text("id")+"/statement", map[string]string{
		"decision": "approve", "credential_id": vera.id, "method": "webauthn",
	}).Must(http.StatusBadRequest)
}
