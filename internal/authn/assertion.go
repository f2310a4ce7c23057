package authn

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

const (
	// maxAssertion is several times what a 4096-bit key makes.
	maxAssertion = 8 << 10
	// maxAssertionLife is how far exp may lie ahead (contracts/box.md section 4.2).
	maxAssertionLife = 60 * time.Second
	// A jti has 16 to 128 characters there.
	minJTI, maxJTI = 16, 128
)

// Assertions recognises signed grants (RFC 7523) of OAuth clients: a client signs
// for whom it wants a token. The key is found by who signs: it is a signing key of
// the client's own account, and nothing in the token says where to look for one.
type Assertions struct {
	engine    *engine.Engine
	now       func() time.Time
	audiences []string
	ring      keyring
}

// NewAssertions returns a verifier of assertions made for one of audiences.
func NewAssertions(e *engine.Engine, now func() time.Time, audiences []string) *Assertions {
	return &Assertions{engine: e, now: now, audiences: slices.Clone(audiences)}
}

// Assertion is a grant whose signature holds.
type Assertion struct {
	// SubjectType and Subject are as they were signed, within bounds.
	SubjectType string
	Subject     string
	// Used has to be used up with what is issued.
	Used Mark
}

// assertionClaims are the claims we know; others are ignored.
type assertionClaims struct {
	Issuer      jsontext.Value `json:"iss"`
	Subject     jsontext.Value `json:"sub"`
	SubjectType jsontext.Value `json:"box_sub_type"`
	Audience    jsontext.Value `json:"aud"`
	ID          jsontext.Value `json:"jti"`
	Expires     jsontext.Value `json:"exp"`
	Issued      jsontext.Value `json:"iat"`
	NotBefore   jsontext.Value `json:"nbf"`
}

// Verify checks an assertion of a client that has proven itself already. Whatever
// is wrong, the error is the same.
func (a *Assertions) Verify(ctx context.Context, client countersign.Actor, clientID, text string) (Assertion, error) {
	signature, c, ok := readAssertion(text)
	if !ok {
		return Assertion{}, badGrant()
	}
	signed, err := a.signed(ctx, client, signature)
	if err != nil {
		return Assertion{}, err
	}
	if !signed {
		return Assertion{}, badGrant()
	}
	return a.claims(c, client, clientID)
}

func readAssertion(text string) (*jose.JSONWebSignature, assertionClaims, bool) {
	var c assertionClaims
	if len(text) > maxAssertion || strings.Count(text, ".") != 2 || strings.HasSuffix(text, ".") || strings.IndexFunc(text, notInToken) >= 0 {
		return nil, c, false
	}
	algorithms := []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512}
	parts := strings.Split(text, ".")
	var h header
	if !decodePart(parts[0], &h, json.RejectUnknownMembers(true)) || h.Type != "" && h.Type != "JWT" ||
		!slices.Contains(algorithms, jose.SignatureAlgorithm(h.Algorithm)) {
		return nil, c, false
	}
	if !decodePart(parts[1], &c) {
		return nil, c, false
	}
	signature, err := jose.ParseSignedCompact(text, algorithms)
	return signature, c, err == nil
}

// signed reports whether a working key of the client's account made the signature.
func (a *Assertions) signed(ctx context.Context, client countersign.Actor, signature *jose.JSONWebSignature) (bool, error) {
	picture, err := a.engine.Picture(ctx, client.Organization)
	if err != nil {
		return false, err
	}
	for _, c := range picture.Credentials(client.User) {
		if c.Type != countersign.SigningKey || !c.WorksAt(a.now()) {
			continue
		}
		key, err := a.ring.key(c.PublicKey)
		if err != nil {
			return false, err
		}
		if _, err := signature.Verify(key); err == nil {
			return true, nil
		}
	}
	return false, nil
}

func (a *Assertions) claims(c assertionClaims, client countersign.Actor, clientID string) (Assertion, error) {
	issuer, _ := text(c.Issuer)
	audience, _ := text(c.Audience)
	id, _ := text(c.ID)
	subject, named := text(c.Subject)
	kind, typed := text(c.SubjectType)
	expires, ends := moment(c.Expires)
	now := a.now()
	switch {
	case issuer != clientID, !slices.Contains(a.audiences, audience), !named, !typed,
		len(id) < minJTI || len(id) > maxJTI,
		!ends || !expires.After(now) || expires.After(now.Add(maxAssertionLife)),
		!begun(c.Issued, now) || !begun(c.NotBefore, now):
		return Assertion{}, badGrant()
	}
	used := Mark{Hash: sha256.Sum256([]byte("assertion " + string(client.Credential) + " " + id)), ExpiresAt: expires}
	return Assertion{SubjectType: kind, Subject: subject, Used: used}, nil
}

// begun reports whether a time that may be left out is not far ahead.
func begun(claim jsontext.Value, now time.Time) bool {
	if len(claim) == 0 {
		return true
	}
	at, ok := moment(claim)
	return ok && !at.After(now.Add(maxAhead))
}
