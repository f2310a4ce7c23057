package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// L6: nobody seals without recovery keys, or saying that there are none.
func TestASealNamesRecoveryKeysOrAcceptsThatThereAreNone(t *testing.T) {
	key := func(t *testing.T) countersign.RecoveryKey {
		t.Helper()
		_, public := newKey(t)
		return countersign.RecoveryKey{Name: "safe " + public[30:40], PublicKey: public}
	}
	two := func(t *testing.T, change func(*countersign.RecoverySet)) *countersign.RecoverySet {
		t.Helper()
		s := newSafe(t, 2, 2).set
		change(&s)
		return &s
	}
	plain := countersign.TwoPersonPolicy()
	accepting := countersign.TwoPersonPolicy()
	accepting.AcceptedRisks = []countersign.Risk{countersign.RiskNoRecoveryKeys}
	for name, c := range map[string]struct {
		seal  func(t *testing.T) countersign.SealOrganization
		code  string
		field string
	}{
		"neither":                {func(*testing.T) countersign.SealOrganization { return countersign.SealOrganization{} }, "no_recovery_keys", "recovery"},
		"neither, with a policy": {func(*testing.T) countersign.SealOrganization { return countersign.SealOrganization{Policy: &plain} }, "no_recovery_keys", "recovery"},
		"another risk": {func(*testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{AcceptedRisks: []countersign.Risk{countersign.RiskNoSpareForTargets}}
		}, "no_recovery_keys", "recovery"},
		"a risk that is none": {func(*testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{AcceptedRisks: []countersign.Risk{"none"}}
		}, "invalid", "accepted_risks.0"},
		"the risk": {func(*testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{AcceptedRisks: []countersign.Risk{countersign.RiskNoRecoveryKeys}}
		}, "", ""},
		"the risk, in the policy": {func(*testing.T) countersign.SealOrganization { return countersign.SealOrganization{Policy: &accepting} }, "", ""},
		"the risk, in both": {func(*testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Policy: &accepting, AcceptedRisks: accepting.AcceptedRisks}
		}, "", ""},
		"two keys": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(*countersign.RecoverySet) {})}
		}, "", ""},
		"one key": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.Keys, s.Need = s.Keys[:1], 1 })}
		}, "invalid", "recovery.keys"},
		"one of two": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.Need = 1 })}
		}, "invalid", "recovery.need"},
		"three of two": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.Need = 3 })}
		}, "invalid", "recovery.need"},
		"seventeen keys": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) {
				for range 15 {
					s.Keys = append(s.Keys, key(t))
				}
			})}
		}, "invalid", "recovery.keys"},
		"the same key twice": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) {
				s.Keys[1].PublicKey = strings.TrimSpace(s.Keys[0].PublicKey) + "\n\n"
			})}
		}, "invalid", "recovery.keys.1.public_key"},
		"the same name twice": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.Keys[1].Name = s.Keys[0].Name + " " })}
		}, "invalid", "recovery.keys.1.name"},
		"a key without a name": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.Keys[0].Name = "" })}
		}, "invalid", "recovery.keys.0.name"},
		"a key that is none": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.Keys[0].PublicKey = "key" })}
		}, "invalid", "recovery.keys.0.public_key"},
		"no key": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.Keys[0].PublicKey = "" })}
		}, "invalid", "recovery.keys.0.public_key"},
		"a delay of less than a day": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.DelaySeconds = 86399 })}
		}, "invalid", "recovery.delay_seconds"},
		"a delay of more than 30 days": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.DelaySeconds = 2592001 })}
		}, "invalid", "recovery.delay_seconds"},
		"a delay before the world was": {func(t *testing.T) countersign.SealOrganization {
			return countersign.SealOrganization{Recovery: two(t, func(s *countersign.RecoverySet) { s.DelaySeconds = -1 })}
		}, "invalid", "recovery.delay_seconds"},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				h.crew()
				seal := c.seal(t)
				_, err := h.Engine.Submit(t.Context(), h.As("ada").Actor, []countersign.Change{&seal}, noOptions)
				if c.code == "" {
					o, readErr := h.Engine.Organization(t.Context(), h.As("ada").Actor)
					if err != nil || readErr != nil || !o.Sealed() || o.Recovery.IsZero() == (seal.Recovery != nil) || o.Policy.Accepts(countersign.RiskNoRecoveryKeys) == (seal.Recovery != nil) {
						t.Errorf("sealed: %v, %v", err, o.Policy.AcceptedRisks)
					}
					return
				}
				refused(t, err, c.code, c.field)
			})
		})
	}
}

