package box

import (
	"errors"
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/wire"
)

// Codes of what only the token endpoints refuse.
const (
	codeGrantUnknown = "grant_type_unknown"
	codeNoPage       = "no_sign_in_page"
)

// oauthError is the body of a refusal (contracts/box.md section 4.2).
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// oauthFault is how a failure is answered. Who has no right to a token is told in
// fixed words, so that they are the same whatever the reason.
func oauthFault(e *countersign.Error) (status int, body oauthError) {
	switch e.Code {
	case authn.CodeClientInvalid:
		return http.StatusBadRequest, oauthError{"invalid_client", "The client credentials are invalid"}
	case authn.CodeClientStopped, "address_not_allowed":
		return http.StatusBadRequest, oauthError{"unauthorized_client", "This app is not authorized by the enterprise"}
	case authn.CodeGrantInvalid:
		return http.StatusBadRequest, oauthError{"invalid_grant", "Grant credentials are invalid"}
	case codeGrantUnknown:
		return http.StatusBadRequest, oauthError{"unsupported_grant_type", "Grant type must be client_credentials, jwt-bearer, authorization_code or refresh_token"}
	}
	if status, ok := wire.TransportStatus(e); ok {
		return status, oauthError{"invalid_request", named(e)}
	}
	switch e.Kind {
	case countersign.Invalid:
		return http.StatusBadRequest, oauthError{"invalid_request", named(e)}
	case countersign.Forbidden:
		return http.StatusForbidden, oauthError{"access_denied", e.Message}
	case countersign.Limited:
		return http.StatusTooManyRequests, oauthError{"rate_limit_exceeded", e.Message}
	case countersign.Unavailable:
		return http.StatusServiceUnavailable, oauthError{"temporarily_unavailable", "This cannot be done just now; try again soon"}
	default:
		return http.StatusInternalServerError, oauthError{"server_error", "Something went wrong on our side; X-Request-ID finds it in our log"}
	}
}

// named is a message with the field it is about.
func named(e *countersign.Error) string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// writeOAuthError is the wire.ErrorWriter of the token endpoints.
func writeOAuthError(w http.ResponseWriter, r *http.Request, err error) {
	wire.EventOf(r.Context()).Fail(err)
	var known *countersign.Error
	if !errors.As(err, &known) {
		known = countersign.E(countersign.KindOf(err), "", "")
	}
	status, body := oauthFault(known)
	if known.Kind == countersign.Unauthenticated && status == http.StatusInternalServerError {
		challenge(w, r)
		return
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	wire.SetRetryAfter(w, known)
	wire.WriteJSON(w, status, body)
}
