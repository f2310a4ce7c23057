package engine_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/alike"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// nobody is a well-formed id that nothing has.
const nobody = "01890a5d-ac96-774b-bcce-b302099a8057"

// house is a world in which a test submits as it likes: with options, and
// looking at rows.
type house struct {
	*scenario.World
	t *testing.T
	// named counts what was made, so that names differ; subtests share it.
	named *int
	// cast are the names of those in the story.
	cast []string
	// played is the log as far as mustStand has looked.
	played *replay.Follower
}

// onBoth runs a test on both engines, in an organization of ada alone. When it
// ends, the log must tell the directory and the roster must be what loading it
// afresh gives. It runs beside others, as onOne does: nothing is shared.
func onBoth(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, open func() store.Store) { fn(t, newHouse(t, open())) })
}

// onOne is onBoth for rules that no database knows of.
func onOne(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel()
	fn(t, newHouse(t, testdb.SQLite(t)))
}

func newHouse(t *testing.T, s store.Store) *house {
	h := &house{World: scenario.New(t, scenario.Direct, s), t: t, named: new(int), cast: []string{"ada"}}
	h.played = replay.Follow(h.Org.ID)
	t.Cleanup(func() {
		if !t.Failed() {
			h.mustAgree(t)
		}
	})
	return h
}

// crew is four admins, a viewer, and her API user.
func (h *house) crew() *house {
	h.Admins("grace", "linus", "edsger").People(countersign.RoleViewer, "vera").Account("bot", "vera")
	h.cast = []string{"ada", "grace", "linus", "edsger", "vera", "bot"}
	return h
}

// in lets subtests fail on their own.
func (h *house) in(t *testing.T) *house {
	c := *h
	world := *h.World
	world.T, c.t, c.World = t, t, &world
	return &c
}

// mustAgree compares the log with the rows, and the rosters with each other.
func (h *house) mustAgree(t *testing.T) {
	t.Helper()
	replay.Check(t, h.Store, h.Org.ID)
	diff, err := h.differs()
	if diff != "" || err != nil {
		t.Errorf("the roster differs from one that is loaded afresh (-loaded +followed)\n%s (%v)", diff, err)
	}
}

// differs compares the roster with one that is loaded afresh.
func (h *house) differs() (string, error) {
	ctx := context.WithoutCancel(h.t.Context())
	return rostersDiffer(ctx, h.Engine, scenario.NewEngine(h.Store, h.Clock), h.Org.ID, h.Clock.Now())
}

// rostersDiffer compares what lives as the rosters have it, and then everything:
// loading the deleted rows would mend what an engine has missed of their end.
func rostersDiffer(ctx context.Context, one, fresh *engine.Engine, org countersign.OrganizationID, now time.Time) (string, error) {
	diff := ""
	var failures []error
	for _, deleted := range []bool{false, true} {
		followed, err1 := picture(ctx, one, org, now, deleted)
		loaded, err2 := picture(ctx, fresh, org, now, deleted)
		diff += alike.Diff(loaded, followed)
		failures = append(failures, err1, err2)
	}
	return diff, errors.Join(failures...)
}

// engineAt is an engine on a clock of the test's own.
func engineAt(s store.Store, now func() time.Time) *engine.Engine {
	return engine.New(engine.Config{
		Store: s, Now: now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, Random: rand.Reader, Build: "test",
	})
}

// sight is everything queries answer.
type sight struct {
	Organization countersign.Organization
	Users        []countersign.UserView
	Groups       []countersign.GroupView
	Memberships  []countersign.MembershipView
	Catalogue    []countersign.CataloguePermission
	Credentials  map[countersign.UserID][]countersign.Credential
	Effective    map[countersign.UserID][]countersign.EffectivePermission
	Open         []engine.ChangeView
	Revisions    []int64
}

