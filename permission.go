package countersign

import (
	"errors"
	"slices"
	"strings"
)

// Permission is a string of the organization's catalogue, "resource.action":
// two to six segments of A-Z a-z 0-9 _ - joined by dots, compared exactly and
// case-sensitively (contracts/b2core.md section 4, governance.md D.1).
type Permission string

// MaxPermissionLength bounds a permission in bytes.
const MaxPermissionLength = 128

// The built-in permissions. An organization adds its own to its catalogue.
const (
	UsersRead          Permission = "users.read"
	UsersCreate        Permission = "users.create"
	UsersUpdate        Permission = "users.update"
	UsersDelete        Permission = "users.delete"
	GroupsRead         Permission = "groups.read"
	GroupsCreate       Permission = "groups.create"
	GroupsUpdate       Permission = "groups.update"
	GroupsDelete       Permission = "groups.delete"
	MembershipsRead    Permission = "memberships.read"
	MembershipsCreate  Permission = "memberships.create"
	MembershipsUpdate  Permission = "memberships.update"
	MembershipsDelete  Permission = "memberships.delete"
	PoliciesRead       Permission = "policies.read"
	PoliciesCreate     Permission = "policies.create"
	PoliciesUpdate     Permission = "policies.update"
	PoliciesDelete     Permission = "policies.delete"
	CredentialsRead    Permission = "credentials.read"
	CredentialsCreate  Permission = "credentials.create"
	CredentialsUpdate  Permission = "credentials.update"
	CredentialsDelete  Permission = "credentials.delete"
	ChangesApprove     Permission = "changes.approve"
	ChangesCancel      Permission = "changes.cancel"
	AuditRead          Permission = "audit.read"
	AuditExport        Permission = "audit.export"
	EmergencySuspend   Permission = "emergency.suspend"
	EmergencyRevoke    Permission = "emergency.revoke"
	EmergencyFreeze    Permission = "emergency.freeze"
	AccountsRead       Permission = "accounts.read"
	AccountsCreate     Permission = "accounts.create"
	AccountsUpdate     Permission = "accounts.update"
	AccountsDelete     Permission = "accounts.delete"
	VaultsCreate       Permission = "vaults.create"
	TransactionsCreate Permission = "transactions.create"
)

// BuiltInPermissions returns the catalogue every organization starts with, sorted.
func BuiltInPermissions() []Permission {
	all := []Permission{
		UsersRead, UsersCreate, UsersUpdate, UsersDelete,
		GroupsRead, GroupsCreate, GroupsUpdate, GroupsDelete,
		MembershipsRead, MembershipsCreate, MembershipsUpdate, MembershipsDelete,
		PoliciesRead, PoliciesCreate, PoliciesUpdate, PoliciesDelete,
		CredentialsRead, CredentialsCreate, CredentialsUpdate, CredentialsDelete,
		ChangesApprove, ChangesCancel, AuditRead, AuditExport,
		EmergencySuspend, EmergencyRevoke, EmergencyFreeze,
		AccountsRead, AccountsCreate, AccountsUpdate, AccountsDelete,
		VaultsCreate, TransactionsCreate,
	}
	slices.Sort(all)
	return all
}

// DirectoryPermissions returns what an "API key with Admin permissions" holds:
// everything needed to run the directory, but neither a vote, nor what is for
// emergencies, nor business permissions (product.md section 3). Sorted.
func DirectoryPermissions() []Permission {
	all := []Permission{
		UsersRead, UsersCreate, UsersUpdate, UsersDelete,
		GroupsRead, GroupsCreate, GroupsUpdate, GroupsDelete,
		MembershipsRead, MembershipsCreate, MembershipsUpdate, MembershipsDelete,
		PoliciesRead, PoliciesCreate, PoliciesUpdate, PoliciesDelete,
		CredentialsRead, CredentialsCreate, CredentialsUpdate, CredentialsDelete,
		ChangesCancel, AuditRead,
	}
	slices.Sort(all)
	return all
}

// ParsePermission checks the grammar and returns the permission unchanged.
func ParsePermission(field, s string) (Permission, error) {
	if s == "" {
		return "", E(Invalid, field, "is required")
	}
	if len(s) > MaxPermissionLength {
		return "", E(Invalid, field, "must be at most 128 bytes long")
	}
	segments := strings.Split(s, ".")
	if len(segments) < 2 || len(segments) > 6 {
		return "", E(Invalid, field, "must be resource.action: two to six segments joined by dots")
	}
	for _, segment := range segments {
		if segment == "" || len(segment) > 64 || strings.IndexFunc(segment, notSegment) >= 0 {
			return "", E(Invalid, field, "each segment must be 1 to 64 characters of A-Z a-z 0-9 _ -")
		}
	}
	return Permission(s), nil
}

func notSegment(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// CheckPermissions refuses a list that could be held by nobody: one that is too
// long, names a permission twice, or something that cannot be one. The error is
// Invalid, its field "permissions", and it names the permission.
func CheckPermissions(list []Permission) error { return checkPermissions(list) }

// checkPermissions validates a list: grammar, bound, no duplicates.
func checkPermissions(list []Permission) error {
	const field = "permissions"
	if len(list) > MaxPermissions {
		return E(Invalid, field, "must hold at most 1000 permissions")
	}
	seen := make(map[Permission]bool, len(list))
	for _, p := range list {
		if _, err := ParsePermission(field, string(p)); err != nil {
			var own *Error
			if errors.As(err, &own) {
				err = E(own.Kind, own.Field, quoted(string(p))+" is no permission: it "+own.Message)
			}
			return err
		}
		if seen[p] {
			return E(Invalid, field, "names "+string(p)+" twice; permissions are unique in a list")
		}
		seen[p] = true
	}
	return nil
}

// CataloguePermission is one entry of the organization's catalogue.
type CataloguePermission struct {
	Permission  Permission
	Description string
	// BuiltIn entries can be neither changed nor removed.
	BuiltIn bool
	// Removed marks a tombstone.
	Removed bool
	// Version is the log position of the last write; 0 for built-in entries.
	Version int64
}
