package countersign

import (
	"slices"
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
	// Exclusions are the sets of permissions nobody may hold together (S6).
	Exclusions []Exclusion `json:"exclusions,omitzero"`
	// AcceptedRisks are the warnings somebody decided to live with; they stand in
	// the log with the policy.
	AcceptedRisks []Risk `json:"accepted_risks,omitzero"`
}

// Risk is a lock-out rule that may be accepted instead of met.
type Risk string

// RiskNoSpareForTargets accepts that a change about an approver may find too few
// others to approve it (L4).
const RiskNoSpareForTargets Risk = "no_spare_for_targets"

// RiskNoRecoveryKeys accepts that nobody outside could help an organization that
// has locked itself out (L6, amendment 3).
const RiskNoRecoveryKeys Risk = "no_recovery_keys"

// Risks lists all that can be accepted.
func Risks() []Risk { return []Risk{RiskNoSpareForTargets, RiskNoRecoveryKeys} }

// Rule asks a requirement of the operations it matches: those of its kinds that
// also meet its condition.
type Rule struct {
	// ID is unique in the policy; requests cite it.
	ID string `json:"id"`
	// Changes are kinds ("user.invite"), nouns ("user.*") or "*".
	Changes []string `json:"changes"`
	// When narrows the rule; without it every operation of the kinds matches.
	When Condition `json:"when,omitzero"`
	// Requirement with no clauses means: applied at once. Such a rule must name
	// whole kinds and can never cover a protected kind (R2).
	Requirement Requirement `json:"requirement"`
}

// Condition is met by an operation that meets every field given; the values of
// one field are alternatives.
type Condition struct {
	// GroupIDs are groups the operation changes, fills or empties.
	GroupIDs []GroupID `json:"group_ids,omitzero"`
	// Permissions are those somebody would gain or lose by the operation, through
	// whatever: individually, by role, or by a group.
	Permissions []Permission `json:"permissions,omitzero"`
	// UserTypes are the types of the users the operation is about.
	UserTypes []UserType `json:"user_types,omitzero"`
	// RequesterTypes are the types of the account that asks.
	RequesterTypes []UserType `json:"requester_types,omitzero"`
	// Approvers, when true, is met by what could make, unmake or impersonate
	// somebody whose approval the policy counts.
	Approvers bool `json:"approvers,omitzero"`
}

// Requirement is what must be met before a change is applied: every clause, by
// people other than the requester (governance.md B.1).
type Requirement struct {
	Clauses []Clause `json:"clauses"`
	// Distinct is how many different people must approve in all, 1 to 100; 0
	// means the largest need of the clauses (R3).
	Distinct int `json:"distinct,omitzero"`
	// Exclusive lets a person count in one clause only (R3).
	Exclusive bool `json:"exclusive,omitzero"`
	// Veto is how many denials end the request, 1 to 100; 0 means one.
	Veto int `json:"veto,omitzero"`
	// DelaySeconds is how long an approved request still waits, so that somebody
	// can object: 0 to 30 days.
	DelaySeconds int64 `json:"delay_seconds,omitzero"`
	// ExpiresAfterSeconds is how long a request stays open; 0 means seven days.
	// The delay is added to it.
	ExpiresAfterSeconds int64 `json:"expires_after_seconds,omitzero"`
	// MustHold lets only those approve who hold every permission that somebody
	// would gain (S7).
	MustHold bool `json:"must_hold,omitzero"`
	// Signed is "required" where only approvals count that are signed with a key
	// of the approver (governance.md C.4); otherwise they may be.
	Signed Signing `json:"signed,omitzero"`
}

// Signing says whether approvals have to be signed by the approver's own key.
type Signing string

// The values of Signing; empty means SigningOptional.
const (
	SigningOptional Signing = "optional"
	SigningRequired Signing = "required"
)

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

// Exclusion is a static separation of duties (governance.md S6): nobody may come
// to hold permissions of more than one side of it, through whatever, counting
// what begins later and what open requests would add (docs/adr/0027).
type Exclusion struct {
	// ID is unique among the exclusions of the policy.
	ID string `json:"id"`
	// Sides are two to ten disjoint sets of permissions; who holds any permission
	// of one side may hold none of another.
	Sides [][]Permission `json:"sides"`
}

// Life returns how long a request under this requirement stays open: the time to
// decide it, the delay after that, and a day in which what is due is applied.
func (r Requirement) Life() time.Duration {
	life := DefaultRequestLife
	if r.ExpiresAfterSeconds != 0 {
		life = time.Duration(r.ExpiresAfterSeconds) * time.Second
	}
	if r.DelaySeconds > 0 {
		life += r.Delay() + applyingLife
	}
	return life
}

// applyingLife is how late a scheduled request may still be applied: the server
// may have been down when it was due.
const applyingLife = 24 * time.Hour

// Delay is how long an approved request still waits.
func (r Requirement) Delay() time.Duration { return time.Duration(r.DelaySeconds) * time.Second }

// Vetoes is how many denials end a request.
func (r Requirement) Vetoes() int { return max(r.Veto, 1) }

// People is how many different people must approve.
func (r Requirement) People() int {
	people := r.Distinct
	for _, clause := range r.Clauses {
		people = max(people, clause.Need)
	}
	return people
}

// MustBeSigned reports whether only signed approvals count.
func (r Requirement) MustBeSigned() bool { return r.Signed == SigningRequired }

// Free reports whether nothing is asked.
func (r Requirement) Free() bool { return len(r.Clauses) == 0 }

// Clone returns a policy that shares nothing with this one.
func (p Policy) Clone() Policy {
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		r := &p.Rules[i]
		r.Changes, r.Requirement.Clauses = slices.Clone(r.Changes), slices.Clone(r.Requirement.Clauses)
		r.When.GroupIDs, r.When.Permissions = slices.Clone(r.When.GroupIDs), slices.Clone(r.When.Permissions)
		r.When.UserTypes, r.When.RequesterTypes = slices.Clone(r.When.UserTypes), slices.Clone(r.When.RequesterTypes)
	}
	p.Default.Clauses = slices.Clone(p.Default.Clauses)
	p.Exclusions = slices.Clone(p.Exclusions)
	for i := range p.Exclusions {
		sides := slices.Clone(p.Exclusions[i].Sides)
		for k := range sides {
			sides[k] = slices.Clone(sides[k])
		}
		p.Exclusions[i].Sides = sides
	}
	p.AcceptedRisks = slices.Clone(p.AcceptedRisks)
	return p
}

// IsZero reports whether the condition narrows nothing.
func (c Condition) IsZero() bool {
	return len(c.GroupIDs) == 0 && len(c.Permissions) == 0 && len(c.UserTypes) == 0 && len(c.RequesterTypes) == 0 && !c.Approvers
}

// Matches reports whether the rule speaks about a kind.
func (r Rule) Matches(kind ChangeKind) bool {
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
