package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
)

// script answers requests one after the other, the last answer for ever.
type script struct {
	answers []func(http.ResponseWriter, *http.Request)

	mu       sync.Mutex
	requests []*http.Request
	sent     []string
}

func (s *script) asked() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *script) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests, s.sent = append(s.requests, r), append(s.sent, string(body))
	n := len(s.requests)
	s.mu.Unlock()
	s.answers[min(n, len(s.answers))-1](w, r)
}

func says(status int, header map[string]string, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// hangsUp breaks the connection without an answer.
func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func problem(status int, code, detail string, header ...string) func(http.ResponseWriter, *http.Request) {
	h := map[string]string{"Content-Type": "application/problem+json"}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	return says(status, h, fmt.Sprintf(`{"type":"urn:x","title":"T","status":%d,"detail":%q,"code":%q,"field":"f","request_id":"req-1","change_id":"c-9"}`, status, detail, code))
}

func scripted(t *testing.T, opts []client.Option, answers ...func(http.ResponseWriter, *http.Request)) (*client.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	quick := client.WithRetry(client.Retry{Attempts: 3, FirstWait: time.Millisecond, MaxWait: 1500 * time.Millisecond})
	return client.New(server.URL, someToken, append([]client.Option{quick}, opts...)...), s
}

const (
	aUser   = `{"id":"` + someID + `","name":"Grace","state":"active","version":4207}`
	aChange = `{"id":"` + otherID + `","state":"pending","digest":"d"}`
)

func TestAnOutcomeIsOneOfFour(t *testing.T) {
	grace := client.UserInvite{Name: "Grace", Email: "g@northwind.example", Role: client.RoleViewer}
	for name, tc := range map[string]struct {
		status                            int
		body                              string
		opts                              []client.WriteOption
		object, receipt, pending, preview bool
	}{
		"applied, something new":  {status: 201, body: aUser, object: true},
		"applied":                 {status: 200, body: aUser, object: true},
		"applied, not to be read": {status: 201, body: `{"id":"x","change_id":"c"}`, receipt: true},
		"held":                    {status: 202, body: aChange, pending: true},
		"held, not to be read":    {status: 202, body: `{"id":null,"change_id":"c"}`, pending: true},
		"tried out":               {status: 200, body: `{"would":"wait","change":` + aChange + `,"effects":[],"impact":null}`, opts: []client.WriteOption{client.DryRun()}, preview: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := scripted(t, nil, says(tc.status, map[string]string{"Countersign-Revision": "12", "Countersign-Replayed": "true"}, tc.body))
			out, err := c.CreateUser(t.Context(), grace, tc.opts...)
			if err != nil {
				t.Fatal(err)
			}
			got := [4]bool{out.Object != nil, out.Receipt != nil, out.Pending != nil, out.Preview != nil}
			if want := [4]bool{tc.object, tc.receipt, tc.pending, tc.preview}; got != want {
				t.Errorf("object, receipt, pending, preview: %v, want %v", got, want)
			}
			if out.Revision != 12 || !out.Replayed || out.Key == "" || out.Applied() != (tc.object || tc.receipt) {
				t.Errorf("%+v", out)
			}
			if out.Pending != nil && (out.Pending.ID == "" || !out.Pending.State.Open()) {
				t.Errorf("pending without an id: %+v", out.Pending)
			}
		})
	}
}

