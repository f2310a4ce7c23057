package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

const redacted = "[redacted]"

// SecretValue is a token or code. However it is printed, logged or encoded it
// says [redacted]; Reveal is the one way to the value. It is held behind a
// pointer because fmt prints the unexported fields of a struct around it without
// asking its methods.
type SecretValue struct{ value *string }

// NewSecretValue wraps a value.
func NewSecretValue(v string) SecretValue { return SecretValue{&v} }

// Reveal returns the value itself.
func (s SecretValue) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no value.
func (s SecretValue) Empty() bool { return s.Reveal() == "" }

// String hides the value.
func (SecretValue) String() string { return redacted }

// Format hides the value under every verb.
func (SecretValue) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, redacted) // the verdict of a fmt.State is unknown to its callers too
}

// LogValue hides the value.
func (SecretValue) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the value: an object that is logged as JSON leaks nothing.
func (SecretValue) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalJSON takes the value out of an answer.
func (s *SecretValue) UnmarshalJSON(data []byte) error {
	var v string
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("reading a secret: %w", withoutValue(err))
	}
	s.value = &v
	return nil
}

// withoutValue drops an error's text, which may quote the secret.
func withoutValue(error) error { return errors.New("it is not a string") }

// Secret is shown once, in the answer of the write that made it.
type Secret struct {
	CredentialID CredentialID   `json:"credential_id"`
	UserID       UserID         `json:"user_id"`
	Type         CredentialType `json:"type"`
	// Value is empty in a replay, where AlreadyShown is true.
	Value        SecretValue `json:"value"`
	ClientID     string      `json:"client_id"`
	ExpiresAt    time.Time   `json:"expires_at"`
	AlreadyShown bool        `json:"already_shown"`
}
