package box_test

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/box"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/wire"
)

// tokenHouse is a server with the token endpoints over one organization: ada and
// grace are admins, vera is a viewer and answers for the robot, whose OAuth client
// this is.
type tokenHouse struct {
	*dialecttest.House
	org       countersign.Organization
	ada       countersign.Actor
	people    map[string]countersign.User
	tokens    map[string]string
	robot     countersign.UserID
	id        string
	secret    string
	developer string
	oauth     *box.OAuth
	web       http.Handler
}

func newTokenHouse(t testing.TB, options ...func(*box.OAuthConfig)) *tokenHouse {
	t.Helper()
	h := &tokenHouse{House: dialecttest.NewHouse(t), people: map[string]countersign.User{}, tokens: map[string]string{}}
	admin := h.Found("Northwind")
	var err error
	if h.ada, err = h.Authn.Bearer(t.Context(), admin.Token, netip.IPv6Loopback()); err != nil {
		t.Fatal(err)
	}
	if h.org, err = h.Engine.Organization(t.Context(), h.ada); err != nil {
		t.Fatal(err)
	}
	h.tokens["ada"] = admin.Token
	h.people["ada"] = h.user(countersign.UserID(admin.ID))
	h.enrol("grace", countersign.RoleAdmin)
	h.enrol("vera", countersign.RoleViewer)
	made := h.submit(&countersign.CreateAPIUser{
		Name: "robot", Role: countersign.RoleViewer, ResponsiblePersonID: h.people["vera"].ID, Permissions: countersign.DirectoryPermissions(),
	})
	h.robot = made.Change.Operations[0].(*countersign.CreateAPIUser).UserID
	h.people["robot"] = h.user(h.robot)
	client := h.submit(&countersign.CreateCredential{UserID: h.robot, Type: countersign.OAuthClient}).Secrets[0]
	h.id, h.secret = client.ClientID, client.Reveal()
	h.developer = h.submit(&countersign.CreateCredential{UserID: h.robot, Type: countersign.Token}).Secrets[0].Reveal()
	h.serve(options...)
	return h
}

// serve puts new endpoints before the engine, as a restarted process would.
func (h *tokenHouse) serve(options ...func(*box.OAuthConfig)) {
	c := box.OAuthConfig{
		Engine: h.Engine, Authenticator: h.Authn, Sessions: authn.NewSessions(h.Engine, h.Now, rand.Reader, box.Audience()),
		Assertions: authn.NewAssertions(h.Engine, h.Now, []string{box.PublicAudience}),
	}
	for _, o := range options {
		o(&c)
	}
	h.oauth = box.NewOAuth(c)
	h.web = server.New(server.Config{
		Dialects: []server.Dialect{{Name: "box_oauth", Paths: box.OAuthPaths(), Mount: "/box", API: h.oauth}},
		Logger:   slog.New(slog.DiscardHandler), Now: h.Now, Build: "test",
	})
}

// serveAll serves /2.0 beside the token endpoints.
func (h *tokenHouse) serveAll() {
	h.web = server.New(server.Config{
		Dialects: []server.Dialect{
			{Name: "box", Paths: box.Paths(), Mount: "/box", API: box.New(box.Config{Engine: h.Engine, Authenticate: h.oauth.Authenticate})},
			{Name: "box_oauth", Paths: box.OAuthPaths(), Mount: "/box", API: h.oauth},
		},
		Logger: slog.New(slog.DiscardHandler), Now: h.Now, Build: "test",
	})
}

func (h *tokenHouse) submit(ops ...countersign.Change) engine.Result {
	h.T.Helper()
	result, err := h.Engine.Submit(h.T.Context(), h.ada, dialecttest.Sealing(ops), engine.Options{})
	if err != nil {
		h.T.Fatal(err)
	}
	return result
}

func (h *tokenHouse) user(id countersign.UserID) countersign.User {
	h.T.Helper()
	u, _, err := h.Engine.User(h.T.Context(), h.ada, id)
	if err != nil {
		h.T.Fatal(err)
	}
	return u.User
}

