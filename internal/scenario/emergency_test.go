package scenario_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/scenario"
)

// Linus' phone is stolen at night, and whoever has it begins to approve. Grace does
// not wait for anybody; Ada, awake by morning, agrees with her.
func TestAStolenPhone(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		policy := countersign.TwoPersonPolicy()
		policy.Name = "weaker"
		wanted := w.As("ada").Asks(&countersign.PutPolicy{Policy: policy})
		w.As("linus").Approves(wanted).MustBe(countersign.ChangePending) // the thief

		w.As("vera").Acts(&countersign.SuspendUser{UserID: w.ID("linus")}, "seen him without it").MustFail("permission_missing")
		w.As("bot").Acts(&countersign.SuspendUser{UserID: w.ID("linus")}, "told to").MustFail("not_a_person")
		act := w.As("grace").Acts(&countersign.SuspendUser{UserID: w.ID("linus")}, "his phone was stolen").MustBe(countersign.ChangeApplied)
		w.As("linus").Approves(wanted).MustFail("unauthenticated")
		w.As("linus").Asks(w.Grant("vera", countersign.VaultsCreate)).MustFail("unauthenticated")
		w.As("edsger").Approves(wanted).MustBe(countersign.ChangePending) // one of two: the thief's does not count

		asked := act.Ratification("ada")
		w.As("grace").Approves(asked).MustFail("not_eligible")
		w.As("grace").Cancels(asked).MustFail("ratification_stays")
		w.Clock.Pass(8 * time.Hour)
		w.As("ada").Approves(asked).MustBe(countersign.ChangeApplied)

		// To let him in again adds power, and waits as it always would.
		back := w.As("grace").Asks(&countersign.ReactivateUser{UserID: w.ID("linus")}).MustBe(countersign.ChangePending)
		w.As("ada").Approves(back).MustBe(countersign.ChangeApplied)
	})
}

// Nobody else can be spared, so the organization is frozen; what the thief has
// asked for meanwhile is denied, and two others thaw it.
func TestAFrozenNight(t *testing.T) {
	told(t, func(t *testing.T, w *scenario.World) {
		crew(w).Seal()
		w.As("ada").Acts(&countersign.SuspendUser{UserID: w.ID("edsger")}, "his laptop is gone").MustBe(countersign.ChangeApplied)
		w.As("grace").Acts(&countersign.SuspendUser{UserID: w.ID("linus")}, "his too").MustFail("would_lock_out")
		evil := w.As("linus").Asks(w.Grant("vera", countersign.VaultsCreate)).MustBe(countersign.ChangePending)
		w.As("grace").Acts(&countersign.FreezeOrganization{}, "nobody knows who is who").MustBe(countersign.ChangeApplied)
		w.As("linus").Asks(w.Grant("vera", countersign.UsersUpdate)).MustFail("organization_frozen")
		w.As("ada").Approves(evil).MustFail("organization_frozen")
		w.As("ada").Denies(evil).MustBe(countersign.ChangeRejected)
		w.MustHold("vera", countersign.VaultsCreate, false)
		w.MustHold("vera", countersign.UsersRead, true)

		thaw := w.As("grace").Asks(&countersign.ThawOrganization{}).MustBe(countersign.ChangePending)
		w.As("ada").Approves(thaw).MustBe(countersign.ChangePending)
		w.As("linus").Approves(thaw).MustBe(countersign.ChangeApplied) // it was somebody else's laptop
		w.As("grace").Asks(w.Grant("vera", countersign.VaultsCreate)).MustBe(countersign.ChangePending)
	})
}
