package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// What a route may do, as testdata/routes.txt says of each. The file is reviewed:
// whoever adds a route decides there what it is, and the tests below prove it.
const (
	reads   = "read"       // moves nothing
	governs = "governed"   // moves governed facts, through the one door
	leaves  = "ungoverned" // sessions, tokens of an hour, nonces (product.md section 4)
	founds  = "founding"   // begins an organization, with its first entry
)

// reviewed is testdata/routes.txt: "class dialect METHOD pattern name".
func reviewed(t *testing.T) (lines []string, class map[string]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	class = map[string]string{}
	for in := bufio.NewScanner(strings.NewReader(string(text))); in.Scan(); {
		fields := strings.Fields(in.Text())
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) != 5 || !slices.Contains([]string{reads, governs, leaves, founds}, fields[0]) {
			t.Fatalf("cannot be read: %s", in.Text())
		}
		lines = append(lines, strings.Join(fields[1:], " "))
		class[fields[1]+" "+fields[4]] = fields[0]
	}
	return lines, class
}

// registered are the rows of every mux of the server, "dialect METHOD pattern name".
func (f *fortress) registered() (lines []string) {
	for _, d := range f.house.server.Dialects {
		for _, row := range d.API.Routes() {
			lines = append(lines, strings.Join([]string{d.Name, row.Method, row.Pattern, row.Name}, " "))
		}
	}
	for _, row := range f.house.server.Routes() {
		lines = append(lines, strings.Join([]string{"operations", row.Method, row.Pattern, row.Name}, " "))
	}
	return lines
}

// A route that is not in the inventory fails the build, and so does one of the
// inventory that is not there.
func TestEveryRouteIsInTheInventory(t *testing.T) {
	f := newFortress(t, testdb.SQLite(t))
	known, _ := reviewed(t)
	there := f.registered()
	for _, line := range there {
		if !slices.Contains(known, line) {
			t.Errorf("decide in testdata/routes.txt what this may do: %s", line)
		}
	}
	for _, line := range known {
		if !slices.Contains(there, line) {
			t.Errorf("testdata/routes.txt has a route that is not there: %s", line)
		}
	}
	for name, class := range second(reviewed(t)) {
		if _, has := examples()[name]; has != (class == governs) {
			t.Errorf("%s is %s, and has an example: %t", name, class, has)
		}
	}
}

func second[A, B any](_ A, b B) B { return b }

// watched looks at every statement. Nothing governed may be committed without an
// entry of the log in the same transaction.
type watched struct {
	mu sync.Mutex
	// tables written since the transaction began, and by any that was committed.
	tables, committed map[string]bool
	faults            []string
}

var written = regexp.MustCompile(`(?i)(?:insert into|update|delete from)\s+([a-z_]+)`)

// ungovernedTables hold what product.md section 4 leaves out, and the log itself.
func ungovernedTables() []string {
	return []string{"idempotency_records", "tickets", "outbox", "audit_heads", "audit_entries", "audit_hashes", "audit_facts", "audit_blobs"}
}

func (w *watched) point(at string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch at {
	case sqlstore.FaultBegin:
		w.tables = map[string]bool{}
	case sqlstore.FaultCommit:
		governed := slices.DeleteFunc(slices.Sorted(maps.Keys(w.tables)), func(s string) bool { return slices.Contains(ungovernedTables(), s) })
		if len(governed) > 0 && !w.tables["audit_entries"] {
			w.faults = append(w.faults, fmt.Sprintf("%v were written without an entry", governed))
		}
		maps.Copy(w.committed, w.tables)
	default:
		if found := written.FindStringSubmatch(at); found != nil {
			w.tables[found[1]] = true
		}
	}
	return nil
}

// watch begins to look.
func (f *fortress) watch() *watched {
	w := &watched{tables: map[string]bool{}, committed: map[string]bool{}}
	f.db.OnPoint(w.point)
	return w
}

// row is a governed row as it stands, at its version.
type row struct {
	text    string
	version int64
}

