package main

// groups are the rules of group admins, of who sees members, and of what dialects
// with numbers for ids rest on.
func groups() []rule {
	const admin, rights, standing = "internal/access/groupadmin.go", "internal/engine/rights.go", "internal/roster/standing.go"
	const accessPkg, rosterPkg, boxPkg = "./internal/access", "./internal/roster", "./internal/dialect/box"
	const may, yesterday, table = "TestWhatGroupAdminsMayAskFor", "TestGroupAdminsOfYesterday", "TestWhoMayCallWhat"
	return []rule{
		{"groups: nobody passes his powers on", admin, "administers(f, c.GroupID) && c.Role != countersign.GroupAdmin", "administers(f, c.GroupID)", accessPkg, may},
		{"groups: nobody is promoted by a peer", admin, " && (!c.Role.Set || c.Role.Value == countersign.GroupMember)", "", accessPkg, may},
		{"groups: admins are not managed by peers", admin, "ok && m.Role == countersign.GroupMember && administers(f, m.GroupID)", "ok && administers(f, m.GroupID)", accessPkg, may},
		{"groups: what a group grants is not its admin's", admin, " && !c.Permissions.Set", "", accessPkg, may},
		{"groups: inviting needs its switch", admin, " || !m.Configurable.CreateAccounts", "", accessPkg, may},
		{"groups: editing needs its switch", admin, " && mine.Configurable.EditAccounts", "", accessPkg, may},
		{"groups: who is invited has no role", admin, "c.Role != countersign.RoleNone || len(c.GroupIDs) == 0", "len(c.GroupIDs) == 0", accessPkg, may},
		{"groups: who has rights is not edited", admin, " || len(u.Permissions) > 0", "", accessPkg, may},
		{"groups: an email opens accounts", admin, "if c.Email.Set || ", "if ", accessPkg, may},
		{"groups: only contact data", admin, "if !slices.Contains(contactData(), name) {", "if name == \"\" {", accessPkg, may},
		{"groups: only a missing permission is made up for", admin, "ok && e.Code == codeMissing", "ok && e.Code != \"\"", accessPkg, "TestGroupAdminsPassNoOtherRefusal"},
		{"groups: levels are kept", admin, "	case level == countersign.AllManagedUsers:", "	case true:", accessPkg, "TestWhoSeesMembers"},
		{"groups: every group that is named is asked", "internal/access/access.go", "!slices.ContainsFunc(f.GroupIDs, hidden)", "hidden != nil", accessPkg, "TestListsOfGroupsWhoseMembersOneSees"},
		{"groups: proposals are not shown", "internal/access/access.go", "			f.States = states\n", "", accessPkg, "TestListsOfGroupsWhoseMembersOneSees"},
		{"groups: asked again when decided", "internal/engine/decide.go", "if err := mayAsk(w.picture, countersign.Actor{User: request.Requester, Method: countersign.ByToken}, op, w.now); err != nil {", "if err := mayAsk(w.picture, countersign.Actor{User: request.Requester, Method: countersign.ByToken}, op, w.now); err != nil && false {", enginePkg, yesterday},
		{"groups: a term that is over counts no more", standing, " || !c.grantsAt(i, now.UnixMicro())", "", enginePkg, yesterday},
		{"groups: who acts for another needs both", rights, "return []facts{own, {picture, actor.Subject, now}}", "return []facts{own}", boxPkg, table},
		{"groups: a repeat is the requester's own", "internal/engine/repeat.go", "request.Requester != w.actor.User || ", "", enginePkg, "TestARepeatedRequestIsTheOneThatWaits"},
		{"groups: a number is verified", "internal/roster/numbers.go", "!used || c.number(i) != number || (c.state(i)", "!used || (c.state(i)", rosterPkg, "TestNumbersLeadToTheirRows"},
		{"groups: members stand by number", "internal/roster/vector.go", "cmp.Or(cmp.Compare(c.numberOf(i), d.numberOf(k)), cmp.Compare(a, b))", "cmp.Or(0*cmp.Compare(c.numberOf(i), d.numberOf(k)), cmp.Compare(a, b))", rosterPkg, "TestMembersStayInTheOrderOfNumbers"},
		{"profiles are personal data", "change.go", "\"allowed_ips\", \"profile\", ", "\"allowed_ips\", ", enginePkg, "TestProfilesStandInTheLogAsCommitments"},
		{"box: co-admins leave co-admins alone", "internal/dialect/box/user.go", "if u.Role != countersign.RoleAdmin || now.Viewer()", "if true || now.Viewer()", boxPkg, table},
		{"box: members read no single membership", "internal/dialect/box/membership.go", "	case !admin: // section 4.1", "	case !admin && false: // section 4.1", boxPkg, table},
		{"box: an empty update asks too", "internal/dialect/box/group.go", "if err := now.May(update); err != nil || nothing {", "if err := now.May(update); nothing || err != nil {\n			err = nil", boxPkg, table},
	}
}
