package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/countersign/countersign/api"
)

const (
	someID    = "0198c5f0-6a3b-7c11-8a55-3f5f0a3d9e01"
	otherID   = "0198c5f0-7b21-7d3e-9f10-5c1de04f7a02"
	someToken = "csp_0123456789abcdef0123456789abcdef_secret-of-the-tests"
)

// contract is the document, asked about requests. It answers each operation with
// a sample made from the schema of the answer, and keeps what was asked.
type contract struct {
	t   *testing.T
	doc *openapi3.T

	mu       sync.Mutex
	requests []exchange
	// status to answer with; the operation's first success when 0.
	status int
}

// exchange is one request that the document recognised.
type exchange struct {
	id     string
	op     *openapi3.Operation
	header http.Header
	query  map[string][]string
	body   []byte
}

func newContract(t *testing.T) (*contract, *httptest.Server) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{t: t, doc: doc}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return c, s
}

// route finds the operation of a request, literal segments before parameters.
func (c *contract) route(r *http.Request) (*routers.Route, map[string]string) {
	segments := strings.Split(r.URL.Path, "/")
	var best *routers.Route
	var bestParams map[string]string
	for path, item := range c.doc.Paths.Map() {
		params, ok := match(strings.Split(path, "/"), segments)
		op := item.GetOperation(r.Method)
		if ok && op != nil && (best == nil || len(params) < len(bestParams)) {
			best = &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: r.Method, Operation: op}
			bestParams = params
		}
	}
	return best, bestParams
}

func match(template, segments []string) (map[string]string, bool) {
	if len(template) != len(segments) {
		return nil, false
	}
	params := map[string]string{}
	for i, part := range template {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			params[strings.TrimSuffix(name, "}")] = segments[i]
		} else if part != segments[i] {
			return nil, false
		}
	}
	return params, true
}

func (c *contract) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	route, params := c.route(r)
	if route == nil {
		c.t.Errorf("%s %s is no operation of the document", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: authenticated, MultiError: true, SkipSettingDefaults: true},
	})
	if err != nil {
		c.t.Errorf("%s is not what the document says:\n%v", route.Operation.OperationID, err)
	}
	c.onlyKnown(r, route)
	c.mu.Lock()
	c.requests = append(c.requests, exchange{route.Operation.OperationID, route.Operation, r.Header, r.URL.Query(), body})
	status := c.status
	c.mu.Unlock()
	c.answer(w, route.Operation, status, r.URL.Query().Get("dry_run") == "true")
}

// onlyKnown: the server refuses parameters it does not know, the validator does not.
func (c *contract) onlyKnown(r *http.Request, route *routers.Route) {
	known := func(in, name string) bool {
		return route.Operation.Parameters.GetByInAndName(in, name) != nil
	}
	for name := range r.URL.Query() {
		if !known("query", name) {
			c.t.Errorf("%s has no parameter %s", route.Operation.OperationID, name)
		}
	}
	for _, name := range []string{"Idempotency-Key", "If-Match", "Countersign-Reason", "Countersign-At-Least"} {
		if r.Header.Get(name) != "" && !known("header", name) {
			c.t.Errorf("%s takes no header %s", route.Operation.OperationID, name)
		}
	}
	public := route.Operation.Security != nil && len(*route.Operation.Security) == 0
	if sent := r.Header.Get("Authorization") != ""; sent == public {
		c.t.Errorf("%s: public %v, but a token was sent: %v", route.Operation.OperationID, public, sent)
	}
}

func authenticated(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if in.RequestValidationInput.Request.Header.Get("Authorization") == "Bearer "+someToken {
		return nil
	}
	return in.NewError(nil)
}

func (c *contract) answer(w http.ResponseWriter, op *openapi3.Operation, status int, dry bool) {
	if status == 0 {
		for _, candidate := range []int{http.StatusCreated, http.StatusNoContent, http.StatusOK} {
			if op.Responses.Status(candidate) != nil {
				status = candidate
				break
			}
		}
	}
	if dry {
		status = http.StatusOK
	}
	response := op.Responses.Status(status)
	if response == nil {
		c.t.Errorf("%s has no answer %d", op.OperationID, status)
		return
	}
	w.Header().Set("Countersign-Revision", "4211")
	w.Header().Set("ETag", `"4207"`)
	for kind, media := range response.Value.Content {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		if kind != "application/json" {
			_, _ = io.WriteString(w, "text\n")
			return
		}
		schema := media.Schema
		if dry {
			schema = c.doc.Components.Schemas["Preview"].Value.NewRef()
		}
		if err := json.NewEncoder(w).Encode(sample(schema, 0)); err != nil {
			c.t.Error(err)
		}
		return
	}
	w.WriteHeader(status)
}

// sample makes a value of a schema with every property it has.
func sample(ref *openapi3.SchemaRef, depth int) any {
	s := ref.Value
	switch {
	case s.Const != nil:
		return s.Const
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return sample(s.AnyOf[0], depth)
	case len(s.OneOf) > 0:
		return sample(s.OneOf[0], depth)
	case s.Type.Includes("object"):
		out := map[string]any{}
		if depth < 8 {
			for name, property := range s.Properties {
				out[name] = sample(property, depth+1)
			}
		}
		return out
	case s.Type.Includes("array"):
		return []any{sample(s.Items, depth+1)}
	case s.Type.Includes("boolean"):
		return true
	case s.Type.Includes("integer"):
		return 7
	default:
		return text(s)
	}
}

func text(s *openapi3.Schema) string {
	switch {
	case s.Format == "uuid":
		return someID
	case s.Format == "date-time":
		return "2026-03-01T09:30:00.123456Z"
	case s.ContentEncoding == "base64":
		return "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	case strings.Contains(s.Pattern, "A-Za-z0-9_-"):
		return "users.read"
	default:
		return "some text"
	}
}

// of returns the recorded requests of one operation.
func (c *contract) of(id string) []exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.requests), func(e exchange) bool { return e.id != id })
}

func (c *contract) operations() map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for _, item := range c.doc.Paths.Map() {
		for op := range maps.Values(item.Operations()) {
			all[op.OperationID] = op
		}
	}
	return all
}
