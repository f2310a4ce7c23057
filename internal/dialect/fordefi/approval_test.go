package fordefi_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// object is a member of an object that is one itself.
func object(o map[string]any, name string) map[string]any {
	inner, _ := o[name].(map[string]any)
	return inner
}

// ids are those of a list of objects, sorted.
func ids(rows []map[string]any) []string {
	out := []string{}
	for _, row := range rows {
		out = append(out, text(row, "id"))
	}
	slices.Sort(out)
	return out
}

func (h *house) idsOf(names ...string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, h.ids[n])
	}
	slices.Sort(out)
	return out
}

// approvers are who is asked about an invitation, with what each has said, by the
// first word of his name.
func approvers(u map[string]any) map[string]string {
	out := map[string]string{}
	for _, group := range list(object(u, "approval_request"), "approval_groups") {
		for _, a := range list(group, "approvers") {
			out[(*house)(nil).key(text(object(a, "user"), "name"))] = text(a, "state")
		}
	}
	return out
}

// TestAnInvitationIsShownWhileItWaits, with who asked and who is asked, of whom the
// requester is none; what is approved is onboarding, what is denied never was.
func TestAnInvitationIsShownWhileItWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Treasury")
	h.seal()
	invited := h.invite("Zoe Zander", countersign.RoleTrader, "treasury").Change
	denied := h.invite("Dan Denied", countersign.RoleViewer).Change
	if got := h.listed("states=pending_approval"); got != "dan zoe" {
		t.Fatalf("pending: %s", got)
	}
	zoe := h.one("zoe")
	if zoe["state"] != "pending_approval" || object(zoe, "invited_by")["id"] != h.ids["ada"] || len(list(zoe, "user_groups")) != 0 ||
		!slices.Equal(ids(list(zoe, "pending_addition_to_user_groups")), h.idsOf("treasury")) || zoe["pending_change"] != nil {
		t.Errorf("%v", zoe)
	}
	request := object(zoe, "approval_request")
	group := list(request, "approval_groups")[0]
	if request["state"] != "created" || request["required_groups"] != 1.0 || group["quorum_size"] != 1.0 {
		t.Errorf("%v", request)
	}
	if got := approvers(zoe); len(got) != 2 || got["grace"] != "pending" || got["linus"] != "pending" {
		t.Errorf("approvers: %v", got)
	}
	if got := h.listed(query("group_ids", h.ids["treasury"])); got != "zoe" {
		t.Errorf("in the group to be: %s", got)
	}
	treasury := h.oneGroup("treasury")
	if added := list(object(treasury, "proposed_change"), "added_users"); treasury["users_count"] != 0.0 || len(added) != 1 || added[0]["state"] != "pending_approval" {
		t.Errorf("%v", treasury)
	}

	h.decide("grace", denied.ID, "deny")
	h.get(users + "/" + h.ids["dan"]).must(http.StatusNotFound)
	h.decide("linus", invited.ID, "approve")
	zoe = h.one("zoe")
	if zoe["state"] != "onboarding_pending_code_generation" || zoe["approval_request"] != nil || len(list(zoe, "user_groups")) != 1 {
		t.Errorf("after approval: %v", zoe)
	}
	if got := h.listed("include_deleted=true&states=pending_approval&states=deleted"); got != "" {
		t.Errorf("left over: %s", got)
	}
}

