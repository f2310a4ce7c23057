package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/secret"
	"github.com/countersign/countersign/internal/store"
)

// maxTickets is how many living tokens of one kind a credential may have: one
// for each of 10,000 processes that start within the life of a token.
const maxTickets = 10_000

// Audience is an API that issues short-lived tokens and honours its own.
type Audience struct {
	Name string
	// Access, Refresh and Code are how long each kind works.
	Access, Refresh, Code time.Duration
	// JWT gives access tokens the shape of a JWT whose sub is the number of the
	// user; they prove nothing by it.
	JWT bool
}

// Sessions issues and recognises the short-lived tokens of one audience: access
// tokens, refresh tokens that work once, and codes. It is safe for concurrent
// use, and any number of nodes share what they issued.
//
// A token rests on a credential, and on that by which a person let a client act
// for him. It ends with it, with the user, the person who
// answers for him or the subject, at once and on every node, because all of them
// are looked up in the roster whenever it is used.
type Sessions struct {
	engine   *engine.Engine
	now      func() time.Time
	random   io.Reader
	audience Audience
}

// NewSessions returns the sessions of an audience; random must be cryptographic.
func NewSessions(e *engine.Engine, now func() time.Time, random io.Reader, a Audience) *Sessions {
	return &Sessions{engine: e, now: now, random: random, audience: a}
}

// Issued are fresh tokens.
type Issued struct {
	Access    string
	ExpiresAt time.Time
	// Refresh is empty where there is none.
	Refresh          string
	RefreshExpiresAt time.Time
	Scope            string
}

// Life is how long the access token works.
func (i Issued) Life(now time.Time) time.Duration { return i.ExpiresAt.Sub(now) }

// Mark is something that works only once, as an assertion does, until it
// expires by itself.
type Mark struct {
	Hash      [sha256.Size]byte
	ExpiresAt time.Time
}

// Issue makes an access token for an actor, as he was resolved. used, unless
// nil, is used up with it; if it was used before, nothing is issued: Exists.
func (s *Sessions) Issue(ctx context.Context, actor countersign.Actor, scope string, used *Mark) (Issued, error) {
	p, err := s.draw(ctx, actor, grown{scope: scope})
	if err != nil {
		return Issued{}, err
	}
	err = s.engine.Tickets(ctx, actor.Organization, func(tx store.TicketTx) error {
		if used != nil {
			mark := p.access
			mark.Kind, mark.Hash, mark.ExpiresAt = store.MarkTicket, used.Hash[:], used.ExpiresAt
			if err := tx.AddTicket(ctx, mark, maxTickets); err != nil {
				return err
			}
		}
		return tx.AddTicket(ctx, p.access, maxTickets)
	})
	return p.issued(err)
}

// Open begins a session: an access token, and a refresh token to carry it on.
func (s *Sessions) Open(ctx context.Context, actor countersign.Actor, scope string) (Issued, error) {
	raw := make([]byte, sha256.Size)
	if _, err := io.ReadFull(s.random, raw); err != nil {
		return Issued{}, err
	}
	return s.open(ctx, actor, grown{scope: scope, family: raw}, nil)
}

// grown is what tokens have from what they grew from.
type grown struct {
	scope   string
	consent countersign.CredentialID
	family  []byte
}

// open begins the session of a family. before runs first, in its transaction.
func (s *Sessions) open(ctx context.Context, actor countersign.Actor, from grown, before func(store.TicketTx) error) (Issued, error) {
	p, err := s.draw(ctx, actor, from)
	if err != nil {
		return Issued{}, err
	}
	err = s.engine.Tickets(ctx, actor.Organization, func(tx store.TicketTx) error {
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		root := p.refresh
		root.Kind, root.Hash, root.Family = store.FamilyTicket, from.family, nil
		if err := tx.AddTicket(ctx, root, maxTickets); err != nil {
			return err
		}
		return p.store(ctx, tx)
	})
	return p.issued(err)
}

// pair is what is about to be issued.
type pair struct {
	Issued
	access, refresh store.Ticket
}

// draw makes an access token and, for a family, a refresh token.
func (s *Sessions) draw(ctx context.Context, actor countersign.Actor, from grown) (pair, error) {
	now := s.now()
	ticket := store.Ticket{
		Kind: store.AccessTicket, Audience: s.audience.Name, User: actor.User, Subject: actor.Subject, Credential: actor.Credential,
		Consent: from.consent, Scope: from.scope, Family: from.family, CreatedAt: now, ExpiresAt: now.Add(s.audience.Access),
	}
	p := pair{access: ticket, refresh: ticket}
	p.Scope, p.ExpiresAt = from.scope, ticket.ExpiresAt
	value, err := s.accessToken(ctx, actor, ticket)
	if err != nil {
		return p, err
	}
	p.Access, p.access.Hash = value, secret.Hash(value)
	if from.family == nil {
		return p, nil
	}
	if p.Refresh, err = secret.Short(s.random, secret.RefreshPrefix, actor.Organization); err != nil {
		return p, err
	}
	p.RefreshExpiresAt = now.Add(s.audience.Refresh)
	p.refresh.Kind, p.refresh.Hash, p.refresh.ExpiresAt = store.RefreshTicket, secret.Hash(p.Refresh), p.RefreshExpiresAt
	return p, nil
}

