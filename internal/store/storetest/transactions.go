package storetest

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func transactionTests(*suite) []test {
	return []test{
		{name: "an error of the closure comes back as it is and leaves nothing", run: rollbackLeavesNothing},
		{name: "a panic or an exit inside the closure leaves nothing and holds nothing", run: panicLeavesNothing},
		{name: "a write sees what it wrote", run: seesItself},
		{name: "a reader sees one snapshot, whatever is committed meanwhile", run: snapshots},
		{name: "a reader never sees half of a commit", run: wholeCommits},
		{name: "a savepoint that fails undoes what it wrote and nothing else", run: savepoint},
		{name: "savepoints nest", run: savepointsNest},
		{name: "a savepoint brings back a transaction that a refused row had spoilt", run: savepointAfterRefusal},
		{name: "a refused row spoils the transaction: nothing may follow, nothing is committed", run: refusalSpoils},
		{name: "twelve writers, count and insert if under five: exactly five", run: countThenInsert},
		{name: "writers of different organizations do not wait for each other's closures", run: independentWriters},
		{name: "a caller who has gone changes nothing", run: cancellation},
		{name: "who waits for his turn can give up", run: giveUpWaiting},
		{name: "after Close everything is Unavailable", run: useAfterClose, alone: true},
		{name: "Close waits for running transactions", run: closeWaits, alone: true},
		{name: "what was written is there after opening again", run: reopen, alone: true},
		{name: "a second starter shares the database or is told that it is in use", run: secondStarter, alone: true},
	}
}

func rollbackLeavesNothing(s *suite) {
	org := s.found()
	before := s.contents(org)
	mine := errors.New("mine")
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
		fillOrganization(s, tx)
		return mine
	})
	if err != mine { //nolint:errorlint // as it is, not wrapped
		s.Errorf("got %v", err)
	}
	s.same(before, s.contents(org))
	s.write(org, func(tx store.WriteTx) error {
		first, err := tx.Allot(s.Context(), store.UserNumbers, 1)
		s.same(int64(1), first)
		_, remembered := tx.Remembered(s.Context(), "alice", "", "", time.Time{})
		s.is(remembered, countersign.NotFound)
		return err
	})

	o := organization()
	if err := s.store.Found(s.Context(), o, func(tx store.WriteTx) error { fillOrganization(s, tx); return mine }); !errors.Is(err, mine) {
		s.Errorf("got %v", err)
	}
	s.is(s.store.Read(s.Context(), o.ID, func(store.ReadTx) error { return nil }), countersign.NotFound)
	s.must(s.store.Found(s.Context(), o, func(store.WriteTx) error { return nil }))
}

func panicLeavesNothing(s *suite) {
	org := s.found()
	before := s.contents(org)
	func() {
		defer func() { s.same("mine", recover()) }()
		_ = s.store.Write(s.Context(), org, func(tx store.WriteTx) error { fillOrganization(s, tx); panic("mine") })
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
			_ = tx.PutUser(s.Context(), person(1), "")
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	s.same(before, s.contents(org))
	s.write(org, func(tx store.WriteTx) error { fillOrganization(s, tx); return nil })
}

func seesItself(s *suite) {
	org := s.found()
	var inside contents
	s.write(org, func(tx store.WriteTx) (err error) {
		fillOrganization(s, tx)
		inside, err = dump(s.Context(), tx)
		return err
	})
	after := s.contents(org)
	s.same(inside, after)
	if len(after.Users) == 0 || len(after.Entries) == 0 || len(after.RelyingOn) == 0 || after.Blob == nil || len(after.Touched) == 0 {
		s.Errorf("the dump shows too little: %+v", after)
	}
}

func snapshots(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error { fillOrganization(s, tx); return nil })
	before := s.contents(org)
	s.read(org, func(tx store.ReadTx) error {
		s.write(org, func(tx store.WriteTx) error {
			s.must(tx.PutUser(s.Context(), person(2), "two@example.com"))
			s.must(tx.PutChange(s.Context(), pending(2), base(someBase)))
			return appendEntry(s.Context(), tx, someFact)
		})
		got, err := dump(s.Context(), tx)
		s.same(before, got)
		return err
	})
	if after := s.contents(org); after.Head.Size != 2 || len(after.Users) != 2 {
		s.Errorf("a later reader sees %d entries and %d users", after.Head.Size, len(after.Users))
	}
}