// TestWhoIsAskedAndWhatHeSaid: votes show, and who is no longer an admin counts no
// more; with too few left the request says so.
func TestWhoIsAskedAndWhatHeSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("tom", countersign.RoleAdmin)
	h.enrol("eve", countersign.RoleAdmin)
	policy := countersign.TwoPersonPolicy()
	three := policy.Default
	three.Clauses = []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: 3}}
	policy.Rules = append(policy.Rules, countersign.Rule{ID: "invitations-need-three", Changes: []string{"user.invite"}, Requirement: three})
	h.submit(&countersign.SealOrganization{Policy: &policy})
	invited := h.invite("Zoe Zander", countersign.RoleTrader).Change
	h.Pass(time.Minute)
	h.decide("grace", invited.ID, "approve")
	h.decide("linus", invited.ID, "approve")
	zoe := h.one("zoe")
	want := map[string]string{"grace": "approved", "linus": "approved", "tom": "pending", "eve": "pending"}
	if got := approvers(zoe); !maps.Equal(got, want) {
		t.Errorf("approvers: %v", got)
	}
	group := list(object(zoe, "approval_request"), "approval_groups")[0]
	for _, a := range list(group, "approvers") {
		asked := text(a, "modified_at") == "2026-03-01T09:00:00Z"
		if voted := text(a, "state") == "approved"; voted == asked || group["quorum_size"] != 3.0 {
			t.Errorf("%v", a)
		}
	}
	h.decide("grace", h.submit(&countersign.ChangeRole{UserID: h.user("linus"), Role: countersign.RoleViewer}).Change.ID, "approve")
	want["linus"] = "unauthorized"
	if zoe = h.one("zoe"); !maps.Equal(approvers(zoe), want) || object(zoe, "approval_request")["state"] != "created" {
		t.Errorf("linus counts no more: %v", object(zoe, "approval_request"))
	}
	// Somebody takes tom's place, or nobody could invite any more; she came too
	// late for this request.
	h.decide("grace", h.submit(&countersign.ChangeRole{UserID: h.user("vera"), Role: countersign.RoleAdmin}).Change.ID, "approve")
	h.decide("grace", h.submit(&countersign.ChangeRole{UserID: h.user("tom"), Role: countersign.RoleViewer}).Change.ID, "approve")
	if zoe = h.one("zoe"); object(zoe, "approval_request")["state"] != "insufficient_approvers" {
		t.Errorf("too few are left: %v", object(zoe, "approval_request"))
	}
}

// TestAPendingRoleIsAPendingChange, as far as the published document has a word.
func TestAPendingRoleIsAPendingChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("tom", countersign.RoleTrader)
	h.enrol("eve", countersign.RoleAdmin) // one to spare
	h.seal()
	up := h.submit(&countersign.ChangeRole{UserID: h.user("tom"), Role: countersign.RoleAdmin}).Change
	down := h.submit(&countersign.ChangeRole{UserID: h.user("linus"), Role: countersign.RoleViewer}).Change
	h.submit(&countersign.DeleteUser{UserID: h.user("tom")})
	tom, linus := h.one("tom"), h.one("linus")
	if change := object(tom, "pending_change"); tom["role"] != "trader" || change["new_role"] != "admin" || change["change_request_id"] != string(up.ID) {
		t.Errorf("%v", tom)
	}
	if linus["role"] != "admin" || linus["pending_change"] != nil {
		t.Errorf("there is no word for this: %v", linus)
	}
	h.decide("grace", up.ID, "approve")
	h.decide("grace", down.ID, "approve")
	if tom = h.one("tom"); tom["role"] != "admin" || tom["pending_change"] != nil {
		t.Errorf("after approval: %v", tom)
	}
	if linus = h.one("linus"); linus["role"] != "viewer" {
		t.Errorf("after approval: %v", linus)
	}
}

// TestWhatHasNoPendingStateIsNotShownBeforeItIsThere: accounts, signers, groups and
// end users, and memberships in such groups.
func TestWhatHasNoPendingStateIsNotShownBeforeItIsThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Treasury")
	policy := countersign.TwoPersonPolicy()
	policy.Rules = slices.DeleteFunc(policy.Rules, func(r countersign.Rule) bool { return r.ID == "end-users-are-free" })
	h.submit(&countersign.SealOrganization{Policy: &policy})
	account := h.submit(&countersign.CreateAPIUser{
		Name: "bot", Role: countersign.RoleTrader, ResponsiblePersonID: h.user("vera"), GroupIDs: []countersign.GroupID{h.group("treasury")},
	}).Change
	bot := account.Operations[0].(*countersign.CreateAPIUser).UserID
	h.submit(&countersign.CreateAPISigner{Name: "signer", ResponsiblePersonID: h.user("vera")})
	group := h.submit(&countersign.CreateGroup{Name: "Secret", MemberIDs: []countersign.UserID{h.user("grace")}}).Change
	secret := group.Operations[0].(*countersign.CreateGroup).GroupID
	customer := h.submit(&countersign.CreateEndUser{ExternalID: "c-1"}).Change.Operations[0].(*countersign.CreateEndUser).UserID
	if got := h.listed("include_deleted=true"); got != "ada grace linus reader vera writer" {
		t.Errorf("users: %s", got)
	}
	if a := h.get(groups); a.names("user_groups") != "treasury" || a.total() != 1 {
		t.Errorf("groups: %s", a.body)
	}
	if a := h.get(endUsers + "?include_count=true"); a.total() != 0 || len(list(a.object(), "end_users")) != 0 {
		t.Errorf("end users: %s", a.body)
	}
	for _, path := range []string{
		users + "/" + string(bot), groups + "/" + string(secret), endUsers + "/" + string(customer), groups + "/" + string(bot),
	} {
		h.get(path).must(http.StatusNotFound)
	}
	if got := h.listed(query("group_ids", string(secret))); got != "" {
		t.Errorf("through the group to be: %s", got)
	}
	if grace := h.one("grace"); grace["pending_addition_to_user_groups"] != nil {
		t.Errorf("%v", grace)
	}
	// That something is proposed shows, but not who: he is not there yet.
	if p := object(h.oneGroup("treasury"), "proposed_change"); p["id"] != string(account.ID) || len(list(p, "added_users")) != 0 {
		t.Errorf("%v", p)
	}
	h.decide("grace", account.ID, "approve")
	h.decide("linus", group.ID, "approve")
	if a := h.get(groups); a.names("user_groups") != "secret treasury" {
		t.Errorf("groups: %s", a.body)
	}
	if u := h.get(users + "/" + string(bot)).must(http.StatusOK).object(); u["state"] != "active" || !slices.Equal(ids(list(u, "user_groups")), h.idsOf("treasury")) {
		t.Errorf("%v", u)
	}
}

