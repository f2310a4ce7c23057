package native

import (
	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

type statementIn struct {
	Decision     countersign.Decision      `json:"decision"`
	CredentialID countersign.CredentialID  `json:"credential_id"`
	Method       countersign.SigningMethod `json:"method"`
}

type statementOut struct {
	Statement string                    `json:"statement"`
	Method    countersign.SigningMethod `json:"method"`
	ExpiresAt moment                    `json:"expires_at"`
}

// makeStatement gives an approver what he would sign. It changes nothing and has
// no idempotency key: another statement replaces the one before.
func (d *Dialect) makeStatement(c *call) error {
	id, err := pathID[countersign.ChangeID](c.r, "change_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	var b statementIn
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	if err := engine.CheckMethod(b.Method); err != nil {
		return err
	}
	if b.CredentialID != "" {
		if _, err := countersign.ParseUUID("credential_id", string(b.CredentialID)); err != nil {
			return err
		}
	}
	made, err := d.Engine.Statement(c.ctx, c.actor, id, b.Decision, b.CredentialID)
	if err != nil {
		return err
	}
	return c.answer(made.Revision, statementOut{Statement: made.Statement, Method: countersign.MethodEd25519, ExpiresAt: moment(made.ExpiresAt)})
}

type documentOut struct {
	ID          countersign.ChangeID           `json:"id"`
	Digest      string                         `json:"digest"`
	DigestWords string                         `json:"digest_words"`
	Document    string                         `json:"document"`
	Openings    map[string]countersign.Opening `json:"openings"`
}

// getChangeDocument gives the bytes a digest is computed over, as a text, so that
// no reader of JSON changes one of them.
func (d *Dialect) getChangeDocument(c *call) error {
	id, err := pathID[countersign.ChangeID](c.r, "change_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	doc, err := d.Engine.ChangeDocument(c.ctx, c.actor, id)
	if err != nil {
		return err
	}
	out := documentOut{ID: doc.ID, Digest: doc.Digest, DigestWords: engine.DigestWords(doc.Digest), Document: string(doc.Document), Openings: doc.Openings}
	if out.Openings == nil {
		out.Openings = map[string]countersign.Opening{}
	}
	return c.answer(doc.Revision, out)
}
