package wire

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// Route is one row of a dialect's table. The table is the only list there is:
// what is public, what takes a large body, what may take long stands here.
type Route struct {
	// Method and Pattern are those of http.ServeMux: "GET", "/groups/{id}".
	Method  string
	Pattern string
	// Name says in the log and in metrics which row it was: "groups.get".
	Name string
	// Public routes ask for no credential.
	Public bool
	// BodyLimit is MaxBody unless given.
	BodyLimit int64
	// Long routes, exports and event streams, have no deadline.
	Long    bool
	Handler http.Handler
}

// Mux routes the requests of one dialect. It differs from http.ServeMux, which
// does the matching, where clients of a published API would notice: it never
// redirects, it reads doubled slashes as one, and what it cannot route it
// answers in the dialect's own shape. GET rows answer HEAD too; OPTIONS is a
// method like any other.
type Mux struct {
	serve   http.ServeMux
	routes  []Route
	onError ErrorWriter
}

// NewMux makes an empty Mux that answers errors through onError.
func NewMux(onError ErrorWriter) *Mux { return &Mux{onError: onError} }

// Handle adds rows. A row that could not work, or one that overlaps another
// without being more specific, panics: the program is wrong and must not start.
func (m *Mux) Handle(rows ...Route) {
	for _, row := range rows {
		switch {
		case row.Method == "" || strings.ContainsAny(row.Method, " \t/") || row.Method != strings.ToUpper(row.Method):
			panic("wire: route " + row.Name + " needs a method in upper case")
		case !strings.HasPrefix(row.Pattern, "/"):
			panic("wire: route " + row.Name + " needs a pattern that begins with a slash")
		case row.Name == "":
			panic("wire: route " + row.Method + " " + row.Pattern + " needs a name")
		case slices.ContainsFunc(m.routes, func(r Route) bool { return r.Name == row.Name }):
			panic("wire: two routes are called " + row.Name)
		case row.Handler == nil:
			panic("wire: route " + row.Name + " needs a handler")
		}
		if row.BodyLimit == 0 {
			row.BodyLimit = MaxBody
		}
		m.serve.Handle(row.Method+" "+row.Pattern, &matched{mux: m, Route: row})
		m.routes = append(m.routes, row)
	}
}

// Routes returns the rows in the order they were added.
func (m *Mux) Routes() []Route { return slices.Clone(m.routes) }

// ServeHTTP finds the row and serves it.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.RequestURI) > MaxURL || len(r.URL.Path)+len(r.URL.RawQuery) > MaxURL {
		m.onError(w, r, invalid(CodeURLTooLong, "", "The URL is longer than 8 KB; send fewer or shorter parameters."))
		return
	}
	clean, ok := collapsed(r)
	if !ok {
		m.onError(w, r, noSuchRoute())
		return
	}
	found := &finding{original: w}
	m.serve.ServeHTTP(found, clean)
	if found.served {
		return
	}
	if found.status == http.StatusMethodNotAllowed {
		allow := found.header.Get("Allow")
		w.Header().Set("Allow", allow)
		e := countersign.Code(countersign.Invalid, CodeMethodNotAllowed, "",
			"This path does not take the method you used; it takes "+allow+".")
		m.onError(w, r, e)
		return
	}
	m.onError(w, r, noSuchRoute())
}

func noSuchRoute() error {
	return countersign.Code(countersign.NotFound, CodeNoSuchRoute, "",
		"There is nothing at this path; check it for a misspelling or a missing part.")
}

// collapsed returns the request with runs of slashes in its path as one, and
// false when the path has dot segments: those http.ServeMux would redirect, and
// resolving them ourselves would let a path mean something else here than to
// the proxy that let it through.
func collapsed(r *http.Request) (*http.Request, bool) {
	escaped := r.URL.EscapedPath()
	if strings.Contains(escaped, "//") {
		for strings.Contains(escaped, "//") {
			escaped = strings.ReplaceAll(escaped, "//", "/")
		}
		plain, err := url.PathUnescape(escaped)
		if err != nil {
			return r, false
		}
		// Both forms, so that an escaped slash stays part of its segment.
		u, copied := *r.URL, *r
		u.Path, u.RawPath = plain, escaped
		copied.URL = &u
		r = &copied
	}
	if !strings.HasPrefix(escaped, "/") {
		return r, false
	}
	resolved := path.Clean(escaped)
	if resolved != "/" && strings.HasSuffix(escaped, "/") {
		resolved += "/"
	}
	return r, resolved == escaped
}

// finding is the response writer under which http.ServeMux searches. A row that
// matches unwraps it; what http.ServeMux would answer by itself, 404, 405 or a
// redirect, ends here, and only status and headers are looked at.
type finding struct {
	original http.ResponseWriter
	served   bool
	status   int
	header   http.Header
}

func (f *finding) Header() http.Header {
	if f.header == nil {
		f.header = http.Header{}
	}
	return f.header
}

func (f *finding) WriteHeader(status int) { f.status = status }

func (f *finding) Write(b []byte) (int, error) { return len(b), nil }

// matched is a row at work.
type matched struct {
	Route
	mux *Mux
}

func (m *matched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := w.(*finding)
	if !ok {
		panic("wire: a route was reached past its Mux")
	}
	found.served = true
	out, ok := found.original.(*response)
	if !ok {
		out = &response{ResponseWriter: found.original}
	}

	ctx := r.Context()
	e, ok := ctx.Value(eventKey{}).(*Event)
	if !ok {
		e = &Event{Method: r.Method}
		ctx = context.WithValue(ctx, eventKey{}, e)
	}
	e.Route, e.bodyLimit = m.Name, m.BodyLimit
	if m.Long {
		// An error means that there is no connection behind, as in tests.
		_ = http.NewResponseController(out).SetWriteDeadline(time.Time{})
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, RequestDeadline)
		defer cancel()
	}
	r = r.WithContext(ctx)

	defer func() {
		thrown := recover()
		if rethrow := caught(e, out, thrown); rethrow != nil {
			panic(rethrow)
		}
		if thrown != nil {
			m.mux.onError(out, r, e.err)
		}
	}()
	m.Handler.ServeHTTP(out, r)
}
