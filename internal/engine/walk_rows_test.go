package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/alike"
	"github.com/countersign/countersign/internal/store"
)

// witness is a store that takes down what is written through it, transaction by
// transaction, so that a walk can ask after each what moved and what the log says
// of it without reading the database again. Whether it took down right is asked of
// the database itself (replayIsTheDatabase).
type witness struct {
	store.Store
	rows *rows
	// commits since they were last taken.
	commits []commit
}

// commit is one transaction that was committed. Rows are never changed in place.
type commit struct {
	before, after *rows
	entries       []entry
}

// entry is what a walk reads of an entry of the log; whoever wants to see all of
// it is package replay.
type entry struct {
	countersign.AuditEntry
	said struct {
		Change struct {
			ID      countersign.ChangeID    `json:"id"`
			State   countersign.ChangeState `json:"state"`
			Because string                  `json:"because"`
		} `json:"change"`
		Effects json.RawMessage `json:"effects"`
	}
	effects []effect
}

type effect struct {
	Fact countersign.Fact `json:"fact"`
	From int64            `json:"from"`
	To   int64            `json:"to"`
}

// rows are the rows of one organization at one moment, as they were written.
type rows struct {
	head         countersign.Head
	organization *countersign.Organization
	users        map[countersign.UserID]*countersign.User
	groups       map[countersign.GroupID]*countersign.Group
	memberships  map[countersign.MembershipID]*countersign.Membership
	credentials  map[countersign.CredentialID]*countersign.Credential
	catalogue    map[countersign.Permission]*countersign.CataloguePermission
	changes      map[countersign.ChangeID]*store.ChangeRecord
}

func noRows() *rows {
	return &rows{
		organization: &countersign.Organization{}, users: map[countersign.UserID]*countersign.User{}, groups: map[countersign.GroupID]*countersign.Group{},
		memberships: map[countersign.MembershipID]*countersign.Membership{}, credentials: map[countersign.CredentialID]*countersign.Credential{},
		catalogue: map[countersign.Permission]*countersign.CataloguePermission{}, changes: map[countersign.ChangeID]*store.ChangeRecord{},
	}
}

func (r *rows) clone() *rows {
	c := *r
	c.users, c.groups, c.memberships = maps.Clone(r.users), maps.Clone(r.groups), maps.Clone(r.memberships)
	c.credentials, c.catalogue, c.changes = maps.Clone(r.credentials), maps.Clone(r.catalogue), maps.Clone(r.changes)
	return &c
}

// change is a row of a request; of one that is not there, an empty one.
func (r *rows) change(id countersign.ChangeID) store.ChangeRecord {
	if row := r.changes[id]; row != nil {
		return *row
	}
	return store.ChangeRecord{}
}

func (w *witness) Write(ctx context.Context, org countersign.OrganizationID, fn func(store.WriteTx) error) error {
	return w.take(fn, func(fn func(store.WriteTx) error) error { return w.Store.Write(ctx, org, fn) })
}

func (w *witness) Found(ctx context.Context, o countersign.Organization, fn func(store.WriteTx) error) error {
	w.rows = noRows()
	w.rows.organization = &o
	return w.take(fn, func(fn func(store.WriteTx) error) error { return w.Store.Found(ctx, o, fn) })
}

func (w *witness) take(fn func(store.WriteTx) error, run func(func(store.WriteTx) error) error) error {
	var tx *witnessed
	err := run(func(inner store.WriteTx) error {
		tx = &witnessed{WriteTx: inner, rows: w.rows.clone()}
		return fn(tx)
	})
	if err == nil {
		w.commits = append(w.commits, commit{w.rows, tx.rows, tx.entries})
		w.rows = tx.rows
	}
	return err
}

// taken are the commits since it was last called.
func (w *witness) taken() []commit {
	list := w.commits
	w.commits = nil
	return list
}

