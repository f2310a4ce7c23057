package box_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/box"
	"github.com/countersign/countersign/internal/wire"
)

// call sends a JSON request of the enterprise.
func (h *tokenHouse) call(method, target, body string, header ...string) reply {
	h.T.Helper()
	if len(header) == 0 {
		header = []string{"Authorization: Bearer " + h.developer}
	}
	return h.send(method, target, body, append(header, "Content-Type: application/json")...)
}

func (a reply) id() string {
	a.t.Helper()
	var out struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.ID == "" {
		a.t.Fatalf("no id: %d %s", a.status, a.body)
	}
	return out.ID
}

const (
	everyUserField = "id,type,name,login,created_at,modified_at,language,timezone,space_amount,space_used,max_upload_size,status,job_title,phone,address," +
		"avatar_url,notification_email,role,tracking_codes,can_see_managed_users,is_sync_enabled,is_external_collab_restricted," +
		"is_exempt_from_device_limits,is_exempt_from_login_verification,enterprise,my_tags,hostname,is_platform_access_only,external_app_user_id"
	everyGroupField      = "id,type,name,group_type,created_at,modified_at,provenance,external_sync_identifier,description,invitability_level,member_viewability_level,permissions"
	everyMembershipField = "id,type,user,group,role,created_at,modified_at,configurable_permissions"
)

// TestTheStrictestClientReadsEveryAnswer holds each kind of answer to what the
// generated client refuses to read, after the server has acted (section 5.3).
func TestTheStrictestClientReadsEveryAnswer(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	h.serveAll()
	group := h.call("POST", "/2.0/groups", `{"name":"Strict","description":"d","provenance":"p","external_sync_identifier":"e"}`)
	user := h.call("POST", "/2.0/users", `{"name":"Strict User","login":"strict@example.org","space_amount":1000,"job_title":"CEO",
		"tracking_codes":[{"type":"tracking_code","name":"dept","value":"x"}],"is_sync_enabled":true}`)
	app := h.call("POST", "/2.0/users", `{"name":"App","is_platform_access_only":true,"external_app_user_id":"ext-1"}`)
	membership := h.call("POST", "/2.0/group_memberships", `{"user":{"id":"`+user.id()+`"},"group":{"id":"`+group.id()+`"},"role":"admin"}`)
	answers := map[string]reply{"POST group": group, "POST user": user, "POST app user": app, "POST membership": membership}
	for name, target := range map[string]string{
		"group": "/2.0/groups/" + group.id(), "user": "/2.0/users/" + user.id(), "app user": "/2.0/users/" + app.id(), "me": "/2.0/users/me",
		"membership": "/2.0/group_memberships/" + membership.id(),
		"groups":     "/2.0/groups?limit=1", "users": "/2.0/users?limit=1", "users by marker": "/2.0/users?usemarker=true&limit=1",
		"the last users": "/2.0/users?usemarker=true&limit=1000", "no users": "/2.0/users?filter_term=nobody",
		"members": "/2.0/groups/" + group.id() + "/memberships", "memberships": "/2.0/users/" + user.id() + "/memberships",
		"none of his": "/2.0/users/" + app.id() + "/memberships", "collaborations": "/2.0/groups/" + group.id() + "/collaborations",
	} {
		fields := everyUserField
		switch {
		case strings.Contains(target, "memberships"):
			fields = everyMembershipField
		case strings.Contains(target, "groups"):
			fields = everyGroupField
		}
		join := "?"
		if strings.Contains(target, "?") {
			join = "&"
		}
		answers["GET "+name] = h.call("GET", target, "")
		answers["GET all of "+name] = h.call("GET", target+join+"fields="+fields, "")
	}
	answers["PUT group"] = h.call("PUT", "/2.0/groups/"+group.id(), `{"description":""}`)
	answers["PUT user"] = h.call("PUT", "/2.0/users/"+user.id(), `{"notification_email":null}`)
	answers["PUT membership"] = h.call("PUT", "/2.0/group_memberships/"+membership.id(), `{"configurable_permissions":null}`)
	answers["PUT nothing"] = h.call("PUT", "/2.0/group_memberships/"+membership.id(), "")
	for name, a := range answers {
		if a.status != http.StatusOK && a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", name, a.status, a.body)
			continue
		}
		var out any
		if err := json.Unmarshal([]byte(a.body), &out); err != nil {
			t.Errorf("%s: %v: %s", name, err, a.body)
			continue
		}
		object, is := out.(map[string]any)
		if !is {
			t.Errorf("%s: the client expects a map, and gets %s", name, a.body)
			continue
		}
		for _, complaint := range unreadable("", object) {
			t.Errorf("%s: %s", name, complaint)
		}
		if list, is := object["entries"].([]any); strings.HasSuffix(name, "s") && !strings.Contains(name, "of his") && name != "GET me" && !is && strings.HasPrefix(name, "GET") {
			t.Errorf("%s: no list: %v", name, list)
		}
	}
}

