package fireblocks_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
)

// TestTheStatusesAreExactlyThePublishedOnes is the table of what the document's
// own client makes of other codes: a model of another kind, or an exception.
func TestTheStatusesAreExactlyThePublishedOnes(t *testing.T) {
	for _, approvals := range []bool{false, true} {
		t.Run(fmt.Sprintf("approvals %v", approvals), func(t *testing.T) {
			h := newHouse(t)
			old := h.makes("Old", h.ids["linus"])
			h.makes("Doomed")
			if approvals {
				h.seal()
			}
			doomed := read[[]group](h.get(groupsPath).must(http.StatusOK))[0]
			for _, c := range []struct {
				name, method, target, body string
				status                     int
				empty                      bool
			}{
				{"create", "POST", groupsPath, `{"groupName":"New"}`, http.StatusCreated, false},
				{"get", "GET", groupsPath + "/" + old.ID, "", http.StatusOK, false},
				{"list", "GET", groupsPath, "", http.StatusOK, false},
				{"update", "PUT", groupsPath + "/" + old.ID, `{"groupName":"Old 2"}`, http.StatusOK, false},
				{"delete", "DELETE", groupsPath + "/" + doomed.ID, "", http.StatusNoContent, true},
				{"console user", "POST", "/v1/management/users", `{"firstName":"A","lastName":"B","role":"EDITOR","email":"a@example.org"}`, http.StatusOK, true},
				{"api user", "POST", "/v1/management/api_users", `{"name":"ci","role":"EDITOR","csrPem":` + csr(t) + `}`, http.StatusOK, true},
				{"reset device", "POST", "/v1/management/users/" + h.ids["vera"] + "/reset_device", "", http.StatusOK, true},
			} {
				if doomed.Name == "Old" && c.name == "delete" {
					c.target = groupsPath + "/" + read[[]group](h.get(groupsPath))[1].ID
				}
				if c.name == "reset device" && !approvals {
					c.target = "/v1/management/users/" + h.ids["linus"] + "/reset_device" // vera answers for who signs
				}
				a := h.send(request{method: c.method, target: c.target, body: c.body}).must(c.status)
				if (a.body == "") != c.empty {
					t.Errorf("%s: the body is %q", c.name, a.body)
				}
				if !c.empty && a.header.Get("Content-Type") != "application/json" {
					t.Errorf("%s: Content-Type %q", c.name, a.header.Get("Content-Type"))
				}
			}
		})
	}
}

func TestTheEmptyListIsAList(t *testing.T) {
	h := newHouse(t)
	if got := h.get(groupsPath).must(http.StatusOK).body; got != "[]" {
		t.Errorf("no group: %s", got)
	}
	if got := h.post(groupsPath, `{"groupName":"Nobody"}`).must(http.StatusCreated).body; !strings.Contains(got, `"memberIds":[]`) {
		t.Errorf("no member: %s", got)
	}
	if got := h.get(groupsPath).body; !strings.Contains(got, `"memberIds":[]`) {
		t.Errorf("no member in the list: %s", got)
	}
}

func TestWithoutApprovalsAGroupLivesAndDies(t *testing.T) {
	h := newHouse(t)
	made := h.makes("  Trésorerie 🏦 ", h.ids["ada"], h.ids["robot"])
	want := group{made.ID, "Trésorerie 🏦", []string{h.ids["ada"], h.ids["robot"]}, "ACTIVE"}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		body string
		then func(*group)
	}{
		"absent":  {`{}`, func(*group) {}},
		"null":    {`{"groupName":null,"memberIds":null}`, func(*group) {}},
		"same":    {`{"groupName":"Trésorerie 🏦"}`, func(*group) {}},
		"no body": {``, func(*group) {}},
	} {
		before := h.LogSize(h.org)
		got := read[group](h.put(made.ID, c.body).must(http.StatusOK))
		if diff := cmp.Diff(want, got); diff != "" || h.LogSize(h.org) != before {
			t.Errorf("%s: %s", name, diff)
		}
	}
	steps := []struct {
		body string
		then group
	}{
		{`{"groupName":"Desk","unknown":[1]}`, group{made.ID, "Desk", want.MemberIDs, "ACTIVE"}},
		{`{"memberIds":["` + h.ids["linus"] + `","` + h.ids["ada"] + `"]}`, group{made.ID, "Desk", []string{h.ids["ada"], h.ids["linus"]}, "ACTIVE"}},
		{`{"groupName":"Desk 2","memberIds":[]}`, group{made.ID, "Desk 2", []string{}, "ACTIVE"}},
	}
	for _, s := range steps {
		if diff := cmp.Diff(s.then, read[group](h.put(made.ID, s.body).must(http.StatusOK))); diff != "" {
			t.Errorf("PUT %s: %s", s.body, diff)
		}
		if diff := cmp.Diff(s.then, read[group](h.get(groupsPath+"/"+made.ID).must(http.StatusOK))); diff != "" {
			t.Errorf("GET after %s: %s", s.body, diff)
		}
	}
	h.send(request{method: "DELETE", target: groupsPath + "/" + made.ID}).must(http.StatusNoContent)
	h.get(groupsPath + "/" + made.ID).must(http.StatusNotFound)
	h.put(made.ID, `{"groupName":"x"}`).must(http.StatusNotFound)
	h.send(request{method: "DELETE", target: groupsPath + "/" + made.ID}).must(http.StatusNotFound)
}

