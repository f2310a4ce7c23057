package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// TestBypass is the list of ways around approvals that other systems have had
// (docs/rules.md, "What happened to others"), each tried here from every door
// there is. The lesson j, of false proofs, is client.TestFalseProofsAreNotBelieved.
func TestBypass(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		f := newFortress(t, open()).seal()
		for _, c := range []struct {
			name string
			try  func(f *fortress)
		}{
			{"a_the_author_edits_the_requirement", (*fortress).authorEdits},
			{"b_who_stands_behind_an_account_approves", (*fortress).behindAccounts},
			{"c_an_approval_outlives_what_it_was_given_for", (*fortress).retargets},
			{"d_an_admin_approves_his_own", (*fortress).ownWork},
			{"e_an_entry_without_approvals", (*fortress).otherEntries},
			{"f_an_identity_that_is_none", (*fortress).unknownIdentities},
			{"g_approving_through_a_group", (*fortress).throughGroups},
			{"h_rules_that_fail_open", (*fortress).openRules},
			{"i_another_display", (*fortress).displays},
			{"k_lenient_parsing", (*fortress).lenient},
		} {
			t.Run(c.name, func(t *testing.T) { c.try(f.in(t)) })
		}
	})
}

// authorEdits: GitLab let the author edit the approvers of his own request.
func (f *fortress) authorEdits() {
	c := f.holds("asking", func() { doorsOf("ada")[0].ask(f, "edited") })
	at := "/directory/v1/changes/" + string(c.ID)
	for _, method := range []string{"PUT", "PATCH", "DELETE", "POST"} {
		if got := f.person("ada", method, at, map[string]any{"requirement": admins(0), "pools": []any{}, "excluded": []any{}}); got.status != http.StatusMethodNotAllowed {
			f.t.Errorf("%s of a request: %d %s", method, got.status, got.body)
		}
	}
	for _, member := range []string{"requirement", "pools", "excluded", "rule_ids", "approvals", "state", "requester", "requester_person", "expires_at", "policy"} {
		for _, path := range []string{"/directory/v1/changes", at + "/replace"} {
			body := map[string]any{"operations": []any{map[string]any{"kind": "group.create", "name": "edited too"}}, member: "x"}
			f.person("ada", "POST", path, body).fails(http.StatusBadRequest, "unknown_field")
		}
		f.person("ada", "POST", "/directory/v1/groups", map[string]any{"name": "edited too", member: "x"}).fails(http.StatusBadRequest, "unknown_field")
	}
	// Loosening the rules, or appointing somebody, helps no request that is open.
	two := f.holds("asking for more", func() {
		f.person("ada", "PUT", "/directory/v1/policy", fortressPolicy(2)).must(http.StatusAccepted)
	})
	f.votes(f.token("grace"), two, "approve").must(http.StatusOK)
	f.mustBe(two.ID, countersign.ChangeApplied)
	strict := f.holds("asking under it", func() { doorsOf("ada")[0].ask(f, "strict") })
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1), "grace", "linus")
	f.votes(f.token("grace"), strict, "approve").must(http.StatusOK)
	f.mustBe(strict.ID, countersign.ChangePending)
	f.cancel(strict)
	newcomer := f.enrolled("newcomer")
	f.votes(newcomer, c, "approve").fails(http.StatusForbidden, "not_eligible")
	f.cancel(c)
}

// enrolled invites an admin, who enrols, and gives his token.
func (f *fortress) enrolled(name string) string {
	f.t.Helper()
	f.agreed("ada", "POST", "/directory/v1/users", map[string]any{"type": "person", "name": name, "email": name + "@northwind.example", "role": "admin"}, "grace")
	list := f.person("ada", "GET", "/directory/v1/users?email="+name+"@northwind.example", nil).must(http.StatusOK).object()
	id, _ := list["items"].([]any)[0].(map[string]any)["id"].(string)
	code := f.person("ada", "POST", "/directory/v1/users/"+id+"/onboarding-code", nil).must(http.StatusOK).secret()
	return f.send("", "POST", "/directory/v1/users/"+id+"/activate", map[string]any{"code": code}).must(http.StatusOK).secret()
}

// secret is the value of the first secret in an answer.
func (r reply) secret() string {
	r.t.Helper()
	secrets, _ := r.object()["secrets"].([]any)
	if len(secrets) == 0 {
		r.t.Fatalf("no secret: %s", r.body)
	}
	value, _ := secrets[0].(map[string]any)["value"].(string)
	return value
}

