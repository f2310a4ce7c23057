package fireblocks_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
)

type event struct {
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	CreatedAt int64  `json:"createdAt"`
	User      string `json:"user"`
	UserID    string `json:"userId"`
	Subject   string `json:"subject"`
	Event     string `json:"event"`
	TenantID  string `json:"tenantId"`
	Category  string `json:"category"`
}

type auditLog struct {
	Data   []event `json:"data"`
	Next   *string `json:"next"`
	Cursor *string `json:"cursor"`
	Total  *int64  `json:"total"`
}

func (l auditLog) words() []string {
	var out []string
	for _, e := range l.Data {
		out = append(out, e.User+": "+e.Subject+" "+e.Event)
	}
	return out
}

// TestTheLogSpeaksThePublishedVocabulary walks groups and users through every
// end (section 4).
func TestTheLogSpeaksThePublishedVocabulary(t *testing.T) {
	h := newHouse(t)
	h.Pass(25 * time.Hour) // what set the stage is older than a day
	g := h.makes("Free")
	h.put(g.ID, `{"groupName":"Freer"}`)
	h.seal()
	for _, decision := range []string{"approve", "deny"} {
		h.decide("grace", h.post(groupsPath, `{"groupName":"New `+decision+`"}`).waiting(), decision)
		h.decide("grace", h.put(g.ID, `{"groupName":"Edit `+decision+`"}`).waiting(), decision)
	}
	cancelled := h.put(g.ID, `{"groupName":"Never"}`).waiting()
	h.Do(h.tokens["ada"], "POST", "/directory/v1/changes/"+cancelled+"/cancel", nil).Must(http.StatusOK)
	h.decide("linus", h.send(request{method: "DELETE", target: groupsPath + "/" + g.ID}).waiting(), "approve")
	h.post("/v1/management/users", `{"firstName":"Ivo","lastName":"J","role":"EDITOR","email":"ivo@example.org"}`).must(200)
	h.decide("grace", h.send(request{method: "POST", target: "/v1/management/users/" + h.ids["linus"] + "/reset_device"}).waiting(), "deny")

	h.Do(h.tokens["vera"], "POST", "/directory/v1/users/"+h.ids["linus"]+"/reset-device", nil).Must(http.StatusForbidden)

	log := read[auditLog](h.get("/v1/management/audit_logs?order=ASC&timePeriod=DAY&pageSize=200").must(http.StatusOK))
	if diff := cmp.Diff([]string{
		"robot: User group Approved and created",
		"robot: User group Edited",
		"Ada: Quorum Changed threshold",
		"robot: User group Created",
		"Grace Northwind: User group Approved",
		"Grace Northwind: User group Approved and created",
		"robot: User group Requested change approval",
		"Grace Northwind: User group Changes approved",
		"Grace Northwind: User group Changes in effect",
		"robot: User group Created",
		"Grace Northwind: User group Denied",
		"Grace Northwind: User group Rejected",
		"robot: User group Requested change approval",
		"Grace Northwind: User group Changes denied",
		"Grace Northwind: User group Changes rejected",
		"robot: User group Requested change approval",
		"Ada: User group Canceled change request",
		"robot: User group Requested change approval",
		"Linus Northwind: User group Changes approved",
		"Linus Northwind: User group Deleted",
		"robot: New user Submitted request",
		"robot: Edit user Submitted request",
		"Grace Northwind: Edit user Denied",
		"Grace Northwind: Edit user Rejected",
		"Vera Northwind: Edit user Refused",
	}, log.words()); diff != "" {
		t.Error(diff)
	}
	if log.Total == nil || *log.Total != int64(len(log.Data)) || log.Next != nil || log.Cursor != nil {
		t.Errorf("total %v, next %v, cursor %v", log.Total, log.Next, log.Cursor)
	}
	first := log.Data[0]
	if first.Timestamp != h.Now().UnixMilli() || first.CreatedAt != first.Timestamp || first.TenantID != string(h.org) ||
		first.UserID != h.robot.id || first.Category != "Administration" {
		t.Errorf("the first event is %+v", first)
	}
	// The older generation gives the same, newest first.
	older := read[auditLog](h.get("/v1/audits?timePeriod=DAY").must(http.StatusOK))
	slices.Reverse(older.Data)
	if diff := cmp.Diff(log.Data, older.Data); diff != "" {
		t.Error(diff)
	}
	week := read[auditLog](h.get("/v1/audits?timePeriod=WEEK").must(http.StatusOK))
	if *week.Total <= *log.Total {
		t.Errorf("a week has %d events, a day %d", *week.Total, *log.Total)
	}
	mustFilter(t, h, log)
}

