package fordefi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// behaviourHouse has somebody for every row of section 1.3.
func behaviourHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.Pass(time.Minute)
	h.invite("Zoe", countersign.RoleTrader)
	h.Pass(time.Minute)
	h.invite("amy", countersign.RoleNone)
	h.submit(&countersign.CreateAPISigner{Name: "signer", ResponsiblePersonID: h.user("vera")})
	h.account("halted", countersign.RoleTrader, nil)
	h.submit(&countersign.SuspendUser{UserID: h.user("halted")})
	h.submit(&countersign.SuspendUser{UserID: h.user("linus")})
	h.submit(&countersign.DeleteUser{UserID: h.user("grace")})
	h.submit(&countersign.CreateEndUser{ExternalID: "c-1", Name: "customer"})
	h.makes("Treasury", "vera", "zoe")
	h.makes("Security", "vera")
	return h
}

// TestBehaviour is the table of section 1.3 of the contract, row by row. Everybody
// there is, by name: ada amy linus(suspended) reader signer vera writer Zoe, and
// grace deleted, halted (a suspended account, which is shown as deleted).
func TestBehaviour(t *testing.T) {
	t.Parallel()
	h := behaviourHouse(t)
	ids := func(names ...string) string {
		var pairs []string
		for _, n := range names[1:] {
			id, ok := h.ids[n]
			if !ok {
				id = n
			}
			pairs = append(pairs, names[0], id)
		}
		return query(pairs...)
	}
	for _, row := range []struct{ what, query, want string }{
		{"no order is by name, in any case, then creation", "", "ada amy linus reader signer vera writer zoe"},
		{"several keys, the first most significant", "sort_by=role_desc&sort_by=name_desc", "writer vera reader amy zoe linus ada signer"},
		{"of contradictory keys the first decides", "sort_by=name_desc&sort_by=name_asc", "zoe writer vera signer reader linus amy ada"},
		{"a key twice", "sort_by=name_desc&sort_by=name_desc", "zoe writer vera signer reader linus amy ada"},
		{"by creation, then by name", "sort_by=created_desc&types=person", "amy zoe ada linus vera"},
		{"no email comes last", "sort_by=email_asc", "ada amy linus vera zoe reader signer writer"},
		{"no email comes last, also descending", "sort_by=email_desc", "zoe vera linus amy ada reader signer writer"},
		{"no role comes last", "sort_by=role_asc&sort_by=name_asc", "ada linus zoe amy reader vera writer signer"},
		{"by state as shown", "sort_by=state_desc&sort_by=name_asc", "linus amy signer zoe ada reader vera writer"},
		{"by type", "sort_by=type_desc&sort_by=name_asc", "ada amy linus vera zoe reader writer signer"},
		{"nobody has a keep-alive: all last, by name", "sort_by=last_keep_alive_desc", "ada amy linus reader signer vera writer zoe"},
		{"a page", "page=2&size=3", "reader signer vera"},
		{"a page past the end", "page=99", ""},
		{"no rows", "size=0", ""},
		{"the total need not be counted, and is right", "skip_count=true&size=2", "ada amy"},
		{"values of one filter are alternatives", "types=person&types=api_signer", "ada amy linus signer vera zoe"},
		{"different filters must all hold", "types=person&roles=viewer", "amy vera"},
		{"no role is shown as viewer", "roles=viewer", "amy reader vera writer"},
		{"a role that nobody has", "roles=admin&types=api_user", ""},
		{"deleted users come when asked for", "include_deleted=true", "ada amy grace halted linus reader signer vera writer zoe"},
		{"also through states", "states=deleted", "grace halted"},
		{"a suspended person has to reset his device", "states=reset_device_pending_code_generation", "linus"},
		{"the seed's word stands for both", "states=onboarding", "amy signer zoe"},
		{"states as they are", "states=active&states=onboarding_pending_code_generation", "ada amy reader signer vera writer zoe"},
		{"an id of a deleted user alone", ids("user_ids", "grace", "ada"), "ada"},
		{"with the flag", ids("user_ids", "grace", "ada") + "&include_deleted=1", "ada grace"},
		{"ids to be left out", ids("exclude_user_ids", "ada", "vera", "amy"), "linus reader signer writer zoe"},
		{"names are whole, in any case", "names=ZOE&names=ad", "zoe"},
		{"an empty name is nobody's", "names=", ""},
		{"emails", query("emails", "Vera@Example.org", "emails", "ada@example.org"), "ada vera"},
		{"external ids are of end users, who are not listed", "external_ids=c-1", ""},
		{"groups", ids("group_ids", "treasury", "security"), "vera zoe"},
		{"groups to be left out", ids("group_ids__not", "security"), "ada amy linus reader signer writer zoe"},
		{"states of memberships without groups", "states_on_groups=pending_removal", "ada amy linus reader signer vera writer zoe"},
		{"unknown ids match nothing", ids("user_ids", stranger), ""},
		{"unknown groups match nothing", ids("group_ids", stranger), ""},
		{"unknown groups exclude nobody", ids("group_ids__not", stranger), "ada amy linus reader signer vera writer zoe"},
		{"a system user is none of ours", "types=system", ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			a := h.get(users + "?" + row.query)
			if got := a.names("users"); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
			shown := len(strings.Fields(row.want))
			paged := strings.Contains(row.query, "page=") || strings.Contains(row.query, "size=")
			if total := a.total(); (!paged && total != shown) || (paged && total != 8) {
				t.Errorf("total %d of %d shown", total, shown)
			}
		})
	}
	for q, kind := range map[string]string{"page=0": "greater_than_equal", "page=-1": "greater_than_equal", "size=401": "less_than_equal", "size=-1": "greater_than_equal"} {
		if got := h.get(users + "?" + q).faults(); len(got) != 1 || !strings.HasSuffix(got[0], kind) {
			t.Errorf("%s: %v", q, got)
		}
	}
	for name := range h.ids {
		if u := h.send(request{path: users + "/" + h.ids[name], token: h.tokens["reader"]}); name != "treasury" && name != "security" && u.status != http.StatusOK {
			t.Errorf("%s: %d", name, u.status)
		}
	}
}

