package approval

import (
	"slices"

	"github.com/countersign/countersign"
)

// Case is everything a tally looks at.
type Case struct {
	// Clauses to be met, each with the pool of people fixed when the request was
	// made and the people eligible for the clause's set now.
	Clauses []ClauseCase
	// Distinct is how many different people must approve in all.
	Distinct int
	// Exclusive lets a person count in one clause only.
	Exclusive bool
	// Veto is how many denials end the request; 0 means one.
	Veto int
	// Signed lets only signed approvals count. A denial needs no signature: it is
	// on the safe side.
	Signed bool
	// Excluded people never count, whatever they are eligible for.
	Excluded []countersign.UserID
	// Approvals in the order given; the latest of a person is the effective one.
	// Votes that have become void are not among them.
	Approvals []countersign.Approval
	// Digest of the request; a vote for another digest is void.
	Digest string
}

// ClauseCase is one clause with its people.
type ClauseCase struct {
	Clause countersign.Clause
	Pool   []countersign.UserID
	Now    []countersign.UserID
}

// NewCase takes from a requirement all but the people, who are given for each
// of its clauses.
func NewCase(r countersign.Requirement, people func(i int, set countersign.ApproverSet) (pool, now []countersign.UserID)) Case {
	c := Case{Distinct: r.People(), Exclusive: r.Exclusive, Veto: r.Vetoes(), Signed: r.MustBeSigned()}
	for i, clause := range r.Clauses {
		pool, now := people(i, clause.Approvers)
		c.Clauses = append(c.Clauses, ClauseCase{Clause: clause, Pool: pool, Now: now})
	}
	return c
}

// Tally is how far a request has come.
type Tally struct {
	// Met is true when every clause is, by enough different people.
	Met bool
	// Denied is true when as many have denied as the veto needs.
	Denied bool
	// Denials counts those who may vote and deny.
	Denials int
	// People counts the different persons whose approval counts.
	People int
	// Clauses in the order of the case.
	Clauses []ClauseTally
	// Reachable is false when the request can no longer be met, even if all who
	// have not spoken approve (L8); Short then says of what there is too little.
	Reachable bool
	Short     Shortfall
}

// Shortfall is what too few people are left for.
type Shortfall struct {
	// Clause that is short of people; -1 when there are too few different people
	// over all clauses.
	Clause int
	// Need people, of whom only Left are there.
	Need int
	Left int
}

// ClauseTally is how far one clause has come.
type ClauseTally struct {
	// Have counts the approvals. Where clauses are exclusive, each approval
	// counts in one of them.
	Have int
	// Open are the people who could still vote, sorted.
	Open []countersign.UserID
}

// Count tallies the votes. Only people in the pool, eligible now, and not
// excluded count, each once per clause (R3, R5, R6, S1, S2, S9).
func Count(c Case) Tally {
	votes := effectiveVotes(c)
	var tally Tally
	approved, possible := make([][]countersign.UserID, len(c.Clauses)), make([][]countersign.UserID, len(c.Clauses))
	denied := map[countersign.UserID]bool{}
	for i, clause := range c.Clauses {
		var counted ClauseTally
		for _, person := range Voters(clause, c.Excluded) {
			switch votes[person] {
			case countersign.Approve:
				approved[i] = append(approved[i], person)
			case countersign.Deny:
				denied[person] = true
			default:
				counted.Open = append(counted.Open, person)
			}
		}
		possible[i] = slices.Concat(approved[i], counted.Open)
		tally.Clauses = append(tally.Clauses, counted)
	}
	have, met := c.fill(approved)
	for i := range tally.Clauses {
		tally.Clauses[i].Have = have[i]
	}
	short, found := c.short(possible)
	tally.Short, tally.Reachable = short, !found
	tally.People, tally.Denials = len(different(approved)), len(denied)
	tally.Denied = tally.Denials >= max(c.Veto, 1)
	// A requirement without clauses is met by policy, never by a tally: a
	// request that waits always asks somebody.
	tally.Met = met && !tally.Denied && len(c.Clauses) > 0
	return tally
}

// fill counts, per clause, the people who fill it, and reports whether all
// clauses are filled by enough different people.
func (c Case) fill(people [][]countersign.UserID) (have []int, filled bool) {
	if c.Exclusive {
		have = assign(people, c.needs())
	} else {
		for _, list := range people {
			have = append(have, len(list))
		}
	}
	filled = len(different(people)) >= c.Distinct
	for i, clause := range c.Clauses {
		filled = filled && have[i] >= clause.Clause.Need
	}
	return have, filled
}

// short finds what these people cannot fill: the first clause that lacks some, or
// else the number of different people.
func (c Case) short(people [][]countersign.UserID) (Shortfall, bool) {
	have, filled := c.fill(people)
	if filled {
		return Shortfall{}, false
	}
	for i, clause := range c.Clauses {
		if have[i] < clause.Clause.Need {
			return Shortfall{Clause: i, Need: clause.Clause.Need, Left: have[i]}, true
		}
	}
	return Shortfall{Clause: -1, Need: c.Distinct, Left: len(different(people))}, true
}

func (c Case) needs() []int {
	out := make([]int, len(c.Clauses))
	for i, clause := range c.Clauses {
		out[i] = clause.Clause.Need
	}
	return out
}

// different are the people of several lists, each once, sorted.
func different(lists [][]countersign.UserID) []countersign.UserID {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

func effectiveVotes(c Case) map[countersign.UserID]countersign.Decision {
	votes := make(map[countersign.UserID]countersign.Decision, len(c.Approvals))
	for _, a := range c.Approvals {
		switch {
		case a.Digest != c.Digest:
		case a.Decision == countersign.Approve && c.Signed && a.Signature == "":
			// What he said before no longer stands, and this does not count.
			delete(votes, a.Person)
		default:
			votes[a.Person] = a.Decision
		}
	}
	return votes
}

// Voters are the people whose vote counts for a clause now, sorted.
func Voters(c ClauseCase, excluded []countersign.UserID) []countersign.UserID {
	var out []countersign.UserID
	for _, person := range c.Pool {
		if slices.Contains(c.Now, person) && !slices.Contains(excluded, person) {
			out = append(out, person)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// MayVote reports whether a person's vote would count for any clause.
func MayVote(c Case, person countersign.UserID) bool {
	return slices.ContainsFunc(c.Clauses, func(clause ClauseCase) bool {
		return slices.Contains(Voters(clause, c.Excluded), person)
	})
}
