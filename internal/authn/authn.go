// Package authn turns a credential into an Actor: it resolves, once per request,
// which user is calling and which person answers for him.
//
// Bearer tokens are recognised by their SHA-256 in the organization's roster,
// whatever their shape, so revocation takes effect with the change that revokes.
// Everything that does not work, for whatever reason, gives the same
// Unauthenticated error; only a call from an address that is not allowed is told
// so, since who holds a working token may know that.
//
// Beside it, one file each: signature.go (signed requests), session.go (the
// short-lived tokens of dialects that have a sign-in of their own), client.go
// (OAuth clients and whom they act for) and assertion.go (JWT grants).
package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/secret"
)

// Authenticator is safe for concurrent use.
type Authenticator struct {
	engine *engine.Engine
	now    func() time.Time
}

// New returns an authenticator over the rosters of an engine.
func New(e *engine.Engine, now func() time.Time) *Authenticator {
	return &Authenticator{engine: e, now: now}
}

func refused() error {
	return countersign.E(countersign.Unauthenticated, "Authorization", "needs a working token: it may be missing, mistyped, expired or revoked")
}

// Bearer resolves a bearer token. from is the caller's address; API users may be
// bound to some.
func (a *Authenticator) Bearer(ctx context.Context, token string, from netip.Addr) (countersign.Actor, error) {
	org, ok := secret.OrganizationOf(token)
	if !ok {
		return countersign.Actor{}, refused()
	}
	picture, err := a.engine.Picture(ctx, org)
	if errors.Is(err, countersign.NotFound) {
		return countersign.Actor{}, refused()
	}
	if err != nil {
		return countersign.Actor{}, err
	}
	now := a.now()
	credential, ok := picture.CredentialBySecret(sha256.Sum256([]byte(token)))
	if !ok || credential.Type != countersign.Token || !credential.WorksAt(now) {
		return countersign.Actor{}, refused()
	}
	return account(picture, org, &credential, countersign.ByToken, from)
}

// account is who calls by a credential that works, if he may call at all.
func account(picture *roster.Picture, org countersign.OrganizationID, c *countersign.Credential, method countersign.AuthMethod, from netip.Addr) (countersign.Actor, error) {
	user, ok := picture.Account(c.UserID)
	if !ok || user.State != countersign.UserActive {
		return countersign.Actor{}, refused()
	}
	actor := countersign.Actor{
		Organization: org, User: user.ID, Type: user.Type, ResponsiblePerson: user.ID, Credential: c.ID, Method: method,
	}
	if user.ResponsiblePersonID != "" {
		person, ok := picture.Account(user.ResponsiblePersonID)
		if !ok || person.State != countersign.UserActive {
			return countersign.Actor{}, refused()
		}
		actor.ResponsiblePerson = person.ID
	}
	if !allowed(user.AllowedIPs, from) {
		return countersign.Actor{}, countersign.Code(countersign.Forbidden, "address_not_allowed", "", "this token may not be used from your address")
	}
	return actor, nil
}

// allowed reports whether an address is in a list; an empty list allows all.
func allowed(list []string, from netip.Addr) bool {
	if len(list) == 0 {
		return true
	}
	from = from.Unmap()
	for _, s := range list {
		if prefix, err := netip.ParsePrefix(s); err == nil && prefix.Contains(from) {
			return true
		}
	}
	return false
}
