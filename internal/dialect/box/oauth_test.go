package box_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/box"
)

func TestClientCredentialsOfTheEnterprise(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	a := h.enterprise()
	got := a.token()
	if got.Refresh != "" {
		t.Error("client credentials give no refresh token")
	}
	caller, err := h.caller(got.Access)
	if err != nil || caller.Actor.User != h.robot || caller.Actor.Person() != h.people["vera"].ID || caller.Actor.Subject != "" || caller.Scopes != nil {
		t.Errorf("%+v %v", caller, err)
	}
	if a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", a.header)
	}
	// As the older SDK orders its fields, below a mount, with doubled slashes.
	h.form("/box//oauth2/token", "grant_type", "client_credentials", "box_subject_type", "enterprise", "box_subject_id", h.org.Number,
		"client_id", h.id, "client_secret", h.secret).token()
}

func TestClientCredentialsOfAUser(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	for _, name := range []string{"vera", "ada", "robot"} {
		got := h.asks("client_credentials", "box_subject_type", "user", "box_subject_id", h.number(name)).token()
		caller, err := h.caller(got.Access)
		if err != nil || caller.Actor.Viewer() != h.people[name].ID || caller.Actor.User != h.robot || caller.Actor.Person() != h.people["vera"].ID {
			t.Errorf("%s: %+v %v", name, caller, err)
		}
	}
}

// TestTokenRefusals are those of section 4.2, each for all its reasons in the
// same bytes: nobody learns which part was wrong.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	other := h.Found("Other")
	h.enrol("gone", countersign.RoleViewer)
	h.submit(&countersign.SuspendUser{UserID: h.people["gone"].ID})
	ccg := func(id, secret, kind, subject string) reply {
		return h.form("/oauth2/token", "grant_type", "client_credentials", "client_id", id, "client_secret", secret, "box_subject_type", kind, "box_subject_id", subject)
	}
	number := h.org.Number
	for code, all := range map[string]map[string]reply{
		"invalid_client": {
			"wrong secret": ccg(h.id, "wrong", "enterprise", number), "unknown client": ccg("nobody", h.secret, "enterprise", number),
			"a developer token": ccg(h.id, h.developer, "enterprise", number), "both wrong": ccg("nobody", "wrong", "user", "x"),
		},
		"invalid_grant": {
			"another enterprise": ccg(h.id, h.secret, "enterprise", "100000000000"), "no enterprise": ccg(h.id, h.secret, "enterprise", "x"),
			"unknown user": ccg(h.id, h.secret, "user", "99999"), "no number": ccg(h.id, h.secret, "user", "ada"),
			"spelt otherwise": ccg(h.id, h.secret, "user", "0"+h.number("ada")), "signed": ccg(h.id, h.secret, "user", "+"+h.number("ada")),
			"suspended": ccg(h.id, h.secret, "user", h.number("gone")), "unknown type": ccg(h.id, h.secret, "group", "1"),
			"code": h.asks("authorization_code", "code", "x"), "refresh": h.asks("refresh_token", "refresh_token", "x"),
			"assertion": h.asks("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "x.y.z"),
		},
		"unsupported_grant_type": {
			"downscoping": h.form("/oauth2/token", "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", "x", "scope", "manage_groups"),
			"password":    h.asks("password", "username", "a", "password", "b"),
		},
	} {
		var same string
		for name, a := range all {
			a.mustFail(http.StatusBadRequest, code)
			if same == "" {
				same = a.body
			}
			if a.body != same {
				t.Errorf("%s: %s, others are told %s", name, a.body, same)
			}
		}
	}
	if other.Organization == h.org.ID {
		t.Fatal("no other organization")
	}
	h.submit(&countersign.SuspendUser{UserID: h.robot})
	h.enterprise().mustFail(http.StatusBadRequest, "unauthorized_client")
	ccg(h.id, "wrong", "enterprise", number).mustFail(http.StatusBadRequest, "invalid_client")
}

