package fordefi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/fordefi"
)

// TestWhoMayCall is section 4 of the contract.
func TestWhoMayCall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.account("bound", countersign.RoleViewer, []string{"192.0.2.7", "2001:db8::/32"})
	h.account("left", countersign.RoleViewer, nil)
	h.submit(&countersign.DeleteUser{UserID: h.user("left")})
	h.account("halted", countersign.RoleViewer, nil)
	h.submit(&countersign.SuspendUser{UserID: h.user("halted")})
	other := h.Found("Southwind")
	for _, row := range []struct {
		what, who, from string
		want            int
	}{
		{"from an address of the list", "bound", "192.0.2.7:99", http.StatusOK},
		{"from a prefix of the list", "bound", "[2001:db8::1]:99", http.StatusOK},
		{"from another address", "bound", fromThere, http.StatusForbidden},
		{"from nowhere", "bound", "somewhere", http.StatusForbidden},
		{"a deleted account", "left", fromThere, http.StatusUnauthorized},
		{"a suspended account", "halted", fromThere, http.StatusUnauthorized},
		{"a person", "ada", fromThere, http.StatusOK},
		{"any API user", "reader", fromThere, http.StatusOK},
	} {
		h.send(request{path: users, token: h.tokens[row.who], from: row.from}).must(row.want)
		// Who asks comes before what he asks.
		if want := row.want; want == http.StatusOK {
			h.send(request{path: users + "?size=401", token: h.tokens[row.who], from: row.from}).must(http.StatusUnprocessableEntity)
		} else {
			h.send(request{path: users + "?size=401", token: h.tokens[row.who], from: row.from}).must(want)
		}
	}
	settings := object(h.one("bound"), "allowed_ip_settings")
	if list, _ := settings["ip_list"].([]any); settings["allow_type"] != "ip_list" || !slices.Contains(list, any("192.0.2.7")) || !slices.Contains(list, any("2001:db8::/32")) {
		t.Errorf("%v", settings)
	}
	// Another organization sees none of it, and cannot tell that it is there.
	if a := h.send(request{path: users, token: other.Token}); a.names("users") != "ada" || a.total() != 1 {
		t.Errorf("%s", a.body)
	}
	one := h.send(request{path: users + "/" + h.ids["reader"], token: other.Token}).must(http.StatusNotFound).object()
	none := h.send(request{path: users + "/" + stranger, token: other.Token}).must(http.StatusNotFound).object()
	if text(none, "detail") != strings.ReplaceAll(text(one, "detail"), h.ids["reader"], stranger) {
		t.Errorf("%v, %v", one, none)
	}
}

// TestWithoutTheReadingRolesOneSeesOneself, and of others nothing, not even in
// mentions.
func TestWithoutTheReadingRolesOneSeesOneself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("nora", countersign.RoleNone)
	h.makes("Treasury", "nora", "vera")
	h.makes("Security", "vera")
	h.seal()
	h.submit(&countersign.AddMembership{UserID: h.user("grace"), GroupID: h.group("treasury")})
	get := func(path string) answer { return h.send(request{path: path, token: h.tokens["nora"]}) }
	if a := get(users); a.names("users") != "nora" || a.total() != 1 {
		t.Errorf("%s", a.body)
	}
	me := get(users + "/" + h.ids["nora"]).must(http.StatusOK).object()
	if me["role"] != "viewer" || me["invited_by"] != nil {
		t.Errorf("%v", me)
	}
	get(users + "/" + h.ids["vera"]).must(http.StatusNotFound)
	a := get(groups)
	g := list(a.object(), "user_groups")
	if a.names("user_groups") != "treasury" || object(g[0], "modified_by")["user_type"] != "system" || g[0]["proposed_change"] != nil {
		t.Errorf("%s", a.body)
	}
	get(groups + "/" + h.ids["security"]).must(http.StatusNotFound)
	get(tokens).must(http.StatusForbidden)
	get(auditLog).must(http.StatusForbidden)
	get(auditLog + "/export").must(http.StatusForbidden)
}

