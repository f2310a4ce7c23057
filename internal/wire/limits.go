package wire

import "time"

// Limits of the wire, in one place. Limits of the model stand in the
// vocabulary. What is not bounded here is bounded by the body it came in.
const (
	// MaxBody holds a batch of 100 operations with long reasons many times over.
	MaxBody int64 = 1 << 20
	// MaxListBody is for routes whose body may replace a whole member list:
	// 200,000 ids of 36 bytes, quoted and separated.
	MaxListBody int64 = 8 << 20
	// MaxDepth is far beyond any honest body (ours need 6) and keeps every later
	// recursion over it shallow.
	MaxDepth = 32
	// MaxHeader holds a signed token, a proxy's additions and a long URL.
	MaxHeader = 16 << 10
	// MaxURL is what proxies in front of us let through; longer questions
	// belong into a body.
	MaxURL = 8 << 10
	// MaxParameters bounds the work of one query or form of many small pairs.
	MaxParameters = 1000
	// maxFieldName cuts names that a client made up before they are repeated to
	// him: an error should not be longer than its cause.
	maxFieldName = 200

	// headerTimeout ends connections that send their header by the drop.
	headerTimeout = 5 * time.Second
	// readTimeout is for header and body: 8 MB in 60 s is a slow mobile line.
	readTimeout = 60 * time.Second
	// writeTimeout begins after the header was read, so it covers the work too;
	// routes that say Long are free of it.
	writeTimeout = 90 * time.Second
	// idleTimeout outlives the 60 s of common load balancers, so that they close
	// first and never send a request into a closing connection.
	idleTimeout = 120 * time.Second
	// RequestDeadline bounds the work on one request: whoever waited so long has
	// gone. Routes that say Long are free of it.
	RequestDeadline = 30 * time.Second
)
