package b2core_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/b2core"
	"github.com/countersign/countersign/internal/wire"
)

const (
	signInPath  = "/api/v2/signin"
	refreshPath = "/api/v2/refresh"
	robotName   = "b2core-robot@northwind.example"
)

type token struct {
	Token     string `json:"token"`
	CreatedAt string `json:"createdAt"`
	ExpiresAt string `json:"expiresAt"`
}

type tokens struct {
	SecondFactor bool  `json:"2faRequired"`
	Access       token `json:"accessToken"`
	Refresh      token `json:"refreshToken"`
}

// withPassword makes an API user that can sign in.
func (h *house) withPassword(name string) (password string, id countersign.CredentialID) {
	h.t.Helper()
	h.account(name, countersign.DirectoryPermissions()...)
	made := h.submit(&countersign.CreateCredential{UserID: h.ids[name], Type: countersign.Password})
	return made.Secrets[0].Reveal(), made.Secrets[0].Credential
}

func (h *house) signIn(name, password string) answer {
	h.t.Helper()
	return h.as("", "POST", signInPath, map[string]string{"email": name, "password": password})
}

func (h *house) renew(refresh string) answer {
	h.t.Helper()
	return h.as("", "POST", refreshPath, map[string]string{"refreshToken": refresh})
}

// listsBy asks for the groups with a token.
func (h *house) listsBy(token string) answer {
	h.t.Helper()
	return h.as("", "GET", groupsPath, nil, "Authorization: Bearer "+token)
}

// TestInferredSignIn gives two tokens, of which one opens the API.
func TestInferredSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	password, _ := h.withPassword(robotName)
	size := h.LogSize(h.org)
	got := strict[tokens](h.signIn(strings.ToUpper(robotName), password).must(http.StatusOK))
	if got.SecondFactor || got.Access.Token == got.Refresh.Token {
		t.Errorf("%+v", got)
	}
	same(t, "times", []string{got.Access.CreatedAt, got.Access.ExpiresAt, got.Refresh.CreatedAt, got.Refresh.ExpiresAt}, []string{
		"2026-03-01T09:00:00+00:00", "2026-03-01T19:00:00+00:00", "2026-03-01T09:00:00+00:00", "2026-03-31T09:00:00+00:00",
	})
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(got.Access.Token, ".")[1])
	var claims struct {
		Sub, Iss string
		Iat, Exp int64
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Sub != strconv.FormatInt(h.numbers[robotName], 10) ||
		claims.Exp-claims.Iat != 36_000 || claims.Iss == "" {
		t.Errorf("claims %s", payload) // those of the sibling's sample
	}
	h.listsBy(got.Access.Token).must(http.StatusOK)
	h.nothingMoved(size)
	made := h.as("", "POST", groupsPath, `{"name":"By token","permissions":[]}`, "Authorization: Bearer "+got.Access.Token)
	made.must(http.StatusCreated)
	h.listsBy(got.Refresh.Token).must(http.StatusUnauthorized)
	// The token is good for this API alone.
	h.Do(got.Access.Token, "GET", "/directory/v1/me", nil).Must(http.StatusUnauthorized)
}

