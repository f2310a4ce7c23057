package main

// signatures are the rules of signed approvals.
func signatures() []rule {
	const signed, form, tally = "internal/engine/signed.go", "internal/statement/statement.go", "internal/approval/tally.go"
	const once, cli, examine = "TestASignatureIsGoodForOneVoteOnly", "cmd/countersign/changes_sign.go", "cmd/countersign/changes_examine.go"
	return []rule{
		{"signature: it is verified", signed, "if err := statement.Verify(key.PublicKey, []byte(v.Statement), v.Signature); err != nil {", "if key.PublicKey == \"\" {\n		var err error", enginePkg, once},
		{"signature: every word is compared", signed, "if member := said.Differs(want); member != \"\" {", "if member := said.Differs(want); member == \"v\" {", enginePkg, once},
		{"signature: the nonce is the server's", signed, "|| string(given.Body) != said.Nonce ", "", enginePkg, once},
		{"signature: a nonce works once", "internal/engine/settle.go", "	if v.Statement != \"\" {\n		if err := w.keepNonce", "	if false {\n		if err := w.keepNonce", enginePkg, "TestANonceIsGoodForOneVote"},
		{"signature: a statement is short-lived", signed, "w.now.Add(-countersign.StatementLife)", "w.now.Add(-2 * countersign.StatementLife)", enginePkg, once},
		{"signature: the head is of this log", signed, "!= seen.Root {", "== \"\" {", enginePkg, once},
		{"signature: no head to come", signed, "seen.Size < 1 || seen.Size > head.Size", "seen.Size < 1", enginePkg, once},
		{"signature: the key is the voter's", signed, " || key.UserID != w.actor.User", "", enginePkg, once},
		{"signature: a revoked key signs nothing", signed, " || !key.WorksAt(w.now)", "", enginePkg, "TestARevokedKeySignsNothing"},
		{"signature: a revoked key has signed nothing", "internal/engine/changes.go", " || a.Statement != \"\" && revoked(statement.Key(a.Statement))", "", enginePkg, "TestWhatARevokedKeySignedIsVoid"},
		{"signature: it is verified again", signed, "		statement.Verify(key.PublicKey, []byte(a.Statement), a.Signature) == nil, nil", "		true, nil", enginePkg, "TestAVoteThatWasRewrittenInTheDatabaseDoesNotCount"},
		{"signature: what is asked for counts alone", tally, "a.Decision == countersign.Approve && c.Signed && a.Signature == \"\"", "false", enginePkg, "TestAnUnsignedApprovalIsVoidOnceSignaturesAreAsked"},
		{"signature: an unsigned one is refused", signed, "if !c.Signed || v.Decision", "if true || v.Decision", enginePkg, "TestWhereSignaturesAreAskedOthersDoNotCount"},
		{"signature: asked of who can sign", "internal/engine/lockout.go", " || signed && !has(countersign.ApprovalKey)", "", enginePkg, "TestSignaturesAreNotAskedOfWhoHasNoKey"},
		{"signature: one form is read", form, "if err != nil || !bytes.Equal(again, raw) {", "if err != nil {", "./internal/statement", "TestOnlyOneWritingOfAStatementIsRead"},
		{"signature: one writing is taken", form, "base64.StdEncoding.Strict()", "base64.StdEncoding", "./internal/statement", "TestASignatureIsOfOneStatementByOneKey"},
		{"signature: the command line computes the digest", examine, "if out.digest != c.Digest {", "if false {", "./cmd/countersign", "TestWhatIsSignedIsWhatWasShown"},
		{"signature: the command line compares what it shows", examine, "if member, err := differs(members, c); err != nil || member != \"\" {", "if member, err := differs(members, c); err != nil {", "./cmd/countersign", "TestWhatIsSignedIsWhatWasShown"},
		{"signature: the command line reads what it signs", cli, "	if member != \"\" {\n		return client.Decision{}", "	if member == \"v\" {\n		return client.Decision{}", "./cmd/countersign", "TestWhatIsSignedIsWhatWasShown"},
		{"signature: a key is never overwritten", "cmd/countersign/keys.go", "os.O_CREATE|os.O_EXCL", "os.O_CREATE|os.O_TRUNC", "./cmd/countersign", "TestAKeyIsMadeOnceForItsOwnerAlone"},
	}
}
