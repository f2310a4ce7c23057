package engine

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

func hexText(b []byte) string { return hex.EncodeToString(b) }

// apply does what one operation says. A kind without a row here is an error,
// not a silent success; a test walks every kind.
func (l *ledger) apply(op countersign.Change) error {
	switch c := op.(type) {
	case *countersign.InvitePerson:
		return l.invite(c)
	case *countersign.CreateAPIUser:
		return l.createAPIUser(c)
	case *countersign.CreateAPISigner:
		return l.createAPISigner(c)
	case *countersign.CreateEndUser:
		return l.createEndUser(c)
	case *countersign.UpdateUser:
		return l.updateUser(c)
	case *countersign.ChangeRole:
		return l.changeRole(c)
	case *countersign.GrantPermissions:
		return l.setPermissions(c.UserID, c.Permissions, union)
	case *countersign.RevokePermissions:
		return l.setPermissions(c.UserID, c.Permissions, without)
	case *countersign.SetPermissions:
		return l.setPermissions(c.UserID, c.Permissions, replaced)
	case *countersign.MakeOnboardingCode:
		return l.makeOnboardingCode(c)
	case *countersign.ActivateUser:
		return l.activate(c)
	case *countersign.ResetDevice:
		return l.resetDevice(c)
	case *countersign.SuspendUser:
		return l.turnState(c.UserID, countersign.UserActive, countersign.UserSuspended)
	case *countersign.ReactivateUser:
		return l.turnState(c.UserID, countersign.UserSuspended, countersign.UserActive)
	case *countersign.DeleteUser:
		return l.deleteUser(c)
	default:
		return l.applyToGroups(op)
	}
}

func (l *ledger) applyToGroups(op countersign.Change) error {
	switch c := op.(type) {
	case *countersign.CreateGroup:
		return l.createGroup(c)
	case *countersign.UpdateGroup:
		return l.updateGroup(c)
	case *countersign.ReplaceMembers:
		return l.replaceMembers(c)
	case *countersign.DeleteGroup:
		return l.deleteGroup(c)
	case *countersign.AddMembership:
		return l.addMembership(c)
	case *countersign.UpdateMembership:
		return l.updateMembership(c)
	case *countersign.RemoveMembership:
		return l.removeMembership(c)
	case *countersign.CreateCredential:
		return l.createCredential(c)
	case *countersign.IssueEnrolmentCode:
		return l.issueEnrolmentCode(c)
	case *countersign.CollectSecret:
		return l.collectSecret(c)
	case *countersign.RedeemCode:
		return l.redeemCode(c)
	case *countersign.RevokeCredential:
		return l.revokeCredential(c)
	case *countersign.AddPermission:
		return l.addPermission(c)
	case *countersign.UpdatePermission:
		return l.updatePermission(c)
	case *countersign.RemovePermission:
		return l.removePermission(c)
	case *countersign.PutPolicy:
		return l.putPolicy(c)
	case *countersign.UpdateOrganization:
		return l.updateOrganization(c)
	case *countersign.SealOrganization:
		return l.seal(c)
	case *countersign.FreezeOrganization:
		return l.freeze()
	case *countersign.ThawOrganization:
		return l.thaw()
	case *countersign.RatifyEmergency:
		return l.ratify(c)
	case *countersign.OpenImport:
		return l.openImport(c)
	case *countersign.ImportBatch:
		return l.importBatch(c)
	case *countersign.ReplaceRecovery:
		return l.replaceRecovery(c)
	case *countersign.RecoverAccess:
		return l.recoverAccess(c)
	case *countersign.RunDrill:
		return l.runDrill(c)
	default:
		return fmt.Errorf("no way is known to apply %s", op.Kind())
	}
}

