package statement_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/countersign/countersign/internal/statement"
)

// The same bytes signed by the same key: what is signed as an approval is no
// recovery, and the reverse.
func TestARecoveryIsSignedAsNothingElse(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	key, raw := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), []byte(`{"v":1}`)
	vote, recovery := statement.Sign(private, raw), statement.SignRecovery(private, raw)
	for name, c := range map[string]struct {
		err  error
		good bool
	}{
		"a vote as a vote":           {statement.Verify(key, raw, vote), true},
		"a recovery as a recovery":   {statement.VerifyRecovery(key, raw, recovery), true},
		"a vote as a recovery":       {statement.VerifyRecovery(key, raw, vote), false},
		"a recovery as a vote":       {statement.Verify(key, raw, recovery), false},
		"a recovery of other bytes":  {statement.VerifyRecovery(key, []byte(`{"v":2}`), recovery), false},
		"a recovery, written longer": {statement.VerifyRecovery(key, raw, recovery+"\n"), false},
	} {
		if (c.err == nil) != c.good {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}
