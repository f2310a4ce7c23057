package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"
)

// Policy says which changes need whose approvals. All rules that match an
// operation count; what no rule matches falls to Default.
type Policy struct {
	Name    string      `json:"name"`
	Rules   []Rule      `json:"rules"`
	Default Requirement `json:"default"`
	// Exclusions are the sets of permissions nobody may come to hold together.
	Exclusions []Exclusion `json:"exclusions,omitzero"`
	// AcceptedRisks are the warnings somebody decided to live with.
	AcceptedRisks []string `json:"accepted_risks,omitzero"`
}

// MarshalJSON writes no rules as an empty list.
func (p Policy) MarshalJSON() ([]byte, error) {
	type plain Policy
	p.Rules = orEmpty(p.Rules)
	return json.Marshal(plain(p))
}

// Rule asks a requirement of the changes it matches: kinds ("user.invite"), nouns
// ("user.*") or "*".
type Rule struct {
	ID      string   `json:"id"`
	Changes []string `json:"changes"`
	// When narrows the rule; empty, every operation of these kinds is meant.
	When        Condition   `json:"when,omitzero"`
	Requirement Requirement `json:"requirement"`
}

// Condition is met by an operation that meets every field given; the values of
// one field are alternatives.
type Condition struct {
	// GroupIDs are groups that are changed, filled or emptied.
	GroupIDs []GroupID `json:"group_ids,omitzero"`
	// Permissions are those somebody would gain or lose, through whatever.
	Permissions []Permission `json:"permissions,omitzero"`
	// UserTypes are the types of the users the operation is about.
	UserTypes []UserType `json:"user_types,omitzero"`
	// RequesterTypes are the types of the account that asks.
	RequesterTypes []UserType `json:"requester_types,omitzero"`
	// Approvers is met by what could make, unmake or impersonate an approver.
	Approvers bool `json:"approvers,omitzero"`
}

// Requirement is met when every clause is, by people other than the requester. No
// clauses means applied at once.
type Requirement struct {
	Clauses []Clause `json:"clauses"`
	// Distinct is how many different people must approve in all; 0 means the
	// largest need of the clauses.
	Distinct int `json:"distinct,omitzero"`
	// Exclusive lets a person count in one clause only.
	Exclusive bool `json:"exclusive,omitzero"`
	// Veto is how many denials end the request; 0 means one.
	Veto int `json:"veto,omitzero"`
	// DelaySeconds is how long an approved request still waits.
	DelaySeconds int64 `json:"delay_seconds,omitzero"`
	// MustHold lets only those approve who hold what somebody would gain.
	MustHold bool `json:"must_hold,omitzero"`
	// Signed is SigningRequired where only approvals count that are signed with a key
	// of the approver.
	Signed Signing `json:"signed,omitzero"`
	// ExpiresAfterSeconds is how long a request stays open; seven days when 0.
	ExpiresAfterSeconds int64 `json:"expires_after_seconds,omitzero"`
}

// Signing says whether approvals have to be signed.
type Signing string

// The values of Signing; empty means SigningOptional.
const (
	SigningOptional Signing = "optional"
	SigningRequired Signing = "required"
)

// MarshalJSON writes no clauses as an empty list.
func (r Requirement) MarshalJSON() ([]byte, error) {
	type plain Requirement
	r.Clauses = orEmpty(r.Clauses)
	return json.Marshal(plain(r))
}

// Clause asks Need distinct people of a set.
type Clause struct {
	Approvers ApproverSet `json:"approvers"`
	Need      int         `json:"need"`
}

// ApproverSet names people by exactly one of its members.
type ApproverSet struct {
	Role       Role       `json:"role,omitzero"`
	Permission Permission `json:"permission,omitzero"`
	GroupID    GroupID    `json:"group_id,omitzero"`
}

// Exclusion keeps permissions apart: nobody may come to hold any of one side
// beside any of another, through whatever, counting what begins later and what
// open requests would add.
type Exclusion struct {
	ID    string         `json:"id"`
	Sides [][]Permission `json:"sides"`
}

// Violation is somebody who could hold what an exclusion keeps apart.
type Violation struct {
	Exclusion string    `json:"exclusion"`
	UserID    UserID    `json:"user_id"`
	UserName  string    `json:"user_name"`
	UserType  UserType  `json:"user_type"`
	UserState UserState `json:"user_state"`
	// Sides are what he could hold of each side, in the order of the policy.
	Sides [][]Permission `json:"sides"`
}

// RuleHealth tells whether one clause of one rule can be met.
type RuleHealth struct {
	RuleID   string `json:"rule_id"`
	Clause   int    `json:"clause"`
	Need     int    `json:"need"`
	Eligible int    `json:"eligible"`
	// Reachable are those of the eligible who have what it takes to approve.
	Reachable int `json:"reachable"`
	// Spare is how many of them a requester who is one of them can do without.
	Spare int `json:"spare"`
	// OldestSignInAt is when that one of the reachable was last seen who has not been
	// for longest; zero when that is not known of all.
	OldestSignInAt time.Time `json:"oldest_sign_in_at"`
	// LastDrillAt is when a drill last reached the people of the rule; DrillDue says
	// that it is more than 92 days ago, or never was.
	LastDrillAt time.Time `json:"last_drill_at"`
	DrillDue    bool      `json:"drill_due"`
	OK          bool      `json:"ok"`
}

// Finding is something wrong with a policy; with severity "error" it would be
// refused.
type Finding struct {
	Severity string `json:"severity"`
	Field    string `json:"field"`
	Message  string `json:"message"`
}

// GetPolicy reads the policy and its version, which IfMatch takes.
func (c *Client) GetPolicy(ctx context.Context, opts ...ReadOption) (*Policy, int64, error) {
	r := get(directoryPath + "/policy")
	r.settings = readSettings(opts)
	a, err := c.send(ctx, &r)
	if err != nil {
		return nil, 0, err
	}
	p, err := decoded[Policy](&r, a)
	return p, a.version(), err
}

// PutPolicy replaces the policy; it is itself a change.
func (c *Client) PutPolicy(ctx context.Context, p Policy, opts ...WriteOption) (*Outcome[Policy], error) {
	return write[Policy](ctx, c, put(directoryPath+"/policy", p), opts)
}

// GetPolicyHealth tells whether the rules can be met. It is one page.
func (c *Client) GetPolicyHealth(ctx context.Context, opts ...ReadOption) (*List[RuleHealth], error) {
	return list[RuleHealth](ctx, c, directoryPath+"/policy/health", nil, opts)
}

// LintPolicy tells what is wrong with a policy; nothing is stored.
func (c *Client) LintPolicy(ctx context.Context, p Policy, opts ...ReadOption) (*List[Finding], error) {
	return read[List[Finding]](ctx, c, post(directoryPath+"/policy/lint", p), opts)
}

// ListViolations lists one page of those who could hold what the policy keeps apart.
func (c *Client) ListViolations(ctx context.Context, p Paging, opts ...ReadOption) (*List[Violation], error) {
	query := url.Values{}
	p.values(query)
	return list[Violation](ctx, c, directoryPath+"/policy/violations", query, opts)
}

// AllViolations lists them to the end.
func (c *Client) AllViolations(ctx context.Context, p Paging, opts ...ReadOption) iter.Seq2[Violation, error] {
	return all(p, func(p Paging) (*List[Violation], error) { return c.ListViolations(ctx, p, opts...) })
}
