package sqlstore

import (
	"context"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const (
	remembered statement = `select principal, route, idempotency_key, fingerprint, status, header, body, created_at
		from idempotency_records where organization_id = $1 and principal = $2 and route = $3 and idempotency_key = $4
		and created_at > $5`
	remember statement = `insert into idempotency_records
			(organization_id, principal, route, idempotency_key, fingerprint, status, header, body, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (organization_id, principal, route, idempotency_key) do update set
			fingerprint = excluded.fingerprint, status = excluded.status, header = excluded.header,
			body = excluded.body, created_at = excluded.created_at`
	forget statement = `delete from idempotency_records where organization_id = $1
		and (principal, route, idempotency_key) in (
			select principal, route, idempotency_key from idempotency_records
			where organization_id = $1 and created_at <= $2 order by created_at limit $3)`
)

func rememberedDest(r *store.IdempotencyRecord) []any {
	return []any{&r.Principal, &r.Route, &r.Key, bytes(&r.Fingerprint), &r.Status, parsed(&r.Header), bytes(&r.Body), at(&r.CreatedAt)}
}

func (t *writeTx) Remembered(ctx context.Context, principal countersign.UserID, route, key string, oldest time.Time) (store.IdempotencyRecord, error) {
	return find(ctx, t.s, "idempotency record", rememberedDest, remembered, t.org, principal, route, key, oldest)
}

func (t *writeTx) Remember(ctx context.Context, r store.IdempotencyRecord) error {
	_, err := t.s.exec(ctx, remember, t.org, r.Principal, r.Route, r.Key, r.Fingerprint, r.Status, r.Header, r.Body, r.CreatedAt)
	return err
}

func (t *writeTx) Forget(ctx context.Context, oldest time.Time, limit int) error {
	if limit <= 0 {
		return nil
	}
	_, err := t.s.exec(ctx, forget, t.org, oldest, limit)
	return err
}
