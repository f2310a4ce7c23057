package native_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

var pathParameter = regexp.MustCompile(`\{[a-z_]+\}`)

const base = "/directory/v1"

// One walk through the whole API, as its document tells it: every operation is
// carried out at least once, and every exchange is valid against the document.
func TestEveryOperationOnce(t *testing.T) {
	h := dialecttest.NewHouse(t)

	// The operator finds an empty deployment and sets it up.
	for _, path := range []string{"/healthz", "/readyz", "/metrics", base + "/openapi.yaml"} {
		h.Do("", "GET", path, nil).Must(http.StatusOK)
	}
	founded := h.Do(dialecttest.SetupToken, "POST", base+"/setup", map[string]string{
		"organization": "Northwind Custody", "admin_name": "Ada", "admin_email": "ada@northwind.example",
	}).Must(http.StatusCreated)
	ada := founded.Secret()
	h.Do(dialecttest.SetupToken, "POST", base+"/setup", map[string]string{
		"organization": "Another", "admin_name": "Eve", "admin_email": "eve@example.org",
	}).Must(http.StatusUnauthorized)
	me := h.Do(ada, "GET", base+"/me", nil).Must(http.StatusOK).Object()
	adaID := me["user"].(map[string]any)["id"].(string)

	// She invites people, who enrol themselves.
	grace := invite(h, ada, "Grace", "admin")
	linus := invite(h, ada, "Linus", "admin")
	vera := invite(h, ada, "Vera", "viewer")
	h.Do(ada, "GET", base+"/users?sort=-name&type=person&role=admin&limit=2", nil).Must(http.StatusOK)
	h.Do(ada, "PATCH", base+"/users/"+vera.id, map[string]any{"name": "Vera V", "permissions": []string{"vaults.create"}}).Must(http.StatusOK)

	// A bot, its group, its token.
	bot := h.Do(ada, "POST", base+"/users", map[string]any{
		"type": "api_user", "name": "bot", "role": "none", "responsible_person_id": vera.id, "permissions": []string{"users.read", "groups.create"},
	}).Must(http.StatusCreated).Text("id")
	signer := h.Do(ada, "POST", base+"/users", map[string]any{"type": "api_signer", "name": "hsm", "responsible_person_id": vera.id}).Must(http.StatusCreated).Text("id")
	h.Do(ada, "POST", base+"/users", map[string]any{"type": "end_user", "external_id": "C-17"}).Must(http.StatusCreated)
	token := h.Do(ada, "POST", base+"/credentials", map[string]any{"user_id": bot, "type": "token", "label": "nightly"}).Must(http.StatusCreated)
	h.Do(token.Secret(), "GET", base+"/users/"+bot, nil).Must(http.StatusOK)

	h.Do(ada, "POST", base+"/permissions", map[string]any{"permission": "payouts.release"}).Must(http.StatusCreated)
	h.Do(ada, "PATCH", base+"/permissions/payouts.release", map[string]any{"description": "Release a payout batch"}).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/permissions", nil).Must(http.StatusOK)

	group := h.Do(ada, "POST", base+"/groups", map[string]any{
		"name": "Treasury", "permissions": []string{"transactions.create"}, "member_ids": []string{vera.id},
	}).Must(http.StatusCreated).Text("id")
	h.Do(ada, "PATCH", base+"/groups/"+group, map[string]any{"description": "Money out"}).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/groups/"+group, nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/groups?q=treas&sort=-users_count", nil).Must(http.StatusOK)
	membership := h.Do(ada, "POST", base+"/memberships", map[string]any{
		"user_id": bot, "group_id": group, "role": "admin", "configurable_permissions": map[string]bool{"can_run_reports": false},
	}).Must(http.StatusCreated).Text("id")
	h.Do(ada, "GET", base+"/memberships/"+membership, nil).Must(http.StatusOK)
	h.Do(ada, "PATCH", base+"/memberships/"+membership, map[string]any{"expires_at": "2027-01-01T00:00:00Z"}).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/memberships?group_id="+group, nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/groups/"+group+"/members?role=admin", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/users/"+bot+"/memberships", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/users/"+bot+"/permissions", nil).Must(http.StatusOK)

	// May he? In all four shapes.
	question := map[string]any{"user_id": bot, "permission": "transactions.create", "explain": true}
	h.Do(ada, "POST", base+"/check", question).Must(http.StatusOK)
	h.Do(ada, "POST", base+"/check/batch", map[string]any{"checks": []any{question}}).Must(http.StatusOK)
	evaluation := map[string]any{
		"subject": map[string]string{"type": "user", "id": bot}, "action": map[string]string{"name": "create"},
		"resource": map[string]string{"type": "transactions", "id": "7"},
	}
	h.Do(ada, "POST", "/access/v1/evaluation", evaluation).Must(http.StatusOK)
	h.Do(ada, "POST", "/access/v1/evaluations", map[string]any{"evaluations": []any{evaluation}}).Must(http.StatusOK)

	// People lose phones, and go on holiday.
	h.Do(ada, "POST", base+"/users/"+linus.id+"/reset-device", nil).Must(http.StatusOK)
	code := h.Do(ada, "POST", base+"/users/"+linus.id+"/onboarding-code", nil).Must(http.StatusOK).Secret()
	linus.token = h.Do("", "POST", base+"/users/"+linus.id+"/activate", map[string]string{"code": code}).Must(http.StatusOK).Secret()
	h.Do(ada, "POST", base+"/users/"+bot+"/suspend", nil).Must(http.StatusOK)
	h.Do(ada, "POST", base+"/users/"+bot+"/reactivate", nil).Must(http.StatusOK)
	code = h.Do(ada, "POST", base+"/credentials/enrolment-codes", map[string]string{"user_id": vera.id}).Must(http.StatusCreated).Secret()
	second := h.Do("", "POST", base+"/credentials/redeem", map[string]string{"code": code, "label": "phone"}).Must(http.StatusOK).Secret()
	own := h.Do(second, "GET", base+"/me", nil).Must(http.StatusOK).Object()["credential"].(map[string]any)["id"].(string)
	h.Do(vera.token, "GET", base+"/credentials", nil).Must(http.StatusOK)
	h.Do(vera.token, "GET", base+"/credentials/"+own, nil).Must(http.StatusOK)
	h.Do(vera.token, "DELETE", base+"/credentials/"+own, nil).Must(http.StatusNoContent)
	h.Do(second, "GET", base+"/me", nil).Must(http.StatusUnauthorized)

	// Grace will sign what she approves.
	key := enrol(h, grace)

	// The organization is sealed: from now on a second person agrees.
	h.Do(ada, "PATCH", base+"/organization", map[string]string{"name": "Northwind"}).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/policy/health", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/policy/violations", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/emergencies?unratified=true", nil).Must(http.StatusOK)
	policy := h.Do(ada, "GET", base+"/policy", nil).Must(http.StatusOK)
	h.Do(ada, "POST", base+"/policy/lint", policy.Body).Must(http.StatusOK)
	keys := []offline{newOffline(h.T, "bank"), newOffline(h.T, "notary")}
	h.Do(ada, "PUT", base+"/recovery", set(2, keys...)).Must(http.StatusOK)
	h.Do(ada, "POST", base+"/organization/seal", nil).Must(http.StatusOK)
	if sealed := h.Do(ada, "GET", base+"/organization", nil).Must(http.StatusOK).Object()["sealed"]; sealed != true {
		t.Errorf("sealed: %v", sealed)
	}
	stricter := policy.Object()
	stricter["name"] = "two-person, renamed"
	proposed := h.Do(ada, "PUT", base+"/policy?dry_run=true", stricter).Must(http.StatusOK)
	if proposed.Text("would") != "wait" {
		t.Errorf("would %s, want wait", proposed.Text("would"))
	}
	h.Do(ada, "PUT", base+"/policy", stricter).Must(http.StatusAccepted)
	h.Approve(grace.token, h.Do(ada, "POST", base+"/policy/drills", map[string]string{"rule_id": "default"}).Must(http.StatusAccepted))
	h.Do(ada, "GET", base+"/recovery", nil).Must(http.StatusOK)
	rescue := recovery(h, h.Do(ada, "GET", base+"/organization", nil).Must(http.StatusOK).Text("id"),
		[]any{map[string]any{"kind": "user.change_role", "user_id": vera.id, "role": "admin"}}, keys...)
	unwanted := h.Do("", "POST", base+"/recovery", rescue).Must(http.StatusAccepted)
	h.Do(ada, "POST", base+"/changes/"+unwanted.Text("change_id")+"/approvals", map[string]string{"decision": "deny", "digest": unwanted.Text("digest")}).Must(http.StatusOK)

	held := h.Do(ada, "PUT", base+"/groups/"+group+"/members", map[string]any{"member_ids": []string{bot}}).Must(http.StatusAccepted)
	h.Do(ada, "POST", base+"/changes/"+held.Text("id")+"/cancel", nil).Must(http.StatusOK)
	submission := map[string]any{"reason": "night shift", "operations": []any{
		map[string]any{"kind": "group.create", "name": "Night shift"},
		map[string]any{"kind": "user.grant", "user_id": vera.id, "permissions": []string{"payouts.release"}},
	}}
	first := h.Do(ada, "POST", base+"/changes", submission).Must(http.StatusAccepted)
	change := h.Do(ada, "POST", base+"/changes/"+first.Text("id")+"/replace", submission).Must(http.StatusAccepted)
	h.Do(grace.token, "GET", base+"/changes?needs=me", nil).Must(http.StatusOK)
	decided := signing(h, grace.token, key, change.Text("id"), change.Text("digest"))
	if decided.Text("state") != "applied" {
		t.Errorf("state %s, want applied", decided.Text("state"))
	}
	h.Do(linus.token, "GET", base+"/changes/"+change.Text("id"), nil).Must(http.StatusOK)

	// An approved credential's secret is collected by who asked for it.
	asked := h.Do(ada, "POST", base+"/credentials", map[string]any{"user_id": bot, "type": "token"}).Must(http.StatusAccepted)
	h.Approve(grace.token, asked)
	made := asked.Object()["operations"].([]any)[0].(map[string]any)["credential_id"].(string)
	collected := h.Do(ada, "POST", base+"/credentials/"+made+"/secret", nil).Must(http.StatusOK)
	h.Do(collected.Secret(), "GET", base+"/me", nil).Must(http.StatusOK)

	// Many at once, from files.
	importSome(h, ada, linus.token)

	// What is taken away is taken away by two as well.
	for _, path := range []string{"/memberships/" + membership, "/groups/" + group, "/users/" + signer} {
		h.Approve(linus.token, h.Do(ada, "DELETE", base+path, nil).Must(http.StatusAccepted))
	}
	h.Do(ada, "DELETE", base+"/permissions/payouts.release", nil).Must(http.StatusUnprocessableEntity)
	revoked := h.Do(ada, "PATCH", base+"/users/"+vera.id, map[string]any{"permissions": []string{}}).Must(http.StatusAccepted)
	h.Approve(linus.token, revoked)
	h.Approve(linus.token, h.Do(ada, "DELETE", base+"/permissions/payouts.release", nil).Must(http.StatusAccepted))

	// And all of it can be proven.
	h.Do(ada, "GET", base+"/audit/entries?limit=3", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/audit/entries/0", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/audit/checkpoint", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/audit/proofs/inclusion?index=3", nil).Must(http.StatusOK)
	h.Do(ada, "GET", base+"/audit/proofs/consistency?from=3&to=7", nil).Must(http.StatusOK)

	_ = adaID
	for _, op := range h.Validator.Unseen() {
		t.Errorf("%s was never carried out", op)
	}
}

