package engine

import (
	"context"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/roster"
)

// view is one look at an organization by one actor: one picture, one instant.
type view struct {
	book  *roster.Book
	actor countersign.Actor
	now   time.Time
}

func (e *Engine) look(ctx context.Context, actor countersign.Actor) (view, error) {
	book, err := e.Picture(ctx, actor.Organization)
	return view{book: book, actor: actor, now: e.instant()}, err
}

func (v view) holds(p countersign.Permission) bool {
	return v.book.Holds(v.actor.User, p, v.now)
}

func missingThing(what string) error {
	return countersign.E(countersign.NotFound, "", "no such "+what)
}

// Users lists users the actor may see.
func (e *Engine) Users(ctx context.Context, actor countersign.Actor, f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.UserView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.UserView]{}, err
	}
	return v.book.Users(access.Users(actor, v.holds, f), sort, p, v.now)
}

// User reads one user, deleted or not, and the revision of the answer.
func (e *Engine) User(ctx context.Context, actor countersign.Actor, id countersign.UserID) (countersign.UserView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.UserView{}, 0, err
	}
	if id != actor.User && !v.holds(countersign.UsersRead) {
		return countersign.UserView{}, 0, missingThing("user")
	}
	revision := v.book.Position()
	user, ok := v.book.User(id, v.now)
	if !ok {
		return user, 0, missingThing("user")
	}
	return user, revision, nil
}

// Groups lists groups the actor may see.
func (e *Engine) Groups(ctx context.Context, actor countersign.Actor, f countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.GroupView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[countersign.GroupView]{}, err
	}
	return v.book.Groups(access.Groups(actor, v.holds, f), sort, p, v.now)
}

// Group reads one group, deleted or not, and the revision of the answer.
func (e *Engine) Group(ctx context.Context, actor countersign.Actor, id countersign.GroupID) (countersign.GroupView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.GroupView{}, 0, err
	}
	revision := v.book.Position()
	group, ok := v.book.Group(id, v.now)
	if !ok || (!v.holds(countersign.GroupsRead) && !v.member(id)) {
		return countersign.GroupView{}, 0, missingThing("group")
	}
	return group, revision, nil
}

// member reports whether the actor has a membership in a group now.
func (v view) member(id countersign.GroupID) bool {
	list, err := v.book.Memberships(countersign.MembershipFilter{
		GroupIDs: []countersign.GroupID{id}, Only: v.actor.User,
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
	return v.book.Memberships(access.Memberships(actor, v.holds, f), sort, p, v.now)
}

// Membership reads one membership and the revision of the answer.
func (e *Engine) Membership(ctx context.Context, actor countersign.Actor, id countersign.MembershipID) (countersign.MembershipView, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.MembershipView{}, 0, err
	}
	revision := v.book.Position()
	m, ok := v.book.Membership(id, v.now)
	if !ok || m.State == countersign.MembershipRemoved || (m.UserID != actor.User && !v.holds(countersign.MembershipsRead)) {
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
	if id != actor.User && !v.holds(countersign.UsersRead) {
		return nil, 0, missingThing("user")
	}
	revision := v.book.Position()
	list, ok := v.book.Effective(id, v.now)
	if !ok {
		return nil, 0, missingThing("user")
	}
	return list, revision, nil
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
	return v.check(q)
}

func (v view) check(q Question) (countersign.Verdict, error) {
	if q.User != v.actor.User {
		if err := access.Require(v.holds, countersign.UsersRead); err != nil {
			return countersign.Verdict{}, err
		}
	}
	return v.book.Check(q.User, q.Permission, v.now, q.Explain), nil
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
	out := make([]countersign.Verdict, len(qs))
	for i, q := range qs {
		if out[i], err = v.check(q); err != nil {
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
	return v.book.Organization(), nil
}

// Permissions lists the catalogue; everybody may.
func (e *Engine) Permissions(ctx context.Context, actor countersign.Actor) ([]countersign.CataloguePermission, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	revision := v.book.Position()
	return v.book.Catalogue(), revision, nil
}

// Credentials lists the credentials of a user: one's own, or with
// credentials.read anybody's. Secrets are in none of them.
func (e *Engine) Credentials(ctx context.Context, actor countersign.Actor, user countersign.UserID) ([]countersign.Credential, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	if user != actor.User {
		if err := access.Require(v.holds, countersign.CredentialsRead); err != nil {
			return nil, 0, err
		}
		if _, ok := v.book.User(user, v.now); !ok {
			return nil, 0, missingThing("user")
		}
	}
	revision := v.book.Position()
	return v.book.Credentials(user), revision, nil
}

// Credential reads one credential.
func (e *Engine) Credential(ctx context.Context, actor countersign.Actor, id countersign.CredentialID) (countersign.Credential, int64, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.Credential{}, 0, err
	}
	revision := v.book.Position()
	c, ok := v.book.Credential(id)
	if !ok || (c.UserID != actor.User && c.RequestedBy != actor.User && !v.holds(countersign.CredentialsRead)) {
		return countersign.Credential{}, 0, missingThing("credential")
	}
	return c, revision, nil
}