// behindAccounts: service identities were taken for other people than the one
// who answers for them.
func (f *fortress) behindAccounts() {
	for i, door := range doorsOfAccounts() {
		c := f.holds(door.name, func() { door.ask(f, fmt.Sprint("behind ", i)) })
		for who, token := range map[string]string{
			"its account": f.c.Directory.Token, "its Box account": f.c.Box.DeveloperToken, "a token of Box": f.boxToken(), "a session of B2CORE": f.session(),
		} {
			if got := f.votes(token, c, "approve"); got.status != http.StatusForbidden && got.status != http.StatusUnauthorized {
				f.t.Errorf("%s: %s approves: %d %s", door.name, who, got.status, got.body)
			}
		}
		f.votes(f.token("vera"), c, "approve").fails(http.StatusForbidden, "not_eligible")
		f.votes(f.token("vera"), c, "deny").fails(http.StatusForbidden, "not_eligible")
		f.votes(f.token("grace"), c, "approve", "As-User: "+f.number("linus")) // no header of ours: it is grace who approves
		f.mustBe(c.ID, countersign.ChangeApplied)
	}
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1, map[string]any{"id": "two", "changes": []string{"group.*"}, "requirement": admins(2)}), "grace")
	c := f.holds("As-User", func() { doorsOfAccounts()[7].ask(f, "for linus") })
	f.votes(f.token("linus"), c, "approve").fails(http.StatusForbidden, "not_eligible")
	f.cancel(c)
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1), "grace")
}

// retargets: in Gitea an approval given for a harmless target survived the change
// of the target.
func (f *fortress) retargets() {
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1, map[string]any{"id": "two", "changes": []string{"group.*"}, "requirement": admins(2)}), "grace")
	for i, door := range doorsOf("ada")[:3] {
		c := f.holds(door.name, func() { door.ask(f, fmt.Sprint("harmless ", i)) })
		if door.name == "import" { // one admin is enough for nothing that fills groups
			f.cancel(c)
			continue
		}
		f.votes(f.token("grace"), c, "approve").must(http.StatusOK)
		operations := map[string]any{"operations": []any{map[string]any{"kind": "user.grant", "user_id": f.id("linus"), "permissions": []string{"payouts.create"}}}}
		moved := f.person("ada", "POST", "/directory/v1/changes/"+string(c.ID)+"/replace", operations).must(http.StatusAccepted)
		next, _ := f.newest()
		if string(next.ID) != moved.text("id") || len(next.Approvals) != 0 || next.Digest == c.Digest {
			f.t.Fatalf("the successor begins with %+v", next.Approvals)
		}
		f.votes(f.token("vera"), engine.ChangeView{ChangeRequest: countersign.ChangeRequest{ID: next.ID, Digest: c.Digest}}, "approve").fails(http.StatusConflict, "digest_mismatch")
		f.votes(f.token("vera"), c, "approve").fails(http.StatusConflict, "change_closed")
		f.cancel(next)
	}
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1), "grace")
	// Tightened after the approval of another, a request asks for more.
	c := f.holds("before", func() { doorsOf("ada")[0].ask(f, "before") })
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(2), "grace")
	f.votes(f.token("grace"), c, "approve").must(http.StatusOK)
	f.mustBe(c.ID, countersign.ChangePending)
	f.cancel(c)
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1), "grace", "linus")
}

// ownWork: git-proxy let admins approve what they had pushed themselves. Ada is
// the first admin, and holds all there is.
func (f *fortress) ownWork() {
	for i, door := range doorsOf("ada") {
		c := f.holds(door.name, func() { door.ask(f, fmt.Sprint("own ", i)) })
		f.votes(f.token("ada"), c, "approve").fails(http.StatusForbidden, "not_eligible")
		f.votes(f.token("ada"), c, "deny").fails(http.StatusForbidden, "not_eligible")
		if p := f.types(f.token("ada"), "changes", "approve", string(c.ID), "--yes", "--digest", c.Digest); p.code == 0 {
			f.t.Errorf("%s: approved by the command line: %s", door.name, p.out)
		}
		f.mustBe(c.ID, countersign.ChangePending)
		f.cancel(c)
	}
}

// otherEntries: four eyes were wired into two of four entry points. Here nothing
// that a door asks for is there before somebody else has agreed; that no other
// entry exists is TestEveryRouteIsInTheInventory.
func (f *fortress) otherEntries() {
	named := func(name string) bool {
		return strings.Contains(f.person("ada", "GET", "/directory/v1/groups?state=active&q="+name, nil).must(http.StatusOK).body, `"`+name+`"`)
	}
	for _, door := range append(doorsOfAccounts(), doorsOf("ada")...) {
		c := f.holds(door.name, func() { door.ask(f, "Entry") })
		if named("Entry") {
			f.t.Errorf("%s: it is there already", door.name)
		}
		f.cancel(c)
		if named("Entry") {
			f.t.Errorf("%s: it is there although it was cancelled", door.name)
		}
	}
}

