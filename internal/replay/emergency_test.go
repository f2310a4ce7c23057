package replay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/replay"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// night is a story with emergencies of every kind and every answer, and a freeze
// that has not ended.
func night(t *testing.T, s store.Store) *scenario.World {
	w := scenario.New(t, scenario.Direct, s)
	w.Admins("grace", "linus", "edsger").People(countersign.RoleViewer, "vera").Account("bot", "vera").Seal()
	suspend := func(name string) countersign.Change { return &countersign.SuspendUser{UserID: w.ID(name)} }
	ratified := w.As("ada").Acts(suspend("vera"), "stolen").MustBe(countersign.ChangeApplied)
	w.As("grace").Approves(ratified.Ratification("grace")).MustBe(countersign.ChangeApplied)
	denied := w.As("ada").Acts(&countersign.RevokeCredential{CredentialID: w.As("bot").Actor.Credential}, "leaked").MustBe(countersign.ChangeApplied)
	w.As("linus").Denies(denied.Ratification("linus")).MustBe(countersign.ChangeRejected)
	mine := w.As("linus").Asks(&countersign.CreateGroup{Name: "Desk"})
	w.As("grace").Acts(suspend("linus"), "gone").MustBe(countersign.ChangeApplied) // and with him what he asked for
	if seen := w.As("ada").Sees(mine); seen.State != countersign.ChangeCancelled {
		t.Fatalf("what linus asked for is %s", seen.State)
	}
	w.Clock.Pass(25 * time.Hour)
	if n, err := w.Engine.Expire(t.Context(), w.Org.ID); err != nil || n != 1 {
		t.Fatalf("%d requests expired (%v)", n, err)
	}
	thawed := func() *scenario.Request {
		thaw := w.As("ada").Asks(&countersign.ThawOrganization{})
		w.As("grace").Approves(thaw)
		return w.As("edsger").Approves(thaw)
	}
	w.As("ada").Acts(&countersign.FreezeOrganization{}, "who is who?").MustBe(countersign.ChangeApplied)
	thawed().MustBe(countersign.ChangeApplied)
	w.As("ada").Asks(&countersign.CreateGroup{Name: "Later"}).MustBe(countersign.ChangePending)
	w.As("grace").Acts(&countersign.FreezeOrganization{}, "again").MustBe(countersign.ChangeApplied)
	return w
}

func TestALogTellsOfEmergencies(t *testing.T) {
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		w := night(t, open())
		replay.Check(t, w.Store, w.Org.ID)
	})
}

// acted lets a test edit what is read of emergencies.
type acted struct {
	rows
	acts func([]countersign.Emergency) []countersign.Emergency
}

func (r acted) Emergencies(ctx context.Context, unratified bool, before countersign.ChangeID, limit int) ([]countersign.Emergency, error) {
	list, err := r.ReadTx.Emergencies(ctx, unratified, before, limit)
	if r.acts != nil {
		list = r.acts(list)
	}
	return list, err
}

func TestWhatIsEditedOfEmergenciesIsFound(t *testing.T) {
	w := night(t, testdb.SQLite(t))
	for name, c := range map[string]struct {
		acted acted
		want  string
	}{
		"nothing":          {acted{}, ""},
		"an act forgotten": {acted{acts: func(l []countersign.Emergency) []countersign.Emergency { return l[1:] }}, "emergency acts"},
		"another person": {acted{acts: func(l []countersign.Emergency) []countersign.Emergency {
			l[0].Person = w.ID("edsger")
			return l
		}}, "emergency acts"},
		"ratified": {acted{acts: func(l []countersign.Emergency) []countersign.Emergency {
			l[0].State = countersign.ChangeApplied
			return l
		}}, "emergency acts"},
		"the freeze":  {acted{rows: rows{policy: func(o *countersign.Organization) { o.FrozenAt = time.Time{} }}}, "organization"},
		"its moment":  {acted{rows: rows{policy: func(o *countersign.Organization) { o.FrozenAt = o.FrozenAt.Add(time.Second) }}}, "organization"},
		"its version": {acted{rows: rows{policy: func(o *countersign.Organization) { o.FreezeVersion-- }}}, "organization"},
		"the mark":    {acted{rows: rows{entry: edit(`"emergency":true,`, ``)}}, "is marked an emergency: false"},
		"a thaw":      {acted{rows: rows{entry: edit(`"kind":"organization.thaw"`, `"kind":"organization.seal"`)}}, "although the organization is frozen"},
		"an approval": {acted{rows: rows{entry: edit(`"set":{"state":"ratified"}`, `"set":{"state":"good"}`)}}, `to "good"`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := tampered{w.Store, func(tx store.ReadTx) store.ReadTx {
				c.acted.ReadTx = tx
				return c.acted
			}}
			found, err := replay.Findings(t.Context(), changed, w.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(found, "\n")
			if (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
				t.Errorf("want a finding with %q, got\n%s", c.want, text)
			}
		})
	}
}
