package roster

import (
	"slices"

	"github.com/countersign/countersign"
)

// Account is the little that authentication asks about a user, read without
// building a view of him.
type Account struct {
	ID                  countersign.UserID
	Type                countersign.UserType
	State               countersign.UserState
	ResponsiblePersonID countersign.UserID
	// AllowedIPs must not be written to.
	AllowedIPs []string
}

// Account finds a stored user; users that only an open request would create
// have none.
func (b *Book) Account(id countersign.UserID) (Account, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n, ok := b.state.users[id]
	if !ok || n.row == nil {
		return Account{}, false
	}
	u := &n.row.User
	return Account{ID: u.ID, Type: u.Type, State: u.State, ResponsiblePersonID: u.ResponsiblePersonID, AllowedIPs: u.AllowedIPs}, true
}

// PermissionInUse reports whether a living user holds a permission individually
// or a living group gives it.
func (b *Book) PermissionInUse(p countersign.Permission) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.ContainsFunc(b.state.people, func(n *userNode) bool {
		return n.row != nil && n.row.Living() && slices.Contains(n.row.Permissions, p)
	}) || slices.ContainsFunc(b.state.groups, func(n *groupNode) bool {
		return n.row != nil && n.row.Living() && slices.Contains(n.row.Permissions, p)
	})
}

// Size counts what the book holds: stored users, deleted ones included, and
// change requests that were open when they last moved.
func (b *Book) Size() (users, openChanges int) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.state.people), len(b.state.changes)
}
