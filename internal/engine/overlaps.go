package engine

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
)

// Overlap is another open request that meets this one in some fact (governance.md
// B.4): one of the two would move what the other moves or relies on. Two requests
// that merely rely on the same do not overlap.
type Overlap struct {
	Change    countersign.ChangeID
	Requester countersign.UserID
	// Kinds of its operations, each once.
	Kinds []countersign.ChangeKind
	// Facts in which the two meet, sorted, at most maxOverlapFacts of FactsTotal.
	Facts      []countersign.Fact
	FactsTotal int
	// EndsOther: if this request is applied, the other is stale. EndsThis: the
	// other way round.
	EndsOther bool
	EndsThis  bool
}

// maxOverlapFacts bounds how many facts of an overlap are named.
const maxOverlapFacts = 20

// overlapping knows the open requests by the facts they rely on.
type overlapping struct {
	view view
	open []countersign.ChangeRequest
	// by says of a fact what the open requests have in it.
	by map[countersign.Fact][]holding
}

// holding is what one of the open requests has in a fact.
type holding struct {
	request int
	stake
}

// stake is what a request has in a fact. It relies on whatever it moves, but for
// what is derived: the members of a group move with each of them.
type stake struct{ relies, moves bool }

// ends reports whether a request with this stake makes one with the other stale.
func (s stake) ends(other stake) bool { return s.moves && other.relies }

func newOverlapping(v view) *overlapping {
	o := &overlapping{view: v, open: v.picture.OpenChanges(v.now), by: map[countersign.Fact][]holding{}}
	for i := range o.open {
		for fact, s := range stakes(&o.open[i]) {
			o.by[fact] = append(o.by[fact], holding{i, s})
		}
	}
	return o
}

// stakes are what a request has in which facts. Of a request with more effects than
// it lists nobody knows all it moves: it is taken to move whatever it relies on.
func stakes(c *countersign.ChangeRequest) map[countersign.Fact]stake {
	all := c.EffectsTotal > len(c.Effects)
	out := make(map[countersign.Fact]stake, len(c.Base))
	for _, b := range c.Base {
		out[b.Fact] = stake{relies: true, moves: all}
	}
	move := func(fact countersign.Fact) { out[fact] = stake{relies: out[fact].relies, moves: true} }
	for _, e := range c.Effects {
		move(e.Fact)
	}
	for fact := range maps.Clone(out) {
		if _, group, is := membershipOf(fact); is && out[fact].moves {
			move(countersign.GroupMembersFact(group))
		}
	}
	return out
}

func membershipOf(f countersign.Fact) (countersign.UserID, countersign.GroupID, bool) {
	pair, is := strings.CutPrefix(string(f), "membership:")
	user, group, _ := strings.Cut(pair, "/")
	return countersign.UserID(user), countersign.GroupID(group), is
}

// with lists the open requests that overlap with a request, oldest first, but for
// itself and the one it replaces.
func (o *overlapping) with(c *countersign.ChangeRequest) []Overlap {
	met := map[int]*Overlap{}
	for fact, own := range stakes(c) {
		for _, its := range o.by[fact] {
			other := &o.open[its.request]
			if !own.ends(its.stake) && !its.ends(own) || other.ID == c.ID || other.ID == c.Replaces {
				continue
			}
			if met[its.request] == nil {
				met[its.request] = &Overlap{Change: other.ID, Requester: other.Requester, Kinds: kindsOf(other.Operations)}
			}
			overlap := met[its.request]
			overlap.Facts = append(overlap.Facts, fact)
			overlap.EndsOther, overlap.EndsThis = overlap.EndsOther || own.ends(its.stake), overlap.EndsThis || its.ends(own)
		}
	}
	var out []Overlap
	for i := range o.open {
		if overlap := met[i]; overlap != nil {
			slices.Sort(overlap.Facts)
			overlap.FactsTotal = len(overlap.Facts)
			overlap.Facts = overlap.Facts[:min(maxOverlapFacts, len(overlap.Facts))]
			out = append(out, *overlap)
		}
	}
	return out
}

// shown are those of the overlaps that the reader may know of.
func (o *overlapping) shown(c *countersign.ChangeRequest) []Overlap {
	return slices.DeleteFunc(o.with(c), func(overlap Overlap) bool {
		i := slices.IndexFunc(o.open, func(other countersign.ChangeRequest) bool { return other.ID == overlap.Change })
		return !access.SeeChange(o.view.actor, o.view.holds, o.open[i].Requester, o.open[i].RequesterPerson)
	})
}

func kindsOf(ops []countersign.Change) []countersign.ChangeKind {
	var out []countersign.ChangeKind
	for _, op := range ops {
		if !slices.Contains(out, op.Kind()) {
			out = append(out, op.Kind())
		}
	}
	return out
}

// checkOverlap refuses, where the requester asked for that, what would meet an
// open request in some fact. Who may not see the others learns that there are
// some: a refusal of theirs would tell him as much.
func (w *work) checkOverlap(request countersign.ChangeRequest) error {
	if !w.o.RefuseOverlap {
		return nil
	}
	o := newOverlapping(view{picture: w.picture, actor: w.actor, now: w.now})
	met := o.with(&request)
	if len(met) == 0 {
		return nil
	}
	refusal := &countersign.Error{
		Kind: countersign.Stale, Code: "change_overlaps", Message: "open requests touch the same: " + strconv.Itoa(len(met)) + "; wait for them, or ask without overlap=reject",
	}
	if shown := o.shown(&request); len(shown) > 0 {
		refusal.Detail = map[string]string{"change_id": string(shown[0].Change)}
	}
	return refusal
}