// picture asks an engine for everything, by its roster.
func picture(ctx context.Context, e *engine.Engine, org countersign.OrganizationID, now time.Time, deleted bool) (sight, error) {
	s := sight{Credentials: map[countersign.UserID][]countersign.Credential{}, Effective: map[countersign.UserID][]countersign.EffectivePermission{}}
	all := countersign.Page{Limit: 1 << 20}
	look, groupFilter, memberFilter := e.Picture, countersign.GroupFilter{}, countersign.MembershipFilter{}
	if deleted {
		look = e.Whole
		groupFilter.States = []countersign.GroupState{countersign.GroupActive, countersign.GroupPendingApproval, countersign.GroupDeleted}
		memberFilter.States = []countersign.MembershipState{
			countersign.MembershipActive, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval, countersign.MembershipRemoved,
		}
	}
	book, err := look(ctx, org)
	if err != nil {
		return s, err
	}
	users, err1 := book.Users(countersign.UserFilter{IncludeDeleted: deleted}, nil, all, now)
	groups, err2 := book.Groups(groupFilter, nil, all, now)
	memberships, err3 := book.Memberships(memberFilter, nil, all, now)
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, err
	}
	s.Organization, s.Users, s.Groups, s.Memberships = book.Organization(), users.Items, groups.Items, memberships.Items
	s.Catalogue, s.Revisions = book.Catalogue(), []int64{users.Revision, groups.Revision, memberships.Revision, book.Position()}
	for _, u := range s.Users {
		s.Credentials[u.ID] = book.Credentials(u.ID)
		s.Effective[u.ID], _ = book.Effective(u.ID, now)
	}
	for _, c := range book.OpenChanges(now) {
		s.Open = append(s.Open, engine.ChangeView{ChangeRequest: c})
	}
	return s, nil
}

// submit asks as somebody, with options.
func (h *house) submit(who string, o engine.Options, ops ...countersign.Change) (engine.Result, error) {
	return h.Engine.Submit(h.t.Context(), h.As(who).Actor, dialecttest.Sealing(ops), o)
}

// applies submits what must be applied at once.
func (h *house) applies(who string, ops ...countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.submit(who, engine.Options{}, ops...)
	if err != nil || result.Change.State != countersign.ChangeApplied {
		h.t.Fatalf("%s is %s (%v), not applied at once", kindsOf(ops), result.Change.State, err)
	}
	return result
}

// approved submits as ada and lets grace, and if need be linus, agree.
func (h *house) approved(ops ...countersign.Change) engine.Result {
	h.t.Helper()
	result, err := h.submit("ada", engine.Options{}, ops...)
	if err != nil {
		h.t.Fatalf("%s: %v", kindsOf(ops), err)
	}
	for _, name := range []string{"grace", "linus", "edsger"} {
		if !result.Change.State.Open() {
			return result
		}
		if slices.Contains(result.Change.Excluded, h.ID(name)) {
			continue
		}
		result = h.votes(name, result.Change, countersign.Approve)
	}
	if result.Change.State != countersign.ChangeApplied {
		h.t.Fatalf("%s is %s, not applied", kindsOf(ops), result.Change.State)
	}
	return result
}

func (h *house) votes(who string, c countersign.ChangeRequest, d countersign.Decision) engine.Result {
	h.t.Helper()
	result, err := h.Engine.Decide(h.t.Context(), h.As(who).Actor, c.ID, engine.Vote{Decision: d, Digest: c.Digest}, engine.Options{})
	if err != nil {
		h.t.Fatalf("%s votes: %v", who, err)
	}
	return result
}

func kindsOf(ops []countersign.Change) string {
	var kinds []string
	for _, op := range ops {
		kinds = append(kinds, string(op.Kind()))
	}
	return strings.Join(kinds, ", ")
}

// askable are the kinds of change that somebody can ask for: all but what stands
// in a recovery alone.
func askable() []countersign.ChangeKind {
	return slices.DeleteFunc(countersign.ChangeKinds(), func(k countersign.ChangeKind) bool { return k == countersign.KindRecoveryAccess })
}

// only is the first operation of a result, as it was prepared.
func only[T countersign.Change](r engine.Result) T {
	op, ok := r.Change.Operations[0].(T)
	if !ok {
		panic(fmt.Sprintf("the first operation is a %T", r.Change.Operations[0]))
	}
	return op
}

// name makes one that nothing has yet.
func (h *house) name(word string) string {
	*h.named++
	return fmt.Sprint(word, " ", *h.named)
}

