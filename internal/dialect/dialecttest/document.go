package dialecttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/api"
)

// document is the native API's, compiled.
type document struct {
	operations []*operation
	problem    *jsonschema.Schema
	// codes by status, from the table in the document's description.
	codes map[int][]string
	// foreign is the document of a published API: its answers are held to it, but
	// its requests may say more than it tells, and its errors have their own shape.
	foreign bool
}

type operation struct {
	id, method, path string
	segments         []string
	parameters       []parameter
	bodyRequired     bool
	body             *jsonschema.Schema // nil where none is described
	answers          map[int]answer
	// plain operations answer errors as text.
	plain bool
}

type parameter struct {
	name, in string
	required bool
	list     bool
	kind     string
	schema   *jsonschema.Schema
}

type answer struct {
	headers []header
	// byType has a nil schema where the body is not JSON; empty means no body.
	byType map[string]*jsonschema.Schema
}

type header struct {
	name     string
	required bool
	kind     string
	schema   *jsonschema.Schema
}

// load compiles the document once; it is the same for every test.
var load = sync.OnceValues(func() (*document, error) { return compile(api.Document(), false) })

func compile(source []byte, foreign bool) (*document, error) {
	spec, err := openapi3.NewLoader().LoadFromData(source)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(source, &tree); err != nil {
		return nil, err
	}
	closeObjects(tree)
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, err
	}
	c := &compiler{jsonschema.NewCompiler()}
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(resourceURL, resource); err != nil {
		return nil, err
	}
	d := &document{codes: codesOf(spec.Info.Description), foreign: foreign}
	if !foreign {
		if d.problem, err = c.at("components", "schemas", "Problem"); err != nil {
			return nil, err
		}
	}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			compiled, err := c.operation(path, method, item, op)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			d.operations = append(d.operations, compiled)
		}
	}
	return d, nil
}

// openSchemas are requests that may say more than is described.
var openSchemas = regexp.MustCompile(`^(AuthZEN|Evaluation$|Evaluations$)`)

// closeObjects makes every described object refuse other members. The document
// leaves its answers open, so that clients do not break when they grow; the
// server that is tested must not outgrow its document.
func closeObjects(tree any) {
	root, _ := tree.(map[string]any)
	components, _ := root["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	for name, schema := range schemas {
		if !openSchemas.MatchString(name) {
			closeWithin(schema)
		}
	}
}

func closeWithin(v any) {
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			closeWithin(member)
		}
	case map[string]any:
		_, described := v["properties"].(map[string]any)
		if _, decided := v["additionalProperties"]; described && !decided {
			v["additionalProperties"] = false
		}
		for name, member := range v {
			if name != "example" && name != "examples" {
				closeWithin(member)
			}
		}
	}
}

const resourceURL = "https://countersign.test/openapi.json"

type compiler struct{ *jsonschema.Compiler }

// at compiles the schema at a path of the document.
func (c *compiler) at(path ...string) (*jsonschema.Schema, error) {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var pointer strings.Builder
	for _, segment := range path {
		pointer.WriteString("/" + url.PathEscape(escape.Replace(segment)))
	}
	return c.Compile(resourceURL + "#" + pointer.String())
}

// shape finds where a component is written: behind its reference, or in place.
func shape(ref string, inPlace ...string) []string {
	if ref == "" {
		return inPlace
	}
	return strings.Split(strings.TrimPrefix(ref, "#/"), "/")
}

