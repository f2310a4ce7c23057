package engine

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
)

// governed are the operations of a batch as the rules of a policy see them, for
// who asked: a voter or a reader changes nothing about what a request needs. Not
// among them is what was decided before (redeeming, collecting, the batches of an
// import), what was done before (the ratification of it asks what the act was
// asked), and the end of one's own credential.
func governed(picture *roster.Picture, ops []countersign.Change, requester countersign.UserID, now time.Time) []approval.Operation {
	s := newScope(picture, requester, now)
	var out []approval.Operation
	for _, op := range ops {
		switch c := op.(type) {
		case *countersign.ImportBatch, *countersign.CollectSecret, *countersign.RedeemCode, *countersign.ActivateUser, *countersign.RatifyEmergency:
		case *countersign.ThawOrganization:
			out = append(out, s.thaw(c)...)
		case *countersign.RevokeCredential:
			if !owns(picture, op, requester) {
				out = append(out, s.of(op))
			}
		case *countersign.OpenImport:
			out = append(out, s.imports(c)...)
		case *countersign.ReplaceRecovery:
			// Whoever holds the recovery keys can put a policy: naming them passes
			// what putting one passes, besides what rules ask of the kind itself.
			put := s.of(op)
			put.Kind = countersign.KindPolicyPut
			out = append(out, s.of(op), put)
		default:
			out = append(out, s.of(op))
		}
	}
	return out
}

// thaw is asked what a change of the policy is asked, and what rules say of it
// besides; of the default only in the name of that change.
func (s *scope) thaw(c *countersign.ThawOrganization) []approval.Operation {
	return []approval.Operation{
		{Kind: countersign.KindPolicyPut, Requester: s.requester, Approvers: true},
		{Kind: c.Kind(), Requester: s.requester, Approvers: true, Besides: true},
	}
}

// scope finds out what operations are about.
type scope struct {
	picture   *roster.Picture
	policy    countersign.Policy
	requester countersign.UserType
	now       time.Time
	// made are the users whom operations before create.
	made map[countersign.UserID]countersign.UserType
}

func newScope(picture *roster.Picture, requester countersign.UserID, now time.Time) *scope {
	s := &scope{picture: picture, policy: picture.Organization().Policy, now: now, made: map[countersign.UserID]countersign.UserType{}}
	if account, ok := picture.Account(requester); ok {
		s.requester = account.Type
	}
	return s
}

// of describes one operation.
func (s *scope) of(op countersign.Change) approval.Operation {
	out := approval.Operation{Kind: op.Kind(), Requester: s.requester}
	switch c := op.(type) {
	case *countersign.InvitePerson:
		s.made[c.UserID] = countersign.Person
		s.born(&out, countersign.Person, c.Role, nil, c.GroupIDs)
	case *countersign.CreateAPIUser:
		s.made[c.UserID] = countersign.APIUser
		s.born(&out, countersign.APIUser, c.Role, c.Permissions, c.GroupIDs)
	case *countersign.CreateAPISigner:
		s.born(&out, countersign.APISigner, "", nil, nil)
	case *countersign.CreateEndUser:
		s.born(&out, countersign.EndUser, "", nil, nil)
	case *countersign.CreateGroup:
		out.Gains = c.Permissions
		s.members(&out, c.MemberIDs)
		out.Approvers = s.powerful(c.Permissions)
	case *countersign.UpdateGroup:
		s.group(&out, c.GroupID)
		s.regranted(&out, c)
	case *countersign.ReplaceMembers:
		s.group(&out, c.GroupID)
		s.members(&out, c.MemberIDs)
		out.Loses = out.Gains // who is left out loses them
	case *countersign.DeleteGroup:
		s.group(&out, c.GroupID)
		out.Gains, out.Loses = nil, out.Gains
	case *countersign.AddMembership:
		s.user(&out, c.UserID)
		s.group(&out, c.GroupID)
	case *countersign.UpdateMembership:
		s.membership(&out, c.MembershipID)
	case *countersign.RemoveMembership:
		s.membership(&out, c.MembershipID)
		out.Gains, out.Loses = nil, out.Gains
	case *countersign.AddPermission:
		out.Approvers = s.powerful([]countersign.Permission{c.Permission})
	case *countersign.RemovePermission:
		out.Loses = []countersign.Permission{c.Permission}
		out.Approvers = s.powerful(out.Loses)
	case *countersign.PutPolicy, *countersign.SealOrganization, *countersign.ReplaceRecovery:
		out.Approvers = true
	case *countersign.RunDrill:
		out.Rule = c.RuleID
	default:
		s.ofUser(&out, op)
	}
	return out
}

