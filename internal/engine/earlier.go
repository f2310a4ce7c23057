package engine

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/store"
)

// Earlier tells how often the same person asked for the same operations before
// (governance.md B.8: a flood of requests to tire approvers). Order and reason of
// the operations do not count, nor ids that were allotted. Only requests that had
// to wait are told of.
type Earlier struct {
	// Total of the requests before this one, of which at most the newest
	// maxEarlier are looked at; More is true when there are others.
	Total int
	More  bool
	// States counts them by how they ended, or stand.
	States map[countersign.ChangeState]int
	// Latest are the newest few.
	Latest []EarlierRequest
}

// EarlierRequest is one request that asked for the same before.
type EarlierRequest struct {
	ID            countersign.ChangeID
	State         countersign.ChangeState
	ClosedAt      time.Time
	ClosedBecause string
}

const (
	// maxEarlier bounds what is read of one person's history.
	maxEarlier = 100
	// maxLatest is how many earlier requests are named.
	maxLatest = 5
)

// intentOf is the digest by which requests for the same operations are found.
func intentOf(ops []countersign.Change) (string, error) {
	lines := make([][]byte, len(ops))
	for i, op := range ops {
		line, err := asAsked([]countersign.Change{op})
		if err != nil {
			return "", err
		}
		lines[i] = line
	}
	slices.SortFunc(lines, bytes.Compare)
	return canon.Digest("countersign-intent-v1", bytes.Join(lines, nil)), nil
}

// earlier reads what the person of a request asked for before it.
func earlier(ctx context.Context, tx store.ChangeReads, c countersign.ChangeRequest, now time.Time) (*Earlier, error) {
	intent, err := intentOf(c.Operations)
	if err != nil {
		return nil, err
	}
	rows, err := tx.EarlierChanges(ctx, c.RequesterPerson, intent, c.ID, maxEarlier+1)
	if err != nil {
		return nil, err
	}
	out := &Earlier{More: len(rows) > maxEarlier, States: map[countersign.ChangeState]int{}}
	for _, row := range rows[:min(maxEarlier, len(rows))] {
		state := (&countersign.ChangeRequest{State: row.State, ExpiresAt: row.ExpiresAt}).StateAt(now)
		out.Total++
		out.States[state]++
		if len(out.Latest) < maxLatest {
			out.Latest = append(out.Latest, EarlierRequest{row.ID, state, row.ClosedAt, row.ClosedBecause})
		}
	}
	return out, nil
}
