// Package api holds the document of the native API.
//
// openapi.yaml is written by hand and is the contract: the routes of
// internal/dialect/native are compared with it both ways, and every HTTP
// exchange of the test suite is validated against it. It is served as it
// stands, so what a client reads is what the tests held the server to.
package api

import _ "embed"

//go:embed openapi.yaml
var document []byte

// Document returns the OpenAPI 3.1 document of the native API. The bytes are
// shared: whoever needs to change them makes a copy.
func Document() []byte { return document }
