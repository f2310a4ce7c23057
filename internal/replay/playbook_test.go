package replay_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// prompt is the database itself, past the store: what an administrator of it types.
// The drivers are those that the store brings along.
func prompt(t *testing.T, s store.Store, statement string) {
	t.Helper()
	url := s.(*testdb.DB).URL
	driver := "sqlite"
	if strings.HasPrefix(url, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	done, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: touched %d rows (%v)", statement, n, err)
	}
}

// edited runs a statement past the store: a file is closed for that, and opened again.
func edited(t *testing.T, s store.Store, open func() store.Store, statement string) store.Store {
	t.Helper()
	alone := s.Exclusive()
	if alone {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	prompt(t, s, statement)
	if alone {
		return open()
	}
	return s
}

// Nothing in the tables keeps an administrator of the database from editing them:
// row triggers would be his to drop. What keeps the directory honest is that its log
// tells every row; here is what he might try, in SQL, and what finds it
// (governance.md E4 and E8).
func TestTheDatabaseAdministratorsPlaybook(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		s := open()
		w := scenario.New(t, scenario.Direct, s).Admins("grace", "linus", "edsger").People(countersign.RoleViewer, "vera").Account("bot", "vera")
		group := w.Group("Treasury", []countersign.Permission{countersign.VaultsCreate}, "linus")
		w.Seal()
		denied := w.As("ada").Asks(w.Grant("vera", countersign.AuditRead))
		w.As("grace").Denies(denied).MustBe(countersign.ChangeRejected)
		w.As("grace").Approves(w.As("ada").Asks(&countersign.SuspendUser{UserID: w.ID("edsger")})).MustBe(countersign.ChangeApplied)
		policy := countersign.TwoPersonPolicy()
		policy.Name = "stricter"
		waiting := w.As("ada").Asks(&countersign.PutPolicy{Policy: policy})
		w.As("grace").Approves(waiting).MustBe(countersign.ChangePending)
		replay.Check(t, s, w.Org.ID)
		org, id := w.Org.ID, func(name string) string { return fmt.Sprintf("id = '%s'", w.ID(name)) }
		clean := true
		const aside = "set organization_id = 'aside' || organization_id"
		for _, c := range []struct {
			what, does, undoes string
			finds              string
		}{
			{"make oneself an admin", "update users set role = 'admin' where " + id("vera"), "update users set role = 'viewer' where " + id("vera"), "user"},
			{"grant oneself a permission", `update users set permissions = '["audit.export"]' where ` + id("vera"), `update users set permissions = '[]' where ` + id("vera"), "user"},
			{"come back from a suspension", "update users set state = 'active' where " + id("edsger"), "update users set state = 'suspended' where " + id("edsger"), "user"},
			{"answer for another account", fmt.Sprintf("update users set responsible_person_id = '%s' where %s", w.ID("linus"), id("bot")), fmt.Sprintf("update users set responsible_person_id = '%s' where %s", w.ID("vera"), id("bot")), "user"},
			{
				"join a group", fmt.Sprintf("update memberships set user_id = '%s' where group_id = '%s'", w.ID("vera"), group),
				fmt.Sprintf("update memberships set user_id = '%s' where group_id = '%s'", w.ID("linus"), group), "membership",
			},
			{"leave a group", "update memberships " + aside + fmt.Sprintf(" where group_id = '%s'", group), "update memberships set organization_id = '" + string(org) + "'", "has no row"},
			{
				"let a group grant more", fmt.Sprintf(`update groups set permissions = '["audit.export"]' where id = '%s'`, group),
				fmt.Sprintf(`update groups set permissions = '["vaults.create"]' where id = '%s'`, group), "group",
			},
			{
				"take over a token", fmt.Sprintf("update credentials set user_id = '%s' where id = '%s'", w.ID("grace"), w.As("vera").Actor.Credential),
				fmt.Sprintf("update credentials set user_id = '%s' where id = '%s'", w.ID("vera"), w.As("vera").Actor.Credential), "credential",
			},
			{
				"let a token live longer", fmt.Sprintf("update credentials set expires_at = expires_at + 1 where id = '%s'", w.As("vera").Actor.Credential),
				fmt.Sprintf("update credentials set expires_at = expires_at - 1 where id = '%s'", w.As("vera").Actor.Credential), "credential",
			},
			{"break the seal", "update organizations set sealed_at = -sealed_at", "update organizations set sealed_at = -sealed_at", "organization"},
			{
				"turn a denial round", fmt.Sprintf("update approvals set decision = 'approve' where change_id = '%s'", denied.ID),
				fmt.Sprintf("update approvals set decision = 'deny' where change_id = '%s'", denied.ID), "change",
			},
			{
				"vote for somebody else", fmt.Sprintf("update approvals set person = '%s' where change_id = '%s'", w.ID("linus"), waiting.ID),
				fmt.Sprintf("update approvals set person = '%s' where change_id = '%s'", w.ID("grace"), waiting.ID), "change",
			},
			{
				"add a vote", fmt.Sprintf("insert into approvals select organization_id, change_id, position + 1, '%s', credential, decision, digest, comment, given_at, statement, signature, method from approvals where change_id = '%s'", w.ID("linus"), waiting.ID),
				fmt.Sprintf("delete from approvals where change_id = '%s' and person = '%s'", waiting.ID, w.ID("linus")), "change",
			},
			{
				"declare a request applied", fmt.Sprintf("update change_requests set state = 'applied', open = 0 where id = '%s'", waiting.ID),
				fmt.Sprintf("update change_requests set state = 'pending', open = 1 where id = '%s'", waiting.ID), "change",
			},
			{
				"keep a request from expiring", fmt.Sprintf("update change_requests set expires_at = expires_at + 1 where id = '%s'", waiting.ID),
				fmt.Sprintf("update change_requests set expires_at = expires_at - 1 where id = '%s'", waiting.ID), "change",
			},
			{
				"let another have asked", fmt.Sprintf("update change_requests set requester_person = '%s' where id = '%s'", w.ID("linus"), waiting.ID),
				fmt.Sprintf("update change_requests set requester_person = '%s' where id = '%s'", w.ID("ada"), waiting.ID), "change",
			},
			{
				"list a permission", "insert into catalogue_permissions (organization_id, permission, description, removed, rev) values ('" + string(org) + "', 'desk.trade', '', 0, 1)",
				"delete from catalogue_permissions where permission = 'desk.trade'", "permission",
			},
			{"cut off the end of the log", "update audit_entries " + aside + " where leaf_index = (select max(leaf_index) from audit_entries)", "update audit_entries set organization_id = '" + string(org) + "'", "the head counts"},
			{"cut it off, and say so", "update audit_heads set size = size - 1", "update audit_heads set size = size + 1", "the head counts"},
			{"take out an entry", "update audit_entries " + aside + " where leaf_index = 7", "update audit_entries set organization_id = '" + string(org) + "'", "comes as number"},
			{"edit an entry", "update audit_entries set kind = 'change.closed' where leaf_index = 3", "update audit_entries set kind = 'change.applied' where leaf_index = 3", "stored as change.closed"},
			{"lower what the policy asks", `update organizations set policy = replace(policy, '"need":2', '"need":1')`, "", "organization"},
			{"edit a hash", "update audit_hashes set hash = (select hash from audit_hashes where hash_index = 1) where hash_index = 0", "", "tree hashes"},
		} {
			if c.undoes == "" && clean {
				clean = false
				replay.Check(t, s, org) // all before it was undone, so that each was found for itself
			}
			s = edited(t, s, open, c.does)
			found, err := replay.Findings(t.Context(), s, org)
			if err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			if text := strings.Join(found, "\n"); !strings.Contains(text, c.finds) {
				t.Errorf("%s: want a finding with %q, got\n%s", c.what, c.finds, text)
			}
			if c.undoes == "" {
				continue // the last ones find theirs all the same
			}
			s = edited(t, s, open, c.undoes)
		}
	})
}
