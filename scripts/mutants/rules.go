package main

import "slices"

const (
	approvalPkg = "./internal/approval"
	stories     = "./internal/scenario"
)

// rules are what must be held, in the order of the state machine.
func rules() []rule {
	return slices.Concat(
		tallies(), decisions(), policies(), duties(), attempts(), emergencies(), differential(), engineRules(), importRules(), memory(), replayed(), signed(), signatures(), sight(), recoveries(), wording(), tokens(), groups(), backOffice(), concurrency(), rulebook(), randomWalks(),
	)
}

func tallies() []rule {
	const file = "internal/approval/approval.go"
	return []rule{
		{"requester and subjects are excluded", "internal/approval/tally.go", "&& !slices.Contains(excluded, person)", "", stories, "TestTwoPersonGrant"},
		{"nobody votes on himself", "internal/approval/subjects.go", "	case *countersign.ChangeRole:\n		return []countersign.UserID{c.UserID}\n", "", stories, "TestNobodyVotesOnHisOwnRole"},
		{"an account's person is its requester", "internal/authn/authn.go", "actor.ResponsiblePerson = person.ID", "_ = person", stories, "TestAPersonCannotApproveWhatHerOwnAccountAsked"},
		{"who holds a token is its requester", "internal/engine/submit.go", "	out = append(out, w.holders(request.RequesterCredential)...)\n", "", stories, "TestNobodyApprovesWhatHeAskedThroughATokenHeCollected"},
		{"eligible now", "internal/approval/tally.go", "slices.Contains(c.Now, person) && ", "", stories, "TestAVoteOfADemotedApproverIsVoid"},
		{"the pool only shrinks", "internal/approval/tally.go", "for _, person := range c.Pool {", "for _, person := range c.Now {", stories, "TestNobodyAppointedLaterHelpsAnOpenRequest"},
		{"one person counts once", "internal/approval/tally.go", "	return slices.Compact(out)", "	return out", approvalPkg, "TestVotes"},
		{"a denial denies", "internal/approval/tally.go", "tally.Denied = tally.Denials >= max(c.Veto, 1)", "tally.Denied = false", stories, "TestOneDenialEndsARequest"},
		{"a vote names the digest", "internal/approval/tally.go", "case a.Digest != c.Digest:\n", "case false:\n", approvalPkg, "TestVotes"},
		{"every clause counts", "internal/approval/tally.go", "filled = filled && have[i] >=", "filled = have[i] >=", approvalPkg, "TestVotes"},
		{"need is need", "internal/approval/tally.go", "have[i] >= clause.Clause.Need\n", "have[i]+1 >= clause.Clause.Need\n", stories, "TestAPolicyNeedsTwo"},
		{"all matching rules count", file, "spoken, matched[rule.ID] = true, true", "spoken, matched[rule.ID] = true, len(matched) == 0", approvalPkg, "TestEveryRuleThatMatchesCounts"},
		{"silence falls to the default", file, "if needsDefault {", "if false {", approvalPkg, "TestEveryRuleThatMatchesCounts"},
		{"only people vote", "internal/access/access.go", "if actor.Type != countersign.Person {", "if false {", stories, "TestAPersonCannotApproveWhatHerOwnAccountAsked"},
		{"voting needs changes.approve", "internal/access/access.go", "return Require(holds, countersign.ChangesApprove)", "return nil", stories, "TestTwoPersonGrant"},
		{"asking needs its permission", "internal/access/access.go", "		if !holds(p) {\n			return missing(p)\n		}", "		_ = p", "./internal/access", "TestEveryKindAsksForItsPermission"},
	}
}

