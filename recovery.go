package countersign

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RecoverySet is who can let an organization in again that has locked itself out
// (governance.md B.7): Need of Keys, kept offline by people who need no account.
// It is a fact of its own, named when the organization is sealed.
type RecoverySet struct {
	Keys []RecoveryKey `json:"keys"`
	// Need is how many of the keys have to sign, 2 to all of them.
	Need int `json:"need"`
	// DelaySeconds is how long a recovery waits, so that somebody can object: a
	// day to 30 days; 0 means DefaultRecoveryDelay.
	DelaySeconds int64 `json:"delay_seconds,omitzero"`
}

// RecoveryKey is one key of a recovery set: what people call it, such as where it
// is kept, and its public half, Ed25519 in PEM.
type RecoveryKey struct {
	Name      string `json:"name"`
	PublicKey string `json:"public_key"`
}

// IsZero reports whether there is no set.
func (s RecoverySet) IsZero() bool { return len(s.Keys) == 0 }

// Delay is how long a recovery under this set waits.
func (s RecoverySet) Delay() time.Duration {
	if s.DelaySeconds == 0 {
		return DefaultRecoveryDelay
	}
	return time.Duration(s.DelaySeconds) * time.Second
}

// Requirement is what a recovery under this set asks inside the organization:
// nobody's approval, but that no admin denies it while it waits. No policy can
// say that, since a clause of a policy needs at least one approval.
func (s RecoverySet) Requirement() Requirement {
	return Requirement{
		Clauses:      []Clause{{Approvers: ApproverSet{Role: RoleAdmin}}},
		DelaySeconds: int64(s.Delay() / time.Second),
	}
}

// Validate checks everything but the keys themselves, which are read when the set
// is put. Fields are named below prefix.
func (s RecoverySet) Validate(prefix string) error {
	if len(s.Keys) < MinRecoveryKeys || len(s.Keys) > MaxRecoveryKeys {
		return E(Invalid, prefix+".keys", "must be 2 to 16 keys; whoever held the only one could take the organization alone")
	}
	seen := map[string]bool{}
	for i, key := range s.Keys {
		at := prefix + ".keys." + strconv.Itoa(i)
		if err := checkText(at+".name", key.Name, MaxNameLength, true); err != nil {
			return err
		}
		name := strings.TrimSpace(key.Name)
		switch {
		case seen[name]:
			return E(Invalid, at+".name", "is used by an earlier key")
		case key.PublicKey == "":
			return E(Invalid, at+".public_key", "is required: the public half of an Ed25519 key, in PEM")
		case len(key.PublicKey) > MaxPublicKeyLength:
			return Code(Invalid, "too_long", at+".public_key", "is too long; see the limits in the API document")
		}
		seen[name] = true
	}
	if s.Need < MinRecoveryKeys || s.Need > len(s.Keys) {
		return E(Invalid, prefix+".need", "must be at least 2 and at most the number of keys")
	}
	if d := s.DelaySeconds; d != 0 && (d < int64(MinRecoveryDelay/time.Second) || d > int64(MaxRecoveryDelay/time.Second)) {
		return E(Invalid, prefix+".delay_seconds", "must be between 86400 (a day) and 2592000 (30 days); 72 hours when absent")
	}
	return nil
}

// ReplaceRecovery replaces the recovery set. It passes whatever a change of the
// policy passes.
type ReplaceRecovery struct {
	Recovery RecoverySet `json:"recovery"`
}

// Kind returns KindRecoveryReplace.
func (*ReplaceRecovery) Kind() ChangeKind { return KindRecoveryReplace }

// Validate checks the set.
func (c *ReplaceRecovery) Validate() error { return c.Recovery.Validate("recovery") }

