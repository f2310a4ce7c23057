package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
)

// RequestIDHeader carries the request id in every answer. What a client sends
// under this name is ignored: two requests must never share an id in our log.
const RequestIDHeader = "X-Request-ID"

// Event is what one request leaves in the log: one line, written when it is
// over. Whoever learns a fact on the way sets its field; all run in the
// request's own goroutine. There is no field for a query, a header, a body, a
// name or an address, so that none of them can get into the log.
type Event struct {
	RequestID string
	Method    string
	// Route is the name of the row that matched, empty when none did. Paths are
	// not logged: they hold ids and whatever else a client writes there.
	Route  string
	Status int
	Bytes  int64
	// Duration is set when the request is over.
	Duration time.Duration

	// Who asked: set by the credential check.
	Organization string
	User         string
	Credential   string

	// ChangeRequest is the id of the change request this request opened or met.
	ChangeRequest string

	// Kind and Code of the error that was answered, if any.
	Kind countersign.Kind
	Code string

	err       error
	stack     []byte
	bodyLimit int64
}

// Fail remembers the error that is being answered. Every error writer calls it.
func (e *Event) Fail(err error) {
	e.Kind, e.Code, e.err = "", "", err
	var known *countersign.Error
	if errors.As(err, &known) {
		e.Kind, e.Code = known.Kind, known.Code
	} else {
		e.Kind = countersign.KindOf(err)
	}
}

type eventKey struct{}

// EventOf returns the event of the request; outside of Log it is one that
// nobody will read, never nil.
func EventOf(ctx context.Context) *Event {
	if e, ok := ctx.Value(eventKey{}).(*Event); ok {
		return e
	}
	return &Event{}
}

// Log gives every request an id and an Event, and writes exactly one line when
// it is over. It is the outermost handler, so that nothing goes unseen: a panic
// that reaches it is logged in that same line.
func Log(next http.Handler, logger *slog.Logger, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &Event{RequestID: newRequestID(), Method: r.Method}
		out := &response{ResponseWriter: w}
		w.Header().Set(RequestIDHeader, e.RequestID)
		began := now()
		defer func() {
			rethrow := caught(e, out, recover())
			if rethrow == nil && out.status == 0 {
				if e.failed() {
					// No dialect was reached that could say it in its own way.
					http.Error(out, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				} else {
					out.status = http.StatusOK // net/http writes it for a silent handler
				}
			}
			e.Status, e.Bytes, e.Duration = out.status, out.bytes, now().Sub(began)
			e.log(r.Context(), logger)
			if rethrow != nil {
				panic(rethrow)
			}
		}()
		next.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), eventKey{}, e)))
	})
}

// caught turns a panic into the failure of the event. It returns what must be
// thrown on to net/http, which then cuts the connection: the only honest end of
// an answer that has begun and cannot be finished.
func caught(e *Event, out *response, thrown any) (rethrow any) {
	if thrown == nil {
		return nil
	}
	// Comparison as net/http does it; the value is a sentinel, never wrapped.
	if thrown == http.ErrAbortHandler { //nolint:errorlint // any, not error
		return thrown
	}
	e.Fail(fmt.Errorf("panic: %v", thrown))
	e.stack = debug.Stack()
	if out.status != 0 {
		return http.ErrAbortHandler
	}
	return nil
}

func (e *Event) failed() bool { return e.err != nil }

// log leaves out what is not known, so that a line shows what happened.
func (e *Event) log(ctx context.Context, logger *slog.Logger) {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("request_id", e.RequestID),
		slog.String("method", e.Method),
		slog.String("route", e.Route),
		slog.Int("status", e.Status),
		slog.Int64("bytes", e.Bytes),
		slog.Duration("duration", e.Duration))
	for _, optional := range [...]struct{ name, value string }{
		{"organization", e.Organization},
		{"user", e.User},
		{"credential", e.Credential},
		{"change_request", e.ChangeRequest},
		{"kind", string(e.Kind)},
		{"code", e.Code},
	} {
		if optional.value != "" {
			attrs = append(attrs, slog.String(optional.name, optional.value))
		}
	}
	// The text of an error that has a kind may repeat what the client sent; the
	// text of an internal one is ours, and this line is the only place to see it.
	if e.failed() && (e.Kind == "" || e.Kind == countersign.Unavailable) {
		attrs = append(attrs, slog.String("error", e.err.Error()))
	}
	if e.stack != nil {
		attrs = append(attrs, slog.String("stack", string(e.stack)))
	}
	level := slog.LevelInfo
	if e.Status >= http.StatusInternalServerError || (e.failed() && e.Kind == "") {
		level = slog.LevelError
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}

// newRequestID is sortable by time, so that lines of several nodes merge well.
func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// response counts what goes out. Unwrap lets http.ResponseController reach the
// connection behind it.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	// 1xx are hints that precede the answer.
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}
