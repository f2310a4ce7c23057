package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the tour prints into the README")

const (
	tourStart = "```console\n"
	tourEnd   = "```\n"
)

// tour cuts the README into what stands before, in and after the tour.
func tour(t *testing.T, readme string) (before, commands, after string) {
	t.Helper()
	before, rest, ok := strings.Cut(readme, tourStart)
	if !ok {
		t.Fatal("the README has no tour")
	}
	commands, after, ok = strings.Cut(rest, tourEnd)
	if !ok {
		t.Fatal("the tour has no end")
	}
	return before + tourStart, commands, tourEnd + after
}

// TestTheReadmesTourPrintsWhatItShows runs the lines of the tour in one shell
// against a demo and compares; ids, digests and times differ each time.
func TestTheReadmesTourPrintsWhatItShows(t *testing.T) {
	const path = "../../README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, shown, after := tour(t, string(readme))
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "countersign")); err != nil {
		t.Fatal(err)
	}
	credentials := filepath.Join(dir, "demo.json")
	start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", credentials)
	var script strings.Builder
	for line := range strings.Lines(shown) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			script.WriteString("cat <<'COMMAND'\n" + line + "COMMAND\n" + command)
		}
	}
	shell := exec.CommandContext(t.Context(), "bash")
	shell.Stdin = strings.NewReader(script.String())
	shell.Env = append(os.Environ(), "COUNTERSIGN_TEST_IS_PROGRAM=1", "COUNTERSIGN_CREDENTIALS="+credentials,
		"PATH="+dir+":"+os.Getenv("PATH"), "COUNTERSIGN_TOKEN=", "COUNTERSIGN_URL=")
	out, _ := shell.CombinedOutput() // a denied check ends in 1, as the tour shows
	printed := string(out)
	if *update {
		if err := os.WriteFile(path, []byte(before+printed+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, want := settled(printed), settled(shown); got != want {
		t.Errorf("the tour prints\n%s\nand the README shows\n%s\n(go test ./cmd/countersign -run Tour -update writes it anew)", got, want)
	}
}

// settled takes out of an output what differs from run to run.
func settled(s string) string {
	for pattern, word := range map[string]string{
		`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`: "<id>",
		`\b[0-9a-f]{64}\b`:                                     "<digest>",
		`(?m)^words   [a-z ]+$`:                                "words <words>",
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`:              "<time>",
		`(?m)^[A-Za-z0-9+/]{43}=$`:                             "<root>",
		`(?m)^— countersign-log-[0-9a-f]{8} [A-Za-z0-9+/]+=*$`: "<signature>",
		`[ \t]+`: " ",
	} {
		s = regexp.MustCompile(pattern).ReplaceAllString(s, word)
	}
	return s
}
