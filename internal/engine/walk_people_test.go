package engine_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

type changeRow = store.ChangeRecord

// held is what somebody holds, by permission.
type holding map[countersign.Permission]bool

// holdings are what every living user holds: by role, individually, and through
// the groups whose memberships count.
func (r *rows) holdings(counts func(*countersign.Membership) bool) map[countersign.UserID]holding {
	out := map[countersign.UserID]holding{}
	for id, u := range r.users {
		if u.State == countersign.UserDeleted {
			continue
		}
		out[id] = holding{}
		for _, p := range slices.Concat(countersign.RolePermissions(u.Role), u.Permissions) {
			out[id][p] = true
		}
	}
	for _, m := range r.memberships {
		g := r.groups[m.GroupID]
		if out[m.UserID] == nil || m.State != countersign.MembershipActive || g.State != countersign.GroupActive || !counts(m) {
			continue
		}
		for _, p := range g.Permissions {
			out[m.UserID][p] = true
		}
	}
	return out
}

// now counts memberships that have begun and are not over.
func now(at time.Time) func(*countersign.Membership) bool {
	return func(m *countersign.Membership) bool { return !at.Before(m.StartsAt) && lasting(at)(m) }
}

// lasting counts memberships that are not over, begun or not.
func lasting(at time.Time) func(*countersign.Membership) bool {
	return func(m *countersign.Membership) bool { return m.ExpiresAt.IsZero() || at.Before(m.ExpiresAt) }
}

// approvers are the active people who hold changes.approve at a moment.
func (r *rows) approvers(at time.Time) map[countersign.UserID]holding {
	all := r.holdings(now(at))
	for id, holds := range all {
		if u := r.users[id]; u.Type != countersign.Person || u.State != countersign.UserActive || !holds[countersign.ChangesApprove] {
			delete(all, id)
		}
	}
	return all
}

// eligible are the approvers of a set at a moment.
func (r *rows) eligible(set countersign.ApproverSet, at time.Time) []countersign.UserID {
	return r.of(set, r.approvers(at), at)
}