// wholeCommits: each commit adds one entry and one user, so every reader must
// count as many users as the head says.
func wholeCommits(s *suite) {
	org := s.found()
	var stop atomic.Bool
	readers := make(chan error, 3)
	for range cap(readers) {
		go func() {
			var err error
			for err == nil && !stop.Load() {
				err = s.store.Read(s.Context(), org, func(tx store.ReadTx) error {
					head, err := tx.Head(s.Context())
					if err != nil {
						return err
					}
					users, err := since(s.Context(), tx.UsersSince)
					if err == nil && int64(len(users)) != head.Size {
						err = errors.New("half of a commit was visible")
					}
					return err
				})
			}
			readers <- err
		}()
	}
	for n := range 60 {
		s.write(org, func(tx store.WriteTx) error {
			s.must(tx.PutUser(s.Context(), person(n+1), ""))
			return appendEntry(s.Context(), tx)
		})
	}
	stop.Store(true)
	for range cap(readers) {
		if err := <-readers; err != nil {
			s.Error(err)
		}
	}
}

func savepoint(s *suite) {
	org := s.found()
	mine := errors.New("mine")
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutUser(s.Context(), person(1), ""))
		s.must(appendEntry(s.Context(), tx))
		before, err := dump(s.Context(), tx)
		s.must(err)
		err = tx.Savepoint(s.Context(), func() error {
			s.must(tx.PutUser(s.Context(), person(2), ""))
			s.must(appendEntry(s.Context(), tx, someFact))
			_, err = tx.Allot(s.Context(), store.UserNumbers, 3)
			s.must(err)
			return mine
		})
		if err != mine { //nolint:errorlint // as it is, not wrapped
			s.Errorf("got %v", err)
		}
		after, err := dump(s.Context(), tx)
		s.must(err)
		s.same(before, after) // the head as well
		first, err := tx.Allot(s.Context(), store.UserNumbers, 1)
		s.same(int64(1), first)
		s.must(err)
		s.must(tx.Savepoint(s.Context(), func() error { return tx.PutUser(s.Context(), person(3), "") }))
		return appendEntry(s.Context(), tx)
	})
	got := s.contents(org)
	s.same([]countersign.User{person(1), person(3)}, got.Users)
	s.same(int64(2), got.Head.Size)
}

func savepointsNest(s *suite) {
	org := s.found()
	mine := errors.New("mine")
	put := func(tx store.WriteTx, n int) { s.must(tx.PutUser(s.Context(), person(n), "")) }
	s.write(org, func(tx store.WriteTx) error {
		put(tx, 1)
		s.must(tx.Savepoint(s.Context(), func() error { // kept, with what its failing child did undone
			put(tx, 2)
			_ = tx.Savepoint(s.Context(), func() error { put(tx, 3); return mine })
			put(tx, 4)
			return nil
		}))
		_ = tx.Savepoint(s.Context(), func() error { // undone, with what its good child did
			put(tx, 5)
			s.must(tx.Savepoint(s.Context(), func() error { put(tx, 6); return nil }))
			return mine
		})
		put(tx, 7)
		return nil
	})
	s.same([]countersign.User{person(1), person(2), person(4), person(7)}, s.contents(org).Users)
}

func savepointAfterRefusal(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutUser(s.Context(), person(1), "same@example.com"))
		err := tx.Savepoint(s.Context(), func() error {
			s.must(tx.PutUser(s.Context(), person(3), ""))
			return tx.PutUser(s.Context(), person(2), "same@example.com")
		})
		s.is(err, countersign.Exists, "email_taken")
		swallowed := tx.Savepoint(s.Context(), func() error {
			_ = tx.PutUser(s.Context(), person(2), "same@example.com")
			return nil
		})
		s.is(swallowed, countersign.Exists, "email_taken")
		return tx.PutUser(s.Context(), person(4), "")
	})
	s.same([]countersign.User{person(1), person(4)}, s.contents(org).Users)
}

