package linear

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/countersign/countersign"
)

// spell is a call between two ticks; to 0 is one whose answer got lost. What was
// done is in the log, in the order of the list, unless nth says otherwise: -1 is
// nowhere.
type spell struct {
	from, to int64
	in, out  any
	nth      int
}

// at is what was called and answered between two ticks.
func at(from, to int64, in, out any) spell { return spell{from: from, to: to, in: in, out: out} }

func spelled(list []spell) []porcupine.Operation {
	var out []porcupine.Operation
	entries := 0
	for i, s := range list {
		if s.to == 0 {
			s.to = math.MaxInt64
		}
		if s.nth == 0 && s.done() {
			entries++
			s.nth = entries
		}
		out = append(out, porcupine.Operation{ClientId: i, Input: entered{s.in, max(s.nth, 0)}, Output: s.out, Call: s.from, Return: s.to})
	}
	return out
}

// done reports whether a call was answered as something that changes things.
func (s spell) done() bool {
	switch s.out.(type) {
	case moved, voted, lost:
		return true
	case told:
		return s.in.(asked).do != "read"
	case verdict:
		return s.in.(posed).do != "check"
	default:
		return false
	}
}

// A checker is worth what it refuses: each case is a history that somebody could
// have been told by a directory with one rule missing, beside its sound twin.
func TestTheModelsSeeWhatIsWrong(t *testing.T) {
	t.Parallel()
	const pending, applied, rejected, stale = countersign.ChangePending, countersign.ChangeApplied, countersign.ChangeRejected, countersign.ChangeStale
	ask := func(do string, who countersign.UserID, id countersign.ChangeID) asked {
		return asked{do: do, who: who, id: id}
	}
	begin := at(1, 2, asked{do: "submit", who: "ada", name: "new"}, told{"r", pending, ""})
	other := at(3, 4, asked{do: "submit", who: "ada", name: "newer"}, told{"s", pending, ""})
	first := at(5, 6, ask("approve", "grace", "r"), told{"r", pending, "grace=approve"})
	second := at(7, 8, ask("approve", "linus", "r"), told{"r", applied, "grace=approve,linus=approve"})
	group := requests("old")

	sat := memberships(map[countersign.MembershipID]bool{"m": true, "n": true})

	tell := func(allowed bool, at int64) verdict { return verdict{allowed, at} }
	grant := at(1, 2, posed{do: "grant"}, tell(true, 5))
	revoke := at(3, 4, posed{do: "revoke"}, tell(false, 7))
	heard := at(5, 5, posed{"answered", 0, 7}, nil)
	loose, strict := answers(false, false), answers(false, true)

	late := refusal{"change_closed", "applied"}
	two := ballots(0, 2)
	vote := func(rank, votes int, state countersign.ChangeState, tick int64) spell {
		return at(tick, tick, cast{"approve", rank}, voted{counted{votes, state}})
	}

	for name, c := range map[string]struct {
		model porcupine.Model
		calls []spell
		sound bool
	}{
		"a request is applied":                      {group, []spell{begin, other, first, second, at(9, 10, ask("read", "ada", "s"), told{"s", stale, ""}), at(11, 12, asked{do: "name"}, "new")}, true},
		"its effect is late":                        {group, []spell{begin, other, first, second, at(11, 12, asked{do: "name"}, "old")}, false},
		"its effect is early":                       {group, []spell{begin, other, first, at(6, 7, asked{do: "name"}, "new"), at(9, 10, second.in, second.out)}, false},
		"what relied on the old name stays open":    {group, []spell{begin, other, first, second, at(9, 10, ask("read", "ada", "s"), told{"s", pending, ""})}, false},
		"a list is late":                            {group, []spell{begin, other, first, second, at(9, 10, asked{do: "list"}, open{"s"})}, false},
		"a list is right":                           {group, []spell{begin, other, first, at(9, 10, asked{do: "list"}, open{"r", "s"})}, true},
		"a request is read before it was asked for": {group, []spell{at(1, 2, ask("read", "ada", "r"), told{"r", pending, ""}), at(3, 4, begin.in, begin.out)}, false},
		"a person counts twice":                     {group, []spell{begin, first, at(7, 8, ask("approve", "grace", "r"), told{"r", applied, "grace=approve"})}, false},
		"a person says it again":                    {group, []spell{begin, first, {7, 8, ask("approve", "grace", "r"), told{"r", pending, "grace=approve"}, -1}}, true},
		"a vote is lost":                            {group, []spell{begin, first, at(7, 8, ask("approve", "linus", "r"), told{"r", pending, "linus=approve"})}, false},
		"one applies alone":                         {group, []spell{begin, at(5, 6, ask("approve", "grace", "r"), told{"r", applied, "grace=approve"})}, false},
		"the requester votes":                       {group, []spell{begin, at(5, 6, ask("approve", "ada", "r"), told{"r", pending, "ada=approve"})}, false},
		"it is applied twice":                       {group, []spell{begin, first, second, at(9, 10, ask("approve", "edsger", "r"), told{"r", applied, "edsger=approve,grace=approve,linus=approve"})}, false},
		"it is decided twice":                       {group, []spell{begin, first, second, at(9, 10, ask("cancel", "ada", "r"), told{"r", countersign.ChangeCancelled, "grace=approve,linus=approve"})}, false},
		"it was decided":                            {group, []spell{begin, first, second, at(9, 10, ask("cancel", "ada", "r"), refusal{"change_closed", "applied"})}, true},
		"who settled it says it again":              {group, []spell{begin, first, second, {9, 10, second.in, second.out, -1}}, true},
		"who helped settle it says it again":        {group, []spell{begin, first, second, {9, 10, first.in, second.out, -1}}, false},
		"it was decided otherwise":                  {group, []spell{begin, first, second, at(9, 10, ask("cancel", "ada", "r"), refusal{"change_closed", string(rejected)})}, false},
		"one denial of two rejects":                 {group, []spell{begin, at(5, 6, ask("deny", "grace", "r"), told{"r", rejected, "grace=deny"})}, false},
		"votes carry over":                          {group, []spell{begin, first, at(7, 8, asked{"replace", "ada", "r", "third"}, told{"q", pending, "grace=approve"})}, false},
		"what is replaced is cancelled": {group, []spell{
			begin, first,
			at(7, 8, asked{"replace", "ada", "r", "third"}, told{"q", pending, ""}),
			at(9, 10, ask("read", "ada", "r"), told{"r", countersign.ChangeCancelled, "grace=approve"}),
		}, true},
		"a lost vote counts":                  {group, []spell{begin, at(3, 0, first.in, lost{11}), at(7, 8, ask("approve", "linus", "r"), told{"r", applied, "grace=approve,linus=approve"})}, true},
		"a lost vote counts afterwards":       {group, []spell{begin, at(3, 0, first.in, lost{11}), at(7, 8, ask("approve", "linus", "r"), told{"r", pending, "linus=approve"})}, false},
		"the log has another order":           {group, []spell{begin, {5, 6, first.in, first.out, 3}, {7, 8, second.in, second.out, 2}}, false},
		"a vote is not in the log":            {group, []spell{begin, {5, 6, first.in, first.out, -1}}, false},
		"what was said already is in the log": {group, []spell{begin, first, {7, 8, first.in, first.out, 3}}, false},

		"somebody comes and goes":         {sat, []spell{at(1, 2, seated{do: "add"}, moved{"m"}), at(3, 4, seated{"remove", "m"}, moved{""}), at(5, 6, seated{do: "read"}, countersign.MembershipID(""))}, true},
		"who left is seen":                {sat, []spell{at(1, 2, seated{do: "add"}, moved{"m"}), at(3, 4, seated{"remove", "m"}, moved{""}), at(5, 6, seated{do: "read"}, countersign.MembershipID("m"))}, false},
		"who left may be seen meanwhile":  {sat, []spell{at(1, 2, seated{do: "add"}, moved{"m"}), at(3, 6, seated{"remove", "m"}, moved{""}), at(4, 5, seated{do: "read"}, countersign.MembershipID("m"))}, true},
		"he is added twice":               {sat, []spell{at(1, 2, seated{do: "add"}, moved{"m"}), at(3, 4, seated{do: "add"}, moved{"n"})}, false},
		"he is removed twice":             {sat, []spell{at(1, 2, seated{do: "add"}, moved{"m"}), at(3, 4, seated{"remove", "m"}, moved{""}), at(5, 6, seated{"remove", "m"}, moved{""})}, false},
		"who is there is said to be gone": {sat, []spell{at(1, 2, seated{do: "add"}, moved{"m"}), at(3, 4, seated{"remove", "m"}, refusal{code: "membership_unknown"})}, false},
		"who is there is another":         {sat, []spell{at(1, 2, seated{do: "add"}, moved{"m"}), at(3, 4, seated{do: "add"}, refusal{"already_member", "n"})}, false},
		"an unseen one is seen later":     {sat, []spell{at(1, 0, seated{do: "add"}, lost{3}), at(3, 4, seated{do: "read"}, countersign.MembershipID("x"))}, true},
		"an unseen one is two":            {sat, []spell{at(1, 0, seated{do: "add"}, lost{3}), at(3, 4, seated{do: "read"}, countersign.MembershipID("x")), at(5, 6, seated{do: "read"}, countersign.MembershipID("y"))}, false},

		"another node is a little behind": {loose, []spell{grant, revoke, at(5, 6, posed{"check", 1, 0}, tell(true, 6))}, true},
		"a check is of what never was":    {loose, []spell{grant, revoke, at(5, 6, posed{"check", 1, 0}, tell(false, 6))}, false},
		"a named revision is not reached": {loose, []spell{grant, revoke, at(5, 6, posed{"check", 1, 7}, tell(true, 6))}, false},
		"a node forgets what it answered": {loose, []spell{grant, revoke, heard, at(6, 7, posed{"check", 0, 0}, tell(true, 6))}, false},
		"a node goes back":                {loose, []spell{grant, revoke, at(5, 6, posed{"check", 1, 0}, tell(false, 8)), at(7, 8, posed{"check", 1, 0}, tell(true, 6))}, false},
		"a write comes after its check":   {loose, []spell{grant, at(3, 4, posed{"check", 1, 0}, tell(true, 9)), at(5, 6, posed{do: "revoke"}, tell(false, 7))}, false},
		"alone, nobody is behind":         {strict, []spell{grant, revoke, at(5, 6, posed{"check", 0, 0}, tell(true, 6))}, false},
		"alone, a check is of now":        {strict, []spell{grant, revoke, at(5, 6, posed{"check", 0, 0}, tell(false, 7))}, true},
		"it was so already":               {loose, []spell{grant, at(3, 4, posed{do: "grant"}, refusal{code: "no_effect"})}, true},
		"it was not so":                   {loose, []spell{grant, revoke, at(5, 6, posed{do: "grant"}, refusal{code: "no_effect"})}, false},

		"two of three":             {two, []spell{vote(0, 1, pending, 1), vote(0, 2, applied, 2), at(3, 3, cast{"approve", 0}, late)}, true},
		"both apply it":            {two, []spell{vote(0, 2, applied, 1), vote(0, 2, applied, 2)}, false},
		"the third applies it":     {two, []spell{vote(0, 1, pending, 1), vote(0, 2, pending, 2), vote(0, 3, applied, 3)}, false},
		"the second is too late":   {two, []spell{vote(0, 1, pending, 1), at(2, 2, cast{"approve", 0}, late)}, false},
		"a look is late":           {two, []spell{vote(0, 1, pending, 1), vote(0, 2, applied, 2), at(3, 3, cast{"read", 0}, counted{1, pending})}, false},
		"a look is while it lasts": {two, []spell{vote(0, 1, pending, 1), at(2, 3, cast{"read", 0}, counted{1, pending}), vote(1, 2, applied, 3)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := porcupine.CheckOperations(c.model, spelled(c.calls)); got != c.sound {
				t.Errorf("taken for sound: %t, want %t", got, c.sound)
			}
		})
	}
}
