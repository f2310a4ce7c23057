package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/secret"
	"github.com/countersign/countersign/internal/store"
)

// CodeGrantInvalid is the Code of a code or refresh token that is not accepted,
// for whatever reason.
const CodeGrantInvalid = "grant_invalid"

func badGrant() error {
	return countersign.Code(countersign.Unauthenticated, CodeGrantInvalid, "", "the code or token is not accepted: it may be mistyped, expired, used or revoked")
}

// invalidGrant tells of what is refused no more than that.
func invalidGrant(err error) error {
	if errors.Is(err, countersign.Unauthenticated) || errors.Is(err, countersign.NotFound) {
		return badGrant()
	}
	return err
}

// Refresh exchanges a refresh token, once, for fresh tokens. credential is that
// of the client who asks, which must be the one it was issued to. Whoever brings
// one that was exchanged before ends the whole session: one of the two who had
// it is a thief, and nobody can tell which.
func (s *Sessions) Refresh(ctx context.Context, token string, credential countersign.CredentialID, from netip.Addr) (Issued, error) {
	org, t, err := s.find(ctx, token, store.RefreshTicket)
	if err != nil {
		return Issued{}, invalidGrant(err)
	}
	if t.Credential != credential {
		return Issued{}, badGrant()
	}
	return s.exchange(ctx, org, t, from)
}

// Renew is Refresh for an audience whose clients do not say who they are: the
// token alone does.
func (s *Sessions) Renew(ctx context.Context, token string, from netip.Addr) (Issued, error) {
	org, t, err := s.find(ctx, token, store.RefreshTicket)
	if err != nil {
		return Issued{}, invalidGrant(err)
	}
	return s.exchange(ctx, org, t, from)
}

// exchange uses a refresh token up and carries its session on.
func (s *Sessions) exchange(ctx context.Context, org countersign.OrganizationID, t store.Ticket, from netip.Addr) (Issued, error) {
	actor, err := s.actor(ctx, org, t, from)
	if err != nil {
		return Issued{}, invalidGrant(err)
	}
	p, err := s.draw(ctx, actor, grown{t.Scope, t.Consent, t.Family})
	if err != nil {
		return Issued{}, err
	}
	err = s.once(ctx, org, t.Hash, t.Family, func(tx store.TicketTx) error {
		if err := tx.ExtendTicket(ctx, t.Family, p.RefreshExpiresAt); err != nil {
			return err
		}
		return p.store(ctx, tx)
	})
	return p.issued(invalidGrant(err))
}

// once uses a ticket and does what follows from it; if it was used before, the
// family ends instead.
func (s *Sessions) once(ctx context.Context, org countersign.OrganizationID, hash, family []byte, then func(store.TicketTx) error) error {
	again := false
	err := s.engine.Tickets(ctx, org, func(tx store.TicketTx) error {
		again = false
		err := tx.UseTicket(ctx, hash, s.now())
		if errors.Is(err, countersign.Stale) {
			again = true
			return tx.EndTicket(ctx, family)
		}
		if err != nil {
			return err
		}
		return then(tx)
	})
	if err == nil && again {
		return badGrant()
	}
	return err
}

// Code makes a code with which a client may, once, begin a session for a person:
// client is the client as it acts for him. The session also rests on consent, the
// credential by which he asks: by revoking that he ends it.
func (s *Sessions) Code(ctx context.Context, client countersign.Actor, consent countersign.CredentialID, scope string) (string, error) {
	value, err := secret.Short(s.random, secret.CodePrefix, client.Organization)
	if err != nil {
		return "", err
	}
	now := s.now()
	err = s.engine.Tickets(ctx, client.Organization, func(tx store.TicketTx) error {
		return tx.AddTicket(ctx, store.Ticket{
			Hash: secret.Hash(value), Kind: store.CodeTicket, Audience: s.audience.Name, User: client.User, Subject: client.Subject,
			Credential: client.Credential, Consent: consent, Scope: scope, CreatedAt: now, ExpiresAt: now.Add(s.audience.Code),
		}, maxTickets)
	})
	if err != nil {
		return "", tooMany(err)
	}
	return value, nil
}

// Redeem exchanges a code, once, for the tokens of a session. A second attempt
// ends the session that the first began.
func (s *Sessions) Redeem(ctx context.Context, code string, credential countersign.CredentialID, from netip.Addr) (Issued, error) {
	org, t, err := s.find(ctx, code, store.CodeTicket)
	if err != nil {
		return Issued{}, invalidGrant(err)
	}
	if t.Credential != credential {
		return Issued{}, badGrant()
	}
	actor, err := s.actor(ctx, org, t, from)
	if err != nil {
		return Issued{}, invalidGrant(err)
	}
	family := sha256.Sum256(append([]byte("session of "), t.Hash...))
	issued, err := s.open(ctx, actor, grown{t.Scope, t.Consent, family[:]}, func(tx store.TicketTx) error { return tx.UseTicket(ctx, t.Hash, s.now()) })
	if errors.Is(err, countersign.Stale) {
		return Issued{}, errors.Join(s.end(ctx, org, family[:]), badGrant())
	}
	return issued, invalidGrant(err)
}

func (s *Sessions) end(ctx context.Context, org countersign.OrganizationID, hash []byte) error {
	return s.engine.Tickets(ctx, org, func(tx store.TicketTx) error { return tx.EndTicket(ctx, hash) })
}

// Revoke ends an access or refresh token of a credential, and the whole session
// if it belongs to one. What is not there, or another's, is left as it is, and
// nobody is told.
func (s *Sessions) Revoke(ctx context.Context, token string, credential countersign.CredentialID) error {
	org, ok := secret.OrganizationOf(token)
	if !ok {
		return nil
	}
	t, err := s.engine.Ticket(ctx, org, secret.Hash(token))
	switch {
	case errors.Is(err, countersign.NotFound):
		return nil
	case err != nil:
		return err
	case t.Credential != credential || t.Audience != s.audience.Name || t.Kind != store.AccessTicket && t.Kind != store.RefreshTicket:
		return nil
	case len(t.Family) > 0:
		return s.end(ctx, org, t.Family)
	}
	return s.end(ctx, org, t.Hash)
}