func (h *tokenHouse) enrol(name string, role countersign.Role) {
	h.T.Helper()
	invited := h.submit(&countersign.InvitePerson{Name: name, Email: name + "@example.org", Role: role})
	id := invited.Change.Operations[0].(*countersign.InvitePerson).UserID
	code := h.submit(&countersign.MakeOnboardingCode{UserID: id}).Secrets[0].Reveal()
	redeemed, err := h.Engine.Redeem(h.T.Context(), engine.Redemption{Code: code}, engine.Options{})
	if err != nil {
		h.T.Fatal(err)
	}
	h.people[name], h.tokens[name] = h.user(id), redeemed.Secrets[0].Reveal()
}

// number is the id of somebody as Box clients write it.
func (h *tokenHouse) number(name string) string {
	return strconv.FormatInt(h.people[name].Number, 10)
}

// reply is an answer with its body.
type reply struct {
	status int
	header http.Header
	body   string
	t      testing.TB
}

// send sends a request as net/http hands it over.
func (h *tokenHouse) send(method, target, body string, header ...string) reply {
	h.T.Helper()
	r := httptest.NewRequestWithContext(h.T.Context(), method, target, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:5000"
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	out := httptest.NewRecorder()
	h.web.ServeHTTP(out, r)
	a := reply{out.Code, out.Header(), out.Body.String(), h.T}
	if a.status >= 300 && a.status < 400 {
		h.T.Errorf("%s %s redirects", method, target)
	}
	for _, secret := range []string{h.secret, h.developer} {
		if a.status >= 400 && strings.Contains(a.body, secret) {
			h.T.Errorf("%s %s repeats a secret: %s", method, target, a.body)
		}
	}
	return a
}

const formType = "Content-Type: application/x-www-form-urlencoded"

// form sends the pairs of a form in the order they are given.
func (h *tokenHouse) form(target string, pairs ...string) reply {
	h.T.Helper()
	return h.send("POST", target, encoded(pairs...), formType)
}

func encoded(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}

// asks asks for a token with the client's own id and secret.
func (h *tokenHouse) asks(grant string, pairs ...string) reply {
	h.T.Helper()
	return h.form("/oauth2/token", append([]string{"grant_type", grant, "client_id", h.id, "client_secret", h.secret}, pairs...)...)
}

func (h *tokenHouse) enterprise() reply {
	h.T.Helper()
	return h.asks("client_credentials", "box_subject_type", "enterprise", "box_subject_id", h.org.Number)
}

// token is a token answer.
type token struct {
	Access    string   `json:"access_token"`
	Refresh   string   `json:"refresh_token"`
	ExpiresIn int64    `json:"expires_in"`
	Type      string   `json:"token_type"`
	Bound     []string `json:"restricted_to"`
}

// token reads a token answer and holds it to what clients rely on.
func (a reply) token() token {
	a.t.Helper()
	var out token
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != http.StatusOK || out.Access == "" || out.ExpiresIn != 3600 ||
		out.Type != "bearer" || out.Bound == nil || a.header.Get("Cache-Control") != "no-store" {
		a.t.Fatalf("no token (%v): %d %s", err, a.status, a.body)
	}
	return out
}

// mustFail holds a refusal to the shape of the token endpoints.
func (a reply) mustFail(status int, code string) reply {
	a.t.Helper()
	var out struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != status || out.Error != code || out.Description == "" {
		a.t.Errorf("got %d %s, want %d %s", a.status, a.body, status, code)
	}
	return a
}

// caller is who an access token stands for at /2.0.
func (h *tokenHouse) caller(access string, header ...string) (box.Caller, error) {
	h.T.Helper()
	r := httptest.NewRequestWithContext(h.T.Context(), "GET", "/2.0/users/me", http.NoBody)
	r.RemoteAddr = "192.0.2.7:5000"
	r.Header.Set("Authorization", "Bearer "+access)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return h.oauth.Authenticate(r)
}

func (h *tokenHouse) works(access string) bool {
	h.T.Helper()
	_, err := h.caller(access)
	if err != nil && countersign.KindOf(err) != countersign.Unauthenticated {
		h.T.Fatal(err)
	}
	return err == nil
}

func limitedTo(burst int, h *tokenHouse) func(*box.OAuthConfig) {
	return func(c *box.OAuthConfig) { c.Callers = wire.NewRateLimiter(0.1, burst, 10, h.Now) }
}
