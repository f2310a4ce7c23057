package native_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

// offline is a recovery key with whoever keeps it.
type offline struct {
	name, public, mark string
	private            ed25519.PrivateKey
}

func newOffline(t testing.TB, name string) offline {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return offline{name, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), hex.EncodeToString(sum[:]), private}
}

// sign signs a statement of recovery as the API document describes it.
func sign(text string, keys ...offline) []map[string]string {
	var out []map[string]string
	slices.SortFunc(keys, func(a, b offline) int { return strings.Compare(a.mark, b.mark) })
	for _, k := range keys {
		signed := ed25519.Sign(k.private, fmt.Appendf(nil, "GOV1 23 countersign-recovery-v1 %d %s", len(text), text))
		out = append(out, map[string]string{"key": k.mark, "signature": base64.StdEncoding.EncodeToString(signed)})
	}
	return out
}

func set(need int, keys ...offline) map[string]any {
	var list []map[string]string
	for _, k := range keys {
		list = append(list, map[string]string{"name": k.name, "public_key": k.public})
	}
	return map[string]any{"keys": list, "need": need}
}

// noKeys seals without them, as stories do that have nothing to do with recovery.
func noKeys() map[string]any { return map[string]any{"accepted_risks": []string{"no_recovery_keys"}} }

// recovery is what is asked and signed.
func recovery(h *dialecttest.House, organization string, operations []any, keys ...offline) map[string]any {
	h.T.Helper()
	body := map[string]any{"organization_id": organization, "operations": operations, "reason": "all tokens are lost"}
	text := h.Do("", "POST", base+"/recovery/statement", body).Must(http.StatusOK).Text("statement")
	body["statement"], body["signatures"] = text, sign(text, keys...)
	return body
}

// Over HTTP, with nothing of ours but the texts: sealed, locked out, let in.
func TestALockedOrganizationIsLetInOverHTTP(t *testing.T) {
	t.Parallel()
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	invite(h, ada.Token, "Grace", "admin")
	linus := invite(h, ada.Token, "Linus", "admin")
	one, two, three := newOffline(t, "bank"), newOffline(t, "notary"), newOffline(t, "board")
	h.Do(ada.Token, "POST", base+"/organization/seal", map[string]any{}).Must(http.StatusUnprocessableEntity)
	h.Do(ada.Token, "POST", base+"/organization/seal", map[string]any{"recovery": set(1, one, two)}).Must(http.StatusBadRequest)
	h.Do(ada.Token, "POST", base+"/organization/seal", map[string]any{"recovery": set(2, one, two, three)}).Must(http.StatusOK)
	shown := h.Do(ada.Token, "GET", base+"/recovery", nil).Must(http.StatusOK).Object()
	if shown["need"] != 2.0 || shown["delay_seconds"] != 259200.0 || shown["keys"].([]any)[0].(map[string]any)["fingerprint"] != one.mark {
		t.Errorf("the keys are shown as %v", shown)
	}
	organization := string(ada.Organization)
	code := "AAAAA-BBBBB-CCCCC-DDDDD"
	hash := sha256.Sum256([]byte(code))
	operations := []any{
		map[string]any{"kind": "user.invite", "name": "Barbara", "email": "barbara@northwind.example", "role": "admin"},
		map[string]any{"kind": "recovery.access", "user_id": "00000000-0000-0000-0000-000000000000", "code_hash": hex.EncodeToString(hash[:])},
	}
	body := recovery(h, organization, operations, one, three)
	opened := h.Do("", "POST", base+"/recovery", body).Must(http.StatusAccepted)
	if opened.Text("state") != "scheduled" || opened.Header.Get("Countersign-Change-Request") != opened.Text("change_id") {
		t.Errorf("opened as %s", opened.Body)
	}
	waiting := h.Do(linus.token, "GET", base+"/changes?needs=me", nil).Must(http.StatusOK).Object()["items"].([]any)[0].(map[string]any)
	if waiting["id"] != opened.Text("change_id") || waiting["requester"] != nil || waiting["recovery"] == nil {
		t.Errorf("an admin sees %v", waiting)
	}
	if open := h.Do(ada.Token, "GET", base+"/recovery", nil).Must(http.StatusOK).Object()["open_change"]; open != opened.Text("change_id") {
		t.Errorf("the open recovery is %v", open)
	}
	h.Pass(72 * time.Hour)
	if done := h.Do("", "POST", base+"/recovery", body).Must(http.StatusOK); done.Text("state") != "applied" {
		t.Errorf("when it is due it is %s", done.Text("state"))
	}
	token := h.Do("", "POST", base+"/credentials/redeem", map[string]string{"code": code}).Must(http.StatusOK).Secret()
	h.Do(token, "GET", base+"/me", nil).Must(http.StatusOK)
	kinds := map[string]int{}
	for _, e := range h.Do(token, "GET", base+"/audit/entries?limit=100", nil).Must(http.StatusOK).Object()["items"].([]any) {
		kinds[e.(map[string]any)["kind"].(string)]++
	}
	if kinds["recovery.opened"] != 1 || kinds["recovery.applied"] != 1 {
		t.Errorf("the log says %v", kinds)
	}
}

