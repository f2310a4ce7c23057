package main

// importRules are what makes an import no way around anything.
func importRules() []rule {
	const imports, submit = "internal/engine/import.go", "internal/engine/submit.go"
	const users, members = "internal/engine/apply_import_users.go", "internal/engine/apply_import_members.go"
	return []rule{
		{"import: its digest is that of its place", imports, "case found.Open.Batches[batch.Index].Digest != batch.Digest:", "case false:", enginePkg, "TestWhatABatchMustBe"},
		{"import: only who opened it", imports, "case found.Change.Requester != w.actor.User:", "case false:", enginePkg, "TestWhatABatchMustBe"},
		{"import: not before it is approved", imports, "case found.Change.State != countersign.ChangeApplied:", "case false:", enginePkg, "TestAnImportWaitsForApproval"},
		{"import: a day", imports, "ClosedAt.Add(countersign.ImportLife)) {", "ClosedAt.Add(2 * countersign.ImportLife)) {", enginePkg, "TestABatchIsTakenInOnce"},
		{"import: not from before the seal", imports, "case request.Bootstrap:", "case false:", enginePkg, "TestAnImportEndsWhenMoreIsAsked"},
		{"import: not under a policy that asks more", imports, "!reflect.DeepEqual(as, now)", "false && !reflect.DeepEqual(as, now)", enginePkg, "TestAnImportEndsWhenMoreIsAsked"},
		{"import: the counts declared", imports, "case rows.Counts() != open.Batches[batch.Index].Counts:", "case false:", enginePkg, "TestRowsAreWhatTheImportDeclares"},
		{"import: the permissions declared", imports, "if !slices.Contains(open.Permissions, p) {", "if false {", enginePkg, "TestRowsAreWhatTheImportDeclares"},
		{"import: the salt declared", imports, "case rows.Salt != open.Salt:", "case false:", enginePkg, "TestRowsAreWhatTheImportDeclares"},
		{"import: what comes again is answered", submit, "err != nil || before != nil {", "err != nil {", enginePkg, "TestABatchIsTakenInOnce"},
		{"import: needs what its rows need", "internal/engine/governed.go", "		out = append(out, op)\n	}\n	return out", "		_ = op\n	}\n	return out", enginePkg, "TestWhatAnImportNeeds"},
		{"import: asks for what its rows ask", "internal/access/access.go", "		if !holds(need) {\n			return missing(need)\n		}\n	}\n	return nil\n}\n\n// implied are", "		_ = need\n	}\n	return nil\n}\n\n// implied are", enginePkg, "TestAnImporterMustStillBeAllowedTo"},
		{"import: emails are unique", users, "if _, taken := people[key]; taken {", "if false {", enginePkg, "TestARowThatIsRefusedEndsItsBatch"},
		{"import: a pair is made once", members, "if met && !before.Removed {", "if met && false {", enginePkg, "TestARowThatIsRefusedEndsItsBatch"},
		{"import: moves what others rely on", members, "waiting > 0)", "waiting < 0)", enginePkg, "TestAnImportMovesWhatOthersRelyOn"},
		{"import: every row is booked", users, "	in.starts(countersign.UserStateFact(u.ID), userState(*u))\n", "", enginePkg, "TestAnImportMakesWhatSingleChangesWouldMake"},
	}
}
