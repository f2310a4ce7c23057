package fireblocks_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/dialect/fireblocks"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/wire"
)

const groupsPath = "/v1/management/user_groups"

// signingKey is made once: making one takes longer than most tests.
var signingKey = sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// house is a server with the dialect over one organization: ada, grace and linus
// are admins, vera is a viewer and answers for the robot that signs.
type house struct {
	*dialecttest.House
	t      testing.TB
	org    countersign.OrganizationID
	ada    countersign.Actor
	tokens map[string]string
	ids    map[string]string
	robot  signer
	web    http.Handler
}

// signer is an API user with its key.
type signer struct {
	id  string
	key *rsa.PrivateKey
}

type option func(*fireblocks.Config)

func newHouse(t testing.TB, options ...option) *house {
	t.Helper()
	h := &house{House: dialecttest.NewHouse(t), t: t, tokens: map[string]string{}, ids: map[string]string{}}
	admin := h.Found("Northwind")
	h.org, h.ids["ada"], h.tokens["ada"] = admin.Organization, admin.ID, admin.Token
	var err error
	if h.ada, err = h.Authn.Bearer(t.Context(), admin.Token, netip.IPv6Loopback()); err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]countersign.Role{"grace": countersign.RoleAdmin, "linus": countersign.RoleAdmin, "vera": countersign.RoleViewer} {
		h.enrol(name, role)
	}
	h.robot = h.account("robot", signingKey(), countersign.DirectoryPermissions()...)
	h.serve(options...)
	return h
}

// serve puts a new server before the engine, as a restarted process would.
func (h *house) serve(options ...option) {
	config := fireblocks.Config{
		Engine: h.Engine, Signatures: authn.NewSignatures(h.Engine, h.Now), Nonces: new(authn.Nonces), Now: h.Now,
	}
	for _, o := range options {
		o(&config)
	}
	h.compose(config.Mount, fireblocks.New(config))
}

