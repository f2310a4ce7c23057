package b2core_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// The names of tests say what they rest on: those that say "Inferred" rest on our
// reading, not on a published sentence (contract, section 12).

// TestTheSixRoutes answer as section 2 documents.
func TestTheSixRoutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := strict[group](h.post(groupsPath, `{"name":"Desk","permissions":["accounts.create","accounts.read"]}`).must(http.StatusCreated))
	if made.ID != 1 || made.Name != "Desk" || made.CreateTime == nil || made.UpdateTime != nil {
		t.Errorf("made: %+v", made)
	}
	same(t, "permissions", made.Permissions, []string{"accounts.create", "accounts.read"})
	same(t, "read", strict[group](h.get(one(groupsPath, made.ID)).must(http.StatusOK)), made)
	h.Pass(time.Second)
	renamed := strict[group](h.put(one(groupsPath, made.ID), `{"name":"Front desk","permissions":[]}`).must(http.StatusOK))
	if renamed.Name != "Front desk" || len(renamed.Permissions) != 0 || renamed.UpdateTime == nil {
		t.Errorf("renamed: %+v", renamed)
	}
	same(t, "read after the update", strict[group](h.get(one(groupsPath, made.ID)).must(http.StatusOK)), renamed)
	list := strict[[]group](h.get(groupsPath + "?limit=10&offset=0").must(http.StatusOK))
	if len(list) != 2 || list[1].ID != made.ID {
		t.Errorf("list: %+v", list)
	}
	h.remove(one(groupsPath, made.ID)).must(http.StatusNoContent)
	for _, method := range []string{"GET", "DELETE"} {
		h.as("robot", method, one(groupsPath, made.ID), nil).must(http.StatusNotFound)
	}
}

// TestCreateNeedsNameAndPermissions (section 4): a missing list is an error, an
// empty one is legal.
func TestCreateNeedsNameAndPermissions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	size := h.LogSize(h.org)
	for body, field := range map[string]string{
		`{"name":"A"}`:                    "permissions",
		`{"permissions":[]}`:              "name",
		`{}`:                              "name",
		`{"name":"A","permissions":null}`: "permissions",
		`{"name":null,"permissions":[]}`:  "name",
		`{"name":"","permissions":[]}`:    "name",
		`{"name":"  ","permissions":[]}`:  "name",
	} {
		if a := h.post(groupsPath, body).must(http.StatusBadRequest); a.field() != field {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	h.nothingMoved(size)
	if g := h.makes("Empty"); len(g.Permissions) != 0 || !strings.Contains(h.get(one(groupsPath, g.ID)).body, `"permissions":[]`) {
		t.Errorf("an empty list: %+v", g)
	}
}

// TestPermissionsAreExactAndUnique (section 4): case-sensitive, each once.
func TestPermissionsAreExactAndUnique(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.submit(&countersign.AddPermission{Permission: "Accounts.Read"})
	g := h.makes("Cases", "Accounts.Read", "accounts.read")
	same(t, "both cases", g.Permissions, []string{"Accounts.Read", "accounts.read"})
	size := h.LogSize(h.org)
	for _, method := range []string{"POST", "PUT", "PATCH"} {
		target := one(groupsPath, g.ID)
		if method == "POST" {
			target = groupsPath
		}
		for permissions, named := range map[string]string{
			`["accounts.read","accounts.read"]`:    "accounts.read", // inferred: refused, not made one
			`["accounts.read","ACCOUNTS.READ"]`:    "ACCOUNTS.READ", // inferred: an unknown one is an error that names it
			`["accounts.reed"]`:                    "accounts.reed",
			`["accounts"]`:                         "accounts",
			`["accounts.read "]`:                   "accounts.read ",
			`[""]`:                                 "",
			`["` + strings.Repeat("a", 129) + `"]`: "aaaa",
		} {
			a := h.as("robot", method, target, `{"name":"Other","permissions":`+permissions+`}`).must(http.StatusBadRequest)
			if a.field() != "permissions" || !strings.Contains(a.failure().Errors["permissions"][0], named) {
				t.Errorf("%s %s: %s", method, permissions, a.body)
			}
		}
	}
	h.nothingMoved(size)
}

// TestAnyNumberOfPermissions, as far as a list can be.
func TestAnyNumberOfPermissions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var all []string
	for i := range 1001 {
		all = append(all, fmt.Sprintf("things.p%04d", i))
	}
	for part := range slices.Chunk(all, 100) {
		var ops []countersign.Change
		for _, p := range part {
			ops = append(ops, &countersign.AddPermission{Permission: countersign.Permission(p)})
		}
		h.submit(ops...)
	}
	same(t, "a thousand", h.makes("Many", all[:1000]...).Permissions, all[:1000])
	if a := h.post(groupsPath, map[string]any{"name": "More", "permissions": all}).must(http.StatusBadRequest); a.field() != "permissions" {
		t.Error(a.body)
	}
}

