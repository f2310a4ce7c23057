package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

const changeColumns = `id, state, requester, requester_person, digest, payload, openings, created_at, expires_at,
	closed_at, closed_by, closed_because, replaced_by, winner_id, applied_position, rev, scheduled_at, intent`

const (
	changeByID  statement = `select ` + changeColumns + ` from change_requests where organization_id = $1 and id = $2`
	openChanges statement = `select ` + changeColumns + ` from change_requests
		where organization_id = $1 and open = 1 order by rev, id`
	changesSince statement = `select ` + changeColumns + ` from change_requests
		where organization_id = $1 and rev > $2 order by rev, id`
	changesIn = `select ` + changeColumns + ` from change_requests
		where organization_id = $1 and id in (select w from {rows}) order by id desc`
	changesBefore statement = `select id from change_requests
		where organization_id = $1 and id < $2 order by id desc limit $3`
	changesInStateBefore statement = `select id from change_requests
		where organization_id = $1 and state = $4 and id < $2 order by id desc limit $3`
	countOpen statement = `select count(*), coalesce(sum(case when requester_person = $2 then 1 else 0 end), 0)
		from change_requests where organization_id = $1 and open = 1 and expires_at > $3`
	countChanges statement = `select state, count(*) from change_requests where organization_id = $1 group by state`
	// A few hundred at most, so they are counted here.
	lateChanges statement = `select state, 1 from change_requests
		where organization_id = $1 and open = 1 and expires_at <= $2`
	earlierChanges statement = `select id, state, expires_at, closed_at, closed_because from change_requests
		where organization_id = $1 and requester_person = $2 and intent = $3 and intent <> '' and id < $4 order by id desc limit $5`
	expiredChanges statement = `select id from change_requests
		where organization_id = $1 and open = 1 and expires_at <= $2 order by expires_at, id limit $3`
	putChange statement = `insert into change_requests (organization_id, open, ` + changeColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
		on conflict (organization_id, id) do update set
			open = excluded.open, state = excluded.state, requester = excluded.requester,
			requester_person = excluded.requester_person, digest = excluded.digest, payload = excluded.payload,
			openings = excluded.openings, created_at = excluded.created_at, expires_at = excluded.expires_at,
			closed_at = excluded.closed_at, closed_by = excluded.closed_by, closed_because = excluded.closed_because,
			replaced_by = excluded.replaced_by, winner_id = excluded.winner_id,
			applied_position = excluded.applied_position, rev = excluded.rev, scheduled_at = excluded.scheduled_at, intent = excluded.intent`

	relyingOn = `select distinct change_id from change_facts
		where organization_id = $1 and fact in (select w from {rows}) order by change_id`
	forgetBase statement = `delete from change_facts where organization_id = $1 and change_id = $2`
	insertBase           = `insert into change_facts (organization_id, change_id, fact, version)
		select $1, $3, w, n from {rows}`
)

// Said to be a cross join, the order of the tables is also the order in which
// SQLite reads them: requests first, which are few.
const (
	approvalColumns = `change_id, position, person, credential, decision, digest, comment, given_at, statement, signature, method`
	approvalsOfAny  = `select a.change_id, a.position, a.person, a.credential, a.decision, a.digest, a.comment, a.given_at,
		a.statement, a.signature, a.method from change_requests c cross join approvals a
		where a.organization_id = c.organization_id and a.change_id = c.id and c.organization_id = $1`
)

const (
	approvalsOfChange statement = `select ` + approvalColumns + ` from approvals
		where organization_id = $1 and change_id = $2 order by position`
	// What a signed vote names is a member of canonical JSON.
	changesVotedWith statement = `select distinct change_id from approvals
		where organization_id = $1 and change_id < $2 and (credential = $4 or statement like '%"credential":"' || $4 || '"%')
		order by change_id desc limit $3`
	approvalsOfOpen statement = approvalsOfAny + ` and c.open = 1 order by c.id, a.position`
	approvalsSince  statement = approvalsOfAny + ` and c.rev > $2 order by c.rev, c.id, a.position`
	approvalsIn               = `select ` + approvalColumns + ` from approvals
		where organization_id = $1 and change_id in (select w from {rows}) order by change_id, position`
	addApproval statement = `insert into approvals (organization_id, ` + approvalColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
)

// newest sorts after every id: no text in UTF-8 has a larger first byte.
const newest = "\U0010FFFF"

func changeDest(c *store.ChangeRecord) []any {
	return []any{
		&c.ID, &c.State, &c.Requester, &c.RequesterPerson, &c.Digest, bytes(&c.Payload), parsed(&c.Openings), at(&c.CreatedAt), at(&c.ExpiresAt),
		at(&c.ClosedAt), &c.ClosedBy, &c.ClosedBecause, &c.ReplacedBy, &c.WinnerID, &c.AppliedPosition, &c.Version, at(&c.ScheduledAt), &c.Intent,
	}
}

func approvalDest(a *countersign.Approval) []any {
	return []any{&a.Change, &a.Position, &a.Person, &a.Credential, &a.Decision, &a.Digest, &a.Comment, at(&a.At), &a.Statement, &a.Signature, &a.Method}
}

func changeIDDest(id *countersign.ChangeID) []any { return []any{id} }

func (t *readTx) Change(ctx context.Context, id countersign.ChangeID) (store.ChangeRecord, error) {
	c, err := find(ctx, t.s, "change request", changeDest, changeByID, t.org, id)
	if err != nil {
		return c, err
	}
	approvals, err := t.approvals(ctx, approvalsOfChange, id)
	c.Approvals = approvals[id]
	return c, err
}

func (t *readTx) OpenChangesSince(ctx context.Context, position int64, fn func(store.ChangeRecord) error) error {
	changes, approvals, args := changesSince, approvalsSince, []any{position}
	if position == 0 {
		changes, approvals, args = openChanges, approvalsOfOpen, nil
	}
	given, err := t.approvals(ctx, approvals, args...)
	if err != nil {
		return err
	}
	return scan(ctx, t.s, changeDest, changes, append([]any{t.org}, args...), func(c store.ChangeRecord) error {
		c.Approvals = given[c.ID]
		return fn(c)
	})
}

// approvals reads them before the requests they belong to: a transaction has
// one cursor at a time, and approvals are small.
func (t *readTx) approvals(ctx context.Context, q statement, args ...any) (map[countersign.ChangeID][]countersign.Approval, error) {
	given := map[countersign.ChangeID][]countersign.Approval{}
	err := list(ctx, t.s, approvalDest, q, append([]any{t.org}, args...), func(a countersign.Approval) error {
		given[a.Change] = append(given[a.Change], a)
		return nil
	})
	return given, err
}

func (t *readTx) OpenChangesRelyingOn(ctx context.Context, facts []countersign.Fact) ([]countersign.ChangeID, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	rows, err := words(facts)
	if err != nil {
		return nil, err
	}
	return t.changeIDs(ctx, t.s.db.texts.relyingOn, rows)
}

func (t *readTx) changeIDs(ctx context.Context, q statement, args ...any) (ids []countersign.ChangeID, err error) {
	err = list(ctx, t.s, changeIDDest, q, append([]any{t.org}, args...), func(id countersign.ChangeID) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

func (t *readTx) CountOpen(ctx context.Context, person countersign.UserID, now time.Time) (all, own int, err error) {
	_, err = t.s.one(ctx, countOpen, []any{t.org, person, now}, &all, &own)
	return all, own, err
}

func (t *readTx) CountChanges(ctx context.Context, now time.Time) (map[countersign.ChangeState]int, error) {
	counts, err := t.countByState(ctx, countChanges)
	if err != nil {
		return nil, err
	}
	late, err := t.countByState(ctx, lateChanges, now)
	for state, n := range late {
		counts[countersign.ChangeExpired] += n
		if counts[state] -= n; counts[state] == 0 {
			delete(counts, state)
		}
	}
	return counts, err
}

func (t *readTx) countByState(ctx context.Context, q statement, args ...any) (map[countersign.ChangeState]int, error) {
	type count struct {
		state countersign.ChangeState
		n     int
	}
	counts := map[countersign.ChangeState]int{}
	err := list(ctx, t.s, func(c *count) []any { return []any{&c.state, &c.n} }, q, append([]any{t.org}, args...), func(c count) error {
		counts[c.state] += c.n
		return nil
	})
	return counts, err
}

func (t *readTx) ExpiredChanges(ctx context.Context, now time.Time, limit int) ([]countersign.ChangeID, error) {
	if limit <= 0 {
		return nil, nil
	}
	return t.changeIDs(ctx, expiredChanges, now, limit)
}

func earlierDest(c *store.EarlierChange) []any {
	return []any{&c.ID, &c.State, at(&c.ExpiresAt), at(&c.ClosedAt), &c.ClosedBecause}
}

func (t *readTx) EarlierChanges(ctx context.Context, person countersign.UserID, intent string, before countersign.ChangeID, limit int) (earlier []store.EarlierChange, err error) {
	if limit <= 0 || intent == "" {
		return nil, nil
	}
	args := []any{t.org, person, intent, cmp.Or(before, newest), limit}
	err = list(ctx, t.s, earlierDest, earlierChanges, args, func(c store.EarlierChange) error {
		earlier = append(earlier, c)
		return nil
	})
	return earlier, err
}

// Changes finds the ids first, one index range per state, and then reads only
// the requests of this page: a payload may be large.
func (t *readTx) Changes(ctx context.Context, states []countersign.ChangeState, before countersign.ChangeID, limit int) ([]store.ChangeRecord, error) {
	if limit <= 0 || states != nil && len(states) == 0 {
		return nil, nil
	}
	before = cmp.Or(before, newest)
	var ids []countersign.ChangeID
	if states == nil {
		found, err := t.changeIDs(ctx, changesBefore, before, limit)
		if err != nil {
			return nil, err
		}
		ids = found
	}
	for _, state := range states {
		found, err := t.changeIDs(ctx, changesInStateBefore, before, limit, state)
		if err != nil {
			return nil, err
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return t.changesIn(ctx, ids[max(0, len(ids)-limit):])
}

func (t *readTx) ChangesVotedWith(ctx context.Context, credential countersign.CredentialID, before countersign.ChangeID, limit int) ([]store.ChangeRecord, error) {
	if limit <= 0 || strings.ContainsAny(string(credential), "%_\\") {
		return nil, nil // no id holds what a pattern reads otherwise
	}
	ids, err := t.changeIDs(ctx, changesVotedWith, cmp.Or(before, newest), limit, credential)
	if err != nil {
		return nil, err
	}
	return t.changesIn(ctx, ids)
}

func (t *readTx) changesIn(ctx context.Context, ids []countersign.ChangeID) ([]store.ChangeRecord, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := words(ids)
	if err != nil {
		return nil, err
	}
	given, err := t.approvals(ctx, t.s.db.texts.approvalsIn, rows)
	if err != nil {
		return nil, err
	}
	records := make([]store.ChangeRecord, 0, len(ids))
	err = list(ctx, t.s, changeDest, t.s.db.texts.changesIn, []any{t.org, rows}, func(c store.ChangeRecord) error {
		c.Approvals = given[c.ID]
		records = append(records, c)
		return nil
	})
	return records, err
}

func (t *writeTx) PutChange(ctx context.Context, c store.ChangeRecord, base []countersign.FactVersion) error {
	open := c.State.Open()
	_, err := t.s.exec(ctx, putChange, t.org, open,
		c.ID, c.State, c.Requester, c.RequesterPerson, c.Digest, c.Payload, c.Openings, c.CreatedAt, c.ExpiresAt,
		c.ClosedAt, c.ClosedBy, c.ClosedBecause, c.ReplacedBy, c.WinnerID, c.AppliedPosition, c.Version, c.ScheduledAt, c.Intent)
	if err != nil || open && len(base) == 0 {
		return err
	}
	if _, err := t.s.exec(ctx, forgetBase, t.org, c.ID); err != nil || !open {
		return err
	}
	rows := make([]row, len(base))
	for i, b := range base {
		if err := checkText(string(b.Fact)); err != nil {
			return err
		}
		rows[i] = row{Word: string(b.Fact), Number: b.Version}
	}
	_, err = t.s.exec(ctx, t.s.db.texts.insertBase, t.org, rows, c.ID)
	return err
}

func (t *writeTx) AddApproval(ctx context.Context, a countersign.Approval) error {
	_, err := t.s.exec(ctx, addApproval, t.org,
		a.Change, a.Position, a.Person, a.Credential, a.Decision, a.Digest, a.Comment, a.At, a.Statement, a.Signature, a.Method)
	return err
}
