package sqlstore

import (
	"context"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const userColumns = `id, number, type, role, state, name, email, external_id, permissions, responsible_person_id,
	allowed_ips, invited_by, device_reset_by, created_at, modified_at, last_keep_alive_at, last_active_at,
	rev, attributes_version, role_version, state_version, permissions_version, profile`

// The conditions on state and emptiness repeat those of the partial indexes:
// without them neither planner would use one.
const (
	userByID          statement = `select ` + userColumns + ` from users where organization_id = $1 and id = $2`
	userByNumber      statement = `select ` + userColumns + ` from users where organization_id = $1 and number = $2 and number <> 0`
	livingUserByEmail statement = `select ` + userColumns + ` from users
		where organization_id = $1 and email_key = $2 and state <> 'deleted' and email_key <> ''`
	livingUserByExternalID statement = `select ` + userColumns + ` from users
		where organization_id = $1 and external_id = $2 and state <> 'deleted' and external_id <> '' and type = 'end_user'`
	usersSince statement = `select ` + userColumns + ` from users
		where organization_id = $1 and rev > $2 order by rev, id`
	livingUsers statement = `select ` + userColumns + ` from users
		where organization_id = $1 and state <> 'deleted'`
	deletedUsers statement = `select ` + userColumns + ` from users
		where organization_id = $1 and state = 'deleted'`
	putUser statement = `insert into users (organization_id, email_key, ` + userColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
		on conflict (organization_id, id) do update set
			email_key = excluded.email_key, number = excluded.number, type = excluded.type, role = excluded.role,
			state = excluded.state, name = excluded.name, email = excluded.email, external_id = excluded.external_id,
			permissions = excluded.permissions, responsible_person_id = excluded.responsible_person_id,
			allowed_ips = excluded.allowed_ips, invited_by = excluded.invited_by, device_reset_by = excluded.device_reset_by,
			created_at = excluded.created_at, modified_at = excluded.modified_at,
			last_keep_alive_at = excluded.last_keep_alive_at, last_active_at = excluded.last_active_at,
			rev = excluded.rev, attributes_version = excluded.attributes_version, role_version = excluded.role_version,
			state_version = excluded.state_version, permissions_version = excluded.permissions_version,
			profile = excluded.profile`
)

func userDest(u *countersign.User) []any {
	return []any{
		&u.ID, &u.Number, &u.Type, &u.Role, &u.State, &u.Name, &u.Email, &u.ExternalID, parsed(&u.Permissions), &u.ResponsiblePersonID,
		parsed(&u.AllowedIPs), &u.InvitedBy, &u.DeviceResetBy, at(&u.CreatedAt), at(&u.ModifiedAt), at(&u.LastKeepAliveAt), at(&u.LastActiveAt),
		&u.Version, &u.AttributesVersion, &u.RoleVersion, &u.StateVersion, &u.PermissionsVersion, parsed(&u.Profile),
	}
}

func (t *readTx) User(ctx context.Context, id countersign.UserID) (countersign.User, error) {
	return t.user(ctx, userByID, id)
}

func (t *readTx) UserByNumber(ctx context.Context, number int64) (countersign.User, error) {
	return t.user(ctx, userByNumber, number)
}

func (t *readTx) LivingUserByEmail(ctx context.Context, key string) (countersign.User, error) {
	return t.user(ctx, livingUserByEmail, key)
}

func (t *readTx) LivingUserByExternalID(ctx context.Context, externalID string) (countersign.User, error) {
	return t.user(ctx, livingUserByExternalID, externalID)
}

func (t *readTx) user(ctx context.Context, q statement, key any) (countersign.User, error) {
	return find(ctx, t.s, "user", userDest, q, t.org, key)
}

func (t *readTx) UsersSince(ctx context.Context, position int64, fn func(countersign.User) error) error {
	return scan(ctx, t.s, userDest, usersSince, []any{t.org, position}, fn)
}

func (t *readTx) LivingUsers(ctx context.Context, fn func(countersign.User) error) error {
	return scan(ctx, t.s, userDest, livingUsers, []any{t.org}, fn)
}

func (t *readTx) DeletedUsers(ctx context.Context, fn func(countersign.User) error) error {
	return scan(ctx, t.s, userDest, deletedUsers, []any{t.org}, fn)
}

func (t *writeTx) PutUser(ctx context.Context, u countersign.User, emailKey string) error {
	return t.PutUsers(ctx, []store.UserRow{{User: u, EmailKey: emailKey}})
}

func (t *writeTx) PutUsers(ctx context.Context, rows []store.UserRow) error {
	rows = lastOfEach(rows, func(r *store.UserRow) countersign.UserID { return r.User.ID })
	return putAll(ctx, t, putUser, rows, func(r *store.UserRow) []any {
		u := &r.User
		return []any{
			r.EmailKey,
			u.ID, u.Number, u.Type, u.Role, u.State, u.Name, u.Email, u.ExternalID, u.Permissions, u.ResponsiblePersonID,
			u.AllowedIPs, u.InvitedBy, u.DeviceResetBy, u.CreatedAt, u.ModifiedAt, u.LastKeepAliveAt, u.LastActiveAt,
			u.Version, u.AttributesVersion, u.RoleVersion, u.StateVersion, u.PermissionsVersion, u.Profile,
		}
	})
}