// ofUser describes what is done to one user or to what he proves himself with.
func (s *scope) ofUser(out *approval.Operation, op countersign.Change) {
	switch c := op.(type) {
	case *countersign.UpdateUser:
		s.user(out, c.UserID)
	case *countersign.ChangeRole:
		s.user(out, c.UserID)
		was := countersign.RolePermissions(s.role(c.UserID))
		will := countersign.RolePermissions(c.Role)
		out.Gains, out.Loses = without(will, was), without(was, will)
		out.Approvers = out.Approvers || s.powerful(out.Gains) || s.names(func(set countersign.ApproverSet) bool { return set.Role == c.Role })
	case *countersign.GrantPermissions:
		s.user(out, c.UserID)
		out.Gains = c.Permissions
		out.Approvers = out.Approvers || s.powerful(c.Permissions)
	case *countersign.RevokePermissions:
		s.user(out, c.UserID)
		out.Loses = c.Permissions
	case *countersign.SetPermissions:
		s.user(out, c.UserID)
		u, _ := s.picture.User(c.UserID, s.now)
		out.Gains, out.Loses = without(c.Permissions, u.Permissions), without(u.Permissions, c.Permissions)
		out.Approvers = out.Approvers || s.powerful(out.Gains)
	case *countersign.SuspendUser:
		s.user(out, c.UserID)
		out.Loses = s.effective(c.UserID)
	case *countersign.DeleteUser:
		s.user(out, c.UserID)
		out.Loses = s.effective(c.UserID)
	case *countersign.ResetDevice:
		s.user(out, c.UserID)
		out.Loses = s.effective(c.UserID)
	case *countersign.ReactivateUser:
		s.user(out, c.UserID)
		s.revived(out, c.UserID)
	case *countersign.MakeOnboardingCode:
		s.user(out, c.UserID)
	case *countersign.IssueEnrolmentCode:
		s.user(out, c.UserID)
	case *countersign.RecoverAccess:
		s.user(out, c.UserID)
	case *countersign.CreateCredential:
		s.user(out, c.UserID)
	case *countersign.RevokeCredential:
		if credential, ok := s.picture.Credential(c.CredentialID); ok {
			s.user(out, credential.UserID)
		}
	}
}

// born describes a user who is to be.
func (s *scope) born(out *approval.Operation, t countersign.UserType, role countersign.Role, own []countersign.Permission, groups []countersign.GroupID) {
	out.Users, out.Gains = []countersign.UserType{t}, slices.Concat(countersign.RolePermissions(role), own)
	for _, id := range groups {
		s.group(out, id)
	}
	// An account of a machine never approves, whatever it holds.
	out.Approvers = t == countersign.Person &&
		(out.Approvers || s.powerful(out.Gains) || s.names(func(set countersign.ApproverSet) bool { return set.Role == role && role != "" }))
}

// user adds a user the operation is about.
func (s *scope) user(out *approval.Operation, id countersign.UserID) {
	if account, ok := s.picture.Account(id); ok {
		out.Users = append(out.Users, account.Type)
	} else if t, ok := s.made[id]; ok {
		out.Users = append(out.Users, t)
	}
	out.Approvers = out.Approvers || s.names(func(set countersign.ApproverSet) bool { return s.picture.Qualifies(id, set, s.now) })
}

// members adds the types of those a group is filled with, where a rule asks.
func (s *scope) members(out *approval.Operation, ids []countersign.UserID) {
	if !slices.ContainsFunc(s.policy.Rules, func(r countersign.Rule) bool { return len(r.When.UserTypes) > 0 }) {
		return
	}
	for _, id := range ids {
		account, ok := s.picture.Account(id)
		if ok && !slices.Contains(out.Users, account.Type) {
			out.Users = append(out.Users, account.Type)
		}
	}
}

// group adds a group, and what its members receive.
func (s *scope) group(out *approval.Operation, id countersign.GroupID) {
	out.Groups = append(out.Groups, id)
	group, _ := s.picture.Group(id, s.now)
	out.Gains = slices.Concat(out.Gains, group.Permissions)
	out.Approvers = out.Approvers || s.powerful(group.Permissions) || s.names(func(set countersign.ApproverSet) bool { return set.GroupID == id })
}

// regranted corrects what an update of a group gives and takes: only what it
// changes, not all the group has.
func (s *scope) regranted(out *approval.Operation, c *countersign.UpdateGroup) {
	was := out.Gains
	out.Gains = nil
	if c.Permissions.Set {
		out.Gains, out.Loses = without(c.Permissions.Value, was), without(was, c.Permissions.Value)
		out.Approvers = out.Approvers || s.powerful(out.Gains)
	}
}

