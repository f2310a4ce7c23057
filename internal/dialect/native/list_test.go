package native_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

// crowd founds an organization with end users named in an order of their own.
func crowd(t *testing.T, n int) (*dialecttest.House, dialecttest.Admin, []string) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	var names []string
	var operations []any
	for i := range n {
		name := fmt.Sprintf("user %02d", i*7%n)
		names = append(names, name)
		operations = append(operations, map[string]any{"kind": "user.create_end_user", "external_id": fmt.Sprint(i), "name": name})
	}
	for batch := range slices.Chunk(operations, 100) {
		h.Do(ada.Token, "POST", base+"/changes", map[string]any{"operations": batch}).Must(http.StatusOK)
	}
	slices.Sort(names)
	return h, ada, names
}

// walk follows the cursors of a list to its end.
func walk(h *dialecttest.House, token, path string) (names []string, totals []float64, pages int) {
	h.T.Helper()
	for next := path; next != ""; pages++ {
		a := h.Do(token, "GET", next, nil).Must(http.StatusOK)
		for _, item := range a.Items() {
			name, _ := item["name"].(string)
			names = append(names, name)
		}
		totals = append(totals, a.Object()["total"].(float64))
		cursor := a.Text("next_cursor")
		if next = ""; cursor != "" {
			next = path + "&cursor=" + url.QueryEscape(cursor)
		}
	}
	return names, totals, pages
}

func TestCursorsAndPagesShowTheSameRows(t *testing.T) {
	h, ada, want := crowd(t, 53)
	slices.Reverse(want)
	names, totals, pages := walk(h, ada.Token, base+"/users?type=end_user&sort=-name&limit=10")
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("by cursor (-want +got)\n%s", diff)
	}
	if pages != 6 || slices.ContainsFunc(totals, func(n float64) bool { return n != 53 }) {
		t.Errorf("%d pages with totals %v", pages, totals)
	}
	names = nil
	for page := 1; page <= 7; page++ {
		a := h.Do(ada.Token, "GET", fmt.Sprintf("%s/users?type=end_user&sort=-name&page=%d&size=10", base, page), nil).Must(http.StatusOK)
		for _, item := range a.Items() {
			names = append(names, item["name"].(string))
		}
		if a.Object()["next_cursor"] != nil || a.Object()["total"] != 53.0 {
			t.Errorf("page %d: %s", page, a.Body)
		}
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("by page (-want +got)\n%s", diff)
	}
	if n := len(h.Do(ada.Token, "GET", base+"/users", nil).Must(http.StatusOK).Items()); n != 50 {
		t.Errorf("%d rows when nothing is said, want 50", n)
	}
	if n := len(h.Do(ada.Token, "GET", base+"/users?limit=400", nil).Must(http.StatusOK).Items()); n != 54 {
		t.Errorf("%d rows of 54", n)
	}
}

// A cursor taken elsewhere would skip rows or repeat them in silence.
func TestACursorBelongsToItsList(t *testing.T) {
	h, ada, _ := crowd(t, 20)
	other := h.Found("Another")
	cursor := url.QueryEscape(h.Do(ada.Token, "GET", base+"/users?limit=5&sort=name", nil).Must(http.StatusOK).Text("next_cursor"))
	h.Do(ada.Token, "GET", base+"/users?limit=9&sort=name&cursor="+cursor, nil).Must(http.StatusOK) // only the limit differs
	h.Do(ada.Token, "PATCH", base+"/organization", map[string]string{"name": "Northwind"}).Must(http.StatusOK)
	ofLog := h.Do(ada.Token, "GET", base+"/audit/entries?limit=1", nil).Must(http.StatusOK).Text("next_cursor")
	for _, c := range []struct{ token, path string }{
		{other.Token, "/audit/entries?limit=1&cursor=" + ofLog},
		{ada.Token, "/users?limit=5&cursor=" + cursor},
		{ada.Token, "/users?limit=5&sort=-name&cursor=" + cursor},
		{ada.Token, "/users?limit=5&sort=name&type=end_user&cursor=" + cursor},
		{ada.Token, "/groups?limit=5&sort=name&cursor=" + cursor},
		{ada.Token, "/audit/entries?limit=5&cursor=" + cursor},
		{other.Token, "/users?limit=5&sort=name&cursor=" + cursor},
		{ada.Token, "/users?limit=5&sort=name&cursor=" + cursor + "A"},
		{ada.Token, "/users?limit=5&sort=name&cursor=" + strings.ToLower(cursor)},
	} {
		a := h.Do(c.token, "GET", base+c.path, nil).Must(http.StatusBadRequest)
		if a.Text("field") != "cursor" {
			t.Errorf("%s: %s", c.path, a.Body)
		}
	}
}

