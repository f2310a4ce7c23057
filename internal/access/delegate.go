package access

import (
	"slices"

	"github.com/countersign/countersign"
)

// ActFor says whether an actor may act for a user, as with As-User and tokens of
// a user subject (contracts/box.md section 4.1): people and API users who hold
// every directory permission may, for people and API users of their organization
// who are active, or invited and not enrolled yet: those hold nothing, and see
// themselves. It gives him nothing: he may then do only what both may. It is asked
// anew with every request.
func ActFor(actor countersign.Actor, holds Holder, subject countersign.UserType, state countersign.UserState) error {
	refused := countersign.Code(countersign.Forbidden, "may_not_act_for", "", "this account may not act for that user")
	switch state {
	case countersign.UserActive, countersign.UserOnboardingCode, countersign.UserOnboardingActivation:
	default:
		return refused
	}
	if !actsOrIsActedFor(actor.Type) || !actsOrIsActedFor(subject) {
		return refused
	}
	for _, p := range countersign.DirectoryPermissions() {
		if !holds(p) {
			return refused
		}
	}
	return nil
}

func actsOrIsActedFor(t countersign.UserType) bool {
	return t == countersign.Person || t == countersign.APIUser
}

// delegable reports whether a kind of change may be asked for on behalf of
// somebody else: not what decides about approvals or makes secrets (governance.md
// S3), and no import, which may hold such changes.
func delegable(kind countersign.ChangeKind) bool {
	switch kind {
	case countersign.KindCredentialCreate, countersign.KindCredentialIssueCode, countersign.KindCredentialRevoke,
		countersign.KindCredentialCollect, countersign.KindCredentialRedeem,
		countersign.KindUserActivate, countersign.KindUserOnboardingCode, countersign.KindOrganizationSeal,
		countersign.KindImportOpen, countersign.KindImportBatch, countersign.KindDrillRun:
		return false
	default:
		return !slices.Contains(countersign.ProtectedKinds(), kind)
	}
}

// ForSomebodyElse is the refusal of what nobody does in the name of another.
func ForSomebodyElse() error {
	return countersign.Code(countersign.Forbidden, "acts_for_another", "", "this cannot be done on behalf of another user; use your own credential")
}
