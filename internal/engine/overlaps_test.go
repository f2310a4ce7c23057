package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// sees reads a request with all that is told of it.
func (h *house) sees(who string, id countersign.ChangeID) engine.ChangeView {
	h.t.Helper()
	v, err := h.Engine.ChangeInDetail(h.t.Context(), h.As(who).Actor, id)
	if err != nil {
		h.t.Fatalf("%s reads change %s: %v", who, id, err)
	}
	return v
}

// holds asks for what must wait.
func (h *house) holds(who string, ops ...countersign.Change) countersign.ChangeRequest {
	h.t.Helper()
	result, err := h.submit(who, noOptions, ops...)
	if err != nil || !result.Change.State.Open() {
		h.t.Fatalf("%s is %s (%v), and should wait", kindsOf(ops), result.Change.State, err)
	}
	return result.Change
}

// meeting are requests that do or do not meet each other.
func meeting(vera, bot countersign.UserID, group, other countersign.GroupID) map[string]countersign.Change {
	return map[string]countersign.Change{
		"add vera":             &countersign.AddMembership{UserID: vera, GroupID: group},
		"add bot":              &countersign.AddMembership{UserID: bot, GroupID: group},
		"add vera elsewhere":   &countersign.AddMembership{UserID: vera, GroupID: other},
		"replace the members":  &countersign.ReplaceMembers{GroupID: group, MemberIDs: []countersign.UserID{bot}},
		"rename the group":     &countersign.UpdateGroup{GroupID: group, Name: countersign.Some("renamed " + string(group))},
		"what the group gives": &countersign.UpdateGroup{GroupID: group, Permissions: countersign.Some([]countersign.Permission{countersign.AccountsRead})},
		"delete the group":     &countersign.DeleteGroup{GroupID: group},
		"vera's role":          &countersign.ChangeRole{UserID: vera, Role: countersign.RoleTrader},
		"vera's role, other":   &countersign.ChangeRole{UserID: vera, Role: countersign.RoleNone},
		"vera's permissions":   &countersign.GrantPermissions{UserID: vera, Permissions: []countersign.Permission{countersign.AccountsRead}},
		"vera's name":          &countersign.UpdateUser{UserID: vera, Name: countersign.Some("Vera R.")},
		"suspend bot":          &countersign.SuspendUser{UserID: bot},
		"delete bot":           &countersign.DeleteUser{UserID: bot},
	}
}

// What overlaps say is what happens: of any two requests, one is stale after the
// other exactly where that was told.
func TestOverlapsTellWhichRequestEndsWhich(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		// Each pair has a group and users of its own, so that only they meet.
		var names []string
		for name := range meeting("", "", "", "") {
			names = append(names, name)
		}
		slices.Sort(names)
		met := 0
		for i, one := range names {
			for _, other := range names[i+1:] {
				if h.endsAsTold(t, one, other) {
					met++
				}
			}
		}
		if pairs := len(names) * (len(names) - 1) / 2; met < 10 || met > pairs-10 {
			t.Errorf("%d of %d pairs meet; the table tells little", met, pairs)
		}
	})
}

// endsAsTold asks for two things, in both orders, and applies the first.
func (h *house) endsAsTold(t *testing.T, one, other string) bool {
	t.Helper()
	met := false
	for _, pair := range [][2]string{{one, other}, {other, one}} {
		group, elsewhere := h.team(h.ID("ada")), h.team()
		ops := meeting(h.person(countersign.RoleViewer), h.account(), group, elsewhere)
		first := h.holds("linus", ops[pair[0]])
		second := h.holds("linus", ops[pair[1]])
		var told engine.Overlap
		for _, o := range h.sees("grace", first.ID).Overlaps {
			if o.Change == second.ID {
				told = o
			}
		}
		mirrored := slices.ContainsFunc(h.sees("grace", second.ID).Overlaps, func(o engine.Overlap) bool {
			return o.Change == first.ID && o.EndsThis == told.EndsOther && o.EndsOther == told.EndsThis
		})
		if mirrored != (told.Change != "") || told.Change != "" && !told.EndsOther && !told.EndsThis {
			t.Errorf("%s and %s are told differently from the two sides: %+v", pair[0], pair[1], told)
		}
		met = met || told.Change != ""
		h.votes("grace", first, countersign.Approve)
		left := h.sees("grace", second.ID)
		if stale := left.State == countersign.ChangeStale; stale != told.EndsOther {
			t.Errorf("%s: %s is stale: %v; told beforehand: %v", pair[0], pair[1], stale, told.EndsOther)
		}
		if left.State.Open() {
			h.votes("grace", second, countersign.Deny)
		}
	}
	return met
}

