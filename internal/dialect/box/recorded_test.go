package box_test

import (
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/box"
)

var update = flag.Bool("update", false, "write the table of recorded requests into the document")

// recorded is one request of contracts/box-wire.json, in the order they were
// sent, with the status the recording server gave and the id it made up.
type recorded struct {
	Client   string      `json:"client"`
	Scenario string      `json:"scenario"`
	Method   string      `json:"method"`
	Target   string      `json:"target"`
	Headers  [][2]string `json:"headers"`
	Body     string      `json:"body"`
	Status   int         `json:"status"`
	Made     string      `json:"made"`
}

// exceptions are the recorded requests that get another answer than the success
// of their method, or what the recording server was made to answer, with the
// reason. The key is the scenario, or the scenario with method and path.
func exceptions() map[string]struct {
	status int
	why    string
} {
	return map[string]struct {
		status int
		why    string
	}{
		"ccg-lifecycle PUT /2.0/users/":  {400, "nobody leaves the enterprise by an update"},
		"python-gen GET /2.0/users/429":  {404, "there is no such user"},
		"python-gen GET /2.0/users/202":  {404, "there is no such user"},
		"python-gen GET /2.0/users/text": {404, "there is no such user"},
		"python-gen GET /2.0/users/num":  {404, "there is no such user"},
		"python-gen GET /2.0/users/noid": {404, "there is no such user"},
	}
}

// expected is the documented answer. What the recording server did only to see
// how clients take it (errors, redirects, 202) is not expected of anybody.
func expected(r recorded) (status int, why string) {
	path, _, _ := strings.Cut(r.Target, "?")
	if strings.Contains(r.Body, "token-exchange") {
		return 400, "downscoping is not served"
	}
	for key, e := range exceptions() {
		if strings.HasPrefix(r.Scenario+" "+r.Method+" "+path, key) {
			return e.status, e.why
		}
	}
	injected := r.Scenario == "404-text" || r.Scenario == "404-empty" || r.Scenario == "trailing-slash" || r.Scenario == "token-html-400" ||
		strings.HasPrefix(r.Scenario, "403-") || r.Status == 202 || r.Status == 302 || r.Status == 429 || r.Status >= 500
	switch {
	case r.Status == 409 && r.Scenario == "500-after-commit":
		return 409, "the first attempt was carried out"
	case r.Scenario == "500-post-create" && r.Status == 201:
		return 409, "the first attempt was carried out"
	case !injected && r.Status == 401:
		return 401, "the token does not work"
	case !injected && r.Status == 404:
		return 404, "it is gone"
	case !injected && r.Status == 409:
		return 409, "it is taken"
	case !injected && r.Status == 400 && r.Scenario == "ccg-bad-secret":
		return 400, "the secret is wrong"
	case !injected && r.Status == 400:
		return 400, "offset is above 10,000"
	case r.Method == "DELETE":
		return 204, ""
	case r.Method == "POST" && !strings.Contains(path, "oauth2"):
		return 201, ""
	default:
		return 200, ""
	}
}

// replay is a client that sends what was recorded to a house of ours.
type replay struct {
	*tokenHouse
	ids    map[string]string // ours by the recorded ones
	marker string
	token  string
}

// TestRecordedRequestsGetTheDocumentedAnswers sends them as they were, header by
// header, but for secrets, and ids of what is there.
func TestRecordedRequestsGetTheDocumentedAnswers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 150 {
		t.Fatalf("%d requests: %v", len(all), err)
	}
	var table strings.Builder
	table.WriteString("| client | recorded | request | answer | because |\n|---|---|---|---|---|\n")
	var h *replay
	last := ""
	for _, r := range all {
		if r.Client != last {
			h, last = newReplay(t), r.Client
		}
		status, why := expected(r)
		t.Run(r.Client+" "+r.Scenario+" "+r.Method+" "+r.Target, func(t *testing.T) {
			h.T = t
			a := h.again(r)
			if a.status != status {
				t.Errorf("%s %s %s: %d %s, want %d", r.Method, r.Target, r.Body, a.status, a.body, status)
			}
			a.mustReadLikeBox()
		})
		fmt.Fprintf(&table, "| %s | %s | %s `%s` | %d | %s |\n", r.Client, r.Scenario, r.Method, shortTarget(r.Target), status, why)
	}
	if t.Failed() {
		return
	}
	mustStandIn(t, "../../../docs/dialects/box.md", "recorded requests", table.String())
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	h := &replay{tokenHouse: newTokenHouse(t), ids: map[string]string{}}
	h.serveAll()
	h.ids["1"] = h.number("ada")
	return h
}

// again sends a recorded request with what belongs to this house.
func (h *replay) again(r recorded) reply {
	h.T.Helper()
	body := h.swapForm(r)
	if !strings.Contains(r.Target, "oauth2") {
		body = h.swapBody(r)
	}
	var header []string
	for _, pair := range r.Headers {
		switch pair[0] {
		case "Authorization":
			pair[1] = "Bearer " + h.bearer(r)
		case "As-User":
			pair[1] = h.ids[pair[1]]
		}
		header = append(header, pair[0]+": "+pair[1])
	}
	a := h.send(r.Method, h.swapTarget(r), body, header...)
	var seen struct {
		ID     string `json:"id"`
		Marker string `json:"next_marker"`
		Access string `json:"access_token"`
	}
	_ = json.Unmarshal([]byte(a.body), &seen) // what has no id needs none
	if r.Made != "" && seen.ID != "" {
		h.ids[r.Made] = seen.ID
	}
	if seen.Marker != "" {
		h.marker = seen.Marker
	}
	if seen.Access != "" {
		h.token = seen.Access
	}
	return a
}

