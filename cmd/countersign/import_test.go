package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inDemo starts a demo and returns a terminal that speaks to it.
func inDemo(t *testing.T, approvals string) terminal {
	t.Helper()
	credentials := filepath.Join(t.TempDir(), "demo.json")
	start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", credentials, "--approvals", approvals)
	return terminal{env: map[string]string{"COUNTERSIGN_CREDENTIALS": credentials}}
}

func files(t *testing.T, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range all {
		put(t, dir, name, text)
	}
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// must holds what was printed, on either side, to a code and to what it says.
func (p printed) must(t *testing.T, code int, says ...string) printed {
	t.Helper()
	for _, part := range says {
		if !strings.Contains(p.out+p.err, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if p.code != code || t.Failed() {
		t.Fatalf("exit %d, want %d\n%s%s", p.code, code, p.out, p.err)
	}
	return p
}

func rejects(t *testing.T, dir string) (lines []string) {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, importRejects))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = -1
	records, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		lines = append(lines, strings.Join(r[:3], " "))
	}
	return lines
}

const goodUsers = "type,name,email,responsible\nperson,Margaret,margaret@new.example,\nperson,Katherine,katherine@new.example,\napi_user,Night bot,,margaret@new.example\n"

func TestAnImportFromFiles(t *testing.T) {
	c := inDemo(t, "off")
	dir := files(t, map[string]string{
		"users.csv": goodUsers + "person,Nobody,nobody,\n",
		// Vera is there already, and so is Treasury.
		"groups.csv":      "name,permissions\nNight shift,transactions.create\n",
		"memberships.csv": "group,user,role\nNight shift,margaret@new.example,admin\nTreasury,Night bot,\nnight shift,vera@northwind.example,\n",
	})
	c.types(t, "import", dir, "--as", "ada").must(t, exitFailed, "1 rows cannot be imported, and nothing was sent", "--skip-rejects")
	if got := rejects(t, dir); len(got) != 1 || got[0] != "users.csv 5 email" {
		t.Fatalf("rejects %q", got)
	}
	put(t, dir, "users.csv", goodUsers)
	c.types(t, "import", dir, "--dry-run", "--as", "ada").must(t, exitDone, "people ", "API users", "permissions granted: transactions.create", "4 batches, 0 rows left out", "0 emails and group names are taken", "this would begin at once")
	if got := rejects(t, dir); got != nil {
		t.Fatalf("rejects of mended files %q", got)
	}
	c.types(t, "import", dir, "--as", "vera").must(t, exitFailed, "users.create")
	c.types(t, "import", dir, "--as", "ada").must(t, exitDone, "is complete: 7 rows imported, 0 left out")
	c.types(t, "members", "list", "--group", "Night shift", "--as", "ada").must(t, exitDone, "Margaret", "Vera Rubin", "total 2")
	c.types(t, "users", "get", "night bot", "--as", "ada").must(t, exitDone, "Treasury")
	again := c.types(t, "import", dir, "--as", "ada", "-o", "json").must(t, exitDone)
	var known struct {
		State string
		Rows  int
	}
	if err := json.Unmarshal([]byte(again.out), &known); err != nil || known.State != "complete" || known.Rows != 7 {
		t.Errorf("%s (%v)", again.out, err)
	}
	info, err := os.Stat(filepath.Join(dir, importStateFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state file: %v, %v", info, err)
	}

	// Other files are another import.
	put(t, dir, "groups.csv", "name\nNight shift\nDay shift\n")
	c.types(t, "import", dir, "--as", "ada").must(t, exitUsage, "the files have changed", "--new")
	c.types(t, "import", dir, "--new", "--as", "ada").must(t, exitFailed, "users.csv, line 2: belongs to another user", "--skip-rejects")
	c.types(t, "import", dir, "--new", "--skip-rejects", "--as", "ada").must(t, exitDone, "is complete")
	if got := strings.Join(rejects(t, dir), "; "); !strings.Contains(got, "users.csv 2 email") || !strings.Contains(got, "groups.csv 2 name") || !strings.Contains(got, "memberships.csv 2 user") {
		t.Errorf("rejects %q", got)
	}
	c.types(t, "groups", "get", "Day shift", "--as", "ada").must(t, exitDone)
}

func TestAnImportThatWaits(t *testing.T) {
	c := inDemo(t, "on")
	dir := files(t, map[string]string{"users.csv": goodUsers, "groups.csv": "name,permissions\nNight shift,transactions.create\n"})
	c.types(t, "import", dir, "--dry-run", "--as", "ada").must(t, exitDone, "this would wait for approval by 1 of role admin")
	held := c.types(t, "import", dir, "--as", "ada", "--reason", "new shift", "--label", "from Okta").must(t, exitDone, "waits for approval", "--verify", "countersign changes approve")
	id := regexp.MustCompile(`change ([0-9a-f-]{36})`).FindStringSubmatch(held.out)[1]
	c.types(t, "import", dir, "--as", "ada").must(t, exitDone, "nothing is imported yet")

	c.types(t, "changes", "show", id, "--as", "grace").must(t, exitDone, "import.open", "batches: 3, to be compared with the files", "persons: 2", "groups: 1", "label: from Okta", "whoever approves compares the files")
	said := c.types(t, "import", dir, "--verify", "--change", id, "--as", "grace").must(t, exitDone, "the files are what import "+id+" names")
	digest := regexp.MustCompile(`--digest ([0-9a-f]{64})`).FindStringSubmatch(said.out)[1]
	other := files(t, map[string]string{"users.csv": strings.Replace(goodUsers, "Katherine", "Katharine", 1), "groups.csv": "name,permissions\nNight shift,transactions.create\n"})
	c.types(t, "import", other, "--verify", "--change", id, "--as", "grace").must(t, exitFailed, "these files are not what import", "users.csv is another file", "do not approve it")
	c.types(t, "import", other, "--verify").must(t, exitUsage, "--verify needs --change")

	c.types(t, "changes", "approve", id, "--yes", "--digest", digest, "--as", "grace").must(t, exitDone, "applied: import.open")
	c.types(t, "import", dir, "--as", "linus").must(t, exitFailed, "only the account that opened an import")
	c.types(t, "import", dir, "--wait", "--as", "ada").must(t, exitDone, "is complete: 4 rows imported")

	// Whoever has lost the state file names the change.
	if err := os.Remove(filepath.Join(dir, importStateFile)); err != nil {
		t.Fatal(err)
	}
	c.types(t, "import", dir, "--change", id, "--as", "ada").must(t, exitDone, "is complete: 4 rows imported")
}

func TestFilesThatAreNoImport(t *testing.T) {
	f := newFake(t)
	for says, dir := range map[string]string{
		"holds none of users.csv":     t.TempDir(),
		"line 1: has the unknown col": files(t, map[string]string{"users.csv": "type,phone\n"}),
		"holds no row":                files(t, map[string]string{"users.csv": "type\n"}),
		"cannot be read; --new":       files(t, map[string]string{"users.csv": goodUsers, importStateFile: "{"}),
	} {
		at(f).types(t, "import", dir).must(t, exitUsage, says)
	}
	if lines := f.lines(""); len(lines) > 0 {
		t.Errorf("sent %q", lines)
	}
}

// keys are the idempotency keys an operation was asked with so far.
func (f *fake) keys(id string) (keys []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if a.id == id {
			keys = append(keys, a.header.Get("Idempotency-Key"))
		}
	}
	return slices.Compact(keys)
}

