package engine_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

func (w *walker) some() []countersign.Permission {
	var out []countersign.Permission
	for _, p := range w.permissions {
		if w.chance(30) {
			out = append(out, p)
		}
	}
	return out
}

// change is a random change, mostly sensible.
func (w *walker) change() countersign.Change {
	name := func(what string) string { return fmt.Sprint(what, " ", w.r.IntN(7)) }
	role := func() countersign.Role {
		return one(w, countersign.RoleAdmin, countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone)
	}
	user := func() countersign.UserID { return one(w, w.users...) }
	group := func() countersign.GroupID { return one(w, w.groups...) }
	switch w.r.IntN(16) {
	case 0:
		return &countersign.InvitePerson{Name: name("person"), Email: strings.ReplaceAll(name("new"), " ", "") + "@walk.example", Role: role()}
	case 1:
		return &countersign.CreateAPIUser{Name: name("account"), Role: countersign.RoleViewer, ResponsiblePersonID: user(), Permissions: w.some(), GroupIDs: w.chooseGroups()}
	case 2:
		return &countersign.CreateEndUser{ExternalID: name("customer")}
	case 3:
		return w.userUpdate(user())
	case 4:
		return &countersign.ChangeRole{UserID: user(), Role: role()}
	case 5:
		return &countersign.SetPermissions{UserID: user(), Permissions: append([]countersign.Permission{}, w.some()...)}
	case 6, 7:
		return w.turn(user())
	case 8:
		return &countersign.CreateGroup{Name: name("group"), Permissions: w.some(), MemberIDs: w.chooseUsers()}
	case 9:
		return &countersign.UpdateGroup{GroupID: group(), Name: countersign.Some(name("group")), Permissions: countersign.Some(append([]countersign.Permission{}, w.some()...))}
	case 10:
		if w.chance(30) {
			return &countersign.DeleteGroup{GroupID: group()}
		}
		return &countersign.ReplaceMembers{GroupID: group(), MemberIDs: append([]countersign.UserID{}, w.chooseUsers()...)}
	case 11, 12:
		return w.memberChange(user(), group())
	case 13:
		return w.credentialChange(user())
	case 14:
		return w.catalogueChange()
	default:
		if w.chance(30) {
			return &countersign.UpdateOrganization{Name: countersign.Some(name("Walkers"))}
		}
		return &countersign.PutPolicy{Policy: w.policy()}
	}
}

func (w *walker) userUpdate(id countersign.UserID) countersign.Change {
	c := &countersign.UpdateUser{UserID: id, Name: countersign.Some(fmt.Sprint("name ", w.r.IntN(4)))}
	if w.chance(30) {
		c.ResponsiblePersonID = countersign.Some(one(w, w.users...))
	}
	return c
}

// turn moves somebody through his states.
func (w *walker) turn(id countersign.UserID) countersign.Change {
	return one[countersign.Change](w,
		&countersign.SuspendUser{UserID: id}, &countersign.ReactivateUser{UserID: id}, &countersign.ResetDevice{UserID: id},
		&countersign.MakeOnboardingCode{UserID: id}, &countersign.IssueEnrolmentCode{UserID: id}, &countersign.DeleteUser{UserID: id},
	)
}

func (w *walker) chooseUsers() []countersign.UserID {
	var out []countersign.UserID
	for _, id := range w.users {
		if w.chance(25) {
			out = append(out, id)
		}
	}
	return out
}

func (w *walker) chooseGroups() []countersign.GroupID {
	var out []countersign.GroupID
	for _, id := range w.groups {
		if w.chance(30) {
			out = append(out, id)
		}
	}
	return out
}

func (w *walker) memberChange(user countersign.UserID, group countersign.GroupID) countersign.Change {
	switch w.r.IntN(4) {
	case 0:
		if len(w.memberships) > 0 {
			return &countersign.RemoveMembership{MembershipID: one(w, w.memberships...)}
		}
	case 1:
		if len(w.memberships) > 0 {
			return &countersign.UpdateMembership{
				MembershipID: one(w, w.memberships...), ExpiresAt: countersign.Null[time.Time](),
				Role: countersign.Some(one(w, countersign.GroupMember, countersign.GroupAdmin)),
			}
		}
	}
	c := &countersign.AddMembership{UserID: user, GroupID: group}
	if w.chance(40) {
		c.Role, c.Configurable = countersign.GroupAdmin, countersign.Some(map[string]bool{"can_run_reports": w.chance(50)})
	}
	if w.chance(40) {
		c.StartsAt = countersign.Some(w.now.Add(time.Duration(w.r.IntN(5)-2) * time.Hour))
		c.ExpiresAt = countersign.Some(c.StartsAt.Value.Add(48 * time.Hour))
	}
	return c
}