func (r *rows) of(set countersign.ApproverSet, approvers map[countersign.UserID]holding, at time.Time) (out []countersign.UserID) {
	for id, holds := range approvers {
		in := false
		switch {
		case set.GroupID != "":
			group := r.groups[set.GroupID]
			for _, m := range r.memberships {
				in = in || m.GroupID == set.GroupID && m.UserID == id && m.State == countersign.MembershipActive && group.State == countersign.GroupActive && now(at)(m)
			}
		case set.Permission != "":
			in = holds[set.Permission]
		default:
			in = r.users[id].Role == set.Role
		}
		if in {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// able are the eligible who have something to come with, and a key if one is asked.
func (r *rows) able(clauses countersign.Requirement, at time.Time) [][]countersign.UserID {
	approvers := r.approvers(at)
	tokens, keys := map[countersign.UserID]bool{}, map[countersign.UserID]bool{}
	for _, k := range r.credentials {
		if k.WorksAt(at) {
			tokens[k.UserID] = tokens[k.UserID] || k.Type == countersign.Token
			keys[k.UserID] = keys[k.UserID] || k.Type == countersign.ApprovalKey
		}
	}
	var out [][]countersign.UserID
	for _, clause := range clauses.Clauses {
		out = append(out, slices.DeleteFunc(r.of(clause.Approvers, approvers, at), func(id countersign.UserID) bool {
			return !tokens[id] || clauses.Signed == countersign.SigningRequired && !keys[id]
		}))
	}
	return out
}

// different are the people of several lists, each once.
func different(lists [][]countersign.UserID) []countersign.UserID {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// met says whether these people, by clause, are all that a requirement asks.
func met(r countersign.Requirement, people [][]countersign.UserID) bool {
	if len(r.Clauses) == 0 || len(different(people)) < r.Distinct {
		return false
	}
	if r.Exclusive {
		return seated(r.Clauses, people, nil)
	}
	for i, clause := range r.Clauses {
		if len(people[i]) < clause.Need {
			return false
		}
	}
	return true
}

// seated tries every way of giving each clause people of its own.
func seated(clauses []countersign.Clause, people [][]countersign.UserID, taken []countersign.UserID) bool {
	i := slices.IndexFunc(clauses, func(c countersign.Clause) bool { return c.Need > 0 })
	if i < 0 {
		return true
	}
	rest := slices.Clone(clauses)
	rest[i].Need--
	return slices.ContainsFunc(people[i], func(id countersign.UserID) bool {
		return !slices.Contains(taken, id) && seated(rest, people, append(slices.Clone(taken), id))
	})
}

// asking is what one rule asks, or several that always match together.
type asking struct {
	id      string
	asks    countersign.Requirement
	targets bool
}

// askings are all that a policy asks.
func askings(p countersign.Policy) []asking {
	out := []asking{{"default", united([]countersign.Requirement{p.Default}), true}}
	for _, rule := range p.Rules {
		if len(rule.Requirement.Clauses) > 0 {
			out = append(out, asking{rule.ID, united([]countersign.Requirement{rule.Requirement}), aboutPeople(rule)})
		}
	}
	return out
}

// aboutPeople says whether a rule speaks of what is done to somebody who is there.
func aboutPeople(rule countersign.Rule) bool {
	return slices.ContainsFunc(countersign.ChangeKinds(), func(kind countersign.ChangeKind) bool {
		switch kind {
		case countersign.KindUserUpdate, countersign.KindUserChangeRole, countersign.KindUserGrant, countersign.KindUserRevoke,
			countersign.KindUserSetPermissions, countersign.KindUserResetDevice, countersign.KindUserSuspend, countersign.KindUserReactivate,
			countersign.KindUserDelete, countersign.KindMembershipAdd, countersign.KindMembershipUpdate, countersign.KindMembershipRemove,
			countersign.KindCredentialCreate, countersign.KindCredentialIssueCode, countersign.KindCredentialRevoke:
			return speaksOf(rule, kind)
		default:
			return false
		}
	})
}

// stuck names the rules of a policy, each for itself, that somebody's request could
// not meet in a directory: every approver and a stranger try as the requester (L1),
// each of them about every other approver (L4). Rules that are out of reach only
// together are the prover's to find, which a step asks as well.
func (r *rows) stuck(p countersign.Policy, at time.Time) map[string]string {
	out := map[string]string{}
	accepted := slices.Contains(p.AcceptedRisks, countersign.RiskNoSpareForTargets)
	for _, a := range askings(p) {
		people := r.able(a.asks, at)
		others := append(different(people), "")
		for _, requester := range others {
			for _, target := range others {
				if target != "" && (accepted || !a.targets) {
					continue
				}
				left := make([][]countersign.UserID, len(people))
				for i := range people {
					left[i] = slices.DeleteFunc(slices.Clone(people[i]), func(id countersign.UserID) bool { return id == requester || id == target })
				}
				if !met(a.asks, left) {
					out[a.id] = fmt.Sprintf("asked by %q about %q of %v", requester, target, people)
				}
			}
		}
	}
	return out
}

// nobodyIsLockedOut (11): once sealed, no change leaves a rule that somebody's
// request could not meet, unless it could not be met before either: time opens
// such gaps, since credentials and memberships end (docs/adr/0023). Whose device
// is reset is waited for. L3: two admins stay.
func (j *judge) nobodyIsLockedOut(c commit) error {
	o := c.after.organization
	if !o.Sealed() || len(c.entries) == 0 {
		return nil
	}
	admins := 0
	for _, u := range c.after.users {
		if u.Type == countersign.Person && u.Role == countersign.RoleAdmin && u.State == countersign.UserActive {
			admins++
		}
	}
	if admins < 2 {
		return fmt.Errorf("%d active admins are left", admins)
	}
	return applications(c, func(e entry) error {
		d := j.document(c, e.said.Change.ID)
		if !slices.ContainsFunc(d.Operations, func(op operation) bool { return op.Kind != countersign.KindUserResetDevice }) {
			return nil
		}
		after := c.after.stuck(o.Policy, e.Time)
		if len(after) == 0 {
			return nil
		}
		j.counts["gaps"]++
		before := map[string]string{}
		if c.before.organization.Sealed() {
			before = c.before.stuck(c.before.organization.Policy, e.Time)
		}
		for rule, why := range after {
			if before[rule] == "" {
				return fmt.Errorf("change %s leaves rule %s that cannot be met when %s", d.ID, rule, why)
			}
		}
		return nil
	})
}

// dutiesStaySeparate (12): nobody comes to hold permissions of two sides of an
// exclusion by a change, counting what begins later. What was so before stays, but
// for who comes back from a suspension (docs/adr/0027). What other open requests
// would add is counted by package replay.
func (j *judge) dutiesStaySeparate(c commit) error {
	o := c.after.organization
	if !o.Sealed() || len(o.Policy.Exclusions) == 0 {
		return nil
	}
	return applications(c, func(e entry) error {
		before, after := c.before.holdings(lasting(e.Time)), c.after.holdings(lasting(e.Time))
		for _, exclusion := range o.Policy.Exclusions {
			for id, holds := range after {
				back := c.before.users[id] != nil && c.before.users[id].State == countersign.UserSuspended && c.after.users[id].State != countersign.UserSuspended
				if sides(exclusion, holds) < 2 {
					continue
				}
				j.counts["present violations"]++
				if sides(exclusion, before[id]) < 2 || back {
					return fmt.Errorf("%s comes to hold what %s keeps apart", id, exclusion.ID)
				}
			}
		}
		return nil
	})
}

func sides(exclusion countersign.Exclusion, holds holding) (n int) {
	for _, side := range exclusion.Sides {
		if slices.ContainsFunc(side, func(p countersign.Permission) bool { return holds[p] }) {
			n++
		}
	}
	return n
}
