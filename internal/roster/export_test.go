package roster

// Nodes counts what a book keeps: users, groups and memberships, ids that open
// requests hang on, open requests.
func (b *Book) Nodes() [7]int {
	p := b.Picture()
	return [7]int{
		p.users.living, p.groups.living, p.members.living, p.pending.users.count, p.pending.groups.count,
		p.pending.members.count, len(p.pending.changes),
	}
}
