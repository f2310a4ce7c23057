package countersign

import "strings"

// ProtectedKinds can never be free of approval once an organization is sealed:
// whoever controls them controls the approvals (governance.md R2). Credentials
// are protected when they belong to an approver; see internal/approval.
func ProtectedKinds() []ChangeKind {
	return []ChangeKind{
		KindPolicyPut, KindUserChangeRole, KindUserInvite, KindUserResetDevice, KindCredentialIssueCode, KindOrganizationUpdate, KindUserGrant, KindUserSetPermissions, KindUserReactivate,
		KindOrganizationFreeze, KindOrganizationThaw, KindRecoveryReplace, KindRecoveryAccess,
	}
}

// TwoPersonPolicy is the ready-made policy a seal installs by default: one
// other admin for every user, group, membership and credential change, two for
// the policy itself. End users and their tokens are free of approval, and the
// onboarding code of an invited person follows from the approved invitation.
func TwoPersonPolicy() Policy {
	admins := func(need int) Requirement {
		return Requirement{Clauses: []Clause{{Approvers: ApproverSet{Role: RoleAdmin}, Need: need}}}
	}
	return Policy{
		Name:    "two-person",
		Rules:   append([]Rule{{ID: "policy-needs-two", Changes: []string{"policy.*"}, Requirement: admins(2)}}, routineRules()...),
		Default: admins(1),

		Exclusions: []Exclusion{AuditorExclusion()},
	}
}

// CustodyPolicy is the ready-made policy for whoever keeps other people's
// assets: two people of the security group and one of operations, three people
// in all, for anything that touches approvers; one of security for everything else.
func CustodyPolicy(security, operations GroupID) Policy {
	of := func(group GroupID, need int) Clause {
		return Clause{Approvers: ApproverSet{GroupID: group}, Need: need}
	}
	guarded := Requirement{Clauses: []Clause{of(security, 2), of(operations, 1)}, Distinct: 3, Exclusive: true}
	return Policy{
		Name: "custody",
		Rules: append([]Rule{
			{ID: "approvers-need-three", Changes: []string{"*"}, When: Condition{Approvers: true}, Requirement: guarded},
			{ID: "policy-needs-three", Changes: []string{"policy.*", "organization.*"}, Requirement: guarded},
		}, routineRules()...),
		Default: Requirement{Clauses: []Clause{of(security, 1)}},

		Exclusions: []Exclusion{AuditorExclusion()},
	}
}

// AuditorExclusion keeps who takes the audit log out of the house from having a
// part in what it records (S5): nobody holds audit.export together with
// changes.approve, with what is for emergencies, or with a built-in permission
// that creates, updates or deletes.
func AuditorExclusion() Exclusion {
	acts := []Permission{ChangesApprove, EmergencySuspend, EmergencyRevoke, EmergencyFreeze}
	for _, p := range BuiltInPermissions() {
		switch string(p[strings.LastIndexByte(string(p), '.')+1:]) {
		case "create", "update", "delete":
			acts = append(acts, p)
		}
	}
	return Exclusion{ID: "auditors-have-no-part", Sides: [][]Permission{{AuditExport}, acts}}
}

// routineRules free what product.md section 4 frees, in every ready-made policy.
func routineRules() []Rule {
	return []Rule{
		{ID: "end-users-are-free", Changes: []string{
			string(KindUserCreateEndUser), string(KindUserDelete), string(KindCredentialCreate), string(KindCredentialRevoke),
		}, When: Condition{UserTypes: []UserType{EndUser}}},
		{ID: "codes-follow-the-invitation", Changes: []string{string(KindUserOnboardingCode)}},
	}
}
