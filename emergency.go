package countersign

import (
	"strings"
	"time"
)

// FreezeOrganization stops everything that could add power: until the thaw no
// change is taken or applied but those that reduce it.
type FreezeOrganization struct{}

// Kind returns KindOrganizationFreeze.
func (*FreezeOrganization) Kind() ChangeKind { return KindOrganizationFreeze }

// Validate accepts it: there is nothing to say.
func (*FreezeOrganization) Validate() error { return nil }

// ThawOrganization ends a freeze, with the approvals that a change of the policy
// needs.
type ThawOrganization struct{}

// Kind returns KindOrganizationThaw.
func (*ThawOrganization) Kind() ChangeKind { return KindOrganizationThaw }

// Validate accepts it: there is nothing to say.
func (*ThawOrganization) Validate() error { return nil }

// RatifyEmergency says that others agree with an emergency act. The directory
// asks for it when the act is done, and nobody else does.
type RatifyEmergency struct {
	ChangeID ChangeID `json:"change_id"`
}

// Kind returns KindEmergencyRatify.
func (*RatifyEmergency) Kind() ChangeKind { return KindEmergencyRatify }

// Validate checks the shape.
func (c *RatifyEmergency) Validate() error { return checkID("change_id", c.ChangeID) }

// Emergency is an act that one person did at once, with what became of it.
type Emergency struct {
	// Change is the act, of one operation of Kind.
	Change ChangeID
	Kind   ChangeKind
	Person UserID
	At     time.Time
	// Ratification is the request by which others are asked about it, and State
	// how that stands: applied when the act was ratified.
	Ratification ChangeID
	State        ChangeState
	// Position of the entry that applied the act.
	Position int64
}

// EmergencyPermission returns the permission with which one person may do a kind
// of change at once as an emergency, and false for kinds that can only wait:
// reducing power is fast, adding power never is (governance.md B.7).
func EmergencyPermission(kind ChangeKind) (Permission, bool) {
	switch kind {
	case KindUserSuspend:
		return EmergencySuspend, true
	case KindCredentialRevoke:
		return EmergencyRevoke, true
	case KindOrganizationFreeze:
		return EmergencyFreeze, true
	default:
		return "", false
	}
}

// CheckEmergency checks of an emergency act what needs no directory: it is one
// operation of a kind that reduces power, and it says why. The fields are those
// of a batch.
func CheckEmergency(ops []Change, reason string) error {
	if len(ops) != 1 {
		return E(Invalid, "operations", "of an emergency must be one: each act is judged by itself")
	}
	if _, ok := EmergencyPermission(ops[0].Kind()); !ok {
		return Code(Invalid, "not_an_emergency", "operations.0.kind", "must be user.suspend, credential.revoke or organization.freeze: only what reduces power can be done as an emergency")
	}
	if strings.TrimSpace(reason) == "" {
		return E(Invalid, "reason", "is required for an emergency: those who are asked to ratify it read it")
	}
	return nil
}
