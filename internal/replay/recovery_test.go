package replay_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// holder keeps one recovery key.
type holder struct {
	private ed25519.PrivateKey
	mark    string
}

// kept is a world that is sealed with three recovery keys, of which two have to sign.
func kept(t *testing.T) (*scenario.World, []holder) {
	t.Helper()
	w := scenario.New(t, scenario.Direct, testdb.SQLite(t))
	w.Admins("grace", "linus", "edsger").People(countersign.RoleTrader, "vera")
	set := countersign.RecoverySet{Need: 2}
	var holders []holder
	for _, name := range []string{"bank", "notary", "board"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		key := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mark, err := statement.Fingerprint(key)
		if err != nil {
			t.Fatal(err)
		}
		holders = append(holders, holder{private, mark})
		set.Keys = append(set.Keys, countersign.RecoveryKey{Name: name, PublicKey: key})
	}
	w.As("ada").Asks(&countersign.SealOrganization{Recovery: &set}).MustBe(countersign.ChangeApplied)
	return w, holders
}

// asked is a recovery that some of the holders have signed.
func asked(w *scenario.World, op countersign.Change, holders ...holder) engine.Recovery {
	r := engine.Recovery{Organization: w.Org.ID, Operations: []countersign.Change{op}, Reason: "locked out"}
	made, err := w.Engine.RecoveryStatement(w.Context(), r.Organization, r.Operations, r.Reason)
	if err != nil {
		return r
	}
	r.Statement = made.Statement
	slices.SortFunc(holders, func(a, b holder) int { return strings.Compare(a.mark, b.mark) })
	for _, h := range holders {
		r.Signatures = append(r.Signatures, countersign.RecoverySignature{Key: h.mark, Signature: statement.SignRecovery(h.private, []byte(r.Statement))})
	}
	return r
}

func promotes(w *scenario.World) countersign.Change {
	return &countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleAdmin}
}

