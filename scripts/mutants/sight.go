package main

// sight are the rules of what an approver sees.
func sight() []rule {
	const overlaps, earlier, detail, alike = "internal/engine/overlaps.go", "internal/engine/earlier.go", "internal/engine/detail.go", "internal/engine/lookalikes.go"
	const told, mistaken, apply = "TestOverlapsTellWhichRequestEndsWhich", "TestApproversAreWarnedOfNamesThatCouldBeMistaken", "TestApplyingAPolicy"
	const examine, differ, names, cmd = "cmd/countersign/changes_examine.go", "./internal/differ", "./internal/names", "./cmd/countersign"
	return []rule{
		{"sight: an overlap needs who moves", overlaps, "return s.moves && other.relies", "return s.relies && other.relies", enginePkg, told},
		{"sight: an overlap needs who relies", overlaps, "return s.moves && other.relies", "return s.moves", enginePkg, told},
		{"sight: the members of a group move with each", overlaps, "is && out[fact].moves {", "is && false && out[fact].moves && group != \"\" {", enginePkg, told},
		{"sight: an overlap can be refused", overlaps, "	if len(met) == 0 {", "	if true {", enginePkg, "TestOverlapRejectIsA409AndStoresNothing"},
		{"sight: nobody is refused unasked", overlaps, "if !w.o.RefuseOverlap {", "if false {", enginePkg, "TestOverlapRejectIsA409AndStoresNothing"},
		{"sight: a successor does not meet its predecessor", overlaps, " || other.ID == c.Replaces", "", enginePkg, "TestOverlapRejectIsA409AndStoresNothing"},
		{"sight: what is at once can be refused", "internal/engine/submit.go", "	if err := w.checkOverlap(request); err != nil {", "	if err := w.checkOverlap(countersign.ChangeRequest{}); err != nil {", enginePkg, "TestAChangeAtOnceCanBeRefusedForWhatItWouldEnd"},
		{"sight: the order of what is asked for is none", earlier, "	slices.SortFunc(lines, bytes.Compare)\n", "	_ = slices.SortFunc[[][]byte]\n", enginePkg, "TestApproversAreToldHowOftenTheSameWasAskedFor"},
		{"sight: history is of one person", "internal/store/sqlstore/change.go", "requester_person = $2 and intent", "requester_person >= substr($2, 1, 0) and intent", "./internal/store/sqlstore", "TestConformance"},
		{"sight: history is bounded", earlier, "out := &Earlier{More: len(rows) > maxEarlier,", "out := &Earlier{More: false,", enginePkg, "TestTheHistoryThatIsReadIsBounded"},
		{"sight: an account is not told of its person", detail, "if v.actor.User != c.RequesterPerson && ", "if false && ", enginePkg, "TestWhoIsToldWhatSomebodyAskedForBefore"},
		{"sight: what is expired counts as that", earlier, ".StateAt(now)", ".State", enginePkg, "TestApproversAreToldHowOftenTheSameWasAskedFor"},
		{"sight: look-alikes of whom one may read", alike, " || !n.holds(need)", "", enginePkg, "TestLookalikesTellOnlyWhatTheReaderMayRead"},
		{"sight: nobody looks like himself", "internal/roster/lookalikes.go", "	if id == l.ID {", "	if false {", enginePkg, mistaken},
		{"sight: who left is no look-alike", "internal/roster/lookalikes.go", "if livingStates&(1<<c.state(i)) == 0 {", "if c.state(i) == noRow {", enginePkg, mistaken},
		{"sight: addresses are compared", alike, "		n.add(roster.UserEmail, \"email\", c.Email, \"\")\n", "", enginePkg, mistaken},
		{"sight: a mark depends on its neighbours", "internal/names/likeness.go", "		if !p.alone {", "		if false {", names, "TestLikenessAgreesWithTheSkeleton"},
		{"sight: equal hashes are not enough to skip", "internal/names/likeness.go", "b != ' ' && !l.begins", "b != ' ' && l.begins", names, "TestLikenessAgreesWithTheSkeleton"},
		{"sight: what is allotted is no difference", "internal/differ/differ.go", "		delete(out, name)\n	}\n	return out\n}\n\n// differing", "		_ = name\n	}\n	return out\n}\n\n// differing", differ, "TestWhatDiffersBetweenTwoRequests"},
		{"sight: what is made anew is the same fact", "internal/differ/differ.go", "if id, ok := names[part]; ok {", "if id, ok := names[part]; ok && false {", differ, "TestWhatDiffersBetweenTwoRequests"},
		{"sight: what is not listed is not gone", "internal/differ/differ.go", "is.EffectsTotal == len(is.Effects) {", "true {", differ, "TestEffectsThatAreNotListedAreNotSaidToBeGone"},
		{"sight: a method nobody can verify is refused", "internal/engine/signed.go", "case !slices.Contains(countersign.SigningMethods(), by):", "case false:", enginePkg, "TestTheMethodOfASignatureIsKept"},
		{"sight: the words are computed", examine, "if c.DigestWords != out.words {", "if false {", cmd, "TestWhatIsSignedIsWhatWasShown"},
		{"sight: nothing is shown before it is examined", "cmd/countersign/changes.go", "seen, err := s.examine(ctx, c)", "seen, err := examined{}, error(nil)", cmd, "TestWhatIsSignedIsWhatWasShown"},
		{"sight: approving stops at a lie", "cmd/countersign/changes_decide.go", "if err != nil && word != client.Approve && d.signWith == \"\" {", "if err != nil {", cmd, "TestGolden"},
		{"sight: denying does not", "cmd/countersign/changes_decide.go", "if err != nil && word != client.Approve && d.signWith == \"\" {", "if err != nil && false {", cmd, "TestGolden"},
		{"sight: applying what is so sends nothing", "cmd/countersign/policy_apply.go", "if samePolicy(current, p) {", "if false {", cmd, apply},
		{"sight: applying is on what was read", "cmd/countersign/policy_apply.go", "		w.ifMatch = number(version)\n", "		_ = number(version)\n", cmd, apply},
		{"sight: what would be refused is not put", "cmd/countersign/policy_apply.go", "	if refused {", "	if false && refused {", cmd, apply},
	}
}