func TestOverlapRejectIsA409AndStoresNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		alone := engine.Options{RefuseOverlap: true}
		role := func(r countersign.Role) countersign.Change {
			return &countersign.ChangeRole{UserID: h.ID("vera"), Role: r}
		}
		first, err := h.submit("ada", alone, role(countersign.RoleTrader))
		if err != nil {
			t.Fatalf("with nothing open: %v", err)
		}
		before := h.head()
		_, err = h.submit("linus", alone, role(countersign.RoleNone))
		refused(t, err, "change_overlaps", "")
		if own, _ := err.(*countersign.Error); own == nil || own.Kind != countersign.Stale || own.Detail["change_id"] != string(first.Change.ID) { //nolint:errorlint // ours, not wrapped
			t.Errorf("the refusal names another request: %v", err)
		}
		// Who may not see the other request learns no more than that there is one.
		_, err = h.submit("bot", alone, role(countersign.RoleNone))
		refused(t, err, "change_overlaps", "")
		if after := h.head(); after.Size != before.Size {
			t.Errorf("the log moved from %d to %d", before.Size, after.Size)
		}
		dry, err := h.submit("linus", engine.Options{DryRun: true}, role(countersign.RoleNone))
		if err != nil || len(dry.Preview.Overlaps) != 1 || dry.Preview.Overlaps[0].Change != first.Change.ID {
			t.Errorf("a dry run tells of no overlap: %v", err)
		}
		// A successor does not meet what it replaces.
		if _, err := h.Engine.Replace(t.Context(), h.As("ada").Actor, first.Change.ID, []countersign.Change{role(countersign.RoleNone)}, alone); err != nil {
			t.Errorf("a successor is refused for its predecessor: %v", err)
		}
		if _, err := h.submit("linus", noOptions, role(countersign.RoleTrader)); err != nil {
			t.Errorf("nobody asked to be refused: %v", err)
		}
	})
}

// What is applied at once ends others just the same, and can be refused for that.
func TestAChangeAtOnceCanBeRefusedForWhatItWouldEnd(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		customer := h.endUser()
		h.Seal()
		waits, err := h.submit("ada", noOptions, &countersign.DeleteUser{UserID: customer}, h.Grant("vera", countersign.AccountsRead))
		if err != nil || !waits.Change.State.Open() {
			t.Fatalf("%s (%v)", waits.Change.State, err)
		}
		_, err = h.submit("linus", engine.Options{RefuseOverlap: true}, &countersign.DeleteUser{UserID: customer})
		refused(t, err, "change_overlaps", "")
		h.applies("linus", &countersign.DeleteUser{UserID: customer})
		if state := h.sees("ada", waits.Change.ID).State; state != countersign.ChangeStale {
			t.Errorf("the request that waited is %s", state)
		}
	})
}

// Names of requests one may not see are not among the overlaps.
func TestOverlapsShowOnlyWhatTheReaderMaySee(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		name := func(s string) countersign.Change {
			return &countersign.UpdateUser{UserID: h.ID("vera"), Name: countersign.Some(s)}
		}
		hidden := h.holds("ada", name("one"))
		own, err := h.submit("bot", noOptions, name("two"))
		if err != nil {
			t.Fatal(err)
		}
		if got := h.sees("grace", own.Change.ID).Overlaps; len(got) != 1 || got[0].Change != hidden.ID || !slices.Contains(got[0].Facts, countersign.UserFact(h.ID("vera"))) {
			t.Errorf("grace is told of %+v", got)
		}
		list, err := h.Engine.Changes(t.Context(), h.As("grace").Actor, engine.ChangeFilter{}, countersign.Page{Limit: 10})
		if err != nil || len(list.Items) < 2 || len(list.Items[0].Overlaps) != 1 || list.Items[0].Detail != nil {
			t.Errorf("the list: %v (%v)", fmt.Sprint(list.Items), err)
		}
	})
}
