package engine_test

import (
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// Who looks at a successor sees what is new in it, and nothing else.
func TestASuccessorTellsWhatDiffers(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		vera := h.ID("vera")
		group := func(name string, members ...countersign.UserID) *countersign.CreateGroup {
			return &countersign.CreateGroup{Name: name, Description: "after dark", MemberIDs: members}
		}
		first := h.holds("ada", group("Night shift", vera), h.Grant("vera", countersign.AccountsRead, countersign.VaultsCreate), &countersign.ChangeRole{UserID: vera, Role: countersign.RoleTrader})
		replaced, err := h.Engine.Replace(t.Context(), h.As("ada").Actor, first.ID, []countersign.Change{
			h.Grant("vera", countersign.AccountsRead), group("Night shift", vera), &countersign.UpdateUser{UserID: vera, Name: countersign.Some("Vera R.")},
		}, noOptions)
		if err != nil {
			t.Fatal(err)
		}
		d := h.sees("grace", replaced.Change.ID).Detail.Differences
		if d == nil || d.Partial {
			t.Fatalf("differences: %+v", d)
		}
		var ops []string
		for _, o := range d.Operations {
			ops = append(ops, string(o.How)+" "+o.Kind+" "+string(o.Before["permissions"])+string(o.After["permissions"]))
		}
		wantStrings(t, "operations", ops,
			`changed user.grant ["accounts.read","vaults.create"]["accounts.read"]`, `added user.update `, `removed user.change_role `)
		var effects []string
		for _, e := range d.Effects {
			effects = append(effects, string(e.How)+" "+e.Fact)
		}
		wantStrings(t, "effects", effects,
			"changed user.permissions:"+string(vera), "added user:"+string(vera), "removed user.role:"+string(vera))
		if h.sees("grace", first.ID).Detail.Differences != nil {
			t.Error("the first request differs from something")
		}
		list, err := h.Engine.Changes(t.Context(), h.As("grace").Actor, engine.ChangeFilter{}, countersign.Page{Limit: 3})
		if err != nil || list.Items[0].Detail != nil {
			t.Errorf("a list reads the predecessors of its requests (%v)", err)
		}
	})
}

// Ids that are allotted anew are no difference.
func TestTheVerySameDiffersInNothing(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		same := []countersign.Change{
			h.Grant("vera", countersign.AccountsRead), &countersign.CreateGroup{Name: "Night shift", MemberIDs: []countersign.UserID{h.ID("vera")}},
			&countersign.InvitePerson{Name: "Somebody", Email: "some@body.example", Role: countersign.RoleViewer},
			&countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token},
		}
		first := h.holds("ada", same...)
		second, err := h.Engine.Replace(t.Context(), h.As("ada").Actor, first.ID, same, noOptions)
		if err != nil {
			t.Fatal(err)
		}
		if d := h.sees("grace", second.Change.ID).Detail.Differences; d == nil || len(d.Operations)+len(d.Effects) != 0 {
			t.Errorf("the very same differs: %+v", d)
		}
	})
}

func wantStrings(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%s are\n%q, want\n%q", what, got, want)
		}
	}
}
