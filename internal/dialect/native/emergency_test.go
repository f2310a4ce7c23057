package native_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

// A stolen phone, as an API sees it: one person acts, the answer names whom others
// are asked by, the list pages to its end; and a freeze shows on the organization,
// refuses in the words of the document, and moves its ETag.
func TestAnEmergencyOverHTTP(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	grace, linus, edsger := invite(h, ada.Token, "Grace", "admin"), invite(h, ada.Token, "Linus", "admin"), invite(h, ada.Token, "Edsger", "admin")
	vera := invite(h, ada.Token, "Vera", "viewer")
	h.Do(ada.Token, "POST", base+"/organization/seal", map[string]any{"accepted_risks": []string{"no_recovery_keys"}}).Must(http.StatusOK)
	act := func(op map[string]any) map[string]any {
		return map[string]any{"emergency": true, "reason": "the phone was stolen", "operations": []any{op}}
	}
	suspend := map[string]any{"kind": "user.suspend", "user_id": vera.id}

	h.Do(ada.Token, "POST", base+"/changes", map[string]any{"emergency": true, "operations": []any{suspend}}).Must(http.StatusBadRequest)
	h.Do(vera.token, "POST", base+"/changes", act(map[string]any{"kind": "user.suspend", "user_id": linus.id})).Must(http.StatusForbidden)
	h.Do(ada.Token, "POST", base+"/changes", `{"operations":[{"kind":"emergency.ratify","change_id":"`+vera.id+`"}]}`).Must(http.StatusBadRequest)
	tried := h.Do(ada.Token, "POST", base+"/changes?dry_run=true", act(suspend)).Must(http.StatusOK)
	if tried.Text("would") != "apply" {
		t.Errorf("tried out, it would %s", tried.Text("would"))
	}
	done := h.Do(ada.Token, "POST", base+"/changes", act(suspend)).Must(http.StatusOK)
	if done.Text("state") != "applied" || done.Object()["emergency"] != true {
		t.Errorf("%s", done.Body)
	}
	asked := h.Do(grace.token, "GET", base+"/changes/"+done.Text("ratification"), nil).Must(http.StatusOK)
	if asked.Text("ratifies") != done.Text("id") || asked.Object()["can_decide"] != true || asked.Object()["emergency"] != false {
		t.Errorf("%s", asked.Body)
	}
	open := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "Desk"}).Must(http.StatusAccepted)
	replacing := act(suspend)
	if field := h.Do(ada.Token, "POST", base+"/changes/"+open.Text("id")+"/replace", replacing).Must(http.StatusBadRequest).Text("field"); field != "emergency" {
		t.Errorf("the field at fault is %s", field)
	}

	before := h.Do(ada.Token, "GET", base+"/organization", nil).Must(http.StatusOK)
	freeze := h.Do(grace.token, "POST", base+"/changes", act(map[string]any{"kind": "organization.freeze"})).Must(http.StatusOK)
	after := h.Do(ada.Token, "GET", base+"/organization", nil).Must(http.StatusOK)
	if after.Object()["frozen"] != true || after.Text("frozen_at") == "" || before.Header.Get("ETag") == after.Header.Get("ETag") {
		t.Errorf("%s, then %s", before.Body, after.Body)
	}
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/groups", `{"name":"Another desk"}`},
		{"PATCH", "/organization", `{"name":"Northwind"}`},
		{"POST", "/changes/" + open.Text("id") + "/approvals", `{"decision":"approve","digest":"` + open.Text("digest") + `"}`},
	} {
		a := h.Do(linus.token, c.method, base+c.path, c.body).Must(http.StatusForbidden)
		if a.Text("code") != "organization_frozen" {
			t.Errorf("%s %s: %s", c.method, c.path, a.Body)
		}
	}
	h.Do(ada.Token, "GET", base+"/users", nil).Must(http.StatusOK)
	h.Do(ada.Token, "POST", base+"/check", map[string]any{"user_id": linus.id, "permission": "users.read"}).Must(http.StatusOK)

	rows := []string{}
	for next := base + "/emergencies?unratified=true&limit=1"; next != ""; {
		a := h.Do(ada.Token, "GET", next, nil).Must(http.StatusOK)
		for _, item := range a.Items() {
			rows = append(rows, item["change_id"].(string)+" "+item["state"].(string)+" "+item["kind"].(string))
		}
		cursor := a.Text("next_cursor")
		if next = ""; cursor != "" {
			next = base + "/emergencies?unratified=true&limit=1&cursor=" + url.QueryEscape(cursor)
		}
	}
	if len(rows) != 2 || rows[0] != freeze.Text("id")+" pending organization.freeze" || rows[1] != done.Text("id")+" pending user.suspend" {
		t.Errorf("%v", rows)
	}
	h.Do(linus.token, "POST", base+"/changes/"+asked.Text("id")+"/approvals", map[string]any{"decision": "approve", "digest": asked.Text("digest")}).Must(http.StatusOK)
	if total := h.Do(ada.Token, "GET", base+"/emergencies", nil).Must(http.StatusOK).Object()["total"]; total != 2.0 {
		t.Errorf("%v acts", total)
	}
	h.Do(ada.Token, "GET", base+"/emergencies?unratified=maybe", nil).Must(http.StatusBadRequest)

	thaw := h.Do(ada.Token, "POST", base+"/changes", `{"operations":[{"kind":"organization.thaw"}],"reason":"found again"}`).Must(http.StatusAccepted)
	h.Do(grace.token, "POST", base+"/changes/"+thaw.Text("id")+"/approvals", map[string]any{"decision": "approve", "digest": thaw.Text("digest")}).Must(http.StatusOK)
	h.Approve(edsger.token, thaw)
	if o := h.Do(ada.Token, "GET", base+"/organization", nil).Must(http.StatusOK); o.Object()["frozen"] != false {
		t.Errorf("%s", o.Body)
	}
}
