package replay

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// statement is what an approver signs, as governance.md C.4 specifies it.
type statement struct {
	V                 int                        `json:"v"`
	Purpose           string                     `json:"purpose"`
	Organization      countersign.OrganizationID `json:"organization"`
	Change            countersign.ChangeID       `json:"change"`
	Digest            string                     `json:"digest"`
	RequirementDigest string                     `json:"requirement_digest"`
	Decision          countersign.Decision       `json:"decision"`
	Person            countersign.UserID         `json:"person"`
	Credential        countersign.CredentialID   `json:"credential"`
	Nonce             string                     `json:"nonce"`
	IssuedAt          string                     `json:"issued_at"`
	Seen              struct {
		Size int64  `json:"size"`
		Root string `json:"root"`
	} `json:"seen"`
}

// lifeOfStatement is how long a statement may be on its way.
const lifeOfStatement = 10 * time.Minute

// checkSignature holds a vote to its signature, or to saying that it has none.
func (p *player) checkSignature(r *request, a *leafApproval) {
	if a.Statement == "" {
		p.must(a.Signature == "" && a.Method == "" && a.Attested == "server", "a vote without a statement, attested by %q", a.Attested)
		needs := p.voters(r).signed && a.Decision == countersign.Approve
		p.must(!needs, "an approval of change %s without the signature that is asked", r.ID)
		return
	}
	var s statement
	raw := []byte(a.Statement)
	if !p.must(a.Attested == "key" && canonical(raw) == nil && strictly(raw, &s) == nil, "a statement that cannot be read, attested by %q", a.Attested) {
		return
	}
	p.must(s.V == 1 && s.Purpose == "countersign.approval" && s.Organization == p.org, "a statement for %q of %s", s.Purpose, s.Organization)
	p.must(s.Change == r.ID && s.Digest == r.digest && s.RequirementDigest == r.asksDigest(), "a statement about change %s", s.Change)
	p.must(s.Decision == a.Decision && s.Person == a.Person, "a statement of %s to %s", s.Person, s.Decision)
	key, f := read[credentialFields](p, countersign.CredentialFact(s.Credential))
	ends := p.moment(key.ExpiresAt)
	p.must(f.version > 0 && key.Type == countersign.ApprovalKey && key.UserID == a.Person && key.State == countersign.CredentialActive &&
		(ends.IsZero() || p.now.Before(ends)), "a statement signed with %s, which is no working key of %s", s.Credential, a.Person)
	p.must(a.Method == "ed25519", "a vote signed by the method %q", a.Method)
	p.must(verifies(key.PublicKey, raw, a.Signature), "a signature that is not that of its statement")
	p.must(len(s.Nonce) == 64 && !p.nonces[s.Nonce], "a nonce that was used, or is none")
	p.nonces[s.Nonce] = true
	issued := p.moment(s.IssuedAt)
	p.must(!issued.After(p.now) && p.now.Before(issued.Add(lifeOfStatement)), "a statement of %s, given at %s", s.IssuedAt, p.now)
	p.must(s.Seen.Size >= 1 && s.Seen.Size < int64(len(p.roots)) && p.roots[s.Seen.Size] == s.Seen.Root, "a log was seen that is not this one")
}

// asksDigest is the digest of the requirement as it stands in the document.
func (r *request) asksDigest() string {
	var doc struct {
		Requirement jsontext.Value `json:"requirement"`
	}
	if err := loosely(r.raw, &doc); err != nil {
		return ""
	}
	return framed("countersign-requirement-v1", doc.Requirement)
}

// framed is the SHA-256 of bytes that are framed with their type.
func framed(kind string, b []byte) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "GOV1 %d %s %d %s", len(kind), kind, len(b), b))
	return hex.EncodeToString(sum[:])
}

func verifies(publicKey string, raw []byte, signature string) bool {
	block, _ := pem.Decode([]byte(publicKey))
	if block == nil {
		return false
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(ed25519.PublicKey)
	sig, bad := base64.StdEncoding.DecodeString(signature)
	const kind = "countersign-approval-v1"
	return err == nil && ok && bad == nil && ed25519.Verify(key, fmt.Appendf(nil, "GOV1 %d %s %d %s", len(kind), kind, len(raw), raw), sig)
}

// revokedKey says whether the key that a statement names is revoked by now.
func (p *player) revokedKey(text string) bool {
	var s statement
	if strictly([]byte(text), &s) != nil {
		return true
	}
	key, f := read[credentialFields](p, countersign.CredentialFact(s.Credential))
	return f.version == 0 || key.State == countersign.CredentialRevoked
}
