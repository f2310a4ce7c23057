package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/scenario"
)

// A batch of an import that would give somebody both sides is refused whole, with
// the line of its row.
func TestAnImportGivesNobodyBothSides(t *testing.T) {
	addressed := func(permissions ...countersign.Permission) *countersign.ImportRows {
		r := people("a@new.example", "b@new.example")
		r.Users[1].Permissions = permissions
		return r
	}
	for name, c := range map[string]struct {
		rows *countersign.ImportRows
		line string
	}{
		"a person with both":     {addressed(paysIn, paysOut), "3"},
		"a member of the others": {pairsOf("Idle: vera@<house>", "payers: vera@<house>"), "2"},
		"a member of both":       {pairsOf("makers: grace@<house>", "payers: grace@<house>"), "2"},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				w := newTeller(h)
				w.applies("ada", w.grants(w.vera, paysIn))
				for i := range c.rows.Memberships {
					row := &c.rows.Memberships[i]
					for _, who := range []string{"vera", "grace"} {
						if row.User == who+"@<house>" {
							row.User = h.user(h.ID(who)).Email
						}
					}
				}
				w.apart()
				m := w.opened(importing(c.rows))
				before := w.head().Size
				_, err := w.take("ada", m, 0)
				w.conflicts(err, "")
				var own *countersign.Error
				if !errors.As(err, &own) || own.Detail["line"] != c.line {
					t.Errorf("it names line %q, want %s", own.Detail["line"], c.line)
				}
				if w.head().Size != before {
					t.Error("a refused batch moved the log")
				}
			})
		})
	}
}

// The report lists who holds two sides, by exclusion and id, page by page to its
// end; the linter counts them.
func TestPresentViolationsAreReported(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		w := newTeller(h)
		later := countersign.Some(w.Clock.Now().Add(time.Hour))
		nia := only[*countersign.InvitePerson](w.applies("ada", &countersign.InvitePerson{
			Name: "Nia", Email: "nia@house.example", Role: countersign.RoleViewer, GroupIDs: []countersign.GroupID{w.makers, w.payers},
		})).UserID
		w.applies("ada", w.grants(w.vera, paysIn, paysOut), w.grants(w.ID("grace"), paysIn), w.grants(w.ID("linus"), paysIn), w.grants(w.ID("edsger"), paysIn))
		w.applies("ada",
			&countersign.AddMembership{UserID: w.ID("grace"), GroupID: w.payers, StartsAt: later},
			&countersign.AddMembership{UserID: w.ID("linus"), GroupID: w.payers, ExpiresAt: later},
			&countersign.SuspendUser{UserID: w.vera})
		policy := w.apartPolicy()
		policy.Exclusions = append(policy.Exclusions, countersign.Exclusion{ID: "nobody", Sides: [][]countersign.Permission{{countersign.AuditExport}, {paysOut}}},
			countersign.Exclusion{ID: "again", Sides: [][]countersign.Permission{{countersign.AuditExport}, {paysOut}, {paysIn}}})
		if found, err := w.Engine.PolicyLint(t.Context(), w.As("ada").Actor, policy); err != nil || len(found) != 2 ||
			found[0].Severity != "warning" || found[0].Field != "policy.exclusions.0" || found[1].Field != "policy.exclusions.2" {
			t.Errorf("the linter says %+v (%v)", found, err)
		}
		w.applies("ada", &countersign.SealOrganization{Policy: &policy})
		w.mustHoldBy("ada", &countersign.UpdateMembership{MembershipID: w.memberOf("linus"), ExpiresAt: countersign.Null[time.Time]()})
		ids := func(who ...countersign.UserID) []string {
			slices.Sort(who)
			var out []string
			for _, exclusion := range []string{"payouts", "again"} {
				for _, id := range who {
					out = append(out, exclusion+" "+string(id))
				}
			}
			return out
		}
		want := ids(nia, w.vera, w.ID("grace"), w.ID("linus"))
		if got := w.violations("ada", 3); !slices.Equal(got, want) {
			t.Errorf("reported are %v\nwant %v", got, want)
		}
		w.Clock.Pass(time.Hour) // what open requests would add does not count here
		if got := w.violations("ada", 1); !slices.Equal(got, ids(nia, w.vera, w.ID("grace"))) {
			t.Errorf("an hour later they are %v", got)
		}
		list, err := w.Engine.PolicyViolations(t.Context(), w.As("ada").Actor, countersign.Page{Limit: 10})
		last := list.Items[len(list.Items)-1]
		if err != nil || fmt.Sprint(last.Sides) != fmt.Sprint([][]countersign.Permission{{}, {paysOut}, {paysIn}}) {
			t.Errorf("%+v, %v", last, err)
		}
		_, err = w.Engine.PolicyViolations(t.Context(), w.As("ada").Actor, countersign.Page{Limit: 1, After: "nowhere/" + string(w.vera)})
		refused(t, err, "invalid", "cursor")
		w.agreed("grace", "edsger", &countersign.ChangeRole{UserID: h.ID("bot"), Role: countersign.RoleNone}, &countersign.SetPermissions{UserID: h.ID("bot"), Permissions: []countersign.Permission{countersign.PoliciesRead}})
		_, err = w.Engine.PolicyViolations(t.Context(), w.As("bot").Actor, countersign.Page{Limit: 1})
		if scenario.CodeOf(err) != "permission_missing" {
			t.Errorf("who reads policies and not users: %v", err)
		}
	})
}

func (w *teller) memberOf(who string) countersign.MembershipID {
	w.t.Helper()
	u, _, err := w.Engine.User(w.t.Context(), w.As("ada").Actor, w.ID(who))
	if err != nil || len(u.Groups) != 1 {
		w.t.Fatalf("%+v, %v", u.Groups, err)
	}
	return u.Groups[0].MembershipID
}

// violations pages the report to its end.
func (w *teller) violations(who string, limit int) (out []string) {
	w.t.Helper()
	page := countersign.Page{Limit: limit}
	for {
		list, err := w.Engine.PolicyViolations(w.t.Context(), w.As(who).Actor, page)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(out) > 100 {
			w.t.Fatal("the report has no end")
		}
		for _, v := range list.Items {
			out = append(out, v.Exclusion+" "+string(v.User))
		}
		if !list.More {
			if list.Total != len(out) {
				w.t.Errorf("%d rows, a total of %d", len(out), list.Total)
			}
			return out
		}
		last := list.Items[len(list.Items)-1]
		page.After = last.Place()
	}
}
