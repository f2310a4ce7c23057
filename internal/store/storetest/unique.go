package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func uniqueTests(*suite) []test {
	return []test{
		{name: "what is taken gives Exists with its code, and is free again afterwards", run: uniqueRules},
		{name: "the same words in another organization are no conflict", run: uniquePerOrganization},
		{name: "two writers racing for one email: one wins, one gets Exists", run: uniqueRace},
		{name: "founding: an id or number already taken gives Exists", run: foundTwice},
	}
}

// rule is one thing that only one living row may have.
type rule struct {
	name string
	code string
	// put writes row n, living or not, which claims the same as every other.
	put func(ctx context.Context, tx store.WriteTx, n int, living bool) error
	// forEver is true when a dead row keeps its claim.
	forEver bool
}

func rules() []rule {
	return []rule{
		{"email", "email_taken", func(ctx context.Context, tx store.WriteTx, n int, living bool) error {
			u := person(n)
			if !living {
				u.State = countersign.UserDeleted
			}
			return tx.PutUser(ctx, u, "same@example.com")
		}, false},
		{"external id", "external_id_taken", func(ctx context.Context, tx store.WriteTx, n int, living bool) error {
			u := endUser(n)
			u.ExternalID = "same"
			if !living {
				u.State = countersign.UserDeleted
			}
			return tx.PutUser(ctx, u, "")
		}, false},
		{"group name", "name_taken", func(ctx context.Context, tx store.WriteTx, n int, living bool) error {
			g := group(n)
			if !living {
				g.State = countersign.GroupDeleted
			}
			return tx.PutGroup(ctx, g, "same")
		}, false},
		{"membership of a pair", "already_member", func(ctx context.Context, tx store.WriteTx, n int, living bool) error {
			m := membership(n, 1, 1)
			if !living {
				m.State = countersign.MembershipRemoved
			}
			return tx.PutMembership(ctx, m)
		}, false},
		{"user number", "number_taken", func(ctx context.Context, tx store.WriteTx, n int, _ bool) error {
			u := person(n)
			u.Number = 7
			return tx.PutUser(ctx, u, "")
		}, true},
		{"group number", "number_taken", func(ctx context.Context, tx store.WriteTx, n int, _ bool) error {
			g := group(n)
			g.Number = 7
			return tx.PutGroup(ctx, g, string(g.ID))
		}, true},
		{"membership number", "number_taken", func(ctx context.Context, tx store.WriteTx, n int, _ bool) error {
			m := membership(n, n, n)
			m.Number = 7
			return tx.PutMembership(ctx, m)
		}, true},
		{"secret", "secret_taken", func(ctx context.Context, tx store.WriteTx, n int, living bool) error {
			return tx.PutCredential(ctx, credential(n, living, hash(1_000_000), ""))
		}, true},
		{"client id", "client_id_taken", func(ctx context.Context, tx store.WriteTx, n int, living bool) error {
			return tx.PutCredential(ctx, credential(n, living, nil, "same client"))
		}, true},
		{"approval key", "key_taken", func(ctx context.Context, tx store.WriteTx, n int, living bool) error {
			c := credential(n, living, nil, "")
			c.Type, c.PublicKey = countersign.ApprovalKey, "one key"
			return tx.PutCredential(ctx, c)
		}, true},
	}
}

func credential(n int, living bool, secret []byte, client string) countersign.Credential {
	c := countersign.Credential{ID: id[countersign.CredentialID]("credential", n), SecretHash: secret, ClientID: client, State: countersign.CredentialActive}
	if !living {
		c.State = countersign.CredentialRevoked
	}
	return c
}

func uniqueRules(s *suite) {
	for _, r := range rules() {
		s.Run(r.name, func(t *testing.T) {
			s := &suite{T: t, store: s.store}
			org := s.found()
			put := func(n int, living bool) error {
				return s.store.Write(s.Context(), org, func(tx store.WriteTx) error { return r.put(s.Context(), tx, n, living) })
			}
			s.must(put(1, true))
			s.must(put(1, true)) // itself is not in its way
			s.is(put(2, true), countersign.Exists, r.code)
			if r.forEver {
				s.must(put(1, false))
				s.is(put(2, true), countersign.Exists, r.code)
				return
			}
			s.must(put(3, false)) // the dead claim nothing
			s.must(put(1, false))
			s.must(put(2, true))
			s.is(put(1, true), countersign.Exists, r.code) // nor can they come back
			s.is(put(3, true), countersign.Exists, r.code)
		})
	}
}

func uniquePerOrganization(s *suite) {
	one, other := s.found(), s.found()
	for _, r := range rules() {
		if r.code == "secret_taken" || r.code == "client_id_taken" {
			continue // found before the organization is known, so unique in the deployment: see the organizations group
		}
		for _, org := range []countersign.OrganizationID{one, other} {
			err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
				if err := r.put(s.Context(), tx, 1, true); err != nil {
					return err
				}
				return r.put(s.Context(), tx, 1, false) // out of the way of the next rule
			})
			if err != nil {
				s.Errorf("%s: %v", r.name, err)
			}
		}
	}
}

func uniqueRace(s *suite) {
	org := s.found()
	var won, lost atomic.Int32
	s.together(8, func(n int, st store.Store) {
		err := st.Write(s.Context(), org, func(tx store.WriteTx) error {
			if _, err := tx.LivingUserByEmail(s.Context(), "same@example.com"); err == nil {
				return countersign.Code(countersign.Exists, "email_taken", "email", "seen before writing")
			}
			return tx.PutUser(s.Context(), person(n+1), "same@example.com")
		})
		switch {
		case err == nil:
			won.Add(1)
		case errors.Is(err, countersign.Exists):
			lost.Add(1)
		default:
			s.Error(err)
		}
	})
	if won.Load() != 1 || lost.Load() != 7 {
		s.Errorf("%d won and %d lost", won.Load(), lost.Load())
	}
	s.same(1, len(s.contents(org).Users))
}

// together runs fn n times at once, on several stores of the same database
// where that is possible: writers in other processes are the harder case.
func (s *suite) together(n int, fn func(n int, st store.Store)) {
	s.Helper()
	stores := []store.Store{s.store}
	if more, ok := s.store.(again); ok && !s.store.Exclusive() {
		for range 3 {
			other, err := more.Again(s.Context())
			s.must(err)
			defer func() { s.must(other.Close()) }()
			stores = append(stores, other)
		}
	}
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			fn(i, stores[i%len(stores)])
		})
	}
	close(start)
	all.Wait()
}

func foundTwice(s *suite) {
	first := organization()
	nothing := func(store.WriteTx) error { return nil }
	s.must(s.store.Found(s.Context(), first, nothing))
	sameID, sameNumber := organization(), organization()
	sameID.ID, sameNumber.Number = first.ID, first.Number
	ran := false
	s.is(s.store.Found(s.Context(), sameID, func(store.WriteTx) error { ran = true; return nil }), countersign.Exists, "organization_exists")
	s.is(s.store.Found(s.Context(), sameNumber, func(store.WriteTx) error { ran = true; return nil }), countersign.Exists, "number_taken")
	if ran {
		s.Error("the closure ran for an organization that could not be founded")
	}
	s.same(first, s.contents(first.ID).Organization)
	s.is(s.store.Read(s.Context(), sameNumber.ID, func(store.ReadTx) error { return nil }), countersign.NotFound)
}