// RecoverAccess gives an admin, or the person invited as one by the operation
// before, a one-use enrolment code that the holders of the recovery keys have
// made. Its hash alone is told: whoever has the code redeems it like any other.
// No request but a recovery can hold it.
type RecoverAccess struct {
	UserID UserID `json:"user_id"`
	// CodeHash is the SHA-256, in hexadecimal, of a code of 100 random bits as
	// people read it: XXXXX-XXXXX-XXXXX-XXXXX.
	CodeHash     string       `json:"code_hash"`
	CredentialID CredentialID `json:"credential_id,omitzero"` // allotted
}

// Kind returns KindRecoveryAccess.
func (*RecoverAccess) Kind() ChangeKind { return KindRecoveryAccess }

// Validate checks the shape.
func (c *RecoverAccess) Validate() error {
	raw, err := hex.DecodeString(c.CodeHash)
	if err != nil || len(raw) != 32 || strings.ToLower(c.CodeHash) != c.CodeHash {
		return E(Invalid, "code_hash", "must be the SHA-256 of a code, 64 hexadecimal digits in lower case")
	}
	return checkID("user_id", c.UserID)
}

// RecoveryAct is what makes a change request a recovery: what was signed with
// recovery keys, and the signatures. It stands in the document of the request.
type RecoveryAct struct {
	// Statement in its canonical bytes; internal/statement reads it.
	Statement string `json:"statement"`
	// Signatures by different keys of the set, in the order of their keys.
	Signatures []RecoverySignature `json:"signatures"`
}

// RecoverySignature is one signature of a recovery.
type RecoverySignature struct {
	// Key is the SHA-256 of the public key (SubjectPublicKeyInfo), in hexadecimal.
	Key string `json:"key"`
	// Signature in base64.
	Signature string `json:"signature"`
}

// RunDrill changes nothing. It asks what a rule asks, so that it is known that
// the people of the rule can be reached (governance.md L7).
type RunDrill struct {
	// RuleID is the rule that is tried; "default" is the policy's default.
	RuleID string `json:"rule_id"`
	// DrillID is the id of the change itself.
	DrillID ChangeID `json:"drill_id,omitzero"` // allotted
}

// Kind returns KindDrillRun.
func (*RunDrill) Kind() ChangeKind { return KindDrillRun }

// Validate checks the shape.
func (c *RunDrill) Validate() error { return checkText("rule_id", c.RuleID, MaxNameLength, true) }

// Drill is the last time the people of a rule were reached.
type Drill struct {
	Change ChangeID  `json:"change"`
	At     time.Time `json:"at"`
	// Version is the log position at which it succeeded.
	Version int64 `json:"version"`
}

// RecoveryFact holds the recovery set.
func RecoveryFact() Fact { return "recovery:" }

// RecoveryActsFact is what recoveries are found by in the log; no entry sets it.
func RecoveryActsFact() Fact { return "recovery.acts:" }

// DrillFact holds the last drill of a rule.
func DrillFact(rule string) Fact { return Fact("drill:" + rule) }

// DefaultRuleID is how a policy's default is named where rules are.
const DefaultRuleID = "default"

// Named finds what a rule asks; the default's name is DefaultRuleID, unless a rule
// is called that.
func (p Policy) Named(rule string) (Requirement, bool) {
	if i := slices.IndexFunc(p.Rules, func(r Rule) bool { return r.ID == rule }); i >= 0 {
		return p.Rules[i].Requirement, true
	}
	return p.Default, rule == DefaultRuleID
}

// Accepts reports whether the policy lives with a risk.
func (p Policy) Accepts(risk Risk) bool { return slices.Contains(p.AcceptedRisks, risk) }

// Bounds of a recovery.
const (
	MinRecoveryKeys = 2
	MaxRecoveryKeys = 16

	DefaultRecoveryDelay = 72 * time.Hour
	MinRecoveryDelay     = 24 * time.Hour
	MaxRecoveryDelay     = 30 * 24 * time.Hour

	// RecoveryStatementLife is how long people may take to sign a recovery.
	RecoveryStatementLife = 7 * 24 * time.Hour
	// DrillInterval is after how long a rule ought to be drilled again: a quarter.
	DrillInterval = 92 * 24 * time.Hour
)
