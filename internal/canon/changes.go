package canon

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// EncodeChange returns the canonical form of a change in clear: the fields of
// its kind and "kind" itself.
func EncodeChange(c countersign.Change) ([]byte, error) {
	tree, err := treeOf(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Kind(), err)
	}
	fields, ok := tree.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("encoding %s: a change is an object", c.Kind())
	}
	fields["kind"] = string(c.Kind())
	return appendTree(nil, fields)
}

// DecodeChange reads one operation, {"kind":"group.create", ...fields of that
// kind}. Unknown and duplicate members, wrong types and invalid UTF-8 are
// Invalid errors that name the field.
func DecodeChange(raw []byte) (countersign.Change, error) {
	kind, fields, err := splitKind(raw)
	if err != nil {
		return nil, err
	}
	change, ok := countersign.NewChange(countersign.ChangeKind(kind))
	if !ok {
		return nil, countersign.E(countersign.Invalid, "kind", "is no kind of change; see the list of kinds in the API document")
	}
	if err := json.Unmarshal(fields, change, json.RejectUnknownMembers(true)); err != nil {
		return nil, decodeError(err)
	}
	return change, nil
}

// splitKind takes the member "kind" out of an object.
func splitKind(raw []byte) (string, []byte, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return "", nil, decodeError(err)
	}
	if members == nil {
		return "", nil, countersign.E(countersign.Invalid, "", "must be an object")
	}
	var kind string
	value, ok := members["kind"]
	if !ok {
		return "", nil, countersign.E(countersign.Invalid, "kind", "is required")
	}
	if json.Unmarshal(value, &kind) != nil || value.Kind() != '"' {
		return "", nil, countersign.E(countersign.Invalid, "kind", "must be a string")
	}
	delete(members, "kind")
	fields, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return "", nil, decodeError(err)
	}
	return kind, fields, nil
}

// decodeError turns a decoder's complaint into an Invalid error with a field.
func decodeError(err error) error {
	var own *countersign.Error
	field := ""
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic):
		field = dotted(string(semantic.JSONPointer))
		switch {
		case errors.As(err, &own):
			return own.In(field)
		case errors.Is(err, json.ErrUnknownName):
			return countersign.E(countersign.Invalid, field, "is not a field of this kind of change")
		}
		return countersign.E(countersign.Invalid, field, "has the wrong type or form").Caused(err)
	case errors.As(err, &syntactic):
		field = dotted(string(syntactic.JSONPointer))
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return countersign.E(countersign.Invalid, field, "is given twice")
		}
		return countersign.E(countersign.Invalid, field, "is not well-formed JSON").Caused(err)
	default:
		return countersign.E(countersign.Invalid, "", "is not well-formed JSON").Caused(err)
	}
}

// dotted turns a JSON pointer into the path our errors use: /a/0/b -> a.0.b.
func dotted(pointer string) string {
	return strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", ".")
}