func decisions() []rule {
	const submit, decide, ledger = "internal/engine/submit.go", "internal/engine/decide.go", "internal/engine/ledger.go"
	return []rule{
		{"sealed means governed", submit, "if !organization.Sealed() {\n		return approval.Asked{}", "if true {\n		return approval.Asked{}", stories, "TestTwoPersonGrant"},
		{"a request that expired is closed", "changerequest.go", "if c.State.Open() && !now.Before(c.ExpiresAt) {", "if false {", stories, "TestAnExpiredRequestCannotBeApproved"},
		{"expiry is exact", "changerequest.go", "!now.Before(c.ExpiresAt) {", "now.After(c.ExpiresAt) {", stories, "TestAnExpiredRequestCannotBeApproved"},
		{"a closed request stays closed", decide, "		return countersign.Outcome{}, alreadyClosed(request, state)\n	}\n	c, err := w.gather(", "	}\n	c, err := w.gather(", stories, "TestOneDenialEndsARequest"},
		{"the digest is compared", decide, "if v.Digest != request.Digest {", "if false {", stories, "TestAVoteNamesTheDigestItSaw"},
		{"the digest is required", decide, "case v.Digest == \"\":", "case false:", stories, "TestAVoteNamesTheDigestItSaw"},
		{"a moved fact makes stale", submit, "if id == winner {", "if true {", stories, "TestARequestIsStaleWhenAFactItTouchesMoved"},
		{"adding relies on what the group grants", "internal/engine/apply_groups.go", "	l.rely(countersign.GroupFact(g.ID), g.AttributesVersion)\n	l.rely(countersign.GroupPermissionsFact(g.ID), g.PermissionsVersion)\n", "", stories, "TestAMemberIsNotAddedToAGroupThatMeanwhileGrantsMore"},
		{"widening relies on who is in", "internal/engine/apply_groups.go", "	l.relyOnMembers(g.ID, g.MembersVersion)\n	return nil", "	return nil", stories, "TestAGroupIsNotWidenedForAMemberTheApproverDidNotSee"},
		{"a demoted requester gets nothing", decide, "return &closing{state: countersign.ChangeCancelled, because: \"requester_not_permitted\"}", "continue", stories, "TestARequesterDemotedMeanwhileGetsNothing"},
		{"a suspended requester's requests end", ledger, "l.deactivated = append(l.deactivated, u.ID)", "_ = u", stories, "TestASuspendedRequestersRequestsAreCancelled"},
		{"a suspended caller is nobody", "internal/engine/work.go", "u.State != countersign.UserActive {\n			return gone", "u.State == \"\" {\n			return gone", stories, "TestASuspendedRequestersRequestsAreCancelled"},
		{"a revoked token is nobody's", "internal/engine/work.go", "!credential.WorksAt(w.now)", "false", stories, "TestRevokingOnesOwnNeedsNobody"},
		{"only the requester replaces", "internal/engine/close.go", "if w.actor.Subject != \"\" || w.actor.User != request.Requester && w.actor.Person() != request.RequesterPerson {", "if false {", stories, "TestReplacingStartsWithoutVotes|TestAPolicyNeedsTwo"},
		{"one open change of the policy", submit, "if other.ID != request.Replaces && other.Recovery == nil && does(other, kind) {", "if false {", stories, "TestAPolicyNeedsTwo"},
		{"what is so already is refused", submit, "	if len(l.effects) == 0 {\n		return nil, noEffect()\n	}", "", stories, "TestWhatIsAlreadySoIsRefused"},
		{"the last admins stay", ledger, "if after < len(before) && after < least {", "if after < -least {", stories, "TestTheLastAdminsStay"},
		{"a seal needs enough people", "internal/engine/lockout.go", "!before.Organization().Sealed() && !slices.ContainsFunc(ops, seals)", "!before.Organization().Sealed()", stories, "TestSealingNeedsEnoughPeople"},
		{"a secret goes to who asked", "internal/engine/apply_credentials.go", "(err == nil && old.RequestedBy != l.w.actor.User)", "false", stories, "TestASecretOfAHeldCredentialGoesToWhoAskedOnly"},
		{"a secret is shown once", "internal/engine/apply_credentials.go", "if old.State != countersign.CredentialPending {", "if false {", stories, "TestASecretOfAHeldCredentialGoesToWhoAskedOnly"},
		{"an applied request is applied once", "internal/engine/settle.go", "row.State, row.AppliedPosition, row.Version = countersign.ChangeApplied, position, position", "row.AppliedPosition, row.Version = position, position", stories, "TestSixtyFourLastApprovalsApplyOnce"},
		{"a batch is all or nothing", submit, "	if err := l.applyAll(request.Operations); err != nil {\n		return countersign.Outcome{}, err\n	}", "	_ = l.applyAll(request.Operations)", stories, "TestABatchIsAllOrNothing"},
	}
}