func refusalSpoils(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error { return tx.PutUser(s.Context(), person(1), "same@example.com") })
	before := s.contents(org)
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
		s.must(tx.PutUser(s.Context(), person(3), ""))
		s.is(tx.PutUser(s.Context(), person(2), "same@example.com"), countersign.Exists)
		s.is(tx.PutUser(s.Context(), person(4), ""), countersign.Exists)
		_, err := tx.User(s.Context(), "user-000001")
		s.is(err, countersign.Exists)
		return nil // as if nothing had happened
	})
	s.is(err, countersign.Exists, "email_taken")
	s.same(before, s.contents(org))
}

func countThenInsert(s *suite) {
	org := s.found()
	now := time.UnixMicro(1_700_000_000_000_000)
	s.together(12, func(n int, st store.Store) {
		err := st.Write(s.Context(), org, func(tx store.WriteTx) error {
			open, _, err := tx.CountOpen(s.Context(), "", now)
			if err != nil || open >= 5 {
				return err
			}
			time.Sleep(3 * time.Millisecond) // leaves the others time to do the same
			c := pending(n)
			c.ExpiresAt = now.Add(time.Hour)
			return tx.PutChange(s.Context(), c, nil)
		})
		if err != nil {
			s.Error(err)
		}
	})
	s.same(5, len(s.contents(org).Changes))
}

func independentWriters(s *suite) {
	if s.store.Exclusive() {
		s.Skip("this engine has one writer at a time")
	}
	one, other := s.found(), s.found()
	s.write(one, func(tx store.WriteTx) error {
		return s.store.Write(s.Context(), other, func(tx store.WriteTx) error { return tx.PutUser(s.Context(), person(1), "") })
	})
}

func cancellation(s *suite) {
	org := s.found()
	before := s.contents(org)
	for name, when := range map[string]func(cancel context.CancelFunc, tx store.WriteTx){
		"before anything is written": func(cancel context.CancelFunc, _ store.WriteTx) { cancel() },
		"between two statements": func(cancel context.CancelFunc, tx store.WriteTx) {
			s.must(tx.PutUser(s.Context(), person(1), ""))
			cancel()
		},
		"after the last statement": func(cancel context.CancelFunc, tx store.WriteTx) {
			fillOrganization(s, tx)
			cancel()
		},
	} {
		ctx, cancel := context.WithCancel(s.Context())
		err := s.store.Write(ctx, org, func(tx store.WriteTx) error {
			when(cancel, tx)
			if name == "after the last statement" {
				return nil
			}
			err := tx.PutUser(ctx, person(2), "")
			s.is(err, countersign.Unavailable)
			_ = tx.PutUser(s.Context(), person(3), "") // an engine may have left its transaction by now
			return nil
		})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, countersign.Unavailable) {
			s.Errorf("%s: got %v", name, err)
		}
		s.same(before, s.contents(org))
	}
	gone, cancel := context.WithCancel(s.Context())
	cancel()
	for name, call := range map[string]func() error{
		"read":  func() error { return s.store.Read(gone, org, func(store.ReadTx) error { return errors.New("ran") }) },
		"write": func() error { return s.store.Write(gone, org, func(store.WriteTx) error { return errors.New("ran") }) },
		"found": func() error {
			return s.store.Found(gone, organization(), func(store.WriteTx) error { return errors.New("ran") })
		},
		"deployment": func() error {
			return s.store.Deployment(gone, func(store.DeploymentTx) error { return errors.New("ran") })
		},
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			s.Errorf("%s of a caller who has gone: %v", name, err)
		}
	}
	s.write(org, func(tx store.WriteTx) error { fillOrganization(s, tx); return nil })
	ctx, cancel := context.WithCancel(s.Context())
	err := s.store.Read(ctx, org, func(tx store.ReadTx) error {
		return tx.UsersSince(ctx, 0, func(countersign.User) error { cancel(); return ctx.Err() })
	})
	if !errors.Is(err, context.Canceled) {
		s.Errorf("a scan of a caller who has gone: %v", err)
	}
	s.same(1, len(s.contents(org).Users))
}