// TestFormsAreReadStrictly: what cannot be read names the field, and gives nothing.
func TestFormsAreReadStrictly(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	good := []string{"grant_type", "client_credentials", "client_id", h.id, "client_secret", h.secret, "box_subject_type", "enterprise", "box_subject_id", h.org.Number}
	for i := 0; i < len(good); i += 2 {
		name := good[i]
		without := append(append([]string{}, good[:i]...), good[i+2:]...)
		twice := append(append([]string{}, good...), name, good[i+1])
		long := append(append([]string{}, without...), name, strings.Repeat("x", 3000))
		for how, pairs := range map[string][]string{"missing": without, "empty": append(without, name, ""), "twice": twice, "too long": long} {
			a := h.form("/oauth2/token", pairs...).mustFail(http.StatusBadRequest, "invalid_request")
			if !strings.Contains(a.body, name) {
				t.Errorf("%s %s: %s does not name it", name, how, a.body)
			}
		}
	}
	body := encoded(good...)
	for name, a := range map[string]reply{
		"bad escape": h.send("POST", "/oauth2/token", body+"%zz", formType), "not UTF-8": h.send("POST", "/oauth2/token", body+"%ff", formType),
		"NUL": h.send("POST", "/oauth2/token", strings.Replace(body, h.id, "%00", 1), formType), "semicolons": h.send("POST", "/oauth2/token", strings.ReplaceAll(body, "&", ";"), formType),
		"no body": h.send("POST", "/oauth2/token", "", formType),
	} {
		if a.mustFail(http.StatusBadRequest, "invalid_request"); t.Failed() {
			t.Fatal(name)
		}
	}
	h.send("POST", "/oauth2/token", body, "Content-Type: application/json").mustFail(http.StatusUnsupportedMediaType, "invalid_request")
	h.send("POST", "/oauth2/token", body).mustFail(http.StatusUnsupportedMediaType, "invalid_request")
	h.send("POST", "/oauth2/token", body+"&x="+strings.Repeat("x", 40<<10), formType).mustFail(http.StatusRequestEntityTooLarge, "invalid_request")
	h.send("POST", "/oauth2/token?"+body, "", formType).mustFail(http.StatusBadRequest, "invalid_request") // no secret in a URL
	h.send("GET", "/oauth2/token?"+body, "").mustFail(http.StatusMethodNotAllowed, "invalid_request")
	h.send("POST", "/oauth2/tokens", body, formType).mustFail(http.StatusNotFound, "invalid_request")
	h.form("/oauth2/token", append(good, "box_device_id", "ignored", "unknown", "too")...).token()
}