// mustFilter: values of a field are alternatives, fields must all hold.
func mustFilter(t *testing.T, h *house, log auditLog) {
	t.Helper()
	for query, keep := range map[string]func(event) bool{
		"subject=User+group&event=Created&event=Deleted": func(e event) bool { return e.Subject == "User group" && (e.Event == "Created" || e.Event == "Deleted") },
		"user=Ada":                       func(e event) bool { return e.User == "Ada" },
		"userId=" + h.robot.id:           func(e event) bool { return e.UserID == h.robot.id },
		"category=Administration&user=x": func(event) bool { return false },
		"category=Security":              func(event) bool { return false },
	} {
		var want []event
		for _, e := range log.Data {
			if keep(e) {
				want = append(want, e)
			}
		}
		got := read[auditLog](h.get("/v1/management/audit_logs?order=ASC&" + query).must(http.StatusOK))
		if diff := cmp.Diff(len(want), len(got.Data)); diff != "" || len(want) > 0 && !slices.Equal(want, got.Data) || got.Data == nil || got.Total != nil {
			t.Errorf("%s: %v", query, got.words())
		}
	}
}

// TestTheLogIsPagedToItsEnd in both directions and with times.
func TestTheLogIsPagedToItsEnd(t *testing.T) {
	h := newHouse(t)
	h.Pass(25 * time.Hour)
	begin := h.Now()
	for i := range 23 {
		h.Pass(time.Minute)
		h.submit(&countersign.CreateGroup{Name: fmt.Sprintf("Group %d", i)})
	}
	whole := read[auditLog](h.get("/v1/management/audit_logs?order=ASC").must(http.StatusOK)).Data
	if len(whole) != 23 {
		t.Fatalf("%d events", len(whole))
	}
	for _, order := range []string{"ASC", "DESC"} {
		for _, name := range []string{"cursor", "pageCursor"} {
			var got []event
			for cursor := ""; ; {
				page := read[auditLog](h.get("/v1/management/audit_logs?pageSize=5&order=" + order + cursor).must(http.StatusOK))
				got = append(got, page.Data...)
				if page.Next == nil {
					break
				}
				if len(page.Data) != 5 || *page.Next != *page.Cursor || *page.Total != 23 {
					t.Fatalf("a page of %d, next %s, cursor %s", len(page.Data), *page.Next, *page.Cursor)
				}
				cursor = "&" + name + "=" + *page.Next
			}
			if order == "DESC" {
				slices.Reverse(got)
			}
			if diff := cmp.Diff(whole, got); diff != "" {
				t.Errorf("%s by %s: %s", order, name, diff)
			}
		}
	}
	between := fmt.Sprintf("startTime=%d&endTime=%d", begin.Add(5*time.Minute).UnixMilli(), begin.Add(7*time.Minute).UnixMilli())
	if got := read[auditLog](h.get("/v1/management/audit_logs?order=ASC&" + between).must(http.StatusOK)).Data; !slices.Equal(got, whole[4:7]) {
		t.Errorf("from the fifth to the seventh minute: %v", got)
	}
	if got := h.get("/v1/management/audit_logs?unknown=1&pageSize=1").must(http.StatusOK); !strings.Contains(got.body, `"next":"`) {
		t.Errorf("an unknown parameter: %s", got.body)
	}
}

// TestLargeEntriesAreReadBackwardsToo, of which one read gives only some.
func TestLargeEntriesAreReadBackwardsToo(t *testing.T) {
	h := newHouse(t)
	h.Pass(25 * time.Hour)
	const batches = 30
	for n := range batches {
		var ops []countersign.Change
		for i := range 100 {
			ops = append(ops, &countersign.CreateGroup{Name: fmt.Sprintf("Group %d-%d", n, i), Description: fmt.Sprint(i, strings.Repeat(" long description", 50))})
		}
		h.submit(ops...)
	}
	entries, _, err := h.Engine.Entries(t.Context(), h.ada, h.LogSize(h.org)-batches, batches)
	if err != nil || len(entries) == batches {
		t.Fatalf("one read gives %d entries (%v): the test needs larger ones", len(entries), err)
	}
	up := read[auditLog](h.get("/v1/management/audit_logs?order=ASC").must(http.StatusOK)).Data
	down := read[auditLog](h.get("/v1/management/audit_logs?order=DESC").must(http.StatusOK)).Data
	slices.Reverse(down)
	if diff := cmp.Diff(up, down); diff != "" || len(up) != batches {
		t.Errorf("%d events: %s", len(up), diff)
	}
}
