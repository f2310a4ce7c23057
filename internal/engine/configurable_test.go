package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
)

// switches writes the four switches as letters: Create, Edit, Run, Instant;
// a dash is off.
func switches(c countersign.ConfigurablePermissions) string {
	text := []byte("----")
	for i, on := range []bool{c.CreateAccounts, c.EditAccounts, c.RunReports, c.InstantLogin} {
		if on {
			text[i] = "CERI"[i]
		}
	}
	return string(text)
}

// given are the ways of saying something about the switches, or nothing.
var given = map[string]countersign.Opt[map[string]bool]{
	"absent":  {},
	"null":    countersign.Null[map[string]bool](),
	"empty":   countersign.Some(map[string]bool{}),
	"partial": countersign.Some(map[string]bool{"can_edit_accounts": false, "can_run_reports": true}),
	"one off": countersign.Some(map[string]bool{"can_create_accounts": false}),
	"all off": countersign.Some(map[string]bool{"can_create_accounts": false, "can_edit_accounts": false, "can_run_reports": false, "can_instant_login": false}),
	"all on":  countersign.Some(map[string]bool{"can_create_accounts": true, "can_edit_accounts": true, "can_run_reports": true, "can_instant_login": true}),
}

// What contracts/box.md section 1.1 says: members have none; null turns all off;
// named ones are set, omitted ones are on; a new group admin has all, an old one
// keeps his unless something is said.
func TestSwitchesOfAGroupAdmin(t *testing.T) {
	const none = "----"
	said := map[string]string{"null": none, "empty": "CERI", "partial": "C-RI", "one off": "-ERI", "all off": none, "all on": "CERI"}
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for way, value := range given {
			for role, want := range map[countersign.MembershipRole]string{
				"": none, countersign.GroupMember: none, countersign.GroupAdmin: or(said[way], "CERI"),
			} {
				t.Run("added as "+string(role)+" "+way, func(t *testing.T) {
					h := h.in(t)
					made := h.applies("ada", &countersign.AddMembership{UserID: h.ID("vera"), GroupID: h.team(), Role: role, Configurable: value})
					if got := switches(h.membership(only[*countersign.AddMembership](made).MembershipID).Configurable); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				})
			}
			// An admin before has C-RI, so that keeping shows.
			for _, c := range []struct {
				was     countersign.MembershipRole
				becomes countersign.Opt[countersign.MembershipRole]
				want    string
			}{
				{countersign.GroupMember, countersign.Opt[countersign.MembershipRole]{}, none},
				{countersign.GroupMember, countersign.Some(countersign.GroupMember), none},
				{countersign.GroupMember, countersign.Some(countersign.GroupAdmin), or(said[way], "CERI")},
				{countersign.GroupAdmin, countersign.Opt[countersign.MembershipRole]{}, or(said[way], "C-RI")},
				{countersign.GroupAdmin, countersign.Some(countersign.GroupAdmin), or(said[way], "C-RI")},
				{countersign.GroupAdmin, countersign.Some(countersign.GroupMember), none},
			} {
				t.Run(strings.Join([]string{"from", string(c.was), "to", string(c.becomes.Value), way}, " "), func(t *testing.T) {
					h := h.in(t)
					add := &countersign.AddMembership{UserID: h.ID("vera"), GroupID: h.team(), Role: c.was, Configurable: given["partial"]}
					id := only[*countersign.AddMembership](h.applies("ada", add)).MembershipID
					before := h.membership(id)
					update := &countersign.UpdateMembership{MembershipID: id, Role: c.becomes, Configurable: value}
					result, err := h.asks(update, noOptions)
					after := h.membership(id)
					if got := switches(after.Configurable); got != c.want {
						t.Errorf("got %s, want %s (%v)", got, c.want, err)
					}
					// What says nothing new is refused; malformed is only what names nothing.
					if moved := before.Configurable != after.Configurable || before.Role != after.Role; moved != (err == nil) {
						t.Errorf("moved %t: %s %v", moved, result.Change.State, err)
					}
				})
			}
		}
	})
}

func or(said, otherwise string) string {
	if said == "" {
		return otherwise
	}
	return said
}

func TestTermsOfAMembership(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		group := h.Group("Desk", []countersign.Permission{countersign.TransactionsCreate})
		at := h.Clock.Now()
		made := h.applies("ada", &countersign.AddMembership{UserID: h.ID("vera"), GroupID: group, StartsAt: countersign.Some(at.Add(time.Hour)), ExpiresAt: countersign.Some(at.Add(2 * time.Hour))})
		id := only[*countersign.AddMembership](made).MembershipID
		const moment = time.Microsecond
		for _, step := range []struct {
			passes time.Duration
			want   bool
		}{{0, false}, {time.Hour - moment, false}, {moment, true}, {time.Hour - moment, true}, {moment, false}} {
			h.Clock.Pass(step.passes)
			h.MustHold("vera", countersign.TransactionsCreate, step.want)
		}
		// A null bound is none.
		h.applies("ada", &countersign.UpdateMembership{MembershipID: id, ExpiresAt: countersign.Null[time.Time]()})
		h.MustHold("vera", countersign.TransactionsCreate, true)
		h.applies("ada", &countersign.UpdateMembership{MembershipID: id, StartsAt: countersign.Null[time.Time]()})
		if m := h.membership(id); !m.StartsAt.IsZero() || !m.ExpiresAt.IsZero() {
			t.Errorf("bounds are left: %+v", m)
		}
	})
}
