package b2core

import (
	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// The built-in group of administrators (section 8) is a projection of the role
// admin: it can be read and nothing else. It has an id that no group of ours
// can get, so that a client may create an "Administrators" of its own.
const (
	builtInID   = 0
	builtInName = "Administrators (built-in)"
)

const codeBuiltIn = "builtin_group"

func builtIn() groupOut {
	return groupOut{ID: builtInID, Name: builtInName, Permissions: countersign.RolePermissions(countersign.RoleAdmin)}
}

func isAdministrator(u *countersign.User) bool {
	return u.Type == countersign.Person && u.Role == countersign.RoleAdmin
}

func protected(field string) error {
	return countersign.Code(countersign.Forbidden, codeBuiltIn, field,
		"The built-in group of administrators cannot be changed or removed; who is in it follows from the role of each person.")
}

// seesBuiltIn reports whether the caller may see the built-in group: who may see
// every group. Whoever is in it may.
func (d *Dialect) seesBuiltIn(c *call) (bool, error) {
	verdict, err := d.Engine.Check(c.ctx, c.actor, engine.Question{User: c.actor.User, Permission: countersign.GroupsRead})
	return verdict.Allowed, err
}
