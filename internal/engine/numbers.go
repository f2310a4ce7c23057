package engine

import (
	"cmp"
	"context"

	"github.com/countersign/countersign"
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