func giveUpWaiting(s *suite) {
	org := s.found()
	holding, release := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		first <- s.store.Write(s.Context(), org, func(store.WriteTx) error { close(holding); <-release; return nil })
	}()
	<-holding
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Millisecond)
	defer cancel()
	err := s.store.Write(ctx, org, func(store.WriteTx) error { s.Error("ran beside another writer"); return nil })
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, countersign.Unavailable) {
		s.Errorf("got %v", err)
	}
	close(release)
	s.must(<-first)
	s.write(org, func(tx store.WriteTx) error { return tx.PutUser(s.Context(), person(1), "") })
}

func useAfterClose(s *suite) {
	org := s.found()
	s.must(s.store.Close())
	ran := errors.New("ran")
	for name, err := range map[string]error{
		"read":       s.store.Read(s.Context(), org, func(store.ReadTx) error { return ran }),
		"write":      s.store.Write(s.Context(), org, func(store.WriteTx) error { return ran }),
		"found":      s.store.Found(s.Context(), organization(), func(store.WriteTx) error { return ran }),
		"deployment": s.store.Deployment(s.Context(), func(store.DeploymentTx) error { return ran }),
	} {
		if !errors.Is(err, countersign.Unavailable) {
			s.Errorf("%s: %v", name, err)
		}
	}
	s.must(s.store.Close()) // a second time is fine
}

func closeWaits(s *suite) {
	org := s.found()
	holding, release := make(chan struct{}), make(chan struct{})
	written, closed := make(chan error, 1), make(chan error, 2)
	go func() {
		written <- s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
			close(holding)
			<-release
			return tx.PutUser(s.Context(), person(1), "")
		})
	}()
	<-holding
	for range cap(closed) {
		go func() { closed <- s.store.Close() }()
	}
	s.eventually("new transactions are refused", func() bool {
		return errors.Is(s.store.Read(s.Context(), org, func(store.ReadTx) error { return nil }), countersign.Unavailable)
	})
	select {
	case err := <-closed:
		s.Error("Close did not wait for a running write: ", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	s.must(<-written)
	s.must(<-closed)
	s.must(<-closed)
}

func (s *suite) again() store.Store {
	s.Helper()
	more, ok := s.store.(again)
	if !ok {
		s.Skip("this store cannot be opened again")
	}
	other, err := more.Again(s.Context())
	s.must(err)
	s.Cleanup(func() { s.must(other.Close()) })
	return other
}

func reopen(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error { fillOrganization(s, tx); return nil })
	before := s.contents(org)
	s.must(s.store.Close())
	s.store = s.again()
	s.same(before, s.contents(org))
	s.write(org, func(tx store.WriteTx) error {
		first, err := tx.Allot(s.Context(), store.UserNumbers, 1)
		s.same(int64(11), first)
		return err
	})
}

func secondStarter(s *suite) {
	org := s.found()
	if s.store.Exclusive() {
		more, ok := s.store.(again)
		if !ok {
			s.Skip("this store cannot be opened again")
		}
		_, err := more.Again(s.Context())
		s.is(err, countersign.Unavailable, "database_in_use")
		s.write(org, func(tx store.WriteTx) error { return tx.PutUser(s.Context(), person(1), "") })
		return
	}
	other := s.again()
	s.write(org, func(tx store.WriteTx) error { return tx.PutUser(s.Context(), person(1), "") })
	s.must(other.Write(s.Context(), org, func(tx store.WriteTx) error { return tx.PutUser(s.Context(), person(2), "") }))
	s.same([]countersign.User{person(1), person(2)}, s.contents(org).Users)
}