// Two lists of the same kind of rows are two lists.
func TestACursorOfOneGroupsMembersIsNotAnothers(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	var members []string
	for _, name := range []string{"Grace", "Linus", "Vera"} {
		members = append(members, invite(h, ada.Token, name, "none").id)
	}
	var groups []string
	for _, name := range []string{"one", "two"} {
		groups = append(groups, h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": name, "member_ids": members}).Must(http.StatusCreated).Text("id"))
	}
	cursor := h.Do(ada.Token, "GET", base+"/groups/"+groups[0]+"/members?limit=1", nil).Must(http.StatusOK).Text("next_cursor")
	h.Do(ada.Token, "GET", base+"/groups/"+groups[0]+"/members?limit=1&cursor="+cursor, nil).Must(http.StatusOK)
	h.Do(ada.Token, "GET", base+"/groups/"+groups[1]+"/members?limit=1&cursor="+cursor, nil).Must(http.StatusBadRequest)
}

func TestEntriesPageByCursorToTheirEnd(t *testing.T) {
	h, ada, _ := crowd(t, 5)
	for i := range 7 {
		h.Do(ada.Token, "PATCH", base+"/organization", map[string]string{"name": fmt.Sprint("Northwind ", i)}).Must(http.StatusOK)
	}
	size := h.LogSize(ada.Organization)
	var indexes []float64
	for next := base + "/audit/entries?limit=4&from=1"; next != ""; {
		a := h.Do(ada.Token, "GET", next, nil).Must(http.StatusOK)
		for _, item := range a.Items() {
			indexes = append(indexes, item["index"].(float64))
		}
		if a.Object()["total"] != float64(size) {
			t.Errorf("total %v, want %d", a.Object()["total"], size)
		}
		next = ""
		if cursor := a.Text("next_cursor"); cursor != "" {
			next = base + "/audit/entries?limit=4&cursor=" + cursor
		}
	}
	if len(indexes) != int(size)-1 || indexes[0] != 1 || indexes[len(indexes)-1] != float64(size-1) || !slices.IsSorted(indexes) {
		t.Errorf("indexes %v of %d", indexes, size)
	}
}

// Each filter reaches the engine under its own name; what it selects is the
// roster's affair and tested there.
func TestEveryFilterSelects(t *testing.T) {
	f := furnish(t)
	got := func(path string) int {
		t.Helper()
		return int(f.Do(f.ada.Token, "GET", base+path, nil).Must(http.StatusOK).Object()["total"].(float64))
	}
	for path, want := range map[string]int{
		"/users":                                     3,
		"/users?type=api_user":                       1,
		"/users?type=api_user&type=person":           3,
		"/users?role=admin":                          1,
		"/users?state=suspended":                     0,
		"/users?state=active":                        3,
		"/users?id=" + f.bot:                         1,
		"/users?not_id=" + f.bot:                     2,
		"/users?name=VERA":                           1,
		"/users?email=vera@NORTHWIND.example":        1,
		"/users?external_id=C-1":                     0,
		"/users?group_id=" + f.group:                 1,
		"/users?not_group_id=" + f.group:             2,
		"/users?q=ver":                               1,
		"/users?permission=users.delete":             1,
		"/users?include_deleted=true":                3,
		"/groups":                                    1,
		"/groups?state=deleted":                      0,
		"/groups?id=" + f.group:                      1,
		"/groups?not_id=" + f.group:                  0,
		"/groups?name=treasury":                      1,
		"/groups?q=reas":                             1,
		"/groups?user_id=" + f.vera.id:               1,
		"/groups?user_id=" + f.bot:                   0,
		"/groups?modified_by=" + f.bot:               0,
		"/groups?permission=users.read":              0,
		"/memberships":                               1,
		"/memberships?role=admin":                    0,
		"/memberships?state=pending_addition":        0,
		"/memberships?user_id=" + f.vera.id:          1,
		"/memberships?user_id=" + f.bot:              0,
		"/memberships?group_id=" + f.group:           1,
		"/users/" + f.vera.id + "/memberships":       1,
		"/groups/" + f.group + "/members?role=admin": 0,
		"/changes?state=pending":                     0,
		"/changes?needs=me":                          0,
		"/credentials?user_id=" + f.bot:              1,
		"/users?group_id=" + f.group + "&membership_state=pending_removal": 0,
	} {
		if n := got(path); n != want {
			t.Errorf("%s: %d, want %d", path, n, want)
		}
	}
	// The sort keys of the document are those of the vocabulary; each is taken.
	for _, key := range []string{"role", "email", "created", "name", "last_keep_alive", "state", "type"} {
		got("/users?sort=" + key + "&sort=-" + key)
	}
	for _, key := range []string{"created", "modified", "name", "users_count"} {
		got("/groups?sort=" + key)
	}
	for _, key := range []string{"created", "user_name", "group_name"} {
		got("/memberships?sort=-" + key)
	}
	first := f.Do(f.ada.Token, "GET", base+"/users?sort=type&sort=-name", nil).Must(http.StatusOK).Items()
	var names []string
	for _, u := range first {
		names = append(names, u["name"].(string))
	}
	if diff := cmp.Diff([]string{"Vera", "Ada", "bot"}, names); diff != "" && !slices.Equal(names, []string{"bot", "Vera", "Ada"}) {
		t.Errorf("two keys: %v", names)
	}
}
