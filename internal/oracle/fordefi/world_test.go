package fordefi_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	oracle "github.com/countersign/countersign/internal/oracle/fordefi"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/testdb"
)

// world is a server over an organization of thousands, and the dump of its tables.
type world struct {
	t      testing.TB
	url    string
	engine *engine.Engine
	authn  *authn.Authenticator

	org     countersign.OrganizationID
	founder countersign.Actor
	token   string // of an API user of role viewer
	rows    *filler
	handler http.Handler
	sights  map[oracle.Profile]*oracle.Sight
	// held is what open requests would make.
	held, material material

	mu  sync.Mutex // guards now and ids
	now time.Time
	ids *dice
}

func newWorld(t testing.TB, seed uint64, c crowd) *world {
	t.Helper()
	w := &world{t: t, url: testdb.SQLiteURL(t), now: time.Date(2026, 3, 1, 9, 0, 0, 123_456_000, time.UTC), sights: map[oracle.Profile]*oracle.Sight{}, ids: newDice(seed, 4)}
	db := w.open()
	founded, err := w.engine.Found(t.Context(), engine.Founding{Organization: "Northwind", AdminName: "Ada Lovelace", AdminEmail: "ada@founder.example"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.engine.Found(t.Context(), engine.Founding{Organization: "Another", AdminName: "Ada Ada", AdminEmail: "ada@founder.example"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.org = founded.Organization.ID
	w.rows = w.fill(newDice(seed, 1), string(w.org), string(founded.Admin.ID), c)
	w.fill(newDice(seed, 2), string(other.Organization.ID), string(other.Admin.ID), crowd{20, 8}) // of whom nothing may be seen

	db = w.open()
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w.load()
	w.authn = authn.New(w.engine, w.Now)
	if w.founder, err = w.authn.Bearer(t.Context(), founded.Token.Reveal(), netip.IPv6Loopback()); err != nil {
		t.Fatal(err)
	}
	w.readers()
	w.stir(newDice(seed, 3))
	w.handler = server.New(server.Config{
		Dialects: []server.Dialect{w.dialect()}, Logger: slog.New(slog.DiscardHandler), Now: w.Now, Build: "test",
	})
	w.look()
	return w
}

// open opens the store and an engine over it, as a start does.
func (w *world) open() *testdb.DB {
	w.t.Helper()
	db, err := testdb.Open(w.t.Context(), w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	keeper, err := audit.OpenKeeper(filepath.Join(filepath.Dir(w.url), "log.key"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.engine = engine.New(engine.Config{
		Store: db, Now: w.Now, NewID: w.newID, Random: rand.Reader, Keeper: keeper, Build: "test",
	})
	return db
}

// load waits until the organization is in memory; callers of a loading one are
// asked to come again.
func (w *world) load() {
	w.t.Helper()
	_, err := w.engine.Picture(w.t.Context(), w.org)
	for countersign.KindOf(err) == countersign.Unavailable {
		time.Sleep(time.Millisecond)
		_, err = w.engine.Picture(w.t.Context(), w.org)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Now is the world's time, which moves only when it is told to.
func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// newID draws from the seed, so that it alone makes the whole world.
func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ids.uuid(w.now.UnixMilli())
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) fill(d *dice, organization, founder string, c crowd) *filler {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	f := &filler{dice: d, t: w.t, tx: tx, organization: organization, founder: founder, begun: w.now.AddDate(0, -2, 0).Truncate(time.Hour).UnixMicro()}
	if err := tx.QueryRowContext(w.t.Context(), "select size from audit_heads where organization_id = ?", organization).Scan(&f.rev); err != nil {
		w.t.Fatal(err)
	}
	f.fill(c)
	f.credentials()
	if err := tx.Commit(); err != nil {
		w.t.Fatal(err)
	}
	return f
}

// credentials let the admins act; a secret that nobody can send is enough.
func (f *filler) credentials() {
	for i, admin := range f.admins {
		secret := make([]byte, 32)
		secret[0] = byte(i + 1)
		copy(secret[1:], f.organization)
		f.exec(`insert into credentials (organization_id, id, user_id, type, state, label, secret_hash, public_key, client_id, requested_by,
			created_at, modified_at, expires_at, rev) values (?, ?, ?, 'token', 'active', '', ?, '', '', ?, ?, ?, ?, ?)`,
			f.organization, admin, admin, secret, admin, f.begun, f.begun, f.begun*2, f.rev)
	}
}

// admin acts as one of the admins; the credential has his own id.
func (w *world) admin(n int) countersign.Actor {
	id := w.rows.admins[n%len(w.rows.admins)]
	return countersign.Actor{
		Organization: w.org, User: countersign.UserID(id), Type: countersign.Person, ResponsiblePerson: countersign.UserID(id),
		Credential: countersign.CredentialID(id), Method: countersign.ByToken,
	}
}

func (w *world) submit(as countersign.Actor, ops ...countersign.Change) engine.Result {
	w.t.Helper()
	result, err := w.engine.Submit(w.t.Context(), as, ops, engine.Options{})
	if err != nil {
		w.t.Fatalf("%s: %v", ops[0].Kind(), err)
	}
	return result
}

// readers make the account that asks.
func (w *world) readers() {
	made := w.submit(w.founder, &countersign.CreateAPIUser{Name: "reader", Role: countersign.RoleViewer, ResponsiblePersonID: w.founder.User})
	id := made.Change.Operations[0].(*countersign.CreateAPIUser).UserID
	w.token = w.submit(w.founder, &countersign.CreateCredential{UserID: id, Type: countersign.Token, Label: "test"}).Secrets[0].Reveal()
}

// look reads the tables anew.
func (w *world) look() {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.url+"?_pragma=query_only(1)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	dump, err := oracle.Read(context.WithoutCancel(w.t.Context()), db, string(w.org))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, profile := range []oracle.Profile{oracle.Newest, oracle.Seed} {
		w.sights[profile] = oracle.Look(dump, profile, w.Now().UnixMicro())
	}
	w.material = w.gather(db)
}
