package replay_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// signedPast is a story in which grace approves with a key.
func signedPast(t *testing.T) (w *scenario.World, signature string) {
	t.Helper()
	w = scenario.New(t, scenario.Direct, testdb.SQLite(t))
	w.Admins("grace", "linus", "edsger")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	enrolled := w.As("grace").Asks(&countersign.CreateCredential{
		UserID: w.ID("grace"), Type: countersign.ApprovalKey, PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	}).MustBe(countersign.ChangeApplied)
	key := enrolled.Operations[0].(*countersign.CreateCredential).CredentialID
	w.Seal()
	asked := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
	made, err := w.Engine.Statement(t.Context(), w.As("grace").Actor, asked.ID, countersign.Approve, key)
	if err != nil {
		t.Fatal(err)
	}
	signature = statement.Sign(private, []byte(made.Statement))
	_, err = w.Engine.Decide(t.Context(), w.As("grace").Actor, asked.ID, engine.Vote{
		Decision: countersign.Approve, Digest: asked.Digest, Statement: made.Statement, Signature: signature, CredentialID: key,
	}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return w, signature
}

func TestASignatureThatIsEditedIsFound(t *testing.T) {
	w, signature := signedPast(t)
	for name, c := range map[string]struct {
		rows rows
		want string
	}{
		"nothing":             {rows{}, ""},
		"the signature":       {rows{entry: edit(signature[:8], strings.Repeat("A", 8))}, "a signature that is not that of its statement"},
		"who attests it":      {rows{entry: edit(`"attested":"key"`, `"attested":"server"`)}, "cannot be read, attested by"},
		"the decision":        {rows{entry: edit(`\"decision\":\"approve\"`, `\"decision\":\"deny\"`)}, "a statement of"},
		"the person":          {rows{entry: edit(`\"person\":\"`+string(w.ID("grace")), `\"person\":\"`+string(w.ID("linus")))}, "a statement of"},
		"the organization":    {rows{entry: edit(`\"organization\":\"`+string(w.Org.ID), `\"organization\":\"`+string(w.ID("linus")))}, "a statement for"},
		"the purpose":         {rows{entry: edit(`countersign.approval`, `countersign.anything`)}, "a statement for"},
		"the requirement":     {rows{entry: edit(`\"requirement_digest\":\"`, `\"requirement_digest\":\"0`)}, "a statement about change"},
		"the head":            {rows{entry: edit(`\"size\":`, `\"size\":1`)}, "a log was seen that is not this one"},
		"the nonce":           {rows{entry: edit(`\"nonce\":\"`, `\"nonce\":\"0`)}, "a nonce that was used, or is none"},
		"the time":            {rows{entry: edit(`\"issued_at\":\"2026`, `\"issued_at\":\"2025`)}, "a statement of 2025"},
		"a member more":       {rows{entry: edit(`\"v\":1}`, `\"v\":1,\"w\":1}`)}, "cannot be read, attested by"},
		"the row's signature": {rows{request: func(r *store.ChangeRecord) { each(r, func(a *countersign.Approval) { a.Signature = "" }) }}, "change"},
		"the row's statement": {rows{request: func(r *store.ChangeRecord) { each(r, func(a *countersign.Approval) { a.Statement = "" }) }}, "change"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := tampered{w.Store, func(tx store.ReadTx) store.ReadTx {
				c.rows.ReadTx = tx
				return c.rows
			}}
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

func each(r *store.ChangeRecord, edit func(a *countersign.Approval)) {
	for i := range r.Approvals {
		edit(&r.Approvals[i])
	}
}
