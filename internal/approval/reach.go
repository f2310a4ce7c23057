package approval

import "github.com/countersign/countersign"

// spread is how many of a thing one operation can be about.
type spread int

const (
	none spread = iota
	one
	several
)

// reach is what an operation of a kind can be about, as far as conditions ask.
type reach struct {
	// users of these types, or of any where none are named; all of them at once
	// where the operation is about several.
	users  spread
	types  []countersign.UserType
	groups spread
	// permissions is true of what can give or take some.
	permissions bool
	// approvers is true of what can make, unmake or impersonate one.
	approvers bool
}

// reachOf says what operations of a kind can be about; false of the kinds that no
// policy is asked about, because they were decided before. It follows how the
// engine describes operations, and a test of the engine holds the two together.
func reachOf(kind countersign.ChangeKind) (reach, bool) {
	born := func(t countersign.UserType) []countersign.UserType { return []countersign.UserType{t} }
	switch kind {
	case countersign.KindUserInvite:
		return reach{users: one, types: born(countersign.Person), groups: several, permissions: true, approvers: true}, true
	case countersign.KindUserCreateAPIUser:
		return reach{users: one, types: born(countersign.APIUser), groups: several, permissions: true}, true
	case countersign.KindUserCreateAPISigner:
		return reach{users: one, types: born(countersign.APISigner)}, true
	case countersign.KindUserCreateEndUser:
		return reach{users: one, types: born(countersign.EndUser)}, true
	case countersign.KindUserReactivate:
		return reach{users: one, groups: several, permissions: true, approvers: true}, true
	case countersign.KindUserChangeRole, countersign.KindUserGrant, countersign.KindUserRevoke, countersign.KindUserSetPermissions,
		countersign.KindUserResetDevice, countersign.KindUserSuspend, countersign.KindUserDelete:
		return reach{users: one, permissions: true, approvers: true}, true
	case countersign.KindUserUpdate, countersign.KindUserOnboardingCode,
		countersign.KindCredentialCreate, countersign.KindCredentialIssueCode, countersign.KindCredentialRevoke:
		return reach{users: one, approvers: true}, true

	case countersign.KindGroupCreate:
		return reach{users: several, permissions: true, approvers: true}, true
	case countersign.KindGroupReplaceMembers:
		return reach{users: several, groups: one, permissions: true, approvers: true}, true
	case countersign.KindGroupUpdate, countersign.KindGroupDelete:
		return reach{groups: one, permissions: true, approvers: true}, true
	case countersign.KindMembershipAdd, countersign.KindMembershipUpdate, countersign.KindMembershipRemove:
		return reach{users: one, groups: one, permissions: true, approvers: true}, true

	case countersign.KindPermissionRemove:
		return reach{permissions: true, approvers: true}, true
	case countersign.KindPermissionAdd, countersign.KindPolicyPut, countersign.KindOrganizationSeal, countersign.KindRecoveryReplace,
		countersign.KindOrganizationThaw:
		return reach{approvers: true}, true
	case countersign.KindPermissionUpdate, countersign.KindOrganizationUpdate, countersign.KindOrganizationFreeze:
		return reach{}, true

	case countersign.KindImportOpen:
		return reach{users: several, groups: several, permissions: true, approvers: true}, true
	default:
		return reach{}, false
	}
}
