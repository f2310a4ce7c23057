package fordefi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/dialect/fordefi"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
)

const (
	users     = "/api/v1/users"
	groups    = "/api/v1/user-groups"
	endUsers  = "/api/v1/end-users"
	tokens    = "/api/v1/authorization-tokens"
	auditLog  = "/api/v1/audit-log"
	stranger  = "00000000-0000-4000-8000-000000000000"
	asSeed    = "Countersign-Fordefi-Profile: seed"
	asNewest  = "Countersign-Fordefi-Profile: newest"
	fromThere = "198.51.100.9:5000"
)

// house is a server with the dialect over one organization: ada, grace and linus
// are admins, vera is a viewer and answers for two API users, the reader, a
// viewer, and the writer, who holds all directory permissions.
type house struct {
	*dialecttest.House
	t      testing.TB
	org    countersign.OrganizationID
	ada    countersign.Actor
	tokens map[string]string
	ids    map[string]string
	client *http.Client
	// bare holds answers to nothing.
	bare      *http.Client
	validator *dialecttest.Validator
}

func newHouse(t testing.TB, options ...func(*fordefi.Config)) *house {
	t.Helper()
	h := &house{House: dialecttest.NewHouse(t), t: t, tokens: map[string]string{}, ids: map[string]string{}}
	admin := h.Found("Northwind")
	h.org, h.ids["ada"], h.tokens["ada"] = admin.Organization, admin.ID, admin.Token
	var err error
	if h.ada, err = h.Authn.Bearer(t.Context(), admin.Token, netip.IPv6Loopback()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		name string
		role countersign.Role
	}{{"grace", countersign.RoleAdmin}, {"linus", countersign.RoleAdmin}, {"vera", countersign.RoleViewer}} {
		h.enrol(p.name, p.role)
	}
	h.account("reader", countersign.RoleViewer, nil)
	h.account("writer", countersign.RoleViewer, nil, countersign.DirectoryPermissions()...)
	h.serve(options...)
	return h
}

// serve puts a new server before the engine; every answer is held to its document.
func (h *house) serve(options ...func(*fordefi.Config)) {
	h.t.Helper()
	config := fordefi.Config{Engine: h.Engine, Authenticator: h.Authn, Now: h.Now}
	for _, o := range options {
		o(&config)
	}
	web := server.New(server.Config{
		Dialects: []server.Dialect{{Name: "fordefi", Paths: fordefi.Paths(), Mount: "/fordefi", API: fordefi.New(config)}},
		Logger:   slog.New(slog.DiscardHandler), Now: h.Now, Build: "test",
	})
	h.bare = &http.Client{Transport: dialecttest.Bare(web)}
	document := request{path: "/openapi.json"}.send(h.t, h.bare).must(http.StatusOK)
	h.validator = dialecttest.NewFor(h.t, []byte(document.body))
	h.client = h.validator.Client(web)
}

func (h *house) submit(ops ...countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.Engine.Submit(h.t.Context(), h.ada, dialecttest.Sealing(ops), engine.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	return result
}

// invite creates a person who has not enrolled, and names him by the first word of
// his name in lower case.
func (h *house) invite(name string, role countersign.Role, groups ...string) engine.Result {
	h.t.Helper()
	invite := &countersign.InvitePerson{Name: name, Email: h.key(name) + "@example.org", Role: role}
	for _, g := range groups {
		invite.GroupIDs = append(invite.GroupIDs, countersign.GroupID(h.ids[g]))
	}
	result := h.submit(invite)
	h.ids[h.key(name)] = string(result.Change.Operations[0].(*countersign.InvitePerson).UserID)
	return result
}

func (*house) key(name string) string {
	first, _, _ := strings.Cut(strings.ToLower(name), " ")
	return first
}

func (h *house) enrol(name string, role countersign.Role) {
	h.t.Helper()
	h.invite(strings.ToUpper(name[:1])+name[1:]+" Northwind", role)
	code := h.submit(&countersign.MakeOnboardingCode{UserID: h.user(name)}).Secrets[0].Reveal()
	redeemed, err := h.Engine.Redeem(h.t.Context(), engine.Redemption{Code: code}, engine.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.tokens[name] = redeemed.Secrets[0].Reveal()
}

// account makes an API user with a token; vera answers for it.
func (h *house) account(name string, role countersign.Role, from []string, permissions ...countersign.Permission) {
	h.t.Helper()
	made := h.submit(&countersign.CreateAPIUser{
		Name: name, Role: role, ResponsiblePersonID: h.user("vera"), Permissions: permissions, AllowedIPs: from,
	})
	id := made.Change.Operations[0].(*countersign.CreateAPIUser).UserID
	h.ids[name] = string(id)
	h.tokens[name] = h.submit(&countersign.CreateCredential{UserID: id, Type: countersign.Token}).Secrets[0].Reveal()
}

func (h *house) makes(group string, members ...string) {
	h.t.Helper()
	create := &countersign.CreateGroup{Name: group}
	for _, m := range members {
		create.MemberIDs = append(create.MemberIDs, h.user(m))
	}
	made := h.submit(create)
	h.ids[h.key(group)] = string(made.Change.Operations[0].(*countersign.CreateGroup).GroupID)
}

func (h *house) user(name string) countersign.UserID   { return countersign.UserID(h.ids[name]) }
func (h *house) group(name string) countersign.GroupID { return countersign.GroupID(h.ids[name]) }

// seal ends bootstrap: from then on changes wait for a second person.
func (h *house) seal() *house {
	h.t.Helper()
	h.submit(&countersign.SealOrganization{})
	return h
}

// request is one request as a client sends it.
type request struct {
	method, path, body, token, from string
	header                          []string
}

type answer struct {
	status int
	header http.Header
	body   string
	t      testing.TB
}

func (r request) send(t testing.TB, client *http.Client) answer {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	in, err := http.NewRequestWithContext(t.Context(), r.method, dialecttest.Origin+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	in.RemoteAddr = r.from
	if r.token != "" {
		in.Header.Set("Authorization", "Bearer "+r.token)
	}
	for _, line := range r.header {
		name, value, _ := strings.Cut(line, ": ")
		in.Header.Set(name, value)
	}
	response, err := client.Do(in)
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body), t}
}

var null = regexp.MustCompile(`[:,\[]null\b`)

// send sends a request. Every answer is held to what clients rely on besides the
// document: compact JSON without null, and errors that can be found in the log.
func (h *house) send(r request) answer {
	h.t.Helper()
	a := r.send(h.t, h.client)
	id := a.header.Get("X-Request-ID")
	if _, err := uuid.Parse(id); err != nil {
		h.t.Errorf("%s %s: x-request-id is %q", r.method, r.path, id)
	}
	if a.header.Get("Content-Type") == "application/json" {
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(a.body)); err != nil || compact.String() != a.body || null.MatchString(a.body) {
			h.t.Errorf("%s %s: null, blanks, or no JSON: %s", r.method, r.path, a.body)
		}
	}
	if a.status >= 400 && (a.object()["request_id"] != id || a.object()["title"] == "" || a.header.Get("Content-Type") != "application/json") {
		h.t.Errorf("%s %s: %d is no error clients can read: %s", r.method, r.path, a.status, a.body)
	}
	return a
}

