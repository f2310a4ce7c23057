// Package wire is the HTTP workbench on which every dialect stands. It knows
// no noun: nothing here has heard of a user or a group, and the only words of
// the vocabulary it uses are countersign.Error and its kinds.
//
// The way of a request through it:
//
//	NewServer  net/http with every timeout and size set            server.go
//	Log        request id, one Event, one line when it is over     event.go
//	Mux        routes of one dialect, one row each; 404, 405, 414  mux.go
//	           and panics answered in that dialect's own shape
//	Decode     strict JSON into the dialect's struct, or an        body.go, decode.go
//	           error that names the field and says what to do      explain.go
//	ParseQuery strict query parameters, likewise                   query.go
//	ParseForm  the same for a form body
//	IfMatch    the version a caller relies on                      etag.go
//	WriteJSON  the answer, same bytes for the same value           encode.go
//	RateLimiter how often one caller may ask                       rate.go
//
// Every bound stands in limits.go with its reason.
//
// Errors come back as *countersign.Error. Those that concern the transport
// alone carry one of the codes in errors.go, and TransportStatus gives their
// HTTP status; every dialect asks it first and its own table of kinds second.
//
// It does not own: error envelopes (a dialect's errors.go), credentials
// (authn), which path belongs to which dialect (server).
package wire