// TestASignInTellsNotWhatWasWrong: the same bytes for every reason.
func TestASignInTellsNotWhatWasWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	password, _ := h.withPassword(robotName)
	other, _ := h.withPassword("other@northwind.example")
	client := h.submit(&countersign.CreateCredential{UserID: h.ids[robotName], Type: countersign.OAuthClient}).Secrets[0].Reveal()
	elsewhere := h.Found("Elsewhere")
	h.withPassword("suspended@northwind.example")
	suspended := h.submit(&countersign.CreateCredential{UserID: h.ids["suspended@northwind.example"], Type: countersign.Password}).Secrets[0].Reveal()
	h.submit(&countersign.SuspendUser{UserID: h.ids["suspended@northwind.example"]})
	revoked := h.submit(&countersign.CreateCredential{UserID: h.ids[robotName], Type: countersign.Password})
	h.submit(&countersign.RevokeCredential{CredentialID: revoked.Secrets[0].Credential})
	short := h.submit(&countersign.CreateCredential{UserID: h.ids[robotName], Type: countersign.Password, LifetimeSeconds: 1}).Secrets[0].Reveal()
	h.Pass(time.Second)
	size := h.LogSize(h.org)
	first := h.signIn("nobody@northwind.example", "guess").must(http.StatusUnauthorized)
	for what, a := range map[string]answer{
		"a name that is not there": h.signIn("nobody@northwind.example", password),
		"a wrong password":         h.signIn(robotName, password+"x"),
		"another's password":       h.signIn(robotName, other),
		"a token as a password":    h.signIn(robotName, h.tokens[robotName]),
		"a client's secret":        h.signIn(robotName, client),
		"a person's token":         h.signIn("ada@example.org", h.tokens["ada"]),
		"another organization's":   h.signIn("ada@example.org", elsewhere.Token),
		"suspended":                h.signIn("suspended@northwind.example", suspended),
		"revoked":                  h.signIn(robotName, revoked.Secrets[0].Reveal()),
		"expired":                  h.signIn(robotName, short),
		"a name much like it":      h.signIn("b2core-robot@northwind.example.", password),
	} {
		if a.must(http.StatusUnauthorized).body != first.body || a.failure().Code != "sign_in_refused" {
			t.Errorf("%s: %s, the first said %s", what, a.body, first.body)
		}
	}
	for body, field := range map[string]string{
		`{}`: "email", `{"email":"a@b"}`: "password", `{"password":"x"}`: "email", `{"email":7,"password":"x"}`: "email", ``: "",
		`{"email":"a@b","password":"` + strings.Repeat("p", 2049) + `"}`:              "password",
		`{"email":"` + strings.Repeat("a", 250) + `@example.org","password":"guess"}`: "email",
	} {
		if a := h.as("", "POST", signInPath, body).must(http.StatusBadRequest); a.field() != field {
			t.Errorf("%.60s: %s", body, a.body)
		}
	}
	h.nothingMoved(size)
	h.signIn(robotName, password).must(http.StatusOK)
}

// TestTokensEndWithWhatTheyRestOn, at once.
func TestTokensEndWithWhatTheyRestOn(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(h *house, id countersign.CredentialID){
		"the password is revoked": func(h *house, id countersign.CredentialID) {
			h.submit(&countersign.RevokeCredential{CredentialID: id})
		},
		"the account is suspended": func(h *house, _ countersign.CredentialID) {
			h.submit(&countersign.SuspendUser{UserID: h.ids[robotName]})
		},
		"nobody answers for it": func(h *house, _ countersign.CredentialID) {
			h.submit(&countersign.SuspendUser{UserID: h.ids["vera"]})
		},
		"its time is over": func(h *house, _ countersign.CredentialID) { h.Pass(31 * 24 * time.Hour) },
	} {
		h := newHouse(t)
		password, id := h.withPassword(robotName)
		got := strict[tokens](h.signIn(robotName, password).must(http.StatusOK))
		h.listsBy(got.Access.Token).must(http.StatusOK)
		end(h, id)
		if h.listsBy(got.Access.Token).status != http.StatusUnauthorized || h.renew(got.Refresh.Token).status != http.StatusUnauthorized {
			t.Errorf("%s, and its tokens work", what)
		}
	}
}

