package client

// UserID is the id of a user: as all ids, a UUID in lower case. Each kind of thing
// has its own type, so that a user's id is not handed where a group's is meant.
type UserID string

// GroupID is the id of a group.
type GroupID string

// MembershipID is the id of a membership.
type MembershipID string

// CredentialID is the id of a credential.
type CredentialID string

// ChangeID is the id of a change.
type ChangeID string

// Permission is a string of the organization's catalogue, such as "groups.update".
type Permission string

// UserType says what kind of identity a user is.
type UserType string

// The user types.
const (
	Person    UserType = "person"
	APIUser   UserType = "api_user"
	APISigner UserType = "api_signer"
	EndUser   UserType = "end_user"
)

// Role is a named set of permissions; signers and end users have none ("").
type Role string

// The roles.
const (
	RoleAdmin  Role = "admin"
	RoleTrader Role = "trader"
	RoleViewer Role = "viewer"
	RoleNone   Role = "none"
)

// UserState is where a user stands in his life.
type UserState string

// The user states.
const (
	UserStatePendingApproval       UserState = "pending_approval"
	UserStateOnboardingCode        UserState = "onboarding_pending_code_generation"
	UserStateOnboardingActivation  UserState = "onboarding_pending_activation"
	UserStateActive                UserState = "active"
	UserStateResetDeviceCode       UserState = "reset_device_pending_code_generation"
	UserStateResetDeviceActivation UserState = "reset_device_pending_activation"
	UserStateSuspended             UserState = "suspended"
	UserStateDeleted               UserState = "deleted"
)

// GroupState is where a group stands in its life.
type GroupState string

// The group states.
const (
	GroupStatePendingApproval GroupState = "pending_approval"
	GroupStateActive          GroupState = "active"
	GroupStateDeleted         GroupState = "deleted"
)

// Audience says who may invite a group or list its members.
type Audience string

// The audiences.
const (
	AdminsOnly       Audience = "admins_only"
	AdminsAndMembers Audience = "admins_and_members"
	AllManagedUsers  Audience = "all_managed_users"
)

// MembershipState is where a membership stands.
type MembershipState string

// The membership states.
const (
	MembershipStateActive          MembershipState = "active"
	MembershipStatePendingAddition MembershipState = "pending_addition"
	MembershipStatePendingRemoval  MembershipState = "pending_removal"
	MembershipStateRemoved         MembershipState = "removed"
)

// MembershipRole is what a member may do in his group.
type MembershipRole string

// The membership roles.
const (
	Member     MembershipRole = "member"
	GroupAdmin MembershipRole = "admin"
)

// ChangeState is where a change request stands.
type ChangeState string

// The states of a change request.
const (
	ChangeStatePending   ChangeState = "pending"
	ChangeStateScheduled ChangeState = "scheduled"
	ChangeStateApplied   ChangeState = "applied"
	ChangeStateRejected  ChangeState = "rejected"
	ChangeStateCancelled ChangeState = "cancelled"
	ChangeStateExpired   ChangeState = "expired"
	ChangeStateStale     ChangeState = "stale"
	ChangeStateFailed    ChangeState = "failed"
)

// Open reports whether the request may still be decided.
func (s ChangeState) Open() bool { return s == ChangeStatePending || s == ChangeStateScheduled }

// CredentialType says how a credential proves who is calling.
type CredentialType string

// The credential types.
const (
	Token         CredentialType = "token"
	EnrolmentCode CredentialType = "enrolment_code"
	SigningKey    CredentialType = "signing_key"
	OAuthClient   CredentialType = "oauth_client"
	Password      CredentialType = "password"
	ApprovalKey   CredentialType = "approval_key"
)

// CredentialState is where a credential stands.
type CredentialState string

// The credential states.
const (
	CredentialStatePending  CredentialState = "pending_collection"
	CredentialStateActive   CredentialState = "active"
	CredentialStateRedeemed CredentialState = "redeemed"
	CredentialStateRevoked  CredentialState = "revoked"
)
