package main

// recoveries are the rules of recovery keys, of the seal and of drills.
func recoveries() []rule {
	const keys, open, apply, may = "internal/engine/recovery.go", "internal/engine/recovery_open.go", "internal/engine/apply_recovery.go", "internal/access/recovery.go"
	const refused, stop, once = "TestARecoveryIsRefused", "TestWhoMayStopARecovery", "TestAStatementOpensOneRecovery"
	const words = "internal/statement/recovery.go"
	const replays, notices = "./internal/replay", "TestTheReplayNoticesRecoveries"
	return []rule{
		{"recovery: enough keys sign", keys, "len(signatures) < set.Need || ", "", enginePkg, refused},
		{"recovery: enough keys sign, the replay sees", keys, "len(signatures) < set.Need || ", "", replays, notices},
		{"recovery: each key signs once", keys, "		delete(known, s.Key)\n", "", enginePkg, refused},
		{"recovery: each key signs once, the replay sees", keys, "		delete(known, s.Key)\n", "", replays, notices},
		{"recovery: signatures are verified", keys, "if statement.VerifyRecovery(public, []byte(raw), s.Signature) != nil {", "if public == \"\" {", enginePkg, refused},
		{"recovery: signatures are verified, the replay sees", keys, "if statement.VerifyRecovery(public, []byte(raw), s.Signature) != nil {", "if public == \"\" {", replays, notices},
		{"recovery: what is signed is what is asked", words, `{"request", s.Request, want.Request}`, `{"request", want.Request, want.Request}`, enginePkg, refused},
		{"recovery: signed for this organization", words, `{"organization", s.Organization, want.Organization}`, `{"organization", want.Organization, want.Organization}`, enginePkg, refused},
		{"recovery: a statement is short-lived", keys, " || !now.Before(issued.Add(countersign.RecoveryStatementLife))", "", enginePkg, refused},
		{"recovery: a statement opens one", keys, "		last = max(last, e.Index+1)\n", "", enginePkg, once},
		{"recovery: one at a time", open, "	if other, is := openRecovery(w.picture, w.now); is {", "	if other, is := openRecovery(w.picture, w.now); is && false {", enginePkg, once},
		{"recovery: the log is this one", open, "	if err := w.checkSeen(said.Seen); err != nil {", "	if err := w.checkSeen(said.Seen); err != nil && false {", enginePkg, refused},
		{"recovery: nothing is normalized away", open, "err != nil || !same {", "err != nil || !same && false {", enginePkg, "TestARecoveryDoesNothingElse"},
		{"recovery: it does nothing else", may, "	default:\n		return countersign.Code", "	default:\n		return nil\n	case nil:\n		return countersign.Code", "./internal/access", "TestWhatRecoveryKeysMayHaveDone"},
		{"recovery: it moves admins alone", may, "if (from == countersign.RoleAdmin) == (to == countersign.RoleAdmin) {", "if from == to {", enginePkg, "TestARecoveryDoesNothingElse"},
		{"recovery: it invites admins alone", may, "c.Role != countersign.RoleAdmin || ", "", "./internal/access", "TestWhatRecoveryKeysMayHaveDone"},
		{"recovery: it lets admins in alone", apply, " || old.Role != countersign.RoleAdmin", "", enginePkg, "TestARecoveryDoesNothingElse"},
		{"recovery: no freeze stops it", "internal/engine/freeze.go", `request.Ratifies != "" || request.Recovery != nil ||`, `request.Ratifies != "" ||`, enginePkg, "TestARecoveryEndsAFreeze"},
		{"recovery: it waits", "recovery.go", "		DelaySeconds: int64(s.Delay() / time.Second),\n", "", enginePkg, "TestALockedOrganizationIsLetIn"},
		{"recovery: the keys must still be these", open, "	l.rely(countersign.RecoveryFact(), organization.RecoveryVersion)\n", "", enginePkg, stop},
		{"recovery: it is verified again", open, "err != nil || said.RecoveryVersion != organization.RecoveryVersion || said.Organization != string(organization.ID)", "err != nil && said.V < 0", enginePkg, "TestAStoredRecoveryIsVerifiedAgain"},
		{"recovery: whom it is about may deny it", open, "	c.Approvals, c.Digest = standing(picture, request), request.Digest\n	return weighed{c, request.Requirement}", "	c.Approvals, c.Digest = standing(picture, request), request.Digest\n	for _, op := range request.Operations {\n		c.Excluded = append(c.Excluded, approval.Subjects(op)...)\n	}\n	return weighed{c, request.Requirement}", enginePkg, stop},
		{"recovery: nobody cancels it", "internal/engine/close.go", "		if request.Recovery != nil {\n", "		if false {\n", enginePkg, stop},
		{"recovery: nobody approves it", "internal/engine/decide.go", "request.Recovery != nil && v.Decision == countersign.Approve", "false", enginePkg, stop},
		{"recovery: whoever repeats it has it carried out", open, "is && open.Recovery.Statement == r.Statement {", "is && false {", enginePkg, "TestWhoRepeatsARecovery"},
		{"recovery: its entries are its own", "internal/engine/settle.go", "		kind = countersign.EntryRecoveryApplied\n", "", enginePkg, "TestALockedOrganizationIsLetIn"},
		{"recovery: the keys pass what the policy passes", "internal/engine/governed.go", "out = append(out, s.of(op), put)", "_ = put\n			out = append(out, s.of(op))", enginePkg, "TestTheRecoveryKeysChangeAsThePolicyDoes"},
		{"recovery: the keys pass what the policy passes, the replay sees", "internal/engine/governed.go", "out = append(out, s.of(op), put)", "_ = put\n			out = append(out, s.of(op))", replays, notices},
		{"recovery: one change of the keys at a time", "internal/engine/submit.go", "{countersign.KindPolicyPut, countersign.KindRecoveryReplace} {", "{countersign.KindPolicyPut} {", enginePkg, "TestTheRecoveryKeysChangeAsThePolicyDoes"},
		{"recovery: two keys at least", "recovery.go", "if s.Need < MinRecoveryKeys || ", "if s.Need < 1 || ", enginePkg, "TestASealNames"},
		{"recovery: the same key counts once", apply, "		if seen[fingerprint] {", "		if false {", enginePkg, "TestASealNames"},
		{"recovery: a signature is no vote", words, "recoveryWrapping = \"countersign-recovery-v1\"", "recoveryWrapping = wrapping", "./internal/statement", "TestARecoveryIsSignedAsNothingElse"},
		{"recovery: the command line signs what it shows", "cmd/countersign/recovery_sign.go", "	if member := said.Differs(want); member != \"\" {", "	if member := said.Differs(want); member == \"v\" {", "./cmd/countersign", "TestARecoveryGoesFromFileToFile"},
		{"seal: keys, or the risk", "internal/engine/apply_organization.go", "o.Recovery.IsZero() && !o.Policy.Accepts(countersign.RiskNoRecoveryKeys)", "false", enginePkg, "TestASealNames"},
		{"drill: it asks what its rule asks", "internal/approval/approval.go", "return rule.ID == op.Rule && !rule.Requirement.Free()", "return !rule.Requirement.Free()", approvalPkg, "TestADrillAsksWhatItsRuleAsks"},
		{"drill: not before the seal", apply, "	if !old.Sealed() {", "	if false {", enginePkg, "TestADrillShows"},
		{"drill: of this policy", apply, "	l.rely(countersign.PolicyFact(), old.PolicyVersion)\n", "", enginePkg, "TestADrillOfNothing"},
		{"drill: due after a quarter", "internal/engine/policy.go", "v.now.After(drill.At.Add(countersign.DrillInterval))", "drill.At.IsZero()", enginePkg, "TestADrillShows"},
	}
}
