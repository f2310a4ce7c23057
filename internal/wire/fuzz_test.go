package wire_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// What is accepted means one thing: writing it down and reading it again gives
// the same bytes. What is refused says so in our words.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"name":"Ada","limit":1,"description":null,"permissions":["a.b"],"switches":{"x":true}}`,
		`{"members":[{"id":"1","role":null,"deep":{"level":1}}],"flags":{"é":false},"raw":{"a":[1e2,null]},"any":[1.5,"\u00e9"]}`,
		`{"until":"2026-03-01T09:30:00+01:00","address":"::1","color":"red","key":"AA==","note":"n","ratio":0.1}`,
		`{"name":"a\u0000"}`, `{"a":1,"a":2}`, `{"ratio":1e400}`, "{\"name\":\"\xff\"}", `{"name":"<&>\u2028"}`,
		strings.Repeat(`{"any":`, 40) + "1" + strings.Repeat("}", 40),
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, loose bool) {
		var options []wire.Option
		if loose {
			options = []wire.Option{wire.IgnoreUnknown(), wire.NullAsAbsent()}
		}
		var first body
		if err := wire.DecodeBytes(text, &first, options...); err != nil {
			var e *countersign.Error
			if !errors.As(err, &e) || e.Kind != countersign.Invalid || e.Message == "" || len(e.Field) > 300 {
				t.Fatalf("refused as %#v", err)
			}
			return
		}
		once, err := wire.Encode(first)
		if err != nil {
			t.Fatalf("accepted and cannot be written: %v", err)
		}
		var second body
		if err := wire.DecodeBytes(once, &second, options...); err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, once)
		}
		twice, err := wire.Encode(second)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not a fixed point: %v\n%s\n%s", err, once, twice)
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "limit=50&state=open", "limit=+1", "on=true&on=true", "q=%ff", "q=%00", "%zz", "a;b", "tag=a&tag=b", "nope=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := &http.Request{URL: &url.URL{RawQuery: raw}}
		q := wire.ParseQuery(r)
		limit := q.Int("limit", 50, 1, 400)
		on := q.Bool("on", false)
		text := q.String("q", "", 100)
		state := q.Enum("state", "open", "open", "closed")
		tags := q.List("tag", 3)
		if limit < 1 || limit > 400 || len(text) > 100 || len(tags) > 3 || state != "open" && state != "closed" {
			t.Fatalf("out of bounds: %d %t %q %q %q", limit, on, text, state, tags)
		}
		if err := q.Done(); err != nil && countersign.KindOf(err) != countersign.Invalid {
			t.Fatalf("refused as %#v", err)
		}
	})
}

func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{`"42"`, `*`, `W/"42"`, `"1", "2"`, `42`, `"`, `""`, `"01"`, `"-1"`, ` "7" `} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := &http.Request{Header: http.Header{"If-Match": {value}}}
		p, err := wire.IfMatch(r)
		if err != nil {
			if k := countersign.KindOf(err); k != countersign.Invalid && k != countersign.Stale {
				t.Fatalf("refused as %#v", err)
			}
			return
		}
		if !p.Given || !p.Any && wire.ETag(p.Version) != strings.Trim(value, " \t") {
			t.Fatalf("%q read as %+v", value, p)
		}
	})
}

// Whatever the path, the answer is a row's or an error of ours, never a redirect.
func FuzzMuxNeverRedirects(f *testing.F) {
	for _, seed := range []string{"/", "/groups", "//groups", "/groups/", "/groups/../groups", "/groups/./1", "/groups/a%2Fb", "/groups/%2e%2e", "/tree", "/%2F/groups", "*", ""} {
		f.Add("GET", seed)
	}
	f.Add("CONNECT", "/tree")
	mux := testMux()
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || method == "" {
			t.Skip()
		}
		r := &http.Request{Method: method, URL: u, RequestURI: path, Host: "example.test", Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed && w.Code != http.StatusRequestURITooLong {
			t.Fatalf("%s %q answered %d", method, path, w.Code)
		}
		if w.Header().Get("Location") != "" {
			t.Fatalf("%s %q redirects to %s", method, path, w.Header().Get("Location"))
		}
	})
}