// TestInferredRefreshWorksOnce, and whoever repeats it ends the session.
func TestInferredRefreshWorksOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	password, _ := h.withPassword(robotName)
	first := strict[tokens](h.signIn(robotName, password))
	aside := strict[tokens](h.signIn(robotName, password))
	h.Pass(10 * time.Hour)
	h.listsBy(first.Access.Token).must(http.StatusUnauthorized)
	second := strict[tokens](h.renew(first.Refresh.Token).must(http.StatusOK))
	h.listsBy(second.Access.Token).must(http.StatusOK)
	for what, wrong := range map[string]string{"nonsense": "nonsense", "an access token": second.Access.Token, "a long-lived token": h.tokens["robot"]} {
		if a := h.renew(wrong).must(http.StatusUnauthorized); a.failure().Code != "grant_invalid" {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	h.renew(first.Refresh.Token).must(http.StatusUnauthorized)
	h.listsBy(second.Access.Token).must(http.StatusUnauthorized)
	h.renew(second.Refresh.Token).must(http.StatusUnauthorized)
	h.renew(aside.Refresh.Token).must(http.StatusOK) // another session is none of that
	for _, body := range []string{`{}`, ``, `{"refreshToken":7}`, `{"refreshToken":"` + strings.Repeat("r", 2049) + `"}`} {
		h.as("", "POST", refreshPath, body).must(http.StatusBadRequest)
	}
}

// TestAttemptsAreBounded for each name and each address, whether the name is
// somebody's or nobody's, and the right password does not help.
func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	password, _ := h.withPassword(robotName)
	from := func(address, name, password string) answer {
		t.Helper()
		in := httptest.NewRequestWithContext(t.Context(), "POST", signInPath, strings.NewReader(`{"email":"`+name+`","password":"`+password+`"}`))
		in.RemoteAddr = address + ":5000"
		return h.deliver(in)
	}
	bounds := func(addresses, names int) option {
		return func(c *b2core.Config) {
			c.Addresses = wire.NewRateLimiter(1.0/60, addresses, 100, h.Now)
			c.Names = wire.NewRateLimiter(1.0/60, names, 100, h.Now)
		}
	}
	h.serve(bounds(100, 3))
	for _, name := range []string{robotName, "nobody@northwind.example"} {
		for i, spelling := range []string{name, strings.ToUpper(name), " " + name} {
			from("192.0.2."+strconv.Itoa(i), spelling, "guess").must(http.StatusUnauthorized)
		}
		if a := from("192.0.2.9", name, password).must(http.StatusTooManyRequests); a.header.Get("Retry-After") != "60" || a.failure().Code != "rate_limited" {
			t.Errorf("%s: %v %s", name, a.header, a.body)
		}
	}
	h.Pass(time.Minute)
	from("192.0.2.9", robotName, password).must(http.StatusOK)

	h.serve(bounds(3, 100))
	for i := range 3 {
		from("192.0.2.1", "name"+strconv.Itoa(i)+"@northwind.example", "guess").must(http.StatusUnauthorized)
	}
	from("192.0.2.1", robotName, password).must(http.StatusTooManyRequests)
	from("192.0.2.2", robotName, password).must(http.StatusOK)
	in := httptest.NewRequestWithContext(t.Context(), "POST", refreshPath, strings.NewReader(`{"refreshToken":"guess"}`))
	in.RemoteAddr = "192.0.2.1:5000"
	h.deliver(in).must(http.StatusTooManyRequests)
}

// TestAnAccountBoundToAddressesSignsInFromThere only.
func TestAnAccountBoundToAddressesSignsInFromThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	password, _ := h.withPassword(robotName)
	h.submit(&countersign.UpdateUser{UserID: h.ids[robotName], AllowedIPs: countersign.Some([]string{"198.51.100.0/24"})})
	if a := h.signIn(robotName, password).must(http.StatusForbidden); a.failure().Code != "address_not_allowed" {
		t.Error(a.body)
	}
	h.signIn(robotName, password+"x").must(http.StatusUnauthorized) // who guesses is not told so
}

// TestASignInOutlivesTheProcess: another one over the same database knows the tokens.
func TestASignInOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	password, _ := h.withPassword(robotName)
	got := strict[tokens](h.signIn(robotName, password))
	h.serve(func(c *b2core.Config) {
		c.Sessions = authn.NewSessions(h.Engine, h.Now, rand.Reader, b2core.Audience())
	})
	h.listsBy(got.Access.Token).must(http.StatusOK)
	h.serve(func(c *b2core.Config) { c.Sessions = nil })
	h.listsBy(got.Access.Token).must(http.StatusUnauthorized)
	h.signIn(robotName, password).must(http.StatusNotFound)
}