// witnessed is a transaction that takes down what is written.
type witnessed struct {
	store.WriteTx
	rows    *rows
	entries []entry
}

// Savepoint forgets what was undone.
func (t *witnessed) Savepoint(ctx context.Context, fn func() error) error {
	saved, entries := t.rows.clone(), len(t.entries)
	err := t.WriteTx.Savepoint(ctx, fn)
	if err != nil {
		t.rows, t.entries = saved, t.entries[:entries]
	}
	return err
}

func (t *witnessed) PutOrganization(ctx context.Context, o countersign.Organization) error {
	t.rows.organization = &o
	return t.WriteTx.PutOrganization(ctx, o)
}

func (t *witnessed) PutCataloguePermission(ctx context.Context, p countersign.CataloguePermission) error {
	t.rows.catalogue[p.Permission] = &p
	return t.WriteTx.PutCataloguePermission(ctx, p)
}

func (t *witnessed) PutUser(ctx context.Context, u countersign.User, key string) error {
	t.rows.users[u.ID] = &u
	return t.WriteTx.PutUser(ctx, u, key)
}

func (t *witnessed) PutUsers(ctx context.Context, list []store.UserRow) error {
	for _, row := range list {
		t.rows.users[row.User.ID] = &row.User
	}
	return t.WriteTx.PutUsers(ctx, list)
}

func (t *witnessed) putGroup(g countersign.Group) {
	if old := t.rows.groups[g.ID]; old != nil {
		g.MembersVersion = old.MembersVersion
	} else {
		g.MembersVersion = 0
	}
	t.rows.groups[g.ID] = &g
}

func (t *witnessed) PutGroup(ctx context.Context, g countersign.Group, key string) error {
	t.putGroup(g)
	return t.WriteTx.PutGroup(ctx, g, key)
}

func (t *witnessed) PutGroups(ctx context.Context, list []store.GroupRow) error {
	for _, row := range list {
		t.putGroup(row.Group)
	}
	return t.WriteTx.PutGroups(ctx, list)
}

func (t *witnessed) TouchMembers(ctx context.Context, id countersign.GroupID, position int64) error {
	t.touch(id, position)
	return t.WriteTx.TouchMembers(ctx, id, position)
}

func (t *witnessed) touch(id countersign.GroupID, position int64) {
	g := *t.rows.groups[id]
	g.MembersVersion = position
	t.rows.groups[id] = &g
}

func (t *witnessed) TouchManyMembers(ctx context.Context, ids []countersign.GroupID, position int64) error {
	for _, id := range ids {
		t.touch(id, position)
	}
	return t.WriteTx.TouchManyMembers(ctx, ids, position)
}

func (t *witnessed) PutMembership(ctx context.Context, m countersign.Membership) error {
	t.rows.memberships[m.ID] = &m
	return t.WriteTx.PutMembership(ctx, m)
}

func (t *witnessed) PutMemberships(ctx context.Context, list []countersign.Membership) error {
	for _, m := range list {
		t.rows.memberships[m.ID] = &m
	}
	return t.WriteTx.PutMemberships(ctx, list)
}

func (t *witnessed) removeMemberships(of func(*countersign.Membership) bool, position int64, at time.Time) {
	for id, m := range t.rows.memberships {
		if of(m) && m.State != countersign.MembershipRemoved {
			removed := *m
			removed.State, removed.Version, removed.ModifiedAt = countersign.MembershipRemoved, position, at
			t.rows.memberships[id] = &removed
		}
	}
}

func (t *witnessed) RemoveMembershipsOfUser(ctx context.Context, id countersign.UserID, position int64, at time.Time) error {
	t.removeMemberships(func(m *countersign.Membership) bool { return m.UserID == id }, position, at)
	return t.WriteTx.RemoveMembershipsOfUser(ctx, id, position, at)
}

