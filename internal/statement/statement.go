// Package statement is what an approver signs: a small canonical document that
// says who decides what about which change, and which log he saw (governance.md
// C.4).
//
// It makes and reads the bytes, and signs and verifies them with the standard
// library's Ed25519. It knows nothing of the directory: whether what a statement
// says is true, its readers find out. The server and the command line share it,
// since both must agree on every byte; internal/replay reads the same text again
// with code of its own.
//
// The signature is over canon.Wrap("countersign-approval-v1", statement), so that
// bytes signed for this purpose are bytes signed for no other. What recovery keys
// sign is a document and a frame of its own: recovery.go.
package statement

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
)

const (
	// Version of the form.
	Version = 1
	// Purpose of every statement of this form.
	Purpose = "countersign.approval"

	// wrapping frames what is signed; requirement and change what is hashed, so
	// that a digest of one is a digest of nothing else.
	wrapping    = "countersign-approval-v1"
	requirement = "countersign-requirement-v1"
	change      = "countersign-change-v1"

	// MaxLength of a statement in bytes; those that we make have about 900.
	MaxLength = 4 << 10
	// TimeFormat of its time: RFC 3339 in UTC, whole microseconds.
	TimeFormat = "2006-01-02T15:04:05.000000Z"
)

// Statement is what a signature under an approval says.
type Statement struct {
	V            int    `json:"v"`
	Purpose      string `json:"purpose"`
	Organization string `json:"organization"`
	Change       string `json:"change"`
	// Digest of the change document, and RequirementDigest of the requirement in it.
	Digest            string `json:"digest"`
	RequirementDigest string `json:"requirement_digest"`
	Decision          string `json:"decision"`
	Person            string `json:"person"`
	// Credential is the approval key it is signed with.
	Credential string `json:"credential"`
	// Nonce is the server's, for one statement of this person about this change.
	Nonce    string `json:"nonce"`
	IssuedAt string `json:"issued_at"`
	// Seen is a head of the organization's log that the signer has seen: whoever
	// rewrites the log before it contradicts the signature.
	Seen Head `json:"seen"`
}

// Head is a head of the log.
type Head struct {
	// Size is how many entries the log had, Root its root hash in base64.
	Size int64  `json:"size"`
	Root string `json:"root"`
}

var (
	errForm      = errors.New("is no statement in its canonical form")
	errSignature = errors.New("is no signature of this statement by this key")
	errKey       = errors.New("is no Ed25519 key in PEM")
)

// Encode returns the canonical bytes.
func (s Statement) Encode() ([]byte, error) { return canon.Encode(s) }

// Parse reads a statement. Its bytes must be the only ones that say what it
// says: canonical, nothing missing, nothing added.
func Parse(raw []byte) (Statement, error) { return parse[Statement](raw) }

// parse reads whatever is signed in its one writing.
func parse[T any](raw []byte) (T, error) {
	var s, none T
	if len(raw) > MaxLength || json.Unmarshal(raw, &s, json.RejectUnknownMembers(true)) != nil {
		return none, errForm
	}
	again, err := canon.Encode(s)
	if err != nil || !bytes.Equal(again, raw) {
		return none, errForm
	}
	return s, nil
}

// member is one member of two statements.
type member struct {
	name      string
	has, want any
}

// differing names the first member that is not the same in both, or nothing.
func differing(members []member) string {
	for _, m := range members {
		if m.has != m.want {
			return m.name
		}
	}
	return ""
}

// Key is the approval key a stored statement names; empty where there is none.
func Key(raw string) countersign.CredentialID {
	if raw == "" {
		return ""
	}
	s, err := Parse([]byte(raw))
	if err != nil {
		return ""
	}
	return countersign.CredentialID(s.Credential)
}

// Differs names the first member in which two statements are not the same, or
// nothing. Where want is empty anything is right: seen, nonce and issued_at are
// compared elsewhere.
func (s Statement) Differs(want Statement) string {
	return differing([]member{
		{"v", s.V, want.V},
		{"purpose", s.Purpose, want.Purpose},
		{"organization", s.Organization, want.Organization},
		{"change", s.Change, want.Change},
		{"digest", s.Digest, want.Digest},
		{"requirement_digest", s.RequirementDigest, want.RequirementDigest},
		{"decision", s.Decision, want.Decision},
		{"person", s.Person, want.Person},
		{"credential", s.Credential, want.Credential},
	})
}

// Time writes a time as statements do.
func Time(t time.Time) string { return t.UTC().Format(TimeFormat) }

// Sign returns the signature over a statement's bytes, in base64.
func Sign(key ed25519.PrivateKey, raw []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, canon.Wrap(wrapping, raw)))
}

// Verify reports whether a signature is that of a statement by a public key, which
// is PEM. Only one writing of the signature is taken.
func Verify(publicKey string, raw []byte, signature string) error {
	return verify(publicKey, canon.Wrap(wrapping, raw), signature)
}

func verify(publicKey string, framed []byte, signature string) error {
	key, err := readPublic(publicKey)
	if err != nil {
		return err
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(signature) != base64.StdEncoding.EncodedLen(ed25519.SignatureSize) || !ed25519.Verify(key, framed, sig) {
		return errSignature
	}
	return nil
}

func readPublic(text string) (ed25519.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errKey
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errKey
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, errKey
	}
	return key, nil
}

// ChangeDigest is the digest of the canonical document of a change.
func ChangeDigest(document []byte) string { return canon.Digest(change, document) }

// RequirementDigest is the digest of a requirement as it stands in the document of
// a change: its value, or the JSON of it.
func RequirementDigest(r any) (string, error) {
	raw, err := canon.Encode(r)
	if err != nil {
		return "", fmt.Errorf("writing a requirement: %w", err)
	}
	return canon.Digest(requirement, raw), nil
}
