package engine_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/secret"
	"github.com/countersign/countersign/internal/statement"
)

// safe is a set of recovery keys with what only their holders have.
type safe struct {
	set   countersign.RecoverySet
	keys  []ed25519.PrivateKey
	marks []string
}

// newSafe makes n keys of which need have to sign.
func newSafe(t *testing.T, need, n int) *safe {
	t.Helper()
	s := &safe{set: countersign.RecoverySet{Need: need}}
	for i := range n {
		private, public := newKey(t)
		mark, err := statement.Fingerprint(public)
		if err != nil {
			t.Fatal(err)
		}
		s.keys, s.marks = append(s.keys, private), append(s.marks, mark)
		s.set.Keys = append(s.set.Keys, countersign.RecoveryKey{Name: "safe " + string(rune('A'+i)), PublicKey: public})
	}
	return s
}

// sign lets some of the holders sign a statement.
func (s *safe) sign(text string, holders ...int) []countersign.RecoverySignature {
	var out []countersign.RecoverySignature
	for _, i := range holders {
		out = append(out, countersign.RecoverySignature{Key: s.marks[i], Signature: statement.SignRecovery(s.keys[i], []byte(text))})
	}
	slices.SortFunc(out, func(a, b countersign.RecoverySignature) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// sealedWith is a crew whose organization is sealed with recovery keys.
func (h *house) sealedWith(s *safe) *house {
	h.t.Helper()
	h.crew()
	h.Clock.Pass(time.Second)
	h.applies("ada", &countersign.SealOrganization{Recovery: &s.set})
	return h
}

const reason = "everybody has lost the token"

// states asks for a statement of recovery.
func (h *house) statesRecovery(ops ...countersign.Change) string {
	h.t.Helper()
	made, err := h.Engine.RecoveryStatement(h.t.Context(), h.Org.ID, ops, reason)
	if err != nil {
		h.t.Fatalf("a statement of recovery: %v", err)
	}
	return made.Statement
}

// prepares is a recovery that two holders have signed.
func (h *house) prepares(s *safe, ops ...countersign.Change) engine.Recovery {
	h.t.Helper()
	text := h.statesRecovery(ops...)
	return engine.Recovery{Organization: h.Org.ID, Operations: ops, Reason: reason, Statement: text, Signatures: s.sign(text, 0, 1)}
}

func (h *house) recovers(r engine.Recovery) (engine.Result, error) {
	return h.Engine.Recover(h.t.Context(), r)
}

// opens opens a recovery as it should be done.
func (h *house) opens(s *safe, ops ...countersign.Change) countersign.ChangeRequest {
	h.t.Helper()
	result, err := h.recovers(h.prepares(s, ops...))
	if err != nil || result.Change.State != countersign.ChangeScheduled {
		h.t.Fatalf("a recovery is %s (%v), and should wait", result.Change.State, err)
	}
	return result.Change
}

// code makes an enrolment code and its hash, as the holders of the keys do.
func code(t *testing.T, text string) (string, string) {
	t.Helper()
	normal := secret.NormalizeCode(text)
	if normal == "" {
		t.Fatalf("%q is no code", text)
	}
	return normal, hex.EncodeToString(secret.Hash(normal))
}

const recoveryDelay = countersign.DefaultRecoveryDelay
