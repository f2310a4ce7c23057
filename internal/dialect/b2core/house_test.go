package b2core_test

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/b2core"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/server"
)

const (
	groupsPath = "/api/v2/groups"
	usersPath  = "/api/v2/users"
)

// house is a server with the dialect over one organization: ada, grace and linus
// are admins, vera is a viewer and answers for the robot that asks.
type house struct {
	*dialecttest.House
	t      testing.TB
	org    countersign.OrganizationID
	ada    countersign.Actor
	tokens map[string]string
	ids    map[string]countersign.UserID
	// numbers are the ids that this API knows people by.
	numbers map[string]int64
	web     http.Handler
}

type option func(*b2core.Config)

func newHouse(t testing.TB, options ...option) *house {
	t.Helper()
	h := &house{House: dialecttest.NewHouse(t), t: t, tokens: map[string]string{}, ids: map[string]countersign.UserID{}, numbers: map[string]int64{}}
	admin := h.Found("Northwind")
	// Whatever a test does, the log alone must tell how it came to that.
	if _, measured := t.(*testing.B); !measured {
		t.Cleanup(func() { replay.Check(t, h.Store, admin.Organization) })
	}
	h.org, h.ids["ada"], h.tokens["ada"], h.numbers["ada"] = admin.Organization, countersign.UserID(admin.ID), admin.Token, 1
	var err error
	if h.ada, err = h.Authn.Bearer(t.Context(), admin.Token, netip.IPv6Loopback()); err != nil {
		t.Fatal(err)
	}
	h.enrol("grace", countersign.RoleAdmin)
	h.enrol("linus", countersign.RoleAdmin)
	h.enrol("vera", countersign.RoleViewer)
	h.account("robot", countersign.DirectoryPermissions()...)
	h.serve(options...)
	return h
}

// serve puts a new server before the engine.
func (h *house) serve(options ...option) {
	config := b2core.Config{
		Engine: h.Engine, Authenticator: h.Authn, Sessions: authn.NewSessions(h.Engine, h.Now, rand.Reader, b2core.Audience()),
	}
	for _, o := range options {
		o(&config)
	}
	h.web = server.New(server.Config{
		Dialects: []server.Dialect{{Name: "b2core", Paths: b2core.Paths(), API: b2core.New(config)}},
		Logger:   slog.New(slog.DiscardHandler), Now: h.Now, Build: "test",
	})
}