// What comes without a token is bounded, and read as strictly as anything else.
func TestARecoveryIsReadStrictly(t *testing.T) {
	t.Parallel()
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	invite(h, ada.Token, "Grace", "admin")
	invite(h, ada.Token, "Linus", "admin")
	one, two := newOffline(t, "bank"), newOffline(t, "notary")
	h.Do(ada.Token, "POST", base+"/organization/seal", map[string]any{"recovery": set(2, one, two)}).Must(http.StatusOK)
	operations := []any{map[string]any{"kind": "user.invite", "name": "Barbara", "email": "barbara@northwind.example", "role": "admin"}}
	organization := string(ada.Organization)
	size := h.LogSize(ada.Organization)
	for name, c := range map[string]struct {
		change func(b map[string]any)
		status int
	}{
		"no organization":      {func(b map[string]any) { delete(b, "organization_id") }, http.StatusBadRequest},
		"no id":                {func(b map[string]any) { b["organization_id"] = "northwind" }, http.StatusBadRequest},
		"another organization": {func(b map[string]any) { b["organization_id"] = "01890a5d-ac96-774b-bcce-b302099a8057" }, http.StatusNotFound},
		"no operation":         {func(b map[string]any) { b["operations"] = []any{} }, http.StatusBadRequest},
		"another kind": {func(b map[string]any) {
			b["operations"] = []any{map[string]any{"kind": "group.create", "name": "Desk"}}
		}, http.StatusForbidden},
		"a kind of nothing":     {func(b map[string]any) { b["operations"] = []any{map[string]any{"kind": "god.mode"}} }, http.StatusBadRequest},
		"seventeen signatures":  {func(b map[string]any) { b["signatures"] = slices.Repeat(b["signatures"].([]map[string]string), 9)[:17] }, http.StatusBadRequest},
		"an unknown member":     {func(b map[string]any) { b["force"] = true }, http.StatusBadRequest},
		"a signature of nobody": {func(b map[string]any) { b["signatures"].([]map[string]string)[0]["signature"] = "" }, http.StatusUnprocessableEntity},
		"no signature":          {func(b map[string]any) { b["signatures"] = []any{} }, http.StatusUnprocessableEntity},
		"no statement":          {func(b map[string]any) { b["statement"] = "" }, http.StatusBadRequest},
	} {
		body := recovery(h, organization, operations, one, two)
		c.change(body)
		if a := h.Do("", "POST", base+"/recovery", body); a.Status != c.status {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	h.Do("", "POST", base+"/recovery/statement", recovery(h, organization, operations, one, two)).Must(http.StatusBadRequest)
	h.Do("", "POST", base+"/recovery?dry_run=true", recovery(h, organization, operations, one, two)).Must(http.StatusBadRequest)
	if h.LogSize(ada.Organization) != size {
		t.Error("the log has moved")
	}
}
