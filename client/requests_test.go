package client_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/countersign/countersign/client"
)

// Every request the client can make is one of the document's, and together they
// leave out no operation, no parameter and no member of a body.
func TestRequestsAreThoseOfTheDocument(t *testing.T) {
	doc, server := newContract(t)
	for i, call := range calls(client.New(server.URL, someToken)) {
		if err := call(t); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	for id, op := range doc.operations() {
		requests := doc.of(id)
		if len(requests) == 0 {
			t.Errorf("%s was not called", id)
			continue
		}
		for _, parameter := range op.Parameters {
			checkUsed(t, id, parameter.Value, requests)
		}
		if op.RequestBody == nil {
			continue
		}
		schema := op.RequestBody.Value.Content["application/json"].Schema
		var bodies []map[string]json.RawMessage
		for _, r := range requests {
			var body map[string]json.RawMessage
			if err := json.Unmarshal(r.body, &body); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			bodies = append(bodies, body)
		}
		checkMembers(t, id, schema, bodies)
	}
}

func checkUsed(t *testing.T, id string, parameter *openapi3.Parameter, requests []exchange) {
	t.Helper()
	used := slices.ContainsFunc(requests, func(e exchange) bool {
		switch parameter.In {
		case "query":
			return e.query[parameter.Name] != nil
		case "header":
			return e.header.Get(parameter.Name) != ""
		default:
			return true
		}
	})
	if !used {
		t.Errorf("%s: the client cannot send %s %s", id, parameter.In, parameter.Name)
	}
}

// checkMembers walks into objects, alternatives and lists.
func checkMembers(t *testing.T, at string, ref *openapi3.SchemaRef, values []map[string]json.RawMessage) {
	t.Helper()
	for _, alternative := range slices.Concat(ref.Value.OneOf, ref.Value.AnyOf) {
		discriminator := "type"
		if ref.Value.Discriminator != nil {
			discriminator = ref.Value.Discriminator.PropertyName
		}
		if alternative.Value.Properties[discriminator] == nil {
			continue
		}
		word := alternative.Value.Properties[discriminator].Value.Const.(string)
		var fitting []map[string]json.RawMessage
		for _, v := range values {
			if string(v[discriminator]) == `"`+word+`"` {
				fitting = append(fitting, v)
			}
		}
		checkMembers(t, at+"["+word+"]", alternative, fitting)
	}
	for name, property := range ref.Value.Properties {
		var below []map[string]json.RawMessage
		sent := false
		for _, v := range values {
			raw, ok := v[name]
			sent = sent || ok
			var object map[string]json.RawMessage
			var list []map[string]json.RawMessage
			if json.Unmarshal(raw, &object) == nil {
				below = append(below, object)
			} else if json.Unmarshal(raw, &list) == nil {
				below = append(below, list...)
			}
		}
		switch items := property.Value.Items; {
		case !sent:
			t.Errorf("%s: the client cannot send %s", at, name)
		case items != nil && items.Value.Type.Includes("object") || items != nil && len(items.Value.OneOf) > 0:
			checkMembers(t, at+"."+name, items, below)
		case property.Value.Type.Includes("object") && !strings.HasSuffix(property.Ref, "ApproverSet"): // of which one member is sent
			checkMembers(t, at+"."+name, property, below)
		}
	}
}
