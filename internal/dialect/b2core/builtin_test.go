package b2core_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/b2core"
)

func object(c *b2core.Config) { c.Envelope = b2core.EnvelopeObject }

type envelope[T any] struct {
	Data   []T `json:"data"`
	Total  int `json:"total"`
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
}

const builtInName = "Administrators (built-in)"

// TestAdministratorsAreProtected (section 8): the group cannot be removed or
// changed; that the answer is 403 is inferred.
func TestAdministratorsAreProtected(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	own := h.makes("Administrators") // its name, and the id of the published examples, are free
	if own.ID != 1 {
		t.Errorf("the first group has the id %d", own.ID)
	}
	shown := strict[group](h.get(one(groupsPath, 0)).must(http.StatusOK))
	if shown.Name != builtInName || len(shown.Permissions) != len(countersign.RolePermissions(countersign.RoleAdmin)) {
		t.Errorf("%+v", shown)
	}
	same(t, "first in the list", strict[[]group](h.get(groupsPath))[0], shown)
	size := h.LogSize(h.org)
	for _, who := range []string{"robot", "ada"} {
		for _, a := range []answer{
			h.as(who, "PUT", one(groupsPath, 0), `{"name":"Mine"}`), h.as(who, "PATCH", one(groupsPath, 0), `{"permissions":[]}`),
			h.as(who, "PUT", one(groupsPath, 0), `{}`), h.as(who, "DELETE", one(groupsPath, 0), nil),
		} {
			if a.must(http.StatusForbidden).failure().Code != "builtin_group" {
				t.Error(a.body)
			}
		}
	}
	for _, a := range []answer{
		h.post(groupsPath, `{"name":"`+builtInName+`","permissions":[]}`), h.put(one(groupsPath, own.ID), `{"name":"`+builtInName+`"}`),
	} {
		if a.must(http.StatusBadRequest).field() != "name" {
			t.Error(a.body)
		}
	}
	h.nothingMoved(size)
}

// TestNobodyBecomesAdministratorByAssignment, or ceases to be one.
func TestNobodyBecomesAdministratorByAssignment(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := h.makes("Desk")
	vera, grace := one(usersPath, h.numbers["vera"]), one(usersPath, h.numbers["grace"])
	same(t, "an admin's groups", strict[user](h.get(grace)).Groups, []groupRef{{0, builtInName}})
	same(t, "a viewer's groups", strict[user](h.get(vera)).Groups, []groupRef{})
	size := h.LogSize(h.org)
	for _, a := range []answer{
		h.put(vera, `{"groups":[0]}`), h.put(vera, `{"groups":[1,0]}`), h.put(grace, `{"groups":[]}`), h.put(grace, `{"groups":[1]}`),
		h.post(usersPath, `{"name":"Mallory","email":"mallory@example.org","groups":[0]}`),
	} {
		if a.must(http.StatusForbidden).failure().Code != "builtin_group" || !strings.HasPrefix(a.field(), "groups") {
			t.Error(a.body)
		}
	}
	h.nothingMoved(size)
	assigned := strict[user](h.put(grace, `{"groups":[0,1]}`).must(http.StatusOK))
	same(t, "an admin in a group", assigned.Groups, []groupRef{{0, builtInName}, {g.ID, "Desk"}})
	same(t, "read again", strict[user](h.get(grace)), assigned)
}

// TestTheBuiltInGroupIsSeenByWhoSeesGroups only.
func TestTheBuiltInGroupIsSeenByWhoSeesGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Desk")
	h.account("blind")
	h.as("blind", "GET", one(groupsPath, 0), nil).must(http.StatusNotFound)
	h.as("blind", "GET", one(groupsPath, 1), nil).must(http.StatusNotFound)
	a := h.as("blind", "GET", groupsPath, nil).must(http.StatusOK)
	same(t, "list", []string{a.body, a.header.Get("X-Total-Count")}, []string{"[]", "0"})
	if list := strict[[]group](h.as("vera", "GET", groupsPath, nil)); len(list) != 2 {
		t.Errorf("a viewer sees %+v", list)
	}
}
