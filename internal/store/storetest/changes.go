package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func changeTests(*suite) []test {
	return []test{
		{name: "open requests are found by any fact they rely on, closed ones are forgotten", run: relyingOn},
		{name: "an open request written without base keeps the one it has", run: baseStays},
		{name: "counts and expiry follow the clock given, to the microsecond", run: countsAndExpiry},
		{name: "earlier requests are those of the same person for the same, newest first", run: earlierChanges},
		{name: "a list pages newest first, filters by state as stored, and ends", run: changePages},
		{name: "the requests of a credential's votes, newest first, page by page", run: votedWith},
		{name: "a page does not shift when requests are added or closed", run: changePagesAreStable},
		{name: "idempotency: remembered until it is too old, replaced, and forgotten in bounded steps", run: idempotency},
		{name: "idempotency: principal, route and key all count", run: idempotencyKeys},
		{name: "idempotency: what is forgotten is old in its own organization", run: forgetPerOrganization},
	}
}

func pending(n int) store.ChangeRecord {
	return store.ChangeRecord{ID: id[countersign.ChangeID]("change", n), State: countersign.ChangePending, Version: int64(n)}
}

func base(facts ...countersign.Fact) (list []countersign.FactVersion) {
	for i, fact := range facts {
		list = append(list, countersign.FactVersion{Fact: fact, Version: int64(i)})
	}
	return list
}

func (s *suite) relyingOn(org countersign.OrganizationID, facts ...countersign.Fact) (ids []countersign.ChangeID) {
	s.Helper()
	s.read(org, func(tx store.ReadTx) (err error) {
		ids, err = tx.OpenChangesRelyingOn(s.Context(), facts)
		return err
	})
	return ids
}

func relyingOn(s *suite) {
	org := s.found()
	one, two, three := pending(1), pending(2), pending(3)
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutChange(s.Context(), two, base("b", "ü 'quoted' \\ \"")))
		s.must(tx.PutChange(s.Context(), one, base("a", "b")))
		return tx.PutChange(s.Context(), three, nil)
	})
	for _, c := range []struct {
		facts []countersign.Fact
		want  []countersign.ChangeID
	}{
		{[]countersign.Fact{"a"}, []countersign.ChangeID{one.ID}},
		{[]countersign.Fact{"b"}, []countersign.ChangeID{one.ID, two.ID}},
		{[]countersign.Fact{"ü 'quoted' \\ \"", "a", "a", "nobody's"}, []countersign.ChangeID{one.ID, two.ID}},
		{[]countersign.Fact{"B", ""}, nil},
		{nil, nil},
	} {
		s.same(c.want, s.relyingOn(org, c.facts...))
	}
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutChange(s.Context(), two, base("c")))
		one.State = countersign.ChangeStale
		return tx.PutChange(s.Context(), one, base("a", "b")) // what it relied on no longer matters
	})
	s.same([]countersign.ChangeID{two.ID}, s.relyingOn(org, "a", "b", "c", "ü 'quoted' \\ \""))
	closed := pending(5)
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutChange(s.Context(), closed, base("c")))
		closed.State = countersign.ChangeApplied
		return tx.PutChange(s.Context(), closed, nil) // also when it is not named
	})
	s.same([]countersign.ChangeID{two.ID}, s.relyingOn(org, "c"))
	s.same([]countersign.ChangeID(nil), s.relyingOn(org, "a", "b"))

	many := make([]countersign.Fact, 20_000)
	for i := range many {
		many[i] = id[countersign.Fact]("membership", i)
	}
	four := pending(4)
	s.write(org, func(tx store.WriteTx) error { return tx.PutChange(s.Context(), four, base(many...)) })
	s.same([]countersign.ChangeID{two.ID, four.ID}, s.relyingOn(org, append(many[1:], "c")...))
}

func baseStays(s *suite) {
	org := s.found()
	c := pending(1)
	s.write(org, func(tx store.WriteTx) error { return tx.PutChange(s.Context(), c, base("a")) })
	c.Version = 2 // as after a vote
	s.write(org, func(tx store.WriteTx) error { return tx.PutChange(s.Context(), c, nil) })
	s.same([]countersign.ChangeID{c.ID}, s.relyingOn(org, "a"))
}