// key is made once: making one takes longer than most tests.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// assertion signs one as the SDK does.
func (h *tokenHouse) assertion(claims map[string]any) string {
	h.T.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		h.T.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"RS256"}`)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key(), crypto.SHA256, sum[:])
	if err != nil {
		h.T.Fatal(err)
	}
	return text + "." + b64(signature)
}

func (h *tokenHouse) enrolKey() {
	h.T.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key().PublicKey)
	if err != nil {
		h.T.Fatal(err)
	}
	h.submit(&countersign.CreateCredential{
		UserID: h.robot, Type: countersign.SigningKey, PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	})
}

func TestAJWTGrantWorksOnce(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	h.enrolKey()
	const grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	claims := func(kind, subject string) map[string]any {
		return map[string]any{"iss": h.id, "sub": subject, "box_sub_type": kind, "aud": box.PublicAudience, "jti": rand.Text(), "exp": h.Now().Unix() + 30, "iat": h.Now().Unix()}
	}
	text := h.assertion(claims("enterprise", h.org.Number))
	got := h.asks(grant, "assertion", text).token()
	if caller, err := h.caller(got.Access); err != nil || caller.Actor.User != h.robot || caller.Actor.Subject != "" {
		t.Errorf("%+v %v", caller, err)
	}
	h.asks(grant, "assertion", text).mustFail(http.StatusBadRequest, "invalid_grant")
	h.serve() // a restart forgets no jti
	h.asks(grant, "assertion", text).mustFail(http.StatusBadRequest, "invalid_grant")
	got = h.asks(grant, "assertion", h.assertion(claims("user", h.number("ada")))).token()
	if caller, err := h.caller(got.Access); err != nil || caller.Actor.Subject != h.people["ada"].ID {
		t.Errorf("%+v %v", caller, err)
	}
	for name, c := range map[string]map[string]any{
		"another enterprise": claims("enterprise", "100000000000"), "unknown user": claims("user", "99999"), "unknown type": claims("group", "1"),
	} {
		if a := h.asks(grant, "assertion", h.assertion(c)); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	var mu sync.Mutex
	won := 0
	var all sync.WaitGroup
	again := h.assertion(claims("enterprise", h.org.Number))
	for range 10 {
		all.Go(func() {
			a := h.asks(grant, "assertion", again)
			mu.Lock()
			defer mu.Unlock()
			if a.status == http.StatusOK {
				won++
			}
		})
	}
	all.Wait()
	if won != 1 {
		t.Errorf("one assertion gave %d tokens", won)
	}
}

// TestACodeIsGivenByAPersonToAClient and makes tokens with which the client acts
// for him, and decides nothing.
func TestACodeIsGivenByAPersonToAClient(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	authorize := func(token string, pairs ...string) reply {
		return h.send("POST", "/oauth2/authorize", encoded(pairs...), formType, "Authorization: Bearer "+token)
	}
	code := func() string {
		t.Helper()
		a := authorize(h.tokens["grace"], "response_type", "code", "client_id", h.id, "state", "s t")
		var out struct {
			Code, State string
			ExpiresIn   int64 `json:"expires_in"`
		}
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != http.StatusOK || out.State != "s t" || out.ExpiresIn != 30 || out.Code == "" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return out.Code
	}
	first := code()
	got := h.asks("authorization_code", "code", first).token()
	caller, err := h.caller(got.Access)
	if err != nil || caller.Actor.User != h.robot || caller.Actor.Subject != h.people["grace"].ID || caller.Actor.Person() != h.people["vera"].ID {
		t.Errorf("%+v %v", caller, err)
	}
	next := h.asks("refresh_token", "refresh_token", got.Refresh).token()
	if next.Refresh == "" || next.Refresh == got.Refresh || !h.works(next.Access) {
		t.Errorf("%+v", next)
	}
	h.asks("refresh_token", "refresh_token", got.Refresh).mustFail(http.StatusBadRequest, "invalid_grant")
	if h.works(next.Access) {
		t.Error("a refresh token came twice, and the session goes on")
	}
	h.asks("authorization_code", "code", first).mustFail(http.StatusBadRequest, "invalid_grant")
	late := code()
	h.Pass(30 * time.Second)
	h.asks("authorization_code", "code", late).mustFail(http.StatusBadRequest, "invalid_grant")

	authorize(h.developer, "response_type", "code", "client_id", h.id).mustFail(http.StatusForbidden, "access_denied")
	authorize(h.tokens["grace"], "response_type", "code", "client_id", "nobody").mustFail(http.StatusBadRequest, "unauthorized_client")
	authorize(h.tokens["grace"], "response_type", "token", "client_id", h.id).mustFail(http.StatusBadRequest, "invalid_request")
	authorize(h.tokens["grace"], "response_type", "code").mustFail(http.StatusBadRequest, "invalid_request")
	for _, token := range []string{"nonsense", got.Access, h.enterprise().token().Access} {
		if a := authorize(token, "response_type", "code", "client_id", h.id); a.status != http.StatusUnauthorized || a.body != "" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

// TestNobodyIsRedirected, wherever a link would send him.
func TestNobodyIsRedirected(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	for _, target := range []string{
		"/oauth2/authorize", "/oauth2/authorize?response_type=code&client_id=" + h.id + "&redirect_uri=https%3A%2F%2Fattacker.example%2F&state=x",
	} {
		a := h.send("GET", target, "").mustFail(http.StatusForbidden, "access_denied")
		if a.header.Get("Location") != "" || strings.Contains(a.body, "attacker") {
			t.Errorf("%v %s", a.header, a.body)
		}
	}
}

func TestRevokingTellsNothing(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	revoke := func(token string) {
		t.Helper()
		a := h.form("/oauth2/revoke", "client_id", h.id, "client_secret", h.secret, "token", token)
		if a.status != http.StatusOK || a.body != "" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	one, two := h.enterprise().token().Access, h.enterprise().token().Access
	revoke(one)
	revoke(one)
	for _, token := range []string{"nonsense", h.tokens["ada"], "csa_" + strings.Repeat("x", 80)} {
		revoke(token)
	}
	if h.works(one) || !h.works(two) || !h.works(h.tokens["ada"]) {
		t.Error("the wrong token ended")
	}
	before := h.LogSize(h.org.ID)
	revoke(h.developer)
	if h.works(h.developer) || h.LogSize(h.org.ID) != before+1 {
		t.Error("a developer token is a credential: it should have ended, and the log should tell")
	}
	revoke(h.developer)
	for _, a := range []reply{
		h.form("/oauth2/revoke", "client_id", h.id, "client_secret", "wrong", "token", two),
		h.form("/oauth2/revoke", "client_id", "nobody", "client_secret", h.secret, "token", two),
	} {
		a.mustFail(http.StatusBadRequest, "invalid_client")
	}
	h.form("/oauth2/revoke", "client_id", h.id, "client_secret", h.secret).mustFail(http.StatusBadRequest, "invalid_request")
	if !h.works(two) {
		t.Error("it ended without the secret of its client")
	}
}

// TestFiftyTokensAtOnceAllWork, as an SDK asks for them that does not wait for
// its own first request; and a restart forgets none of them.
func TestFiftyTokensAtOnceAllWork(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	before := h.LogSize(h.org.ID)
	tokens := make([]reply, 50)
	var all sync.WaitGroup
	for i := range tokens {
		all.Go(func() { tokens[i] = h.enterprise() })
	}
	all.Wait()
	h.serve()
	seen := map[string]bool{}
	for _, a := range tokens {
		access := a.token().Access
		if seen[access] || !h.works(access) {
			t.Error("a token is missing")
		}
		seen[access] = true
	}
	if h.LogSize(h.org.ID) != before {
		t.Error("tokens stand in the log")
	}
}

func TestAsUserNamesWhomTheCallerActsFor(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	enterprise := h.enterprise().token().Access
	forAda := h.asks("client_credentials", "box_subject_type", "user", "box_subject_id", h.number("ada")).token().Access
	for _, c := range []struct{ token, header, want string }{
		{enterprise, "As-User: " + h.number("vera"), "vera"},
		{h.developer, "As-User: " + h.number("vera"), "vera"},
		{h.tokens["ada"], "As-User: " + h.number("vera"), "vera"},
		{enterprise, "As-User: " + h.number("robot"), "robot"},
		{forAda, "As-User: " + h.number("ada"), "ada"},
		{forAda, "As-User: " + h.number("vera"), ""},
		{h.tokens["vera"], "As-User: " + h.number("ada"), ""},
		{enterprise, "As-User: 99999", ""},
		{enterprise, "As-User: ada", ""},
		{enterprise, "As-User: ", ""},
		{enterprise, "As-User: 1,2", ""},
	} {
		caller, err := h.caller(c.token, c.header)
		if c.want == "" {
			if countersign.KindOf(err) != countersign.Forbidden {
				t.Errorf("%s: %+v %v", c.header, caller, err)
			}
			continue
		}
		if err != nil || caller.Actor.Viewer() != h.people[c.want].ID {
			t.Errorf("%s: %+v %v", c.header, caller, err)
		}
	}
	if _, err := h.caller(enterprise, "As-User: "+h.number("ada"), "As-User: "+h.number("vera")); countersign.KindOf(err) != countersign.Forbidden {
		t.Errorf("two of them: %v", err)
	}
	for _, token := range []string{"", "x", enterprise + "x", enterprise + " x"} {
		if h.works(token) {
			t.Errorf("%q works", token)
		}
	}
}

func TestTooManyRequestsOfOneClientWait(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	h.serve(limitedTo(2, h))
	h.enterprise().token()
	h.enterprise().token()
	a := h.enterprise().mustFail(http.StatusTooManyRequests, "rate_limit_exceeded")
	if a.header.Get("Retry-After") == "" {
		t.Error("nobody knows when to come again")
	}
	h.Pass(time.Minute)
	h.enterprise().token()
}
