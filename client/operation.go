package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Operation is one member of a batch: one of the structs of this package that
// have a Kind, or a RawOperation.
type Operation interface {
	// Kind is the operation's name in the document, such as "user.grant".
	Kind() string
}

// RawOperation is an operation as JSON, with its kind, for what was written by
// hand or is not known to this version of the client.
type RawOperation json.RawMessage

// Kind reads the kind out of the JSON; it is empty where there is none.
func (o RawOperation) Kind() string {
	var op SubmittedOperation
	if json.Unmarshal(o, &op) != nil {
		return ""
	}
	return op.Kind
}

// MarshalJSON returns the JSON as it is.
func (o RawOperation) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// SubmittedOperation is an operation of a change that exists, with the ids it was
// allotted.
type SubmittedOperation struct {
	Kind string
	// Fields are all members but the kind.
	Fields map[string]json.RawMessage
}

// UnmarshalJSON takes the kind out of the members.
func (o *SubmittedOperation) UnmarshalJSON(data []byte) error {
	o.Kind, o.Fields = "", nil
	if err := json.Unmarshal(data, &o.Fields); err != nil {
		return fmt.Errorf("reading an operation: %w", err)
	}
	if o.Fields == nil {
		return errors.New("reading an operation: it is not an object")
	}
	if raw, ok := o.Fields["kind"]; ok {
		delete(o.Fields, "kind")
		return json.Unmarshal(raw, &o.Kind)
	}
	return nil
}

// MarshalJSON puts the kind back among the members.
func (o SubmittedOperation) MarshalJSON() ([]byte, error) {
	fields, err := json.Marshal(o.Fields)
	if err != nil || o.Fields == nil {
		fields = []byte("{}")
	}
	return spliced("kind", o.Kind, fields), err
}

func encodeOperation(op Operation) (json.RawMessage, error) {
	if op == nil {
		return nil, errors.New("an operation of the batch is nil")
	}
	fields, err := json.Marshal(op)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", op.Kind(), err)
	}
	if _, raw := op.(RawOperation); raw {
		return fields, nil
	}
	return spliced("kind", op.Kind(), fields), nil
}

// spliced puts one member in front of those of an object. word is one of our own
// constants, or came out of JSON, so encoding it cannot fail.
func spliced(name, word string, object []byte) []byte {
	value, err := json.Marshal(word)
	if err != nil {
		value = []byte(`""`)
	}
	var b bytes.Buffer
	b.WriteString(`{"` + name + `":`)
	b.Write(value)
	if rest := bytes.TrimSpace(object[1:]); len(rest) > 1 {
		b.WriteByte(',')
	}
	b.Write(object[1:])
	return b.Bytes()
}
