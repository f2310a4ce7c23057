package replay

import (
	"slices"

	"github.com/countersign/countersign"
)

// about is an operation as the conditions of a policy look at it, read from the
// facts as they stood when it was asked.
type about struct {
	kind         countersign.ChangeKind
	groups       []countersign.GroupID
	gives, takes []countersign.Permission
	types        []countersign.UserType
	asker        countersign.UserType
	// besides is true of what only rules are asked about, and not the default.
	besides bool
	// unmakes is true of what has to do with who approves.
	unmakes bool
	// rule is the one that a drill tries, and the only one that counts for it.
	rule string
}

// wildcard stands for what an import does not say beforehand.
const wildcard = "\x00"

// meets says whether a rule speaks about an operation. What a rule frees has to
// lie within its condition with all it has, and has nothing to do with who approves.
func (a about) meets(rule countersign.Rule) bool {
	if a.rule != "" || !speaksOf(rule, a.kind) {
		return false
	}
	w := rule.When
	free := len(rule.Requirement.Clauses) == 0
	permissions := slices.Concat(a.gives, a.takes)
	return fits(w.GroupIDs, a.groups, free) && fits(w.Permissions, permissions, free) && fits(w.UserTypes, a.types, free) &&
		fits(w.RequesterTypes, []countersign.UserType{a.asker}, false) && (!w.Approvers || a.unmakes) && !(free && a.unmakes)
}

func fits[T ~string](wanted, has []T, all bool) bool {
	if len(wanted) == 0 {
		return true
	}
	in := 0
	for _, v := range has {
		if slices.Contains(wanted, v) {
			in++
		}
	}
	return in > 0 && (!all || in == len(has))
}

// describe tells what an operation is about.
func (p *player) describe(r *request, op countersign.Change) about {
	asker, _ := read[userFields](p, countersign.UserFact(r.Requester))
	a := about{kind: op.Kind(), asker: asker.Type, rule: ruleOf(op)}
	if user := p.subject(op); user != "" {
		p.addUser(&a, r, user)
	}
	switch c := op.(type) {
	case *countersign.InvitePerson:
		p.addBorn(&a, countersign.Person, c.Role, nil, c.GroupIDs)
	case *countersign.CreateAPIUser:
		p.addBorn(&a, countersign.APIUser, c.Role, c.Permissions, c.GroupIDs)
		a.unmakes = false // what is no person never approves
	case *countersign.CreateAPISigner:
		a.types = []countersign.UserType{countersign.APISigner}
	case *countersign.CreateEndUser:
		a.types = []countersign.UserType{countersign.EndUser}
	case *countersign.AddMembership:
		p.addGroup(&a, c.GroupID)
	case *countersign.UpdateMembership:
		p.addGroup(&a, p.groupOf(c.MembershipID))
	case *countersign.RemoveMembership:
		p.addGroup(&a, p.groupOf(c.MembershipID))
		a.gives, a.takes = nil, a.gives
	case *countersign.ReplaceMembers:
		p.addGroup(&a, c.GroupID)
		p.addTypes(&a, c.MemberIDs)
	case *countersign.DeleteGroup:
		p.addGroup(&a, c.GroupID)
		a.gives, a.takes = nil, a.gives
	case *countersign.CreateGroup:
		a.gives = c.Permissions
		p.addTypes(&a, c.MemberIDs)
		a.unmakes = p.makes(c.Permissions)
	case *countersign.UpdateGroup:
		has := p.grantedBy(c.GroupID)
		p.addGroup(&a, c.GroupID)
		if a.gives = nil; c.Permissions.Set {
			p.addDifference(&a, has, c.Permissions.Value)
		}
	case *countersign.AddPermission:
		a.unmakes = p.makes([]countersign.Permission{c.Permission})
	case *countersign.RemovePermission:
		a.takes = []countersign.Permission{c.Permission}
		a.unmakes = p.makes(a.takes)
	case *countersign.PutPolicy, *countersign.SealOrganization, *countersign.ReplaceRecovery:
		a.unmakes = true
	default:
		p.lookAtUser(&a, op)
	}
	return a
}

// lookAtUser adds what an operation gives to or takes from one user.
func (p *player) lookAtUser(a *about, op countersign.Change) {
	switch c := op.(type) {
	case *countersign.ChangeRole:
		role, _ := read[roleField](p, countersign.UserRoleFact(c.UserID))
		p.addDifference(a, countersign.RolePermissions(role.Role), countersign.RolePermissions(c.Role))
		a.unmakes = a.unmakes || p.askedOf(countersign.ApproverSet{Role: c.Role})
	case *countersign.GrantPermissions:
		a.gives = c.Permissions
		a.unmakes = a.unmakes || p.makes(c.Permissions)
	case *countersign.RevokePermissions:
		a.takes = c.Permissions
	case *countersign.SetPermissions:
		own, _ := read[permissionsField](p, countersign.UserPermissionsFact(c.UserID))
		p.addDifference(a, own.Permissions, c.Permissions)
	case *countersign.SuspendUser:
		a.takes = p.everything(c.UserID)
	case *countersign.DeleteUser:
		a.takes = p.everything(c.UserID)
	case *countersign.ResetDevice:
		a.takes = p.everything(c.UserID)
	case *countersign.ReactivateUser:
		u, _ := read[userFields](p, countersign.UserFact(c.UserID))
		role, _ := read[roleField](p, countersign.UserRoleFact(c.UserID))
		own, _ := read[permissionsField](p, countersign.UserPermissionsFact(c.UserID))
		p.addBorn(a, u.Type, role.Role, own.Permissions, p.groupsOf(c.UserID))
		a.types = a.types[:1]
		a.unmakes = a.unmakes && u.Type == countersign.Person
	}
}