// TestEveryPageOfEveryOrderIsPartOfTheWhole: nobody is missing, nobody comes twice.
func TestEveryPageOfEveryOrderIsPartOfTheWhole(t *testing.T) {
	t.Parallel()
	h := behaviourHouse(t)
	for _, order := range []string{"", "sort_by=role_desc", "sort_by=state_asc&sort_by=type_desc", "sort_by=last_keep_alive_asc&sort_by=created_desc"} {
		whole := strings.Fields(h.listed(order + "&include_deleted=true"))
		var pages []string
		for page := range 10 {
			pages = append(pages, strings.Fields(h.listed(order+"&include_deleted=true&size=3&page="+string(rune('1'+page%9))))...)
			if len(pages) >= len(whole) {
				break
			}
		}
		if !slices.Equal(whole, pages) || len(whole) != 10 {
			t.Errorf("%s: %v, want %v", order, pages, whole)
		}
	}
}

// TestTheSeedProfile words states and fields as the seed does, for who asks so.
func TestTheSeedProfile(t *testing.T) {
	t.Parallel()
	h := behaviourHouse(t)
	for _, row := range []struct{ query, want string }{
		{"states=onboarding", "amy linus signer zoe"},
		{"states=active", "ada reader vera writer"},
		{"sort_by=state_desc&sort_by=name_asc", "amy linus signer zoe ada reader vera writer"},
		{"states=reset_device_pending_code_generation", "amy linus signer zoe"}, // who stand under the one word
		{"states=onboarding_pending_activation", "amy linus signer zoe"},
	} {
		if got := h.listed(row.query, asSeed); got != row.want {
			t.Errorf("%s: %s, want %s", row.query, got, row.want)
		}
	}
	for name, state := range map[string]string{"linus": "onboarding", "zoe": "onboarding", "ada": "active", "grace": "deleted", "halted": "deleted"} {
		if u := h.one(name, asSeed); u["state"] != state {
			t.Errorf("%s is %v", name, u["state"])
		}
	}
	old, fresh := h.one("linus", asSeed), h.one("linus")
	for _, field := range []string{"welcome_message_acknowledged_at", "is_new_device_provisioning"} {
		if old[field] == nil || fresh[field] != nil {
			t.Errorf("%s: %v in the seed, %v today", field, old[field], fresh[field])
		}
	}
	for _, field := range []string{"acknowledged_banners", "invited_by"} {
		if old[field] != nil || fresh[field] == nil {
			t.Errorf("%s: %v in the seed, %v today", field, old[field], fresh[field])
		}
	}
	if u := h.one("reader", asSeed); u["allowed_ip_settings"] != nil {
		t.Errorf("%v", u)
	}
	if got := h.get(users, "Countersign-Fordefi-Profile: 1999").faults(); !slices.Equal(got, []string{`["header","countersign-fordefi-profile"] enum`}) {
		t.Errorf("%v", got)
	}
	h.serve(seedByDefault)
	if u := h.one("zoe"); u["state"] != "onboarding" {
		t.Errorf("by configuration: %v", u)
	}
	if u := h.one("zoe", asNewest); u["state"] != "onboarding_pending_code_generation" {
		t.Errorf("newest by request: %v", u)
	}
}
