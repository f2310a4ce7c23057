package sqlstore_test

import (
	"database/sql"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// schema is what both engines must agree on.
type schema struct {
	Columns map[string]column // by table.column
	Primary map[string]string // columns of the primary key, by table
	Indexes map[string]index  // by name
}

type column struct {
	Class string // text, integer or bytes
	Null  bool
	Place int
}

type index struct {
	Table, Columns  string
	Unique, Partial bool
}

func newSchema() schema {
	return schema{Columns: map[string]column{}, Primary: map[string]string{}, Indexes: map[string]index{}}
}

// The schemas differ in types and storage only, or a rule would hold on one
// engine and not on the other.
func TestBothEnginesHaveTheSameSchema(t *testing.T) {
	lite := sqliteSchema(t)
	post := postgresSchema(t)
	if len(lite.Columns) < 100 || len(lite.Indexes) < 20 {
		t.Fatalf("the schema was not read: %d columns, %d indexes", len(lite.Columns), len(lite.Indexes))
	}
	if diff := cmp.Diff(lite, post); diff != "" {
		t.Errorf("(-sqlite +postgres)\n%s", diff)
	}
}

func TestSchemaConventions(t *testing.T) {
	s := sqliteSchema(t)
	for table, key := range s.Primary {
		if first, _, _ := strings.Cut(key, ","); first != "organization_id" {
			t.Errorf("the primary key of %s begins with %s: every row belongs to an organization first", table, first)
		}
	}
	for name := range s.Columns {
		table, is := strings.CutSuffix(name, ".rev")
		if is && table != "organizations" && !strings.HasPrefix(s.Indexes[table+"_rev"].Columns, "organization_id,rev") {
			t.Errorf("%s has a rev and no index by which a follower finds what moved", table)
		}
	}
	// Both are how a caller is found before his organization is known.
	deployment := []string{"credentials_client", "credentials_secret", "organizations_number", "users_id"}
	for name, i := range s.Indexes {
		if !strings.HasPrefix(i.Columns, "organization_id") && !slices.Contains(deployment, name) {
			t.Errorf("index %s reaches across organizations", name)
		}
	}
}

// A unique index that is missing in the table of conflicts would show its
// violation as an internal error.
func TestEveryUniqueIndexIsAConflictWithAName(t *testing.T) {
	known := sqlstore.Conflicts()
	s := sqliteSchema(t)
	var unique []string
	for name, i := range s.Indexes {
		if i.Unique {
			unique = append(unique, name)
			want := i.Table + "." + strings.ReplaceAll(i.Columns, ",", ", "+i.Table+".")
			if known[name] != want {
				t.Errorf("%s is %q in the table of conflicts, and SQLite calls it %q", name, known[name], want)
			}
		}
	}
	for name, columns := range known {
		table, primary := strings.CutSuffix(name, "_pk")
		if !primary && !slices.Contains(unique, name) {
			t.Errorf("%s is no unique index", name)
		}
		if want := table + "." + strings.ReplaceAll(s.Primary[table], ",", ", "+table+"."); primary && columns != want {
			t.Errorf("%s is %q, want %q", name, columns, want)
		}
	}
}

// An index that the planner knows nothing about is one it may prefer for
// nothing, or never take.
func TestThePlannerKnowsEveryIndexOfSQLite(t *testing.T) {
	db, read := testdb.SQLite(t).(*testdb.DB).Pools()
	known := map[string]string{}
	query(t, read, "select tbl, idx, stat from sqlite_stat1", func(row map[string]string) { known[row["idx"]] = row["stat"] })
	query(t, db, `select t.name as "table", i.name as "index", i.origin, (select count(*) from pragma_index_info(i.name)) as columns
		from pragma_table_list t join pragma_index_list(t.name) i
		where t.schema = 'main' and t.name not like 'sqlite_%' and t.name not like 'goose_%'`, func(i map[string]string) {
		name := i["index"]
		if i["origin"] == "pk" && known[name] == "" {
			name = i["table"] // the primary key of a table without rowids is the table
		}
		if got := strconv.Itoa(strings.Count(known[name], " ")); got != i["columns"] {
			t.Errorf("%s of %s columns has the statistics %q", i["index"], i["columns"], known[name])
		}
	})
}

func TestMigrationsAreTheSameNumbersOnBothEngines(t *testing.T) {
	names := func(engine string) (list []string) {
		files, err := fs.Glob(sqlstore.Migrations(), path.Join("migrations", engine, "*.sql"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			list = append(list, path.Base(f))
		}
		return list
	}
	if diff := cmp.Diff(names("sqlite"), names("postgres")); diff != "" || len(names("sqlite")) == 0 {
		t.Errorf("(-sqlite +postgres)\n%s", diff)
	}
}

// query calls fn for each row, whose values are given as text.
func query(t *testing.T, db *sql.DB, text string, fn func(row map[string]string), args ...any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]sql.NullString, len(names))
	dest := make([]any, len(names))
	for i := range values {
		dest[i] = &values[i]
	}
	var all []map[string]string // read first: fn may ask the same connection
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		row := map[string]string{}
		for i, name := range names {
			row[name] = values[i].String
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	rows.Close()
	for _, row := range all {
		fn(row)
	}
}

func sqliteSchema(t *testing.T) schema {
	t.Helper()
	db, _ := testdb.SQLite(t).(*testdb.DB).Pools()
	s := newSchema()
	classes := map[string]string{"TEXT": "text", "INTEGER": "integer", "BLOB": "bytes"}
	query(t, db, `select name, strict from pragma_table_list where schema = 'main' and type = 'table'
		and name not like 'sqlite_%' and name not like 'goose_%'`, func(table map[string]string) {
		name := table["name"]
		if table["strict"] != "1" {
			t.Errorf("%s is not strict: it would take any value in any column", name)
		}
		keys := map[string]string{}
		place := 0
		query(t, db, "pragma table_xinfo("+name+")", func(c map[string]string) {
			place++
			s.Columns[name+"."+c["name"]] = column{classes[c["type"]], c["notnull"] == "0", place}
			if c["pk"] != "0" {
				keys[c["pk"]] = c["name"]
			}
		})
		var key []string
		for _, n := range slices.Sorted(maps.Keys(keys)) {
			key = append(key, keys[n])
		}
		s.Primary[name] = strings.Join(key, ",")
		query(t, db, "pragma index_list("+name+")", func(i map[string]string) {
			if i["origin"] == "pk" {
				return
			}
			var columns []string
			query(t, db, "pragma index_info("+i["name"]+")", func(c map[string]string) { columns = append(columns, c["name"]) })
			s.Indexes[i["name"]] = index{name, strings.Join(columns, ","), i["unique"] == "1", i["partial"] == "1"}
		})
	})
	return s
}

func postgresSchema(t *testing.T) schema {
	t.Helper()
	db, _ := testdb.Postgres(t).(*testdb.DB).Pools()
	s := newSchema()
	classes := map[string]string{"text": "text", "bigint": "integer", "bytea": "bytes"}
	query(t, db, `select table_name, column_name, data_type, is_nullable, ordinal_position, collation_name
		from information_schema.columns where table_schema = 'public' and table_name not like 'goose_%'`, func(c map[string]string) {
		name := c["table_name"] + "." + c["column_name"]
		if c["data_type"] == "text" && c["collation_name"] != "C" {
			t.Errorf(`%s lacks collate "C": it would sort and compare otherwise than SQLite`, name)
		}
		place, err := strconv.Atoi(c["ordinal_position"])
		if err != nil {
			t.Fatal(err)
		}
		s.Columns[name] = column{classes[c["data_type"]], c["is_nullable"] == "YES", place}
	})
	query(t, db, `select c.relname as index, t.relname as table, i.indisprimary as primary, i.indisunique as unique, i.indpred is not null as partial,
			(select string_agg(a.attname, ',' order by k.place) from unnest(i.indkey) with ordinality as k (attribute, place)
				join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attribute) as columns
		from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
		join pg_namespace n on n.oid = t.relnamespace where n.nspname = 'public' and t.relname not like 'goose_%'`, func(i map[string]string) {
		if i["primary"] == "true" {
			s.Primary[i["table"]] = i["columns"]
			if want := i["table"] + "_pk"; i["index"] != want {
				t.Errorf("the primary key of %s is called %s, not %s", i["table"], i["index"], want)
			}
			return
		}
		s.Indexes[i["index"]] = index{i["table"], i["columns"], i["unique"] == "true", i["partial"] == "true"}
	})
	return s
}