func (h *house) compose(mount string, api *fireblocks.Dialect) {
	h.web = server.New(server.Config{
		Dialects: []server.Dialect{{Name: "fireblocks", Paths: fireblocks.Paths(), Mount: mount, API: api}},
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

func (h *house) enrol(name string, role countersign.Role) {
	h.t.Helper()
	invited := h.submit(&countersign.InvitePerson{Name: strings.ToUpper(name[:1]) + name[1:] + " Northwind", Email: name + "@example.org", Role: role})
	id := invited.Change.Operations[0].(*countersign.InvitePerson).UserID
	code := h.submit(&countersign.MakeOnboardingCode{UserID: id}).Secrets[0].Reveal()
	redeemed, err := h.Engine.Redeem(h.t.Context(), engine.Redemption{Code: code}, engine.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.ids[name], h.tokens[name] = string(id), redeemed.Secrets[0].Reveal()
}

// account makes an API user of role viewer with a registered key.
func (h *house) account(name string, key *rsa.PrivateKey, permissions ...countersign.Permission) signer {
	h.t.Helper()
	made := h.submit(&countersign.CreateAPIUser{
		Name: name, Role: countersign.RoleViewer, ResponsiblePersonID: countersign.UserID(h.ids["vera"]), Permissions: permissions,
	})
	id := made.Change.Operations[0].(*countersign.CreateAPIUser).UserID
	h.ids[name] = string(id)
	h.submit(&countersign.CreateCredential{UserID: id, Type: countersign.SigningKey, PublicKey: publicPEM(h.t, key)})
	return signer{string(id), key}
}

func publicPEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// seal ends bootstrap: from then on every change waits for a second person.
func (h *house) seal() *house {
	h.t.Helper()
	h.submit(&countersign.SealOrganization{})
	return h
}

// request is one signed request, and everything that can be wrong with it.
type request struct {
	method, target, body string
	by                   *signer
	header               map[string][]string
	// claims change what is signed; nil takes a claim away.
	claims map[string]any
	// rawClaims are signed as they are.
	rawClaims string
	jwtHeader string
	// token changes the token after it was signed.
	token func(string) string
	from  string
}

// answer is a response with its body.
type answer struct {
	status int
	header http.Header
	body   string
	t      testing.TB
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// sign makes the token as the official clients do.
func (h *house) sign(r request, by signer) string {
	h.t.Helper()
	now := h.Now().Unix()
	claims := map[string]any{
		"uri": r.target, "nonce": uuid.NewString(), "iat": now, "exp": now + 55, "sub": by.id, "bodyHash": hashOf(r.body),
	}
	for name, value := range r.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	payload := r.rawClaims
	if payload == "" {
		text, err := json.Marshal(claims)
		if err != nil {
			h.t.Fatal(err)
		}
		payload = string(text)
	}
	head := r.jwtHeader
	if head == "" {
		head = `{"alg":"RS256","typ":"JWT"}`
	}
	b64 := base64.RawURLEncoding.EncodeToString
	signed := b64([]byte(head)) + "." + b64([]byte(payload))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, by.key, crypto.SHA256, sum[:])
	if err != nil {
		h.t.Fatal(err)
	}
	return signed + "." + b64(signature)
}

// build makes the request as net/http would hand it over.
func (h *house) build(r request) *http.Request {
	h.t.Helper()
	by := h.robot
	if r.by != nil {
		by = *r.by
	}
	token := h.sign(r, by)
	if r.token != nil {
		token = r.token(token)
	}
	u, err := url.ParseRequestURI(r.target)
	if err != nil {
		h.t.Fatal(err)
	}
	in := httptest.NewRequestWithContext(h.t.Context(), r.method, "/", strings.NewReader(r.body))
	in.URL, in.RequestURI, in.RemoteAddr = u, r.target, "192.0.2.7:5000"
	if r.from != "" {
		in.RemoteAddr = r.from
	}
	in.Header.Set("X-API-Key", by.id)
	in.Header.Set("Authorization", "Bearer "+token)
	in.Header.Set("Content-Type", "application/json") // on GET and DELETE too, as the SDK does
	for name, values := range r.header {
		in.Header[http.CanonicalHeaderKey(name)] = values
	}
	return in
}

// send signs and sends a request. Every answer is held to what clients rely on:
// a request id, and JSON errors with a text and a number.
func (h *house) send(r request) answer {
	h.t.Helper()
	return h.deliver(h.build(r))
}

func (h *house) deliver(in *http.Request) answer {
	h.t.Helper()
	out := httptest.NewRecorder()
	h.web.ServeHTTP(out, in)
	a := answer{out.Code, out.Header(), out.Body.String(), h.t}
	if _, err := uuid.Parse(a.header.Get("X-Request-ID")); err != nil {
		h.t.Errorf("%s %s: X-Request-ID is %q", in.Method, in.RequestURI, a.header.Get("X-Request-ID"))
	}
	if a.status >= 300 && a.status < 400 {
		h.t.Errorf("%s %s: a redirect", in.Method, in.RequestURI)
	}
	if a.status >= 400 && in.Method != http.MethodHead {
		a.mustBeError()
	}
	return a
}

// mustBeError holds an error body to both published shapes.
func (a answer) mustBeError() {
	a.t.Helper()
	var e struct {
		Message *string `json:"message"`
		Code    *int    `json:"code"`
		Error   *struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Message == nil || *e.Message == "" || e.Code == nil || *e.Code == 0 ||
		e.Error == nil || e.Error.Type == "" || e.Error.Message != *e.Message || a.header.Get("Content-Type") != "application/json" {
		a.t.Errorf("%d is no error clients can read (%s): %s", a.status, a.header.Get("Content-Type"), a.body)
	}
}

// must fails the test unless the status is the one wanted.
func (a answer) must(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// code is the number of an error.
func (a answer) code() int {
	var e struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal([]byte(a.body), &e)
	return e.Code
}

// group is a user group as the API shows it.
type group struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	MemberIDs []string `json:"memberIds"`
	Status    string   `json:"status"`
}

func read[T any](a answer) T {
	a.t.Helper()
	var out T
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return out
}

func (h *house) get(target string) answer {
	h.t.Helper()
	return h.send(request{method: "GET", target: target})
}

func (h *house) post(target string, body any, header ...string) answer {
	h.t.Helper()
	return h.write("POST", target, body, header...)
}

func (h *house) put(id string, body any, header ...string) answer {
	h.t.Helper()
	return h.write("PUT", groupsPath+"/"+id, body, header...)
}

func (h *house) write(method, target string, body any, header ...string) answer {
	h.t.Helper()
	text, is := body.(string)
	if !is {
		encoded, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		text = string(encoded)
	}
	r := request{method: method, target: target, body: text, header: map[string][]string{}}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.header[name] = append(r.header[name], value)
	}
	return h.send(r)
}

// makes creates a group and returns it.
func (h *house) makes(name string, members ...string) group {
	h.t.Helper()
	return read[group](h.post(groupsPath, map[string]any{"groupName": name, "memberIds": members}).must(http.StatusCreated))
}

// decide lets a person vote on a change, through the native API.
func (h *house) decide(who, change, decision string) {
	h.t.Helper()
	seen := h.Do(h.tokens[who], "GET", "/directory/v1/changes/"+change, nil).Must(http.StatusOK)
	h.Do(h.tokens[who], "POST", "/directory/v1/changes/"+change+"/approvals", map[string]string{
		"decision": decision, "digest": seen.Text("digest"),
	}).Must(http.StatusOK)
}

// waiting is the change an answer says is waiting.
func (a answer) waiting() string {
	a.t.Helper()
	id := a.header.Get("Countersign-Change-Request")
	if id == "" {
		a.t.Fatalf("no change is waiting: %s", a.body)
	}
	return id
}

func limited(perSecond float64, burst int) option {
	return func(c *fireblocks.Config) { c.Callers = wire.NewRateLimiter(perSecond, burst, 10, c.Now) }
}

const dayLong = 24 * time.Hour
