package client

import (
	"context"
	"time"
)

// Organization is the boundary all else lives in.
type Organization struct {
	ID string `json:"id"`
	// Number is 12 digits, for systems that need a number.
	Number string `json:"number"`
	Name   string `json:"name"`
	// Sealed: policy decides; before that changes apply at once.
	Sealed   bool      `json:"sealed"`
	SealedAt time.Time `json:"sealed_at"`
	// Frozen: nothing is changed but what reduces power.
	Frozen        bool      `json:"frozen"`
	FrozenAt      time.Time `json:"frozen_at"`
	CreatedAt     time.Time `json:"created_at"`
	Version       int64     `json:"version"`
	PolicyVersion int64     `json:"policy_version"`
}

// Me is the caller.
type Me struct {
	Organization Organization          `json:"organization"`
	User         User                  `json:"user"`
	Credential   Credential            `json:"credential"`
	Permissions  []EffectivePermission `json:"permissions"`
}

// SetupRequest founds an organization.
type SetupRequest struct {
	Organization string `json:"organization"`
	AdminName    string `json:"admin_name"`
	AdminEmail   string `json:"admin_email"`
}

// SetupAnswer is the organization, its first admin, and her token in Secrets.
type SetupAnswer struct {
	Organization Organization `json:"organization"`
	Admin        User         `json:"admin"`
	Secrets      []Secret     `json:"secrets"`
}

// OrganizationPatch changes settings.
type OrganizationPatch struct {
	Name Optional[string] `json:"name,omitzero"`
}

// SetUp founds the first organization of an empty deployment. The client's token
// is the one-time setup token that the server printed. It is never retried: the
// token works once.
func (c *Client) SetUp(ctx context.Context, s SetupRequest, opts ...CallOption) (*SetupAnswer, error) {
	r := post(directoryPath+"/setup", s)
	r.once = true
	var own []WriteOption
	for _, opt := range opts {
		own = append(own, opt)
	}
	return settle[SetupAnswer](ctx, c, r, own)
}

// GetMe tells who the caller is, what he came with, and what he may do right now.
func (c *Client) GetMe(ctx context.Context, opts ...ReadOption) (*Me, error) {
	return read[Me](ctx, c, get(directoryPath+"/me"), opts)
}

// GetOrganization reads the organization.
func (c *Client) GetOrganization(ctx context.Context, opts ...ReadOption) (*Organization, error) {
	return read[Organization](ctx, c, get(directoryPath+"/organization"), opts)
}

// UpdateOrganization changes settings.
func (c *Client) UpdateOrganization(ctx context.Context, p OrganizationPatch, opts ...WriteOption) (*Outcome[Organization], error) {
	return write[Organization](ctx, c, patch(directoryPath+"/organization", p), opts)
}

// SealOrganization ends bootstrap for good: from then on the policy decides. There
// is no way back.
func (c *Client) SealOrganization(ctx context.Context, s OrganizationSeal, opts ...WriteOption) (*Outcome[Organization], error) {
	return write[Organization](ctx, c, post(directoryPath+"/organization/seal", s), opts)
}
