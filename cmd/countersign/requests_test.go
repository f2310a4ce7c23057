package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/statement"
)

func TestWhatWritesSend(t *testing.T) {
	patch := "PATCH /directory/v1/users/" + grace
	for args, want := range map[string]string{
		"users role " + grace + " viewer":                                                         `updateUser: ` + patch + `  {"role":"viewer"}`,
		"users update " + grace + " --name New --allowed-ips ":                                    `updateUser: ` + patch + `  {"name":"New","allowed_ips":[]}`,
		"users update " + grace + " --profile phone=+1=2 --profile job_title=":                    `updateUser: ` + patch + `  {"profile":{"job_title":"","phone":"+1=2"}}`,
		"users set-permissions " + grace + " users.read,groups.read x.y":                          `updateUser: ` + patch + `  {"permissions":["users.read","groups.read","x.y"]}`,
		"users set-permissions " + grace + " --none":                                              `updateUser: ` + patch + `  {"permissions":[]}`,
		"users grant Grace|Hopper vaults.create":                                                  `submitChange: POST /directory/v1/changes  {"operations":[{"kind":"user.grant","user_id":"` + grace + `","permissions":["vaults.create"]}],"reason":"why"}`,
		"users revoke grace@northwind.example vaults.create":                                      `submitChange: POST /directory/v1/changes  {"operations":[{"kind":"user.revoke","user_id":"` + grace + `","permissions":["vaults.create"]}],"reason":"why"}`,
		"users create-api-user --name b --responsible ada@northwind.example":                      `createUser: POST /directory/v1/users  {"type":"api_user","name":"b","role":"none","responsible_person_id":"0198c5f0-0000-7000-8000-000000000001"}`,
		"users create-end-user --external-id c-1":                                                 `createUser: POST /directory/v1/users  {"type":"end_user","external_id":"c-1"}`,
		"groups create --name Auditors --member settlement-bot --permission a.b,c.d":              `createGroup: POST /directory/v1/groups  {"name":"Auditors","permissions":["a.b","c.d"],"member_ids":["` + bot + `"]}`,
		"groups update Treasury --description= --permissions= --invitability admins_only":         `updateGroup: PATCH /directory/v1/groups/` + treasury + `  {"description":null,"permissions":[],"invitability":"admins_only"}`,
		"groups set-members Treasury settlement-bot " + bot + " " + grace:                         `replaceGroupMembers: PUT /directory/v1/groups/` + treasury + `/members  {"member_ids":["` + bot + `","` + grace + `"]}`,
		"groups set-members Treasury --none":                                                      `replaceGroupMembers: PUT /directory/v1/groups/` + treasury + `/members  {"member_ids":[]}`,
		"groups set-members Treasury -f -":                                                        `replaceGroupMembers: PUT /directory/v1/groups/` + treasury + `/members  {"member_ids":["` + bot + `","` + grace + `"]}`,
		"members add " + grace + " Treasury --role admin --switched-off all --expires 2027-01-31": `createMembership: POST /directory/v1/memberships  {"user_id":"` + grace + `","group_id":"` + treasury + `","role":"admin","configurable_permissions":null,"expires_at":"2027-01-31T00:00:00Z"}`,
		"members update " + grace + " Treasury --switched-off can_run_reports --expires never":    `updateMembership: PATCH /directory/v1/memberships/0198c5f0-0000-7000-8000-0000000000aa  {"configurable_permissions":{"can_run_reports":false},"expires_at":null}`,
		"members remove " + grace + " Treasury":                                                   `deleteMembership: DELETE /directory/v1/memberships/0198c5f0-0000-7000-8000-0000000000aa`,
		"changes submit -f testdata/batch.json --overlap reject":                                  `submitChange: POST /directory/v1/changes overlap=reject {"operations":[{"kind":"user.suspend","user_id":"` + grace + `"}],"reason":"why"}`,
		"changes cancel " + openChange:                                                            `cancelChange: POST /directory/v1/changes/` + openChange + `/cancel`,
		"credentials create " + bot + " --type token --lifetime 90d":                              `createCredential: POST /directory/v1/credentials  {"user_id":"` + bot + `","type":"token","lifetime_seconds":7776000}`,
		"credentials issue-code " + grace:                                                         `issueEnrolmentCode: POST /directory/v1/credentials/enrolment-codes  {"user_id":"` + grace + `"}`,
		"credentials collect " + aToken:                                                           `collectSecret: POST /directory/v1/credentials/` + aToken + `/secret`,
		"credentials revoke " + aToken:                                                            `revokeCredential: DELETE /directory/v1/credentials/` + aToken,
		"permissions add payouts.release --description d":                                         `addPermission: POST /directory/v1/permissions  {"permission":"payouts.release","description":"d"}`,
		"permissions update payouts.release --description=":                                       `updatePermission: PATCH /directory/v1/permissions/payouts.release  {"description":""}`,
		"permissions remove payouts.release":                                                      `removePermission: DELETE /directory/v1/permissions/payouts.release`,
		"organization update --name N":                                                            `updateOrganization: PATCH /directory/v1/organization  {"name":"N"}`,
		"organization seal --yes --accept-no-recovery":                                            `sealOrganization: POST /directory/v1/organization/seal  {"accepted_risks":["no_recovery_keys"]}`,
		"policy drill default":                                                                    `runDrill: POST /directory/v1/policy/drills  {"rule_id":"default"}`,
		"organization thaw":                                                                       `submitChange: POST /directory/v1/changes  {"operations":[{"kind":"organization.thaw"}],"reason":"why"}`,
		"emergency freeze":                                                                        `submitChange: POST /directory/v1/changes  {"operations":[{"kind":"organization.freeze"}],"reason":"why","emergency":true}`,
		"emergency suspend Grace|Hopper":                                                          `submitChange: POST /directory/v1/changes  {"operations":[{"kind":"user.suspend","user_id":"` + grace + `"}],"reason":"why","emergency":true}`,
		"emergency revoke " + aToken:                                                              `submitChange: POST /directory/v1/changes  {"operations":[{"kind":"credential.revoke","credential_id":"` + aToken + `"}],"reason":"why","emergency":true}`,
		"organization seal --yes":                                                                 `sealOrganization: POST /directory/v1/organization/seal  {}`,
	} {
		id, line, _ := strings.Cut(want, ": ")
		f := newFake(t)
		f.will(id, held(f))
		if id == "cancelChange" {
			f.next[id] = []answer{{status: http.StatusOK, body: f.list("changes")[1]}}
		}
		c := at(f)
		c.stdin = "settlement-bot\n\n  grace@northwind.example  \n"
		words := strings.Split(args, " ")
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "|", " ")
		}
		p := c.types(t, append(words, "--reason", "why", "--idempotency-key", "k-1")...)
		if got := f.lines(id); !slices.Equal(got, []string{line}) {
			t.Errorf("countersign %s sent\n%q, want\n%q\n%s", args, got, line, p.err)
			continue
		}
		h := f.asked[len(f.asked)-1].header
		if !strings.Contains(line, `"reason":"why"`) && h.Get("Countersign-Reason") != "why" || h.Get("Idempotency-Key") != "k-1" {
			t.Errorf("countersign %s: headers %v", args, h)
		}
	}
}