// timestamps are whole seconds with an offset: the Python client leaves others
// as text, without a word.
var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`)

// unreadable lists at what the strictest client would throw.
func unreadable(path string, o map[string]any) (complaints []string) {
	complain := func(name, want string, got any) {
		complaints = append(complaints, fmt.Sprintf("%s.%s must be %s, is %v (%T)", path, name, want, got, got))
	}
	for name, v := range o {
		text, isText := v.(string)
		_, isNumber := v.(float64)
		_, isTruth := v.(bool)
		inner, isObject := v.(map[string]any)
		list, isList := v.([]any)
		switch {
		case name == "total_count" || name == "limit" || name == "offset":
			if !isNumber {
				complain(name, "a number, always", v)
			}
		case name == "entries":
			if !isList {
				complain(name, "a list, always", v)
			}
		case v == nil:
			continue
		case name == "space_amount" || name == "space_used" || name == "max_upload_size":
			if !isNumber {
				complain(name, "a number", v)
			}
		case name == "created_at" || name == "modified_at":
			if !timestamp.MatchString(text) {
				complain(name, "a time of whole seconds", v)
			}
		case strings.HasPrefix(name, "is_") || strings.HasPrefix(name, "can_"):
			if !isTruth {
				complain(name, "a truth", v)
			}
		case name == "user" || name == "group" || name == "enterprise":
			if !isObject || inner["type"] != name {
				complain(name, "an object of that type", v)
			}
		case name == "notification_email" || name == "permissions" || name == "configurable_permissions":
			if !isObject {
				complain(name, "null or an object", v)
			}
		case name == "tracking_codes" || name == "my_tags" || name == "order":
			if !isList {
				complain(name, "a list", v)
			}
		case !isText:
			complain(name, "text", v)
		}
		if isObject {
			complaints = append(complaints, unreadable(path+"."+name, inner)...)
		}
		for i, entry := range list {
			if e, is := entry.(map[string]any); is {
				complaints = append(complaints, unreadable(fmt.Sprint(path, ".", name, ".", i), e)...)
			}
		}
	}
	if kind, typed := o["type"].(string); typed {
		if id, is := o["id"].(string); kind != "tracking_code" && (!is || id == "") {
			complain("id", "a text", o["id"])
		}
		switch kind {
		case "user", "group", "group_membership", "enterprise", "tracking_code":
		default:
			complain("type", "a known constant", kind)
		}
	}
	return complaints
}

// TestNoAnswerMakesAClientRepeatInVain goes through what clients do by themselves
// after an answer (section 4.4): each row is an answer that must not set them off.
func TestNoAnswerMakesAClientRepeatInVain(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	h.enrol("linus", countersign.RoleAdmin)
	h.serveAll()
	group := h.call("POST", "/2.0/groups", `{"name":"Before"}`).id()
	member := h.call("POST", "/2.0/group_memberships", `{"user":{"id":"`+h.number("vera")+`"},"group":{"id":"`+group+`"}}`).id()
	t.Run("a POST whose answer got lost is a conflict", func(t *testing.T) {
		for target, body := range map[string]string{
			"/2.0/groups":            `{"name":"Before"}`,
			"/2.0/group_memberships": `{"user":{"id":"` + h.number("vera") + `"},"group":{"id":"` + group + `"}}`,
		} {
			if a := h.call("POST", target, body); a.status != http.StatusConflict {
				t.Errorf("%s: %d %s", target, a.status, a.body)
			}
		}
	})
	h.submit(&countersign.SealOrganization{})
	t.Run("a held change is 403, never 202, 401, 409, 429 or 5xx", func(t *testing.T) {
		for _, c := range []struct{ method, target, body string }{
			{"POST", "/2.0/groups", `{"name":"Held"}`},
			{"POST", "/2.0/users", `{"name":"Held","login":"held@example.org"}`},
			{"POST", "/2.0/group_memberships", `{"user":{"id":"` + h.number("ada") + `"},"group":{"id":"` + group + `"}}`},
			{"PUT", "/2.0/groups/" + group, `{"name":"After"}`},
			{"PUT", "/2.0/group_memberships/" + member, `{"role":"admin"}`},
			{"DELETE", "/2.0/group_memberships/" + member, ""},
			{"DELETE", "/2.0/groups/" + group, ""},
		} {
			a := h.call(c.method, c.target, c.body)
			id := a.header.Get("Countersign-Change-Request")
			if a.status != http.StatusForbidden || id == "" || a.header.Get("Retry-After") != "" || !strings.Contains(a.body, `"forbidden_by_policy"`) || !strings.Contains(a.body, id) {
				t.Errorf("%s %s: %d %v %s", c.method, c.target, a.status, a.header, a.body)
			}
			if again := h.call(c.method, c.target, c.body).header.Get("Countersign-Change-Request"); again != id {
				t.Errorf("%s %s: a repeat is another change", c.method, c.target)
			}
		}
	})
	t.Run("a token that does not work is 401 without a body, lacking rights is not", func(t *testing.T) {
		for _, token := range []string{"nonsense", "csa_" + strings.Repeat("0", 32) + "_x"} {
			a := h.call("GET", "/2.0/users/me", "", "Authorization: Bearer "+token)
			if a.status != http.StatusUnauthorized || a.body != "" || !strings.Contains(a.header.Get("WWW-Authenticate"), `Bearer realm="Service", error="invalid_token"`) {
				t.Errorf("%d %v %s", a.status, a.header, a.body)
			}
		}
		for _, header := range []string{"Authorization: Bearer " + h.tokens["vera"], "Authorization: Bearer " + h.developer + "\nAs-User: 99999"} {
			a := h.call("POST", "/2.0/groups", `{"name":"No"}`, strings.Split(header, "\n")...)
			if a.status != http.StatusForbidden || a.body == "" || a.header.Get("WWW-Authenticate") != "" {
				t.Errorf("%d %v %s", a.status, a.header, a.body)
			}
		}
	})
	t.Run("nothing is redirected, and a trailing slash of the base address does no harm", func(t *testing.T) {
		for target, want := range map[string]int{"//2.0/users/me": 200, "/box//2.0/users/me": 200, "/box/2.0/users/me": 200, "/2.0/users/me/": 404, "/2.0": 404, "/2.0/../2.0/users/me": 404} {
			a := h.call("GET", target, "")
			if a.status != want || a.status == http.StatusNotFound && !strings.Contains(a.body, `"code":"not_found"`) {
				t.Errorf("%s: %d %s", target, a.status, a.body)
			}
		}
	})
	t.Run("too many requests say when to come again", func(t *testing.T) {
		api := box.New(box.Config{Engine: h.Engine, Authenticate: h.oauth.Authenticate, Callers: wire.NewRateLimiter(0.1, 1, 10, h.Now)})
		h.web = api
		h.call("GET", "/2.0/users/me", "")
		a := h.call("GET", "/2.0/users/me", "")
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "10" || !strings.Contains(a.body, `"rate_limit_exceeded"`) {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	})
}

// TestATokenOfAUserIsNoVote lets a client act for an approver in every way there is,
// by As-User, a user subject and a code, and ask the directory itself: Box tokens
// open nothing there, and nothing here decides.
func TestATokenOfAUserIsNoVote(t *testing.T) {
	t.Parallel()
	h := newTokenHouse(t)
	h.enrol("linus", countersign.RoleAdmin)
	h.serveAll()
	group := h.call("POST", "/2.0/groups", `{"name":"Mine"}`).id()
	h.Pass(time.Second) // so that what ada made counts as made in bootstrap
	h.submit(&countersign.SealOrganization{})
	subject := h.asks("client_credentials", "box_subject_type", "user", "box_subject_id", h.number("grace")).token().Access
	var code struct {
		Code string `json:"code"`
	}
	a := h.send("POST", "/oauth2/authorize", encoded("response_type", "code", "client_id", h.id), formType, "Authorization: Bearer "+h.tokens["grace"])
	if err := json.Unmarshal([]byte(a.body), &code); err != nil {
		t.Fatal(err)
	}
	handed := h.asks("authorization_code", "code", code.Code).token().Access
	for name, header := range map[string][]string{
		"user subject": {"Authorization: Bearer " + subject}, "code": {"Authorization: Bearer " + handed},
		"As-User":                            {"Authorization: Bearer " + h.developer, "As-User: " + h.number("grace")},
		"As-User of an approver's own token": {"Authorization: Bearer " + h.tokens["linus"], "As-User: " + h.number("grace")},
	} {
		held := h.call("PUT", "/2.0/groups/"+group, `{"description":"`+name+`"}`, header...)
		id := held.header.Get("Countersign-Change-Request")
		if held.status != http.StatusForbidden || id == "" {
			t.Errorf("%s: %d %s", name, held.status, held.body)
			continue
		}
		// The account or admin stays the requester; grace, for whom it was, cannot
		// approve it, and linus can unless it was he who asked.
		seen := h.Do(h.tokens["ada"], "GET", "/directory/v1/changes/"+id, nil).Must(http.StatusOK).Object()
		if seen["requester_id"] == string(h.people["grace"].ID) {
			t.Errorf("%s: grace is the requester", name)
		}
		vote := map[string]any{"decision": "approve", "digest": seen["digest"]}
		h.Do(h.tokens["grace"], "POST", "/directory/v1/changes/"+id+"/approvals", vote).Must(http.StatusForbidden)
		for _, token := range []string{subject, handed} {
			if got := h.Do(token, "POST", "/directory/v1/changes/"+id+"/approvals", vote); got.Status != http.StatusUnauthorized {
				t.Errorf("%s: a Box token at the directory: %d %s", name, got.Status, got.Body)
			}
		}
		h.Do(h.tokens["ada"], "POST", "/directory/v1/changes/"+id+"/approvals", vote).Must(http.StatusOK)
		// What decides about approvals is not asked for on behalf of anybody.
		invited := h.call("POST", "/2.0/users", `{"name":"X","login":"x@example.org","role":"coadmin"}`, header...)
		if invited.status != http.StatusForbidden || invited.header.Get("Countersign-Change-Request") != "" {
			t.Errorf("%s: an admin is invited: %d %s", name, invited.status, invited.body)
		}
	}
}
