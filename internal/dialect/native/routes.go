package native

import (
	"net/http"
	"slices"

	"github.com/countersign/countersign/internal/wire"
)

const (
	base = "/directory/v1"
	zen  = "/access/v1"
)

// routes has one row for each operation of the document; the name is the
// operation's operationId, and a test holds the two lists together.
func (d *Dialect) routes() []wire.Route {
	return slices.Concat(d.directory(), d.governing(), d.proving())
}

// directory are the routes of users, groups and memberships.
func (d *Dialect) directory() []wire.Route {
	return []wire.Route{
		public("GET", base+"/openapi.yaml", "getDocument", d.getDocument),
		public("POST", base+"/setup", "setUp", d.setUp),
		d.row("GET", base+"/me", "getMe", d.getMe),

		d.row("GET", base+"/users", "listUsers", d.listUsers),
		d.row("POST", base+"/users", "createUser", d.createUser),
		d.row("GET", base+"/users/{user_id}", "getUser", d.getUser),
		d.row("PATCH", base+"/users/{user_id}", "updateUser", d.updateUser),
		d.row("DELETE", base+"/users/{user_id}", "deleteUser", d.deleteUser),
		d.row("POST", base+"/users/{user_id}/suspend", "suspendUser", d.suspendUser),
		d.row("POST", base+"/users/{user_id}/reactivate", "reactivateUser", d.reactivateUser),
		d.row("POST", base+"/users/{user_id}/reset-device", "resetDevice", d.resetDevice),
		d.row("POST", base+"/users/{user_id}/onboarding-code", "makeOnboardingCode", d.makeOnboardingCode),
		public("POST", base+"/users/{user_id}/activate", "activateUser", d.activateUser),
		d.row("GET", base+"/users/{user_id}/memberships", "listUserMemberships", d.listUserMemberships),
		d.row("GET", base+"/users/{user_id}/permissions", "listUserPermissions", d.listUserPermissions),

		d.row("GET", base+"/groups", "listGroups", d.listGroups),
		d.row("POST", base+"/groups", "createGroup", d.createGroup),
		d.row("GET", base+"/groups/{group_id}", "getGroup", d.getGroup),
		d.row("PATCH", base+"/groups/{group_id}", "updateGroup", d.updateGroup),
		d.row("DELETE", base+"/groups/{group_id}", "deleteGroup", d.deleteGroup),
		d.row("GET", base+"/groups/{group_id}/members", "listGroupMembers", d.listGroupMembers),
		large(d.row("PUT", base+"/groups/{group_id}/members", "replaceGroupMembers", d.replaceGroupMembers)),

		d.row("GET", base+"/memberships", "listMemberships", d.listMemberships),
		d.row("POST", base+"/memberships", "createMembership", d.createMembership),
		d.row("GET", base+"/memberships/{membership_id}", "getMembership", d.getMembership),
		d.row("PATCH", base+"/memberships/{membership_id}", "updateMembership", d.updateMembership),
		d.row("DELETE", base+"/memberships/{membership_id}", "deleteMembership", d.deleteMembership),
	}
}

