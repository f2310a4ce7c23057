package box_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// crowd makes people in one group, in large steps.
func (h *house) crowd(group string, people int) {
	h.t.Helper()
	number, err := strconv.ParseInt(group, 10, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	g, _, err := h.Engine.GroupByNumber(h.t.Context(), h.ada, number)
	if err != nil {
		h.t.Fatal(err)
	}
	for made := 0; made < people; {
		var ops []countersign.Change
		for range min(countersign.MaxOperations, people-made) {
			ops = append(ops, &countersign.InvitePerson{
				Name: fmt.Sprintf("Guest %05d", made), Email: fmt.Sprintf("guest%d@example.org", made), Role: countersign.RoleNone,
				GroupIDs: []countersign.GroupID{g.ID},
			})
			made++
		}
		if _, err := h.Engine.Submit(h.t.Context(), h.ada, ops, engine.Options{}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestLimitAndOffset is section 0.2.
func TestLimitAndOffset(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	h.crowd(group, 130)
	for _, list := range []string{"/2.0/groups/" + group + "/memberships", "/2.0/users/" + h.numbers["vera"] + "/memberships", "/2.0/groups", "/2.0/users", "/2.0/groups/" + group + "/collaborations"} {
		for query, want := range map[string]struct {
			limit, offset int
			code          string
		}{
			"":                                  {100, 0, ""},
			"?limit=1":                          {1, 0, ""},
			"?limit=1000":                       {1000, 0, ""},
			"?limit=1001":                       {1000, 0, ""},
			"?limit=5000":                       {1000, 0, ""},
			"?limit=99999999999999999999":       {1000, 0, ""},
			"?offset=0":                         {100, 0, ""},
			"?offset=10000":                     {100, 10000, ""},
			"?limit=7&offset=3":                 {7, 3, ""},
			"?usemarker=False&limit=2":          {2, 0, ""},
			"?unknown=1":                        {100, 0, ""},
			"?offset=10001":                     {code: "bad_request"},
			"?offset=99999999999999999999":      {code: "bad_request"},
			"?offset=-1":                        {code: "invalid_offset"},
			"?offset=ten":                       {code: "invalid_offset"},
			"?offset=1.5":                       {code: "invalid_offset"},
			"?offset=":                          {code: "invalid_offset"},
			"?limit=-1":                         {code: "invalid_limit"},
			"?limit=ten":                        {code: "invalid_limit"},
			"?limit=":                           {code: "invalid_limit"},
			"?limit=0":                          {code: "invalid_limit"},
			"?limit=1&limit=2":                  {code: "bad_request"},
			"?usemarker=maybe":                  {code: "bad_request"},
			"?usemarker=true&marker=ten":        {code: "bad_request"},
			"?fields=%ff":                       {code: "bad_request"},
			"?limit=" + strings.Repeat("1", 60): {code: "bad_request"},
		} {
			a := h.as("ada", "GET", list+query, "")
			if want.code != "" {
				a.refused(http.StatusBadRequest, want.code)
				continue
			}
			if a.must(http.StatusOK); a.at("limit") != float64(want.limit) || a.at("offset") != float64(want.offset) {
				t.Errorf("%s%s: limit %v, offset %v", list, query, a.at("limit"), a.at("offset"))
			}
			if _, given := a.object()["total_count"].(float64); !given {
				t.Errorf("%s%s: no total_count: %s", list, query, a.body)
			}
			a.entries()
		}
	}
}

// readAll reads a list to its end as a client of offsets does: by the limit that
// was used, until the total is reached.
func (h *house) readAll(target string, limit int) []string {
	h.t.Helper()
	var ids []string
	for offset := 0; ; {
		a := h.as("ada", "GET", fmt.Sprintf("%s?limit=%d&offset=%d", target, limit, offset), "").must(http.StatusOK)
		ids = append(ids, a.entries()...)
		offset += int(a.at("limit").(float64))
		if offset >= int(a.at("total_count").(float64)) {
			return ids
		}
	}
}

// readMarked reads a list to its end by markers, and calls visit after each page.
func (h *house) readMarked(target string, limit int, visit func(ids []string)) []string {
	h.t.Helper()
	var ids []string
	for marker := ""; ; {
		query := fmt.Sprintf("%s?usemarker=True&limit=%d", target, limit)
		if marker != "" {
			query += "&marker=" + marker
		}
		a := h.as("ada", "GET", query, "").must(http.StatusOK)
		ids = append(ids, a.entries()...)
		if o := a.object(); o["total_count"] != nil || o["offset"] != nil {
			h.t.Errorf("a page of markers has %s", a.body)
		}
		if visit != nil {
			visit(a.entries())
		}
		if marker = a.text("next_marker"); marker == "" {
			return ids
		}
	}
}

func TestEveryListPagesToItsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	h.crowd(group, 237)
	for i := range 23 {
		h.join("vera", h.group(fmt.Sprintf("Group %d", i)), "")
	}
	for target, total := range map[string]int{
		"/2.0/groups/" + group + "/memberships":            237,
		"/2.0/users/" + h.numbers["vera"] + "/memberships": 23,
		"/2.0/groups": 24,
		"/2.0/users":  237 + len(h.ids),
	} {
		whole := h.readAll(target, 1000)
		if len(whole) != total || !slices.IsSortedFunc(whole, byNumber) || len(slices.Compact(slices.Clone(whole))) != total {
			t.Errorf("%s: %d entries, want %d, in order", target, len(whole), total)
		}
		for _, limit := range []int{7, total, total + 1} {
			if got := h.readAll(target, limit); !slices.Equal(got, whole) {
				t.Errorf("%s by %d: %d entries in another order", target, limit, len(got))
			}
			if got := h.readMarked(target, limit, nil); !slices.Equal(got, whole) {
				t.Errorf("%s by %d with markers: %d entries in another order", target, limit, len(got))
			}
		}
	}
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return x - y
}

// Deleting while paging skips rows with offsets (pitfall 3), and not with markers.
func TestMarkersSurviveDeletion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := h.group("G")
	h.crowd(group, 60)
	removed := 0
	h.readMarked("/2.0/groups/"+group+"/memberships", 7, func(ids []string) {
		for _, id := range ids {
			h.as("ada", "DELETE", "/2.0/group_memberships/"+id, "").must(http.StatusNoContent)
			removed++
		}
	})
	left := h.as("ada", "GET", "/2.0/groups/"+group+"/memberships", "").must(http.StatusOK)
	if removed != 60 || left.at("total_count") != float64(0) {
		t.Errorf("%d removed, %v left", removed, left.at("total_count"))
	}
}

// TestFilterTermIsAPrefix is the rule of sections 2 and 3.
func TestFilterTermIsAPrefix(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{"Support", "Supply chain", "The Support", "Ärzte"} {
		h.group(name)
	}
	h.as("ada", "POST", "/2.0/users", `{"name":"Zed Zeppelin","login":"captain@example.org"}`).must(http.StatusCreated)
	for query, want := range map[string]int{
		"/2.0/groups?filter_term=sup":                            2,
		"/2.0/groups?name=SUPPORT":                               1,
		"/2.0/groups?filter_term=support&limit=1&usemarker=true": 1,
		"/2.0/groups?filter_term=%C3%A4R":                        1,
		"/2.0/groups?filter_term=port":                           0,
		"/2.0/users?filter_term=zed":                             1,
		"/2.0/users?filter_term=captain":                         1,
		"/2.0/users?filter_term=eppelin":                         0,
		"/2.0/users?user_type=external":                          0,
		"/2.0/users?user_type=managed&filter_term=ZED":           1,
	} {
		a := h.as("ada", "GET", query, "").must(http.StatusOK)
		if len(a.entries()) != want {
			t.Errorf("%s: %s", query, a.body)
		}
		if total, given := a.at("total_count").(float64); given && int(total) != want {
			t.Errorf("%s: total %v", query, total)
		}
	}
	h.as("ada", "GET", "/2.0/users?user_type=aliens", "").refused(http.StatusBadRequest, "bad_request")
}