// Keys that are named before the seal need not be named again.
func TestASealFindsTheRecoveryKeysThatAreThere(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		s := newSafe(t, 2, 3)
		h.applies("ada", &countersign.ReplaceRecovery{Recovery: s.set})
		if _, err := h.Engine.RecoveryStatement(t.Context(), h.Org.ID, []countersign.Change{&countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin}}, reason); scenario.CodeOf(err) != "recovery_unavailable" {
			t.Errorf("in bootstrap there is nothing to recover: %v", err)
		}
		if _, err := h.Engine.Submit(t.Context(), h.As("ada").Actor, []countersign.Change{&countersign.SealOrganization{}}, noOptions); err != nil {
			t.Fatal(err)
		}
		view, err := h.Engine.Recovery(t.Context(), h.As("ada").Actor)
		if err != nil || len(view.Keys) != 3 || view.Need != 2 || view.DelaySeconds != 259200 || view.Fingerprints[0] != s.marks[0] || view.Open != "" {
			t.Errorf("%+v (%v)", view, err)
		}
		c := h.opens(s, &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin})
		if view, err := h.Engine.Recovery(t.Context(), h.As("ada").Actor); err != nil || view.Open != c.ID {
			t.Errorf("%+v (%v)", view, err)
		}
		_, err = h.Engine.Recovery(t.Context(), h.As("bot").Actor)
		if err != nil {
			t.Error(err)
		}
	})
}

// B.4 and R2: the keys change as the policy does: with the approvals of the policy,
// one request at a time, and never free.
func TestTheRecoveryKeysChangeAsThePolicyDoes(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 3)
		h.sealedWith(s)
		next := &countersign.ReplaceRecovery{Recovery: newSafe(t, 2, 2).set}
		held := h.mustHold(next).Change
		if held.Requirement.People() != 2 || held.RuleIDs[0] != "policy-needs-two" {
			t.Errorf("it asks %+v by %v", held.Requirement, held.RuleIDs)
		}
		h.mustRefuse(&countersign.ReplaceRecovery{Recovery: newSafe(t, 2, 2).set}, "change_pending", "")
		h.votes("grace", held, countersign.Approve)
		h.stored(held.ID, countersign.ChangePending)
		h.votes("linus", held, countersign.Approve)
		h.stored(held.ID, countersign.ChangeApplied)
		// A policy that frees everything it can does not free the keys.
		policy := countersign.TwoPersonPolicy()
		policy.Rules = append(policy.Rules, countersign.Rule{ID: "free", Changes: []string{"recovery.replace"}})
		h.mustRefuse(&countersign.PutPolicy{Policy: policy}, "refused", "policy.rules.3.changes")
	})
}

// An organization that was sealed before there were recovery keys goes on as it
// is, is told what it lacks, and can name keys.
func TestWhatWasSealedBeforeKeepsWorking(t *testing.T) {
	t.Parallel()
	h := &house{World: scenario.New(t, scenario.Direct, testdb.SQLite(t)), t: t, named: new(int)} // whose log says another seal
	h.crew().Seal()
	err := h.Store.Write(t.Context(), h.Org.ID, func(tx store.WriteTx) error {
		o, err := tx.Organization(t.Context())
		o.Policy.AcceptedRisks = nil // what older seals did not ask
		return errors.Join(err, tx.PutOrganization(t.Context(), o))
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Engine = scenario.NewEngine(h.Store, h.Clock) // the next version
	policy := countersign.TwoPersonPolicy()
	policy.Name = "as before"
	findings, err := h.Engine.PolicyLint(t.Context(), h.As("ada").Actor, policy)
	if err != nil || len(findings) != 1 || findings[0].Field != "policy.accepted_risks" || findings[0].Severity != "warning" {
		t.Errorf("the linter says %v (%v)", findings, err)
	}
	h.approved(&countersign.PutPolicy{Policy: policy})
	h.approved(&countersign.CreateGroup{Name: "Desk"})
	s := newSafe(t, 2, 2)
	h.approved(&countersign.ReplaceRecovery{Recovery: s.set})
	h.opens(s, &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin})
	if findings, err := h.Engine.PolicyLint(t.Context(), h.As("ada").Actor, policy); err != nil || len(findings) != 0 {
		t.Errorf("with keys the linter says %v (%v)", findings, err)
	}
}