func countsAndExpiry(s *suite) {
	org := s.found()
	now := time.UnixMicro(1_700_000_000_000_000).UTC()
	s.write(org, func(tx store.WriteTx) error {
		for n, c := range []store.ChangeRecord{
			{ExpiresAt: now.Add(time.Microsecond), RequesterPerson: "alice", State: countersign.ChangePending},
			{ExpiresAt: now.Add(time.Hour), RequesterPerson: "bob", State: countersign.ChangeScheduled},
			{ExpiresAt: now, RequesterPerson: "alice", State: countersign.ChangePending},
			{ExpiresAt: now.Add(-time.Hour), RequesterPerson: "bob", State: countersign.ChangePending},
			{ExpiresAt: now.Add(-2 * time.Hour), RequesterPerson: "bob", State: countersign.ChangeApplied},
			{ExpiresAt: now.Add(time.Hour), RequesterPerson: "alice", State: countersign.ChangeCancelled},
		} {
			c.ID = id[countersign.ChangeID]("change", n)
			s.must(tx.PutChange(s.Context(), c, nil))
		}
		return nil
	})
	s.read(org, func(tx store.ReadTx) error {
		for person, want := range map[countersign.UserID][2]int{"alice": {2, 1}, "bob": {2, 1}, "eve": {2, 0}} {
			all, own, err := tx.CountOpen(s.Context(), person, now)
			s.must(err)
			s.same(want, [2]int{all, own})
		}
		counts, err := tx.CountChanges(s.Context(), time.Time{})
		s.must(err)
		s.same(map[countersign.ChangeState]int{
			countersign.ChangePending: 3, countersign.ChangeScheduled: 1, countersign.ChangeApplied: 1, countersign.ChangeCancelled: 1,
		}, counts)
		counts, err = tx.CountChanges(s.Context(), now)
		s.must(err)
		s.same(map[countersign.ChangeState]int{
			countersign.ChangePending: 1, countersign.ChangeScheduled: 1, countersign.ChangeApplied: 1, countersign.ChangeCancelled: 1, countersign.ChangeExpired: 2,
		}, counts)
		for limit, want := range map[int][]countersign.ChangeID{
			10: {"change-000003", "change-000002"}, 1: {"change-000003"}, 0: nil, -1: nil,
		} {
			got, err := tx.ExpiredChanges(s.Context(), now, limit)
			s.must(err)
			s.same(want, got)
		}
		return nil
	})
	all, own := -1, -1
	s.read(s.found(), func(tx store.ReadTx) (err error) { all, own, err = tx.CountOpen(s.Context(), "alice", now); return err })
	s.same([]int{0, 0}, []int{all, own})
}

func votedWith(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		for n, votes := range [][]countersign.Approval{
			{{Credential: "one"}, {Credential: "two"}},
			{{Credential: "two", Statement: `{"change":"one","credential":"one","seen":{}}`}},
			{{Credential: "two"}},
			{{Credential: "one"}, {Credential: "one"}},
			{{Credential: "two", Statement: `{"credential":"none"}`}, {Credential: "three", Statement: `{"person":"one"}`}},
			nil,
		} {
			s.must(tx.PutChange(s.Context(), pending(n), nil))
			for i, a := range votes {
				a.Change, a.Position = pending(n).ID, int64(10*n+i+1)
				s.must(tx.AddApproval(s.Context(), a))
			}
		}
		return nil
	})
	s.read(org, func(tx store.ReadTx) error {
		for _, c := range []struct {
			credential countersign.CredentialID
			before     int
			limit      int
			want       []int64
		}{
			{"one", 9, 10, []int64{3, 1, 0}},
			{"one", 9, 2, []int64{3, 1}},
			{"one", 1, 10, []int64{0}},
			{"three", 9, 10, []int64{4}},
			{"none", 9, 10, []int64{4}},
			{"nobody", 9, 10, nil},
			{"%", 9, 10, nil},
			{"o_e", 9, 10, nil},
			{"one", 9, 0, nil},
		} {
			got, err := tx.ChangesVotedWith(s.Context(), c.credential, pending(c.before).ID, c.limit)
			s.must(err)
			s.same(c.want, numbers(got))
		}
		newest, err := tx.ChangesVotedWith(s.Context(), "one", "", 1)
		s.must(err)
		s.same(2, len(newest[0].Approvals))
		return nil
	})
}

func numbers(records []store.ChangeRecord) (list []int64) {
	for _, c := range records {
		list = append(list, c.Version)
	}
	return list
}

