package main

// policies are what a policy may say beyond how many people it asks.
func policies() []rule {
	const tally, governed, settle, lockout = "internal/approval/tally.go", "internal/engine/governed.go", "internal/engine/settle.go", "internal/engine/lockout.go"
	return []rule{
		{"enough different people", tally, "filled = len(different(people)) >= c.Distinct", "filled = true", approvalPkg, "TestWhatIsCounted"},
		{"one person in one exclusive clause", tally, "if c.Exclusive {", "if false {", approvalPkg, "TestWhatIsCounted"},
		{"whoever came first makes room", "internal/approval/matching.go", "if m.place(sitting) {", "if _ = sitting; false {", approvalPkg, "TestWhoeverCameFirstMakesRoom"},
		{"as many denials as the veto asks", "internal/approval/approval.go", "n := min(a.Vetoes(), b.Vetoes())", "n := max(a.Vetoes(), b.Vetoes())", approvalPkg, "TestOfTwoRequirements"},
		{"what is freed is freed wholly", "internal/approval/approval.go", "(!rule.Requirement.Free() || frees(rule, op))", "true", approvalPkg, "TestAConditionFrees"},
		{"the requester is counted out", "internal/approval/prove.go", "p.without(first[:1])", "p.without(nil)", approvalPkg, "TestNobodyIsLockedOut"},
		{"the target is counted out", "internal/approval/prove.go", "p.gap(2); found", "p.gap(1); found", approvalPkg, "TestNobodyIsLockedOut"},
		{"rules of one group meet", "internal/approval/together.go", "naming[value] = naming[value].or(only(i))", "naming[value] = only(i)", approvalPkg, "TestRulesThatCanMeet"},
		{"rules of two groups meet where both are entered", "internal/approval/together.go", "if how == several {", "if how == several && false {", approvalPkg, "TestRulesThatCanMeet"},
		{"rules of two groups meet only there", "internal/approval/together.go", "if how == several {", "if how != none {", approvalPkg, "TestRulesThatCanMeet"},
		{"who signs for one rule signs for all", "internal/approval/together.go", "all.requirement.Exclusive || all.requirement.MustBeSigned() && unsigned", "all.requirement.Exclusive && (unsigned || true)", approvalPkg, "TestWhoSignsForOneRule"},
		{"the prover knows what a return can touch", "internal/approval/reach.go", "return reach{users: one, groups: several, permissions: true, approvers: true}, true", "return reach{users: one, groups: one, permissions: true, approvers: true}, true", enginePkg, "TestRulesMeetOnly"},
		{"a delay is waited out", "internal/engine/changes.go", "!now.Before(row.ScheduledAt.Add(c.required.Delay()))", "true", enginePkg, "TestWhatHappensWhileARequestIsScheduled"},
		{"who lost an approval is pending again", settle, "row.State, row.ScheduledAt = countersign.ChangePending, time.Time{}", "_ = row", enginePkg, "TestWhatHappensWhileARequestIsScheduled"},
		{"what expires before it is due takes no approval", settle, "if err := c.inTime(row, w.now); err != nil {", "if err := c.inTime(row, w.now); err != nil && false {", enginePkg, "TestARequestThatWouldExpire"},
		{"a vote of a revoked credential is void", "internal/engine/changes.go", "return !known || credential.State == countersign.CredentialRevoked", "return !known && credential.State == countersign.CredentialRevoked", enginePkg, "TestWhatHappensWhileARequestIsScheduled"},
		{"who gives must hold", "internal/engine/changes.go", "if !r.MustHold {", "if true {", enginePkg, "TestAnApproverMustHold"},
		{"a later clause is met by no newcomer", "internal/engine/changes.go", "pool = everybody", "pool = picture.Eligible(set, now)", enginePkg, "TestALaterClause"},
		{"a batch is proved before it is recorded", lockout, "err := lockedOut(before, l.w.written.glimpse(), l.w.now)", "err := error(nil)\n	_ = before", enginePkg, "TestNoChangeLeaves"},
		{"only who can sign in counts", lockout, "return !has(countersign.Token) || ", "return ", enginePkg, "TestNoChangeLeaves"},
		{"a gap that is there can be closed", lockout, "slices.ContainsFunc(known, func(old approval.Gap) bool { return noWider(gap, old) })", "slices.ContainsFunc(known, func(old approval.Gap) bool { return false && noWider(gap, old) })", enginePkg, "TestAGapThatIsThere"},
		{"joining gains what the group grants", governed, "out.Gains = slices.Concat(out.Gains, group.Permissions)", "_ = group", enginePkg, "TestAGuardedPermission"},
		{"an import may fill any group", governed, "all.Groups, all.Gains = append(all.Groups, rule.When.GroupIDs...), append(all.Gains, rule.When.Permissions...)", "_ = rule", enginePkg, "TestAGuardedPermission"},
		{"what is done to an approver touches approvers", governed, "out.Approvers = out.Approvers || s.names(func(set countersign.ApproverSet) bool { return s.picture.Qualifies(id, set, s.now) })", "_ = id", enginePkg, "TestWhatMakesOrUnmakes"},
	}
}
