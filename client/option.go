package client

import "strconv"

// settings are what one call asks for besides its arguments.
type settings struct {
	atLeast    string
	key        string
	withoutKey bool
	ifMatch    string
	reason     string
	dryRun     bool
	keepBody   *[]byte
}

// ReadOption refines one read.
type ReadOption interface{ setRead(*settings) }

// WriteOption refines one write.
type WriteOption interface{ setWrite(*settings) }

// CallOption refines any call.
type CallOption interface {
	ReadOption
	WriteOption
}

type (
	readOption  func(*settings)
	writeOption func(*settings)
	callOption  func(*settings)
)

func (f readOption) setRead(s *settings)   { f(s) }
func (f writeOption) setWrite(s *settings) { f(s) }
func (f callOption) setRead(s *settings)   { f(s) }
func (f callOption) setWrite(s *settings)  { f(s) }

// AtLeast asks for an answer no older than a revision, as the one a write of
// ours led to. Where the server cannot get there in time it answers 503.
func AtLeast(revision int64) ReadOption {
	return readOption(func(s *settings) { s.atLeast = strconv.FormatInt(revision, 10) })
}

// IdempotencyKey brings the caller's own key, for writes that are repeated by
// another process or another day: 1 to 64 printable ASCII characters.
func IdempotencyKey(key string) WriteOption {
	return writeOption(func(s *settings) { s.key = key })
}

// WithoutIdempotencyKey sends no key. The write is then never retried.
func WithoutIdempotencyKey() WriteOption {
	return writeOption(func(s *settings) { s.withoutKey = true })
}

// IfMatch lets the write happen only while the object is at this version.
func IfMatch(version int64) WriteOption {
	return writeOption(func(s *settings) { s.ifMatch = `"` + strconv.FormatInt(version, 10) + `"` })
}

// Reason says why, to approvers and the log.
func Reason(why string) WriteOption {
	return writeOption(func(s *settings) { s.reason = why })
}

// DryRun asks what would happen; the outcome is a Preview and nothing is stored.
func DryRun() WriteOption {
	return writeOption(func(s *settings) { s.dryRun = true })
}

// KeepBody stores the body of a successful answer as it came, for callers that
// pass it on. It may hold secrets. In an iterator it is the body of the page last
// fetched.
func KeepBody(body *[]byte) CallOption {
	return callOption(func(s *settings) { s.keepBody = body })
}

func readSettings(opts []ReadOption) settings {
	var s settings
	for _, opt := range opts {
		opt.setRead(&s)
	}
	return s
}

func writeSettings(opts []WriteOption) settings {
	var s settings
	for _, opt := range opts {
		opt.setWrite(&s)
	}
	return s
}
