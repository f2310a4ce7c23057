package countersign

// ChangeKind names a kind of change, "noun.verb".
type ChangeKind string

// Change is a value that names one intended mutation. The set of changes is
// closed: NewChange lists it, and every list of kinds in the house is tested
// against it. Changes are pointers to structs whose json tags are the canonical
// field names; fields marked "allotted" are filled by the engine when the
// change is submitted and refused when a client names them.
type Change interface {
	// Kind returns the kind; it is the same for every value of the type.
	Kind() ChangeKind
	// Validate checks everything that can be checked without looking at the
	// directory. It returns an Invalid error that names the field.
	Validate() error
}

// The kinds of change.
const (
	KindUserInvite          ChangeKind = "user.invite"
	KindUserCreateAPIUser   ChangeKind = "user.create_api_user"
	KindUserCreateAPISigner ChangeKind = "user.create_api_signer"
	KindUserCreateEndUser   ChangeKind = "user.create_end_user"
	KindUserUpdate          ChangeKind = "user.update"
	KindUserChangeRole      ChangeKind = "user.change_role"
	KindUserGrant           ChangeKind = "user.grant"
	KindUserRevoke          ChangeKind = "user.revoke"
	KindUserSetPermissions  ChangeKind = "user.set_permissions"
	KindUserOnboardingCode  ChangeKind = "user.onboarding_code"
	KindUserActivate        ChangeKind = "user.activate"
	KindUserResetDevice     ChangeKind = "user.reset_device"
	KindUserSuspend         ChangeKind = "user.suspend"
	KindUserReactivate      ChangeKind = "user.reactivate"
	KindUserDelete          ChangeKind = "user.delete"

	KindGroupCreate         ChangeKind = "group.create"
	KindGroupUpdate         ChangeKind = "group.update"
	KindGroupReplaceMembers ChangeKind = "group.replace_members"
	KindGroupDelete         ChangeKind = "group.delete"

	KindMembershipAdd    ChangeKind = "membership.add"
	KindMembershipUpdate ChangeKind = "membership.update"
	KindMembershipRemove ChangeKind = "membership.remove"

	KindCredentialCreate    ChangeKind = "credential.create"
	KindCredentialIssueCode ChangeKind = "credential.issue_code"
	KindCredentialCollect   ChangeKind = "credential.collect"
	KindCredentialRedeem    ChangeKind = "credential.redeem"
	KindCredentialRevoke    ChangeKind = "credential.revoke"

	KindPermissionAdd    ChangeKind = "permission.add"
	KindPermissionUpdate ChangeKind = "permission.update"
	KindPermissionRemove ChangeKind = "permission.remove"

	KindPolicyPut          ChangeKind = "policy.put"
	KindOrganizationUpdate ChangeKind = "organization.update"
	KindOrganizationSeal   ChangeKind = "organization.seal"
	KindOrganizationFreeze ChangeKind = "organization.freeze"
	KindOrganizationThaw   ChangeKind = "organization.thaw"

	// KindEmergencyRatify is asked for by the directory alone (docs/adr/0028).
	KindEmergencyRatify ChangeKind = "emergency.ratify"

	KindRecoveryReplace ChangeKind = "recovery.replace"
	KindRecoveryAccess  ChangeKind = "recovery.access"
	KindDrillRun        ChangeKind = "drill.run"

	KindImportOpen  ChangeKind = "import.open"
	KindImportBatch ChangeKind = "import.batch"
)

// NewChange returns an empty change of a kind, ready to be decoded into, and
// false for an unknown kind.
func NewChange(kind ChangeKind) (Change, bool) {
	for _, c := range zeroChanges() {
		if c.Kind() == kind {
			return c, true
		}
	}
	return nil, false
}

// ChangeKinds returns every kind, in the order of the nouns.
func ChangeKinds() []ChangeKind {
	all := zeroChanges()
	kinds := make([]ChangeKind, len(all))
	for i, c := range all {
		kinds[i] = c.Kind()
	}
	return kinds
}

func zeroChanges() []Change {
	return []Change{
		&InvitePerson{}, &CreateAPIUser{}, &CreateAPISigner{}, &CreateEndUser{}, &UpdateUser{}, &ChangeRole{},
		&GrantPermissions{}, &RevokePermissions{}, &SetPermissions{}, &MakeOnboardingCode{}, &ActivateUser{},
		&ResetDevice{}, &SuspendUser{}, &ReactivateUser{}, &DeleteUser{},
		&CreateGroup{}, &UpdateGroup{}, &ReplaceMembers{}, &DeleteGroup{},
		&AddMembership{}, &UpdateMembership{}, &RemoveMembership{},
		&CreateCredential{}, &IssueEnrolmentCode{}, &CollectSecret{}, &RedeemCode{}, &RevokeCredential{},
		&AddPermission{}, &UpdatePermission{}, &RemovePermission{},
		&PutPolicy{}, &UpdateOrganization{}, &SealOrganization{},
		&ReplaceRecovery{}, &RecoverAccess{}, &RunDrill{},
		&FreezeOrganization{}, &ThawOrganization{}, &RatifyEmergency{},
		&OpenImport{}, &ImportBatch{},
	}
}

// AllottedFields are the fields of a kind that the engine fills and nobody may
// give: ids, numbers and the like, which are others each time the same is asked.
func AllottedFields(kind ChangeKind) []string {
	switch kind {
	case KindUserInvite, KindUserCreateAPIUser:
		return []string{"user_id", "number", "memberships"}
	case KindUserCreateAPISigner, KindUserCreateEndUser:
		return []string{"user_id", "number"}
	case KindGroupCreate:
		return []string{"group_id", "number", "memberships"}
	case KindGroupReplaceMembers:
		return []string{"memberships"}
	case KindMembershipAdd:
		return []string{"membership_id", "number"}
	case KindCredentialCreate:
		return []string{"credential_id", "client_id"}
	case KindCredentialIssueCode, KindCredentialRedeem, KindUserOnboardingCode, KindUserActivate:
		return []string{"credential_id"}
	case KindImportOpen:
		return []string{"import_id"}
	default:
		return nil
	}
}

// PersonalFields are the names of canonical fields that hold personal data or
// free text. Wherever a field of this name stands in a change or an effect, the
// log holds only a salted commitment to its value (governance.md C.7); all
// other fields stand in clear, and so does everything inside a policy.
func PersonalFields() []string {
	return []string{
		"name", "email", "external_id", "allowed_ips", "profile", "description", "external_sync_identifier",
		"provenance", "label", "reason", "comment", "salt", "sha256",
	}
}
