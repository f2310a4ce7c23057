package fireblocks_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/dialect/fireblocks"
)

var update = flag.Bool("update", false, "write the table of recorded requests into the document")

// recorded is one request of contracts/fireblocks-wire.json, all of them that
// concern these paths, with the claims as the exact text that was signed.
type recorded struct {
	Client   string      `json:"client"`
	Scenario string      `json:"scenario"`
	Method   string      `json:"method"`
	Target   string      `json:"target"`
	Headers  [][2]string `json:"headers"`
	Body     string      `json:"body"`
	// JWTHeader and Claims are null where a transport alone was recorded.
	JWTHeader json.RawMessage `json:"jwtHeader"`
	Claims    string          `json:"claims"`
}

// exceptions are the recorded requests that do not get the plain success of
// their method, by scenario, with the reason.
func exceptions() map[string]struct {
	status int
	why    string
} {
	const jdkDelete = "JDK HttpClient defaults (transport used by the Java SDK) DELETE"
	return map[string]struct {
		status int
		why    string
	}{
		"create, empty request object":       {400, "a group needs a name"},
		"get after delete (404 ErrorSchema)": {404, "there is no such group"},
		"get missing":                        {404, "there is no such group"},
		"get, id needing escapes":            {404, "there is no such group"},
		"api user create, body omitted":      {400, "role, name and csrPem are required"},
		"console user create":                {200, ""},
		"console user create (200 empty)":    {200, ""},
		"api user create":                    {200, ""},
		"audit logs":                         {200, ""},
		"reset device":                       {404, "there is no such user"},
		"audit logs with filters":            {400, "startTime lies more than a year back, and the cursor is none of ours"},
		"pairing token":                      {404, "not served"},
		"basePath without /v1":               {404, "the paths begin with /v1"},
		"base url with a path prefix":        {404, "nothing is mounted there"},
		jdkDelete:                            {405, "groups are deleted one by one"},
		"redirect 301 on POST GET":           {404, "no redirect, and nothing at the path with a slash"},
		"idempotency key non-ASCII":          {400, "keys are ASCII"},
	}
}

func expected(r recorded) (status int, why string) {
	all := exceptions()
	for _, key := range []string{r.Scenario + " " + r.Method, r.Scenario} {
		if e, ok := all[key]; ok {
			switch {
			case r.Scenario == "console user create" && r.Body == "":
				return 400, "firstName, lastName, role and email are required"
			case r.Scenario == "audit logs" && strings.Contains(r.Target, "cursor="):
				return 400, "the cursor is none of ours"
			}
			return e.status, e.why
		}
	}
	switch r.Method {
	case "POST":
		return 201, ""
	case "DELETE":
		return 204, ""
	default:
		return 200, ""
	}
}

// TestRecordedRequestsGetTheDocumentedAnswers signs them again with a key of the
// test, with the ids of things that are there, and otherwise as they were sent.
func TestRecordedRequestsGetTheDocumentedAnswers(t *testing.T) {
	text, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.serve(func(c *fireblocks.Config) { c.Mount = "/fireblocks" })
	var table strings.Builder
	table.WriteString("| client | recorded | request | answer | because |\n|---|---|---|---|---|\n")
	for _, r := range all {
		t.Run(r.Client+" "+r.Scenario, func(t *testing.T) {
			for _, g := range read[[]group](h.get(groupsPath)) {
				h.send(request{method: "DELETE", target: groupsPath + "/" + g.ID}).must(http.StatusNoContent)
			}
			status, why := expected(r)
			a := h.deliver(h.again(t, r))
			if a.status != status {
				t.Errorf("%s %s: %d %s, want %d", r.Method, r.Target, a.status, a.body, status)
			}
			h.mustAnswer(t, r, a)
			fmt.Fprintf(&table, "| %s | %s | %s `%s` | %d | %s |\n", r.Client, strings.ReplaceAll(r.Scenario, "|", "/"), r.Method, shortTarget(r.Target), status, why)
		})
	}
	if t.Failed() {
		return
	}
	mustStandIn(t, "../../../docs/dialects/fireblocks.md", "recorded requests", table.String())
}

