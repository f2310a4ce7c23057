package engine

import (
	"cmp"
	"context"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/store"
)

// The reads by number answer the dialects whose ids are small numbers. They show
// what the reads by id show, to the same actors, but for what does not exist yet:
// an open request leads to nothing by the number it was allotted.

// UserByNumber reads one user, deleted or not, and the revision of the answer.
func (e *Engine) UserByNumber(ctx context.Context, actor countersign.Actor, number int64) (countersign.UserView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.UserView{}, 0, err
	}
	defer v.done()
	user, ok, err := v.userByNumber(ctx, number)
	if err != nil || !ok {
		return countersign.UserView{}, 0, cmp.Or(err, missingThing("user"))
	}
	return user, v.picture.Position(), nil
}

// userByNumber finds whom the actor may see. Who sees only himself is told the
// same in the same way of every other number, taken or not.
func (v view) userByNumber(ctx context.Context, number int64) (countersign.UserView, bool, error) {
	if !v.holds(countersign.UsersRead) {
		self, ok := v.picture.User(v.actor.Viewer(), v.now)
		return self, ok && self.Number == number && number > 0, nil
	}
	if user, ok := v.picture.UserByNumber(number, v.now); ok {
		return user, true, nil
	}
	row, ok, err := buried(ctx, v, func(tx store.ReadTx) (countersign.User, error) { return tx.UserByNumber(ctx, number) })
	return countersign.UserView{User: row, Groups: []countersign.GroupRef{}}, ok && !row.Living(), err
}

// GroupByNumber reads one group, deleted or not, and the revision of the answer.
func (e *Engine) GroupByNumber(ctx context.Context, actor countersign.Actor, number int64) (countersign.GroupView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.GroupView{}, 0, err
	}
	defer v.done()
	group, ok, err := v.groupByNumber(ctx, number)
	if err != nil || !ok {
		return countersign.GroupView{}, 0, cmp.Or(err, missingThing("group"))
	}
	return group, v.picture.Position(), nil
}

func (v view) groupByNumber(ctx context.Context, number int64) (countersign.GroupView, bool, error) {
	group, ok := v.picture.GroupByNumber(number, v.now)
	if !v.holds(countersign.GroupsRead) {
		return group, ok && v.member(group.ID), nil
	}
	if ok {
		return group, true, nil
	}
	row, ok, err := buried(ctx, v, func(tx store.ReadTx) (countersign.Group, error) { return tx.GroupByNumber(ctx, number) })
	return countersign.GroupView{Group: row}, ok && !row.Living(), err
}

// MembershipByNumber reads one membership that was not removed, and the revision
// of the answer.
func (e *Engine) MembershipByNumber(ctx context.Context, actor countersign.Actor, number int64) (countersign.MembershipView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.MembershipView{}, 0, err
	}
	defer v.done()
	m, ok := v.picture.MembershipByNumber(number, v.now)
	if !ok || !v.sees(&m) {
		return countersign.MembershipView{}, 0, missingThing("membership")
	}
	return m, v.picture.Position(), nil
}

// sees reports whether the actor may see a membership.
func (v view) sees(m *countersign.MembershipView) bool {
	return m.State != countersign.MembershipRemoved && (m.UserID == v.actor.Viewer() || v.seesMembers(m.GroupID))
}

// NumberedUsers lists people and API users in the order of their numbers. It asks
// for users.read: who sees only himself has no list to page through.
func (e *Engine) NumberedUsers(ctx context.Context, actor countersign.Actor, f countersign.NumberedUserFilter, p countersign.NumberPage) (List[countersign.UserView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.UserView]{}, err
	}
	defer v.done()
	if err := access.Require(v.holds, countersign.UsersRead); err != nil {
		return List[countersign.UserView]{}, err
	}
	return v.picture.NumberedUsers(f, p, v.now), nil
}

// NumberedGroups lists groups in the order of their numbers, and asks for
// groups.read.
func (e *Engine) NumberedGroups(ctx context.Context, actor countersign.Actor, prefix string, p countersign.NumberPage) (List[countersign.GroupView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.GroupView]{}, err
	}
	defer v.done()
	if err := access.Require(v.holds, countersign.GroupsRead); err != nil {
		return List[countersign.GroupView]{}, err
	}
	return v.picture.NumberedGroups(prefix, p, v.now), nil
}

// MembersByNumber lists who is in the group of a number, in the order of their
// memberships' numbers. To whom the group does not show its members it is
// Forbidden, to whom it does not show itself there is no such group.
func (e *Engine) MembersByNumber(ctx context.Context, actor countersign.Actor, number int64, p countersign.NumberPage) (List[countersign.MembershipView], error) {
	none := List[countersign.MembershipView]{}
	v, err := e.look(ctx, actor)
	if err != nil {
		return none, err
	}
	defer v.done()
	group, ok := v.picture.GroupByNumber(number, v.now)
	switch {
	case !ok || !group.Living():
		return none, missingThing("group")
	case v.seesMembers(group.ID):
		return v.picture.NumberedMembers(group.ID, p, v.now), nil
	case v.holds(countersign.GroupsRead) || v.member(group.ID):
		return none, countersign.Code(countersign.Forbidden, "members_hidden", "", "this group does not show its members to you")
	default:
		return none, missingThing("group")
	}
}

// MembershipsByNumber lists the groups which the user of a number is in, in the
// order of the memberships' numbers: one's own, or with memberships.read anybody's.
func (e *Engine) MembershipsByNumber(ctx context.Context, actor countersign.Actor, number int64, p countersign.NumberPage) (List[countersign.MembershipView], error) {
	none := List[countersign.MembershipView]{}
	v, err := e.look(ctx, actor)
	if err != nil {
		return none, err
	}
	defer v.done()
	user, ok, err := v.userByNumber(ctx, number)
	switch {
	case err != nil:
		return none, err
	case !ok || !user.Living():
		return none, missingThing("user")
	case user.ID != actor.Viewer():
		if err := access.Require(v.holds, countersign.MembershipsRead); err != nil {
			return none, err
		}
	}
	return v.picture.NumberedMemberships(user.ID, p, v.now), nil
}

// Administers reports whether the actor may read the single memberships of a
// group: with memberships.read, or as its admin.
func (e *Engine) Administers(ctx context.Context, actor countersign.Actor, id countersign.GroupID) (bool, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return false, err
	}
	defer v.done()
	for _, party := range parties(v.picture, actor, v.now) {
		standing, in := party.Standing(id)
		if !access.SeeMembers(party.holds, countersign.AdminsOnly, standing, in) {
			return false, nil
		}
	}
	return true, nil
}

// FirstAdmin is the admin with the smallest number, who is told to be the admin
// where an API knows exactly one; the others are his deputies. Empty without
// users.read.
func (e *Engine) FirstAdmin(ctx context.Context, actor countersign.Actor) (countersign.UserID, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return "", err
	}
	defer v.done()
	if !v.holds(countersign.UsersRead) {
		return "", nil
	}
	return v.picture.FirstAdmin(v.now), nil
}
