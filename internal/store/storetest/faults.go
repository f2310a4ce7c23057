package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func faultTests(*suite) []test {
	return []test{
		{name: "after a transient failure at any statement the closure runs again and leaves one effect", run: transientFailure},
		{name: "a failure at any statement leaves nothing", run: failureLeavesNothing},
		{name: "a failure that does not pass ends after a few runs", run: lastingFailure},
		{name: "a transient failure that a savepoint undid does not run the closure again", run: failureInSavepoint},
		{name: "founding is run again as well", run: foundAgain},
		{name: "a savepoint does not bring back a transaction that the engine gave up", run: brokenInSavepoint},
		{name: "a savepoint that cannot be set or let go ends the transaction", run: brokenSavepoint},
	}
}

// administration is what a typical change does.
func administration(s *suite, tx store.WriteTx) error {
	ctx := s.Context()
	if _, err := tx.LivingUserByEmail(ctx, "one@example.com"); !errors.Is(err, countersign.NotFound) {
		return fmt.Errorf("looking for the user: %w", err)
	}
	n, err := tx.Allot(ctx, store.UserNumbers, 1)
	if err != nil {
		return err
	}
	u := person(1)
	u.Number = n
	if err := tx.PutUser(ctx, u, "one@example.com"); err != nil {
		return err
	}
	if err := tx.Savepoint(ctx, func() error { return tx.PutChange(ctx, pending(1), base(someBase)) }); err != nil {
		return err
	}
	return appendEntry(ctx, tx, someFact)
}

// statementsOf counts the points at which a transaction can fail.
func (s *suite) statementsOf(db faulty, call func() error) int {
	s.Helper()
	n := 0
	db.OnPoint(func(string) error { n++; return nil })
	s.must(call())
	db.OnPoint(nil)
	if n < 10 {
		s.Fatalf("only %d points were seen", n)
	}
	return n
}

func transientFailure(s *suite) {
	db, ok := s.store.(interface {
		faulty
		failOnce
	})
	if !ok {
		s.Skip("this store cannot be made to fail")
	}
	spare := s.found()
	points := s.statementsOf(db, func() error {
		return s.store.Write(s.Context(), spare, func(tx store.WriteTx) error { return administration(s, tx) })
	})
	// The last point comes after the commit: then nothing may run again.
	for n := range points - 1 {
		s.Run(fmt.Sprint("at point ", n), func(t *testing.T) {
			s := &suite{T: t, store: s.store}
			org := s.found()
			at := n
			name := ""
			failed := db.FailOnce(func(point string) bool { at--; name = point; return at < 0 })
			runs := 0
			err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error { runs++; return administration(s, tx) })
			db.OnPoint(nil)
			if err != nil || !failed() {
				s.Fatalf("failed at %q: %v", name, err)
			}
			if runs > 2 {
				s.Errorf("the closure ran %d times", runs)
			}
			got := s.contents(org)
			s.same([]int{1, 1, 1, 1}, []int{len(got.Users), len(got.Entries), len(got.Changes), int(got.Head.Size)})
			s.same(int64(1), got.Users[0].Number)
		})
	}
}

func failureLeavesNothing(s *suite) {
	db, ok := s.store.(faulty)
	if !ok {
		s.Skip("this store cannot be made to fail")
	}
	spare := s.found()
	points := s.statementsOf(db, func() error {
		return s.store.Write(s.Context(), spare, func(tx store.WriteTx) error { return administration(s, tx) })
	})
	org := s.found()
	before := s.contents(org)
	broken := errors.New("broken")
	for n := range points - 1 {
		at, runs := n, 0
		db.OnPoint(func(string) error {
			if at--; at == -1 {
				return broken
			}
			return nil
		})
		err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error { runs++; return administration(s, tx) })
		db.OnPoint(nil)
		if !errors.Is(err, broken) || runs > 1 {
			s.Errorf("point %d: got %v after %d runs", n, err, runs)
		}
		s.same(before, s.contents(org))
	}
	s.write(org, func(tx store.WriteTx) error { return administration(s, tx) })
}

