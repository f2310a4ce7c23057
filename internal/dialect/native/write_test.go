package native_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
)

// sealed is a house whose organization waits for a second person.
type sealed struct {
	*dialecttest.House
	ada          dialecttest.Admin
	grace, linus person
	vera         person
}

func seal(t *testing.T) sealed {
	h := dialecttest.NewHouse(t)
	s := sealed{House: h, ada: h.Found("Northwind Custody")}
	s.grace, s.linus = invite(h, s.ada.Token, "Grace", "admin"), invite(h, s.ada.Token, "Linus", "admin")
	s.vera = invite(h, s.ada.Token, "Vera", "viewer")
	h.Do(s.ada.Token, "POST", base+"/organization/seal", noKeys()).Must(http.StatusOK)
	return s
}

func key(k string) string { return "Idempotency-Key: " + k }

func TestAKeyCarriesARequestOutOnce(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	group := map[string]any{"name": "Treasury"}

	first := h.Do(ada.Token, "POST", base+"/groups", group, key("k1")).Must(http.StatusCreated)
	size := h.LogSize(ada.Organization)
	again := h.Do(ada.Token, "POST", base+"/groups", group, key("k1")).Must(http.StatusCreated)
	if h.LogSize(ada.Organization) != size {
		t.Error("the replay moved the log")
	}
	if string(first.Body) != string(again.Body) || again.Header.Get("Countersign-Replayed") != "true" {
		t.Errorf("first %s\nagain %s %v", first.Body, again.Body, again.Header)
	}
	for _, name := range []string{"Location", "Countersign-Revision", "ETag"} {
		if first.Header.Get(name) == "" || first.Header.Get(name) != again.Header.Get(name) {
			t.Errorf("%s: first %q, again %q", name, first.Header.Get(name), again.Header.Get(name))
		}
	}

	// As long as the first, so that nothing but the letters tells them apart.
	other := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "Treasurx"}, key("k1")).Must(http.StatusUnprocessableEntity)
	if other.Text("code") != "idempotency_key_reused" || other.Text("field") != "Idempotency-Key" {
		t.Errorf("another request with the same key: %s", other.Body)
	}
	// A key belongs to its route: the same one elsewhere is another.
	h.Do(ada.Token, "POST", base+"/permissions", map[string]any{"permission": "a.b"}, key("k1")).Must(http.StatusCreated)

	// The object is shown as it is by then.
	h.Do(ada.Token, "PATCH", base+"/groups/"+first.Text("id"), map[string]any{"description": "Money out"}).Must(http.StatusOK)
	later := h.Do(ada.Token, "POST", base+"/groups", group, key("k1")).Must(http.StatusCreated)
	if later.Text("description") != "Money out" {
		t.Errorf("the replay shows %s", later.Body)
	}

	// After a day the key is new, and the name is taken.
	h.Pass(countersign.IdempotencyLife)
	if a := h.Do(ada.Token, "POST", base+"/groups", group, key("k1")).Must(http.StatusConflict); a.Text("code") != "name_taken" {
		t.Errorf("after a day: %s", a.Body)
	}
}

func TestAFinalErrorIsReplayedAndAMalformedRequestIsNot(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	treasury := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "Treasury"}).Must(http.StatusCreated)

	first := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "treasury"}, key("k2")).Must(http.StatusConflict)
	h.Do(ada.Token, "DELETE", base+"/groups/"+treasury.Text("id"), nil).Must(http.StatusNoContent)
	again := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "treasury"}, key("k2")).Must(http.StatusConflict)
	if first.Text("group_id") == "" || first.Text("group_id") != again.Text("group_id") || first.Text("request_id") == again.Text("request_id") {
		t.Errorf("first %s\nagain %s", first.Body, again.Body)
	}

	h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": ""}, key("k3")).Must(http.StatusBadRequest)
	h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "Fine"}, key("k3")).Must(http.StatusCreated)
}

