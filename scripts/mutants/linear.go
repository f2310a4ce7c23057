package main

// concurrency are rules that only many at once can break; one client at a time
// would never notice.
func concurrency() []rule {
	const linear = "./internal/linear"
	const group, decide, submit = "internal/engine/group.go", "internal/engine/decide.go", "internal/engine/submit.go"
	return []rule{
		{"the picture is there before the answer", group, "		e.publish(p, next)\n", "		go func() {\n			time.Sleep(2 * time.Millisecond)\n			p.turn.Lock()\n			defer p.turn.Unlock()\n			if next.Position() > p.picture.Load().Position() {\n				e.publish(p, next)\n			}\n		}()\n", linear, "TestRequestsAreInOrder"},
		{"what is decided is decided", decide, "	if state := request.StateAt(w.now); !state.Open() {\n		if settledBy", "	if state := request.StateAt(w.now); !state.Open() && state == countersign.ChangeExpired {\n		if settledBy", linear, "TestOfManyLastVotesOneApplies"},
		{"what relied on the old name ends with it", submit, "OpenChangesRelyingOn(w.ctx, l.factsMoved())", "OpenChangesRelyingOn(w.ctx, l.factsMoved()[:0])", linear, "TestRequestsAreInOrder"},
		{"not known is not failed", group, "	for _, j := range group {\n		j.err = err\n	}", "	for _, j := range group {\n		j.err = countersign.E(countersign.Unavailable, \"\", \"it has failed\")\n	}", linear, "TestChecksAreInOrder"},
		{"a savepoint adrift undoes nothing", "internal/store/sqlstore/session.go", "	s.adrift = err != nil\n", "	s.adrift = false\n", "./internal/store/sqlstore", "TestConformance"},
	}
}
