package countersign

import "time"

// Organization is the boundary all else lives in: every row, query, credential
// and log belongs to exactly one.
type Organization struct {
	ID OrganizationID
	// Number is 12 random digits, the id on wires that want one (contracts/box.md).
	Number string
	Name   string
	// SealedAt is when bootstrap ended; zero while changes still apply at once.
	SealedAt time.Time
	// FrozenAt is since when nothing moves but what reduces power; zero while it
	// is not frozen (docs/break-glass.md).
	FrozenAt time.Time
	// Policy decides which changes wait for whom. In bootstrap it is not asked.
	Policy Policy
	// Recovery is who can let the organization in again when it has locked itself
	// out; without keys nobody.
	Recovery RecoverySet
	// Drills are the last successful drill of each rule that was ever drilled.
	Drills    map[string]Drill
	CreatedAt time.Time
	// Version is the log position of the last write to name, seal or settings,
	// PolicyVersion that of the policy, RecoveryVersion that of the recovery set,
	// FreezeVersion that of FrozenAt.
	Version         int64
	PolicyVersion   int64
	RecoveryVersion int64
	FreezeVersion   int64
}

// Sealed reports whether the organization has left bootstrap.
func (o Organization) Sealed() bool { return !o.SealedAt.IsZero() }

// Frozen reports whether nothing moves but what reduces power.
func (o Organization) Frozen() bool { return !o.FrozenAt.IsZero() }

// ObjectVersion is the log position at which what readers see of it last moved,
// the policy apart.
func (o Organization) ObjectVersion() int64 { return max(o.Version, o.FreezeVersion) }

// UpdateOrganization changes the organization's settings.
type UpdateOrganization struct {
	Name Opt[string] `json:"name,omitzero"`
}

// Kind returns KindOrganizationUpdate.
func (*UpdateOrganization) Kind() ChangeKind { return KindOrganizationUpdate }

// Validate checks the shape; something must be named.
func (c *UpdateOrganization) Validate() error {
	if !c.Name.Set {
		return E(Invalid, "", "names nothing to change")
	}
	return checkText("name", c.Name.Value, MaxNameLength, true)
}

// SealOrganization ends bootstrap for good and installs a policy: the one
// given, else two-person. It names the recovery keys, unless they are there
// already, or accepts in so many words that there are none (L6).
type SealOrganization struct {
	Policy   *Policy      `json:"policy,omitzero"`
	Recovery *RecoverySet `json:"recovery,omitzero"`
	// AcceptedRisks are added to those of the policy.
	AcceptedRisks []Risk `json:"accepted_risks,omitzero"`
}

// Kind returns KindOrganizationSeal.
func (*SealOrganization) Kind() ChangeKind { return KindOrganizationSeal }

// Validate checks the policy and the recovery set, if they are given.
func (c *SealOrganization) Validate() error {
	if err := checkRisks("accepted_risks", c.AcceptedRisks); err != nil {
		return err
	}
	if c.Recovery != nil {
		if err := c.Recovery.Validate("recovery"); err != nil {
			return err
		}
	}
	if c.Policy == nil {
		return nil
	}
	return c.Policy.Validate("policy")
}

// PutPolicy replaces the policy.
type PutPolicy struct {
	Policy Policy `json:"policy"`
}

// Kind returns KindPolicyPut.
func (*PutPolicy) Kind() ChangeKind { return KindPolicyPut }

// Validate checks the policy.
func (c *PutPolicy) Validate() error { return c.Policy.Validate("policy") }

// AddPermission adds an entry to the organization's catalogue.
type AddPermission struct {
	Permission  Permission `json:"permission"`
	Description string     `json:"description,omitzero"`
}

// Kind returns KindPermissionAdd.
func (*AddPermission) Kind() ChangeKind { return KindPermissionAdd }

// Validate checks the grammar.
func (c *AddPermission) Validate() error { return checkCatalogueEntry(c.Permission, c.Description) }

// UpdatePermission changes the description of a catalogue entry.
type UpdatePermission struct {
	Permission  Permission `json:"permission"`
	Description string     `json:"description"`
}

// Kind returns KindPermissionUpdate.
func (*UpdatePermission) Kind() ChangeKind { return KindPermissionUpdate }

// Validate checks the grammar.
func (c *UpdatePermission) Validate() error { return checkCatalogueEntry(c.Permission, c.Description) }

// RemovePermission takes an unused entry out of the catalogue.
type RemovePermission struct {
	Permission Permission `json:"permission"`
}

// Kind returns KindPermissionRemove.
func (*RemovePermission) Kind() ChangeKind { return KindPermissionRemove }

// Validate checks the grammar.
func (c *RemovePermission) Validate() error { return checkCatalogueEntry(c.Permission, "") }

func checkCatalogueEntry(p Permission, description string) error {
	_, err := ParsePermission("permission", string(p))
	return firstError(err, checkText("description", description, MaxDescriptionLength, false))
}
