package dialecttest

import (
	"slices"

	"github.com/countersign/countersign"
)

// Sealing lets a seal that says nothing about recovery keys accept that there are
// none: most stories have nothing to do with them. Those that have call the engine
// themselves.
func Sealing(ops []countersign.Change) []countersign.Change {
	ops = slices.Clone(ops)
	for i, op := range ops {
		seal, is := op.(*countersign.SealOrganization)
		if !is || seal.Recovery != nil || seal.Policy != nil && seal.Policy.Accepts(countersign.RiskNoRecoveryKeys) {
			continue
		}
		accepts := *seal
		accepts.AcceptedRisks = append(slices.Clone(seal.AcceptedRisks), countersign.RiskNoRecoveryKeys)
		ops[i] = &accepts
	}
	return ops
}