// TestPathsAndMethods that are none are told in the shape of this API, without a
// redirect; a slash at the end does not count.
func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/api/v1/nothing", "/api/v1", "/api/v1/", "/api/v1/users/x/y", "/fordefi/api/v1/vaults"} {
		o := h.send(request{path: path, token: h.tokens["reader"]}).must(http.StatusNotFound).object()
		if want := "Path " + strings.TrimPrefix(strings.TrimRight(path, "/"), "/fordefi") + " not found"; o["resource"] != "path" || o["detail"] != want {
			t.Errorf("%s: %v", path, o)
		}
	}
	long := h.send(request{path: "/api/v1/" + strings.Repeat("n", 3000)}).must(http.StatusNotFound)
	if len(long.body) > 600 {
		t.Errorf("an error of %d bytes", len(long.body))
	}
	for _, path := range []string{users + "/", users + "//", users + "/" + h.ids["ada"] + "/", "//api//v1/users"} {
		(request{path: path, token: h.tokens["reader"]}).send(t, h.bare).must(http.StatusOK)
	}
	for method, path := range map[string]string{"POST": users, "DELETE": users + "/" + stranger, "PATCH": groups, "PUT": endUsers} {
		a := h.send(request{method: method, path: path, token: h.tokens["reader"]}).must(http.StatusMethodNotAllowed)
		if !strings.Contains(a.header.Get("Allow"), "GET") {
			t.Errorf("%s %s: Allow %q", method, path, a.header.Get("Allow"))
		}
	}
	mounted := request{path: "/fordefi" + users, token: h.tokens["reader"]}.send(t, h.bare).must(http.StatusOK)
	if direct := h.get(users); mounted.body != direct.body {
		t.Errorf("below its prefix: %s", mounted.body)
	}
	(request{path: "/fordefi/openapi.json"}).send(t, h.bare).must(http.StatusOK)
	h.send(request{path: users + "?names=" + strings.Repeat("n", 9000), token: h.tokens["reader"]}).must(http.StatusRequestURITooLong)
}

// TestTheAllowance is section 2.2 of the contract.
func TestTheAllowance(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *fordefi.Config) { c.Rate = 3 })
	want := func(a answer, limit, remaining, reset string) {
		t.Helper()
		got := []string{a.header.Get("X-RateLimit-Limit"), a.header.Get("X-RateLimit-Remaining"), a.header.Get("X-RateLimit-Reset")}
		if !slices.Equal(got, []string{limit, remaining, reset}) {
			t.Errorf("%v, want %s %s %s", got, limit, remaining, reset)
		}
	}
	const limit = "3, 3;w=60"
	want(h.get(users), limit, "2", "60")
	h.Pass(59500 * time.Millisecond)
	want(h.get(users+"?size=401").must(http.StatusUnprocessableEntity), limit, "1", "1")
	want(h.get(users+"/"+stranger).must(http.StatusNotFound), limit, "0", "1")
	for range 2 {
		a := h.get(users).must(http.StatusTooManyRequests)
		want(a, limit, "0", "1")
		if a.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
		}
	}
	// Others have an allowance of their own; who is nobody has none to lose.
	want(h.send(request{path: users, token: h.tokens["writer"]}).must(http.StatusOK), limit, "2", "60")
	if a := h.send(request{path: users, token: "x"}).must(http.StatusUnauthorized); a.header.Get("X-RateLimit-Limit") != "" {
		t.Errorf("%v", a.header)
	}
	h.Pass(500 * time.Millisecond)
	want(h.get(users).must(http.StatusOK), limit, "2", "60")
	h.serve()
	for range 20 {
		if a := h.get(users).must(http.StatusOK); a.header.Get("X-RateLimit-Limit") != "" {
			t.Errorf("switched off: %v", a.header)
		}
	}
}