func TestReplaysOfWhatIsGoneAndWhatIsHeld(t *testing.T) {
	s := seal(t)
	first := s.Do(s.ada.Token, "DELETE", base+"/users/"+s.vera.id, nil, key("k")).Must(http.StatusAccepted)
	again := s.Do(s.ada.Token, "DELETE", base+"/users/"+s.vera.id, nil, key("k")).Must(http.StatusAccepted)
	if first.Text("id") != again.Text("id") || again.Header.Get("Countersign-Change-Request") != first.Text("id") {
		t.Errorf("first %s\nagain %s", first.Body, again.Body)
	}
	s.Approve(s.grace.token, first)
	// Once decided, the replay still is the 202 it was, and shows what became of it.
	after := s.Do(s.ada.Token, "DELETE", base+"/users/"+s.vera.id, nil, key("k")).Must(http.StatusAccepted)
	if after.Text("state") != "applied" {
		t.Errorf("after: %s", after.Body)
	}

	h := dialecttest.NewHouse(t)
	ada := h.Found("Another")
	group := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "G"}).Must(http.StatusCreated).Text("id")
	for range 2 {
		if a := h.Do(ada.Token, "DELETE", base+"/groups/"+group, nil, key("d")).Must(http.StatusNoContent); len(a.Body) != 0 {
			t.Errorf("a body: %s", a.Body)
		}
	}
}

func TestASecretIsShownOnce(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	vera := invite(h, ada.Token, "Vera", "viewer")
	body := map[string]any{"user_id": vera.id}
	first := h.Do(ada.Token, "POST", base+"/credentials/enrolment-codes", body, key("c")).Must(http.StatusCreated)
	again := h.Do(ada.Token, "POST", base+"/credentials/enrolment-codes", body, key("c")).Must(http.StatusCreated)
	code := first.Secret()
	if code == "" || strings.Contains(string(again.Body), code) || !strings.Contains(string(again.Body), `"already_shown":true`) {
		t.Errorf("first %s\nagain %s", first.Body, again.Body)
	}
	redemption := map[string]any{"code": code}
	token := h.Do("", "POST", base+"/credentials/redeem", redemption, key("r")).Must(http.StatusOK)
	replay := h.Do("", "POST", base+"/credentials/redeem", redemption, key("r")).Must(http.StatusOK)
	if strings.Contains(string(replay.Body), token.Secret()) || !strings.Contains(string(replay.Body), `"already_shown":true`) {
		t.Errorf("first %s\nagain %s", token.Body, replay.Body)
	}
	h.Do(token.Secret(), "GET", base+"/me", nil).Must(http.StatusOK)
	h.Do("", "POST", base+"/credentials/redeem", redemption).Must(http.StatusUnauthorized)

	// Nowhere else, whoever looks.
	for _, path := range []string{"/credentials?user_id=" + vera.id, "/credentials/" + first.Text("id"), "/users/" + vera.id, "/audit/entries?limit=400", "/changes?limit=400"} {
		a := h.Do(ada.Token, "GET", base+path, nil).Must(http.StatusOK)
		for _, secret := range []string{code, token.Secret(), strings.ReplaceAll(code, "-", ""), ada.Token} {
			if strings.Contains(string(a.Body), secret) {
				t.Errorf("%s shows a secret", path)
			}
		}
	}
}

func TestSimultaneousRequestsWithOneKeyAreOneRequest(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	before := h.LogSize(ada.Organization)
	const callers = 16
	bodies := make([]string, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			bodies[i] = string(h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "Treasury"}, key("same")).Body)
		})
	}
	all.Wait()
	for _, b := range bodies {
		if b != bodies[0] || !strings.Contains(b, `"name":"Treasury"`) {
			t.Errorf("one got %s\nanother %s", bodies[0], b)
		}
	}
	if moved := h.LogSize(ada.Organization) - before; moved != 1 {
		t.Errorf("%d entries, want 1", moved)
	}
}

