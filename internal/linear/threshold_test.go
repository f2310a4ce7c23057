package linear

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// crowd is how many people vote on one request at the same time.
const crowd = 64

// Of sixty-four who approve at once, exactly one applies the request: the last
// that was missing. Who was before him is told how many there are, and who comes
// after him that it is decided; whoever reads meanwhile sees a number that some
// moment had.
func TestOfManyLastVotesOneApplies(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, s *stage) {
		people := s.voters(crowd + 1)
		// One request needs one vote more than it has; another half of the crowd.
		needs := map[countersign.ChangeKind]int{countersign.KindGroupCreate: 2, countersign.KindUserInvite: crowd / 2}
		s.seal(needs, 1, 1)
		first := seeds()[0]
		for round := range *rounds {
			// Every other vote is held in a storm.
			seed, losses := first+uint64(round), round%2
			name := fmt.Sprintf("round %d", round)
			ballot(s, seed, losses, people, needs[countersign.KindGroupCreate], &countersign.CreateGroup{Name: name})
			ballot(s, seed, losses, people, needs[countersign.KindUserInvite], &countersign.InvitePerson{
				Name: name, Email: fmt.Sprintf("round%d@somebody.example", round), Role: countersign.RoleNone,
			})
		}
	})
}

// counted is how many approve, and what has become of the request.
type counted struct {
	votes int
	state countersign.ChangeState
}

func (c counted) String() string { return fmt.Sprintf("%d, %s", c.votes, c.state) }

func countOf(c countersign.ChangeRequest) counted { return counted{len(c.Approvals), c.State} }

// voted answers a vote: the count with it.
type voted struct{ counted }

// ballot lets everybody vote on one request at once, with so many answers lost on
// the way; one has voted before if two are needed.
func ballot(s *stage, seed uint64, losses int, people []countersign.Actor, need int, op countersign.Change) {
	s.t.Helper()
	asked, err := s.Engine.Submit(s.t.Context(), s.As("ada").Actor, []countersign.Change{op}, engine.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	request, begun := asked.Change, 0
	approve := func(n *node, who countersign.Actor, marker string) (any, error) {
		result, err := n.Decide(s.t.Context(), who, request.ID, engine.Vote{Decision: countersign.Approve, Digest: request.Digest}, engine.Options{RequestID: marker})
		if err != nil {
			return nil, err
		}
		return voted{countOf(result.Change)}, nil
	}
	if need == 2 {
		if _, err := approve(s.nodes[0], people[crowd], ""); err != nil {
			s.t.Fatal(err)
		}
		begun = 1
	}
	h := &history{}
	calm := func() {}
	if losses > 0 {
		calm = s.storm(seed, losses)
	}
	key := fmt.Sprint(op.Kind())
	const readers = 4
	together(crowd+readers, seed, func(client int, r *rand.Rand) {
		n := s.any(r)
		if client < crowd {
			marker := fmt.Sprintf("%d-%s-%d", seed, key, client)
			h.do(client, key, marker, cast{do: "approve"}, func() (any, error) { return approve(n, people[client], marker) })
			return
		}
		for range 8 {
			h.do(client, key, "", cast{do: "read"}, func() (any, error) {
				v, err := n.Change(s.t.Context(), people[0], request.ID)
				return countOf(v.ChangeRequest), err
			})
		}
	})
	calm()
	h.settle(s.t, marked(s.t, s.Store, s.Org.ID))
	h.rank(begun, need)
	h.mustBeInOrder(s.t, seed, func(string) porcupine.Model { return ballots(begun, need) })
	if losses == 0 {
		h.mustApplyOnce(s.t, need-begun)
	}
}

// mustApplyOnce counts the answers where none got lost: those who made up what was
// missing were counted, the last of them applied it, and all others came late.
func (h *history) mustApplyOnce(t *testing.T, missing int) {
	t.Helper()
	count := map[string]int{}
	for _, c := range h.calls {
		switch answer := c.out.(type) {
		case voted:
			count[string(answer.state)]++
		case refusal:
			count[answer.String()]++
		}
	}
	want := map[string]int{"applied": 1, "refused: change_closed applied": crowd - missing}
	if missing > 1 {
		want["pending"] = missing - 1
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// cast is a vote or a look. Those that find the same count leave it as it is, so
// that they can be taken in the order in which they were called: rank says which of
// them it is. A vote comes after all who found one less, of which there are so many
// as it says. Without that there are as many orders to try as there are subsets of
// sixty-four.
type cast struct {
	do   string
	rank int
}

func (c cast) String() string { return c.do }

// rank numbers the calls that find the same count and change nothing.
func (h *history) rank(begun, need int) {
	found := func(c call) (counted, bool) {
		switch answer := c.out.(type) {
		case counted:
			return answer, true
		case refusal: // it says that it is applied: by as many as it needed
			return counted{need, countersign.ChangeApplied}, true
		default:
			return counted{}, false
		}
	}
	looked := map[counted]int{}
	for i, c := range h.calls {
		if at, idle := found(c); idle {
			h.calls[i].in = cast{c.in.(cast).do, looked[at]}
			looked[at]++
		}
	}
	for i, c := range h.calls {
		if c.nth > 0 {
			h.calls[i].in = cast{"approve", looked[counted{begun + c.nth - 1, countersign.ChangePending}]}
		}
	}
}

// tally is a count, and how many have found it so.
type tally struct {
	counted
	looked int
}

func (t tally) String() string { return fmt.Sprintf("%s, seen %d times", t.counted, t.looked) }

// ballots is the model of one request on which everybody votes once.
func ballots(begun, need int) porcupine.Model {
	return machine(tally{counted: counted{begun, countersign.ChangePending}}, func(t tally, in, out any, logged bool) (bool, tally) {
		asked, _ := in.(cast)
		seen := tally{t.counted, t.looked + 1}
		switch {
		case asked.rank != t.looked:
			return false, t
		case asked.do == "read":
			return out == t.counted, seen
		case t.state != countersign.ChangePending:
			return out == refusal{"change_closed", string(t.state)} && !logged, seen
		}
		next := counted{t.votes + 1, t.state}
		if next.votes >= need {
			next.state = countersign.ChangeApplied
		}
		switch answer := out.(type) {
		case lost:
			return true, tally{counted: next}
		case voted:
			return logged && answer.counted == next, tally{counted: next}
		default:
			return false, t
		}
	})
}