func (c *compiler) operation(path, method string, item *openapi3.PathItem, op *openapi3.Operation) (*operation, error) {
	out := &operation{
		id: op.OperationID, method: method, path: path, segments: strings.Split(path, "/"), answers: map[int]answer{},
		plain: !strings.HasPrefix(path, "/directory/") && !strings.HasPrefix(path, "/access/"),
	}
	verb := strings.ToLower(method)
	for i, p := range item.Parameters {
		if err := c.parameter(out, p, "paths", path, "parameters", strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	for i, p := range op.Parameters {
		if err := c.parameter(out, p, "paths", path, verb, "parameters", strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	if op.RequestBody != nil {
		at := shape(op.RequestBody.Ref, "paths", path, verb, "requestBody")
		schema, err := c.at(append(slices.Clone(at), "content", "application/json", "schema")...)
		if err != nil {
			return nil, err
		}
		out.body, out.bodyRequired = schema, op.RequestBody.Value.Required
	}
	for code, r := range op.Responses.Map() {
		status, err := strconv.Atoi(code)
		if err != nil {
			return nil, err
		}
		if out.answers[status], err = c.answer(r, shape(r.Ref, "paths", path, verb, "responses", code)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *compiler) parameter(op *operation, p *openapi3.ParameterRef, inPlace ...string) error {
	schema, err := c.at(append(slices.Clone(shape(p.Ref, inPlace...)), "schema")...)
	if err != nil {
		return err
	}
	s := p.Value.Schema.Value
	list := s.Type.Is("array")
	if list {
		s = s.Items.Value
	}
	op.parameters = append(op.parameters, parameter{
		name: p.Value.Name, in: p.Value.In, required: p.Value.Required, list: list, kind: kindOf(s), schema: schema,
	})
	return nil
}

func kindOf(s *openapi3.Schema) string {
	if s.Type == nil || len(*s.Type) == 0 {
		return "string"
	}
	return (*s.Type)[0]
}

func (c *compiler) answer(r *openapi3.ResponseRef, at []string) (answer, error) {
	out := answer{byType: map[string]*jsonschema.Schema{}}
	for name, h := range r.Value.Headers {
		schema, err := c.at(append(shape(h.Ref, append(slices.Clone(at), "headers", name)...), "schema")...)
		if err != nil {
			return out, err
		}
		out.headers = append(out.headers, header{name, h.Value.Required, kindOf(h.Value.Schema.Value), schema})
	}
	for mediaType := range r.Value.Content {
		out.byType[mediaType] = nil
		if strings.HasSuffix(mediaType, "json") {
			schema, err := c.at(append(slices.Clone(at), "content", mediaType, "schema")...)
			if err != nil {
				return out, err
			}
			out.byType[mediaType] = schema
		}
	}
	return out, nil
}

// codesOf reads the rows "| 400 | `a`, `b` |" of the description.
func codesOf(description string) map[int][]string {
	out := map[int][]string{}
	code := regexp.MustCompile("`([a-z_]+)`")
	for _, row := range regexp.MustCompile(`(?m)^\| (\d{3}) \| (.*) \|$`).FindAllStringSubmatch(description, -1) {
		status, _ := strconv.Atoi(row[1])
		for _, m := range code.FindAllStringSubmatch(row[2], -1) {
			out[status] = append(out[status], m[1])
		}
	}
	return out
}

// find returns the operation of a request and the values in its path. A literal
// segment is preferred to a parameter, as routing does. HEAD is GET.
func (d *document) find(method string, u *url.URL) (*operation, map[string]string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := pathOf(u)
	var best *operation
	var bestValues map[string]string
	for _, op := range d.operations {
		values, ok := op.match(segments)
		if ok && op.method == method && (best == nil || len(values) < len(bestValues)) {
			best, bestValues = op, values
		}
	}
	// A literal path with another method hides the parameter: PUT /a/b is not PUT /a/{x}.
	for _, op := range d.operations {
		if values, ok := op.match(segments); ok && best != nil && len(values) < len(bestValues) {
			return nil, nil
		}
	}
	return best, bestValues
}

func (o *operation) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(o.segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, s := range o.segments {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			if segments[i] == "" {
				return nil, false
			}
			values[strings.TrimSuffix(name, "}")] = segments[i]
		} else if s != segments[i] {
			return nil, false
		}
	}
	return values, true
}

// typed turns the text of a parameter or header into the JSON value its schema
// speaks of.
func typed(kind, text string) any {
	switch kind {
	case "integer":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(strconv.FormatInt(n, 10))
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}

// requestFaults lists what the document forbids in a request.
func (o *operation) requestFaults(e exchange, path map[string]string) []string {
	var out []string
	query := e.request.URL.Query()
	known := map[string]bool{}
	for _, p := range o.parameters {
		var given []string
		switch p.in {
		case "query":
			given, known[p.name] = query[p.name], true
		case "path":
			given = []string{path[p.name]}
		case "header":
			given = e.request.Header.Values(p.name)
		}
		if fault := p.fault(given); fault != "" {
			out = append(out, fault)
		}
	}
	for name := range query {
		if !known[name] {
			out = append(out, "query parameter "+name+" is not described")
		}
	}
	switch sent := bytes.TrimSpace(e.sent); {
	case o.body == nil && len(sent) > 0 && string(sent) != "{}":
		out = append(out, "a body is not described")
	case o.body != nil && len(sent) == 0 && o.bodyRequired:
		out = append(out, "the body is missing")
	case o.body != nil && len(sent) > 0:
		out = append(out, jsonFaults("the body", o.body, e.sent)...)
	}
	return out
}

func (p parameter) fault(given []string) string {
	if len(given) == 0 {
		if p.required {
			return p.in + " parameter " + p.name + " is missing"
		}
		return ""
	}
	value := typed(p.kind, given[0])
	if p.list {
		values := make([]any, len(given))
		for i, g := range given {
			values[i] = typed(p.kind, g)
		}
		value = values
	} else if len(given) > 1 {
		return p.in + " parameter " + p.name + " is given twice"
	}
	if err := p.schema.Validate(value); err != nil {
		return p.in + " parameter " + p.name + ": " + err.Error()
	}
	return ""
}

// answerFaults lists what the document does not promise in an answer.
func (o *operation) answerFaults(e exchange) []string {
	a, ok := o.answers[e.response.StatusCode]
	if !ok {
		return []string{fmt.Sprintf("status %d", e.response.StatusCode)}
	}
	var out []string
	for _, h := range a.headers {
		values := e.response.Header.Values(h.name)
		switch {
		case len(values) == 0 && h.required:
			out = append(out, "no header "+h.name)
		case len(values) > 1:
			out = append(out, "header "+h.name+" twice")
		case len(values) == 1:
			if err := h.schema.Validate(typed(h.kind, values[0])); err != nil {
				out = append(out, "header "+h.name+": "+err.Error())
			}
		}
	}
	if e.request.Method == http.MethodHead {
		return out
	}
	if len(a.byType) == 0 {
		if len(e.got) > 0 {
			out = append(out, "a body")
		}
		return out
	}
	mediaType, _, _ := mime.ParseMediaType(e.response.Header.Get("Content-Type"))
	schema, ok := a.byType[mediaType]
	switch {
	case !ok:
		out = append(out, "content type "+e.response.Header.Get("Content-Type"))
	case schema != nil:
		out = append(out, jsonFaults("the body", schema, e.got)...)
	}
	return out
}

// problemFaults lists what is wrong with an error as such.
func (d *document) problemFaults(e exchange) []string {
	if e.request.Method == http.MethodHead {
		return nil
	}
	if got := e.response.Header.Get("Content-Type"); got != "application/problem+json" {
		return []string{"an error of content type " + got}
	}
	out := jsonFaults("the problem", d.problem, e.got)
	var p struct {
		Status    int    `json:"status"`
		Type      string `json:"type"`
		Code      string `json:"code"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(e.got, &p); err != nil {
		return append(out, "the problem: "+err.Error())
	}
	if p.Status != e.response.StatusCode {
		out = append(out, fmt.Sprintf("the problem says status %d", p.Status))
	}
	if p.Type != "urn:countersign:problem:"+p.Code {
		out = append(out, "the problem's type "+p.Type+" is not that of its code "+p.Code)
	}
	if !slices.Contains(d.codes[p.Status], p.Code) {
		out = append(out, fmt.Sprintf("the document does not list the code %s for status %d", p.Code, p.Status))
	}
	if p.RequestID == "" || (p.RequestID != e.response.Header.Get("X-Request-ID") && e.request.Header.Get("X-Request-ID") == "") {
		out = append(out, "the problem's request_id is not that of the header")
	}
	return out
}

func jsonFaults(what string, schema *jsonschema.Schema, body []byte) []string {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return []string{what + ": " + err.Error()}
	}
	return nil
}
