package countersign

import "errors"

// Kind classifies an error by what the caller can do about it. A kind is
// itself an error, so errors.Is(err, countersign.NotFound) reads well.
// An error without a kind is internal: it is logged once, and its text never
// reaches a client.
type Kind string

// The closed list of kinds. Every dialect owns one table from kind to its own
// status and envelope.
const (
	// Invalid means the input is malformed; Field names the culprit.
	Invalid Kind = "invalid"
	// Unauthenticated means no working credential was presented.
	Unauthenticated Kind = "unauthenticated"
	// Forbidden means the actor is known and may not do this.
	Forbidden Kind = "forbidden"
	// NotFound means the thing does not exist, or the actor may not know that it does.
	NotFound Kind = "not_found"
	// Exists means a unique name, email or pair is already taken.
	Exists Kind = "exists"
	// Stale means the version the caller relied on has moved on.
	Stale Kind = "stale"
	// Refused means the input is well formed and a rule says no.
	Refused Kind = "refused"
	// Limited means too much, too often; try again later.
	Limited Kind = "limited"
	// Unavailable means this cannot be answered right now; nothing was changed.
	Unavailable Kind = "unavailable"
)

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is a failure with a kind and a message written for the client.
type Error struct {
	Kind Kind
	// Code is a stable machine word for this particular failure, such as
	// "name_taken". Empty means the kind says enough.
	Code string
	// Field names the input at fault: a JSON path such as
	// "operations.3.group_id", a query parameter or a header. May be empty.
	Field string
	// Message is one sentence for the client: what is wrong and what to do.
	Message string
	// Detail holds facts a client may act on, such as the id of the open
	// change request that stands in the way. Values must be safe to show.
	Detail map[string]string

	cause error
}

// Error gives the message and, for logs, the cause.
func (e *Error) Error() string {
	text := string(e.Kind)
	if e.Field != "" {
		text += " " + e.Field
	}
	text += ": " + e.Message
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap lets errors.Is find both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// Caused returns a copy of e that remembers why, for the log only.
func (e *Error) Caused(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// In returns a copy of e whose field is prefixed, as when an operation stands
// inside a batch: In("operations.3") turns "name" into "operations.3.name".
func (e *Error) In(prefix string) *Error {
	c := *e
	switch {
	case c.Field == "":
		c.Field = prefix
	default:
		c.Field = prefix + "." + c.Field
	}
	return &c
}

// E makes an error of a kind; field may be empty.
func E(kind Kind, field, message string) *Error {
	return &Error{Kind: kind, Field: field, Message: message}
}

// Code makes an error of a kind with a stable machine word.
func Code(kind Kind, code, field, message string) *Error {
	return &Error{Kind: kind, Code: code, Field: field, Message: message}
}

// KindOf returns the kind of err, or "" when it is nil or internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return ""
}
