package storetest

import (
	"fmt"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func emergencyTests(*suite) []test {
	return []test{
		{name: "an emergency act is recorded once, and stands as its ratification does", run: emergencyOnce},
		{name: "emergency acts are listed newest first, all or those nobody ratified", run: emergenciesListed},
		{name: "the acts of one person after a moment are counted", run: emergenciesCounted},
	}
}

// act records an emergency with its ratification in a state.
func (s *suite) act(tx store.WriteTx, n int, person countersign.UserID, at time.Time, state countersign.ChangeState) countersign.Emergency {
	s.Helper()
	r := pending(n)
	r.State = state
	s.must(tx.PutChange(s.Context(), r, nil))
	e := countersign.Emergency{
		Change: id[countersign.ChangeID]("act", n), Kind: countersign.KindUserSuspend, Person: person, At: at, Ratification: r.ID,
		State: state, Position: int64(n + 1),
	}
	s.must(tx.PutEmergency(s.Context(), e))
	return e
}

var someMoment = time.UnixMicro(1_700_000_000_000_000).UTC()

func emergencyOnce(s *suite) {
	org := s.found()
	var want countersign.Emergency
	s.write(org, func(tx store.WriteTx) error {
		want = s.act(tx, 1, "alice", someMoment, countersign.ChangePending)
		return nil
	})
	err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error { return tx.PutEmergency(s.Context(), want) })
	s.is(err, countersign.Exists, "emergency_exists")
	s.write(org, func(tx store.WriteTx) error {
		r, err := tx.Change(s.Context(), want.Ratification)
		s.must(err)
		r.State, want.State = countersign.ChangeApplied, countersign.ChangeApplied
		return tx.PutChange(s.Context(), r, nil)
	})
	s.read(org, func(tx store.ReadTx) error {
		got, err := tx.Emergency(s.Context(), want.Change)
		s.must(err)
		s.same(want, got)
		_, err = tx.Emergency(s.Context(), "another")
		s.is(err, countersign.NotFound)
		return nil
	})
}

func emergenciesListed(s *suite) {
	org := s.found()
	states := []countersign.ChangeState{
		countersign.ChangePending, countersign.ChangeApplied, countersign.ChangeExpired, countersign.ChangeApplied, countersign.ChangeRejected,
	}
	var all, unratified []countersign.Emergency
	s.write(org, func(tx store.WriteTx) error {
		all, unratified = nil, nil
		for n, state := range states {
			e := s.act(tx, n, "alice", someMoment, state)
			all = append([]countersign.Emergency{e}, all...)
			if state != countersign.ChangeApplied {
				unratified = append([]countersign.Emergency{e}, unratified...)
			}
		}
		return nil
	})
	s.read(org, func(tx store.ReadTx) error {
		for _, c := range []struct {
			unratified bool
			want       []countersign.Emergency
		}{{false, all}, {true, unratified}} {
			var got []countersign.Emergency
			before := countersign.ChangeID("")
			for range len(all) + 1 { // page by page
				page, err := tx.Emergencies(s.Context(), c.unratified, before, 2)
				s.must(err)
				got = append(got, page...)
				if len(page) > 0 {
					before = page[len(page)-1].Change
				}
			}
			s.same(c.want, got)
		}
		none, err := tx.Emergencies(s.Context(), false, "", 0)
		if len(none) > 0 || err != nil {
			s.Errorf("no act was asked for: %v, %v", none, err)
		}
		n, m, err := tx.CountEmergencies(s.Context())
		s.same(fmt.Sprint(len(all), len(unratified), nil), fmt.Sprint(n, m, err))
		return nil
	})
}

func emergenciesCounted(s *suite) {
	org := s.found()
	s.write(org, func(tx store.WriteTx) error {
		for n := range 3 {
			s.act(tx, n, "alice", someMoment.Add(time.Duration(n)*time.Hour), countersign.ChangePending)
		}
		s.act(tx, 3, "bob", someMoment.Add(time.Hour), countersign.ChangeApplied)
		return nil
	})
	s.read(org, func(tx store.ReadTx) error {
		for after, want := range map[time.Duration]int{-time.Microsecond: 3, 0: 2, time.Hour: 1, 2 * time.Hour: 0} {
			got, err := tx.EmergenciesOf(s.Context(), "alice", someMoment.Add(after))
			s.must(err)
			s.same(want, got)
		}
		return nil
	})
}
