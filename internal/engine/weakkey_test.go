package engine_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"testing"

	"github.com/countersign/countersign"
)

// A signature has to be one that only its owner can make. For the keys of this
// table anybody can: the forgery that each lets pass is shown first.
func TestAKeyForWhichAnybodyCanSignIsRefused(t *testing.T) {
	keys := map[string]string{
		"order 1":                      "0100000000000000000000000000000000000000000000000000000000000000",
		"order 1, with a sign":         "0100000000000000000000000000000000000000000000000000000000000080",
		"order 1, another writing":     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 2":                      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 4":                      "0000000000000000000000000000000000000000000000000000000000000000",
		"order 4, the other":           "0000000000000000000000000000000000000000000000000000000000000080",
		"order 4, another writing":     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 8":                      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"order 8, the other":           "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"order 8, the other, a sign":   "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"order 8, with a sign":         "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"order 2, which has no x else": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	}
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for rule, text := range keys {
			raw, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			if !forgeable(raw) {
				t.Errorf("%s: the forgery does not pass, so that this row shows nothing", rule)
			}
			der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(raw))
			h.mustRefuse(&countersign.CreateCredential{UserID: h.ID("ada"), Type: countersign.ApprovalKey, PublicKey: pemOf(t, "PUBLIC KEY", der, err)}, "invalid", "public_key")
		}
	})
}

// forgeable tries the signature R = B, s = 1, which somebody who knows no private
// key writes under one message after another.
func forgeable(key ed25519.PublicKey) bool {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 0x58
	for i := 1; i < 32; i++ {
		forged[i] = 0x66 // the base point
	}
	forged[32] = 1
	for i := range 256 {
		if ed25519.Verify(key, []byte{byte(i)}, forged) {
			return true
		}
	}
	return false
}
