package main

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// picture is what is asked of a roster directly. This file is all that knows how
// an engine hands one out.
type picture interface {
	Holds(user countersign.UserID, p countersign.Permission, now time.Time) bool
	Position() int64
}

// load waits until the roster of an organization stands.
func load(ctx context.Context, e *engine.Engine, org countersign.OrganizationID) (picture, error) {
	for {
		p, err := e.Picture(ctx, org)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, countersign.Unavailable) || ctx.Err() != nil {
			return nil, err
		}
		time.Sleep(time.Millisecond) // it loads off the request's deadline
	}
}
