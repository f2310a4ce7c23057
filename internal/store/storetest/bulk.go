package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func bulkTests(*suite) []test {
	return []test{
		{name: "many rows are written as one by one, however many", run: bulkLikeSingles},
		{name: "many rows: none writes nothing", run: bulkOfNothing},
		{name: "many rows: a second write replaces, and of one id the last row counts", run: bulkReplaces},
		{name: "many rows: a conflict in the middle gives its code and leaves nothing", run: bulkConflict},
		{name: "many rows: text that cannot be stored spoils nothing", run: bulkBadText},
		{name: "touching the members of many groups leaves their versions alone", run: touchMany},
		{name: "the living and the dead are given apart, all of each", run: wholeScans},
	}
}

// bulk is a kind of row that can be written in bulk.
type bulk struct {
	name string
	code string // of two living rows that claim the same
	// put writes the rows ns in one call, one writes a row by itself; rows are
	// alive, and every field varies with n. Row n claims what claim says.
	put   func(ctx context.Context, tx store.WriteTx, claim func(n int) string, ns []int) error
	one   func(ctx context.Context, tx store.WriteTx, claim func(n int) string, n int) error
	since func(ctx context.Context, tx store.ReadTx) (any, error)
}

func bulks() []bulk {
	user := func(n int, claim func(int) string) store.UserRow {
		u := sample[countersign.User](n)
		u.ID, u.Version, u.ExternalID = id[countersign.UserID]("user", n), int64(n), ""
		return store.UserRow{User: u, EmailKey: claim(n)}
	}
	group := func(n int, claim func(int) string) store.GroupRow {
		g := sample[countersign.Group](n)
		g.ID, g.Version, g.MembersVersion = id[countersign.GroupID]("group", n), int64(n), -1 // must not be written
		return store.GroupRow{Group: g, NameKey: claim(n)}
	}
	membership := func(n int, claim func(int) string) countersign.Membership {
		m := sample[countersign.Membership](n)
		m.ID, m.Version, m.UserID, m.GroupID = id[countersign.MembershipID]("membership", n), int64(n), countersign.UserID(claim(n)), "group"
		return m
	}
	return []bulk{
		{
			"users", "email_taken", func(ctx context.Context, tx store.WriteTx, claim func(int) string, ns []int) error {
				return tx.PutUsers(ctx, rowsOf(ns, claim, user))
			}, func(ctx context.Context, tx store.WriteTx, claim func(int) string, n int) error {
				row := user(n, claim)
				return tx.PutUser(ctx, row.User, row.EmailKey)
			}, func(ctx context.Context, tx store.ReadTx) (any, error) { return since(ctx, tx.UsersSince) },
		},
		{
			"groups", "name_taken", func(ctx context.Context, tx store.WriteTx, claim func(int) string, ns []int) error {
				return tx.PutGroups(ctx, rowsOf(ns, claim, group))
			}, func(ctx context.Context, tx store.WriteTx, claim func(int) string, n int) error {
				row := group(n, claim)
				return tx.PutGroup(ctx, row.Group, row.NameKey)
			}, func(ctx context.Context, tx store.ReadTx) (any, error) { return since(ctx, tx.GroupsSince) },
		},
		{
			"memberships", "already_member", func(ctx context.Context, tx store.WriteTx, claim func(int) string, ns []int) error {
				return tx.PutMemberships(ctx, rowsOf(ns, claim, membership))
			}, func(ctx context.Context, tx store.WriteTx, claim func(int) string, n int) error {
				return tx.PutMembership(ctx, membership(n, claim))
			}, func(ctx context.Context, tx store.ReadTx) (any, error) { return since(ctx, tx.MembershipsSince) },
		},
	}
}

func rowsOf[T any](ns []int, claim func(int) string, row func(int, func(int) string) T) []T {
	rows := make([]T, len(ns))
	for i, n := range ns {
		rows[i] = row(n, claim)
	}
	return rows
}

// own lets every row claim something of its own.
func own(n int) string { return fmt.Sprint("claim ", n) }

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

// eachBulk runs fn for each kind of row, in an organization of its own.
func (s *suite) eachBulk(fn func(s *suite, b bulk, org countersign.OrganizationID)) {
	for _, b := range bulks() {
		s.Run(b.name, func(t *testing.T) {
			s := &suite{T: t, store: s.store}
			fn(s, b, s.found())
		})
	}
}

