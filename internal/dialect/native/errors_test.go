package native

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// kindsOf reads the closed list out of the vocabulary's source, so that a kind
// that is added there is missed here.
func kindsOf(t *testing.T) []countersign.Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../../error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []countersign.Kind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "Kind" && len(spec.Values) == 1 {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, countersign.Kind(value))
		}
		return true
	})
	return kinds
}

func TestEveryKindHasItsStatus(t *testing.T) {
	want := map[countersign.Kind]int{
		countersign.Invalid: 400, countersign.Unauthenticated: 401, countersign.Forbidden: 403, countersign.NotFound: 404,
		countersign.Exists: 409, countersign.Stale: 409, countersign.Refused: 422, countersign.Limited: 429, countersign.Unavailable: 503,
	}
	kinds := kindsOf(t)
	if len(kinds) != len(want) {
		t.Errorf("the vocabulary has the kinds %v; this test knows %d", kinds, len(want))
	}
	titles := map[string]countersign.Kind{}
	for _, kind := range kinds {
		m := mannerOf(kind)
		if m.status != want[kind] {
			t.Errorf("%s is answered %d, want %d", kind, m.status, want[kind])
		}
		if other, ok := titles[m.title]; ok {
			t.Errorf("%s and %s have the same title", kind, other)
		}
		titles[m.title] = kind
	}
	if m := mannerOf("news"); m.status != http.StatusInternalServerError {
		t.Errorf("an unknown kind is answered %d", m.status)
	}
}

func TestErrorsAreAnsweredAsSaid(t *testing.T) {
	secret := errors.New("pq: password authentication failed for user postgres")
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   string
		field  string
		header map[string]string
	}{
		{"one of ours", countersign.E(countersign.Invalid, "name", "is required"), 400, "invalid", "name", nil},
		{"with a code", countersign.Code(countersign.Exists, "name_taken", "name", "x"), 409, "name_taken", "name", nil},
		{"with a cause", countersign.E(countersign.Unavailable, "", "x").Caused(secret), 503, "unavailable", "", map[string]string{"Retry-After": "1"}},
		{"wrapped", fmt.Errorf("reading: %w", countersign.E(countersign.NotFound, "", "x")), 404, "not_found", "", nil},
		{"a bare kind", countersign.Stale, 409, "stale", "", nil},
		{"without a kind", secret, 500, "internal", "", nil},
		{"a mistaken kind", &countersign.Error{Kind: "news", Code: "hello", Message: "x"}, 500, "internal", "", nil},
		{"no token", countersign.E(countersign.Unauthenticated, "", "x"), 401, "unauthenticated", "", map[string]string{"WWW-Authenticate": `Bearer realm="countersign"`}},
		{"a stale tag", countersign.Code(countersign.Stale, "version_moved", "If-Match", "x"), 412, "version_moved", "If-Match", nil},
		{"a stale digest", countersign.Code(countersign.Stale, "digest_mismatch", "digest", "x"), 409, "digest_mismatch", "digest", nil},
		{"too often", &countersign.Error{Kind: countersign.Limited, Code: wire.CodeRateLimited, Detail: map[string]string{"retry_after": "7"}}, 429, "rate_limited", "", map[string]string{"Retry-After": "7"}},
		{"too many", countersign.E(countersign.Limited, "", "x"), 429, "limited", "", map[string]string{"Retry-After": "60"}},
		{"no such route", countersign.Code(countersign.NotFound, wire.CodeNoSuchRoute, "", "x"), 404, "no_such_route", "", nil},
		{"another method", countersign.Code(countersign.Invalid, wire.CodeMethodNotAllowed, "", "x"), 405, "method_not_allowed", "", nil},
		{"a long URL", countersign.Code(countersign.Invalid, wire.CodeURLTooLong, "", "x"), 414, "url_too_long", "", nil},
		{"a large body", countersign.Code(countersign.Invalid, wire.CodeBodyTooLarge, "", "x"), 413, "body_too_large", "", nil},
		{"another type", countersign.Code(countersign.Invalid, wire.CodeUnsupportedMediaType, "", "x"), 415, "unsupported_media_type", "", nil},
		{"out of time", fmt.Errorf("query: %w", context.DeadlineExceeded), 503, "timeout", "", map[string]string{"Retry-After": "1"}},
		{"gone away", context.Canceled, 503, "timeout", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("ETag", `"7"`)
			writeError(w, httptest.NewRequest(http.MethodGet, "/", nil), c.err)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			body := w.Body.String()
			if !strings.Contains(body, `"code":"`+c.code+`"`) || !strings.Contains(body, `"type":"urn:countersign:problem:`+c.code+`"`) {
				t.Errorf("want code %s: %s", c.code, body)
			}
			if got := strings.Contains(body, `"field":`); got != (c.field != "") || !strings.Contains(body, c.field) {
				t.Errorf("want field %q: %s", c.field, body)
			}
			if strings.Contains(body, "postgres") {
				t.Errorf("the cause is shown: %s", body)
			}
			if w.Header().Get("ETag") != "" {
				t.Error("an error carries the ETag of what was not answered")
			}
			for name, want := range c.header {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// What a stored error looks like when it is answered again.
func TestAStoredErrorIsTheSameButForTheRequest(t *testing.T) {
	err := &countersign.Error{Kind: countersign.Refused, Code: "wrong_state", Field: "user_id", Message: "x", Detail: map[string]string{"state": "deleted"}}
	answer := mutation{}.record(zeroResult(), err)
	first, again := httptest.NewRecorder(), httptest.NewRecorder()
	writeError(first, httptest.NewRequest(http.MethodGet, "/", nil), err)
	p, storedErr := storedProblem(answer.Status, answer.Body)
	if storedErr != nil {
		t.Fatal(storedErr)
	}
	writeProblem(again, "", p)
	if first.Body.String() != again.Body.String() || first.Code != again.Code {
		t.Errorf("first %d %s\nagain %d %s", first.Code, first.Body, again.Code, again.Body)
	}
}

func zeroResult() (r engine.Result) { return r }
