package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func scanTests(*suite) []test {
	return []test{
		{name: "scans give what moved past a position, tombstones too, in order of version and id", run: scansInOrder},
		{name: "open requests from position 0 are those still open, later all that moved", run: openChangesSince},
		{name: "lists of one user or group give the living in order of id", run: livingLists},
		{name: "an error of the callback ends a scan and comes back as it is", run: callbackError},
		{name: "a callback cannot use the transaction", run: callbackUse},
		{name: "what a callback was given is its own", run: callbackKeeps},
	}
}

// moved is a row as a scan gives it: enough to see order and tombstones.
type moved struct {
	Version int64
	ID      string
	Gone    bool
}

// scanning is a noun's scan, and how to write a row for it.
type scanning struct {
	name string
	put  func(ctx context.Context, tx store.WriteTx, m moved) error
	scan func(ctx context.Context, tx store.ReadTx, position int64) ([]moved, error)
}

func scannings() []scanning {
	state := func(m moved, dead string) string {
		if m.Gone {
			return dead
		}
		return "active"
	}
	return []scanning{
		{
			"users", func(ctx context.Context, tx store.WriteTx, m moved) error {
				return tx.PutUser(ctx, countersign.User{
					ID: countersign.UserID(m.ID), Version: m.Version, State: countersign.UserState(state(m, "deleted")), Number: int64(m.ID[0]),
				}, "")
			}, func(ctx context.Context, tx store.ReadTx, position int64) (rows []moved, err error) {
				err = tx.UsersSince(ctx, position, func(u countersign.User) error {
					rows = append(rows, moved{u.Version, string(u.ID), !u.Living()})
					return nil
				})
				return rows, err
			},
		},
		{
			"groups", func(ctx context.Context, tx store.WriteTx, m moved) error {
				return tx.PutGroup(ctx, countersign.Group{
					ID: countersign.GroupID(m.ID), Version: m.Version, State: countersign.GroupState(state(m, "deleted")), Number: int64(m.ID[0]),
				}, m.ID)
			}, func(ctx context.Context, tx store.ReadTx, position int64) (rows []moved, err error) {
				err = tx.GroupsSince(ctx, position, func(g countersign.Group) error {
					rows = append(rows, moved{g.Version, string(g.ID), !g.Living()})
					return nil
				})
				return rows, err
			},
		},
		{
			"memberships", func(ctx context.Context, tx store.WriteTx, m moved) error {
				return tx.PutMembership(ctx, countersign.Membership{
					ID: countersign.MembershipID(m.ID), UserID: countersign.UserID(m.ID), Version: m.Version,
					State: countersign.MembershipState(state(m, "removed")), Number: int64(m.ID[0]),
				})
			}, func(ctx context.Context, tx store.ReadTx, position int64) (rows []moved, err error) {
				err = tx.MembershipsSince(ctx, position, func(m countersign.Membership) error {
					rows = append(rows, moved{m.Version, string(m.ID), m.State == countersign.MembershipRemoved})
					return nil
				})
				return rows, err
			},
		},
		{
			"credentials", func(ctx context.Context, tx store.WriteTx, m moved) error {
				return tx.PutCredential(ctx, countersign.Credential{
					ID: countersign.CredentialID(m.ID), Version: m.Version, State: countersign.CredentialState(state(m, "revoked")),
				})
			}, func(ctx context.Context, tx store.ReadTx, position int64) (rows []moved, err error) {
				err = tx.CredentialsSince(ctx, position, func(c countersign.Credential) error {
					rows = append(rows, moved{c.Version, string(c.ID), c.State == countersign.CredentialRevoked})
					return nil
				})
				return rows, err
			},
		},
		{
			"catalogue", func(ctx context.Context, tx store.WriteTx, m moved) error {
				return tx.PutCataloguePermission(ctx, countersign.CataloguePermission{
					Permission: countersign.Permission(m.ID), Version: m.Version, Removed: m.Gone,
				})
			}, func(ctx context.Context, tx store.ReadTx, position int64) (rows []moved, err error) {
				err = tx.CatalogueSince(ctx, position, func(p countersign.CataloguePermission) error {
					rows = append(rows, moved{p.Version, string(p.Permission), p.Removed})
					return nil
				})
				return rows, err
			},
		},
	}
}

func scansInOrder(s *suite) {
	org := s.found()
	want := []moved{{2, "_", false}, {2, "a", true}, {3, "B", false}, {3, "b", true}, {5, "A", false}, {5, "ä", false}}
	for _, c := range scannings() {
		s.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, store: s.store}
			s.write(org, func(tx store.WriteTx) error {
				for _, i := range []int{5, 1, 3, 0, 4, 2} {
					s.must(c.put(s.Context(), tx, moved{1, want[i].ID, false})) // an earlier version of the row
					s.must(c.put(s.Context(), tx, want[i]))
				}
				return nil
			})
			s.read(org, func(tx store.ReadTx) error {
				for position, from := range map[int64]int{-1: 0, 0: 0, 1: 0, 2: 2, 3: 4, 4: 4, 5: 6, 6: 6} {
					got, err := c.scan(s.Context(), tx, position)
					s.must(err)
					if fmt.Sprint(got) != fmt.Sprint(want[from:]) {
						s.Errorf("since %d: got %v, want %v", position, got, want[from:])
					}
				}
				return nil
			})
		})
	}
}

