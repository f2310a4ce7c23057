package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// steps of one walk, besides those that set the stage; a few of them are nothing.
const steps = 32

// Random people ask for random things, vote, cancel and replace while time goes
// by. Whatever they do, the log tells the directory, nothing was applied without
// the approvals it needed, and the rosters agree. A failure prints the seed that
// repeats it: -rapid.seed.
func TestRandomWalks(t *testing.T) {
	s := testdb.SQLite(t)
	halves := []string{"one hundred", "another hundred"}
	if underRace {
		halves = halves[:1]
	}
	for _, half := range halves {
		t.Run(half, rapid.MakeCheck(func(rt *rapid.T) { walk(t.Context(), rt, s) }))
	}
}

func TestRandomWalksOnPostgres(t *testing.T) {
	s := testdb.Postgres(t)
	rapid.Check(t, func(rt *rapid.T) {
		if !rapid.Bool().Draw(rt, "walk") {
			return // fewer: what differs between the engines is tested elsewhere
		}
		walk(t.Context(), rt, s)
	})
}

// walker is one walk.
type walker struct {
	*rapid.T
	// r decides everything within a step. Each step has a seed of its own, so
	// that a failing walk shrinks by steps that become nothing.
	r   *rand.Rand
	ctx context.Context
	s   store.Store
	e   *engine.Engine
	// other is a second node, where the store lets there be one.
	other *engine.Engine
	now   time.Time
	org   countersign.OrganizationID

	tokens []held
	codes  []string
	// What was ever made, whether it still is or not; a name is a place in here.
	users       []countersign.UserID
	groups      []countersign.GroupID
	memberships []countersign.MembershipID
	credentials []countersign.CredentialID
	permissions []countersign.Permission
	requests    []countersign.ChangeRequest
	last        countersign.Actor
}

// held is a token and whose it is.
type held struct {
	user  countersign.UserID
	token string
}

func walk(ctx context.Context, rt *rapid.T, s store.Store) {
	w := &walker{T: rt, ctx: ctx, s: s, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), permissions: []countersign.Permission{
		countersign.ChangesApprove, countersign.UsersUpdate, countersign.GroupsCreate, countersign.AuditRead, "desk.trade",
	}}
	w.restart()
	w.r = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "stage"), 0))
	w.found()
	for i, seed := range rapid.SliceOfN(rapid.Uint64(), steps, steps).Draw(rt, "steps") {
		if w.r = rand.New(rand.NewPCG(seed, uint64(i))); seed > 0 {
			w.step()
		}
	}
	w.mustStand()
}

// restart leaves nothing in memory.
func (w *walker) restart() {
	w.e = engineAt(w.s, func() time.Time { return w.now })
	if w.other = w.e; !w.s.Exclusive() {
		w.other = engineAt(w.s, func() time.Time { return w.now })
	}
}

// found sets the stage: four admins, a trader, a viewer, and an account; mostly
// sealed.
func (w *walker) found() {
	founded, err := w.e.Found(w.ctx, engine.Founding{Organization: "Walkers", AdminName: "Ada", AdminEmail: "ada@walk.example"})
	w.must(err)
	w.org = founded.Organization.ID
	w.tokens, w.users = []held{{founded.Admin.ID, founded.Token.Reveal()}}, []countersign.UserID{founded.Admin.ID}
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
	if w.chance(90) {
		policy := w.policy()
		w.submit(w.actor(w.tokens[0]), engine.Options{}, &countersign.SealOrganization{Policy: &policy})
	}
}

// must lets only errors pass that say what is wrong; others are ours.
func (w *walker) must(err error) {
	if err != nil && countersign.KindOf(err) == "" {
		w.Fatalf("an error without a kind: %v", err)
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
		return w.actor(one(w, w.tokens[0], w.tokens[1], w.tokens[2], w.tokens[3], w.tokens[4]))
	}
	return w.actor(one(w, w.tokens...))
}

