package engine_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/statement"
)

// voter is mostly one of those who may.
func (w *walker) voter(d document) countersign.Actor {
	if w.chance(85) {
		for _, i := range w.r.Perm(len(w.tokens)) {
			id := w.tokens[i].user
			if slices.Contains(slices.Concat(d.Pools...), id) && !slices.Contains(w.judge.barred(d, w.witness.rows), id) {
				return w.actor(w.tokens[i])
			}
		}
	}
	return w.anyone()
}

// recent prefers what is open, and of that what was asked last.
func (w *walker) recent() countersign.ChangeID {
	among := w.requests
	if w.chance(80) {
		open := slices.DeleteFunc(slices.Clone(w.requests), func(id countersign.ChangeID) bool { return !w.witness.rows.change(id).State.Open() })
		if len(open) > 0 {
			among = open
		}
	}
	if w.chance(70) {
		return among[max(0, len(among)-1-w.r.IntN(3))]
	}
	return one(w, among...)
}

func (w *walker) vote() {
	id := w.recent()
	row, doc := w.witness.rows.change(id), w.judge.documents[id]
	v := engine.Vote{Decision: countersign.Approve, Digest: row.Digest}
	switch said := w.r.IntN(100); {
	case said < 10:
		v.Decision, v.Comment = countersign.Deny, "no"
	case said < 16:
		v.Decision = countersign.Withdraw
	}
	if w.chance(3) {
		v.Digest = w.witness.rows.change(one(w, w.requests...)).Digest
	}
	actor, o := w.voter(doc), w.options()
	v = w.sign(actor, row, v)
	signed := ""
	if v.Signature != "" {
		signed = "signed "
	}
	w.attempt(signed+string(v.Decision), func() (engine.Result, error) { return w.e.Decide(w.ctx, actor, id, v, o) })
}

// sign signs a vote, where the voter has a key and cares; sometimes wrongly.
func (w *walker) sign(actor countersign.Actor, row changeRow, v engine.Vote) engine.Vote {
	var keys []countersign.CredentialID
	for _, id := range w.credentials {
		if k := w.witness.rows.credentials[id]; k.Type == countersign.ApprovalKey && k.UserID == actor.User {
			keys = append(keys, id)
		}
	}
	if len(keys) == 0 || w.chance(25) {
		return v
	}
	if len(w.used) > 0 && w.chance(10) {
		again := one(w, w.used...)
		for _, vote := range w.used {
			if said := readStatement(vote.Statement); said.Change == row.ID && said.Person == actor.User {
				again = vote
			}
		}
		again.Digest = v.Digest
		return again
	}
	id := one(w, keys...)
	made, err := w.e.Statement(w.ctx, actor, row.ID, v.Decision, id)
	w.must(err)
	w.look()
	if err != nil {
		w.tell("statement", err)
		return v
	}
	private := w.privates[strings.TrimSpace(w.witness.rows.credentials[id].PublicKey)]
	if w.chance(4) {
		private, _ = w.key()
	}
	v.Statement, v.CredentialID, v.Signature = made.Statement, id, statement.Sign(private, []byte(made.Statement))
	w.used = append(w.used, v)
	return v
}

// key makes one that is not enrolled yet.
func (w *walker) key() (ed25519.PrivateKey, string) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = w.random.Read(seed)
	private := ed25519.NewKeyFromSeed(seed)
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		w.fail(err)
	}
	return private, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (w *walker) enrol(user countersign.UserID) countersign.Change {
	private, public := w.key()
	w.privates[strings.TrimSpace(public)] = private
	return &countersign.CreateCredential{UserID: user, Type: countersign.ApprovalKey, PublicKey: public}
}
