package approval

import "github.com/countersign/countersign"

// assign gives each person to at most one clause for which he qualifies, so that
// as many places as possible are filled, and returns how many each clause got.
// people are the candidates of each clause, needs its places.
//
// It is bipartite matching by augmenting paths (governance.md B.2 R3): a person
// who finds every clause of his full asks those in it, in turn, to move.
func assign(people [][]countersign.UserID, needs []int) []int {
	m := matching{needs: needs, given: make([][]countersign.UserID, len(needs)), clauses: map[countersign.UserID][]int{}}
	for i, list := range people {
		for _, person := range list {
			m.clauses[person] = append(m.clauses[person], i)
		}
	}
	for _, person := range different(people) {
		m.seen = make([]bool, len(needs))
		m.place(person)
	}
	have := make([]int, len(needs))
	for i := range have {
		have[i] = len(m.given[i])
	}
	return have
}

type matching struct {
	needs   []int
	given   [][]countersign.UserID
	clauses map[countersign.UserID][]int
	// seen are the clauses already asked on behalf of one person.
	seen []bool
}

// place finds a clause for a person and reports whether there is one.
func (m *matching) place(person countersign.UserID) bool {
	for _, i := range m.clauses[person] {
		if m.seen[i] {
			continue
		}
		m.seen[i] = true
		if len(m.given[i]) < m.needs[i] {
			m.given[i] = append(m.given[i], person)
			return true
		}
		for k, sitting := range m.given[i] {
			if m.place(sitting) {
				m.given[i][k] = person
				return true
			}
		}
	}
	return false
}
