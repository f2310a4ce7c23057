package b2core

import (
	"errors"
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// statusOf is the table of kinds. Validation is 400, also where the directory has
// to be asked whether a value is free (section 11, last documented row); what a
// rule refuses is a conflict with what is there.
func statusOf(kind countersign.Kind) int {
	switch kind {
	case countersign.Invalid, countersign.Exists:
		return http.StatusBadRequest
	case countersign.Unauthenticated:
		return http.StatusUnauthorized
	case countersign.Forbidden:
		return http.StatusForbidden
	case countersign.NotFound:
		return http.StatusNotFound
	case countersign.Stale, countersign.Refused:
		return http.StatusConflict
	case countersign.Limited:
		return http.StatusTooManyRequests
	case countersign.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// internal is the code of an error without a kind: one of ours.
const internal = "internal"

// fieldName is how this API calls what the engine names otherwise.
func fieldName(field string) string {
	switch field {
	case "group_ids":
		return "groups"
	case "user_id":
		return "active"
	case "profile." + countersign.ProfilePhone:
		return "phone"
	case "profile." + countersign.ProfileTelegramChatID:
		return "telegramChatId"
	default:
		return field
	}
}

// errorOut is the error body. None is published; this one is ours (section 11).
type errorOut struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Errors says, by field, what is wrong with it; empty where no field is at fault.
	Errors map[string][]string `json:"errors"`
}

// errorAnswer renders a failure, for the client and for its replay.
func errorAnswer(err error) engine.Answer {
	known := wire.Explicable(err, wire.RepeatWithKey)
	status := statusOf(known.Kind)
	if transport, ok := wire.TransportStatus(known); ok {
		status = transport
	}
	out := errorOut{Code: known.Code, Message: known.Message, Errors: map[string][]string{}}
	switch {
	case status == http.StatusInternalServerError:
		out.Code = internal
	case out.Code == "":
		out.Code = string(known.Kind)
	}
	if field := fieldName(known.Field); field != "" {
		out.Errors[field] = []string{known.Message}
		out.Message = field + ": " + known.Message
	}
	return engine.Answer{Status: status, Body: wire.MustEncode(out)}
}

// writeError is the wire.ErrorWriter of the dialect.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	wire.EventOf(r.Context()).Fail(err)
	a := errorAnswer(err)
	h := w.Header()
	h.Del(headerTotal) // of an answer that was not given
	wire.SetRetryAfter(w, wire.Explicable(err, wire.RepeatWithKey))
	switch a.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="countersign"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	wire.WriteAnswer(w, a.Status, a.Header, a.Body)
}

// codeOf is the machine word of an error, if it has one.
func codeOf(err error) string {
	var known *countersign.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}
