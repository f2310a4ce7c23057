package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// Change is a change: one or more operations that are applied together or not at
// all, at once or after the approval of other people.
type Change struct {
	// ID is empty in a preview only.
	ID         ChangeID             `json:"id"`
	State      ChangeState          `json:"state"`
	Operations []SubmittedOperation `json:"operations"`
	Reason     string               `json:"reason"`
	// Requester is the account that asked, RequesterPerson the person who counts as
	// the requester, Credential what the account came with.
	Requester       UserID       `json:"requester"`
	RequesterPerson UserID       `json:"requester_person"`
	Credential      CredentialID `json:"credential"`
	// Effects tell before and after, fact by fact; they may be the first of
	// EffectsTotal.
	Effects      []Effect `json:"effects"`
	EffectsTotal int64    `json:"effects_total"`
	// Impact of an open request; nil when it is closed.
	Impact        *Impact     `json:"impact"`
	Requirement   Requirement `json:"requirement"`
	Rules         []string    `json:"rules"`
	PolicyVersion int64       `json:"policy_version"`
	// Needs says clause by clause what is still missing.
	Needs []ClauseNeed `json:"needs"`
	// Eligible is everybody who could still decide; Excluded who may not although
	// he otherwise could.
	Eligible []UserID `json:"eligible"`
	Excluded []UserID `json:"excluded"`
	// Reachable is false when an open change can no longer be applied as things
	// stand; Unreachable says why.
	Reachable   bool         `json:"reachable"`
	Unreachable *Unreachable `json:"unreachable"`
	// CanDecide: the caller may decide and has not.
	CanDecide bool       `json:"can_decide"`
	Approvals []Approval `json:"approvals"`
	// People of NeedPeople different people approve; Denials of Vetoes deny.
	People     int `json:"people"`
	NeedPeople int `json:"need_people"`
	Denials    int `json:"denials"`
	Vetoes     int `json:"vetoes"`
	// Digest is what a decision must name. DigestWords says its first 88 bits in eight
	// words, for comparing by voice.
	Digest      string `json:"digest"`
	DigestWords string `json:"digest_words"`
	// Overlaps are other open requests that this one meets in some fact.
	Overlaps []Overlap `json:"overlaps"`
	// Lookalikes are names that could be taken for those of others. This and the two
	// below are nil in lists and in answers to writes.
	Lookalikes []Lookalike `json:"lookalikes"`
	// Earlier tells how often the same person asked for the same before.
	Earlier *Earlier `json:"earlier"`
	// Differences from the request this one replaces.
	Differences *Differences `json:"differences"`

	CreatedAt time.Time `json:"created_at"`
	// ScheduledAt and DueAt are when a scheduled change got its approvals, and when
	// it will be applied unless somebody objects.
	ScheduledAt   time.Time `json:"scheduled_at"`
	DueAt         time.Time `json:"due_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	ClosedAt      time.Time `json:"closed_at"`
	ClosedBy      UserID    `json:"closed_by"`
	ClosedBecause string    `json:"closed_because"`
	Replaces      ChangeID  `json:"replaces"`
	ReplacedBy    ChangeID  `json:"replaced_by"`
	// Winner is the applied change that made this one stale.
	Winner ChangeID `json:"winner"`
	// Bootstrap: applied at once because the organization was not sealed.
	Bootstrap bool `json:"bootstrap"`
	// Emergency: one person did it at once, without the approvals that Requirement
	// asks. Ratification is the request by which others are asked about it; Ratifies,
	// of that request, the act.
	Emergency    bool     `json:"emergency"`
	Ratification ChangeID `json:"ratification"`
	Ratifies     ChangeID `json:"ratifies"`
	// AppliedRevision is 0 until the change is applied.
	AppliedRevision int64 `json:"applied_revision"`
	Version         int64 `json:"version"`
	// Recovery is what recovery keys have signed; nil of what somebody asked for.
	Recovery *RecoveryAct `json:"recovery"`
	Secrets  []Secret     `json:"secrets"`
}

// Effect is the movement of one fact. Before and After hold what moved.
type Effect struct {
	Fact string `json:"fact"`
	// From and To are versions: 0 where the fact did not exist, or does not yet.
	From   int64                      `json:"from"`
	To     int64                      `json:"to"`
	Before map[string]json.RawMessage `json:"before"`
	After  map[string]json.RawMessage `json:"after"`
}

// Impact tells who gains or loses which effective permission.
type Impact struct {
	// Users by name, at most 100 of UsersTotal.
	Users      []UserImpact `json:"users"`
	UsersTotal int64        `json:"users_total"`
	// Gains and Losses count pairs of user and permission.
	Gains  int64 `json:"gains"`
	Losses int64 `json:"losses"`
}

// UserImpact is what one user gains and loses.
type UserImpact struct {
	UserID UserID       `json:"user_id"`
	Name   string       `json:"name"`
	Type   UserType     `json:"type"`
	Gained []Permission `json:"gained"`
	Lost   []Permission `json:"lost"`
}

// ClauseNeed is one clause of a requirement and how far it is met.
type ClauseNeed struct {
	Approvers ApproverSet `json:"approvers"`
	Need      int         `json:"need"`
	Have      int         `json:"have"`
	Eligible  []UserID    `json:"eligible"`
}

// Unreachable says what an open change lacks to be applied.
type Unreachable struct {
	Because UnreachableCause `json:"because"`
	// Approvers of the clause that is short of people; nil for other causes.
	Approvers *ApproverSet `json:"approvers"`
	// Need people, of whom only Left approve or may still.
	Need int `json:"need"`
	Left int `json:"left"`
}

// UnreachableCause says of what there is too little.
type UnreachableCause string

// The causes: people of one clause, different people over all clauses, or time for
// the delay before the change expires.
const (
	TooFewForClause UnreachableCause = "too_few_for_clause"
	TooFewPeople    UnreachableCause = "too_few_people"
	TooLate         UnreachableCause = "too_late"
)

// Approval is one person's verdict.
type Approval struct {
	Person     UserID       `json:"person"`
	Credential CredentialID `json:"credential"`
	Decision   Verb         `json:"decision"`
	Digest     string       `json:"digest"`
	Comment    string       `json:"comment"`
	At         time.Time    `json:"at"`
	// Position of its entry in the log.
	Position int64 `json:"position"`
	// Attested is AttestedByKey where the person signed Statement, AttestedByServer
	// where only the server says that he decided; the other two are then empty.
	Attested  Attestation   `json:"attested"`
	Statement string        `json:"statement"`
	Signature string        `json:"signature"`
	Method    SigningMethod `json:"method"`
}

// SigningMethod is how a decision is signed.
type SigningMethod string

// MethodEd25519 is the only method yet.
const MethodEd25519 SigningMethod = "ed25519"

// Attestation says who vouches for an approval.
type Attestation string

// The attestations.
const (
	AttestedByServer Attestation = "server"
	AttestedByKey    Attestation = "key"
)

// Verb is what a decision says.
type Verb string

// The decisions.
const (
	Approve Verb = "approve"
	Deny    Verb = "deny"
	// Withdraw takes back what one has said.
	Withdraw Verb = "withdraw"
)

// Decision approves or denies what was seen under a digest.
type Decision struct {
	Decision Verb   `json:"decision"`
	Digest   string `json:"digest"`
	Comment  string `json:"comment,omitzero"`
	// Statement, Signature and CredentialID make a signed decision; see
	// MakeStatement. All three or none.
	Statement    string       `json:"statement,omitzero"`
	Signature    string       `json:"signature,omitzero"`
	CredentialID CredentialID `json:"credential_id,omitzero"`
	// Method of a signed decision; MethodEd25519 where empty.
	Method SigningMethod `json:"method,omitzero"`
}

// ChangeSubmission is a batch of operations, applied in their order.
type ChangeSubmission struct {
	Operations []Operation
	Reason     string
	// RejectOverlap refuses the batch where it would meet an open request in some
	// fact; see Overlap.
	RejectOverlap bool
	// Emergency does at once, as one person, a single operation that reduces power;
	// it needs a reason.
	Emergency bool
}

// MarshalJSON writes each operation with its kind.
func (s ChangeSubmission) MarshalJSON() ([]byte, error) {
	wire := struct {
		Operations []json.RawMessage `json:"operations"`
		Reason     string            `json:"reason,omitzero"`
		Emergency  bool              `json:"emergency,omitzero"`
	}{make([]json.RawMessage, len(s.Operations)), s.Reason, s.Emergency}
	for i, op := range s.Operations {
		encoded, err := encodeOperation(op)
		if err != nil {
			return nil, err
		}
		wire.Operations[i] = encoded
	}
	return json.Marshal(wire)
}

// ChangeQuery selects change requests; they come newest first.
type ChangeQuery struct {
	States []ChangeState
	// NeedsMe asks for open ones that the caller may decide and has not.
	NeedsMe bool
	// UserID and GroupID ask for those that touch the user or group.
	UserID  UserID
	GroupID GroupID
	// Reachable asks for open ones that can still be applied, or (false) no longer;
	// nil does not ask.
	Reachable *bool
	// VotedWith asks for those on which a vote was given or signed with this
	// credential: of open ones a vote that is void once the credential is revoked, of
	// closed ones a vote that counted.
	VotedWith CredentialID
	Paging
}

func (q ChangeQuery) values() url.Values {
	v := url.Values{}
	addAll(v, "state", q.States)
	if q.NeedsMe {
		v.Set("needs", "me")
	}
	addString(v, "user_id", q.UserID)
	addString(v, "group_id", q.GroupID)
	if q.Reachable != nil {
		v.Set("reachable", strconv.FormatBool(*q.Reachable))
	}
	addString(v, "voted_with", q.VotedWith)
	q.Paging.values(v)
	return v
}

// ListChanges lists one page of change requests.
func (c *Client) ListChanges(ctx context.Context, q ChangeQuery, opts ...ReadOption) (*List[Change], error) {
	return list[Change](ctx, c, directoryPath+"/changes", q.values(), opts)
}

// AllChanges lists change requests to the end.
func (c *Client) AllChanges(ctx context.Context, q ChangeQuery, opts ...ReadOption) iter.Seq2[Change, error] {
	return all(q.Paging, func(p Paging) (*List[Change], error) {
		q.Paging = p
		return c.ListChanges(ctx, q, opts...)
	})
}

// SubmitChange submits a batch. The option Reason fills the submission's own
// where that is empty: here the reason travels in the body.
func (c *Client) SubmitChange(ctx context.Context, s ChangeSubmission, opts ...WriteOption) (*Outcome[Change], error) {
	return c.submit(ctx, directoryPath+"/changes", s, opts)
}

// ReplaceChange withdraws a request of one's own and submits its successor, which
// starts without approvals.
func (c *Client) ReplaceChange(ctx context.Context, id ChangeID, s ChangeSubmission, opts ...WriteOption) (*Outcome[Change], error) {
	return c.submit(ctx, at("changes", id, "replace"), s, opts)
}

func (c *Client) submit(ctx context.Context, path string, s ChangeSubmission, opts []WriteOption) (*Outcome[Change], error) {
	if s.Reason == "" {
		s.Reason = writeSettings(opts).reason
	}
	r := post(path, s)
	if s.RejectOverlap {
		r.query = with(r.query, "overlap", "reject")
	}
	return write[Change](ctx, c, r, append(opts[:len(opts):len(opts)], Reason("")))
}

// GetChange reads a change request.
func (c *Client) GetChange(ctx context.Context, id ChangeID, opts ...ReadOption) (*Change, error) {
	return read[Change](ctx, c, get(at("changes", id)), opts)
}

// DecideChange approves or denies. The outcome's Object is the request as the
// decision left it; while approvals are missing it is Pending. The option Reason
// fills the comment where that is empty.
func (c *Client) DecideChange(ctx context.Context, id ChangeID, d Decision, opts ...WriteOption) (*Outcome[Change], error) {
	if d.Comment == "" {
		d.Comment = writeSettings(opts).reason
	}
	return write[Change](ctx, c, post(at("changes", id, "approvals"), d), append(opts[:len(opts):len(opts)], Reason("")))
}

// Statement is what an approver signs, for ten minutes and one decision.
type Statement struct {
	// Statement is canonical JSON. What is signed is its framing, see the API
	// document; the bytes must not be changed.
	Statement string        `json:"statement"`
	Method    SigningMethod `json:"method"`
	ExpiresAt time.Time     `json:"expires_at"`
}

// MakeStatement asks for the statement that would decide a change with one of the
// caller's approval keys. Nothing is decided. Compare what it says with what was
// seen before signing it.
func (c *Client) MakeStatement(ctx context.Context, id ChangeID, word Verb, key CredentialID) (*Statement, error) {
	body := struct {
		Decision     Verb          `json:"decision"`
		CredentialID CredentialID  `json:"credential_id"`
		Method       SigningMethod `json:"method"`
	}{word, key, MethodEd25519}
	return read[Statement](ctx, c, post(at("changes", id, "statement"), body), nil)
}

// ChangeDocument is what the digest of a change is computed over.
type ChangeDocument struct {
	ID          ChangeID `json:"id"`
	Digest      string   `json:"digest"`
	DigestWords string   `json:"digest_words"`
	// Document is canonical JSON, with names and texts as commitments, which
	// Openings reveal; of what was erased there is no opening.
	Document string             `json:"document"`
	Openings map[string]Opening `json:"openings"`
}

// GetChangeDocument reads the document of a change.
func (c *Client) GetChangeDocument(ctx context.Context, id ChangeID, opts ...ReadOption) (*ChangeDocument, error) {
	return read[ChangeDocument](ctx, c, get(at("changes", id, "document")), opts)
}

// CancelChange withdraws a request.
func (c *Client) CancelChange(ctx context.Context, id ChangeID, opts ...WriteOption) (*Outcome[Change], error) {
	return write[Change](ctx, c, post(at("changes", id, "cancel"), nil), opts)
}
