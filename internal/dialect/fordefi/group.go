package fordefi

import (
	"github.com/countersign/countersign"
)

// listGroups answers section 3.2. Deleted groups come only where states asks for
// them, and groups that wait for approval never.
func (d *Dialect) listGroups(c *call) error {
	return d.show(c, func(a *answer) error {
		offset, limit := c.args.page()
		order := sortKeys(c.args.list("sort_by"), map[string]string{"created_at": "created", "modified_at": "modified"})
		list, err := a.look.Groups(groupFilter(c), order, countersign.Page{Offset: offset, Limit: limit})
		if err != nil {
			return err
		}
		a.list(c, list.Total, "user_groups")
		for i := range list.Items {
			a.comma()
			if err := a.group(&list.Items[i]); err != nil {
				return err
			}
		}
		a.endList()
		return nil
	})
}

func groupFilter(c *call) countersign.GroupFilter {
	f := countersign.GroupFilter{
		States:     as[countersign.GroupState](c.args.list("states")),
		IDs:        as[countersign.GroupID](c.args.list("user_group_ids")),
		ExcludeIDs: as[countersign.GroupID](c.args.list("exclude_user_group_ids")),
		UserIDs:    as[countersign.UserID](c.args.list("user_ids")),
		ModifiedBy: as[countersign.UserID](c.args.list("modified_by")),
		Names:      c.args.list("name"),
		Text:       c.args.text("search"),
	}
	if len(f.States) == 0 {
		f.States = []countersign.GroupState{countersign.GroupActive}
	}
	return f
}

func (d *Dialect) getGroup(c *call) error {
	id := c.args.text("id")
	return d.show(c, func(a *answer) error {
		g, err := a.look.Group(countersign.GroupID(id))
		if countersign.KindOf(err) == countersign.NotFound || err == nil && g.State == countersign.GroupPendingApproval {
			return notFound(aGroup, "User group "+id+" not found")
		}
		if err != nil {
			return err
		}
		return a.group(&g)
	})
}

// group appends one group, and what all open requests about it propose together.
func (a *answer) group(g *countersign.GroupView) error {
	a.raw("{")
	a.word("id", string(g.ID))
	a.time("created_at", g.CreatedAt)
	a.time("modified_at", g.ModifiedAt)
	a.text("name", g.Name)
	a.number("users_count", g.UsersCount)
	if a.profile != Seed {
		a.number("admins_count", g.RoleAdminsCount)
	}
	a.word("state", string(g.State))
	if err := a.mention("modified_by", g.ModifiedBy, true); err != nil {
		return err
	}
	if g.PendingChange != "" {
		if err := a.proposal(g.ID); err != nil {
			return err
		}
	}
	a.raw("}")
	return nil
}

func (a *answer) proposal(id countersign.GroupID) error {
	p, ok := a.look.Proposal(id)
	if !ok {
		return nil
	}
	a.member("proposed_change")
	a.raw("{")
	a.word("id", string(p.Change))
	a.time("created_at", p.CreatedAt)
	if err := a.mention("created_by", p.Requester, true); err != nil {
		return err
	}
	if p.Name != "" {
		a.text("new_name", p.Name)
	}
	if err := a.references("added_users", p.Added); err != nil {
		return err
	}
	if err := a.references("removed_users", p.Removed); err != nil {
		return err
	}
	a.raw("}")
	return nil
}

// references appends a list of mentions, if there are any.
func (a *answer) references(name string, ids []countersign.UserID) error {
	if len(ids) == 0 {
		return nil
	}
	a.member(name)
	a.raw("[")
	for _, id := range ids {
		u, err := a.look.Brief(id)
		if err != nil {
			return err
		}
		// An account that waits for approval itself is not shown yet.
		if u == nil {
			continue
		}
		if _, _, visible := a.shown(u.Type, u.Role, u.State); !visible {
			continue
		}
		a.comma()
		a.reference(u)
	}
	a.raw("]")
	return nil
}
