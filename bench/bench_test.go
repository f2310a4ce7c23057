package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
)

// The program starts itself as a server; under test it is this one.
func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		if err := serveChild(context.Background(), what, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestTheSameSeedMakesTheSameRows(t *testing.T) {
	small := crowd(7, 500, 5)
	first, second, other := rowsOf(t, small), rowsOf(t, small), rowsOf(t, crowd(8, 500, 5))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(first, other) {
		t.Error("another seed makes the same rows")
	}
}

// rowsOf reads what was generated, without what founding draws anew.
func rowsOf(t *testing.T, s shape) map[string][]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "w.db")
	if err := generate(t.Context(), file, s, progress{}); err != nil {
		t.Fatal(err)
	}
	db, err := openRaw(file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := map[string][]string{}
	for table, query := range map[string]string{
		"users":       `select id || name || email || email_key || type || role || state || permissions || number || created_at from users where number > 1 order by id`,
		"groups":      `select id || name || name_key || permissions || number from groups order by id`,
		"memberships": `select id || user_id || group_id || role || state || starts_at || expires_at || create_accounts || number from memberships order by id`,
		"catalogue":   `select permission from catalogue_permissions order by permission`,
	} {
		if err := eachText(t.Context(), db, query, func(text string) { out[table] = append(out[table], text) }); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestAWorldIsAsItsShapeSays(t *testing.T) {
	s := crowd(1, 2000, 5)
	file := filepath.Join(t.TempDir(), "w.db")
	if err := generate(t.Context(), file, s, progress{}); err != nil {
		t.Fatal(err)
	}
	db, err := openRaw(file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	large := string(s.groupID(s.Groups))
	for query, want := range map[string]int{
		"select count(*) from users":       2001,
		"select count(*) from memberships": s.members(),
		"select count(*) from memberships where state = 'active' and group_id = '" + large + "'":                                                              200,
		"select count(*) from memberships m join users u on u.id = m.user_id where u.state = 'deleted' and m.state <> 'removed'":                              0,
		"select count(*) from memberships m left join users u on u.id = m.user_id left join groups g on g.id = m.group_id where u.id is null or g.id is null": 0,
		"select count(*) - max(number) from memberships":                                                                                                      0,
		"select count(*) from pragma_integrity_check where integrity_check <> 'ok'":                                                                           0,
	} {
		if got := count(t, db, query); got != want {
			t.Errorf("%s: %d, not %d", query, got, want)
		}
	}
	for _, query := range []string{
		"select count(*) from users where state = 'deleted'", "select count(*) from users where type = 'api_user'",
		"select count(*) from users where length(name) <> length(cast(name as blob))",
		"select count(*) from memberships where state = 'removed'", "select count(*) from memberships where expires_at <> 0",
		"select count(*) from memberships where role = 'admin' and create_accounts = 1",
		"select count(*) from (select name from users group by name having count(*) > 1)",
	} {
		if count(t, db, query) == 0 {
			t.Errorf("%s: none", query)
		}
	}
	if biggest, middle := count(t, db, sizes+" limit 1 offset 1"), count(t, db, sizes+fmt.Sprint(" limit 1 offset ", s.Groups/2)); biggest < 4*middle {
		t.Errorf("groups are alike: %d and %d members", biggest, middle)
	}
	for i := range 200 {
		if _, err := countersign.ParseUUID("id", s.id(kindUser, i)); err != nil {
			t.Fatal(err)
		}
	}
}

const sizes = "select count(*) from memberships group by group_id order by 1 desc"

func count(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// What the migrations say about indexes and sizes stands after a bulk load too.
func TestABulkLoadKeepsTheSchema(t *testing.T) {
	said := func(file string) []string {
		db, err := openRaw(file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var out []string
		for _, query := range []string{
			"select sql from sqlite_master where sql is not null order by name",
			"select tbl || ' ' || coalesce(idx, '') || ' ' || stat from sqlite_stat1 order by 1",
		} {
			if err := eachText(t.Context(), db, query, func(text string) { out = append(out, text) }); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	dir := t.TempDir()
	empty, filled := filepath.Join(dir, "empty.db"), filepath.Join(dir, "filled.db")
	if _, err := found(t.Context(), empty, "Empty"); err != nil {
		t.Fatal(err)
	}
	if err := generate(t.Context(), filled, crowd(1, 100, 5), progress{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(said(empty), said(filled)); diff != "" {
		t.Error(diff)
	}
}

// Every measurement, at a scale at which it says nothing: its sides must agree.
func TestEveryMeasurementRuns(t *testing.T) {
	dir := t.TempDir()
	var out, errs strings.Builder
	err := run(t.Context(), []string{"-users", "200", "-rounds", "1", "-seconds", "0.001", "-dir", dir, "-json", filepath.Join(dir, "all.json"), "-markdown"}, &out, &errs)
	if err != nil {
		t.Fatal(err, errs.String())
	}
	for _, m := range all() {
		name, _, _ := strings.Cut(m.name, "-growth")
		if !strings.Contains(out.String(), "| "+name) {
			t.Errorf("%s gave no row", m.name)
		}
	}
	var again strings.Builder
	if err := run(t.Context(), []string{"-from", filepath.Join(dir, "all.json"), "-markdown"}, &again, &errs); err != nil || again.String() != out.String() {
		t.Errorf("the file tells something else than the run: %v\n%s", err, cmp.Diff(out.String(), again.String()))
	}
	if left, err := filepath.Glob(filepath.Join(dir, "copy-*")); err != nil || len(left) > 0 {
		t.Errorf("copies are left: %v, %v", left, err)
	}
	for _, want := range []string{"EXPLAIN QUERY PLAN", "go run ./bench -only list-worst ", "USING COVERING INDEX"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the section does not show %q", want)
		}
	}
}

// The deployment of many answers rightly without a budget too.
func TestManyOrganizationsAnswer(t *testing.T) {
	cache, err := openCache(t.Context(), t.TempDir(), progress{})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{users: 200, seed: 3, rounds: 1, length: time.Millisecond, cache: cache}
	file, d, err := s.deployment(t.Context(), s.many())
	if err != nil {
		t.Fatal(err)
	}
	if want := s.many().organizations + 1; len(d.each) != want || d.each[want-1].Shape.Users <= usersOfEach*s.many().fitting {
		t.Fatalf("%d organizations, and the giant has %d users", len(d.each), d.each[len(d.each)-1].Shape.Users)
	}
	if size, err := budgetFor(t.Context(), file, d.each[:s.many().fitting]); err != nil || size <= 0 {
		t.Fatal(size, err)
	}
	h, err := furnish(t.Context(), file, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if err := d.rightAnswers(t.Context(), h); err != nil {
		t.Error(err)
	}
	if _, err := askersOf(d.each, h.address)(t.Context(), 10*time.Millisecond); err != nil {
		t.Error(err)
	}
	if _, err := d.giantRefused(t.Context(), h); err == nil || !strings.Contains(err.Error(), "was answered") {
		t.Errorf("a giant without a budget: %v", err)
	}
}

func TestCleaningRemovesWhatIsOfNoUse(t *testing.T) {
	dir := t.TempDir()
	c, err := openCache(t.Context(), dir, progress{})
	if err != nil {
		t.Fatal(err)
	}
	kept := []string{"world-u1-" + c.schema + ".db", "world-u1-" + c.schema + ".db.json", "somebody's.db"}
	for _, name := range append([]string{"world-u1-0badcafe.db", "world-u1-0badcafe.db.json", "sql-u1-0badcafe.db", "many-1-0badcafe.db.lock"}, kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(t.Context(), []string{"-clean", "-dir", dir}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	slices.Sort(kept)
	if diff := cmp.Diff(kept, left); diff != "" {
		t.Error(diff)
	}
}

func TestAShuffleMeetsEverybodyOnce(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 97, 1000, 4096} {
		for seed := range uint64(5) {
			var met []int
			order := newShuffle(n, mix(seed))
			for k := range n {
				met = append(met, order.at(k))
			}
			slices.Sort(met)
			for i, v := range met {
				if i != v {
					t.Fatalf("%d of %d: %v", i, n, met)
				}
			}
		}
	}
}

func TestMedians(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want summary
	}{
		{[]float64{3}, summary{3, 3, 3}},
		{[]float64{5, 1, 3}, summary{3, 1, 5}},
		{[]float64{4, 1, 3, 2}, summary{2.5, 1, 4}},
	} {
		if got := summarize(c.list); got != c.want {
			t.Errorf("%v: %v", c.list, got)
		}
	}
}

func TestAims(t *testing.T) {
	for _, c := range []struct {
		aim   aim
		ratio float64
		want  string
	}{
		{aim{}, 1, ""},
		{aim{AtLeast: 0.7}, 0.7, "met"},
		{aim{AtLeast: 0.7}, 0.69, "missed"},
		{aim{AtMost: 1.5}, 1.5, "met"},
		{aim{AtMost: 1.5}, 1.51, "missed"},
	} {
		if got := c.aim.verdict(c.ratio); got != c.want {
			t.Errorf("%v of %v: %q", c.aim, c.ratio, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		number(1234567): "1,234,567", number(999.6): "1000", number(45.25): "45.2", number(2): "2", number(0.666): "0.67",
		shown(rate, 0.00002): "50,000/s", shown(took, 0.0000123): "12.3 µs", shown(took, 2.5): "2.5s", shown(octets, 380): "380 B", grouped(-1): "-1",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// A duel turns the ratio as the row says, and warms up without counting.
func TestADuel(t *testing.T) {
	s := &session{rounds: 3}
	of := func(list ...float64) contender {
		return func(context.Context, time.Duration) (float64, error) {
			next := list[0]
			list = append(list[1:], next)
			return next, nil
		}
	}
	for _, slower := range []bool{false, true} {
		r, err := s.duel(t.Context(), row{Slower: slower}, of(100, 2, 4, 8), of(100, 4, 4, 4))
		if err != nil {
			t.Fatal(err)
		}
		if want := (summary{1, 0.5, 2}); r.Ratio != want {
			t.Errorf("slower %v: %v", slower, r.Ratio)
		}
	}
}

func TestAnswersThatDifferAreFound(t *testing.T) {
	here := answer{[]string{"a", "b"}, 5}
	for _, there := range []answer{{[]string{"a", "b"}, 4}, {[]string{"b", "a"}, 5}, {[]string{"a"}, 5}} {
		if equal(here, there) == nil {
			t.Errorf("%v and %v are taken for equal", here, there)
		}
	}
	if err := equal(here, here); err != nil {
		t.Error(err)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-users", "10"}, {"more"}, {"-rounds", "0"}, {"-only", "nothing"}, {"-only", "zz*"}, {"-unknown"}} {
		var out, errs strings.Builder
		if err := run(t.Context(), args, &out, &errs); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	var out, errs strings.Builder
	if err := run(t.Context(), []string{"-list", "-only", "check-*,count"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if want := "check-http\ncheck-growth\ncheck-inside\ncheck-inside-growth\ncount\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
	_ = run(t.Context(), []string{"-help"}, &out, &errs)
	for _, m := range all() {
		if !regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(m.name) + ` `).MatchString(errs.String()) {
			t.Errorf("the help does not know %s", m.name)
		}
	}
}
