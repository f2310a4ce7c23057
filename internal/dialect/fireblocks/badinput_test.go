package fireblocks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
)

// TestBadInputIsRefusedAndChangesNothing: status, number and the field by the
// name it was sent under.
func TestBadInputIsRefusedAndChangesNothing(t *testing.T) {
	h := newHouse(t)
	g := h.makes("There", h.ids["ada"])
	h.submit(&countersign.CreateEndUser{ExternalID: "customer"})
	end, err := h.Engine.Users(t.Context(), h.ada, countersign.UserFilter{Types: []countersign.UserType{countersign.EndUser}}, nil, countersign.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	customer := string(end.Items[0].ID)
	request64 := csr(t)
	const users, accounts = "/v1/management/users", "/v1/management/api_users"
	one := groupsPath + "/" + g.ID
	user := func(member string) string {
		all := map[string]string{"firstName": `"A"`, "lastName": `"B"`, "role": `"EDITOR"`, "email": `"a@example.org"`}
		name, value, _ := strings.Cut(member, "=")
		all[name] = value
		return object(all)
	}
	account := func(member string) string {
		all := map[string]string{"name": `"ci"`, "role": `"EDITOR"`, "csrPem": request64}
		name, value, _ := strings.Cut(member, "=")
		all[name] = value
		return object(all)
	}
	size := h.LogSize(h.org)
	for _, c := range []struct {
		method, target, body string
		status, code         int
		field                string
	}{
		{"POST", groupsPath, ``, 400, 1000, "groupName"},
		{"POST", groupsPath, `{}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":null}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":""}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"   "}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"` + strings.Repeat("n", 101) + `"}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"` + strings.Repeat("🏦", 100) + `"}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"a\u0000b"}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"a\u202eb"}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"a\nb"}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":7}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":["a"]}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"There"}`, 409, 1011, "groupName"},
		{"POST", groupsPath, `{"groupName":"THERE "}`, 409, 1011, "groupName"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":"b"}`, 400, 1000, "memberIds"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":[7]}`, 400, 1000, "memberIds.0"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":["u1"]}`, 400, 1001, "memberIds.0"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":["` + h.ids["ada"] + `","` + uuid.NewString() + `"]}`, 400, 1001, "memberIds.1"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":["` + h.ids["vera"] + `"]}`, 400, 1002, "memberIds.0"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":["` + customer + `"]}`, 400, 1001, "memberIds.0"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":["` + g.ID + `"]}`, 400, 1001, "memberIds.0"},
		{"POST", groupsPath, `{"groupName":"a","memberIds":["` + h.ids["ada"] + `","` + h.ids["ada"] + `"]}`, 400, 1000, "memberIds"},
		{"POST", groupsPath, `{"groupName":"a","groupName":"b"}`, 400, 1000, "groupName"},
		{"POST", groupsPath, `{"groupName":"a"} {}`, 400, 1000, ""},
		{"POST", groupsPath, `{"groupName":"a",}`, 400, 1000, ""},
		{"POST", groupsPath, "{\"groupName\":\"\xff\"}", 400, 1000, ""},
		{"POST", groupsPath, `[]`, 400, 1000, ""},
		{"POST", groupsPath, `null`, 400, 1000, ""},
		{"POST", groupsPath, `"a"`, 400, 1000, ""},
		{"POST", groupsPath, `{"groupName":"a","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400, 1000, ""},
		{"POST", groupsPath, `{"groupName":"` + strings.Repeat("n", 9<<20) + `"}`, 413, 1000, ""},
		{"PUT", one, `{"groupName":""}`, 400, 1000, "groupName"},
		{"PUT", one, `{"memberIds":["u1"]}`, 400, 1001, "memberIds.0"},
		{"PUT", one, `{"memberIds":["` + h.ids["vera"] + `"]}`, 400, 1002, "memberIds.0"},
		{"PUT", one, `{"memberIds":{}}`, 400, 1000, "memberIds"},
		{"PUT", groupsPath + "/u1", `{"groupName":"a"}`, 404, 1004, ""},
		{"PUT", groupsPath + "/" + uuid.NewString(), `{"groupName":"a"}`, 404, 1004, ""},
		{"GET", groupsPath + "/" + uuid.NewString(), ``, 404, 1004, ""},
		{"GET", groupsPath + "/u1", ``, 404, 1004, ""},
		{"GET", groupsPath + "/a%2Fb%20c%25d", ``, 404, 1004, ""},
		{"DELETE", groupsPath + "/u1", ``, 404, 1004, ""},
		{"DELETE", groupsPath + "/" + h.ids["ada"], ``, 404, 1004, ""},

		{"POST", users, ``, 400, 1000, "firstName"},
		{"POST", users, user(`lastName=" "`), 400, 1000, "lastName"},
		{"POST", users, user(`firstName="` + strings.Repeat("n", 31) + `"`), 400, 1000, "firstName"},
		{"POST", users, user(`firstName="a\u202eb"`), 400, 1000, "firstName"},
		{"POST", users, user(`role="OWNER"`), 400, 1000, "role"},
		{"POST", users, user(`role="SIGNER"`), 400, 1000, "role"},
		{"POST", users, user(`role="editor"`), 400, 1000, "role"},
		{"POST", users, user(`role=null`), 400, 1000, "role"},
		{"POST", users, user(`email="nobody"`), 400, 1000, "email"},
		{"POST", users, user(`email=""`), 400, 1000, "email"},
		{"POST", users, user(`email="grace@example.org"`), 409, 1012, "email"},
		{"POST", users + "/u1/reset_device", ``, 404, 1004, ""},
		{"POST", users + "/" + uuid.NewString() + "/reset_device", ``, 404, 1004, ""},
		{"POST", users + "/" + h.robot.id + "/reset_device", ``, 404, 1004, ""},

		{"POST", accounts, ``, 400, 1000, "name"},
		{"POST", accounts, account(`name="` + strings.Repeat("n", 31) + `"`), 400, 1000, "name"},
		{"POST", accounts, account(`role="OWNER"`), 400, 1000, "role"},
		{"POST", accounts, account(`role="AUDITOR"`), 400, 1000, "role"},
		{"POST", accounts, account(`csrPem=""`), 400, 1000, "csrPem"},
		{"POST", accounts, account(`csrPem="-----BEGIN CERTIFICATE REQUEST-----\nx\n-----END CERTIFICATE REQUEST-----\n"`), 400, 1000, "csrPem"},
		{"POST", accounts, account(`csrPem="-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"`), 400, 1000, "csrPem"},
		{"POST", accounts, account(`coSignerSetupType="SGX_MACHINE"`), 400, 1000, "coSignerSetupType"},

		{"GET", "/v1/audits?timePeriod=MONTH", ``, 400, 1000, "timePeriod"},
		{"GET", "/v1/management/audit_logs?pageSize=501", ``, 400, 1000, "pageSize"},
		{"GET", "/v1/management/audit_logs?pageSize=0", ``, 400, 1000, "pageSize"},
		{"GET", "/v1/management/audit_logs?order=asc", ``, 400, 1000, "order"},
		{"GET", "/v1/management/audit_logs?pageCursor=abc%3D", ``, 400, 1000, "pageCursor"},
		{"GET", "/v1/management/audit_logs?cursor=-1", ``, 400, 1000, "cursor"},
		{"GET", "/v1/management/audit_logs?cursor=007", ``, 400, 1000, "cursor"},
		{"GET", "/v1/management/audit_logs?startTime=1e12", ``, 400, 1000, "startTime"},
		{"GET", "/v1/management/audit_logs?startTime=1000", ``, 400, 1000, "startTime"},
		{"GET", fmt.Sprintf("/v1/management/audit_logs?startTime=%d&endTime=%d", h.Now().UnixMilli(), h.Now().UnixMilli()), ``, 400, 1000, "endTime"},
		{"GET", "/v1/management/audit_logs?" + strings.Repeat("category=a&", 60), ``, 400, 1000, "category"},
		{"GET", "/v1/management/audit_logs?x=" + strings.Repeat("a", 9<<10), ``, 414, 1000, ""},
	} {
		a := h.send(request{method: c.method, target: c.target, body: c.body})
		shown := c.body
		if len(shown) > 80 {
			shown = shown[:80] + "..."
		}
		var e struct{ Field, Message string }
		_ = json.Unmarshal([]byte(a.body), &e)
		if a.status != c.status || a.code() != c.code || c.field != "" && (e.Field != c.field || !strings.HasPrefix(e.Message, c.field+": ")) {
			t.Errorf("%s %.100s %s\n  %d %s\n  want %d, code %d, field %q", c.method, c.target, shown, a.status, a.body, c.status, c.code, c.field)
		}
	}
	if got := h.LogSize(h.org); got != size {
		t.Errorf("%d entries were left", got-size)
	}
	if list := read[[]group](h.get(groupsPath).must(http.StatusOK)); len(list) != 1 {
		t.Errorf("the groups are %v", list)
	}
}

func object(members map[string]string) string {
	var parts []string
	for name, value := range members {
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// TestAFloodOfChangesIsRefusedWithoutAWait: no client should repeat it by itself.
func TestAFloodOfChangesIsRefusedWithoutAWait(t *testing.T) {
	h := newHouse(t).seal()
	for i := range countersign.MaxOpenPerRequester {
		h.post(groupsPath, fmt.Sprintf(`{"groupName":"Flood %d"}`, i)).must(http.StatusCreated)
	}
	a := h.post(groupsPath, `{"groupName":"One more"}`).must(http.StatusTooManyRequests)
	if a.code() != 1032 || a.header.Get("Retry-After") != "" {
		t.Errorf("Retry-After %q: %s", a.header.Get("Retry-After"), a.body)
	}
}