func TestADeletionThatIsAppliedIsGone(t *testing.T) {
	c, _ := scripted(t, nil, says(204, nil, ""))
	out, err := c.DeleteUser(t.Context(), someID)
	if err != nil || out.Object == nil {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestAVoteThatLeavesTheRequestOpenIsPending(t *testing.T) {
	c, _ := scripted(t, nil, says(200, nil, aChange), says(200, nil, strings.Replace(aChange, "pending", "applied", 1)))
	for _, pending := range []bool{true, false} {
		out, err := c.DecideChange(t.Context(), otherID, client.Decision{Decision: client.Approve, Digest: "d"})
		if err != nil || (out.Pending != nil) != pending || (out.Object != nil) == pending {
			t.Errorf("pending %v: %+v, %v", pending, out, err)
		}
	}
}

func TestAnErrorKeepsWhatTheServerSays(t *testing.T) {
	c, s := scripted(t, nil, problem(422, "change_pending", "one is open already"))
	_, err := c.SuspendUser(t.Context(), someID)
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.Status != 422 || e.Code != "change_pending" || e.Field != "f" || e.RequestID != "req-1" || e.Message != "one is open already" || e.Title != "T" ||
		len(e.Details) != 1 || e.Details["change_id"] != "c-9" {
		t.Errorf("%+v", e)
	}
	if client.CodeOf(err) != "change_pending" || client.StatusOf(err) != 422 || len(s.asked()) != 1 {
		t.Errorf("code %q, status %d, %d requests", client.CodeOf(err), client.StatusOf(err), len(s.asked()))
	}
	if got, want := err.Error(), "f: one is open already (422 change_pending, request req-1)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAnswersThatAreNotOursAreErrorsToo(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"a proxy's page":   says(404, map[string]string{"Content-Type": "text/html"}, "<html>"),
		"half a problem":   says(400, map[string]string{"Content-Type": "application/problem+json"}, `{"detail":`),
		"not JSON":         says(200, nil, "<html>"),
		"a list for a row": says(200, nil, `[]`),
		"nothing":          says(200, nil, ``),
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := scripted(t, nil, answer)
			if _, err := c.GetUser(t.Context(), someID); err == nil {
				t.Error("taken for a user")
			}
			if _, err := c.SuspendUser(t.Context(), someID); err == nil {
				t.Error("taken for an outcome")
			}
		})
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	var reached atomic.Bool
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer thief.Close()
	c, _ := scripted(t, nil, says(307, map[string]string{"Location": thief.URL}, ""))
	_, read := c.GetUser(t.Context(), someID)
	_, write := c.SuspendUser(t.Context(), someID)
	if client.StatusOf(read) != 307 || client.StatusOf(write) != 307 || !strings.Contains(read.Error(), "redirects are refused") || reached.Load() {
		t.Errorf("%v; %v; followed: %v", read, write, reached.Load())
	}
}

func TestAnAnswerHasASize(t *testing.T) {
	c, s := scripted(t, []client.Option{client.WithMaxAnswer(10)}, says(200, nil, aUser))
	_, err := c.GetUser(t.Context(), someID)
	if err == nil || !strings.Contains(err.Error(), "larger than 10 bytes") || len(s.asked()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.asked()))
	}
}

// An answer without end is given up at its limit, not when time or memory are.
func TestAnEndlessAnswerIsGivenUp(t *testing.T) {
	c, _ := scripted(t, []client.Option{client.WithMaxAnswer(1000), client.WithTimeout(10 * time.Second)}, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat(" ", 4096)); err != nil {
				return
			}
		}
	})
	began := time.Now()
	if _, err := c.GetUser(t.Context(), someID); err == nil || !strings.Contains(err.Error(), "larger than 1000 bytes") || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestAListIsPagedToItsEnd(t *testing.T) {
	pages := []string{
		`{"items":[{"id":"1"},{"id":"2"}],"total":3,"next_cursor":"b"}`,
		`{"items":[{"id":"3"}],"total":3,"next_cursor":null}`,
	}
	var limits, cursors []string
	c, _ := scripted(t, nil, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		limits, cursors = append(limits, q.Get("limit")), append(cursors, q.Get("cursor"))
		_, _ = io.WriteString(w, pages[len(cursors)-1])
	})
	var got []string
	for user, err := range c.AllUsers(t.Context(), client.UserQuery{Text: "x"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(user.ID))
	}
	if fmt.Sprint(got, limits, cursors) != "[1 2 3] [400 400] [ b]" {
		t.Errorf("%v with limits %v, cursors %v", got, limits, cursors)
	}
}

