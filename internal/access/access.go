// Package access decides, from facts alone, whether an actor may ask for a change
// or see a thing. It does no I/O; what the actor holds is passed in.
//
// Whether a change that may be asked for also needs approvals is not decided
// here but in internal/approval. The split matters: access says who may speak,
// approval says who must agree.
package access

import (
	"slices"

	"github.com/countersign/countersign"
)

// Holder answers whether the actor effectively holds a permission now.
type Holder func(countersign.Permission) bool

// Needed returns the permission a kind of change asks of its requester, and
// false for kinds that have rules of their own (codes, secrets and imports).
func Needed(kind countersign.ChangeKind) (countersign.Permission, bool) {
	switch kind {
	case countersign.KindUserInvite, countersign.KindUserCreateAPIUser, countersign.KindUserCreateAPISigner, countersign.KindUserCreateEndUser:
		return countersign.UsersCreate, true
	case countersign.KindUserUpdate, countersign.KindUserChangeRole, countersign.KindUserGrant, countersign.KindUserRevoke,
		countersign.KindUserSetPermissions, countersign.KindUserOnboardingCode, countersign.KindUserResetDevice,
		countersign.KindUserSuspend, countersign.KindUserReactivate:
		return countersign.UsersUpdate, true
	case countersign.KindUserDelete:
		return countersign.UsersDelete, true
	case countersign.KindGroupCreate:
		return countersign.GroupsCreate, true
	case countersign.KindGroupUpdate:
		return countersign.GroupsUpdate, true
	case countersign.KindGroupDelete:
		return countersign.GroupsDelete, true
	case countersign.KindMembershipAdd:
		return countersign.MembershipsCreate, true
	case countersign.KindMembershipUpdate, countersign.KindGroupReplaceMembers:
		return countersign.MembershipsUpdate, true
	case countersign.KindMembershipRemove:
		return countersign.MembershipsDelete, true
	case countersign.KindCredentialCreate, countersign.KindCredentialIssueCode:
		return countersign.CredentialsCreate, true
	case countersign.KindCredentialRevoke:
		return countersign.CredentialsDelete, true
	case countersign.KindPermissionAdd:
		return countersign.PoliciesCreate, true
	case countersign.KindPermissionRemove:
		return countersign.PoliciesDelete, true
	case countersign.KindPermissionUpdate, countersign.KindPolicyPut, countersign.KindOrganizationUpdate, countersign.KindOrganizationSeal,
		countersign.KindRecoveryReplace, countersign.KindDrillRun, countersign.KindOrganizationThaw:
		return countersign.PoliciesUpdate, true
	case countersign.KindOrganizationFreeze:
		return countersign.EmergencyFreeze, true
	default: // codes, secrets, imports, recoveries, ratifications; and what is no kind at all
		return "", false
	}
}

// Request says whether the actor may ask for a change. own is true when the
// change concerns a credential of the actor himself.
func Request(actor countersign.Actor, holds Holder, change countersign.Change, own bool) error {
	kind := change.Kind()
	need, asks := Needed(kind)
	switch {
	case actor.Method == countersign.BySystem:
		return nil
	case actor.Subject != "" && !delegable(kind):
		return ForSomebodyElse()
	case kind == countersign.KindUserActivate || kind == countersign.KindCredentialRedeem:
		if actor.Method == countersign.ByEnrolmentCode {
			return nil
		}
		return countersign.E(countersign.Forbidden, "", "codes are redeemed at their own address, by whoever holds them")
	case kind == countersign.KindCredentialCollect:
		return nil // the engine checks that the actor is the one who asked for the credential
	case kind == countersign.KindImportOpen || kind == countersign.KindImportBatch:
		return imports(holds, change)
	case !asks:
		return countersign.E(countersign.Forbidden, "", "this kind of change cannot be asked for")
	case own && (kind == countersign.KindCredentialRevoke || kind == countersign.KindCredentialCreate):
		return nil
	}
	for _, p := range append([]countersign.Permission{need}, implied(change)...) {
		if !holds(p) {
			return missing(p)
		}
	}
	return nil
}

// imports asks of an import, and again of each of its batches, what the changes
// would ask that do the same one by one.
func imports(holds Holder, change countersign.Change) error {
	var counts countersign.ImportCounts
	switch c := change.(type) {
	case *countersign.OpenImport:
		counts = c.Counts()
	case *countersign.ImportBatch:
		if rows := c.Rows(); rows != nil {
			counts = rows.Counts()
		}
	}
	kinds := counts.Kinds()
	if len(kinds) == 0 {
		kinds = []countersign.ChangeKind{countersign.KindUserInvite, countersign.KindGroupCreate, countersign.KindMembershipAdd}
	}
	for _, kind := range kinds {
		need, _ := Needed(kind)
		if !holds(need) {
			return missing(need)
		}
	}
	return nil
}

