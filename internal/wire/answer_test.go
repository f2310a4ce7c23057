package wire_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

func TestWriteJSON(t *testing.T) {
	w := httptest.NewRecorder()
	wire.WriteJSON(w, http.StatusCreated, struct {
		Name  string         `json:"name"`
		List  []string       `json:"list"`
		Map   map[string]int `json:"map"`
		Extra *string        `json:"extra"`
	}{Name: "<é&>", Map: map[string]int{"b": 2, "a": 1}})
	const want = `{"name":"<é&>","list":[],"map":{"a":1,"b":2},"extra":null}`
	if w.Code != 201 || w.Body.String() != want {
		t.Errorf("got %d %s\nwant %s", w.Code, w.Body, want)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Content-Length": strconv.Itoa(len(want)), "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestADialectMaySayWhichJSONItIs(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/problem+json")
	wire.WriteJSON(w, 400, 1)
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Error(got)
	}
}

func TestWhatCannotBeEncodedIsNotHalfAnswered(t *testing.T) {
	w := httptest.NewRecorder()
	defer func() {
		if recover() == nil || w.Body.Len() != 0 || w.Result().Header.Get("Content-Length") != "" {
			t.Errorf("answered %q", w.Body)
		}
	}()
	wire.WriteJSON(w, 200, map[string]any{"a": 1, "b": "\xff"})
}

func TestWriteNothing(t *testing.T) {
	w := httptest.NewRecorder()
	wire.WriteNothing(w, http.StatusNoContent)
	if w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestIfMatch(t *testing.T) {
	for _, c := range []struct {
		name   string
		header []string
		want   wire.Precondition
		kind   countersign.Kind
	}{
		{"absent", nil, wire.Precondition{}, ""},
		{"a version", []string{`"42"`}, wire.Precondition{Given: true, Version: 42}, ""},
		{"version zero", []string{`"0"`}, wire.Precondition{Given: true}, ""},
		{"spaces around", []string{" \"42\"\t"}, wire.Precondition{Given: true, Version: 42}, ""},
		{"any", []string{"*"}, wire.Precondition{Given: true, Any: true}, ""},
		{"a weak tag", []string{`W/"42"`}, wire.Precondition{}, countersign.Invalid},
		{"several tags", []string{`"42", "43"`}, wire.Precondition{}, countersign.Invalid},
		{"several headers", []string{`"42"`, `"43"`}, wire.Precondition{}, countersign.Invalid},
		{"any and a tag", []string{`*, "42"`}, wire.Precondition{}, countersign.Invalid},
		{"no quotes", []string{`42`}, wire.Precondition{}, countersign.Invalid},
		{"half a quote", []string{`"`}, wire.Precondition{}, countersign.Invalid},
		{"empty", []string{``}, wire.Precondition{}, countersign.Invalid},
		{"a tag of somebody else", []string{`"abc"`}, wire.Precondition{}, countersign.Stale},
		{"a version written otherwise", []string{`"042"`}, wire.Precondition{}, countersign.Stale},
		{"a version below zero", []string{`"-1"`}, wire.Precondition{}, countersign.Stale},
		{"a version beyond 64 bits", []string{`"9223372036854775808"`}, wire.Precondition{}, countersign.Stale},
		{"an empty tag", []string{`""`}, wire.Precondition{}, countersign.Stale},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := wire.IfMatch(&http.Request{Header: http.Header{"If-Match": c.header}})
			var e *countersign.Error
			if errors.As(err, &e) && e.Field != "If-Match" {
				t.Errorf("field is %q", e.Field)
			}
			if got != c.want || countersign.KindOf(err) != c.kind {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestETagIsWhatIfMatchReads(t *testing.T) {
	w := httptest.NewRecorder()
	wire.SetETag(w, 42)
	got, err := wire.IfMatch(&http.Request{Header: http.Header{"If-Match": {w.Header().Get("ETag")}}})
	if err != nil || got.Version != 42 || !got.Given {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRateLimiter(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	l := wire.NewRateLimiter(0.5, 2, 100, func() time.Time { return now })
	expect := func(key string, allowed bool) {
		t.Helper()
		err := l.Allow(key)
		if (err == nil) != allowed || err != nil && !errors.Is(err, countersign.Limited) {
			t.Fatalf("%s: %v", key, err)
		}
	}
	expect("ada", true)
	expect("ada", true)
	expect("ada", false)
	expect("eve", true) // each key has its own
	var e *countersign.Error
	if err := l.Allow("ada"); !errors.As(err, &e) || e.Detail["retry_after"] != "2" {
		t.Fatalf("%#v", err) // and refusals cost nothing: still 2 s, not 4
	}
	w := httptest.NewRecorder()
	wire.SetRetryAfter(w, e)
	if w.Header().Get("Retry-After") != "2" {
		t.Error(w.Header())
	}
	now = now.Add(1999 * time.Millisecond)
	expect("ada", false)
	now = now.Add(time.Millisecond)
	expect("ada", true)
	expect("ada", false)
}

func TestRateLimiterForgetsTheQuietest(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	l := wire.NewRateLimiter(1, 1, 2, func() time.Time { return now })
	for _, step := range []struct {
		key     string
		allowed bool
	}{
		{"a", true}, {"b", true}, {"a", false}, // a was seen last, b is the quietest
		{"c", true}, {"a", false}, // c came in place of b
		{"b", true}, // forgotten, so fresh
	} {
		if err := l.Allow(step.key); (err == nil) != step.allowed {
			t.Fatalf("%s: %v", step.key, err)
		}
	}
}

func TestServerRefusesLargeHeaders(t *testing.T) {
	server := wire.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	for size, want := range map[int]int{wire.MaxHeader - 1<<10: 200, wire.MaxHeader + 8<<10: 431} {
		r, err := http.NewRequest("GET", "http://"+listener.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Padding", strings.Repeat("a", size))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d bytes: got %d, want %d", size, res.StatusCode, want)
		}
	}
	if server.ReadHeaderTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout == 0 || server.IdleTimeout == 0 {
		t.Error("a wait without an end")
	}
}

func TestTransportStatus(t *testing.T) {
	for code, want := range map[string]int{
		wire.CodeNoSuchRoute: 404, wire.CodeMethodNotAllowed: 405, wire.CodeURLTooLong: 414,
		wire.CodeBodyTooLarge: 413, wire.CodeUnsupportedMediaType: 415, wire.CodeInvalidJSON: 0, "": 0,
	} {
		if got, ok := wire.TransportStatus(countersign.Code(countersign.Invalid, code, "", "")); got != want || ok != (want != 0) {
			t.Errorf("%q: %d %t", code, got, ok)
		}
	}
	if _, ok := wire.TransportStatus(errors.New("internal")); ok {
		t.Error("an internal error has a transport status")
	}
}