// TestTheStateTable walks every row of section 4 of the contract: what is shown
// while a change waits, and what each end of it leaves.
func TestTheStateTable(t *testing.T) {
	expire := func(h *house, _ string) { h.Pass(countersign.DefaultRequestLife) }
	deny := func(h *house, change string) { h.decide("grace", change, "deny") }
	approve := func(h *house, change string) { h.decide("grace", change, "approve") }
	cancel := func(h *house, change string) {
		h.Do(h.tokens["ada"], "POST", "/directory/v1/changes/"+change+"/cancel", nil).Must(http.StatusOK)
	}
	for _, c := range []struct {
		what    string
		ends    map[string]func(*house, string)
		begin   func(h *house, g group) answer
		pending func(g group) group
		after   map[string]func(g group) *group
	}{
		{
			what: "update", begin: func(h *house, g group) answer { return h.put(g.ID, `{"groupName":"Renamed"}`).must(http.StatusOK) },
			pending: func(g group) group { g.Status = "PENDING_APPROVAL"; return g },
			after: map[string]func(g group) *group{
				"approve": func(g group) *group { g.Name = "Renamed"; return &g },
				"deny":    func(g group) *group { return &g },
				"cancel":  func(g group) *group { return &g },
				"expire":  func(g group) *group { return &g },
			},
		},
		{
			what: "delete", begin: func(h *house, g group) answer {
				return h.send(request{method: "DELETE", target: groupsPath + "/" + g.ID}).must(http.StatusNoContent)
			},
			pending: func(g group) group { g.Status = "PENDING_APPROVAL"; return g },
			after: map[string]func(g group) *group{
				"approve": func(group) *group { return nil },
				"deny":    func(g group) *group { return &g },
				"cancel":  func(g group) *group { return &g },
				"expire":  func(g group) *group { return &g },
			},
		},
		{
			what: "create", begin: func(h *house, g group) answer {
				return h.post(groupsPath, map[string]any{"groupName": "Born", "memberIds": []string{h.ids["ada"]}}).must(http.StatusCreated)
			},
			pending: func(g group) group { return g },
			after: map[string]func(g group) *group{
				"approve": func(g group) *group { g.Status = "ACTIVE"; return &g },
				"deny":    func(group) *group { return nil },
				"cancel":  func(group) *group { return nil },
				"expire":  func(group) *group { return nil },
			},
		},
	} {
		for end, do := range map[string]func(*house, string){"approve": approve, "deny": deny, "cancel": cancel, "expire": expire} {
			t.Run(c.what+" "+end, func(t *testing.T) {
				h := newHouse(t)
				g := h.makes("Treasury", h.ids["linus"])
				h.seal()
				begun := c.begin(h, g)
				if c.what == "create" {
					g = read[group](begun)
				}
				mustShow(t, h, g.ID, ptr(c.pending(g)))
				if c.pending(g).Status != "PENDING_APPROVAL" {
					t.Errorf("the change waits, and the status is %s", c.pending(g).Status)
				}
				for method, body := range map[string]string{"PUT": `{"groupName":"Second"}`, "DELETE": ""} {
					second := h.send(request{method: method, target: groupsPath + "/" + g.ID, body: body}).must(http.StatusConflict)
					if second.code() != 1013 || !strings.Contains(second.body, begun.waiting()) {
						t.Errorf("a second change: %s", second.body)
					}
				}
				do(h, begun.waiting())
				mustShow(t, h, g.ID, c.after[end](g))
			})
		}
	}
}

func ptr[T any](v T) *T { return &v }

// mustShow compares one group, alone and in the list; nil means that it is gone.
func mustShow(t *testing.T, h *house, id string, want *group) {
	t.Helper()
	var listed *group
	for _, g := range read[[]group](h.get(groupsPath).must(http.StatusOK)) {
		if g.ID == id {
			listed = &g
		}
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("in the list (-want +got)\n%s", diff)
	}
	alone := h.get(groupsPath + "/" + id)
	if want == nil {
		alone.must(http.StatusNotFound)
		return
	}
	if diff := cmp.Diff(*want, read[group](alone.must(http.StatusOK))); diff != "" {
		t.Errorf("alone (-want +got)\n%s", diff)
	}
}

// TestAPendingUpdateAnswersWhatIsProposed and shows to readers what is in force.
func TestAPendingUpdateAnswersWhatIsProposed(t *testing.T) {
	h := newHouse(t)
	g := h.makes("Treasury", h.ids["linus"])
	h.seal()
	got := read[group](h.put(g.ID, map[string]any{"groupName": "Desk", "memberIds": []string{h.ids["ada"]}}).must(http.StatusOK))
	if diff := cmp.Diff(group{g.ID, "Desk", []string{h.ids["ada"]}, "PENDING_APPROVAL"}, got); diff != "" {
		t.Error(diff)
	}
	mustShow(t, h, g.ID, &group{g.ID, "Treasury", []string{h.ids["linus"]}, "PENDING_APPROVAL"})
}