func (p *player) addUser(a *about, r *request, id countersign.UserID) {
	// Who is deleted is nobody any more: the picture has no row of him to ask.
	if s, _ := read[userStateField](p, countersign.UserStateFact(id)); s.State == countersign.UserDeleted {
		return
	}
	u, f := read[userFields](p, countersign.UserFact(id))
	if f.version > 0 {
		a.types = append(a.types, u.Type)
	}
	for _, op := range r.ops {
		switch c := op.(type) {
		case *countersign.InvitePerson:
			if c.UserID == id && f.version == 0 {
				a.types = append(a.types, countersign.Person)
			}
		case *countersign.CreateAPIUser:
			if c.UserID == id && f.version == 0 {
				a.types = append(a.types, countersign.APIUser)
			}
		}
	}
	if u.Type == countersign.Person && p.holds(id, countersign.ChangesApprove) {
		for _, set := range setsOf(p.policy()) {
			a.unmakes = a.unmakes || p.within(set, id)
		}
	}
}

func (p *player) addBorn(a *about, t countersign.UserType, role countersign.Role, own []countersign.Permission, groups []countersign.GroupID) {
	a.types = append(a.types, t)
	given := slices.Concat(countersign.RolePermissions(role), own)
	a.gives = slices.Concat(a.gives, given)
	for _, id := range groups {
		p.addGroup(a, id)
	}
	a.unmakes = a.unmakes || p.makes(given) || p.askedOf(countersign.ApproverSet{Role: role})
}

func (p *player) addGroup(a *about, id countersign.GroupID) {
	has := p.grantedBy(id)
	a.groups, a.gives = append(a.groups, id), slices.Concat(a.gives, has)
	a.unmakes = a.unmakes || p.makes(has) || p.askedOf(countersign.ApproverSet{GroupID: id})
}

func (p *player) addTypes(a *about, ids []countersign.UserID) {
	for _, id := range ids {
		if u, f := read[userFields](p, countersign.UserFact(id)); f.version > 0 && !slices.Contains(a.types, u.Type) {
			a.types = append(a.types, u.Type)
		}
	}
}

func (p *player) addDifference(a *about, was, will []countersign.Permission) {
	for _, permission := range will {
		if !slices.Contains(was, permission) {
			a.gives = append(a.gives, permission)
		}
	}
	for _, permission := range was {
		if !slices.Contains(will, permission) {
			a.takes = append(a.takes, permission)
		}
	}
	a.unmakes = a.unmakes || p.makes(a.gives)
}

// makes says whether one of these permissions helps to make an approver, or to
// unmake one without being asked.
func (p *player) makes(list []countersign.Permission) bool {
	alone := []countersign.Permission{"changes.approve", "emergency.suspend", "emergency.revoke", "emergency.freeze"}
	if slices.ContainsFunc(list, func(permission countersign.Permission) bool { return slices.Contains(alone, permission) }) {
		return true
	}
	return slices.ContainsFunc(list, func(permission countersign.Permission) bool {
		return p.askedOf(countersign.ApproverSet{Permission: permission})
	})
}

// askedOf says whether the policy asks anything of a set.
func (p *player) askedOf(set countersign.ApproverSet) bool {
	return set != countersign.ApproverSet{} && slices.Contains(setsOf(p.policy()), set)
}

func setsOf(policy countersign.Policy) (sets []countersign.ApproverSet) {
	for _, clause := range policy.Default.Clauses {
		sets = append(sets, clause.Approvers)
	}
	for _, rule := range policy.Rules {
		for _, clause := range rule.Requirement.Clauses {
			sets = append(sets, clause.Approvers)
		}
	}
	return sets
}

func (p *player) grantedBy(id countersign.GroupID) []countersign.Permission {
	given, _ := read[permissionsField](p, countersign.GroupPermissionsFact(id))
	return given.Permissions
}

// everything is what a user effectively holds.
func (p *player) everything(id countersign.UserID) (list []countersign.Permission) {
	role, _ := read[roleField](p, countersign.UserRoleFact(id))
	own, _ := read[permissionsField](p, countersign.UserPermissionsFact(id))
	if !p.active(id) {
		return nil
	}
	list = slices.Concat(countersign.RolePermissions(role.Role), own.Permissions)
	for _, group := range p.groupsOf(id) {
		state, _ := read[groupStateField](p, countersign.GroupStateFact(group))
		if state.State == countersign.GroupActive && p.memberNow(countersign.MembershipFact(id, group)) {
			list = append(list, p.grantedBy(group)...)
		}
	}
	return list
}
