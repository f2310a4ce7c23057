package access

import "github.com/countersign/countersign"

// Recovery says which operations the holders of recovery keys may have carried
// out: a policy, who is admin, a way in for an admin, and the end of a freeze. That is all it takes to
// let a locked organization in again, and everything else is then asked for in
// the ordinary way (governance.md B.7).
func Recovery(change countersign.Change) error {
	switch c := change.(type) {
	case *countersign.PutPolicy, *countersign.ChangeRole, *countersign.RecoverAccess, *countersign.ThawOrganization:
		return nil
	case *countersign.InvitePerson:
		if c.Role != countersign.RoleAdmin || len(c.GroupIDs) > 0 || len(c.Profile) > 0 {
			return countersign.Code(countersign.Forbidden, codeNotRecoverable, "", "a recovery invites admins, into no group and without a profile")
		}
		return nil
	default:
		return countersign.Code(countersign.Forbidden, codeNotRecoverable, "kind",
			"is nothing a recovery may do: it holds policy.put, user.change_role, user.invite, recovery.access and organization.thaw alone")
	}
}

// RecoversRole says whether a recovery may move somebody from a role to another:
// into the admins or out of them.
func RecoversRole(from, to countersign.Role) error {
	if (from == countersign.RoleAdmin) == (to == countersign.RoleAdmin) {
		return countersign.Code(countersign.Forbidden, codeNotRecoverable, "role", "must make an admin, or unmake one: a recovery moves nobody else")
	}
	return nil
}

const codeNotRecoverable = "not_recoverable"

// EndsRecovery refuses to cancel a recovery: a denial by an admin ends it, and
// nothing else, so that no account of a machine can keep an organization locked.
func EndsRecovery() error {
	return countersign.Code(countersign.Forbidden, "recovery_not_cancellable", "", "a recovery is ended by the denial of an admin, not cancelled")
}