func lastingFailure(s *suite) {
	db, ok := s.store.(failOnce)
	if !ok {
		s.Skip("this store cannot be made to fail")
	}
	org := s.found()
	before := s.contents(org)
	runs := 0
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
		runs++
		db.FailOnce(func(string) bool { return true })
		return administration(s, tx)
	})
	db.FailOnce(func(string) bool { return false })
	s.is(err, countersign.Unavailable)
	if runs < 2 || runs > 10 {
		s.Errorf("the closure ran %d times", runs)
	}
	s.same(before, s.contents(org))
}

func failureInSavepoint(s *suite) {
	db, ok := s.store.(failOnce)
	if !ok {
		s.Skip("this store cannot be made to fail")
	}
	org := s.found()
	runs := 0
	s.write(org, func(tx store.WriteTx) error {
		runs++
		err := tx.Savepoint(s.Context(), func() error {
			db.FailOnce(func(string) bool { return true })
			return tx.PutUser(s.Context(), person(1), "")
		})
		s.is(err, countersign.Unavailable)
		return tx.PutUser(s.Context(), person(2), "")
	})
	s.same(1, runs)
	s.same([]countersign.User{person(2)}, s.contents(org).Users)
}

func foundAgain(s *suite) {
	db, ok := s.store.(failOnce)
	if !ok {
		s.Skip("this store cannot be made to fail")
	}
	o := organization()
	runs := 0
	s.must(s.store.Found(s.Context(), o, func(tx store.WriteTx) error {
		if runs++; runs == 1 {
			db.FailOnce(func(string) bool { return true })
		}
		return administration(s, tx)
	}))
	s.same(2, runs)
	s.same(o, s.contents(o.ID).Organization)
}

// brokenInSavepoint cancels one statement while it runs. One engine drops the
// connection then, the other rolls back all and goes on without a transaction:
// whatever were written next would be committed by itself.
func brokenInSavepoint(s *suite) {
	db, ok := s.store.(faulty)
	if !ok {
		s.Skip("this store cannot be made to fail")
	}
	org := s.found()
	before := s.contents(org)
	facts := make([]countersign.Fact, 100_000)
	for i := range facts {
		facts[i] = id[countersign.Fact]("membership", i)
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	db.OnPoint(func(point string) error {
		if strings.HasPrefix(point, "insert into change_facts") {
			time.AfterFunc(20*time.Millisecond, cancel)
		}
		return nil
	})
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
		s.must(tx.PutUser(s.Context(), person(1), ""))
		err := tx.Savepoint(s.Context(), func() error { return tx.PutChange(ctx, pending(1), base(facts...)) })
		if !errors.Is(err, context.Canceled) {
			s.Errorf("the statement was not cancelled: %v", err)
		}
		_ = tx.PutUser(s.Context(), person(2), "")
		return nil
	})
	db.OnPoint(nil)
	if err == nil {
		// The cancellation came before the statement had begun: then there was
		// nothing to lose, and all that was written outside must be there.
		before.Users = []countersign.User{person(1), person(2)}
	}
	s.same(before, s.contents(org))
}

// brokenSavepoint fails at the savepoint itself. It is not known then which of the
// two is the innermost: undoing the outer one could leave half of it.
func brokenSavepoint(s *suite) {
	db, ok := s.store.(faulty)
	if !ok {
		s.Skip("this store cannot be made to fail")
	}
	broken := errors.New("broken")
	for _, word := range []string{"savepoint", "release savepoint"} {
		org := s.found()
		before := s.contents(org)
		put := func(tx store.WriteTx, n int) error { return tx.PutUser(s.Context(), person(n), "") }
		err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
			s.must(put(tx, 1))
			outer := tx.Savepoint(s.Context(), func() error {
				s.must(appendEntry(s.Context(), tx, someFact))
				db.OnPoint(func(point string) error {
					if strings.HasPrefix(point, word) {
						return broken
					}
					return nil
				})
				defer db.OnPoint(nil)
				return tx.Savepoint(s.Context(), func() error { return put(tx, 2) })
			})
			if !errors.Is(outer, broken) {
				s.Errorf("%s: the savepoint ends with %v", word, outer)
			}
			return nil // as if only that had failed
		})
		if !errors.Is(err, broken) {
			s.Errorf("%s: the transaction ends with %v", word, err)
		}
		s.same(before, s.contents(org))
	}
}
