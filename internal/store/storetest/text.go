package storetest

import (
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func textTests(*suite) []test {
	return []test{
		{name: "ids and keys are compared byte by byte", run: bytewise},
		{name: "ids sort byte by byte in every list", run: bytewiseOrder},
		{name: "text without a meaning in UTF-8, or with a NUL in it, is Invalid and spoils nothing", run: badText},
		{name: "long text and large documents come back whole", run: largeText},
	}
}

// alike are texts that a locale, a case mapping or a normalization would take
// for the same: each is one of its own here. In order of their bytes.
var alike = []string{
	"", " ", " a", "A", "A ", "B", "Z", "_", "a", "a ", "a-b", "a_b", "aa", "ab", "b", "ss", "z",
	"\u00c5", "\u00df", "\u00e4", "\u00e5", "\u0130", "\u0131", "\u212b", "\uff21", "\U0001d400",
	"a\u030a",
}

func bytewise(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		for n, text := range alike {
			u := endUser(n + 1)
			u.ID, u.ExternalID = countersign.UserID(text), text
			s.must(tx.PutUser(s.Context(), u, text))
			g := group(n + 1)
			g.ID = countersign.GroupID(text)
			s.must(tx.PutGroup(s.Context(), g, text))
			m := membership(n+1, 1, 1)
			m.ID, m.UserID, m.GroupID = countersign.MembershipID(text), countersign.UserID(text), countersign.GroupID(text)
			s.must(tx.PutMembership(s.Context(), m))
			s.must(tx.PutCataloguePermission(s.Context(), countersign.CataloguePermission{Permission: countersign.Permission(text), Version: int64(n + 1)}))
			s.must(tx.PutChange(s.Context(), store.ChangeRecord{ID: countersign.ChangeID(text), State: countersign.ChangePending, Version: int64(n + 1)},
				base(countersign.Fact(text))))
			s.must(tx.PutBlob(s.Context(), text, []byte{byte(n + 1)}))
			s.must(tx.Remember(s.Context(), store.IdempotencyRecord{Principal: "alice", Key: text, Status: n + 1}))
		}
		return nil
	})
	s.write(org, func(tx store.WriteTx) error {
		ctx := s.Context()
		for i, text := range alike {
			n := int64(i + 1)
			u, err := tx.User(ctx, countersign.UserID(text))
			s.must(err)
			g, err := tx.LivingGroupByName(ctx, text)
			s.must(err)
			m, err := tx.MembershipOf(ctx, countersign.UserID(text), countersign.GroupID(text))
			s.must(err)
			p, err := tx.CataloguePermission(ctx, countersign.Permission(text))
			s.must(err)
			c, err := tx.Change(ctx, countersign.ChangeID(text))
			s.must(err)
			b, err := tx.Blob(ctx, text)
			s.must(err)
			r, err := tx.Remembered(ctx, "alice", "", text, time.Unix(-1, 0))
			s.must(err)
			s.same([]int64{n, n, n, n, n, n, n}, []int64{u.Number, g.Number, m.Number, p.Version, c.Version, int64(b[0]), int64(r.Status)})
			relying, err := tx.OpenChangesRelyingOn(ctx, []countersign.Fact{countersign.Fact(text)})
			s.must(err)
			s.same([]countersign.ChangeID{countersign.ChangeID(text)}, relying)
			if text == "" {
				continue // no email and no external id are never found
			}
			byEmail, err := tx.LivingUserByEmail(ctx, text)
			s.must(err)
			byExternalID, err := tx.LivingUserByExternalID(ctx, text)
			s.must(err)
			s.same([]int64{n, n}, []int64{byEmail.Number, byExternalID.Number})
		}
		return nil
	})
}

func bytewiseOrder(s *suite) {
	org := s.found()
	want := sorted(append([]string(nil), alike...)...)
	s.write(org, func(tx store.WriteTx) error {
		for n, text := range alike {
			u := person(n + 1)
			u.ID, u.Version = countersign.UserID(text), 1
			s.must(tx.PutUser(s.Context(), u, ""))
			m := membership(n+1, 1, n)
			m.ID = countersign.MembershipID(text)
			s.must(tx.PutMembership(s.Context(), m))
			s.must(tx.PutChange(s.Context(), store.ChangeRecord{ID: countersign.ChangeID(text), State: countersign.ChangePending}, base(someBase)))
		}
		return nil
	})
	s.read(org, func(tx store.ReadTx) error {
		ctx := s.Context()
		var users, memberships, expired, relying, pages []string
		s.must(tx.UsersSince(ctx, 0, func(u countersign.User) error { users = append(users, string(u.ID)); return nil }))
		s.must(tx.MembershipsOfUser(ctx, "user-000001", func(m countersign.Membership) error {
			memberships = append(memberships, string(m.ID))
			return nil
		}))
		ids, err := tx.ExpiredChanges(ctx, time.Time{}, 100)
		s.must(err)
		for _, id := range ids {
			expired = append(expired, string(id))
		}
		ids, err = tx.OpenChangesRelyingOn(ctx, []countersign.Fact{someBase})
		s.must(err)
		for _, id := range ids {
			relying = append(relying, string(id))
		}
		for before := countersign.ChangeID(""); ; {
			page, err := tx.Changes(ctx, nil, before, 4)
			s.must(err)
			if len(page) == 0 {
				break
			}
			for _, c := range page {
				pages = append([]string{string(c.ID)}, pages...)
			}
			if before = page[len(page)-1].ID; before == "" {
				break // the first of all; as a bound it would mean the newest
			}
		}
		for _, got := range [][]string{users, memberships, expired, relying, pages} {
			s.same(want, got)
		}
		return nil
	})
}

func badText(s *suite) {
	org := s.found()
	for _, bad := range []string{"a\x00b", "\xff", "a\xc3", "\xed\xa0\x80"} {
		s.write(org, func(tx store.WriteTx) error {
			ctx := s.Context()
			fact := countersign.Fact(bad)
			for name, call := range map[string]func() error{
				"id read":       func() error { _, err := tx.User(ctx, countersign.UserID(bad)); return err },
				"key read":      func() error { _, err := tx.LivingUserByExternalID(ctx, bad); return err },
				"value written": func() error { return tx.PutUser(ctx, countersign.User{ID: "user", Name: bad}, "") },
				"fact asked":    func() error { _, err := tx.OpenChangesRelyingOn(ctx, []countersign.Fact{fact}); return err },
			} {
				if err := call(); !errors.Is(err, countersign.Invalid) {
					s.Errorf("%s %q: %v", name, bad, err)
				}
			}
			return tx.PutUser(ctx, person(1), "")
		})
	}
	s.same([]countersign.User{person(1)}, s.contents(org).Users)
	s.is(s.store.Read(s.Context(), "a\x00b", func(store.ReadTx) error { return nil }), countersign.Invalid)
}

func largeText(s *suite) {
	org := s.found()
	c := sample[store.ChangeRecord](1)
	c.Approvals, c.Payload, c.ClosedBecause = nil, []byte(longText(4<<20)), longText(1<<20)
	for n := range 2000 {
		c.Openings[id[string]("opening", n)] = countersign.Opening{Field: "name", Salt: strings.Repeat("ab", 16), Value: longText(100)}
	}
	s.write(org, func(tx store.WriteTx) error { return tx.PutChange(s.Context(), c, nil) })
	s.read(org, func(tx store.ReadTx) error {
		got, err := tx.Change(s.Context(), c.ID)
		if !reflect.DeepEqual(c, got) { // a diff of this would take longer than all other tests
			s.Error("it came back otherwise")
		}
		return err
	})
}
