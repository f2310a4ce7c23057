package client

import "encoding/json"

// Optional is a member of a patch: absent (the zero value) leaves what is there,
// null clears it, a value sets it. Its fields are tagged omitzero.
type Optional[T any] struct {
	value *T
	given bool
}

// Value sets a member.
func Value[T any](v T) Optional[T] { return Optional[T]{&v, true} }

// Null clears a member.
func Null[T any]() Optional[T] { return Optional[T]{nil, true} }

// IsZero reports whether the member is absent.
func (o Optional[T]) IsZero() bool { return !o.given }

// MarshalJSON writes the value or null.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if o.value == nil {
		return []byte("null"), nil
	}
	return json.Marshal(*o.value)
}
