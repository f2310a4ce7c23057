package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// walk is a walk by SQL, and how to end it.
func (s *sqlSide) walk(ctx context.Context) (*walk, func() error, error) {
	columns := 1 + strings.Count(userColumns, ",")
	start, further := &prepared{columns: make([]sql.RawBytes, columns)}, &prepared{columns: make([]sql.RawBytes, columns)}
	var err error
	if start.rows, err = s.db.PrepareContext(ctx, fromStartSQL); err != nil {
		return nil, nil, err
	}
	if further.rows, err = s.db.PrepareContext(ctx, afterSQL); err != nil {
		return nil, nil, errors.Join(err, start.close())
	}
	w := &walk{next: func(ctx context.Context, id string) ([]string, error) {
		if id == "" {
			a, err := start.ask(ctx)
			return a.ids, err
		}
		a, err := further.ask(ctx, id)
		return a.ids, err
	}}
	return w, func() error { return errors.Join(start.close(), further.close()) }, nil
}

// tryWalk walks once and compares.
func (s *sqlSide) tryWalk(ctx context.Context, c candidate, want []string) (_ plan, err error) {
	out := plan{Indexes: c.indexes, Query: afterSQL}
	w, end, err := s.walk(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, end()) }()
	began := time.Now()
	got, err := w.all(ctx)
	if err != nil {
		return out, err
	}
	out.Trial = time.Since(began).Seconds()
	if !slices.Equal(want, got) {
		return out, fmt.Errorf("the directory lists %d users and SQL %d, or in another order", len(want), len(got))
	}
	out.Steps, err = s.explain(ctx, afterSQL, want[0])
	return out, err
}