// voter is mostly one of those who may.
func (w *walker) voter(c countersign.ChangeRequest) countersign.Actor {
	if w.chance(85) {
		for _, i := range w.r.Perm(len(w.tokens)) {
			id := w.tokens[i].user
			if slices.Contains(c.Pools[0], id) && !slices.Contains(c.Excluded, id) {
				return w.actor(w.tokens[i])
			}
		}
	}
	return w.anyone()
}

// step does one thing.
func (w *walker) step() {
	if w.chance(50) {
		w.e, w.other = w.other, w.e
	}
	gaps, resetting := w.gaps(), w.resetting()
	switch action := w.r.IntN(100); {
	case action < 50:
		var ops []countersign.Change
		for range one(w, 1, 1, 1, 2, 3) {
			ops = append(ops, w.change())
		}
		w.submit(w.anyone(), w.options(), ops...)
	case action < 80 && len(w.requests) > 0:
		w.vote()
	case action < 84 && len(w.requests) > 0:
		r, err := w.e.Cancel(w.ctx, w.anyone(), one(w, w.requests...).ID, w.options())
		w.note(r, err)
	case action < 88 && len(w.requests) > 0:
		r, err := w.e.Replace(w.ctx, w.anyone(), w.recent().ID, []countersign.Change{w.change()}, w.options())
		w.note(r, err)
	case action < 91 && len(w.codes) > 0:
		w.redeem(w.r.IntN(len(w.codes)))
	case action < 93:
		w.must(w.e.Tend(w.ctx))
	case action < 94:
		w.restart()
	default:
		w.now = w.now.Add(one(w, time.Second, time.Hour, 23*time.Hour, 3*24*time.Hour, -time.Hour))
		gaps = w.gaps() // what time opens, no change has
	}
	w.mustHaveAdmins()
	for _, gap := range w.gaps() {
		if !engine.NoWider(gap, gaps) && w.resetting() == resetting {
			w.Fatalf("somebody is locked out: %+v, and was not before: %+v", gap, gaps)
		}
	}
}

// resetting counts those who are waited for.
func (w *walker) resetting() int {
	book, err := w.e.Picture(w.ctx, w.org)
	if err != nil {
		w.Fatal(err)
	}
	list, err := book.Users(countersign.UserFilter{States: []countersign.UserState{
		countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation,
	}}, nil, countersign.Page{}, w.now)
	w.must(err)
	return list.Total
}

// gaps are what the prover finds in the directory as it is.
func (w *walker) gaps() []approval.Gap {
	book, err := w.e.Picture(w.ctx, w.org)
	if err != nil {
		w.Fatal(err)
	}
	if !book.Organization().Sealed() {
		return nil
	}
	return engine.Gaps(book, w.now)
}

func (w *walker) options() engine.Options {
	o := engine.Options{DryRun: w.chance(5)}
	if w.chance(10) {
		o.Once = once(fmt.Sprint(w.r.IntN(6)), "a")
	}
	return o
}

// recent prefers what was asked last.
func (w *walker) recent() countersign.ChangeRequest {
	if w.chance(70) {
		return w.requests[max(0, len(w.requests)-1-w.r.IntN(3))]
	}
	return one(w, w.requests...)
}

func (w *walker) vote() {
	c := w.recent()
	v := engine.Vote{Decision: countersign.Approve, Digest: c.Digest}
	switch said := w.r.IntN(100); {
	case said < 12:
		v.Decision, v.Comment = countersign.Deny, "no"
	case said < 18:
		v.Decision = countersign.Withdraw
	}
	if w.chance(3) {
		v.Digest = one(w, w.requests...).Digest
	}
	r, err := w.e.Decide(w.ctx, w.voter(c), c.ID, v, w.options())
	w.note(r, err)
}

func (w *walker) submit(actor countersign.Actor, o engine.Options, ops ...countersign.Change) {
	r, err := w.e.Submit(w.ctx, actor, dialecttest.Sealing(ops), o)
	w.note(r, err)
}

