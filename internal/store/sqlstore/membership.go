package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign"
)

const membershipColumns = `id, number, user_id, group_id, role, create_accounts, edit_accounts, run_reports, instant_login,
	starts_at, expires_at, state, created_at, modified_at, rev`

const (
	membershipByID statement = `select ` + membershipColumns + ` from memberships where organization_id = $1 and id = $2`
	// There is at most one living membership of a pair, and any number of
	// removed ones; each kind has its own index.
	livingMembership statement = `select ` + membershipColumns + ` from memberships
		where organization_id = $1 and user_id = $2 and group_id = $3 and state <> 'removed'`
	removedMembership statement = `select ` + membershipColumns + ` from memberships
		where organization_id = $1 and user_id = $2 and group_id = $3 and state = 'removed' order by number desc, id desc limit 1`
	membershipsOfUser statement = `select ` + membershipColumns + ` from memberships
		where organization_id = $1 and user_id = $2 and state <> 'removed' order by id`
	membershipsOfGroup statement = `select ` + membershipColumns + ` from memberships
		where organization_id = $1 and group_id = $2 and state <> 'removed' order by id`
	membershipsSince statement = `select ` + membershipColumns + ` from memberships
		where organization_id = $1 and rev > $2 order by rev, id`
	livingMemberships statement = `select ` + membershipColumns + ` from memberships
		where organization_id = $1 and state <> 'removed'`
	removedMemberships statement = `select ` + membershipColumns + ` from memberships
		where organization_id = $1 and state = 'removed'`
	putMembership statement = `insert into memberships (organization_id, ` + membershipColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		on conflict (organization_id, id) do update set
			number = excluded.number, user_id = excluded.user_id, group_id = excluded.group_id, role = excluded.role,
			create_accounts = excluded.create_accounts, edit_accounts = excluded.edit_accounts,
			run_reports = excluded.run_reports, instant_login = excluded.instant_login, starts_at = excluded.starts_at,
			expires_at = excluded.expires_at, state = excluded.state, created_at = excluded.created_at,
			modified_at = excluded.modified_at, rev = excluded.rev`
	removeMembershipsOfUser statement = `update memberships set state = 'removed', rev = $3, modified_at = $4
		where organization_id = $1 and user_id = $2 and state <> 'removed'`
	removeMembershipsOfGroup statement = `update memberships set state = 'removed', rev = $3, modified_at = $4
		where organization_id = $1 and group_id = $2 and state <> 'removed'`
)

func membershipDest(m *countersign.Membership) []any {
	c := &m.Configurable
	return []any{
		&m.ID, &m.Number, &m.UserID, &m.GroupID, &m.Role, &c.CreateAccounts, &c.EditAccounts, &c.RunReports, &c.InstantLogin,
		at(&m.StartsAt), at(&m.ExpiresAt), &m.State, at(&m.CreatedAt), at(&m.ModifiedAt), &m.Version,
	}
}

func (t *readTx) Membership(ctx context.Context, id countersign.MembershipID) (countersign.Membership, error) {
	return find(ctx, t.s, "membership", membershipDest, membershipByID, t.org, id)
}

func (t *readTx) MembershipOf(ctx context.Context, user countersign.UserID, group countersign.GroupID) (countersign.Membership, error) {
	m, err := find(ctx, t.s, "membership", membershipDest, livingMembership, t.org, user, group)
	if errors.Is(err, countersign.NotFound) {
		return find(ctx, t.s, "membership", membershipDest, removedMembership, t.org, user, group)
	}
	return m, err
}

func (t *readTx) MembershipsOfUser(ctx context.Context, id countersign.UserID, fn func(countersign.Membership) error) error {
	return list(ctx, t.s, membershipDest, membershipsOfUser, []any{t.org, id}, fn)
}

func (t *readTx) MembershipsOfGroup(ctx context.Context, id countersign.GroupID, fn func(countersign.Membership) error) error {
	return list(ctx, t.s, membershipDest, membershipsOfGroup, []any{t.org, id}, fn)
}

func (t *readTx) MembershipsSince(ctx context.Context, position int64, fn func(countersign.Membership) error) error {
	return scan(ctx, t.s, membershipDest, membershipsSince, []any{t.org, position}, fn)
}

func (t *readTx) LivingMemberships(ctx context.Context, fn func(countersign.Membership) error) error {
	return scan(ctx, t.s, membershipDest, livingMemberships, []any{t.org}, fn)
}

func (t *readTx) RemovedMemberships(ctx context.Context, fn func(countersign.Membership) error) error {
	return scan(ctx, t.s, membershipDest, removedMemberships, []any{t.org}, fn)
}

func (t *writeTx) PutMembership(ctx context.Context, m countersign.Membership) error {
	return t.PutMemberships(ctx, []countersign.Membership{m})
}

func (t *writeTx) PutMemberships(ctx context.Context, rows []countersign.Membership) error {
	rows = lastOfEach(rows, func(m *countersign.Membership) countersign.MembershipID { return m.ID })
	return putAll(ctx, t, putMembership, rows, func(m *countersign.Membership) []any {
		c := &m.Configurable
		return []any{
			m.ID, m.Number, m.UserID, m.GroupID, m.Role, c.CreateAccounts, c.EditAccounts, c.RunReports, c.InstantLogin,
			m.StartsAt, m.ExpiresAt, m.State, m.CreatedAt, m.ModifiedAt, m.Version,
		}
	})
}

func (t *writeTx) RemoveMembershipsOfUser(ctx context.Context, id countersign.UserID, position int64, now time.Time) error {
	_, err := t.s.exec(ctx, removeMembershipsOfUser, t.org, id, position, now)
	return err
}

func (t *writeTx) RemoveMembershipsOfGroup(ctx context.Context, id countersign.GroupID, position int64, now time.Time) error {
	_, err := t.s.exec(ctx, removeMembershipsOfGroup, t.org, id, position, now)
	return err
}
