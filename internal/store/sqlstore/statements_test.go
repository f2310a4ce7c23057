package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

func TestEveryStatementPreparesOnBothEngines(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		db := open().(*testdb.DB)
		write, read := db.Pools()
		if len(db.Statements()) < 50 {
			t.Fatalf("only %d statements are listed", len(db.Statements()))
		}
		for _, q := range db.Statements() {
			for _, pool := range []*sql.DB{write, read} {
				prepared, err := pool.PrepareContext(t.Context(), q)
				if err != nil {
					t.Errorf("%s: %v", q, err)
					continue
				}
				defer prepared.Close()
			}
		}
	})
}

// A statement that stands in no list would be prepared by nobody.
func TestEveryStatementStandsInTheList(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared, listed := map[string]string{}, map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, id := range n.Names {
					if isStatement(n, i) {
						declared[id.Name] = name
					}
				}
			case *ast.FuncDecl:
				if name == "statements.go" {
					ast.Inspect(n, func(n ast.Node) bool {
						if id, ok := n.(*ast.Ident); ok {
							listed[id.Name] = true
						}
						return true
					})
				}
			}
			return true
		})
	}
	for _, own := range []string{"longScan", "beginReading", "beginWriting", "commitAll", "rollbackAll", "announceCommit", "listen"} { // of one engine
		delete(declared, own)
	}
	if len(declared) < 50 {
		t.Fatalf("only %d statements were found", len(declared))
	}
	for name, file := range declared {
		if !listed[name] {
			t.Errorf("%s of %s is missing in statements.go", name, file)
		}
	}
}

// isStatement recognizes constants of type statement, and the texts with a
// fragment to be filled in.
func isStatement(spec *ast.ValueSpec, i int) bool {
	if id, ok := spec.Type.(*ast.Ident); ok {
		return id.Name == "statement"
	}
	if i >= len(spec.Values) {
		return false
	}
	found := false
	ast.Inspect(spec.Values[i], func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			found = found || strings.Contains(lit.Value, "{rows}")
		}
		return true
	})
	return found
}

// Whatever is asked of a large organization must be found by an index, also
// where that is a partial one. SQLite's planner says plainly what it will do.
func TestNoStatementReadsAWholeTableOnSQLite(t *testing.T) {
	db := testdb.SQLite(t).(*testdb.DB)
	write, _ := db.Pools()
	// The whole table is what this one is for; what these sort is small.
	scans := []string{"from organizations order by"}
	sorts := []string{
		"open = 1 order by rev", // a few hundred open requests
		"order by c.",           // their approvals, or those of one request at a time
		"user_id = $2 and state <> 'removed' order by id", // the memberships of one user
		"select distinct change_id from",                  // the requests that rely on a few facts
		"id in (select w from",                            // a page, whose ids were found beforehand
	}
	for _, q := range readable(db) {
		contains := func(part string) bool { return strings.Contains(q, part) }
		query(t, write, "explain query plan "+q, func(step map[string]string) {
			switch detail := step["detail"]; {
			case strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "json_each") && !slices.ContainsFunc(scans, contains),
				strings.HasSuffix(detail, "(organization_id=?)") && !slices.ContainsFunc(wholeByRight(), contains),
				strings.HasPrefix(detail, "USE TEMP B-TREE") && !slices.ContainsFunc(sorts, contains):
				t.Errorf("%s\n\t%s", q, detail)
			}
		}, make([]any, parameters(q))...)
	}
}

// Who loads an organization reads its rows where they stand: by any other index
// he would look for each of a million by itself.
func TestTheLivingAreReadSideBySideOnSQLite(t *testing.T) {
	db := testdb.SQLite(t).(*testdb.DB)
	write, _ := db.Pools()
	found := 0
	for _, q := range readable(db) {
		if !strings.Contains(q, "organization_id = $1 and state <> ") {
			continue
		}
		found++
		query(t, write, "explain query plan "+q, func(step map[string]string) {
			if !strings.HasSuffix(step["detail"], "USING PRIMARY KEY (organization_id=?)") {
				t.Errorf("%s\n\t%s", q, step["detail"])
			}
		}, "o")
	}
	if found != 3 {
		t.Errorf("%d statements read the living, not those of users, groups and memberships", found)
	}
}

// PostgreSQL collects its own statistics, so it gets something to collect them
// from; and it prefers to read small tables whole, and to join them so, which it
// is forbidden. Plans are the generic ones, as prepared statements get them.
func TestNoStatementReadsAWholeTableOnPostgres(t *testing.T) {
	db := testdb.Postgres(t).(*testdb.DB)
	populate(t, db)
	write, _ := db.Pools()
	if _, err := write.ExecContext(t.Context(), "analyze"); err != nil {
		t.Fatal(err)
	}
	for _, q := range readable(db) {
		for _, line := range genericPlan(t, write, q) {
			whole := strings.HasSuffix(line, "Index Cond: (organization_id = $1)") &&
				!slices.ContainsFunc(wholeByRight(), func(part string) bool { return strings.Contains(q, part) })
			if strings.Contains(line, "Seq Scan") || whole {
				t.Errorf("%s\n\t%s", q, line)
			}
		}
	}
}