func (t *witnessed) RemoveMembershipsOfGroup(ctx context.Context, id countersign.GroupID, position int64, at time.Time) error {
	t.removeMemberships(func(m *countersign.Membership) bool { return m.GroupID == id }, position, at)
	return t.WriteTx.RemoveMembershipsOfGroup(ctx, id, position, at)
}

func (t *witnessed) PutCredential(ctx context.Context, c countersign.Credential) error {
	t.rows.credentials[c.ID] = &c
	return t.WriteTx.PutCredential(ctx, c)
}

func (t *witnessed) PutChange(ctx context.Context, c store.ChangeRecord, base []countersign.FactVersion) error {
	row := c
	row.Approvals = t.rows.change(c.ID).Approvals
	t.rows.changes[c.ID] = &row
	return t.WriteTx.PutChange(ctx, c, base)
}

func (t *witnessed) AddApproval(ctx context.Context, a countersign.Approval) error {
	row := t.rows.change(a.Change)
	row.Approvals = append(slices.Clone(row.Approvals), a)
	t.rows.changes[a.Change] = &row
	return t.WriteTx.AddApproval(ctx, a)
}

func (t *witnessed) AppendEntry(ctx context.Context, e countersign.AuditEntry, facts []countersign.Fact, first int64, hashes [][]byte, head countersign.Head) error {
	read := entry{AuditEntry: e}
	if err := json.Unmarshal(e.Leaf, &read.said); err != nil {
		return err
	}
	effects := []byte(read.said.Effects)
	if len(effects) > 0 && effects[0] == '{' { // they stand in a blob
		var ref struct{ Blob string }
		if err := json.Unmarshal(effects, &ref); err != nil {
			return err
		}
		body, err := t.Blob(ctx, ref.Blob)
		if err != nil {
			return err
		}
		effects = body
	}
	if len(effects) > 0 {
		if err := json.Unmarshal(effects, &read.effects); err != nil {
			return err
		}
	}
	t.entries, t.rows.head = append(t.entries, read), head
	return t.WriteTx.AppendEntry(ctx, e, facts, first, hashes, head)
}

// readRows reads all rows of an organization from its store.
func readRows(ctx context.Context, s store.Store, org countersign.OrganizationID) (*rows, error) {
	out := noRows()
	err := s.Read(ctx, org, func(tx store.ReadTx) error {
		head, err1 := tx.Head(ctx)
		o, err2 := tx.Organization(ctx)
		out.head, out.organization = head, &o
		err := errors.Join(err1, err2,
			tx.UsersSince(ctx, 0, func(u countersign.User) error { out.users[u.ID] = &u; return nil }),
			tx.GroupsSince(ctx, 0, func(g countersign.Group) error { out.groups[g.ID] = &g; return nil }),
			tx.MembershipsSince(ctx, 0, func(m countersign.Membership) error { out.memberships[m.ID] = &m; return nil }),
			tx.CredentialsSince(ctx, 0, func(c countersign.Credential) error { out.credentials[c.ID] = &c; return nil }),
			tx.CatalogueSince(ctx, 0, func(p countersign.CataloguePermission) error { out.catalogue[p.Permission] = &p; return nil }),
		)
		if err != nil {
			return err
		}
		changes, err := tx.Changes(ctx, nil, "", 1<<20)
		for _, c := range changes {
			out.changes[c.ID] = &c
		}
		return err
	})
	return out, err
}

// differ compares all rows with others. When somebody was last seen is not governed.
func (r *rows) differ(other *rows) string {
	return alike.Diff(r.head, other.head) + alike.Diff(r.organization, other.organization) +
		alike.Diff(r.users, other.users, cmpopts.IgnoreFields(countersign.User{}, "LastKeepAliveAt", "LastActiveAt")) +
		alike.Diff(r.groups, other.groups) + alike.Diff(r.memberships, other.memberships) + alike.Diff(r.credentials, other.credentials) +
		alike.Diff(r.catalogue, other.catalogue) + alike.Diff(r.changes, other.changes)
}
