package main

const (
	enginePkg = "./internal/engine"
	replayPkg = "./internal/replay"
	walks     = "TestRandomWalks$"
	notices   = "TestTheReplayNotices"
)

// engineRules are held by the tables of the engine's own tests.
func engineRules() []rule {
	const work, ledger = "internal/engine/work.go", "internal/engine/ledger.go"
	const submit, prepare, apply = "internal/engine/submit.go", "internal/engine/prepare.go", "internal/engine/apply.go"
	const users, groups = "internal/engine/apply_users.go", "internal/engine/apply_groups.go"
	const credentials, organization = "internal/engine/apply_credentials.go", "internal/engine/apply_organization.go"
	return []rule{
		{"an end in bulk is booked", users, "	l.move(countersign.MembershipFact(m.UserID, m.GroupID), m.Version, membershipFields(m), membershipFields(gone))\n", "	_ = gone\n", enginePkg, "TestWhatEachKindDoes"},
		{"a deletion ends memberships", users, "	if err := l.leaveAll(c.UserID); err != nil {\n		return err\n	}\n", "", enginePkg, "TestWhatEachKindDoes"},
		{"a deletion ends credentials", users, "	return l.revokeAll(c.UserID)\n}\n\n// leaveAll", "	return nil\n}\n\n// leaveAll", enginePkg, "TestDeletingAndResettingEndCredentials"},
		{"a membership that begins again says everything", ledger, "&& from == 0 && isEmpty(value)", "&& isEmpty(value)", replayPkg, "TestALogTellsTheDirectory"},
		{"the owner of a credential has no vote on its end", credentials, "	l.subjects = append(l.subjects, old.UserID)\n", "", enginePkg, "TestWhatNeedsWhoseApproval"},
		{"a batch does not rely on itself", groups, "		version = before\n", "		_ = before\n", enginePkg, "TestABatchDoesNotRelyOnItself"},
		{"what changes nothing yet is relied upon", users, "	l.rely(countersign.UserPermissionsFact(old.ID), old.PermissionsVersion)\n", "", enginePkg, "TestWhatChangesNothingYetIsReliedUpon"},
		{"names are bounded as stored", prepare, "if len(cleaned) > countersign.MaxNameLength {", "if false {", enginePkg, "TestNamesAreBoundedAsTheyAreStored"},
		{"what the batch gives is in use", organization, " || l.gives(c.Permission)", "", enginePkg, "TestABatchDoesNotGetAroundARule"},
		{"allotted fields are refused", prepare, "		if named {", "		if false && named {", enginePkg, "TestAllottedFieldsAreRefusedByName"},
		{"only members' types join", groups, "if !u.Type.CanHoldMembership() {", "if false {", enginePkg, "TestWhatIsRefused"},
		{"permissions are known", users, "if isKind(err, countersign.NotFound) || (err == nil && entry.Removed) {", "if false && entry.Removed {", enginePkg, "TestWhatAChangeNamesMustExist"},
		{"what is deleted is not changed", users, "(err == nil && !u.Living())", "false", enginePkg, "TestWhatAChangeNamesMustExist"},
		{"RSA keys are long", prepare, "const minRSABits = 2048", "const minRSABits = 1024", enginePkg, "TestWhichKeysAreTaken"},
		{"a signing request proves its key", prepare, "|| request.CheckSignature() != nil", "", enginePkg, "TestWhichKeysAreTaken"},
		{"a code works once", credentials, "	spent.State = countersign.CredentialRedeemed\n", "", enginePkg, "TestACodeWorksOnceWithinADay"},
		{"a code works for a day", credentials, "ExpiresAt: l.w.now.Add(countersign.EnrolmentCodeLife)", "ExpiresAt: l.w.now.Add(2 * countersign.EnrolmentCodeLife)", enginePkg, "TestACodeWorksOnceWithinADay"},
		{"a new code replaces the old", credentials, "	if err := l.revokeAll(u.ID); err != nil {\n		return err\n	}\n	if err := l.putUser", "	if err := l.putUser", enginePkg, "TestACodeWorksOnceWithinADay"},
		{"a key answers one request", work, "if [32]byte(r.Fingerprint) != w.o.Once.Fingerprint {", "if false {", enginePkg, "TestAKeyIsAnsweredOnce"},
		{"a key is kept for a day", work, "w.now.Add(-countersign.IdempotencyLife)", "w.now.Add(-2*countersign.IdempotencyLife)", enginePkg, "TestAKeyIsNewAfterADay"},
		{"an answer commits with its change", work, "	if err := w.remember(result, w.late); err != nil {\n		return Result{}, nil, err\n	}\n", "", enginePkg, "TestAnAnswerLostAfterTheCommit"},
		{"an unknown outcome is looked up", "internal/engine/group.go", "		p.doubtful.Store(true)\n		_ = e.follow(ctx, p)\n", "		_ = ctx\n", enginePkg, "TestAnAnswerLostAfterTheCommit"},
		{"a dry run stores nothing", work, "return result, nil, errNothingStored", "return result, nil, nil", enginePkg, "TestADryRunLeavesNoTrace"},
		{"a refused dry run is not remembered", work, "o.Once != nil && !o.DryRun && ", "o.Once != nil && ", enginePkg, "TestARefusedDryRunIsNotRemembered"},
		{"a kept answer has no secrets", work, "	result.Secrets = withoutValues(result.Secrets)\n", "", enginePkg, "TestSecretsAreNotKeptForReplay"},
		{"If-Match is compared", submit, "if version != w.o.IfMatch {", "if false && version != w.o.IfMatch {", enginePkg, "TestAChangeMayRelyOnAVersion"},
		{"If-Match sees every object", apply, "	case *countersign.RemovePermission:\n		return permission(c.Permission)\n", "", enginePkg, "TestAChangeMayRelyOnAVersion"},
		{"who answers is asked under the lock", work, "u.ResponsiblePersonID != w.actor.Person()", "false", enginePkg, "TestWhoAnswersIsAskedUnderTheLock"},
		{"what is required depends on the requester", "internal/engine/changes.go", "governed(picture, request.Operations, request.Requester, now)", "governed(picture, request.Operations, \"\", now)", enginePkg, "TestWhatARequestNeedsDependsOnItsRequester"},
	}
}

