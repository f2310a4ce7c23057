package countersign

import "slices"

// Role is a named set of permissions held by people and API users.
type Role string

// The roles. RoleNone sees himself and his own groups; NoRole is what
// api_signer and end_user have.
const (
	NoRole     Role = ""
	RoleAdmin  Role = "admin"
	RoleTrader Role = "trader"
	RoleViewer Role = "viewer"
	RoleNone   Role = "none"
)

// RolePermissions returns the permissions of a role, sorted: admin = all
// built-in ones but audit.export; trader = reads (not audit) plus
// vaults.create and transactions.create; viewer = reads. Custom permissions of
// an organization belong to no role (product.md section 3).
func RolePermissions(r Role) []Permission {
	switch r {
	case RoleAdmin:
		return slices.DeleteFunc(BuiltInPermissions(), func(p Permission) bool { return p == AuditExport })
	case RoleTrader:
		return []Permission{AccountsRead, CredentialsRead, GroupsRead, MembershipsRead, PoliciesRead, TransactionsCreate, UsersRead, VaultsCreate}
	case RoleViewer:
		return []Permission{AccountsRead, CredentialsRead, GroupsRead, MembershipsRead, PoliciesRead, UsersRead}
	case NoRole, RoleNone:
		return nil
	default:
		return nil
	}
}

// checkRole validates the role a user of type t may have: only a person can be
// admin, and signers and end users have none.
func checkRole(field string, t UserType, r Role) error {
	switch t {
	case APISigner, EndUser:
		if r != NoRole {
			return E(Invalid, field, "a user of type "+string(t)+" has no role")
		}
		return nil
	case Person, APIUser:
	default:
		return E(Invalid, "type", "must be person, api_user, api_signer or end_user")
	}
	switch r {
	case RoleTrader, RoleViewer, RoleNone:
		return nil
	case RoleAdmin:
		if t != Person {
			return E(Invalid, field, "only a person can be admin")
		}
		return nil
	default:
		return E(Invalid, field, "must be admin, trader, viewer or none")
	}
}

// CheckRole refuses a role that users of a type cannot have.
func CheckRole(field string, t UserType, r Role) error { return checkRole(field, t, r) }
