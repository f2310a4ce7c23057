package main

// signed are the rules of signed requests and of what their API shows.
func signed() []rule {
	const signature, nonces = "internal/authn/signature.go", "internal/authn/nonces.go"
	const planned, dialect = "internal/engine/planned.go", "internal/dialect/fireblocks"
	const pkg = "./" + dialect
	return []rule{
		{"signed: no key that comes with the token", signature, "&h, json.RejectUnknownMembers(true))", "&h)", pkg, "TestTokenAttacks"},
		{"signed: the letters of a token", signature, " || strings.IndexFunc(text, notInToken) >= 0", "", pkg, "TestTokenAttacks"},
		{"signed: the signature is checked", signature, "if _, err := t.signature.Verify(key); err != nil {", "if key == nil {", pkg, "TestTokenAttacks"},
		{"signed: an expired key is over", signature, "if !c.WorksAt(now) {", "if !c.WorksAt(now) && false {", pkg, "TestKeysOverlapAndExpire"},
		{"signed: a revoked key is none", signature, "c.Type != countersign.SigningKey || c.State != countersign.CredentialActive", "c.Type != countersign.SigningKey", pkg, "TestAKeyStopsAtOnce"},
		{"signed: sub is the API key", signature, "!ok || subject != r.APIKey[0]", "!ok || subject == \"\"", pkg, "TestTokenAttacks"},
		{"signed: uri is the target", signature, "!ok || !sameTarget(uri, r.Target, r.Mount)", "!ok || uri == \"\"", pkg, "TestTheTargetIsComparedAsItWasSent"},
		{"signed: exp is an end", signature, "case !expires.After(now):", "case expires.Before(now):", pkg, "TestTokenAttacks"},
		{"signed: iat is not far ahead", signature, "issued.After(now.Add(maxAhead))", "issued.After(now.Add(2 * maxAhead))", pkg, "TestTokenAttacks"},
		{"signed: a token's life is short", signature, "case life > maxSignedLife || life <= 0:", "case life <= 0:", pkg, "TestTokenAttacks"},
		{"signed: the body is hashed", signature, "hash != hex.EncodeToString(sum[:])", "hash == hex.EncodeToString(sum[:1])", pkg, "TestTokenAttacks"},
		{"signed: addresses are compared", signature, " || !allowed(user.AllowedIPs, from)", "", pkg, "TestAKeyStopsAtOnce"},
		{"signed: a nonce works once", nonces, "if _, before := n.old.seen[nonce]; used || before {", "if _, before := n.old.seen[nonce]; used && before {", pkg, "TestANonceWorksOnce"},
		{"signed: a generation of nonces is kept", nonces, "n.old, n.now = n.now, newGeneration(now)", "n.old, n.now = newGeneration(now), newGeneration(now)", "./internal/authn", "TestNoncesAreForgottenInTime"},
		{"signed: a wait is shorter than a token's life", dialect + "/errors.go", "min(max(seconds, 1), longestWait)", "max(seconds, 1)", pkg, "TestTheWaitIsShort"},
		{"signed: a refused caller keeps his nonce", dialect + "/call.go", "countersign.Unavailable, countersign.Forbidden:", "countersign.Unavailable:", pkg, "TestARefusedCallerKeepsHisNonce"},
		{"signed: a write's nonce outlives the process", planned, "if err == nil {\n		return countersign.Code(countersign.Unauthenticated, CodeNonceSpent", "if false {\n		return countersign.Code(countersign.Unauthenticated, CodeNonceSpent", pkg, "TestAWriteIsNotRepeatedAfterARestart"},
		{"signed: a signer is tested again", "internal/engine/work.go", "case countersign.ByToken, countersign.BySignature, countersign.ByAccessToken:", "case countersign.ByToken, countersign.ByAccessToken:", enginePkg, "TestASignerIsTestedAgainUnderTheLock"},
		{"signed: an internal error ends the key", planned, "p.FailureEndsKey && ", "false && ", pkg, "TestAfterAnInternalErrorTheKeyIsOver"},
		{"signed: one change waits at a time", dialect + "/group.go", "if group.PendingChange != \"\" {", "if false {", pkg, "TestOneChangeWaitsAtATime|TestTheStateTable"},
		{"signed: a VIEWER joins no group", dialect + "/group.go", "case isViewer(now, &u.User):", "case false:", pkg, "TestMembersThatStayKeepWhatTheyAre"},
		{"signed: who stays is not asked again", dialect + "/group.go", "if present[id] {\n			continue", "if false {\n			continue", pkg, "TestMembersThatStayKeepWhatTheyAre"},
		{"signed: pending members are not shown", dialect + "/group_list.go", "|| list[i].State != countersign.MembershipPendingAddition", "|| true", pkg, "TestAPendingUpdateAnswersWhatIsProposed"},
		{"signed: only administrators", dialect + "/call.go", "if who == administrators {", "if false {", pkg, "TestOnlyAdministratorsMayCall"},
		{"signed: one key for all operations", dialect + "/write.go", "Route: onceRoute, Key", "Route: c.r.URL.Path, Key", pkg, "TestAKeyIsForOneRequestOfOneCaller"},
		{"signed: an empty list is a list", dialect + "/group_list.go", "_, _ = c.w.Write([]byte(\"[]\"))", "_, _ = c.w.Write([]byte(\"null\"))", pkg, "TestTheEmptyListIsAList"},
		{"signed: a delete has no body", dialect + "/group.go", "done: nothing(http.StatusNoContent),", "done: nothing(http.StatusOK),", pkg, "TestTheStatusesAreExactlyThePublishedOnes"},
	}
}
