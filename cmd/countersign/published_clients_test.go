package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// publishedClients makes the clients of a folder below test/clients ready. What
// is missing is an error where CI says that nothing may be, as with databases.
func publishedClients(t *testing.T, name string) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("../../test/clients", name))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "../../scripts/node-clients", folder).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the published clients cannot be installed: %s", out)
		}
		t.Skipf("without CI set this may be missing: %s", out)
	}
	return folder
}

// TestThePublishedFireblocksClientsWorkUnchanged starts a demo with and without
// approvals and lets the clients, which know nothing but its credentials file,
// walk through what they can do. What they saw is the table of the document;
// -update writes it there.
func TestThePublishedFireblocksClientsWorkUnchanged(t *testing.T) {
	drivePublishedClients(t, publishedClients(t, "fireblocks"), "../../docs/dialects/fireblocks.md")
}

// drivePublishedClients runs drive.js of a folder against a demo with and without
// approvals, and holds the table "live clients" of a document to what was seen.
func drivePublishedClients(t *testing.T, folder, document string) {
	t.Helper()
	rows := map[string][]string{}
	modes := []string{"off", "on"}
	t.Run("approvals", func(t *testing.T) {
		for _, approvals := range modes {
			out := make(chan []string, 1)
			t.Cleanup(func() { rows[approvals] = <-out })
			t.Run(approvals, func(t *testing.T) {
				t.Parallel()
				defer close(out)
				seen := driveOnce(t, folder, approvals)
				if seen != nil {
					out <- seen
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	var table strings.Builder
	table.WriteString("| client | approvals | seen by the client |\n|---|---|---|\n")
	for _, approvals := range modes {
		for _, row := range rows[approvals] {
			client, what, _ := strings.Cut(row, ": ")
			table.WriteString("| " + client + " | " + approvals + " | " + what + " |\n")
		}
	}
	mustStandIn(t, document, "live clients", table.String())
}

// driveOnce returns what the clients report, and nil when that was not all well.
func driveOnce(t *testing.T, folder, approvals string) (seen []string) {
	t.Helper()
	credentials := filepath.Join(t.TempDir(), "demo.json")
	start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", credentials, "--approvals", approvals)
	cmd := exec.CommandContext(t.Context(), "node", "drive.js", credentials, approvals)
	cmd.Dir = folder
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the clients ended with %v:\n%s", err, text)
		return nil
	}
	for line := range strings.Lines(string(text)) {
		what, ok := strings.CutPrefix(strings.TrimSpace(line), "ok ")
		if !ok {
			t.Errorf("unexpected: %s", line)
		}
		seen = append(seen, what)
	}
	return seen
}

// mustStandIn compares a generated part of a document with what was seen, or
// writes it there.
func mustStandIn(t *testing.T, path, part, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- begin "+part+" -->\n", "<!-- end "+part+" -->"
	before, rest, found := strings.Cut(string(text), begin)
	shown, after, closed := strings.Cut(rest, end)
	switch {
	case !found || !closed:
		t.Fatalf("%s has no part %q", path, part)
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	case shown != want:
		t.Errorf("%s shows other results than were seen; run this test with -update. Seen:\n%s", path, want)
	}
}
