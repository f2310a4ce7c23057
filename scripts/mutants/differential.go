package main

// differential are rules that the oracle of the Fordefi list alone is meant to see
// gone: it answers thousands of random queries from the tables, to the byte.
func differential() []rule {
	const dialect, pkg, test = "internal/dialect/fordefi", "./internal/oracle/fordefi", "TestTheServerAnswersAsTheOracle"
	return []rule{
		{"fordefi: the state of a membership selects", "internal/roster/filter.go", "if state, _ := p.stateAt(row, now.time); !contains(states, state) {", "if false {", pkg, test},
		{"fordefi: milliseconds are cut", dialect + "/append.go", "ms := at.Nanosecond() / int(time.Millisecond)", "ms := (at.Nanosecond() + 500000) / int(time.Millisecond)", pkg, test},
		{"fordefi: a pending role names its own request", dialect + "/append_user.go", "string(u.PendingRoleChange)", "string(u.PendingChange)", pkg, test},
		{"fordefi: an expired request shows nothing", "internal/roster/pending.go", "{ return now.Before(c.ExpiresAt) }", "{ return true }", pkg, test},
		{"fordefi: the seed's one word finds all it stands for", dialect + "/shown.go", "strings.HasPrefix(word, \"onboarding_\") || ", "", pkg, test},
		{"fordefi: a fault counts from the first letter", dialect + "/scalar.go", "before+i+1", "i+1", pkg, test},
		{"fordefi: a reset is shown while it lasts", dialect + "/append_user.go", "	if u.State == countersign.UserResetDeviceCode || u.State == countersign.UserResetDeviceActivation {\n		if err", "	if true {\n		if err", pkg, test},
		{"fordefi: bounds are the published ones", dialect + "/param.go", "least: 0, most: most, initial: \"50\"", "least: 0, most: most + 1, initial: \"50\"", pkg, "TestTheDocumentHasThePublishedParametersOneByOne"},
	}
}
