package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/statement"
)

// keptKeys are two recovery keys of which both have to sign.
type keptKeys struct {
	set  countersign.RecoverySet
	keys []ed25519.PrivateKey
}

func (f *fortress) keepsKeys() keptKeys {
	f.t.Helper()
	kept := keptKeys{set: countersign.RecoverySet{Need: 2}}
	for _, name := range []string{"bank", "notary"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		f.must(err)
		der, err := x509.MarshalPKIXPublicKey(public)
		f.must(err)
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		kept.keys = append(kept.keys, private)
		kept.set.Keys = append(kept.set.Keys, countersign.RecoveryKey{Name: name, PublicKey: string(text)})
	}
	return kept
}

// sign lets both holders sign.
func (k keptKeys) sign(f *fortress, text string) []countersign.RecoverySignature {
	f.t.Helper()
	var out []countersign.RecoverySignature
	for i, key := range k.keys {
		mark, err := statement.Fingerprint(k.set.Keys[i].PublicKey)
		f.must(err)
		out = append(out, countersign.RecoverySignature{Key: mark, Signature: statement.SignRecovery(key, []byte(text))})
	}
	slices.SortFunc(out, func(a, b countersign.RecoverySignature) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// replacesKeys names other recovery keys.
func replacesKeys(f *fortress, _ *fixture) example {
	return example{token: f.c.Directory.Token, method: "PUT", path: "/directory/v1/recovery", body: textOf(f.keepsKeys().set)}
}

// recovers opens a recovery with keys that were named before.
func recovers(f *fortress, _ *fixture) example {
	f.t.Helper()
	kept := f.keepsKeys()
	f.agreed("ada", "PUT", "/directory/v1/recovery", kept.set, "grace")
	org, reason := f.admin.Organization, "all tokens are lost"
	invite := &countersign.InvitePerson{Name: "Barbara", Email: "barbara@northwind.example", Role: countersign.RoleAdmin}
	made, err := f.house.engine.RecoveryStatement(f.t.Context(), org, []countersign.Change{invite}, reason)
	f.must(err)
	return example{method: http.MethodPost, path: "/directory/v1/recovery", body: textOf(object{
		"organization_id": string(org), "reason": reason, "statement": made.Statement, "signatures": kept.sign(f, made.Statement),
		"operations": []any{object{"kind": "user.invite", "name": invite.Name, "email": invite.Email, "role": "admin"}},
	})}
}

// ends ends what still waits: a recovery is denied, everything else cancelled.
func (f *fortress) ends(c engine.ChangeView) {
	f.t.Helper()
	if c.Recovery == nil {
		f.cancel(c)
		return
	}
	f.votes(f.token("grace"), c, "deny").must(http.StatusOK)
}
