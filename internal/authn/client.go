package authn

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/roster"
)

// Codes of why an OAuth client gets nothing.
const (
	// CodeClientInvalid is one that is unknown, revoked or expired, or whose
	// secret is wrong: nobody learns which.
	CodeClientInvalid = "client_invalid"
	// CodeClientStopped is one whose secret is right, and whose account may not
	// call, or not from there.
	CodeClientStopped = "client_stopped"
)

// Client recognises an OAuth client by its id and secret.
func (a *Authenticator) Client(ctx context.Context, id, value string, from netip.Addr) (countersign.Actor, error) {
	org, picture, credential, err := a.client(ctx, id)
	if err != nil {
		return countersign.Actor{}, err
	}
	// Compared also where there is nothing to compare with, so that both take
	// the same way.
	sum := sha256.Sum256([]byte(value))
	same := subtle.ConstantTimeCompare(sum[:], credential.SecretHash) == 1
	if !same || credential.Type != countersign.OAuthClient || !credential.WorksAt(a.now()) {
		return countersign.Actor{}, badClient()
	}
	actor, err := account(picture, org, &credential, countersign.ByAccessToken, from)
	switch countersign.KindOf(err) {
	case countersign.Unauthenticated, countersign.Forbidden:
		return countersign.Actor{}, countersign.Code(countersign.Forbidden, CodeClientStopped, "", "the account of this client may not call, or not from this address").Caused(err)
	default:
		return actor, err
	}
}

// client finds the credential of a client id; an unknown one has an empty credential.
func (a *Authenticator) client(ctx context.Context, id string) (countersign.OrganizationID, *roster.Picture, countersign.Credential, error) {
	none := countersign.Credential{}
	org, credentialID, err := a.engine.Client(ctx, id)
	if errors.Is(err, countersign.NotFound) || errors.Is(err, countersign.Invalid) {
		return "", nil, none, nil
	}
	if err != nil {
		return "", nil, none, err
	}
	picture, err := a.engine.Picture(ctx, org)
	if err != nil {
		return "", nil, none, err
	}
	credential, _ := picture.Credential(credentialID)
	return org, picture, credential, nil
}

func badClient() error {
	return countersign.Code(countersign.Unauthenticated, CodeClientInvalid, "", "the client id and secret are not accepted")
}

// ClientFor is a client, named by its id alone, as it would act for the person
// who asks: what a person has to be before he lets it.
func (a *Authenticator) ClientFor(ctx context.Context, id string, person countersign.Actor) (countersign.Actor, error) {
	refused := countersign.Code(countersign.Forbidden, CodeClientStopped, "client_id", "names no client that may act for you")
	org, picture, credential, err := a.client(ctx, id)
	if err != nil {
		return countersign.Actor{}, err
	}
	if org != person.Organization || credential.Type != countersign.OAuthClient || !credential.WorksAt(a.now()) {
		return countersign.Actor{}, refused
	}
	user, ok := picture.Account(credential.UserID)
	if !ok || user.State != countersign.UserActive {
		return countersign.Actor{}, refused
	}
	client := countersign.Actor{
		Organization: org, User: user.ID, Type: user.Type, ResponsiblePerson: user.ResponsiblePersonID,
		Credential: credential.ID, Method: countersign.ByAccessToken, Subject: person.User,
	}
	if engine.ActFor(picture, client, client.Subject, a.now()) != nil {
		return countersign.Actor{}, refused
	}
	return client, nil
}

// ActFor is the actor as he acts for the user of a number, in his organization
// (contracts/box.md section 4.1). For himself he is who he was; who acts for one
// user cannot act for another. Whatever is wrong, the error is the same.
func (a *Authenticator) ActFor(ctx context.Context, actor countersign.Actor, number int64) (countersign.Actor, error) {
	refused := countersign.Code(countersign.Forbidden, "may_not_act_for", "", "this account may not act for that user")
	picture, err := a.engine.Picture(ctx, actor.Organization)
	if err != nil {
		return countersign.Actor{}, err
	}
	user, ok := picture.UserByNumber(number, a.now())
	switch {
	case !ok:
		return countersign.Actor{}, refused
	case user.ID == actor.Viewer():
		return actor, nil
	case actor.Subject != "" || engine.ActFor(picture, actor, user.ID, a.now()) != nil:
		return countersign.Actor{}, refused
	}
	actor.Subject = user.ID
	return actor, nil
}