// populate fills one organization so far that indexes pay.
func populate(t *testing.T, db store.Store) {
	t.Helper()
	const rows = 3000
	found(t, db, "o")
	ctx := t.Context()
	err := db.Write(ctx, "o", func(tx store.WriteTx) error {
		var all error
		check := func(err error) { all = errors.Join(all, err) }
		for n := range rows {
			version, name := int64(n+1), fmt.Sprintf("%08d", n)
			check(tx.PutCataloguePermission(ctx, countersign.CataloguePermission{Permission: countersign.Permission(name), Version: version}))
			check(tx.PutUser(ctx, countersign.User{
				ID: countersign.UserID(name), Number: version, Version: version, ExternalID: name, Type: countersign.EndUser,
			}, name))
			check(tx.PutGroup(ctx, countersign.Group{ID: countersign.GroupID(name), Number: version, Version: version}, name))
			for i, state := range []countersign.MembershipState{countersign.MembershipActive, countersign.MembershipRemoved} {
				check(tx.PutMembership(ctx, countersign.Membership{
					ID: countersign.MembershipID(fmt.Sprint(name, i)), Number: 2*version + int64(i), Version: version,
					UserID: countersign.UserID(name), GroupID: countersign.GroupID(name), State: state,
				}))
			}
			check(tx.PutCredential(ctx, countersign.Credential{
				ID: countersign.CredentialID(name), UserID: countersign.UserID(name), SecretHash: []byte(name), ClientID: name, Version: version,
				State: countersign.CredentialActive,
			}))
			c := store.ChangeRecord{ID: countersign.ChangeID(name), Version: version, State: countersign.ChangeApplied}
			if n%30 == 0 {
				c.State = countersign.ChangePending
			}
			check(tx.PutChange(ctx, c, []countersign.FactVersion{{Fact: countersign.Fact(name)}, {Fact: "b"}, {Fact: "c"}}))
			check(tx.AddApproval(ctx, countersign.Approval{Change: c.ID, Position: version}))
			check(tx.PutEmergency(ctx, countersign.Emergency{Change: c.ID, Person: countersign.UserID(name), Ratification: c.ID}))
			e := countersign.AuditEntry{Index: int64(n), Kind: countersign.EntryApplied}
			check(tx.AppendEntry(ctx, e, []countersign.Fact{countersign.Fact(name)}, 2*int64(n), [][]byte{make([]byte, 32), make([]byte, 32)}, countersign.Head{Size: version}))
			check(tx.PutBlob(ctx, name, nil))
			check(tx.Remember(ctx, store.IdempotencyRecord{Principal: countersign.UserID(name), CreatedAt: time.UnixMicro(version)}))
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.WriteTickets(ctx, "o", func(tx store.TicketTx) error {
		var all error
		for n := range rows {
			name := fmt.Sprintf("%08d", n)
			all = errors.Join(all, tx.AddTicket(ctx, store.Ticket{
				Hash: []byte(name), Credential: countersign.CredentialID(name), CreatedAt: time.UnixMicro(1), ExpiresAt: time.UnixMicro(int64(n + 2)),
			}, 10))
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wholeByRight are parts of the statements that read all rows an organization
// has in an index: one row, or what is open, or all there is to count, or to load.
func wholeByRight() []string {
	return []string{
		"from organizations", "update organizations", "audit_heads", "open = 1", "group by state",
		"organization_id = $1 and state ",
		"sum(case when c.state", // the emergency acts, of which there are two a day and person at most
	}
}

func genericPlan(t *testing.T, db *sql.DB, q string) (lines []string) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, first := range []string{
		"set local enable_seqscan = off", "set local enable_hashjoin = off", "set local enable_mergejoin = off",
		"set local plan_cache_mode = force_generic_plan", "prepare q as " + q,
	} {
		if _, err := tx.ExecContext(t.Context(), first); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
	}
	execute := "explain execute q"
	if n := parameters(q); n > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("null,", n), ",") + ")"
	}
	rows, err := tx.QueryContext(t.Context(), execute)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "deallocate q"); err != nil {
		t.Fatal(err)
	}
	return lines
}

// readable lists the statements that have to find something first.
func readable(db *testdb.DB) []string {
	return slices.DeleteFunc(db.Statements(), func(q string) bool {
		return !strings.HasPrefix(q, "select") && !strings.HasPrefix(q, "update") && !strings.HasPrefix(q, "delete")
	})
}

// parameters counts the parameters of a statement.
func parameters(q string) (n int) {
	for strings.Contains(q, fmt.Sprintf("$%d", n+1)) {
		n++
	}
	return n
}
