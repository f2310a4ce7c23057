package main

// rulebook are the rules of docs/rules.md that no table beside this one removes,
// and the lessons of others, each taken out once.
func rulebook() []rule {
	const separate, submit, decide = "internal/engine/separate.go", "internal/engine/submit.go", "internal/engine/decide.go"
	const tally, approvals = "internal/approval/tally.go", "internal/approval/approval.go"
	const verify, clientPkg, cmdPkg = "client/verify.go", "./client", "./cmd/countersign"
	bypass := func(letter string) string { return "TestBypass/sqlite/" + letter + "_" }
	const inventory, native = "TestEveryRouteIsInTheInventory|TestRoutesThat", "internal/dialect/native/routes.go"
	return []rule{
		{"what touches approvers is never free", approvals, "	return !op.Approvers &&\n		(len", "	return (len", enginePkg, "TestNothingThatMakesOrUnmakesAnApproverIsFree"},
		{"the loosest of a batch does not count for all", approvals, "needsDefault = needsDefault || !spoken", "needsDefault = needsDefault && !spoken", enginePkg, "TestABatchNeedsWhatItsOperationsNeed"},
		{"a batch is judged by the rules there are", submit, "asked := w.ask(organization, ops)", "for _, op := range ops {\n		if put, is := op.(*countersign.PutPolicy); is {\n			organization.Policy = put.Policy\n		}\n	}\n	asked := w.ask(organization, ops)", enginePkg, "TestABatchIsNotJudgedByTheRulesItBrings"},
		{"a policy is put apart from its approvers", separate, "	return w.checkSources(ops)\n", "	return nil\n", enginePkg, "TestAPolicyIsNotPutTogetherWithItsApprovers"},
		{"nobody moves approvers in another's name", separate, "	if err := w.checkOwnName(ops); err != nil {", "	if err := w.checkOwnName(nil); err != nil {", enginePkg, "TestNobodyMovesApproversInTheNameOfAnother"},
		{"what cannot be reached is said", tally, "tally.Short, tally.Reachable = short, !found", "tally.Short, tally.Reachable = short, true", approvalPkg, "TestVotes|TestWhatIsCounted"},
		{"health counts the requester out", "internal/approval/prove.go", "Spare: n - 1 - clause.Need", "Spare: n - clause.Need", enginePkg, "TestThePolicySaysHowItStands"},
		{"who asked before does not approve what replaces it", submit, "slices.Concat(replaced.Excluded, []countersign.UserID{replaced.RequesterPerson, replaced.Requester})", "replaced.Excluded[:0]", enginePkg, "TestWhoIsExcludedFromWhatAnAccountAsks"},
		{"auditors have no part", "policy_ready.go", "	acts := []Permission{ChangesApprove, EmergencySuspend,", "	acts := []Permission{EmergencySuspend,", ".", "TestReadyMadePoliciesKeepAuditorsApart"},
		{"a key is one person's", "internal/store/sqlstore/migrations/sqlite/00006_approval_keys.sql", "create unique index credentials_approval_key", "create index credentials_approval_key", enginePkg, "TestAKeyIsEnrolledOnce/sqlite"},
		{"no key for which anybody can sign", "internal/engine/prepare.go", "if provesNothing(k) {", "if false {", enginePkg, "TestAKeyForWhichAnybodyCanSignIsRefused"},
		{"signatures are asked in known words", "policy_validate.go", "case r.Signed != \"\" && r.Signed != SigningOptional", "case false && r.Signed != SigningOptional", enginePkg, "TestSignaturesAreAskedInWordsThatMeanSomething"},
		{"a statement is of its organization", "internal/statement/statement.go", "		{\"organization\", s.Organization, want.Organization},\n", "", enginePkg, "TestASignatureIsGoodForOneVoteOnly"},
		{"a rule that guards nothing is named", "internal/engine/policy.go", "append(append(findings, v.lintScope(p)...), present...)", "append(findings, present...)", enginePkg, "TestTheLinterNamesWhatARuleCannotGuard"},

		{"bypass a: a request keeps what it was asked", "internal/engine/changes.go", "		required = approval.And(required, approval.Required(organization.Policy, ops).Requirement)\n", "		required = approval.Required(organization.Policy, ops).Requirement\n", cmdPkg, bypass("a")},
		{"bypass b: an account is its person's", "internal/authn/authn.go", "actor.ResponsiblePerson = person.ID", "_ = person", cmdPkg, bypass("b")},
		{"bypass c: votes are for one digest", decide, "if v.Digest != request.Digest {", "if false {", cmdPkg, bypass("c")},
		{"bypass d: no role approves its own", tally, "&& !slices.Contains(excluded, person)", "", cmdPkg, bypass("d")},
		{"bypass e: every entry is governed", submit, "case asked.Requirement.Free():", "case asked.Requirement.Free() || len(ops[0].Kind()) > 0 && w.actor.Method == countersign.ByAccessToken:", cmdPkg, bypass("e")},
		{"bypass f: two callers are nobody", "internal/dialect/native/call.go", "	if len(values) != 1 {\n		return \"\", countersign.E(countersign.Unauthenticated, \"Authorization\", \"Send one", "	if len(values) == 0 {\n		return \"\", countersign.E(countersign.Unauthenticated, \"Authorization\", \"Send one", cmdPkg, bypass("f")},
		{"bypass g: people are counted, not groups", tally, "if c.Exclusive {", "if false {", cmdPkg, bypass("g")},
		{"bypass h: a default asks somebody", "policy_validate.go", "	if p.Default.Free() {\n", "	if false {\n", cmdPkg, bypass("h")},
		{"bypass i: a vote is for what was shown", decide, "if v.Digest != request.Digest {", "if len(v.Digest) != len(request.Digest) {", cmdPkg, bypass("i")},
		{"bypass j: a path leads to the root", verify, "		tlog.CheckRecord(hashes[1:], size, hashes[0], index, hash) != nil {", "		len(hashes) == 0 {", clientPkg, "TestFalseProofsAreNotBelieved"},
		{"bypass j: a log only grows", verify, "		tlog.CheckTree(hashes[1:], to, hashes[0], from, old[0]) != nil {", "		len(hashes) == 0 || len(old) == 0 {", clientPkg, "TestAForkIsNotBelieved"},
		{"bypass k: a member is given once", "internal/wire/decode.go", "	if err := checkShape(body); err != nil {\n		return err\n	}\n	values := refusingNull\n	if o.nullAsAbsent {\n		values = droppingNull\n	}\n	err := json.Unmarshal(body, v, ", "	_ = checkShape\n	values := refusingNull\n	if o.nullAsAbsent {\n		values = droppingNull\n	}\n	err := json.Unmarshal(body, v, jsontext.AllowDuplicateNames(true), ", cmdPkg, bypass("k")},

		{"inventory: a route nobody reviewed", native, "		d.row(\"GET\", base+\"/me\", \"getMe\", d.getMe),\n", "		d.row(\"GET\", base+\"/me\", \"getMe\", d.getMe),\n		d.row(\"POST\", base+\"/me\", \"postMe\", d.getMe),\n", cmdPkg, inventory},
		{"inventory: a read that writes", native, "d.row(\"POST\", base+\"/policy/lint\", \"lintPolicy\", d.lintPolicy)", "d.row(\"POST\", base+\"/policy/lint\", \"lintPolicy\", d.putPolicy)", cmdPkg, inventory},
		{"inventory: rows stand where the log moved them", "internal/engine/close.go", "row.WinnerID, row.ReplacedBy, row.Version = how.winner, how.successor, position", "row.WinnerID, row.ReplacedBy, row.Version = how.winner, how.successor, position-1", cmdPkg, inventory},
		{"one door: the ledger books what is written", "internal/engine/upkeep.go", "			return tx.Forget(ctx, e.instant().Add(-countersign.IdempotencyLife), most)\n", "			_ = tx.PutUser\n			return tx.Forget(ctx, e.instant().Add(-countersign.IdempotencyLife), most)\n", ".", "TestOnlyTheEngineWritesAndOnlyByItsLedger"},
		{"one door: no other way to begin", "internal/engine/upkeep.go", "		due := e.applyDue(ctx, p.org, p.picture.Load())\n", "		due := e.applyDue(ctx, p.org, p.picture.Load())\n		_ = e.mutate\n", ".", "TestTheDoorsAreTheseAndNoOther"},
	}
}
