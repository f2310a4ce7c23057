package fordefi

import (
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// nobody is an id that no group has: a filter by a group that must not be seen
// yet asks for this one.
const nobody = countersign.GroupID("00000000-0000-0000-0000-000000000000")

// listUsers answers section 1.
func (d *Dialect) listUsers(c *call) error {
	return d.show(c, func(a *answer) error {
		filter := userFilter(c)
		hideUnborn(a.look, filter.GroupIDs)
		offset, limit := c.args.page()
		list, err := a.look.Users(filter, sortKeys(c.args.list("sort_by"), nil), countersign.Page{Offset: offset, Limit: limit})
		if err != nil {
			return err
		}
		a.list(c, list.Total, "users")
		for i := range list.Items {
			a.comma()
			if err := a.user(&list.Items[i]); err != nil {
				return err
			}
		}
		a.endList()
		return nil
	})
}

func userFilter(c *call) countersign.UserFilter {
	f := countersign.UserFilter{
		Types:          as[countersign.UserType](c.args.list("types")),
		Roles:          as[countersign.Role](c.args.list("roles")),
		IncludeDeleted: c.args.yes("include_deleted"),
		Names:          c.args.list("names"),
		Emails:         c.args.list("emails"),
		ExternalIDs:    c.args.list("external_ids"),
		IDs:            as[countersign.UserID](c.args.list("user_ids")),
		ExcludeIDs:     as[countersign.UserID](c.args.list("exclude_user_ids")),
		GroupIDs:       as[countersign.GroupID](c.args.list("group_ids")),
		NotGroupIDs:    as[countersign.GroupID](c.args.list("group_ids__not")),
		GroupStates:    as[countersign.MembershipState](c.args.list("states_on_groups")),
		Shown:          c.profile.shown(),
	}
	for _, word := range c.args.list("states") {
		f.States = append(f.States, c.profile.statesNamed(word)...)
	}
	return f
}

// hideUnborn takes groups that wait for approval out of a filter: this API does
// not show them, and must not tell through it that they are coming.
func hideUnborn(look *engine.Look, ids []countersign.GroupID) {
	for i, id := range ids {
		if g, err := look.Group(id); err == nil && g.State == countersign.GroupPendingApproval {
			ids[i] = nobody
		}
	}
}

// sortKeys makes name_asc and name_desc keys of an order; renamed gives fields
// that the core calls otherwise.
func sortKeys(words []string, renamed map[string]string) []countersign.SortKey {
	keys := make([]countersign.SortKey, 0, len(words))
	for _, word := range words {
		field, descending := strings.CutSuffix(word, "_desc")
		field = strings.TrimSuffix(field, "_asc")
		if ours, ok := renamed[field]; ok {
			field = ours
		}
		if field != "" {
			keys = append(keys, countersign.SortKey{Field: field, Descending: descending})
		}
	}
	return keys
}

func as[T ~string](list []string) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i, s := range list {
		out[i] = T(s)
	}
	return out
}

func (d *Dialect) getUser(c *call) error {
	id := c.args.text("id")
	return d.show(c, func(a *answer) error {
		missing := notFound(aUser, "User "+id+" not found")
		u, err := a.look.User(countersign.UserID(id))
		if countersign.KindOf(err) == countersign.NotFound {
			return missing
		}
		if err != nil {
			return err
		}
		if _, _, visible := a.shown(u.Type, u.Role, u.State); !visible {
			return missing
		}
		return a.user(&u)
	})
}
