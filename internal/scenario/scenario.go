// Package scenario runs stories with several people, for tests only:
//
//	w := scenario.New(t, scenario.Direct, open)
//	w.Admins("ada", "grace", "linus").Seal()
//	request := w.As("ada").Asks(w.Grant("vera", countersign.VaultsCreate))
//	w.As("ada").Approves(request).MustFail("not_eligible")
//	w.As("grace").Approves(request).MustBe(countersign.ChangeApplied)
//
// The same story runs against the engine and, through a Door of its own, over
// HTTP. The world's clock stands still until the story moves it.
package scenario

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
)

// Seen is a change request as a door shows it.
type Seen struct {
	ID     countersign.ChangeID
	State  countersign.ChangeState
	Digest string
	// Operations as submitted, allotted ids included.
	Operations []countersign.Change
	ReplacedBy countersign.ChangeID
	CanDecide  bool
	// Ratification asks others about an emergency act.
	Ratification countersign.ChangeID
}

// Door is one way into the house.
type Door interface {
	Submit(who *Someone, ops []countersign.Change) (Seen, error)
	// Act submits an emergency act.
	Act(who *Someone, op countersign.Change, reason string) (Seen, error)
	Decide(who *Someone, id countersign.ChangeID, decision countersign.Decision, digest string) (Seen, error)
	Cancel(who *Someone, id countersign.ChangeID) (Seen, error)
	Replace(who *Someone, id countersign.ChangeID, ops []countersign.Change) (Seen, error)
	Look(who *Someone, id countersign.ChangeID) (Seen, error)
	Check(who *Someone, user countersign.UserID, p countersign.Permission) (bool, error)
}

// Opening makes the door of a world.
type Opening func(w *World) Door

// Clock stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the story's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass moves time on.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// World is one deployment with one organization in it.
type World struct {
	T      testing.TB
	Clock  *Clock
	Store  store.Store
	Engine *engine.Engine
	Authn  *authn.Authenticator
	Org    countersign.Organization

	door   Door
	people map[string]*Someone
	first  *Someone
}

// Someone is a user with a token.
type Someone struct {
	Name  string
	User  countersign.User
	Token string
	Actor countersign.Actor

	w *World
}

// New founds an organization whose first admin is ada.
func New(t testing.TB, opening Opening, s store.Store) *World {
	t.Helper()
	clock := &Clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	return in(t, opening, s, clock, NewEngine(s, clock), "Northwind Custody")
}

// NewEngine makes an engine on a story's clock.
func NewEngine(s store.Store, clock *Clock) *engine.Engine {
	return engine.New(engine.Config{
		Store: s, Now: clock.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
		Random: rand.Reader, Build: "test",
	})
}

// Beside founds another organization in the same deployment.
func (w *World) Beside(opening Opening, name string) *World {
	w.T.Helper()
	return in(w.T, opening, w.Store, w.Clock, w.Engine, name)
}

func in(t testing.TB, opening Opening, s store.Store, clock *Clock, e *engine.Engine, name string) *World {
	t.Helper()
	w := &World{T: t, Clock: clock, Store: s, Engine: e, Authn: authn.New(e, clock.Now), people: map[string]*Someone{}}
	founded, err := e.Found(t.Context(), engine.Founding{Organization: name, AdminName: "Ada", AdminEmail: "ada@" + uuid.NewString()[:8] + ".example"})
	w.must(err)
	w.Org = founded.Organization
	w.first = w.admit("ada", founded.Admin, founded.Token.Reveal())
	w.door = opening(w)
	return w
}

// admit gives a user a place in the story.
func (w *World) admit(name string, u countersign.User, token string) *Someone {
	w.T.Helper()
	one := &Someone{Name: name, User: u, Token: token, w: w, Actor: countersign.Actor{
		Organization: w.Org.ID, User: u.ID, Type: u.Type, ResponsiblePerson: u.ID, Method: countersign.ByToken,
	}}
	actor, err := w.Authn.Bearer(w.T.Context(), token, anywhere)
	w.must(err)
	one.Actor = actor
	w.people[name] = one
	return one
}

func (w *World) must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Context of the story.
func (w *World) Context() context.Context { return w.T.Context() }

// As returns someone by name.
func (w *World) As(name string) *Someone {
	w.T.Helper()
	one, ok := w.people[name]
	if !ok {
		w.T.Fatalf("nobody is called %s", name)
	}
	return one
}

