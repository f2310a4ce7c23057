package main

import (
	"context"
	"errors"
	"reflect"
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

// limitMemory sets the engine's budget for rosters, and reports whether it has
// one: the measurement that needs it waits for the option.
func limitMemory(c *engine.Config, bytes int64) bool {
	field := reflect.ValueOf(c).Elem().FieldByName("RosterMemory")
	if !field.IsValid() || !field.CanInt() {
		return false
	}
	field.SetInt(bytes)
	return true
}
