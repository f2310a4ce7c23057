package engine_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/statement"
)

// How an approval is signed stands with it and in its entry; what nobody here can
// verify is refused.
func TestTheMethodOfASignatureIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.Seal()
		vote := func(c countersign.ChangeRequest, method countersign.SigningMethod) engine.Vote {
			v := grace.vote(c, countersign.Approve, h.states("grace", c, countersign.Approve, grace))
			v.Method = method
			return v
		}
		for _, method := range []countersign.SigningMethod{"", countersign.MethodEd25519} {
			asked := h.holds("ada", &countersign.CreateGroup{Name: h.name("team")})
			for _, unknown := range []countersign.SigningMethod{"webauthn", "ED25519", "none"} {
				_, err := h.decides("grace", asked, vote(asked, unknown))
				refused(t, err, "method_unknown", "method")
			}
			_, err := h.decides("grace", asked, engine.Vote{Decision: countersign.Approve, Digest: asked.Digest, Method: countersign.MethodEd25519})
			refused(t, err, "invalid", "method")
			done, err := h.decides("grace", asked, vote(asked, method))
			if err != nil || done.Change.State != countersign.ChangeApplied {
				t.Fatalf("%q: %s (%v)", method, done.Change.State, err)
			}
			given := done.Change.Approvals[0]
			entry := h.entries(given.Position - 1)[0]
			if given.Method != countersign.MethodEd25519 || !strings.Contains(string(entry.Leaf), `"method":"ed25519"`) {
				t.Errorf("it is kept as signed by %q, and logged as %s", given.Method, entry.Leaf)
			}
		}
		plain := h.holds("ada", &countersign.CreateGroup{Name: h.name("team")})
		given := h.votes("linus", plain, countersign.Approve).Change.Approvals[0]
		if entry := h.entries(given.Position - 1)[0]; given.Method != "" || given.Attested() != countersign.ByServer || strings.Contains(string(entry.Leaf), `"method":"ed25519"`) {
			t.Errorf("a vote that is not signed has the method %q: %s", given.Method, entry.Leaf)
		}
		if err := engine.CheckMethod("webauthn"); err == nil || engine.CheckMethod("") != nil || engine.CheckMethod(countersign.MethodEd25519) != nil {
			t.Errorf("methods are checked as %v", err)
		}
		if words := engine.DigestWords(plain.Digest); words != statement.Words(plain.Digest) || len(strings.Fields(words)) != 8 {
			t.Errorf("the digest is said %q", words)
		}
	})
}
