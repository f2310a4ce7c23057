package countersign

import "time"

// UserType says what kind of identity a user is.
type UserType string

// The user types.
const (
	Person    UserType = "person"
	APIUser   UserType = "api_user"
	APISigner UserType = "api_signer"
	EndUser   UserType = "end_user"
)

// UserState is where a user stands in his life. Only Active users have
// permissions. PendingApproval is never stored: it is the projection of an open
// change request that would create the user.
type UserState string

// The user states, those of contracts/fordefi.md section 5.3 plus suspended.
const (
	UserPendingApproval       UserState = "pending_approval"
	UserOnboardingCode        UserState = "onboarding_pending_code_generation"
	UserOnboardingActivation  UserState = "onboarding_pending_activation"
	UserActive                UserState = "active"
	UserResetDeviceCode       UserState = "reset_device_pending_code_generation"
	UserResetDeviceActivation UserState = "reset_device_pending_activation"
	UserSuspended             UserState = "suspended"
	UserDeleted               UserState = "deleted"
)

// User is an identity of the directory.
type User struct {
	ID UserID
	// Number is the small sequential id of dialects that need integers, unique
	// per organization among users.
	Number int64
	Type   UserType
	Role   Role
	State  UserState
	Name   string
	// Email is as given; uniqueness among the living compares its folded form.
	// Empty for users without one.
	Email string
	// ExternalID is the customer's own id of an end user.
	ExternalID string
	// Permissions held individually, sorted, without duplicates.
	Permissions []Permission
	// ResponsiblePersonID counts as the requester of everything an api_user or
	// api_signer submits. Empty for other types.
	ResponsiblePersonID UserID
	// AllowedIPs are addresses or prefixes in canonical form an api_user may
	// call from; empty means anywhere.
	AllowedIPs []string
	// Profile is what other systems keep about the user; nil for nothing.
	Profile       Profile
	InvitedBy     UserID
	DeviceResetBy UserID
	CreatedAt     time.Time
	ModifiedAt    time.Time
	// LastKeepAliveAt (api_signer) and LastActiveAt are not governed; zero when unknown.
	LastKeepAliveAt time.Time
	LastActiveAt    time.Time

	// Version is the log position of the last write to any part of the user.
	// The others are the positions of the last write to one fact of him.
	Version            int64
	AttributesVersion  int64
	RoleVersion        int64
	StateVersion       int64
	PermissionsVersion int64
}

// Living reports whether the user still counts for uniqueness.
func (u *User) Living() bool { return u.State != UserDeleted }

// CanHoldMembership reports whether users of this type may be in groups.
func (t UserType) CanHoldMembership() bool { return t == Person || t == APIUser }
