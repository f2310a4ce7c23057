package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// ticking is a clock that is 5 ms later at each look.
func ticking() func() time.Time {
	t := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	return func() time.Time {
		t = t.Add(5 * time.Millisecond)
		return t
	}
}

// logged serves one request under Log and returns the answer and the lines.
func logged(t *testing.T, r *http.Request, handler http.Handler) (*httptest.ResponseRecorder, []map[string]any, string) {
	t.Helper()
	var out bytes.Buffer
	w := httptest.NewRecorder()
	wire.Log(handler, slog.New(slog.NewJSONHandler(&out, nil)), ticking()).ServeHTTP(w, r)
	var lines []map[string]any
	for line := range strings.Lines(out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		delete(fields, "time")
		lines = append(lines, fields)
	}
	if len(lines) != 1 {
		t.Fatalf("%d lines instead of one:\n%s", len(lines), out.String())
	}
	return w, lines, out.String()
}

func serveRow(handler http.HandlerFunc) http.Handler {
	mux := wire.NewMux(answerError)
	mux.Handle(wire.Route{Method: "POST", Pattern: "/groups/{id}", Name: "groups.update", Handler: handler})
	return mux
}

func TestOneLineSaysWhoDidWhat(t *testing.T) {
	handler := serveRow(func(w http.ResponseWriter, r *http.Request) {
		e := wire.EventOf(r.Context())
		e.Organization, e.User, e.Credential, e.ChangeRequest = "org", "ada", "key", "cr"
		wire.WriteJSON(w, http.StatusAccepted, map[string]int{"n": 1})
	})
	w, lines, _ := logged(t, httptest.NewRequest("POST", "/groups/7", nil), handler)
	id := w.Header().Get(wire.RequestIDHeader)
	want := map[string]any{
		"level": "INFO", "msg": "request", "request_id": id, "method": "POST", "route": "groups.update",
		"status": 202.0, "bytes": 7.0, "duration": 5e6,
		"organization": "org", "user": "ada", "credential": "key", "change_request": "cr",
	}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTheLineHoldsNothingTheClientWrote(t *testing.T) {
	r := httptest.NewRequest("POST", "/groups/s3cret-id?token=s3cret-query", strings.NewReader(`{"s3cret-body":1}`))
	r.Header.Set("Authorization", "Bearer s3cret-header")
	r.Header.Set(wire.RequestIDHeader, "s3cret-request")
	_, lines, text := logged(t, r, serveRow(func(w http.ResponseWriter, r *http.Request) {
		answerError(w, r, wire.Decode(r, 0, &struct{}{}))
	}))
	if strings.Contains(text, "s3cret") {
		t.Error(text)
	}
	if lines[0]["kind"] != "invalid" || lines[0]["code"] != wire.CodeUnknownField || lines[0]["status"] != 400.0 {
		t.Errorf("kind, code and status are missing: %v", lines[0])
	}
}

func TestRequestIDsAreFreshAndSortable(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	last := ""
	for range 100 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(wire.RequestIDHeader, last)
		w, _, _ := logged(t, r, http.NotFoundHandler())
		id := w.Header().Get(wire.RequestIDHeader)
		if !form.MatchString(id) || id <= last {
			t.Fatalf("%q after %q", id, last)
		}
		last = id
	}
}

func TestErrorsInTheLine(t *testing.T) {
	for _, c := range []struct {
		name             string
		err              error
		level            string
		kind, code, err2 any
	}{
		{"an internal error is shown, here only", errors.New("disk on fire"), "ERROR", nil, nil, "disk on fire"},
		{
			"unavailable shows its cause",
			countersign.E(countersign.Unavailable, "", "Later.").Caused(errors.New("no route to host")),
			"INFO", "unavailable", nil, "unavailable: Later.: no route to host",
		},
		{"a kind and a code, no text", countersign.Code(countersign.Refused, "last_admin", "s3cret", "s3cret"), "INFO", "refused", "last_admin", nil},
		{"a kind alone", countersign.NotFound, "INFO", "not_found", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, lines, _ := logged(t, httptest.NewRequest("POST", "/groups/7", nil), serveRow(
				func(w http.ResponseWriter, r *http.Request) { answerError(w, r, c.err) }))
			got := []any{lines[0]["level"], lines[0]["kind"], lines[0]["code"], lines[0]["error"]}
			if diff := cmp.Diff([]any{c.level, c.kind, c.code, c.err2}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestPanics(t *testing.T) {
	boom := func(http.ResponseWriter, *http.Request) { panic("broken invariant") }
	for _, c := range []struct {
		name    string
		handler http.Handler
		body    string
	}{
		{"in a row: the dialect answers", serveRow(boom), `{"error":"Internal Server Error"}`},
		{"outside of every row: a plain answer", http.HandlerFunc(boom), "Internal Server Error\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, lines, _ := logged(t, httptest.NewRequest("POST", "/groups/7", nil), c.handler)
			if w.Code != 500 || w.Body.String() != c.body {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
			line := lines[0]
			stack, _ := line["stack"].(string)
			if line["level"] != "ERROR" || line["error"] != "panic: broken invariant" || !strings.Contains(stack, "event_test.go") {
				t.Errorf("logged %v", line)
			}
		})
	}
}

// An answer that has begun cannot become an error any more. It must not look
// complete either: the connection is cut.
func TestAPanicInTheMiddleOfAnAnswerCutsTheConnection(t *testing.T) {
	for name, thrown := range map[string]any{"a panic": "broken invariant", "an abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			done := make(chan struct{})
			inner := wire.Log(serveRow(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "half of an")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Errorf("the connection cannot be reached through the wrapper: %v", err)
				}
				panic(thrown)
			}), slog.New(slog.NewJSONHandler(&out, nil)), ticking())
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				inner.ServeHTTP(w, r)
			}))
			defer server.Close()
			res, err := http.Post(server.URL+"/groups/7", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if _, err := io.ReadAll(res.Body); err == nil {
				t.Error("the client took half an answer for a whole one")
			}
			<-done
			if strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), `"status":200,"bytes":10`) {
				t.Errorf("logged %s", out.String())
			}
		})
	}
}

func TestASilentHandlerAnswered200(t *testing.T) {
	_, lines, _ := logged(t, httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if lines[0]["status"] != 200.0 || lines[0]["bytes"] != 0.0 {
		t.Errorf("logged %v", lines[0])
	}
}

func TestEventOutsideOfLogIsNobodys(t *testing.T) {
	wire.EventOf(t.Context()).User = "ada"
	if got := wire.EventOf(t.Context()).User; got != "" {
		t.Errorf("one request saw %q of another", got)
	}
}
