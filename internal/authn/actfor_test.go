package authn_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/testdb"
)

// staff is an organization where bot may act for others: ada, grace and linus
// are admins, tracy is a trader, vera answers for bot and for reader, which
// holds one directory permission less.
func staff(t *testing.T) *scenario.World {
	t.Helper()
	w := scenario.New(t, scenario.Direct, testdb.SQLite(t)).Admins("grace", "linus").People(countersign.RoleTrader, "tracy").
		People(countersign.RoleViewer, "vera").People(countersign.RoleNone, "nora").Account("bot", "vera").Account("reader", "vera").Account("other", "vera")
	submit(t, w, &countersign.RevokePermissions{UserID: w.ID("reader"), Permissions: []countersign.Permission{countersign.UsersUpdate}})
	return w
}

func actFor(t *testing.T, w *scenario.World, who, whom string) countersign.Actor {
	t.Helper()
	actor, err := w.Authn.ActFor(t.Context(), w.As(who).Actor, w.As(whom).User.Number)
	if err != nil {
		t.Fatal(err)
	}
	return actor
}

func TestWhoMayActForWhom(t *testing.T) {
	t.Parallel()
	w := staff(t).People(countersign.RoleViewer, "gone", "away")
	submit(t, w, &countersign.DeleteUser{UserID: w.ID("gone")}, &countersign.SuspendUser{UserID: w.ID("away")})
	end, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, []countersign.Change{&countersign.CreateEndUser{Name: "End", ExternalID: "e"}}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, whom string
		may       bool
	}{
		{"bot", "tracy", true},
		{"bot", "nora", true},
		{"bot", "ada", true},
		{"bot", "vera", true},
		{"bot", "other", true},
		{"ada", "tracy", true},
		{"bot", "gone", false},
		{"bot", "away", false},
		{"reader", "tracy", false},
		{"tracy", "vera", false},
		{"vera", "tracy", false},
	} {
		got, err := w.Authn.ActFor(t.Context(), w.As(c.who).Actor, w.As(c.whom).User.Number)
		if (err == nil) != c.may || err != nil && countersign.KindOf(err) != countersign.Forbidden {
			t.Errorf("%s for %s: %v", c.who, c.whom, err)
		}
		if want := w.As(c.who).Actor; c.may && (got.User != want.User || got.Person() != want.Person() || got.Subject != w.ID(c.whom)) {
			t.Errorf("%s for %s is %+v", c.who, c.whom, got)
		}
	}
	invited, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, []countersign.Change{&countersign.InvitePerson{Name: "New", Email: "new@example.org", Role: countersign.RoleNone}}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Authn.ActFor(t.Context(), w.As("bot").Actor, invited.Change.Operations[0].(*countersign.InvitePerson).Number); err != nil {
		t.Errorf("for who is invited: %v", err)
	}
	// For themselves they are who they were; a number nobody has, an end user
	// and a second subject are told alike.
	if self := actFor(t, w, "bot", "bot"); self != w.As("bot").Actor {
		t.Errorf("%+v", self)
	}
	number := end.Change.Operations[0].(*countersign.CreateEndUser).Number
	_, unknown := w.Authn.ActFor(t.Context(), w.As("bot").Actor, 9_999_999)
	_, endUser := w.Authn.ActFor(t.Context(), w.As("bot").Actor, number)
	_, second := w.Authn.ActFor(t.Context(), actFor(t, w, "bot", "tracy"), w.As("ada").User.Number)
	for _, err := range []error{unknown, endUser, second} {
		if err == nil || err.Error() != unknown.Error() {
			t.Errorf("%v, want %v", err, unknown)
		}
	}
	if same, err := w.Authn.ActFor(t.Context(), actFor(t, w, "bot", "tracy"), w.As("tracy").User.Number); err != nil || same.Subject != w.ID("tracy") {
		t.Errorf("%+v %v", same, err)
	}
}