// rows are all governed rows of the organization.
func (f *fortress) rows() map[string]row {
	f.t.Helper()
	out, ctx := map[string]row{}, f.t.Context()
	put := func(kind, id string, version int64, v any) { out[kind+" "+id] = row{fmt.Sprintf("%+v", v), version} }
	f.must(f.db.Read(ctx, f.admin.Organization, func(tx store.ReadTx) error { return readRows(ctx, tx, put) }))
	return out
}

func readRows(ctx context.Context, tx store.ReadTx, put func(kind, id string, version int64, v any)) error {
	o, err := tx.Organization(ctx)
	if err != nil {
		return err
	}
	put("organization", "", o.Version, o)
	for _, read := range []func() error{
		func() error {
			return tx.UsersSince(ctx, 0, func(u countersign.User) error { put("user", string(u.ID), u.Version, u); return nil })
		},
		func() error {
			return tx.GroupsSince(ctx, 0, func(g countersign.Group) error {
				put("group", string(g.ID), max(g.Version, g.MembersVersion), g)
				return nil
			})
		},
		func() error {
			return tx.MembershipsSince(ctx, 0, func(m countersign.Membership) error { put("membership", string(m.ID), m.Version, m); return nil })
		},
		func() error {
			return tx.CredentialsSince(ctx, 0, func(c countersign.Credential) error { put("credential", string(c.ID), c.Version, c); return nil })
		},
		func() error {
			return tx.CatalogueSince(ctx, 0, func(p countersign.CataloguePermission) error {
				put("permission", string(p.Permission), p.Version, p)
				return nil
			})
		},
	} {
		if err := read(); err != nil {
			return err
		}
	}
	changes, err := tx.Changes(ctx, nil, "", 1<<16)
	for i := range changes {
		put("change", string(changes[i].ID), changes[i].Version, changes[i])
	}
	return err
}

// moved lists the rows that are not what they were.
func moved(before, after map[string]row) (keys []string) {
	for key, is := range after {
		if was, there := before[key]; !there || was.text != is.text {
			keys = append(keys, key)
		}
	}
	for key := range before {
		if _, there := after[key]; !there {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Every route that governs, called as its clients call it in a sealed organization:
// it goes through the one door, each row it moves stands at a position the log has
// reached by it, and what waits for somebody leaves nothing but its request.
func TestRoutesThatGovernGoThroughTheOneDoor(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		f := newFortress(t, open())
		x := f.furnished()
		for _, name := range slices.SortedFunc(maps.Keys(examples()), sealingFirst) {
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { f.in(t).goesThroughTheDoor(examples()[name](f.in(t), x)) })
		}
	})
}

const seals = "directory sealOrganization"

// sealingFirst: what can be done only before the seal comes first.
func sealingFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == seals:
		return -1
	case b == seals:
		return 1
	default:
		return strings.Compare(a, b)
	}
}

func (f *fortress) goesThroughTheDoor(e example) {
	f.t.Helper()
	before, size, calls := f.rows(), f.size(), f.house.engine.Figures().Mutations
	w := f.watch()
	got := f.call(e)
	f.db.OnPoint(nil)
	held := got.header.Get("Countersign-Change-Request") != ""
	if got.status >= http.StatusBadRequest && !(held && got.status == http.StatusForbidden) {
		f.t.Fatalf("%s %s: %d %s", e.method, e.path, got.status, got.body)
	}
	if through := f.house.engine.Figures().Mutations - calls; through < 1 {
		f.t.Error("it did not go through the door")
	}
	after := f.rows()
	now := f.size()
	if now == size || len(w.faults) > 0 {
		f.t.Errorf("the log grew from %d to %d; %v", size, now, w.faults)
	}
	for _, key := range moved(before, after) {
		if at := after[key].version; at <= size || at > now {
			f.t.Errorf("%s moved, and stands at %d: the log went from %d to %d", key, at, size, now)
		}
		if held && !e.settles && !strings.HasPrefix(key, "change ") {
			f.t.Errorf("%s moved although it waits for somebody", key)
		}
	}
	if newest, _ := f.newest(); newest.State.Open() {
		f.ends(newest)
	}
}