// replayed are rules whose breach nobody tests for: random walks break them, and
// the replay of the log says so.
func replayed() []rule {
	const approval, submit, decide, ledger = "internal/approval/approval.go", "internal/engine/submit.go", "internal/engine/decide.go", "internal/engine/ledger.go"
	return []rule{
		{"replay: who asked does not count", "internal/approval/tally.go", "&& !slices.Contains(excluded, person)", "", enginePkg, walks},
		{"replay: only the eligible count", "internal/approval/tally.go", "slices.Contains(c.Now, person) && ", "", replayPkg, notices},
		{"replay: only the pool counts", "internal/approval/tally.go", "for _, person := range c.Pool {", "for _, person := range c.Now {", replayPkg, notices},
		{"replay: as many as needed", "internal/approval/tally.go", "have[i] >= clause.Clause.Need\n", "have[i]+1 >= clause.Clause.Need\n", enginePkg, walks},
		{"replay: a denial ends it", "internal/approval/tally.go", "tally.Denied = tally.Denials >= max(c.Veto, 1)", "tally.Denied = false", enginePkg, walks},
		{"replay: all rules that match", approval, "spoken, matched[rule.ID] = true, true", "spoken, matched[rule.ID] = true, len(matched) == 0", replayPkg, notices},
		{"replay: rules tighten", "internal/engine/changes.go", "	if organization.Sealed() {\n		required = approval.And", "	if false {\n		required = approval.And", replayPkg, notices},
		{"replay: sealed means governed", submit, "if !organization.Sealed() {\n		return approval.Asked{}", "if true {\n		return approval.Asked{}", enginePkg, walks},
		{"replay: subjects", submit, "		out = append(out, approval.Subjects(op)...)\n", "		_ = op\n", enginePkg, walks},
		{"replay: a moved fact makes stale", submit, "		if id == winner {", "		if true {", enginePkg, walks},
		{"replay: nothing after its expiry", decide, "	if state := request.StateAt(w.now); !state.Open() {\n		if settledBy(", "	if state := request.State; !state.Open() {\n		if settledBy(", enginePkg, walks},
		{"replay: who left asks nothing", ledger, "l.deactivated = append(l.deactivated, u.ID)", "_ = u", enginePkg, walks},
		{"replay: times do not go back", "internal/engine/work.go", "	if now.Before(head.Time) {\n", "	if false && now.Before(head.Time) {\n", replayPkg, notices},
		{"replay: rows are those of the log", ledger, "u.Version, u.ModifiedAt = l.position, l.w.now\n", "u.Version, u.ModifiedAt, u.Name = l.position, l.w.now, u.Name+\".\"\n", enginePkg, walks},
		{"replay: personal data is hidden", "internal/canon/canon.go", "		case member != nil && slices.Contains(c.personal, key):", "		case member != nil && key != \"label\" && slices.Contains(c.personal, key):", enginePkg, walks},
	}
}