// Every filter and sort key of the document is a flag, and arrives.
func TestListsTakeEveryParameterOfTheDocument(t *testing.T) {
	f := newFake(t)
	for id, args := range map[string]string{
		"listUsers": "users list --type person --role admin,trader --state active --include-deleted --id " + grace + " --not-id " + bot + " --name N --email e@x --external-id x --group " + treasury +
			" --membership-state active --not-group " + treasury + " --search q --permission users.read --sort role,-created --limit 5 --cursor 0 --at-least 3",
		"listGroups":       "groups list --state active --id " + treasury + " --not-id " + treasury + " --name N --user " + grace + " --modified-by " + grace + " -q x --permission a.b --sort -users_count --limit 5 --cursor 0 --at-least 3",
		"listMemberships":  "members list --user " + grace + " --group " + treasury + " --state active,removed --role admin --sort user_name --limit 5 --cursor 0 --at-least 3",
		"listGroupMembers": "groups members " + treasury + " --state active --role admin --sort user_name --limit 5 --cursor 0 --at-least 3",
		"listChanges":      "changes list --state pending,stale --needs-me --unreachable --voted-with " + bot + " --user " + grace + " --group " + treasury + " --limit 5 --cursor 0 --at-least 3",
		"listCredentials":  "credentials list " + bot + " --at-least 3",
		"listEmergencies":  "emergency list --unratified --limit 5 --cursor 0 --at-least 3",
		"listEntries":      "audit entries --from 1 --limit 5 --at-least 3",
	} {
		if p := at(f).types(t, strings.Fields(args)...); p.code != exitDone {
			t.Errorf("countersign %s: %s", args, p.err)
			continue
		}
		noun := strings.Fields(args)
		if id != "listCredentials" && id != "listEntries" {
			at(f).types(t, append(slices.Clone(noun[:2]), trailing(noun, "--page", "1", "--size", "5")...)...)
		}
		var sent []url.Values
		var atLeast bool
		for _, a := range f.asked {
			if a.id == id {
				_, rest, _ := strings.Cut(a.line, "/directory/v1/")
				_, query, _ := strings.Cut(rest, " ")
				values, err := url.ParseQuery(strings.TrimSpace(query))
				if err != nil {
					t.Fatal(err)
				}
				sent = append(sent, values)
				atLeast = atLeast || a.header.Get("Countersign-At-Least") == "3"
			}
		}
		for _, parameter := range f.operation(id).Parameters {
			p := parameter.Value
			if p.In == "query" && p.Name != "cursor" && !slices.ContainsFunc(sent, func(v url.Values) bool { return v.Get(p.Name) != "" }) {
				t.Errorf("%s: no flag sends %s", id, p.Name)
			}
		}
		if !atLeast {
			t.Errorf("%s: --at-least was not sent", id)
		}
	}
}

