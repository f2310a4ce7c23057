package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/b2core"
	"github.com/countersign/countersign/internal/dialect/fordefi"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// fortress is the program's own server with every dialect it has, over the demo's
// organization: ada, grace and linus are admins, and so is vera, who answers for
// every account. When a test ends, the log must tell the directory.
type fortress struct {
	t     *testing.T
	db    *testdb.DB
	house *house
	c     credentialsFile
	admin countersign.Actor
	key   *rsa.PrivateKey
}

func newFortress(t *testing.T, s store.Store) *fortress {
	t.Helper()
	f := &fortress{t: t}
	f.db, _ = s.(*testdb.DB)
	dir := t.TempDir()
	h, err := furnish(t.Context(), plan{
		logKey: filepath.Join(dir, "log.key"), fordefi: fordefiFlags{title: "Fordefi", profile: string(fordefi.Newest)},
		b2core: b2coreFlags{lists: string(b2core.EnvelopeArray)}, logger: slog.New(slog.DiscardHandler),
	}, f.db.DB)
	f.must(err)
	f.house = h
	web := httptest.NewServer(h.server)
	t.Cleanup(web.Close)
	set := stage{ctx: t.Context(), engine: h.engine, url: web.URL, credentials: filepath.Join(dir, "demo.json")}
	f.must(set.set(false))
	f.c, f.admin = set.file, set.admin
	text, err := os.ReadFile(f.c.Fireblocks.SecretKeyFile)
	f.must(err)
	block, _ := pem.Decode(text)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	f.must(err)
	f.key, _ = parsed.(*rsa.PrivateKey)
	f.person("ada", "PATCH", "/directory/v1/users/"+f.id("vera"), map[string]any{"role": "admin"}).must(http.StatusOK)
	t.Cleanup(func() {
		if !t.Failed() {
			replay.Check(t, f.db, f.admin.Organization)
		}
	})
	return f
}

// seal ends bootstrap under a policy by which one other admin agrees to everything
// but the codes of the invited, end users included.
func (f *fortress) seal() *fortress {
	f.t.Helper()
	f.person("ada", "POST", "/directory/v1/organization/seal", map[string]any{"policy": fortressPolicy(1)}).must(http.StatusOK)
	return f
}

// fortressPolicy asks a number of admins for everything but codes.
func fortressPolicy(need int, rules ...any) map[string]any {
	return map[string]any{
		"name": "fortress", "default": admins(need), "accepted_risks": []string{"no_recovery_keys"},
		"rules": append([]any{map[string]any{"id": "codes", "changes": []string{"user.onboarding_code"}, "requirement": map[string]any{"clauses": []any{}}}}, rules...),
	}
}

func admins(need int) map[string]any {
	return map[string]any{"clauses": []any{map[string]any{"approvers": map[string]any{"role": "admin"}, "need": need}}}
}

// in lets a subtest fail on its own.
func (f *fortress) in(t *testing.T) *fortress {
	c := *f
	c.t = t
	return &c
}

func (f *fortress) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fortress) id(name string) string    { return f.c.People[name].ID }
func (f *fortress) token(name string) string { return f.c.People[name].Token }

// reply is what a server answered.
type reply struct {
	status int
	header http.Header
	body   string
	t      *testing.T
}

// send sends a request. body is sent as it is when it is text, as JSON otherwise.
// header holds "Name: value".
func (f *fortress) send(token, method, path string, body any, header ...string) reply {
	f.t.Helper()
	if token != "" {
		header = append(header, "Authorization: Bearer "+token)
	}
	text, is := body.(string)
	if !is && body != nil {
		raw, err := json.Marshal(body)
		f.must(err)
		text = string(raw)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.c.URL+path, bytes.NewReader([]byte(text)))
	f.must(err)
	r.Header.Set("Content-Type", "application/json")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Content-Type" {
			r.Header.Del(name)
		}
		r.Header.Add(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	f.must(err)
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	f.must(err)
	return reply{answer.StatusCode, answer.Header, string(got), f.t}
}

// person sends a request of somebody's.
func (f *fortress) person(name, method, path string, body any, header ...string) reply {
	f.t.Helper()
	return f.send(f.token(name), method, path, body, header...)
}

