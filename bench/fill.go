package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/countersign/countersign/internal/names"
)

// filler puts rows of one organization into an open transaction.
type filler struct {
	tx           *sql.Tx
	organization string
	admin        string
	// rev is the position of the log's head.
	rev  int64
	step func(n int)
}

// bulk writes many rows with one statement: an insert with a list of values,
// and what of each row is made of them by SQL.
type bulk struct {
	ctx   context.Context
	tx    *sql.Tx
	text  func(rows int) string
	width int
	full  *sql.Stmt
	args  []any
	step  func(n int)
}

// perStatement rows; more do not make it faster.
const perStatement = 100

func newBulk(ctx context.Context, f *filler, into, selected string, width int) (*bulk, error) {
	b := &bulk{ctx: ctx, tx: f.tx, width: width, step: f.step}
	b.text = func(rows int) string {
		row := "(" + strings.TrimSuffix(strings.Repeat("?,", width), ",") + ")"
		return "insert into " + into + " select " + selected + " from (values " + strings.TrimSuffix(strings.Repeat(row+",", rows), ",") + ")"
	}
	full, err := f.tx.PrepareContext(ctx, b.text(perStatement))
	b.full = full
	return b, err
}

func (b *bulk) add(args ...any) error {
	b.args = append(b.args, args...)
	if len(b.args) < b.width*perStatement {
		return nil
	}
	_, err := b.full.ExecContext(b.ctx, b.args...)
	b.args = b.args[:0]
	b.step(perStatement)
	return err
}

// flush writes what is left; the bulk is done with.
func (b *bulk) flush() error {
	var err error
	if rows := len(b.args) / b.width; rows > 0 {
		_, err = b.tx.ExecContext(b.ctx, b.text(rows), b.args...)
		b.step(rows)
	}
	return errors.Join(err, b.full.Close())
}

// fill writes every row of a shape.
func (f *filler) fill(ctx context.Context, s shape) error {
	if err := f.users(ctx, s); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if err := f.groups(ctx, s); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if err := f.memberships(ctx, s); err != nil {
		return fmt.Errorf("memberships: %w", err)
	}
	if err := f.catalogue(ctx, s); err != nil {
		return fmt.Errorf("permissions: %w", err)
	}
	users, groups, members := s.rows()
	_, err := f.tx.ExecContext(ctx, `update audit_heads set user_numbers = ?, group_numbers = ?, membership_numbers = ? where organization_id = ?`,
		users+1, groups, members, f.organization)
	return err
}

func (f *filler) users(ctx context.Context, s shape) error {
	fixed := fmt.Sprintf("%s, %d, %d, %d, %d, %d, '[]', '', ''", quoted(f.organization), f.rev, f.rev, f.rev, f.rev, f.rev)
	b, err := newBulk(ctx, f, `users (organization_id, rev, attributes_version, role_version, state_version, permissions_version,
		allowed_ips, device_reset_by, invited_by, id, number, type, role, state, name, email, email_key, external_id, permissions,
		responsible_person_id, created_at, modified_at, last_keep_alive_at, last_active_at)`,
		fixed+`, column1, column2, column3, column4, column5, column6, column7, column8, column9, column10,
		case column3 when 'api_user' then `+quoted(f.admin)+` when 'api_signer' then `+quoted(f.admin)+` else '' end,
		column11, column11, column12, 0`, 12)
	if err != nil {
		return err
	}
	for i := range s.Users {
		p := s.person(i)
		err := b.add(string(s.userID(i)), int64(i+2), string(p.kind), string(p.role), string(p.state), p.name, p.email, p.emailKey,
			p.externalID, p.permissions, p.at, p.lastKeepAlive)
		if err != nil {
			return errors.Join(err, b.flush())
		}
	}
	return b.flush()
}

func (f *filler) groups(ctx context.Context, s shape) error {
	fixed := fmt.Sprintf("%s, %d, %d, %d, %d, %d, '', '', 'admins_only', 'admins_only', 'active', %s, %s", quoted(f.organization),
		f.rev, f.rev, f.rev, f.rev, f.rev, quoted(f.admin), quoted(f.admin))
	b, err := newBulk(ctx, f, `groups (organization_id, rev, attributes_version, permissions_version, state_version, members_version,
		external_sync_identifier, provenance, invitability, member_viewability, state, created_by, modified_by,
		id, number, name, name_key, description, permissions, created_at, modified_at)`,
		fixed+`, column1, column2, column3, column4, column5, column6, column7, column7`, 7)
	if err != nil {
		return err
	}
	for i := range s.Groups + s.extraGroups() {
		permissions := "[]"
		if i < s.Groups {
			permissions = `["` + s.grant(i) + `"]`
		}
		name := s.groupName(i)
		err := b.add(string(s.groupID(i)), int64(i+1), name, names.Fold(name), "made by a seed", permissions, madeAt(i))
		if err != nil {
			return errors.Join(err, b.flush())
		}
	}
	return b.flush()
}

// memberships passes only what differs from row to row; the rest is unfolded from
// the flags.
func (f *filler) memberships(ctx context.Context, s shape) error {
	const day = 24 * 3600 * 1_000_000
	fixed := fmt.Sprintf(`%s, %d, column1, column2, column3, column4, case column5 & %d when 0 then 'member' else 'admin' end,
		column5 & %d <> 0, column5 & %d <> 0, column5 & %d <> 0, 0, case column5 & %d when 0 then 0 else column6 end,
		case column5 & %d when 0 then case column5 & %d when 0 then 0 else 4102444800000000 end else column6 + %d end,
		case column5 & %d when 0 then 'active' else 'removed' end, column6, column6`,
		quoted(f.organization), f.rev, isAdmin, isAdmin, isAdmin, isAdmin, hasEnded|endsLater, hasEnded, endsLater, day, isRemoved)
	b, err := newBulk(ctx, f, `memberships (organization_id, rev, id, number, user_id, group_id, role, create_accounts, edit_accounts,
		run_reports, instant_login, starts_at, expires_at, state, created_at, modified_at)`, fixed, 6)
	if err != nil {
		return err
	}
	users, groups := s.allIDs()
	err = s.eachMembership(func(n int, m membership) error {
		return b.add(s.membershipID(n), int64(n), users[m.user], groups[m.group], int64(m.flags), madeAt(n))
	})
	return errors.Join(err, b.flush())
}

// allIDs makes each id once, already as an argument of a statement.
func (s shape) allIDs() (users, groups []any) {
	for i := range s.Users {
		users = append(users, string(s.userID(i)))
	}
	for i := range s.Groups + s.extraGroups() {
		groups = append(groups, string(s.groupID(i)))
	}
	return users, groups
}

func (f *filler) catalogue(ctx context.Context, s shape) error {
	for i := range s.permissions() {
		_, err := f.tx.ExecContext(ctx, `insert into catalogue_permissions (organization_id, permission, description, removed, rev) values (?, ?, '', 0, ?)`,
			f.organization, s.permission(i), f.rev)
		if err != nil {
			return err
		}
	}
	return nil
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
