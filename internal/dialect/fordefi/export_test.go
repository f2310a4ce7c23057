package fordefi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/countersign/countersign"
)

// ReadUUID is shown to tests.
var ReadUUID = readUUID

// Fault is shown to tests.
type Fault = fault

// ReadUsersQuery reads the parameters of a list of users.
func ReadUsersQuery(raw string) (countersign.Page, []Fault) {
	args, err := readArguments(&http.Request{URL: &url.URL{RawQuery: raw}, Header: http.Header{}}, usersParams(), nil)
	var wrong faults
	if errors.As(err, &wrong) || err != nil {
		return countersign.Page{}, wrong
	}
	offset, limit := args.page()
	return countersign.Page{Offset: offset, Limit: limit}, nil
}

// Harmless is shown to tests.
var Harmless = harmless
