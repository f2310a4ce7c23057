package wire

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
)

// Precondition is what If-Match says about the version a write relies on. The
// zero value relies on none.
type Precondition struct {
	// Given is true when the header was there.
	Given bool
	// Any is true for "*": whatever the version, the object must exist.
	Any bool
	// Version is the one relied on when Given and not Any.
	Version int64
}

// ETag writes a version as a strong entity tag.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// SetETag puts the version of what is answered into the header.
func SetETag(w http.ResponseWriter, version int64) { w.Header().Set("ETag", ETag(version)) }

// IfMatch reads the header of that name: "*" or one strong tag. Weak tags never
// match by RFC 9110, and several would say that the caller does not know what he
// saw: both are refused. A tag that is not one of ours is of another version.
func IfMatch(r *http.Request) (Precondition, error) {
	const header = "If-Match"
	values := r.Header.Values(header)
	if len(values) == 0 {
		return Precondition{}, nil
	}
	value := strings.Trim(values[0], " \t")
	if len(values) > 1 {
		return Precondition{}, malformedTag(header)
	}
	if value == "*" {
		return Precondition{Given: true, Any: true}, nil
	}
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' || strings.Contains(value[1:len(value)-1], `"`) {
		return Precondition{}, malformedTag(header)
	}
	opaque := value[1 : len(value)-1]
	version, err := strconv.ParseInt(opaque, 10, 64)
	if err != nil || version < 0 || strconv.FormatInt(version, 10) != opaque {
		return Precondition{}, countersign.Code(countersign.Stale, CodeVersionMismatch, header,
			"This is not the current version; read the object again and send the ETag you get.")
	}
	return Precondition{Given: true, Version: version}, nil
}

func malformedTag(header string) error {
	return invalid(CodeMalformedETag, header, `Send * or the ETag of the object as you got it, in quotes, such as "42".`)
}
