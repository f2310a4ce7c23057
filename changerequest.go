package countersign

import (
	"time"
)

// ChangeState is where a change request stands. Open are pending and scheduled,
// which has its approvals and waits out a delay; the others are final and never
// change.
type ChangeState string

// The states of a change request (governance.md B.3, with the amendments).
const (
	ChangePending   ChangeState = "pending"
	ChangeScheduled ChangeState = "scheduled"
	ChangeApplied   ChangeState = "applied"
	ChangeRejected  ChangeState = "rejected"
	ChangeCancelled ChangeState = "cancelled"
	ChangeExpired   ChangeState = "expired"
	ChangeStale     ChangeState = "stale"
	ChangeFailed    ChangeState = "failed"
)

// ChangeStates lists all states.
func ChangeStates() []ChangeState {
	return []ChangeState{ChangePending, ChangeScheduled, ChangeApplied, ChangeRejected, ChangeCancelled, ChangeExpired, ChangeStale, ChangeFailed}
}

// Open reports whether the request may still be decided.
func (s ChangeState) Open() bool { return s == ChangePending || s == ChangeScheduled }

// ChangeRequest is one submitted batch of changes, waiting or decided. What it
// asks for (Operations, Base, Requirement, Pool) never changes; replacing it
// makes a new request without votes.
type ChangeRequest struct {
	ID    ChangeID
	State ChangeState
	// Operations in the order in which they are applied, all or nothing.
	Operations []Change
	Reason     string
	// Requester is the account that asked; RequesterPerson the person who
	// counts as the requester.
	Requester           UserID
	RequesterPerson     UserID
	RequesterCredential CredentialID
	// Base holds every fact the request touches or relies on, at the version
	// its requester and approvers saw. If one moves, the request is stale.
	Base []FactVersion
	// RuleIDs and PolicyVersion say which rules asked the Requirement.
	RuleIDs       []string
	PolicyVersion int64
	Requirement   Requirement
	// Pools holds, per clause, the people who could vote when the request was
	// made, sorted; a pool may only shrink.
	Pools [][]UserID
	// Excluded may not vote although eligible: requester, responsible person,
	// requesters of replaced requests, and the users the change is about. Sorted.
	Excluded []UserID
	// Digest is the SHA-256, in hexadecimal, that a vote must name.
	Digest    string
	CreatedAt time.Time
	ExpiresAt time.Time
	// ScheduledAt is when a scheduled request got the approvals it needs; zero in
	// every other state. It is applied when the delay of its requirement is over.
	ScheduledAt time.Time
	// ClosedAt, ClosedBy and ClosedBecause say how an open request ended.
	ClosedAt      time.Time
	ClosedBy      UserID
	ClosedBecause string
	// Replaces and ReplacedBy link a request with its predecessor and successor;
	// WinnerID is the applied change that made this one stale.
	Replaces   ChangeID
	ReplacedBy ChangeID
	WinnerID   ChangeID
	// Ratification is, of an emergency act, the request by which others are asked
	// about it afterwards; Ratifies, of that request, the act. Empty elsewhere.
	Ratification ChangeID
	Ratifies     ChangeID
	// Bootstrap marks a change applied at once before the organization was sealed.
	Bootstrap bool
	// AppliedPosition is the log position of the leaf that applied it; 0 until then.
	AppliedPosition int64
	// Effects is what the request would do, as its requester and approvers saw
	// it: before and after of at most the first 200 facts of EffectsTotal.
	Effects      []Effect
	EffectsTotal int
	// Recovery is what was signed with recovery keys; nil of every request that
	// somebody of the organization made.
	Recovery *RecoveryAct
	// Approvals in the order given; the latest of a person is the effective one.
	Approvals []Approval
	// Version is the log position of the last write.
	Version int64
}

// Emergency reports whether one person did this at once, without the approvals
// that Requirement asks.
func (c *ChangeRequest) Emergency() bool { return c.Ratification != "" }

// StateAt returns the state as any reader must see it: an open request past
// its expiry is expired, whether or not anybody has written so yet.
func (c *ChangeRequest) StateAt(now time.Time) ChangeState {
	if c.State.Open() && !now.Before(c.ExpiresAt) {
		return ChangeExpired
	}
	return c.State
}

// Decision is what an approver says.
type Decision string

// The decisions.
const (
	Approve Decision = "approve"
	Deny    Decision = "deny"
	// Withdraw takes back what one has said before.
	Withdraw Decision = "withdraw"
)

// Approval is one person's verdict on one change request; it is never edited.
type Approval struct {
	Change     ChangeID
	Person     UserID
	Credential CredentialID
	Decision   Decision
	// Digest of the request the person saw.
	Digest  string
	Comment string
	At      time.Time
	// Position of the leaf that records it.
	Position int64
	// Statement is what the person signed, in its canonical bytes, and Signature his
	// signature in base64 (governance.md C.4); both empty where only the server
	// attests the approval.
	Statement string
	Signature string
	// Method says how it was signed; empty where it was not.
	Method SigningMethod
}

