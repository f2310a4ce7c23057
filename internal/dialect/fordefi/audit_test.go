package fordefi_test

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/fordefi"
	"github.com/countersign/countersign/internal/engine"
)

// auditHouse has a short history, an hour after its beginning.
func auditHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.account("auditor", countersign.RoleViewer, nil, countersign.AuditRead)
	h.makes("Treasury", "linus")
	h.seal()
	h.Pass(time.Hour)
	asked := h.submit(&countersign.AddMembership{UserID: h.user("vera"), GroupID: h.group("treasury")}).Change.ID
	h.Pass(time.Minute)
	h.decide("grace", asked, "approve")
	refused := h.submit(&countersign.CreateGroup{Name: "=SUM(A1)"}).Change.ID
	h.decide("linus", refused, "deny")
	h.write("POST", endUsers, `{"external_id":"c-1"}`).must(http.StatusCreated)
	return h
}

func (h *house) audit(query string) answer {
	h.t.Helper()
	return h.send(request{path: auditLog + "?" + query, token: h.tokens["auditor"]})
}

func actions(a answer) []string {
	out := []string{}
	for _, row := range list(a.must(http.StatusOK).object(), "audit_log_records") {
		out = append(out, text(row, "action"))
	}
	return out
}

// TestTheAuditLogTellsOfRefusals: what somebody tried and may not is a row of his,
// with what he tried, and a count of more has its words too.
func TestTheAuditLogTellsOfRefusals(t *testing.T) {
	t.Parallel()
	h := auditHouse(t)
	h.Pass(time.Hour)
	for range engine.MaxAttempts + 2 {
		h.Do(h.tokens["vera"], "PATCH", "/directory/v1/users/"+h.ids["linus"], map[string]any{"role": "viewer"}).Must(http.StatusForbidden)
	}
	h.Pass(time.Minute)
	if err := h.Engine.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := actions(h.audit("created_after=2026-03-01T11:00:00Z&created_by=" + h.ids["vera"]))
	want := append([]string{"Refused: 2 more attempts"}, slices.Repeat([]string{"Refused: Change user role"}, engine.MaxAttempts)...)
	if !slices.Equal(got, want) {
		t.Errorf("told are %q", got)
	}
}

// TestAuditLog is section 3.3 of the contract.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	h := auditHouse(t)
	const since = "created_after=2026-03-01T09:59:00Z"
	recent := []string{
		"Create end user", "Abort (rejected): Create user group", "Deny: Create user group", "Request approval: Create user group",
		"Apply: Add user to user group", "Approve: Add user to user group", "Request approval: Add user to user group",
	}
	for _, row := range []struct {
		query string
		want  []string
	}{
		{since, recent},
		{since + "&size=2&page=2", recent[2:4]},
		{since + "&size=0", []string{}},
		{since + "&page=9", []string{}},
		{since + "&category=user_management", recent[:1]},
		{since + "&category=user_group&category=vaults", recent[1:]},
		{since + "&category=user_group&size=1&page=3", recent[3:4]},
		{since + "&created_by=" + h.ids["linus"], recent[1:3]},
		{since + "&category=webhook", []string{}},
		{since + "&created_before=2026-03-01T10:00:30Z", recent[6:]},
		{"created_after=2026-03-01%2010:00:30&created_before=2026-03-01T12:01:30%2B02:00", recent[:6]},
		{"created_after=1772359200&created_before=1772359200000", recent[6:]},
		{"created_after=2027-01-01", []string{}},
		{"size=100&category=quorum_threshold", []string{"Seal organization", "Create organization"}},
	} {
		if got := actions(h.audit(row.query)); !slices.Equal(got, row.want) {
			t.Errorf("%s:\n%q, want\n%q", row.query, got, row.want)
		}
	}
	whole := h.audit("size=0").total()
	if int64(whole) != h.LogSize(h.org) {
		t.Errorf("total %d of %d entries", whole, h.LogSize(h.org))
	}
	seen := map[string]bool{}
	for page := 1; (page-1)*7 < whole; page++ {
		for _, row := range list(h.audit("size=7&page="+strconv.Itoa(page)).object(), "audit_log_records") {
			if _, err := uuid.Parse(text(row, "id")); err != nil || seen[text(row, "id")] {
				t.Errorf("%v: id twice, or none", row)
			}
			seen[text(row, "id")] = true
		}
	}
	if len(seen) != whole {
		t.Errorf("%d rows of %d", len(seen), whole)
	}
	row := list(h.audit("size=1").object(), "audit_log_records")[0]
	if object(row, "created_by")["id"] != h.ids["writer"] || row["category"] != "user_management" || text(row, "request_id") == "" ||
		!strings.HasPrefix(text(row, "description"), "writer: Create end user, change ") || row["timestamp"] != "2026-03-01T10:01:00Z" {
		t.Errorf("%v", row)
	}
	for q, want := range map[string]string{
		"created_after=yesterday": `["query","created_after"] datetime_parsing`, "category=users": `["query","category",0] enum`,
		"size=101": `["query","size"] less_than_equal`, "created_before=99999999999999999999": `["query","created_before"] datetime_parsing`,
	} {
		if got := h.audit(q).faults(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", q, got)
		}
	}
	h.send(request{path: auditLog, token: h.tokens["reader"]}).must(http.StatusForbidden)
}

// TestAuditExport: the same rows as CSV, all of them.
func TestAuditExport(t *testing.T) {
	t.Parallel()
	h := auditHouse(t)
	h.submit(&countersign.CreateEndUser{ExternalID: "c-9"})
	a := h.send(request{path: auditLog + "/export", token: h.tokens["auditor"]}).must(http.StatusOK)
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") {
		t.Fatal(a.header, err)
	}
	if int64(len(rows)) != h.LogSize(h.org)+1 || rows[0][0] != "id" {
		t.Errorf("%d rows of %d entries, header %v", len(rows), h.LogSize(h.org), rows[0])
	}
	if first := rows[1]; first[4] != "Create end user" || first[5] != h.ids["ada"] || first[6] != "person" || first[7] != "Ada" {
		t.Errorf("%q", first)
	}
	narrow := h.send(request{path: auditLog + "/export?category=user_group&created_after=2026-03-01T09:59:00Z", token: h.tokens["auditor"]}).must(http.StatusOK)
	if got := strings.Count(narrow.body, "\n"); got != 7 {
		t.Errorf("%d lines: %s", got, narrow.body)
	}
}

// TestNoCellIsAFormula: a name may be what a spreadsheet would carry out.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"} {
		if got := fordefi.Harmless(name); got != "'"+name {
			t.Errorf("%q becomes %q", name, got)
		}
	}
	for _, name := range []string{"", "Ada", "a=b", "'=1"} {
		if got := fordefi.Harmless(name); got != name {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}