func (s *Sessions) accessToken(ctx context.Context, actor countersign.Actor, t store.Ticket) (string, error) {
	if !s.audience.JWT {
		return secret.Short(s.random, secret.AccessPrefix, actor.Organization)
	}
	picture, err := s.engine.Picture(ctx, actor.Organization)
	if err != nil {
		return "", err
	}
	user, ok := picture.User(actor.Viewer(), t.CreatedAt)
	if !ok {
		return "", refused()
	}
	return secret.ShortJWT(s.random, actor.Organization, strconv.FormatInt(user.Number, 10), t.CreatedAt, t.ExpiresAt)
}

// store puts both tickets.
func (p pair) store(ctx context.Context, tx store.TicketTx) error {
	if err := tx.AddTicket(ctx, p.access, maxTickets); err != nil {
		return err
	}
	return tx.AddTicket(ctx, p.refresh, maxTickets)
}

// issued gives the tokens away once they are stored.
func (p pair) issued(err error) (Issued, error) {
	if err != nil {
		return Issued{}, tooMany(err)
	}
	return p.Issued, nil
}

// tooMany says how to go on where there is no room.
func tooMany(err error) error {
	if !errors.Is(err, countersign.Limited) {
		return err
	}
	e := countersign.Code(countersign.Limited, "too_many_tokens", "", "this credential has 10,000 tokens that have not expired yet; keep a token until it expires, or revoke it").Caused(err)
	e.Detail = map[string]string{"retry_after": "60"}
	return e
}

// Resolve says who calls by an access token, and the scope it was issued for.
func (s *Sessions) Resolve(ctx context.Context, token string, from netip.Addr) (countersign.Actor, string, error) {
	org, t, err := s.find(ctx, token, store.AccessTicket)
	if err != nil {
		return countersign.Actor{}, "", err
	}
	actor, err := s.actor(ctx, org, t, from)
	return actor, t.Scope, err
}

// find looks a secret up; whatever is wrong with it, the error is the same.
func (s *Sessions) find(ctx context.Context, value string, kind store.TicketKind) (countersign.OrganizationID, store.Ticket, error) {
	org, ok := secret.OrganizationOf(value)
	if !ok || !s.looksLike(value, kind) {
		return "", store.Ticket{}, refused()
	}
	t, err := s.engine.Ticket(ctx, org, secret.Hash(value))
	switch {
	case errors.Is(err, countersign.NotFound):
		return org, t, refused()
	case err != nil:
		return org, t, err
	case t.Kind != kind || t.Audience != s.audience.Name || !s.now().Before(t.ExpiresAt):
		return org, t, refused()
	}
	return org, t, nil
}

// consented reports whether the credential by which the subject let a token be
// still works, where there was one.
func consented(picture *roster.Picture, t store.Ticket, now time.Time) bool {
	if t.Consent == "" {
		return true
	}
	credential, ok := picture.Credential(t.Consent)
	return ok && credential.UserID == t.Subject && credential.WorksAt(now)
}

// looksLike spares the store what cannot be one of ours, such as lasting tokens.
func (s *Sessions) looksLike(value string, kind store.TicketKind) bool {
	switch kind {
	case store.RefreshTicket:
		return strings.HasPrefix(value, secret.RefreshPrefix)
	case store.CodeTicket:
		return strings.HasPrefix(value, secret.CodePrefix)
	default:
		return s.audience.JWT || strings.HasPrefix(value, secret.AccessPrefix)
	}
}

// actor is who a ticket stands for, if he may still call.
func (s *Sessions) actor(ctx context.Context, org countersign.OrganizationID, t store.Ticket, from netip.Addr) (countersign.Actor, error) {
	picture, err := s.engine.Picture(ctx, org)
	if errors.Is(err, countersign.NotFound) {
		return countersign.Actor{}, refused()
	}
	if err != nil {
		return countersign.Actor{}, err
	}
	now := s.now()
	credential, ok := picture.Credential(t.Credential)
	if !ok || credential.UserID != t.User || !credential.WorksAt(now) {
		return countersign.Actor{}, refused()
	}
	if !consented(picture, t, now) {
		return countersign.Actor{}, refused()
	}
	actor, err := account(picture, org, &credential, countersign.ByAccessToken, from)
	if err != nil {
		return actor, err
	}
	if actor.Subject = t.Subject; actor.Subject != "" && engine.ActFor(picture, actor, actor.Subject, now) != nil {
		return countersign.Actor{}, refused()
	}
	return actor, nil
}
