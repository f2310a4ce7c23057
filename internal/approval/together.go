package approval

import (
	"slices"

	"github.com/countersign/countersign"
)

// together are the requirements that some operation has to meet: each rule's own,
// the default's, and those of the rules that can match one operation at once,
// where all of them ask more than each does. That is so where a clause is
// exclusive, or where one rule has everybody sign, also those who approve for
// another. Fewer rules never ask more, so the largest sets are enough.
func together(policy countersign.Policy) []asking {
	var out []asking
	harder := policy.Default.Exclusive || policy.Default.MustBeSigned() // beside the rules of a thaw
	for _, rule := range policy.Rules {
		if !rule.Requirement.Free() {
			out = append(out, asking{[]string{rule.ID}, rule.Requirement, aboutPeople(rule)})
			harder = harder || rule.Requirement.Exclusive || rule.Requirement.MustBeSigned()
		}
	}
	out = append(out, asking{[]string{DefaultRule}, policy.Default, true})
	if !harder {
		return out
	}
	at := map[ruleSet]int{}
	for _, kind := range countersign.ChangeKinds() {
		if kind == countersign.KindOrganizationThaw {
			continue // with the default, below
		}
		for _, set := range largest(policy, kind) {
			i, known := at[set]
			if !known {
				i = -1
				if all := set.asking(policy); moreThanEach(policy, all) {
					i, out = len(out), append(out, all)
				}
				at[set] = i
			}
			if i >= 0 {
				out[i].targets = out[i].targets || hasTarget(kind)
			}
		}
	}
	for _, all := range thaws(policy) {
		known := slices.ContainsFunc(out, func(a asking) bool { return slices.Equal(a.ids, all.ids) })
		if !known && moreThanEach(policy, all) {
			out = append(out, all)
		}
	}
	return out
}

// thaws are what the end of a freeze can be asked: what a change of the policy is,
// by rules or else by the default, and what rules say of the thaw besides. Were it
// out of reach, nothing would ever move again. Where rules for a change of the
// policy look at who asks, others fall to the default.
func thaws(policy countersign.Policy) (out []asking) {
	put := rulesWith(policy, func(rule countersign.Rule) bool { return rule.Matches(countersign.KindPolicyPut) })
	for _, requester := range []countersign.UserType{countersign.Person, countersign.APIUser} {
		ops := []Operation{
			{Kind: countersign.KindPolicyPut, Requester: requester, Approvers: true},
			{Kind: countersign.KindOrganizationThaw, Requester: requester, Approvers: true},
		}
		set := rulesWith(policy, func(rule countersign.Rule) bool { return Matches(rule, ops[0]) || Matches(rule, ops[1]) })
		asked := set.asking(policy)
		if set.and(put) == (ruleSet{}) {
			asked.ids, asked.requirement = append(asked.ids, DefaultRule), And(asked.requirement, policy.Default)
		}
		out = append(out, asked)
	}
	return out
}

// moreThanEach reports whether rules together can be out of reach though each of
// them is within.
func moreThanEach(policy countersign.Policy, all asking) bool {
	unsigned := slices.ContainsFunc(policy.Rules, func(r countersign.Rule) bool {
		return slices.Contains(all.ids, r.ID) && !r.Requirement.MustBeSigned()
	}) || slices.Contains(all.ids, DefaultRule) && !policy.Default.MustBeSigned()
	return len(all.ids) > 1 && (all.requirement.Exclusive || all.requirement.MustBeSigned() && unsigned)
}

// largest are the largest sets of rules that one operation of a kind can match. A
// requester has one type, and what is about one user or one group meets no
// condition about another.
func largest(policy countersign.Policy, kind countersign.ChangeKind) []ruleSet {
	reach, asked := reachOf(kind)
	if !asked {
		return nil
	}
	all := rulesWith(policy, func(rule countersign.Rule) bool {
		// Who names recovery keys is asked what who puts a policy is asked too.
		matches := rule.Matches(kind) || kind == countersign.KindRecoveryReplace && rule.Matches(countersign.KindPolicyPut)
		return matches && (reach.permissions || len(rule.When.Permissions) == 0) && (reach.approvers || !rule.When.Approvers)
	})
	requesters := choices(policy, one, nil, func(c countersign.Condition) []countersign.UserType { return c.RequesterTypes })
	users := choices(policy, reach.users, reach.types, func(c countersign.Condition) []countersign.UserType { return c.UserTypes })
	groups := choices(policy, reach.groups, nil, func(c countersign.Condition) []countersign.GroupID { return c.GroupIDs })
	var out []ruleSet
	for _, r := range requesters {
		for _, u := range users {
			for _, g := range groups {
				out = append(out, all.and(r).and(u).and(g))
			}
		}
	}
	return out
}

// choices are the largest sets of rules whose condition on one field can be met at
// once by an operation that is about none, one or several of the values. Where not
// every value is possible, those that are.
func choices[T comparable](policy countersign.Policy, how spread, possible []T, field func(countersign.Condition) []T) []ruleSet {
	var open ruleSet
	var order []T
	naming := map[T]ruleSet{}
	for i, rule := range policy.Rules {
		if len(field(rule.When)) == 0 {
			open = open.or(only(i))
		}
		for _, value := range field(rule.When) {
			if possible != nil && !slices.Contains(possible, value) {
				continue
			}
			if _, known := naming[value]; !known {
				order = append(order, value)
			}
			naming[value] = naming[value].or(only(i))
		}
	}
	if how == none || len(order) == 0 {
		return []ruleSet{open}
	}
	var out []ruleSet
	all, seen := open, map[ruleSet]bool{}
	for _, value := range order {
		set := open.or(naming[value])
		all = all.or(set)
		if !seen[set] {
			seen[set], out = true, append(out, set)
		}
	}
	if how == several {
		return []ruleSet{all}
	}
	return out
}

// ruleSet holds the places of rules in their policy, of which there are at most
// MaxRules.
type ruleSet [2]uint64

// rulesWith are the rules that ask something and are like this.
func rulesWith(policy countersign.Policy, like func(countersign.Rule) bool) (set ruleSet) {
	for i, rule := range policy.Rules {
		if !rule.Requirement.Free() && like(rule) {
			set = set.or(only(i))
		}
	}
	return set
}

func only(i int) (set ruleSet) {
	set[i/64] = 1 << (i % 64)
	return set
}

func (s ruleSet) and(other ruleSet) ruleSet { return ruleSet{s[0] & other[0], s[1] & other[1]} }
func (s ruleSet) or(other ruleSet) ruleSet  { return ruleSet{s[0] | other[0], s[1] | other[1]} }

// asking is what all rules of the set ask.
func (s ruleSet) asking(policy countersign.Policy) asking {
	var out asking
	for i, rule := range policy.Rules {
		if s.and(only(i)) != (ruleSet{}) {
			out.ids = append(out.ids, rule.ID)
			out.requirement = And(out.requirement, rule.Requirement)
		}
	}
	return out
}
