package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
)

func TestReadsAndKeyedWritesAreRepeated(t *testing.T) {
	busy := problem(503, "unavailable", "loading", "Retry-After", "1")
	slow := problem(429, "rate_limited", "slow down")
	for name, first := range map[string]func(http.ResponseWriter, *http.Request){"hung up": hangsUp, "503": busy, "429": slow} {
		t.Run(name, func(t *testing.T) {
			c, s := scripted(t, nil, first, says(200, nil, aUser))
			began := time.Now()
			if _, err := c.GetUser(t.Context(), someID); err != nil {
				t.Errorf("read: %v", err)
			}
			if name == "503" && time.Since(began) < time.Second {
				t.Error("did not wait as long as it was asked to")
			}
			if len(s.asked()) != 2 {
				t.Errorf("%d requests", len(s.asked()))
			}

			c, s = scripted(t, nil, first, says(200, nil, aUser))
			if _, err := c.UpdateUser(t.Context(), someID, client.UserPatch{Name: client.Value("G")}, client.Reason("ä b")); err != nil {
				t.Errorf("write: %v", err)
			}
			if len(s.asked()) != 2 || s.bodies()[0] != `{"name":"G"}` || s.bodies()[1] != s.bodies()[0] {
				t.Fatalf("bodies %q", s.bodies())
			}
			a, b := s.asked()[0].Header, s.asked()[1].Header
			if key := a.Get("Idempotency-Key"); len(key) < 20 || key != b.Get("Idempotency-Key") || a.Get("Countersign-Reason") != "%C3%A4%20b" {
				t.Errorf("headers %v and %v", a, b)
			}
		})
	}
}

func TestEveryWriteHasAKeyOfItsOwn(t *testing.T) {
	c, s := scripted(t, nil, says(200, nil, aUser))
	for range 3 {
		if _, err := c.SuspendUser(t.Context(), someID); err != nil {
			t.Fatal(err)
		}
	}
	keys := map[string]bool{}
	for _, r := range s.asked() {
		keys[r.Header.Get("Idempotency-Key")] = true
	}
	if len(keys) != 3 {
		t.Errorf("keys %v", keys)
	}
}

func TestAWriteWithoutAKeyIsSentOnce(t *testing.T) {
	c, s := scripted(t, nil, hangsUp)
	_, err := c.SuspendUser(t.Context(), someID, client.WithoutIdempotencyKey())
	var unknown *client.UnknownOutcomeError
	if !errors.As(err, &unknown) || unknown.Key != "" || len(s.asked()) != 1 || !strings.Contains(err.Error(), "list the changes") {
		t.Errorf("%v after %d requests", err, len(s.asked()))
	}
	if s.asked()[0].Header.Get("Idempotency-Key") != "" {
		t.Error("a key was sent")
	}
}

func TestTheSetupTokenIsSpentOnce(t *testing.T) {
	c, s := scripted(t, nil, hangsUp)
	if _, err := c.SetUp(t.Context(), client.SetupRequest{}); !errors.As(err, new(*client.UnknownOutcomeError)) || len(s.asked()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.asked()))
	}
}

// After a write that got no answer, only an answer that is about that write ends
// the doubt.
func TestDoubtAboutAWrite(t *testing.T) {
	for name, tc := range map[string]struct {
		answers []func(http.ResponseWriter, *http.Request)
		unknown bool
	}{
		"never an answer":             {[]func(http.ResponseWriter, *http.Request){hangsUp}, true},
		"never but busy":              {[]func(http.ResponseWriter, *http.Request){problem(503, "timeout", "too long")}, true},
		"a proxy got none":            {[]func(http.ResponseWriter, *http.Request){says(504, nil, "")}, true},
		"lost, then refused":          {[]func(http.ResponseWriter, *http.Request){hangsUp, problem(422, "refused", "no")}, false},
		"lost, then not let in":       {[]func(http.ResponseWriter, *http.Request){hangsUp, problem(401, "unauthenticated", "no")}, true},
		"lost, then told to slow":     {[]func(http.ResponseWriter, *http.Request){hangsUp, problem(429, "limited", "no", "Retry-After", "3600")}, true},
		"told to slow":                {[]func(http.ResponseWriter, *http.Request){problem(429, "limited", "no")}, false},
		"not let in":                  {[]func(http.ResponseWriter, *http.Request){problem(401, "unauthenticated", "no")}, false},
		"a fault of theirs":           {[]func(http.ResponseWriter, *http.Request){problem(500, "internal", "no")}, false},
		"the answer breaks off":       {[]func(http.ResponseWriter, *http.Request){says(201, map[string]string{"Content-Length": "999"}, "{")}, true},
		"asked to wait an hour, busy": {[]func(http.ResponseWriter, *http.Request){problem(503, "unavailable", "no", "Retry-After", "3600")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := scripted(t, nil, tc.answers...)
			_, err := c.SuspendUser(t.Context(), someID, client.IdempotencyKey("my-key"))
			if err == nil || errors.As(err, new(*client.UnknownOutcomeError)) != tc.unknown {
				t.Errorf("unknown %v: %v", tc.unknown, err)
			}
			if tc.unknown && !strings.Contains(err.Error(), "Idempotency-Key my-key within 24 hours") {
				t.Errorf("does not say how to find out: %v", err)
			}
			if _, err := c.GetUser(t.Context(), someID); errors.As(err, new(*client.UnknownOutcomeError)) {
				t.Errorf("a question has no outcome: %v", err)
			}
		})
	}
}

func TestNothingSentIsNoDoubt(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	c := client.New(address, someToken, client.WithRetry(client.Retry{Attempts: 2, FirstWait: time.Millisecond, MaxWait: time.Second}))
	_, err := c.SuspendUser(t.Context(), someID)
	var away *client.UnreachableError
	if !errors.As(err, &away) || away.Attempts != 2 {
		t.Errorf("%v", err)
	}
}

func TestWhoGivesUpWaitingIsNotKeptWaiting(t *testing.T) {
	c, _ := scripted(t, []client.Option{client.WithRetry(client.Retry{Attempts: 9, FirstWait: time.Hour, MaxWait: time.Hour})}, hangsUp)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.SuspendUser(ctx, someID); !errors.As(err, new(*client.UnknownOutcomeError)) {
		t.Errorf("%v", err)
	}
}

func TestAnAttemptHasATime(t *testing.T) {
	c, _ := scripted(t, []client.Option{client.WithTimeout(30 * time.Millisecond)}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if _, err := c.GetUser(t.Context(), someID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
