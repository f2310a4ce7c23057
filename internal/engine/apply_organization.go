package engine

import (
	"slices"

	"github.com/countersign/countersign"
)

func (l *ledger) addPermission(c *countersign.AddPermission) error {
	if _, found := slices.BinarySearch(countersign.BuiltInPermissions(), c.Permission); found {
		return countersign.Code(countersign.Exists, "permission_taken", "permission", "is built in")
	}
	old, err := l.w.tx.CataloguePermission(l.w.ctx, c.Permission)
	if err == nil && !old.Removed {
		return countersign.Code(countersign.Exists, "permission_taken", "permission", "is already in the catalogue")
	}
	if ignoreMissing(err) != nil {
		return err
	}
	return l.putCatalogue(old, countersign.CataloguePermission{Permission: c.Permission, Description: c.Description})
}

// added loads an entry the organization added; built-in ones cannot be touched.
func (l *ledger) added(p countersign.Permission) (countersign.CataloguePermission, error) {
	if _, found := slices.BinarySearch(countersign.BuiltInPermissions(), p); found {
		return countersign.CataloguePermission{}, countersign.Code(countersign.Refused, "permission_built_in", "permission", "is built in and cannot be changed")
	}
	old, err := l.w.tx.CataloguePermission(l.w.ctx, p)
	if isKind(err, countersign.NotFound) || (err == nil && old.Removed) {
		return old, countersign.Code(countersign.NotFound, "permission_unknown", "permission", "is not in the catalogue")
	}
	return old, err
}

func (l *ledger) updatePermission(c *countersign.UpdatePermission) error {
	old, err := l.added(c.Permission)
	if err != nil {
		return err
	}
	entry := old
	entry.Description = c.Description
	return l.putCatalogue(old, entry)
}

func (l *ledger) removePermission(c *countersign.RemovePermission) error {
	old, err := l.added(c.Permission)
	if err != nil {
		return err
	}
	if l.w.picture.PermissionInUse(c.Permission) || l.gives(c.Permission) {
		return countersign.Code(countersign.Refused, "permission_in_use", "permission", "is still given to a user or group; take it away there first")
	}
	entry := old
	entry.Removed = true
	return l.putCatalogue(old, entry)
}

// gives reports whether an earlier operation of the batch gave a permission to
// somebody: the roster shows what was before the batch.
func (l *ledger) gives(p countersign.Permission) bool {
	return slices.ContainsFunc(l.effects, func(e countersign.Effect) bool {
		list, ok := e.After["permissions"].([]string)
		return ok && slices.Contains(list, string(p))
	})
}

func (l *ledger) putCatalogue(old, entry countersign.CataloguePermission) error {
	fields := func(p countersign.CataloguePermission) map[string]any {
		state := "listed"
		if p.Removed {
			state = "removed"
		}
		return map[string]any{"description": p.Description, "state": state}
	}
	var before map[string]any
	if old.Version > 0 {
		before = fields(old)
	}
	if !l.move(countersign.PermissionFact(entry.Permission), old.Version, before, fields(entry)) {
		return nil
	}
	entry.Version = l.position
	return l.w.tx.PutCataloguePermission(l.w.ctx, entry)
}

func (l *ledger) putPolicy(c *countersign.PutPolicy) error {
	old, err := l.w.tx.Organization(l.w.ctx)
	if err != nil {
		return err
	}
	if err := c.Policy.Validate("policy"); err != nil {
		return err
	}
	l.rely(countersign.PolicyFact(), old.PolicyVersion)
	o := old
	o.Policy = c.Policy
	return l.putOrganization(&old, o)
}

func (l *ledger) updateOrganization(c *countersign.UpdateOrganization) error {
	old, err := l.w.tx.Organization(l.w.ctx)
	if err != nil {
		return err
	}
	l.rely(countersign.OrganizationFact(), old.Version)
	o := old
	o.Name = c.Name.Or(o.Name)
	return l.putOrganization(&old, o)
}

// seal ends bootstrap, once every rule of the policy can be met whoever asks.
func (l *ledger) seal(c *countersign.SealOrganization) error {
	old, err := l.w.tx.Organization(l.w.ctx)
	if err != nil {
		return err
	}
	if old.Sealed() {
		return countersign.Code(countersign.Refused, "already_sealed", "", "the organization is sealed; there is no way back")
	}
	o := old
	if c.Policy != nil {
		o.Policy = *c.Policy
	}
	for _, risk := range c.AcceptedRisks {
		if !o.Policy.Accepts(risk) {
			o.Policy.AcceptedRisks = append(slices.Clone(o.Policy.AcceptedRisks), risk)
		}
	}
	if err := o.Policy.Validate("policy"); err != nil {
		return err
	}
	if c.Recovery != nil {
		o.Recovery = *c.Recovery
	}
	if o.Recovery.IsZero() && !o.Policy.Accepts(countersign.RiskNoRecoveryKeys) {
		return countersign.Code(countersign.Refused, "no_recovery_keys", "recovery",
			"is missing: name at least two recovery keys and how many must sign, or accept the risk no_recovery_keys in accepted_risks; "+
				"without keys nobody can let the organization in again if it locks itself out")
	}
	o.SealedAt = l.w.now
	return l.putOrganization(&old, o)
}

func (l *ledger) putOrganization(old *countersign.Organization, o countersign.Organization) error {
	var was countersign.Organization
	var fields, policy map[string]any
	o.Policy = whole(o.Policy)
	if old != nil {
		was = *old
		was.Policy = whole(was.Policy)
		fields, policy = organizationFields(was), policyFields(was)
	}
	moved := false
	if l.moveIfKnown(old != nil, countersign.OrganizationFact(), was.Version, fields, organizationFields(o)) {
		o.Version, moved = l.position, true
	}
	if l.moveIfKnown(old != nil, countersign.PolicyFact(), was.PolicyVersion, policy, policyFields(o)) {
		o.PolicyVersion, moved = l.position, true
	}
	if l.moveRecovery(was, o) {
		o.RecoveryVersion, moved = l.position, true
	}
	if old != nil && l.moveIfKnown(true, countersign.FreezeFact(), was.FreezeVersion, freezeFields(was), freezeFields(o)) {
		o.FreezeVersion, moved = l.position, true
	}
	if !moved {
		return nil
	}
	return l.w.tx.PutOrganization(l.w.ctx, o)
}

// whole writes empty lists in one way, so that a policy that is read and put back
// is the same policy.
func whole(p countersign.Policy) countersign.Policy {
	p.Rules = slices.Clone(orEmpty(p.Rules))
	p.Default.Clauses = orEmpty(p.Default.Clauses)
	for i := range p.Rules {
		p.Rules[i].Changes = orEmpty(p.Rules[i].Changes)
		p.Rules[i].Requirement.Clauses = orEmpty(p.Rules[i].Requirement.Clauses)
	}
	return p
}

func organizationFields(o countersign.Organization) map[string]any {
	return map[string]any{"name": o.Name, "number": o.Number, "sealed_at": timeText(o.SealedAt)}
}

func policyFields(o countersign.Organization) map[string]any {
	return map[string]any{"policy": o.Policy}
}
