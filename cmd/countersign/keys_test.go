package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/statement"
)

func TestAKeyIsMadeOnceForItsOwnerAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "approver.pem")
	c := terminal{}
	made := c.types(t, "keys", "new", file)
	if made.code != 0 || !strings.HasPrefix(made.out, "-----BEGIN PUBLIC KEY-----\n") || strings.Contains(made.out+made.err, "PRIVATE") {
		t.Fatalf("exit %d\n%s%s", made.code, made.out, made.err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	before, _ := os.ReadFile(file)
	if again := c.types(t, "keys", "new", file); again.code != exitUsage || !strings.Contains(again.err, "never overwritten") {
		t.Errorf("a second time: exit %d, %s", again.code, again.err)
	}
	if after, _ := os.ReadFile(file); !bytes.Equal(before, after) || len(before) == 0 {
		t.Error("the key was overwritten")
	}
}

func TestWhichKeyFilesAreRead(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good.pem")
	if _, err := makeKey(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for rule, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"a key":                  {string(text), 0o600, ""},
		"read-only":              {string(text), 0o400, ""},
		"others can read it":     {string(text), 0o644, "chmod 600"},
		"the group can":          {string(text), 0o640, "chmod 600"},
		"something follows":      {string(text) + "x", 0o600, "holds no key"},
		"two keys":               {string(text) + string(text), 0o600, "holds no key"},
		"nothing":                {"", 0o600, "holds no key"},
		"a public key":           {strings.ReplaceAll(string(text), "PRIVATE", "PUBLIC"), 0o600, "holds no key"},
		"no key in its wrapping": {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600, "holds no Ed25519 key"},
	} {
		t.Run(rule, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(file, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := readKey(file)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := readKey(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// liar stands between the command line and an honest server, and changes answers.
type liar struct {
	to string
	// lies change the answer to a request whose path ends so.
	lies map[string]func(answer map[string]any)
	// sent are the bodies of decisions that came through.
	sent []string
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	to, _ := url.Parse(l.to)
	to.Path, to.RawQuery = r.URL.Path, r.URL.RawQuery
	out, _ := http.NewRequestWithContext(r.Context(), r.Method, to.String(), bytes.NewReader(body))
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding")
	answer, err := http.DefaultClient.Do(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	for end, lie := range l.lies {
		var object map[string]any
		if strings.HasSuffix(r.URL.Path, end) && json.Unmarshal(text, &object) == nil {
			lie(object)
			text, _ = json.Marshal(object)
		}
	}
	if strings.HasSuffix(r.URL.Path, "/approvals") {
		l.sent = append(l.sent, string(body))
	}
	for name, values := range answer.Header {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text)
}

// A person approves with a key at a server that is honest, and at one that is
// not: what is signed is what was shown, or nothing.
func TestWhatIsSignedIsWhatWasShown(t *testing.T) {
	credentials := filepath.Join(t.TempDir(), "demo.json")
	server := start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", credentials)
	as := func(who, address string) func(args ...string) printed {
		c := terminal{env: map[string]string{"COUNTERSIGN_CREDENTIALS": credentials}}
		return func(args ...string) printed {
			t.Helper()
			return c.types(t, append(args, "--as", who, "--url", address)...)
		}
	}
	grace, ada, linus := as("grace", server.url), as("ada", server.url), as("linus", server.url)
	field := func(p printed, name string) string {
		t.Helper()
		var object map[string]any
		if err := json.Unmarshal([]byte(p.out), &object); err != nil || p.code != 0 {
			t.Fatalf("exit %d: %s%s (%v)", p.code, p.out, p.err, err)
		}
		text, _ := object[name].(string)
		return text
	}
	file := filepath.Join(t.TempDir(), "grace.pem")
	if p := grace("keys", "new", file); p.code != 0 {
		t.Fatal(p.err)
	}
	held := field(grace("keys", "enrol", file, "--label", "laptop", "-o", "json"), "id")
	digest := field(ada("changes", "show", held, "-o", "json"), "digest")
	if p := linus("changes", "approve", held, "--yes", "--digest", digest); p.code != 0 {
		t.Fatal(p.err)
	}
	another := filepath.Join(t.TempDir(), "another.pem")
	if p := grace("keys", "new", another); p.code != 0 {
		t.Fatal(p.err)
	}

	asked := field(ada("groups", "create", "--name", "Night shift", "--description", "after dark", "-o", "json"), "id")
	shown := grace("changes", "show", asked)
	digest = field(grace("changes", "show", asked, "-o", "json"), "digest")
	if words := "words   " + statement.Words(digest); !strings.Contains(shown.out, words) || !strings.Contains(shown.out, "verified here") {
		t.Errorf("it does not say that it verified, or not %q:\n%s", words, shown.out)
	}
	other := strings.Repeat("0", 64)
	alter := func(change func(s *statement.Statement)) func(map[string]any) {
		return func(answer map[string]any) {
			text, _ := answer["statement"].(string)
			s, err := statement.Parse([]byte(text))
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			change(&s)
			raw, _ := s.Encode()
			answer["statement"] = string(raw)
		}
	}
	for rule, c := range map[string]struct {
		end  string
		lie  func(answer map[string]any)
		key  string
		says string
	}{
		"another digest to sign":      {"/statement", alter(func(s *statement.Statement) { s.Digest = other }), file, "digest"},
		"another change to sign":      {"/statement", alter(func(s *statement.Statement) { s.Change = held }), file, "change"},
		"another decision to sign":    {"/statement", alter(func(s *statement.Statement) { s.Decision = "deny" }), file, "decision"},
		"another organization":        {"/statement", alter(func(s *statement.Statement) { s.Organization = held }), file, "organization"},
		"another requirement":         {"/statement", alter(func(s *statement.Statement) { s.RequirementDigest = other }), file, "requirement_digest"},
		"another person":              {"/statement", alter(func(s *statement.Statement) { s.Person = held }), file, "person"},
		"another key":                 {"/statement", alter(func(s *statement.Statement) { s.Credential = held }), file, "credential"},
		"another purpose":             {"/statement", alter(func(s *statement.Statement) { s.Purpose = "other" }), file, "purpose"},
		"no nonce":                    {"/statement", alter(func(s *statement.Statement) { s.Nonce = "" }), file, "nonce"},
		"something else to sign":      {"/statement", func(a map[string]any) { a["statement"] = `{"pay":"everything"}` }, file, "canonical"},
		"a digest of something else":  {asked, func(a map[string]any) { a["digest"] = other }, file, "computed from its document"},
		"the words of another digest": {asked, func(a map[string]any) { a["digest_words"] = statement.Words(other) }, file, "in the words"},
		"a policy that asked less": {asked, func(a map[string]any) {
			a["requirement"].(map[string]any)["clauses"] = []any{}
		}, file, "requirement"},
		"another document": {"/document", func(a map[string]any) {
			a["document"] = strings.Replace(a["document"].(string), "group.create", "group.delete", 1)
		}, file, "computed from its document"},
		"another text behind a commitment": {"/document", func(a map[string]any) {
			for _, o := range a["openings"].(map[string]any) {
				o.(map[string]any)["value"] = `"Day shift"`
			}
		}, file, "does not hold together"},
		"another operation shown": {asked, func(a map[string]any) { a["operations"].([]any)[0].(map[string]any)["name"] = "Day shift" }, file, "operations"},
		"another effect shown":    {asked, func(a map[string]any) { a["effects"] = []any{} }, file, "effects"},
		"another reason shown":    {asked, func(a map[string]any) { a["reason"] = "harmless" }, file, "reason"},
		"another requester shown": {asked, func(a map[string]any) { a["requester"] = held }, file, "requester"},
		"another expiry shown":    {asked, func(a map[string]any) { a["expires_at"] = "2030-01-01T00:00:00Z" }, file, "expires_at"},
		"a key not enrolled":      {"nothing", func(map[string]any) {}, another, "is not enrolled as yours"},
	} {
		t.Run(rule, func(t *testing.T) {
			between := &liar{to: server.url, lies: map[string]func(map[string]any){c.end: c.lie}}
			front := httptest.NewServer(between)
			defer front.Close()
			given := digest
			if rule == "a digest of something else" {
				given = other
			}
			code := exitUntrue
			if rule == "a key not enrolled" {
				code = exitFailed
			}
			unsigned := []string{"changes", "approve", asked, "--yes", "--digest", given}
			commands := [][]string{append(unsigned, "--key", c.key)}
			if c.end == asked || c.end == "/document" {
				commands = append(commands, unsigned, []string{"changes", "show", asked}, []string{"changes", "show", asked, "-o", "json"})
			}
			for _, args := range commands {
				p := as("grace", front.URL)(args...)
				if p.code != code || !strings.Contains(p.err, c.says) || len(between.sent) > 0 || p.out != "" {
					t.Errorf("%v: exit %d, %d sent: %s%s", args, p.code, len(between.sent), p.out, p.err)
				}
			}
		})
	}
	p := grace("changes", "approve", asked, "--yes", "--digest", digest, "--key", file)
	if p.code != 0 || !strings.Contains(p.out, "applied") {
		t.Fatalf("exit %d: %s%s", p.code, p.out, p.err)
	}
	if seen := grace("changes", "show", asked); !strings.Contains(seen.out, "signed with a key") {
		t.Errorf("the signature is not told of:\n%s", seen.out)
	}
	if seen := grace("changes", "show", held); !strings.Contains(seen.out, "attested by the server only") {
		t.Errorf("an unsigned approval is not told from a signed one:\n%s", seen.out)
	}
	stop(t, server)
}
