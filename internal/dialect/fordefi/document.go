package fordefi

import (
	_ "embed"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/internal/wire"
)

// version is what the published document calls itself, in all its generations.
const version = "0.2.0"

// schemas are the shapes of all answers.
//
//go:embed schemas.json
var schemas []byte

type object = map[string]any

// document makes the OpenAPI document of the operations.
func document(title string, operations []operation) []byte {
	var components object
	if err := json.Unmarshal(schemas, &components); err != nil {
		panic(fmt.Errorf("fordefi: schemas.json: %w", err))
	}
	paths := object{}
	for _, op := range operations {
		item, _ := paths[op.path].(object)
		if item == nil {
			item = object{}
			paths[op.path] = item
		}
		item[lower(op.method)] = op.describe()
	}
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": title + " API", "version": version,
			"description": "The part of this API that Countersign serves. Unknown query parameters are ignored; arrays are repeated keys.",
		},
		"paths": paths,
		"components": object{
			"schemas":         components,
			"securitySchemes": object{"bearerAuth": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
		},
		"security": []object{{"bearerAuth": []string{}}},
	}
	body, err := wire.Encode(doc)
	if err != nil {
		panic(fmt.Errorf("fordefi: encode the document: %w", err))
	}
	return body
}

func lower(method string) string {
	b := []byte(method)
	for i := range b {
		b[i] |= 0x20
	}
	return string(b)
}

func (op operation) describe() object {
	parameters := []object{}
	for _, p := range op.params {
		parameters = append(parameters, p.describe())
	}
	out := object{
		"operationId": op.id, "tags": []string{op.tag}, "summary": op.summary,
		"parameters": parameters, "responses": op.answers(),
	}
	if op.body != nil {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": bodySchema(op.body)}}}
	}
	return out
}

// answers describes the success and every refusal.
func (op operation) answers() object {
	success := object{"description": "Successful Response"}
	switch {
	case op.csv:
		success["content"] = object{"text/csv": object{"schema": object{"type": "string"}}}
	case op.schema != "":
		success["content"] = content(op.schema)
	}
	out := object{strconv.Itoa(op.status): success}
	if op.body != nil {
		out[strconv.Itoa(http.StatusRequestEntityTooLarge)] = object{
			"description": title(http.StatusRequestEntityTooLarge), "content": content("BaseError"),
		}
	}
	for _, status := range append([]int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusUnprocessableEntity,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusRequestURITooLong,
	}, op.refusals...) {
		out[strconv.Itoa(status)] = object{"description": title(status), "content": content(errorSchema(status))}
	}
	return out
}

func content(schema string) object {
	return object{"application/json": object{"schema": object{"$ref": "#/components/schemas/" + schema}}}
}

func errorSchema(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "PreconditionFailedError"
	case http.StatusNotFound, http.StatusConflict:
		return "ResourceError"
	case http.StatusUnprocessableEntity:
		return "ValidationError"
	case http.StatusTooManyRequests:
		return "RateLimitError"
	default:
		return "BaseError"
	}
}

// schema describes the value of a parameter.
func (p param) schema() object {
	one := object{}
	switch p.kind {
	case text:
		one["type"] = "string"
		if p.shortest > 0 {
			one["minLength"] = p.shortest
		}
	case identifier:
		one["type"], one["format"] = "string", "uuid"
	case moment:
		one["type"], one["format"] = "string", "date-time"
	case enumeration:
		one["type"], one["enum"] = "string", p.words
	case integer:
		one["type"], one["minimum"], one["maximum"] = "integer", p.least, p.most
		if n, err := strconv.ParseInt(p.initial, 10, 64); err == nil {
			one["default"] = n
		}
	case boolean:
		one["type"] = "boolean"
		if p.initial != "" {
			one["default"] = p.initial == "true"
		}
	}
	if p.list {
		return object{"type": "array", "items": one}
	}
	return one
}

func (p param) describe() object {
	out := object{"name": p.name, "in": string(p.in), "schema": p.schema()}
	if p.about != "" {
		out["description"] = p.about
	}
	if p.required {
		out["required"] = true
	}
	return out
}

func bodySchema(members []param) object {
	properties, required := object{}, []string{}
	for _, p := range members {
		s := p.schema()
		if p.about != "" {
			s["description"] = p.about
		}
		properties[p.name] = s
		if p.required {
			required = append(required, p.name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required}
}

// serveDocument answers without a token, as the published service does.
func (d *Dialect) serveDocument(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(d.document)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(d.document) // whoever has gone away cannot be told
}