// factVersion reads the present version of a fact from the store.
func (w *work) factVersion(fact countersign.Fact) (int64, error) {
	kind, key, _ := strings.Cut(string(fact), ":")
	var version int64
	var err error
	switch kind {
	case "user", "user.role", "user.state", "user.permissions":
		var u countersign.User
		u, err = w.tx.User(w.ctx, countersign.UserID(key))
		version = map[string]int64{
			"user": u.AttributesVersion, "user.role": u.RoleVersion, "user.state": u.StateVersion, "user.permissions": u.PermissionsVersion,
		}[kind]
	case "group", "group.permissions", "group.state", "group.members":
		var g countersign.Group
		g, err = w.tx.Group(w.ctx, countersign.GroupID(key))
		version = map[string]int64{
			"group": g.AttributesVersion, "group.permissions": g.PermissionsVersion, "group.state": g.StateVersion, "group.members": g.MembersVersion,
		}[kind]
	case "membership":
		user, group, _ := strings.Cut(key, "/")
		var m countersign.Membership
		m, err = w.tx.MembershipOf(w.ctx, countersign.UserID(user), countersign.GroupID(group))
		version = m.Version
	case "credential":
		var c countersign.Credential
		c, err = w.tx.Credential(w.ctx, countersign.CredentialID(key))
		version = c.Version
	case "permission":
		var p countersign.CataloguePermission
		p, err = w.tx.CataloguePermission(w.ctx, countersign.Permission(key))
		version = p.Version
	case "import":
		var c store.ChangeRecord
		c, err = w.tx.Change(w.ctx, countersign.ChangeID(key))
		version = c.AppliedPosition
	case "emergency":
		version, err = w.emergencyVersion(countersign.ChangeID(key))
	case "policy", "organization", "organization.freeze", "recovery":
		var o countersign.Organization
		o, err = w.tx.Organization(w.ctx)
		version = map[string]int64{"policy": o.PolicyVersion, "organization": o.Version, "organization.freeze": o.FreezeVersion, "recovery": o.RecoveryVersion}[kind]
	case "drill":
		var o countersign.Organization
		o, err = w.tx.Organization(w.ctx)
		version = o.Drills[key].Version
	default:
		return 0, fmt.Errorf("%s is no kind of fact", kind)
	}
	if isKind(err, countersign.NotFound) {
		return 0, nil
	}
	return version, err
}

// objectVersion is the version of the object an operation is about, as its ETag
// shows it; 0 for creations.
func (w *work) objectVersion(op countersign.Change) (int64, error) {
	user := func(id countersign.UserID) (int64, error) {
		u, err := w.tx.User(w.ctx, id)
		return u.Version, err
	}
	group := func(id countersign.GroupID) (int64, error) {
		g, err := w.tx.Group(w.ctx, id)
		return g.ObjectVersion(), err
	}
	membership := func(id countersign.MembershipID) (int64, error) {
		m, err := w.tx.Membership(w.ctx, id)
		return m.Version, err
	}
	credential := func(id countersign.CredentialID) (int64, error) {
		c, err := w.tx.Credential(w.ctx, id)
		return c.Version, err
	}
	permission := func(p countersign.Permission) (int64, error) {
		c, err := w.tx.CataloguePermission(w.ctx, p)
		return c.Version, err
	}
	switch c := op.(type) {
	case *countersign.UpdateUser:
		return user(c.UserID)
	case *countersign.ChangeRole:
		return user(c.UserID)
	case *countersign.GrantPermissions:
		return user(c.UserID)
	case *countersign.RevokePermissions:
		return user(c.UserID)
	case *countersign.SetPermissions:
		return user(c.UserID)
	case *countersign.MakeOnboardingCode:
		return user(c.UserID)
	case *countersign.ResetDevice:
		return user(c.UserID)
	case *countersign.SuspendUser:
		return user(c.UserID)
	case *countersign.ReactivateUser:
		return user(c.UserID)
	case *countersign.DeleteUser:
		return user(c.UserID)
	case *countersign.UpdateGroup:
		return group(c.GroupID)
	case *countersign.ReplaceMembers:
		return group(c.GroupID)
	case *countersign.DeleteGroup:
		return group(c.GroupID)
	case *countersign.UpdateMembership:
		return membership(c.MembershipID)
	case *countersign.RemoveMembership:
		return membership(c.MembershipID)
	case *countersign.RevokeCredential:
		return credential(c.CredentialID)
	case *countersign.CollectSecret:
		return credential(c.CredentialID)
	case *countersign.UpdatePermission:
		return permission(c.Permission)
	case *countersign.RemovePermission:
		return permission(c.Permission)
	case *countersign.PutPolicy:
		o, err := w.tx.Organization(w.ctx)
		return o.PolicyVersion, err
	case *countersign.UpdateOrganization, *countersign.SealOrganization, *countersign.FreezeOrganization, *countersign.ThawOrganization:
		o, err := w.tx.Organization(w.ctx)
		return o.ObjectVersion(), err
	case *countersign.ReplaceRecovery:
		o, err := w.tx.Organization(w.ctx)
		return o.RecoveryVersion, err
	default:
		return 0, countersign.E(countersign.Invalid, "If-Match", "does not apply here: nothing existing is changed")
	}
}

func union(have, given []countersign.Permission) []countersign.Permission {
	return sorted(slices.Concat(have, given))
}

func without(have, given []countersign.Permission) []countersign.Permission {
	return slices.DeleteFunc(slices.Clone(have), func(p countersign.Permission) bool { return slices.Contains(given, p) })
}

func replaced(_, given []countersign.Permission) []countersign.Permission { return sorted(given) }