// importSome opens an import, which waits, and sends its one batch, twice.
func importSome(h *dialecttest.House, by, approver string) {
	h.T.Helper()
	salt := strings.Repeat("0a", 16)
	batch := `{"salt":"` + salt + `","groups":[{"line":2,"name":"Imported","permissions":["transactions.create"]},{"line":3,"name":"treasury "}]}`
	sum := sha256.Sum256([]byte(batch))
	opening := map[string]any{
		"label": "from elsewhere", "salt": salt, "skip_rejects": true, "permissions": []string{"transactions.create"},
		"files":   []any{map[string]any{"file": "groups.csv", "sha256": strings.Repeat("0b", 32), "rows": 2}},
		"batches": []any{map[string]any{"digest": hex.EncodeToString(sum[:]), "counts": map[string]int{"groups": 2}}},
	}
	if would := h.Do(by, "POST", base+"/imports?dry_run=true", opening).Must(http.StatusOK).Text("would"); would != "wait" {
		h.T.Errorf("an import would %s", would)
	}
	held := h.Do(by, "POST", base+"/imports", opening).Must(http.StatusAccepted)
	path := base + "/imports/" + held.Text("id")
	if state := h.Do(approver, "GET", path, nil).Must(http.StatusOK).Text("state"); state != "pending" {
		h.T.Errorf("the import is %s", state)
	}
	h.Do(by, "POST", path+"/batches/0", batch).Must(http.StatusUnprocessableEntity)
	h.Approve(approver, held)
	h.Do(by, "GET", path+"/batches/0", nil).Must(http.StatusNotFound)
	h.Do(by, "POST", path+"/batches/0?dry_run=true", batch).Must(http.StatusOK)
	first := h.Do(by, "POST", path+"/batches/0", batch).Must(http.StatusOK)
	again := h.Do(by, "POST", path+"/batches/0", batch).Must(http.StatusOK)
	if string(first.Body) != string(again.Body) {
		h.T.Errorf("a batch sent again is answered %s, at first %s", again.Body, first.Body)
	}
	h.Do(by, "POST", path+"/batches/0", batch+" ").Must(http.StatusUnprocessableEntity)
	h.Do(by, "POST", path+"/batches/01", batch).Must(http.StatusBadRequest)
	h.Do(by, "GET", path+"/batches/0", nil).Must(http.StatusOK)
	done := h.Do(by, "GET", path, nil).Must(http.StatusOK)
	if done.Text("state") != "complete" || done.Object()["rows"] != 1.0 || done.Object()["skipped"] != 1.0 {
		h.T.Errorf("the import is %s", done.Body)
	}
	h.Do(by, "POST", base+"/changes", map[string]any{"operations": []any{map[string]any{"kind": "import.batch", "import_id": held.Text("id")}}}).Must(http.StatusBadRequest)
}

