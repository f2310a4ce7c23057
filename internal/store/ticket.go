package store

import (
	"context"
	"time"

	"github.com/countersign/countersign"
)

// TicketKind says what a ticket is good for.
type TicketKind string

// The kinds of tickets.
const (
	// AccessTicket stands for a token that opens requests until it expires.
	AccessTicket TicketKind = "access"
	// RefreshTicket stands for a token that is exchanged once for fresh ones.
	RefreshTicket TicketKind = "refresh"
	// CodeTicket stands for a code that is exchanged once for first ones.
	CodeTicket TicketKind = "code"
	// FamilyTicket stands for nothing anybody holds: it is what the tokens that
	// grew from one sign-in stand and fall with.
	FamilyTicket TicketKind = "family"
	// MarkTicket records that something which works only once was used.
	MarkTicket TicketKind = "mark"
)

// Ticket is what is kept of a short-lived secret, or of one that was used. It
// is not governed: no leaf, no version, nothing that a roster follows (product.md
// section 4).
type Ticket struct {
	// Hash is the SHA-256 of the secret, and the ticket's name.
	Hash []byte
	Kind TicketKind
	// Audience is the API that honours it: no other does.
	Audience string
	// User holds the credential that it rests on, Subject is for whom he acts
	// with it: empty when for himself.
	User       countersign.UserID
	Subject    countersign.UserID
	Credential countersign.CredentialID
	// Consent is the credential by which the subject let it be; empty where
	// nobody had to.
	Consent countersign.CredentialID
	Scope   string
	// Family is the hash of the FamilyTicket it belongs to, nil for none.
	Family    []byte
	CreatedAt time.Time
	ExpiresAt time.Time
	// UsedAt is when what works only once was used; zero while it was not.
	UsedAt time.Time
}

// TicketTx is a transaction over the tickets of one organization.
type TicketTx interface {
	// Ticket finds a ticket by its hash, expired or used ones included. One
	// whose family has ended gives NotFound, like one that never was.
	Ticket(ctx context.Context, hash []byte) (Ticket, error)
	// AddTicket stores a ticket, unless its credential has already most of the
	// same kind that are neither used nor expired at CreatedAt: Limited, with the
	// Code "too_many_tickets". Transactions that run at the same time may not see
	// each other's and exceed it by as many as they are. A hash already known
	// gives Exists with the Code "ticket_taken".
	AddTicket(ctx context.Context, t Ticket, most int) error
	// UseTicket marks a ticket as used: exactly one of any number of callers
	// succeeds, the others get Stale with the Code "ticket_used". A ticket that is
	// missing gives NotFound.
	UseTicket(ctx context.Context, hash []byte, at time.Time) error
	// ExtendTicket moves the expiry of a ticket; a missing one gives NotFound.
	ExtendTicket(ctx context.Context, hash []byte, expiresAt time.Time) error
	// EndTicket deletes a ticket, if it is there; of a family it ends all.
	EndTicket(ctx context.Context, hash []byte) error
	// PurgeTickets deletes tickets that expired at or before oldest, at most limit.
	PurgeTickets(ctx context.Context, oldest time.Time, limit int) error
}
