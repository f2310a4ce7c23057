package sqlstore

import (
	"context"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const importColumns = `import_id, batch, change_id, position, rows, skipped`

const (
	importedBatch statement = `select ` + importColumns + ` from imported_batches
		where organization_id = $1 and import_id = $2 and batch = $3`
	importedBatches statement = `select ` + importColumns + ` from imported_batches
		where organization_id = $1 and import_id = $2 order by batch`
	putImportedBatch statement = `insert into imported_batches (organization_id, ` + importColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7)`

	// The conditions repeat those of the partial indexes, as in user.go.
	usersByEmail = `select email_key, id, type from users
		where organization_id = $1 and email_key in (select w from {rows}) and state <> 'deleted' and email_key <> ''`
	usersByExternalID = `select external_id, id, type from users
		where organization_id = $1 and external_id in (select w from {rows}) and state <> 'deleted' and external_id <> ''`
	usersByID = `select id, id, type from users
		where organization_id = $1 and users.id in (select w from {rows}) and state <> 'deleted'`
	groupsByName = `select name_key, id from groups
		where organization_id = $1 and name_key in (select w from {rows}) and state <> 'deleted'`
	livingPairs = `select user_id, group_id, 0, rev from memberships
		where organization_id = $1 and user_id in (select w from {rows}) and state <> 'removed'`
	removedPairs = `select user_id, group_id, 1, rev from memberships
		where organization_id = $1 and user_id in (select w from {rows}) and state = 'removed' order by number, memberships.id`
)

// importTexts are the statements of an import that take a list, see texts.
type importTexts struct {
	usersByEmail, usersByExternalID, usersByID, groupsByName, livingPairs, removedPairs statement
}

func importedBatchDest(b *store.ImportedBatch) []any {
	return []any{&b.Import, &b.Index, &b.Change, &b.Position, &b.Rows, parsed(&b.Skipped)}
}

func userRefDest(u *store.UserRef) []any { return []any{&u.Key, &u.ID, &u.Type} }

func pairDest(p *store.Pair) []any { return []any{&p.User, &p.Group, &p.Removed, &p.Version} }

func (t *readTx) ImportedBatch(ctx context.Context, id countersign.ChangeID, index int) (store.ImportedBatch, error) {
	return find(ctx, t.s, "batch", importedBatchDest, importedBatch, t.org, id, index)
}

func (t *readTx) ImportedBatches(ctx context.Context, id countersign.ChangeID, fn func(store.ImportedBatch) error) error {
	return list(ctx, t.s, importedBatchDest, importedBatches, []any{t.org, id}, fn)
}

func (t *readTx) UsersByEmail(ctx context.Context, keys []string, fn func(store.UserRef) error) error {
	return byKeys(ctx, t, userRefDest, t.s.db.texts.usersByEmail, keys, fn)
}

func (t *readTx) UsersByExternalID(ctx context.Context, keys []string, fn func(store.UserRef) error) error {
	return byKeys(ctx, t, userRefDest, t.s.db.texts.usersByExternalID, keys, fn)
}

func (t *readTx) UsersByID(ctx context.Context, ids []countersign.UserID, fn func(store.UserRef) error) error {
	return byKeys(ctx, t, userRefDest, t.s.db.texts.usersByID, ids, fn)
}

func (t *readTx) GroupsByName(ctx context.Context, keys []string, fn func(key string, id countersign.GroupID) error) error {
	type ref struct {
		key string
		id  countersign.GroupID
	}
	return byKeys(ctx, t, func(r *ref) []any { return []any{&r.key, &r.id} }, t.s.db.texts.groupsByName, keys, func(r ref) error {
		return fn(r.key, r.id)
	})
}

func (t *readTx) PairsOfUsers(ctx context.Context, ids []countersign.UserID, fn func(store.Pair) error) error {
	if err := byKeys(ctx, t, pairDest, t.s.db.texts.removedPairs, ids, fn); err != nil {
		return err
	}
	return byKeys(ctx, t, pairDest, t.s.db.texts.livingPairs, ids, fn)
}

// byKeys lists what stands under keys, each asked for once and in order.
func byKeys[K ~string, T any](ctx context.Context, t *readTx, dest func(*T) []any, q statement, keys []K, fn func(T) error) error {
	if len(keys) == 0 {
		return nil
	}
	rows, err := words(slices.Compact(slices.Sorted(slices.Values(keys))))
	if err != nil {
		return err
	}
	return list(ctx, t.s, dest, q, []any{t.org, rows}, fn)
}

func (t *writeTx) PutImportedBatch(ctx context.Context, b store.ImportedBatch) error {
	_, err := t.s.exec(ctx, putImportedBatch, t.org, b.Import, b.Index, b.Change, b.Position, b.Rows, b.Skipped)
	return err
}
