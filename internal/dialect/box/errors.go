package box

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// The codes of section 0.1 of the contract that we answer with.
const (
	codeBadRequest       = "bad_request"
	codeInvalidLimit     = "invalid_limit"
	codeInvalidOffset    = "invalid_offset"
	codeForbidden        = "access_denied_insufficient_permissions"
	codeScope            = "insufficient_scope"
	codeHeld             = "forbidden_by_policy"
	codeDenied           = "denied_by_policy"
	codeNotFound         = "not_found"
	codeMethodNotAllowed = "method_not_allowed"
	codeConflict         = "conflict"
	codeLoginUsed        = "user_login_already_used"
	codePrecondition     = "precondition_failed"
	codeLimited          = "rate_limit_exceeded"
	codeInternal         = "internal_server_error"
	codeUnavailable      = "unavailable"
)

const (
	headerChangeRequest = "Countersign-Change-Request"
	helpURL             = "https://github.com/countersign/countersign/blob/main/docs/dialects/box.md#errors"
)

// fault is how a failure is answered.
type fault struct {
	status int
	code   string
}

// ownFaults are failures that the kind alone does not place.
func ownFaults() map[string]fault {
	return map[string]fault{
		codeInvalidLimit:  {http.StatusBadRequest, codeInvalidLimit},
		codeInvalidOffset: {http.StatusBadRequest, codeInvalidOffset},
		codeScope:         {http.StatusForbidden, codeScope},
		codeHeld:          {http.StatusForbidden, codeHeld},
		"email_taken":     {http.StatusConflict, codeLoginUsed},
		// A user in a state from which there is no way to the one that was asked for.
		"wrong_state":         {http.StatusBadRequest, codeBadRequest},
		"not_a_member_type":   {http.StatusForbidden, codeForbidden},
		wire.CodeRateLimited:  {http.StatusTooManyRequests, codeLimited},
		"memory_in_use":       {http.StatusServiceUnavailable, codeUnavailable},
		"body_too_large":      {http.StatusRequestEntityTooLarge, codeBadRequest},
		wire.CodeURLTooLong:   {http.StatusRequestURITooLong, codeBadRequest},
		wire.CodeNoSuchRoute:  {http.StatusNotFound, codeNotFound},
		"method_not_allowed":  {http.StatusMethodNotAllowed, codeMethodNotAllowed},
		"address_not_allowed": {http.StatusForbidden, codeForbidden},
		// The SDKs repeat every 429 by themselves, which helps with a rate and not
		// with a quota.
		"too_many_open_changes": {http.StatusForbidden, codeDenied},
	}
}

func faultOf(e *countersign.Error) fault {
	if known, ok := ownFaults()[e.Code]; ok && e.Kind != "" {
		return known
	}
	if status, ok := wire.TransportStatus(e); ok {
		return fault{status, codeBadRequest}
	}
	switch e.Kind {
	case countersign.Invalid:
		return fault{http.StatusBadRequest, codeBadRequest}
	case countersign.Unauthenticated:
		return fault{http.StatusUnauthorized, ""}
	case countersign.Forbidden:
		return fault{http.StatusForbidden, codeForbidden}
	case countersign.NotFound:
		return fault{http.StatusNotFound, codeNotFound}
	case countersign.Exists:
		return fault{http.StatusConflict, codeConflict}
	case countersign.Stale:
		return fault{http.StatusPreconditionFailed, codePrecondition}
	case countersign.Refused:
		return fault{http.StatusForbidden, codeDenied}
	case countersign.Limited:
		return fault{http.StatusTooManyRequests, codeLimited}
	case countersign.Unavailable:
		return fault{http.StatusServiceUnavailable, codeUnavailable}
	default:
		return fault{http.StatusInternalServerError, codeInternal}
	}
}

// fieldName is how this API calls what the engine names otherwise.
func fieldName(field string) string {
	switch field {
	case "user_id":
		return "user.id"
	case "group_id", "group_ids":
		return "group.id"
	case "email":
		return "login"
	case "invitability":
		return "invitability_level"
	case "member_viewability":
		return "member_viewability_level"
	case "profile." + countersign.ProfileContentStatus:
		return "status"
	case "profile." + countersign.ProfileNotificationEmail:
		return "notification_email.email"
	}
	return strings.TrimPrefix(field, "profile.")
}

