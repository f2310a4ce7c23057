package dialecttest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/native"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// Compose puts a server with the native API over an engine, as the binary does,
// with nothing limited and no log.
func Compose(e *engine.Engine, a *authn.Authenticator, now func() time.Time, setup *native.Setup) *server.Server {
	return server.New(server.Config{
		Dialects: []server.Dialect{{
			Name: "directory", Paths: native.Paths(), API: native.New(native.Config{Engine: e, Authenticator: a, Setup: setup}),
		}},
		Logger: slog.New(slog.DiscardHandler), Now: now, Build: "test",
	})
}

// SetupToken is what a House takes.
const SetupToken = "setup-token-of-the-tests"

// House is a whole server on a temporary database, reached over HTTP by a client
// that holds every exchange to the document. Its clock stands still until it is
// moved.
type House struct {
	T         testing.TB
	Store     store.Store
	Engine    *engine.Engine
	Authn     *authn.Authenticator
	Server    *server.Server
	Validator *Validator
	Client    *http.Client

	mu  sync.Mutex // guards now
	now time.Time
}

// NewHouse opens a house on SQLite. It has no organization yet.
func NewHouse(t testing.TB) *House {
	t.Helper()
	h := &House{T: t, Store: testdb.SQLite(t), Validator: New(t), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	keeper, err := audit.OpenKeeper(filepath.Join(t.TempDir(), "log.key"))
	if err != nil {
		t.Fatal(err)
	}
	h.Engine = engine.New(engine.Config{
		Store: h.Store, Now: h.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
		Random: rand.Reader, Keeper: keeper, Build: "test",
	})
	h.Authn = authn.New(h.Engine, h.Now)
	h.Server = Compose(h.Engine, h.Authn, h.Now, native.NewSetup(SetupToken))
	h.Client = h.Validator.Client(h.Server)
	return h
}

// Now is the house's time.
func (h *House) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// Pass moves time on.
func (h *House) Pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// Admin is the first admin of an organization.
type Admin struct {
	Organization countersign.OrganizationID
	ID           string
	Token        string
}

// Found creates another organization, past the setup token, which works once.
func (h *House) Found(name string) Admin {
	h.T.Helper()
	founded, err := h.Engine.Found(h.T.Context(), engine.Founding{Organization: name, AdminName: "Ada", AdminEmail: "ada@example.org"})
	if err != nil {
		h.T.Fatal(err)
	}
	return Admin{founded.Organization.ID, string(founded.Admin.ID), founded.Token.Reveal()}
}

// LogSize is how many entries an organization's log has.
func (h *House) LogSize(org countersign.OrganizationID) int64 {
	h.T.Helper()
	var size int64
	err := h.Store.Read(h.T.Context(), org, func(tx store.ReadTx) error {
		head, err := tx.Head(h.T.Context())
		size = head.Size
		return err
	})
	if err != nil {
		h.T.Fatal(err)
	}
	return size
}

// Answer is a response with its body.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	t      testing.TB
}

// Do sends a request. body is sent as it is when it is a string or bytes, as
// JSON otherwise, and not at all when it is nil. header holds "Name: value".
func (h *House) Do(token, method, path string, body any, header ...string) Answer {
	h.T.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			h.T.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	if !strings.HasPrefix(path, "http") {
		path = Origin + path
	}
	r, err := http.NewRequestWithContext(h.T.Context(), method, path, reader)
	if err != nil {
		h.T.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header[http.CanonicalHeaderKey(name)] = append(r.Header[http.CanonicalHeaderKey(name)], value)
		if http.CanonicalHeaderKey(name) == "Content-Type" {
			r.Header["Content-Type"] = []string{value}
		}
	}
	response, err := h.Client.Do(r)
	if err != nil {
		h.T.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		h.T.Fatal(err)
	}
	return Answer{response.StatusCode, response.Header, got, h.T}
}

// Must fails the test unless the status is the one wanted.
func (a Answer) Must(status int) Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// Object is the body as a JSON object.
func (a Answer) Object() map[string]any {
	a.t.Helper()
	var out map[string]any
	if err := json.Unmarshal(a.Body, &out); err != nil {
		a.t.Fatalf("no JSON object: %v: %s", err, a.Body)
	}
	return out
}

// Text is a member of the body that is a text, "" where it is null or missing.
func (a Answer) Text(member string) string {
	a.t.Helper()
	s, _ := a.Object()[member].(string)
	return s
}

// Items is the body's items.
func (a Answer) Items() []map[string]any {
	a.t.Helper()
	list, _ := a.Object()["items"].([]any)
	out := make([]map[string]any, len(list))
	for i, item := range list {
		out[i], _ = item.(map[string]any)
	}
	return out
}

// Secret is the value of the first secret of the body.
func (a Answer) Secret() string {
	a.t.Helper()
	secrets, _ := a.Object()["secrets"].([]any)
	if len(secrets) == 0 {
		a.t.Fatalf("no secret: %s", a.Body)
	}
	first, _ := secrets[0].(map[string]any)
	value, _ := first["value"].(string)
	return value
}

// Approve approves the change of an answer and expects it to be applied by that.
func (h *House) Approve(token string, change Answer) Answer {
	h.T.Helper()
	decided := h.Do(token, "POST", "/directory/v1/changes/"+change.Text("id")+"/approvals", map[string]string{
		"decision": "approve", "digest": change.Text("digest"),
	}).Must(http.StatusOK)
	if state := decided.Text("state"); state != "applied" {
		h.T.Fatalf("the change is %s, want applied: %s", state, decided.Body)
	}
	return decided
}