// read runs fn on the store.
func (h *house) read(fn func(tx store.ReadTx) error) {
	h.t.Helper()
	if err := h.Store.Read(h.t.Context(), h.Org.ID, fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) head() countersign.Head {
	h.t.Helper()
	var head countersign.Head
	h.read(func(tx store.ReadTx) error {
		at, err := tx.Head(h.t.Context())
		head = at
		return err
	})
	return head
}

func (h *house) user(id countersign.UserID) countersign.User {
	h.t.Helper()
	var u countersign.User
	h.read(func(tx store.ReadTx) error {
		row, err := tx.User(h.t.Context(), id)
		u = row
		return err
	})
	return u
}

func (h *house) group(id countersign.GroupID) countersign.Group {
	h.t.Helper()
	var g countersign.Group
	h.read(func(tx store.ReadTx) error {
		row, err := tx.Group(h.t.Context(), id)
		g = row
		return err
	})
	return g
}

func (h *house) membership(id countersign.MembershipID) countersign.Membership {
	h.t.Helper()
	var m countersign.Membership
	h.read(func(tx store.ReadTx) error {
		row, err := tx.Membership(h.t.Context(), id)
		m = row
		return err
	})
	return m
}

func (h *house) credential(id countersign.CredentialID) countersign.Credential {
	h.t.Helper()
	var c countersign.Credential
	h.read(func(tx store.ReadTx) error {
		row, err := tx.Credential(h.t.Context(), id)
		c = row
		return err
	})
	return c
}

// entries from an index on.
func (h *house) entries(from int64) []countersign.AuditEntry {
	h.t.Helper()
	var list []countersign.AuditEntry
	h.read(func(tx store.ReadTx) error {
		found := []countersign.AuditEntry{}
		err := tx.Entries(h.t.Context(), from, 1000, func(e countersign.AuditEntry) error {
			found = append(found, e)
			return nil
		})
		list = found
		return err
	})
	return list
}

// refused ends the test unless err has a code (or kind) and names a field.
func refused(t *testing.T, err error, code, field string) {
	t.Helper()
	var own *countersign.Error
	if !errors.As(err, &own) {
		t.Fatalf("want %s at %q, got %v", code, field, err)
	}
	if got := scenario.CodeOf(err); got != code || own.Field != field {
		t.Errorf("want %s at %q, got %s at %q: %v", code, field, got, own.Field, err)
	}
}

// The makers below set the stage, in bootstrap or with grace's consent.

func (h *house) person(role countersign.Role) countersign.UserID {
	h.t.Helper()
	name := h.name("person")
	return only[*countersign.InvitePerson](h.approved(&countersign.InvitePerson{
		Name: name, Email: strings.ReplaceAll(name, " ", ".") + "@somebody.example", Role: role,
	})).UserID
}

// activePerson is invited and has redeemed his code.
func (h *house) activePerson(role countersign.Role) countersign.UserID {
	h.t.Helper()
	id := h.person(role)
	h.redeem(h.code(id))
	return id
}

// code makes an onboarding code, which waits for nobody.
func (h *house) code(id countersign.UserID) string {
	h.t.Helper()
	return h.applies("ada", &countersign.MakeOnboardingCode{UserID: id}).Secrets[0].Reveal()
}

func (h *house) redeem(code string) engine.Result {
	h.t.Helper()
	result, err := h.Engine.Redeem(h.t.Context(), engine.Redemption{Code: code, Label: "laptop"}, engine.Options{})
	if err != nil {
		h.t.Fatalf("redeeming a code: %v", err)
	}
	return result
}

func (h *house) account() countersign.UserID {
	h.t.Helper()
	return only[*countersign.CreateAPIUser](h.approved(&countersign.CreateAPIUser{
		Name: h.name("account"), Role: countersign.RoleNone, ResponsiblePersonID: h.ID("ada"),
	})).UserID
}

func (h *house) signer() countersign.UserID {
	h.t.Helper()
	return only[*countersign.CreateAPISigner](h.approved(&countersign.CreateAPISigner{Name: h.name("signer"), ResponsiblePersonID: h.ID("ada")})).UserID
}

func (h *house) endUser() countersign.UserID {
	h.t.Helper()
	return only[*countersign.CreateEndUser](h.applies("ada", &countersign.CreateEndUser{ExternalID: h.name("customer")})).UserID
}

func (h *house) team(members ...countersign.UserID) countersign.GroupID {
	h.t.Helper()
	return only[*countersign.CreateGroup](h.approved(&countersign.CreateGroup{Name: h.name("team"), MemberIDs: members})).GroupID
}

func (h *house) member(user countersign.UserID, group countersign.GroupID) countersign.MembershipID {
	h.t.Helper()
	return only[*countersign.AddMembership](h.approved(&countersign.AddMembership{UserID: user, GroupID: group})).MembershipID
}

// token makes a credential of an API user.
func (h *house) token(user countersign.UserID) countersign.CredentialID {
	h.t.Helper()
	return only[*countersign.CreateCredential](h.approved(&countersign.CreateCredential{UserID: user, Type: countersign.Token})).CredentialID
}

func (h *house) permission() countersign.Permission {
	h.t.Helper()
	*h.named++
	return only[*countersign.AddPermission](h.approved(&countersign.AddPermission{
		Permission: countersign.Permission(fmt.Sprint("desk.trade-", *h.named)),
	})).Permission
}

// noOptions asks for nothing special.
var noOptions = engine.Options{}
