package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Outcome is what became of a write that was accepted. Exactly one of Object,
// Receipt, Pending and Preview is given.
type Outcome[T any] struct {
	// Object is the object as it is now that the change is applied. Of a deletion
	// it is Gone; of what was asked of a change request, the change request.
	Object *T
	// Receipt says that the change is applied to an object the caller may not
	// read.
	Receipt *Receipt
	// Pending is the change request that waits for approval. Nothing else has
	// happened yet.
	Pending *Change
	// Preview answers a dry run.
	Preview *Preview

	// Secrets were made by the write. This is the only time they are shown.
	Secrets []Secret
	// Revision is the log position the write led to; see AtLeast.
	Revision int64
	// Replayed is true when an earlier answer was repeated by its key.
	Replayed bool
	// Key is the Idempotency-Key that was sent, made here or by the caller.
	Key string
}

// Applied reports whether the change has been applied.
func (o *Outcome[T]) Applied() bool { return o.Object != nil || o.Receipt != nil }

// Gone is the object of a deletion.
type Gone struct{}

// Receipt stands in for an object that the caller may change but not read.
type Receipt struct {
	// ID of the object; empty for the organization and its policy.
	ID       string   `json:"id"`
	ChangeID ChangeID `json:"change_id"`
}

// Preview says what a change would do; nothing was stored.
type Preview struct {
	// Would is "apply", "wait", or "close": a request would end without effect.
	Would   string   `json:"would"`
	Change  Change   `json:"change"`
	Effects []Effect `json:"effects"`
	// Impact may be nil.
	Impact *Impact `json:"impact"`
}

// write sends a write and sorts its answer.
func write[T any](ctx context.Context, c *Client, r request, opts []WriteOption) (*Outcome[T], error) {
	r.settings = writeSettings(opts)
	r.write = true
	a, err := c.send(ctx, &r)
	if err != nil {
		return nil, err
	}
	out, err := sorted[T](a, r.dryRun)
	if err != nil {
		return nil, fmt.Errorf("%s %s was carried out (status %d), but its answer cannot be read: %w", r.method, r.path, a.status, err)
	}
	out.Revision = a.revision()
	out.Replayed = a.header.Get("Countersign-Replayed") == "true"
	out.Key = r.key
	return out, nil
}

// common are members by which answers are told apart.
type common struct {
	ChangeID ChangeID `json:"change_id"`
	Secrets  []Secret `json:"secrets"`
}

func sorted[T any](a *answer, dryRun bool) (*Outcome[T], error) {
	out := &Outcome[T]{}
	if a.status == http.StatusNoContent {
		out.Object = new(T)
		return out, nil
	}
	var shared common
	if err := json.Unmarshal(a.body, &shared); err != nil {
		return nil, err
	}
	out.Secrets = shared.Secrets
	switch {
	case dryRun:
		out.Preview = new(Preview)
		return out, json.Unmarshal(a.body, out.Preview)
	case a.status == http.StatusAccepted && shared.ChangeID != "":
		// Held, and the caller may not even see his change request: its id is all.
		out.Pending = &Change{ID: shared.ChangeID, State: ChangeStatePending}
		return out, nil
	case a.status == http.StatusAccepted:
		out.Pending = new(Change)
		return out, json.Unmarshal(a.body, out.Pending)
	case shared.ChangeID != "":
		out.Receipt = new(Receipt)
		return out, json.Unmarshal(a.body, out.Receipt)
	}
	out.Object = new(T)
	if err := json.Unmarshal(a.body, out.Object); err != nil {
		return nil, err
	}
	// A decision may leave a request open: one more approval is missing.
	if change, ok := any(out.Object).(*Change); ok && change.State.Open() {
		out.Object, out.Pending = nil, change
	}
	return out, nil
}

func (a *answer) revision() int64 {
	revision, err := strconv.ParseInt(a.header.Get("Countersign-Revision"), 10, 64)
	if err != nil {
		return 0 // not every answer has one
	}
	return revision
}

// version reads the ETag.
func (a *answer) version() int64 {
	version, err := strconv.ParseInt(strings.Trim(a.header.Get("ETag"), `"`), 10, 64)
	if err != nil {
		return 0
	}
	return version
}
