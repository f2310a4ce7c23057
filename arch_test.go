package countersign_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const modulePath = "github.com/countersign/countersign"

// Names of the table: a path below the module, "*" for one segment of it.
const (
	vocabulary = "."
	names      = "internal/names"
	canon      = "internal/canon"
	secret     = "internal/secret"
	store      = "internal/store"
	roster     = "internal/roster"
	engine     = "internal/engine"
	authn      = "internal/authn"
	wire       = "internal/wire"
	anything   = "..."
)

// A room is one row of the floor plan: which packages of ours a package may
// import outside its tests. Whoever stands in no row fails, so a new package
// begins with a decision about its place.
type room struct {
	pkg string
	may []string
	// testOnly packages may import "testing", and only tests and other test-only
	// packages may import them: nothing of theirs is ever linked into the binary.
	testOnly bool
}

// floorPlan is the import table of the house. Imports point down; dialects
// never meet each other, and reach state through the engine only.
var floorPlan = []room{
	{pkg: vocabulary},
	{pkg: "api"},
	{pkg: "client"},
	{pkg: wire, may: []string{vocabulary}}, // for countersign.Error; it knows no noun
	{pkg: names, may: []string{vocabulary}},
	{pkg: canon, may: []string{vocabulary}},
	{pkg: secret, may: []string{vocabulary}},

	{pkg: "internal/statement", may: []string{vocabulary, canon}},
	{pkg: "internal/differ", may: []string{vocabulary, canon}},

	{pkg: "internal/access", may: []string{vocabulary, names, canon}},
	{pkg: "internal/approval", may: []string{vocabulary, names, canon}},
	{pkg: "internal/audit", may: []string{vocabulary, names, canon}},
	{pkg: store, may: []string{vocabulary, names, canon}},
	{pkg: roster, may: []string{vocabulary, names, canon}},
	{pkg: "internal/store/sqlstore", may: []string{vocabulary, store}},
	{pkg: "internal/store/storetest", may: []string{vocabulary, store}, testOnly: true},

	{pkg: engine, may: []string{
		vocabulary, names, canon, secret, "internal/statement", "internal/differ", "internal/access", "internal/approval", "internal/audit", store, roster,
	}},
	{pkg: authn, may: []string{vocabulary, names, canon, secret, store, roster, engine}},
	{pkg: "internal/notify", may: []string{vocabulary, store}},
	{pkg: "internal/csvimport", may: []string{vocabulary, names}}, // files in, batches out; it knows no server

	{pkg: "internal/dialect/*", may: []string{vocabulary, engine, authn, wire}},
	{pkg: "internal/dialect/native", may: []string{vocabulary, engine, authn, wire, "api"}},
	{pkg: "internal/console", may: []string{vocabulary, engine, authn, wire}},
	{pkg: "internal/server", may: []string{"internal/dialect/*", "internal/console", wire}},
	{pkg: "cmd/countersign", may: []string{anything}}, // here the house is put together

	{pkg: "internal/dialect/dialecttest", may: []string{anything}, testOnly: true},
	{pkg: "internal/scenario", may: []string{anything}, testOnly: true},
	{pkg: "internal/testdb", may: []string{vocabulary, store, "internal/store/sqlstore"}, testOnly: true},
	// A second opinion is worth something only if it shares no code with the first.
	{pkg: "internal/oracle", may: []string{vocabulary}, testOnly: true},
	{pkg: "internal/oracle/fordefi", testOnly: true}, // nor with the first oracle, nor one word of ours
	{pkg: "internal/replay", may: []string{vocabulary, store, "internal/alike"}, testOnly: true},
	{pkg: "internal/alike", testOnly: true},
	{pkg: "internal/linear", testOnly: true}, // it has tests only
	{pkg: "bench", may: []string{anything}, testOnly: true},
	{pkg: "scripts/mutants", testOnly: true},
	{pkg: "scripts/mutate", testOnly: true},
}

// packageImports is what one package imports outside its tests; ours are
// written below the module, the others in full.
type packageImports struct {
	pkg     string
	imports []string
	ours    []string
}

// violations says, one sentence each, where a graph departs from a plan.
func violations(plan []room, graph []packageImports) []string {
	var found []string
	for _, p := range graph {
		r, ok := roomOf(plan, p.pkg)
		if !ok {
			found = append(found, p.pkg+" stands in no row of the floor plan")
			continue
		}
		for _, target := range p.ours {
			if !r.allows(target) {
				found = append(found, p.pkg+" must not import "+target)
			} else if t, ok := roomOf(plan, target); ok && t.testOnly && !r.testOnly {
				found = append(found, p.pkg+" must not import "+target+", which is for tests only")
			}
		}
		for _, target := range p.imports {
			if target == "testing" && !r.testOnly {
				found = append(found, p.pkg+" must not import testing outside its tests")
			}
			if p.pkg == vocabulary && !isStandard(target) {
				found = append(found, "the vocabulary must not import "+target+": standard library only")
			}
		}
	}
	slices.Sort(found)
	return found
}

// roomOf prefers the row that names the package to one that covers it.
func roomOf(plan []room, pkg string) (room, bool) {
	covering := slices.IndexFunc(plan, func(r room) bool { return covers(r.pkg, pkg) })
	if exact := slices.IndexFunc(plan, func(r room) bool { return r.pkg == pkg }); exact >= 0 {
		return plan[exact], true
	}
	if covering >= 0 {
		return plan[covering], true
	}
	return room{}, false
}

