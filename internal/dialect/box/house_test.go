package box_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/box"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
)

// house is a server with the dialect over one organization: ada is the admin,
// grace a co-admin, robot a service account for which vera answers, who is a
// viewer; the others are people without a role.
type house struct {
	*dialecttest.House
	t      testing.TB
	org    countersign.Organization
	ada    countersign.Actor
	tokens map[string]string
	ids    map[string]countersign.UserID
	// numbers are the ids of people here.
	numbers map[string]string
	web     http.Handler
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{
		House: dialecttest.NewHouse(t), t: t,
		tokens: map[string]string{}, ids: map[string]countersign.UserID{}, numbers: map[string]string{},
	}
	admin := h.Found("Northwind")
	h.tokens["ada"], h.ids["ada"] = admin.Token, countersign.UserID(admin.ID)
	var err error
	if h.ada, err = h.Authn.Bearer(t.Context(), admin.Token, netip.IPv6Loopback()); err != nil {
		t.Fatal(err)
	}
	if h.org, err = h.Engine.Organization(t.Context(), h.ada); err != nil {
		t.Fatal(err)
	}
	h.remember("ada")
	h.enrol("grace", countersign.RoleAdmin)
	h.enrol("vera", countersign.RoleViewer)
	h.account("robot", countersign.DirectoryPermissions()...)
	h.web = server.New(server.Config{
		Dialects: []server.Dialect{{
			Name: "box", Paths: box.Paths(), Mount: "/box", API: box.New(box.Config{Engine: h.Engine, Authenticate: box.Bearer(h.Authn)}),
		}},
		Logger: slog.New(slog.DiscardHandler), Now: h.Now, Build: "test",
	})
	return h
}

func (h *house) remember(name string) {
	h.t.Helper()
	u, _, err := h.Engine.User(h.t.Context(), h.ada, h.ids[name])
	if err != nil {
		h.t.Fatal(err)
	}
	h.numbers[name] = strconv.FormatInt(u.Number, 10)
}

func (h *house) submit(ops ...countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.Engine.Submit(h.t.Context(), h.ada, dialecttest.Sealing(ops), engine.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	return result
}

// enrol makes a person who can sign in.
func (h *house) enrol(name string, role countersign.Role) {
	h.t.Helper()
	invited := h.submit(&countersign.InvitePerson{Name: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.org", Role: role})
	id := invited.Change.Operations[0].(*countersign.InvitePerson).UserID
	code := h.submit(&countersign.MakeOnboardingCode{UserID: id}).Secrets[0].Reveal()
	redeemed, err := h.Engine.Redeem(h.t.Context(), engine.Redemption{Code: code}, engine.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.ids[name], h.tokens[name] = id, redeemed.Secrets[0].Reveal()
	h.remember(name)
}

// account makes an API user with a token.
func (h *house) account(name string, permissions ...countersign.Permission) {
	h.t.Helper()
	made := h.submit(&countersign.CreateAPIUser{Name: name, Role: countersign.RoleNone, ResponsiblePersonID: h.ids["vera"], Permissions: permissions})
	id := made.Change.Operations[0].(*countersign.CreateAPIUser).UserID
	h.ids[name] = id
	h.tokens[name] = h.submit(&countersign.CreateCredential{UserID: id, Type: countersign.Token}).Secrets[0].Reveal()
	h.remember(name)
}

// seal ends bootstrap: from then on every change waits for a second person.
func (h *house) seal() *house {
	h.t.Helper()
	h.submit(&countersign.SealOrganization{})
	return h
}

// answer is a response with its body.
type answer struct {
	status int
	header http.Header
	body   string
	t      testing.TB
}

// as sends a request with the token of somebody; "" sends none. header holds
// "Name: value". Every answer is held to what clients rely on (section 0).
func (h *house) as(name, method, target, body string, header ...string) answer {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, target, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequestWithContext(h.t.Context(), method, target, http.NoBody)
	}
	if name != "" {
		r.Header.Set("Authorization", "Bearer "+h.tokens[name])
	}
	r.Header.Set("Content-Type", "application/json") // also without a body, as the SDKs do
	for _, line := range header {
		key, value, _ := strings.Cut(line, ": ")
		r.Header.Set(key, value)
	}
	out := httptest.NewRecorder()
	h.web.ServeHTTP(out, r)
	a := answer{out.Code, out.Header(), out.Body.String(), h.t}
	a.mustHaveForm(method + " " + target)
	return a
}

func (a answer) mustHaveForm(what string) {
	a.t.Helper()
	if a.header.Get("X-Request-ID") == "" {
		a.t.Errorf("%s: no request id", what)
	}
	switch {
	case a.status == http.StatusUnauthorized:
		if a.body != "" || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), `Bearer realm="Service"`) {
			a.t.Errorf("%s: 401 with %q and %v", what, a.body, a.header)
		}
	case a.status == http.StatusNoContent:
		if a.body != "" {
			a.t.Errorf("%s: 204 with %q", what, a.body)
		}
	case !strings.HasPrefix(a.header.Get("Content-Type"), "application/json"):
		a.t.Errorf("%s: %d of type %q: %s", what, a.status, a.header.Get("Content-Type"), a.body)
	case a.status >= 400:
		o := a.object()
		if o["type"] != "error" || o["status"] != float64(a.status) || o["code"] == "" || o["message"] == "" || o["request_id"] == "" || o["help_url"] == "" {
			a.t.Errorf("%s: no error body: %s", what, a.body)
		}
	}
	if a.status >= 500 {
		a.t.Errorf("%s: %d: %s", what, a.status, a.body)
	}
}

func (a answer) must(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

func (a answer) object() map[string]any {
	a.t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		a.t.Fatalf("no JSON object: %v: %s", err, a.body)
	}
	return o
}

// at reads a value by its path: "context_info.errors.0.name".
func (a answer) at(path string) any {
	a.t.Helper()
	var v any = a.object()
	for key := range strings.SplitSeq(path, ".") {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[key]
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n >= len(inner) {
				return nil
			}
			v = inner[n]
		default:
			return nil
		}
	}
	return v
}

func (a answer) text(path string) string {
	a.t.Helper()
	s, _ := a.at(path).(string)
	return s
}

// refused asserts an error by status and code.
func (a answer) refused(status int, code string) answer {
	a.t.Helper()
	if a.must(status); a.text("code") != code {
		a.t.Fatalf("code %q, want %q: %s", a.text("code"), code, a.body)
	}
	return a
}

// entries are the ids of a list, in order.
func (a answer) entries() []string {
	a.t.Helper()
	list, ok := a.at("entries").([]any)
	if !ok {
		a.t.Fatalf("no entries: %s", a.body)
	}
	ids := []string{}
	for _, e := range list {
		id, _ := e.(map[string]any)["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

// group makes a group and returns its id.
func (h *house) group(name string) string {
	h.t.Helper()
	return h.as("ada", "POST", "/2.0/groups", encode(h.t, map[string]any{"name": name})).must(http.StatusCreated).text("id")
}

// join puts somebody into a group and returns the id of the membership.
func (h *house) join(name, group, role string) string {
	h.t.Helper()
	return h.as("ada", "POST", "/2.0/group_memberships", h.membership(name, group, role)).must(http.StatusCreated).text("id")
}

func (h *house) membership(name, group, role string) string {
	body := map[string]any{"user": map[string]any{"id": h.numbers[name]}, "group": map[string]any{"id": group}}
	if role != "" {
		body["role"] = role
	}
	return encode(h.t, body)
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