func (s *suite) all(org countersign.OrganizationID, b bulk) (all any) {
	s.Helper()
	s.read(org, func(tx store.ReadTx) (err error) {
		all, err = b.since(s.Context(), tx)
		return err
	})
	return all
}

// Sizes around whatever a store may write at once; the last holds more values
// than either engine takes in one statement.
func bulkLikeSingles(s *suite) {
	s.eachBulk(func(s *suite, b bulk, single countersign.OrganizationID) {
		const most = 5000
		s.write(single, func(tx store.WriteTx) error {
			for _, n := range upTo(most) {
				s.must(b.one(s.Context(), tx, own, n))
			}
			return nil
		})
		for _, count := range []int{1, 2, 15, 17, 143, most} {
			org := s.found()
			s.write(org, func(tx store.WriteTx) error { return b.put(s.Context(), tx, own, upTo(count)) })
			want, got := s.all(single, b), s.all(org, b)
			switch all := want.(type) {
			case []countersign.User:
				want = all[:count]
			case []countersign.Group:
				want = all[:count]
			case []countersign.Membership:
				want = all[:count]
			}
			s.same(want, got)
		}
	})
}

func bulkOfNothing(s *suite) {
	s.eachBulk(func(s *suite, b bulk, org countersign.OrganizationID) {
		before := s.contents(org)
		s.write(org, func(tx store.WriteTx) error {
			s.must(tx.TouchManyMembers(s.Context(), nil, 9))
			return b.put(s.Context(), tx, own, nil)
		})
		s.same(before, s.contents(org))
	})
}

func bulkReplaces(s *suite) {
	s.eachBulk(func(s *suite, b bulk, org countersign.OrganizationID) {
		again := func(n int) string { return fmt.Sprint("again ", n) }
		s.write(org, func(tx store.WriteTx) error {
			s.must(b.put(s.Context(), tx, own, upTo(40)))
			return b.put(s.Context(), tx, again, append(upTo(40), 7, 7, 9))
		})
		want := s.found()
		s.write(want, func(tx store.WriteTx) error { return b.put(s.Context(), tx, again, upTo(40)) })
		s.same(s.all(want, b), s.all(org, b))
		if b.name != "users" {
			return
		}
		s.write(org, func(tx store.WriteTx) error {
			first, last := person(50), person(50)
			first.Name, last.Name = "first", "last"
			return tx.PutUsers(s.Context(), []store.UserRow{{User: first}, {User: person(51)}, {User: last}})
		})
		s.read(org, func(tx store.ReadTx) error {
			u, err := tx.User(s.Context(), person(50).ID)
			s.same("last", u.Name)
			return err
		})
	})
}

func bulkConflict(s *suite) {
	s.eachBulk(func(s *suite, b bulk, org countersign.OrganizationID) {
		s.write(org, func(tx store.WriteTx) error { return b.one(s.Context(), tx, own, 1000) })
		before := s.contents(org)
		taken := func(n int) string {
			if n == 300 {
				return own(1000) // what a row from before has
			}
			return own(n)
		}
		within := func(n int) string { return own(n % 150) }
		for _, claim := range []func(int) string{taken, within} {
			err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
				err := b.put(s.Context(), tx, claim, upTo(600))
				s.is(err, countersign.Exists, b.code)
				s.is(tx.PutUser(s.Context(), person(1), ""), countersign.Exists, b.code) // spoilt
				return nil
			})
			s.is(err, countersign.Exists, b.code)
			s.same(before, s.contents(org))
			s.write(org, func(tx store.WriteTx) error {
				s.is(tx.Savepoint(s.Context(), func() error { return b.put(s.Context(), tx, claim, upTo(600)) }), countersign.Exists, b.code)
				return nil
			})
			s.same(before, s.contents(org))
		}
	})
}

func bulkBadText(s *suite) {
	s.eachBulk(func(s *suite, b bulk, org countersign.OrganizationID) {
		bad := func(n int) string { return strings.Repeat("\x00", n/10) + own(n) }
		s.write(org, func(tx store.WriteTx) error {
			s.is(b.put(s.Context(), tx, bad, upTo(12)), countersign.Invalid)
			return b.put(s.Context(), tx, own, upTo(3))
		})
		want := s.found()
		s.write(want, func(tx store.WriteTx) error { return b.put(s.Context(), tx, own, upTo(3)) })
		s.same(s.all(want, b), s.all(org, b))
	})
}