func (r room) allows(target string) bool {
	return slices.ContainsFunc(r.may, func(may string) bool { return may == anything || covers(may, target) })
}

func covers(pattern, pkg string) bool {
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}

// isStandard holds because every other import path begins with a host name.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func below(importPath string) (string, bool) {
	if importPath == modulePath {
		return vocabulary, true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

func TestImportsFollowTheFloorPlan(t *testing.T) {
	// The test cache sees the folders this process opens, not what its child
	// "go list" reads: without this walk a new package would meet an old "ok".
	if err := filepath.WalkDir(".", openFolder); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var graph []packageImports
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkg, ok := below(listed.ImportPath)
		if !ok {
			t.Fatalf("%s is not below %s", listed.ImportPath, modulePath)
		}
		p := packageImports{pkg: pkg}
		for _, i := range listed.Imports {
			if ours, ok := below(i); ok {
				p.ours = append(p.ours, ours)
			} else {
				p.imports = append(p.imports, i)
			}
		}
		graph = append(graph, p)
	}
	if len(graph) == 0 {
		t.Fatal("go list named no package")
	}
	for _, v := range violations(floorPlan, graph) {
		t.Error(v)
	}
}

// openFolder leaves out what "go list" leaves out too. A file that vanishes
// meanwhile is none of this test's business.
func openFolder(name string, d fs.DirEntry, err error) error {
	if err != nil || !d.IsDir() {
		return nil
	}
	if base := path.Base(filepath.ToSlash(name)); name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata") {
		return fs.SkipDir
	}
	return nil
}

// The checker is worth what it catches: each case plants one thing.
func TestFloorPlanFindsWhatIsPlanted(t *testing.T) {
	for _, c := range []struct {
		name  string
		graph packageImports
		want  []string
	}{
		{"a downward import is fine", packageImports{pkg: engine, ours: []string{vocabulary, store}, imports: []string{"time"}}, nil},
		{"a dialect is covered by the star", packageImports{pkg: "internal/dialect/box", ours: []string{engine, wire}}, nil},
		{"native may read the api document", packageImports{pkg: "internal/dialect/native", ours: []string{"api"}}, nil},
		{"a test-only package may use testing", packageImports{pkg: "internal/testdb", imports: []string{"testing"}, ours: []string{store}}, nil},
		{"cmd puts the house together", packageImports{pkg: "cmd/countersign", ours: []string{store, "internal/dialect/box"}}, nil},
		{
			"a package in no row",
			packageImports{pkg: "internal/util"},
			[]string{"internal/util stands in no row of the floor plan"},
		},
		{
			"a star covers one segment only",
			packageImports{pkg: "internal/dialect/box/deep"},
			[]string{"internal/dialect/box/deep stands in no row of the floor plan"},
		},
		{
			"an upward import",
			packageImports{pkg: store, ours: []string{engine}},
			[]string{"internal/store must not import internal/engine"},
		},
		{
			"a dialect at the store",
			packageImports{pkg: "internal/dialect/box", ours: []string{store}},
			[]string{"internal/dialect/box must not import internal/store"},
		},
		{
			"a dialect at another dialect",
			packageImports{pkg: "internal/dialect/box", ours: []string{"internal/dialect/fordefi"}},
			[]string{"internal/dialect/box must not import internal/dialect/fordefi"},
		},
		{
			"another dialect at the api document",
			packageImports{pkg: "internal/dialect/box", ours: []string{"api"}},
			[]string{"internal/dialect/box must not import api"},
		},
		{
			"a row that names the package wins over the star",
			packageImports{pkg: "internal/dialect/dialecttest", ours: []string{store}, imports: []string{"testing"}},
			nil,
		},
		{
			"the oracle with the code it checks",
			packageImports{pkg: "internal/oracle", ours: []string{vocabulary, roster}},
			[]string{"internal/oracle must not import internal/roster"},
		},
		{
			"the second oracle with anything of ours",
			packageImports{pkg: "internal/oracle/fordefi", ours: []string{vocabulary}},
			[]string{"internal/oracle/fordefi must not import ."},
		},
		{
			"testing in the product",
			packageImports{pkg: engine, imports: []string{"testing"}},
			[]string{"internal/engine must not import testing outside its tests"},
		},
		{
			"test code linked into the binary",
			packageImports{pkg: "cmd/countersign", ours: []string{"internal/testdb"}},
			[]string{"cmd/countersign must not import internal/testdb, which is for tests only"},
		},
		{
			"a dependency in the vocabulary",
			packageImports{pkg: vocabulary, imports: []string{"strings", "github.com/google/uuid"}},
			[]string{"the vocabulary must not import github.com/google/uuid: standard library only"},
		},
		{
			"one of ours in the vocabulary",
			packageImports{pkg: vocabulary, ours: []string{names}},
			[]string{". must not import internal/names"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, violations(floorPlan, []packageImports{c.graph})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEveryRoomStandsOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range floorPlan {
		if seen[r.pkg] {
			t.Errorf("%s stands in two rows", r.pkg)
		}
		seen[r.pkg] = true
	}
}
