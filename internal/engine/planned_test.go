package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// planning is a world in which ada is admin and vera answers for a bot.
func planning(t *testing.T) *scenario.World {
	t.Helper()
	return scenario.New(t, scenario.Direct, testdb.SQLite(t)).People(countersign.RoleViewer, "vera").Account("bot", "vera")
}

// makes is a plan that makes a group whatever is there.
func makes(name string) engine.Plan {
	return func(engine.Present) ([]countersign.Change, error) {
		return []countersign.Change{&countersign.CreateGroup{Name: name}}, nil
	}
}

func TestANonceIsSpentWithItsChangeAndOnlyThen(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) { spendNonce(t, open()) })
}

func spendNonce(t *testing.T, s store.Store) {
	t.Helper()
	w := scenario.New(t, scenario.Direct, s).People(countersign.RoleViewer, "vera").Account("bot", "vera")
	actor := w.As("bot").Actor
	nonce := [32]byte{1}
	submit := func(plan engine.Plan, nonce [32]byte) error {
		_, err := w.Engine.SubmitPlanned(t.Context(), actor, engine.Planned{Plan: plan, Nonce: nonce}, engine.Options{})
		return err
	}
	refuse := countersign.E(countersign.Refused, "", "not now")
	if err := submit(func(engine.Present) ([]countersign.Change, error) { return nil, refuse }, nonce); countersign.KindOf(err) != countersign.Refused {
		t.Fatalf("a plan that refuses: %v", err)
	}
	if err := submit(makes("One"), nonce); err != nil {
		t.Fatalf("after a refusal the nonce is spent: %v", err)
	}
	if err := submit(makes("Two"), nonce); countersign.KindOf(err) != countersign.Unauthenticated || scenario.CodeOf(err) != engine.CodeNonceSpent {
		t.Errorf("spent twice: %v", err)
	}
	if err := submit(makes("Three"), [32]byte{}); err != nil {
		t.Errorf("no nonce: %v", err)
	}
	if err := submit(makes("Four"), [32]byte{}); err != nil {
		t.Errorf("no nonce again: %v", err)
	}
	actor = w.As("ada").Actor
	if err := submit(makes("Five"), nonce); err != nil {
		t.Errorf("another's nonce: %v", err)
	}
}

// TestAReplayIsNotPlannedAgain: the key is looked up before the plan runs, and
// before the nonce is looked at.
func TestAReplayIsNotPlannedAgain(t *testing.T) {
	w := planning(t)
	ran := 0
	plan := func(now engine.Present) ([]countersign.Change, error) {
		ran++
		return makes("One")(now)
	}
	for n := range 3 {
		o := engine.Options{Once: once("k", "same")}
		result, err := w.Engine.SubmitPlanned(t.Context(), w.As("bot").Actor, engine.Planned{Plan: plan, Nonce: [32]byte{byte(n + 1)}}, o)
		if err != nil || (result.Replayed != nil) != (n > 0) {
			t.Fatalf("run %d: %+v, %v", n, result.Replayed, err)
		}
	}
	if ran != 1 {
		t.Errorf("planned %d times", ran)
	}
}

func TestAPlanSeesWhatItsActorMaySee(t *testing.T) {
	w := planning(t)
	made, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, []countersign.Change{
		&countersign.CreateGroup{Name: "Seen", MemberIDs: []countersign.UserID{w.ID("bot"), w.ID("ada")}},
	}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id := made.Change.Operations[0].(*countersign.CreateGroup).GroupID
	w.People(countersign.RoleNone, "nora")
	for who, sees := range map[string]bool{"bot": true, "ada": true, "nora": false} {
		_, err := w.Engine.SubmitPlanned(t.Context(), w.As(who).Actor, engine.Planned{Plan: func(now engine.Present) ([]countersign.Change, error) {
			_, group := now.Group(id)
			_, user := now.User(w.ID("ada"))
			_, self := now.User(w.ID(who))
			members, err := now.Members(id)
			if err != nil || group != sees || user != sees || !self || (len(members) == 2) != sees {
				t.Errorf("%s sees group %v, user %v, himself %v, members %v (%v)", who, group, user, self, members, err)
			}
			return nil, nil
		}}, engine.Options{})
		if scenario.CodeOf(err) != "no_effect" {
			t.Errorf("a plan of nothing: %v", err)
		}
	}
}

