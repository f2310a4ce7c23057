package native

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

type recoveryKeyOut struct {
	Name        text   `json:"name"`
	PublicKey   string `json:"public_key"`
	Fingerprint string `json:"fingerprint"`
}

type recoveryOut struct {
	Keys         []recoveryKeyOut `json:"keys"`
	Need         int              `json:"need"`
	DelaySeconds int64            `json:"delay_seconds"`
	Version      int64            `json:"version"`
	OpenChange   text             `json:"open_change"`
}

func recoveryToWire(v engine.RecoveryView) recoveryOut {
	out := recoveryOut{Keys: []recoveryKeyOut{}, Need: v.Need, DelaySeconds: v.DelaySeconds, Version: v.Version, OpenChange: text(v.Open)}
	for i, key := range v.Keys {
		out.Keys = append(out.Keys, recoveryKeyOut{text(key.Name), key.PublicKey, v.Fingerprints[i]})
	}
	return out
}

func (d *Dialect) getRecovery(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	v, err := d.Engine.Recovery(c.ctx, c.actor)
	if err != nil {
		return err
	}
	return c.answerObject(v.Revision, v.Version, recoveryToWire(v))
}

func (d *Dialect) replaceRecovery(c *call) error {
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	var set countersign.RecoverySet
	if err := wire.Decode(c.r, 0, &set); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "replaceRecovery", status: http.StatusOK, object: at("recovery", ""), do: d.submit(&countersign.ReplaceRecovery{Recovery: set}),
	}, o)
}

type drillIn struct {
	RuleID string `json:"rule_id"`
}

// runDrill asks the people of a rule whether they are there.
func (d *Dialect) runDrill(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	var b drillIn
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "runDrill", status: http.StatusOK, object: itself, do: d.submit(&countersign.RunDrill{RuleID: b.RuleID}),
	}, o)
}

// recoveryIn is what recovery keys sign, and what is done with their signatures.
type recoveryIn struct {
	OrganizationID countersign.OrganizationID      `json:"organization_id"`
	Operations     []jsontext.Value                `json:"operations"`
	Reason         string                          `json:"reason"`
	Statement      string                          `json:"statement"`
	Signatures     []countersign.RecoverySignature `json:"signatures"`
}

// readRecovery reads the body of somebody who has not signed in. How often one
// address may come is bounded before anything is read.
func (d *Dialect) readRecovery(r *http.Request) (recoveryIn, []countersign.Change, error) {
	var b recoveryIn
	if err := d.allowGuess(r); err != nil {
		return b, nil, err
	}
	if err := wire.ParseQuery(r).Done(); err != nil {
		return b, nil, err
	}
	if err := wire.Decode(r, 0, &b); err != nil {
		return b, nil, err
	}
	if _, err := countersign.ParseUUID("organization_id", string(b.OrganizationID)); err != nil {
		return b, nil, err
	}
	if len(b.Signatures) > countersign.MaxRecoveryKeys {
		return b, nil, countersign.E(countersign.Invalid, "signatures", "must be at most 16")
	}
	ops, err := decodeOperations(b.Operations)
	return b, ops, err
}

// makeRecoveryStatement gives what the holders of recovery keys sign. It has no
// signatures to look at yet, stores nothing and tells nothing of the directory.
func (d *Dialect) makeRecoveryStatement(w http.ResponseWriter, r *http.Request) error {
	b, ops, err := d.readRecovery(r)
	if err != nil {
		return err
	}
	for field, given := range map[string]bool{"statement": b.Statement != "", "signatures": b.Signatures != nil} {
		if given {
			return countersign.E(countersign.Invalid, field, "is what this makes, or what comes after it; leave it out")
		}
	}
	made, err := d.Engine.RecoveryStatement(r.Context(), b.OrganizationID, ops, b.Reason)
	if err != nil {
		return err
	}
	setRevision(w, made.Revision)
	wire.WriteJSON(w, http.StatusOK, statementOut{Statement: made.Statement, Method: countersign.MethodEd25519, ExpiresAt: moment(made.ExpiresAt)})
	return nil
}

type recoveryOpenedOut struct {
	ChangeID  countersign.ChangeID    `json:"change_id"`
	State     countersign.ChangeState `json:"state"`
	Digest    string                  `json:"digest"`
	DueAt     moment                  `json:"due_at"`
	ExpiresAt moment                  `json:"expires_at"`
}

// openRecovery opens a recovery, or tells whoever repeats one how it stands: 202
// while it waits, 200 once it has ended.
func (d *Dialect) openRecovery(w http.ResponseWriter, r *http.Request) error {
	b, ops, err := d.readRecovery(r)
	if err != nil {
		return err
	}
	result, err := d.Engine.Recover(r.Context(), engine.Recovery{
		Organization: b.OrganizationID, Operations: ops, Reason: b.Reason, Statement: b.Statement, Signatures: b.Signatures,
		RequestID: wire.EventOf(r.Context()).RequestID,
	})
	if err != nil {
		return err
	}
	change := result.Change
	out := recoveryOpenedOut{ChangeID: change.ID, State: change.State, Digest: change.Digest, ExpiresAt: moment(change.ExpiresAt)}
	status := http.StatusOK
	if change.State.Open() {
		status, out.DueAt = http.StatusAccepted, moment(change.ScheduledAt.Add(change.Requirement.Delay()))
	}
	setRevision(w, result.Revision)
	w.Header().Set(headerChangeRequest, string(change.ID))
	wire.WriteJSON(w, status, out)
	return nil
}

// decodeOperations reads a list of operations, of which a thousand are refused
// unread.
func decodeOperations(list []jsontext.Value) ([]countersign.Change, error) {
	if len(list) == 0 || len(list) > countersign.MaxOperations {
		return nil, countersign.E(countersign.Invalid, "operations", "must hold 1 to 100 operations")
	}
	ops := make([]countersign.Change, len(list))
	for i, raw := range list {
		op, err := decodeOperation(raw)
		if known, ok := asError(err); ok {
			return nil, known.In("operations." + strconv.Itoa(i))
		}
		if err != nil {
			return nil, err
		}
		ops[i] = op
	}
	return ops, nil
}
