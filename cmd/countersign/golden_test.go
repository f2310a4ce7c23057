package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var writeGolden = flag.Bool("golden", false, "write testdata/golden anew")

const (
	grace      = "0198c5f0-0000-7000-8000-000000000002"
	bot        = "0198c5f0-0000-7000-8000-000000000003"
	treasury   = "0198c5f0-0000-7000-8000-00000000000a"
	openChange = "0198c600-0000-7000-8000-000000000001"
	staleOne   = "0198c600-0000-7000-8000-000000000002"
	aToken     = "0198c700-0000-7000-8000-000000000001"
	aDigest    = "09229aeefa0f66574a412d9e2c945b9e079a45d7a57a09e3c60f5198d384c23c"
)

// held is the answer to a write that waits.
func held(f *fake) answer {
	return answer{status: 202, body: f.list("changes")[0]}
}

func made(f *fake, list string) answer { return answer{status: 201, body: f.list(list)[0]} }

func withSecret(object map[string]any, secret map[string]any) map[string]any {
	object["secrets"] = []any{secret}
	return object
}

func changed(object map[string]any, members ...any) map[string]any {
	for i := 0; i+1 < len(members); i += 2 {
		object[members[i].(string)] = members[i+1]
	}
	return object
}

// unreachable is the open change with something it lacks.
func unreachable(f *fake, because string) map[string]any {
	lacks := map[string]any{"because": because, "approvers": nil, "need": 3, "left": 1}
	switch because {
	case "too_few_for_clause":
		lacks["approvers"] = map[string]any{"role": "admin"}
	case "too_late":
		lacks["need"], lacks["left"] = 0, 0
	}
	return changed(f.list("changes")[0], "reachable", false, "unreachable", lacks)
}

// warned is the open change with all that an approver should be told of.
func warned(f *fake) map[string]any {
	return changed(f.list("changes")[0],
		"lookalikes", []any{
			map[string]any{"field": "operations.0.user_id", "kind": "user_name", "text": "Grace H\u043epper", "id": grace, "others_total": 5, "others": []any{
				map[string]any{"id": bot, "text": "Grace Hopper", "same": false}, map[string]any{"id": treasury, "text": "GRACE H\u043ePPER", "same": true},
			}},
			map[string]any{"field": "operations.1.email", "kind": "user_email", "text": "ada@northwlnd.example", "id": nil, "others_total": 1, "others": []any{
				map[string]any{"id": bot, "text": "ada@northwind.example", "same": false},
			}},
		},
		"overlaps", []any{
			map[string]any{
				"change_id": staleOne, "requester": grace, "kinds": []any{"group.delete"}, "facts_total": 21, "ends_other": false, "ends_this": true,
				"facts": []any{"group.state:0198c5f0-0000-7000-8000-00000000000b"},
			},
			map[string]any{
				"change_id": aToken, "requester": bot, "kinds": []any{"user.change_role", "user.grant"}, "facts_total": 1, "ends_other": true, "ends_this": true,
				"facts": []any{"user.role:" + grace},
			},
		},
		"earlier", map[string]any{"total": 100, "more": true, "states": map[string]any{"rejected": 98, "cancelled": 2}, "latest": []any{
			map[string]any{"id": staleOne, "state": "rejected", "closed_at": "2026-02-02T10:00:00Z", "closed_because": "denied"},
		}})
}

func hostile(f *fake) answer {
	var names []string
	if err := json.Unmarshal(f.world["hostile"], &names); err != nil {
		f.t.Fatal(err)
	}
	var items []any
	for i, name := range names {
		u := f.list("users")[0]
		u["id"], u["name"], u["email"] = fmt.Sprintf("0198c5f0-0000-7000-8000-0000000001%02x", i), name, nil
		items = append(items, u)
	}
	return answer{status: 200, body: map[string]any{"items": items, "total": len(items), "next_cursor": nil}}
}

func brokenList(f *fake) {
	f.will("listUsers", answer{status: 200, body: map[string]any{"items": f.list("users")[:2], "total": 6, "next_cursor": "2"}}, refusal(400, "malformed_parameter", "cursor", "This is not a next_cursor of this list."))
}

func circularList(f *fake) {
	page := answer{status: 200, body: map[string]any{"items": f.list("users")[:1], "total": 6, "next_cursor": "c"}}
	f.will("listUsers", page, page)
}

