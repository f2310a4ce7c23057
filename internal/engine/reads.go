package engine

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// view is one look at an organization by one actor: one picture, one instant.
// Whoever looked has to look away (done), so that the picture is not evicted
// while he uses it.
type view struct {
	e       *Engine
	place   *place
	picture *roster.Picture
	actor   countersign.Actor
	now     time.Time
}

func (e *Engine) look(ctx context.Context, actor countersign.Actor) (view, error) {
	p, err := e.place(ctx, actor.Organization)
	if err != nil {
		return view{}, err
	}
	picture, err := e.current(ctx, p)
	if err != nil {
		p.release()
		return view{}, err
	}
	return view{e: e, place: p, picture: picture, actor: actor, now: e.instant()}, nil
}

func (v view) done() {
	if v.place != nil {
		v.place.release()
	}
}

// listed asks for a list, and again with the deleted rows at hand if it needs them.
func listed[T any](ctx context.Context, v view, ask func(*roster.Picture) (List[T], error)) (List[T], error) {
	list, err := ask(v.picture)
	if !errors.Is(err, roster.ErrCold) {
		return list, err
	}
	picture, err := v.e.thaw(ctx, v.place)
	if err != nil {
		return list, err
	}
	return ask(picture)
}

// buried reads a row that the picture lacks: what is deleted is not in memory
// until a list asks for it. False when there is no such row.
func buried[T any](ctx context.Context, v view, read func(store.ReadTx) (T, error)) (row T, ok bool, err error) {
	if v.picture.HasCold() {
		return row, false, nil
	}
	err = v.e.store.Read(ctx, v.actor.Organization, func(tx store.ReadTx) error {
		found, err := read(tx)
		row = found
		return err
	})
	if isKind(err, countersign.NotFound) {
		return row, false, nil
	}
	return row, err == nil, err
}

// user finds a user, deleted or not. A deleted one is in no group.
func (v view) user(ctx context.Context, id countersign.UserID) (countersign.UserView, bool, error) {
	if user, ok := v.picture.User(id, v.now); ok {
		return user, true, nil
	}
	row, ok, err := buried(ctx, v, func(tx store.ReadTx) (countersign.User, error) { return tx.User(ctx, id) })
	return countersign.UserView{User: row, Groups: []countersign.GroupRef{}}, ok && !row.Living(), err
}

// group finds a group, deleted or not. A deleted one has no members.
func (v view) group(ctx context.Context, id countersign.GroupID) (countersign.GroupView, bool, error) {
	if group, ok := v.picture.Group(id, v.now); ok {
		return group, true, nil
	}
	row, ok, err := buried(ctx, v, func(tx store.ReadTx) (countersign.Group, error) { return tx.Group(ctx, id) })
	return countersign.GroupView{Group: row}, ok && !row.Living(), err
}

func (v view) holds(p countersign.Permission) bool { return holds(v.picture, v.actor, p, v.now) }

func missingThing(what string) error {
	return countersign.E(countersign.NotFound, "", "no such "+what)
}

// Users lists users the actor may see.
func (e *Engine) Users(ctx context.Context, actor countersign.Actor, f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.UserView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.UserView]{}, err
	}
	defer v.done()
	return v.users(ctx, f, sort, p)
}

// User reads one user, deleted or not, and the revision of the answer.
func (e *Engine) User(ctx context.Context, actor countersign.Actor, id countersign.UserID) (countersign.UserView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.UserView{}, 0, err
	}
	defer v.done()
	user, err := v.oneUser(ctx, id)
	if err != nil {
		return user, 0, err
	}
	return user, v.picture.Position(), nil
}

// Groups lists groups the actor may see.
func (e *Engine) Groups(ctx context.Context, actor countersign.Actor, f countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.GroupView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.GroupView]{}, err
	}
	defer v.done()
	return v.groups(ctx, f, sort, p)
}

// Group reads one group, deleted or not, and the revision of the answer.
func (e *Engine) Group(ctx context.Context, actor countersign.Actor, id countersign.GroupID) (countersign.GroupView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.GroupView{}, 0, err
	}
	defer v.done()
	group, err := v.oneGroup(ctx, id)
	if err != nil {
		return group, 0, err
	}
	return group, v.picture.Position(), nil
}

// member reports whether the actor has a membership in a group now.
func (v view) member(id countersign.GroupID) bool {
	list, err := v.picture.Memberships(countersign.MembershipFilter{
		GroupIDs: []countersign.GroupID{id}, Only: v.actor.Viewer(),
		States: []countersign.MembershipState{countersign.MembershipActive, countersign.MembershipPendingRemoval},
	}, nil, countersign.Page{}, v.now)
	return err == nil && list.Total > 0
}

