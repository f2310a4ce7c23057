package storetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func importTests(*suite) []test {
	return []test{
		{name: "a batch of an import is recorded once, and read in order", run: importedOnce},
		{name: "many users and groups are found by their keys, the living ones alone", run: foundByKeys},
		{name: "the memberships of many users come removed before living, oldest first", run: pairsOfMany},
	}
}

// markImports fills what imports read: keys both organizations hold, and ids
// that show the mark.
func markImports(ctx context.Context, s *suite, tx store.WriteTx, word string) {
	u := endUser(4)
	u.ID, u.ExternalID = countersign.UserID("of "+word), "marked"
	s.must(tx.PutUser(ctx, u, "marked@example.com"))
	g := group(4)
	g.ID, g.Name = countersign.GroupID("of "+word), word
	s.must(tx.PutGroup(ctx, g, "marked"))
	m := membership(4, 4, 4)
	m.UserID, m.GroupID, m.Role = "member", g.ID, countersign.MembershipRole(word)
	s.must(tx.PutMembership(ctx, m))
	s.must(tx.PutImportedBatch(ctx, store.ImportedBatch{Import: "import", Change: countersign.ChangeID(word)}))
}

func importedOnce(s *suite) {
	org := s.found()
	var want []store.ImportedBatch
	for n := range 3 {
		b := store.ImportedBatch{Import: "one", Index: n, Change: id[countersign.ChangeID]("change", n), Position: int64(n + 7), Rows: 1000 - n}
		if n == 1 {
			b.Skipped = []countersign.SkippedRow{{Line: 12, Field: "email", Code: "email_taken"}, {Line: 13}}
		}
		want = append(want, b)
	}
	s.write(org, func(tx store.WriteTx) error {
		for _, n := range []int{2, 0, 1} {
			s.must(tx.PutImportedBatch(s.Context(), want[n]))
		}
		return tx.PutImportedBatch(s.Context(), store.ImportedBatch{Import: "two", Index: 1})
	})
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error { return tx.PutImportedBatch(s.Context(), want[1]) })
	s.is(err, countersign.Exists, "batch_applied")
	s.read(org, func(tx store.ReadTx) error {
		got, err := collect(func(fn func(store.ImportedBatch) error) error { return tx.ImportedBatches(s.Context(), "one", fn) })
		s.same(want, got)
		s.must(err)
		one, err := tx.ImportedBatch(s.Context(), "one", 1)
		s.same(want[1], one)
		s.must(err)
		_, err = tx.ImportedBatch(s.Context(), "one", 3)
		s.is(err, countersign.NotFound)
		return nil
	})
}

func foundByKeys(s *suite) {
	org := s.found()
	const many = 300
	s.write(org, func(tx store.WriteTx) error {
		for n := range many {
			u, g := person(n), group(n)
			if n%3 == 0 {
				u, g.State = endUser(n), countersign.GroupDeleted
				u.ExternalID = fmt.Sprint("outside ", n)
			}
			if n%3 == 1 {
				u.State = countersign.UserDeleted
			}
			s.must(tx.PutUser(s.Context(), u, fmt.Sprintf("u%d@example.com", n)))
			s.must(tx.PutGroup(s.Context(), g, fmt.Sprint("group ", n)))
		}
		return nil
	})
	var emails, externals, names, wantUsers, wantEnds, wantGroups []string
	var ids []countersign.UserID
	for n := range many {
		emails, externals, names = append(emails, fmt.Sprintf("u%d@example.com", n)), append(externals, fmt.Sprint("outside ", n)), append(names, fmt.Sprint("group ", n))
		u := id[countersign.UserID]("user", n)
		ids = append(ids, u)
		switch n % 3 {
		case 0:
			wantUsers, wantEnds = append(wantUsers, fmt.Sprint(emails[n], " ", u, " end_user")), append(wantEnds, fmt.Sprint(externals[n], " ", u, " end_user"))
		case 1:
			wantGroups = append(wantGroups, fmt.Sprint(names[n], " ", id[countersign.GroupID]("group", n)))
		default:
			wantUsers, wantGroups = append(wantUsers, fmt.Sprint(emails[n], " ", u, " person")), append(wantGroups, fmt.Sprint(names[n], " ", id[countersign.GroupID]("group", n)))
		}
	}
	s.read(org, func(tx store.ReadTx) error {
		ctx := s.Context()
		var got []string
		add := func(u store.UserRef) error {
			got = append(got, fmt.Sprint(u.Key, " ", u.ID, " ", u.Type))
			return nil
		}
		s.must(tx.UsersByEmail(ctx, append(emails, emails[0], "nobody@example.com", ""), add))
		s.sameSet(wantUsers, got)
		got = nil
		s.must(tx.UsersByExternalID(ctx, append(externals, ""), add))
		s.sameSet(wantEnds, got)
		got = nil
		s.must(tx.UsersByID(ctx, ids, add))
		for i := range wantUsers {
			_, rest, _ := strings.Cut(wantUsers[i], " ")
			of, _, _ := strings.Cut(rest, " ")
			wantUsers[i] = of + " " + rest
		}
		s.sameSet(wantUsers, got)
		got = nil
		s.must(tx.GroupsByName(ctx, names, func(key string, id countersign.GroupID) error {
			got = append(got, fmt.Sprint(key, " ", id))
			return nil
		}))
		s.sameSet(wantGroups, got)
		s.must(tx.UsersByEmail(ctx, nil, func(store.UserRef) error { return fmt.Errorf("nobody was asked for") }))
		return nil
	})
}

func (s *suite) sameSet(want, got []string) {
	s.Helper()
	counts := map[string]int{}
	for _, w := range want {
		counts[w]++
	}
	for _, g := range got {
		counts[g]--
	}
	for text, n := range counts {
		if n != 0 {
			s.Errorf("%q is there %d times too few", text, n)
		}
	}
}

func pairsOfMany(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		for n, state := range []countersign.MembershipState{countersign.MembershipRemoved, countersign.MembershipRemoved, countersign.MembershipActive, countersign.MembershipActive} {
			m := membership(n+1, 1, 1)
			if n == 3 {
				m = membership(n+1, 2, 2)
			}
			m.State = state
			s.must(tx.PutMembership(s.Context(), m))
		}
		return nil
	})
	s.read(org, func(tx store.ReadTx) error {
		got, err := collect(func(fn func(store.Pair) error) error {
			return tx.PairsOfUsers(s.Context(), []countersign.UserID{"user-000001", "user-000003"}, fn)
		})
		s.same([]store.Pair{
			{User: "user-000001", Group: "group-000001", Removed: true, Version: 1},
			{User: "user-000001", Group: "group-000001", Removed: true, Version: 2},
			{User: "user-000001", Group: "group-000001", Version: 3},
		}, got)
		return err
	})
}
