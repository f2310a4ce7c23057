package native

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) listCredentials(c *call) error {
	q := wire.ParseQuery(c.r)
	whose := id[countersign.UserID](q, "user_id")
	if err := q.Done(); err != nil {
		return err
	}
	if whose == "" {
		whose = c.actor.User
	}
	rows, revision, err := d.Engine.Credentials(c.ctx, c.actor, whose)
	if err != nil {
		return err
	}
	return c.answer(revision, whole(rows, credentialToWire))
}

func (d *Dialect) getCredential(c *call) error {
	id, err := pathID[countersign.CredentialID](c.r, "credential_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	k, revision, err := d.Engine.Credential(c.ctx, c.actor, id)
	if err != nil {
		return err
	}
	return c.answerObject(revision, k.Version, credentialToWire(k))
}

type newCredential struct {
	UserID          countersign.UserID         `json:"user_id"`
	Type            countersign.CredentialType `json:"type"`
	Label           string                     `json:"label"`
	LifetimeSeconds countersign.Opt[int64]     `json:"lifetime_seconds"`
	PublicKey       string                     `json:"public_key"`
}

// lifetime refuses a zero that was given: to the engine it means the default.
func (n newCredential) lifetime() (int64, error) {
	given := n.LifetimeSeconds
	if given.Set && (given.Null || given.Value < 1) {
		return 0, countersign.Code(countersign.Invalid, wire.CodeOutOfRange, "lifetime_seconds", "must be between 1 and 315360000; leave it out for the default")
	}
	return given.Value, nil
}

func (d *Dialect) createCredential(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	var b newCredential
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	lifetime, err := b.lifetime()
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "createCredential", status: http.StatusCreated, object: newCredentialPath,
		do: d.submit(&countersign.CreateCredential{
			UserID: b.UserID, Type: b.Type, Label: b.Label, LifetimeSeconds: lifetime, PublicKey: b.PublicKey,
		}),
	}, o)
}

func newCredentialPath(r countersign.ChangeRequest) string {
	var made countersign.CredentialID
	switch op := r.Operations[0].(type) {
	case *countersign.CreateCredential:
		made = op.CredentialID
	case *countersign.IssueEnrolmentCode:
		made = op.CredentialID
	}
	return "credentials/" + string(made)
}

type userReference struct {
	UserID countersign.UserID `json:"user_id"`
}

func (d *Dialect) issueEnrolmentCode(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	var b userReference
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "issueEnrolmentCode", status: http.StatusCreated, object: newCredentialPath,
		do: d.submit(&countersign.IssueEnrolmentCode{UserID: b.UserID}),
	}, o)
}

func (d *Dialect) revokeCredential(c *call) error {
	return d.actOnCredential(c, "revokeCredential", http.StatusNoContent, func(id countersign.CredentialID) countersign.Change {
		return &countersign.RevokeCredential{CredentialID: id}
	})
}

func (d *Dialect) collectSecret(c *call) error {
	return d.actOnCredential(c, "collectSecret", http.StatusOK, func(id countersign.CredentialID) countersign.Change {
		return &countersign.CollectSecret{CredentialID: id}
	})
}

func (d *Dialect) actOnCredential(c *call, route string, status int, change func(countersign.CredentialID) countersign.Change) error {
	id, err := pathID[countersign.CredentialID](c.r, "credential_id")
	if err != nil {
		return err
	}
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	if err := noBody(c.r); err != nil {
		return err
	}
	return d.mutate(c, mutation{route: route, status: status, object: at("credentials", id), do: d.submit(change(id))}, o)
}

type redemption struct {
	Code  string `json:"code"`
	Label string `json:"label"`
}

type redeemedOut struct {
	UserID   countersign.UserID `json:"user_id"`
	ChangeID string             `json:"change_id"`
	Secrets  []secretOut        `json:"secrets"`
}

// maxCode is far above the length of a code.
const maxCode = 200

func (d *Dialect) redeemCode(w http.ResponseWriter, r *http.Request) error {
	return d.redeem(w, r, "redeemCode", "")
}

func (d *Dialect) activateUser(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID[countersign.UserID](r, "user_id")
	if err != nil {
		return err
	}
	return d.redeem(w, r, "activateUser", id)
}

// redeem exchanges a code for a token. The code is all the proof there is, so
// guessing is bounded by address before anything is read.
func (d *Dialect) redeem(w http.ResponseWriter, r *http.Request, route string, user countersign.UserID) error {
	if err := d.allowGuess(r); err != nil {
		return err
	}
	if err := wire.ParseQuery(r).Done(); err != nil {
		return err
	}
	var o engine.Options
	var err error
	if o.Once, err = once(r); err != nil {
		return err
	}
	var b redemption
	if err := wire.Decode(r, 0, &b); err != nil {
		return err
	}
	switch {
	case b.Code == "":
		return countersign.E(countersign.Invalid, "code", "is required")
	case len(b.Code) > maxCode:
		return countersign.Code(countersign.Invalid, "too_long", "code", "is longer than any code")
	}
	return d.finishRedemption(w, r, route, engine.Redemption{Code: b.Code, Label: b.Label, User: user}, o)
}

func (d *Dialect) finishRedemption(w http.ResponseWriter, r *http.Request, route string, code engine.Redemption, o engine.Options) error {
	render := func(out countersign.Outcome, reveal bool) redeemedOut {
		body := redeemedOut{ChangeID: string(out.Change.ID), Secrets: secretsToWire(out.Secrets, reveal)}
		if len(out.Secrets) > 0 {
			body.UserID = out.Secrets[0].User
		}
		return body
	}
	o.RequestID = wire.EventOf(r.Context()).RequestID
	if o.Once != nil {
		o.Once.Route = route
		o.Once.Answer = func(result engine.Result, err error) engine.Answer {
			if err != nil {
				p := problemOf(err)
				return engine.Answer{Status: p.status, Body: wire.MustEncode(p.members)}
			}
			return engine.Answer{Status: http.StatusOK, Body: wire.MustEncode(render(result.Outcome, false))}
		}
	}
	result, err := d.Engine.Redeem(r.Context(), code, o)
	if err != nil {
		return err
	}
	if result.Replayed != nil {
		w.Header().Set(headerReplayed, "true")
		return replayRedemption(w, r, *result.Replayed)
	}
	setRevision(w, result.Revision)
	wire.WriteJSON(w, http.StatusOK, render(result.Outcome, true))
	return nil
}

// allowGuess bounds how often one address may try codes and setup tokens.
func (d *Dialect) allowGuess(r *http.Request) error {
	if d.Codes == nil {
		return nil
	}
	return d.Codes.Allow(clientAddr(r).String())
}

func replayRedemption(w http.ResponseWriter, r *http.Request, a engine.Answer) error {
	if a.Status >= http.StatusBadRequest {
		p, err := storedProblem(a.Status, a.Body)
		if err != nil {
			return err
		}
		writeProblem(w, wire.EventOf(r.Context()).RequestID, p)
		return nil
	}
	wire.WriteJSON(w, a.Status, jsontext.Value(a.Body))
	return nil
}
