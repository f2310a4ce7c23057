package sqlstore_test

import (
	"database/sql"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
	delete(declared, "longScan") // one engine's own, see engine.beforeScan
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
		"open = 1 order by rev",                           // a few hundred open requests
		"order by a.change_id",                            // their approvals
		"user_id = $2 and state <> 'removed' order by id", // the memberships of one user
		"select distinct change_id from",                  // the requests that rely on a few facts
		"id in (select w from",                            // a page, whose ids were found beforehand
	}
	for _, q := range readable(db) {
		contains := func(part string) bool { return strings.Contains(q, part) }
		query(t, write, "explain query plan "+q, func(step map[string]string) {
			switch detail := step["detail"]; {
			case strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "json_each") && !slices.ContainsFunc(scans, contains),
				strings.HasPrefix(detail, "USE TEMP B-TREE") && !slices.ContainsFunc(sorts, contains):
				t.Errorf("%s\n\t%s", q, detail)
			}
		}, make([]any, parameters(q))...)
	}
}

// PostgreSQL prefers to read small tables whole, so it is forbidden to: what it
// still reads whole then, it has no index for. Plans are the generic ones, as
// prepared statements get them.
func TestNoStatementReadsAWholeTableOnPostgres(t *testing.T) {
	db := testdb.Postgres(t).(*testdb.DB)
	write, _ := db.Pools()
	for _, q := range readable(db) {
		for _, line := range genericPlan(t, write, q) {
			if strings.Contains(line, "Seq Scan") {
				t.Errorf("%s\n\t%s", q, line)
			}
		}
	}
}

func genericPlan(t *testing.T, db *sql.DB, q string) (lines []string) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, first := range []string{"set local enable_seqscan = off", "set local plan_cache_mode = force_generic_plan", "prepare q as " + q} {
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