// bearer is a token as the recorded one was: of the client, a developer's, or one
// that does not work.
func (h *replay) bearer(r recorded) string {
	h.T.Helper()
	status, _ := expected(r)
	switch {
	case status == http.StatusUnauthorized:
		return "nonsense"
	case strings.Contains(fmt.Sprint(r.Headers), "dev-token"), h.token == "" || !h.works(h.token):
		return h.developer
	}
	return h.token
}

// swapForm puts working secrets into a form.
func (h *replay) swapForm(r recorded) string {
	h.T.Helper()
	form, err := url.ParseQuery(r.Body)
	if err != nil || !strings.Contains(r.Target, "oauth2") {
		return ""
	}
	pairs := strings.Split(r.Body, "&") // their order stays
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "client_id":
			value = h.id
		case name == "client_secret" && value != "wrong":
			value = h.secret
		case name == "box_subject_id" && form.Get("box_subject_type") == "user":
			value = h.ids[value]
		case name == "box_subject_id":
			value = h.org.Number
		case name == "token":
			value = h.token
		case name == "assertion":
			value = h.freshAssertion()
		case name == "code":
			value = h.freshCode()
		case name == "refresh_token":
			value = h.asks("authorization_code", "code", h.freshCode()).token().Refresh
		}
		pairs[i] = name + "=" + value
	}
	return strings.Join(pairs, "&")
}

func (h *replay) freshAssertion() string {
	h.T.Helper()
	h.enrolKey()
	return h.assertion(map[string]any{
		"iss": h.id, "sub": h.org.Number, "box_sub_type": "enterprise", "aud": box.PublicAudience, "jti": rand.Text(), "exp": h.Now().Unix() + 30,
	})
}

func (h *replay) freshCode() string {
	h.T.Helper()
	a := h.send("POST", "/oauth2/authorize", encoded("response_type", "code", "client_id", h.id), formType, "Authorization: Bearer "+h.tokens["grace"])
	var out struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.Code == "" {
		h.T.Fatalf("no code: %d %s", a.status, a.body)
	}
	return out.Code
}

var idInBody = regexp.MustCompile(`("id": ?")(\d+)(")`)

// swapBody puts ids of ours into a body. Group 2 is one that was never made.
func (h *replay) swapBody(r recorded) string {
	return idInBody.ReplaceAllStringFunc(r.Body, func(found string) string {
		parts := idInBody.FindStringSubmatch(found)
		if parts[2] == "2" {
			return parts[1] + h.madeGroup() + parts[3]
		}
		return parts[1] + h.ids[parts[2]] + parts[3]
	})
}

var idInTarget = regexp.MustCompile(`/(users|groups|group_memberships)/(\d+)`)

func (h *replay) swapTarget(r recorded) string {
	target := idInTarget.ReplaceAllStringFunc(r.Target, func(found string) string {
		parts := idInTarget.FindStringSubmatch(found)
		id := h.ids[parts[2]]
		switch {
		case parts[1] == "group_memberships" && parts[2] == "1":
			id = h.madeMembership()
		case id == "":
			id = parts[2] // nothing of this house
		}
		return "/" + parts[1] + "/" + id
	})
	return strings.Replace(target, "marker=1", "marker="+url.QueryEscape(h.marker), 1)
}

func (h *replay) madeGroup() string {
	h.T.Helper()
	made := h.submit(&countersign.CreateGroup{Name: "Made " + rand.Text()})
	return fmt.Sprint(made.Change.Operations[0].(*countersign.CreateGroup).Number)
}

func (h *replay) madeMembership() string {
	h.T.Helper()
	group := h.submit(&countersign.CreateGroup{Name: "Made " + rand.Text()}).Change.Operations[0].(*countersign.CreateGroup)
	made := h.submit(&countersign.AddMembership{UserID: h.people["vera"].ID, GroupID: group.GroupID})
	return fmt.Sprint(made.Change.Operations[0].(*countersign.AddMembership).Number)
}

// mustReadLikeBox holds an answer to what the strictest client reads.
func (a reply) mustReadLikeBox() {
	a.t.Helper()
	switch {
	case a.status == http.StatusNoContent || a.status == http.StatusUnauthorized:
		if a.body != "" || a.status == http.StatusUnauthorized && !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			a.t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
		return
	case a.body == "":
		return // of a revocation
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.header.Get("Content-Type") != "application/json" {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	readObject(a.t, "", out)
}

// readObject walks an object as the newer client does: ids are texts, every
// user and group names itself, and no count is missing.
func readObject(t testing.TB, path string, o map[string]any) {
	t.Helper()
	if kind, is := o["type"].(string); is && kind != "error" && kind != "tracking_code" {
		if _, ok := o["id"].(string); !ok {
			t.Errorf("%s: a %s whose id is %v", path, kind, o["id"])
		}
	}
	if entries, is := o["entries"]; is {
		list, ok := entries.([]any)
		_, counted := o["total_count"].(float64)
		if _, marked := o["next_marker"]; !ok || !counted && !marked || o["limit"] == nil {
			t.Errorf("%s: a list without its counts: %v", path, o)
		}
		for i, entry := range list {
			if e, ok := entry.(map[string]any); ok {
				readObject(t, fmt.Sprint(path, ".entries.", i), e)
			}
		}
	}
	for _, name := range []string{"user", "group"} {
		if inner, is := o[name].(map[string]any); is {
			if inner["type"] != name {
				t.Errorf("%s: the %s is a %v", path, name, inner["type"])
			}
			readObject(t, path+"."+name, inner)
		}
	}
}

func shortTarget(target string) string {
	const most = 60
	if len(target) > most {
		return target[:most] + "..."
	}
	return target
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
		t.Errorf("%s shows another table than was seen; run this test with -update. Seen:\n%s", path, want)
	}
}
