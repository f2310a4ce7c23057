package main

// duties are the rules of what a policy keeps apart (docs/adr/0027).
func duties() []rule {
	const engine, picture, report = "internal/engine/duties.go", "internal/roster/duties.go", "internal/roster/violations.go"
	const both, open, before = "TestNobodyComesToHoldBothSides", "TestOpenRequestsCountForAnExclusion", "TestWhatWasSoBefore"
	return []rule{
		{"what is kept apart stays apart", "internal/engine/ledger.go", "return l.checkDuties()", "return nil", enginePkg, both},
		{"replay: what is kept apart stays apart", "internal/engine/ledger.go", "return l.checkDuties()", "return nil", replayPkg, notices},
		{"replay: open requests count for what is kept apart", picture, "func (d *duties) counts(c *cause) bool { return", "func (d *duties) counts(c *cause) bool { return false &&", replayPkg, notices},
		{"a role counts for an exclusion", engine, "case kind == \"user.role\" && ", "case false && ", enginePkg, "TestARoleCountsForAnExclusion"},
		{"who comes back is judged anew", engine, "e.Before[\"state\"] == string(countersign.UserSuspended)", "false", enginePkg, before},
		{"who comes back held nothing", picture, "if !revived(&was, &is) {", "if true {", enginePkg, before},
		{"the members of a group are looked at", engine, "out.Groups = append(out.Groups, countersign.GroupID(key))", "_ = key", enginePkg, both},
		{"whoever is to join is looked at", picture, "if !worse && d.counts(a.born) {", "if false {", enginePkg, open},
		{"a membership that goes on counts", engine, "return term || ", "_ = term\n	return ", enginePkg, both},
		{"what begins later counts", picture, "	return at >= until(expires)", "	starts, _ := c.termOf(i)\n	return at >= until(expires) || at < starts", enginePkg, both},
		{"what is over does not", picture, "	return at >= until(expires)", "	_ = expires\n	return false", enginePkg, "TestWhatDoesNotCountForAnExclusion"},
		{"what was so stays", picture, "			word &^= not[i]\n", "", enginePkg, before},
		{"what waits is no cover", picture, "merge(without(has, had), without(holds, held))", "without(has, had)", enginePkg, "TestWhatWaitsIsNoCover"},
		{"what makes it worse does not", picture, "			gained, ok := d.firstOf(side, gains, nil)", "			if s > 0 {\n				break\n			}\n			gained, ok := d.firstOf(side, gains, nil)", enginePkg, both},
		{"the request in hand does not count beside itself", picture, " && c.ID != d.except }", " }", enginePkg, "TestADecisionHoldsToExclusions"},
		{"what open requests let groups give counts", picture, "				if is && d.counts(k.change) && ", "				if is && false && d.counts(k.change) && ", enginePkg, open},
		{"an invitation that waits counts", picture, "			if d.counts(birth.born) {\n				words = merge(merge(", "			if false {\n				words = merge(merge(", enginePkg, "TestSomebodyWhoIsToBe"},
		{"an import names the row", engine, "if line, imported := l.lines[id]; imported {", "if line, imported := l.lines[id]; imported && false {", enginePkg, "TestAnImportGivesNobodyBothSides"},
		{"a report leaves out what is over", report, "return d.at < until(expires)", "_ = expires\n			return true", enginePkg, "TestPresentViolationsAreReported"},
		{"a report takes two sides", report, "if once.has(row) {", "if true {", enginePkg, "TestPresentViolationsAreReported"},
		{"a page begins after the last", report, "from = at; there {", "from = at; there && false {", enginePkg, "TestPresentViolationsAreReported"},
	}
}
