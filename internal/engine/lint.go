package engine

import (
	"strconv"

	"github.com/countersign/countersign"
)

// lintScope warns of rules and exclusions that watch over something which is not
// there: a misspelt permission, a group of yesterday. They are refused nowhere,
// since a rule may be written before what it guards, but whoever believes that they
// guard something is mistaken (governance.md A.3 h).
func (v view) lintScope(p countersign.Policy) []Finding {
	var findings []Finding
	unknown := func(field, what string) {
		findings = append(findings, Finding{Severity: "warning", Field: field, Message: "names " + what + ", which is not there: nothing is matched by it"})
	}
	permissions := func(at string, list []countersign.Permission) {
		for i, permission := range list {
			if !v.picture.KnowsPermission(permission) {
				unknown(at+"."+strconv.Itoa(i), "permission "+string(permission))
			}
		}
	}
	for i, rule := range p.Rules {
		at := "policy.rules." + strconv.Itoa(i) + ".when."
		for k, id := range rule.When.GroupIDs {
			if group, known := v.picture.Group(id, v.now); !known || !group.Living() {
				unknown(at+"group_ids."+strconv.Itoa(k), "group "+string(id))
			}
		}
		permissions(at+"permissions", rule.When.Permissions)
	}
	for i, exclusion := range p.Exclusions {
		for k, side := range exclusion.Sides {
			permissions("policy.exclusions."+strconv.Itoa(i)+".sides."+strconv.Itoa(k), side)
		}
	}
	return findings
}
