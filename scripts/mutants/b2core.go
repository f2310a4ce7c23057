package main

// backOffice are the rules of the B2CORE dialect and of its sign-in.
func backOffice() []rule {
	const dialect, password = "internal/dialect/b2core", "internal/authn/password.go"
	const pkg = "./" + dialect
	return []rule{
		{"b2core: absent keeps, given replaces", dialect + "/group.go", "if u.in.Permissions.Set && !sameSet(", "if !sameSet(", pkg, "TestPutAndPatchAreOneAndPartial"},
		{"b2core: permissions are required on create", dialect + "/group.go", "if !in.Permissions.Set {", "if false {", pkg, "TestCreateNeedsNameAndPermissions"},
		{"b2core: duplicates are refused", "permission.go", "		if seen[p] {", "		if false {", pkg, "TestPermissionsAreExactAndUnique"},
		{"b2core: an unknown permission is named", "internal/engine/apply_users.go", "string(p)+\" is not in the organization's catalogue of permissions\"", "\"one is not in the organization's catalogue of permissions\"", pkg, "TestPermissionsAreExactAndUnique"},
		{"b2core: the built-in group stays", dialect + "/group.go", "	if number == builtInID {\n		return protected(\"\")\n	}\n	return d.mutate", "	return d.mutate", pkg, "TestAdministratorsAreProtected"},
		{"b2core: nobody is assigned to it", dialect + "/user_change.go", "if !administrator {", "if false {", pkg, "TestNobodyBecomesAdministratorByAssignment"},
		{"b2core: nobody is taken out of it", dialect + "/user_change.go", "if administrator && !named {", "if administrator && !named && false {", pkg, "TestNobodyBecomesAdministratorByAssignment"},
		{"b2core: it is seen by who sees groups", dialect + "/builtin.go", "return verdict.Allowed, err", "return verdict.Allowed || err == nil, err", pkg, "TestTheBuiltInGroupIsSeenByWhoSeesGroups"},
		{"b2core: active=0 is everybody", dialect + "/user.go", "\"0\", \"0\", \"1\") == \"1\"", "\"0\", \"0\", \"1\") == \"0\"", pkg, "TestFilterActive"},
		{"b2core: held is 202", dialect + "/write.go", "a.Status = http.StatusAccepted", "a.Status = m.status", pkg, "TestAHeldChangeIs202"},
		{"b2core: a pending group is not there", dialect + "/group.go", "countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupActive}}", "countersign.GroupFilter{}", pkg, "TestAHeldChangeIs202"},
		{"b2core: a pending membership is not there", dialect + "/user.go", "return g.Membership != countersign.MembershipPendingAddition", "return g.ID != \"\"", pkg, "TestAHeldChangeIs202"},
		{"b2core: a deleted group gives nothing", "internal/engine/apply_groups.go", "	return l.w.tx.RemoveMembershipsOfGroup(l.w.ctx, c.GroupID, l.position, l.w.now)", "	return nil", pkg, "TestInferredDeletionTakesWhatCameThroughTheGroup"},
		{"b2core: people get no password", dialect + "/user_change.go", "if in.Password.Set {", "if false {", pkg, "TestBadUsersAreRefusedAndNothingChanges"},
		{"b2core: the name is compared too", password, "SignInName(user.Name) != SignInName(name)", "SignInName(user.Name) == \"\"", pkg, "TestASignInTellsNotWhatWasWrong"},
		{"b2core: a password is a password", password, "credential.Type != countersign.Password || ", "", pkg, "TestASignInTellsNotWhatWasWrong"},
		{"b2core: a password that ended is none", password, "credential.Type != countersign.Password || !credential.WorksAt(a.now())", "credential.Type != countersign.Password", pkg, "TestASignInTellsNotWhatWasWrong"},
		{"b2core: a suspended account is not told of", password, "err = badSignIn() // suspended", "_ = badSignIn() // suspended", pkg, "TestASignInTellsNotWhatWasWrong"},
		{"b2core: attempts count for the name", dialect + "/signin.go", "	if err := allow(d.Names, authn.SignInName(in.Email)); err != nil {\n		return err\n	}\n", "", pkg, "TestAttemptsAreBounded"},
		{"b2core: and for the address", dialect + "/signin.go", "	if err := allow(d.Addresses, clientAddr(r).String()); err != nil {\n		return err\n	}\n	if err := allow(d.Names", "	if err := allow(d.Names", pkg, "TestAttemptsAreBounded"},
		{"b2core: a refresh token works once", "internal/authn/session_once.go", "		err := tx.UseTicket(ctx, hash, s.now())\n", "		var err error\n", pkg, "TestInferredRefreshWorksOnce"},
		{"b2core: a new user is granted what was asked", "internal/engine/planned.go", "	case *countersign.GrantPermissions:\n		if c.UserID == countersign.PrecedingUser {", "	case *countersign.GrantPermissions:\n		if false {", pkg, "TestInferredUserLifeCycle"},
		{"b2core: lists by number are verified", "internal/roster/numberwalk.go", "c.state[i] == groupActive && c.number(i) == number", "c.state[i] == groupActive", "./internal/roster", "TestPagesByNumberAreThoseOfATable"},
	}
}
