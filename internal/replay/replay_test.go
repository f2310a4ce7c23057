package replay_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// past tells a story in which requests end in every way there is.
func past(t *testing.T, s store.Store) *scenario.World {
	w := scenario.New(t, scenario.Direct, s)
	w.Admins("grace", "linus", "edsger").People(countersign.RoleViewer, "vera").Account("bot", "vera")
	group := w.Group("Treasury", []countersign.Permission{countersign.VaultsCreate}, "vera")
	w.Seal()
	apply := func(ops ...countersign.Change) *scenario.Request {
		return w.As("grace").Approves(w.As("ada").Asks(ops...)).MustBe(countersign.ChangeApplied)
	}
	joined := apply(&countersign.AddMembership{UserID: w.ID("bot"), GroupID: group, Role: countersign.GroupAdmin})
	member := joined.Operations[0].(*countersign.AddMembership).MembershipID
	apply(&countersign.RemoveMembership{MembershipID: member})
	apply(&countersign.AddMembership{UserID: w.ID("bot"), GroupID: group})
	w.As("grace").Denies(w.As("ada").Asks(w.Grant("vera", countersign.AuditRead))).MustBe(countersign.ChangeRejected)
	w.As("ada").Cancels(w.As("ada").Asks(w.Grant("vera", countersign.AuditRead))).MustBe(countersign.ChangeCancelled)
	w.As("ada").Replaces(w.As("ada").Asks(w.Grant("vera", countersign.AuditRead)), w.Grant("vera", countersign.AccountsUpdate)).MustBe(countersign.ChangePending)
	w.As("linus").Asks(w.Grant("vera", countersign.AccountsRead)).MustBe(countersign.ChangePending)
	policy := countersign.TwoPersonPolicy()
	policy.Default.ExpiresAfterSeconds = 3600
	put := w.As("ada").Asks(&countersign.PutPolicy{Policy: policy})
	w.As("grace").Approves(put).MustBe(countersign.ChangePending)
	w.As("linus").Approves(put).MustBe(countersign.ChangeApplied)
	apply(w.Grant("vera", countersign.TransactionsCreate))
	apply(&countersign.DeleteUser{UserID: w.ID("bot")})
	one := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
	two := w.As("linus").Asks(&countersign.CreateGroup{Name: "desk"})
	w.As("grace").Approves(one).MustBe(countersign.ChangeApplied)
	w.As("grace").Approves(two).MustBe(countersign.ChangeFailed)
	apply(&countersign.SuspendUser{UserID: w.ID("edsger")})
	w.As("ada").Asks(&countersign.CreateGroup{Name: "Later", Description: strings.Repeat("long ", 100)}).MustBe(countersign.ChangePending)
	w.Clock.Pass(2 * time.Hour)
	if n, err := w.Engine.Expire(t.Context(), w.Org.ID); err != nil || n != 1 {
		t.Fatalf("%d requests expired (%v)", n, err)
	}
	return w
}

func TestALogTellsTheDirectory(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		w := past(t, open())
		replay.Check(t, w.Store, w.Org.ID)
	})
}

func TestLargeBodiesAreReadFromTheirBlobs(t *testing.T) {
	w := scenario.New(t, scenario.Direct, testdb.SQLite(t))
	var ops []countersign.Change
	for i := range 90 {
		ops = append(ops, &countersign.CreateEndUser{ExternalID: strings.Repeat("x", 200) + string(rune('a'+i/26)) + string(rune('a'+i%26)), Name: "Somebody"})
	}
	for range 3 {
		var members []countersign.UserID
		result, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, ops, engine.Options{Reason: "a bulk load"})
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range result.Change.Operations {
			members = append(members, op.(*countersign.CreateEndUser).UserID)
		}
		if _, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, deletions(members), engine.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	replay.Check(t, w.Store, w.Org.ID)
}

func deletions(ids []countersign.UserID) []countersign.Change {
	ops := make([]countersign.Change, len(ids))
	for i, id := range ids {
		ops[i] = &countersign.DeleteUser{UserID: id}
	}
	return ops
}

// tampered shows another database than the one beneath.
type tampered struct {
	store.Store
	show func(store.ReadTx) store.ReadTx
}

func (s tampered) Read(ctx context.Context, org countersign.OrganizationID, fn func(store.ReadTx) error) error {
	return s.Store.Read(ctx, org, func(tx store.ReadTx) error { return fn(s.show(tx)) })
}