// Memberships lists memberships the actor may see.
func (e *Engine) Memberships(ctx context.Context, actor countersign.Actor, f countersign.MembershipFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.MembershipView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.MembershipView]{}, err
	}
	defer v.done()
	f = access.Memberships(actor, v.holds, v.seesMembers, f)
	return listed(ctx, v, func(picture *roster.Picture) (List[countersign.MembershipView], error) {
		return picture.Memberships(f, sort, p, v.now)
	})
}

// Membership reads one membership and the revision of the answer.
func (e *Engine) Membership(ctx context.Context, actor countersign.Actor, id countersign.MembershipID) (countersign.MembershipView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.MembershipView{}, 0, err
	}
	defer v.done()
	revision := v.picture.Position()
	m, ok := v.picture.Membership(id, v.now)
	if !ok || !v.sees(&m) {
		return countersign.MembershipView{}, 0, missingThing("membership")
	}
	return m, revision, nil
}

// Effective lists what a user may do now, with every reason why.
func (e *Engine) Effective(ctx context.Context, actor countersign.Actor, id countersign.UserID) ([]countersign.EffectivePermission, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	defer v.done()
	if id != actor.Viewer() && !v.holds(countersign.UsersRead) {
		return nil, 0, missingThing("user")
	}
	if _, ok, err := v.user(ctx, id); err != nil || !ok {
		return nil, 0, cmp.Or(err, missingThing("user"))
	}
	list, _ := v.picture.Effective(id, v.now)
	return orEmpty(list), v.picture.Position(), nil
}

// MaxQuestions bounds a batch of checks.
const MaxQuestions = 1000

// Check answers whether a user may do something now. Asking about others needs
// users.read.
func (e *Engine) Check(ctx context.Context, actor countersign.Actor, q Question) (countersign.Verdict, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.Verdict{}, err
	}
	defer v.done()
	return v.check(ctx, q)
}

func (v view) check(ctx context.Context, q Question) (countersign.Verdict, error) {
	if q.User != v.actor.Viewer() {
		if err := access.Require(v.holds, countersign.UsersRead); err != nil {
			return countersign.Verdict{}, err
		}
	}
	verdict := v.picture.Check(q.User, q.Permission, v.now, q.Explain)
	if verdict.Why != "user_unknown" {
		return verdict, nil
	}
	// A deleted user is not unknown, only not active.
	if _, ok, err := v.user(ctx, q.User); err != nil || !ok {
		return verdict, err
	}
	verdict.Why = "user_not_active"
	return verdict, nil
}

// CheckAll answers many questions at one instant.
func (e *Engine) CheckAll(ctx context.Context, actor countersign.Actor, qs []Question) ([]countersign.Verdict, error) {
	if len(qs) > MaxQuestions {
		return nil, countersign.E(countersign.Invalid, "checks", "must hold at most 1000 questions")
	}
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, err
	}
	defer v.done()
	out := make([]countersign.Verdict, len(qs))
	for i, q := range qs {
		if out[i], err = v.check(ctx, q); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Organization reads the organization; everybody in it may.
func (e *Engine) Organization(ctx context.Context, actor countersign.Actor) (countersign.Organization, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.Organization{}, err
	}
	defer v.done()
	return v.picture.Organization(), nil
}

// Permissions lists the catalogue; everybody may.
func (e *Engine) Permissions(ctx context.Context, actor countersign.Actor) ([]countersign.CataloguePermission, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	defer v.done()
	revision := v.picture.Position()
	return v.picture.Catalogue(), revision, nil
}

// Credentials lists the credentials of a user: one's own, or with
// credentials.read anybody's. Secrets are in none of them.
func (e *Engine) Credentials(ctx context.Context, actor countersign.Actor, user countersign.UserID) ([]countersign.Credential, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	defer v.done()
	if user != actor.Viewer() {
		if err := access.Require(v.holds, countersign.CredentialsRead); err != nil {
			return nil, 0, err
		}
		if _, ok, err := v.user(ctx, user); err != nil || !ok {
			return nil, 0, cmp.Or(err, missingThing("user"))
		}
	}
	revision := v.picture.Position()
	return v.picture.Credentials(user), revision, nil
}

// Credential reads one credential.
func (e *Engine) Credential(ctx context.Context, actor countersign.Actor, id countersign.CredentialID) (countersign.Credential, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.Credential{}, 0, err
	}
	defer v.done()
	revision := v.picture.Position()
	c, ok := v.picture.Credential(id)
	if !ok || (c.UserID != actor.Viewer() && c.RequestedBy != actor.Viewer() && !v.holds(countersign.CredentialsRead)) {
		return countersign.Credential{}, 0, missingThing("credential")
	}
	return c, revision, nil
}
