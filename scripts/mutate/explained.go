package main

import "strings"

// explanation says why no test can notice some mutants of one line. It names them
// by function and text, which move less than line numbers.
type explanation struct {
	file, function string
	// line contains this, the operator is this one ("" is any), and what was
	// written there becomes something that contains text ("" is anything).
	line, operator, text string
	why                  string
}

func explained() []explanation {
	const more = "proves more than is needed, which finds the same gaps"
	return []explanation{
		{"access/delegate.go", "delegable", "KindCredentialIssueCode", "word of a case removed", "", "it is a protected kind besides, and refused as such"},

		{"approval/tally.go", "Count", "denied[person] = true", "constant", "false", "the map is a set: who is in it is counted, not what stands there"},
		{"approval/prove.go", "Prove", "p.gap(1)", "constant", "(1 - 1)", "0 and 1 ask the same: whether it is more than one is all that is asked"},
		{"approval/prove.go", "Prove", "p.gap(2)", "constant", "(2 + 1)", "2 and 3 ask the same"},
		{"approval/prove.go", "hasTarget", "known && len", "part of a condition dropped", "(known)", "only kinds that are known are asked about"},
		{"approval/prove.go", "kinds", "qualifies[i] = 1", "constant", "(1 + 1)", "it is a mark; any other than 0 does"},
		{"approval/prove.go", "kinds", "if !known", "condition always true", "", "one kind of approvers becomes several alike: " + more},
		{"approval/prove.go", "kinds", "len(out[k]) < 2", "", "", "of each kind the first two are looked at, however many there are"},
		{"approval/reach.go", "reachOf", "case countersign.KindPermissionAdd, countersign.KindPolicyPut", "word of a case removed", "", "what a change of the policy is asked is tried with the thaw besides"},
		{"approval/together.go", "together", "if !known && moreThanEach(policy, all)", "part of a condition dropped", "", "proves more than is needed, never less"},
		{"approval/together.go", "moreThanEach", "}) || slices.Contains(all.ids, DefaultRule) && !policy.Default.MustBeSigned()", "part of a condition dropped", "", "proves more than is needed, never less"},
		{"approval/together.go", "together", "if !rule.Requirement.Free()", "condition always true", "", "what asks nothing is always met"},
		{"approval/together.go", "together", "if !harder", "condition never true", "", "a short cut: without it, no set of rules asks more than each of them"},
		{"approval/together.go", "together", "i = -1", "constant", "(1 + 1)", "any number below 0 says that there is nothing at that place"},
		{"approval/together.go", "together", "if i >= 0", "", "", "place 0 is that of the first rule or of the default, never of a set"},
		{"approval/together.go", "choices", "if _, known", "condition always true", "", "a value that stands twice makes a set that is left out the second time"},
		{"approval/together.go", "choices", "if !seen[set]", "condition always true", "", "the same set twice is looked up once by who asked"},
		{"approval/together.go", "choices", "seen[set], out", "constant", "false", "the same set twice is looked up once by who asked"},
		{"approval/together.go", "only", "set[i/64]", "constant", "(64 - 1)", "of at most a hundred places, only the 64th moves: to one that no other has"},
	}
}

func (e explanation) speaksOf(m mutant) bool {
	return strings.HasSuffix(m.file, e.file) && m.function == e.function && strings.Contains(m.line, e.line) &&
		(e.operator == "" || e.operator == m.operator) && strings.Contains(m.text, e.text)
}

// why is the reason for which a mutant may survive; empty when there is none.
func why(m mutant) string {
	for _, e := range explained() {
		if e.speaksOf(m) {
			return e.why
		}
	}
	return ""
}