// signed sends a request as the clients of Fireblocks do.
func (f *fortress) signed(method, path, body string) reply {
	f.t.Helper()
	now, hash := time.Now().Unix(), sha256.Sum256([]byte(body))
	claims, err := json.Marshal(map[string]any{
		"uri": path, "nonce": uuid.NewString(), "iat": now, "exp": now + 55, "sub": f.c.Fireblocks.APIKey, "bodyHash": hex.EncodeToString(hash[:]),
	})
	f.must(err)
	b64 := base64.RawURLEncoding.EncodeToString
	head := b64([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64(claims)
	sum := sha256.Sum256([]byte(head))
	signature, err := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, sum[:])
	f.must(err)
	return f.send(head+"."+b64(signature), method, path, body, "X-API-Key: "+f.c.Fireblocks.APIKey)
}

func (r reply) must(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

func (r reply) object() map[string]any {
	r.t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		r.t.Fatalf("no JSON object: %v: %s", err, r.body)
	}
	return out
}

func (r reply) text(member string) string {
	r.t.Helper()
	s, _ := r.object()[member].(string)
	return s
}

// fails is the code of a problem with a status.
func (r reply) fails(status int, code string) {
	r.t.Helper()
	if r.must(status); r.text("code") != code {
		r.t.Errorf("%d %s, want %s", r.status, r.body, code)
	}
}

// size of the log.
func (f *fortress) size() int64 {
	f.t.Helper()
	var size int64
	f.must(f.db.Read(f.t.Context(), f.admin.Organization, func(tx store.ReadTx) error {
		head, err := tx.Head(f.t.Context())
		size = head.Size
		return err
	}))
	return size
}

// deeds counts the entries of the log but for attempts that were refused.
func (f *fortress) deeds() int {
	f.t.Helper()
	count := 0
	f.must(f.db.Read(f.t.Context(), f.admin.Organization, func(tx store.ReadTx) error {
		found := 0
		err := tx.Entries(f.t.Context(), 0, 1<<20, func(e countersign.AuditEntry) error {
			if e.Kind != countersign.EntryRefused {
				found++
			}
			return nil
		})
		count = found
		return err
	}))
	return count
}

// newest is the request that was made last; false when there is none.
func (f *fortress) newest() (engine.ChangeView, bool) {
	f.t.Helper()
	list, err := f.house.engine.Changes(f.t.Context(), f.admin, engine.ChangeFilter{}, countersign.Page{Limit: 1})
	f.must(err)
	if len(list.Items) == 0 {
		return engine.ChangeView{}, false
	}
	return list.Items[0], true
}

// holds runs what must leave a new request that waits, and returns that.
func (f *fortress) holds(what string, ask func()) engine.ChangeView {
	f.t.Helper()
	before, _ := f.newest()
	size := f.size()
	ask()
	after, _ := f.newest()
	if after.ID == before.ID || after.State != countersign.ChangePending || f.size() != size+1 {
		f.t.Fatalf("%s: the newest request is %s and %s, the log grew by %d entries", what, after.ID, after.State, f.size()-size)
	}
	return after
}

// votes decides natively.
func (f *fortress) votes(token string, c engine.ChangeView, decision string, header ...string) reply {
	f.t.Helper()
	return f.send(token, "POST", "/directory/v1/changes/"+string(c.ID)+"/approvals", map[string]any{"decision": decision, "digest": c.Digest}, header...)
}

// agreed lets one ask natively and others approve until it is applied.
func (f *fortress) agreed(by, method, path string, body any, approvers ...string) {
	f.t.Helper()
	c := f.holds(method+" "+path, func() { f.person(by, method, path, body).must(http.StatusAccepted) })
	for _, name := range approvers {
		f.votes(f.token(name), c, "approve").must(http.StatusOK)
	}
	f.mustBe(c.ID, countersign.ChangeApplied)
}

func (f *fortress) mustBe(id countersign.ChangeID, want countersign.ChangeState) {
	f.t.Helper()
	view, err := f.house.engine.Change(f.t.Context(), f.admin, id)
	if err != nil || view.State != want {
		f.t.Fatalf("request %s is %s, want %s (%v)", id, view.State, want, err)
	}
}

// cancel makes room for the next request.
func (f *fortress) cancel(c engine.ChangeView) {
	f.t.Helper()
	_, err := f.house.engine.Cancel(f.t.Context(), f.admin, c.ID, engine.Options{})
	f.must(err)
}

// types runs the command line with a token.
func (f *fortress) types(token string, args ...string) printed {
	f.t.Helper()
	return terminal{env: map[string]string{"COUNTERSIGN_URL": f.c.URL, "COUNTERSIGN_TOKEN": token}}.types(f.t, args...)
}

// door is one way by which a client of some API asks for something to be made.
type door struct {
	name string
	ask  func(f *fortress, name string)
}

// doorsOfAccounts are those of the accounts that vera answers for.
func doorsOfAccounts() []door {
	return []door{
		{"native", func(f *fortress, name string) {
			f.send(f.c.Directory.Token, "POST", "/directory/v1/groups", map[string]any{"name": name}).must(http.StatusAccepted)
		}},
		{"native, a batch", func(f *fortress, name string) {
			f.send(f.c.Directory.Token, "POST", "/directory/v1/changes", map[string]any{"operations": []any{map[string]any{"kind": "group.create", "name": name}}}).must(http.StatusAccepted)
		}},
		{"import", func(f *fortress, name string) {
			f.send(f.c.Directory.Token, "POST", "/directory/v1/imports", importOf(name)).must(http.StatusAccepted)
		}},
		{"command line", func(f *fortress, name string) {
			if p := f.types(f.c.Directory.Token, "groups", "create", "--name", name); p.code != 0 {
				f.t.Fatal(p.err)
			}
		}},
		{"fireblocks", func(f *fortress, name string) {
			f.signed("POST", "/v1/management/user_groups", `{"groupName":"`+name+`"}`).must(http.StatusCreated)
		}},
		{"fordefi", func(f *fortress, name string) {
			f.send(f.c.Fordefi.WriterToken, "POST", "/api/v1/end-users", map[string]any{"external_id": name}).must(http.StatusForbidden)
		}},
		{"box", func(f *fortress, name string) {
			f.send(f.c.Box.DeveloperToken, "POST", "/2.0/groups", map[string]any{"name": name}).must(http.StatusForbidden)
		}},
		{"box, As-User", func(f *fortress, name string) {
			f.send(f.c.Box.DeveloperToken, "POST", "/2.0/groups", map[string]any{"name": name}, "As-User: "+f.number("linus")).must(http.StatusForbidden)
		}},
		{"box, OAuth", func(f *fortress, name string) {
			f.send(f.boxToken(), "POST", "/2.0/groups", map[string]any{"name": name}).must(http.StatusForbidden)
		}},
		{"b2core", func(f *fortress, name string) {
			f.send(f.c.B2Core.Token, "POST", "/api/v2/groups", map[string]any{"name": name, "permissions": []string{}}).must(http.StatusAccepted)
		}},
		{"b2core, signed in", func(f *fortress, name string) {
			f.send(f.session(), "POST", "/api/v2/groups", map[string]any{"name": name, "permissions": []string{}}).must(http.StatusAccepted)
		}},
	}
}

// doorsOf are those of a person who comes with a token of her own.
func doorsOf(person string) []door {
	return []door{
		{"native", func(f *fortress, name string) {
			f.person(person, "POST", "/directory/v1/groups", map[string]any{"name": name}).must(http.StatusAccepted)
		}},
		{"import", func(f *fortress, name string) {
			f.person(person, "POST", "/directory/v1/imports", importOf(name)).must(http.StatusAccepted)
		}},
		{"command line", func(f *fortress, name string) {
			if p := f.types(f.token(person), "groups", "create", "--name", name); p.code != 0 {
				f.t.Fatal(p.err)
			}
		}},
		{"fordefi", func(f *fortress, name string) {
			f.person(person, "POST", "/api/v1/end-users", map[string]any{"external_id": name}).must(http.StatusForbidden)
		}},
		{"box", func(f *fortress, name string) {
			f.person(person, "POST", "/2.0/groups", map[string]any{"name": name}).must(http.StatusForbidden)
		}},
		{"box, As-User", func(f *fortress, name string) {
			f.person(person, "POST", "/2.0/groups", map[string]any{"name": name}, "As-User: "+f.number("linus")).must(http.StatusForbidden)
		}},
		{"b2core", func(f *fortress, name string) {
			f.person(person, "POST", "/api/v2/groups", map[string]any{"name": name, "permissions": []string{}}).must(http.StatusAccepted)
		}},
	}
}

// importOf opens an import of one group.
func importOf(name string) map[string]any {
	sum := sha256.Sum256([]byte(batchOf(name)))
	return map[string]any{
		"label": name, "salt": strings.Repeat("0a", 16), "files": []any{map[string]any{"file": "groups.csv", "sha256": strings.Repeat("0b", 32), "rows": 1}},
		"batches": []any{map[string]any{"digest": hex.EncodeToString(sum[:]), "counts": map[string]int{"groups": 1}}},
	}
}

// batchOf is its one batch.
func batchOf(name string) string {
	return `{"salt":"` + strings.Repeat("0a", 16) + `","groups":[{"line":2,"name":"` + name + `"}]}`
}

// number is the id of somebody at Box and B2CORE.
func (f *fortress) number(name string) string {
	f.t.Helper()
	raw, err := json.Marshal(f.person("ada", "GET", "/directory/v1/users/"+f.id(name), nil).must(http.StatusOK).object()["number"])
	f.must(err)
	return string(raw)
}

const formed = "Content-Type: application/x-www-form-urlencoded"

// boxToken is a short-lived token of Box's client.
func (f *fortress) boxToken() string {
	f.t.Helper()
	b := f.c.Box
	return f.send("", "POST", "/oauth2/token", "grant_type=client_credentials&client_id="+b.ClientID+"&client_secret="+b.ClientSecret+
		"&box_subject_type=enterprise&box_subject_id="+b.EnterpriseID, formed).must(http.StatusOK).text("access_token")
}

// session is the token that B2CORE gives for name and password.
func (f *fortress) session() string { f.t.Helper(); return f.tokenOf("accessToken") }

func (f *fortress) tokenOf(member string) string {
	f.t.Helper()
	tokens := f.send("", "POST", "/api/v2/signin", map[string]string{"email": f.c.B2Core.Email, "password": f.c.B2Core.Password}).must(http.StatusOK).object()
	one, _ := tokens[member].(map[string]any)
	token, _ := one["token"].(string)
	return token
}