// unknownIdentities: in Yuzu a lookup that failed became somebody who never equals
// the requester. Whoever cannot be told is refused, at every door.
func (f *fortress) unknownIdentities() {
	c := f.holds("asking", func() { doorsOf("ada")[0].ask(f, "unknown") })
	size := f.deeds()
	vote := map[string]any{"decision": "approve", "digest": c.Digest}
	paths := []struct {
		path string
		body any
	}{
		{"/directory/v1/changes/" + string(c.ID) + "/approvals", vote},
		{"/directory/v1/groups", map[string]any{"name": "x"}},
		{"/v1/management/user_groups", map[string]any{"groupName": "x"}},
		{"/api/v1/end-users", map[string]any{"external_id": "x"}},
		{"/2.0/groups", map[string]any{"name": "x"}},
		{"/api/v2/groups", map[string]any{"name": "x", "permissions": []string{}}},
	}
	for _, p := range paths {
		for what, header := range map[string][]string{
			"nobody": nil, "an unknown token": {"Authorization: Bearer " + f.token("grace") + "x"}, "another scheme": {"Authorization: Basic " + f.token("grace")},
			"two people at once":  {"Authorization: Bearer " + f.token("grace"), "Authorization: Bearer " + f.token("linus")},
			"two tokens in one":   {"Authorization: Bearer " + f.token("grace") + ", Bearer " + f.token("linus")},
			"an empty token":      {"Authorization: Bearer "},
			"the id of an admin":  {"Authorization: Bearer " + f.id("grace")},
			"a JWT nobody signed": {"Authorization: Bearer eyJhbGciOiJub25lIn0.e30."},
		} {
			got := f.send("", "POST", p.path, p.body, header...)
			refused := got.status == http.StatusUnauthorized || got.status == http.StatusForbidden || got.status == http.StatusBadRequest
			if !refused || f.deeds() != size {
				f.t.Errorf("%s, %s: %d %s, the log grew by %d", p.path, what, got.status, got.body, f.deeds()-size)
			}
		}
	}
	// A database that fails while a vote is taken decides nothing.
	f.db.OnPoint(func(point string) error {
		if point == sqlstore.FaultCommit {
			return fmt.Errorf("the disk is gone")
		}
		return nil
	})
	got := f.votes(f.token("grace"), c, "approve")
	f.db.OnPoint(nil)
	if got.status < http.StatusInternalServerError || f.deeds() != size {
		f.t.Errorf("a vote that cannot be kept: %d %s", got.status, got.body)
	}
	f.mustBe(c.ID, countersign.ChangePending)
	f.cancel(c)
}

// throughGroups: in OpenMetadata assigning one's own team made self-approval
// possible. People are counted after groups are opened.
func (f *fortress) throughGroups() {
	groups := map[string]string{}
	for _, name := range []string{"Guards", "Guards too"} {
		f.agreed("ada", "POST", "/directory/v1/groups", map[string]any{"name": name, "member_ids": []string{f.id("ada"), f.id("grace"), f.id("linus"), f.id("vera")}}, "grace")
		list := f.person("ada", "GET", "/directory/v1/groups?sort=-created&q="+strings.ReplaceAll(name, " ", "%20"), nil).must(http.StatusOK).object()
		id, _ := list["items"].([]any)[0].(map[string]any)["id"].(string)
		groups[name] = id
	}
	clause := func(name string) any {
		return map[string]any{"approvers": map[string]any{"group_id": groups[name]}, "need": 1}
	}
	guarded := map[string]any{"clauses": []any{clause("Guards"), clause("Guards too")}, "exclusive": true}
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1, map[string]any{"id": "guarded", "changes": []string{"group.create", "user.create_end_user", "import.*"}, "requirement": guarded}), "grace")
	for i, door := range append(doorsOf("ada"), doorsOfAccounts()...) {
		c := f.holds(door.name, func() { door.ask(f, fmt.Sprint("through ", i)) })
		who := "ada"
		if c.Requester != countersign.UserID(f.id("ada")) {
			who = "vera" // who answers for the account
		}
		f.votes(f.token(who), c, "approve").fails(http.StatusForbidden, "not_eligible")
		f.votes(f.token("grace"), c, "approve").must(http.StatusOK)
		f.mustBe(c.ID, countersign.ChangePending) // she is in both groups, and one person
		f.cancel(c)
	}
	f.agreed("ada", "PUT", "/directory/v1/policy", fortressPolicy(1), "grace")
}

