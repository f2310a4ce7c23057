package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exchanged sends one request and returns its status and its body.
func exchanged(t *testing.T, token, method, url string, body any) (int, http.Header, string) {
	t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	return delivered(t, r, token)
}

// delivered sends a request with a token, unless that is empty.
func delivered(t *testing.T, r *http.Request, token string) (int, http.Header, string) {
	t.Helper()
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(got)
}

func readCredentials(t *testing.T, path string) credentialsFile {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c credentialsFile
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTheDemosB2CoreCredentialsWork: the token, and what name and password give.
func TestTheDemosB2CoreCredentialsWork(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.json")
	start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", path, "--b2core-lists", "object", "--mount", "b2core=/back-office")
	c := readCredentials(t, path)
	b := c.B2Core
	status, _, body := exchanged(t, "", "POST", b.BaseURL+"/signin", map[string]string{"email": b.Email, "password": b.Password})
	var tokens struct {
		AccessToken, RefreshToken struct{ Token string }
	}
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || status != http.StatusOK {
		t.Fatalf("signing in: %d %s", status, body)
	}
	for _, token := range []string{b.Token, tokens.AccessToken.Token} {
		for _, url := range []string{b.BaseURL, strings.Replace(b.BaseURL, "/api/v2", "/back-office/api/v2", 1)} {
			status, header, body := exchanged(t, token, "GET", url+"/groups?limit=2&offset=1", nil)
			if status != http.StatusOK || header.Get("X-Total-Count") != "4" || !strings.HasPrefix(body, `{"data":[{"id":1,"name":"Security"`) {
				t.Errorf("%s: %d %s", url, status, body)
			}
		}
	}
	status, header, body := exchanged(t, tokens.AccessToken.Token, "POST", b.BaseURL+"/groups", map[string]any{"name": "Desk", "permissions": []string{}})
	if status != http.StatusAccepted || header.Get("Countersign-Change-Request") == "" {
		t.Errorf("approvals are on, and a create is answered %d %s", status, body)
	}
	if status, _, body := exchanged(t, "", "POST", b.BaseURL+"/refresh", map[string]string{"refreshToken": tokens.RefreshToken.Token}); status != http.StatusOK {
		t.Errorf("refreshing: %d %s", status, body)
	}
}