// TestWhoActsForAnotherMayDoWhatBothMay and sees what that one sees.
func TestWhoActsForAnotherMayDoWhatBothMay(t *testing.T) {
	t.Parallel()
	w := staff(t)
	mine := w.Group("Mine", nil, "nora")
	other := w.Group("Other", nil, "tracy")
	submit(t, w, w.Grant("nora", countersign.TransactionsCreate), w.Grant("grace", countersign.AuditExport))
	forNora, forGrace := actFor(t, w, "bot", "nora"), actFor(t, w, "bot", "grace")

	if _, _, err := w.Engine.User(t.Context(), forNora, w.ID("nora")); err != nil {
		t.Errorf("she does not see herself: %v", err)
	}
	for name, read := range map[string]func() error{
		"another user":  func() error { _, _, err := w.Engine.User(t.Context(), forNora, w.ID("ada")); return err },
		"the account":   func() error { _, _, err := w.Engine.User(t.Context(), forNora, w.ID("bot")); return err },
		"another group": func() error { _, _, err := w.Engine.Group(t.Context(), forNora, other); return err },
		"by number": func() error {
			_, _, err := w.Engine.UserByNumber(t.Context(), forNora, w.As("ada").User.Number)
			return err
		},
		"effective permissions": func() error { _, _, err := w.Engine.Effective(t.Context(), forNora, w.ID("ada")); return err },
	} {
		if err := read(); countersign.KindOf(err) != countersign.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := w.Engine.Group(t.Context(), forNora, mine); err != nil {
		t.Errorf("her own group: %v", err)
	}
	users, err := w.Engine.Users(t.Context(), forNora, countersign.UserFilter{}, nil, countersign.Page{Limit: 100})
	if err != nil || users.Total != 1 || users.Items[0].ID != w.ID("nora") {
		t.Errorf("%d users, %v", users.Total, err)
	}
	groups, err := w.Engine.Groups(t.Context(), forNora, countersign.GroupFilter{}, nil, countersign.Page{Limit: 100})
	if err != nil || groups.Total != 1 || groups.Items[0].ID != mine {
		t.Errorf("%d groups, %v", groups.Total, err)
	}
	memberships, err := w.Engine.Memberships(t.Context(), forNora, countersign.MembershipFilter{}, nil, countersign.Page{Limit: 100})
	if err != nil || memberships.Total != 1 {
		t.Errorf("%d memberships, %v", memberships.Total, err)
	}
	ask := func(actor countersign.Actor, ops ...countersign.Change) error {
		_, err := w.Engine.Submit(t.Context(), actor, ops, engine.Options{})
		return err
	}
	mustBeCode(t, ask(forNora, &countersign.CreateGroup{Name: "Hers"}), "permission_missing")
	mustBeCode(t, ask(actFor(t, w, "ada", "tracy"), &countersign.CreateGroup{Name: "Theirs"}), "permission_missing")
	if err := ask(forGrace, &countersign.CreateGroup{Name: "Hers"}); err != nil {
		t.Errorf("both may: %v", err)
	}
	// audit.export is hers alone: the account does not get it by acting for her.
	before := w.As("bot").Actor
	if _, _, err := w.Engine.Entries(t.Context(), before, 0, 1); err != nil {
		t.Errorf("audit.read is the account's: %v", err)
	}
	if _, _, err := w.Engine.Entries(t.Context(), forNora, 0, 1); countersign.KindOf(err) != countersign.Forbidden {
		t.Errorf("audit.read is not hers: %v", err)
	}
}

// TestNobodyDecidesForAnother: no vote, no cancelling, no replacing, nothing that
// decides about approvals or makes secrets, whoever acts for whomever.
func TestNobodyDecidesForAnother(t *testing.T) {
	t.Parallel()
	w := staff(t)
	token := w.As("grace").Actor.Credential
	w.Seal()
	request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Waiting"}).MustBe(countersign.ChangePending)
	for name, actor := range map[string]countersign.Actor{
		"an account for an approver": actFor(t, w, "bot", "grace"), "an approver for another": actFor(t, w, "linus", "grace"),
		"an approver for a trader": actFor(t, w, "linus", "tracy"), "the requester for an approver": actFor(t, w, "ada", "linus"),
	} {
		for _, d := range []countersign.Decision{countersign.Approve, countersign.Deny} {
			_, err := w.Engine.Decide(t.Context(), actor, request.ID, engine.Vote{Decision: d, Digest: request.Digest}, engine.Options{})
			if countersign.KindOf(err) != countersign.Forbidden && countersign.KindOf(err) != countersign.NotFound {
				t.Errorf("%s votes: %v", name, err)
			}
		}
		if v, err := w.Engine.Change(t.Context(), actor, request.ID); err == nil && v.CanDecide {
			t.Errorf("%s is told that he may decide", name)
		}
		if _, err := w.Engine.Cancel(t.Context(), actor, request.ID, engine.Options{}); err == nil {
			t.Errorf("%s cancels", name)
		}
		if _, err := w.Engine.Replace(t.Context(), actor, request.ID, []countersign.Change{&countersign.CreateGroup{Name: "Instead"}}, engine.Options{}); err == nil {
			t.Errorf("%s replaces", name)
		}
		for _, op := range []countersign.Change{
			&countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleAdmin},
			&countersign.InvitePerson{Name: "New", Email: "new@example.org", Role: countersign.RoleAdmin},
			&countersign.GrantPermissions{UserID: w.ID("vera"), Permissions: []countersign.Permission{countersign.ChangesApprove}},
			&countersign.PutPolicy{Policy: countersign.TwoPersonPolicy()},
			&countersign.CreateCredential{UserID: actor.User, Type: countersign.Token},
			&countersign.CreateCredential{UserID: actor.Subject, Type: countersign.Token},
			&countersign.RevokeCredential{CredentialID: token},
			&countersign.RevokeCredential{CredentialID: actor.Credential},
			&countersign.IssueEnrolmentCode{UserID: w.ID("grace")},
			&countersign.ResetDevice{UserID: w.ID("grace")},
		} {
			_, err := w.Engine.Submit(t.Context(), actor, []countersign.Change{op}, engine.Options{})
			mustBeCode(t, err, "acts_for_another")
		}
	}
	w.As("grace").Approves(request).MustBe(countersign.ChangeApplied)
}

