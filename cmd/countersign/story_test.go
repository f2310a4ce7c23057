package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// story is one walk through every dialect, told as it goes on.
type story struct {
	t    *testing.T
	c    credentialsFile
	text strings.Builder
	// names are words for ids, which differ each time.
	names map[string]string
}

var (
	anyID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.]*(Z|[+-]\d\d:\d\d)`)
	// anyNumber is that of an organization.
	anyNumber = regexp.MustCompile(`"[0-9]{12}"`)
	anyHash   = regexp.MustCompile(`"[0-9a-f]{64}"`)
	anyJWT    = regexp.MustCompile(`"(ey[\w-]+\.[\w-]+\.[\w-]+|cs[a-z]_\w[\w-]+)"`)
)

// masked puts words where every run has something else.
func (s *story) masked(text string) string {
	text = anyJWT.ReplaceAllString(text, `"TOKEN"`)
	text = strings.ReplaceAll(text, s.c.B2Core.Password, "PASSWORD")
	text = anyNumber.ReplaceAllString(text, `"NUMBER"`)
	text = anyTime.ReplaceAllString(text, "TIME")
	text = anyHash.ReplaceAllString(text, `"DIGEST"`)
	return anyID.ReplaceAllStringFunc(text, func(id string) string {
		if name, ok := s.names[id]; ok {
			return "{" + name + "}"
		}
		return "{id}"
	})
}

// says begins a chapter.
func (s *story) says(line string) { fmt.Fprintf(&s.text, "\n%s\n\n", line) }

// exchange sends a request, writes it down with its answer, and returns that.
func (s *story) exchange(token, method, path string, body any, want int) map[string]any {
	s.t.Helper()
	status, header, got := exchanged(s.t, token, method, s.c.URL+path, body)
	return s.write(method, path, body, status, header, got, want)
}

func (s *story) write(method, path string, body any, status int, header http.Header, got string, want int) map[string]any {
	s.t.Helper()
	if status != want {
		s.t.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, got)
	}
	fmt.Fprintf(&s.text, "```http\n%s %s\n", method, s.masked(path))
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&s.text, "%s\n", s.masked(string(text)))
	}
	fmt.Fprintf(&s.text, "\n%d %s\n", status, http.StatusText(status))
	if id := header.Get("Countersign-Change-Request"); id != "" {
		s.names[id] = "change"
		fmt.Fprintf(&s.text, "Countersign-Change-Request: %s\n", s.masked(id))
	}
	fmt.Fprintf(&s.text, "%s\n```\n", s.masked(got))
	var out map[string]any
	_ = json.Unmarshal([]byte(got), &out) // a list, or nothing, is looked at by nobody
	return out
}

