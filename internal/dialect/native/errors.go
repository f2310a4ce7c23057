package native

import (
	"errors"
	"maps"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

const (
	problemType = "urn:countersign:problem:"
	mediaType   = "application/problem+json"
	// internal is the code of an error without a kind: one of ours.
	internal = "internal"
)

// manner is how errors of one kind are answered.
type manner struct {
	status int
	title  string
}

// mannerOf is the table of kinds. An unknown kind is a mistake of ours, and
// answered like any other.
func mannerOf(kind countersign.Kind) manner {
	switch kind {
	case countersign.Invalid:
		return manner{http.StatusBadRequest, "The request is malformed"}
	case countersign.Unauthenticated:
		return manner{http.StatusUnauthorized, "Not authenticated"}
	case countersign.Forbidden:
		return manner{http.StatusForbidden, "Not allowed"}
	case countersign.NotFound:
		return manner{http.StatusNotFound, "Not found"}
	case countersign.Exists:
		return manner{http.StatusConflict, "Already taken"}
	case countersign.Stale:
		return manner{http.StatusConflict, "No longer current"}
	case countersign.Refused:
		return manner{http.StatusUnprocessableEntity, "Refused by a rule"}
	case countersign.Limited:
		return manner{http.StatusTooManyRequests, "Too many requests"}
	case countersign.Unavailable:
		return manner{http.StatusServiceUnavailable, "Unavailable right now"}
	default:
		return manner{http.StatusInternalServerError, "Internal error"}
	}
}

// problem is an error of RFC 9457. Its members are a map because those that
// belong to a code stand beside the others.
type problem struct {
	status  int
	members map[string]any
}

// asError finds the error with a field and a message.
func asError(err error) (*countersign.Error, bool) {
	var known *countersign.Error
	ok := errors.As(err, &known)
	return known, ok
}

// problemOf renders an error, all but the request id.
func problemOf(err error) problem {
	known := wire.Explicable(err, wire.RepeatWithKey)
	m := mannerOf(known.Kind)
	code := known.Code
	switch {
	case m.status == http.StatusInternalServerError:
		code = internal
	case code == "":
		code = string(known.Kind)
	}
	if status, ok := wire.TransportStatus(err); ok {
		m.status = status
	} else if known.Kind == countersign.Stale && known.Field == "If-Match" {
		m.status = http.StatusPreconditionFailed
	}
	members := map[string]any{}
	for name, value := range maps.All(known.Detail) {
		members[name] = value
	}
	members["type"], members["title"], members["status"] = problemType+code, m.title, m.status
	members["detail"], members["code"] = known.Message, code
	if known.Field != "" {
		members["field"] = known.Field
	}
	return problem{m.status, members}
}

// writeError is the wire.ErrorWriter of the dialect.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	event := wire.EventOf(r.Context())
	event.Fail(err)
	p := problemOf(err)
	if known, ok := asError(err); ok {
		wire.SetRetryAfter(w, known)
	}
	writeProblem(w, event.RequestID, p)
}

func writeProblem(w http.ResponseWriter, requestID string, p problem) {
	h := w.Header()
	// What a handler had prepared for its answer does not belong to an error.
	for _, name := range []string{"ETag", "Location", headerRevision} {
		h.Del(name)
	}
	switch p.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="countersign"`)
	case http.StatusTooManyRequests:
		setDefault(h, "Retry-After", "60") // a quota; a rate says it itself
	case http.StatusServiceUnavailable:
		setDefault(h, "Retry-After", "1")
	}
	p.members["request_id"] = requestID
	h.Set("Content-Type", mediaType)
	wire.WriteJSON(w, p.status, p.members)
}

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

// storedProblem reads back what an idempotency record keeps of an error.
func storedProblem(status int, body []byte) (problem, error) {
	p := problem{status: status}
	return p, json.Unmarshal(body, &p.members)
}
