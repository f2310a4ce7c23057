package approval

import "github.com/countersign/countersign"

// Subjects are the users a change names as the one it is about: they vote neither
// for their own gain nor against their own loss (S2). Lists of members are not
// subjects: a group of all approvers could otherwise never be approved.
func Subjects(change countersign.Change) []countersign.UserID {
	switch c := change.(type) {
	case *countersign.UpdateUser:
		return []countersign.UserID{c.UserID}
	case *countersign.ChangeRole:
		return []countersign.UserID{c.UserID}
	case *countersign.GrantPermissions:
		return []countersign.UserID{c.UserID}
	case *countersign.RevokePermissions:
		return []countersign.UserID{c.UserID}
	case *countersign.SetPermissions:
		return []countersign.UserID{c.UserID}
	case *countersign.ResetDevice:
		return []countersign.UserID{c.UserID}
	case *countersign.SuspendUser:
		return []countersign.UserID{c.UserID}
	case *countersign.ReactivateUser:
		return []countersign.UserID{c.UserID}
	case *countersign.DeleteUser:
		return []countersign.UserID{c.UserID}
	case *countersign.AddMembership:
		return []countersign.UserID{c.UserID}
	case *countersign.CreateCredential:
		return []countersign.UserID{c.UserID}
	case *countersign.IssueEnrolmentCode:
		return []countersign.UserID{c.UserID}
	case *countersign.RecoverAccess: // in whose request everybody may object all the same
		return []countersign.UserID{c.UserID}
	default:
		return nil
	}
}
