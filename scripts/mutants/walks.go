package main

// randomWalks are what random walks, and what they compare with, must see.
func randomWalks() []rule {
	const walks, alike = "^TestRandomWalks$", "internal/alike/alike.go"
	return []rule{
		{
			"a role moves with a leaf", "internal/engine/ledger.go",
			"if l.moveIfKnown(old != nil, countersign.UserRoleFact(u.ID), was.RoleVersion, role, userRole(u)) {",
			"if old == nil && l.moveIfKnown(false, countersign.UserRoleFact(u.ID), was.RoleVersion, role, userRole(u)) || old != nil && u.Role != old.Role {",
			enginePkg, walks,
		},
		{"leaves are in order of time", "internal/engine/work.go", "	if now.Before(head.Time) {", "	if false {", enginePkg, walks},
		{"who begins to wait is shown", "internal/roster/hang.go", "n := b.hookUser(&birth.id)\n		n.births = hang(n.births, birth)", "_ = b.hookUser(&birth.id)", enginePkg, walks},
		{"a comparison looks at every field", alike, "if !same(x.Field(i), y.Field(i)) {", "if false {", "./internal/alike", "TestDiff"},
		{"a comparison looks at every value", alike, "return x.Comparable() && x.Equal(y)", "return true", "./internal/alike", "TestDiff"},
		{"a comparison asks what differs", alike, "	if same(reflect.ValueOf(x), reflect.ValueOf(y)) {", "	if true {", "./internal/alike", "TestDiff"},
	}
}
