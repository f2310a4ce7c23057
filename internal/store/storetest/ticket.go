package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func ticketTests(*suite) []test {
	return []test{
		{name: "a ticket comes back as it was put in, by its hash, in its organization", run: ticketComesBack},
		{name: "a hash is known once", run: ticketTaken},
		{name: "of many who use a ticket at once exactly one succeeds", run: ticketUsedOnce},
		{name: "a ticket stands and falls with its family", run: ticketFamily},
		{name: "a family that ends while it grows leaves nothing that works", run: familyEndsMeanwhile},
		{name: "a credential has so many living tickets of a kind and no more", run: ticketsBounded},
		{name: "an expired ticket is purged, the oldest first, and no other", run: ticketsPurged},
		{name: "tickets wait for no change and move no position", run: ticketsBesideChanges},
		{name: "an error leaves no ticket, a transient one is tried again", run: ticketFailures},
		{name: "bad text is Invalid", run: ticketText},
	}
}

const plenty = 1000

// ticket is a living one.
func ticket(n int) store.Ticket {
	t := sample[store.Ticket](n)
	t.Hash, t.Family, t.UsedAt = hash(n), nil, time.Time{}
	t.ExpiresAt = t.CreatedAt.Add(time.Hour)
	return t
}

func (s *suite) tickets(org countersign.OrganizationID, fn func(store.TicketTx) error) {
	s.Helper()
	s.must(s.store.WriteTickets(s.Context(), org, fn))
}

func (s *suite) add(org countersign.OrganizationID, all ...store.Ticket) {
	s.Helper()
	s.tickets(org, func(tx store.TicketTx) error {
		var failures error
		for _, t := range all {
			failures = errors.Join(failures, tx.AddTicket(s.Context(), t, plenty))
		}
		return failures
	})
}

// lives reports whether a ticket is found.
func (s *suite) lives(org countersign.OrganizationID, hash []byte) bool {
	s.Helper()
	_, err := s.store.Ticket(s.Context(), org, hash)
	if err != nil {
		s.is(err, countersign.NotFound)
	}
	return err == nil
}

func ticketComesBack(s *suite) {
	org, other := s.found(), s.found()
	whole := sample[store.Ticket](1)
	if empty := zeroFields(reflect.ValueOf(whole), ""); len(empty) > 0 {
		s.Errorf("the sample lacks %v", empty)
	}
	whole.Hash = hash(1)
	family := ticket(2)
	family.Hash = whole.Family
	s.add(org, whole, family, ticket(3))
	s.add(other, ticket(1))
	got, err := s.store.Ticket(s.Context(), org, hash(1))
	s.must(err)
	s.same(whole, got)
	got, err = s.store.Ticket(s.Context(), org, hash(3))
	s.must(err)
	s.same(ticket(3), got)
	s.tickets(org, func(tx store.TicketTx) error {
		inside, err := tx.Ticket(s.Context(), hash(3))
		s.same(got, inside)
		return err
	})
	got, err = s.store.Ticket(s.Context(), other, hash(1))
	s.must(err)
	s.same(ticket(1), got)
	s.same(false, s.lives(other, hash(3)))
	s.tickets(other, func(tx store.TicketTx) error {
		for name, err := range map[string]error{
			"use": tx.UseTicket(s.Context(), hash(3), time.UnixMicro(1)), "extend": tx.ExtendTicket(s.Context(), hash(3), time.UnixMicro(1)),
		} {
			if !errors.Is(err, countersign.NotFound) {
				s.Errorf("%s in another organization: %v", name, err)
			}
		}
		return errors.Join(tx.EndTicket(s.Context(), hash(3)), tx.PurgeTickets(s.Context(), time.UnixMicro(1<<60), 100))
	})
	got, err = s.store.Ticket(s.Context(), org, hash(3))
	s.must(err)
	s.same(ticket(3), got)
}

