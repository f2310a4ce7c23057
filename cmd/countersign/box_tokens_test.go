package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// demoFile starts a demo and reads the credentials it wrote.
func demoFile(t *testing.T, args ...string) (*program, credentialsFile) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.json")
	p := start(t, append([]string{"demo", "--listen", "127.0.0.1:0", "--credentials", path}, args...)...)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file credentialsFile
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return p, file
}

// postForm sends a form and returns the status and the members of the answer.
func postForm(t *testing.T, target, token string, fields url.Values) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	_ = json.Unmarshal(text, &out) // a revocation has no body
	return answer.StatusCode, out
}

// TestBoxTokensOutliveTheProcess kills the server without warning: what works goes
// on, and what was used, spent or revoked stays so.
func TestBoxTokensOutliveTheProcess(t *testing.T) {
	t.Parallel()
	p, file := demoFile(t)
	b := file.Box
	ask := func(server string, fields url.Values) (int, map[string]any) {
		t.Helper()
		fields.Set("client_id", b.ClientID)
		fields.Set("client_secret", b.ClientSecret)
		return postForm(t, server+"/oauth2/token", "", fields)
	}
	text := func(answer map[string]any, name string) string { s, _ := answer[name].(string); return s }
	enterprise := url.Values{"grant_type": {"client_credentials"}, "box_subject_type": {"enterprise"}, "box_subject_id": {b.EnterpriseID}}
	access := func() string {
		t.Helper()
		status, answer := ask(p.url, enterprise)
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
		return text(answer, "access_token")
	}
	me := func(server, token string) int {
		t.Helper()
		status, err := statusOf(t, server+"/2.0/users/me", token)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	kept, ended := access(), access()
	if status, _ := postForm(t, p.url+"/oauth2/revoke", "", url.Values{"client_id": {b.ClientID}, "client_secret": {b.ClientSecret}, "token": {ended}}); status != http.StatusOK {
		t.Fatal(status)
	}
	status, code := postForm(t, p.url+"/oauth2/authorize", file.People["grace"].Token, url.Values{"response_type": {"code"}, "client_id": {b.ClientID}})
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, code)
	}
	redeem := url.Values{"grant_type": {"authorization_code"}, "code": {text(code, "code")}}
	_, first := ask(p.url, redeem)
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(first, "refresh_token")}}
	_, second := ask(p.url, refresh)
	if me(p.url, kept) != http.StatusOK || me(p.url, ended) != http.StatusUnauthorized || me(p.url, text(second, "access_token")) != http.StatusOK {
		t.Fatal("before, it does not work")
	}
	p.kill()

	again := start(t, "serve", "--db", file.Database, "--listen", "127.0.0.1:0")
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"a token": {kept, http.StatusOK}, "a revoked one": {ended, http.StatusUnauthorized}, "a person's": {text(second, "access_token"), http.StatusOK},
		"a developer token": {b.DeveloperToken, http.StatusOK},
	} {
		if got := me(again.url, c.token); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	for name, grant := range map[string]url.Values{"a code": redeem, "a refresh token": refresh} {
		if status, answer := ask(again.url, grant); status != http.StatusBadRequest || text(answer, "error") != "invalid_grant" {
			t.Errorf("%s that was used: %d %v", name, status, answer)
		}
	}
	stop(t, again)
	off := start(t, "serve", "--db", file.Database, "--listen", "127.0.0.1:0", "--mount", "box=off")
	for _, path := range []string{"/2.0/users/me", "/oauth2/token"} {
		if status, err := statusOf(t, off.url+path, kept); err != nil || status != http.StatusNotFound {
			t.Errorf("switched off, %s answers %d %v", path, status, err)
		}
	}
	stop(t, off)
}

// statusOf asks for a page by GET and returns the status.
func statusOf(t *testing.T, target, token string) (int, error) {
	t.Helper()
	return ask(t.Context(), http.MethodGet, target, token, nil, nil)
}
