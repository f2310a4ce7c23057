package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is what the server answered instead of doing what it was asked.
type Error struct {
	Status int
	// Code is for programs; the document lists the codes of each status.
	Code string
	// Field names what is wrong: a body member, a parameter or a header. May be
	// empty.
	Field string
	// Title is the same for every error of a kind; Message says what is wrong here
	// and what to do.
	Title, Message string
	// RequestID finds the request in the server's log.
	RequestID string
	// Details are the members that belong to the code, such as change_id.
	Details map[string]string
	// RetryAfter is how long the server asks to wait; zero when it does not.
	RetryAfter time.Duration
}

// Error is one line with what a person needs.
func (e *Error) Error() string {
	text := e.Message
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	text += " (" + strconv.Itoa(e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.RequestID != "" {
		text += ", request " + e.RequestID
	}
	return text + ")"
}

// CodeOf is the code of an *Error, "" for every other error.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// StatusOf is the HTTP status of an *Error, 0 for every other error.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// UnreachableError says that no answer could be had and that nothing was
// changed: either nothing was sent, or only questions were.
type UnreachableError struct {
	Address  string
	Attempts int
	Err      error
}

// Error says so.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no answer from %s (%s): %v", e.Address, attempts(e.Attempts), e.Err)
}

// Unwrap returns the failure of the last attempt.
func (e *UnreachableError) Unwrap() error { return e.Err }

// UnknownOutcomeError says that a write was sent and that nobody told what became
// of it: it may have been carried out.
type UnknownOutcomeError struct {
	Method, Path string
	// Key is the Idempotency-Key of the write; empty when it had none.
	Key      string
	Attempts int
	Err      error
}

// Error says how to find out.
func (e *UnknownOutcomeError) Error() string {
	text := fmt.Sprintf("the outcome of %s %s is unknown: it was sent (%s) and may have been carried out: %v. ",
		e.Method, e.Path, attempts(e.Attempts), e.Err)
	if e.Key == "" {
		return text + "It had no Idempotency-Key: read the object, or list the changes, before sending it again."
	}
	return text + "Send the same request again with Idempotency-Key " + e.Key +
		" within 24 hours: it is carried out at most once, and the answer tells what became of it."
}

// Unwrap returns the failure of the last attempt.
func (e *UnknownOutcomeError) Unwrap() error { return e.Err }

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return strconv.Itoa(n) + " attempts"
}

// errorOf reads an answer that is no success. A proxy in between may have written
// it, so nothing is taken for granted.
func errorOf(a *answer) *Error {
	e := &Error{Status: a.status, Title: http.StatusText(a.status), RequestID: a.header.Get("X-Request-ID"), RetryAfter: retryAfter(a.header)}
	if a.status >= 300 && a.status < 400 {
		e.Message = fmt.Sprintf("the server redirects to %q; redirects are refused because they would carry the token elsewhere, use that address if you trust it",
			a.header.Get("Location"))
		return e
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	var members map[string]json.RawMessage
	if kind != "application/problem+json" || json.Unmarshal(a.body, &members) != nil {
		e.Message = "answered without saying why; is there a Countersign server at this address?"
		if kind == "text/plain" && len(a.body) > 0 && len(a.body) <= 500 {
			e.Message = strings.TrimSpace(string(a.body))
		}
		return e
	}
	known := map[string]*string{"title": &e.Title, "detail": &e.Message, "code": &e.Code, "field": &e.Field, "request_id": &e.RequestID}
	for name, raw := range members {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		switch target := known[name]; {
		case target != nil:
			*target = text
		case name != "type" && name != "status":
			if e.Details == nil {
				e.Details = map[string]string{}
			}
			e.Details[name] = text
		}
	}
	if e.Message == "" {
		e.Message = e.Title
	}
	return e
}

// retryAfter reads the header in seconds, the only form our servers send.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
