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
	var v, zero T
	return s.each(ctx, q, args, dest(&v), func() error {
		read := v
		v = zero // documents are decoded into fresh memory, and not on top of older ones
		return fn(read)
	})
}

// scan is list for a statement that may read a whole organization.
func scan[T any](ctx context.Context, s *session, dest func(*T) []any, q statement, args []any, fn func(T) error) error {
	if err := s.allowLong(ctx); err != nil {
		return err
	}
	return list(ctx, s, dest, q, args, fn)
}
