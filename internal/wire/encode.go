package wire

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Encode writes v as JSON: compact, in UTF-8, the same bytes for the same
// value. Nil slices and maps are empty ones.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true))
}

// MustEncode is Encode for what can always be encoded: anything else is a mistake in
// the program and panics.
func MustEncode(v any) []byte {
	body, err := Encode(v)
	if err != nil {
		panic(fmt.Errorf("wire: encode an answer of type %T: %w", v, err))
	}
	return body
}

// WriteJSON answers with v. The whole of it is made before the status is sent,
// so that an answer is never half of one. A value that cannot be encoded is a
// mistake in the program and panics; Mux answers that as an internal error.
//
// Content-Type is application/json unless the dialect has set another. Answers
// name people and what they may do, so nobody on the way may keep them.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body := MustEncode(v)
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	SetPrivate(h)
	w.WriteHeader(status)
	// Whoever has gone away cannot be told.
	_, _ = w.Write(body)
}

// WriteNothing answers with a status and no body, as for 204.
func WriteNothing(w http.ResponseWriter, status int) {
	SetPrivate(w.Header())
	w.WriteHeader(status)
}

// SetPrivate keeps everybody on the way from keeping an answer, and from taking it
// for something else than it says it is.
func SetPrivate(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}
