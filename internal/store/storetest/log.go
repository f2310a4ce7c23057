package storetest

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func logTests(*suite) []test {
	return []test{
		{name: "an entry comes back with every field, the head moves with it", run: entryRoundTrip},
		{name: "an entry that does not continue the log is refused", run: entryOutOfOrder},
		{name: "tree hashes come back in the order asked, a missing one is NotFound", run: hashesInOrder},
		{name: "entries are read upwards from an index, entries of a fact newest first", run: entryPages},
		{name: "pages of entries do not shift while the log grows", run: entryPagesAreStable},
		{name: "an entry that touches a great many facts is one entry", run: manyFacts},
		{name: "a blob stored twice is one blob", run: blobs},
		{name: "numbers start at 1, never repeat, and each sequence counts alone", run: sequences},
	}
}

func entryRoundTrip(s *suite) {
	org := s.found()
	s.same(countersign.Head{}, s.contents(org).Head)
	e := sample[countersign.AuditEntry](1)
	e.Index = 0
	next := sample[countersign.Head](2)
	next.Size = 1
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.AppendEntry(s.Context(), e, []countersign.Fact{someFact, someFact}, 0, [][]byte{hash(0), hash(1)}, next))
		head, err := tx.Head(s.Context())
		s.same(next, head)
		return err
	})
	got := s.contents(org)
	s.same(next, got.Head)
	s.same([]countersign.AuditEntry{e}, got.Entries)
	s.same([]countersign.AuditEntry{e}, got.Touched)
	s.same([][]byte{hash(0), hash(1)}, got.Hashes)
	s.write(org, func(tx store.WriteTx) error {
		head, err := tx.Head(s.Context())
		s.same(next, head)
		head.Frontier[0]++ // the caller's to keep: this changes nothing
		head, _ = tx.Head(s.Context())
		s.same(next, head)
		_, missing := tx.Entry(s.Context(), 1)
		s.is(missing, countersign.NotFound)
		return err
	})
}

func entryOutOfOrder(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error { return appendEntry(s.Context(), tx) })
	before := s.contents(org)
	for name, c := range map[string]struct{ index, size int64 }{
		"a gap": {2, 3}, "a second entry at an index": {0, 1}, "a head that stays": {1, 1}, "a head that jumps": {1, 3},
	} {
		err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
			return tx.AppendEntry(s.Context(), countersign.AuditEntry{Index: c.index}, nil, 50, nil, countersign.Head{Size: c.size})
		})
		if err == nil {
			s.Errorf("%s was accepted", name)
		}
	}
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
		return tx.AppendEntry(s.Context(), countersign.AuditEntry{Index: 1}, nil, 50, [][]byte{[]byte("short")}, countersign.Head{Size: 2})
	})
	if err == nil {
		s.Error("a hash of five bytes was accepted")
	}
	s.same(before, s.contents(org))
}

func hashesInOrder(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		for range 5 {
			s.must(appendEntry(s.Context(), tx))
		}
		got, err := tx.Hashes(s.Context(), []int64{7, 0, 9, 7})
		s.same([][]byte{hash(7), hash(0), hash(9), hash(7)}, got)
		s.must(err)
		got, err = tx.Hashes(s.Context(), nil)
		s.must(err)
		s.same(0, len(got))
		_, err = tx.Hashes(s.Context(), []int64{1, 10})
		s.is(err, countersign.NotFound)
		return nil
	})
}

func indexes(s *suite, org countersign.OrganizationID, page func(tx store.ReadTx, fn func(countersign.AuditEntry) error) error) (list []int64) {
	s.Helper()
	s.read(org, func(tx store.ReadTx) error {
		return page(tx, func(e countersign.AuditEntry) error { list = append(list, e.Index); return nil })
	})
	return list
}

func entryPages(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		for n := range 10 {
			facts := []countersign.Fact{"user:all"}
			if n%3 == 0 {
				facts = append(facts, "user:third")
			}
			s.must(appendEntry(s.Context(), tx, facts...))
		}
		return nil
	})
	for _, c := range []struct {
		from  int64
		limit int
		want  []int64
	}{{0, 3, []int64{0, 1, 2}}, {8, 3, []int64{8, 9}}, {10, 3, nil}, {0, 0, nil}, {0, -1, nil}} {
		got := indexes(s, org, func(tx store.ReadTx, fn func(countersign.AuditEntry) error) error {
			return tx.Entries(s.Context(), c.from, c.limit, fn)
		})
		s.same(c.want, got)
	}
	for _, c := range []struct {
		fact   countersign.Fact
		before int64
		limit  int
		want   []int64
	}{
		{"user:all", 0, 2, []int64{9, 8}},
		{"user:third", 0, 10, []int64{9, 6, 3, 0}},
		{"user:third", 10, 10, []int64{6, 3, 0}}, // position 10 is the entry at index 9
		{"user:third", 7, 1, []int64{3}},
		{"user:third", 1, 10, nil},
		{"user:Third", 0, 10, nil},
		{"user:all", 0, 0, nil},
	} {
		got := indexes(s, org, func(tx store.ReadTx, fn func(countersign.AuditEntry) error) error {
			return tx.EntriesOf(s.Context(), c.fact, c.before, c.limit, fn)
		})
		s.same(c.want, got)
	}
}