// signed is exchange for Fireblocks, which signs each request.
func (s *story) signed(method, path string, want int) (string, http.Header) {
	s.t.Helper()
	text, err := os.ReadFile(s.c.Fireblocks.SecretKeyFile)
	if err != nil {
		s.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	now, hash := time.Now().Unix(), sha256.Sum256(nil)
	claims, err := json.Marshal(map[string]any{
		"uri": path, "nonce": uuid.NewString(), "iat": now, "exp": now + 55, "sub": s.c.Fireblocks.APIKey, "bodyHash": hex.EncodeToString(hash[:]),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	head := b64([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64(claims)
	sum := sha256.Sum256([]byte(head))
	signature, err := rsa.SignPKCS1v15(nil, parsed.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.c.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-API-Key", s.c.Fireblocks.APIKey)
	status, header, got := delivered(s.t, r, head+"."+b64(signature))
	s.write(method, path, nil, status, header, got, want)
	return got, header
}

// TestOneStoryAcrossAllDialects: a group is made through Box, granted permissions
// through B2CORE, listed by Fireblocks, filtered by Fordefi, explained by our own
// API, and deleted through Fireblocks with somebody's approval. What was said is
// the page of the documentation; -update writes it there.
func TestOneStoryAcrossAllDialects(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.json")
	start(t, "demo", "--listen", "127.0.0.1:0", "--credentials", path, "--approvals", "off")
	s := &story{t: t, c: readCredentials(t, path), names: map[string]string{}}
	s.meet()
	first := s.entries(0)
	s.makes()
	s.looks()
	s.ends()
	s.remembers(len(first))
	mustStandIn(t, "../../docs/story.md", "story", s.text.String())
}

func (s *story) as(name string) string { return s.c.People[name].Token }

// meet learns who there is.
func (s *story) meet() {
	s.names[s.c.Organization.ID] = "organization"
	_, _, body := exchanged(s.t, s.as("ada"), "GET", s.c.Directory.BaseURL+"/users?limit=400", nil)
	var users struct {
		Items []struct{ ID, Name string }
	}
	if err := json.Unmarshal([]byte(body), &users); err != nil || len(users.Items) == 0 {
		s.t.Fatalf("no users: %s", body)
	}
	for _, u := range users.Items {
		s.names[u.ID] = u.Name
	}
}

func (s *story) makes() {
	box := s.c.Box.DeveloperToken
	s.says("A content system makes a group through **Box**, and puts Vera into it. Its id there is the number 4.")
	s.exchange(box, "POST", "/2.0/groups", map[string]any{"name": "Tellers"}, http.StatusCreated)
	s.exchange(box, "POST", "/2.0/group_memberships", map[string]any{"user": map[string]string{"id": "4"}, "group": map[string]string{"id": "4"}}, http.StatusCreated)
	s.says("The back office signs in to **B2CORE** and gives the same group two permissions, and Vera one of them individually.")
	tokens := s.exchange("", "POST", "/api/v2/signin", map[string]string{"email": s.c.B2Core.Email, "password": s.c.B2Core.Password}, http.StatusOK)
	access, _ := tokens["accessToken"].(map[string]any)["token"].(string)
	s.exchange(access, "PUT", "/api/v2/groups/4", map[string]any{"permissions": []string{"payouts.create", "payouts.approve"}}, http.StatusOK)
	s.exchange(access, "PUT", "/api/v2/users/4", map[string]any{"permissions": []string{"payouts.create"}}, http.StatusOK)
}

// group is the id of Tellers, which only its readers by UUID know.
func (s *story) group() string {
	for id, name := range s.names {
		if name == "Tellers" {
			return id
		}
	}
	return ""
}

func (s *story) looks() {
	s.says("**Fireblocks** lists it, among the groups of the demo.")
	_, _, body := exchanged(s.t, s.as("ada"), "GET", s.c.Directory.BaseURL+"/groups?q=Tellers", nil)
	var found struct {
		Items []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(body), &found); err != nil || len(found.Items) != 1 {
		s.t.Fatalf("Tellers: %s", body)
	}
	for _, name := range []string{"Security", "Treasury", "Operations"} {
		_, _, body := exchanged(s.t, s.as("ada"), "GET", s.c.Directory.BaseURL+"/groups?q="+name, nil)
		s.names[anyID.FindString(body)] = name
	}
	s.names[found.Items[0].ID] = "Tellers"
	if list, _ := s.signed("GET", "/v1/management/user_groups", http.StatusOK); !strings.Contains(list, `"name":"Tellers","memberIds":["`+s.c.People["vera"].ID+`"],"status":"ACTIVE"`) {
		s.t.Errorf("Fireblocks lists %s", list)
	}
	s.says("**Fordefi** filters its users by it.")
	if users := s.exchange(s.c.Fordefi.Token, "GET", "/api/v1/users?group_ids="+s.group(), nil, http.StatusOK); users["total"] != 1.0 {
		s.t.Errorf("Fordefi finds %v", users["total"])
	}
	s.says("Our own API says why Vera may create payouts, and why she may approve them.")
	s.mayBecause("payouts.create", "individual", "group")
	s.mayBecause("payouts.approve", "group")
}

// mayBecause asks about Vera; without a reason she may not.
func (s *story) mayBecause(permission string, via ...string) {
	s.t.Helper()
	verdict := s.exchange(s.as("ada"), "POST", "/directory/v1/check",
		map[string]any{"user_id": s.c.People["vera"].ID, "permission": permission, "explain": true}, http.StatusOK)
	because, _ := verdict["because"].([]any)
	var got []string
	for _, source := range because {
		got = append(got, source.(map[string]any)["via"].(string))
	}
	if verdict["allowed"] != (len(via) > 0) || strings.Join(got, " ") != strings.Join(via, " ") {
		s.t.Errorf("%s: %v because of %v, want %v", permission, verdict["allowed"], got, via)
	}
}

func (s *story) ends() {
	s.says("Ada ends the bootstrap of the organization: from here on every change waits for a second person.")
	s.exchange(s.as("ada"), "POST", "/directory/v1/organization/seal", map[string]any{"accepted_risks": []string{"no_recovery_keys"}}, http.StatusOK)
	s.says("**Fireblocks** deletes the group. The client is told 204, as published; the group is still there, and shows that something waits.")
	_, header := s.signed("DELETE", "/v1/management/user_groups/"+s.group(), http.StatusNoContent)
	id := header.Get("Countersign-Change-Request")
	if one, _ := s.signed("GET", "/v1/management/user_groups/"+s.group(), http.StatusOK); !strings.Contains(one, "PENDING_APPROVAL") {
		s.t.Errorf("it shows nothing that waits: %s", one)
	}
	s.exchange(s.c.B2Core.Token, "GET", "/api/v2/groups/4", nil, http.StatusOK)
	s.mayBecause("payouts.approve", "group")
	s.says("Grace looks at the change and approves it.")
	_, _, change := exchanged(s.t, s.as("grace"), "GET", s.c.Directory.BaseURL+"/changes/"+id, nil)
	var seen struct{ Digest string }
	if err := json.Unmarshal([]byte(change), &seen); err != nil {
		s.t.Fatal(err)
	}
	status, _, answer := exchanged(s.t, s.as("grace"), "POST", s.c.Directory.BaseURL+"/changes/"+id+"/approvals", map[string]string{"decision": "approve", "digest": seen.Digest})
	var decided struct{ State string }
	if err := json.Unmarshal([]byte(answer), &decided); err != nil || status != http.StatusOK || decided.State != "applied" {
		s.t.Fatalf("approving: %d %s", status, answer)
	}
	fmt.Fprintf(&s.text, "```http\nPOST /directory/v1/changes/{change}/approvals\n{\"decision\":\"approve\",\"digest\":\"DIGEST\"}\n\n200 OK\n{\"id\":\"{change}\",\"state\":%q, ...}\n```\n", decided.State)
	s.says("It is gone everywhere. What came through it is gone with it; what Vera holds individually is hers.")
	s.exchange(s.c.Box.DeveloperToken, "GET", "/2.0/groups/4", nil, http.StatusNotFound)
	s.exchange(s.c.B2Core.Token, "GET", "/api/v2/groups/4", nil, http.StatusNotFound)
	if users := s.exchange(s.c.Fordefi.Token, "GET", "/api/v1/users?group_ids="+s.group(), nil, http.StatusOK); users["total"] != 0.0 {
		s.t.Errorf("Fordefi finds %v", users["total"])
	}
	s.mayBecause("payouts.approve")
	s.mayBecause("payouts.create", "individual")
}

// logged is what the story needs of an audit entry.
type logged struct {
	Index  int64
	Kind   string
	Parsed struct {
		Actor  struct{ User, Method string }
		Change struct {
			Document struct {
				Operations []struct{ Kind string }
			}
		}
	}
}

// entries reads the log from a place on.
func (s *story) entries(from int) []logged {
	s.t.Helper()
	status, _, body := exchanged(s.t, s.as("ada"), "GET", fmt.Sprintf("%s/audit/entries?limit=400&from=%d", s.c.Directory.BaseURL, from), nil)
	var list struct{ Items []logged }
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK {
		s.t.Fatalf("the log: %d %s", status, body)
	}
	return list.Items
}

// remembers reads the log, which names each step and who took it.
func (s *story) remembers(from int) {
	s.says("The log of the organization names each step, and whoever took it.")
	var table strings.Builder
	for _, e := range s.entries(from) {
		var kinds []string
		for _, op := range e.Parsed.Change.Document.Operations {
			kinds = append(kinds, op.Kind)
		}
		what := strings.Join(kinds, ", ")
		if what == "" {
			what = "-"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", e.Kind, what, s.names[e.Parsed.Actor.User], e.Parsed.Actor.Method)
	}
	const want = `| change.applied | group.create | box robot | token |
| change.applied | membership.add | box robot | token |
| change.applied | group.update | b2core-robot@northwind.example | access_token |
| change.applied | user.set_permissions | b2core-robot@northwind.example | access_token |
| change.applied | organization.seal | Ada Lovelace | token |
| change.submitted | group.delete | fireblocks robot | signature |
| approval.recorded | - | Grace Hopper | token |
| change.applied | - | Grace Hopper | token |
`
	if table.String() != want {
		s.t.Errorf("the log says\n%swant\n%s", table.String(), want)
	}
	s.text.WriteString("| entry | what | by | proven by |\n|---|---|---|---|\n" + table.String())
}
