package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// Emergency is an act that one person did at once, and what became of the request
// by which others are asked about it.
type Emergency struct {
	ChangeID       ChangeID  `json:"change_id"`
	Kind           string    `json:"kind"`
	PersonID       UserID    `json:"person_id"`
	At             time.Time `json:"at"`
	RatificationID ChangeID  `json:"ratification_id"`
	// State of the request: ChangeApplied when the act was ratified.
	State    ChangeState `json:"state"`
	Position int64       `json:"position"`
}

// EmergencyQuery selects emergency acts.
type EmergencyQuery struct {
	Paging
	// Unratified keeps those that nobody has ratified.
	Unratified bool
}

// ListEmergencies lists one page of emergency acts, newest first.
func (c *Client) ListEmergencies(ctx context.Context, q EmergencyQuery, opts ...ReadOption) (*List[Emergency], error) {
	query := url.Values{}
	q.values(query)
	if q.Unratified {
		query.Set("unratified", "true")
	}
	return list[Emergency](ctx, c, directoryPath+"/emergencies", query, opts)
}

// AllEmergencies lists them to the end.
func (c *Client) AllEmergencies(ctx context.Context, q EmergencyQuery, opts ...ReadOption) iter.Seq2[Emergency, error] {
	return all(q.Paging, func(p Paging) (*List[Emergency], error) {
		q.Paging = p
		return c.ListEmergencies(ctx, q, opts...)
	})
}
