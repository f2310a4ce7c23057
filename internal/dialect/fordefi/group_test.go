package fordefi_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// TestGroups is section 3.2 of the contract.
func TestGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("tom", countersign.RoleViewer)
	h.makes("Treasury", "ada", "tom", "reader")
	h.Pass(time.Minute)
	h.makes("alpha", "tom")
	h.Pass(time.Minute)
	h.makes("Gone", "tom")
	h.submit(&countersign.DeleteGroup{GroupID: h.group("gone")})
	h.makes("Empty")
	id := func(name, group string) string { return query(name, h.ids[group]) }
	for _, row := range []struct{ query, want string }{
		{"", "alpha empty treasury"},
		{"states=deleted", "gone"},
		{"states=active&states=deleted", "alpha empty gone treasury"},
		{"sort_by=created_at_desc", "empty alpha treasury"},
		{"sort_by=modified_at_asc&sort_by=name_desc", "treasury alpha empty"},
		{"sort_by=users_count_desc", "treasury alpha empty"},
		{"sort_by=users_count_asc&sort_by=name_desc", "empty alpha treasury"},
		{"sort_by=name_desc", "treasury empty alpha"},
		{"name=TREASURY", "treasury"},
		{"name=treas", ""},
		{"search=REAS", "treasury"},
		{"search=p", "alpha empty"},
		{id("user_group_ids", "alpha"), "alpha"},
		{id("exclude_user_group_ids", "alpha"), "empty treasury"},
		{id("user_ids", "tom"), "alpha treasury"},
		{id("user_ids", "linus"), ""},
		{id("modified_by", "ada"), "alpha empty treasury"},
		{id("modified_by", "tom"), ""},
		{"size=2&page=2", "treasury"},
		{"size=0", ""},
		{"page=9", ""},
	} {
		if got := h.get(groups + "?" + row.query).names("user_groups"); got != row.want {
			t.Errorf("%s: %s, want %s", row.query, got, row.want)
		}
	}
	if got := h.get(groups + "?size=2&page=2&skip_count=true").total(); got != 3 {
		t.Errorf("total %d", got)
	}
	g := h.oneGroup("treasury")
	if g["users_count"] != 3.0 || g["admins_count"] != 1.0 || g["state"] != "active" || object(g, "modified_by")["id"] != h.ids["ada"] || g["proposed_change"] != nil {
		t.Errorf("%v", g)
	}
	if old := h.get(groups+"/"+h.ids["treasury"], asSeed).object(); old["admins_count"] != nil {
		t.Errorf("%v", old)
	}
	if g := h.oneGroup("gone"); g["state"] != "deleted" || g["users_count"] != 0.0 {
		t.Errorf("%v", g)
	}
	if o := h.get(groups + "/" + stranger).must(http.StatusNotFound).object(); o["resource"] != "user_group" {
		t.Errorf("%v", o)
	}
	if got := h.get(groups + "/1").faults(); !slices.Equal(got, []string{`["path","id"] uuid_parsing`}) {
		t.Errorf("%v", got)
	}
	if got := h.get(groups + "?sort_by=created_asc").faults(); !slices.Equal(got, []string{`["query","sort_by",0] enum`}) {
		t.Errorf("%v", got)
	}
	// Admins among the members are counted by their role, whenever they get it.
	h.submit(&countersign.ChangeRole{UserID: h.user("tom"), Role: countersign.RoleAdmin})
	if g := h.oneGroup("treasury"); g["admins_count"] != 2.0 {
		t.Errorf("%v", g)
	}
	if refs := list(h.one("tom"), "user_groups"); len(refs) != 2 || refs[1]["admins_count"] != 2.0 || refs[1]["users_count"] != 3.0 {
		t.Errorf("%v", refs)
	}
	h.submit(&countersign.DeleteUser{UserID: h.user("tom")})
	if g := h.oneGroup("treasury"); g["admins_count"] != 1.0 || g["users_count"] != 2.0 {
		t.Errorf("%v", g)
	}
}
