package native_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

// The report pages to its end, names what is held of each side, and its cursor is
// of no other list.
func TestTheReportOfViolations(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	var operations []any
	for i := range 5 {
		operations = append(operations, map[string]any{
			"kind": "user.create_api_user", "name": fmt.Sprint("bot ", i), "role": "none", "responsible_person_id": ada.ID,
			"permissions": []string{"audit.export", "users.create"},
		})
	}
	h.Do(ada.Token, "POST", base+"/changes", map[string]any{"operations": operations}).Must(http.StatusOK)
	const path = base + "/policy/violations?limit=2"
	seen, pages := map[string]bool{}, 0
	for next := path; next != ""; pages++ {
		a := h.Do(ada.Token, "GET", next, nil).Must(http.StatusOK)
		for _, item := range a.Items() {
			seen[item["user_id"].(string)] = true
			if item["exclusion"] != "auditors-have-no-part" || fmt.Sprint(item["sides"]) != "[[audit.export] [users.create]]" || item["user_state"] != "active" {
				t.Errorf("a row is %v", item)
			}
		}
		cursor := a.Text("next_cursor")
		if next = ""; cursor != "" {
			next = path + "&cursor=" + url.QueryEscape(cursor)
		}
	}
	if len(seen) != 5 || pages != 3 {
		t.Errorf("%d users on %d pages", len(seen), pages)
	}
	h.Do(ada.Token, "GET", base+"/policy/violations?cursor=abc", nil).Must(http.StatusBadRequest)
	h.Do(ada.Token, "GET", base+"/policy/violations?who=me", nil).Must(http.StatusBadRequest)
}
