package replay_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/testdb"
)

// The stories below try to get a request through that must not get through, and
// ask nobody how it went: the replay alone has to notice if one does. Each is a
// rule that scripts/mutants takes out of the engine to see.
func TestTheReplayNotices(t *testing.T) {
	admins := func(need int) countersign.Requirement {
		return countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: need}}}
	}
	agree := func(w *scenario.World, op countersign.Change, names ...string) {
		request := w.As("ada").Asks(op)
		for _, name := range names {
			w.As(name).Approves(request)
		}
	}
	for rule, story := range map[string]func(w *scenario.World, policy func(countersign.Policy)){
		"a vote of somebody demoted since": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.Policy{Name: "p", Default: admins(1), Rules: []countersign.Rule{{ID: "two", Changes: []string{"group.*"}, Requirement: admins(2)}}})
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
			w.As("edsger").Approves(request)
			agree(w, &countersign.ChangeRole{UserID: w.ID("edsger"), Role: countersign.RoleViewer}, "linus")
			w.As("grace").Approves(request)
		},
		"a vote of somebody appointed since": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
			agree(w, &countersign.ChangeRole{UserID: w.ID("vera"), Role: countersign.RoleAdmin}, "linus")
			w.As("vera").Approves(request)
		},
		"one of two rules that match": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.Policy{Name: "p", Default: admins(1), Rules: []countersign.Rule{
				{ID: "one", Changes: []string{"group.create"}, Requirement: admins(1)}, {ID: "two", Changes: []string{"*"}, Requirement: admins(2)},
			}})
			agree(w, &countersign.CreateGroup{Name: "Desk"}, "grace")
		},
		"a denial that was not the last word": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
			w.As("grace").Denies(request)
			w.As("linus").Approves(request)
		},
		"a vote of who asked before": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			first := w.As("bot").Asks(&countersign.CreateGroup{Name: "Desk"})
			second := w.As("vera").Replaces(first, &countersign.CreateGroup{Name: "Desk 2"})
			w.As("ada").Approves(second)
		},
		"more attempts than are told": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			for range 2 * engine.MaxAttempts {
				w.As("vera").Asks(w.Grant("vera", countersign.AuditRead))
			}
			w.Clock.Pass(engine.AttemptWindow)
			w.As("vera").Asks(w.Grant("vera", countersign.AuditRead))
		},
		"a vote after the expiry": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
			w.Clock.Pass(countersign.DefaultRequestLife)
			w.As("grace").Approves(request)
		},
		"a clock that goes back": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
			w.Clock.Pass(-time.Hour)
			w.As("grace").Approves(request)
		},
		"a half for who is to get the other": func(w *scenario.World, policy func(countersign.Policy)) {
			p := countersign.TwoPersonPolicy()
			p.Exclusions = []countersign.Exclusion{{ID: "x", Sides: [][]countersign.Permission{{countersign.AuditExport}, {countersign.AuditRead}}}}
			policy(p)
			w.As("ada").Asks(w.Grant("vera", countersign.AuditExport))
			agree(w, w.Grant("vera", countersign.AuditRead), "grace")
		},
		"a group that gives its members the other half": func(w *scenario.World, policy func(countersign.Policy)) {
			team := w.Group("Auditors", nil, "vera")
			w.As("ada").Asks(w.Grant("vera", countersign.AuditExport))
			p := countersign.TwoPersonPolicy()
			p.Exclusions = []countersign.Exclusion{{ID: "x", Sides: [][]countersign.Permission{{countersign.AuditExport}, {countersign.AuditRead}}}}
			policy(p)
			agree(w, &countersign.UpdateGroup{GroupID: team, Permissions: countersign.Some([]countersign.Permission{countersign.AuditRead})}, "grace")
		},
		"an emergency without the permission for it": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("vera").Acts(&countersign.SuspendUser{UserID: w.ID("bot")}, "stolen")
		},
		"an emergency of an account": func(w *scenario.World, policy func(countersign.Policy)) {
			w.As("ada").Asks(w.Grant("bot", countersign.EmergencySuspend))
			policy(countersign.TwoPersonPolicy())
			w.As("bot").Acts(&countersign.SuspendUser{UserID: w.ID("vera")}, "stolen")
		},
		"a third emergency within a day": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("ada").Acts(&countersign.SuspendUser{UserID: w.ID("bot")}, "stolen")
			w.Clock.Pass(time.Hour)
			w.As("ada").Acts(&countersign.SuspendUser{UserID: w.ID("vera")}, "stolen")
			w.Clock.Pass(22 * time.Hour)
			w.As("ada").Acts(&countersign.FreezeOrganization{}, "stolen")
		},
		"an emergency that nobody is asked about": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("ada").Acts(&countersign.SuspendUser{UserID: w.ID("bot")}, "stolen")
			w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
		},
		"an emergency about who does it": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("ada").Acts(&countersign.SuspendUser{UserID: w.ID("ada")}, "stolen")
		},
		"an emergency without a reason": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("ada").Acts(&countersign.SuspendUser{UserID: w.ID("bot")}, " ")
		},
		"an emergency that adds power": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("ada").Acts(w.Grant("vera", countersign.UsersUpdate), "needed")
		},
		"a request that is taken while frozen": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("ada").Acts(&countersign.FreezeOrganization{}, "stolen")
			w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
		},
		"a change that is applied while frozen": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
			w.As("ada").Acts(&countersign.FreezeOrganization{}, "stolen")
			w.As("grace").Approves(request)
		},
		"a thaw that asks less than the policy": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			w.As("ada").Acts(&countersign.FreezeOrganization{}, "stolen")
			agree(w, &countersign.ThawOrganization{}, "grace")
		},
		"a ratification that asks less than the act was asked": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.Policy{Name: "p", Default: admins(2)})
			act := w.As("ada").Acts(&countersign.SuspendUser{UserID: w.ID("bot")}, "stolen")
			w.As("grace").Approves(act.Ratification("grace"))
		},
		"a policy that was tightened": func(w *scenario.World, policy func(countersign.Policy)) {
			policy(countersign.TwoPersonPolicy())
			request := w.As("ada").Asks(&countersign.CreateGroup{Name: "Desk"})
			agree(w, &countersign.PutPolicy{Policy: countersign.Policy{Name: "p", Default: admins(2)}}, "grace", "linus")
			w.As("grace").Approves(request)
		},
	} {
		t.Run(rule, func(t *testing.T) {
			w := scenario.New(t, scenario.Direct, testdb.SQLite(t))
			w.Admins("grace", "linus", "edsger").People(countersign.RoleTrader, "vera").Account("bot", "vera")
			story(w, func(p countersign.Policy) {
				w.As("ada").Asks(&countersign.SealOrganization{Policy: &p}).MustBe(countersign.ChangeApplied)
			})
			replay.Check(t, w.Store, w.Org.ID)
		})
	}
}
