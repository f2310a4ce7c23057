package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func watchTests(*suite) []test {
	return []test{
		{name: "a watcher hears of every commit that moved a log, and of nothing else", run: hearsCommits, alone: true},
		{name: "watching ends with its context", run: watchEnds},
		{name: "watching ends when the store is closed, and Close waits for it", run: watchClosed, alone: true},
	}
}

// news is what a watcher has heard.
type news struct {
	mu   sync.Mutex
	list []string
}

func (n *news) add(org countersign.OrganizationID, position int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprint(org, " ", position))
}

func (n *news) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.list...)
}

// watch begins to watch and returns when that has begun.
func (s *suite) watch(ctx context.Context, st store.Store) (heard *news, ended <-chan error) {
	s.Helper()
	heard = &news{}
	done := make(chan error, 1)
	go func() { done <- st.Watch(ctx, heard.add) }()
	if !st.Exclusive() {
		s.eventually("the watcher listens", func() bool { return len(heard.all()) > 0 })
	}
	return heard, done
}

func hearsCommits(s *suite) {
	if s.store.Exclusive() {
		s.Skip("nobody else can write")
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	other := s.again()
	mine, mineEnded := s.watch(ctx, s.store)
	others, othersEnded := s.watch(ctx, other)
	a, b := s.found(), s.found()
	entry := func(tx store.WriteTx) error { return appendEntry(ctx, tx) }
	s.write(a, entry)
	s.must(other.Write(ctx, b, entry))
	s.write(a, func(tx store.WriteTx) error { return tx.PutUser(ctx, person(1), "") }) // moves no log
	failed := errors.New("failed")
	s.is(s.store.Write(ctx, a, func(tx store.WriteTx) error { return errors.Join(entry(tx), countersign.Refused, failed) }), countersign.Refused)
	s.write(a, func(tx store.WriteTx) error { // one commit, and its last position
		_ = tx.Savepoint(ctx, func() error { return errors.Join(entry(tx), failed) })
		return errors.Join(entry(tx), entry(tx))
	})
	s.must(other.Write(ctx, b, entry))
	want := []string{" 0", fmt.Sprint(a, " 1"), fmt.Sprint(b, " 1"), fmt.Sprint(a, " 3"), fmt.Sprint(b, " 2")}
	for _, heard := range []*news{mine, others} {
		s.eventually("the last commit is heard of", func() bool { return len(heard.all()) >= len(want) })
		s.same(want, heard.all())
	}
	cancel()
	for _, ended := range []<-chan error{mineEnded, othersEnded} {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			s.Errorf("watching ended with %v", err)
		}
	}
}

func watchEnds(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	_, ended := s.watch(ctx, s.store)
	select {
	case err := <-ended:
		s.Errorf("watching ended by itself: %v", err)
	default:
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		s.Errorf("watching ended with %v", err)
	}
	if err := s.store.Watch(ctx, (&news{}).add); !errors.Is(err, context.Canceled) {
		s.Errorf("watching with a context that has ended: %v", err)
	}
}

func watchClosed(s *suite) {
	_, ended := s.watch(s.Context(), s.store)
	s.must(s.store.Close())
	s.is(<-ended, countersign.Unavailable)
	s.is(s.store.Watch(s.Context(), (&news{}).add), countersign.Unavailable)
}