// An opening of which nobody knows what became is tried again under its key, so
// that two runs do not open two imports; one that was refused gets another.
func TestAnOpeningNobodyHeardOfKeepsItsKey(t *testing.T) {
	f := newFake(t)
	dir := files(t, map[string]string{"users.csv": goodUsers})
	lost := slices.Repeat([]answer{refusal(503, "timeout", "", "Took too long.")}, 9)
	for range 2 {
		f.next["openImport"] = slices.Clone(lost)
		at(f).types(t, "import", dir).must(t, exitUnavailable, "nobody knows what became of this", "The same command finds out and goes on")
	}
	if keys := f.keys("openImport"); len(keys) != 1 || keys[0] == "" {
		t.Fatalf("two runs whose outcome is unknown came with the keys %q", keys)
	}
	f.next["openImport"] = []answer{refusal(403, "permission_missing", "", "You lack users.create.")}
	at(f).types(t, "import", dir).must(t, exitFailed, "users.create")
	f.next["openImport"] = []answer{refusal(403, "permission_missing", "", "You lack users.create.")}
	at(f).types(t, "import", dir).must(t, exitFailed, "users.create")
	if keys := f.keys("openImport"); len(keys) != 2 {
		t.Errorf("after a refusal the keys are %q", keys)
	}
}

// The directory that is asked may not be the one the import was sent to.
func TestAnImportSentElsewhere(t *testing.T) {
	dir := files(t, map[string]string{"users.csv": goodUsers})
	c := inDemo(t, "off")
	c.types(t, "import", dir, "--as", "ada").must(t, exitDone, "is complete")
	other := inDemo(t, "off")
	other.types(t, "import", dir, "--as", "ada").must(t, exitNotFound, "knows no import", "It was sent to http://", "--new")
	other.types(t, "import", dir, "--new", "--change", "0198c600-0000-7000-8000-000000000001", "--as", "ada").must(t, exitUsage, "give one of them")
	other.types(t, "import", dir, "--new", "--as", "ada").must(t, exitDone, "is complete: 3 rows imported")
}

// What is at the place of the rejects and is none stays as it is.
func TestRejectsReplaceNothingElse(t *testing.T) {
	f := newFake(t)
	dir := files(t, map[string]string{"users.csv": goodUsers, "mine.csv": "do not touch\n"})
	mine := filepath.Join(dir, "mine.csv")
	for _, users := range []string{goodUsers, goodUsers + "person,Nobody,nobody,\n"} {
		put(t, dir, "users.csv", users)
		at(f).types(t, "import", dir, "--rejects", mine).must(t, exitUsage, "no file of rejects")
		if text, err := os.ReadFile(mine); err != nil || string(text) != "do not touch\n" {
			t.Fatalf("it is %q now (%v)", text, err)
		}
	}
	if lines := f.lines(""); len(lines) > 0 {
		t.Errorf("sent %q", lines)
	}
}
