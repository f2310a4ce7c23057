// Package approval decides, from facts alone, what a policy asks of a change and
// whether given votes meet it.
//
// It does no I/O and reads no clock. Who is eligible for a set of approvers at
// this moment is passed in, and so is the pool of those who were eligible when
// the request was made: a vote counts only from the intersection, so that nobody
// appointed later can help an open request (governance.md B.2, R5).
//
// Delay, veto counts, exclusive clauses, must-hold and signed votes have their
// place in countersign.Requirement and in Tally; they are not asked yet.
package approval

import (
	"slices"

	"github.com/countersign/countersign"
)

// Asked is what a policy asks of one batch of changes.
type Asked struct {
	Requirement countersign.Requirement
	// RuleIDs that matched, in policy order; "default" where none did.
	RuleIDs []string
}

// DefaultRule is the id under which the policy's default is cited.
const DefaultRule = "default"

// Required finds the requirement of a batch: every rule that matches any of the
// matters counts, a matter that no rule matches falls to the default, and the
// batch must meet the union (R1, R2, R7). Expiry is the shortest.
func Required(policy countersign.Policy, matters []countersign.Matter) Asked {
	var asked Asked
	needsDefault := false
	matched := make(map[string]bool, len(policy.Rules))
	for _, matter := range matters {
		any := false
		for _, rule := range policy.Rules {
			if rule.Matches(matter) {
				any = true
				matched[rule.ID] = true
			}
		}
		needsDefault = needsDefault || !any
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

// And is the requirement that both hold: clauses over the same set keep the
// larger need, expiry is the shorter.
func And(a, b countersign.Requirement) countersign.Requirement {
	out := countersign.Requirement{Clauses: slices.Clone(a.Clauses), ExpiresAfterSeconds: shorter(a, b)}
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

// shorter is the shorter life of two requirements, in seconds as they write it: 0
// is the default life, and a requirement that asks nothing has no say.
func shorter(a, b countersign.Requirement) int64 {
	switch {
	case a.Free() && a.ExpiresAfterSeconds == 0:
		return b.ExpiresAfterSeconds
	case b.Free() && b.ExpiresAfterSeconds == 0:
		return a.ExpiresAfterSeconds
	case b.Life() < a.Life():
		return b.ExpiresAfterSeconds
	default:
		return a.ExpiresAfterSeconds
	}
}

// Case is everything a tally looks at.
type Case struct {
	// Clauses to be met, each with the pool of people fixed when the request was
	// made and the people eligible for the clause's set now.
	Clauses []ClauseCase
	// Excluded people never count, whatever they are eligible for.
	Excluded []countersign.UserID
	// Approvals in the order given; the latest of a person is the effective one.
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

// Tally is how far a request has come.
type Tally struct {
	// Met is true when every clause is.
	Met bool
	// Denied is true when somebody who may vote has denied.
	Denied bool
	// Clauses in the order of the case.
	Clauses []ClauseTally
	// Reachable is false when some clause can no longer be met.
	Reachable bool
}

// ClauseTally is how far one clause has come.
type ClauseTally struct {
	Have int
	// Open are the people who could still vote, sorted.
	Open []countersign.UserID
}

// Count tallies the votes. Only people in the pool, eligible now, and not
// excluded count, each once per clause (R3, R5, R6, S1, S2, S9).
func Count(c Case) Tally {
	votes := effectiveVotes(c)
	tally := Tally{Met: true, Reachable: true}
	for _, clause := range c.Clauses {
		var counted ClauseTally
		for _, person := range Voters(clause, c.Excluded) {
			switch votes[person] {
			case countersign.Approve:
				counted.Have++
			case countersign.Deny:
				tally.Denied = true
			default:
				counted.Open = append(counted.Open, person)
			}
		}
		tally.Met = tally.Met && counted.Have >= clause.Clause.Need
		tally.Reachable = tally.Reachable && counted.Have+len(counted.Open) >= clause.Clause.Need
		tally.Clauses = append(tally.Clauses, counted)
	}
	// A requirement without clauses is met by policy, never by a tally: a
	// request that waits always asks somebody.
	tally.Met = tally.Met && !tally.Denied && len(c.Clauses) > 0
	return tally
}

func effectiveVotes(c Case) map[countersign.UserID]countersign.Decision {
	votes := make(map[countersign.UserID]countersign.Decision, len(c.Approvals))
	for _, a := range c.Approvals {
		if a.Digest == c.Digest {
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

// Subjects are the users a change names as the one it is about: they vote neither
// for their own gain nor against their own loss (S2). Lists of members are not
// subjects: a group of all approvers could otherwise never be approved.
func Subjects(change countersign.Change) []countersign.UserID {
	switch c := change.(type) {
	case *countersign.UpdateUser:
		return []countersign.UserID{c.UserID}
	case *countersign.ChangeRole:
		return []countersign.UserID{c.UserID}
	case *countersign.GrantPermissions:
		return []countersign.UserID{c.UserID}
	case *countersign.RevokePermissions:
		return []countersign.UserID{c.UserID}
	case *countersign.SetPermissions:
		return []countersign.UserID{c.UserID}
	case *countersign.ResetDevice:
		return []countersign.UserID{c.UserID}
	case *countersign.SuspendUser:
		return []countersign.UserID{c.UserID}
	case *countersign.ReactivateUser:
		return []countersign.UserID{c.UserID}
	case *countersign.DeleteUser:
		return []countersign.UserID{c.UserID}
	case *countersign.AddMembership:
		return []countersign.UserID{c.UserID}
	case *countersign.CreateCredential:
		return []countersign.UserID{c.UserID}
	case *countersign.IssueEnrolmentCode:
		return []countersign.UserID{c.UserID}
	default:
		return nil
	}
}

// Health says, for every clause of every rule and the default, whether any one
// requester can find enough others (L1): of the eligible people one may be the
// requester.
func Health(policy countersign.Policy, eligible func(countersign.ApproverSet) int) []ClauseHealth {
	var out []ClauseHealth
	add := func(id string, r countersign.Requirement) {
		for i, clause := range r.Clauses {
			n := eligible(clause.Approvers)
			out = append(out, ClauseHealth{RuleID: id, Clause: i, Approvers: clause.Approvers, Need: clause.Need, Eligible: n, Spare: n - 1 - clause.Need})
		}
	}
	for _, rule := range policy.Rules {
		add(rule.ID, rule.Requirement)
	}
	add(DefaultRule, policy.Default)
	return out
}

// ClauseHealth is the health of one clause; it can be met while Spare >= 0.
type ClauseHealth struct {
	RuleID    string
	Clause    int
	Approvers countersign.ApproverSet
	Need      int
	Eligible  int
	Spare     int
}
