// Package secret makes the secrets that are shown once: bearer tokens,
// enrolment codes, client secrets. It keeps nothing; what is stored is the
// SHA-256 of a value with at least 100 random bits, so a fast hash is enough and
// a check pays no key derivation.
//
// Tokens of API users have the shape of a JWT, because clients of the published
// APIs expect one. They are signed with a fresh key that is thrown away at once:
// nobody, the server included, can make a second token, and none is accepted for
// its signature, only for its hash. Revocation is therefore immediate.
package secret

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/countersign/countersign"
)

// Issuer is the iss claim of tokens.
const Issuer = "countersign"

// prefix marks a personal access token, so that secret scanners can find one
// that was committed by mistake.
const prefix = "csp_"

// crockford is base 32 without I, L, O and U, which people misread.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const codeLength = 20

// Hash is what is stored of a secret.
func Hash(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

// Make draws a secret for a credential. ttype says what kind of user it is for.
func Make(random io.Reader, org countersign.OrganizationID, c countersign.Credential, user countersign.UserType, now time.Time) (string, error) {
	switch {
	case c.Type == countersign.EnrolmentCode:
		return code(random)
	case c.Type == countersign.Token && user != countersign.Person:
		return bearer(random, org, c, now)
	case c.Type == countersign.Token:
		return opaque(random, prefix, org)
	default:
		return text(random)
	}
}

// text is 256 random bits in base64url.
func text(random io.Reader) (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("drawing a secret: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// code is 100 random bits as XXXXX-XXXXX-XXXXX-XXXXX.
func code(random io.Reader) (string, error) {
	raw := make([]byte, codeLength)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("drawing a code: %w", err)
	}
	var b strings.Builder
	for i, octet := range raw {
		if i > 0 && i%5 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(crockford[octet&31])
	}
	return b.String(), nil
}

// NormalizeCode reads a code as people type it: any case, blanks or hyphens
// anywhere, O for 0 and I or L for 1.
func NormalizeCode(s string) string {
	s = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(s)))
	if len(s) != codeLength {
		return ""
	}
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:]
}

type claims struct {
	jwt.Claims
	Organization string `json:"org"`
}

func bearer(random io.Reader, org countersign.OrganizationID, c countersign.Credential, now time.Time) (string, error) {
	return signedAway(random, claims{
		Claims: jwt.Claims{
			Issuer: Issuer, Subject: string(c.UserID), ID: string(c.ID),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(c.ExpiresAt),
		},
		Organization: string(org),
	})
}

// signedAway signs claims with a key that nobody keeps.
func signedAway(random io.Reader, c claims) (string, error) {
	key := make([]byte, 32)
	if _, err := io.ReadFull(random, key); err != nil {
		return "", fmt.Errorf("drawing a key: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("preparing a token: %w", err)
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		return "", fmt.Errorf("writing a token: %w", err)
	}
	return token, nil
}

// maxToken bounds what is looked at; our longest token is a third of it.
const maxToken = 2048

// OrganizationOf reads which organization a bearer token says it belongs to. The
// claim is not trusted: the token must then be known there by its hash.
func OrganizationOf(token string) (countersign.OrganizationID, bool) {
	if len(token) > maxToken {
		return "", false
	}
	for _, p := range []string{prefix, AccessPrefix, RefreshPrefix, CodePrefix} {
		if rest, ok := strings.CutPrefix(token, p); ok {
			return undashed(rest)
		}
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", false
	}
	var c struct {
		Organization string `json:"org"`
	}
	if json.Unmarshal(payload, &c) != nil {
		return "", false
	}
	id, err := countersign.ParseUUID("", c.Organization)
	return countersign.OrganizationID(id), err == nil
}

func undashed(rest string) (countersign.OrganizationID, bool) {
	if len(rest) < 33 || rest[32] != '_' {
		return "", false
	}
	id, err := countersign.ParseUUID("", rest[:8]+"-"+rest[8:12]+"-"+rest[12:16]+"-"+rest[16:20]+"-"+rest[20:32])
	return countersign.OrganizationID(id), err == nil
}
