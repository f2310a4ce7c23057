package countersign

import (
	"slices"
	"strconv"
	"strings"
)

// Validate checks the policy without looking at people: names, patterns,
// counts, and that nothing protected is free. Fields are named below prefix.
func (p *Policy) Validate(prefix string) error {
	if err := checkText(prefix+".name", p.Name, MaxNameLength, true); err != nil {
		return err
	}
	if len(p.Rules) > MaxRules {
		return E(Invalid, prefix+".rules", "must hold at most 100 rules")
	}
	if p.Default.Free() {
		return E(Refused, prefix+".default", "must ask for at least one approval; what needs none is named by a rule")
	}
	if err := p.Default.validate(prefix + ".default"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, rule := range p.Rules {
		at := prefix + ".rules." + strconv.Itoa(i)
		if seen[rule.ID] {
			return E(Invalid, at+".id", "is used by an earlier rule")
		}
		seen[rule.ID] = true
		if err := rule.validate(at); err != nil {
			return err
		}
	}
	if err := p.checkExclusions(prefix); err != nil {
		return err
	}
	if err := checkRisks(prefix+".accepted_risks", p.AcceptedRisks); err != nil {
		return err
	}
	return p.checkProtected(prefix)
}

func checkRisks(field string, list []Risk) error {
	for i, risk := range list {
		if !slices.Contains(Risks(), risk) || slices.Contains(list[:i], risk) {
			return E(Invalid, field+"."+strconv.Itoa(i), "must be no_spare_for_targets or no_recovery_keys, each once")
		}
	}
	return nil
}

// maxSides bounds an exclusion to what somebody can still read.
const maxSides = 10

// checkExclusions checks the shape of the separations of duties.
func (p *Policy) checkExclusions(prefix string) error {
	if len(p.Exclusions) > MaxRules {
		return E(Invalid, prefix+".exclusions", "must hold at most 100 exclusions")
	}
	seen := map[string]bool{}
	for i, exclusion := range p.Exclusions {
		at := prefix + ".exclusions." + strconv.Itoa(i)
		if seen[exclusion.ID] {
			return E(Invalid, at+".id", "is used by an earlier exclusion")
		}
		seen[exclusion.ID] = true
		if err := exclusion.validate(at); err != nil {
			return err
		}
	}
	return nil
}

func (e Exclusion) validate(at string) error {
	if err := checkText(at+".id", e.ID, MaxNameLength, true); err != nil {
		return err
	}
	if len(e.Sides) < 2 || len(e.Sides) > maxSides {
		return E(Invalid, at+".sides", "must hold 2 to 10 sets of permissions")
	}
	named := map[Permission]bool{}
	for i, side := range e.Sides {
		field := at + ".sides." + strconv.Itoa(i)
		if len(side) == 0 || len(side) > MaxOperations {
			return E(Invalid, field, "must hold 1 to 100 permissions")
		}
		for _, permission := range side {
			if _, err := ParsePermission(field, string(permission)); err != nil {
				return err
			}
			if named[permission] {
				return E(Invalid, field, quoted(string(permission))+" is named twice; a permission stands on one side, once")
			}
			named[permission] = true
		}
	}
	return nil
}

// checkProtected refuses a policy under which somebody could become an approver,
// or take one's place, without approval.
func (p *Policy) checkProtected(prefix string) error {
	protected := p.protectedKinds()
	for i, rule := range p.Rules {
		if !rule.Requirement.Free() {
			continue
		}
		for _, pattern := range rule.Changes {
			if slices.Contains(protected, ChangeKind(pattern)) {
				return E(Refused, prefix+".rules."+strconv.Itoa(i)+".changes", pattern+" is protected under this policy: it always needs an approval")
			}
		}
	}
	return nil
}

// protectedKinds are those of every policy, and where approvers are found by
// anything but the role of admin also those that can put somebody among them.
func (p *Policy) protectedKinds() []ChangeKind {
	protected := ProtectedKinds()
	for _, requirement := range p.requirements() {
		for _, clause := range requirement.Clauses {
			if clause.Approvers.Role != RoleAdmin {
				return append(protected, KindGroupCreate, KindGroupUpdate, KindGroupReplaceMembers, KindMembershipAdd, KindMembershipUpdate, KindPermissionAdd)
			}
		}
	}
	return protected
}

func (p *Policy) requirements() []Requirement {
	out := []Requirement{p.Default}
	for _, rule := range p.Rules {
		out = append(out, rule.Requirement)
	}
	return out
}

func (r Rule) validate(at string) error {
	if err := checkText(at+".id", r.ID, MaxNameLength, true); err != nil {
		return err
	}
	if len(r.Changes) == 0 || len(r.Changes) > MaxOperations {
		return E(Invalid, at+".changes", "must name 1 to 100 kinds of change")
	}
	for _, pattern := range r.Changes {
		if err := checkPattern(at+".changes", pattern, r.Requirement.Free()); err != nil {
			return err
		}
	}
	if err := r.When.validate(at + ".when"); err != nil {
		return err
	}
	return r.Requirement.validate(at + ".requirement")
}

func (c Condition) validate(at string) error {
	for field, n := range map[string]int{
		"group_ids": len(c.GroupIDs), "permissions": len(c.Permissions), "user_types": len(c.UserTypes), "requester_types": len(c.RequesterTypes),
	} {
		if n > MaxOperations {
			return E(Invalid, at+"."+field, "must hold at most 100 values")
		}
	}
	for i, id := range c.GroupIDs {
		if err := checkID(at+".group_ids."+strconv.Itoa(i), id); err != nil {
			return err
		}
	}
	for i, permission := range c.Permissions {
		if _, err := ParsePermission(at+".permissions."+strconv.Itoa(i), string(permission)); err != nil {
			return err
		}
	}
	types := []UserType{Person, APIUser, APISigner, EndUser}
	for i, t := range c.UserTypes {
		if !slices.Contains(types, t) {
			return E(Invalid, at+".user_types."+strconv.Itoa(i), "must be person, api_user, api_signer or end_user")
		}
	}
	for i, t := range c.RequesterTypes {
		if t != Person && t != APIUser {
			return E(Invalid, at+".requester_types."+strconv.Itoa(i), "must be person or api_user: no other account asks for changes")
		}
	}
	return nil
}

func checkPattern(at, pattern string, free bool) error {
	known := pattern == "*"
	noun, whole := strings.CutSuffix(pattern, ".*")
	for _, kind := range ChangeKinds() {
		known = known || string(kind) == pattern || (whole && strings.HasPrefix(string(kind), noun+"."))
	}
	if !known {
		return E(Invalid, at, quoted(pattern)+" is no kind of change; see the list of kinds in the API document")
	}
	if !free {
		return nil
	}
	if _, ok := NewChange(ChangeKind(pattern)); !ok {
		return E(Refused, at, "a rule without approvals must name whole kinds, not "+quoted(pattern))
	}
	return nil
}

func (r Requirement) validate(at string) error {
	if len(r.Clauses) > MaxRules {
		return E(Invalid, at+".clauses", "must hold at most 100 clauses")
	}
	if err := r.validateCounts(at); err != nil {
		return err
	}
	if s := r.ExpiresAfterSeconds; s != 0 && (s < int64(MinRequestLife.Seconds()) || s > int64(MaxRequestLife.Seconds())) {
		return E(Invalid, at+".expires_after_seconds", "must be between 60 and 7776000 (90 days)")
	}
	for i, clause := range r.Clauses {
		if err := clause.validate(at + ".clauses." + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

// validateCounts checks what comes with clauses, and makes no sense without.
func (r Requirement) validateCounts(at string) error {
	within := func(field string, n, most int64, message string) error {
		if n < 0 || n > most {
			return E(Invalid, at+"."+field, message)
		}
		return nil
	}
	err := firstError(
		within("distinct", int64(r.Distinct), 100, "must be between 0 and 100"),
		within("veto", int64(r.Veto), 100, "must be between 0 and 100"),
		within("delay_seconds", r.DelaySeconds, int64(MaxRequestDelay.Seconds()), "must be between 0 and 2592000 (30 days)"),
	)
	switch {
	case err != nil:
		return err
	case r.Signed != "" && r.Signed != SigningOptional && r.Signed != SigningRequired:
		return E(Invalid, at+".signed", "must be required or optional")
	case r.Free() && (r.Distinct != 0 || r.Veto != 0 || r.DelaySeconds != 0 || r.Exclusive || r.MustHold || r.MustBeSigned()):
		return E(Invalid, at+".clauses", "must ask somebody: without a clause there is nothing to count, delay or sign")
	}
	return nil
}

func (c Clause) validate(at string) error {
	if c.Need < 1 || c.Need > 100 {
		return E(Invalid, at+".need", "must be between 1 and 100")
	}
	named := 0
	if c.Approvers.Role != "" {
		named++
		if c.Approvers.Role != RoleAdmin && c.Approvers.Role != RoleTrader && c.Approvers.Role != RoleViewer {
			return E(Invalid, at+".approvers.role", "must be admin, trader or viewer")
		}
	}
	if c.Approvers.Permission != "" {
		named++
		if _, err := ParsePermission(at+".approvers.permission", string(c.Approvers.Permission)); err != nil {
			return err
		}
	}
	if c.Approvers.GroupID != "" {
		named++
		if err := checkID(at+".approvers.group_id", c.Approvers.GroupID); err != nil {
			return err
		}
	}
	if named != 1 {
		return E(Invalid, at+".approvers", "must name exactly one of role, permission or group_id")
	}
	return nil
}