// Everything the program prints, to the letter. "go test ./cmd/countersign -run
// Golden -golden" writes it anew; the diff is then read like code.
func TestGolden(t *testing.T) {
	secret := map[string]any{"credential_id": aToken, "user_id": bot, "type": "token", "value": "-eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0", "expires_at": "2027-03-01T09:50:00Z"}
	for name, tc := range map[string]struct {
		args        string
		stdin       string
		interactive bool
		prepare     func(*fake)
	}{
		"users-list":              {args: "users list"},
		"users-list-csv":          {args: "users list -o csv"},
		"users-list-json":         {args: "users list -o json --limit 1", prepare: func(f *fake) { f.pageSize = 1 }},
		"users-list-more":         {args: "users list", prepare: func(f *fake) { f.pageSize = 2 }},
		"users-list-all":          {args: "users list --all", prepare: func(f *fake) { f.pageSize = 1 }},
		"users-list-all-json":     {args: "users list --all -o json", prepare: func(f *fake) { f.pageSize = 4 }},
		"users-list-all-watched":  {args: "users list --all --type person", interactive: true, prepare: func(f *fake) { f.pageSize = 2 }},
		"users-list-broken-off":   {args: "users list --all -o csv", prepare: brokenList},
		"users-list-in-circles":   {args: "users list --all", prepare: circularList},
		"users-list-none":         {args: "users list --name Nobody"},
		"users-list-hostile":      {args: "users list", prepare: func(f *fake) { f.will("listUsers", hostile(f)) }},
		"users-list-hostile-csv":  {args: "users list -o csv", prepare: func(f *fake) { f.will("listUsers", hostile(f)) }},
		"users-get":               {args: "users get grace@northwind.example"},
		"users-get-json":          {args: "users get " + bot + " -o json"},
		"users-get-csv":           {args: "users get settlement-bot -o csv"},
		"users-permissions":       {args: "users permissions " + grace},
		"users-ambiguous":         {args: "users suspend TWIN"},
		"users-unknown":           {args: "users get Nobody"},
		"users-invite":            {args: "users invite --name Grace --email grace@northwind.example --role trader", prepare: func(f *fake) { f.will("createUser", made(f, "users")) }},
		"users-invite-held":       {args: "users invite --name Grace --email grace@northwind.example --role trader --group Treasury", prepare: func(f *fake) { f.will("createUser", held(f)) }},
		"users-invite-held-csv":   {args: "users invite --name Grace --email grace@northwind.example --role trader -o csv", prepare: func(f *fake) { f.will("createUser", held(f)) }},
		"users-invite-taken":      {args: "users invite --name Grace --email grace@northwind.example --role trader", prepare: func(f *fake) { f.will("createUser", refusal(409, "email_taken", "email", "belongs to another user")) }},
		"users-suspend-dry-run":   {args: "users suspend " + grace + " --dry-run", prepare: func(f *fake) { f.will("suspendUser", preview(f, "wait")) }},
		"users-role-free-dry-run": {args: "users role " + grace + " admin --dry-run", prepare: func(f *fake) { f.will("updateUser", preview(f, "apply")) }},
		"users-suspend-receipt": {args: "users suspend " + grace, prepare: func(f *fake) {
			f.will("suspendUser", answer{status: 200, body: map[string]any{"id": grace, "change_id": openChange}})
		}},
		"users-delete":      {args: "users delete " + grace, prepare: func(f *fake) { f.will("deleteUser", answer{status: 204}) }},
		"users-delete-json": {args: "users delete " + grace + " -o json", prepare: func(f *fake) { f.will("deleteUser", answer{status: 204}) }},
		"users-onboarding-code": {args: "users onboarding-code " + grace, prepare: func(f *fake) {
			f.will("makeOnboardingCode", answer{status: 200, body: withSecret(f.list("users")[1], map[string]any{"credential_id": aToken, "user_id": grace, "type": "enrolment_code", "value": "7Q2MK-X9DR4-TWB8N-CHJ3V", "expires_at": "2026-03-02T09:30:00Z"})})
		}},
		"groups-list":  {args: "groups list"},
		"groups-get":   {args: "groups get Treasury"},
		"members-list": {args: "members list -o csv"},
		"members-remove-unknown": {args: "members remove settlement-bot Treasury", prepare: func(f *fake) {
			f.will("listMemberships", answer{status: 200, body: map[string]any{"items": []any{}, "total": 0, "next_cursor": nil}})
		}},
		"changes-list": {args: "changes list"},
		"changes-list-unreachable": {args: "changes list --unreachable", prepare: func(f *fake) {
			f.will("listChanges", answer{status: 200, body: map[string]any{"items": []any{unreachable(f, "too_few_for_clause")}, "total": 1, "next_cursor": nil}})
		}},
		"changes-show-unreachable": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.will("getChange", answer{status: 200, body: unreachable(f, "too_few_for_clause")})
		}},
		"changes-show-few": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.will("getChange", answer{status: 200, body: unreachable(f, "too_few_people")})
		}},
		"changes-show-late": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.will("getChange", answer{status: 200, body: unreachable(f, "too_late")})
		}},
		"changes-show":       {args: "changes show " + openChange},
		"changes-show-stale": {args: "changes show " + staleOne},
		"changes-show-warned": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.will("getChange", answer{status: 200, body: warned(f)})
		}},
		"changes-show-untrue": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.lie = func(change map[string]any) { change["reason"] = "harmless" }
		}},
		"changes-approve-untrue": {args: "changes approve " + openChange + " --yes --digest " + aDigest, prepare: func(f *fake) {
			f.lie = func(change map[string]any) { change["operations"] = change["operations"].([]any)[:1] }
		}},
		"changes-deny-untrue": {args: "changes deny " + openChange + " --yes", prepare: func(f *fake) {
			f.lie = func(change map[string]any) { change["reason"] = "harmless" }
			f.will("decideChange", answer{status: 200, body: changed(f.list("changes")[0], "state", "rejected", "closed_because", "denied")})
		}},
		"changes-show-stranger": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.will("listUsers", refusal(403, "permission_missing", "", "Needs users.read.", "permission", "users.read"))
		}},
		"changes-approve": {args: "changes approve " + openChange + " --comment seen", stdin: "y\n", interactive: true, prepare: func(f *fake) {
			f.will("decideChange", answer{status: 200, body: changed(f.list("changes")[0], "state", "applied", "applied_revision", 42, "impact", nil)})
		}},
		"changes-approve-one-more": {args: "changes approve " + openChange + " --yes --digest " + aDigest, prepare: func(f *fake) { f.will("decideChange", answer{status: 200, body: f.list("changes")[0]}) }},
		"changes-approve-no":       {args: "changes approve " + openChange, stdin: "n\n", interactive: true},
		"changes-approve-nobody":   {args: "changes approve " + openChange},
		"changes-approve-other":    {args: "changes approve " + openChange + " --yes --digest 1111111111111111111111111111111111111111111111111111111111111111"},
		"changes-approve-mine": {args: "changes approve " + openChange, interactive: true, prepare: func(f *fake) {
			f.will("getChange", answer{status: 200, body: changed(f.list("changes")[0], "can_decide", false)})
		}},
		"changes-approve-closed": {args: "changes approve " + staleOne, interactive: true},
		"changes-approve-failed": {args: "changes approve " + openChange + " --yes --digest " + aDigest, prepare: func(f *fake) {
			f.will("decideChange", answer{status: 200, body: changed(f.list("changes")[0], "state", "failed", "closed_because", "it would leave no admin")})
		}},
		"changes-deny": {args: "changes deny " + openChange + " --yes --comment no", prepare: func(f *fake) {
			f.will("decideChange", answer{status: 200, body: changed(f.list("changes")[0], "state", "rejected", "closed_because", "denied")})
		}},
		"changes-submit-held": {args: "changes submit -f -", stdin: `[{"kind":"user.suspend","user_id":"` + grace + `"}]`, prepare: func(f *fake) { f.will("submitChange", held(f)) }},
		"policy-show":         {args: "policy show"},
		"policy-export":       {args: "policy export"},
		"policy-lint":         {args: "policy lint"},
		"policy-health":       {args: "policy health"},
		"policy-violations":   {args: "policy violations"},
		"policy-health-csv":   {args: "policy health -o csv"},
		"emergency-list":      {args: "emergency list"},
		"emergency-suspend": {args: "emergency suspend " + grace + " --reason stolen", prepare: func(f *fake) {
			f.will("submitChange", answer{status: 200, body: changed(f.list("changes")[0], "state", "applied", "impact", nil, "emergency", true, "ratification", staleOne)})
		}},
		"emergency-freeze-silent": {args: "emergency freeze"},
		"emergency-suspend-needed": {args: "emergency suspend " + grace + " --reason stolen", prepare: func(f *fake) {
			f.will("submitChange", refusal(422, "would_lock_out", "", "after this, rule default could not be met", "instead", "organization.freeze"))
		}},
		"organization-update-frozen": {args: "organization update --name N", prepare: func(f *fake) {
			f.will("updateOrganization", refusal(403, "organization_frozen", "", "the organization is frozen"))
		}},
		"changes-show-emergency": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.will("getChange", answer{status: 200, body: changed(f.list("changes")[0], "state", "applied", "impact", nil, "emergency", true, "ratification", staleOne)})
		}},
		"changes-show-ratification": {args: "changes show " + openChange, prepare: func(f *fake) {
			f.will("getChange", answer{status: 200, body: changed(f.list("changes")[0], "ratifies", staleOne, "operations", []any{map[string]any{"kind": "emergency.ratify", "change_id": staleOne}})})
		}},
		"credentials-list":        {args: "credentials list settlement-bot"},
		"credentials-compromised": {args: "credentials compromised " + aToken},
		"credentials-compromised-csv": {args: "credentials compromised " + aToken + " -o csv", prepare: func(f *fake) {
			f.will("getCredential", answer{status: 200, body: changed(f.list("credentials")[0], "state", "revoked")})
		}},
		"credentials-create": {args: "credentials create settlement-bot --type token --lifetime 30d", prepare: func(f *fake) {
			f.will("createCredential", answer{status: 201, body: withSecret(f.list("credentials")[0], secret)})
		}},
		"credentials-create-csv": {args: "credentials create settlement-bot --type token -o csv", prepare: func(f *fake) {
			f.will("createCredential", answer{status: 201, body: withSecret(f.list("credentials")[0], secret)})
		}},
		"credentials-create-json": {args: "credentials create settlement-bot --type token -o json", prepare: func(f *fake) {
			f.will("createCredential", answer{status: 201, body: withSecret(f.list("credentials")[0], secret)})
		}},
		"credentials-replayed": {args: "credentials create settlement-bot --type token --idempotency-key k", prepare: func(f *fake) {
			f.will("createCredential", answer{status: 201, header: map[string]string{"Countersign-Replayed": "true"}, body: withSecret(f.list("credentials")[0], map[string]any{"credential_id": aToken, "user_id": bot, "type": "token", "already_shown": true})})
		}},
		"credentials-redeem": {args: "credentials redeem", stdin: "7Q2MK-X9DR4-TWB8N-CHJ3V\n", prepare: func(f *fake) {
			f.will("redeemCode", answer{status: 200, body: map[string]any{"user_id": bot, "change_id": openChange, "secrets": []any{secret}}})
		}},
		"audit-entries":            {args: "audit entries"},
		"audit-show":               {args: "audit show 0"},
		"audit-checkpoint":         {args: "audit checkpoint"},
		"audit-checkpoint-json":    {args: "audit checkpoint -o json"},
		"permissions-list":         {args: "permissions list"},
		"organization-show":        {args: "organization show"},
		"organization-seal-nobody": {args: "organization seal"},
		"check-allowed": {args: "check grace@northwind.example payouts.create --explain", prepare: func(f *fake) {
			f.will("check", answer{status: 200, body: map[string]any{"allowed": true, "revision": 42, "because": f.list("effective")[0]["sources"]}})
		}},
		"check-denied": {args: "check " + grace + " payouts.create", prepare: func(f *fake) {
			f.will("check", answer{status: 200, body: map[string]any{"allowed": false, "revision": 42, "why": "membership_pending", "pending_change": openChange}})
		}},
		"me": {args: "me"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			if tc.prepare != nil {
				tc.prepare(f)
			}
			c := at(f)
			c.stdin, c.interactive = tc.stdin, tc.interactive
			p := c.types(t, strings.Fields(tc.args)...)
			got := fmt.Sprintf("$ countersign %s\n-- standard output --\n%s-- standard error --\n%s-- exit %d --\n", tc.args, p.out, p.err, p.code)
			compareGolden(t, name, got)
		})
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name+".txt")
	if *writeGolden {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-golden +printed)\n%s", diff)
	}
}

// preview is the answer to a dry run.
func preview(f *fake, would string) answer {
	c := changed(f.list("changes")[0], "id", nil, "needs", []any{}, "approvals", []any{})
	return answer{status: 200, body: map[string]any{"would": would, "change": c, "effects": c["effects"], "impact": c["impact"]}}
}