func (s *scope) membership(out *approval.Operation, id countersign.MembershipID) {
	if m, ok := s.picture.Membership(id, s.now); ok {
		s.user(out, m.UserID)
		s.group(out, m.GroupID)
	}
}

// revived adds what a suspended user will hold again.
func (s *scope) revived(out *approval.Operation, id countersign.UserID) {
	u, _ := s.picture.User(id, s.now)
	out.Gains = slices.Concat(countersign.RolePermissions(u.Role), u.Permissions)
	for _, ref := range u.Groups {
		if ref.Membership != countersign.MembershipPendingAddition {
			s.group(out, ref.ID)
		}
	}
	out.Approvers = u.Type == countersign.Person &&
		(out.Approvers || s.powerful(out.Gains) || s.names(func(set countersign.ApproverSet) bool { return set.Role == u.Role && u.Role != "" }))
}

func (s *scope) role(id countersign.UserID) countersign.Role {
	u, _ := s.picture.User(id, s.now)
	return u.Role
}

func (s *scope) effective(id countersign.UserID) []countersign.Permission {
	list, _ := s.picture.Effective(id, s.now)
	out := make([]countersign.Permission, len(list))
	for i := range list {
		out[i] = list[i].Permission
	}
	return out
}

// powerful reports whether one of these permissions helps to make an approver, or
// lets somebody alone unmake one.
func (s *scope) powerful(list []countersign.Permission) bool {
	alone := []countersign.Permission{
		countersign.ChangesApprove, countersign.EmergencySuspend, countersign.EmergencyRevoke, countersign.EmergencyFreeze,
	}
	return slices.ContainsFunc(list, func(p countersign.Permission) bool { return slices.Contains(alone, p) }) ||
		s.names(func(set countersign.ApproverSet) bool {
			return set.Permission != "" && slices.Contains(list, set.Permission)
		})
}

// names reports whether the policy asks a set of approvers like this.
func (s *scope) names(like func(countersign.ApproverSet) bool) bool {
	asks := func(r countersign.Requirement) bool {
		return slices.ContainsFunc(r.Clauses, func(c countersign.Clause) bool { return like(c.Approvers) })
	}
	return asks(s.policy.Default) || slices.ContainsFunc(s.policy.Rules, func(r countersign.Rule) bool { return asks(r.Requirement) })
}

// unknownGroup and unknownPermission stand for what an import may turn out to
// touch. No condition names them, so that none frees it.
const (
	unknownGroup      countersign.GroupID    = ""
	unknownPermission countersign.Permission = ""
)

// imports describes an import as the kinds of change that would do the same one
// by one. Which groups its rows fill is not known before its batches come: an
// import with memberships meets every condition about groups and permissions.
func (s *scope) imports(c *countersign.OpenImport) []approval.Operation {
	counts := c.Counts()
	all := approval.Operation{Kind: c.Kind(), Requester: s.requester, Gains: c.Permissions}
	for _, t := range []struct {
		n int
		t countersign.UserType
	}{{counts.Persons, countersign.Person}, {counts.APIUsers, countersign.APIUser}, {counts.EndUsers, countersign.EndUser}} {
		if t.n > 0 {
			all.Users = append(all.Users, t.t)
		}
	}
	if counts.Memberships > 0 {
		all.Groups = []countersign.GroupID{unknownGroup}
		all.Gains = append(slices.Clone(all.Gains), unknownPermission)
		for _, rule := range s.policy.Rules {
			all.Groups, all.Gains = append(all.Groups, rule.When.GroupIDs...), append(all.Gains, rule.When.Permissions...)
		}
	}
	all.Approvers = counts.Admins > 0 || counts.Memberships > 0 || s.powerful(c.Permissions)
	out := []approval.Operation{all}
	for _, kind := range counts.Kinds() {
		op := all
		if op.Kind = kind; born(kind) != "" {
			op.Users = []countersign.UserType{born(kind)}
		}
		out = append(out, op)
	}
	return out
}

// born is the type of the users a kind of change creates; empty for none.
func born(kind countersign.ChangeKind) countersign.UserType {
	switch kind {
	case countersign.KindUserInvite:
		return countersign.Person
	case countersign.KindUserCreateAPIUser:
		return countersign.APIUser
	case countersign.KindUserCreateEndUser:
		return countersign.EndUser
	default:
		return ""
	}
}