// openRules: policies had fallbacks that opened, modes that only warned, actors
// who were let through. None of that can be written down here.
func (f *fortress) openRules() {
	rule := func(members map[string]any) map[string]any {
		r := map[string]any{"id": "open", "changes": []string{"group.*"}, "requirement": admins(1)}
		for name, value := range members {
			r[name] = value
		}
		return fortressPolicy(1, r)
	}
	free := map[string]any{"clauses": []any{}}
	with := func(member string, value any) map[string]any {
		p := fortressPolicy(1)
		p[member] = value
		return p
	}
	for what, policy := range map[string]map[string]any{
		"a default that opens":        with("default", free),
		"no default":                  {"name": "p", "rules": []any{}},
		"a fallback":                  with("fallback", "open"),
		"a mode that warns":           with("mode", "warn"),
		"who is let through":          with("bypass_actors", []string{f.id("ada")}),
		"a rule that is off":          rule(map[string]any{"enabled": false}),
		"a rule that warns":           rule(map[string]any{"enforcement": "warn"}),
		"a rule for all but one":      rule(map[string]any{"except": []string{f.id("ada")}}),
		"everything free":             rule(map[string]any{"changes": []string{"*"}, "requirement": free}),
		"a noun free":                 rule(map[string]any{"changes": []string{"group.*"}, "requirement": free}),
		"the policy free":             rule(map[string]any{"changes": []string{"policy.put"}, "requirement": free}),
		"roles free":                  rule(map[string]any{"changes": []string{"user.change_role"}, "requirement": free}),
		"nobody is needed":            rule(map[string]any{"requirement": admins(0)}),
		"fewer than nobody":           rule(map[string]any{"requirement": admins(-1)}),
		"a kind nobody knows":         rule(map[string]any{"changes": []string{"groups.create"}}),
		"another case":                rule(map[string]any{"changes": []string{"Group.create"}}),
		"a condition nobody knows":    rule(map[string]any{"when": map[string]any{"branches": []string{"main"}}}),
		"a set that is empty":         rule(map[string]any{"requirement": map[string]any{"clauses": []any{map[string]any{"approvers": map[string]any{"group_id": f.id("ada")}, "need": 1}}}}),
		"more than there are":         with("default", admins(50)),
		"a touch that nobody asks":    with("default", map[string]any{"clauses": admins(1)["clauses"], "user_verification": true}),
		"a signature of another kind": with("default", map[string]any{"clauses": admins(1)["clauses"], "signed": "webauthn"}),
	} {
		size := f.deeds()
		if got := f.person("ada", "PUT", "/directory/v1/policy", policy); got.status != http.StatusBadRequest && got.status != http.StatusUnprocessableEntity {
			f.t.Errorf("%s: %d %s", what, got.status, got.body)
		} else if got.text("field") == "" {
			f.t.Errorf("%s: it does not say where: %s", what, got.body)
		}
		lint := f.person("ada", "POST", "/directory/v1/policy/lint", policy)
		if lint.status == http.StatusOK && !strings.Contains(lint.body, `"severity":"error"`) {
			f.t.Errorf("%s: the linter finds %s", what, lint.body)
		}
		if f.deeds() != size {
			f.t.Errorf("%s moved the log", what)
		}
	}
}

// displays: three people signed what a page showed them. Whatever is shown, a vote
// is for the digest that was shown with it, or for nothing.
func (f *fortress) displays() {
	c := f.holds("asking", func() { doorsOf("ada")[0].ask(f, "shown") })
	document := f.person("grace", "GET", "/directory/v1/changes/"+string(c.ID)+"/document", nil).must(http.StatusOK)
	raw := document.text("document")
	if got := statement.ChangeDigest([]byte(raw)); got != c.Digest {
		f.t.Fatalf("the document has the digest %s, shown is %s", got, c.Digest)
	}
	for i := range len(raw) / 16 {
		altered := []byte(raw)
		altered[i*16] ^= 1
		digest := statement.ChangeDigest(altered)
		if digest == c.Digest {
			f.t.Fatalf("byte %d is not part of the digest", i*16)
		}
		if i%8 == 0 { // the server compares all of them alike
			f.votes(f.token("grace"), engine.ChangeView{ChangeRequest: countersign.ChangeRequest{ID: c.ID, Digest: digest}}, "approve").fails(http.StatusConflict, "digest_mismatch")
		}
	}
	// The command line computes for itself: TestWhatIsSignedIsWhatWasShown. A page
	// that lies about everything, in itself consistent, gets a vote for nothing.
	f.mustBe(c.ID, countersign.ChangePending)
	f.votes(f.token("grace"), c, "approve").must(http.StatusOK)
	f.mustBe(c.ID, countersign.ChangeApplied)
}
