package box

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// The grants (contracts/box.md section 4.2). Downscoping is not served: a token
// here can do what its account may, and no less.
const (
	grantClient  = "client_credentials"
	grantJWT     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

// Bounds of form fields in bytes; what we issue is much shorter.
const (
	maxClientField = 256
	maxTokenField  = 2 << 10
	maxAssertion   = 8 << 10
	maxSubject     = 32
)

// tokenForm is a form of the token endpoint, within its bounds. What a grant has
// no use for is ignored.
type tokenForm struct {
	grant                    string
	clientID, clientSecret   string
	subjectType, subject     string
	assertion, code, refresh string
}

func readTokenForm(r *http.Request) (tokenForm, error) {
	q := wire.ParseForm(r, 0)
	f := tokenForm{grant: q.Required("grant_type", maxClientField)}
	if q.Err() == nil && f.grant != grantClient && f.grant != grantJWT && f.grant != grantCode && f.grant != grantRefresh {
		return f, countersign.Code(countersign.Invalid, codeGrantUnknown, "grant_type", "this grant type is not supported")
	}
	f.clientID, f.clientSecret = q.Required("client_id", maxClientField), q.Required("client_secret", maxTokenField)
	switch f.grant {
	case grantClient:
		f.subjectType, f.subject = q.Required("box_subject_type", maxSubject), q.Required("box_subject_id", maxSubject)
	case grantJWT:
		f.assertion = q.Required("assertion", maxAssertion)
	case grantCode:
		f.code = q.Required("code", maxTokenField)
	case grantRefresh:
		f.refresh = q.Required("refresh_token", maxTokenField)
	}
	return f, q.Err()
}

// tokenAnswer is a fresh token as clients read it.
type tokenAnswer struct {
	AccessToken  string   `json:"access_token"`
	ExpiresIn    int64    `json:"expires_in"`
	RestrictedTo []string `json:"restricted_to"`
	TokenType    string   `json:"token_type"`
	RefreshToken string   `json:"refresh_token,omitzero"`
}

// token answers POST /oauth2/token.
func (o *OAuth) token(c *oauthCall) error {
	f, err := readTokenForm(c.r)
	if err != nil {
		return err
	}
	client, err := o.client(c, f.clientID, f.clientSecret)
	if err != nil {
		return err
	}
	issued, err := o.grant(c.r.Context(), client, f, clientAddr(c.r))
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, tokenAnswer{
		AccessToken: issued.Access, ExpiresIn: int64(accessLife.Seconds()), RestrictedTo: []string{}, TokenType: "bearer", RefreshToken: issued.Refresh,
	})
	return nil
}

func (o *OAuth) grant(ctx context.Context, client countersign.Actor, f tokenForm, from netip.Addr) (authn.Issued, error) {
	switch f.grant {
	case grantCode:
		return o.Sessions.Redeem(ctx, f.code, client.Credential, from)
	case grantRefresh:
		return o.Sessions.Refresh(ctx, f.refresh, client.Credential, from)
	case grantJWT:
		assertion, err := o.Assertions.Verify(ctx, client, f.clientID, f.assertion)
		if err != nil {
			return authn.Issued{}, err
		}
		return o.issue(ctx, client, assertion.SubjectType, assertion.Subject, &assertion.Used)
	default:
		return o.issue(ctx, client, f.subjectType, f.subject, nil)
	}
}

// issue makes an access token for the enterprise, that is for the account of the
// client itself, or for a user whom it may act for.
func (o *OAuth) issue(ctx context.Context, client countersign.Actor, subjectType, subject string, used *authn.Mark) (authn.Issued, error) {
	actor, err := o.subject(ctx, client, subjectType, subject)
	if err != nil {
		return authn.Issued{}, err
	}
	issued, err := o.Sessions.Issue(ctx, actor, "", used)
	if errors.Is(err, countersign.Exists) {
		return issued, badSubject() // the assertion was used before
	}
	return issued, err
}

func (o *OAuth) subject(ctx context.Context, client countersign.Actor, kind, id string) (countersign.Actor, error) {
	switch kind {
	case "enterprise":
		organization, err := o.Engine.Organization(ctx, client)
		if err == nil && organization.Number != id {
			err = badSubject()
		}
		return client, err
	case "user":
		number, err := strconv.ParseInt(id, 10, 64)
		if err != nil || strconv.FormatInt(number, 10) != id {
			return client, badSubject()
		}
		actor, err := o.Authenticator.ActFor(ctx, client, number)
		if errors.Is(err, countersign.Forbidden) {
			err = badSubject()
		}
		return actor, err
	default:
		return client, badSubject()
	}
}

// badSubject is one answer for all subjects that a client gets no token for.
func badSubject() error {
	return countersign.Code(countersign.Unauthenticated, authn.CodeGrantInvalid, "", "no such enterprise or user, or none that this client may act for")
}

// revoke answers POST /oauth2/revoke. Whatever the token is, the answer is the
// same: nobody finds out by it whether a token exists.
func (o *OAuth) revoke(c *oauthCall) error {
	q := wire.ParseForm(c.r, 0)
	id, secret := q.Required("client_id", maxClientField), q.Required("client_secret", maxTokenField)
	token := q.Required("token", maxTokenField)
	if err := q.Err(); err != nil {
		return err
	}
	client, err := o.client(c, id, secret)
	if err != nil {
		return err
	}
	if err := o.Sessions.Revoke(c.r.Context(), token, client.Credential); err != nil {
		return err
	}
	if err := o.revokeLasting(c, client, token); err != nil {
		return err
	}
	wire.WriteNothing(c.w, http.StatusOK)
	return nil
}

// revokeLasting ends a developer token of the client's own account. That is a
// credential like any other, so its end is a change with an entry in the log.
func (o *OAuth) revokeLasting(c *oauthCall, client countersign.Actor, token string) error {
	owner, err := o.Authenticator.Bearer(c.r.Context(), token, clientAddr(c.r))
	switch countersign.KindOf(err) {
	case "":
		if err != nil {
			return err
		}
	case countersign.Unauthenticated, countersign.Forbidden:
		return nil
	default:
		return err
	}
	if owner.User != client.User {
		return nil
	}
	_, err = o.Engine.Submit(c.r.Context(), client, []countersign.Change{&countersign.RevokeCredential{CredentialID: owner.Credential}},
		engine.Options{RequestID: wire.EventOf(c.r.Context()).RequestID})
	if errors.Is(err, countersign.Refused) || errors.Is(err, countersign.Unauthenticated) {
		return nil // somebody else has just ended it, or the client
	}
	return err
}
