package fireblocks

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// Words of failures that only this API has.
const (
	codeMemberUnknown = "member_unknown"
	codeMemberViewer  = "member_is_viewer"
	codeChangePending = "change_pending"
	codeKeyReused     = "idempotency_key_reused"
)

// fault is how a failure is answered: status, the number of ErrorSchema, the
// type of ErrorResponse (contract section 1.3).
type fault struct {
	status int
	number int
	class  string
}

// authFaults are the published codes of what is wrong with a token; each is 401.
func authFaults() map[string]int {
	return map[string]int{
		authn.CodeSignature: -1, authn.CodeKeyMissing: -2, authn.CodeTokenMissing: -3, authn.CodeOtherTarget: -4,
		authn.CodeTokenFormat: -5, authn.CodeKeyExpired: -5, authn.CodeOtherUser: -6, authn.CodeNotAccepted: -7,
		engine.CodeNonceSpent: -7, authn.CodeRequestExpired: -10, authn.CodeIssuedLater: -12,
	}
}

// insufficient is the published code of a role that does not suffice.
const insufficient = -8

// ownFaults are the failures that have a number of their own. None is
// published: the numbers are ours, and documented.
func ownFaults() map[string]fault {
	return map[string]fault{
		codeMemberUnknown:       {http.StatusBadRequest, 1001, "VALIDATION"},
		"user_unknown":          {http.StatusBadRequest, 1001, "VALIDATION"},
		codeMemberViewer:        {http.StatusBadRequest, 1002, "VALIDATION"},
		engine.CodeKeyEnded:     {http.StatusBadRequest, 1003, "VALIDATION"},
		"name_taken":            {http.StatusConflict, 1011, "VALIDATION"},
		"email_taken":           {http.StatusConflict, 1012, "VALIDATION"},
		codeChangePending:       {http.StatusConflict, 1013, "VALIDATION"},
		codeKeyReused:           {http.StatusUnprocessableEntity, 1021, "UNPROCESSABLE_ENTITY"},
		wire.CodeRateLimited:    {http.StatusTooManyRequests, 1031, "FORBIDDEN"},
		"too_many_open_changes": {http.StatusTooManyRequests, 1032, "FORBIDDEN"},
	}
}

// faultOf is the table of everything else.
func faultOf(e *countersign.Error) fault {
	if number, ok := authFaults()[e.Code]; ok && e.Kind == countersign.Unauthenticated {
		return fault{http.StatusUnauthorized, number, "AUTHENTICATION"}
	}
	if known, ok := ownFaults()[e.Code]; ok && e.Kind != "" {
		return known
	}
	if status, ok := wire.TransportStatus(e); ok {
		f := fault{status, 1000, "VALIDATION"}
		if status == http.StatusNotFound {
			f = fault{status, 1004, "NOT_FOUND"}
		}
		return f
	}
	switch e.Kind {
	case countersign.Invalid:
		return fault{http.StatusBadRequest, 1000, "VALIDATION"}
	case countersign.Unauthenticated:
		return fault{http.StatusUnauthorized, -7, "AUTHENTICATION"}
	case countersign.Forbidden:
		return fault{http.StatusForbidden, insufficient, "FORBIDDEN"}
	case countersign.NotFound:
		return fault{http.StatusNotFound, 1004, "NOT_FOUND"}
	case countersign.Exists, countersign.Stale:
		return fault{http.StatusConflict, 1010, "VALIDATION"}
	case countersign.Refused:
		return fault{http.StatusUnprocessableEntity, 1020, "UNPROCESSABLE_ENTITY"}
	case countersign.Limited:
		return fault{http.StatusTooManyRequests, 1030, "FORBIDDEN"}
	case countersign.Unavailable:
		return fault{http.StatusServiceUnavailable, 1041, "INTERNAL"}
	default:
		return fault{http.StatusInternalServerError, 1040, "INTERNAL"}
	}
}

// fieldName is how this API calls what the engine names otherwise.
func fieldName(field string) string {
	switch field {
	case "member_ids":
		return "memberIds"
	case "public_key":
		return "csrPem"
	default:
		return field
	}
}

// errorOut is ErrorSchema and ErrorResponse in one: clients of either read it
// (section 1.3).
type errorOut struct {
	Message string    `json:"message"`
	Code    int       `json:"code"`
	Error   errorType `json:"error"`
	// Field names the input at fault, and Pending the change that stands in the way.
	Field   string `json:"field,omitzero"`
	Pending string `json:"changeRequestId,omitzero"`
}

type errorType struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// errorAnswer renders a failure, for the client and for its replay.
func errorAnswer(err error) engine.Answer {
	known := wire.Explicable(err, wire.RepeatWithKey)
	f := faultOf(known)
	out := errorOut{Message: known.Message, Code: f.number, Field: fieldName(known.Field), Pending: known.Detail["change_id"]}
	if out.Field != "" {
		out.Message = out.Field + ": " + out.Message
	}
	out.Error = errorType{Type: f.class, Message: out.Message}
	return engine.Answer{Status: f.status, Body: wire.MustEncode(out)}
}

// writeError is the wire.ErrorWriter of the dialect.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	wire.EventOf(r.Context()).Fail(err)
	a := errorAnswer(err)
	var known *countersign.Error
	if errors.As(err, &known) {
		setRetryAfter(w, known)
	}
	if a.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	wire.WriteAnswer(w, a.Status, a.Header, a.Body)
}

// longestWait keeps clients that wait and send the same token again from coming
// after its 55 seconds (section 2).
const longestWait = 10

// setRetryAfter says when to come again, where that is known and soon. Without
// the header no client repeats by itself, which is right for a quota.
func setRetryAfter(w http.ResponseWriter, e *countersign.Error) {
	if seconds, err := strconv.Atoi(e.Detail["retry_after"]); err == nil {
		w.Header().Set("Retry-After", strconv.Itoa(min(max(seconds, 1), longestWait)))
	}
}

// codeOf is the machine word of an error, if it has one.
func codeOf(err error) string {
	var known *countersign.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}
