package countersign

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Opt is a value that may be absent, null, or given. In an update absent means
// "leave as it is" and null means "clear".
type Opt[T any] struct {
	// Set is true when the key was present; Null when its value was null.
	Set   bool
	Null  bool
	Value T
}

// Some returns a given value.
func Some[T any](v T) Opt[T] { return Opt[T]{Set: true, Value: v} }

// Null returns an explicit null.
func Null[T any]() Opt[T] { return Opt[T]{Set: true, Null: true} }

// Or returns the given value, the zero value for null, and current when absent.
func (o Opt[T]) Or(current T) T {
	if !o.Set {
		return current
	}
	return o.Value
}

// IsZero makes the omitzero option of a json tag leave absent values out.
func (o Opt[T]) IsZero() bool { return !o.Set }

// MarshalJSON writes null or the value.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.Set || o.Null {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON reads null or a value. The caller's decoder has already refused
// duplicate keys and invalid UTF-8.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	*o = Opt[T]{Set: true}
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		o.Null = true
		return nil
	}
	var shape any
	if err := json.Unmarshal(b, &shape); err != nil {
		return err
	}
	if holdsNull(shape) {
		return E(Invalid, "", "must not hold null inside a list or object")
	}
	return json.Unmarshal(b, &o.Value)
}

// holdsNull finds a null anywhere inside v: encoding/json would silently read
// it as false, zero or "".
func holdsNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsNull)
	case map[string]any:
		for _, member := range v {
			if holdsNull(member) {
				return true
			}
		}
	}
	return false
}
