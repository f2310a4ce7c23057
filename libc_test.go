package countersign_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/mod/modfile"
)

// The engine is C translated to Go for one exact version of its C library:
// with another one it builds, and then misbehaves (upstream issue 177). Any
// module that asks for a newer libc, as goose did, would raise it silently.
func TestLibcIsTheVersionThatSQLitePins(t *testing.T) {
	const engine, library = "modernc.org/sqlite", "modernc.org/libc"

	// Read for the test cache, which does not see what "go list" reads.
	if _, err := os.Stat("go.mod"); err != nil {
		t.Fatal(err)
	}
	file := module(t, engine).GoMod
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := modfile.ParseLax(file, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	pinned := ""
	for _, r := range parsed.Require {
		if r.Mod.Path == library {
			pinned = r.Mod.Version
		}
	}
	if pinned == "" {
		t.Fatalf("%s no longer requires %s: this test may go", engine, library)
	}
	if linked := module(t, library).Version; linked != pinned {
		t.Errorf("%s is %s, and %s was made for %s: take an engine that pins the newer one", library, linked, engine, pinned)
	}
}

type moduleInfo struct{ Version, GoMod string }

func module(t *testing.T, path string) moduleInfo {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-json", path).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", path, err)
	}
	var m moduleInfo
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
