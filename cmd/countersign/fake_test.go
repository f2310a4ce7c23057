package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/countersign/countersign/api"
)

// fake is a directory that answers out of testdata/world.json. What it is asked and
// what it answers are held to the document, so the tests below rest on the API as it
// is and not on a memory of it.
type fake struct {
	t     *testing.T
	doc   *openapi3.T
	url   string
	world map[string]json.RawMessage

	mu sync.Mutex
	// asked are the requests so far, as "METHOD path?query body".
	asked []asked
	// next answers the next requests of an operation, one after the other, in place
	// of the world.
	next map[string][]answer
	// pageSize makes lists come in pages.
	pageSize int
	// documents are those of the changes that were shown.
	documents map[string]string
	// lie alters a change that is shown, after its digest was computed.
	lie func(change map[string]any)
}

type asked struct {
	id, line string
	header   http.Header
}

// answer is a canned answer; an object is encoded, text is not.
type answer struct {
	status int
	body   any
	header map[string]string
}

// document is read once: it is large, and nobody changes it.
var document = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(api.Document()) })

func newFake(t *testing.T) *fake {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/world.json")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, doc: doc, next: map[string][]answer{}}
	if err := json.Unmarshal(text, &f.world); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// will answers the next request of an operation.
func (f *fake) will(id string, answers ...answer) *fake {
	f.next[id] = append(f.next[id], answers...)
	return f
}

func (f *fake) list(name string) []map[string]any {
	var out []map[string]any
	if err := json.Unmarshal(f.world[name], &out); err != nil {
		f.t.Fatal(err)
	}
	return out
}

func (f *fake) one(name string) any {
	var out any
	if err := json.Unmarshal(f.world[name], &out); err != nil {
		f.t.Fatal(err)
	}
	return out
}

func (f *fake) route(r *http.Request) (*routers.Route, map[string]string) {
	segments := strings.Split(r.URL.Path, "/")
	var best *routers.Route
	var bestParams map[string]string
	for path, item := range f.doc.Paths.Map() {
		template := strings.Split(path, "/")
		params := map[string]string{}
		fits := len(template) == len(segments) && item.GetOperation(r.Method) != nil
		for i := 0; fits && i < len(template); i++ {
			if name, ok := strings.CutPrefix(template[i], "{"); ok {
				params[strings.TrimSuffix(name, "}")] = segments[i]
			} else {
				fits = template[i] == segments[i]
			}
		}
		if fits && (best == nil || len(params) < len(bestParams)) {
			best = &routers.Route{Spec: f.doc, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)}
			bestParams = params
		}
	}
	return best, bestParams
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	route, params := f.route(r)
	if route == nil {
		f.t.Errorf("%s %s is no operation of the document", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	id := route.Operation.OperationID
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, IncludeResponseStatus: true, SkipSettingDefaults: true},
	}
	for name := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil {
			f.t.Errorf("%s has no parameter %s", id, name)
		}
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		f.t.Errorf("%s is not what the document says:\n%v", id, err)
	}
	f.mu.Lock()
	query, _ := strings.CutPrefix("?"+r.URL.RawQuery, "?")
	f.asked = append(f.asked, asked{id, strings.TrimSpace(r.Method + " " + r.URL.Path + " " + query + " " + string(body)), r.Header})
	var a answer
	if queue := f.next[id]; len(queue) > 0 {
		a, f.next[id] = queue[0], queue[1:]
	} else {
		a = f.from(id, params, r)
	}
	if id == "getChange" && a.status == http.StatusOK {
		a.body = f.honest(a.body)
		if f.lie != nil {
			f.lie(a.body.(map[string]any))
		}
	}
	f.mu.Unlock()
	f.write(w, in, a)
}

