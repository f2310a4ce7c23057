package storetest

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// person returns a living user; n is his number, and the version of his row.
func person(n int) countersign.User {
	return countersign.User{
		ID: id[countersign.UserID]("user", n), Number: int64(n), Type: countersign.Person, State: countersign.UserActive, Version: int64(n),
	}
}

func endUser(n int) countersign.User {
	u := person(n)
	u.Type = countersign.EndUser
	return u
}

func group(n int) countersign.Group {
	return countersign.Group{ID: id[countersign.GroupID]("group", n), Number: int64(n), State: countersign.GroupActive, Version: int64(n)}
}

func membership(n, user, in int) countersign.Membership {
	return countersign.Membership{
		ID: id[countersign.MembershipID]("membership", n), Number: int64(n), Version: int64(n),
		UserID: id[countersign.UserID]("user", user), GroupID: id[countersign.GroupID]("group", in), State: countersign.MembershipActive,
	}
}

func livingLookups(s *suite) {
	org := s.found()
	alice, bob, eve := person(1), endUser(2), person(3)
	bob.ExternalID, eve.ExternalID = "outside", "outside too"
	admins := group(1)
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutUser(s.Context(), alice, "alice@example.com"))
		s.must(tx.PutUser(s.Context(), bob, ""))
		s.must(tx.PutUser(s.Context(), eve, ""))
		s.must(tx.PutGroup(s.Context(), admins, "admins"))
		return nil
	})
	look := func(tx store.ReadTx) (found []bool) {
		user, err := tx.LivingUserByEmail(s.Context(), "alice@example.com")
		found = append(found, err == nil && user.ID == alice.ID)
		user, err = tx.LivingUserByExternalID(s.Context(), "outside")
		found = append(found, err == nil && user.ID == bob.ID)
		g, err := tx.LivingGroupByName(s.Context(), "admins")
		found = append(found, err == nil && g.ID == admins.ID)
		for _, lookup := range []func() error{
			func() error { _, err := tx.LivingUserByEmail(s.Context(), ""); return err },
			func() error { _, err := tx.LivingUserByEmail(s.Context(), "ALICE@example.com"); return err },
			func() error { _, err := tx.LivingUserByExternalID(s.Context(), ""); return err },
			func() error { _, err := tx.LivingUserByExternalID(s.Context(), "outside too"); return err }, // no end user
			func() error { _, err := tx.LivingGroupByName(s.Context(), ""); return err },
		} {
			s.is(lookup(), countersign.NotFound)
		}
		return found
	}
	s.read(org, func(tx store.ReadTx) error { s.same([]bool{true, true, true}, look(tx)); return nil })
	s.write(org, func(tx store.WriteTx) error {
		alice.State, bob.State, admins.State = countersign.UserDeleted, countersign.UserDeleted, countersign.GroupDeleted
		s.must(tx.PutUser(s.Context(), alice, "alice@example.com"))
		s.must(tx.PutUser(s.Context(), bob, ""))
		s.must(tx.PutGroup(s.Context(), admins, "admins"))
		return nil
	})
	s.read(org, func(tx store.ReadTx) error { s.same([]bool{false, false, false}, look(tx)); return nil })
	s.read(org, func(tx store.ReadTx) error { // a number stays, whatever becomes of the row
		user, err := tx.UserByNumber(s.Context(), alice.Number)
		s.must(err)
		s.same(alice.ID, user.ID)
		g, err := tx.GroupByNumber(s.Context(), admins.Number)
		s.must(err)
		s.same(admins.ID, g.ID)
		for _, number := range []int64{0, -1, 99, 1 << 62} {
			_, err := tx.UserByNumber(s.Context(), number)
			s.is(err, countersign.NotFound)
			_, err = tx.GroupByNumber(s.Context(), number)
			s.is(err, countersign.NotFound)
		}
		return nil
	})
	got := s.contents(org)
	if len(got.Users) != 3 || len(got.Groups) != 1 {
		s.Errorf("deleted rows are gone: %d users and %d groups are left", len(got.Users), len(got.Groups))
	}
}

