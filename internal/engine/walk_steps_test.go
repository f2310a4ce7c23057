package engine_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
)

// walker is one walk.
type walker struct {
	ctx context.Context //nolint:containedctx // a walk lives within one call
	// r decides everything within a step. Each step has a seed of its own, so that
	// steps can be left out and the others stay what they are.
	r       *rand.Rand
	number  int
	trace   []string
	witness *witness
	judge   *judge
	history []commit
	replay  *replay.Follower
	e       *engine.Engine
	// other is a second node, where the store lets there be one.
	other  *engine.Engine
	now    time.Time
	org    countersign.OrganizationID
	newID  func() string
	random *rand.ChaCha8

	tokens []held
	codes  []string
	// What was ever made, whether it still is or not; a name is a place in here.
	users       []countersign.UserID
	groups      []countersign.GroupID
	memberships []countersign.MembershipID
	credentials []countersign.CredentialID
	permissions []countersign.Permission
	requests    []countersign.ChangeID
	// privates are the keys behind what people enrolled, by their public half.
	privates map[string]ed25519.PrivateKey
	// used are statements that were signed, and may be tried again.
	used []engine.Vote
	last countersign.Actor
}

// held is a token and whose it is.
type held struct {
	user  countersign.UserID
	token string
}

func newWalker(ctx context.Context, s store.Store, seed uint64) *walker {
	w := &walker{
		ctx: ctx, witness: &witness{Store: s, rows: noRows()}, judge: newJudge(), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
		permissions: []countersign.Permission{countersign.ChangesApprove, countersign.UsersUpdate, countersign.GroupsCreate, countersign.AuditRead, "desk.trade"},
		privates:    map[string]ed25519.PrivateKey{},
		r:           rand.New(rand.NewPCG(seed, stepsOfAWalk)),
	}
	// What is drawn for ids and secrets is new each time, so that one database can
	// see the same walk twice; nothing that happens depends on it but the order of
	// ids, which is that in which they were made.
	var fresh [32]byte
	binary.LittleEndian.PutUint64(fresh[:], rand.Uint64())
	w.random = rand.NewChaCha8(fresh)
	made := uint64(0)
	w.newID = func() string {
		var id uuid.UUID
		_, _ = w.random.Read(id[:])
		made++
		binary.BigEndian.PutUint64(id[:], 0x0190_0000_0000_0000+made<<16|0x7000|uint64(id[7])) // version 7
		id[8] = id[8]&0x3f | 0x80
		return id.String()
	}
	w.restart()
	return w
}

// restart leaves nothing in memory.
func (w *walker) restart() {
	node := func() *engine.Engine {
		return engine.New(engine.Config{
			Store: w.witness, Now: func() time.Time { return w.now }, NewID: w.newID, Random: w.random, Build: "test",
		})
	}
	w.e = node()
	if w.other = w.e; !w.witness.Exclusive() {
		w.other = node()
	}
}

// found sets the stage: four admins, most with a key, a trader, a viewer, and an
// account; mostly sealed.
func (w *walker) found() {
	founded, err := w.e.Found(w.ctx, engine.Founding{Organization: "Walkers", AdminName: "Ada", AdminEmail: "ada@walk.example"})
	w.must(err)
	w.org, w.replay = founded.Organization.ID, replay.Follow(founded.Organization.ID)
	w.tokens = []held{{founded.Admin.ID, founded.Token.Reveal()}}
	w.look()
	var invitations, codes []countersign.Change
	for i, role := range []countersign.Role{countersign.RoleAdmin, countersign.RoleAdmin, countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer} {
		name := fmt.Sprint("person", i)
		invitations = append(invitations, &countersign.InvitePerson{Name: name, Email: name + "@walk.example", Role: role})
	}
	invitations = append(invitations,
		&countersign.CreateAPIUser{Name: "account", Role: countersign.RoleNone, ResponsiblePersonID: founded.Admin.ID, Permissions: countersign.DirectoryPermissions()},
		&countersign.AddPermission{Permission: "desk.trade"}, &countersign.CreateGroup{Name: "group 0", MemberIDs: w.users})
	w.submit(w.actor(w.tokens[0]), engine.Options{}, invitations...)
	for _, id := range w.users[1:6] {
		codes = append(codes, &countersign.MakeOnboardingCode{UserID: id})
	}
	w.submit(w.actor(w.tokens[0]), engine.Options{}, append(codes, &countersign.CreateCredential{UserID: w.users[6], Type: countersign.Token})...)
	for range 5 {
		w.redeem(0)
	}
	for _, h := range w.tokens {
		if w.chance(80) {
			w.submit(w.actor(h), engine.Options{}, w.enrol(h.user))
		}
	}
	if w.chance(90) {
		policy := w.policy()
		w.submit(w.actor(w.tokens[0]), engine.Options{}, &countersign.SealOrganization{Policy: &policy})
	}
}

// fail ends the walk.
func (w *walker) fail(err error) { panic(ended{fmt.Errorf("step %d: %w", w.number, err)}) }

