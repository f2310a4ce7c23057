package roster

import "github.com/countersign/countersign"

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
func (p *Picture) Account(id countersign.UserID) (Account, bool) {
	n := p.person(id)
	if n.c == nil {
		return Account{}, false
	}
	u := n.c.user(n.i)
	return Account{ID: u.ID, Type: u.Type, State: u.State, ResponsiblePersonID: u.ResponsiblePersonID, AllowedIPs: u.AllowedIPs}, true
}

// PermissionInUse reports whether a living user holds a permission individually
// or a living group gives it.
func (p *Picture) PermissionInUse(permission countersign.Permission) bool {
	id, ok := p.common.number(permission)
	if !ok {
		return false
	}
	for n := range p.users.chunks() {
		c := p.users.chunk(n)
		for i, set := range c.perms {
			if set.has(id) && c.state(uint32(i)) != userDeleted {
				return true
			}
		}
	}
	for n := range p.groups.chunks() {
		c := p.groups.chunk(n)
		for i, set := range c.perms {
			if set.has(id) && c.state[i] != groupDeleted {
				return true
			}
		}
	}
	return false
}