// TestOpenRequestsOnAGroupAreOneProposal: the oldest gives id and creator, the users
// are the union, the oldest new name wins.
func TestOpenRequestsOnAGroupAreOneProposal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.makes("Treasury", "linus", "vera")
	h.seal()
	name := func(s string) countersign.Opt[string] { return countersign.Opt[string]{Set: true, Value: s} }
	oldest := h.submit(&countersign.UpdateGroup{GroupID: h.group("treasury"), Description: name("payouts")}).Change
	h.Pass(time.Second)
	first := h.submit(&countersign.UpdateGroup{GroupID: h.group("treasury"), Name: name("Cash")}).Change
	h.Pass(time.Second)
	h.submit(&countersign.UpdateGroup{GroupID: h.group("treasury"), Name: name("Money")})
	h.submit(&countersign.AddMembership{UserID: h.user("grace"), GroupID: h.group("treasury")})
	replaced := h.submit(&countersign.ReplaceMembers{GroupID: h.group("treasury"), MemberIDs: []countersign.UserID{h.user("linus"), h.user("reader"), h.user("grace")}}).Change
	g := h.oneGroup("treasury")
	p := object(g, "proposed_change")
	if g["name"] != "Treasury" || p["id"] != string(oldest.ID) || p["new_name"] != "Cash" || object(p, "created_by")["id"] != h.ids["ada"] ||
		p["created_at"] != "2026-03-01T09:00:00Z" {
		t.Errorf("%v", g)
	}
	if got := ids(list(p, "added_users")); !slices.Equal(got, h.idsOf("grace", "reader")) {
		t.Errorf("added: %v", got)
	}
	if got := ids(list(p, "removed_users")); !slices.Equal(got, h.idsOf("vera")) {
		t.Errorf("removed: %v", got)
	}
	h.decide("grace", replaced.ID, "deny")
	h.decide("grace", oldest.ID, "deny")
	p = object(h.oneGroup("treasury"), "proposed_change")
	if p["id"] != string(first.ID) || p["removed_users"] != nil || !slices.Equal(ids(list(p, "added_users")), h.idsOf("grace")) {
		t.Errorf("what is left: %v", p)
	}
	h.Pass(8 * 24 * time.Hour)
	if p := h.oneGroup("treasury")["proposed_change"]; p != nil {
		t.Errorf("expired, and still shown: %v", p)
	}
}

// TestADeviceResetShowsWhoAskedForIt until the person has enrolled anew.
func TestADeviceResetShowsWhoAskedForIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.enrol("tom", countersign.RoleViewer)
	h.submit(&countersign.ResetDevice{UserID: h.user("tom")})
	if v := h.one("tom"); v["state"] != "reset_device_pending_code_generation" || object(v, "device_reset_by")["id"] != h.ids["ada"] {
		t.Errorf("%v", v)
	}
	h.submit(&countersign.MakeOnboardingCode{UserID: h.user("tom")})
	if v := h.one("tom"); v["state"] != "reset_device_pending_activation" || object(v, "device_reset_by")["id"] != h.ids["ada"] {
		t.Errorf("%v", v)
	}
	if got := h.listed("states=reset_device_pending_activation"); got != "tom" {
		t.Errorf("listed: %s", got)
	}
	if g := h.one("grace"); g["device_reset_by"] != nil {
		t.Errorf("%v", g)
	}
}
