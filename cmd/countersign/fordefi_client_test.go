package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAClientGeneratedFromTheFordefiDocumentWorks has a published generator make
// a client from the live /openapi.json, compiles it strictly, without a hand edit,
// and lets it walk through what it can do, with and without approvals. Nothing
// that is generated is kept.
func TestAClientGeneratedFromTheFordefiDocumentWorks(t *testing.T) {
	folder := publishedClients(t, "fordefi")
	modes := []string{"off", "on"}
	credentials := map[string]string{}
	var documents []string
	for _, approvals := range modes {
		credentials[approvals] = filepath.Join(t.TempDir(), "demo.json")
		start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", credentials[approvals], "--approvals", approvals)
		documents = append(documents, fordefiDocument(t, credentials[approvals]))
	}
	if documents[0] != documents[1] {
		t.Error("two servers of one build serve different documents")
	}
	dir := t.TempDir()
	for _, name := range []string{"drive.ts", "tsconfig.json"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	modules := filepath.Join(folder, "node_modules")
	node(t, dir, filepath.Join(modules, "@hey-api/openapi-ts/bin/index.cjs"), "-i", baseOfFordefi(t, credentials["on"])+"/openapi.json", "-o", "client")
	node(t, dir, filepath.Join(modules, "typescript/bin/tsc"), "-p", ".", "--typeRoots", filepath.Join(modules, "@types"))
	t.Run("approvals", func(t *testing.T) {
		for _, approvals := range modes {
			t.Run(approvals, func(t *testing.T) {
				t.Parallel()
				out := node(t, dir, "drive.js", credentials[approvals], approvals)
				seen := 0
				for line := range strings.Lines(out) {
					if !strings.HasPrefix(line, "ok ") {
						t.Errorf("unexpected: %s", line)
					}
					seen++
				}
				if seen < 9 {
					t.Errorf("only %d checks were made:\n%s", seen, out)
				}
			})
		}
	})
}

// node runs a script and returns what it printed.
func node(t *testing.T, dir string, script string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s ended with %v:\n%s", filepath.Base(script), err, out)
	}
	return string(out)
}

func baseOfFordefi(t *testing.T, credentials string) string {
	t.Helper()
	text, err := os.ReadFile(credentials)
	if err != nil {
		t.Fatal(err)
	}
	var file credentialsFile
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Fordefi.BaseURL
}

// fordefiDocument asks for the document as anybody may, without a token.
func fordefiDocument(t *testing.T, credentials string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, baseOfFordefi(t, credentials)+"/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	return string(text)
}
