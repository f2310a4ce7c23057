package countersign

import "time"

// CredentialType says how a credential proves who is calling.
type CredentialType string

// The credential types. Secrets are 256 random bits (enrolment codes 100) made
// by the server and kept as their SHA-256; keys are kept as their public half.
const (
	// Token is a bearer token: of a person (personal access token) or an API user.
	Token CredentialType = "token"
	// EnrolmentCode is exchanged once for a token or key, within 24 hours.
	EnrolmentCode CredentialType = "enrolment_code"
	// SigningKey verifies requests signed by an API user (contracts/fireblocks.md section 2).
	SigningKey CredentialType = "signing_key"
	// OAuthClient is a client id and secret (contracts/box.md section 4.2).
	OAuthClient CredentialType = "oauth_client"
	// Password belongs to an API user with an email-shaped name (contracts/b2core.md section 10).
	Password CredentialType = "password"
	// ApprovalKey is the Ed25519 key with which a person signs approvals.
	ApprovalKey CredentialType = "approval_key"
)

// CredentialState is where a credential stands.
type CredentialState string

// The credential states.
const (
	// CredentialPending is approved, its secret not yet collected.
	CredentialPending CredentialState = "pending_collection"
	CredentialActive  CredentialState = "active"
	// CredentialRedeemed is a spent enrolment code.
	CredentialRedeemed CredentialState = "redeemed"
	CredentialRevoked  CredentialState = "revoked"
)

// Credential is what somebody proves his identity with.
type Credential struct {
	ID     CredentialID
	UserID UserID
	Type   CredentialType
	State  CredentialState
	Label  string
	// SecretHash is the SHA-256 of the secret; empty for keys and before collection.
	SecretHash []byte
	// PublicKey is PEM (SubjectPublicKeyInfo); empty for secrets.
	PublicKey string
	// ClientID is the public name of an OAuth client.
	ClientID string
	// RequestedBy is the actor who asked for it; he alone collects the secret.
	RequestedBy UserID
	CreatedAt   time.Time
	ModifiedAt  time.Time
	// ExpiresAt is when it stops working; zero means never (keys only).
	ExpiresAt time.Time
	// Version is the log position of the last write.
	Version int64
}

// WorksAt reports whether the credential itself may be used at now.
func (c *Credential) WorksAt(now time.Time) bool {
	return c.State == CredentialActive && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}

// PrecedingUser stands, in CreateCredential and GrantPermissions, for the person
// or API user whom the operation before it in the same batch creates, and whose id
// nobody knows before it is allotted. Approvers see the id.
const PrecedingUser UserID = "00000000-0000-0000-0000-000000000000"

// CreateCredential creates a credential: for an API user, or a token or
// approval key for oneself. Of a held creation the requester collects the
// secret after approval with CollectSecret.
type CreateCredential struct {
	CredentialID CredentialID   `json:"credential_id,omitzero"` // allotted
	UserID       UserID         `json:"user_id"`
	Type         CredentialType `json:"type"`
	Label        string         `json:"label,omitzero"`
	// LifetimeSeconds is how long it works from the moment it is applied; absent
	// means the default of the type.
	LifetimeSeconds int64 `json:"lifetime_seconds,omitzero"`
	// PublicKey is a PEM public key or certificate signing request, for keys.
	PublicKey string `json:"public_key,omitzero"`
	ClientID  string `json:"client_id,omitzero"` // allotted
}

// Kind returns KindCredentialCreate.
func (*CreateCredential) Kind() ChangeKind { return KindCredentialCreate }

// Validate checks the shape.
func (c *CreateCredential) Validate() error {
	key := false
	switch c.Type {
	case Token, OAuthClient, Password:
	case SigningKey, ApprovalKey:
		key = true
	case EnrolmentCode:
		return E(Invalid, "type", "enrolment codes are made by credential.issue_code")
	default:
		return E(Invalid, "type", "must be token, signing_key, oauth_client, password or approval_key")
	}
	switch {
	case key && c.PublicKey == "":
		return E(Invalid, "public_key", "is required for a key")
	case !key && c.PublicKey != "":
		return E(Invalid, "public_key", "belongs to keys only")
	case len(c.PublicKey) > MaxPublicKeyLength:
		return E(Invalid, "public_key", "must be at most 16 KB long")
	case c.LifetimeSeconds < 0 || c.LifetimeSeconds > int64(MaxTokenLife.Seconds()):
		return E(Invalid, "lifetime_seconds", "must be between 1 and 315360000")
	}
	return firstError(checkID("user_id", c.UserID), checkText("label", c.Label, MaxNameLength, false))
}

// IssueEnrolmentCode makes a one-use code with which an active user enrols a
// further token; who redeems it gets the token, nobody else sees it.
type IssueEnrolmentCode struct {
	CredentialID CredentialID `json:"credential_id,omitzero"` // allotted
	UserID       UserID       `json:"user_id"`
}

// Kind returns KindCredentialIssueCode.
func (*IssueEnrolmentCode) Kind() ChangeKind { return KindCredentialIssueCode }

// Validate checks the shape.
func (c *IssueEnrolmentCode) Validate() error { return checkID("user_id", c.UserID) }

// CollectSecret makes the secret of an approved credential and shows it once,
// to the person or account that asked for the credential.
type CollectSecret struct {
	CredentialID CredentialID `json:"credential_id"`
}

// Kind returns KindCredentialCollect.
func (*CollectSecret) Kind() ChangeKind { return KindCredentialCollect }

// Validate checks the shape.
func (c *CollectSecret) Validate() error { return checkID("credential_id", c.CredentialID) }

// RedeemCode spends an enrolment code of an active user for a token of his own.
// Submitted only by the redemption endpoint.
type RedeemCode struct {
	CodeID       CredentialID `json:"code_id"`
	CredentialID CredentialID `json:"credential_id,omitzero"` // allotted
	Label        string       `json:"label,omitzero"`
}

// Kind returns KindCredentialRedeem.
func (*RedeemCode) Kind() ChangeKind { return KindCredentialRedeem }

// Validate checks the shape.
func (c *RedeemCode) Validate() error {
	return firstError(checkID("code_id", c.CodeID), checkText("label", c.Label, MaxNameLength, false))
}

// RevokeCredential ends a credential at once. Revoking one's own needs nobody.
type RevokeCredential struct {
	CredentialID CredentialID `json:"credential_id"`
}

// Kind returns KindCredentialRevoke.
func (*RevokeCredential) Kind() ChangeKind { return KindCredentialRevoke }

// Validate checks the shape.
func (c *RevokeCredential) Validate() error { return checkID("credential_id", c.CredentialID) }
