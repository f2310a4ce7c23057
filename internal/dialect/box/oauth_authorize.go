package box

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

const maxState = 1 << 10

// authorizePage answers GET /oauth2/authorize, where a browser is sent for a
// person to sign in. There is no page for that, and clients register no address
// to be sent back to: a redirect would take a person wherever a link says. So
// nobody is redirected, and the answer says what to do instead.
func (o *OAuth) authorizePage(*oauthCall) error {
	return countersign.Code(countersign.Forbidden, codeNoPage, "",
		"there is no sign-in page here; a person gets a code for a client by POST /oauth2/authorize with his own token")
}

// codeAnswer is a code for a client, shown to the person who asked for it.
type codeAnswer struct {
	Code      string `json:"code"`
	ExpiresIn int64  `json:"expires_in"`
	State     string `json:"state,omitzero"`
}

// authorize answers POST /oauth2/authorize: a person, by his own lasting token,
// lets a client act for him. He gives the code to the client himself, and ends
// what came of it by revoking that token.
func (o *OAuth) authorize(c *oauthCall) error {
	ctx := c.r.Context()
	token, err := bearerToken(c.r)
	if err != nil {
		return err
	}
	person, err := o.Authenticator.Bearer(ctx, token, clientAddr(c.r))
	if err != nil {
		return err
	}
	event := wire.EventOf(ctx)
	event.Organization, event.User, event.Credential = string(person.Organization), string(person.User), string(person.Credential)
	if o.Callers != nil {
		if err := o.Callers.Allow(string(person.Credential)); err != nil {
			return err
		}
	}
	if person.Type != countersign.Person {
		return countersign.Code(countersign.Forbidden, "not_a_person", "", "only people let a client act for them; an account asks for its own token at /oauth2/token")
	}
	q := wire.ParseForm(c.r, 0)
	q.Enum("response_type", "code", "code")
	id, state := q.Required("client_id", maxClientField), q.String("state", "", maxState)
	if err := q.Err(); err != nil {
		return err
	}
	client, err := o.Authenticator.ClientFor(ctx, id, person)
	if err != nil {
		return err
	}
	code, err := o.Sessions.Code(ctx, client, person.Credential, "")
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, codeAnswer{Code: code, ExpiresIn: int64(codeLife.Seconds()), State: state})
	return nil
}