// errorOut is the error body of section 0.1.
type errorOut struct {
	Type      string      `json:"type"`
	Status    int         `json:"status"`
	Code      string      `json:"code"`
	Message   string      `json:"message"`
	HelpURL   string      `json:"help_url"`
	RequestID string      `json:"request_id"`
	Context   *contextOut `json:"context_info,omitzero"`
}

type contextOut struct {
	Errors []reasonOut `json:"errors,omitzero"`
	// ChangeRequest is the request that waits for approval.
	ChangeRequest *changeOut `json:"change_request,omitzero"`
}

type reasonOut struct {
	Reason  string `json:"reason"`
	Name    string `json:"name"`
	Message string `json:"message"`
}

type changeOut struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Link  string `json:"link"`
}

// writeError is the wire.ErrorWriter of the dialect. It answers JSON always, but
// for 401, whose body is empty: that is how the clients know an expired token.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	event := wire.EventOf(r.Context())
	event.Fail(err)
	known := wire.Explicable(err, "look at what is there before you repeat a write")
	f := faultOf(known)
	if f.status == http.StatusUnauthorized {
		challenge(w, r)
		return
	}
	out := errorOut{
		Type: "error", Status: f.status, Code: f.code, Message: known.Message, HelpURL: helpURL,
		RequestID: event.RequestID, Context: contextOf(known, f),
	}
	if out.Message == "" {
		out.Message = http.StatusText(f.status)
	}
	if name := fieldName(known.Field); name != "" && f.status == http.StatusBadRequest {
		out.Message = name + ": " + out.Message
	}
	if id := known.Detail["change_id"]; id != "" {
		w.Header().Set(headerChangeRequest, id)
		event.ChangeRequest = id
	}
	switch seconds, err := strconv.Atoi(known.Detail["retry_after"]); {
	case err == nil:
		w.Header().Set("Retry-After", strconv.Itoa(max(seconds, 1)))
	case f.status == http.StatusServiceUnavailable, f.status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	wire.WriteJSON(w, f.status, out)
}

// contextOf says which input was at fault, or which request waits.
func contextOf(e *countersign.Error, f fault) *contextOut {
	var out contextOut
	name := fieldName(e.Field)
	switch {
	case f.code == codeConflict && e.Code == "name_taken":
		name = "group_tag_name" // so Box calls it
	case f.code == codeConflict && e.Code == "already_member":
		name = "user"
	}
	if name != "" && f.status < http.StatusInternalServerError {
		out.Errors = []reasonOut{{Reason: "invalid_parameter", Name: name, Message: e.Message}}
	}
	if id := e.Detail["change_id"]; id != "" {
		out.ChangeRequest = &changeOut{ID: id, State: e.Detail["state"], Link: "/directory/v1/changes/" + id}
	}
	if out.Errors == nil && out.ChangeRequest == nil {
		return nil
	}
	return &out
}

// challenge answers 401. The body is empty (section 4.4).
func challenge(w http.ResponseWriter, r *http.Request) {
	text := `Bearer realm="Service"`
	if r.Header.Get("Authorization") != "" {
		text += `, error="invalid_token", error_description="The access token provided is invalid."`
	}
	w.Header().Set("WWW-Authenticate", text)
	wire.WriteNothing(w, http.StatusUnauthorized)
}

// heldError is the refusal that tells of a change which waits for approval
// (section 5.4).
func heldError(c countersign.ChangeRequest) error {
	return &countersign.Error{
		Kind: countersign.Forbidden, Code: codeHeld,
		Message: "This change waits for the approval of another person and is not in effect yet. Asking again tells the same request.",
		Detail:  map[string]string{"change_id": string(c.ID), "state": string(c.State)},
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

func noSuch(what string) error {
	return countersign.E(countersign.NotFound, "", "There is no "+what+" with this id, or you may not know of it.")
}

func forbidden(message string) error { return countersign.E(countersign.Forbidden, "", message) }

func invalidField(field, message string) error {
	return countersign.Code(countersign.Invalid, wire.CodeInvalidValue, field, message)
}
