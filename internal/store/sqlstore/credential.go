package sqlstore

import (
	"context"

	"github.com/countersign/countersign"
)

const credentialColumns = `id, user_id, type, state, label, secret_hash, public_key, client_id, requested_by,
	created_at, modified_at, expires_at, rev`

const (
	credentialByID    statement = `select ` + credentialColumns + ` from credentials where organization_id = $1 and id = $2`
	credentialsOfUser statement = `select ` + credentialColumns + ` from credentials
		where organization_id = $1 and user_id = $2 and state in ('pending_collection', 'active') order by id`
	credentialsSince statement = `select ` + credentialColumns + ` from credentials
		where organization_id = $1 and rev > $2 order by rev, id`
	putCredential statement = `insert into credentials (organization_id, ` + credentialColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (organization_id, id) do update set
			user_id = excluded.user_id, type = excluded.type, state = excluded.state, label = excluded.label,
			secret_hash = excluded.secret_hash, public_key = excluded.public_key, client_id = excluded.client_id,
			requested_by = excluded.requested_by, created_at = excluded.created_at, modified_at = excluded.modified_at,
			expires_at = excluded.expires_at, rev = excluded.rev`
)

func credentialDest(c *countersign.Credential) []any {
	return []any{
		&c.ID, &c.UserID, &c.Type, &c.State, &c.Label, bytes(&c.SecretHash), &c.PublicKey, &c.ClientID, &c.RequestedBy,
		at(&c.CreatedAt), at(&c.ModifiedAt), at(&c.ExpiresAt), &c.Version,
	}
}

func (t *readTx) Credential(ctx context.Context, id countersign.CredentialID) (countersign.Credential, error) {
	return find(ctx, t.s, "credential", credentialDest, credentialByID, t.org, id)
}

func (t *readTx) CredentialsOfUser(ctx context.Context, id countersign.UserID, fn func(countersign.Credential) error) error {
	return list(ctx, t.s, credentialDest, credentialsOfUser, []any{t.org, id}, fn)
}

func (t *readTx) CredentialsSince(ctx context.Context, position int64, fn func(countersign.Credential) error) error {
	return scan(ctx, t.s, credentialDest, credentialsSince, []any{t.org, position}, fn)
}

func (t *writeTx) PutCredential(ctx context.Context, c countersign.Credential) error {
	_, err := t.s.exec(ctx, putCredential, t.org,
		c.ID, c.UserID, c.Type, c.State, c.Label, bytesOrNull(c.SecretHash), c.PublicKey, c.ClientID, c.RequestedBy,
		c.CreatedAt, c.ModifiedAt, c.ExpiresAt, c.Version)
	return err
}
