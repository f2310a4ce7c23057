package sqlstore

import "context"

// find reads the one row a point read asks for; dest names the columns' places.
func find[T any](ctx context.Context, s *session, what string, dest func(*T) []any, q statement, args ...any) (T, error) {
	var v T
	found, err := s.one(ctx, q, args, dest(&v)...)
	if err == nil && !found {
		err = notFound(what)
	}
	return v, err
}

// list calls fn for each row, which is fn's to keep.
func list[T any](ctx context.Context, s *session, dest func(*T) []any, q statement, args []any, fn func(T) error) error {
	return rows(ctx, s.each, dest, q, args, fn)
}

// scan is list for a statement that may read a whole organization.
func scan[T any](ctx context.Context, s *session, dest func(*T) []any, q statement, args []any, fn func(T) error) error {
	if err := s.allowLong(ctx); err != nil {
		return err
	}
	return rows(ctx, s.stream, dest, q, args, fn)
}

// rows runs a statement by each, which is one way or the other to run it.
func rows[T any](
	ctx context.Context, each func(ctx context.Context, q statement, args, dest []any, fn func() error) error,
	dest func(*T) []any, q statement, args []any, fn func(T) error,
) error {
	var v, zero T
	return each(ctx, q, args, dest(&v), func() error {
		read := v
		v = zero // documents are decoded into fresh memory, and not on top of older ones
		return fn(read)
	})
}
