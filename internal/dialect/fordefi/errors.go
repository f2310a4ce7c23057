package fordefi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

const (
	headerChangeRequest = "Countersign-Change-Request"
	// titleInvalid is asserted word for word by the official client's own test.
	titleInvalid = "Cannot process data due to validation error"
	// shortPath is how much of a path is repeated in an error.
	shortPath = 200
)

// resource names what is missing or taken, in words of the published enumeration.
type resource string

const (
	aUser  resource = "user"
	aGroup resource = "user_group"
	aToken resource = "auth_token"
	aPath  resource = "path"
)

// denial is an error that knows how this API tells it; err is what the log sees.
type denial struct {
	err      error
	status   int
	title    string
	detail   string
	kind     string // error_type
	resource resource
	change   countersign.ChangeID
}

func (d *denial) Error() string { return d.err.Error() }
func (d *denial) Unwrap() error { return d.err }

// notFound says that a thing is not there, or that the caller may not know it is.
func notFound(what resource, detail string) error {
	return &denial{
		err: countersign.E(countersign.NotFound, "", "no such "+string(what)), status: http.StatusNotFound, title: "Not found",
		detail: detail, resource: what,
	}
}

// precondition is a refusal with one of the published error types.
func precondition(kind, detail string) error {
	return &denial{
		err: countersign.E(countersign.Refused, "", detail), status: http.StatusBadRequest, title: "Bad Request", detail: detail, kind: kind,
	}
}

// held tells that a change waits for approval: this API has no word for it.
func held(id countersign.ChangeID) error {
	return &denial{
		err: countersign.E(countersign.Forbidden, "", "held for approval"), status: http.StatusForbidden,
		title: "Forbidden User", change: id,
		detail: "This needs the approval of another person. The change request " + string(id) + " waits for it; nothing was changed.",
	}
}

// titles are the words of the published document for each status; it has none for
// those at the end.
func title(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "Bad Request"
	case http.StatusUnauthorized:
		return "Unauthorized User"
	case http.StatusForbidden:
		return "Forbidden User"
	case http.StatusNotFound:
		return "Not found"
	case http.StatusRequestTimeout:
		return "Request Timeout"
	case http.StatusConflict:
		return "Already Exists"
	case http.StatusTooManyRequests:
		return "Rate Limit Exceeded"
	case http.StatusInternalServerError:
		return "Unexpected Error"
	default:
		return http.StatusText(status)
	}
}

func statusOf(e *countersign.Error) int {
	if status, ok := wire.TransportStatus(e); ok {
		return status
	}
	switch e.Kind {
	case countersign.Invalid:
		return http.StatusUnprocessableEntity
	case countersign.Unauthenticated:
		return http.StatusUnauthorized
	case countersign.Forbidden:
		return http.StatusForbidden
	case countersign.NotFound:
		return http.StatusNotFound
	case countersign.Exists:
		return http.StatusConflict
	case countersign.Stale, countersign.Refused:
		return http.StatusBadRequest
	case countersign.Limited:
		return http.StatusTooManyRequests
	case countersign.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// denialOf gives every error a status and words that may be shown. Errors without
// a kind are ours, and nothing of them is.
func denialOf(r *http.Request, err error) *denial {
	var own *denial
	if errors.As(err, &own) {
		return own
	}
	var known *countersign.Error
	if errors.As(err, &known) {
		status := statusOf(known)
		d := &denial{err: err, status: status, title: title(status), detail: known.Message}
		switch {
		case known.Code == wire.CodeNoSuchRoute:
			d.detail, d.resource = "Path "+shortened(r.URL.Path)+" not found", aPath
		case status == http.StatusNotFound || status == http.StatusConflict:
			d.resource = aUser
		case known.Field != "":
			d.detail = known.Field + ": " + known.Message
		}
		return d
	}
	d := &denial{err: err, status: http.StatusInternalServerError, detail: "Something went wrong on our side; x-request-id finds it in our log."}
	switch kind := countersign.KindOf(err); {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		d.status, d.detail = http.StatusRequestTimeout, "This took too long and was given up; look at what is there before you repeat a write."
	case kind != "":
		d.status, d.detail = statusOf(countersign.E(kind, "", "")), "The request could not be carried out."
	}
	d.title = title(d.status)
	return d
}

func shortened(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if runes := []rune(s); len(runes) > shortPath {
		return string(runes[:shortPath]) + "..."
	}
	return s
}

// errorOut is every error shape of section 2.1 but the one with faults.
type errorOut struct {
	Title     string   `json:"title"`
	Detail    string   `json:"detail"`
	RequestID string   `json:"request_id"`
	Kind      string   `json:"error_type,omitzero"`
	Resource  resource `json:"resource,omitzero"`
}

type invalidOut struct {
	Title     string `json:"title"`
	Detail    faults `json:"detail"`
	RequestID string `json:"request_id"`
}

// writeError is the wire.ErrorWriter of the dialect.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	event := wire.EventOf(r.Context())
	var wrong faults
	if errors.As(err, &wrong) {
		event.Fail(countersign.Code(countersign.Invalid, wrong[0].Type, "", wrong[0].Msg))
		wire.WriteJSON(w, http.StatusUnprocessableEntity, invalidOut{titleInvalid, wrong, event.RequestID})
		return
	}
	event.Fail(err)
	d := denialOf(r, err)
	var known *countersign.Error
	if errors.As(err, &known) {
		wire.SetRetryAfter(w, known)
	}
	h := w.Header()
	switch {
	case d.status == http.StatusServiceUnavailable && h.Get("Retry-After") == "":
		h.Set("Retry-After", "1")
	case d.status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case d.status == http.StatusUnprocessableEntity: // a rule of the engine about a value
		wire.WriteJSON(w, d.status, invalidOut{titleInvalid, asFaults(known), event.RequestID})
		return
	}
	if d.change != "" {
		h.Set(headerChangeRequest, string(d.change))
		event.ChangeRequest = string(d.change)
	}
	wire.WriteJSON(w, d.status, errorOut{d.title, d.detail, event.RequestID, d.kind, d.resource})
}

// asFaults tells what the engine or the transport found wrong with a value in the
// shape in which this API tells it.
func asFaults(e *countersign.Error) faults {
	if e == nil {
		return faults{{Loc: []any{string(inQuery)}, Msg: "Input is not valid", Type: "value_error"}}
	}
	loc := []any{string(inBody)}
	if strings.HasPrefix(e.Code, "too_many_parameters") {
		loc = []any{string(inQuery)}
	}
	if e.Field != "" {
		for part := range strings.SplitSeq(e.Field, ".") {
			loc = append(loc, part)
		}
	}
	return faults{{Loc: loc, Msg: "Value error, " + e.Message, Type: "value_error"}}
}