// Every other route, called as its clients call it: nothing governed is written, the log
// stands still, and what is no token or nonce is not written either.
func TestRoutesThatDoNotGovernMoveNothing(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		f := newFortress(t, open())
		x := f.furnished()
		x.imported = f.seal().imports(x)
		_, class := reviewed(t)
		before, size := f.rows(), f.size()
		for _, line := range f.registered() {
			fields := strings.Fields(line)
			name := fields[0] + " " + fields[3]
			if class[name] != reads && class[name] != leaves {
				continue
			}
			e := f.calling(fields[0], fields[1], fields[2], x)
			w := f.watch()
			got := f.call(e)
			f.db.OnPoint(nil)
			allowed := []string{"idempotency_records", "tickets"}
			if class[name] == reads {
				allowed = nil
			}
			for table := range w.committed {
				if !slices.Contains(allowed, table) {
					t.Errorf("%s, which is %s, writes %s", name, class[name], table)
				}
			}
			if got.status >= http.StatusBadRequest && !slices.Contains(unanswered(), name) {
				t.Errorf("%s did not succeed, so that this shows nothing: %d %s", name, got.status, got.body)
			}
		}
		if keys := moved(before, f.rows()); len(keys) > 0 || f.size() != size {
			t.Errorf("%v moved, the log grew by %d", keys, f.size()-size)
		}
		// Founding is another organization's first entry, and nothing of ours.
		setup := map[string]string{"organization": "Another", "admin_name": "Eve", "admin_email": "eve@example.org"}
		f.send(f.house.setupToken, "POST", "/directory/v1/setup", setup).must(http.StatusCreated)
		f.send(f.house.setupToken, "POST", "/directory/v1/setup", setup).must(http.StatusUnauthorized)
		if keys := moved(before, f.rows()); len(keys) > 0 || f.size() != size {
			t.Errorf("founding another moved %v", keys)
		}
	})
}

// lenient: Vault was misled by a parser that took what another read otherwise.
// Every body that governs is read in one way only, or not at all.
func (f *fortress) lenient() {
	g := newFortress(f.t, testdb.SQLite(f.t))
	x := g.furnished()
	tried := 0
	for _, name := range slices.SortedFunc(maps.Keys(examples()), sealingFirst) {
		e := examples()[name](g, x)
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(e.body), &members) != nil || len(members) == 0 {
			continue // it has no body
		}
		tried++
		size := g.deeds()
		first := slices.Sorted(maps.Keys(members))[0]
		inside := strings.TrimSuffix(strings.TrimSpace(e.body), "}")
		for what, body := range map[string]string{
			"a member twice":     fmt.Sprintf("%s,%q:%s}", inside, first, members[first]),
			"a member otherwise": fmt.Sprintf("{%q:null,%s", first, strings.TrimPrefix(e.body, "{")),
			"another object":     e.body + " " + e.body,
			"another letter":     e.body + "x",
			"no end":             inside,
			"a comma too many":   inside + ",}",
			"no UTF-8":           strings.Replace(e.body, `":"`, "\":\"\xff", 1),
			"in a list":          "[" + e.body + "]",
		} {
			if body == e.body {
				continue
			}
			e.body, body = body, e.body
			if got := g.call(e); got.status < http.StatusBadRequest || got.header.Get("Countersign-Change-Request") != "" || g.deeds() != size {
				g.t.Errorf("%s, %s: %d %s, the log grew by %d", name, what, got.status, got.body, g.deeds()-size)
			}
			e.body = body
		}
		folded := map[string]json.RawMessage{}
		for member, value := range members {
			folded[strings.ToUpper(member)] = value
		}
		raw, err := json.Marshal(folded)
		g.must(err)
		e.body = string(raw)
		if got := g.call(e); g.deeds() != size {
			g.t.Errorf("%s, with its members in capitals: %d %s", name, got.status, got.body)
		}
		if name == seals {
			g.seal()
		}
	}
	if tried < 25 {
		g.t.Errorf("only %d routes were tried", tried)
	}
}
