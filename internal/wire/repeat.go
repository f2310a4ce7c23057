package wire

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
)

// Repeatable is a request that comes with an idempotency key.
type Repeatable struct {
	Key string
	// Fingerprint tells the request from another with the same key. It is over
	// method, raw path and body.
	Fingerprint [32]byte
}

// IdempotencyKey reads the key in a header: one, of at most so many printable
// ASCII characters, with blanks only where blanks is true. Without the header the
// key is empty.
func IdempotencyKey(r *http.Request, header string, most int, blanks bool) (Repeatable, error) {
	values := r.Header.Values(header)
	if len(values) == 0 {
		return Repeatable{}, nil
	}
	key, text := values[0], "1 to "+strconv.Itoa(most)+" printable ASCII characters"
	if !blanks {
		text += " without blanks"
	}
	odd := strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' || c == ' ' && !blanks })
	if len(values) > 1 || key == "" || len(key) > most || odd {
		return Repeatable{}, countersign.Code(countersign.Invalid, CodeInvalidValue, header, "must be one key of "+text)
	}
	body, err := ReadBody(r, 0)
	if err != nil {
		return Repeatable{}, err
	}
	return Repeatable{Key: key, Fingerprint: fingerprint(r, body)}, nil
}

// fingerprint writes lengths too, which keep one part from running into the next.
func fingerprint(r *http.Request, body []byte) [32]byte {
	path := r.URL.EscapedPath()
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %s %d ", r.Method, len(path), path, len(body))
	h.Write(body)
	return [32]byte(h.Sum(nil))
}

// Explicable gives every error something that may be shown. Errors without a kind
// are ours, and nothing of them is. repeat is what a caller can do about a write of
// whose outcome he has not heard.
func Explicable(err error, repeat string) *countersign.Error {
	var known *countersign.Error
	if errors.As(err, &known) {
		return known
	}
	switch kind := countersign.KindOf(err); {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return countersign.Code(countersign.Unavailable, "timeout", "", "This took too long and was given up; "+repeat+".")
	case kind != "":
		return countersign.E(kind, "", "The request could not be carried out.")
	default:
		return countersign.Code("", "internal", "", "Something went wrong on our side; the request id finds it in our log.")
	}
}

// RepeatWithKey is what to do where there are idempotency keys.
const RepeatWithKey = "repeat a write with the same Idempotency-Key to learn what became of it"

// WriteAnswer sends an answer that was rendered before: bytes of JSON, or none.
func WriteAnswer(w http.ResponseWriter, status int, header map[string]string, body []byte) {
	h := w.Header()
	for name, value := range header {
		h.Set(name, value)
	}
	SetPrivate(h)
	switch {
	case len(body) > 0:
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
	case status != http.StatusNoContent:
		h.Set("Content-Length", "0")
	}
	w.WriteHeader(status)
	// Whoever has gone away cannot be told.
	_, _ = w.Write(body)
}