func (w *walker) credentialChange(user countersign.UserID) countersign.Change {
	switch w.r.IntN(4) {
	case 0:
		return &countersign.CreateCredential{UserID: user, Type: one(w, countersign.Token, countersign.OAuthClient)}
	case 1:
		return w.enrol(user)
	case 2:
		return &countersign.CollectSecret{CredentialID: one(w, w.credentials...)}
	default:
		return &countersign.RevokeCredential{CredentialID: one(w, w.credentials...)}
	}
}

func (w *walker) catalogueChange() countersign.Change {
	p := one[countersign.Permission](w, "desk.trade", "desk.read")
	switch w.r.IntN(3) {
	case 0:
		return &countersign.AddPermission{Permission: p, Description: "one"}
	case 1:
		return &countersign.UpdatePermission{Permission: p, Description: fmt.Sprint(w.r.IntN(4))}
	default:
		return &countersign.RemovePermission{Permission: p}
	}
}

// policy asks one or two people of different sets, and is sometimes one that the
// organization cannot meet.
func (w *walker) policy() countersign.Policy {
	asks := func() countersign.Requirement {
		r := countersign.Requirement{ExpiresAfterSeconds: one[int64](w, 0, 3600, 86400)}
		sets := []countersign.ApproverSet{{Role: countersign.RoleAdmin}, {Permission: countersign.UsersUpdate}}
		if len(w.groups) > 0 {
			sets = append(sets, countersign.ApproverSet{GroupID: w.groups[0]})
		}
		for _, i := range w.r.Perm(len(sets))[:one(w, 1, 1, 2)] {
			r.Clauses = append(r.Clauses, countersign.Clause{Approvers: sets[i], Need: one(w, 1, 1, 2)})
		}
		r.Distinct, r.Veto, r.DelaySeconds = one(w, 0, 0, 2), one(w, 0, 0, 2), one[int64](w, 0, 3600)
		r.Exclusive, r.MustHold = w.chance(15), w.chance(15)
		if w.chance(20) {
			r.Signed = countersign.SigningRequired
		}
		return r
	}
	when := func() (c countersign.Condition) {
		switch w.r.IntN(6) {
		case 0:
			c.Approvers = true
		case 1:
			c.UserTypes = []countersign.UserType{one(w, countersign.Person, countersign.APIUser, countersign.EndUser)}
		case 2:
			c.Permissions = w.some()
		case 3:
			c.GroupIDs = w.chooseGroups()
		case 4:
			c.RequesterTypes = []countersign.UserType{one(w, countersign.Person, countersign.APIUser)}
		}
		return c
	}
	p := countersign.Policy{Name: "walk", Default: countersign.TwoPersonPolicy().Default}
	if w.chance(70) {
		p.AcceptedRisks = []countersign.Risk{countersign.RiskNoSpareForTargets}
	}
	if w.chance(30) {
		p.Default = asks()
	}
	if w.chance(50) {
		p.Exclusions = []countersign.Exclusion{
			{ID: "desk", Sides: [][]countersign.Permission{{"desk.trade"}, {countersign.AuditRead, countersign.UsersUpdate}}},
			{ID: "three", Sides: [][]countersign.Permission{{countersign.GroupsCreate}, {"desk.trade"}, {countersign.ChangesApprove}}},
		}[:one(w, 1, 2)]
	}
	if w.chance(40) {
		p.Rules = append(p.Rules, countersign.Rule{
			ID: "some", Changes: []string{one(w, "*", "group.*", "user.grant", "credential.*", "policy.put", "user.change_role")}, When: when(), Requirement: asks(),
		})
	}
	if w.chance(40) {
		p.Rules = append(p.Rules, countersign.Rule{ID: "free", Changes: []string{string(one(w, countersign.KindUserCreateEndUser, countersign.KindUserOnboardingCode, countersign.KindUserSuspend))}, When: when()})
	}
	return p
}