func (s *suite) page(org countersign.OrganizationID, states []countersign.ChangeState, before countersign.ChangeID, limit int) (list []int64) {
	s.Helper()
	s.read(org, func(tx store.ReadTx) error {
		records, err := tx.Changes(s.Context(), states, before, limit)
		list = numbers(records)
		return err
	})
	return list
}

func changePages(s *suite) {
	org := s.found()
	s.same([]int64(nil), s.page(org, nil, "", 10))
	s.write(org, func(tx store.WriteTx) error {
		for n := 1; n <= 9; n++ {
			c := pending(n)
			if n%3 == 0 {
				c.State = countersign.ChangeApplied
			}
			if n == 5 {
				c.State = countersign.ChangeRejected
			}
			c.Payload = []byte{byte(n)}
			s.must(tx.PutChange(s.Context(), c, nil))
		}
		return nil
	})
	for _, c := range []struct {
		name   string
		states []countersign.ChangeState
		before countersign.ChangeID
		limit  int
		want   []int64
	}{
		{"the newest", nil, "", 4, []int64{9, 8, 7, 6}},
		{"below one", nil, "change-000006", 4, []int64{5, 4, 3, 2}},
		{"the end", nil, "change-000002", 4, []int64{1}},
		{"past the end", nil, "change-000001", 4, nil},
		{"below one that is not there", nil, "change-000004x", 2, []int64{4, 3}},
		{"one state", []countersign.ChangeState{countersign.ChangeApplied}, "", 10, []int64{9, 6, 3}},
		{"states merged", []countersign.ChangeState{countersign.ChangeRejected, countersign.ChangeApplied}, "change-000009", 2, []int64{6, 5}},
		{"a state twice", []countersign.ChangeState{countersign.ChangeRejected, countersign.ChangeRejected}, "", 2, []int64{5}},
		{"a state nobody is in", []countersign.ChangeState{countersign.ChangeExpired}, "", 2, nil},
		{"no state", []countersign.ChangeState{}, "", 2, nil},
		{"no room", nil, "", 0, nil},
	} {
		s.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, store: s.store}
			s.same(c.want, s.page(org, c.states, c.before, c.limit))
		})
	}
}

func changePagesAreStable(s *suite) {
	org := s.found()
	next := 0
	add := func() {
		next++
		s.write(org, func(tx store.WriteTx) error { return tx.PutChange(s.Context(), pending(next), nil) })
	}
	for range 9 {
		add()
	}
	var seen []int64
	for before := countersign.ChangeID(""); ; before = id[countersign.ChangeID]("change", int(seen[len(seen)-1])) {
		page := s.page(org, nil, before, 3)
		if len(page) == 0 {
			break
		}
		seen = append(seen, page...)
		add()
		closed := pending(int(page[0]))
		closed.State = countersign.ChangeCancelled
		s.write(org, func(tx store.WriteTx) error { return tx.PutChange(s.Context(), closed, nil) })
	}
	s.same([]int64{9, 8, 7, 6, 5, 4, 3, 2, 1}, seen)
}

func idempotency(s *suite) {
	org := s.found()
	now := time.UnixMicro(1_700_000_000_000_000).UTC()
	var records []store.IdempotencyRecord
	for n := range 5 {
		r := sample[store.IdempotencyRecord](n + 1)
		r.Principal, r.Route, r.Key = "alice", "PUT /things", id[string]("key", n)
		r.CreatedAt = now.Add(time.Duration(n) * time.Microsecond)
		records = append(records, r)
	}
	s.write(org, func(tx store.WriteTx) error {
		for _, r := range records {
			s.must(tx.Remember(s.Context(), r))
		}
		return nil
	})
	known := func(oldest time.Time) (keys []int) {
		s.write(org, func(tx store.WriteTx) error {
			for n, r := range records {
				got, err := tx.Remembered(s.Context(), r.Principal, r.Route, r.Key, oldest)
				if err == nil {
					s.same(r, got)
					keys = append(keys, n)
				} else {
					s.is(err, countersign.NotFound)
				}
			}
			return nil
		})
		return keys
	}
	s.same([]int{0, 1, 2, 3, 4}, known(now.Add(-time.Microsecond)))
	s.same([]int{1, 2, 3, 4}, known(now)) // created at the limit is too old
	forget := func(oldest time.Time, limit int) {
		s.write(org, func(tx store.WriteTx) error { return tx.Forget(s.Context(), oldest, limit) })
	}
	forget(now.Add(time.Microsecond), 0)
	s.same([]int{0, 1, 2, 3, 4}, known(time.Time{}))
	forget(now.Add(2*time.Microsecond), 2) // of three that are old enough, the two oldest
	s.same([]int{2, 3, 4}, known(time.Time{}))
	forget(now.Add(2*time.Microsecond), 100)
	s.same([]int{3, 4}, known(time.Time{}))
	records[3].Status, records[3].Body, records[3].CreatedAt = 500, []byte("again"), now.Add(time.Hour)
	s.write(org, func(tx store.WriteTx) error { return tx.Remember(s.Context(), records[3]) })
	s.same([]int{3}, known(now.Add(time.Minute)))
}

