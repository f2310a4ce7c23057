package engine

import (
	"context"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// Short-lived tokens are not governed: no entry, no version, no lock of the
// organization. internal/authn makes and reads them; here is where they are kept.

// Tickets runs fn in one transaction over the tickets of an organization.
func (e *Engine) Tickets(ctx context.Context, org countersign.OrganizationID, fn func(store.TicketTx) error) error {
	return e.store.WriteTickets(ctx, org, fn)
}

// Ticket finds one ticket by the SHA-256 of its secret; else NotFound.
func (e *Engine) Ticket(ctx context.Context, org countersign.OrganizationID, hash []byte) (store.Ticket, error) {
	return e.store.Ticket(ctx, org, hash)
}

// Client finds the credential of an OAuth client id, in any state; else NotFound.
func (e *Engine) Client(ctx context.Context, clientID string) (countersign.OrganizationID, countersign.CredentialID, error) {
	var org countersign.OrganizationID
	var id countersign.CredentialID
	err := e.store.Deployment(ctx, func(tx store.DeploymentTx) error {
		var err error
		org, id, err = tx.LocateClient(ctx, clientID)
		return err
	})
	return org, id, err
}

// SecretHolder finds the credential of a secret by its SHA-256, in any state and
// organization; else NotFound. It is for who brings nothing but a secret.
func (e *Engine) SecretHolder(ctx context.Context, hash []byte) (countersign.OrganizationID, countersign.CredentialID, error) {
	var org countersign.OrganizationID
	var id countersign.CredentialID
	err := e.store.Deployment(ctx, func(tx store.DeploymentTx) error {
		var err error
		org, id, err = tx.LocateSecret(ctx, hash)
		return err
	})
	return org, id, err
}

// ActFor tells whether an actor may act for a user now; see access.ActFor. The
// picture must be one of his organization.
func ActFor(picture *roster.Picture, actor countersign.Actor, subject countersign.UserID, now time.Time) error {
	own := func(p countersign.Permission) bool { return picture.Holds(actor.User, p, now) }
	account, _ := picture.Account(subject)
	return access.ActFor(actor, own, account.Type, account.State)
}

// holds reports whether an actor holds a permission: for himself, or together
// with the user for whom he acts.
func holds(picture *roster.Picture, actor countersign.Actor, p countersign.Permission, now time.Time) bool {
	return picture.Holds(actor.User, p, now) && (actor.Subject == "" || picture.Holds(actor.Subject, p, now))
}