// person is somebody who has enrolled.
type person struct{ id, token string }

func invite(h *dialecttest.House, by, name, role string) person {
	h.T.Helper()
	id := h.Do(by, "POST", base+"/users", map[string]string{
		"type": "person", "name": name, "email": name + "@northwind.example", "role": role,
	}).Must(http.StatusCreated).Text("id")
	code := h.Do(by, "POST", base+"/users/"+id+"/onboarding-code", nil).Must(http.StatusOK).Secret()
	token := h.Do("", "POST", base+"/users/"+id+"/activate", map[string]string{"code": code}).Must(http.StatusOK).Secret()
	return person{id, token}
}

// enrolled is an approval key with its credential.
type enrolled struct {
	id      string
	private ed25519.PrivateKey
}

func enrol(h *dialecttest.House, who person) enrolled {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		h.T.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		h.T.Fatal(err)
	}
	made := h.Do(who.token, "POST", base+"/credentials", map[string]string{
		"user_id": who.id, "type": "approval_key", "public_key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	}).Must(http.StatusCreated)
	return enrolled{made.Text("id"), private}
}

// signing approves as the API document describes it: with nothing of ours but the
// text of the statement.
func signing(h *dialecttest.House, token string, key enrolled, change, digest string) dialecttest.Answer {
	h.Do(token, "GET", base+"/changes/"+change+"/document", nil).Must(http.StatusOK)
	text := h.Do(token, "POST", base+"/changes/"+change+"/statement", map[string]string{"decision": "approve", "credential_id": key.id}).
		Must(http.StatusOK).Text("statement")
	signed := ed25519.Sign(key.private, fmt.Appendf(nil, "GOV1 23 countersign-approval-v1 %d %s", len(text), text))
	body := map[string]string{
		"decision": "approve", "digest": digest, "comment": "checked by phone",
		"statement": text, "signature": base64.StdEncoding.EncodeToString(signed), "credential_id": key.id,
	}
	decided := h.Do(token, "POST", base+"/changes/"+change+"/approvals", body).Must(http.StatusOK)
	given := decided.Object()["approvals"].([]any)[0].(map[string]any)
	if given["attested"] != "key" || given["statement"] != text || given["signature"] != body["signature"] {
		h.T.Errorf("the approval is shown as %v", given)
	}
	return decided
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