// TestWhoIsActedForDoesNotApproveIt: the responsible person of the account stays
// the requester, and the subject, who may be the one behind it, is excluded too.
func TestWhoIsActedForDoesNotApproveIt(t *testing.T) {
	t.Parallel()
	w := staff(t).Seal()
	result, err := w.Engine.Submit(t.Context(), actFor(t, w, "bot", "grace"), []countersign.Change{&countersign.CreateGroup{Name: "For grace"}}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	request := w.As("ada").Asks() // a handle on what the account asked for
	request.Seen = scenario.Seen{ID: result.Change.ID, Digest: result.Change.Digest, State: result.Change.State}
	if c := result.Change; c.State != countersign.ChangePending || c.Requester != w.ID("bot") || c.RequesterPerson != w.ID("vera") {
		t.Errorf("%s by %s, for whom %s answers", c.State, c.Requester, c.RequesterPerson)
	}
	w.As("grace").Approves(request).MustFail("not_eligible")
	w.As("grace").Denies(request).MustFail("not_eligible")
	w.As("linus").Approves(request).MustBe(countersign.ChangeApplied)

	entries, _, err := w.Engine.Entries(t.Context(), w.As("ada").Actor, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, e := range entries {
		if strings.Contains(string(e.Leaf), `"subject":"`+string(w.ID("grace"))+`"`) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d entries say for whom the account acted, want that of its submission", told)
	}
}

// TestActingForAnotherIsTestedAgainUnderTheLock, after authentication.
func TestActingForAnotherIsTestedAgainUnderTheLock(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, w *scenario.World){
		"the subject left": func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.SuspendUser{UserID: w.ID("linus")}) },
		"the account did":  func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.SuspendUser{UserID: w.ID("bot")}) },
		"the credential ended": func(t *testing.T, w *scenario.World) {
			submit(t, w, &countersign.RevokeCredential{CredentialID: w.As("bot").Actor.Credential})
		},
		"a right was taken": func(t *testing.T, w *scenario.World) {
			submit(t, w, &countersign.RevokePermissions{UserID: w.ID("bot"), Permissions: []countersign.Permission{countersign.PoliciesUpdate}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staff(t).Admins("hedy")
			actor := actFor(t, w, "bot", "linus")
			actor.Method = countersign.ByAccessToken
			end(t, w)
			_, err := w.Engine.Submit(t.Context(), actor, []countersign.Change{&countersign.CreateGroup{Name: "Too late"}}, engine.Options{})
			if countersign.KindOf(err) != countersign.Unauthenticated {
				t.Errorf("%v", err)
			}
		})
	}
}
