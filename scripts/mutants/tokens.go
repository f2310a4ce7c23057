package main

// tokens are the rules of short-lived tokens, of OAuth clients and of acting for
// somebody else.
func tokens() []rule {
	const session, once = "internal/authn/session.go", "internal/authn/session_once.go"
	const client, assertion = "internal/authn/client.go", "internal/authn/assertion.go"
	const delegate, ticket = "internal/access/delegate.go", "internal/store/sqlstore/ticket.go"
	const authnPkg, boxPkg, storePkg = "./internal/authn", "./internal/dialect/box", "./internal/store/sqlstore"
	const ends, forged, attacks = "TestATokenEndsWithWhatItRestsOn", "TestTokensAreForgedByNobody", "TestAssertionAttacks"
	const bothMay, decides = "TestWhoActsForAnotherMayDoWhatBothMay", "TestNobodyDecidesForAnother"
	return []rule{
		{"tokens: an API honours its own", session, "t.Audience != s.audience.Name || ", "", authnPkg, forged},
		{"tokens: each kind is for itself", session, "t.Kind != kind || ", "", authnPkg, "TestAJWTIsAShapeOnly"},
		{"tokens: they expire", session, " || !s.now().Before(t.ExpiresAt)", "", authnPkg, "TestTokensExpire"},
		{"tokens: they rest on a credential", session, " || !credential.WorksAt(now)", "", authnPkg, ends},
		{"tokens: and on the person's own, if he let it be", session, "if !consented(picture, t, now) {", "if false {", authnPkg, "TestASessionEndsWithTheTokenThatLetItBe"},
		{"tokens: acting for another is asked anew", session, "actor.Subject != \"\" && engine.ActFor(picture, actor, actor.Subject, now) != nil", "false", authnPkg, ends},
		{"tokens: an assertion is used up", session, "			if err := tx.AddTicket(ctx, mark, maxTickets); err != nil {", "			if mark.Kind == \"\" {\n				err := error(nil)", authnPkg, "TestAMarkIsUsedUpWithWhatItGives"},
		{"tokens: a refresh token is its client's", once, "	if t.Credential != credential {\n		return Issued{}, badGrant()\n	}\n	return s.exchange", "	return s.exchange", authnPkg, "TestARefreshTokenWorksOnce"},
		{"tokens: reuse ends the session", once, "return tx.EndTicket(ctx, family)", "return nil", authnPkg, "TestARefreshTokenWorksOnce"},
		{"tokens: a code that comes twice ends it", once, "errors.Join(s.end(ctx, org, family[:]), badGrant())", "badGrant()", authnPkg, "TestACodeWorksOnce"},
		{"tokens: a code is used up", once, "return tx.UseTicket(ctx, t.Hash, s.now()) })", "return nil })", authnPkg, "TestACodeWorksOnce"},
		{"tokens: only its client revokes one", once, "case t.Credential != credential || ", "case ", authnPkg, "TestRevoking"},
		{"tokens: revoking ends the session", once, "case len(t.Family) > 0:", "case false:", authnPkg, "TestRevoking"},
		{"tokens: a session lasts while it is carried on", once, "if err := tx.ExtendTicket(ctx, t.Family, p.RefreshExpiresAt); err != nil {", "if err := error(nil); err != nil {", authnPkg, "TestASessionLastsAsLongAsItIsCarriedOn"},
		{"tokens: a ticket falls with its family", ticket, "length(t.family) = 0", "length(t.family) >= 0", storePkg, "TestConformance/sqlite/tickets"},
		{"tokens: a ticket is used once", ticket, "hash = $2 and used_at = 0`", "hash = $2`", storePkg, "TestConformance/sqlite/tickets"},
		{"tokens: there is a bound", ticket, "as living) < $14", "as living) < $14 + 1000", storePkg, "TestConformance/sqlite/tickets"},
		{"tokens: upkeep forgets them", "internal/engine/upkeep.go", "return tx.PurgeTickets(ctx, e.instant().Add(-ticketGrace), mostTickets)", "return nil", authnPkg, "TestExpiredTokensAreForgotten"},
		{"clients: the secret is compared", client, "same := subtle.ConstantTimeCompare(sum[:], credential.SecretHash) == 1", "same := subtle.ConstantTimeCompare(sum[:], credential.SecretHash) >= 0", authnPkg, "TestAClientIsKnownByIdAndSecret"},
		{"clients: a revoked one is none", client, "if !same || credential.Type != countersign.OAuthClient || !credential.WorksAt(a.now()) {", "if !same {", authnPkg, "TestAClientIsKnownByIdAndSecret"},
		{"assertions: the signature is checked", assertion, "if _, err := signature.Verify(key); err == nil {", "if key != nil {", authnPkg, attacks},
		{"assertions: a revoked key is none", assertion, "c.Type != countersign.SigningKey || !c.WorksAt(a.now())", "c.Type != countersign.SigningKey", authnPkg, attacks},
		{"assertions: no key that comes with it", assertion, "&h, json.RejectUnknownMembers(true))", "&h, json.RejectUnknownMembers(false))", authnPkg, attacks},
		{"assertions: who signed", assertion, "case issuer != clientID, ", "case issuer == \"\", ", authnPkg, attacks},
		{"assertions: for whom", assertion, "!slices.Contains(a.audiences, audience), ", "audience == \"\", ", authnPkg, attacks},
		{"assertions: at most a minute", assertion, " || expires.After(now.Add(maxAssertionLife))", "", authnPkg, attacks},
		{"assertions: not over", assertion, "!expires.After(now) || ", "", authnPkg, attacks},
		{"assertions: the length of jti", assertion, "len(id) < minJTI || len(id) > maxJTI,", "id == \"\",", authnPkg, attacks},
		{"acting: directory permissions", delegate, "if !holds(p) {\n			return refused", "if p == \"\" {\n			return refused", authnPkg, "TestWhoMayActForWhom"},
		{"acting: active people and accounts", delegate, "	default:\n		return refused\n	}\n	if !actsOr", "	}\n	if !actsOr", authnPkg, "TestWhoMayActForWhom"},
		{"acting: not for two", client, "case actor.Subject != \"\" || ", "case ", authnPkg, "TestWhoMayActForWhom"},
		{"acting: what both may", "internal/engine/ticket.go", " && (actor.Subject == \"\" || picture.Holds(actor.Subject, p, now))", "", authnPkg, bothMay},
		{"acting: through the subject's eyes", "actor.go", "	if a.Subject != \"\" {\n		return a.Subject\n	}\n", "", authnPkg, bothMay},
		{"acting: no vote", "internal/access/access.go", "	if actor.Subject != \"\" {\n		return ForSomebodyElse()\n	}\n", "", authnPkg, decides},
		{"acting: no cancelling", "internal/access/access.go", "	if actor.Subject != \"\" {\n		return false\n	}\n", "", authnPkg, decides},
		{"acting: no replacing", "internal/engine/close.go", "if w.actor.Subject != \"\" || ", "if ", authnPkg, decides},
		{"acting: nothing protected", "internal/access/access.go", "case actor.Subject != \"\" && !delegable(kind):", "case false:", authnPkg, decides},
		{"acting: the subject does not approve it", "internal/engine/submit.go", "request.RequesterPerson, w.actor.Subject)", "request.RequesterPerson)", authnPkg, "TestWhoIsActedForDoesNotApproveIt"},
		{"acting: a repeat for another is another", "internal/engine/repeat.go", "w.actor.Subject != \"\" && !slices.Contains(request.Excluded, w.actor.Subject)", "!slices.Contains(request.Excluded, request.Requester)", authnPkg, "TestARepeatForAnotherIsAnotherRequest"},
		{"acting: the log tells", "internal/engine/work.go", ", Subject: string(w.actor.Subject),", ",", authnPkg, "TestWhoIsActedForDoesNotApproveIt"},
		{"acting: tested again under the lock", "internal/engine/work.go", "if w.actor.Subject != \"\" && ActFor(w.picture, w.actor, w.actor.Subject, w.now) != nil {", "if false {", authnPkg, "TestActingForAnotherIsTestedAgainUnderTheLock"},
		{"oauth: the enterprise is one's own", boxToken, "if err == nil && organization.Number != id {", "if false {", boxPkg, "TestTokenRefusals"},
		{"oauth: one spelling of a number", boxToken, " || strconv.FormatInt(number, 10) != id", "", boxPkg, "TestTokenRefusals"},
		{"oauth: only people give codes", "internal/dialect/box/oauth_authorize.go", "if person.Type != countersign.Person {", "if false {", boxPkg, "TestACodeIsGivenByAPersonToAClient"},
		{"oauth: a client ends its own tokens", boxToken, "if owner.User != client.User {", "if false {", boxPkg, "TestRevokingTellsNothing"},
	}
}

const boxToken = "internal/dialect/box/oauth_token.go"
