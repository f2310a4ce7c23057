// Package approval decides, from facts alone, what a policy asks of a change and
// whether given votes meet it.
//
// It does no I/O and reads no clock. Who is eligible for a set of approvers at
// this moment is passed in, and so is the pool of those who were eligible when
// the request was made: a vote counts only from the intersection, so that nobody
// appointed later can help an open request (governance.md B.2, R5).
//
// Files: approval.go (what a policy asks), tally.go (whether votes meet it),
// matching.go (one clause for each person), subjects.go (whom a change is about),
// prove.go (whether everybody's requests can be met at all), together.go and
// reach.go (which rules an operation can match at once).
package approval

import (
	"slices"

	"github.com/countersign/countersign"
)

// Operation is one operation as rules see it.
type Operation struct {
	Kind countersign.ChangeKind
	// Groups it changes, fills or empties.
	Groups []countersign.GroupID
	// Gains are the permissions somebody would get by it, Loses those somebody
	// would no longer have.
	Gains []countersign.Permission
	Loses []countersign.Permission
	// Users are the types of those it is about.
	Users []countersign.UserType
	// Requester is the type of the account that asks.
	Requester countersign.UserType
	// Besides is true of what is asked beside another operation of the batch, which
	// the default is asked of in its place.
	Besides bool
	// Approvers is true of what could make, unmake or impersonate an approver.
	Approvers bool
	// Rule, of a drill, is the rule whose requirement is tried, whatever it matches.
	Rule string
}

// Matches reports whether a rule speaks about an operation: its kind is named
// and every field of its condition is met.
func Matches(rule countersign.Rule, op Operation) bool {
	when := rule.When
	return rule.Matches(op.Kind) &&
		(len(when.GroupIDs) == 0 || common(when.GroupIDs, op.Groups)) &&
		(len(when.Permissions) == 0 || common(when.Permissions, op.Gains) || common(when.Permissions, op.Loses)) &&
		(len(when.UserTypes) == 0 || common(when.UserTypes, op.Users)) &&
		(len(when.RequesterTypes) == 0 || slices.Contains(when.RequesterTypes, op.Requester)) &&
		(!when.Approvers || op.Approvers)
}

func common[T comparable](a, b []T) bool {
	return slices.ContainsFunc(a, func(v T) bool { return slices.Contains(b, v) })
}

// Asked is what a policy asks of one batch of changes.
type Asked struct {
	Requirement countersign.Requirement
	// RuleIDs that matched, in policy order; "default" where none did.
	RuleIDs []string
}

// DefaultRule is the id under which the policy's default is cited.
const DefaultRule = countersign.DefaultRuleID

// Required finds the requirement of a batch: every rule that matches any of the
// operations counts, an operation that no rule matches falls to the default, and
// the batch must meet the union (R1, R2, R7).
//
// A rule that frees and has a condition frees only what meets it wholly: an
// operation about an end user and a person at once is not about end users.
func Required(policy countersign.Policy, ops []Operation) Asked {
	var asked Asked
	needsDefault := false
	matched := make(map[string]bool, len(policy.Rules))
	for _, op := range ops {
		spoken := false
		for _, rule := range policy.Rules {
			if speaks(rule, op) {
				spoken, matched[rule.ID] = true, true
			}
		}
		needsDefault = needsDefault || !spoken && !op.Besides
	}
	for _, rule := range policy.Rules {
		if matched[rule.ID] {
			asked.RuleIDs = append(asked.RuleIDs, rule.ID)
			asked.Requirement = And(asked.Requirement, rule.Requirement)
		}
	}
	if needsDefault {
		asked.RuleIDs = append(asked.RuleIDs, DefaultRule)
		asked.Requirement = And(asked.Requirement, policy.Default)
	}
	return asked
}

// speaks reports whether a rule counts for an operation: of a drill the one that is
// tried, if it asks anybody.
func speaks(rule countersign.Rule, op Operation) bool {
	if op.Rule != "" {
		return rule.ID == op.Rule && !rule.Requirement.Free()
	}
	return Matches(rule, op) && (!rule.Requirement.Free() || frees(rule, op))
}

// frees reports whether everything the operation touches meets the condition,
// not only a part of it. What could make, unmake or impersonate an approver is
// never free, whatever a rule says (R2): else one person could choose who agrees
// with him.
func frees(rule countersign.Rule, op Operation) bool {
	when := rule.When
	return !op.Approvers &&
		(len(when.GroupIDs) == 0 || within(op.Groups, when.GroupIDs)) &&
		(len(when.Permissions) == 0 || within(op.Gains, when.Permissions) && within(op.Loses, when.Permissions)) &&
		(len(when.UserTypes) == 0 || within(op.Users, when.UserTypes))
}

// within reports whether all of a stand in b.
func within[T comparable](a, b []T) bool {
	return !slices.ContainsFunc(a, func(v T) bool { return !slices.Contains(b, v) })
}

// And is the requirement that both hold: clauses over the same set keep the
// larger need, the delay is the longer, the life and the veto the smaller, and
// what either insists on holds (R1).
func And(a, b countersign.Requirement) countersign.Requirement {
	out := countersign.Requirement{
		Clauses: slices.Clone(a.Clauses), Distinct: max(a.Distinct, b.Distinct), Exclusive: a.Exclusive || b.Exclusive,
		Veto: fewer(a, b), DelaySeconds: max(a.DelaySeconds, b.DelaySeconds), ExpiresAfterSeconds: shorter(a, b),
		MustHold: a.MustHold || b.MustHold,
	}
	if a.MustBeSigned() || b.MustBeSigned() {
		out.Signed = countersign.SigningRequired
	}
	for _, clause := range b.Clauses {
		i := slices.IndexFunc(out.Clauses, func(c countersign.Clause) bool { return c.Approvers == clause.Approvers })
		if i < 0 {
			out.Clauses = append(out.Clauses, clause)
			continue
		}
		out.Clauses[i].Need = max(out.Clauses[i].Need, clause.Need)
	}
	return out
}

// fewer is the smaller number of denials that ends a request, written as policies
// do: 0 is one. A requirement that asks nothing has no say.
func fewer(a, b countersign.Requirement) int {
	n := min(a.Vetoes(), b.Vetoes())
	switch {
	case a.Free():
		n = b.Vetoes()
	case b.Free():
		n = a.Vetoes()
	}
	if n == 1 {
		return 0
	}
	return n
}

// shorter is the shorter time to decide of two requirements, in seconds as they
// write it: 0 is the default life, and a requirement that asks nothing has no say.
func shorter(a, b countersign.Requirement) int64 {
	toDecide := func(r countersign.Requirement) int64 {
		if r.ExpiresAfterSeconds == 0 {
			return int64(countersign.DefaultRequestLife.Seconds())
		}
		return r.ExpiresAfterSeconds
	}
	switch {
	case a.Free() && a.ExpiresAfterSeconds == 0:
		return b.ExpiresAfterSeconds
	case b.Free() && b.ExpiresAfterSeconds == 0:
		return a.ExpiresAfterSeconds
	case toDecide(b) < toDecide(a):
		return b.ExpiresAfterSeconds
	default:
		return a.ExpiresAfterSeconds
	}
}
