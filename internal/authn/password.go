package authn

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/secret"
)

// CodeSignInRefused is a name and password that are not accepted: nobody learns
// which of the two was wrong.
const CodeSignInRefused = "sign_in_refused"

func badSignIn() error {
	return countersign.Code(countersign.Unauthenticated, CodeSignInRefused, "", "name and password are not accepted")
}

// SignInName is a name as it is compared: what has the same one is the same name.
func SignInName(name string) string { return names.FoldEmail(strings.TrimSpace(name)) }

// Password recognises an API user by its email-shaped name and its password
// (contracts/b2core.md section 10). People have no passwords.
//
// The password alone is looked up: it is 256 random bits made here, known by its
// hash, and belongs to one account. The name is compared only once there is a
// password to compare it with. A guess therefore takes the same way, and the same
// time, whether there is somebody of that name or not.
func (a *Authenticator) Password(ctx context.Context, name, password string, from netip.Addr) (countersign.Actor, error) {
	org, id, err := a.engine.SecretHolder(ctx, secret.Hash(password))
	if errors.Is(err, countersign.NotFound) {
		return countersign.Actor{}, badSignIn()
	}
	if err != nil {
		return countersign.Actor{}, err
	}
	picture, err := a.engine.Picture(ctx, org)
	if err != nil {
		return countersign.Actor{}, err
	}
	credential, ok := picture.Credential(id)
	if !ok || credential.Type != countersign.Password || !credential.WorksAt(a.now()) {
		return countersign.Actor{}, badSignIn()
	}
	user, ok := picture.User(credential.UserID, a.now())
	if !ok || user.Type != countersign.APIUser || SignInName(user.Name) != SignInName(name) {
		return countersign.Actor{}, badSignIn()
	}
	actor, err := account(picture, org, &credential, countersign.ByAccessToken, from)
	if errors.Is(err, countersign.Unauthenticated) {
		err = badSignIn() // suspended, or nobody answers for it any more
	}
	return actor, err
}