func openChangesSince(s *suite) {
	org := s.found()
	put := func(name countersign.ChangeID, state countersign.ChangeState, version int64) {
		s.write(org, func(tx store.WriteTx) error {
			return tx.PutChange(s.Context(), store.ChangeRecord{ID: name, State: state, Version: version}, nil)
		})
	}
	since := func(position int64) (rows []string) {
		s.read(org, func(tx store.ReadTx) error {
			return tx.OpenChangesSince(s.Context(), position, func(c store.ChangeRecord) error {
				rows = append(rows, fmt.Sprintf("%d %s %s", c.Version, c.ID, c.State))
				return nil
			})
		})
		return rows
	}
	put("b", countersign.ChangePending, 1)
	put("a", countersign.ChangeScheduled, 1)
	for i, state := range countersign.ChangeStates() {
		if !state.Open() {
			put(countersign.ChangeID("closed "+state), state, int64(10+i))
		}
	}
	s.same([]string{"1 a scheduled", "1 b pending"}, since(0))
	put("b", countersign.ChangeApplied, 20)
	s.same([]string{"1 a scheduled"}, since(0))
	s.same([]string{"20 b applied"}, since(19))
	s.same(len(countersign.ChangeStates())-2+1, len(since(1)))
}

func livingLists(s *suite) {
	org := s.found()
	states := []countersign.CredentialState{
		countersign.CredentialRevoked, countersign.CredentialActive, countersign.CredentialRedeemed, countersign.CredentialPending,
	}
	s.write(org, func(tx store.WriteTx) error {
		for i, n := range []int{4, 2, 3, 1} {
			s.must(tx.PutMembership(s.Context(), membership(n, 1, n)))
			s.must(tx.PutMembership(s.Context(), membership(10+n, 10+n, 9)))
			s.must(tx.PutCredential(s.Context(), countersign.Credential{ID: id[countersign.CredentialID]("credential", n), UserID: "user-000001", State: states[i]}))
		}
		gone := membership(20, 1, 20)
		gone.State = countersign.MembershipRemoved
		return tx.PutMembership(s.Context(), gone)
	})
	s.read(org, func(tx store.ReadTx) error {
		var numbers []int64
		number := func(m countersign.Membership) error { numbers = append(numbers, m.Number); return nil }
		s.must(tx.MembershipsOfUser(s.Context(), "user-000001", number))
		s.must(tx.MembershipsOfGroup(s.Context(), "group-000009", number))
		s.same([]int64{1, 2, 3, 4, 11, 12, 13, 14}, numbers)
		var ids []countersign.CredentialID
		err := tx.CredentialsOfUser(s.Context(), "user-000001", func(c countersign.Credential) error { ids = append(ids, c.ID); return nil })
		s.same([]countersign.CredentialID{"credential-000001", "credential-000002"}, ids)
		return err
	})
}

func callbackError(s *suite) {
	org := s.found()
	mine := errors.New("mine")
	s.write(org, func(tx store.WriteTx) error {
		for n := range 3 {
			s.must(tx.PutUser(s.Context(), person(n+1), ""))
		}
		return nil
	})
	calls := 0
	err := s.store.Read(s.Context(), org, func(tx store.ReadTx) error {
		err := tx.UsersSince(s.Context(), 0, func(countersign.User) error { calls++; return mine })
		if err != mine { //nolint:errorlint // as it is, not wrapped
			s.Errorf("the scan gave %v", err)
		}
		_, after := tx.User(s.Context(), "user-000002") // the transaction is as good as before
		return errors.Join(after, err)
	})
	if !errors.Is(err, mine) || errors.Is(err, countersign.NotFound) || calls != 1 {
		s.Errorf("got %v after %d calls", err, calls)
	}
}

func callbackUse(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		s.must(tx.PutUser(s.Context(), person(1), ""))
		inner := errors.New("never called")
		s.must(tx.UsersSince(s.Context(), 0, func(countersign.User) error {
			_, inner = tx.User(s.Context(), "user-000001")
			return nil
		}))
		if inner == nil {
			s.Error("one engine allows this and the other cannot; both must refuse")
		}
		_, err := tx.User(s.Context(), "user-000001")
		return err
	})
}

func callbackKeeps(s *suite) {
	org := s.found()
	var want []countersign.User
	s.write(org, func(tx store.WriteTx) error {
		for n := range 5 {
			u := sample[countersign.User](n + 1)
			u.Version = int64(n + 1)
			want = append(want, u)
			s.must(tx.PutUser(s.Context(), u, u.Email))
		}
		want = append(want, person(9))
		return tx.PutUser(s.Context(), person(9), "")
	})
	s.same(want, s.contents(org).Users)
}