// TestPutAndPatchAreOneAndPartial: the routes are documented as interchangeable;
// that an absent member keeps its value is inferred.
func TestPutAndPatchAreOneAndPartial(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"PUT", "PATCH"} {
		h := newHouse(t)
		g := h.makes("Desk", "accounts.read")
		h.Pass(time.Second)
		change := func(body string) group {
			t.Helper()
			return strict[group](h.as("robot", method, one(groupsPath, g.ID), body).must(http.StatusOK))
		}
		if got := change(`{"name":"Bureau"}`); got.Name != "Bureau" || len(got.Permissions) != 1 {
			t.Errorf("%s of the name: %+v", method, got)
		}
		got := change(`{"permissions":["accounts.create"]}`) // inferred: the list replaces
		if got.Name != "Bureau" || !slices.Equal(got.Permissions, []string{"accounts.create"}) {
			t.Errorf("%s of the permissions: %+v", method, got)
		}
		size := h.LogSize(h.org)
		for _, body := range []string{`{}`, `{"name":"Bureau"}`, `{"name":" Bureau ","permissions":["accounts.create"]}`, `{"color":"red"}`} {
			same(t, method+" of nothing new", change(body), got)
		}
		h.nothingMoved(size)
		same(t, method+", read again", strict[group](h.get(one(groupsPath, g.ID))), got)
	}
}

// TestInferredNamesAreUnique without regard to case, as everywhere here.
func TestInferredNamesAreUnique(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Desk")
	other := h.makes("Other")
	size := h.LogSize(h.org)
	for _, name := range []string{"Desk", "DESK", " Desk "} {
		body := map[string]any{"name": name, "permissions": []string{}}
		for _, a := range []answer{h.post(groupsPath, body), h.put(one(groupsPath, other.ID), body)} {
			if a.must(http.StatusBadRequest).field() != "name" || a.failure().Code != "name_taken" {
				t.Errorf("%q: %s", name, a.body)
			}
		}
	}
	h.nothingMoved(size)
}

// TestUnknownMembersAreIgnored is inferred; what the server allots cannot be set.
func TestInferredUnknownMembersAreIgnored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := strict[group](h.post(groupsPath, `{"id":77,"name":"Desk","permissions":[],"createTime":"x","users":[1]}`).must(http.StatusCreated))
	if g.ID == 77 {
		t.Errorf("%+v", g)
	}
}

// TestTheContentTypeIsNotLookedAt: the published lines send JSON under curl's
// default, and nothing else is sent by them (section 3).
func TestTheContentTypeIsNotLookedAt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, kind := range []string{
		"application/x-www-form-urlencoded", "application/json", "application/json; charset=utf-8", "text/plain", "",
	} {
		body := fmt.Sprintf(`{"name":"Group %d","permissions":[]}`, i)
		h.post(groupsPath, body, "Content-Type: "+kind).must(http.StatusCreated)
	}
	for _, body := range []string{"name=Desk&permissions[]=accounts.read", "", "  ", "[]", `"Desk"`, "null"} {
		h.post(groupsPath, body, "Content-Type: application/x-www-form-urlencoded").must(http.StatusBadRequest)
	}
}