// ID is the user id of someone.
func (w *World) ID(name string) countersign.UserID { return w.As(name).User.ID }

// Admins makes people admins who are active and hold a token; ada is one already.
func (w *World) Admins(names ...string) *World { return w.People(countersign.RoleAdmin, names...) }

// People invites people of a role and lets them enrol.
func (w *World) People(role countersign.Role, names ...string) *World {
	w.T.Helper()
	for _, name := range names {
		if _, there := w.people[name]; !there {
			w.enrol(name, role)
		}
	}
	return w
}

// enrol walks a person from invitation to token, in bootstrap.
func (w *World) enrol(name string, role countersign.Role) {
	w.T.Helper()
	invited := w.apply(&countersign.InvitePerson{Name: name, Email: name + "@" + string(w.Org.Number) + ".example", Role: role})
	invitation, ok := invited.Change.Operations[0].(*countersign.InvitePerson)
	if !ok {
		w.T.Fatal("the invitation is lost")
	}
	code := w.apply(&countersign.MakeOnboardingCode{UserID: invitation.UserID}).Secrets[0].Reveal()
	redeemed, err := w.Engine.Redeem(w.Context(), engine.Redemption{Code: code, Label: "laptop"}, engine.Options{})
	w.must(err)
	u, _, err := w.Engine.User(w.Context(), w.first.Actor, invitation.UserID)
	w.must(err)
	w.admit(name, u.User, redeemed.Secrets[0].Reveal())
}

// Account makes an API user with all directory permissions and a token, for
// which a person answers.
func (w *World) Account(name, responsible string) *World {
	w.T.Helper()
	made := w.apply(&countersign.CreateAPIUser{
		Name: name, Role: countersign.RoleViewer, ResponsiblePersonID: w.ID(responsible), Permissions: countersign.DirectoryPermissions(),
	})
	created, ok := made.Change.Operations[0].(*countersign.CreateAPIUser)
	if !ok {
		w.T.Fatal("the account is lost")
	}
	token := w.apply(&countersign.CreateCredential{UserID: created.UserID, Type: countersign.Token}).Secrets[0].Reveal()
	u, _, err := w.Engine.User(w.Context(), w.first.Actor, created.UserID)
	w.must(err)
	w.admit(name, u.User, token)
	return w
}

// Collect lets someone collect the secret of an approved token and gives whoever
// uses it a name of its own.
func (w *World) Collect(by string, r *Request, name string) {
	w.T.Helper()
	created, ok := r.Operations[0].(*countersign.CreateCredential)
	if !ok {
		w.T.Fatal("not a credential")
	}
	result, err := w.Engine.Submit(w.Context(), w.As(by).Actor, []countersign.Change{&countersign.CollectSecret{CredentialID: created.CredentialID}}, engine.Options{})
	w.must(err)
	u, _, err := w.Engine.User(w.Context(), w.first.Actor, created.UserID)
	w.must(err)
	w.admit(name, u.User, result.Secrets[0].Reveal())
}

// apply is how the stage is set: by ada, in bootstrap, at once.
func (w *World) apply(ops ...countersign.Change) engine.Result {
	w.T.Helper()
	result, err := w.Engine.Submit(w.Context(), w.first.Actor, dialecttest.Sealing(ops), engine.Options{})
	w.must(err)
	if result.Change.State != countersign.ChangeApplied {
		w.T.Fatalf("setting the stage: %s instead of applied; is the organization sealed already?", result.Change.State)
	}
	return result
}

// Group makes a group with members, in bootstrap.
func (w *World) Group(name string, permissions []countersign.Permission, members ...string) countersign.GroupID {
	w.T.Helper()
	c := &countersign.CreateGroup{Name: name, Permissions: permissions}
	for _, m := range members {
		c.MemberIDs = append(c.MemberIDs, w.ID(m))
	}
	made, ok := w.apply(c).Change.Operations[0].(*countersign.CreateGroup)
	if !ok {
		w.T.Fatal("the group is lost")
	}
	return made.GroupID
}

// Seal ends bootstrap with the policy two-person.
func (w *World) Seal() *World {
	w.T.Helper()
	w.Clock.Pass(time.Second)
	w.apply(&countersign.SealOrganization{})
	return w
}

