package engine

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
)

// Recovery (governance.md B.7): an organization that has locked itself out is let
// in again by whoever holds enough of its recovery keys. It is a change request
// like any other, but for this: nobody of the organization asks for it, it holds
// a few kinds of change only, it always waits, and any admin can deny it
// meanwhile. recovery_open.go opens it; what is due is settled where every delay
// is (close.go), and the log says recovery.opened and recovery.applied.

// Recovery asks for a recovery. Nobody has signed in: the signatures are the proof.
type Recovery struct {
	Organization countersign.OrganizationID
	Operations   []countersign.Change
	Reason       string
	// Statement is that of Engine.RecoveryStatement, byte for byte as it was signed.
	Statement  string
	Signatures []countersign.RecoverySignature
	RequestID  string
}

// noRecovery is one answer for an organization that is not there and for one that
// cannot be recovered: who has not proven anything learns nothing.
func noRecovery() error {
	return countersign.Code(countersign.NotFound, "recovery_unavailable", "organization_id",
		"names no organization that has recovery keys and is sealed")
}

// RecoveryStatement makes what the holders of recovery keys sign so that these
// operations are carried out. It stores nothing and asks for no proof, since it
// says nothing but a digest and where the log stands: what the operations would
// do is only found out once they are signed.
func (e *Engine) RecoveryStatement(ctx context.Context, org countersign.OrganizationID, ops []countersign.Change, reason string) (ToSign, error) {
	if err := checkRecoverable(ops, reason); err != nil {
		return ToSign{}, err
	}
	picture, err := e.recoverable(ctx, org)
	if err != nil {
		return ToSign{}, err
	}
	var made ToSign
	err = e.store.Read(ctx, org, func(tx store.ReadTx) error {
		s, err := expectedRecovery(ctx, tx, picture.Organization(), ops, reason)
		if err != nil {
			return err
		}
		head, err := tx.Head(ctx)
		if err != nil {
			return err
		}
		now := e.instant()
		if now.Before(head.Time) {
			now = head.Time
		}
		s.IssuedAt, s.Seen.Size = statement.Time(now), head.Size
		if s.Seen.Root, err = audit.RootText(head); err != nil {
			return err
		}
		raw, err := s.Encode()
		made = ToSign{Statement: string(raw), ExpiresAt: now.Add(countersign.RecoveryStatementLife), Revision: head.Size}
		return err
	})
	return made, err
}

// recoverable finds an organization that can be recovered.
func (e *Engine) recoverable(ctx context.Context, org countersign.OrganizationID) (*roster.Picture, error) {
	picture, err := e.Picture(ctx, org)
	if isKind(err, countersign.NotFound) {
		return nil, noRecovery()
	}
	if err != nil {
		return nil, err
	}
	if organization := picture.Organization(); !organization.Sealed() || organization.Recovery.IsZero() {
		return nil, noRecovery()
	}
	return picture, nil
}

// checkRecoverable is what can be said of operations without a directory.
func checkRecoverable(ops []countersign.Change, reason string) error {
	batch := Options{Batch: true, Reason: reason, recovers: true}
	if err := validate(ops, batch); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return countersign.E(countersign.Invalid, "reason", "is required: whoever could object reads it")
	}
	for i, op := range ops {
		if err := firstOf(refuseAllotted(op), access.Recovery(op)); err != nil {
			return inBatch(batch, i, err)
		}
	}
	return nil
}

// reading is what both kinds of transaction can do.
type reading interface {
	EntriesOf(ctx context.Context, fact countersign.Fact, before int64, limit int, fn func(countersign.AuditEntry) error) error
	Entry(ctx context.Context, index int64) (countersign.AuditEntry, error)
}

// expectedRecovery is all a statement says that the server knows beforehand. Its
// nonce is the hash of the newest entry that named these keys or opened a recovery
// under them: once a statement has opened one, it says another nonce than expected.
func expectedRecovery(ctx context.Context, tx reading, o countersign.Organization, ops []countersign.Change, reason string) (statement.Recovery, error) {
	digest, err := statement.RequestDigest(ops, reason)
	if err != nil {
		return statement.Recovery{}, err
	}
	last := o.RecoveryVersion
	err = tx.EntriesOf(ctx, countersign.RecoveryActsFact(), 0, 1, func(e countersign.AuditEntry) error {
		last = max(last, e.Index+1)
		return nil
	})
	if err != nil {
		return statement.Recovery{}, err
	}
	entry, err := tx.Entry(ctx, last-1)
	return statement.Recovery{
		V: statement.Version, Purpose: statement.RecoveryPurpose, Organization: string(o.ID), Request: digest,
		RecoveryVersion: o.RecoveryVersion, Nonce: hex.EncodeToString(audit.LeafHash(entry.Leaf)),
	}, err
}

