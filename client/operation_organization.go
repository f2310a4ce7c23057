package client

// CredentialCreate creates a credential: for an API user, or a token or approval
// key for oneself.
type CredentialCreate struct {
	UserID          UserID         `json:"user_id"`
	Type            CredentialType `json:"type"`
	Label           string         `json:"label,omitzero"`
	LifetimeSeconds int64          `json:"lifetime_seconds,omitzero"` // the type's default when 0
	PublicKey       string         `json:"public_key,omitzero"`       // PEM, for keys
}

// CredentialIssueCode issues a one-use code for a further token.
type CredentialIssueCode struct {
	UserID UserID `json:"user_id"`
}

// CredentialCollect makes and shows the secret of an approved credential.
type CredentialCollect struct {
	CredentialID CredentialID `json:"credential_id"`
}

// CredentialRevoke revokes a credential.
type CredentialRevoke struct {
	CredentialID CredentialID `json:"credential_id"`
}

// PermissionAdd adds to the catalogue.
type PermissionAdd struct {
	Permission  Permission `json:"permission"`
	Description string     `json:"description,omitzero"`
}

// PermissionUpdate changes the description of an entry.
type PermissionUpdate struct {
	Permission  Permission `json:"permission"`
	Description string     `json:"description"`
}

// PermissionRemove removes an unused entry.
type PermissionRemove struct {
	Permission Permission `json:"permission"`
}

// PolicyPut replaces the policy.
type PolicyPut struct {
	Policy Policy `json:"policy"`
}

// OrganizationUpdate changes settings.
type OrganizationUpdate struct {
	Name string `json:"name"`
}

// OrganizationSeal ends bootstrap for good; without a policy two-person is
// installed. It names recovery keys, or accepts the risk "no_recovery_keys".
type OrganizationSeal struct {
	Policy   *Policy      `json:"policy,omitempty"`
	Recovery *RecoverySet `json:"recovery,omitempty"`
	// AcceptedRisks are added to those of the policy.
	AcceptedRisks []string `json:"accepted_risks,omitempty"`
}

// OrganizationFreeze stops everything but what reduces power.
type OrganizationFreeze struct{}

// OrganizationThaw ends a freeze.
type OrganizationThaw struct{}

// Kind returns "credential.create".
func (CredentialCreate) Kind() string { return "credential.create" }

// Kind returns "credential.issue_code".
func (CredentialIssueCode) Kind() string { return "credential.issue_code" }

// Kind returns "credential.collect".
func (CredentialCollect) Kind() string { return "credential.collect" }

// Kind returns "credential.revoke".
func (CredentialRevoke) Kind() string { return "credential.revoke" }

// Kind returns "permission.add".
func (PermissionAdd) Kind() string { return "permission.add" }

// Kind returns "permission.update".
func (PermissionUpdate) Kind() string { return "permission.update" }

// Kind returns "permission.remove".
func (PermissionRemove) Kind() string { return "permission.remove" }

// Kind returns "policy.put".
func (PolicyPut) Kind() string { return "policy.put" }

// Kind returns "organization.update".
func (OrganizationUpdate) Kind() string { return "organization.update" }

// Kind returns "organization.seal".
func (OrganizationSeal) Kind() string { return "organization.seal" }

// Kind returns "organization.freeze".
func (OrganizationFreeze) Kind() string { return "organization.freeze" }

// Kind returns "organization.thaw".
func (OrganizationThaw) Kind() string { return "organization.thaw" }
