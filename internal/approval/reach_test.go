package approval_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
)

// A case is within reach exactly when there is some way of saying yes by some of
// those who have not spoken that meets it: every such way is tried (L8).
func TestReachableIsWhatSomeVotesWouldMeet(t *testing.T) {
	seen := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 8))
		c := someCase(r)
		got := approval.Count(c)
		want := someoneMeets(c)
		seen[want]++
		if got.Reachable != want {
			rt.Fatalf("reachable %t, want %t: %+v", got.Reachable, want, c)
		}
		if got.Reachable != (got.Short == approval.Shortfall{}) {
			rt.Fatalf("reachable %t, and short of %+v", got.Reachable, got.Short)
		}
		if !got.Reachable && got.Short.Left >= got.Short.Need {
			rt.Fatalf("short of %+v", got.Short)
		}
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("%d cases within reach, %d out of it", seen[true], seen[false])
	}
}

// someCase draws up to three clauses over six people, some of whom have spoken.
func someCase(r *rand.Rand) approval.Case {
	six := people{"ada", "grace", "linus", "edsger", "barbara", "ken"}
	some := func(percent int) (out people) {
		for _, id := range six {
			if r.IntN(100) < percent {
				out = append(out, id)
			}
		}
		return out
	}
	// Nobody who denies ends it: what is asked is whether it can be met.
	c := approval.Case{Distinct: r.IntN(5), Exclusive: r.IntN(2) == 0, Veto: 10, Signed: r.IntN(4) == 0, Excluded: some(15), Digest: "digest"}
	for range 1 + r.IntN(3) {
		c.Clauses = append(c.Clauses, approval.ClauseCase{
			Clause: countersign.Clause{Need: 1 + r.IntN(3)}, Pool: some(75), Now: some(75),
		})
	}
	for range r.IntN(5) {
		v := vote(six[r.IntN(len(six))], []countersign.Decision{countersign.Approve, countersign.Deny, countersign.Withdraw}[r.IntN(3)])
		if r.IntN(8) == 0 {
			v.Digest = "another"
		}
		if r.IntN(2) == 0 {
			v.Signature = "signed"
		}
		c.Approvals = append(c.Approvals, v)
	}
	return c
}

// someoneMeets lets every set of those who have not spoken approve, and tells
// whether any of them meets the case. It decides who has spoken, and whether enough
// have, by itself.
func someoneMeets(c approval.Case) bool {
	last := map[countersign.UserID]countersign.Decision{}
	for _, v := range c.Approvals {
		if v.Digest != c.Digest {
			continue
		}
		last[v.Person] = v.Decision
		if c.Signed && v.Decision == countersign.Approve && v.Signature == "" {
			delete(last, v.Person)
		}
	}
	yes, open := map[countersign.UserID]bool{}, people{}
	for _, id := range []countersign.UserID{"ada", "grace", "linus", "edsger", "barbara", "ken"} {
		switch last[id] {
		case countersign.Approve:
			yes[id] = true
		case countersign.Deny:
		default:
			open = append(open, id)
		}
	}
	for set := range 1 << len(open) {
		say := map[countersign.UserID]bool{}
		for id := range yes {
			say[id] = true
		}
		for i, id := range open {
			if set>>i&1 == 1 {
				say[id] = true
			}
		}
		if meets(c, say) {
			return true
		}
	}
	return false
}

// meets counts those who say yes.
func meets(c approval.Case, yes map[countersign.UserID]bool) bool {
	counted := map[countersign.UserID]bool{}
	var may [][]countersign.UserID
	for _, clause := range c.Clauses {
		var list []countersign.UserID
		for id := range yes {
			if slices.Contains(clause.Pool, id) && slices.Contains(clause.Now, id) && !slices.Contains(c.Excluded, id) {
				list = append(list, id)
				counted[id] = true
			}
		}
		may = append(may, list)
	}
	if len(counted) < c.Distinct {
		return false
	}
	needs := make([]int, len(c.Clauses))
	for i, clause := range c.Clauses {
		needs[i] = clause.Clause.Need
		if !c.Exclusive && len(may[i]) < needs[i] {
			return false
		}
	}
	return !c.Exclusive || seats(may, needs, map[countersign.UserID]bool{})
}

// seats tries every way of giving each clause people of its own.
func seats(may [][]countersign.UserID, needs []int, taken map[countersign.UserID]bool) bool {
	for i := range needs {
		if needs[i] == 0 {
			continue
		}
		for _, id := range may[i] {
			if taken[id] {
				continue
			}
			less := slices.Clone(needs)
			less[i]--
			taken[id] = true
			if seats(may, less, taken) {
				return true
			}
			delete(taken, id)
		}
		return false
	}
	return true
}