// rows lets a test edit what is read; nil leaves it alone.
type rows struct {
	store.ReadTx
	user       func(*countersign.User)
	group      func(*countersign.Group)
	member     func(*countersign.Membership) bool
	credential func(*countersign.Credential)
	request    func(*store.ChangeRecord)
	policy     func(*countersign.Organization)
	entry      func(*countersign.AuditEntry)
	head       func(*countersign.Head)
	hash       bool
}

func (r rows) UsersSince(ctx context.Context, position int64, fn func(countersign.User) error) error {
	return r.ReadTx.UsersSince(ctx, position, func(u countersign.User) error {
		if r.user != nil {
			r.user(&u)
		}
		return fn(u)
	})
}

func (r rows) GroupsSince(ctx context.Context, position int64, fn func(countersign.Group) error) error {
	return r.ReadTx.GroupsSince(ctx, position, func(g countersign.Group) error {
		if r.group != nil {
			r.group(&g)
		}
		return fn(g)
	})
}

func (r rows) MembershipsSince(ctx context.Context, position int64, fn func(countersign.Membership) error) error {
	return r.ReadTx.MembershipsSince(ctx, position, func(m countersign.Membership) error {
		if r.member != nil && !r.member(&m) {
			return nil
		}
		return fn(m)
	})
}

func (r rows) CredentialsSince(ctx context.Context, position int64, fn func(countersign.Credential) error) error {
	return r.ReadTx.CredentialsSince(ctx, position, func(c countersign.Credential) error {
		if r.credential != nil {
			r.credential(&c)
		}
		return fn(c)
	})
}

func (r rows) Changes(ctx context.Context, states []countersign.ChangeState, before countersign.ChangeID, limit int) ([]store.ChangeRecord, error) {
	list, err := r.ReadTx.Changes(ctx, states, before, limit)
	for i := range list {
		if r.request != nil {
			r.request(&list[i])
		}
	}
	return list, err
}

func (r rows) Organization(ctx context.Context) (countersign.Organization, error) {
	o, err := r.ReadTx.Organization(ctx)
	if r.policy != nil {
		r.policy(&o)
	}
	return o, err
}

func (r rows) Entries(ctx context.Context, from int64, limit int, fn func(countersign.AuditEntry) error) error {
	return r.ReadTx.Entries(ctx, from, limit, func(e countersign.AuditEntry) error {
		if r.entry != nil {
			r.entry(&e)
		}
		return fn(e)
	})
}

func (r rows) Head(ctx context.Context) (countersign.Head, error) {
	h, err := r.ReadTx.Head(ctx)
	if r.head != nil {
		r.head(&h)
	}
	return h, err
}

func (r rows) Hashes(ctx context.Context, indexes []int64) ([][]byte, error) {
	hashes, err := r.ReadTx.Hashes(ctx, indexes)
	if r.hash && err == nil {
		hashes[0][0] ^= 1
	}
	return hashes, err
}

// edit changes the leaf of the first entry that contains a piece of text.
func edit(old, new string) func(*countersign.AuditEntry) {
	done := false
	return func(e *countersign.AuditEntry) {
		if !done && bytes.Contains(e.Leaf, []byte(old)) {
			e.Leaf, done = bytes.Replace(e.Leaf, []byte(old), []byte(new), 1), true
		}
	}
}

