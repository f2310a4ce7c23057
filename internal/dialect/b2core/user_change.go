package b2core

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// maxGroups bounds the groups a body may name for one user.
const maxGroups = 1000

// check is what can be said of a body without looking at the directory.
func (in *userIn) check() error {
	if in.Password.Set {
		return countersign.Code(countersign.Invalid, "password_not_taken", "password",
			"is not taken here: people have no passwords in this directory, each enrols with a one-use code and makes his own token")
	}
	for _, err := range []error{
		given("name", in.Name), given("email", in.Email), given("active", in.Active), given("permissions", in.Permissions),
		given("groups", in.Groups), countersign.CheckPermissions(in.Permissions.Value),
	} {
		if err != nil {
			return err
		}
	}
	seen := map[groupNumber]bool{}
	for i, number := range in.Groups.Value {
		if seen[number] {
			return countersign.E(countersign.Invalid, groupField(i), "names a group a second time")
		}
		seen[number] = true
	}
	if len(seen) > maxGroups {
		return countersign.E(countersign.Invalid, "groups", "must name at most 1000 groups")
	}
	return nil
}

// profile is what a body says about the user besides; an empty entry, or null,
// takes away what is there.
func (in *userIn) profile(known countersign.Profile) countersign.Profile {
	moves := countersign.Profile{}
	for name, given := range map[string]countersign.Opt[string]{countersign.ProfilePhone: in.Phone, countersign.ProfileTelegramChatID: in.TelegramID} {
		if given.Set && given.Value != known[name] {
			moves[name] = given.Value
		}
	}
	return moves
}

func groupField(i int) string { return "groups." + strconv.Itoa(i) }

// groups finds the groups a body names, without the built-in one: nobody gets
// into that or out of it by being assigned.
func (in *userIn) groups(now engine.Present, administrator bool) ([]countersign.GroupView, error) {
	var out []countersign.GroupView
	named := false
	for i, number := range in.Groups.Value {
		if number == builtInID {
			named = true
			if !administrator {
				return nil, protected(groupField(i))
			}
			continue
		}
		group, ok := now.GroupByNumber(int64(number))
		if !ok {
			return nil, countersign.Code(countersign.Invalid, "group_unknown", groupField(i), "is the id of no user group")
		}
		out = append(out, group)
	}
	if administrator && !named {
		return nil, protected("groups")
	}
	return out, nil
}