func newestMembership(s *suite) {
	org := s.found()
	of := func() (m countersign.Membership) {
		s.read(org, func(tx store.ReadTx) (err error) {
			m, err = tx.MembershipOf(s.Context(), "user-000001", "group-000001")
			return err
		})
		return m
	}
	put := func(m countersign.Membership) {
		s.write(org, func(tx store.WriteTx) error { return tx.PutMembership(s.Context(), m) })
	}
	s.read(org, func(tx store.ReadTx) error {
		_, err := tx.MembershipOf(s.Context(), "user-000001", "group-000001")
		s.is(err, countersign.NotFound)
		return nil
	})
	put(membership(9, 1, 2)) // another group
	first, second := membership(1, 1, 1), membership(2, 1, 1)
	put(first)
	s.same(first, of())
	first.State = countersign.MembershipRemoved
	put(first)
	s.same(first, of())
	put(second)
	s.same(second, of())
	second.State = countersign.MembershipRemoved
	put(second)
	s.same(second, of())
	first.State = countersign.MembershipActive
	put(first)
	s.same(first, of())
}

func approvalRoundTrip(s *suite) {
	org := s.found()
	var want []countersign.Approval
	for position := range 3 {
		a := sample[countersign.Approval](position + 1)
		a.Change, a.Position = "change", int64(position+10)
		want = append(want, a)
	}
	s.write(org, func(tx store.WriteTx) error {
		for _, name := range []countersign.ChangeID{"another", "change"} {
			s.must(tx.PutChange(s.Context(), store.ChangeRecord{ID: name, State: countersign.ChangePending, Version: 1}, nil))
		}
		for _, i := range []int{2, 0, 1} {
			s.must(tx.AddApproval(s.Context(), want[i]))
		}
		other := want[0]
		other.Change = "another"
		return tx.AddApproval(s.Context(), other)
	})
	s.read(org, func(tx store.ReadTx) error {
		one, err := tx.Change(s.Context(), "change")
		s.must(err)
		s.same(want, one.Approvals)
		page, err := tx.Changes(s.Context(), nil, "", 1)
		s.must(err)
		s.same(want, page[0].Approvals)
		for _, position := range []int64{-1, 0} {
			scanned, err := collect(func(fn func(store.ChangeRecord) error) error { return tx.OpenChangesSince(s.Context(), position, fn) })
			s.must(err)
			s.same(want, scanned[1].Approvals)
			s.same(1, len(scanned[0].Approvals))
		}
		return nil
	})
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error { return tx.AddApproval(s.Context(), want[0]) })
	s.is(err, countersign.Exists)
}

func removeMemberships(s *suite) {
	org := s.found()
	now := time.UnixMicro(1_700_000_000_000_000).UTC()
	old := membership(1, 1, 1)
	old.State = countersign.MembershipRemoved
	rows := []countersign.Membership{old, membership(2, 1, 1), membership(3, 1, 2), membership(4, 2, 1), membership(5, 2, 2), membership(6, 3, 3)}
	s.write(org, func(tx store.WriteTx) error {
		for _, m := range rows {
			s.must(tx.PutMembership(s.Context(), m))
		}
		s.must(tx.RemoveMembershipsOfUser(s.Context(), "user-000001", 50, now))
		return tx.RemoveMembershipsOfGroup(s.Context(), "group-000002", 60, now)
	})
	for i, position := range map[int]int64{1: 50, 2: 50, 4: 60} {
		rows[i].State, rows[i].Version, rows[i].ModifiedAt = countersign.MembershipRemoved, position, now
	}
	got := s.contents(org).Memberships
	slices.SortFunc(got, func(a, b countersign.Membership) int { return int(a.Number - b.Number) })
	s.same(rows, got)
	s.read(org, func(tx store.ReadTx) error {
		living, err := collect(func(fn func(countersign.Membership) error) error {
			return tx.MembershipsOfGroup(s.Context(), "group-000001", fn)
		})
		s.must(err)
		s.same(rows[3:4], living)
		living, err = collect(func(fn func(countersign.Membership) error) error {
			return tx.MembershipsOfUser(s.Context(), "user-000003", fn)
		})
		s.same(rows[5:], living)
		return err
	})
}

func touchMembers(s *suite) {
	org := s.found()
	g := group(1)
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutGroup(s.Context(), g, "one"))
		s.must(tx.TouchMembers(s.Context(), g.ID, 77))
		s.is(tx.TouchMembers(s.Context(), "nobody", 78), countersign.NotFound)
		return tx.PutGroup(s.Context(), g, "one") // does not undo it
	})
	g.MembersVersion = 77
	s.same([]countersign.Group{g}, s.contents(org).Groups)
}
