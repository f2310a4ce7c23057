package client

// UserInvite invites a person.
type UserInvite struct {
	Name     string            `json:"name"`
	Email    string            `json:"email"`
	Role     Role              `json:"role"`
	Profile  map[string]string `json:"profile,omitempty"`   // by the names of the API document
	GroupIDs []GroupID         `json:"group_ids,omitempty"` // joined as an ordinary member
}

// UserCreateAPIUser creates an API user.
type UserCreateAPIUser struct {
	Name                string       `json:"name"`
	Role                Role         `json:"role"` // not admin
	ResponsiblePersonID UserID       `json:"responsible_person_id"`
	Permissions         []Permission `json:"permissions,omitempty"`
	AllowedIPs          []string     `json:"allowed_ips,omitempty"`
	GroupIDs            []GroupID    `json:"group_ids,omitempty"`
}

// UserCreateAPISigner creates a signing device.
type UserCreateAPISigner struct {
	Name                string `json:"name"`
	ResponsiblePersonID UserID `json:"responsible_person_id"`
}

// UserCreateEndUser creates an end user.
type UserCreateEndUser struct {
	ExternalID string `json:"external_id"`
	Name       string `json:"name,omitzero"`
}

// UserUpdate changes attributes; absent means leave.
type UserUpdate struct {
	UserID              UserID                      `json:"user_id"`
	Name                Optional[string]            `json:"name,omitzero"`
	Email               Optional[string]            `json:"email,omitzero"`
	ExternalID          Optional[string]            `json:"external_id,omitzero"`
	AllowedIPs          Optional[[]string]          `json:"allowed_ips,omitzero"`
	ResponsiblePersonID Optional[UserID]            `json:"responsible_person_id,omitzero"`
	Profile             Optional[map[string]string] `json:"profile,omitzero"` // "" takes an entry out
}

// UserChangeRole gives another role.
type UserChangeRole struct {
	UserID UserID `json:"user_id"`
	Role   Role   `json:"role"`
}

// UserGrant adds to the individual permissions.
type UserGrant struct {
	UserID      UserID       `json:"user_id"`
	Permissions []Permission `json:"permissions"`
}

// UserRevoke takes from the individual permissions.
type UserRevoke struct {
	UserID      UserID       `json:"user_id"`
	Permissions []Permission `json:"permissions"`
}

// UserSetPermissions replaces the individual permissions.
type UserSetPermissions struct {
	UserID      UserID       `json:"user_id"`
	Permissions []Permission `json:"permissions"`
}

// UserOnboardingCode makes the code by which an invited or reset user enrols.
type UserOnboardingCode struct {
	UserID UserID `json:"user_id"`
}

// UserResetDevice revokes all credentials, to enrol anew.
type UserResetDevice struct {
	UserID UserID `json:"user_id"`
}

// UserSuspend takes every permission without forgetting any.
type UserSuspend struct {
	UserID UserID `json:"user_id"`
}

// UserReactivate ends a suspension.
type UserReactivate struct {
	UserID UserID `json:"user_id"`
}

// UserDelete ends a user.
type UserDelete struct {
	UserID UserID `json:"user_id"`
}

// Kind returns "user.invite".
func (UserInvite) Kind() string { return "user.invite" }

// Kind returns "user.create_api_user".
func (UserCreateAPIUser) Kind() string { return "user.create_api_user" }

// Kind returns "user.create_api_signer".
func (UserCreateAPISigner) Kind() string { return "user.create_api_signer" }

// Kind returns "user.create_end_user".
func (UserCreateEndUser) Kind() string { return "user.create_end_user" }

// Kind returns "user.update".
func (UserUpdate) Kind() string { return "user.update" }

// Kind returns "user.change_role".
func (UserChangeRole) Kind() string { return "user.change_role" }

// Kind returns "user.grant".
func (UserGrant) Kind() string { return "user.grant" }

// Kind returns "user.revoke".
func (UserRevoke) Kind() string { return "user.revoke" }

// Kind returns "user.set_permissions".
func (UserSetPermissions) Kind() string { return "user.set_permissions" }

// Kind returns "user.onboarding_code".
func (UserOnboardingCode) Kind() string { return "user.onboarding_code" }

// Kind returns "user.reset_device".
func (UserResetDevice) Kind() string { return "user.reset_device" }

// Kind returns "user.suspend".
func (UserSuspend) Kind() string { return "user.suspend" }

// Kind returns "user.reactivate".
func (UserReactivate) Kind() string { return "user.reactivate" }

// Kind returns "user.delete".
func (UserDelete) Kind() string { return "user.delete" }

func (UserInvite) userType() UserType          { return Person }
func (UserCreateAPIUser) userType() UserType   { return APIUser }
func (UserCreateAPISigner) userType() UserType { return APISigner }
func (UserCreateEndUser) userType() UserType   { return EndUser }
