package client

import (
	"context"
	"encoding/json"
	"time"
)

// RecoverySet is who can let the organization in again when it has locked itself
// out: Need of Keys, 2 at least, kept offline by people who need no account.
type RecoverySet struct {
	Keys []RecoveryKey `json:"keys"`
	Need int           `json:"need"`
	// DelaySeconds is how long a recovery waits, so that somebody can object; 72
	// hours when 0.
	DelaySeconds int64 `json:"delay_seconds,omitzero"`
}

// RecoveryKey is one key of a set.
type RecoveryKey struct {
	Name      string `json:"name"`
	PublicKey string `json:"public_key"` // Ed25519, PEM
}

// Recovery is the set as it stands.
type Recovery struct {
	Keys         []NamedRecoveryKey `json:"keys"`
	Need         int                `json:"need"`
	DelaySeconds int64              `json:"delay_seconds"`
	// Version is 0 when no key was ever named.
	Version int64 `json:"version"`
	// OpenChange is the recovery that waits; empty for none.
	OpenChange ChangeID `json:"open_change"`
}

// NamedRecoveryKey is a key with what it is named by in signatures.
type NamedRecoveryKey struct {
	Name        string `json:"name"`
	PublicKey   string `json:"public_key"`
	Fingerprint string `json:"fingerprint"`
}

// RecoveryAct is what recovery keys have signed.
type RecoveryAct struct {
	Statement  string              `json:"statement"`
	Signatures []RecoverySignature `json:"signatures"`
}

// RecoverySignature is one signature under a statement of recovery.
type RecoverySignature struct {
	// Key is the fingerprint of the key.
	Key string `json:"key"`
	// Signature in base64.
	Signature string `json:"signature"`
}

// RecoveryRequest is what a recovery asks. Its operations are PolicyPut,
// UserChangeRole, UserInvite, RecoveryAccess and OrganizationThaw.
type RecoveryRequest struct {
	OrganizationID string
	Operations     []Operation
	Reason         string
}

// RecoveryOpened is how a recovery stands.
type RecoveryOpened struct {
	ChangeID ChangeID    `json:"change_id"`
	State    ChangeState `json:"state"`
	Digest   string      `json:"digest"`
	// DueAt is when it is carried out, unless an admin denies it.
	DueAt     time.Time `json:"due_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// RecoveryAccess gives an admin a one-use code that its makers keep to themselves.
// It stands in a recovery alone.
type RecoveryAccess struct {
	// UserID is an admin, or PrecedingUser.
	UserID UserID `json:"user_id"`
	// CodeHash is the SHA-256 of the code, in hexadecimal.
	CodeHash string `json:"code_hash"`
}

// PrecedingUser stands for who is invited by the operation before.
const PrecedingUser UserID = "00000000-0000-0000-0000-000000000000"

// RecoveryReplace replaces the recovery keys.
type RecoveryReplace struct {
	Recovery RecoverySet `json:"recovery"`
}

// DrillRun asks what a rule asks, and changes nothing.
type DrillRun struct {
	RuleID string `json:"rule_id"`
}

// Kind returns "recovery.access".
func (RecoveryAccess) Kind() string { return "recovery.access" }

// Kind returns "recovery.replace".
func (RecoveryReplace) Kind() string { return "recovery.replace" }

// Kind returns "drill.run".
func (DrillRun) Kind() string { return "drill.run" }

// GetRecovery tells who can let the organization in again.
func (c *Client) GetRecovery(ctx context.Context, opts ...ReadOption) (*Recovery, error) {
	return read[Recovery](ctx, c, get(directoryPath+"/recovery"), opts)
}

// ReplaceRecovery replaces the recovery keys; it is itself a change.
func (c *Client) ReplaceRecovery(ctx context.Context, s RecoverySet, opts ...WriteOption) (*Outcome[Recovery], error) {
	return write[Recovery](ctx, c, put(directoryPath+"/recovery", s), opts)
}

// RunDrill asks the people of a rule whether they are there.
func (c *Client) RunDrill(ctx context.Context, rule string, opts ...WriteOption) (*Outcome[Change], error) {
	return write[Change](ctx, c, post(directoryPath+"/policy/drills", DrillRun{rule}), opts)
}

// MakeRecoveryStatement gets what recovery keys sign. It needs no token.
func (c *Client) MakeRecoveryStatement(ctx context.Context, asked RecoveryRequest, opts ...ReadOption) (*Statement, error) {
	body, err := asked.body()
	if err != nil {
		return nil, err
	}
	r := post(directoryPath+"/recovery/statement", body)
	r.public = true
	return read[Statement](ctx, c, r, opts)
}

// OpenRecovery opens a recovery, or tells how it stands when it is sent again. It
// needs no token: the signatures are the proof. Sending it twice does no harm.
func (c *Client) OpenRecovery(ctx context.Context, asked RecoveryRequest, signed RecoveryAct, opts ...ReadOption) (*RecoveryOpened, error) {
	body, err := asked.body()
	if err != nil {
		return nil, err
	}
	body.Statement, body.Signatures = signed.Statement, signed.Signatures
	r := post(directoryPath+"/recovery", body)
	r.public = true
	return read[RecoveryOpened](ctx, c, r, opts)
}

type recoveryBody struct {
	OrganizationID string              `json:"organization_id"`
	Operations     []json.RawMessage   `json:"operations"`
	Reason         string              `json:"reason"`
	Statement      string              `json:"statement,omitempty"`
	Signatures     []RecoverySignature `json:"signatures,omitempty"`
}

func (a RecoveryRequest) body() (*recoveryBody, error) {
	b := &recoveryBody{OrganizationID: a.OrganizationID, Reason: a.Reason, Operations: []json.RawMessage{}}
	for _, op := range a.Operations {
		raw, err := encodeOperation(op)
		if err != nil {
			return nil, err
		}
		b.Operations = append(b.Operations, raw)
	}
	return b, nil
}
