package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// example is one request as a client sends it.
type example struct {
	token, method, path, body string
	header                    []string
	// signed requests are those of Fireblocks.
	signed bool
	// settles is true of what brings about what had waited.
	settles bool
}

func (f *fortress) call(e example) reply {
	f.t.Helper()
	if e.signed {
		return f.signed(e.method, e.path, e.body)
	}
	return f.send(e.token, e.method, e.path, e.body, e.header...)
}

// fixture is what the examples are about, made in bootstrap: pat is a person of no
// role, acct an account, fresh and other are invited, away is suspended.
type fixture struct {
	pat, acct, fresh, other, away, end string
	group, membership, credential      string
	endToken, code, permission, csr    string
	// imported is an import whose batch was taken in.
	imported                             string
	patNumber, groupNumber, memberNumber string
}

// furnished fills an organization that is not sealed yet.
func (f *fortress) furnished() *fixture {
	f.t.Helper()
	ada := func(method, path string, body any) reply {
		f.t.Helper()
		got := f.person("ada", method, "/directory/v1"+path, body)
		if got.status >= http.StatusBadRequest {
			f.t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
		}
		return got
	}
	invite := func(name string) string {
		return ada("POST", "/users", map[string]any{"type": "person", "name": name, "email": name + "@northwind.example", "role": "none"}).text("id")
	}
	x := &fixture{permission: "desk.trade"}
	x.pat, x.away, x.fresh, x.other = invite("pat"), invite("away"), invite("fresh"), invite("other")
	for _, id := range []string{x.pat, x.away} {
		code := ada("POST", "/users/"+id+"/onboarding-code", nil).secret()
		f.send("", "POST", "/directory/v1/users/"+id+"/activate", map[string]any{"code": code}).must(http.StatusOK)
	}
	ada("POST", "/users/"+x.away+"/suspend", nil)
	x.acct = ada("POST", "/users", map[string]any{"type": "api_user", "name": "acct", "role": "none", "responsible_person_id": f.id("vera")}).text("id")
	x.end = ada("POST", "/users", map[string]any{"type": "end_user", "external_id": "C-1"}).text("id")
	x.endToken = ada("POST", "/credentials", map[string]any{"user_id": x.end, "type": "token"}).text("id")
	x.group = ada("POST", "/groups", map[string]any{"name": "Desk"}).text("id")
	x.membership = ada("POST", "/memberships", map[string]any{"user_id": x.pat, "group_id": x.group}).text("id")
	x.credential = ada("POST", "/credentials", map[string]any{"user_id": x.acct, "type": "token"}).text("id")
	ada("POST", "/permissions", map[string]any{"permission": x.permission})
	ada("POST", "/permissions", map[string]any{"permission": "desk.idle"})
	x.code = ada("POST", "/credentials/enrolment-codes", map[string]any{"user_id": x.pat}).secret()
	number := func(path string) string {
		raw, err := json.Marshal(ada("GET", path, nil).object()["number"])
		f.must(err)
		return string(raw)
	}
	x.patNumber, x.groupNumber, x.memberNumber = number("/users/"+x.pat), number("/groups/"+x.group), number("/memberships/"+x.membership)
	key, err := rsa.GenerateKey(rand.Reader, demoKeyBits)
	f.must(err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	f.must(err)
	x.csr = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	return x
}

// maker makes an example; what it needs besides the fixture it does beforehand.
type maker func(f *fortress, x *fixture) example

// natively is a request of the account of our own API.
func natively(method, path string, body any) maker {
	return func(f *fortress, x *fixture) example {
		return example{token: f.c.Directory.Token, method: method, path: "/directory/v1" + x.fill(path), body: x.fill(textOf(body))}
	}
}

func textOf(body any) string {
	if body == nil {
		return ""
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// fill puts ids where an example names them.
func (x *fixture) fill(text string) string {
	return strings.NewReplacer("$pat#", x.patNumber, "$group#", x.groupNumber, "$member#", x.memberNumber,
		"$pat", x.pat, "$acct", x.acct, "$fresh", x.fresh, "$other", x.other, "$away", x.away, "$endtoken", x.endToken, "$end", x.end, "$group", x.group,
		"$membership", x.membership, "$credential", x.credential, "$permission", x.permission, "$code", x.code).Replace(text)
}

func fireblocksly(method, path string, body any) maker {
	return func(_ *fortress, x *fixture) example {
		return example{signed: true, method: method, path: "/v1/management" + x.fill(path), body: x.fill(textOf(body))}
	}
}

func fordefily(method, path string, body any) maker {
	return func(f *fortress, x *fixture) example {
		return example{token: f.c.Fordefi.WriterToken, method: method, path: "/api/v1" + x.fill(path), body: x.fill(textOf(body))}
	}
}

func boxly(method, path string, body any) maker {
	return func(f *fortress, x *fixture) example {
		return example{token: f.c.Box.DeveloperToken, method: method, path: "/2.0" + x.fill(path), body: x.fill(textOf(body))}
	}
}

func b2corely(method, path string, body any) maker {
	return func(f *fortress, x *fixture) example {
		return example{token: f.c.B2Core.Token, method: method, path: "/api/v2" + x.fill(path), body: x.fill(textOf(body))}
	}
}

type object = map[string]any

// examples are requests to every route that governs, by dialect and name of the
// route: each is fine, and would be answered in bootstrap by doing it.
func examples() map[string]maker {
	waiting := func(then func(f *fortress, c engine.ChangeView) example) maker {
		return func(f *fortress, _ *fixture) example {
			return then(f, f.holds("something that waits", func() { doorsOfAccounts()[0].ask(f, "waiting "+uuid.NewString()) }))
		}
	}
	operations := object{"operations": []any{object{"kind": "group.create", "name": "Instead"}}}
	return map[string]maker{
		"directory createUser":          natively("POST", "/users", object{"type": "person", "name": "Eve", "email": "eve@northwind.example", "role": "none"}),
		"directory updateUser":          natively("PATCH", "/users/$pat", object{"name": "Patricia"}),
		"directory deleteUser":          natively("DELETE", "/users/$pat", nil),
		"directory suspendUser":         natively("POST", "/users/$pat/suspend", nil),
		"directory reactivateUser":      natively("POST", "/users/$away/reactivate", nil),
		"directory resetDevice":         natively("POST", "/users/$pat/reset-device", nil),
		"directory makeOnboardingCode":  natively("POST", "/users/$other/onboarding-code", nil),
		"directory activateUser":        activates,
		"directory createGroup":         natively("POST", "/groups", object{"name": "Night"}),
		"directory updateGroup":         natively("PATCH", "/groups/$group", object{"name": "Day"}),
		"directory deleteGroup":         natively("DELETE", "/groups/$group", nil),
		"directory replaceGroupMembers": natively("PUT", "/groups/$group/members", object{"member_ids": []string{"$acct"}}),
		"directory createMembership":    natively("POST", "/memberships", object{"user_id": "$acct", "group_id": "$group"}),
		"directory updateMembership":    natively("PATCH", "/memberships/$membership", object{"role": "admin"}),
		"directory deleteMembership":    natively("DELETE", "/memberships/$membership", nil),
		"directory createCredential":    natively("POST", "/credentials", object{"user_id": "$acct", "type": "token"}),
		"directory issueEnrolmentCode":  natively("POST", "/credentials/enrolment-codes", object{"user_id": "$pat"}),
		"directory redeemCode": func(_ *fortress, x *fixture) example {
			return example{method: "POST", path: "/directory/v1/credentials/redeem", body: x.fill(`{"code":"$code","label":"phone"}`)}
		},
		"directory revokeCredential":   natively("DELETE", "/credentials/$credential", nil),
		"directory collectSecret":      collects,
		"directory addPermission":      natively("POST", "/permissions", object{"permission": "desk.more"}),
		"directory updatePermission":   natively("PATCH", "/permissions/$permission", object{"description": "Trade"}),
		"directory removePermission":   natively("DELETE", "/permissions/$permission", nil),
		"directory updateOrganization": natively("PATCH", "/organization", object{"name": "Northwind"}),
		"directory sealOrganization": func(f *fortress, _ *fixture) example {
			return example{token: f.token("ada"), method: "POST", path: "/directory/v1/organization/seal", body: textOf(object{"policy": fortressPolicy(1)})}
		},
		"directory submitChange": natively("POST", "/changes", operations),
		"directory decideChange": waiting(func(f *fortress, c engine.ChangeView) example {
			return example{token: f.token("grace"), method: "POST", path: "/directory/v1/changes/" + string(c.ID) + "/approvals", body: textOf(object{"decision": "approve", "digest": c.Digest}), settles: true}
		}),
		"directory cancelChange": waiting(func(f *fortress, c engine.ChangeView) example {
			return example{token: f.c.Directory.Token, method: "POST", path: "/directory/v1/changes/" + string(c.ID) + "/cancel"}
		}),
		"directory replaceChange": waiting(func(f *fortress, c engine.ChangeView) example {
			return example{token: f.c.Directory.Token, method: "POST", path: "/directory/v1/changes/" + string(c.ID) + "/replace", body: textOf(operations)}
		}),
		"directory openImport":      natively("POST", "/imports", importOf("Imported")),
		"directory takeImportBatch": takesBatch,
		"directory putPolicy":       natively("PUT", "/policy", fortressPolicy(2)),
		"directory runDrill":        natively("POST", "/policy/drills", object{"rule_id": "default"}),
		"directory replaceRecovery": replacesKeys,
		"directory openRecovery":    recovers,

		"fireblocks createUserGroup":   fireblocksly("POST", "/user_groups", object{"groupName": "Night", "memberIds": []string{"$pat"}}),
		"fireblocks updateUserGroup":   fireblocksly("PUT", "/user_groups/$group", object{"groupName": "Day", "memberIds": []string{}}),
		"fireblocks deleteUserGroup":   fireblocksly("DELETE", "/user_groups/$group", nil),
		"fireblocks createConsoleUser": fireblocksly("POST", "/users", object{"firstName": "Ann", "lastName": "B", "role": "EDITOR", "email": "ann@northwind.example"}),
		"fireblocks resetDevice":       fireblocksly("POST", "/users/$pat/reset_device", nil),
		"fireblocks createApiUser": func(_ *fortress, x *fixture) example {
			return example{signed: true, method: "POST", path: "/v1/management/api_users", body: textOf(object{"name": "ci", "role": "EDITOR", "csrPem": x.csr})}
		},

		"fordefi create_end_user_api_v1_end_users_post":                     fordefily("POST", "/end-users", object{"external_id": "C-2"}),
		"fordefi delete_end_user_api_v1_end_users__id__delete":              fordefily("DELETE", "/end-users/$end", nil),
		"fordefi create_auth_token_api_v1_authorization_tokens_post":        fordefily("POST", "/authorization-tokens", object{"user_type": "end_user", "user_id": "$end"}),
		"fordefi delete_auth_token_api_v1_authorization_tokens__id__delete": fordefily("DELETE", "/authorization-tokens/$endtoken", nil),

		"box post_group_memberships":      boxly("POST", "/group_memberships", object{"user": object{"id": "4"}, "group": object{"id": "$group#"}}),
		"box put_group_memberships_id":    boxly("PUT", "/group_memberships/$member#", object{"role": "admin"}),
		"box delete_group_memberships_id": boxly("DELETE", "/group_memberships/$member#", nil),
		"box post_groups":                 boxly("POST", "/groups", object{"name": "Night"}),
		"box put_groups_id":               boxly("PUT", "/groups/$group#", object{"name": "Day"}),
		"box delete_groups_id":            boxly("DELETE", "/groups/$group#", nil),
		"box post_users":                  boxly("POST", "/users", object{"name": "Bea", "login": "bea@northwind.example"}),
		"box put_users_id":                boxly("PUT", "/users/$pat#", object{"name": "Patricia"}),
		"box delete_users_id":             boxly("DELETE", "/users/$pat#", nil),

		"b2core createGroup": b2corely("POST", "/groups", object{"name": "Night", "permissions": []string{"accounts.read"}}),
		"b2core updateGroup": b2corely("PUT", "/groups/$group#", object{"name": "Day"}),
		"b2core patchGroup":  b2corely("PATCH", "/groups/$group#", object{"permissions": []string{"accounts.read"}}),
		"b2core deleteGroup": b2corely("DELETE", "/groups/$group#", nil),
		"b2core createUser":  b2corely("POST", "/users", object{"name": "Cem", "email": "cem@northwind.example", "permissions": []string{}, "groups": []int{}}),
		"b2core updateUser":  b2corely("PUT", "/users/$pat#", object{"name": "Patricia"}),
		"b2core patchUser":   b2corely("PATCH", "/users/$pat#", object{"active": false}),
		"b2core deleteUser":  b2corely("DELETE", "/users/$pat#", nil),
	}
}

// activates lets somebody who was invited enter his code.
func activates(f *fortress, x *fixture) example {
	f.t.Helper()
	code := f.person("ada", "POST", "/directory/v1/users/"+x.fresh+"/onboarding-code", nil).must(http.StatusOK).secret()
	return example{method: "POST", path: "/directory/v1/users/" + x.fresh + "/activate", body: textOf(object{"code": code, "label": "phone"})}
}

// collects takes the secret of a credential that somebody approved.
func collects(f *fortress, x *fixture) example {
	f.t.Helper()
	c := f.holds("a token", func() {
		f.send(f.c.Directory.Token, "POST", "/directory/v1/credentials", object{"user_id": x.acct, "type": "token"}).must(http.StatusAccepted)
	})
	f.votes(f.token("grace"), c, "approve").must(http.StatusOK)
	made, _ := c.Operations[0].(*countersign.CreateCredential)
	return example{token: f.c.Directory.Token, method: "POST", path: "/directory/v1/credentials/" + string(made.CredentialID) + "/secret"}
}

// takesBatch sends the batch of an import that somebody approved.
func takesBatch(f *fortress, _ *fixture) example {
	f.t.Helper()
	name := "Imported " + uuid.NewString()
	c := f.holds("an import", func() {
		f.send(f.c.Directory.Token, "POST", "/directory/v1/imports", importOf(name)).must(http.StatusAccepted)
	})
	f.votes(f.token("grace"), c, "approve").must(http.StatusOK)
	return example{token: f.c.Directory.Token, method: "POST", path: "/directory/v1/imports/" + string(c.ID) + "/batches/0", body: batchOf(name)}
}

// imports takes in a whole import, and returns its id.
func (f *fortress) imports(x *fixture) string {
	f.t.Helper()
	e := takesBatch(f, x)
	f.call(e).must(http.StatusOK)
	return strings.Split(e.path, "/")[4]
}

// calling is a request to a route that does not govern.
func (f *fortress) calling(dialect, method, pattern string, x *fixture) example {
	f.t.Helper()
	path := x.fill(strings.NewReplacer("{user_id}", "$pat", "{group_id}", "$group", "{membership_id}", "$membership", "{credential_id}", "$credential",
		"{permission}", "$permission", "{index}", "0", "{change_id}", x.imported, "{import_id}", x.imported, "{groupId}", "$group", "{userId}", "$pat", "{id}", "$end").Replace(pattern))
	e := example{token: f.c.Directory.Token, method: method, path: path}
	switch dialect {
	case "fireblocks":
		e.signed = true
		if strings.HasSuffix(pattern, "whitelist_ip_addresses") {
			e.path = x.fill("/v1/management/api_users/$acct/whitelist_ip_addresses")
		}
	case "fordefi":
		e.token = f.c.Fordefi.WriterToken
		e.path = strings.NewReplacer("/user-groups/"+x.end, "/user-groups/"+x.group, "/api/v1/users/"+x.end, "/api/v1/users/"+x.pat).Replace(e.path)
		if strings.HasSuffix(pattern, "keys-permissions") {
			e.body = `{"allow":false}`
		}
	case "box":
		e.token = f.c.Box.DeveloperToken
		e.path = x.fill(strings.NewReplacer("{user_id}", "$pat#", "{group_id}", "$group#", "{group_membership_id}", "$member#").Replace(pattern))
	case "b2core":
		e.token = f.c.B2Core.Token
		e.path = x.fill(strings.NewReplacer("{userId}", "$pat#", "{groupId}", "$group#").Replace(pattern))
	}
	if body, has := x.bodies(f)[method+" "+pattern]; has {
		e.body = body
	}
	switch pattern {
	case "/api/v2/refresh":
		e.body = textOf(object{"refreshToken": f.tokenOf("refreshToken")})
	case "/directory/v1/audit/proofs/inclusion":
		e.path += "?index=1"
	case "/directory/v1/audit/proofs/consistency":
		e.path += "?from=1"
	case "/oauth2/token", "/oauth2/revoke", "/oauth2/authorize":
		e.header, e.token = []string{formed}, ""
	}
	return e
}

// bodies of the routes that take one and govern nothing.
func (x *fixture) bodies(f *fortress) map[string]string {
	b := f.c.Box
	question := object{"user_id": x.pat, "permission": "users.read"}
	evaluation := object{"subject": object{"type": "user", "id": x.pat}, "action": object{"name": "read"}, "resource": object{"type": "users", "id": "1"}}
	client := "client_id=" + b.ClientID + "&client_secret=" + b.ClientSecret
	return map[string]string{
		"POST /directory/v1/check":       textOf(question),
		"POST /directory/v1/check/batch": textOf(object{"checks": []any{question}}),
		"POST /access/v1/evaluation":     textOf(evaluation),
		"POST /access/v1/evaluations":    textOf(object{"evaluations": []any{evaluation}}),
		"POST /directory/v1/policy/lint": textOf(fortressPolicy(1)),
		"POST /oauth2/token":             "grant_type=client_credentials&" + client + "&box_subject_type=enterprise&box_subject_id=" + b.EnterpriseID,
		"POST /oauth2/revoke":            client + "&token=" + url.QueryEscape("nothing"),
		"POST /api/v2/signin":            textOf(object{"email": f.c.B2Core.Email, "password": f.c.B2Core.Password}),
	}
}

// unanswered are routes that cannot succeed without more than this test has; what
// they write when they do is shown elsewhere (TestACodeIsGivenByAPersonToAClient,
// TestRefreshingSpendsTheOldToken, TestWhoGetsAStatement, TestALockedOrganizationIsLetInByItsRecoveryKeys).
func unanswered() []string {
	return []string{
		"directory makeStatement", "directory makeRecoveryStatement", "box_oauth oauth2.authorize", "box_oauth oauth2.authorize_page",
		"fordefi get_current_end_user_api_v1_end_users_current_get",
	}
}