// note remembers what came of a mutation, so that later steps can name it.
func (w *walker) note(r engine.Result, err error) {
	w.must(err)
	if err != nil || r.DryRun || r.Replayed != nil {
		return
	}
	if r.Change.State == countersign.ChangePending {
		w.requests = append(w.requests, r.Change)
	}
	for _, s := range r.Secrets {
		switch s.Type {
		case countersign.EnrolmentCode:
			w.codes = append(w.codes, s.Reveal())
		case countersign.Token:
			w.tokens = append(w.tokens, held{s.User, s.Reveal()})
		default: // nobody uses it
		}
	}
	if r.Change.State != countersign.ChangeApplied {
		return
	}
	for _, e := range r.Change.Effects {
		kind, key, _ := strings.Cut(string(e.Fact), ":")
		switch {
		case e.From != 0:
		case kind == "user":
			w.users = append(w.users, countersign.UserID(key))
		case kind == "group":
			w.groups = append(w.groups, countersign.GroupID(key))
		case kind == "credential":
			w.credentials = append(w.credentials, countersign.CredentialID(key))
		}
		if id, ok := e.After["id"].(string); ok {
			w.memberships = append(w.memberships, countersign.MembershipID(id))
		}
	}
}

func (w *walker) redeem(i int) {
	code := w.codes[i]
	w.codes = slices.Delete(slices.Clone(w.codes), i, i+1)
	r, err := w.e.Redeem(w.ctx, engine.Redemption{Code: code, Label: "device"}, engine.Options{})
	w.note(r, err)
}

func (w *walker) some() []countersign.Permission {
	var out []countersign.Permission
	for _, p := range w.permissions {
		if w.chance(30) {
			out = append(out, p)
		}
	}
	return out
}

// change is a random change, mostly sensible.
func (w *walker) change() countersign.Change {
	name := func(what string) string { return fmt.Sprint(what, " ", w.r.IntN(7)) }
	role := func() countersign.Role {
		return one(w, countersign.RoleAdmin, countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone)
	}
	user := func() countersign.UserID { return one(w, w.users...) }
	group := func() countersign.GroupID { return one(w, w.groups...) }
	switch w.r.IntN(16) {
	case 0:
		return &countersign.InvitePerson{Name: name("person"), Email: strings.ReplaceAll(name("new"), " ", "") + "@walk.example", Role: role()}
	case 1:
		return &countersign.CreateAPIUser{Name: name("account"), Role: countersign.RoleViewer, ResponsiblePersonID: user(), Permissions: w.some(), GroupIDs: w.chooseGroups()}
	case 2:
		return &countersign.CreateEndUser{ExternalID: name("customer")}
	case 3:
		return w.userUpdate(user())
	case 4:
		return &countersign.ChangeRole{UserID: user(), Role: role()}
	case 5:
		return &countersign.SetPermissions{UserID: user(), Permissions: append([]countersign.Permission{}, w.some()...)}
	case 6, 7:
		return w.turn(user())
	case 8:
		return &countersign.CreateGroup{Name: name("group"), Permissions: w.some(), MemberIDs: w.chooseUsers()}
	case 9:
		return &countersign.UpdateGroup{GroupID: group(), Name: countersign.Some(name("group")), Permissions: countersign.Some(append([]countersign.Permission{}, w.some()...))}
	case 10:
		if w.chance(30) {
			return &countersign.DeleteGroup{GroupID: group()}
		}
		return &countersign.ReplaceMembers{GroupID: group(), MemberIDs: append([]countersign.UserID{}, w.chooseUsers()...)}
	case 11, 12:
		return w.memberChange(user(), group())
	case 13:
		return w.credentialChange(user())
	case 14:
		return w.catalogueChange()
	default:
		if w.chance(30) {
			return &countersign.UpdateOrganization{Name: countersign.Some(name("Walkers"))}
		}
		return &countersign.PutPolicy{Policy: w.policy()}
	}
}

func (w *walker) userUpdate(id countersign.UserID) countersign.Change {
	c := &countersign.UpdateUser{UserID: id, Name: countersign.Some(fmt.Sprint("name ", w.r.IntN(4)))}
	if w.chance(30) {
		c.ResponsiblePersonID = countersign.Some(one(w, w.users...))
	}
	return c
}

