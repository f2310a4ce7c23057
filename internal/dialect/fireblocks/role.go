package fireblocks

import (
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// The roles of this API that people and accounts of ours have or can be given
// (product.md section 3). The others have no counterpart here.
const (
	roleOwner           = "OWNER"
	roleAdmin           = "ADMIN"
	roleNonSigningAdmin = "NON_SIGNING_ADMIN"
	roleEditor          = "EDITOR"
	roleViewer          = "VIEWER"
)

// roleOf projects a role of ours. administers is whether the user holds every
// permission of the directory, which makes an API user an administrator.
func roleOf(u *countersign.User, administers bool, owner countersign.UserID) string {
	switch {
	case u.ID == owner:
		return roleOwner
	case u.Role == countersign.RoleAdmin:
		return roleAdmin
	case u.Type == countersign.APIUser && administers:
		return roleNonSigningAdmin
	case u.Role == countersign.RoleViewer:
		return roleViewer
	default:
		return roleEditor
	}
}

// administersAlone reports whether a user holds every permission of the
// directory individually, as most do that hold them at all.
func administersAlone(u *countersign.User) bool {
	return !slices.ContainsFunc(countersign.DirectoryPermissions(), func(p countersign.Permission) bool {
		return !slices.Contains(u.Permissions, p)
	})
}

// administering finds which of the API users hold every permission of the
// directory, whether individually, by role or by group.
func (d *Dialect) administering(c *call, list []countersign.UserView) (map[countersign.UserID]bool, error) {
	out := map[countersign.UserID]bool{}
	needed := countersign.DirectoryPermissions()
	var ask []engine.Question
	flush := func() error {
		verdicts, err := d.Engine.CheckAll(c.ctx, c.actor, ask)
		if err != nil {
			return err
		}
		for i := 0; i < len(ask); i += len(needed) {
			all := !slices.ContainsFunc(verdicts[i:i+len(needed)], func(v countersign.Verdict) bool { return !v.Allowed })
			out[ask[i].User] = all
		}
		ask = ask[:0]
		return nil
	}
	for i := range list {
		u := &list[i].User
		switch {
		case u.Type != countersign.APIUser:
		case administersAlone(u):
			out[u.ID] = true
		default:
			for _, p := range needed {
				ask = append(ask, engine.Question{User: u.ID, Permission: p})
			}
		}
		if len(ask)+len(needed) > engine.MaxQuestions {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return out, flush()
}

// mustAdminister refuses callers that are neither ADMIN nor NON_SIGNING_ADMIN.
// Callers are API users: nobody else has a signing key.
func (d *Dialect) mustAdminister(c *call) error {
	needed := countersign.DirectoryPermissions()
	ask := make([]engine.Question, len(needed))
	for i, p := range needed {
		ask[i] = engine.Question{User: c.actor.User, Permission: p}
	}
	verdicts, err := d.Engine.CheckAll(c.ctx, c.actor, ask)
	if err != nil {
		return err
	}
	for i, v := range verdicts {
		if !v.Allowed {
			return countersign.E(countersign.Forbidden, "",
				"insufficient permissions: this needs an API user of role ADMIN or NON_SIGNING_ADMIN, which holds "+string(needed[i])+" too")
		}
	}
	return nil
}

// personRole reads the role of a person to be invited.
func personRole(role string) (countersign.Role, error) {
	switch role {
	case roleAdmin, roleNonSigningAdmin:
		return countersign.RoleAdmin, nil
	case roleEditor:
		return countersign.RoleTrader, nil
	case roleViewer:
		return countersign.RoleViewer, nil
	default:
		return "", countersign.E(countersign.Invalid, "role", "must be ADMIN, NON_SIGNING_ADMIN, EDITOR or VIEWER; this directory has no other roles for people")
	}
}

// accountRole reads the role of an API user to be made. Only people are admins
// here, so both administrators are an account that holds every permission of the
// directory.
func accountRole(role string) (countersign.Role, []countersign.Permission, error) {
	switch role {
	case roleAdmin, roleNonSigningAdmin:
		return countersign.RoleNone, countersign.DirectoryPermissions(), nil
	case roleEditor:
		return countersign.RoleTrader, nil, nil
	case roleViewer:
		return countersign.RoleViewer, nil, nil
	default:
		return "", nil, countersign.E(countersign.Invalid, "role", "must be ADMIN, NON_SIGNING_ADMIN, EDITOR or VIEWER; this directory has no other roles for API users")
	}
}

// isViewer reports whether this API calls a user a VIEWER, who joins no group.
func isViewer(now engine.Present, u *countersign.User) bool {
	if u.Role != countersign.RoleViewer {
		return false
	}
	if u.Type != countersign.APIUser {
		return true
	}
	return slices.ContainsFunc(countersign.DirectoryPermissions(), func(p countersign.Permission) bool { return !now.Holds(u.ID, p) })
}