func TestThePrecedingUserIsTheOneJustMade(t *testing.T) {
	w := planning(t)
	account := &countersign.CreateAPIUser{Name: "new", Role: countersign.RoleViewer, ResponsiblePersonID: w.ID("vera")}
	token := &countersign.CreateCredential{UserID: countersign.PrecedingUser, Type: countersign.Token}
	submit := func(ops ...countersign.Change) (engine.Result, error) {
		return w.Engine.Submit(t.Context(), w.As("ada").Actor, ops, engine.Options{})
	}
	made, err := submit(account, token)
	if err != nil {
		t.Fatal(err)
	}
	user := made.Change.Operations[0].(*countersign.CreateAPIUser).UserID
	if got := made.Change.Operations[1].(*countersign.CreateCredential).UserID; got != user || made.Secrets[0].User != user {
		t.Errorf("the credential is of %s, the user is %s", got, user)
	}
	grant := &countersign.GrantPermissions{UserID: countersign.PrecedingUser, Permissions: []countersign.Permission{countersign.AccountsRead}}
	for name, invite := range map[string]countersign.Change{
		"a person":    &countersign.InvitePerson{Name: "Tom", Email: "tom@example.org", Role: countersign.RoleNone},
		"an API user": &countersign.CreateAPIUser{Name: "other", Role: countersign.RoleNone, ResponsiblePersonID: w.ID("vera")},
	} {
		made, err := submit(invite, grant)
		if err != nil {
			t.Fatal(err)
		}
		granted := made.Change.Operations[1].(*countersign.GrantPermissions).UserID
		u, _, err := w.Engine.User(t.Context(), w.As("ada").Actor, granted)
		if err != nil || !slices.Equal(u.Permissions, grant.Permissions) || grant.UserID != countersign.PrecedingUser {
			t.Errorf("%s holds %v (%v)", name, u.Permissions, err)
		}
	}
	if _, err := submit(grant); scenario.CodeOf(err) != "user_unknown" {
		t.Errorf("a grant alone: %v", err)
	}
	for name, ops := range map[string][]countersign.Change{
		"alone": {token}, "after something else": {&countersign.CreateGroup{Name: "Between"}, token},
		"two before": {account, &countersign.CreateGroup{Name: "Between"}, token},
	} {
		if _, err := submit(ops...); scenario.CodeOf(err) != "user_unknown" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestASignerIsTestedAgainUnderTheLock as the holder of a token is.
func TestASignerIsTestedAgainUnderTheLock(t *testing.T) {
	w := planning(t)
	actor := w.As("bot").Actor
	actor.Method = countersign.BySignature
	if _, err := w.Engine.SubmitPlanned(t.Context(), actor, engine.Planned{Plan: makes("One")}, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, []countersign.Change{&countersign.RevokeCredential{CredentialID: actor.Credential}}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Engine.SubmitPlanned(t.Context(), actor, engine.Planned{Plan: makes("Two")}, engine.Options{}); countersign.KindOf(err) != countersign.Unauthenticated {
		t.Errorf("with a revoked key: %v", err)
	}
}

func TestHomeIsFoundOnce(t *testing.T) {
	w := planning(t)
	if org, err := w.Engine.Home(t.Context(), w.ID("bot")); err != nil || org != w.Org.ID {
		t.Errorf("%s, %v", org, err)
	}
	w.Clock.Pass(time.Second)
	if _, err := w.Engine.Home(t.Context(), "01890a5d-ac96-774b-bcce-b302099a8057"); countersign.KindOf(err) != countersign.NotFound {
		t.Errorf("nobody's home: %v", err)
	}
}

// TestANonceIsSpentOnEveryNode: another node of the same database, which has
// never seen the request, does not carry it out again.
func TestANonceIsSpentOnEveryNode(t *testing.T) {
	url := testdb.PostgresURL(t)
	nodes := make([]store.Store, 2)
	for i := range nodes {
		opened, err := testdb.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = opened.Close() })
		nodes[i] = opened
	}
	w := scenario.New(t, scenario.Direct, nodes[0]).People(countersign.RoleViewer, "vera").Account("bot", "vera")
	signed := engine.Planned{Plan: makes("One"), Nonce: [32]byte{7}}
	if _, err := w.Engine.SubmitPlanned(t.Context(), w.As("bot").Actor, signed, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	other := scenario.NewEngine(nodes[1], w.Clock)
	if _, err := other.SubmitPlanned(t.Context(), w.As("bot").Actor, signed, engine.Options{}); scenario.CodeOf(err) != engine.CodeNonceSpent {
		t.Errorf("on the other node: %v", err)
	}
}
