// Package dialecttest holds every HTTP exchange of the tests to the document of
// the native API.
//
//	client := dialecttest.Validating(t, handler)
//	response, err := client.Get("http://countersign.test/directory/v1/users")
//
// The client reaches the handler without a network. After each exchange:
//
//   - a request that was accepted (below 400) must be one the document allows:
//     path, parameters, their values, the body;
//   - the answer must be one the document promises for that operation: status,
//     required headers, content type, body, and nothing beyond the document's
//     members, so that nobody adds a field and forgets to say so;
//   - an error must be a problem whose code the document lists for its status.
//
// Requests that are refused may be as wrong as a test wants them. What fails is
// reported to the test with the exchange, without its token.
//
// Schemas are compiled once for all tests, by the same JSON Schema engine that
// kin-openapi uses: its own filter compiles them again for each exchange, which
// would take longer than the suite.
package dialecttest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Origin is what the client of Validating may call; any host will do.
const Origin = "http://countersign.test"

// Validating returns a client of handler that holds every exchange to the
// document.
func Validating(t testing.TB, handler http.Handler) *http.Client {
	t.Helper()
	return New(t).Client(handler)
}

// Validator holds exchanges to the document and remembers which operations it
// has seen succeed.
type Validator struct {
	t testing.TB
	d *document

	mu   sync.Mutex // guards seen
	seen map[string]bool
}

// New returns a validator that reports to t.
func New(t testing.TB) *Validator {
	t.Helper()
	d, err := load()
	if err != nil {
		t.Fatalf("the document cannot be used: %v", err)
	}
	return &Validator{t: t, d: d, seen: map[string]bool{}}
}

// NewFor returns a validator by the document of a published API, in JSON. It
// holds answers to it, and nothing else: clients of such an API may send more than
// it describes.
func NewFor(t testing.TB, document []byte) *Validator {
	t.Helper()
	d, err := compile(document, true)
	if err != nil {
		t.Fatalf("the document cannot be used: %v", err)
	}
	return &Validator{t: t, d: d, seen: map[string]bool{}}
}

// Client reaches a handler without a network.
func (v *Validator) Client(handler http.Handler) *http.Client {
	return &http.Client{Transport: v.Transport(inProcess{handler}), CheckRedirect: refuseRedirects}
}

// Transport validates what passes through another transport.
func (v *Validator) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{v, next}
}

// Unseen lists the operations of the document that no accepted request reached.
func (v *Validator) Unseen() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for _, op := range v.d.operations {
		if !v.seen[op.id] {
			out = append(out, op.id)
		}
	}
	slices.Sort(out)
	return out
}

// Operations lists the document's operations: "GET /path" -> operationId.
func (v *Validator) Operations() map[string]string {
	out := map[string]string{}
	for _, op := range v.d.operations {
		out[op.method+" "+op.path] = op.id
	}
	return out
}

func refuseRedirects(r *http.Request, _ []*http.Request) error {
	return fmt.Errorf("a redirect to %s: the API never redirects", r.URL)
}

// Bare reaches a handler without a network, and holds it to nothing.
func Bare(handler http.Handler) http.RoundTripper { return inProcess{handler} }

// inProcess is a transport to a handler.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.RemoteAddr == "" {
		in.RemoteAddr = "127.0.0.1:50000"
	}
	out := httptest.NewRecorder()
	p.handler.ServeHTTP(out, in)
	response := out.Result()
	response.Request = r
	return response, nil
}

type transport struct {
	v    *Validator
	next http.RoundTripper
}

// RoundTrip keeps both bodies, so that the caller reads what was validated.
func (x transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		sent = body
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	response, err := x.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(got))
	e := exchange{request: r, sent: sent, response: response, got: got}
	for _, fault := range x.v.faults(e) {
		x.v.t.Errorf("%s\n%s", fault, e)
	}
	return response, nil
}

// exchange is one request with its answer.
type exchange struct {
	request  *http.Request
	sent     []byte
	response *http.Response
	got      []byte
}

// String shows the exchange without the caller's token.
func (e exchange) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  > %s %s\n", e.request.Method, e.request.URL.RequestURI())
	writeHeader(&b, "  > ", e.request.Header)
	fmt.Fprintf(&b, "  > %s\n  < %s\n", shortened(e.sent), e.response.Status)
	writeHeader(&b, "  < ", e.response.Header)
	fmt.Fprintf(&b, "  < %s\n", shortened(e.got))
	return b.String()
}

func writeHeader(b *strings.Builder, mark string, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := strings.Join(h[name], " | ")
		if name == "Authorization" {
			value = "[redacted]"
		}
		fmt.Fprintf(b, "%s%s: %s\n", mark, name, value)
	}
}

func shortened(body []byte) string {
	const most = 2000
	if len(body) > most {
		return fmt.Sprintf("%s... (%d bytes)", body[:most], len(body))
	}
	return string(body)
}

// faults lists where an exchange departs from the document.
func (v *Validator) faults(e exchange) []string {
	status := e.response.StatusCode
	op, path := v.d.find(e.request.Method, e.request.URL)
	if op == nil {
		if status < http.StatusBadRequest {
			return []string{fmt.Sprintf("%s %s is answered, but no operation of the document", e.request.Method, e.request.URL.Path)}
		}
		if v.d.foreign {
			return nil
		}
		return v.d.problemFaults(e)
	}
	var out []string
	if status < http.StatusBadRequest {
		v.mu.Lock()
		v.seen[op.id] = true
		v.mu.Unlock()
		for _, fault := range v.requestFaults(op, e, path) {
			out = append(out, op.id+" accepted a request the document forbids: "+fault)
		}
	}
	for _, fault := range op.answerFaults(e) {
		out = append(out, op.id+" answered what the document does not promise: "+fault)
	}
	if status >= http.StatusBadRequest && !op.plain {
		out = append(out, v.d.problemFaults(e)...)
	}
	return out
}

func (v *Validator) requestFaults(op *operation, e exchange, path map[string]string) []string {
	if v.d.foreign {
		return nil
	}
	return op.requestFaults(e, path)
}

// pathOf returns the segments of a path as they were sent, decoded one by one.
func pathOf(u *url.URL) []string {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			segments[i] = plain
		}
	}
	return segments
}