// What a database administrator could do, one thing at a time.
func TestWhatIsEditedIsFound(t *testing.T) {
	w := past(t, testdb.SQLite(t))
	vera, ada := w.ID("vera"), w.ID("ada")
	anyone := true
	once := func(when bool) bool {
		now := anyone && when
		if now {
			anyone = false
		}
		return now
	}
	for name, c := range map[string]struct {
		rows rows
		want string
	}{
		"nothing": {rows{}, ""},
		"a role":  {rows{user: func(u *countersign.User) { u.Role = countersign.RoleAdmin }}, "user"},
		"a permission": {rows{user: func(u *countersign.User) {
			if u.ID == vera {
				u.Permissions = append(u.Permissions, countersign.AuditExport)
			}
		}}, "user " + string(vera)},
		"a name": {rows{user: func(u *countersign.User) {
			if u.ID == ada {
				u.Name = "Eve"
			}
		}}, "user " + string(ada)},
		"a state": {rows{user: func(u *countersign.User) {
			if u.State == countersign.UserSuspended {
				u.State = countersign.UserActive
			}
		}}, "user"},
		"a version": {rows{user: func(u *countersign.User) { u.StateVersion++ }}, "user"},
		"a number":  {rows{group: func(g *countersign.Group) { g.Number++ }}, "group"},
		"who moved a group": {rows{group: func(g *countersign.Group) {
			g.ModifiedBy = "01890a5d-ac96-774b-bcce-b302099a8057"
		}}, "group"},
		"when the members moved": {rows{group: func(g *countersign.Group) { g.MembersVersion = 1 }}, "group"},
		"a term":                 {rows{member: func(m *countersign.Membership) bool { m.ExpiresAt = time.Time{}.AddDate(3000, 0, 0); return true }}, "membership"},
		"a membership gone":      {rows{member: func(m *countersign.Membership) bool { return !once(true) }}, "has no row"},
		"a membership more": {rows{member: func(m *countersign.Membership) bool {
			m.ID = "01890a5d-ac96-774b-bcce-b302099a8057"
			return true
		}}, "stands nowhere in the log"},
		"a removed membership": {rows{member: func(m *countersign.Membership) bool {
			if m.State == countersign.MembershipRemoved {
				m.Role = countersign.GroupMember
				m.Configurable = countersign.AllConfigurable()
			}
			return true
		}}, "membership"},
		"a secret": {rows{credential: func(c *countersign.Credential) {
			if len(c.SecretHash) > 0 {
				c.SecretHash[0] ^= 1
			}
		}}, "credential"},
		"an expiry":      {rows{credential: func(c *countersign.Credential) { c.ExpiresAt = c.ExpiresAt.AddDate(1, 0, 0) }}, "credential"},
		"the policy":     {rows{policy: func(o *countersign.Organization) { o.Policy.Default.Clauses[0].Need = 0 }}, "organization"},
		"the seal":       {rows{policy: func(o *countersign.Organization) { o.SealedAt = time.Time{} }}, "organization"},
		"a final state":  {rows{request: func(r *store.ChangeRecord) { r.State = countersign.ChangeApplied }}, "change"},
		"a vote gone":    {rows{request: func(r *store.ChangeRecord) { r.Approvals = nil }}, "change"},
		"a document":     {rows{request: func(r *store.ChangeRecord) { r.Payload = append(slices.Clone(r.Payload), ' ') }}, "change"},
		"an opening":     {rows{entry: func(e *countersign.AuditEntry) { clear(e.Openings) }}, "is not opened"},
		"a stored hash":  {rows{hash: true}, "tree hashes"},
		"the head":       {rows{head: func(h *countersign.Head) { h.Frontier[0] ^= 1 }}, "frontier"},
		"the head's age": {rows{head: func(h *countersign.Head) { h.Time = h.Time.Add(time.Second) }}, "the head's time"},
		"a time":         {rows{entry: func(e *countersign.AuditEntry) { e.Time = e.Time.Add(-time.Hour) }}, "time"},
		"the tail cut off": {rows{head: func(h *countersign.Head) { h.Size -= 3 }, entry: func(e *countersign.AuditEntry) {
		}}, "the head counts"},
		"an index":           {rows{entry: edit(`"index":9,`, `"index":8,`)}, "index"},
		"a value in a leaf":  {rows{entry: edit(`"role":"viewer"`, `"role":"admin"`)}, "tree hashes"},
		"a version in one":   {rows{entry: edit(`"from":0`, `"from":1`)}, "moves from version"},
		"bytes not canonic":  {rows{entry: edit(`"index":9,`, `"index": 9,`)}, "canonical"},
		"a vote's person":    {rows{entry: edit(`"decision":"approve"`, `"decision":"deny"`)}, "was denied"},
		"a word nobody uses": {rows{entry: edit(`"v":1}`, `"v":1,"w":1}`)}, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			anyone = true
			changed := tampered{w.Store, func(tx store.ReadTx) store.ReadTx {
				c.rows.ReadTx = tx
				return c.rows
			}}
			found, err := replay.Findings(t.Context(), changed, w.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(found, "\n")
			if (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
				t.Errorf("want a finding with %q, got\n%s", c.want, text)
			}
		})
	}
}
