package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
)

// Look is one look at an organization: everything asked through it comes from one
// picture at one moment. It is for answers that are put together from several
// lists, in one goroutine. Close ends it.
type Look struct {
	view
	ctx   context.Context //nolint:containedctx // a look lives within one call
	brief map[countersign.UserID]*countersign.User
}

// Look opens a look by an actor.
func (e *Engine) Look(ctx context.Context, actor countersign.Actor) (*Look, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &Look{view: v, ctx: ctx}, nil
}

// Close lets the picture go.
func (l *Look) Close() { l.done() }

// Now is the moment of the look.
func (l *Look) Now() time.Time { return l.now }

// Holds reports whether the actor effectively holds a permission.
func (l *Look) Holds(p countersign.Permission) bool { return l.holds(p) }

// Users is Engine.Users within the look.
func (l *Look) Users(f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.UserView], error) {
	return l.users(l.ctx, f, sort, p)
}

// User is Engine.User within the look.
func (l *Look) User(id countersign.UserID) (countersign.UserView, error) { return l.oneUser(l.ctx, id) }

// Groups is Engine.Groups within the look.
func (l *Look) Groups(f countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.GroupView], error) {
	return l.groups(l.ctx, f, sort, p)
}

// Group is Engine.Group within the look.
func (l *Look) Group(id countersign.GroupID) (countersign.GroupView, error) {
	return l.oneGroup(l.ctx, id)
}

// Brief finds a user by id for a mention of him: deleted or not, or yet to be
// created. Nil for nobody, and for whom the actor may not see. Who is mentioned
// twice is looked up once.
func (l *Look) Brief(id countersign.UserID) (*countersign.User, error) {
	if u, known := l.brief[id]; known {
		return u, nil
	}
	if l.brief == nil {
		l.brief = map[countersign.UserID]*countersign.User{}
	}
	var found *countersign.User
	if id != "" && (id == l.actor.Viewer() || l.holds(countersign.UsersRead)) {
		u, ok := l.picture.Brief(id, l.now)
		if !ok {
			view, deleted, err := l.user(l.ctx, id)
			if err != nil {
				return nil, err
			}
			u, ok = view.User, deleted
		}
		if ok {
			found = &u
		}
	}
	l.brief[id] = found
	return found, nil
}

// Proposal is what open requests would make of a group; false for nothing, and
// for who may not see it: pending states show with users.read.
func (l *Look) Proposal(id countersign.GroupID) (roster.Proposal, bool) {
	if !l.holds(countersign.UsersRead) {
		return roster.Proposal{}, false
	}
	return l.picture.Proposal(id, l.now)
}

// Tokens lists the tokens that work now of users of a type. It needs
// credentials.read.
func (l *Look) Tokens(kind countersign.UserType, users []countersign.UserID, p countersign.Page) (List[countersign.Credential], error) {
	if err := access.Require(l.holds, countersign.CredentialsRead); err != nil {
		return List[countersign.Credential]{}, err
	}
	return l.picture.Tokens(kind, users, p, l.now), nil
}

// Asked is who is asked about an open request, and what he said.
type Asked struct {
	CreatedAt time.Time
	// Reachable is false when it can no longer be applied as things stand.
	Reachable bool
	// Clauses must all be met.
	Clauses []AskedClause
}

// AskedClause is one clause with the people of its pool.
type AskedClause struct {
	Need   int
	People []AskedPerson
}

// AskedPerson is one who could vote when the request was made. The requester, his
// responsible person and the subjects of the request are never among them.
type AskedPerson struct {
	ID countersign.UserID
	// Eligible is false for who has lost what let him vote: he no longer counts.
	Eligible bool
	// Approved says that he voted for it, at At; it counts while he is eligible.
	Approved bool
	At       time.Time
}

// Asked tells who is asked about an open request the actor may see.
func (l *Look) Asked(id countersign.ChangeID) (Asked, bool) {
	request, ok := l.picture.OpenChange(id, l.now)
	if !ok || !access.SeeChange(l.actor, l.holds, request.Requester, request.RequesterPerson) {
		return Asked{}, false
	}
	c := gather(l.picture, request, l.now)
	out := Asked{CreatedAt: request.CreatedAt, Reachable: c.unreachable(request, approval.Count(c.Case), l.now) == nil}
	for _, clause := range c.Clauses {
		voters := approval.Voters(clause, c.Excluded)
		asked := AskedClause{Need: clause.Clause.Need}
		for _, person := range clause.Pool {
			if slices.Contains(c.Excluded, person) {
				continue
			}
			p := AskedPerson{ID: person, Eligible: slices.Contains(voters, person)}
			if vote, voted := c.spoke(person); voted {
				p.Approved, p.At = vote.Decision == countersign.Approve, vote.At
			}
			asked.People = append(asked.People, p)
		}
		out.Clauses = append(out.Clauses, asked)
	}
	return out, true
}

func (v view) users(ctx context.Context, f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.UserView], error) {
	f = access.Users(v.actor, v.holds, f)
	return listed(ctx, v, func(picture *roster.Picture) (List[countersign.UserView], error) {
		return picture.Users(f, sort, p, v.now)
	})
}

func (v view) oneUser(ctx context.Context, id countersign.UserID) (countersign.UserView, error) {
	if id != v.actor.Viewer() && !v.holds(countersign.UsersRead) {
		return countersign.UserView{}, missingThing("user")
	}
	user, ok, err := v.user(ctx, id)
	if err != nil || !ok {
		return user, cmp.Or(err, missingThing("user"))
	}
	return user, nil
}

func (v view) groups(ctx context.Context, f countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page) (List[countersign.GroupView], error) {
	f = access.Groups(v.actor, v.holds, f)
	return listed(ctx, v, func(picture *roster.Picture) (List[countersign.GroupView], error) {
		return picture.Groups(f, sort, p, v.now)
	})
}

func (v view) oneGroup(ctx context.Context, id countersign.GroupID) (countersign.GroupView, error) {
	group, ok, err := v.group(ctx, id)
	if err != nil || !ok || (!v.holds(countersign.GroupsRead) && !v.member(id)) {
		return countersign.GroupView{}, cmp.Or(err, missingThing("group"))
	}
	return group, nil
}
