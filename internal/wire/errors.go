package wire

import (
	"errors"
	"net/http"

	"github.com/countersign/countersign"
)

// Codes of errors that concern the transport and not what was sent. The kinds
// cannot tell them apart, and every dialect answers them by the same status.
const (
	CodeNoSuchRoute          = "no_such_route"
	CodeMethodNotAllowed     = "method_not_allowed"
	CodeURLTooLong           = "url_too_long"
	CodeBodyTooLarge         = "body_too_large"
	CodeUnsupportedMediaType = "unsupported_media_type"
)

// Codes of what can be wrong with a body or a parameter.
const (
	CodeBodyRequired       = "body_required"
	CodeBodyUnreadable     = "body_unreadable"
	CodeInvalidJSON        = "invalid_json"
	CodeDuplicateMember    = "duplicate_member"
	CodeUnknownField       = "unknown_field"
	CodeTooDeep            = "too_deep"
	CodeNullNotAllowed     = "null_not_allowed"
	CodeWrongType          = "wrong_type"
	CodeOutOfRange         = "out_of_range"
	CodeInvalidText        = "invalid_text"
	CodeInvalidValue       = "invalid_value"
	CodeUnknownParameter   = "unknown_parameter"
	CodeRepeatedParameter  = "repeated_parameter"
	CodeTooManyParameters  = "too_many_parameters"
	CodeMissingParameter   = "missing_parameter"
	CodeMalformedParameter = "malformed_parameter"
	CodeMalformedETag      = "malformed_etag"
	CodeVersionMismatch    = "version_mismatch"
	CodeRateLimited        = "rate_limited"
)

// ErrorWriter writes an error in the shape of one dialect. An error without a
// kind is internal: 500, a fixed text, and nothing of the error itself.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err error)

// TransportStatus returns the HTTP status of an error that concerns the
// transport alone, and false for every other error.
func TransportStatus(err error) (status int, ok bool) {
	var e *countersign.Error
	if !errors.As(err, &e) {
		return 0, false
	}
	switch e.Code {
	case CodeNoSuchRoute:
		return http.StatusNotFound, true
	case CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed, true
	case CodeURLTooLong:
		return http.StatusRequestURITooLong, true
	case CodeBodyTooLarge:
		return http.StatusRequestEntityTooLarge, true
	case CodeUnsupportedMediaType:
		return http.StatusUnsupportedMediaType, true
	default:
		return 0, false
	}
}

func invalid(code, field, message string) *countersign.Error {
	return countersign.Code(countersign.Invalid, code, field, message)
}