func ticketTaken(s *suite) {
	org := s.found()
	s.add(org, ticket(1))
	changed := ticket(1)
	changed.Scope = "more"
	err := s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error {
		s.must(tx.AddTicket(s.Context(), ticket(2), plenty))
		return tx.AddTicket(s.Context(), changed, plenty)
	})
	s.is(err, countersign.Exists, "ticket_taken")
	got, err := s.store.Ticket(s.Context(), org, hash(1))
	s.must(err)
	s.same(ticket(1), got)
	s.same(false, s.lives(org, hash(2)))
}

func ticketUsedOnce(s *suite) {
	org := s.found()
	s.add(org, ticket(1))
	at := time.UnixMicro(1_700_000_000_000_000).UTC()
	var won, lost int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error { return tx.UseTicket(s.Context(), hash(1), at) })
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
				return
			}
			lost++
			s.is(err, countersign.Stale, "ticket_used")
		})
	}
	all.Wait()
	s.same([]int{1, 7}, []int{won, lost})
	got, err := s.store.Ticket(s.Context(), org, hash(1))
	s.must(err)
	s.same(at, got.UsedAt)
	s.is(s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error { return tx.UseTicket(s.Context(), hash(9), at) }), countersign.NotFound)
}

func ticketFamily(s *suite) {
	org := s.found()
	family, child, single := ticket(1), ticket(2), ticket(3)
	child.Family = family.Hash
	s.add(org, family, child, single)
	s.same([]bool{true, true, true}, []bool{s.lives(org, hash(1)), s.lives(org, hash(2)), s.lives(org, hash(3))})
	later := family.ExpiresAt.Add(time.Hour)
	s.tickets(org, func(tx store.TicketTx) error { return tx.ExtendTicket(s.Context(), hash(1), later) })
	got, err := s.store.Ticket(s.Context(), org, hash(1))
	s.must(err)
	s.same(later, got.ExpiresAt)
	s.tickets(org, func(tx store.TicketTx) error { return tx.EndTicket(s.Context(), hash(1)) })
	s.same([]bool{false, false, true}, []bool{s.lives(org, hash(1)), s.lives(org, hash(2)), s.lives(org, hash(3))})
	for name, err := range map[string]error{
		"extend": s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error { return tx.ExtendTicket(s.Context(), hash(1), later) }),
		"end":    s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error { return tx.EndTicket(s.Context(), hash(1)) }),
	} {
		if name == "end" {
			s.must(err) // ending what has ended is fine
			continue
		}
		s.is(err, countersign.NotFound)
	}
}

// familyEndsMeanwhile lets somebody grow a family while somebody else ends it.
// Whoever comes first, nothing of it works afterwards.
func familyEndsMeanwhile(s *suite) {
	for n := range 20 {
		org := s.found()
		s.add(org, ticket(1))
		child := ticket(2)
		child.Family = hash(1)
		var both sync.WaitGroup
		both.Go(func() {
			err := s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error {
				if err := tx.ExtendTicket(s.Context(), hash(1), child.ExpiresAt); err != nil {
					return err
				}
				return tx.AddTicket(s.Context(), child, plenty)
			})
			if err != nil {
				s.is(err, countersign.NotFound)
			}
		})
		both.Go(func() {
			if err := s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error { return tx.EndTicket(s.Context(), hash(1)) }); err != nil {
				s.Errorf("ending: %v", err)
			}
		})
		both.Wait()
		if s.lives(org, hash(2)) {
			s.Fatalf("round %d: what grew meanwhile works", n)
		}
	}
}

func ticketsBounded(s *suite) {
	org := s.found()
	alike := func(n int, change func(*store.Ticket)) store.Ticket {
		t := ticket(1)
		t.Hash = hash(n)
		if change != nil {
			change(&t)
		}
		return t
	}
	add := func(t store.Ticket) error {
		return s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error { return tx.AddTicket(s.Context(), t, 3) })
	}
	for n, change := range []func(*store.Ticket){
		nil, nil,
		func(t *store.Ticket) { t.UsedAt = t.CreatedAt },
		func(t *store.Ticket) { t.ExpiresAt = t.CreatedAt },
		func(t *store.Ticket) { t.Kind = store.CodeTicket },
		func(t *store.Ticket) { t.Credential = "another" },
		nil,
	} {
		s.must(add(alike(n, change)))
	}
	s.is(add(alike(100, nil)), countersign.Limited, "too_many_tickets")
	s.must(add(alike(101, func(t *store.Ticket) { t.Kind = store.RefreshTicket })))
	s.must(add(alike(102, func(t *store.Ticket) { t.CreatedAt = ticket(1).ExpiresAt }))) // the others have expired by then
}

