package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/countersign/countersign/internal/server"
)

// TestADialectIsServedUnderItsMountToo, with the path it expects and the target
// as it was sent, which signatures cover.
func TestADialectIsServedUnderItsMountToo(t *testing.T) {
	c := config(io.Discard)
	tell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path+" "+r.URL.EscapedPath()+" "+r.PathValue("id")+" "+r.RequestURI)
	})
	c.Dialects = append(c.Dialects, server.Dialect{
		Name: "mounted", Paths: []string{"/v1/"}, Mount: "/a/b", API: newParrot("mounted", route("/v1/things/{id}", "getThing", tell)),
	})
	s := server.New(c)
	for target, want := range map[string]string{
		"/v1/things/1":             "/v1/things/1 /v1/things/1 1 /v1/things/1",
		"/a/b/v1/things/1":         "/v1/things/1 /v1/things/1 1 /a/b/v1/things/1",
		"/a/b/v1/things/x%2Fy":     "/v1/things/x/y /v1/things/x%2Fy x/y /a/b/v1/things/x%2Fy",
		"/a/b//v1/things/1":        "/v1/things/1 /v1/things/1 1 /a/b//v1/things/1",
		"//v1//things/1":           "/v1/things/1 /v1/things/1 1 //v1//things/1",
		"/a/b/v1/things/1?q=%2F":   "/v1/things/1 /v1/things/1 1 /a/b/v1/things/1?q=%2F",
		"/a/b/v1/nothing":          "mounted cannot",
		"/v1":                      "mounted cannot",
		"/a/b/v1":                  "mounted cannot",
		"/a/b/2.0/users":           "directory cannot", // another's paths are not mounted with it
		"/a/bb/v1/things/1":        "directory cannot",
		"/a/b/a/b/v1/things/1":     "directory cannot",
		"/a/%62/v1/things/escaped": "mounted cannot", // the prefix is written one way
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
		out := httptest.NewRecorder()
		s.ServeHTTP(out, r)
		if got := out.Body.String(); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}
