package secret

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/countersign/countersign"
)

// The prefixes of short-lived secrets, for secret scanners and for people who
// wonder what they hold.
const (
	AccessPrefix  = "csa_"
	RefreshPrefix = "csr_"
	CodePrefix    = "csc_"
)

// Short draws a short-lived secret of an organization, 256 random bits behind
// one of the prefixes.
func Short(random io.Reader, prefix string, org countersign.OrganizationID) (string, error) {
	return opaque(random, prefix, org)
}

// ShortJWT draws a short-lived token in the shape of a JWT, for clients that
// expect one: sub is whatever they want to read there, and proves nothing.
func ShortJWT(random io.Reader, org countersign.OrganizationID, sub string, now, expires time.Time) (string, error) {
	raw := make([]byte, 16)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("drawing an id: %w", err)
	}
	return signedAway(random, claims{
		Claims: jwt.Claims{
			Issuer: Issuer, Subject: sub, ID: base64.RawURLEncoding.EncodeToString(raw),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(expires),
		},
		Organization: string(org),
	})
}

func opaque(random io.Reader, prefix string, org countersign.OrganizationID) (string, error) {
	text, err := text(random)
	return prefix + strings.ReplaceAll(string(org), "-", "") + "_" + text, err
}
