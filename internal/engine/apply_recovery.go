package engine

import (
	"encoding/hex"
	"maps"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/statement"
)

// cleanRecovery brings a recovery set to its normal form: names as they are shown,
// keys as PEM of the same key, each once.
func cleanRecovery(s *countersign.RecoverySet) error {
	keys := make([]countersign.RecoveryKey, len(s.Keys))
	seen := map[string]bool{}
	for i, key := range s.Keys {
		at := "recovery.keys." + strconv.Itoa(i)
		if err := cleanText(at+".name", &key.Name); err != nil {
			return err
		}
		public, err := publicKey(countersign.ApprovalKey, key.PublicKey)
		if err != nil {
			return countersign.E(countersign.Invalid, at+".public_key", "must be the public half of an Ed25519 key, one PEM block PUBLIC KEY").Caused(err)
		}
		fingerprint, err := statement.Fingerprint(public)
		if err != nil {
			return countersign.E(countersign.Invalid, at+".public_key", "must be the public half of an Ed25519 key, one PEM block PUBLIC KEY").Caused(err)
		}
		if seen[fingerprint] {
			return countersign.E(countersign.Invalid, at+".public_key", "is that of an earlier key: one holder would count twice")
		}
		seen[fingerprint] = true
		key.PublicKey = public
		keys[i] = key
	}
	s.Keys = keys
	if s.DelaySeconds == 0 {
		s.DelaySeconds = int64(countersign.DefaultRecoveryDelay.Seconds())
	}
	return nil
}

// cleanSeal does not write into what the caller gave.
func cleanSeal(c *countersign.SealOrganization) error {
	if c.Recovery == nil {
		return nil
	}
	set := *c.Recovery
	c.Recovery = &set
	return cleanRecovery(&set)
}

// nameDrill gives a drill the id of the change that runs it.
func nameDrill(op countersign.Change, id countersign.ChangeID) {
	if drill, is := op.(*countersign.RunDrill); is {
		drill.DrillID = id
	}
}

// moveRecovery books the movement of the recovery set, of which there is none
// until one is named.
func (l *ledger) moveRecovery(was, is countersign.Organization) bool {
	fields := func(o countersign.Organization) map[string]any {
		if o.Recovery.IsZero() {
			return nil
		}
		return map[string]any{"recovery": o.Recovery}
	}
	if is.Recovery.IsZero() {
		return false
	}
	return l.moveIfKnown(!was.Recovery.IsZero(), countersign.RecoveryFact(), was.RecoveryVersion, fields(was), fields(is))
}

func (l *ledger) replaceRecovery(c *countersign.ReplaceRecovery) error {
	old, err := l.w.tx.Organization(l.w.ctx)
	if err != nil {
		return err
	}
	l.rely(countersign.RecoveryFact(), old.RecoveryVersion)
	o := old
	o.Recovery = c.Recovery
	return l.putOrganization(&old, o)
}

// recovering reports whether what is applied is a recovery, or the rehearsal of one.
func (l *ledger) recovering() bool {
	return l.w.actor.Method == countersign.ByRecovery || l.request != nil && l.request.Recovery != nil
}

// recoverAccess gives an admin a code of which only the hash was told.
func (l *ledger) recoverAccess(c *countersign.RecoverAccess) error {
	if !l.recovering() {
		return countersign.Code(countersign.Forbidden, "recovery_only", "kind", "stands in a recovery alone")
	}
	old, err := l.user("user_id", c.UserID)
	if err != nil {
		return err
	}
	l.rely(countersign.UserRoleFact(old.ID), old.RoleVersion)
	if old.Type != countersign.Person || old.Role != countersign.RoleAdmin {
		return countersign.Code(countersign.Refused, "not_an_admin", "user_id", "must be an admin by now; let an operation before this one make him one")
	}
	u := old
	switch old.State {
	case countersign.UserActive:
	case countersign.UserOnboardingCode, countersign.UserOnboardingActivation:
		u.State = countersign.UserOnboardingActivation
	case countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation:
		u.State = countersign.UserResetDeviceActivation
	default:
		return wrongState(old.State, "must be active or waiting to enrol")
	}
	if u.State != countersign.UserActive {
		if err := l.revokeAll(u.ID); err != nil { // an older code
			return err
		}
	} else if err := l.roomForCredential(u); err != nil {
		return err
	}
	if err := l.putUser(&old, u); err != nil {
		return err
	}
	hash, err := hex.DecodeString(c.CodeHash)
	if err != nil {
		return countersign.E(countersign.Invalid, "code_hash", "must be the SHA-256 of a code").Caused(err)
	}
	return l.putCredential(nil, countersign.Credential{
		ID: c.CredentialID, UserID: u.ID, Type: countersign.EnrolmentCode, State: countersign.CredentialActive, Label: "recovery",
		SecretHash: hash, CreatedAt: l.w.now, ExpiresAt: l.w.now.Add(countersign.EnrolmentCodeLife),
	})
}

// runDrill notes that the people of a rule were reached. It relies on the policy:
// of a rule that has changed meanwhile it would prove nothing.
func (l *ledger) runDrill(c *countersign.RunDrill) error {
	old, err := l.w.tx.Organization(l.w.ctx)
	if err != nil {
		return err
	}
	if !old.Sealed() {
		return countersign.Code(countersign.Refused, "not_sealed", "", "nobody is asked before the organization is sealed; there is nothing to drill")
	}
	requirement, known := old.Policy.Named(c.RuleID)
	switch {
	case !known:
		return countersign.Code(countersign.NotFound, "rule_unknown", "rule_id", "names no rule of the policy; the policy's default is called default")
	case requirement.Free():
		return countersign.Code(countersign.Refused, "rule_free", "rule_id", "names a rule that asks nobody; there is nothing to drill")
	}
	l.rely(countersign.PolicyFact(), old.PolicyVersion)
	last := old.Drills[c.RuleID]
	var before map[string]any
	if last.Version > 0 {
		before = map[string]any{"drill": string(last.Change)}
	}
	l.move(countersign.DrillFact(c.RuleID), last.Version, before, map[string]any{"drill": string(c.DrillID)})
	o := old
	o.Drills = maps.Clone(old.Drills)
	if o.Drills == nil {
		o.Drills = map[string]countersign.Drill{}
	}
	o.Drills[c.RuleID] = countersign.Drill{Change: c.DrillID, At: l.w.now, Version: l.position}
	return l.w.tx.PutOrganization(l.w.ctx, o)
}