// createUser invites a person, who holds nothing by role. Group assignment and
// individual permissions are part of the same change.
func (d *Dialect) createUser(c *call) error {
	var in userIn
	if err := decode(c.r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	for field, missing := range map[string]bool{"name": !in.Name.Set, "email": !in.Email.Set} {
		if missing {
			return countersign.E(countersign.Invalid, field, "is required")
		}
	}
	if in.Active.Set && !in.Active.Value {
		return countersign.E(countersign.Invalid, "active", "cannot be false for a new user; he is not active before he has enrolled, and can be suspended then")
	}
	made := &userCreation{in: in}
	return d.mutate(c, mutation{status: http.StatusCreated, plan: made.plan, shown: made.shown})
}

// userCreation is one invitation on its way.
type userCreation struct {
	in     userIn
	groups []countersign.GroupView
}

func (u *userCreation) plan(now engine.Present) ([]countersign.Change, error) {
	var err error
	if u.groups, err = u.in.groups(now, false); err != nil {
		return nil, err
	}
	invite := &countersign.InvitePerson{
		Name: strings.TrimSpace(u.in.Name.Value), Email: strings.TrimSpace(u.in.Email.Value), Role: countersign.RoleNone,
	}
	if profile := u.in.profile(nil); len(profile) > 0 {
		invite.Profile = profile
	}
	for i := range u.groups {
		invite.GroupIDs = append(invite.GroupIDs, u.groups[i].ID)
	}
	ops := []countersign.Change{invite}
	if len(u.in.Permissions.Value) > 0 {
		ops = append(ops, &countersign.GrantPermissions{UserID: countersign.PrecedingUser, Permissions: u.in.Permissions.Value})
	}
	return ops, nil
}

func (u *userCreation) shown(out countersign.Outcome) any {
	shown := userOut{Permissions: sorted(u.in.Permissions.Value), Groups: refs(u.groups)}
	if shown.Permissions == nil {
		shown.Permissions = []countersign.Permission{}
	}
	if invited, ok := out.Change.Operations[0].(*countersign.InvitePerson); ok {
		shown.ID, shown.Name, shown.Email = invited.Number, invited.Name, &invited.Email
		shown.describe(invited.Profile)
	}
	if inEffect(out) {
		shown.CreateTime = stamp(out.Change.CreatedAt)
	}
	return shown
}

// refs shows groups as a user's object lists them.
func refs(groups []countersign.GroupView) []groupRef {
	out := make([]groupRef, len(groups))
	for i := range groups {
		out[i] = groupRef{groups[i].Number, groups[i].Name}
	}
	slices.SortFunc(out, byID)
	return out
}

// updateUser is PUT and PATCH: what is not given stays.
func (d *Dialect) updateUser(c *call) error {
	number, err := c.pathNumber("userId", noSuchUser())
	if err != nil {
		return err
	}
	var in userIn
	if err := decode(c.r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	u := &userUpdate{number: number, in: in}
	return d.mutate(c, mutation{
		status: http.StatusOK, plan: u.plan, shown: u.shown,
		unchanged: func() any { return u.found },
	})
}

// userUpdate is one update on its way: what was asked, what the plan found, and
// the groups that the user will be in.
type userUpdate struct {
	number int64
	in     userIn
	found  userOut
	known  countersign.Profile
	after  []groupRef
}

// plan makes operations of what differs: several, and one change.
func (u *userUpdate) plan(now engine.Present) ([]countersign.Change, error) {
	user, err := profile(now, u.number)
	if err != nil {
		return nil, err
	}
	u.found = showUser(&user)
	u.after, u.known = u.found.Groups, user.Profile
	ops := u.attributes(&user)
	if u.in.Permissions.Set && !sameSet(u.in.Permissions.Value, user.Permissions) {
		ops = append(ops, &countersign.SetPermissions{UserID: user.ID, Permissions: u.in.Permissions.Value})
	}
	if u.in.Groups.Set {
		assigned, err := u.assign(now, &user)
		if err != nil {
			return nil, err
		}
		ops = append(ops, assigned...)
	}
	if len(ops) >= countersign.MaxOperations {
		return nil, countersign.E(countersign.Invalid, "groups", "changes too many groups at once; a change holds at most 100 operations")
	}
	turned, err := u.turn(&user)
	return append(ops, turned...), err
}

func (u *userUpdate) attributes(user *countersign.UserView) []countersign.Change {
	op := &countersign.UpdateUser{UserID: user.ID}
	if u.in.Name.Set && u.in.Name.Value != user.Name {
		op.Name = u.in.Name
	}
	if u.in.Email.Set && u.in.Email.Value != user.Email {
		op.Email = u.in.Email
	}
	if moves := u.in.profile(user.Profile); len(moves) > 0 {
		op.Profile = countersign.Some(moves)
	}
	if !op.Name.Set && !op.Email.Set && !op.Profile.Set {
		return nil
	}
	return []countersign.Change{op}
}

// assign makes the groups of a user those that are named: whoever stays in a
// group keeps his role and his dates in it.
func (u *userUpdate) assign(now engine.Present, user *countersign.UserView) ([]countersign.Change, error) {
	administrator := isAdministrator(&user.User)
	wanted, err := u.in.groups(now, administrator)
	if err != nil {
		return nil, err
	}
	keep := make(map[countersign.GroupID]bool, len(wanted))
	for i := range wanted {
		keep[wanted[i].ID] = true
	}
	var ops []countersign.Change
	for i := range user.Groups {
		switch g := &user.Groups[i]; {
		case !isIn(g):
		case keep[g.ID]:
			delete(keep, g.ID)
		default:
			ops = append(ops, &countersign.RemoveMembership{MembershipID: g.MembershipID})
		}
	}
	for i := range wanted {
		if keep[wanted[i].ID] {
			ops = append(ops, &countersign.AddMembership{UserID: user.ID, GroupID: wanted[i].ID})
		}
	}
	u.after = refs(wanted)
	if administrator {
		u.after = append([]groupRef{{builtInID, builtInName}}, u.after...)
	}
	return ops, nil
}

// turn suspends or reactivates. Nobody but the user himself can end his waiting
// to enrol.
func (u *userUpdate) turn(user *countersign.UserView) ([]countersign.Change, error) {
	active := user.State == countersign.UserActive
	switch {
	case !u.in.Active.Set || u.in.Active.Value == active:
		return nil, nil
	case active:
		return []countersign.Change{&countersign.SuspendUser{UserID: user.ID}}, nil
	case user.State == countersign.UserSuspended:
		return []countersign.Change{&countersign.ReactivateUser{UserID: user.ID}}, nil
	default:
		return nil, countersign.Code(countersign.Refused, "wrong_state", "active", "cannot be true before the user has enrolled; he does that himself, with a one-use code")
	}
}

func (u *userUpdate) shown(out countersign.Outcome) any {
	shown := u.found
	shown.Groups = u.after
	touched := false // being in a group is no part of the user himself
	for _, op := range out.Change.Operations {
		switch op := op.(type) {
		case *countersign.UpdateUser:
			shown.Name = op.Name.Or(shown.Name)
			if op.Email.Set {
				shown.Email = &op.Email.Value
			}
			shown.describe(u.known.Merged(op.Profile.Value))
		case *countersign.SetPermissions:
			shown.Permissions = listed(sorted(op.Permissions))
		case *countersign.SuspendUser:
			shown.Active = false
		case *countersign.ReactivateUser:
			shown.Active = true
		default:
			continue
		}
		touched = true
	}
	if touched && inEffect(out) {
		shown.UpdateTime = stamp(out.Change.CreatedAt)
	}
	return shown
}