func TestAVersionIsReliedOn(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	made := h.Do(ada.Token, "POST", base+"/groups", map[string]any{"name": "G"}).Must(http.StatusCreated)
	path := base + "/groups/" + made.Text("id")
	tag := "If-Match: " + made.Header.Get("ETag")
	changed := h.Do(ada.Token, "PATCH", path, map[string]any{"description": "one"}, tag).Must(http.StatusOK)
	if a := h.Do(ada.Token, "PATCH", path, map[string]any{"description": "two"}, tag).Must(http.StatusPreconditionFailed); a.Text("field") != "If-Match" {
		t.Errorf("stale: %s", a.Body)
	}
	if got := h.Do(ada.Token, "GET", path, nil).Must(http.StatusOK); got.Header.Get("ETag") != changed.Header.Get("ETag") || got.Text("description") != "one" {
		t.Errorf("read %s %s", got.Header.Get("ETag"), got.Body)
	}
	h.Do(ada.Token, "PATCH", path, map[string]any{"description": "two"}, "If-Match: *").Must(http.StatusOK)
	h.Do(ada.Token, "PATCH", path, map[string]any{"description": "three"}, "If-Match: "+changed.Header.Get("ETag")).Must(http.StatusPreconditionFailed)
	h.Do(ada.Token, "DELETE", path, nil, tag).Must(http.StatusPreconditionFailed)
	h.Do(ada.Token, "PUT", path+"/members", map[string]any{"member_ids": []string{ada.ID}}, tag).Must(http.StatusPreconditionFailed)

	policy := h.Do(ada.Token, "GET", base+"/policy", nil).Must(http.StatusOK)
	stricter := policy.Object()
	stricter["name"] = "stricter"
	h.Do(ada.Token, "PUT", base+"/policy", stricter, "If-Match: "+policy.Header.Get("ETag")).Must(http.StatusOK)
	stricter["name"] = "strictest"
	h.Do(ada.Token, "PUT", base+"/policy", stricter, "If-Match: "+policy.Header.Get("ETag")).Must(http.StatusPreconditionFailed)
}

// Every write with dry_run says what would happen, and leaves nothing behind.
func TestADryRunStoresNothing(t *testing.T) {
	f := furnish(t)
	s := seal(t)
	for _, house := range []struct {
		*dialecttest.House
		admin dialecttest.Admin
		user  string
		would string
	}{{f.House, f.ada, f.vera.id, "apply"}, {s.House, s.ada, s.vera.id, "wait"}} {
		before := house.LogSize(house.admin.Organization)
		for _, w := range []write{
			{"POST", "/users", map[string]any{"type": "person", "name": "Eve", "email": "eve@example.org", "role": "none"}, nil},
			{"PATCH", "/users/" + house.user, map[string]any{"role": "trader"}, nil},
			{"DELETE", "/users/" + house.user, nil, nil},
			{"POST", "/users/" + house.user + "/suspend", nil, nil},
			{"POST", "/groups", map[string]any{"name": "New"}, nil},
			{"POST", "/changes", map[string]any{"operations": []any{map[string]any{"kind": "user.delete", "user_id": house.user}}}, nil},
			{"POST", "/permissions", map[string]any{"permission": "x.y"}, nil},
			{"PATCH", "/organization", map[string]any{"name": "Other"}, nil},
		} {
			var body any
			if w.body != nil {
				body = w.body
			}
			a := house.Do(house.admin.Token, w.method, base+w.path+"?dry_run=true", body, key("dry")).Must(http.StatusOK)
			if a.Text("would") != house.would || a.Object()["change"].(map[string]any)["id"] != nil || len(a.Object()["effects"].([]any)) == 0 {
				t.Errorf("%s %s: %s", w.method, w.path, a.Body)
			}
			impact := a.Object()["impact"].(map[string]any)
			if deletes := w.method == "DELETE" || strings.HasPrefix(w.path, "/changes"); deletes && impact["losses"] == 0.0 {
				t.Errorf("%s %s: nobody loses anything: %s", w.method, w.path, a.Body)
			}
			if needs := a.Object()["change"].(map[string]any)["needs"].([]any); (house.would == "wait") != (len(needs) == 1) {
				t.Errorf("%s %s: needs %v", w.method, w.path, needs)
			}
			if a.Header.Get("Countersign-Replayed") != "" {
				t.Errorf("%s %s: a dry run was replayed", w.method, w.path)
			}
		}
		if after := house.LogSize(house.admin.Organization); after != before {
			t.Errorf("the log moved from %d to %d", before, after)
		}
	}
}