func TestAListThatFailsOrTurnsInCirclesEndsWithAnError(t *testing.T) {
	good := says(200, nil, `{"items":[{"id":"1"}],"total":9,"next_cursor":"b"}`)
	for name, answers := range map[string][]func(http.ResponseWriter, *http.Request){
		"fails": {good, problem(400, "malformed_parameter", "no")}, "circles": {good},
	} {
		c, _ := scripted(t, nil, answers...)
		rows, failures := 0, 0
		for _, err := range c.AllGroups(t.Context(), client.GroupQuery{}) {
			if err != nil {
				failures++
			} else {
				rows++
			}
		}
		if rows != 1 || failures != 1 {
			t.Errorf("%s: %d rows, %d failures", name, rows, failures)
		}
	}
	c, s := scripted(t, nil, good)
	for _, err := range c.AllChanges(t.Context(), client.ChangeQuery{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(s.asked()) != 1 {
		t.Errorf("%d pages fetched for one row", len(s.asked()))
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	const value = "7Q2M-KX9D"
	c, _ := scripted(t, nil, says(200, nil, `{"id":"x","secrets":[{"credential_id":"k","user_id":"u","type":"enrolment_code","value":"`+value+`"}]}`))
	out, err := c.MakeOnboardingCode(t.Context(), someID)
	if err != nil {
		t.Fatal(err)
	}
	if out.Secrets[0].Value.Reveal() != value {
		t.Fatalf("the code did not arrive: %+v", out.Secrets)
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "out", out, "secret", out.Secrets[0].Value, "client", c)
	hidden := struct{ s client.SecretValue }{out.Secrets[0].Value}
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s %q %x %d", out.Secrets, out.Secrets, out.Secrets, out.Secrets[0].Value, out.Secrets[0].Value, out.Secrets[0].Value, out.Secrets[0].Value),
		fmt.Sprintf("%v %+v %#v", hidden, hidden, hidden),
		fmt.Sprintf("%v %+v %#v %s", c, c, c, c), fmt.Sprintf("%v %+v", *c, *c), string(encoded), log.String(),
	} {
		if strings.Contains(text, value) || strings.Contains(text, someToken) || strings.Contains(text, fmt.Sprintf("%x", value)) {
			t.Errorf("a secret shows in %s", text)
		}
	}
}

func TestTheBaseURL(t *testing.T) {
	c, s := scripted(t, nil, says(200, nil, aUser))
	address := strings.TrimPrefix(c.String(), "client of ")
	for given, path := range map[string]string{
		address: "/directory/v1/users/" + someID, address + "/": "/directory/v1/users/" + someID,
		address + "/directory/v1": "/directory/v1/users/" + someID, address + "/directory/v1/": "/directory/v1/users/" + someID,
		address + "/behind/proxy": "/behind/proxy/directory/v1/users/" + someID,
	} {
		if _, err := client.New(given, someToken).GetUser(t.Context(), someID); err != nil {
			t.Errorf("%s: %v", given, err)
		} else if got := s.asked()[len(s.asked())-1].URL.Path; got != path {
			t.Errorf("%s led to %s", given, got)
		}
	}
	for _, bad := range []string{"", "example.com", "ftp://x", "http://", "http://user:hunter2@x", "http://x?y=hunter2", "http://x/#y", "http://[::1%hunter2"} {
		_, err := client.New(bad, someToken).GetUser(t.Context(), someID)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAnIDCannotReachAnotherOperation(t *testing.T) {
	c, s := scripted(t, nil, problem(404, "not_found", "no"))
	_, _ = c.DeleteGroup(t.Context(), "x/members?limit=1#")
	if got := s.asked()[0].URL.EscapedPath(); got != "/directory/v1/groups/x%2Fmembers%3Flimit=1%23" {
		t.Errorf("reached %s", got)
	}
}

func TestCallersCanKeepTheBody(t *testing.T) {
	c, _ := scripted(t, nil, says(200, nil, aUser+"\n"))
	var read, wrote []byte
	_, _ = c.GetUser(t.Context(), someID, client.KeepBody(&read))
	_, _ = c.SuspendUser(t.Context(), someID, client.KeepBody(&wrote))
	if string(read) != aUser+"\n" || string(wrote) != string(read) {
		t.Errorf("%s and %s", read, wrote)
	}
}
