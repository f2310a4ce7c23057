package engine

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
)

// DecodeChange reads one operation of a batch; see canon.DecodeChange.
func DecodeChange(raw []byte) (countersign.Change, error) { return canon.DecodeChange(raw) }

// EncodeChange writes a change in clear, canonically; see canon.EncodeChange.
func EncodeChange(c countersign.Change) ([]byte, error) { return canon.EncodeChange(c) }

// maxListedEffects bounds what a document shows of its effects; the count is
// always exact.
const maxListedEffects = 200

// listedEffects of a batch of an import are one, the batch itself: nobody decides
// on its document, and what its rows made stands in its entry.
func listedEffects(ops []countersign.Change) int {
	if _, is := alone[*countersign.ImportBatch](ops); is {
		return 1
	}
	return maxListedEffects
}

// document is everything about a change request that never changes: what its
// digest is computed over and what approvers agree to. Its canonical committed
// form is stored, stands in the log, and is never made again.
type document struct {
	V               int                       `json:"v"`
	Organization    string                    `json:"organization"`
	ID              string                    `json:"id"`
	Requester       string                    `json:"requester"`
	RequesterPerson string                    `json:"requester_person"`
	Credential      string                    `json:"credential,omitzero"`
	CreatedAt       string                    `json:"created_at"`
	ExpiresAt       string                    `json:"expires_at"`
	Operations      []jsontext.Value          `json:"operations"`
	Reason          string                    `json:"reason,omitzero"`
	Base            []countersign.FactVersion `json:"base"`
	Effects         []documentEffect          `json:"effects"`
	EffectsTotal    int                       `json:"effects_total"`
	Rules           []string                  `json:"rules"`
	PolicyVersion   int64                     `json:"policy_version"`
	Requirement     countersign.Requirement   `json:"requirement"`
	Pools           [][]countersign.UserID    `json:"pools"`
	Excluded        []countersign.UserID      `json:"excluded"`
	Replaces        string                    `json:"replaces,omitzero"`
	Ratification    string                    `json:"ratification,omitzero"`
	Ratifies        string                    `json:"ratifies,omitzero"`
	Bootstrap       bool                      `json:"bootstrap,omitzero"`

	// Recovery is what was signed with recovery keys.
	Recovery *countersign.RecoveryAct `json:"recovery,omitzero"`
}

// documentEffect is what approvers see of one fact.
type documentEffect struct {
	Fact   string         `json:"fact"`
	From   int64          `json:"from"`
	Before map[string]any `json:"before,omitzero"`
	After  map[string]any `json:"after"`
}

// writeDocument encodes a request with what it would do; the digest and the
// listed effects are set on the way.
func writeDocument(org countersign.OrganizationID, c *countersign.ChangeRequest, effects []countersign.Effect, committer *canon.Committer) ([]byte, map[string]countersign.Opening, error) {
	d := document{
		V: 1, Organization: string(org), ID: string(c.ID),
		Requester: string(c.Requester), RequesterPerson: string(c.RequesterPerson), Credential: string(c.RequesterCredential),
		CreatedAt: audit.FormatTime(c.CreatedAt), ExpiresAt: audit.FormatTime(c.ExpiresAt),
		Reason: c.Reason, Base: orEmpty(c.Base), EffectsTotal: len(effects), Rules: orEmpty(c.RuleIDs),
		PolicyVersion: c.PolicyVersion, Requirement: c.Requirement, Pools: orEmpty(c.Pools), Excluded: orEmpty(c.Excluded),
		Replaces: string(c.Replaces), Ratification: string(c.Ratification), Ratifies: string(c.Ratifies), Bootstrap: c.Bootstrap, Effects: []documentEffect{}, Recovery: c.Recovery,
	}
	for _, op := range c.Operations {
		raw, err := canon.EncodeChange(op)
		if err != nil {
			return nil, nil, err
		}
		d.Operations = append(d.Operations, raw)
	}
	c.Effects, c.EffectsTotal = effects[:min(len(effects), listedEffects(c.Operations))], len(effects)
	for _, effect := range c.Effects {
		d.Effects = append(d.Effects, documentEffect{Fact: string(effect.Fact), From: effect.From, Before: effect.Before, After: effect.After})
	}
	committed, openings, err := committer.Commit(d)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the document of change %s: %w", c.ID, err)
	}
	c.Digest = statement.ChangeDigest(committed)
	return committed, openings, nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// readRecord turns a stored request back into the value that was submitted,
// with the effects its document lists. Bytes that do not fit their digest, or
// openings that do not fit their commitments, are an internal error: somebody
// has edited the database.
func readRecord(r store.ChangeRecord) (countersign.ChangeRequest, error) {
	c := countersign.ChangeRequest{
		ID: r.ID, State: r.State, Requester: r.Requester, RequesterPerson: r.RequesterPerson, Digest: r.Digest,
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, ClosedAt: r.ClosedAt, ClosedBy: r.ClosedBy, ClosedBecause: r.ClosedBecause,
		ReplacedBy: r.ReplacedBy, WinnerID: r.WinnerID, AppliedPosition: r.AppliedPosition, Approvals: r.Approvals, Version: r.Version,
		ScheduledAt: r.ScheduledAt,
	}
	if statement.ChangeDigest(r.Payload) != r.Digest {
		return c, fmt.Errorf("change %s: its stored document does not match its digest", r.ID)
	}
	clear, err := canon.Open(r.Payload, r.Openings)
	if err != nil {
		return c, fmt.Errorf("change %s: %w", r.ID, err)
	}
	var d document
	if err := json.Unmarshal(clear, &d); err != nil {
		return c, fmt.Errorf("change %s: reading its document: %w", r.ID, err)
	}
	if err := checkRow(r, d); err != nil {
		return c, err
	}
	for _, raw := range d.Operations {
		op, err := canon.DecodeChange(raw)
		if err != nil {
			return c, fmt.Errorf("change %s: reading an operation: %w", r.ID, err)
		}
		c.Operations = append(c.Operations, op)
	}
	c.Reason, c.Base, c.RuleIDs, c.PolicyVersion = d.Reason, d.Base, d.Rules, d.PolicyVersion
	c.Requirement, c.Pools, c.Excluded = d.Requirement, d.Pools, d.Excluded
	c.Replaces, c.Bootstrap, c.Recovery = countersign.ChangeID(d.Replaces), d.Bootstrap, d.Recovery
	c.Ratification, c.Ratifies = countersign.ChangeID(d.Ratification), countersign.ChangeID(d.Ratifies)
	c.RequesterCredential = countersign.CredentialID(d.Credential)
	c.Effects, c.EffectsTotal = make([]countersign.Effect, len(d.Effects)), d.EffectsTotal
	for i, e := range d.Effects {
		c.Effects[i] = countersign.Effect{Fact: countersign.Fact(e.Fact), From: e.From, To: r.AppliedPosition, Before: e.Before, After: e.After}
	}
	return c, nil
}

// checkRow refuses a row whose columns say something else than the document
// that was approved: columns are for finding, the document is the truth.
func checkRow(r store.ChangeRecord, d document) error {
	expires, err := time.Parse(audit.TimeFormat, d.ExpiresAt)
	if err != nil {
		return fmt.Errorf("change %s: reading its expiry: %w", r.ID, err)
	}
	if d.ID != string(r.ID) || d.Requester != string(r.Requester) || d.RequesterPerson != string(r.RequesterPerson) || !expires.Equal(r.ExpiresAt) {
		return fmt.Errorf("change %s: its row does not match its document", r.ID)
	}
	return nil
}