// must lets only errors pass that say what is wrong; others are ours.
func (w *walker) must(err error) {
	if err != nil && countersign.KindOf(err) == "" {
		w.fail(fmt.Errorf("an error without a kind: %w", err))
	}
}

func (w *walker) chance(percent int) bool { return w.r.IntN(100) < percent }

func one[T any](w *walker, list ...T) T { return list[w.r.IntN(len(list))] }

// actor is who holds a token, as authentication finds him now; one in twenty was
// found earlier, and may be somebody else's by now.
func (w *walker) actor(h held) countersign.Actor {
	if w.last.User != "" && w.chance(5) {
		return w.last
	}
	actor, err := authn.New(w.e, func() time.Time { return w.now }).Bearer(w.ctx, h.token, netip.MustParseAddr("127.0.0.1"))
	w.must(err)
	if err != nil {
		return w.last
	}
	w.last = actor
	return actor
}

// anyone asks; mostly an admin of the first hour, or the account.
func (w *walker) anyone() countersign.Actor {
	if w.chance(75) {
		return w.actor(one(w, w.tokens[:min(5, len(w.tokens))]...))
	}
	return w.actor(one(w, w.tokens...))
}

// step does one thing.
func (w *walker) step() {
	if w.chance(50) {
		w.e, w.other = w.other, w.e
	}
	gaps, resetting := w.gaps(), w.resetting()
	switch action := w.r.IntN(100); {
	case action < 45:
		var ops []countersign.Change
		for range one(w, 1, 1, 1, 2, 3) {
			ops = append(ops, w.change())
		}
		w.submit(w.anyone(), w.options(), ops...)
	case action < 80 && len(w.requests) > 0:
		w.vote()
	case action < 83 && len(w.requests) > 0:
		id := one(w, w.requests...)
		w.attempt("cancel", func() (engine.Result, error) { return w.e.Cancel(w.ctx, w.anyone(), id, w.options()) })
	case action < 87 && len(w.requests) > 0:
		id, ops := w.recent(), []countersign.Change{w.change()}
		w.attempt("replace by "+kindsOf(ops), func() (engine.Result, error) { return w.e.Replace(w.ctx, w.anyone(), id, ops, w.options()) })
	case action < 90 && len(w.codes) > 0:
		w.redeem(w.r.IntN(len(w.codes)))
	case action < 91:
		w.tend()
	case action < 92:
		w.tell("restart", nil)
		w.restart()
		w.look()
	default:
		by := one(w, time.Second, 30*time.Minute, time.Hour, time.Hour, 2*time.Hour, 2*time.Hour, 23*time.Hour, 3*24*time.Hour, 9*24*time.Hour, -time.Hour)
		w.now = w.now.Add(by)
		w.tell("time passes: "+by.String(), nil)
		if gaps = w.gaps(); w.chance(80) { // what time opens, no change has
			w.tend()
		}
	}
	for _, gap := range w.gaps() {
		if !engine.NoWider(gap, gaps) && w.resetting() == resetting {
			w.fail(fmt.Errorf("invariant 11, by the engine's own prover: somebody is locked out: %+v, and was not before: %+v", gap, gaps))
		}
	}
}

// resetting counts those who are waited for.
func (w *walker) resetting() (n int) {
	for _, u := range w.witness.rows.users {
		if u.State == countersign.UserResetDeviceCode || u.State == countersign.UserResetDeviceActivation {
			n++
		}
	}
	return n
}

// gaps are what the prover finds in the directory as it is.
func (w *walker) gaps() []approval.Gap {
	book, err := w.e.Picture(w.ctx, w.org)
	if err != nil {
		w.fail(err)
	}
	if !book.Organization().Sealed() {
		return nil
	}
	return engine.Gaps(book, w.now)
}

func (w *walker) tend() {
	err := w.e.Tend(w.ctx)
	w.must(err)
	w.tell("tend", err)
	w.look()
}

func (w *walker) options() engine.Options {
	o := engine.Options{DryRun: w.chance(5)}
	if w.chance(10) {
		o.Once = once(fmt.Sprint(w.r.IntN(6)), "a")
	}
	return o
}

func (w *walker) submit(actor countersign.Actor, o engine.Options, ops ...countersign.Change) {
	w.attempt(kindsOf(ops), func() (engine.Result, error) { return w.e.Submit(w.ctx, actor, dialecttest.Sealing(ops), o) })
}

func (w *walker) redeem(i int) {
	code := w.codes[i]
	w.codes = slices.Delete(slices.Clone(w.codes), i, i+1)
	w.attempt("redeem", func() (engine.Result, error) {
		return w.e.Redeem(w.ctx, engine.Redemption{Code: code, Label: "device"}, engine.Options{})
	})
}

// tell adds a line to the trace.
func (w *walker) tell(what string, err error) {
	if err != nil {
		what += ": " + scenario.CodeOf(err)
	}
	w.trace = append(w.trace, fmt.Sprintf("%3d %s", w.number, what))
}