// turn moves somebody through his states.
func (w *walker) turn(id countersign.UserID) countersign.Change {
	return one[countersign.Change](w,
		&countersign.SuspendUser{UserID: id}, &countersign.ReactivateUser{UserID: id}, &countersign.ResetDevice{UserID: id},
		&countersign.MakeOnboardingCode{UserID: id}, &countersign.IssueEnrolmentCode{UserID: id}, &countersign.DeleteUser{UserID: id},
	)
}

func (w *walker) chooseUsers() []countersign.UserID {
	var out []countersign.UserID
	for _, id := range w.users {
		if w.chance(25) {
			out = append(out, id)
		}
	}
	return out
}

func (w *walker) chooseGroups() []countersign.GroupID {
	var out []countersign.GroupID
	for _, id := range w.groups {
		if w.chance(30) {
			out = append(out, id)
		}
	}
	return out
}

func (w *walker) memberChange(user countersign.UserID, group countersign.GroupID) countersign.Change {
	switch w.r.IntN(4) {
	case 0:
		if len(w.memberships) > 0 {
			return &countersign.RemoveMembership{MembershipID: one(w, w.memberships...)}
		}
	case 1:
		if len(w.memberships) > 0 {
			return &countersign.UpdateMembership{
				MembershipID: one(w, w.memberships...), ExpiresAt: countersign.Null[time.Time](),
				Role: countersign.Some(one(w, countersign.GroupMember, countersign.GroupAdmin)),
			}
		}
	}
	c := &countersign.AddMembership{UserID: user, GroupID: group}
	if w.chance(40) {
		c.Role, c.Configurable = countersign.GroupAdmin, countersign.Some(map[string]bool{"can_run_reports": w.chance(50)})
	}
	if w.chance(40) {
		c.StartsAt = countersign.Some(w.now.Add(time.Duration(w.r.IntN(5)-2) * time.Hour))
		c.ExpiresAt = countersign.Some(c.StartsAt.Value.Add(48 * time.Hour))
	}
	return c
}

func (w *walker) credentialChange(user countersign.UserID) countersign.Change {
	switch w.r.IntN(3) {
	case 0:
		return &countersign.CreateCredential{UserID: user, Type: one(w, countersign.Token, countersign.OAuthClient)}
	case 1:
		return &countersign.CollectSecret{CredentialID: one(w, w.credentials...)}
	default:
		return &countersign.RevokeCredential{CredentialID: one(w, w.credentials...)}
	}
}

func (w *walker) catalogueChange() countersign.Change {
	p := one[countersign.Permission](w, "desk.trade", "desk.read")
	switch w.r.IntN(3) {
	case 0:
		return &countersign.AddPermission{Permission: p, Description: "one"}
	case 1:
		return &countersign.UpdatePermission{Permission: p, Description: fmt.Sprint(w.r.IntN(4))}
	default:
		return &countersign.RemovePermission{Permission: p}
	}
}

