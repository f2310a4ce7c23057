package main

// memory are rules of what is kept in memory, and of mutations that share a
// transaction.
func memory() []rule {
	const group, record, shelf, load = "internal/engine/group.go", "internal/engine/record.go", "internal/engine/shelf.go", "internal/engine/load.go"
	const budget = "TestRostersStayWithinTheBudget"
	return []rule{
		{"a refusal undoes its own rows", group, "err := written.Savepoint(ctx, run)", "err := run()", enginePkg, "TestOneRefusedChangeDoesNotTouchItsNeighbours"},
		{"who has gone changes nothing", group, "if j.err = j.ctx.Err(); j.err != nil {", "if j.err = nil; false {", enginePkg, "TestWhoHasGoneBeforeHisTurnChangesNothing"},
		{"a panic goes to whose it is", group, "	if j.panicked != nil {\n		panic(j.panicked)\n	}\n", "", enginePkg, "TestAPanicGoesToWhoseItIs"},
		{"an answer's panic is its caller's", "internal/engine/work.go", "	defer j.keepPanic()\n	if j.panicked != nil || !j.o.keeps(failure) &&", "	if j.panicked != nil || !j.o.keeps(failure) &&", enginePkg, "TestAnAnswerThatPanicsOnARefusalHarmsNobodyElse"},
		{"nobody is told what nobody knows", group, "	if !j.settled {", "	if false {", enginePkg, "TestAPanicOfTheStoreIsASuccessForNobody"},
		{"after a panic readers look at the store", group, "			p.doubtful.Store(true) // a panic", "			_ = p // a panic", enginePkg, "TestAPanicOfTheStoreIsASuccessForNobody"},
		{"a refusal goes with its transaction", group, "		j.err = err\n	}\n	if errors.Is", "		if j.err == nil {\n			j.err = err\n		}\n	}\n	if errors.Is", enginePkg, "TestARefusalGoesWithTheTransactionItRestsOn"},
		{"a run that was undone leaves no panic", group, "j.err, j.panicked, j.tried, j.counted = Result{}, nil, nil, nil, attempt{}, false\n", "j.err, j.tried, j.counted = Result{}, nil, nil, attempt{}, false\n", enginePkg, "TestAPanicOfARunThatWasUndoneIsForgotten"},
		{"a shared refusal is remembered", group, "j.err = e.rememberShared(ctx, written, j, err)", "j.err = err", enginePkg, "TestEqualRequestsOfOneTransactionAreExecutedOnce"},
		{"what was rolled back is not shown", record, "		r.delta, r.open, r.unnamed = delta, open, unnamed\n", "		_, _, _ = delta, open, unnamed\n", enginePkg, walks},
		{"what ends in bulk is read back", record, "	r.unnamed = true\n	return r.WriteTx.RemoveMembershipsOfUser", "	return r.WriteTx.RemoveMembershipsOfUser", enginePkg, walks},
		{"the least recently used goes", shelf, "p.used.Load() < oldest.used.Load()", "p.used.Load() > oldest.used.Load()", enginePkg, budget},
		{"never one in use", shelf, "p != but && p.pins.Load() == 0 && ", "p != but && ", enginePkg, "TestARosterInUseIsNotLetGo"},
		{"the budget is kept", shelf, "for s.budget > 0 && s.bytes > s.budget {", "for false {", enginePkg, budget},
		{"one too large is not tried again", shelf, "now.Before(s.large[org])", "false", enginePkg, "TestAnOrganizationLargerThanTheBudgetIsUnavailable"},
		{"the unknown keep no place", shelf, "	if p.pins.Add(-1) > 0 || p.picture.Load() != nil {", "	if p.pins.Add(-1); true {", enginePkg, "TestUnknownOrganizationsKeepNoPlace"},
		{"a place in hand is the only one", load, "		e.shelf.unloaded(p.org, err, e.now())\n", "		e.shelf.mu.Lock()\n		e.shelf.drop(p)\n		e.shelf.mu.Unlock()\n", enginePkg, "TestAPlaceInHandIsTheOnlyOne"},
		{"a named revision is asked for", "internal/engine/current.go", "		if err := e.ask(ctx, p, atLeast); err != nil {\n			return err\n		}\n", "", enginePkg, "TestANamedRevisionIsReachedUntold"},
		{"who has looked looks away", "internal/engine/import.go", "	defer v.done()\n	var out ImportView\n", "	var out ImportView\n", enginePkg, "TestNoMethodLeavesAPin"},
		{"small organizations pass large ones", "internal/engine/slots.go", "	if !errors.Is(err, errLong) {\n		return err\n	}\n	s.long <- struct{}{}\n	defer func() { <-s.long }()\n	return load(math.MaxInt64)", "	if !errors.Is(err, errLong) {\n		return err\n	}\n	s.short <- struct{}{}\n	defer func() { <-s.short }()\n	return load(math.MaxInt64)", enginePkg, "TestShortLoadsPassLongOnes"},
		{"a long load gives its slot up", load, "		if bytes-before > most {", "		if false {", enginePkg, "TestASmallOrganizationIsLoadedBesideALargeOne"},
		{"what hangs no more takes no room", "internal/roster/hang.go", "	b.bytes -= int64(shown-len(g.marks)) * hungCost\n", "	_ = shown\n", "./internal/roster", "TestAClosedRequestLeavesNoBytes"},
		{"deleted rows come when asked for", "internal/engine/reads.go", "	if v.picture.HasCold() {", "	if true {", enginePkg, "TestDeletedRowsComeWhenAskedFor"},
		{"a page of entries is bounded", "internal/engine/log.go", "bytes > maxEntryBytes && len(list) > 0", "false", enginePkg, "TestAPageOfLargeEntriesIsShorter"},
		{"a canonical number is an integer", "internal/canon/canon.go", "if v != math.Trunc(v) || math.Abs(v) > 1<<53 {", "if math.IsNaN(v) {", "./internal/canon", "TestNumbersThatWouldBeRoundedAreRefused"},
		{"canonical keys are ASCII", "internal/canon/canon.go", "r > unicode.MaxASCII", "r > unicode.MaxRune", "./internal/canon", "TestKeysAreASCII"},
	}
}
