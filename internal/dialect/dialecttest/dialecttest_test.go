package dialecttest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	anID     = "0198c5f0-6a3b-7c11-8a55-3f5f0a3d9e01"
	verdict  = `{"allowed":true,"revision":7}`
	question = `{"user_id":"` + anID + `","permission":"users.read"}`
	problem  = `{"type":"urn:countersign:problem:forbidden","title":"t","status":403,"detail":"d","code":"forbidden","request_id":"r"}`
)

func made(method, path, sent string, status int, got string, header ...string) exchange {
	response := &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}}
	response.Header.Set("Content-Type", "application/json")
	response.Header.Set("X-Request-ID", "r")
	response.Header.Set("Countersign-Revision", "7")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		response.Header.Del(name)
		if value != "" {
			response.Header.Set(name, value)
		}
	}
	return exchange{httptest.NewRequest(method, path, nil), []byte(sent), response, []byte(got)}
}

// The validator is worth what it catches: each exchange plants one fault.
func TestTheValidatorFindsWhatIsPlanted(t *testing.T) {
	v := New(t)
	check := "/directory/v1/check"
	for _, c := range []struct {
		name string
		e    exchange
		want string // part of the only fault; empty for none
	}{
		{"all is well", made("POST", check, question, 200, verdict), ""},
		{"a refusal of anything", made("POST", check+"?x=1", `{"a":`, 403, problem, "Content-Type: application/problem+json"), ""},
		{"head has no body", made("HEAD", "/directory/v1/organization", "", 200, "", `ETag: "1"`), ""},
		{"a literal path is not a parameter", made("POST", "/directory/v1/credentials/redeem", `{"code":"x"}`, 200, `{"user_id":"`+anID+`","change_id":"`+anID+`","secrets":[]}`), ""},

		{"no operation", made("GET", "/directory/v1/secrets", "", 200, "{}"), "no operation of the document"},
		{"no such method", made("PUT", check, question, 200, verdict), "no operation of the document"},
		{"a method the literal path has not", made("DELETE", "/directory/v1/credentials/redeem", "", 204, "", "Content-Type: "), "no operation of the document"},
		{"an undocumented status", made("POST", check, question, 207, verdict), "status 207"},
		{"a member too many", made("POST", check, question, 200, `{"allowed":true,"revision":7,"admin":true}`), "additional properties 'admin' not allowed"},
		{"a member missing", made("POST", check, question, 200, `{"allowed":true}`), "missing property 'revision'"},
		{"a wrong type", made("POST", check, question, 200, `{"allowed":"yes","revision":7}`), "got string, want boolean"},
		{"a word of its own", made("POST", check, question, 200, `{"allowed":false,"revision":7,"why":"because"}`), "value must be one of"},
		{"no JSON", made("POST", check, question, 200, `{"allowed":`), "EOF"},
		{"another content type", made("POST", check, question, 200, verdict, "Content-Type: text/html"), "content type text/html"},
		{"no revision", made("POST", check, question, 200, verdict, "Countersign-Revision: "), "no header Countersign-Revision"},
		{"a revision of letters", made("POST", check, question, 200, verdict, "Countersign-Revision: new"), "header Countersign-Revision"},
		{"a body where none is", made("DELETE", "/directory/v1/groups/"+anID, "", 204, "{}"), "a body"},

		{"an accepted parameter", made("POST", check+"?force=true", question, 200, verdict), "query parameter force"},
		{"an accepted member", made("POST", check, `{"user_id":"`+anID+`","permission":"users.read","as":"root"}`, 200, verdict), "additional properties 'as' not allowed"},
		{"an accepted hole", made("POST", check, `{"permission":"users.read"}`, 200, verdict), "missing property 'user_id'"},
		{"an accepted nothing", made("POST", check, "", 200, verdict), "the body is missing"},
		{"an accepted body", made("DELETE", "/directory/v1/groups/"+anID, `{"a":1}`, 204, "", "Content-Type: "), "a body is not described"},
		{"an accepted id", made("DELETE", "/directory/v1/groups/7", "", 204, "", "Content-Type: "), "path parameter group_id"},

		{"an error as text", made("POST", check, question, 403, "no", "Content-Type: text/plain"), "content type text/plain"},
		{"a code nobody was told", made("POST", check, question, 403, strings.ReplaceAll(problem, "forbidden", "nope"), "Content-Type: application/problem+json"), "does not list the code nope"},
		{"a code of another status", made("POST", check, question, 403, strings.ReplaceAll(problem, "forbidden", "no_effect"), "Content-Type: application/problem+json"), "does not list the code no_effect"},
		{"another status inside", made("POST", check, question, 403, strings.Replace(problem, "403", "404", 1), "Content-Type: application/problem+json"), "says status 404"},
		{"another request inside", made("POST", check, question, 403, problem, "Content-Type: application/problem+json", "X-Request-ID: s"), "request_id"},
		{"an error on no path", made("GET", "/nothing", "", 404, "404 page not found", "Content-Type: text/plain"), "an error of content type text/plain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := v.faults(c.e)
			found := strings.Join(faults, "\n")
			if (c.want == "") != (len(faults) == 0) || !strings.Contains(found, c.want) {
				t.Errorf("want %q, found %q", c.want, found)
			}
		})
	}
}

func TestAnExchangeIsShownWithoutItsToken(t *testing.T) {
	e := made("GET", "/directory/v1/me", "", 200, "{}")
	e.request.Header.Set("Authorization", "Bearer very-secret")
	if strings.Contains(e.String(), "very-secret") {
		t.Error(e)
	}
}

// The validator follows the document, so the document must not come to nothing.
func TestTheDocumentIsReadWhole(t *testing.T) {
	v := New(t)
	if n := len(v.Operations()); n < 60 {
		t.Errorf("only %d operations", n)
	}
	if n := len(v.d.codes); n < 14 {
		t.Errorf("only %d statuses in the table of codes", n)
	}
	if len(v.Unseen()) != len(v.Operations()) {
		t.Error("something was seen before anything happened")
	}
}