// TestBearerIsRequired on every route (section 2, 3).
func TestBearerIsRequired(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := h.makes("Desk")
	size := h.LogSize(h.org)
	for _, at := range []struct{ method, target string }{
		{"GET", groupsPath},
		{"POST", groupsPath},
		{"GET", one(groupsPath, g.ID)},
		{"PUT", one(groupsPath, g.ID)},
		{"PATCH", one(groupsPath, g.ID)},
		{"DELETE", one(groupsPath, g.ID)},
		{"GET", usersPath},
		{"POST", usersPath},
		{"GET", one(usersPath, 1)},
		{"PUT", one(usersPath, 1)},
		{"PATCH", one(usersPath, 1)},
		{"DELETE", one(usersPath, 1)},
	} {
		for _, header := range [][]string{
			{},
			{"Authorization: Bearer "},
			{"Authorization: Bearer nonsense"},
			{"Authorization: Basic " + h.tokens["robot"]},
			{"Authorization: " + h.tokens["robot"]},
			{"Authorization: Bearer " + h.tokens["robot"], "Authorization: Bearer " + h.tokens["robot"]},
		} {
			a := h.as("", at.method, at.target, `{"name":"X","permissions":[]}`, header...).must(http.StatusUnauthorized)
			if a.header.Get("WWW-Authenticate") == "" || a.failure().Code != "unauthenticated" {
				t.Errorf("%s %s %v: %s", at.method, at.target, header, a.body)
			}
		}
	}
	h.nothingMoved(size)
}

// TestInferredListsArePaged: bare array, the total in a header, ordered by id.
func TestInferredListsArePaged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range 60 {
		h.makes(fmt.Sprintf("Group %02d", 59-i))
	}
	h.remove(one(groupsPath, 30)).must(http.StatusNoContent)
	page := func(query string) ([]int64, string) {
		t.Helper()
		a := h.get(groupsPath + query).must(http.StatusOK)
		ids := []int64{}
		for _, g := range strict[[]group](a) {
			ids = append(ids, g.ID)
		}
		return ids, a.header.Get("X-Total-Count")
	}
	all, total := page("?limit=1000")
	if total != "60" || len(all) != 60 || !slices.IsSorted(all) || all[0] != 0 || slices.Contains(all, 30) {
		t.Errorf("%s: %v", total, all)
	}
	for query, want := range map[string][]int64{
		"": all[:50], "?limit=0": {}, "?limit=1": all[:1], "?limit=10&offset=0": all[:10], "?limit=1&offset=1": all[1:2],
		"?limit=50&offset=40": all[40:], "?offset=59": all[59:], "?offset=60": {}, "?offset=1000000": {},
	} {
		got, total := page(query)
		if total != "60" {
			t.Errorf("%q: total %s", query, total)
		}
		same(t, query, got, want)
	}
	var walked []int64
	for len(walked) < 60 {
		part, _ := page(fmt.Sprintf("?limit=7&offset=%d", len(walked)))
		walked = append(walked, part...)
	}
	same(t, "page by page", walked, all)
	for _, query := range []string{
		"limit=-1", "limit=x", "limit=", "limit=1001", "limit=1.5", "limit=+1", "limit=01", "limit=99999999999999999999", "offset=-1", "offset=x",
		"offset=", "limit=1&limit=2", "ofset=3", "filter[name]=Desk", "%zz",
	} {
		h.get(groupsPath + "?" + query).must(http.StatusBadRequest)
	}
}

// TestInferredEnvelopeCanBeAnObject by configuration, for every list.
func TestInferredEnvelopeCanBeAnObject(t *testing.T) {
	t.Parallel()
	h := newHouse(t, object)
	h.makes("Desk")
	groups := strict[envelope[group]](h.get(groupsPath + "?limit=1&offset=1").must(http.StatusOK))
	same(t, "groups", groups.Data[0].Name, "Desk")
	same(t, "of groups", []int{groups.Total, groups.Limit, groups.Offset, len(groups.Data)}, []int{2, 1, 1, 1})
	users := strict[envelope[user]](h.get(usersPath).must(http.StatusOK))
	same(t, "of users", []int{users.Total, users.Limit, users.Offset, len(users.Data)}, []int{5, 50, 0, 5})
}