func TestARecoveryThatIsEditedIsFound(t *testing.T) {
	w, holders := kept(t)
	r := asked(w, promotes(w), holders[0], holders[1])
	if _, err := w.Engine.Recover(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.Clock.Pass(72 * time.Hour)
	if err := w.Engine.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	drill := w.As("grace").Approves(w.As("ada").Asks(&countersign.RunDrill{RuleID: "default"})).MustBe(countersign.ChangeApplied)
	for name, c := range map[string]struct {
		entry func(*countersign.AuditEntry)
		want  string
	}{
		"nothing":               {func(*countersign.AuditEntry) {}, ""},
		"a signature":           {edit(r.Signatures[0].Signature[:8], "AAAAAAAA"), "a signature that is not that of its statement"},
		"whose signature":       {edit(r.Signatures[0].Key[:8], "00000000"), "which is no key of the set"},
		"one signs twice":       {edit(r.Signatures[0].Key, r.Signatures[1].Key), "or twice"},
		"the purpose":           {edit("countersign.recovery", "countersign.approval"), "a statement for"},
		"the organization":      {edit(`\"organization\":\"`+string(w.Org.ID), `\"organization\":\"`+string(w.ID("linus"))), "a statement for"},
		"what was asked":        {edit(`\"request\":\"`, `\"request\":\"0`), "a statement about another recovery"},
		"what is done":          {edit(`"role":"admin","user_id":"`+string(w.ID("vera")), `"role":"admin","user_id":"`+string(w.ID("edsger"))), "a statement about another recovery"},
		"to whom it is done":    {edit(`"kind":"user.change_role","role":"admin"`, `"kind":"user.change_role","role":"viewer"`), "a recovery does user.change_role"},
		"the nonce":             {edit(`\"nonce\":\"`, `\"nonce\":\"0`), "with nonce"},
		"the keys":              {edit(`\"recovery_version\":`, `\"recovery_version\":1`), "a statement under the keys of"},
		"the time":              {edit(`\"issued_at\":\"2026`, `\"issued_at\":\"2025`), "a statement of 2025"},
		"the head":              {edit(`\"size\":`, `\"size\":1`), "a log was seen that is not this one"},
		"the delay":             {edit(`"need":0}],"delay_seconds":259200`, `"need":0}],"delay_seconds":86400`), "a recovery that waits 86400s"},
		"who is asked":          {edit(`"need":0}]`, `"need":1}]`), "asks something else than that no admin denies it"},
		"who did it":            {edit(`"actor":{"method":"recovery"}`, `"actor":{"method":"system"}`), "a recovery is opened by"},
		"how it begins":         {edit("recovery.opened", "change.submitted"), "a recovery begins as change.submitted"},
		"how it is applied":     {edit("recovery.applied", "change.applied"), "is applied as change.applied"},
		"another is a recovery": {edit("change.submitted", "recovery.opened"), "a recovery that nobody signed"},
		"whom it excludes":      {edit(`"excluded":[],"expires_at":"2026-03-12`, `"excluded":["`+string(w.ID("grace"))+`"],"expires_at":"2026-03-12`), "a recovery excludes"},
		"how many have to sign": {func(e *countersign.AuditEntry) {
			e.Leaf = bytes.ReplaceAll(e.Leaf, []byte(`],"need":2}`), []byte(`],"need":1}`))
		}, "is signed by 2 keys of 1"},
		"whose drill it was": {edit(`"set":{"drill":"`+string(drill.ID), `"set":{"drill":"`+string(w.ID("ada"))), "a drill that is not noted"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := tampered{w.Store, func(tx store.ReadTx) store.ReadTx { return rows{ReadTx: tx, entry: c.entry} }}
			found, err := replay.Findings(t.Context(), changed, w.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(found, "\n")
			if (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
				t.Errorf("want a finding with %q, got\n%s", c.want, text)
			}
		})
	}
}

// As TestTheReplayNotices, for recoveries: the stories ask for what must not
// happen, and nobody but the replay looks how it went.
func TestTheReplayNoticesRecoveries(t *testing.T) {
	opens := func(w *scenario.World, r engine.Recovery) countersign.ChangeRequest {
		result, _ := w.Engine.Recover(w.Context(), r)
		return result.Change
	}
	waits := func(w *scenario.World, d time.Duration) {
		w.Clock.Pass(d)
		_ = w.Engine.Tend(w.Context())
	}
	for rule, story := range map[string]func(w *scenario.World, holders []holder){
		"one key":       func(w *scenario.World, h []holder) { opens(w, asked(w, promotes(w), h[0])); waits(w, 72*time.Hour) },
		"one key twice": func(w *scenario.World, h []holder) { opens(w, asked(w, promotes(w), h[0], h[0])) },
		"a signature of another statement": func(w *scenario.World, h []holder) {
			r := asked(w, promotes(w), h[0], h[1])
			r.Signatures[1].Signature = r.Signatures[0].Signature
			opens(w, r)
		},
		"other operations than were signed": func(w *scenario.World, h []holder) {
			r := asked(w, promotes(w), h[0], h[1])
			r.Operations = []countersign.Change{&countersign.ChangeRole{UserID: w.ID("edsger"), Role: countersign.RoleViewer}}
			opens(w, r)
		},
		"before the delay is over": func(w *scenario.World, h []holder) {
			opens(w, asked(w, promotes(w), h[0], h[1]))
			waits(w, 71*time.Hour)
		},
		"although an admin denies it": func(w *scenario.World, h []holder) {
			c := opens(w, asked(w, promotes(w), h[0], h[1]))
			w.As("grace").Votes(c.ID, countersign.Deny, c.Digest)
			waits(w, 72*time.Hour)
		},
		"the same twice": func(w *scenario.World, h []holder) {
			r := asked(w, promotes(w), h[0], h[1])
			c := opens(w, r)
			w.As("grace").Votes(c.ID, countersign.Deny, c.Digest)
			opens(w, r)
		},
		"two at once": func(w *scenario.World, h []holder) {
			opens(w, asked(w, promotes(w), h[0], h[1]))
			opens(w, asked(w, &countersign.ChangeRole{UserID: w.ID("edsger"), Role: countersign.RoleViewer}, h[0], h[1]))
		},
		"under keys that were replaced": func(w *scenario.World, h []holder) {
			opens(w, asked(w, promotes(w), h[0], h[1]))
			o, _ := w.Engine.Organization(w.Context(), w.As("ada").Actor)
			put := w.As("ada").Asks(&countersign.ReplaceRecovery{Recovery: countersign.RecoverySet{Keys: o.Recovery.Keys[1:], Need: 2}})
			w.As("grace").Approves(put)
			w.As("linus").Approves(put)
			waits(w, 72*time.Hour)
		},
		"something that lets nobody in": func(w *scenario.World, h []holder) {
			opens(w, asked(w, &countersign.CreateGroup{Name: "Desk"}, h[0], h[1]))
			opens(w, asked(w, &countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleViewer}, h[0], h[1]))
		},
		"keys that one admin replaces": func(w *scenario.World, _ []holder) {
			o, _ := w.Engine.Organization(w.Context(), w.As("ada").Actor)
			w.As("grace").Approves(w.As("ada").Asks(&countersign.ReplaceRecovery{Recovery: countersign.RecoverySet{Keys: o.Recovery.Keys[1:], Need: 2}}))
		},
		"a drill of a rule that nobody met": func(w *scenario.World, _ []holder) {
			w.As("grace").Approves(w.As("ada").Asks(&countersign.RunDrill{RuleID: "policy-needs-two"}))
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			w, holders := kept(t)
			story(w, holders)
			replay.Check(t, w.Store, w.Org.ID)
		})
	}
}