func shortTarget(target string) string {
	const most = 72
	target = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(target, "{id}")
	if len(target) > most {
		return target[:most] + "..."
	}
	return target
}

// mustAnswer holds the body to the shape of its path.
func (h *house) mustAnswer(t *testing.T, r recorded, a answer) {
	t.Helper()
	var into any
	path, _, _ := strings.Cut(r.Target, "?")
	switch one := strings.Contains(path, "user_groups/"); {
	case a.status >= 400 || a.status == http.StatusNoContent || r.Method == "POST" && a.status == http.StatusOK:
		return
	case strings.HasSuffix(path, "user_groups") && r.Method == "GET":
		into = &[]group{}
	case one || strings.HasSuffix(path, "user_groups"):
		into = &group{}
	case strings.HasSuffix(path, "/v1/users"):
		into = &[]person{}
	case strings.HasSuffix(path, "users"):
		into = &people{}
	default:
		into = &map[string]any{}
	}
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Errorf("%v: %s", err, a.body)
	}
	if g, ok := into.(*group); ok && (g.ID == "" || g.MemberIDs == nil || g.Status != "ACTIVE") {
		t.Errorf("no group: %s", a.body)
	}
}

// again is a recorded request as its client would send it to this house.
func (h *house) again(t *testing.T, r recorded) *http.Request {
	t.Helper()
	swap := func(s string) string {
		return strings.NewReplacer(
			`"1d8b04f3-f90b-406b-a4d8-71d5d16f6862"`, `"`+h.ids["ada"]+`"`, `"30e8a73a-6300-4b35-a11a-9c69341805fc"`, `"`+h.ids["grace"]+`"`,
			`"u1"`, `"`+h.ids["ada"]+`"`, `"u2"`, `"`+h.ids["grace"]+`"`,
			`"-----BEGIN CERTIFICATE REQUEST-----\nx\n-----END CERTIFICATE REQUEST-----\n"`, csr(t),
			"ceb990eb-838d-4de0-accf-924e8132dd67", h.robot.id,
		).Replace(s)
	}
	body, target := swap(r.Body), swap(r.Target)
	status, _ := expected(r)
	if id := regexp.MustCompile(`user_groups/([0-9a-f-]{36})$`).FindStringSubmatch(target); id != nil && status != http.StatusNotFound {
		target = strings.Replace(target, id[1], h.makes("Existing", h.ids["linus"]).ID, 1)
	}
	out := request{method: r.Method, target: target, body: body, header: map[string][]string{}}
	for _, pair := range r.Headers {
		out.header[pair[0]] = append(out.header[pair[0]], pair[1])
	}
	if r.Claims != "" {
		out.jwtHeader, out.rawClaims = string(r.JWTHeader), h.resigned(t, r, body, target)
	}
	return h.build(out)
}

// resigned are the claims as they were written, nonce and order included, with
// this moment's times, this caller, and what follows from other ids.
func (h *house) resigned(t *testing.T, r recorded, body, target string) string {
	t.Helper()
	var was struct {
		URI, Sub, BodyHash string
		Iat, Exp           int64
	}
	if err := json.Unmarshal([]byte(r.Claims), &was); err != nil {
		t.Fatal(err)
	}
	now := h.Now().Unix()
	pairs := []string{
		strconv.FormatInt(was.Iat, 10), strconv.FormatInt(now, 10), strconv.FormatInt(was.Exp, 10), strconv.FormatInt(now+was.Exp-was.Iat, 10),
		was.Sub, h.robot.id,
	}
	if was.URI == r.Target {
		pairs = append(pairs, `"`+was.URI+`"`, `"`+target+`"`)
	}
	if was.BodyHash == hashOf(r.Body) {
		pairs = append(pairs, was.BodyHash, hashOf(body))
	}
	return strings.NewReplacer(pairs...).Replace(r.Claims)
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