func (h *house) get(path string, header ...string) answer {
	h.t.Helper()
	return h.send(request{path: path, token: h.tokens["reader"], header: header})
}

func (h *house) write(method, path, body string) answer {
	h.t.Helper()
	return h.send(request{method: method, path: path, body: body, token: h.tokens["writer"]})
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
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		a.t.Fatalf("no JSON object: %v: %s", err, a.body)
	}
	return out
}

// list is an array of objects in an object.
func list(o map[string]any, name string) []map[string]any {
	given, _ := o[name].([]any)
	out := make([]map[string]any, len(given))
	for i := range given {
		out[i], _ = given[i].(map[string]any)
	}
	return out
}

func text(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}

// total of a list.
func (a answer) total() int {
	a.t.Helper()
	n, ok := a.object()["total"].(float64)
	if !ok {
		a.t.Errorf("no total: %s", a.body)
	}
	return int(n)
}

// names are those of a list's rows, the first word in lower case.
func (a answer) names(array string) string {
	a.t.Helper()
	var out []string
	for _, row := range list(a.must(http.StatusOK).object(), array) {
		name, _, _ := strings.Cut(strings.ToLower(text(row, "name")), " ")
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// listed are the names of the users a query finds, in order.
func (h *house) listed(query string, header ...string) string {
	h.t.Helper()
	return h.get(users+"?"+query, header...).names("users")
}

// one reads a user.
func (h *house) one(name string, header ...string) map[string]any {
	h.t.Helper()
	return h.get(users+"/"+h.ids[name], header...).must(http.StatusOK).object()
}

func (h *house) oneGroup(name string) map[string]any {
	h.t.Helper()
	return h.get(groups + "/" + h.ids[name]).must(http.StatusOK).object()
}

// faults are the locations and types of what a 422 tells, one "loc type" each.
func (a answer) faults() []string {
	a.t.Helper()
	if title := text(a.must(http.StatusUnprocessableEntity).object(), "title"); title != "Cannot process data due to validation error" {
		a.t.Errorf("title %q", title)
	}
	var out []string
	for _, f := range list(a.object(), "detail") {
		loc, _ := json.Marshal(f["loc"])
		if len(f) != 3 || text(f, "msg") == "" {
			a.t.Errorf("a fault has loc, msg and type, and no more: %v", f)
		}
		out = append(out, string(loc)+" "+text(f, "type"))
	}
	return out
}

// decide lets a person vote on a change, through the native API.
func (h *house) decide(who string, change countersign.ChangeID, decision string) {
	h.t.Helper()
	seen := h.Do(h.tokens[who], "GET", "/directory/v1/changes/"+string(change), nil).Must(http.StatusOK)
	h.Do(h.tokens[who], "POST", "/directory/v1/changes/"+string(change)+"/approvals", map[string]string{
		"decision": decision, "digest": seen.Text("digest"),
	}).Must(http.StatusOK)
}

// query writes parameters as a client does.
func query(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(out, "&")
}
