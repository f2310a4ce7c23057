package replay

import (
	"slices"

	"github.com/countersign/countersign"
)

// counting are the people who count, per clause of what is asked of a request by
// now, and what else is asked.
type counting struct {
	requirement
	voters [][]countersign.UserID
}

// voters reads R4 and R5: rules that came since may add to what is asked and take
// nothing away; for each clause count those of its pool who are still eligible
// and not barred. A clause that was added has as its pool whoever could approve
// anything in the beginning.
func (p *player) voters(r *request) counting {
	out := counting{requirement: asIs(r.Requirement)}
	if r.Recovery != nil { // whoever is an admin by now may deny it, and nobody is asked
		out.voters = [][]countersign.UserID{p.eligible(countersign.ApproverSet{Role: countersign.RoleAdmin})}
		return out
	}
	if p.sealed() {
		policy, _ := read[policyField](p, countersign.PolicyFact())
		now := required(policy.Policy, p.governed(r))
		if len(now.clauses) > 0 {
			out.ask("", now.whole())
		}
	}
	anybody := slices.Concat(r.Pools...)
	for i, clause := range out.clauses {
		pool := anybody
		if i < len(r.Pools) {
			pool = r.Pools[i]
		}
		out.voters = append(out.voters, slices.DeleteFunc(p.able(r, clause.Approvers, out.mustHold), func(id countersign.UserID) bool {
			return r.barred[id] || !slices.Contains(pool, id)
		}))
	}
	return out
}

// able are the eligible people of a set, where it is asked only those who hold
// all that the request gives (S7).
func (p *player) able(r *request, set countersign.ApproverSet, mustHold bool) []countersign.UserID {
	list := p.eligible(set)
	if !mustHold {
		return list
	}
	var gives []countersign.Permission
	for _, op := range p.governed(r) {
		gives = append(gives, op.gives...)
	}
	return slices.DeleteFunc(list, func(id countersign.UserID) bool {
		return slices.ContainsFunc(gives, func(permission countersign.Permission) bool {
			return permission != wildcard && !p.holds(id, permission)
		})
	})
}

func (p *player) mayVote(r *request, person countersign.UserID) bool {
	return slices.ContainsFunc(p.voters(r).voters, func(clause []countersign.UserID) bool { return slices.Contains(clause, person) })
}

// verdicts are the latest thing each said on this very digest with a credential
// that was not revoked since, nor the key that signed it. Where signatures are asked
// an approval without one says nothing.
func (p *player) verdicts(r *request, signed bool) map[countersign.UserID]countersign.Decision {
	said := map[countersign.UserID]countersign.Decision{}
	for _, v := range r.votes {
		c, f := read[credentialFields](p, countersign.CredentialFact(v.Credential))
		if v.Digest != r.digest || f.version == 0 || c.State == countersign.CredentialRevoked {
			continue
		}
		if v.Statement != "" && p.revokedKey(v.Statement) {
			continue
		}
		said[v.Person] = v.Decision
		if signed && v.Decision == countersign.Approve && v.Signature == "" {
			said[v.Person] = countersign.Withdraw
		}
	}
	return said
}

// tally counts: denials against what a veto needs, then approvals clause by
// clause, then different people; of a requirement that is met, whether its delay
// is over.
func (p *player) tally(r *request) outcome {
	asked := p.voters(r)
	said := p.verdicts(r, asked.signed)
	yes, no := map[countersign.UserID]bool{}, map[countersign.UserID]bool{}
	approvers := make([][]countersign.UserID, len(asked.clauses))
	for i, list := range asked.voters {
		for _, person := range list {
			switch said[person] {
			case countersign.Approve:
				yes[person] = true
				approvers[i] = append(approvers[i], person)
			case countersign.Deny:
				no[person] = true
			case countersign.Withdraw: // or nothing that counts
			}
		}
	}
	switch {
	case len(no) >= asked.veto():
		return denied
	case len(r.Requirement.Clauses) == 0 || len(yes) < asked.distinct || !asked.filled(approvers):
		return nothing
	case asked.delay > 0 && (r.scheduled.IsZero() || p.now.Before(r.scheduled.Add(asked.delay))):
		return waits
	default:
		return met
	}
}

// filled says whether every clause has its people.
func (r requirement) filled(approvers [][]countersign.UserID) bool {
	if r.exclusive {
		return placeable(approvers, r.clauses, map[countersign.UserID]bool{})
	}
	for i, clause := range r.clauses {
		if len(approvers[i]) < clause.Need {
			return false
		}
	}
	return true
}

// placeable tries every way of giving each clause its own people.
func placeable(approvers [][]countersign.UserID, clauses []countersign.Clause, taken map[countersign.UserID]bool) bool {
	for i, clause := range clauses {
		if clause.Need == 0 {
			continue
		}
		less := slices.Clone(clauses)
		less[i].Need--
		for _, person := range approvers[i] {
			if taken[person] {
				continue
			}
			taken[person] = true
			if placeable(approvers, less, taken) {
				return true
			}
			delete(taken, person)
		}
		return false
	}
	return true
}
