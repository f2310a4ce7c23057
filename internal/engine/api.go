package engine

import (
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// List is one page of a list with its exact total, at one revision.
type List[T any] = roster.List[T]

// Options accompany every mutation.
type Options struct {
	// RequestID of the HTTP request, for the audit entry.
	RequestID string
	// Reason the requester gives; shown to approvers, in the log as a commitment.
	Reason string
	// DryRun finds out what would happen and stores nothing.
	DryRun bool
	// Batch makes errors name the operation they are about: operations.3.name.
	Batch bool
	// IfMatch is the version of the object the caller saw; 0 does not ask. It is
	// compared with the object the first operation is about.
	IfMatch int64
	// Repeats gives who asks again for what already waits on his behalf the request
	// that waits, and not a second one: for clients that have no other way to ask
	// what became of it (contracts/box.md section 5.4).
	Repeats bool
	// RefuseOverlap refuses what would meet an open request in some fact
	// (governance.md B.4): it is Stale, code change_overlaps.
	RefuseOverlap bool
	// Emergency does at once, as one person, what policy would let wait: a single
	// operation that reduces power, with a reason. Only Submit knows it.
	Emergency bool
	// recovers is true of the operations of a recovery.
	recovers bool
	// Once makes the mutation replayable by its idempotency key; nil does not.
	Once *Once
	// notes says that it stores something which is no log entry: a nonce.
	notes bool
}

// Once is an idempotency key with what is needed to answer a replay. The record
// commits with the change, so that a crash between commit and answer replays.
type Once struct {
	Route string
	Key   string
	// Fingerprint is the SHA-256 of method, raw path and body.
	Fingerprint [32]byte
	// Answer renders what will be replayed. It is called inside the transaction
	// and must be pure. The secrets it sees are named and have no value.
	Answer func(Result, error) Answer
}

// Answer is a stored response.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Result is what a mutation led to, or the answer of an earlier one with the
// same idempotency key (Replayed), in which case the rest is empty.
type Result struct {
	countersign.Outcome
	Replayed *Answer
	// Preview is what a dry run would have led to, with its impact; nil otherwise.
	Preview *ChangeView
}

// Vote is a decision on a change request.
type Vote struct {
	Decision countersign.Decision
	// Digest of the request as the voter saw it; required.
	Digest  string
	Comment string
	// Statement, Signature and CredentialID make a signed vote; all three or none.
	// The statement is that of Engine.Statement, byte for byte as it was signed, the
	// signature base64, the credential the approval key.
	Statement    string
	Signature    string
	CredentialID countersign.CredentialID
	// Method of the signature; empty means Ed25519 where there is one.
	Method countersign.SigningMethod
}

// ChangeFilter selects change requests.
type ChangeFilter struct {
	States []countersign.ChangeState
	// NeedsMe keeps open requests the caller may vote on and has not.
	NeedsMe bool
	// UserID and GroupID keep requests that touch the user or group.
	UserID  countersign.UserID
	GroupID countersign.GroupID
	// Reachable keeps open requests that can still be decided (true) or no longer
	// can (false); nil does not ask.
	Reachable *bool
	// VotedWith keeps requests on which somebody's last word was given with this
	// credential, or signed with it, before it was revoked: of open ones a vote that
	// its revocation voids, of those that votes have decided a vote that counted.
	VotedWith countersign.CredentialID
}

// ChangeView is a change request as its readers see it.
type ChangeView struct {
	countersign.ChangeRequest
	// State as of now, expiry included.
	State countersign.ChangeState
	// Impact is who gains or loses which permission; computed for open requests.
	Impact roster.Impact
	// Needs says, per clause, what is still missing.
	Needs []ClauseNeed
	// DueAt is when a scheduled request will be applied, by what is asked of it
	// now; zero in every other state.
	DueAt time.Time
	// People counts the different persons whose approval counts, NeedPeople how
	// many there must be.
	People     int
	NeedPeople int
	// Denials counts those who deny; Vetoes of them end the request.
	Denials int
	Vetoes  int
	// Reachable is false when an open request can no longer be applied as things
	// stand, and Unreachable says why (governance.md L8).
	Reachable   bool
	Unreachable *Unreachable
	// CanDecide is true when the caller may vote and has not.
	CanDecide bool
	// Overlaps are the other open requests that this one meets in some fact.
	Overlaps []Overlap
	// Detail is nil in lists and in the answers to writes.
	Detail *Detail
}

// ClauseNeed is how far one clause is met.
type ClauseNeed struct {
	Approvers countersign.ApproverSet
	Need      int
	Have      int
	// Eligible are the people who could still vote.
	Eligible []countersign.UserID
}

// RuleHealth says whether a rule of the policy can be met.
type RuleHealth struct {
	RuleID string
	Clause int
	Need   int
	// Eligible are the people of the set now; Reachable those of them who have what
	// it takes to approve. Spare is how many of those a requester who is one of them
	// can do without (reachable - 1 - need).
	Eligible  int
	Reachable int
	Spare     int
	// OldestSignInAt is when that one of the reachable was last seen who has not
	// been seen for longest; zero when that is not known of all of them.
	OldestSignInAt time.Time
	// LastDrillAt is when the people of the rule were last reached by a drill; zero
	// for never. DrillDue says that it is longer than DrillInterval ago.
	LastDrillAt time.Time
	DrillDue    bool
	OK          bool
}

// Finding is one remark of the policy linter.
type Finding struct {
	// Severity is "error" (the policy would be refused) or "warning".
	Severity string
	Field    string
	Message  string
}

// Violation is somebody who could hold what an exclusion keeps apart.
type Violation = roster.Violation

// Proof is an inclusion or consistency proof over the log.
type Proof struct {
	// Index is the leaf (inclusion) or the older size (consistency).
	Index int64
	Size  int64
	// Hashes of the path, 32 bytes each, as golang.org/x/mod/sumdb/tlog orders them.
	Hashes [][]byte
	// LeafHash for inclusion; OldRoot for consistency; Root of the tree at Size.
	LeafHash []byte
	OldRoot  []byte
	Root     []byte
}

// Founding asks for a new organization with its first admin.
type Founding struct {
	Organization string
	AdminName    string
	AdminEmail   string
	RequestID    string
}

// Founded is the new organization, its first admin and his token.
type Founded struct {
	Organization countersign.Organization
	Admin        countersign.User
	Token        countersign.Secret
}

// Question is one check.
type Question struct {
	User       countersign.UserID
	Permission countersign.Permission
	// Resource is reserved for group-scoped answers; today it must be empty or
	// any string, and does not change the verdict.
	Resource string
	Explain  bool
}

// Redemption is a code being exchanged for a token by whom it belongs to.
type Redemption struct {
	Code  string
	Label string
	// User, when given, must be the user the code belongs to.
	User countersign.UserID
}

// clock is the engine's only source of time.
type clock func() time.Time