// checkKeys holds signatures under a statement to the keys of an organization:
// each by another key of the set, all of them right, and enough of them.
func checkKeys(set countersign.RecoverySet, raw string, signatures []countersign.RecoverySignature) error {
	refused := func(field, code, message string) error {
		return countersign.Code(countersign.Refused, code, field, message)
	}
	if len(signatures) < set.Need || len(signatures) > len(set.Keys) {
		return refused("signatures", "not_enough_signatures", "must be as many as the organization asks, each by another of its recovery keys")
	}
	known := make(map[string]string, len(set.Keys))
	for _, key := range set.Keys {
		fingerprint, err := statement.Fingerprint(key.PublicKey)
		if err != nil {
			return err
		}
		known[fingerprint] = key.PublicKey
	}
	for i, s := range signatures {
		public, ours := known[s.Key]
		if !ours {
			return refused("signatures", "key_unknown", "are not all by recovery keys of this organization, each once")
		}
		delete(known, s.Key)
		if statement.VerifyRecovery(public, []byte(raw), s.Signature) != nil {
			return refused("signatures", "signature_invalid", "are not all signatures of this statement")
		}
		if i > 0 && signatures[i-1].Key > s.Key {
			return countersign.E(countersign.Invalid, "signatures", "must stand in the order of their keys")
		}
	}
	return nil
}

// parseRecovery reads a statement and holds it to what it must say whatever the
// log: what is asked, of whom, and under which keys; and the signatures to it.
func parseRecovery(r Recovery, o countersign.Organization) (statement.Recovery, error) {
	said, err := statement.ParseRecovery([]byte(r.Statement))
	if err != nil {
		return said, countersign.E(countersign.Invalid, "statement", "must be a statement of recovery in canonical form, byte for byte as it was signed").Caused(err)
	}
	digest, err := statement.RequestDigest(r.Operations, r.Reason)
	if err != nil {
		return said, err
	}
	want := said
	want.V, want.Purpose, want.Organization = statement.Version, statement.RecoveryPurpose, string(r.Organization)
	want.Request, want.RecoveryVersion = digest, o.RecoveryVersion
	if member := said.Differs(want); member != "" {
		return said, recoveryMismatch(member)
	}
	return said, checkKeys(o.Recovery, r.Statement, r.Signatures)
}

// checkIssued bounds how long people may take to sign.
func checkIssued(said statement.Recovery, now time.Time) error {
	issued, err := time.Parse(statement.TimeFormat, said.IssuedAt)
	if err != nil || issued.After(now) || !now.Before(issued.Add(countersign.RecoveryStatementLife)) {
		return countersign.Code(countersign.Refused, "statement_expired", "statement", "is older than seven days, or from the future; ask for a new one and have it signed")
	}
	return nil
}

func recoveryMismatch(member string) error {
	return &countersign.Error{
		Kind: countersign.Refused, Code: "statement_mismatch", Field: "statement", Detail: map[string]string{"member": member},
		Message: "says something else than what is asked here and now: its " + member + " differs",
	}
}

// RecoveryView is what can be told of an organization's recovery.
type RecoveryView struct {
	countersign.RecoverySet
	// Fingerprints of the keys, in their order.
	Fingerprints []string
	// Version of the set; 0 when none was ever named.
	Version int64
	// Open is the recovery that waits; empty for none.
	Open     countersign.ChangeID
	Revision int64
}

// Recovery reads who could let the organization in again. It needs policies.read.
func (e *Engine) Recovery(ctx context.Context, actor countersign.Actor) (RecoveryView, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return RecoveryView{}, err
	}
	defer v.done()
	if err := access.Require(v.holds, countersign.PoliciesRead); err != nil {
		return RecoveryView{}, err
	}
	o := v.picture.Organization()
	out := RecoveryView{RecoverySet: o.Recovery, Version: o.RecoveryVersion, Revision: v.picture.Position()}
	out.Keys = slices.Clone(out.Keys)
	for _, key := range out.Keys {
		fingerprint, err := statement.Fingerprint(key.PublicKey)
		if err != nil {
			return RecoveryView{}, err
		}
		out.Fingerprints = append(out.Fingerprints, fingerprint)
	}
	if open, is := openRecovery(v.picture, v.now); is {
		out.Open = open.ID
	}
	return out, nil
}
