package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const (
	// takeHead changes nothing and locks everything: it is the first statement
	// of every write, but where a transaction that writes is alone anyway.
	takeHead statement = `update audit_heads set size = size where organization_id = $1
		returning size, last_time, frontier`
	readHead statement = `select size, last_time, frontier from audit_heads where organization_id = $1`
	moveHead statement = `update audit_heads set size = $2, last_time = $3, frontier = $4
		where organization_id = $1 and size = $2 - 1`

	insertHead         statement = `insert into audit_heads (organization_id, size, last_time, frontier) values ($1, 0, 0, $2)`
	insertOrganization statement = `insert into organizations (` + organizationColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	organizationOf     statement = `select ` + organizationColumns + ` from organizations where organization_id = $1`
	updateOrganization statement = `update organizations set name = $2, sealed_at = $3, policy = $4, rev = $5, policy_version = $6,
			recovery = $7, recovery_version = $8, drills = $9, frozen_at = $10, freeze_version = $11
		where organization_id = $1`

	allotUserNumbers statement = `update audit_heads set user_numbers = user_numbers + $2
		where organization_id = $1 returning user_numbers`
	allotGroupNumbers statement = `update audit_heads set group_numbers = group_numbers + $2
		where organization_id = $1 returning group_numbers`
	allotMembershipNumbers statement = `update audit_heads set membership_numbers = membership_numbers + $2
		where organization_id = $1 returning membership_numbers`

	cataloguePermission statement = `select permission, description, removed, rev from catalogue_permissions
		where organization_id = $1 and permission = $2`
	catalogueSince statement = `select permission, description, removed, rev from catalogue_permissions
		where organization_id = $1 and rev > $2 order by rev, permission`
	putCataloguePermission statement = `insert into catalogue_permissions (organization_id, permission, description, removed, rev)
		values ($1, $2, $3, $4, $5)
		on conflict (organization_id, permission) do update set
			description = excluded.description, removed = excluded.removed, rev = excluded.rev`
)

const organizationColumns = `organization_id, number, name, sealed_at, policy, created_at, rev, policy_version,
	recovery, recovery_version, drills, frozen_at, freeze_version`

func organizationDest(o *countersign.Organization) []any {
	return []any{
		&o.ID, &o.Number, &o.Name, at(&o.SealedAt), parsed(&o.Policy), at(&o.CreatedAt), &o.Version, &o.PolicyVersion,
		parsed(&o.Recovery), &o.RecoveryVersion, parsed(&o.Drills), at(&o.FrozenAt), &o.FreezeVersion,
	}
}

func (t *readTx) headColumns() []any {
	return []any{&t.head.Size, at(&t.head.Time), bytes(&t.head.Frontier)}
}

// found inserts an organization, which makes it visible to nobody yet.
func (t *writeTx) found(ctx context.Context, o countersign.Organization) error {
	_, err := t.s.exec(ctx, insertOrganization, o.ID, o.Number, o.Name, o.SealedAt, o.Policy, o.CreatedAt, o.Version, o.PolicyVersion,
		o.Recovery, o.RecoveryVersion, o.Drills, o.FrozenAt, o.FreezeVersion)
	if err != nil {
		return err
	}
	_, err = t.s.exec(ctx, insertHead, o.ID, []byte{})
	return err
}

// Head returns where the log stands; its frontier is the caller's to keep.
func (t *readTx) Head(_ context.Context) (countersign.Head, error) {
	head := t.head
	head.Frontier = slices.Clone(head.Frontier)
	return head, t.s.failed
}

func (t *readTx) Organization(ctx context.Context) (countersign.Organization, error) {
	return find(ctx, t.s, "organization", organizationDest, organizationOf, t.org)
}

func (t *readTx) CataloguePermission(ctx context.Context, p countersign.Permission) (countersign.CataloguePermission, error) {
	return find(ctx, t.s, "permission", catalogueDest, cataloguePermission, t.org, p)
}

func (t *readTx) CatalogueSince(ctx context.Context, position int64, fn func(countersign.CataloguePermission) error) error {
	return scan(ctx, t.s, catalogueDest, catalogueSince, []any{t.org, position}, fn)
}

func catalogueDest(c *countersign.CataloguePermission) []any {
	return []any{&c.Permission, &c.Description, &c.Removed, &c.Version}
}

func (t *writeTx) PutOrganization(ctx context.Context, o countersign.Organization) error {
	if o.ID != t.org {
		return fmt.Errorf("organization %s written in a transaction of %s", o.ID, t.org)
	}
	_, err := t.s.exec(ctx, updateOrganization, t.org, o.Name, o.SealedAt, o.Policy, o.Version, o.PolicyVersion,
		o.Recovery, o.RecoveryVersion, o.Drills, o.FrozenAt, o.FreezeVersion)
	return err
}

func (t *writeTx) PutCataloguePermission(ctx context.Context, p countersign.CataloguePermission) error {
	_, err := t.s.exec(ctx, putCataloguePermission, t.org, p.Permission, p.Description, p.Removed, p.Version)
	return err
}

func (t *writeTx) Allot(ctx context.Context, sequence store.Sequence, n int64) (int64, error) {
	var q statement
	switch sequence {
	case store.UserNumbers:
		q = allotUserNumbers
	case store.GroupNumbers:
		q = allotGroupNumbers
	case store.MembershipNumbers:
		q = allotMembershipNumbers
	default:
		return 0, fmt.Errorf("no sequence %q", sequence)
	}
	if n < 1 {
		return 0, fmt.Errorf("%d numbers asked of sequence %q", n, sequence)
	}
	var last int64
	if _, err := t.s.one(ctx, q, []any{t.org, n}, &last); err != nil {
		return 0, err
	}
	return last - n + 1, nil
}
