package approval

import (
	"reflect"
	"slices"

	"github.com/countersign/countersign"
)

// People says who could give an approval of a set at this moment: eligible, with
// a credential that works, and where the approval has to be signed with a key to
// sign it (L2). Sorted.
type People func(set countersign.ApproverSet, signed bool) []countersign.UserID

// Gap is a requirement that somebody's request could never meet.
type Gap struct {
	// RuleIDs are the rules that together ask it; one, but where several rules can
	// match the same operation and all of them ask more than each.
	RuleIDs []string
	// Clause that is short of people; -1 when there are not enough different
	// people over all clauses.
	Clause int
	// Requester whose own requests cannot be met; empty for those of anybody who
	// is not an approver himself.
	Requester countersign.UserID
	// Target is true when the gap opens only if the change is about an approver,
	// who then does not count either (L4).
	Target bool
	// Signed is true where approvals have to be signed, so that only people with a
	// key are there.
	Signed bool
	// Need approvals, of whom only Left are there.
	Need int
	Left int
}

// Prove finds every requirement of a policy that some requester could never
// meet: for each rule, the default, and the rules that can match together, and for each approver as the requester and one who is none (L1), also when the
// change is about another approver (L4). No gap means that nobody is locked out.
func Prove(policy countersign.Policy, people People) []Gap {
	var gaps []Gap
	for _, asked := range together(policy) {
		p := newProof(asked, people)
		if gap, found := p.gap(1); found {
			gaps = append(gaps, gap)
		} else if gap, found := p.gap(2); found && asked.targets && !slices.Contains(policy.AcceptedRisks, countersign.RiskNoSpareForTargets) {
			gap.Target = true
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// asking is a requirement and who asks it.
type asking struct {
	ids         []string
	requirement countersign.Requirement
	// targets is true when operations it governs may be about an approver.
	targets bool
}

// aboutPeople reports whether a rule governs kinds that may be about an
// approver, who then does not count.
func aboutPeople(rule countersign.Rule) bool {
	return slices.ContainsFunc(countersign.ChangeKinds(), func(kind countersign.ChangeKind) bool {
		return rule.Matches(kind) && hasTarget(kind)
	})
}

// hasTarget reports whether a kind is about a user who is there already.
func hasTarget(kind countersign.ChangeKind) bool {
	switch kind {
	case countersign.KindMembershipUpdate, countersign.KindMembershipRemove, countersign.KindCredentialRevoke:
		return true // they name what is his
	default:
		change, known := countersign.NewChange(kind)
		return known && len(Subjects(change)) > 0
	}
}

// proof looks at one requirement and its people.
type proof struct {
	asking
	c Case
	// people of each clause, and all of them, sorted.
	people [][]countersign.UserID
	all    []countersign.UserID
}

func newProof(asked asking, people People) *proof {
	p := &proof{asking: asked}
	p.c = NewCase(asked.requirement, func(_ int, set countersign.ApproverSet) (pool, now []countersign.UserID) {
		p.people = append(p.people, people(set, asked.requirement.MustBeSigned()))
		return nil, nil
	})
	p.all = different(p.people)
	return p
}

// gap finds out whether the requirement can be met however unfortunate the
// approvers are who do not count: the requester, and with missing = 2 also the
// one the change is about. Approvers who qualify for the same clauses are
// interchangeable, so that one of each kind is tried.
func (p *proof) gap(missing int) (Gap, bool) {
	if gap, found := p.without(nil); found {
		return gap, true
	}
	kinds := p.kinds()
	for i, first := range kinds {
		if gap, found := p.without(first[:1]); found {
			return gap, true
		}
		for k := i; missing > 1 && k < len(kinds); k++ {
			second := kinds[k][0]
			if k == i {
				if len(first) < 2 {
					continue
				}
				second = first[1]
			}
			if gap, found := p.without([]countersign.UserID{first[0], second}); found {
				return gap, true
			}
		}
	}
	return Gap{}, false
}

// kinds groups the approvers by the clauses for which they qualify; of each kind
// the first two are enough.
func (p *proof) kinds() [][]countersign.UserID {
	at := map[string]int{}
	var out [][]countersign.UserID
	for _, person := range p.all {
		qualifies := make([]byte, len(p.people))
		for i, list := range p.people {
			if _, in := slices.BinarySearch(list, person); in {
				qualifies[i] = 1
			}
		}
		k, known := at[string(qualifies)]
		if !known {
			k = len(out)
			at[string(qualifies)], out = k, append(out, nil)
		}
		if len(out[k]) < 2 {
			out[k] = append(out[k], person)
		}
	}
	return out
}

// without reports what is missing when some do not count.
func (p *proof) without(gone []countersign.UserID) (Gap, bool) {
	left := make([][]countersign.UserID, len(p.people))
	for i, list := range p.people {
		left[i] = slices.DeleteFunc(slices.Clone(list), func(id countersign.UserID) bool { return slices.Contains(gone, id) })
	}
	have, filled := p.c.fill(left)
	if filled {
		return Gap{}, false
	}
	gap := Gap{RuleIDs: p.ids, Clause: -1, Signed: p.c.Signed, Need: p.c.Distinct, Left: len(different(left))}
	if len(gone) > 0 {
		gap.Requester = gone[0]
	}
	for i, clause := range p.c.Clauses {
		if have[i] < clause.Clause.Need {
			gap.Clause, gap.Need, gap.Left = i, clause.Clause.Need, have[i]
			break
		}
	}
	return gap, true
}

// ClauseHealth is the health of one clause of one rule.
type ClauseHealth struct {
	RuleID    string
	Clause    int
	Approvers countersign.ApproverSet
	Need      int
	// Eligible people who could vote now; Spare is how many of them can be lost
	// and it is still met whoever asks: eligible - 1 - need, the requester being
	// one of them.
	Eligible int
	Spare    int
}

// Health says, for every clause of every rule and the default, how many could
// meet it. Whether all clauses can be met at once is for Prove to say.
func Health(policy countersign.Policy, people People) []ClauseHealth {
	var out []ClauseHealth
	add := func(id string, r countersign.Requirement) {
		for i, clause := range r.Clauses {
			n := len(people(clause.Approvers, r.MustBeSigned()))
			out = append(out, ClauseHealth{RuleID: id, Clause: i, Approvers: clause.Approvers, Need: clause.Need, Eligible: n, Spare: n - 1 - clause.Need})
		}
	}
	for _, rule := range policy.Rules {
		add(rule.ID, rule.Requirement)
	}
	add(DefaultRule, policy.Default)
	return out
}

// Weaker names the rules that ask for something, but less than the default does:
// whatever they match is no longer asked what the default asks, which whoever adds
// a rule rarely means (R2).
func Weaker(policy countersign.Policy) []string {
	var out []string
	for _, rule := range policy.Rules {
		own, both := And(rule.Requirement, rule.Requirement), And(rule.Requirement, policy.Default)
		own.ExpiresAfterSeconds, both.ExpiresAfterSeconds = 0, 0
		if !rule.Requirement.Free() && !reflect.DeepEqual(own, both) {
			out = append(out, rule.ID)
		}
	}
	return out
}