func TestAHeldChangeLooksTheSameFromEveryWrite(t *testing.T) {
	s := seal(t)
	for _, w := range []write{
		{"POST", "/users", map[string]any{"type": "person", "name": "Eve", "email": "eve@example.org", "role": "none"}, nil},
		{"PATCH", "/users/" + s.vera.id, map[string]any{"role": "trader"}, nil},
		{"DELETE", "/users/" + s.vera.id, nil, nil},
		{"POST", "/groups", map[string]any{"name": "New"}, nil},
		{"POST", "/changes", map[string]any{"operations": []any{map[string]any{"kind": "user.suspend", "user_id": s.vera.id}}}, nil},
	} {
		var body any
		if w.body != nil {
			body = w.body
		}
		a := s.Do(s.ada.Token, w.method, base+w.path, body, "Countersign-Reason: n%C3%B6tig").Must(http.StatusAccepted)
		id := a.Text("id")
		if a.Header.Get("Location") != base+"/changes/"+id || a.Header.Get("Countersign-Change-Request") != id || a.Text("state") != "pending" {
			t.Errorf("%s %s: %v %s", w.method, w.path, a.Header, a.Body)
		}
		got := s.Do(s.grace.token, "GET", a.Header.Get("Location"), nil).Must(http.StatusOK).Object()
		if got["can_decide"] != true || got["digest"] != a.Text("digest") {
			t.Errorf("%s %s: grace sees %v", w.method, w.path, got)
		}
		if w.path != "/changes" && got["reason"] != "nötig" {
			t.Errorf("%s %s: reason %v", w.method, w.path, got["reason"])
		}
	}
}