func (h *house) submit(ops ...countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.Engine.Submit(h.t.Context(), h.ada, dialecttest.Sealing(ops), engine.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	return result
}

// enrol walks a person from invitation to token.
func (h *house) enrol(name string, role countersign.Role) {
	h.t.Helper()
	invited := h.submit(&countersign.InvitePerson{Name: strings.ToUpper(name[:1]) + name[1:] + " Northwind", Email: name + "@example.org", Role: role})
	made := invited.Change.Operations[0].(*countersign.InvitePerson)
	h.ids[name], h.numbers[name] = made.UserID, made.Number
	h.finish(name)
}

// finish lets an invited person enrol.
func (h *house) finish(name string) {
	h.t.Helper()
	code := h.submit(&countersign.MakeOnboardingCode{UserID: h.ids[name]}).Secrets[0].Reveal()
	redeemed, err := h.Engine.Redeem(h.t.Context(), engine.Redemption{Code: code}, engine.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.tokens[name] = redeemed.Secrets[0].Reveal()
}

// account makes an API user of role none with a token.
func (h *house) account(name string, permissions ...countersign.Permission) {
	h.t.Helper()
	made := h.submit(&countersign.CreateAPIUser{
		Name: name, Role: countersign.RoleNone, ResponsiblePersonID: h.ids["vera"], Permissions: permissions,
	}).Change.Operations[0].(*countersign.CreateAPIUser)
	h.ids[name], h.numbers[name] = made.UserID, made.Number
	h.tokens[name] = h.submit(&countersign.CreateCredential{UserID: made.UserID, Type: countersign.Token}).Secrets[0].Reveal()
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

// as sends a request with somebody's token. body is sent as it is when it is a
// text, as JSON otherwise. header holds "Name: value"; no Content-Type is sent
// unless it stands there, as curl's users find out.
func (h *house) as(who, method, target string, body any, header ...string) answer {
	h.t.Helper()
	text, is := body.(string)
	if !is && body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		text = string(encoded)
	}
	in := httptest.NewRequestWithContext(h.t.Context(), method, target, strings.NewReader(text))
	in.RemoteAddr = "192.0.2.7:5000"
	if who != "" {
		in.Header.Set("Authorization", "Bearer "+h.tokens[who])
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		in.Header.Add(name, value)
	}
	return h.deliver(in)
}

// deliver holds every answer to what is promised of all: a request id, JSON or
// nothing, and errors in their one shape.
func (h *house) deliver(in *http.Request) answer {
	h.t.Helper()
	out := httptest.NewRecorder()
	h.web.ServeHTTP(out, in)
	a := answer{out.Code, out.Header(), out.Body.String(), h.t}
	if _, err := uuid.Parse(a.header.Get("X-Request-ID")); err != nil {
		h.t.Errorf("%s %s: X-Request-ID is %q", in.Method, in.RequestURI, a.header.Get("X-Request-ID"))
	}
	switch {
	case a.status >= 300 && a.status < 400:
		h.t.Errorf("%s %s: a redirect", in.Method, in.RequestURI)
	case a.status == http.StatusNoContent && a.body != "":
		h.t.Errorf("%s %s: 204 with a body", in.Method, in.RequestURI)
	case a.body != "" && a.header.Get("Content-Type") != "application/json":
		h.t.Errorf("%s %s: %s", in.Method, in.RequestURI, a.header.Get("Content-Type"))
	case a.status >= 400 && in.Method != http.MethodHead:
		a.failure()
	}
	return a
}

// failure is the error body (inferred: none is published).
type failure struct {
	Code    string              `json:"code"`
	Message string              `json:"message"`
	Errors  map[string][]string `json:"errors"`
}

func (a answer) failure() failure {
	a.t.Helper()
	f := strict[failure](a)
	if f.Code == "" || f.Message == "" || f.Errors == nil {
		a.t.Errorf("%d is no error of ours: %s", a.status, a.body)
	}
	return f
}

// field is the field that an error names.
func (a answer) field() string {
	a.t.Helper()
	for field, messages := range a.failure().Errors {
		if len(messages) == 0 || messages[0] == "" {
			a.t.Errorf("nothing is said of %s: %s", field, a.body)
		}
		return field
	}
	return ""
}

// must fails the test unless the status is the one wanted.
func (a answer) must(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// waiting is the change an answer says is waiting.
func (a answer) waiting() string {
	a.t.Helper()
	id := a.header.Get("Countersign-Change-Request")
	if id == "" {
		a.t.Fatalf("no change is waiting: %d %s", a.status, a.body)
	}
	return id
}

// group and user are the objects as clients know them; a member more would be
// one that is not documented.
type group struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	CreateTime  *string  `json:"createTime"`
	UpdateTime  *string  `json:"updateTime"`
}

type user struct {
	ID          int64      `json:"id"`
	Name        string     `json:"name"`
	Email       *string    `json:"email"`
	Active      bool       `json:"active"`
	Permissions []string   `json:"permissions"`
	Groups      []groupRef `json:"groups"`
	Phone       *string    `json:"phone"`
	TelegramID  *string    `json:"telegramChatId"`
	CreateTime  *string    `json:"createTime"`
	UpdateTime  *string    `json:"updateTime"`
}

type groupRef struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// strict reads a body, and fails on what is not documented.
func strict[T any](a answer) T {
	a.t.Helper()
	var out T
	d := json.NewDecoder(strings.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return out
}

func (h *house) get(target string) answer { h.t.Helper(); return h.as("robot", "GET", target, nil) }

func (h *house) post(target string, body any, header ...string) answer {
	h.t.Helper()
	return h.as("robot", "POST", target, body, header...)
}

func (h *house) put(target string, body any, header ...string) answer {
	h.t.Helper()
	return h.as("robot", "PUT", target, body, header...)
}

func (h *house) remove(target string) answer {
	h.t.Helper()
	return h.as("robot", "DELETE", target, nil)
}

// one is the path of an object.
func one(path string, id int64) string { return path + "/" + strconv.FormatInt(id, 10) }

// makes creates a group and returns it.
func (h *house) makes(name string, permissions ...string) group {
	h.t.Helper()
	if permissions == nil {
		permissions = []string{}
	}
	return strict[group](h.post(groupsPath, map[string]any{"name": name, "permissions": permissions}).must(http.StatusCreated))
}

// decide lets a person vote on a change, through the native API.
func (h *house) decide(who, change, decision string) {
	h.t.Helper()
	seen := h.Do(h.tokens[who], "GET", "/directory/v1/changes/"+change, nil).Must(http.StatusOK)
	h.Do(h.tokens[who], "POST", "/directory/v1/changes/"+change+"/approvals", map[string]string{
		"decision": decision, "digest": seen.Text("digest"),
	}).Must(http.StatusOK)
}

// same compares two values.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

// nothingMoved fails the test if a log has grown.
func (h *house) nothingMoved(before int64) {
	h.t.Helper()
	if after := h.LogSize(h.org); after != before {
		h.t.Errorf("the log grew from %d to %d entries", before, after)
	}
}