func (f *fake) write(w http.ResponseWriter, in *openapi3filter.RequestValidationInput, a answer) {
	kind, body := "application/json", []byte(nil)
	switch v := a.body.(type) {
	case nil:
		kind = ""
	case string:
		kind, body = "text/plain", []byte(v)
	default:
		var err error
		if body, err = json.Marshal(v); err != nil {
			f.t.Error(err)
		}
		if a.status >= http.StatusBadRequest {
			kind = "application/problem+json"
		}
	}
	h := w.Header()
	h.Set("Countersign-Revision", "4211")
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	h.Set("ETag", `"4207"`)
	for name, value := range map[string]string{
		"X-Request-ID": "req-1", "Location": "/directory/v1/somewhere", "Countersign-Change-Request": openChange,
		"Retry-After": "1", "WWW-Authenticate": "Bearer", "Allow": "GET",
	} {
		if response := in.Route.Operation.Responses.Status(a.status); response != nil && response.Value.Headers[name] != nil {
			h.Set(name, value)
		}
	}
	for name, value := range a.header {
		h.Set(name, value)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: h.Clone(), Options: in.Options}
	out.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		f.t.Errorf("the fake's answer to %s is not one of the document:\n%v", in.Route.Operation.OperationID, err)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// from answers a read out of the world.
func (f *fake) from(id string, params map[string]string, r *http.Request) answer {
	lists := map[string]string{
		"listUsers": "users", "listGroups": "groups", "listMemberships": "memberships", "listGroupMembers": "memberships", "listUserMemberships": "memberships",
		"listChanges": "changes", "listCredentials": "credentials", "listPermissions": "permissions", "listUserPermissions": "effective",
		"getPolicyHealth": "health", "listViolations": "violations", "listEmergencies": "emergencies", "lintPolicy": "findings", "listEntries": "entries",
	}
	objects := map[string]string{"getUser": "users", "getGroup": "groups", "getMembership": "memberships", "getChange": "changes", "getCredential": "credentials"}
	switch {
	case lists[id] != "":
		return f.page(f.selected(f.list(lists[id]), r), r)
	case objects[id] != "":
		for _, object := range f.list(objects[id]) {
			if slices.Contains(slices.Collect(maps.Values(params)), object["id"].(string)) {
				return answer{status: 200, body: object}
			}
		}
		return refusal(404, "not_found", "", "There is no such thing.")
	case id == "getChangeDocument":
		return f.document(params["change_id"])
	case id == "getEntry":
		n, _ := strconv.Atoi(params["index"])
		return answer{status: 200, body: f.list("entries")[n]}
	case id == "getPolicy":
		return answer{status: 200, body: f.one("policy")}
	case id == "getOrganization":
		return answer{status: 200, body: f.one("organization")}
	case id == "getCheckpoint":
		return answer{status: 200, body: f.one("checkpoint")}
	case id == "getMe":
		return answer{status: 200, body: map[string]any{"organization": f.one("organization"), "user": f.list("users")[1], "credential": f.list("credentials")[0], "permissions": f.list("effective")}}
	default:
		f.t.Errorf("the fake does not know what to say to %s", id)
		return refusal(500, "internal", "", "The fake does not know.")
	}
}

// selected applies the few filters by which names are resolved.
func (f *fake) selected(items []map[string]any, r *http.Request) []map[string]any {
	q := r.URL.Query()
	for parameter, member := range map[string]string{"name": "name", "email": "email", "id": "id"} {
		if wanted := q[parameter]; len(wanted) > 0 {
			items = slices.DeleteFunc(items, func(item map[string]any) bool {
				value, _ := item[member].(string)
				return !slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, value) })
			})
		}
	}
	return items
}

func (f *fake) page(items []map[string]any, r *http.Request) answer {
	total := len(items)
	at, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	var next any
	if f.pageSize > 0 && at+f.pageSize < total {
		next = strconv.Itoa(at + f.pageSize)
		items = items[at : at+f.pageSize]
	} else {
		items = items[at:]
	}
	if items == nil {
		items = []map[string]any{}
	}
	return answer{status: 200, body: map[string]any{"items": items, "total": total, "next_cursor": next}}
}

// refusal is a problem; members are name, value, name, value.
func refusal(status int, code, field, detail string, members ...string) answer {
	body := map[string]any{"type": "urn:countersign:problem:" + code, "title": "T", "status": status, "detail": detail, "code": code, "request_id": "req-1"}
	if field != "" {
		body["field"] = field
	}
	for i := 0; i+1 < len(members); i += 2 {
		body[members[i]] = members[i+1]
	}
	return answer{status: status, body: body}
}

func (f *fake) lines(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, a := range f.asked {
		if id == "" || a.id == id {
			out = append(out, a.line)
		}
	}
	return out
}

// terminal is where the program is run.
type terminal struct {
	stdin       string
	interactive bool
	env         map[string]string
}

type printed struct {
	out, err string
	code     int
}

// types runs the program with these arguments.
func (c terminal) types(t *testing.T, args ...string) printed {
	t.Helper()
	var out, errs bytes.Buffer
	err := run(t.Context(), args, func(name string) string { return c.env[name] }, stdio{
		in: strings.NewReader(c.stdin), out: &out, err: &errs, interactive: c.interactive,
	})
	if err != nil && errs.Len() == 0 && !errors.As(err, new(saidError)) {
		t.Errorf("%v: failed with %v and said nothing", args, err)
	}
	return printed{out.String(), errs.String(), exitCode(err)}
}

func at(f *fake) terminal {
	return terminal{env: map[string]string{"COUNTERSIGN_URL": f.url, "COUNTERSIGN_TOKEN": "a-token"}}
}

func (f *fake) operation(id string) *openapi3.Operation {
	for _, item := range f.doc.Paths.Map() {
		for op := range maps.Values(item.Operations()) {
			if op.OperationID == id {
				return op
			}
		}
	}
	f.t.Fatalf("the document has no operation %s", id)
	return nil
}

// words are the enumeration of a query parameter, or of Schema.property.
func (f *fake) words(id, name string) []string {
	var schema *openapi3.Schema
	if id != "" {
		schema = f.operation(id).Parameters.GetByInAndName("query", name).Schema.Value.Items.Value
	} else {
		of, property, _ := strings.Cut(name, ".")
		schema = f.doc.Components.Schemas[of].Value.Properties[property].Value
	}
	var out []string
	for _, word := range schema.Enum {
		out = append(out, word.(string))
	}
	return out
}