func ticketsPurged(s *suite) {
	org := s.found()
	now := ticket(1).CreatedAt
	for n := range 6 {
		t := ticket(n)
		t.ExpiresAt = now.Add(time.Duration(n) * time.Second)
		s.add(org, t)
	}
	purge := func(at time.Time, limit int) []bool {
		s.tickets(org, func(tx store.TicketTx) error { return tx.PurgeTickets(s.Context(), at, limit) })
		var left []bool
		for n := range 6 {
			left = append(left, s.lives(org, hash(n)))
		}
		return left
	}
	s.same([]bool{true, true, true, true, true, true}, purge(now.Add(3*time.Second), 0))
	s.same([]bool{false, false, true, true, true, true}, purge(now.Add(3*time.Second), 2))
	s.same([]bool{false, false, false, false, true, true}, purge(now.Add(3*time.Second), 100))
}

// ticketsBesideChanges issues a ticket while a change holds the organization. On
// an engine with one writer that would wait for ever, so there the change ends first.
func ticketsBesideChanges(s *suite) {
	org := s.found()
	before := s.contents(org)
	if s.store.Exclusive() {
		s.add(org, ticket(1))
	} else {
		s.write(org, func(store.WriteTx) error { s.add(org, ticket(1)); return nil })
	}
	s.same(true, s.lives(org, hash(1)))
	s.same(before, s.contents(org))
}

func ticketFailures(s *suite) {
	org := s.found()
	mine := errors.New("mine")
	err := s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error {
		s.must(tx.AddTicket(s.Context(), ticket(1), plenty))
		return mine
	})
	if err != mine { //nolint:errorlint // as it is, not wrapped
		s.Errorf("got %v", err)
	}
	s.same(false, s.lives(org, hash(1)))
	gone, cancel := context.WithCancel(s.Context())
	cancel()
	err = s.store.WriteTickets(gone, org, func(tx store.TicketTx) error { return tx.AddTicket(gone, ticket(1), plenty) })
	s.is(err, countersign.Unavailable)
	s.same(false, s.lives(org, hash(1)))
	db, ok := s.store.(interface {
		faulty
		failOnce
	})
	if !ok {
		return
	}
	issue := func() error {
		return s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error {
			return errors.Join(tx.AddTicket(s.Context(), ticket(2), plenty), tx.AddTicket(s.Context(), ticket(3), plenty))
		})
	}
	for n := range 3 { // begin, and the two statements
		s.Run(fmt.Sprint("at point ", n), func(t *testing.T) {
			s := &suite{T: t, store: s.store}
			at := n
			failed := db.FailOnce(func(string) bool { at--; return at < 0 })
			err := issue()
			db.OnPoint(nil)
			if err != nil || !failed() {
				s.Fatalf("%v", err)
			}
			s.same([]bool{true, true}, []bool{s.lives(org, hash(2)), s.lives(org, hash(3))})
			s.tickets(org, func(tx store.TicketTx) error {
				return errors.Join(tx.EndTicket(s.Context(), hash(2)), tx.EndTicket(s.Context(), hash(3)))
			})
		})
	}
}

func ticketText(s *suite) {
	org := s.found()
	for _, bad := range []string{"nul \x00", "latin \xe9"} {
		t := ticket(1)
		t.Scope = bad
		s.is(s.store.WriteTickets(s.Context(), org, func(tx store.TicketTx) error { return tx.AddTicket(s.Context(), t, plenty) }), countersign.Invalid)
	}
	s.same(false, s.lives(org, hash(1)))
}