// proving are the routes of checks, credentials, the log, the catalogue and the
// organization.
func (d *Dialect) proving() []wire.Route {
	return []wire.Route{
		d.row("POST", base+"/check", "check", d.check),
		d.row("POST", base+"/check/batch", "checkBatch", d.checkBatch),
		d.row("POST", zen+"/evaluation", "evaluate", d.evaluate),
		d.row("POST", zen+"/evaluations", "evaluateAll", d.evaluateAll),

		d.row("GET", base+"/credentials", "listCredentials", d.listCredentials),
		d.row("POST", base+"/credentials", "createCredential", d.createCredential),
		d.row("POST", base+"/credentials/enrolment-codes", "issueEnrolmentCode", d.issueEnrolmentCode),
		public("POST", base+"/credentials/redeem", "redeemCode", d.redeemCode),
		d.row("GET", base+"/credentials/{credential_id}", "getCredential", d.getCredential),
		d.row("DELETE", base+"/credentials/{credential_id}", "revokeCredential", d.revokeCredential),
		d.row("POST", base+"/credentials/{credential_id}/secret", "collectSecret", d.collectSecret),

		d.row("GET", base+"/audit/entries", "listEntries", d.listEntries),
		d.row("GET", base+"/audit/entries/{index}", "getEntry", d.getEntry),
		d.row("GET", base+"/audit/checkpoint", "getCheckpoint", d.getCheckpoint),
		d.row("GET", base+"/audit/proofs/inclusion", "proveInclusion", d.proveInclusion),
		d.row("GET", base+"/audit/proofs/consistency", "proveConsistency", d.proveConsistency),

		d.row("GET", base+"/permissions", "listPermissions", d.listPermissions),
		d.row("POST", base+"/permissions", "addPermission", d.addPermission),
		d.row("PATCH", base+"/permissions/{permission}", "updatePermission", d.updatePermission),
		d.row("DELETE", base+"/permissions/{permission}", "removePermission", d.removePermission),

		d.row("GET", base+"/organization", "getOrganization", d.getOrganization),
		d.row("PATCH", base+"/organization", "updateOrganization", d.updateOrganization),
		d.row("POST", base+"/organization/seal", "sealOrganization", d.sealOrganization),
	}
}

// governing are the routes of changes and of the policy that governs them.
func (d *Dialect) governing() []wire.Route {
	return []wire.Route{
		d.row("GET", base+"/changes", "listChanges", d.listChanges),
		large(d.row("POST", base+"/changes", "submitChange", d.submitChange)),
		d.row("GET", base+"/changes/{change_id}", "getChange", d.getChange),
		d.row("POST", base+"/changes/{change_id}/approvals", "decideChange", d.decideChange),
		d.row("GET", base+"/changes/{change_id}/document", "getChangeDocument", d.getChangeDocument),
		d.row("POST", base+"/changes/{change_id}/statement", "makeStatement", d.makeStatement),
		d.row("POST", base+"/changes/{change_id}/cancel", "cancelChange", d.cancelChange),
		large(d.row("POST", base+"/changes/{change_id}/replace", "replaceChange", d.replaceChange)),

		d.row("POST", base+"/imports", "openImport", d.openImport),
		d.row("GET", base+"/imports/{import_id}", "getImport", d.getImport),
		d.row("GET", base+"/imports/{import_id}/batches/{index}", "getImportBatch", d.getImportBatch),
		d.row("POST", base+"/imports/{import_id}/batches/{index}", "takeImportBatch", d.takeImportBatch),

		d.row("GET", base+"/policy", "getPolicy", d.getPolicy),
		d.row("PUT", base+"/policy", "putPolicy", d.putPolicy),
		d.row("GET", base+"/policy/health", "getPolicyHealth", d.getPolicyHealth),
		d.row("GET", base+"/policy/violations", "listViolations", d.listViolations),
		d.row("POST", base+"/policy/lint", "lintPolicy", d.lintPolicy),
		d.row("POST", base+"/policy/drills", "runDrill", d.runDrill),

		d.row("GET", base+"/recovery", "getRecovery", d.getRecovery),
		d.row("PUT", base+"/recovery", "replaceRecovery", d.replaceRecovery),
		public("POST", base+"/recovery", "openRecovery", d.openRecovery),
		public("POST", base+"/recovery/statement", "makeRecoveryStatement", d.makeRecoveryStatement),
		d.row("GET", base+"/emergencies", "listEmergencies", d.listEmergencies),
	}
}

// row is a route that asks for a bearer token.
func (d *Dialect) row(method, pattern, name string, h handler) wire.Route {
	return wire.Route{Method: method, Pattern: pattern, Name: name, Handler: d.authenticated(h)}
}

// public is a route that anybody may call; what it needs as proof stands in the
// body or is asked for by the handler.
func public(method, pattern, name string, h publicHandler) wire.Route {
	return wire.Route{Method: method, Pattern: pattern, Name: name, Public: true, Handler: h}
}

// large is a row whose body may replace a member list.
func large(row wire.Route) wire.Route {
	row.BodyLimit = wire.MaxListBody
	return row
}

var _ http.Handler = (*Dialect)(nil)
