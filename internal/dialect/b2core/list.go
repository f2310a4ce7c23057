package b2core

import (
	"net/http"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// Envelope is how a list is answered. The contract knows that "a response
// includes an array"; whether the array is all of it, it does not (section 6).
type Envelope string

// The envelopes.
const (
	// EnvelopeArray answers the bare array.
	EnvelopeArray Envelope = "array"
	// EnvelopeObject answers {"data":[...],"total":n,"limit":n,"offset":n}.
	EnvelopeObject Envelope = "object"
)

// Both are ours: none is published.
const (
	defaultLimit = 50
	maxLimit     = 1000
	maxOffset    = 1 << 30
)

// headerTotal says how long the whole list is, whatever the envelope.
const headerTotal = "X-Total-Count"

// paging reads limit and offset.
func paging(q *wire.Query) countersign.Page {
	return countersign.Page{Limit: int(q.Int("limit", defaultLimit, 0, maxLimit)), Offset: int(q.Int("offset", 0, 0, maxOffset))}
}

// byNumber is the order of every list: by id.
func byNumber() []countersign.SortKey { return []countersign.SortKey{{Field: "number"}} }

type listOut[T any] struct {
	Data   []T `json:"data"`
	Total  int `json:"total"`
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
}

// writeList is the only place that knows the envelope.
func writeList[T any](c *call, envelope Envelope, items []T, total int, page countersign.Page) {
	c.w.Header().Set(headerTotal, strconv.Itoa(total))
	if envelope == EnvelopeObject {
		wire.WriteJSON(c.w, http.StatusOK, listOut[T]{Data: items, Total: total, Limit: page.Limit, Offset: page.Offset})
		return
	}
	wire.WriteJSON(c.w, http.StatusOK, items)
}
