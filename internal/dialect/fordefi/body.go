package fordefi

import (
	"bytes"
	"fmt"
	"math"
	"net/http"

	"github.com/countersign/countersign/internal/wire"
)

// readBody reads the members of a JSON object into the arguments, as the
// published service does: others are ignored, numbers and flags may be written as
// texts, null for what may be absent is absence.
func readBody(r *http.Request, members []param, into arguments) (faults, error) {
	body, err := wire.ReadBody(r, 0)
	if err != nil {
		return nil, err
	}
	whole := func(kind, msg string) (faults, error) {
		return faults{{Loc: []any{string(inBody)}, Msg: msg, Type: kind}}, nil
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 || string(body) == "null" {
		return whole("missing", "Field required")
	}
	var value any
	if err := wire.DecodeBytes(body, &value); err != nil {
		return faults{{Loc: []any{string(inBody), 0}, Msg: "JSON decode error", Type: "json_invalid"}}, nil //nolint:nilerr // told as a fault
	}
	given, ok := value.(map[string]any)
	if !ok {
		return whole("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
	}
	var wrong faults
	for _, p := range members {
		wrong = append(wrong, p.readMember(given[p.name], into)...)
	}
	return wrong, nil
}

func (p param) readMember(value any, into arguments) faults {
	var s string
	switch v := value.(type) {
	case nil:
		return p.readAll(nil, into)
	case string:
		s = v
	case bool:
		if p.kind != boolean {
			return faults{p.wrongType()}
		}
		s = fmt.Sprint(v)
	case float64:
		switch {
		case p.kind == integer && v != math.Trunc(v):
			return faults{p.at(-1, "int_from_float", "Input should be a valid integer, got a number with a fractional part")}
		case p.kind == integer || p.kind == boolean && (v == 0 || v == 1):
			s = fmt.Sprintf("%.0f", v)
		default:
			return faults{p.wrongType()}
		}
	default:
		return faults{p.wrongType()}
	}
	return p.readAll([]string{s}, into)
}

// wrongType tells that a member is of another JSON type.
func (p param) wrongType() fault {
	switch p.kind {
	case integer:
		return p.at(-1, "int_type", "Input should be a valid integer")
	case boolean:
		return p.at(-1, "bool_type", "Input should be a valid boolean")
	case identifier:
		return p.at(-1, "uuid_type", "UUID input should be a string, bytes or UUID object")
	case enumeration:
		return p.at(-1, "enum", "Input should be "+quotedList(p.words))
	default:
		return p.at(-1, "string_type", "Input should be a valid string")
	}
}
