package wire_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// read asks for one parameter of every sort.
func read(q *wire.Query) string {
	return fmt.Sprintf("limit=%d deleted=%t q=%q state=%s roles=%q tags=%q",
		q.Int("limit", 50, 1, 400), q.Bool("deleted", false), q.String("q", "-", 10),
		q.Enum("state", "any", "open", "closed"), q.EnumList("role", "admin", "trader"), q.List("tag", 3))
}

func TestQuery(t *testing.T) {
	for _, c := range []struct{ name, query, want, code, field string }{
		{"nothing given", "", `limit=50 deleted=false q="-" state=any roles=[] tags=[]`, "", ""},
		{
			"everything given", "limit=400&deleted=true&q=a%20b+c&state=open&role=admin&role=trader&tag=x&tag=&tag=x",
			`limit=400 deleted=true q="a b c" state=open roles=["admin" "trader"] tags=["x" "" "x"]`, "", "",
		},
		{"an empty text is a text", "q=", `limit=50 deleted=false q="" state=any roles=[] tags=[]`, "", ""},
		{"a misspelled parameter", "limt=5", "", wire.CodeUnknownParameter, "limt"},
		{"a parameter in another case", "Limit=5", "", wire.CodeUnknownParameter, "Limit"},
		{"a number given twice", "limit=5&limit=5", "", wire.CodeRepeatedParameter, "limit"},
		{"a word given twice", "state=open&state=closed", "", wire.CodeRepeatedParameter, "state"},
		{"a number below", "limit=0", "", wire.CodeOutOfRange, "limit"},
		{"a number above", "limit=401", "", wire.CodeOutOfRange, "limit"},
		{"a number beyond 64 bits", "limit=9223372036854775808", "", wire.CodeOutOfRange, "limit"},
		{"a number with a sign", "limit=%2B5", "", wire.CodeOutOfRange, "limit"},
		{"a number with a zero before", "limit=05", "", wire.CodeOutOfRange, "limit"},
		{"a number with a space", "limit=5%20", "", wire.CodeOutOfRange, "limit"},
		{"a fraction", "limit=5.0", "", wire.CodeOutOfRange, "limit"},
		{"an empty number", "limit=", "", wire.CodeOutOfRange, "limit"},
		{"a number in other digits", "limit=%D9%A5", "", wire.CodeOutOfRange, "limit"},
		{"yes for true", "deleted=yes", "", wire.CodeMalformedParameter, "deleted"},
		{"1 for true", "deleted=1", "", wire.CodeMalformedParameter, "deleted"},
		{"True for true", "deleted=True", "", wire.CodeMalformedParameter, "deleted"},
		{"an empty boolean", "deleted", "", wire.CodeMalformedParameter, "deleted"},
		{"an unknown word", "state=OPEN", "", wire.CodeMalformedParameter, "state"},
		{"an unknown word in a list", "role=admin&role=root", "", wire.CodeMalformedParameter, "role"},
		{"a list of words longer than the words", "role=admin&role=admin&role=admin", "", wire.CodeTooManyParameters, "role"},
		{"a list that is too long", "tag=1&tag=2&tag=3&tag=4", "", wire.CodeTooManyParameters, "tag"},
		{"a text that is too long", "q=12345678901", "", wire.CodeOutOfRange, "q"},
		{"a text that is not UTF-8", "q=%FF", "", wire.CodeInvalidText, "q"},
		{"a text with U+0000", "q=a%00", "", wire.CodeInvalidText, "q"},
		{"a name that is not UTF-8", "%FF=1", "", wire.CodeInvalidText, ""},
		{"a broken escape", "q=%zz", "", wire.CodeMalformedParameter, ""},
		{"a semicolon between", "q=1;limit=2", "", wire.CodeMalformedParameter, ""},
		{"more pairs than anybody needs", strings.Repeat("a=1&", 1000), "", wire.CodeTooManyParameters, ""},
		{"the first mistake is told", "deleted=x&limit=0", "", wire.CodeOutOfRange, "limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := wire.ParseQuery(httptest.NewRequest("GET", "/?"+c.query, nil))
			got := read(q)
			err := q.Done()
			checkRefusal(t, err, c.code, c.field)
			if c.code == "" && got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAnUnknownParameterIsTolerableWhereAnAPISaysSo(t *testing.T) {
	q := wire.ParseQuery(httptest.NewRequest("GET", "/?zzz=1&limit=7", nil))
	if n := q.Int("limit", 50, 1, 400); n != 7 || q.Err() != nil {
		t.Errorf("%d, %v", n, q.Err())
	}
	if q.Done() == nil {
		t.Error("Done tolerates it too")
	}
}

func TestUnknownParametersAreExplained(t *testing.T) {
	for query, want := range map[string]string{
		"limti=1": `There is no such parameter here; did you mean "limit"?`,
		"zzz=1":   "There is no such parameter here; there are deleted, limit, q, role, state, tag.",
	} {
		q := wire.ParseQuery(httptest.NewRequest("GET", "/?"+query, nil))
		read(q)
		var e *countersign.Error
		if !errors.As(q.Done(), &e) || e.Message != want {
			t.Errorf("%s: %v", query, e)
		}
	}
}

func TestRequiredAndOwnRefusals(t *testing.T) {
	q := wire.ParseQuery(httptest.NewRequest("GET", "/?empty=", nil))
	q.Required("empty", 10)
	checkRefusal(t, q.Done(), wire.CodeMissingParameter, "empty")

	q = wire.ParseQuery(httptest.NewRequest("GET", "/?cursor=x", nil))
	if q.Required("cursor", 10) != "x" || q.Err() != nil {
		t.Error(q.Err())
	}
	q.Fail("cursor", "This is not a cursor of ours.")
	checkRefusal(t, q.Done(), wire.CodeMalformedParameter, "cursor")
}

func TestAListIsTheCallersOwn(t *testing.T) {
	q := wire.ParseQuery(httptest.NewRequest("GET", "/?tag=a&tag=b", nil))
	q.List("tag", 3)[0] = "changed"
	if diff := cmp.Diff([]string{"a", "b"}, q.List("tag", 3)); diff != "" {
		t.Error(diff)
	}
}

func TestForm(t *testing.T) {
	form := func(contentType, body string) *http.Request {
		r := httptest.NewRequest("POST", "/?grant_type=other", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	const right = "application/x-www-form-urlencoded"
	q := wire.ParseForm(form(right+"; charset=utf-8", "grant_type=client_credentials"), 0)
	if got := q.Enum("grant_type", "", "client_credentials"); got != "client_credentials" || q.Done() != nil {
		t.Errorf("%q, %v", got, q.Done())
	}
	checkRefusal(t, wire.ParseForm(form("application/json", "{}"), 0).Done(), wire.CodeUnsupportedMediaType, "Content-Type")
	checkRefusal(t, wire.ParseForm(form("", "a=b"), 0).Done(), wire.CodeUnsupportedMediaType, "Content-Type")
	checkRefusal(t, wire.ParseForm(form(right, "a=123456"), 5).Done(), wire.CodeBodyTooLarge, "")
}

func TestANumberInAPathNamesSomethingOrNothing(t *testing.T) {
	for text, want := range map[string]int64{"7": 7, "0": -1, "07": -1, "+7": -1, "x": -1, "": -1, "9223372036854775808": -1} {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetPathValue("id", text)
		n, err := wire.PathInt(r, "id", 1, 1<<53)
		if want < 0 && !errors.Is(err, countersign.NotFound) || want >= 0 && (n != want || err != nil) {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
}