// Who may change but not read gets a receipt, not an error: it has happened.
func TestWhoMayNotReadGetsAReceipt(t *testing.T) {
	h := dialecttest.NewHouse(t)
	ada := h.Found("Northwind Custody")
	bot := h.Do(ada.Token, "POST", base+"/users", map[string]any{
		"type": "api_user", "name": "bot", "role": "none", "responsible_person_id": ada.ID, "permissions": []string{"groups.create", "users.update"},
	}).Must(http.StatusCreated).Text("id")
	token := h.Do(ada.Token, "POST", base+"/credentials", map[string]any{"user_id": bot, "type": "token"}).Must(http.StatusCreated).Secret()
	made := h.Do(token, "POST", base+"/groups", map[string]any{"name": "G"}, key("g")).Must(http.StatusCreated)
	if diff := cmp.Diff([]string{"change_id", "id"}, slices.Sorted(maps.Keys(made.Object()))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if again := h.Do(token, "POST", base+"/groups", map[string]any{"name": "G"}, key("g")).Must(http.StatusCreated); string(again.Body) != string(made.Body) {
		t.Errorf("first %s\nagain %s", made.Body, again.Body)
	}
	h.Do(ada.Token, "GET", base+"/groups/"+made.Text("id"), nil).Must(http.StatusOK)

	// Whoever takes his own rights away has done so.
	gone := h.Do(token, "POST", base+"/users/"+bot+"/suspend", nil).Must(http.StatusOK)
	if gone.Text("change_id") == "" && gone.Text("state") != "suspended" {
		t.Errorf("suspended himself: %s", gone.Body)
	}
}

func TestAPatchOfAUserIsOneBatch(t *testing.T) {
	s := seal(t)
	a := s.Do(s.ada.Token, "PATCH", base+"/users/"+s.vera.id, map[string]any{
		"name": "Vera V", "role": "trader", "permissions": []string{"vaults.create"},
	}).Must(http.StatusAccepted)
	var kinds []string
	for _, op := range a.Object()["operations"].([]any) {
		kinds = append(kinds, op.(map[string]any)["kind"].(string))
	}
	if diff := cmp.Diff([]string{"user.update", "user.change_role", "user.set_permissions"}, kinds); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s.Approve(s.linus.token, a)
	u := s.Do(s.ada.Token, "GET", base+"/users/"+s.vera.id, nil).Must(http.StatusOK).Object()
	if u["name"] != "Vera V" || u["role"] != "trader" || len(u["permissions"].([]any)) != 1 {
		t.Errorf("%v", u)
	}
}

// What a decision would lead to can be asked too, and decides nothing.
func TestADecisionCanBeTriedOut(t *testing.T) {
	s := seal(t)
	held := s.Do(s.ada.Token, "DELETE", base+"/users/"+s.vera.id, nil).Must(http.StatusAccepted)
	path := base + "/changes/" + held.Text("id")
	for decision, would := range map[string]string{"approve": "apply", "deny": "close"} {
		a := s.Do(s.grace.token, "POST", path+"/approvals?dry_run=true", map[string]string{"decision": decision, "digest": held.Text("digest")}).Must(http.StatusOK)
		if a.Text("would") != would {
			t.Errorf("%s would %s, want %s", decision, a.Text("would"), would)
		}
		losses := a.Object()["impact"].(map[string]any)["losses"]
		if (would == "apply") == (losses == 0.0) {
			t.Errorf("%s: losses %v", decision, losses)
		}
	}
	s.Do(s.ada.Token, "POST", path+"/cancel?dry_run=true", nil).Must(http.StatusOK)
	if now := s.Do(s.ada.Token, "GET", path, nil).Must(http.StatusOK); now.Text("state") != "pending" || len(now.Object()["approvals"].([]any)) != 0 {
		t.Errorf("after trying out: %s", now.Body)
	}
}

// An approval that is not enough is an answer, not another held change.
func TestTheFirstOfTwoApprovals(t *testing.T) {
	s := seal(t)
	policy := s.Do(s.ada.Token, "GET", base+"/policy", nil).Must(http.StatusOK).Object()
	policy["name"] = "renamed"
	held := s.Do(s.ada.Token, "PUT", base+"/policy", policy).Must(http.StatusAccepted)
	vote := map[string]string{"decision": "approve", "digest": held.Text("digest")}
	first := s.Do(s.grace.token, "POST", base+"/changes/"+held.Text("id")+"/approvals", vote, key("v")).Must(http.StatusOK)
	if first.Text("state") != "pending" || len(first.Object()["approvals"].([]any)) != 1 || first.Header.Get("Countersign-Change-Request") != "" {
		t.Errorf("%v %s", first.Header, first.Body)
	}
	// Repeated, with or without a key, it is the same one approval.
	s.Do(s.grace.token, "POST", base+"/changes/"+held.Text("id")+"/approvals", vote, key("v")).Must(http.StatusOK)
	s.Do(s.grace.token, "POST", base+"/changes/"+held.Text("id")+"/approvals", vote).Must(http.StatusOK)
	if a := s.Do(s.ada.Token, "POST", base+"/changes/"+held.Text("id")+"/approvals", vote).Must(http.StatusForbidden); a.Text("code") != "not_eligible" {
		t.Errorf("the requester: %s", a.Body)
	}
	s.Approve(s.linus.token, held)
	if got := s.Do(s.ada.Token, "GET", base+"/policy", nil).Must(http.StatusOK); got.Text("name") != "renamed" {
		t.Errorf("policy: %s", got.Body)
	}
}
