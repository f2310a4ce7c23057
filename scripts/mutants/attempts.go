package main

// attempts are the rules of refused attempts, of requests out of reach, and of what
// is decided at the edges.
func attempts() []rule {
	const attempt, group, reach, tally = "internal/engine/attempt.go", "internal/engine/group.go", "internal/engine/unreachable.go", "internal/approval/tally.go"
	const stands, flood = "TestARefusedAttemptStands", "TestAFloodOfAttempts"
	return []rule{
		{"attempts: of what is protected", attempt, "slices.Contains(countersign.ProtectedKinds(), k)", "k != \"\"", enginePkg, stands},
		{"attempts: of one protected among others", attempt, "ops = slices.Concat(ops, about.Operations)", "_ = about", enginePkg, stands},
		{"attempts: once sealed", attempt, "t.protected = w.picture.Organization().Sealed() &&", "t.protected =", enginePkg, stands},
		{"attempts: not of the house", attempt, "	default:\n		return false\n	}\n	if !j.tried", "	default:\n	}\n	if !j.tried", enginePkg, stands},
		{"attempts: not of a dry run", attempt, "!j.tried.protected || j.o.DryRun", "!j.tried.protected", enginePkg, stands},
		{"attempts: not of what is already so", attempt, "return code != \"no_effect\"", "return true", enginePkg, stands},
		{"attempts: of a vote on other words", attempt, "return code == \"digest_mismatch\"", "return false", enginePkg, stands},
		{"attempts: ten a minute", attempt, "own.Told < MaxAttempts", "own.Told <= MaxAttempts", enginePkg, flood},
		{"attempts: of each account", attempt, "own, running := all[w.actor.User]", "own, running := all[\"\"]", enginePkg, flood},
		{"attempts: the others are counted", attempt, "own.Untold++", "_ = own", enginePkg, flood},
		{"attempts: once the minute is over", attempt, "if !n.over(w.now) {", "if false {", enginePkg, flood},
		{"attempts: a minute is forgotten", attempt, "delete(all, user)", "_ = user", enginePkg, flood},
		{"attempts: told by the upkeep", "internal/engine/upkeep.go", "(*work).tellAttempts)", "func(*work) (countersign.Outcome, error) { return countersign.Outcome{}, nil })", enginePkg, flood},
		{"attempts: a count alone is stored", group, " || j.counted", "", enginePkg, "TestAnAttemptAmongOthers"},
		{"attempts: the replay counts them", attempt, "own.Since = w.now\n	}", "own.Since = w.now\n	}\n	own.Told = 0", "./internal/replay", "TestTheReplayNotices"},
		{"reach: what is short is found", tally, "tally.Short, tally.Reachable = short, !found", "tally.Short, tally.Reachable = short, true", approvalPkg, "TestReachable"},
		{"reach: who has denied is not left", tally, "possible[i] = slices.Concat(approved[i], counted.Open)", "possible[i] = Voters(clause, c.Excluded)", approvalPkg, "TestReachable"},
		{"reach: a delay that outlasts", reach, "case tally.Reachable && c.tooLate(request.State, request.ExpiresAt, now):", "case false:", enginePkg, "TestARequestOutOfReach"},
		{"reach: what is scheduled is in time", reach, "return state != countersign.ChangeScheduled && ", "return ", enginePkg, "TestARequestOutOfReach"},
		{"reach: the list of those", "internal/engine/changes.go", "(f.Reachable == nil || *f.Reachable == seen.Reachable)", "true", enginePkg, "TestARequestOutOfReach|TestListsOfRequests"},
		{"edges: only the vote that settled it is answered again", "internal/engine/decide.go", "request.Version == last.Position+1", "true", enginePkg, "TestEdgesOfGovernance"},
		{"edges: not for another word", "internal/engine/decide.go", "return voted && decided && v.repeats(last) &&", "return voted && decided &&", enginePkg, "TestEdgesOfGovernance"},
		{"edges: a settled vote is answered again", "internal/engine/decide.go", "if settledBy(request, w.actor.User, v) {", "if false {", enginePkg, "TestEdgesOfGovernance"},
		{"edges: what was decided after a revocation", "internal/engine/compromise.go", "if revoked && !request.State.Open() && credential.Version < request.Version {", "if revoked && false {", enginePkg, "TestEdgesOfGovernance"},
		{"edges: what no vote decided", "internal/engine/compromise.go", "		return false // no vote has decided it", "", enginePkg, "TestEdgesOfGovernance"},
		{"edges: the last word of who voted", "internal/engine/compromise.go", "last.Position == a.Position &&", "last.Position > 0 &&", enginePkg, "TestEdgesOfGovernance"},
		{"edges: a statement names its key", "internal/engine/compromise.go", "a.Credential != id && statement.Key(a.Statement) != id", "a.Credential != id", enginePkg, "TestEdgesOfGovernance"},
	}
}