// SigningMethod is how an approval is signed. WebAuthn will be another, whose
// assertion stands where the signature does.
type SigningMethod string

// MethodEd25519 signs the framed statement with an Ed25519 key (governance.md C.4).
const MethodEd25519 SigningMethod = "ed25519"

// SigningMethods lists the methods that are taken.
func SigningMethods() []SigningMethod { return []SigningMethod{MethodEd25519} }

// Attestation says who vouches for an approval.
type Attestation string

// The attestations.
const (
	// ByServer: the server says that somebody came with this person's token.
	ByServer Attestation = "server"
	// ByKey: the person signed it with an approval key.
	ByKey Attestation = "key"
)

// Attested says who vouches for the approval.
func (a Approval) Attested() Attestation {
	if a.Signature == "" {
		return ByServer
	}
	return ByKey
}

// Fact names the smallest governed unit, "kind:key": "user.role:<user id>",
// "membership:<user id>/<group id>". Each fact has a version: the log position
// of its last write, 0 while it does not exist.
type Fact string

// UserFact holds a user's attributes.
func UserFact(id UserID) Fact { return Fact("user:" + string(id)) }

// UserRoleFact holds a user's role.
func UserRoleFact(id UserID) Fact { return Fact("user.role:" + string(id)) }

// UserStateFact holds a user's state.
func UserStateFact(id UserID) Fact { return Fact("user.state:" + string(id)) }

// UserPermissionsFact holds a user's individual permissions.
func UserPermissionsFact(id UserID) Fact { return Fact("user.permissions:" + string(id)) }

// GroupFact holds a group's attributes.
func GroupFact(id GroupID) Fact { return Fact("group:" + string(id)) }

// GroupPermissionsFact holds what a group grants.
func GroupPermissionsFact(id GroupID) Fact { return Fact("group.permissions:" + string(id)) }

// GroupStateFact holds a group's state.
func GroupStateFact(id GroupID) Fact { return Fact("group.state:" + string(id)) }

// GroupMembersFact moves whenever anybody joins, leaves or changes within the
// group. It is derived: its version is the highest of the group's memberships.
func GroupMembersFact(id GroupID) Fact { return Fact("group.members:" + string(id)) }

// MembershipFact holds whether and how a user is in a group, across every
// membership the two ever had.
func MembershipFact(u UserID, g GroupID) Fact {
	return Fact("membership:" + string(u) + "/" + string(g))
}

// CredentialFact holds a credential.
func CredentialFact(id CredentialID) Fact { return Fact("credential:" + string(id)) }

// PermissionFact holds an entry of the catalogue.
func PermissionFact(p Permission) Fact { return Fact("permission:" + string(p)) }

// PolicyFact holds the policy.
func PolicyFact() Fact { return "policy:" }

// OrganizationFact holds the organization's name and seal.
func OrganizationFact() Fact { return "organization:" }

// FreezeFact holds whether the organization is frozen.
func FreezeFact() Fact { return "organization.freeze:" }

// EmergencyFact holds whether an emergency act was ratified.
func EmergencyFact(id ChangeID) Fact { return Fact("emergency:" + string(id)) }

// FactVersion is a fact at a version.
type FactVersion struct {
	Fact    Fact  `json:"fact"`
	Version int64 `json:"version"`
}

// Outcome is what a submission led to.
type Outcome struct {
	// Change is the request, State applied or pending.
	Change ChangeRequest
	// Revision is the log position the submission led to; a read that names it
	// is never older.
	Revision int64
	// Secrets made by the change, shown only in this answer.
	Secrets []Secret
	// DryRun is true when nothing was stored.
	DryRun bool
}

// Effect is the movement of one fact.
type Effect struct {
	Fact Fact
	// From and To are versions; To is 0 while the change is held.
	From int64
	To   int64
	// Before and After are the values in clear, canonical field names; a field
	// that did not move stands in neither.
	Before map[string]any
	After  map[string]any
}

// Secret is shown once to whom it belongs. It prints as [redacted], so that it
// cannot slip into a log.
type Secret struct {
	Credential CredentialID
	User       UserID
	Type       CredentialType
	// ClientID accompanies the secret of an OAuth client.
	ClientID  string
	ExpiresAt time.Time
	value     string
}

// NewSecret wraps a secret value.
func NewSecret(c Credential, value string) Secret {
	return Secret{Credential: c.ID, User: c.UserID, Type: c.Type, ClientID: c.ClientID, ExpiresAt: c.ExpiresAt, value: value}
}

// Reveal returns the value; its callers are the writers of answers.
func (s Secret) Reveal() string { return s.value }

// String hides the value.
func (Secret) String() string { return "[redacted]" }

// GoString hides the value.
func (Secret) GoString() string { return "[redacted]" }

// CheckReason bounds a reason or comment.
func CheckReason(field, s string) error { return checkProse(field, s) }