// trailing keeps a list's argument and replaces its flags.
func trailing(words []string, flags ...string) []string {
	var out []string
	if len(words) > 2 && !strings.HasPrefix(words[2], "-") {
		out = append(out, words[2])
	}
	return append(out, flags...)
}

// A word that a flag accepts is one of the document, and none is missing.
func TestTheWordsOfFlagsAreThoseOfTheDocument(t *testing.T) {
	f := newFake(t)
	root := newRootCommand(&process{})
	for command, flags := range map[string]map[string][2]string{
		"users list":         {"type": {"listUsers", "type"}, "role": {"listUsers", "role"}, "state": {"listUsers", "state"}, "membership-state": {"listUsers", "membership_state"}, "sort": {"listUsers", "sort"}},
		"groups list":        {"state": {"listGroups", "state"}, "sort": {"listGroups", "sort"}},
		"members list":       {"state": {"listMemberships", "state"}, "role": {"listMemberships", "role"}, "sort": {"listMemberships", "sort"}},
		"changes list":       {"state": {"listChanges", "state"}},
		"credentials create": {"type": {"", "NewCredential.type"}},
		"groups create":      {"invitability": {"", "NewGroup.invitability"}, "member-viewability": {"", "NewGroup.member_viewability"}},
		"users invite":       {"role": {"", "NewPerson.role"}},
	} {
		cmd, _, err := root.Find(strings.Fields(command))
		if err != nil {
			t.Fatal(err)
		}
		for flag, where := range flags {
			var allowed []string
			switch v := cmd.Flags().Lookup(flag).Value.(type) {
			case *choices:
				allowed = slices.Clone(v.allowed)
			case *choice:
				allowed = slices.Clone(v.allowed)
			}
			said := f.words(where[0], where[1])
			slices.Sort(allowed)
			slices.Sort(said)
			if !slices.Equal(allowed, said) {
				t.Errorf("%s --%s takes %q, the document says %q", command, flag, allowed, said)
			}
		}
	}
}

func TestABatchIsAskedForAsItIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		`[{"kind":"user.suspend","user_id":"` + grace + `"}]`:                             `{"operations":[{"kind":"user.suspend","user_id":"` + grace + `"}]}`,
		`{"operations":[{"kind":"user.suspend","user_id":"` + grace + `"}],"reason":"r"}`: `{"operations":[{"kind":"user.suspend","user_id":"` + grace + `"}],"reason":"r"}`,
		`{"operations":[]}`:          "there are no operations",
		`{"operation":[]}`:           "unknown field",
		`{"operations":[]} trailing`: "follows",
		`nonsense`:                   "this is not a batch",
		`[nonsense]`:                 "this is not JSON",
		``:                           "this is not a batch",
	} {
		f := newFake(t)
		f.will("submitChange", held(f))
		c := at(f)
		c.stdin = text
		p := c.types(t, "changes", "submit", "-f", "-")
		if strings.HasPrefix(want, "{") {
			if got := f.lines("submitChange"); len(got) != 1 || got[0] != "POST /directory/v1/changes  "+want {
				t.Errorf("%s sent %q", text, got)
			}
			continue
		}
		if p.code != exitUsage || !strings.Contains(p.err, want) || len(f.lines("")) > 0 {
			t.Errorf("%q: exit %d, %q; want %q", text, p.code, p.err, want)
		}
	}
	f := newFake(t)
	c := at(f)
	c.stdin = `{"operations":[{"kind":"user.suspend"}],"reason":"r"}`
	if p := c.types(t, "changes", "submit", "-f", "-", "--reason", "other"); p.code != exitUsage {
		t.Errorf("two reasons: exit %d, %q", p.code, p.err)
	}
}

// Whoever calls himself by another's address is not taken for him, nor he for her.
func TestANameThatIsAnothersAddressIsAmbiguous(t *testing.T) {
	f := newFake(t)
	twins := []map[string]any{f.list("users")[1], changed(f.list("users")[2], "name", "grace@northwind.example")}
	for _, hits := range [][]map[string]any{{twins[1]}, {twins[0]}} { // asked for by name, then by address
		f.will("listUsers", answer{status: 200, body: map[string]any{"items": hits, "total": 1, "next_cursor": nil}})
	}
	p := at(f).types(t, "users", "suspend", "grace@northwind.example")
	if p.code != exitUsage || !strings.Contains(p.err, grace) || !strings.Contains(p.err, bot) || len(f.lines("suspendUser")) > 0 {
		t.Errorf("exit %d, %q", p.code, p.err)
	}
}

func TestAPrivateKeyIsNotSent(t *testing.T) {
	f := newFake(t)
	c := at(f)
	c.stdin = "-----BEGIN PRIVATE KEY-----\n...\n"
	p := c.types(t, "credentials", "create", bot, "--type", "signing_key", "--public-key", "-")
	if p.code != exitUsage || !strings.Contains(p.err, "holds a private key") || len(f.lines("")) > 0 {
		t.Errorf("exit %d, %q, %q", p.code, p.err, f.lines(""))
	}
}

// An approver sees what he approves, and the digest of what he saw is what is sent.
func TestWhatWasShownIsWhatIsApproved(t *testing.T) {
	f := newFake(t)
	f.will("getChange", answer{status: 200, body: changed(f.list("changes")[0], "reason", "for a reason of this test")})
	f.will("decideChange", refusal(409, "digest_mismatch", "digest", "The change is another one by now."))
	c := at(f)
	c.stdin, c.interactive = "yes\n", true
	p := c.types(t, "changes", "approve", openChange, "--reason", "looks right")
	digest := statement.ChangeDigest([]byte(f.documents[openChange]))
	want := fmt.Sprintf(`POST /directory/v1/changes/%s/approvals  {"decision":"approve","digest":"%s","comment":"looks right"}`, openChange, digest)
	if digest == aDigest || !strings.Contains(p.err, "digest  "+digest) {
		t.Errorf("the digest of another change was shown: %s", p.err)
	}
	if got := f.lines("decideChange"); !slices.Equal(got, []string{want}) {
		t.Errorf("sent %q, want %q", got, want)
	}
	if p.code != exitFailed || !strings.Contains(p.err, "Look again: countersign changes show") {
		t.Errorf("exit %d, %q", p.code, p.err)
	}
}

func TestJSONIsTheAPIsOwn(t *testing.T) {
	f := newFake(t)
	f.will("getUser", answer{status: 200, body: changed(f.list("users")[0], "name", "\u202eevil\u009b2J\U000e0001", "new_member", json.RawMessage(`{"a":1}`))})
	p := at(f).types(t, "users", "get", grace, "-o", "json")
	for _, c := range p.out {
		if c == '\u202e' || c == '\u009b' || c == '\U000e0001' {
			t.Errorf("%U reaches the terminal", c)
		}
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(p.out), &got); err != nil {
		t.Fatal(err)
	}
	if got["name"] != "\u202eevil\u009b2J\U000e0001" || got["new_member"] == nil {
		t.Errorf("lost something: %v", got)
	}
}
