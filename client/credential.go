package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Credential is what somebody proves his identity with, never its secret but in
// the answer that made it.
type Credential struct {
	ID     CredentialID   `json:"id"`
	UserID UserID         `json:"user_id"`
	Type   CredentialType `json:"type"`
	// State pending_collection: approved, the secret not yet collected.
	State     CredentialState `json:"state"`
	Label     string          `json:"label"`
	PublicKey string          `json:"public_key"`
	ClientID  string          `json:"client_id"`
	// RequestedBy alone collects the secret.
	RequestedBy UserID    `json:"requested_by"`
	CreatedAt   time.Time `json:"created_at"`
	ModifiedAt  time.Time `json:"modified_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	Version     int64     `json:"version"`
	Secrets     []Secret  `json:"secrets"`
}

// Redeemed is what a code was exchanged for.
type Redeemed struct {
	UserID   UserID   `json:"user_id"`
	ChangeID ChangeID `json:"change_id"`
	Secrets  []Secret `json:"secrets"`
}

// ListCredentials lists the credentials of a user, one's own when user is empty.
// It is one page.
func (c *Client) ListCredentials(ctx context.Context, user UserID, opts ...ReadOption) (*List[Credential], error) {
	query := url.Values{}
	addString(query, "user_id", user)
	return list[Credential](ctx, c, directoryPath+"/credentials", query, opts)
}

// CreateCredential creates a credential. Its secret stands in the outcome's
// Secrets; where the creation waits for approval, see CollectSecret.
func (c *Client) CreateCredential(ctx context.Context, k CredentialCreate, opts ...WriteOption) (*Outcome[Credential], error) {
	return write[Credential](ctx, c, post(directoryPath+"/credentials", k), opts)
}

// IssueEnrolmentCode issues a one-use code for a further token of an active user.
func (c *Client) IssueEnrolmentCode(ctx context.Context, user UserID, opts ...WriteOption) (*Outcome[Credential], error) {
	return write[Credential](ctx, c, post(directoryPath+"/credentials/enrolment-codes", CredentialIssueCode{user}), opts)
}

// GetCredential reads a credential.
func (c *Client) GetCredential(ctx context.Context, id CredentialID, opts ...ReadOption) (*Credential, error) {
	return read[Credential](ctx, c, get(at("credentials", id)), opts)
}

// RevokeCredential ends a credential at once; one's own needs nobody.
func (c *Client) RevokeCredential(ctx context.Context, id CredentialID, opts ...WriteOption) (*Outcome[Gone], error) {
	return write[Gone](ctx, c, del(at("credentials", id)), opts)
}

// CollectSecret makes the secret of an approved credential and shows it, once, to
// whoever asked for the credential.
func (c *Client) CollectSecret(ctx context.Context, id CredentialID, opts ...WriteOption) (*Outcome[Credential], error) {
	return write[Credential](ctx, c, post(at("credentials", id, "secret"), nil), opts)
}

// RedeemCode exchanges a code for a token, which stands in Secrets. It needs no
// token: the code is the proof. label names the new token and may be empty.
func (c *Client) RedeemCode(ctx context.Context, code SecretValue, label string, opts ...WriteOption) (*Redeemed, error) {
	return c.redeem(ctx, directoryPath+"/credentials/redeem", code, label, opts)
}

// ActivateUser is RedeemCode for an onboarding code that must belong to this user.
func (c *Client) ActivateUser(ctx context.Context, id UserID, code SecretValue, label string, opts ...WriteOption) (*Redeemed, error) {
	return c.redeem(ctx, at("users", id, "activate"), code, label, opts)
}

func (c *Client) redeem(ctx context.Context, path string, code SecretValue, label string, opts []WriteOption) (*Redeemed, error) {
	body := struct {
		Code  string `json:"code"`
		Label string `json:"label,omitzero"`
	}{code.Reveal(), label}
	return settle[Redeemed](ctx, c, request{method: http.MethodPost, path: path, body: body, public: true}, opts)
}

// settle sends a write that has one possible outcome.
func settle[T any](ctx context.Context, c *Client, r request, opts []WriteOption) (*T, error) {
	r.settings = writeSettings(opts)
	r.write = true
	a, err := c.send(ctx, &r)
	if err != nil {
		return nil, err
	}
	return decoded[T](&r, a)
}
