package sqlstore

import (
	"context"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const ticketColumns = `hash, kind, audience, user_id, subject_id, credential_id, consent_id, scope, family, created_at, expires_at, used_at`

const (
	ticketByHash statement = `select ` + ticketColumns + ` from tickets as t
		where t.organization_id = $1 and t.hash = $2 and (length(t.family) = 0
			or exists (select 1 from tickets as f where f.organization_id = $1 and f.hash = t.family))`
	// Counting ends at the bound, so it costs little while there is room.
	addTicket statement = `insert into tickets (organization_id, ` + ticketColumns + `)
		select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
		where (select count(*) from (select 1 from tickets where organization_id = $1 and credential_id = $7
			and kind = $3 and used_at = 0 and expires_at > $11 limit $14) as living) < $14`
	useTicket    statement = `update tickets set used_at = $3 where organization_id = $1 and hash = $2 and used_at = 0`
	extendTicket statement = `update tickets set expires_at = $3 where organization_id = $1 and hash = $2`
	endTicket    statement = `delete from tickets where organization_id = $1 and hash = $2`
	purgeTickets statement = `delete from tickets where organization_id = $1 and hash in (
		select hash from tickets where organization_id = $1 and expires_at <= $2 order by expires_at limit $3)`
)

// ticketTx is a transaction that locks nothing but the rows it writes.
type ticketTx struct {
	s   *session
	org countersign.OrganizationID
}

var _ store.TicketTx = (*ticketTx)(nil)

// WriteTickets runs fn in one transaction over tickets.
func (db *DB) WriteTickets(ctx context.Context, org countersign.OrganizationID, fn func(store.TicketTx) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	return persist(ctx, func() (bool, error) {
		began := false
		f, err := db.within(ctx, db.engine.write, func(s *session) (failure, error) {
			began = true
			err := fn(&ticketTx{s: s, org: org})
			if err == nil {
				err = s.failed
			}
			if err != nil {
				return failure{transient: s.worthAnother(err)}, err
			}
			if err := ctx.Err(); err != nil {
				return failure{}, givenUp(err)
			}
			return s.commit(ctx)
		})
		return f.transient && (began || ctx.Err() == nil), err
	})
}

func ticketDest(t *store.Ticket) []any {
	return []any{
		bytes(&t.Hash), &t.Kind, &t.Audience, &t.User, &t.Subject, &t.Credential, &t.Consent, &t.Scope, bytes(&t.Family),
		at(&t.CreatedAt), at(&t.ExpiresAt), at(&t.UsedAt),
	}
}

// Ticket finds one ticket.
func (db *DB) Ticket(ctx context.Context, org countersign.OrganizationID, hash []byte) (found store.Ticket, err error) {
	err = db.look(ctx, func(s *session) error {
		found, err = (&ticketTx{s: s, org: org}).Ticket(ctx, hash)
		return err
	})
	return found, err
}

func (t *ticketTx) Ticket(ctx context.Context, hash []byte) (store.Ticket, error) {
	return find(ctx, t.s, "ticket", ticketDest, ticketByHash, t.org, hash)
}

func (t *ticketTx) AddTicket(ctx context.Context, k store.Ticket, most int) error {
	added, err := t.s.exec(ctx, addTicket, t.org, k.Hash, k.Kind, k.Audience, k.User, k.Subject, k.Credential, k.Consent, k.Scope, k.Family,
		k.CreatedAt, k.ExpiresAt, k.UsedAt, most)
	if err == nil && added == 0 {
		err = countersign.Code(countersign.Limited, "too_many_tickets", "", "this credential has too many tokens that have not expired yet")
	}
	return err
}

func (t *ticketTx) UseTicket(ctx context.Context, hash []byte, at time.Time) error {
	used, err := t.s.exec(ctx, useTicket, t.org, hash, at)
	if err != nil || used > 0 {
		return err
	}
	if _, err := t.Ticket(ctx, hash); err != nil {
		return err
	}
	return countersign.Code(countersign.Stale, "ticket_used", "", "this has been used already")
}

func (t *ticketTx) ExtendTicket(ctx context.Context, hash []byte, expiresAt time.Time) error {
	extended, err := t.s.exec(ctx, extendTicket, t.org, hash, expiresAt)
	if err == nil && extended == 0 {
		err = notFound("ticket")
	}
	return err
}

func (t *ticketTx) EndTicket(ctx context.Context, hash []byte) error {
	_, err := t.s.exec(ctx, endTicket, t.org, hash)
	return err
}

func (t *ticketTx) PurgeTickets(ctx context.Context, oldest time.Time, limit int) error {
	if limit <= 0 {
		return nil
	}
	_, err := t.s.exec(ctx, purgeTickets, t.org, oldest, limit)
	return err
}
