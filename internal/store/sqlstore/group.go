package sqlstore

import (
	"context"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const groupColumns = `id, number, name, description, permissions, external_sync_identifier, provenance,
	invitability, member_viewability, state, created_by, modified_by, created_at, modified_at,
	rev, attributes_version, permissions_version, state_version`

const (
	groupByID     statement = `select ` + groupColumns + `, members_version from groups where organization_id = $1 and id = $2`
	groupByNumber statement = `select ` + groupColumns + `, members_version from groups
		where organization_id = $1 and number = $2 and number <> 0`
	livingGroupByName statement = `select ` + groupColumns + `, members_version from groups
		where organization_id = $1 and name_key = $2 and state <> 'deleted'`
	groupsSince statement = `select ` + groupColumns + `, members_version from groups
		where organization_id = $1 and rev > $2 order by rev, id`
	livingGroups statement = `select ` + groupColumns + `, members_version from groups
		where organization_id = $1 and state <> 'deleted'`
	deletedGroups statement = `select ` + groupColumns + `, members_version from groups
		where organization_id = $1 and state = 'deleted'`
	putGroup statement = `insert into groups (organization_id, name_key, ` + groupColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
		on conflict (organization_id, id) do update set
			name_key = excluded.name_key, number = excluded.number, name = excluded.name, description = excluded.description,
			permissions = excluded.permissions, external_sync_identifier = excluded.external_sync_identifier,
			provenance = excluded.provenance, invitability = excluded.invitability,
			member_viewability = excluded.member_viewability, state = excluded.state, created_by = excluded.created_by,
			modified_by = excluded.modified_by, created_at = excluded.created_at, modified_at = excluded.modified_at,
			rev = excluded.rev, attributes_version = excluded.attributes_version,
			permissions_version = excluded.permissions_version, state_version = excluded.state_version`
	touchMembers     statement = `update groups set members_version = $3 where organization_id = $1 and id = $2`
	touchManyMembers           = `update groups set members_version = $3
		where organization_id = $1 and id in (select w from {rows})`
)

func groupDest(g *countersign.Group) []any {
	return []any{
		&g.ID, &g.Number, &g.Name, &g.Description, parsed(&g.Permissions), &g.ExternalSyncIdentifier, &g.Provenance,
		&g.Invitability, &g.MemberViewability, &g.State, &g.CreatedBy, &g.ModifiedBy, at(&g.CreatedAt), at(&g.ModifiedAt),
		&g.Version, &g.AttributesVersion, &g.PermissionsVersion, &g.StateVersion, &g.MembersVersion,
	}
}

func (t *readTx) Group(ctx context.Context, id countersign.GroupID) (countersign.Group, error) {
	return t.group(ctx, groupByID, id)
}

func (t *readTx) GroupByNumber(ctx context.Context, number int64) (countersign.Group, error) {
	return t.group(ctx, groupByNumber, number)
}

func (t *readTx) LivingGroupByName(ctx context.Context, key string) (countersign.Group, error) {
	return t.group(ctx, livingGroupByName, key)
}

func (t *readTx) group(ctx context.Context, q statement, key any) (countersign.Group, error) {
	return find(ctx, t.s, "group", groupDest, q, t.org, key)
}

func (t *readTx) GroupsSince(ctx context.Context, position int64, fn func(countersign.Group) error) error {
	return scan(ctx, t.s, groupDest, groupsSince, []any{t.org, position}, fn)
}

func (t *readTx) LivingGroups(ctx context.Context, fn func(countersign.Group) error) error {
	return scan(ctx, t.s, groupDest, livingGroups, []any{t.org}, fn)
}

func (t *readTx) DeletedGroups(ctx context.Context, fn func(countersign.Group) error) error {
	return scan(ctx, t.s, groupDest, deletedGroups, []any{t.org}, fn)
}

func (t *writeTx) PutGroup(ctx context.Context, g countersign.Group, nameKey string) error {
	return t.PutGroups(ctx, []store.GroupRow{{Group: g, NameKey: nameKey}})
}

func (t *writeTx) PutGroups(ctx context.Context, rows []store.GroupRow) error {
	rows = lastOfEach(rows, func(r *store.GroupRow) countersign.GroupID { return r.Group.ID })
	return putAll(ctx, t, putGroup, rows, func(r *store.GroupRow) []any {
		g := &r.Group
		return []any{
			r.NameKey,
			g.ID, g.Number, g.Name, g.Description, g.Permissions, g.ExternalSyncIdentifier, g.Provenance,
			g.Invitability, g.MemberViewability, g.State, g.CreatedBy, g.ModifiedBy, g.CreatedAt, g.ModifiedAt,
			g.Version, g.AttributesVersion, g.PermissionsVersion, g.StateVersion,
		}
	})
}

func (t *writeTx) TouchMembers(ctx context.Context, id countersign.GroupID, position int64) error {
	touched, err := t.s.exec(ctx, touchMembers, t.org, id, position)
	if err == nil && touched == 0 {
		err = notFound("group")
	}
	return err
}

func (t *writeTx) TouchManyMembers(ctx context.Context, ids []countersign.GroupID, position int64) error {
	if len(ids) == 0 {
		return nil
	}
	each := slices.Compact(slices.Sorted(slices.Values(ids)))
	rows, err := words(each)
	if err != nil {
		return err
	}
	touched, err := t.s.exec(ctx, t.s.db.texts.touchManyMembers, t.org, rows, position)
	if err == nil && touched < int64(len(each)) {
		err = notFound("group")
	}
	return err
}
