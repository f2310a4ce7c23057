package b2core

import (
	"net/http"
	"slices"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

func noSuchGroup() error {
	return countersign.E(countersign.NotFound, "", "There is no user group with this id.")
}

func showGroup(g *countersign.Group) groupOut {
	return groupOut{
		ID: g.Number, Name: g.Name, Permissions: listed(g.Permissions),
		CreateTime: stamp(g.CreatedAt), UpdateTime: modified(g.CreatedAt, g.ModifiedAt),
	}
}

// listGroups lists the built-in group and then all that are in effect, by id.
func (d *Dialect) listGroups(c *call) error {
	q := wire.ParseQuery(c.r)
	page := paging(q)
	if err := q.Done(); err != nil {
		return err
	}
	first, err := d.seesBuiltIn(c)
	if err != nil {
		return err
	}
	out, rest, total := []groupOut{}, page, 0
	if first {
		total++
		switch {
		case page.Offset > 0:
			rest.Offset--
		case page.Limit > 0:
			out = append(out, builtIn())
			rest.Limit--
		}
	}
	list, err := d.Engine.Groups(c.ctx, c.actor, countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupActive}}, byNumber(), rest)
	if err != nil {
		return err
	}
	for i := range list.Items {
		out = append(out, showGroup(&list.Items[i].Group))
	}
	writeList(c, d.Envelope, out, total+list.Total, page)
	return nil
}

func (d *Dialect) getGroup(c *call) error {
	number, err := c.pathNumber("groupId", noSuchGroup())
	if err != nil {
		return err
	}
	if number == builtInID {
		switch sees, err := d.seesBuiltIn(c); {
		case err != nil:
			return err
		case !sees:
			return noSuchGroup()
		}
		wire.WriteJSON(c.w, http.StatusOK, builtIn())
		return nil
	}
	group, _, err := d.Engine.GroupByNumber(c.ctx, c.actor, number)
	if countersign.KindOf(err) == countersign.NotFound || err == nil && group.State != countersign.GroupActive {
		return noSuchGroup()
	}
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, showGroup(&group.Group))
	return nil
}

// name refuses the one name that would pass for the built-in group.
func (in groupIn) name() (string, error) {
	if err := given("name", in.Name); err != nil {
		return "", err
	}
	if in.Name.Value == builtInName {
		return "", countersign.Code(countersign.Exists, "name_taken", "name", "is the name of the built-in group")
	}
	return in.Name.Value, nil
}

func (in groupIn) permissions() ([]countersign.Permission, error) {
	if err := given("permissions", in.Permissions); err != nil {
		return nil, err
	}
	return in.Permissions.Value, countersign.CheckPermissions(in.Permissions.Value)
}

func (d *Dialect) createGroup(c *call) error {
	var in groupIn
	if err := decode(c.r, &in); err != nil {
		return err
	}
	if !in.Name.Set {
		return countersign.E(countersign.Invalid, "name", "is required")
	}
	if !in.Permissions.Set {
		return countersign.E(countersign.Invalid, "permissions", "is required; an empty list assigns none")
	}
	name, err := in.name()
	if err != nil {
		return err
	}
	permissions, err := in.permissions()
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{
		status: http.StatusCreated,
		plan: func(engine.Present) ([]countersign.Change, error) {
			return []countersign.Change{&countersign.CreateGroup{Name: name, Permissions: permissions}}, nil
		},
		shown: func(out countersign.Outcome) any {
			shown := groupOut{}
			if made, ok := out.Change.Operations[0].(*countersign.CreateGroup); ok {
				shown.ID, shown.Name, shown.Permissions = made.Number, made.Name, listed(made.Permissions)
			}
			if inEffect(out) {
				shown.CreateTime = stamp(out.Change.CreatedAt)
			}
			return shown
		},
	})
}

// updateGroup is PUT and PATCH: what is not given stays (section 4).
func (d *Dialect) updateGroup(c *call) error {
	number, err := c.pathNumber("groupId", noSuchGroup())
	if err != nil {
		return err
	}
	var in groupIn
	if err := decode(c.r, &in); err != nil {
		return err
	}
	if number == builtInID {
		return protected("")
	}
	u := &groupUpdate{number: number, in: in}
	if _, err := in.name(); err != nil {
		return err
	}
	if u.permissions, err = in.permissions(); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		status: http.StatusOK, plan: u.plan, shown: u.shown,
		unchanged: func() any { return u.found },
	})
}

// groupUpdate is one update on its way: what was asked, and what the plan found.
type groupUpdate struct {
	number      int64
	in          groupIn
	permissions []countersign.Permission
	found       groupOut
}

// plan makes an update of what differs.
func (u *groupUpdate) plan(now engine.Present) ([]countersign.Change, error) {
	group, ok := now.GroupByNumber(u.number)
	if !ok {
		return nil, noSuchGroup()
	}
	u.found = showGroup(&group.Group)
	op := &countersign.UpdateGroup{GroupID: group.ID}
	if u.in.Name.Set && u.in.Name.Value != group.Name {
		op.Name = u.in.Name
	}
	if u.in.Permissions.Set && !sameSet(u.permissions, group.Permissions) {
		op.Permissions = countersign.Some(u.permissions)
	}
	if !op.Name.Set && !op.Permissions.Set {
		return nil, nil
	}
	return []countersign.Change{op}, nil
}

// shown is the group as it is once the change is in effect.
func (u *groupUpdate) shown(out countersign.Outcome) any {
	shown := u.found
	for _, op := range out.Change.Operations {
		if update, ok := op.(*countersign.UpdateGroup); ok {
			shown.Name, shown.Permissions = update.Name.Or(shown.Name), sorted(update.Permissions.Or(shown.Permissions))
		}
	}
	if inEffect(out) {
		shown.UpdateTime = stamp(out.Change.CreatedAt)
	}
	return shown
}

// sameSet compares a list without repetitions with what is stored, which is sorted.
func sameSet(given, stored []countersign.Permission) bool { return slices.Equal(sorted(given), stored) }

// sorted is how permissions are stored and shown.
func sorted(list []countersign.Permission) []countersign.Permission {
	return slices.Sorted(slices.Values(list))
}

// deleteGroup ends a group and what came through it; what its members hold
// individually stays theirs (section 9, reading A).
func (d *Dialect) deleteGroup(c *call) error {
	number, err := c.pathNumber("groupId", noSuchGroup())
	if err != nil {
		return err
	}
	if number == builtInID {
		return protected("")
	}
	return d.mutate(c, mutation{
		status: http.StatusNoContent,
		plan: func(now engine.Present) ([]countersign.Change, error) {
			group, ok := now.GroupByNumber(number)
			if !ok {
				return nil, noSuchGroup()
			}
			return []countersign.Change{&countersign.DeleteGroup{GroupID: group.ID}}, nil
		},
	})
}