// TestOnlyEffectiveMembershipsGrant is the sentence below the state table.
func TestOnlyEffectiveMembershipsGrant(t *testing.T) {
	h := newHouse(t)
	h.submit(&countersign.AddPermission{Permission: "payouts.create"})
	made := h.submit(&countersign.CreateGroup{Name: "Payers", Permissions: []countersign.Permission{"payouts.create"}})
	id := string(made.Change.Operations[0].(*countersign.CreateGroup).GroupID)
	h.seal()
	holds := func() bool {
		out := h.Do(h.tokens["linus"], "POST", "/directory/v1/check", map[string]string{"user_id": h.ids["linus"], "permission": "payouts.create"})
		return out.Must(http.StatusOK).Object()["allowed"] == true
	}
	joins := h.put(id, map[string]any{"memberIds": []string{h.ids["linus"]}}).must(http.StatusOK)
	if holds() {
		t.Error("a pending member holds the permission")
	}
	h.decide("grace", joins.waiting(), "approve")
	if !holds() {
		t.Error("the member does not hold the permission")
	}
	leaves := h.put(id, `{"memberIds":[]}`).must(http.StatusOK)
	if !holds() {
		t.Error("who would leave has lost the permission already")
	}
	h.decide("grace", leaves.waiting(), "approve")
	if holds() {
		t.Error("who left holds the permission")
	}
}

// TestMembersThatStayKeepWhatTheyAre also where the VIEWER rule would refuse them
// today: it concerns only ids that are added.
func TestMembersThatStayKeepWhatTheyAre(t *testing.T) {
	h := newHouse(t)
	made := h.submit(&countersign.CreateGroup{Name: "Mixed"})
	id := made.Change.Operations[0].(*countersign.CreateGroup).GroupID
	added := h.submit(&countersign.AddMembership{
		UserID: countersign.UserID(h.ids["vera"]), GroupID: id, Role: countersign.GroupAdmin,
		Configurable: countersign.Some(map[string]bool{"can_run_reports": false}), ExpiresAt: countersign.Some(h.Now().Add(dayLong)),
	})
	membership := added.Change.Operations[0].(*countersign.AddMembership).MembershipID
	before, _, err := h.Engine.Membership(t.Context(), h.ada, membership)
	if err != nil {
		t.Fatal(err)
	}
	h.put(string(id), map[string]any{"memberIds": []string{h.ids["vera"], h.ids["linus"]}}).must(http.StatusOK)
	after, _, err := h.Engine.Membership(t.Context(), h.ada, membership)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the membership of who stayed (-before +after)\n%s", diff)
	}
	h.put(string(id), map[string]any{"memberIds": []string{h.ids["linus"]}}).must(http.StatusOK)
	again := h.put(string(id), map[string]any{"memberIds": []string{h.ids["vera"], h.ids["linus"]}}).must(http.StatusBadRequest)
	if again.code() != 1002 || !strings.Contains(again.body, "memberIds.0") {
		t.Errorf("a VIEWER who joins: %s", again.body)
	}
}

// TestTheListIsWhole has more groups than are read at once.
func TestTheListIsWhole(t *testing.T) {
	h := newHouse(t)
	var want []string
	for n := range 3 {
		var ops []countersign.Change
		for i := range 90 {
			name := fmt.Sprintf("Group %d-%02d", n, i)
			want = append(want, name)
			ops = append(ops, &countersign.CreateGroup{Name: name, MemberIDs: []countersign.UserID{countersign.UserID(h.ids["linus"])}})
		}
		h.submit(ops...)
		h.Pass(1e9)
	}
	a := h.get(groupsPath).must(http.StatusOK)
	var got []string
	for _, g := range read[[]group](a) {
		got = append(got, g.Name)
		if !slices.Equal(g.MemberIDs, []string{h.ids["linus"]}) {
			t.Errorf("%s has the members %v", g.Name, g.MemberIDs)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a.header.Get("Content-Length") != "" {
		t.Error("the list was made as a whole before it was sent")
	}
}

// TestOneChangeWaitsAtATime however many ask at once.
func TestOneChangeWaitsAtATime(t *testing.T) {
	h := newHouse(t)
	g := h.makes("Treasury")
	h.seal()
	requests := make([]*http.Request, 16)
	for i := range requests {
		requests[i] = h.build(request{method: "PUT", target: groupsPath + "/" + g.ID, body: fmt.Sprintf(`{"groupName":"Name %d"}`, i)})
	}
	statuses := make([]int, len(requests))
	var together sync.WaitGroup
	for i, r := range requests {
		together.Go(func() { statuses[i] = h.deliver(r).status })
	}
	together.Wait()
	slices.Sort(statuses)
	if statuses[0] != http.StatusOK || statuses[1] != http.StatusConflict || statuses[len(statuses)-1] != http.StatusConflict {
		t.Errorf("the answers are %v", statuses)
	}
}
