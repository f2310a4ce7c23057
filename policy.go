package countersign

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy says which changes need whose approvals. It is data: it can be
// fetched, edited, linted and put back, and putting it back is itself a change.
// All rules that match an operation count (governance.md B.2 R1); an operation
// that no rule matches falls to Default, so silence never means "no approval".
type Policy struct {
	Name  string `json:"name"`
	Rules []Rule `json:"rules"`
	// Default is the requirement of operations no rule matches.
	Default Requirement `json:"default"`
}

// Rule asks a requirement of the changes it matches.
type Rule struct {
	// ID is unique in the policy; requests cite it.
	ID string `json:"id"`
	// Changes are kinds ("user.invite"), nouns ("user.*") or "*".
	Changes []string `json:"changes"`
	// UserTypes, when given, keeps the rule to changes about a user of one of
	// these types, his credentials included. A change about no user is not meant.
	UserTypes []UserType `json:"user_types,omitzero"`
	// Requirement with no clauses means: applied at once. Such a rule must name
	// whole kinds and can never cover a protected kind (R2).
	Requirement Requirement `json:"requirement"`
}

// Matter is what a policy is asked about one change: its kind, and the type of the
// user it is about, empty when it is about none.
type Matter struct {
	Kind ChangeKind
	User UserType
}

// Requirement is what must be met before a change is applied: every clause, by
// people other than the requester.
//
// Delay, veto counts, distinct persons across clauses, must-hold and signature
// flags belong here too when they come (governance.md B.1); today one denial
// ends a request and there is no delay.
type Requirement struct {
	Clauses []Clause `json:"clauses"`
	// ExpiresAfterSeconds is how long a request stays open; 0 means seven days.
	ExpiresAfterSeconds int64 `json:"expires_after_seconds,omitzero"`
}

// Clause asks Need distinct people of a set. Each counts once in each clause
// where he qualifies.
type Clause struct {
	Approvers ApproverSet `json:"approvers"`
	Need      int         `json:"need"`
}

// ApproverSet names the people who may satisfy a clause: exactly one of the
// fields is given. Whatever the set, approvers are active persons who hold
// changes.approve.
type ApproverSet struct {
	Role       Role       `json:"role,omitzero"`
	Permission Permission `json:"permission,omitzero"`
	GroupID    GroupID    `json:"group_id,omitzero"`
}

// Life returns how long a request under this requirement stays open.
func (r Requirement) Life() time.Duration {
	if r.ExpiresAfterSeconds == 0 {
		return DefaultRequestLife
	}
	return time.Duration(r.ExpiresAfterSeconds) * time.Second
}

// Free reports whether nothing is asked.
func (r Requirement) Free() bool { return len(r.Clauses) == 0 }

// ProtectedKinds can never be free of approval once an organization is sealed:
// whoever controls them controls the approvals (governance.md R2). Credentials
// are protected when they belong to an approver; see internal/approval.
func ProtectedKinds() []ChangeKind {
	return []ChangeKind{KindPolicyPut, KindUserChangeRole, KindUserInvite, KindUserResetDevice, KindCredentialIssueCode, KindOrganizationUpdate, KindUserGrant, KindUserSetPermissions, KindUserReactivate}
}

// TwoPersonPolicy is the ready-made policy a seal installs by default: one
// other admin for every user, group, membership and credential change, two for
// the policy itself. End users and their tokens, which reach nothing of the
// directory, come and go without approval, and the onboarding code of an invited
// person follows from the approved invitation.
func TwoPersonPolicy() Policy {
	admins := func(need int) Requirement {
		return Requirement{Clauses: []Clause{{Approvers: ApproverSet{Role: RoleAdmin}, Need: need}}}
	}
	return Policy{
		Name: "two-person",
		Rules: []Rule{
			{ID: "policy-needs-two", Changes: []string{"policy.*"}, Requirement: admins(2)},
			{
				ID:        "end-users-are-free",
				Changes:   []string{string(KindUserCreateEndUser), string(KindUserDelete), string(KindCredentialCreate), string(KindCredentialRevoke)},
				UserTypes: []UserType{EndUser}, Requirement: Requirement{},
			},
			{ID: "codes-follow-the-invitation", Changes: []string{string(KindUserOnboardingCode)}, Requirement: Requirement{}},
		},
		Default: admins(1),
	}
}

// Matches reports whether the rule speaks about a matter.
func (r Rule) Matches(m Matter) bool {
	if len(r.UserTypes) > 0 && !slices.Contains(r.UserTypes, m.User) {
		return false
	}
	kind := m.Kind
	for _, pattern := range r.Changes {
		if pattern == "*" || pattern == string(kind) {
			return true
		}
		if noun, ok := strings.CutSuffix(pattern, ".*"); ok && strings.HasPrefix(string(kind), noun+".") {
			return true
		}
	}
	return false
}

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
	return p.checkProtected(prefix)
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
	if r.UserTypes != nil && len(r.UserTypes) == 0 {
		return E(Invalid, at+".user_types", "must name a type of user, or be left out")
	}
	for i, t := range r.UserTypes {
		if !slices.Contains([]UserType{Person, APIUser, APISigner, EndUser}, t) || slices.Contains(r.UserTypes[:i], t) {
			return E(Invalid, at+".user_types", "must name person, api_user, api_signer or end_user, each once")
		}
	}
	return r.Requirement.validate(at + ".requirement")
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
