package fordefi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign"
)

// TestConformance is the table of section 9 of the contract, row by row.
func TestConformance(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Treasury", "linus")
	h.submit(&countersign.CreateAPISigner{Name: "signer", ResponsiblePersonID: h.user("vera")})
	for what, row := range map[string]func(t *testing.T, h *house){
		"the document needs no token": func(t *testing.T, h *house) {
			if a := (request{path: "/openapi.json"}).send(t, h.bare).must(http.StatusOK); text(a.object(), "openapi") != "3.1.0" {
				t.Errorf("openapi is %q", text(a.object(), "openapi"))
			}
		},
		"no token, or a bad one": func(t *testing.T, h *house) {
			for _, token := range []string{"", "x", "a.b.c", h.tokens["reader"] + "x"} {
				if o := h.send(request{path: users, token: token}).must(http.StatusUnauthorized).object(); text(o, "detail") == "" {
					t.Errorf("%q: no detail: %v", token, o)
				}
			}
		},
		"two types, two keys": func(t *testing.T, h *house) {
			got := h.listed("types=person&types=api_user&sort_by=type_asc&sort_by=name_desc")
			if want := "writer reader vera linus grace ada"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		},
		"a comma list, and a type of another list": func(t *testing.T, h *house) {
			for _, q := range []string{"types=person,api_user", "types=end_user"} {
				if got := h.get(users + "?" + q).faults(); !slices.Equal(got, []string{`["query","types",0] enum`}) {
					t.Errorf("%s: %v", q, got)
				}
			}
		},
		"the largest page": func(t *testing.T, h *house) {
			h.get(users + "?size=400").must(http.StatusOK)
			h.get(groups + "?size=100").must(http.StatusOK)
			for _, path := range []string{users + "?size=401", groups + "?size=101"} {
				if got := h.get(path).faults(); !slices.Equal(got, []string{`["query","size"] less_than_equal`}) {
					t.Errorf("%s: %v", path, got)
				}
			}
		},
		"no rows, and a page past the end": func(t *testing.T, h *house) {
			for q, want := range map[string]string{
				"size=0": `{"total":7,"page":1,"size":0,"users":[]}`, "page=999": `{"total":7,"page":999,"size":50,"users":[]}`,
			} {
				if got := h.get(users + "?" + q).must(http.StatusOK).body; got != want {
					t.Errorf("%s: %s, want %s", q, got, want)
				}
			}
		},
		"unknown parameters": func(t *testing.T, h *house) {
			if a, b := h.get(users+"?page_size=3&page_token=z&limit=9&types[]=x"), h.get(users); a.body != b.body {
				t.Errorf("%s\n%s", a.body, b.body)
			}
		},
		"an unknown id, and none": func(t *testing.T, h *house) {
			if o := h.get(users + "/" + stranger).must(http.StatusNotFound).object(); text(o, "resource") != "user" || text(o, "title") != "Not found" {
				t.Errorf("%v", o)
			}
			if got := h.get(users + "/abc").faults(); !slices.Equal(got, []string{`["path","id"] uuid_parsing`}) {
				t.Errorf("%v", got)
			}
		},
		"times end with Z": func(t *testing.T, h *house) {
			for _, u := range list(h.get(users).object(), "users") {
				if !strings.HasSuffix(text(u, "created_at"), "Z") || !strings.HasSuffix(text(u, "modified_at"), "Z") {
					t.Errorf("%v", u)
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			row(t, h)
		})
	}
}

// TestAProposalIsSeenFromBothSides holds the two rows of section 9 about a
// proposal, and the life of a membership in section 5.3.
func TestAProposalIsSeenFromBothSides(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Treasury", "linus", "vera")
	h.seal()
	adding := h.submit(&countersign.AddMembership{UserID: h.user("grace"), GroupID: h.group("treasury")}).Change
	pending := query("group_ids", h.ids["treasury"], "states_on_groups", "pending_addition")
	if got := h.listed(pending); got != "grace" {
		t.Fatalf("pending additions: %q", got)
	}
	grace, treasury := h.one("grace"), h.oneGroup("treasury")
	if refs := list(grace, "pending_addition_to_user_groups"); len(refs) != 1 || refs[0]["id"] != h.ids["treasury"] || len(list(grace, "user_groups")) != 0 {
		t.Errorf("grace: %v", grace)
	}
	proposed, _ := treasury["proposed_change"].(map[string]any)
	added := list(proposed, "added_users")
	if treasury["users_count"] != 2.0 || proposed["id"] != string(adding.ID) || len(added) != 1 || added[0]["id"] != h.ids["grace"] || added[0]["user_type"] != "person" {
		t.Errorf("treasury: %v", treasury)
	}
	if by, _ := proposed["created_by"].(map[string]any); by["id"] != h.ids["ada"] {
		t.Errorf("proposed by %v", by)
	}

	h.decide("linus", adding.ID, "approve")
	grace, treasury = h.one("grace"), h.oneGroup("treasury")
	if _, still := treasury["proposed_change"]; still || treasury["users_count"] != 3.0 || len(list(grace, "user_groups")) != 1 || grace["pending_addition_to_user_groups"] != nil {
		t.Errorf("after approval: %v, %v", treasury, grace)
	}

	var member countersign.MembershipID
	view, _, err := h.Engine.User(t.Context(), h.ada, h.user("grace"))
	if err != nil {
		t.Fatal(err)
	}
	member = view.Groups[0].MembershipID
	removing := h.submit(&countersign.RemoveMembership{MembershipID: member}).Change
	grace, treasury = h.one("grace"), h.oneGroup("treasury")
	proposed, _ = treasury["proposed_change"].(map[string]any)
	if len(list(grace, "user_groups")) != 1 || len(list(grace, "pending_removal_from_user_groups")) != 1 || treasury["users_count"] != 3.0 ||
		len(list(proposed, "removed_users")) != 1 || proposed["added_users"] != nil {
		t.Errorf("removal pending: %v, %v", grace, treasury)
	}
	for q, want := range map[string]string{
		query("group_ids", h.ids["treasury"]):                                        "grace linus vera",
		query("group_ids", h.ids["treasury"], "states_on_groups", "active"):          "linus vera",
		query("group_ids", h.ids["treasury"], "states_on_groups", "pending_removal"): "grace",
		query("group_ids__not", h.ids["treasury"]):                                   "ada reader writer",
		query("states_on_groups", "active"):                                          "ada grace linus reader vera writer",
	} {
		if got := h.listed(q); got != want {
			t.Errorf("%s: %s, want %s", q, got, want)
		}
	}
	h.decide("linus", removing.ID, "deny")
	if grace = h.one("grace"); len(list(grace, "user_groups")) != 1 || grace["pending_removal_from_user_groups"] != nil {
		t.Errorf("after the removal was denied: %v", grace)
	}
}

// TestADeletedUserStaysReadable is the row of section 9 about deletion.
func TestADeletedUserStaysReadable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.submit(&countersign.DeleteUser{UserID: h.user("linus")})
	if got := h.listed(""); got != "ada grace reader vera writer" {
		t.Errorf("listed: %s", got)
	}
	for _, q := range []string{"include_deleted=true", "include_deleted=on&states=active&states=deleted"} {
		if got := h.listed(q); got != "ada grace linus reader vera writer" {
			t.Errorf("%s: %s", q, got)
		}
	}
	if u := h.one("linus"); u["state"] != "deleted" {
		t.Errorf("%v", u)
	}
}
