package engine

import (
	"slices"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

// checkDuties refuses a batch by which somebody would come to hold permissions of
// two sides of an exclusion (governance.md S6), once the organization is sealed.
// What was so before and gets no worse stands in nobody's way. It goes by what
// the batch has written, so that no way of giving is forgotten, and looks closer
// only where that is something an exclusion names.
func (l *ledger) checkDuties() error {
	organization := l.w.picture.Organization()
	if written := l.w.written.delta.Organization; written != nil {
		organization = *written
	}
	exclusions := organization.Policy.Exclusions
	if !organization.Sealed() || len(exclusions) == 0 {
		return nil
	}
	gains := l.gains(namedBy(exclusions))
	if len(gains.Users)+len(gains.Groups) == 0 {
		return nil
	}
	except := countersign.ChangeID("")
	if l.request != nil {
		except = l.request.ID
	}
	conflict, found := l.w.written.glimpse().Conflict(l.w.picture, exclusions, gains, except, l.w.now)
	if !found {
		return nil
	}
	return l.atRow(conflict.User, &countersign.Error{
		Kind: countersign.Refused, Code: "duties_conflict",
		Message: "user " + string(conflict.User) + " would come to hold " + string(conflict.Gained) + " beside " + string(conflict.Held) +
			", which exclusion " + conflict.Exclusion + " of the policy keeps apart; what begins later and what open requests would add counts",
		Detail: map[string]string{
			"exclusion": conflict.Exclusion, "user_id": string(conflict.User),
			"permission": string(conflict.Gained), "held_permission": string(conflict.Held),
		},
	})
}

// atRow names the row of an import that an error about a user is about.
func (l *ledger) atRow(id countersign.UserID, err error) error {
	if line, imported := l.lines[id]; imported {
		return countersign.ImportRowError(l.file, line, err)
	}
	return err
}

func namedBy(exclusions []countersign.Exclusion) map[countersign.Permission]bool {
	named := map[countersign.Permission]bool{}
	for _, exclusion := range exclusions {
		for _, side := range exclusion.Sides {
			for _, p := range side {
				named[p] = true
			}
		}
	}
	return named
}

// gains are those to whom what was written gives one of the permissions.
func (l *ledger) gains(named map[countersign.Permission]bool) (out roster.Gains) {
	regranted := map[countersign.GroupID]bool{}
	var members []pair
	for i := range l.effects {
		e := &l.effects[i]
		kind, key, _ := strings.Cut(string(e.Fact), ":")
		switch {
		case kind == "user.role" && gainsAny(named, text(countersign.RolePermissions(countersign.Role(wordOf(e.After["role"])))), nil),
			kind == "user.permissions" && gainsAny(named, e.After["permissions"], e.Before["permissions"]),
			kind == "user.state" && e.Before["state"] == string(countersign.UserSuspended):
			out.Users = append(out.Users, countersign.UserID(key))
		case kind == "group.permissions" && gainsAny(named, e.After["permissions"], e.Before["permissions"]):
			regranted[countersign.GroupID(key)] = true
			out.Groups = append(out.Groups, countersign.GroupID(key))
		case kind == "membership" && begins(e):
			user, group, _ := strings.Cut(key, "/")
			members = append(members, pair{countersign.UserID(user), countersign.GroupID(group)})
		}
	}
	for _, m := range members {
		if !regranted[m.group] && l.w.picture.MayGive(m.group, named) {
			out.Users = append(out.Users, m.user)
		}
	}
	return out
}

// begins reports whether a membership is new, or may last longer.
func begins(e *countersign.Effect) bool {
	_, term := e.After["expires_at"]
	return term || e.After["state"] == string(countersign.MembershipActive)
}

func wordOf(v any) string {
	word, _ := v.(string)
	return word
}

// gainsAny reports whether one of the permissions is in a list and was not in
// the one before.
func gainsAny(named map[countersign.Permission]bool, after, before any) bool {
	had, _ := before.([]string)
	has, _ := after.([]string)
	return slices.ContainsFunc(has, func(p string) bool { return named[countersign.Permission(p)] && !slices.Contains(had, p) })
}