func idempotencyKeys(s *suite) {
	org := s.found()
	r := sample[store.IdempotencyRecord](1)
	r.Principal, r.Route, r.Key = "alice", "PUT /things", "key"
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.Remember(s.Context(), r))
		for _, c := range [][3]string{{"bob", r.Route, r.Key}, {"alice", "PUT /Things", r.Key}, {"alice", r.Route, "Key"}} {
			_, err := tx.Remembered(s.Context(), countersign.UserID(c[0]), c[1], c[2], time.Time{})
			s.is(err, countersign.NotFound)
		}
		_, err := tx.Remembered(s.Context(), r.Principal, r.Route, r.Key, time.Time{})
		return err
	})
}

func sorted[T ~string](list ...T) []T {
	slices.Sort(list)
	return list
}

func forgetPerOrganization(s *suite) {
	old, young := s.found(), s.found()
	r := sample[store.IdempotencyRecord](1)
	later := r
	later.CreatedAt = r.CreatedAt.Add(time.Hour)
	s.write(old, func(tx store.WriteTx) error { return tx.Remember(s.Context(), r) })
	s.write(young, func(tx store.WriteTx) error {
		s.must(tx.Remember(s.Context(), later))
		s.must(tx.Forget(s.Context(), r.CreatedAt, 100))
		_, err := tx.Remembered(s.Context(), r.Principal, r.Route, r.Key, time.Time{})
		return err
	})
}

func earlierChanges(s *suite) {
	org := s.found()
	now := time.UnixMicro(1_700_000_000_000_000).UTC()
	s.write(org, func(tx store.WriteTx) error {
		for n, c := range []store.ChangeRecord{
			{RequesterPerson: "alice", Intent: "a", State: countersign.ChangeRejected, ClosedAt: now, ClosedBecause: "denied"},
			{RequesterPerson: "bob", Intent: "a", State: countersign.ChangeRejected},
			{RequesterPerson: "alice", Intent: "b", State: countersign.ChangeRejected},
			{RequesterPerson: "alice", Intent: "", State: countersign.ChangeApplied},
			{RequesterPerson: "alice", Intent: "a", State: countersign.ChangePending, ExpiresAt: now},
			{RequesterPerson: "alice", Intent: "a", State: countersign.ChangePending},
		} {
			c.ID = id[countersign.ChangeID]("change", n)
			s.must(tx.PutChange(s.Context(), c, nil))
		}
		return nil
	})
	first := store.EarlierChange{ID: "change-000000", State: countersign.ChangeRejected, ClosedAt: now, ClosedBecause: "denied"}
	second := store.EarlierChange{ID: "change-000004", State: countersign.ChangePending, ExpiresAt: now}
	third := store.EarlierChange{ID: "change-000005", State: countersign.ChangePending}
	for _, c := range []struct {
		person countersign.UserID
		intent string
		before countersign.ChangeID
		limit  int
		want   []store.EarlierChange
	}{
		{"alice", "a", "", 10, []store.EarlierChange{third, second, first}},
		{"alice", "a", "change-000005", 10, []store.EarlierChange{second, first}},
		{"alice", "a", "change-000005", 1, []store.EarlierChange{second}},
		{"alice", "a", "change-000000", 10, nil},
		{"alice", "a", "", 0, nil},
		{"alice", "", "", 10, nil}, // what is not looked for is not found by that
		{"eve", "a", "", 10, nil},
	} {
		s.read(org, func(tx store.ReadTx) error {
			got, err := tx.EarlierChanges(s.Context(), c.person, c.intent, c.before, c.limit)
			s.must(err)
			s.same(c.want, got)
			return nil
		})
	}
}
