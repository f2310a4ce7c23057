package linear

import (
	"cmp"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/countersign/countersign"
)

// world is a group and the requests to rename it. It is never changed, only
// copied.
type world struct {
	name     string
	requests []paper
}

// paper is one request: who asked, what name it gives, the votes that stand, by
// person, and the one that settled it.
type paper struct {
	id    countersign.ChangeID
	state countersign.ChangeState
	by    countersign.UserID
	name  string
	votes []string
	last  string
}

func (w world) String() string {
	var out strings.Builder
	out.WriteString(w.name)
	for _, p := range w.requests {
		out.WriteString("; " + string(p.id) + " " + string(p.state) + " [" + strings.Join(p.votes, ",") + "]")
	}
	return out.String()
}

// find is a request and its place; false when there is none.
func (w world) find(id countersign.ChangeID) (paper, int, bool) {
	i := slices.IndexFunc(w.requests, func(p paper) bool { return p.id == id })
	if i < 0 {
		return paper{}, 0, false
	}
	return w.requests[i], i, true
}

// with is the world with a request put in its place, or added.
func (w world) with(p paper) world {
	w.requests = slices.Clone(w.requests)
	if _, i, there := w.find(p.id); there {
		w.requests[i] = p
		return w
	}
	w.requests = append(w.requests, p)
	slices.SortFunc(w.requests, func(a, b paper) int { return cmp.Compare(a.id, b.id) })
	return w
}

// requests is the model of the requests about one group.
func requests(name string) porcupine.Model {
	return machine(world{name: name}, func(w world, in, out any, logged bool) (bool, world) {
		a, _ := in.(asked)
		switch a.do {
		case "name":
			return out == w.name, w
		case "list":
			ids, ok := out.(open)
			return ok && ids.String() == w.open().String(), w
		case "submit":
			return w.submitted(a, out, logged)
		default:
			return w.decided(a, out, logged)
		}
	})
}

func (w world) open() open {
	ids := open{}
	for _, p := range w.requests {
		if p.state == countersign.ChangePending {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// begins adds a request that nobody has voted on.
func (w world) begins(a asked, answer told) (bool, world) {
	_, _, there := w.find(answer.id)
	return !there && answer.state == countersign.ChangePending && answer.votes == "",
		w.with(paper{id: answer.id, state: countersign.ChangePending, by: a.who, name: a.name})
}

func (w world) submitted(a asked, out any, logged bool) (bool, world) {
	switch answer := out.(type) {
	case lost:
		return true, w // it waits, and nobody knows its name
	case told:
		began, next := w.begins(a, answer)
		return began && logged, next
	default:
		return false, w
	}
}

// decided is everything that is asked about a request that was submitted. What
// changes it is in the log, and nothing else is.
func (w world) decided(a asked, out any, logged bool) (bool, world) {
	p, _, there := w.find(a.id)
	if !there {
		return false, w
	}
	want, next := w.after(a, p)
	moved := next.String() != w.String()
	switch answer := out.(type) {
	case refusal:
		return want == answer && !logged, w
	case lost:
		return moved, next
	case told:
		if a.do == "replace" {
			began, then := next.begins(a, answer)
			return began && want == told{} && logged, then
		}
		return want == answer && moved == logged, next
	default:
		return false, w
	}
}

// after is what has to be answered, and the world then. What replaces a request
// is told by the answer alone.
func (w world) after(a asked, p paper) (want any, next world) {
	if a.do == "read" {
		return p.told(), w
	}
	if p.state != countersign.ChangePending {
		if p.last != "" && p.last == vote(a.who, countersign.Decision(a.do)) {
			return p.told(), w // whoever settled it says so again, and is answered again
		}
		return refusal{"change_closed", string(p.state)}, w
	}
	switch a.do {
	case "cancel":
		p.state = countersign.ChangeCancelled
		return p.told(), w.with(p)
	case "replace":
		p.state = countersign.ChangeCancelled
		return told{}, w.with(p)
	}
	if p.by == a.who {
		return refusal{code: "not_eligible"}, w
	}
	decision := countersign.Decision(a.do)
	had := slices.ContainsFunc(p.votes, func(v string) bool { return strings.HasPrefix(v, string(a.who)+"=") })
	if decision == countersign.Withdraw && !had {
		return refusal{code: "nothing_to_withdraw"}, w
	}
	p.votes = slices.DeleteFunc(slices.Clone(p.votes), func(v string) bool { return strings.HasPrefix(v, string(a.who)+"=") })
	if decision != countersign.Withdraw {
		p.votes = append(p.votes, vote(a.who, decision))
		slices.Sort(p.votes)
	}
	switch {
	case p.count(countersign.Deny) >= veto:
		p.state, p.last = countersign.ChangeRejected, vote(a.who, decision)
	case p.count(countersign.Approve) >= need:
		p.state, p.last = countersign.ChangeApplied, vote(a.who, decision)
		w = w.applied(p)
	}
	return p.told(), w.with(p)
}

func (p paper) told() told {
	return told{id: p.id, state: p.state, votes: strings.Join(p.votes, ",")}
}

func (p paper) count(d countersign.Decision) (n int) {
	for _, v := range p.votes {
		if strings.HasSuffix(v, "="+string(d)) {
			n++
		}
	}
	return n
}

// applied renames the group; whatever else is open has relied on its old name.
func (w world) applied(winner paper) world {
	w.name, w.requests = winner.name, slices.Clone(w.requests)
	for i, p := range w.requests {
		if p.state == countersign.ChangePending && p.id != winner.id {
			w.requests[i].state = countersign.ChangeStale
		}
	}
	return w
}