// policy asks one or two people of different sets, and is sometimes one that the
// organization cannot meet.
func (w *walker) policy() countersign.Policy {
	asks := func() countersign.Requirement {
		r := countersign.Requirement{ExpiresAfterSeconds: one[int64](w, 0, 3600, 86400)}
		sets := []countersign.ApproverSet{{Role: countersign.RoleAdmin}, {Permission: countersign.UsersUpdate}}
		if len(w.groups) > 0 {
			sets = append(sets, countersign.ApproverSet{GroupID: w.groups[0]})
		}
		for _, i := range w.r.Perm(len(sets))[:one(w, 1, 1, 2)] {
			r.Clauses = append(r.Clauses, countersign.Clause{Approvers: sets[i], Need: one(w, 1, 1, 2)})
		}
		r.Distinct, r.Veto, r.DelaySeconds = one(w, 0, 0, 2), one(w, 0, 0, 2), one[int64](w, 0, 0, 3600)
		r.Exclusive, r.MustHold = w.chance(15), w.chance(15)
		return r
	}
	when := func() (c countersign.Condition) {
		switch w.r.IntN(6) {
		case 0:
			c.Approvers = true
		case 1:
			c.UserTypes = []countersign.UserType{one(w, countersign.Person, countersign.APIUser, countersign.EndUser)}
		case 2:
			c.Permissions = w.some()
		case 3:
			c.GroupIDs = w.chooseGroups()
		case 4:
			c.RequesterTypes = []countersign.UserType{one(w, countersign.Person, countersign.APIUser)}
		}
		return c
	}
	p := countersign.Policy{Name: "walk", Default: countersign.TwoPersonPolicy().Default}
	if w.chance(70) {
		p.AcceptedRisks = []countersign.Risk{countersign.RiskNoSpareForTargets}
	}
	if w.chance(30) {
		p.Default = asks()
	}
	if w.chance(50) {
		p.Exclusions = []countersign.Exclusion{
			{ID: "desk", Sides: [][]countersign.Permission{{"desk.trade"}, {countersign.AuditRead, countersign.UsersUpdate}}},
			{ID: "three", Sides: [][]countersign.Permission{{countersign.GroupsCreate}, {"desk.trade"}, {countersign.ChangesApprove}}},
		}[:one(w, 1, 2)]
	}
	if w.chance(40) {
		p.Rules = append(p.Rules, countersign.Rule{
			ID: "some", Changes: []string{one(w, "*", "group.*", "user.grant", "credential.*", "policy.put", "user.change_role")}, When: when(), Requirement: asks(),
		})
	}
	if w.chance(40) {
		p.Rules = append(p.Rules, countersign.Rule{ID: "free", Changes: []string{string(one(w, countersign.KindUserCreateEndUser, countersign.KindUserOnboardingCode, countersign.KindUserSuspend))}, When: when()})
	}
	return p
}

// mustHaveAdmins holds the organization governable: one active admin, two once
// it is sealed.
func (w *walker) mustHaveAdmins() {
	book, err := w.e.Picture(w.ctx, w.org)
	if err != nil {
		w.Fatal(err)
	}
	least := 1
	if book.Organization().Sealed() {
		least = 2
	}
	if admins := book.ActiveAdmins(w.now); len(admins) < least {
		w.Fatalf("%d active admins are left", len(admins))
	}
}

// mustStand is what has to be true whatever happened.
func (w *walker) mustStand() {
	findings, err := replay.Findings(w.ctx, w.s, w.org)
	if err != nil || len(findings) > 0 {
		w.Fatalf("%v\n%s", err, strings.Join(findings, "\n"))
	}
	diff, err := rostersDiffer(w.ctx, w.e, engineAt(w.s, func() time.Time { return w.now }), w.org, w.now)
	if diff != "" || err != nil {
		w.Fatalf("the roster differs from one that is loaded afresh (-loaded +followed)\n%s (%v)", diff, err)
	}
	if err := w.pendingIsProjected(); err != nil {
		w.Fatal(err)
	}
}

// pendingIsProjected compares the users and groups that show as pending with
// those that open requests would create (B.10, 17).
func (w *walker) pendingIsProjected() error {
	book, err := w.e.Picture(w.ctx, w.org)
	if err != nil {
		return err
	}
	now := w.now
	var want []string
	for _, c := range book.OpenChanges(now) {
		for _, op := range c.Operations {
			switch op := op.(type) {
			case *countersign.InvitePerson:
				want = append(want, string(op.UserID))
			case *countersign.CreateAPIUser:
				want = append(want, string(op.UserID))
			case *countersign.CreateEndUser:
				want = append(want, string(op.UserID))
			case *countersign.CreateGroup:
				want = append(want, string(op.GroupID))
			}
		}
	}
	var got []string
	users, err1 := book.Users(countersign.UserFilter{States: []countersign.UserState{countersign.UserPendingApproval}}, nil, countersign.Page{Limit: 1000}, now)
	for _, u := range users.Items {
		got = append(got, string(u.ID))
	}
	groups, err2 := book.Groups(countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupPendingApproval}}, nil, countersign.Page{Limit: 1000}, now)
	for _, g := range groups.Items {
		got = append(got, string(g.ID))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		err1 = errors.Join(err1, fmt.Errorf("pending are %v, open requests would create %v", got, want))
	}
	return errors.Join(err1, err2)
}
