package wire_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// answerError is a dialect's error writer at its smallest.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	wire.EventOf(r.Context()).Fail(err)
	status, ok := wire.TransportStatus(err)
	if !ok {
		switch countersign.KindOf(err) {
		case countersign.Invalid:
			status = http.StatusBadRequest
		case "":
			status = http.StatusInternalServerError
		default:
			status = http.StatusConflict
		}
	}
	wire.WriteJSON(w, status, map[string]string{"error": http.StatusText(status)})
}

// say answers with which row it is and what the wildcard held.
func say(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s", name, r.PathValue("id"))
	})
}

func testMux() *wire.Mux {
	mux := wire.NewMux(answerError)
	for _, row := range [][2]string{
		{"GET", "/{$}"},
		{"GET", "/groups"},
		{"POST", "/groups"},
		{"GET", "/groups/{id}"},
		{"DELETE", "/groups/{id}"},
		{"GET", "/groups/{id}/members"},
		{"GET", "/tree/{path...}"},
	} {
		name := row[0] + row[1]
		mux.Handle(wire.Route{Method: row[0], Pattern: row[1], Name: name, Handler: say(name)})
	}
	return mux
}

func TestMuxRouting(t *testing.T) {
	for _, c := range []struct {
		name, method, target string
		status               int
		body, allow          string
	}{
		{"a row answers", "GET", "/groups", 200, "GET/groups ", ""},
		{"a wildcard is unescaped", "GET", "/groups/a%2Fb%20c", 200, "GET/groups/{id} a/b c", ""},
		{"doubled slashes are one", "GET", "//groups///7//members", 200, "GET/groups/{id}/members 7", ""},
		{"an escaped slash is not a slash", "GET", "//groups/%2F%2F", 200, "GET/groups/{id} //", ""},
		{"the root alone", "GET", "/", 200, "GET/{$} ", ""},
		{"a slash at the end is another path", "GET", "/groups/", 404, "", ""},
		{"a subtree does not answer for its root", "GET", "/tree", 404, "", ""},
		{"a subtree answers below", "GET", "/tree/a/b", 200, "GET/tree/{path...} ", ""},
		{"dot segments are not resolved", "GET", "/groups/../groups", 404, "", ""},
		{"nor a single dot", "GET", "/groups/./7", 404, "", ""},
		{"nor dots behind doubled slashes", "GET", "//groups/..//groups", 404, "", ""},
		{"an unknown path", "GET", "/users", 404, "", ""},
		{"a method no row has", "PUT", "/groups", 405, "", "GET, HEAD, POST"},
		{"OPTIONS is a method like any other", "OPTIONS", "/groups/7", 405, "", "DELETE, GET, HEAD"},
		{"HEAD follows GET", "HEAD", "/groups", 200, "GET/groups ", ""},
		{"HEAD follows nothing else", "HEAD", "/nowhere", 404, "", ""},
		{"8 KB of URL", "GET", "/groups?q=" + strings.Repeat("a", wire.MaxURL-len("/groups?q=")), 200, "GET/groups ", ""},
		{"a byte more", "GET", "/groups?q=" + strings.Repeat("a", wire.MaxURL-len("/groups?q=")+1), 414, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			testMux().ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
			want := c.body
			if c.status != 200 {
				want = `{"error":"` + http.StatusText(c.status) + `"}`
			}
			if w.Code != c.status || w.Body.String() != want || w.Header().Get("Allow") != c.allow {
				t.Errorf("got %d %q, Allow %q; want %d %q, Allow %q", w.Code, w.Body, w.Header().Get("Allow"), c.status, want, c.allow)
			}
			if c.status != 200 && w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("the error has Content-Type %q, not that of the dialect", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestAStarIsNoPath(t *testing.T) {
	r := httptest.NewRequest("OPTIONS", "/", nil)
	r.RequestURI, r.URL.Path = "*", "*"
	w := httptest.NewRecorder()
	testMux().ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("got %d", w.Code)
	}
}

func TestMuxRefusesRowsThatCannotWork(t *testing.T) {
	ok := wire.Route{Method: "GET", Pattern: "/a/{id}", Name: "a", Handler: say("a")}
	for name, change := range map[string]func(*wire.Route){
		"no method":              func(r *wire.Route) { r.Method = "" },
		"a method in lower case": func(r *wire.Route) { r.Method = "get" },
		"a method in a pattern":  func(r *wire.Route) { r.Pattern = "GET /a" },
		"a host in a pattern":    func(r *wire.Route) { r.Pattern = "example.test/a" },
		"no name":                func(r *wire.Route) { r.Name = "" },
		"no handler":             func(r *wire.Route) { r.Handler = nil },
		"a name taken":           func(r *wire.Route) { r.Pattern, r.Name = "/other", "b" },
		"a pattern taken":        func(r *wire.Route) { r.Pattern = "/b/{other}" },
	} {
		t.Run(name, func(t *testing.T) {
			mux := wire.NewMux(answerError)
			mux.Handle(wire.Route{Method: "GET", Pattern: "/b/{id}", Name: "b", Handler: say("b")})
			row := ok
			change(&row)
			defer func() {
				if recover() == nil {
					t.Error("the row was taken")
				}
			}()
			mux.Handle(row)
		})
	}
}

func TestRoutesAreInOrderWithTheirLimits(t *testing.T) {
	mux := wire.NewMux(answerError)
	mux.Handle(
		wire.Route{Method: "PUT", Pattern: "/b", Name: "b", BodyLimit: wire.MaxListBody, Handler: say("b")},
		wire.Route{Method: "GET", Pattern: "/a", Name: "a", Public: true, Handler: say("a")},
	)
	var got []string
	for _, r := range mux.Routes() {
		got = append(got, fmt.Sprintf("%s %s %s %t %d", r.Method, r.Pattern, r.Name, r.Public, r.BodyLimit))
	}
	want := []string{"PUT /b b false 8388608", "GET /a a true 1048576"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOnlyLongRoutesHaveNoDeadline(t *testing.T) {
	mux := wire.NewMux(answerError)
	for _, long := range []bool{false, true} {
		mux.Handle(wire.Route{Method: "GET", Pattern: fmt.Sprintf("/%t", long), Name: fmt.Sprint(long), Long: long, Handler: http.HandlerFunc(
			func(_ http.ResponseWriter, r *http.Request) {
				deadline, has := r.Context().Deadline()
				if has == long || has && time.Until(deadline) > wire.RequestDeadline {
					t.Errorf("long %t: deadline %t %v", long, has, deadline)
				}
			})})
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/%t", long), nil))
	}
}

func TestAPanicIsAnsweredInTheDialectsShape(t *testing.T) {
	mux := wire.NewMux(answerError)
	mux.Handle(wire.Route{Method: "GET", Pattern: "/", Name: "boom", Handler: http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { panic("s3cret invariant") })})
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || w.Body.String() != `{"error":"Internal Server Error"}` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