// implied are the permissions a change asks for besides that of its kind,
// because it does in one step what otherwise are changes of other kinds: who may
// create groups could else put himself into one that grants what he likes.
func implied(change countersign.Change) []countersign.Permission {
	joins := func(n int) []countersign.Permission {
		if n == 0 {
			return nil
		}
		return []countersign.Permission{countersign.MembershipsCreate}
	}
	switch c := change.(type) {
	case *countersign.CreateGroup:
		return joins(len(c.MemberIDs))
	case *countersign.InvitePerson:
		return joins(len(c.GroupIDs))
	case *countersign.CreateAPIUser:
		out := joins(len(c.GroupIDs))
		if len(c.Permissions) > 0 {
			out = append(out, countersign.UsersUpdate)
		}
		return out
	default:
		return nil
	}
}

const codeMissing = "permission_missing"

func missing(need countersign.Permission) error {
	return &countersign.Error{
		Kind: countersign.Forbidden, Code: codeMissing,
		Message: "this needs the permission " + string(need),
		Detail:  map[string]string{"permission": string(need)},
	}
}

// Require refuses unless the actor holds a permission.
func Require(holds Holder, need countersign.Permission) error {
	if holds(need) {
		return nil
	}
	return missing(need)
}

// Users narrows a filter to what the actor may see: everybody with users.read,
// else himself.
func Users(actor countersign.Actor, holds Holder, f countersign.UserFilter) countersign.UserFilter {
	if !holds(countersign.UsersRead) {
		f.Only = actor.Viewer()
	}
	return f
}

// Groups narrows a filter: every group with groups.read, else his own.
func Groups(actor countersign.Actor, holds Holder, f countersign.GroupFilter) countersign.GroupFilter {
	if !holds(countersign.GroupsRead) {
		f.MemberOnly = actor.Viewer()
	}
	return f
}

// Memberships narrows a filter. With memberships.read one sees all; the actual
// members of groups that are named, when one may see the members of each; else
// one's own memberships.
func Memberships(actor countersign.Actor, holds Holder, sees func(countersign.GroupID) bool, f countersign.MembershipFilter) countersign.MembershipFilter {
	if holds(countersign.MembershipsRead) {
		return f
	}
	hidden := func(id countersign.GroupID) bool { return !sees(id) }
	if len(f.GroupIDs) > 0 && !slices.ContainsFunc(f.GroupIDs, hidden) {
		if states := actual(f.States); len(states) > 0 {
			f.States = states
			return f
		}
	}
	f.Only = actor.Viewer()
	return f
}

// actual leaves of some states, or of all when none are named, those of who is in
// a group now: not what somebody has proposed, nor who was there once.
func actual(states []countersign.MembershipState) []countersign.MembershipState {
	now := []countersign.MembershipState{countersign.MembershipActive, countersign.MembershipPendingRemoval}
	if len(states) == 0 {
		return now
	}
	return slices.DeleteFunc(now, func(s countersign.MembershipState) bool { return !slices.Contains(states, s) })
}

// SeeChange reports whether the actor may see a change request: his own, unless
// he looks through somebody else's eyes, or any
// with users.read (pending states show there anyway), changes.approve or
// audit.read.
func SeeChange(actor countersign.Actor, holds Holder, requester, requesterPerson countersign.UserID) bool {
	own := actor.User == requester || actor.Person() == requesterPerson
	return own && actor.Subject == "" ||
		holds(countersign.UsersRead) || holds(countersign.ChangesApprove) || holds(countersign.AuditRead)
}

// Cancel reports whether the actor may cancel a request: the requester, the
// person behind it, or a holder of changes.cancel; nobody for somebody else.
func Cancel(actor countersign.Actor, holds Holder, requester, requesterPerson countersign.UserID) bool {
	if actor.Subject != "" {
		return false
	}
	return actor.User == requester || actor.Person() == requesterPerson || holds(countersign.ChangesCancel)
}

// Vote says whether the actor may vote at all: people only, for themselves, with
// changes.approve. Whether he is among the approvers of one request is decided
// by internal/approval.
func Vote(actor countersign.Actor, holds Holder) error {
	if actor.Subject != "" {
		return ForSomebodyElse()
	}
	if actor.Type != countersign.Person {
		return countersign.Code(countersign.Forbidden, "not_a_person", "", "only people approve; sign in as a person, not as an API user")
	}
	return Require(holds, countersign.ChangesApprove)
}
