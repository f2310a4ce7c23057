package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/countersign/countersign/client"
)

// The exit codes, as the help of the root command lists them.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitUnauthenticated
	exitNotFound
	exitUnavailable
	// exitUntrue: the server contradicts what it can be held to.
	exitUntrue
)

// usageError is about the arguments; nothing was sent.
type usageError struct {
	// command is the one whose help says more.
	command string
	message string
	// below are lines that belong to the message.
	below []string
}

func (e *usageError) Error() string { return e.message }

func usage(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

// missingError is a name that nothing answers to.
type missingError struct{ message string }

func (e *missingError) Error() string { return e.message }

// saidError has been told in full already; only its exit code is left.
type saidError struct{ error }

func (e saidError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var wrong *usageError
	var missing *missingError
	var unknown *client.UnknownOutcomeError
	var away *client.UnreachableError
	var lie *untrueError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &lie):
		return exitUntrue
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &missing):
		return exitNotFound
	case errors.As(err, &unknown), errors.As(err, &away):
		return exitUnavailable
	}
	switch client.StatusOf(err) {
	case http.StatusUnauthorized:
		return exitUnauthenticated
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return exitUnavailable
	default:
		return exitFailed
	}
}

// explain writes what went wrong, and below it what to do next. Every line may quote
// names that somebody else chose, so no text is trusted to begin a new one.
func explain(w io.Writer, err error) {
	var said saidError
	if errors.As(err, &said) {
		return
	}
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	var below []string
	var wrong *usageError
	if errors.As(err, &wrong) {
		below = wrong.below
	}
	var unknown *client.UnknownOutcomeError
	if errors.As(err, &unknown) && unknown.Key != "" {
		text = fmt.Sprintf("nobody knows what became of this: the request was sent, and may have been carried out (%v)", unknown.Err)
	}
	fmt.Fprintf(w, "countersign: %s\n", visible(text))
	for _, line := range below {
		fmt.Fprintf(w, "  %s\n", visible(line))
	}
	if step := nextStep(err); step != "" {
		fmt.Fprintf(w, "  %s\n", visible(step))
	}
}

// nextStep says what whoever got an error can do about it.
func nextStep(err error) string {
	var wrong *usageError
	var unknown *client.UnknownOutcomeError
	var away *client.UnreachableError
	var answered *client.Error
	switch {
	case errors.As(err, &wrong) && wrong.command != "":
		return "see: " + wrong.command + " --help"
	case errors.As(err, &unknown) && unknown.Key != "":
		return "Repeat the same command with --idempotency-key " + unknown.Key + " within 24 hours: it is carried out at most once, and you learn what became of it."
	case errors.As(err, &away) && errors.Is(err, context.Canceled):
		return "Nothing was changed."
	case errors.As(err, &away):
		return "Nothing was changed. Is a server running there? Choose another with --url or COUNTERSIGN_URL."
	case errors.As(err, &answered):
		return stepFor(answered)
	default:
		return ""
	}
}

func stepFor(e *client.Error) string {
	change := e.Details["change_id"]
	switch {
	case e.Code == "code_invalid":
		return "Codes work once and for 24 hours; ask an admin for another."
	case e.Status == http.StatusUnauthorized:
		return "Give a token that works: --token, COUNTERSIGN_TOKEN, or --credentials FILE with --as NAME."
	case e.Code == "permission_missing":
		return "You do not hold " + e.Details["permission"] + "; what you hold shows: countersign me"
	case e.Code == "not_a_person":
		return "Only people decide: use your own token, or --as NAME with --credentials."
	case e.Code == "organization_frozen":
		return "Who may, asks for the end of it: countersign organization thaw --reason WHY"
	case e.Details["instead"] == "organization.freeze":
		return "What is left: countersign emergency freeze --reason WHY"
	case e.Code == "digest_mismatch":
		return "It is not the change you looked at. Look again: countersign changes show ID"
	case e.Code == "version_moved":
		return "Somebody was faster. Read it again, and repeat with --if-match and its new version."
	case change != "":
		return "See: countersign changes show " + change
	case e.Code == "name_taken" && e.Details["group_id"] != "":
		return "See: countersign groups get " + e.Details["group_id"]
	case e.Code == "already_member" && e.Details["membership_id"] != "":
		return "Change that one: countersign members update " + e.Details["membership_id"]
	case e.Status == http.StatusNotFound:
		return "Check the id; what you may not see does not exist for you either."
	case e.RetryAfter > 0:
		return fmt.Sprintf("Try again in %v.", e.RetryAfter.Round(time.Second))
	default:
		return ""
	}
}
