package fireblocks_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
)

// csr is a signing request for the key of the tests, as a JSON text.
func csr(t testing.TB) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "ci"}}, signingKey())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// person is a user as all lists show him; the lists differ in the last members.
type person struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Email     string `json:"email"`
	Role      string `json:"role"`
	Enabled   bool   `json:"enabled"`
	Status    string `json:"status"`
	UserType  string `json:"userType"`
}

type people struct {
	Users []person `json:"users"`
}

// TestRolesAndStatesHaveTheNamesOfThisAPI is the role mapping of product.md
// section 3, state by state.
func TestRolesAndStatesHaveTheNamesOfThisAPI(t *testing.T) {
	h := newHouse(t)
	h.enrol("tara", countersign.RoleTrader)
	h.enrol("nora", countersign.RoleNone)
	h.enrol("sus", countersign.RoleTrader)
	h.submit(&countersign.SuspendUser{UserID: countersign.UserID(h.ids["sus"])})
	h.enrol("gone", countersign.RoleTrader)
	h.submit(&countersign.DeleteUser{UserID: countersign.UserID(h.ids["gone"])})
	h.enrol("lost", countersign.RoleTrader)
	h.submit(&countersign.ResetDevice{UserID: countersign.UserID(h.ids["lost"])})
	h.submit(&countersign.InvitePerson{Name: "Inge van der Vries", Email: "inge@example.org", Role: countersign.RoleTrader})
	reader := h.account("reader", signingKey())
	byGroup := h.account("by group", signingKey(), countersign.UsersRead)
	h.submit(&countersign.CreateGroup{
		Name: "Robots", Permissions: countersign.DirectoryPermissions(), MemberIDs: []countersign.UserID{countersign.UserID(byGroup.id)},
	})
	console := read[people](h.get("/v1/management/users").must(http.StatusOK)).Users
	got := map[string][]string{}
	for _, u := range console {
		got[u.FirstName+"/"+u.LastName] = []string{u.Role, u.Status, u.UserType, map[bool]string{true: "on", false: "off"}[u.Enabled]}
	}
	want := map[string][]string{
		"Ada/":               {"OWNER", "READY", "CONSOLE", "on"},
		"Grace/Northwind":    {"ADMIN", "READY", "CONSOLE", "on"},
		"Linus/Northwind":    {"ADMIN", "READY", "CONSOLE", "on"},
		"Vera/Northwind":     {"VIEWER", "READY", "CONSOLE", "on"},
		"Tara/Northwind":     {"EDITOR", "READY", "CONSOLE", "on"},
		"Nora/Northwind":     {"EDITOR", "READY", "CONSOLE", "on"},
		"Sus/Northwind":      {"EDITOR", "READY", "CONSOLE", "off"},
		"Lost/Northwind":     {"EDITOR", "PENDING_DEVICE_PAIRING", "CONSOLE", "off"},
		"Inge/van der Vries": {"EDITOR", "PENDING_ACTIVATION", "CONSOLE", "off"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	accounts := map[string]string{}
	for _, u := range read[people](h.get("/v1/management/api_users").must(http.StatusOK)).Users {
		accounts[u.ID] = u.Role + " " + u.Status + " " + u.UserType
	}
	if diff := cmp.Diff(map[string]string{
		h.robot.id: "NON_SIGNING_ADMIN READY API", reader.id: "VIEWER READY API", byGroup.id: "NON_SIGNING_ADMIN READY API",
	}, accounts); diff != "" {
		t.Error(diff)
	}
	all := read[[]person](h.get("/v1/users").must(http.StatusOK))
	if len(all) != len(want)+len(accounts) {
		t.Errorf("%d users, want %d", len(all), len(want)+len(accounts))
	}
}

// TestOnlyAdministratorsMayCall everything but the log and the workspace.
func TestOnlyAdministratorsMayCall(t *testing.T) {
	h := newHouse(t)
	few := slices.DeleteFunc(countersign.DirectoryPermissions(), func(p countersign.Permission) bool { return p == countersign.PoliciesDelete })
	weak := h.account("weak", signingKey(), few...)
	reader := h.account("reader", signingKey())
	id := h.makes("Some").ID
	for _, c := range []struct {
		method, target string
		weak, reader   int
	}{
		{"GET", groupsPath, 403, 403},
		{"POST", groupsPath, 403, 403},
		{"GET", groupsPath + "/" + id, 403, 403},
		{"PUT", groupsPath + "/" + id, 403, 403},
		{"DELETE", groupsPath + "/" + id, 403, 403},
		{"GET", "/v1/users", 403, 403},
		{"GET", "/v1/management/users", 403, 403},
		{"POST", "/v1/management/users", 403, 403},
		{"POST", "/v1/management/users/" + h.ids["linus"] + "/reset_device", 403, 403},
		{"GET", "/v1/management/api_users", 403, 403},
		{"POST", "/v1/management/api_users", 403, 403},
		{"GET", "/v1/management/api_users/" + h.robot.id + "/whitelist_ip_addresses", 403, 403},
		{"GET", "/v1/management/audit_logs", 200, 403},
		{"GET", "/v1/audits?timePeriod=DAY", 200, 403},
		{"GET", "/v1/workspace", 200, 200},
	} {
		for by, want := range map[*signer]int{&weak: c.weak, &reader: c.reader} {
			a := h.send(request{method: c.method, target: c.target, by: by})
			if a.status != want || want == http.StatusForbidden && a.code() != -8 {
				t.Errorf("%s %s as %v: %d %s", c.method, c.target, by.id, a.status, a.body)
			}
		}
	}
}

// TestAnInvitedUserShowsOnceApproved is pitfall 19: no id is answered, and the
// list shows who is waiting.
func TestAnInvitedUserShowsOnceApproved(t *testing.T) {
	h := newHouse(t).seal()
	asked := h.post("/v1/management/users", `{"firstName":"Ivo","lastName":"Jansen","role":"EDITOR","email":"ivo@example.org"}`, "Idempotency-Key: k3").must(http.StatusOK)
	find := func() *person {
		for _, u := range read[people](h.get("/v1/management/users")).Users {
			if u.Email == "ivo@example.org" {
				return &u
			}
		}
		return nil
	}
	if u := find(); u == nil || u.Enabled || u.Status != "PENDING_ACTIVATION" {
		t.Fatalf("waiting, he shows as %+v", u)
	}
	h.decide("grace", asked.waiting(), "deny")
	if u := find(); u != nil {
		t.Errorf("denied, he shows as %+v", u)
	}
}

// TestAnAPIUserComesWithItsKey registers a signing request, waits for approval,
// and then signs with the key.
func TestAnAPIUserComesWithItsKey(t *testing.T) {
	h := newHouse(t).seal()
	body := `{"name":"ci","role":"NON_SIGNING_ADMIN","csrPem":` + csr(t) + `}`
	asked := h.post("/v1/management/api_users", body).must(http.StatusOK)
	ci := func() *person {
		for _, u := range read[people](h.get("/v1/management/api_users")).Users {
			if u.Name == "ci" {
				return &u
			}
		}
		return nil
	}
	waiting := ci()
	if waiting == nil || waiting.Enabled || waiting.Status != "PENDING_ACTIVATION" || waiting.Role != "NON_SIGNING_ADMIN" {
		t.Fatalf("waiting, it shows as %+v", waiting)
	}
	by := &signer{waiting.ID, signingKey()}
	if a := h.send(request{method: "GET", target: "/v1/workspace", by: by}).must(http.StatusUnauthorized); a.code() != -7 {
		t.Errorf("before approval: %s", a.body)
	}
	h.decide("grace", asked.waiting(), "approve")
	if now := ci(); now == nil || !now.Enabled || now.Status != "READY" {
		t.Errorf("approved, it shows as %+v", now)
	}
	h.send(request{method: "GET", target: groupsPath, by: by}).must(http.StatusOK)
	u, _, err := h.Engine.User(t.Context(), h.ada, countersign.UserID(waiting.ID))
	if err != nil || string(u.ResponsiblePersonID) != h.ids["vera"] {
		t.Errorf("%s answers for it (%v), want who answers for the caller", u.ResponsiblePersonID, err)
	}
}

func TestTheWhitelistIsWhatTheKeyIsBoundTo(t *testing.T) {
	h := newHouse(t)
	target := "/v1/management/api_users/" + h.robot.id + "/whitelist_ip_addresses"
	if got, want := h.get(target).must(http.StatusOK).body, `{"userId":"`+h.robot.id+`","whitelistedIps":null}`; got != want {
		t.Errorf("unbound: %s", got)
	}
	h.submit(&countersign.UpdateUser{UserID: countersign.UserID(h.robot.id), AllowedIPs: countersign.Some([]string{"192.0.2.7", "198.51.100.0/24"})})
	if got := h.get(target).must(http.StatusOK).body; !strings.Contains(got, `["192.0.2.7","198.51.100.0/24"]`) {
		t.Errorf("bound: %s", got)
	}
	for _, id := range []string{h.ids["ada"], "u1", "01890a5d-ac96-774b-bcce-b302099a8057"} {
		h.get("/v1/management/api_users/" + id + "/whitelist_ip_addresses").must(http.StatusNotFound)
	}
}