func entryPagesAreStable(s *suite) {
	org := s.found()
	grow := func() {
		s.write(org, func(tx store.WriteTx) error { return appendEntry(s.Context(), tx, "user:all") })
	}
	for range 7 {
		grow()
	}
	var up, down []int64
	for from := int64(0); from < 7; from += 3 {
		up = append(up, indexes(s, org, func(tx store.ReadTx, fn func(countersign.AuditEntry) error) error {
			return tx.Entries(s.Context(), from, 3, fn)
		})...)
		grow()
	}
	s.same([]int64{0, 1, 2, 3, 4, 5, 6, 7, 8}, up)
	for before := int64(8); ; before = down[len(down)-1] + 1 {
		page := indexes(s, org, func(tx store.ReadTx, fn func(countersign.AuditEntry) error) error {
			return tx.EntriesOf(s.Context(), "user:all", before, 3, fn)
		})
		if len(page) == 0 {
			break
		}
		down = append(down, page...)
		grow()
	}
	s.same([]int64{6, 5, 4, 3, 2, 1, 0}, down)
}

func manyFacts(s *suite) {
	org := s.found()
	facts := make([]countersign.Fact, 20_000)
	for i := range facts {
		facts[i] = id[countersign.Fact]("membership", len(facts)-i)
	}
	s.write(org, func(tx store.WriteTx) error { return appendEntry(s.Context(), tx, facts...) })
	for _, fact := range []countersign.Fact{facts[0], facts[7777], facts[len(facts)-1]} {
		got := indexes(s, org, func(tx store.ReadTx, fn func(countersign.AuditEntry) error) error {
			return tx.EntriesOf(s.Context(), fact, 0, 10, fn)
		})
		s.same([]int64{0}, got)
	}
}

func blobs(s *suite) {
	org := s.found()
	body := slices.Repeat([]byte{0, 1, 255, 'x'}, 50_000)
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutBlob(s.Context(), "digest", body))
		return tx.PutBlob(s.Context(), "digest", body)
	})
	s.read(org, func(tx store.ReadTx) error {
		got, err := tx.Blob(s.Context(), "digest")
		if !slices.Equal(got, body) {
			s.Error("the blob came back otherwise")
		}
		_, missing := tx.Blob(s.Context(), "Digest")
		s.is(missing, countersign.NotFound)
		return err
	})
}

func sequences(s *suite) {
	org, other := s.found(), s.found()
	allot := func(org countersign.OrganizationID, sequence store.Sequence, n int64) (first int64) {
		s.write(org, func(tx store.WriteTx) (err error) { first, err = tx.Allot(s.Context(), sequence, n); return err })
		return first
	}
	for _, sequence := range []store.Sequence{store.UserNumbers, store.GroupNumbers, store.MembershipNumbers} {
		s.same([]int64{1, 2, 7, 1}, []int64{allot(org, sequence, 1), allot(org, sequence, 5), allot(org, sequence, 1), allot(other, sequence, 1)})
	}
	s.write(org, func(tx store.WriteTx) error {
		first, err := tx.Allot(s.Context(), store.UserNumbers, 2)
		s.must(err)
		second, err := tx.Allot(s.Context(), store.UserNumbers, 1)
		s.same([]int64{8, 10}, []int64{first, second})
		return err
	})
	for name, refused := range map[string]func(tx store.WriteTx) (int64, error){
		"none":       func(tx store.WriteTx) (int64, error) { return tx.Allot(s.Context(), store.UserNumbers, 0) },
		"fewer":      func(tx store.WriteTx) (int64, error) { return tx.Allot(s.Context(), store.UserNumbers, -3) },
		"no such":    func(tx store.WriteTx) (int64, error) { return tx.Allot(s.Context(), "organization", 1) },
		"no name":    func(tx store.WriteTx) (int64, error) { return tx.Allot(s.Context(), "", 1) },
		"upper case": func(tx store.WriteTx) (int64, error) { return tx.Allot(s.Context(), "User", 1) },
	} {
		if s.store.Write(s.Context(), org, func(tx store.WriteTx) error { _, err := refused(tx); return err }) == nil {
			s.Errorf("numbers were allotted: %s", name)
		}
	}
	s.same(int64(11), allot(org, store.UserNumbers, 1))
}

// fill writes one of everything, so that a dump has something to show.
func fillOrganization(s *suite, tx store.WriteTx) {
	s.Helper()
	ctx := s.Context()
	o, err := tx.Organization(ctx)
	s.must(err)
	o.Name += " renamed"
	s.must(tx.PutOrganization(ctx, o))
	s.must(tx.PutCataloguePermission(ctx, countersign.CataloguePermission{Permission: "things.read", Version: 1}))
	s.must(tx.PutUser(ctx, person(1), "one@example.com"))
	s.must(tx.PutGroup(ctx, group(1), "one"))
	s.must(tx.PutMembership(ctx, membership(1, 1, 1)))
	s.must(tx.TouchMembers(ctx, "group-000001", 1))
	s.must(tx.PutCredential(ctx, countersign.Credential{ID: "credential-000001", State: countersign.CredentialActive}))
	s.must(tx.PutChange(ctx, pending(1), base(someBase)))
	s.must(tx.AddApproval(ctx, countersign.Approval{Change: pending(1).ID, Position: 1}))
	s.must(tx.PutBlob(ctx, someDigest, []byte("body")))
	s.must(tx.Remember(ctx, store.IdempotencyRecord{Principal: "alice", CreatedAt: time.UnixMicro(1)}))
	_, err = tx.Allot(ctx, store.UserNumbers, 10)
	s.must(err)
	s.must(appendEntry(ctx, tx, someFact))
}
