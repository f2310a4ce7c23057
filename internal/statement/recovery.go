package statement

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
)

const (
	// RecoveryPurpose of every statement that recovery keys sign.
	RecoveryPurpose = "countersign.recovery"

	// The frames of a recovery: another type than that of an approval, so that
	// neither signature can ever be read as the other.
	recoveryWrapping = "countersign-recovery-v1"
	recoveryRequest  = "countersign-recovery-request-v1"
)

// Recovery is what the holders of recovery keys sign: which organization is to be
// let in again, and by which operations.
type Recovery struct {
	V            int    `json:"v"`
	Purpose      string `json:"purpose"`
	Organization string `json:"organization"`
	// Request is the digest of operations and reason; see RequestDigest.
	Request string `json:"request"`
	// RecoveryVersion is the log position at which the keys were named.
	RecoveryVersion int64 `json:"recovery_version"`
	// Nonce is the hash of the entry of the log that named the keys, or of the last
	// recovery under them: no statement opens two recoveries.
	Nonce    string `json:"nonce"`
	IssuedAt string `json:"issued_at"`
	// Seen is the head of the log at which it was made.
	Seen Head `json:"seen"`
}

// Encode returns the canonical bytes.
func (s Recovery) Encode() ([]byte, error) { return canon.Encode(s) }

// ParseRecovery reads a statement of recovery, as strictly as Parse.
func ParseRecovery(raw []byte) (Recovery, error) { return parse[Recovery](raw) }

// Differs names the first member in which two statements are not the same, or
// nothing; seen and issued_at are compared elsewhere.
func (s Recovery) Differs(want Recovery) string {
	return differing([]member{
		{"v", s.V, want.V},
		{"purpose", s.Purpose, want.Purpose},
		{"organization", s.Organization, want.Organization},
		{"request", s.Request, want.Request},
		{"recovery_version", s.RecoveryVersion, want.RecoveryVersion},
		{"nonce", s.Nonce, want.Nonce},
	})
}

// SignRecovery returns the signature over a statement of recovery, in base64.
func SignRecovery(key ed25519.PrivateKey, raw []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, canon.Wrap(recoveryWrapping, raw)))
}

// VerifyRecovery is Verify for statements of recovery.
func VerifyRecovery(publicKey string, raw []byte, signature string) error {
	return verify(publicKey, canon.Wrap(recoveryWrapping, raw), signature)
}

// RequestDigest is the digest of what a recovery asks: the operations as they are
// asked, before anything is allotted to them, and the reason.
func RequestDigest(ops []countersign.Change, reason string) (string, error) {
	asked := struct {
		Operations []jsontext.Value `json:"operations"`
		Reason     string           `json:"reason"`
	}{Reason: reason}
	for _, op := range ops {
		raw, err := canon.EncodeChange(op)
		if err != nil {
			return "", err
		}
		asked.Operations = append(asked.Operations, raw)
	}
	raw, err := canon.Encode(asked)
	if err != nil {
		return "", fmt.Errorf("writing what a recovery asks: %w", err)
	}
	return canon.Digest(recoveryRequest, raw), nil
}

// Fingerprint is what a key is named by in signatures: the SHA-256 of its
// SubjectPublicKeyInfo, in hexadecimal.
func Fingerprint(publicKey string) (string, error) {
	key, err := readPublic(publicKey)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", errKey
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}
