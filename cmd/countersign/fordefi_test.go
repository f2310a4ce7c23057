package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheFordefiFlags asks a running demo: its token, its document's title, the
// generation that was chosen, the allowance, its prefix; and one without it.
func TestTheFordefiFlags(t *testing.T) {
	credentials := filepath.Join(t.TempDir(), "demo.json")
	server := start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", credentials,
		"--fordefi-title", "XFT", "--fordefi-profile", "seed", "--fordefi-rate", "2", "--mount", "fordefi=/fordefi")
	written, err := os.ReadFile(credentials)
	if err != nil {
		t.Fatal(err)
	}
	var file credentialsFile
	if err := json.Unmarshal(written, &file); err != nil {
		t.Fatal(err)
	}
	get := func(path, token string) (int, string, http.Header) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body), response.Header
	}
	if status, text, _ := get("/openapi.json", ""); status != http.StatusOK || !strings.Contains(text, `"title":"XFT API"`) {
		t.Errorf("the document: %d %.200s", status, text)
	}
	if status, text, h := get("/fordefi/api/v1/users?names=Ada%20Lovelace", file.Fordefi.Token); status != http.StatusOK ||
		!strings.Contains(text, "welcome_message_acknowledged_at") || h.Get("X-RateLimit-Limit") != "2, 2;w=60" {
		t.Errorf("users: %d %s %v", status, text, h)
	}
	if status, _, _ := get("/api/v1/user-groups", file.Fordefi.Token); status != http.StatusOK {
		t.Errorf("groups: %d", status)
	}
	if status, _, _ := get("/api/v1/users", file.Fordefi.Token); status != http.StatusTooManyRequests {
		t.Errorf("a third request: %d", status)
	}
	if status, _, _ := get("/api/v1/users", file.Fordefi.WriterToken); status != http.StatusOK {
		t.Errorf("somebody else's first: %d", status)
	}
	stop(t, server)

	server = start(t, "demo", "--listen", "127.0.0.1:0", "--mount", "fordefi=off")
	if status, text, _ := get("/openapi.json", ""); status != http.StatusNotFound || !strings.Contains(text, "urn:countersign") {
		t.Errorf("switched off: %d %s", status, text)
	}
	stop(t, server)
}

func TestTheFordefiFlagsAreChecked(t *testing.T) {
	good := fordefiFlags{title: "Fordefi", profile: "newest", rate: 300}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []fordefiFlags{
		{title: "", profile: "newest"},
		{title: strings.Repeat("x", 101), profile: "seed"},
		{title: "X", profile: "2025"},
		{title: "X", profile: ""},
		{title: "X", profile: "seed", rate: -1},
	} {
		if err := bad.check(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
