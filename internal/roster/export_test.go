package roster

// Nodes counts what a book keeps: users and groups that anything names,
// memberships, additions, open requests, interned sets.
func (b *Book) Nodes() [6]int {
	s := b.state
	return [6]int{len(s.people), len(s.groups), len(s.memberships), len(s.additions), len(s.changes), len(s.sets.sets)}
}

// SetHolders counts how often interned sets are taken.
func (b *Book) SetHolders() int {
	total := 0
	for _, set := range b.state.sets.sets {
		total += set.holders
	}
	return total
}