// Grant is a change that gives someone permissions individually.
func (w *World) Grant(name string, p ...countersign.Permission) countersign.Change {
	w.T.Helper()
	return &countersign.GrantPermissions{UserID: w.ID(name), Permissions: p}
}

// Request is what somebody asked for, and what came of it.
type Request struct {
	Seen
	Err error
	w   *World
	by  *Someone
}

// Asks submits changes.
func (s *Someone) Asks(ops ...countersign.Change) *Request {
	seen, err := s.w.door.Submit(s, dialecttest.Sealing(ops))
	return &Request{Seen: seen, Err: err, w: s.w, by: s}
}

// Acts does something at once, in an emergency.
func (s *Someone) Acts(op countersign.Change, reason string) *Request {
	seen, err := s.w.door.Act(s, op, reason)
	return &Request{Seen: seen, Err: err, w: s.w, by: s}
}

// Ratification is the request that asks others about an act, as somebody reads it.
func (r *Request) Ratification(reader string) *Request {
	r.w.T.Helper()
	seen, err := r.w.door.Look(r.w.As(reader), r.Seen.Ratification)
	r.w.must(err)
	return &Request{Seen: seen, w: r.w, by: r.by}
}

// Approves votes for a request, on the digest the voter reads.
func (s *Someone) Approves(r *Request) *Request { return s.decides(r, countersign.Approve) }

// Denies votes against a request.
func (s *Someone) Denies(r *Request) *Request { return s.decides(r, countersign.Deny) }

func (s *Someone) decides(r *Request, d countersign.Decision) *Request {
	seen, err := s.w.door.Decide(s, r.ID, d, r.Digest)
	return &Request{Seen: seen, Err: err, w: s.w, by: r.by}
}

// Votes decides on a digest of the story's choosing.
func (s *Someone) Votes(id countersign.ChangeID, d countersign.Decision, digest string) *Request {
	seen, err := s.w.door.Decide(s, id, d, digest)
	return &Request{Seen: seen, Err: err, w: s.w, by: s}
}

// Cancels withdraws a request.
func (s *Someone) Cancels(r *Request) *Request {
	seen, err := s.w.door.Cancel(s, r.ID)
	return &Request{Seen: seen, Err: err, w: s.w, by: r.by}
}

// Replaces withdraws a request and submits another in its place.
func (s *Someone) Replaces(r *Request, ops ...countersign.Change) *Request {
	seen, err := s.w.door.Replace(s, r.ID, ops)
	return &Request{Seen: seen, Err: err, w: s.w, by: s}
}

// Sees reads a request.
func (s *Someone) Sees(r *Request) *Request {
	seen, err := s.w.door.Look(s, r.ID)
	return &Request{Seen: seen, Err: err, w: s.w, by: r.by}
}

// MustBe ends the story unless the request succeeded and stands in a state, both
// in the answer and when ada reads it again.
func (r *Request) MustBe(state countersign.ChangeState) *Request {
	r.w.T.Helper()
	if r.Err != nil {
		r.w.T.Fatalf("want %s, got %v", state, r.Err)
	}
	if r.State != state {
		r.w.T.Fatalf("want %s, got %s", state, r.State)
	}
	again, err := r.w.door.Look(r.w.first, r.ID)
	if err != nil || again.State != state {
		r.w.T.Fatalf("want %s on reading again, got %s (%v)", state, again.State, err)
	}
	return r
}

// MustFail ends the story unless the answer is an error with a code (or kind).
func (r *Request) MustFail(code string) *Request {
	r.w.T.Helper()
	if got := CodeOf(r.Err); got != code {
		r.w.T.Fatalf("want the refusal %s, got %q (%v), state %s", code, got, r.Err, r.State)
	}
	return r
}

// CodeOf is the machine word of an error.
func CodeOf(err error) string {
	var own *countersign.Error
	if !errors.As(err, &own) {
		return ""
	}
	if own.Code != "" {
		return own.Code
	}
	return string(own.Kind)
}

// MustHold ends the story unless a check of someone's permission says so, asked
// by himself.
func (w *World) MustHold(name string, p countersign.Permission, want bool) {
	w.T.Helper()
	got, err := w.door.Check(w.As(name), w.ID(name), p)
	w.must(err)
	if got != want {
		w.T.Fatalf("%s holds %s: %t, want %t", name, p, got, want)
	}
}