func touchMany(s *suite) {
	org := s.found()
	var ids []countersign.GroupID
	var want []countersign.Group
	s.write(org, func(tx store.WriteTx) error {
		var rows []store.GroupRow
		for n := range 3000 {
			g := group(n + 1)
			rows = append(rows, store.GroupRow{Group: g, NameKey: string(g.ID)})
			if n < 2500 {
				ids = append(ids, g.ID)
				g.MembersVersion = 77
			}
			want = append(want, g)
		}
		s.must(tx.PutGroups(s.Context(), rows))
		s.must(tx.TouchManyMembers(s.Context(), append(ids, ids[0]), 77))
		s.is(tx.TouchManyMembers(s.Context(), []countersign.GroupID{"nobody"}, 78), countersign.NotFound)
		err := tx.Savepoint(s.Context(), func() error {
			return tx.TouchManyMembers(s.Context(), []countersign.GroupID{ids[0], "nobody"}, 79)
		})
		s.is(err, countersign.NotFound)
		s.is(tx.TouchManyMembers(s.Context(), []countersign.GroupID{"\xff"}, 78), countersign.Invalid)
		return nil
	})
	s.same(want, s.contents(org).Groups)
}

func wholeScans(s *suite) {
	org := s.found()
	now := time.UnixMicro(1_700_000_000_000_000).UTC()
	s.write(org, func(tx store.WriteTx) error {
		for i, state := range []string{"invited", "active", "pending_removal", "deleted", "removed", "suspended"} {
			for n := 10 * i; n < 10*i+5; n++ {
				u, g, m := person(n+1), group(n+1), membership(n+1, n+1, n+1)
				u.State, g.State, m.State = countersign.UserState(state), countersign.GroupState(state), countersign.MembershipState(state)
				u.CreatedAt, g.CreatedAt, m.CreatedAt = now, now, now
				s.must(errors.Join(tx.PutUser(s.Context(), u, own(n)), tx.PutGroup(s.Context(), g, own(n)), tx.PutMembership(s.Context(), m)))
			}
		}
		return nil
	})
	c := s.contents(org)
	s.write(org, func(tx store.WriteTx) error { // a write sees what a read does
		s.apart(c, tx)
		return nil
	})
	s.read(org, func(tx store.ReadTx) error {
		s.apart(c, tx)
		mine := errors.New("mine")
		calls := 0
		err := tx.LivingMemberships(s.Context(), func(countersign.Membership) error { calls++; return mine })
		if err != mine || calls != 1 { //nolint:errorlint // as it is, not wrapped
			s.Errorf("got %v after %d calls", err, calls)
		}
		var inner error
		s.must(tx.LivingUsers(s.Context(), func(u countersign.User) error {
			_, inner = tx.User(s.Context(), u.ID)
			return nil
		}))
		if inner == nil {
			s.Error("a callback used the transaction")
		}
		return nil
	})
}

// apart compares the scans of the living and the dead with all rows there are.
func (s *suite) apart(c contents, tx store.ReadTx) {
	s.Helper()
	ctx := s.Context()
	parted(s, c.Users, func(u countersign.User) bool { return u.Living() }, ctx, tx.LivingUsers, tx.DeletedUsers)
	parted(s, c.Groups, func(g countersign.Group) bool { return g.Living() }, ctx, tx.LivingGroups, tx.DeletedGroups)
	living := func(m countersign.Membership) bool { return m.State != countersign.MembershipRemoved }
	parted(s, c.Memberships, living, ctx, tx.LivingMemberships, tx.RemovedMemberships)
}

func parted[T any](s *suite, all []T, alive func(T) bool, ctx context.Context, living, dead func(context.Context, func(T) error) error) { //nolint:revive // ctx goes with what takes it
	s.Helper()
	byText := func(a, b T) int { return strings.Compare(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)) }
	for _, part := range []struct {
		scan func(context.Context, func(T) error) error
		want bool
	}{{living, true}, {dead, false}} {
		got, err := whole(ctx, part.scan)
		s.must(err)
		want := slices.DeleteFunc(slices.Clone(all), func(v T) bool { return alive(v) != part.want })
		if len(want) == 0 {
			s.Error("nothing to be found")
		}
		slices.SortFunc(got, byText)
		slices.SortFunc(want, byText)
		s.same(want, got)
	}
}
