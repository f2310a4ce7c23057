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
	// users of these types, all of them at once where they are several.
	users  spread
	types  []countersign.UserType
	groups spread
	// permissions is true of what can give or take some.
	permissions bool
	// approvers is true of what can make, unmake or impersonate one.
	approvers bool
}

// Of the kinds a policy is asked about; the others (what was decided before, and
// the end of one's own credential) match no rule. It follows how the engine
// describes operations, and a test of the engine holds them together.
var reaches = map[countersign.ChangeKind]reach{
	countersign.KindUserInvite:          {one, person, several, true, true},
	countersign.KindUserCreateAPIUser:   {one, apiUser, several, true, false},
	countersign.KindUserCreateAPISigner: {one, apiSigner, none, false, false},
	countersign.KindUserCreateEndUser:   {one, endUser, none, false, false},
	countersign.KindUserUpdate:          {one, anybody, none, false, true},
	countersign.KindUserChangeRole:      {one, anybody, none, true, true},
	countersign.KindUserGrant:           {one, anybody, none, true, true},
	countersign.KindUserRevoke:          {one, anybody, none, true, true},
	countersign.KindUserSetPermissions:  {one, anybody, none, true, true},
	countersign.KindUserOnboardingCode:  {one, anybody, none, false, true},
	countersign.KindUserResetDevice:     {one, anybody, none, true, true},
	countersign.KindUserSuspend:         {one, anybody, none, true, true},
	countersign.KindUserReactivate:      {one, anybody, several, true, true},
	countersign.KindUserDelete:          {one, anybody, none, true, true},

	countersign.KindGroupCreate:         {several, anybody, none, true, true},
	countersign.KindGroupUpdate:         {none, nil, one, true, true},
	countersign.KindGroupReplaceMembers: {several, anybody, one, true, true},
	countersign.KindGroupDelete:         {none, nil, one, true, true},

	countersign.KindMembershipAdd:    {one, anybody, one, true, true},
	countersign.KindMembershipUpdate: {one, anybody, one, true, true},
	countersign.KindMembershipRemove: {one, anybody, one, true, true},

	countersign.KindCredentialCreate:    {one, anybody, none, false, true},
	countersign.KindCredentialIssueCode: {one, anybody, none, false, true},
	countersign.KindCredentialRevoke:    {one, anybody, none, false, true},

	countersign.KindPermissionAdd:    {none, nil, none, false, true},
	countersign.KindPermissionUpdate: {none, nil, none, false, false},
	countersign.KindPermissionRemove: {none, nil, none, true, true},

	countersign.KindPolicyPut:          {none, nil, none, false, true},
	countersign.KindOrganizationUpdate: {none, nil, none, false, false},
	countersign.KindOrganizationSeal:   {none, nil, none, false, true},

	countersign.KindImportOpen: {several, anybody, several, true, true},
}

var (
	person    = []countersign.UserType{countersign.Person}
	apiUser   = []countersign.UserType{countersign.APIUser}
	apiSigner = []countersign.UserType{countersign.APISigner}
	endUser   = []countersign.UserType{countersign.EndUser}
	anybody   = []countersign.UserType{countersign.Person, countersign.APIUser, countersign.APISigner, countersign.EndUser}
)
