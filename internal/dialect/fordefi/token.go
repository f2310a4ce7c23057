package fordefi

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

const (
	// defaultExpiration and maxExpiration are the published bounds of a token's
	// life, in seconds (contract section 3.1).
	defaultExpiration = "86400"
	maxExpiration     = 315_360_000
)

func (d *Dialect) listTokens(c *call) error {
	return d.show(c, func(a *answer) error {
		offset, limit := c.args.page()
		list, err := a.look.Tokens(countersign.EndUser, as[countersign.UserID](c.args.list("user_ids")), countersign.Page{Offset: offset, Limit: limit})
		if err != nil {
			return err
		}
		a.list(c, list.Total, "auth_tokens")
		for i := range list.Items {
			a.comma()
			a.token(&list.Items[i])
			a.raw("}")
		}
		a.endList()
		return nil
	})
}

// token appends an AuthToken, but for its last brace.
func (a *answer) token(c *countersign.Credential) {
	a.raw("{")
	a.word("id", string(c.ID))
	a.time("created_at", c.CreatedAt)
	a.time("modified_at", c.ModifiedAt)
	a.word("user_id", string(c.UserID))
	a.time("expired_at", c.ExpiresAt)
	a.word("user_type", string(countersign.EndUser))
}

// createToken makes a token of an end user and shows it, this once.
func (d *Dialect) createToken(c *call) error {
	id := countersign.UserID(c.args.text("user_id"))
	if c.args.text("user_type") != string(countersign.EndUser) {
		return cannotIssue()
	}
	done, err := d.plan(c, func(now engine.Present) ([]countersign.Change, error) {
		u, ok := now.User(id)
		switch {
		case !ok || u.State == countersign.UserPendingApproval:
			return nil, noSuchEndUser(string(id))
		case u.Type != countersign.EndUser:
			return nil, cannotIssue()
		}
		return []countersign.Change{&countersign.CreateCredential{
			UserID: id, Type: countersign.Token, LifetimeSeconds: c.args.number("expiration"),
		}}, nil
	})
	if err != nil {
		return err
	}
	if len(done.Secrets) == 0 {
		return errNotWhatWasAsked
	}
	secret := done.Secrets[0]
	a := &answer{profile: c.profile}
	a.token(&countersign.Credential{
		ID: secret.Credential, UserID: secret.User, CreatedAt: done.Change.CreatedAt, ModifiedAt: done.Change.CreatedAt, ExpiresAt: secret.ExpiresAt,
	})
	a.text("access_token", secret.Reveal())
	a.raw("}")
	c.send(http.StatusOK, a.b)
	return nil
}

func cannotIssue() error {
	return precondition("cannot_issue_token_for_user_type", "Tokens are issued here for end users only.")
}

func (d *Dialect) revokeToken(c *call) error {
	id := countersign.CredentialID(c.args.text("id"))
	missing := notFound(aToken, "Authorization token "+string(id)+" not found")
	if _, err := d.plan(c, func(now engine.Present) ([]countersign.Change, error) {
		credential, ok := now.Credential(id)
		if !ok || credential.Type != countersign.Token || !credential.WorksAt(now.Now()) {
			return nil, missing
		}
		if u, ok := now.User(credential.UserID); !ok || u.Type != countersign.EndUser {
			return nil, missing
		}
		return []countersign.Change{&countersign.RevokeCredential{CredentialID: id}}, nil
	}); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
