package main

// wording are the rules of how the Fordefi dialect words and bounds what it shows,
// and of what was added to the core for it.
func wording() []rule {
	const dialect, pkg = "internal/dialect/fordefi", "./internal/dialect/fordefi"
	const policy, credentials = "policy.go", "internal/engine/apply_credentials.go"
	const behaviour, proposal = "TestBehaviour", "TestOpenRequestsOnAGroupAreOneProposal"
	const oracle, rosterPkg = "TestRosterAgreesWithTheOracle", "./internal/roster"
	return []rule{
		{"fordefi: no role is viewer", dialect + "/shown.go", "	if r == countersign.RoleNone {\n		r = countersign.RoleViewer\n	}\n", "", pkg, behaviour},
		{"fordefi: a suspended account is deleted", dialect + "/shown.go", "if s != countersign.UserActive && s != countersign.UserPendingApproval {", "if false {", pkg, behaviour},
		{"fordefi: no account waits", dialect + "/shown.go", "return r, s, s != countersign.UserPendingApproval\n	case countersign.APISigner:", "return r, s, true\n	case countersign.APISigner:", pkg, "TestWhatHasNoPendingStateIsNotShown"},
		{"fordefi: end users are not listed", dialect + "/shown.go", "	case countersign.EndUser:\n		return r, s, false", "	case countersign.EndUser:\n		return r, s, true", pkg, behaviour},
		{"fordefi: no group waits", dialect + "/group.go", " || err == nil && g.State == countersign.GroupPendingApproval", "", pkg, "TestWhatHasNoPendingStateIsNotShown"},
		{"fordefi: no filter tells of a group to come", dialect + "/user.go", "			ids[i] = nobody\n", "			_, _ = i, nobody\n", pkg, "TestWhatHasNoPendingStateIsNotShown"},
		{"fordefi: an end user reaches only himself", dialect + "/call.go", "actor.Type == countersign.EndUser && !op.endUsers", "false", pkg, "TestTokensOfEndUsers"},
		{"fordefi: the allowance is per user", dialect + "/rate.go", "		a.used++\n", "", pkg, "TestTheAllowance"},
		{"fordefi: all faults together", dialect + "/arguments.go", "wrong = append(wrong, p.readAll(values, args)...)", "wrong = append(wrong[:0:0], p.readAll(values, args)...)", pkg, "TestParsing"},
		{"fordefi: the last of a scalar", dialect + "/arguments.go", "values[len(values)-1], -1", "values[0], -1", pkg, "TestParsing"},
		{"fordefi: a held write is no success", dialect + "/write.go", "if err == nil && result.Change.State.Open() {", "if false {", pkg, "TestAHeldWriteIsForbidden"},
		{"fordefi: an approval of one who left is void", dialect + "/append_user.go", "			case !p.Eligible:\n				state = \"unauthorized\"\n", "", pkg, "TestWhoIsAskedAndWhatHeSaid"},
		{"fordefi: the requester is not asked", "internal/engine/look.go", "			if slices.Contains(c.Excluded, person) {\n				continue\n			}\n", "", pkg, "TestAnInvitationIsShownWhileItWaits"},
		{"fordefi: who may not see is not told", "internal/engine/look.go", "id != \"\" && (id == l.actor.Viewer() || l.holds(countersign.UsersRead))", "id != \"\"", pkg, "TestWithoutTheReadingRoles"},
		{"fordefi: proposals are for readers of users", "internal/engine/look.go", "	if !l.holds(countersign.UsersRead) {\n		return roster.Proposal{}, false\n	}\n", "", pkg, "TestWithoutTheReadingRoles"},
		{"fordefi: the oldest new name", "internal/roster/proposal.go", "		if !k.change.openAt(now) {\n			continue\n		}\n		for _, op := range k", "		if k.change.openAt(now) {\n			continue\n		}\n		for _, op := range k", pkg, proposal},
		{"fordefi: replacing a list removes", "internal/roster/proposal.go", "replaced {\n		n.c.members[n.i].each(look)", "replaced {\n		_ = look", pkg, proposal},
		{"fordefi: a formula is none", dialect + "/export.go", "		return \"'\" + s\n", "		return s\n", pkg, "TestNoCellIsAFormula"},
		{"filters go by what is shown", "internal/roster/filter.go", "(states >> m.seen.state(k))", "(states >> k.state())", rosterPkg, oracle},
		{"orders go by what is shown", "internal/roster/lens.go", "	return l.roles[k%classes]\n", "	return k.role()\n", rosterPkg, oracle},
		{"what is hidden is not listed", "internal/roster/filter.go", "m.seen.hides(k) || ", "", rosterPkg, oracle},
		{"a new admin counts in his groups", "internal/roster/builder.go", "if known && administered != (c.role(i) == roleAdmin) {", "if known && administered && false {", pkg, "TestGroups$"},
		{"a rule about a type of user is about no other", "internal/approval/approval.go", "(len(when.UserTypes) == 0 || common(when.UserTypes, op.Users)) &&", "(len(when.UserTypes) == 0 || true) &&", enginePkg, "TestARuleMaySpeakOfATypeOfUser"},
		{"who comes into being in a batch has a type", "internal/engine/governed.go", "} else if t, ok := s.made[id]; ok {", "} else if t, ok := s.made[id]; ok && false {", enginePkg, "TestARuleMaySpeakOfATypeOfUser"},
		{"ten tokens of an end user", credentials, "		limit = countersign.MaxEndUserTokens\n", "		limit *= 1\n", enginePkg, "TestAnEndUserHasTenTokens"},
		{"tokens that are over do not count", credentials, "u.Type != countersign.EndUser || l.w.now.Before(c.ExpiresAt)", "true", enginePkg, "TestAnEndUserHasTenTokens"},
	}
}
