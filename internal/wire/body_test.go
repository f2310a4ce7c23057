package wire_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

type named struct {
	Name string `json:"name"`
}

func TestDecodeLooksAtTheHeaderFirst(t *testing.T) {
	const ada = `{"name":"Ada"}`
	for _, c := range []struct {
		name, body string
		header     http.Header
		options    []wire.Option
		code       string // empty: accepted
		field      string
	}{
		{"JSON", ada, http.Header{"Content-Type": {"application/json"}}, nil, "", ""},
		{"JSON in UTF-8", ada, http.Header{"Content-Type": {"Application/JSON; Charset=UTF-8"}}, nil, "", ""},
		{"no type", ada, nil, nil, "", ""},
		{"an empty type", ada, http.Header{"Content-Type": {""}}, nil, "", ""},
		{"a form", ada, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, nil, wire.CodeUnsupportedMediaType, "Content-Type"},
		{"text", ada, http.Header{"Content-Type": {"text/plain"}}, nil, wire.CodeUnsupportedMediaType, "Content-Type"},
		{"another charset", ada, http.Header{"Content-Type": {"application/json; charset=latin1"}}, nil, wire.CodeUnsupportedMediaType, "Content-Type"},
		{"a type nobody can read", ada, http.Header{"Content-Type": {"application/json;;"}}, nil, wire.CodeUnsupportedMediaType, "Content-Type"},
		{"two types", ada, http.Header{"Content-Type": {"application/json", "text/plain"}}, nil, wire.CodeUnsupportedMediaType, "Content-Type"},
		{"another type that is allowed", ada, http.Header{"Content-Type": {"application/scim+json"}}, []wire.Option{wire.MediaTypes("application/scim+json")}, "", ""},
		{"JSON where another type is allowed", ada, http.Header{"Content-Type": {"application/json"}}, []wire.Option{wire.MediaTypes("application/scim+json")}, wire.CodeUnsupportedMediaType, "Content-Type"},
		{"the identity encoding", ada, http.Header{"Content-Encoding": {"identity"}}, nil, "", ""},
		{"a compressed body", ada, http.Header{"Content-Encoding": {"gzip"}}, nil, wire.CodeUnsupportedMediaType, "Content-Encoding"},
		{"a twice encoded body", ada, http.Header{"Content-Encoding": {"identity", "gzip"}}, nil, wire.CodeUnsupportedMediaType, "Content-Encoding"},
		{"no body", "", nil, nil, wire.CodeBodyRequired, ""},
		{"space only", " \n ", nil, nil, wire.CodeBodyRequired, ""},
		{"no body where none is needed", "", http.Header{"Content-Type": {"text/plain"}}, []wire.Option{wire.OptionalBody()}, "", ""},
		{"a wrong body where none is needed", `{"nmae":1}`, nil, []wire.Option{wire.OptionalBody()}, wire.CodeUnknownField, "nmae"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
			r.Header = c.header
			var v named
			checkRefusal(t, wire.Decode(r, 0, &v, c.options...), c.code, c.field)
			if c.code == "" && c.body == ada && v.Name != "Ada" {
				t.Errorf("decoded %+v", v)
			}
		})
	}
}

// checkRefusal expects an Invalid error of a code and field, or none.
func checkRefusal(t *testing.T, err error, code, field string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var e *countersign.Error
	if !errors.As(err, &e) || e.Kind != countersign.Invalid || e.Code != code || e.Field != field || !strings.HasSuffix(e.Message, ".") && !strings.HasSuffix(e.Message, "?") {
		t.Errorf("got %#v, want code %s, field %q", err, code, field)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	// The sizes are told apart by whether the client says how long the body is.
	told := func(n int64) *http.Request {
		return httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat(" ", int(n))))
	}
	untold := func(n int64) *http.Request {
		return httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(strings.Repeat(" ", int(n)))))
	}
	for _, c := range []struct {
		name  string
		r     *http.Request
		limit int64
		code  string
	}{
		{"at the limit", told(100), 100, ""},
		{"a byte more", told(101), 100, wire.CodeBodyTooLarge},
		{"at the limit, length untold", untold(100), 100, ""},
		{"a byte more, length untold", untold(101), 100, wire.CodeBodyTooLarge},
		{"1 MB where nothing is said", told(wire.MaxBody), 0, ""},
		{"more than 1 MB where nothing is said", told(wire.MaxBody + 1), 0, wire.CodeBodyTooLarge},
		{"8 MB where it is said", told(wire.MaxListBody), wire.MaxListBody, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := wire.ReadBody(c.r, c.limit)
			checkRefusal(t, err, c.code, "")
		})
	}
}

func TestALengthThatIsALieCostsNoMemory(t *testing.T) {
	r := httptest.NewRequest("POST", "/", iotest.ErrReader(errors.New("must not be read")))
	r.ContentLength = 1 << 60
	_, err := wire.ReadBody(r, 100)
	checkRefusal(t, err, wire.CodeBodyTooLarge, "")
}

func TestAnotherReadersLimitCountsToo(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader("12345"))
	r.Body, r.ContentLength = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 4), -1
	_, err := wire.ReadBody(r, 100)
	checkRefusal(t, err, wire.CodeBodyTooLarge, "")
}

func TestABodyThatBreaksOff(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(`{"name"`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	_, err := wire.ReadBody(r, 0)
	checkRefusal(t, err, wire.CodeBodyUnreadable, "")
}

// A gzip bomb is refused by its header, before a byte of it is unpacked.
func TestAGzipBombIsRefused(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 10<<20))
	_ = z.Close()
	r := httptest.NewRequest("POST", "/", &bomb)
	r.Header.Set("Content-Encoding", "gzip")
	var v named
	checkRefusal(t, wire.Decode(r, 0, &v), wire.CodeUnsupportedMediaType, "Content-Encoding")
}

func TestTheBodyASignatureCoveredIsTheOneDecoded(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{"name":"Ada"}`))
	signed, err := wire.ReadBody(r, 0)
	if err != nil || string(signed) != `{"name":"Ada"}` {
		t.Fatalf("%q, %v", signed, err)
	}
	var v named
	if err := wire.Decode(r, 0, &v); err != nil || v.Name != "Ada" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestTheRouteSaysHowLargeABodyMayBe(t *testing.T) {
	for limit, want := range map[int64]int{0: http.StatusRequestEntityTooLarge, wire.MaxListBody: http.StatusOK} {
		mux := wire.NewMux(answerError)
		mux.Handle(wire.Route{Method: "PUT", Pattern: "/", Name: "x", BodyLimit: limit, Handler: http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				if err := wire.Decode(r, 0, &[]string{}); err != nil {
					answerError(w, r, err)
				}
			})})
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("PUT", "/", strings.NewReader("[]"+strings.Repeat(" ", int(wire.MaxBody)))))
		if w.Code != want {
			t.Errorf("limit %d: got %d, want %d", limit, w.Code, want)
		}
	}
}
