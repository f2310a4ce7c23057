package box

import (
	"net/http"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// The lives of tokens (contracts/box.md section 4.2).
const (
	accessLife  = time.Hour
	refreshLife = 60 * 24 * time.Hour
	codeLife    = 30 * time.Second
)

// PublicAudience is for whom published clients sign their assertions, wherever
// they send them.
const PublicAudience = "https://api.box.com/oauth2/token"

// Audience is whose tokens these are.
func Audience() authn.Audience {
	return authn.Audience{Name: "box", Access: accessLife, Refresh: refreshLife, Code: codeLife}
}

// OAuthConfig is what the token endpoints are made of. All but Callers are
// required; Sessions must be those of Audience.
type OAuthConfig struct {
	Engine        *engine.Engine
	Authenticator *authn.Authenticator
	Sessions      *authn.Sessions
	Assertions    *authn.Assertions
	// Callers bounds how often one credential may ask; nil does not.
	Callers *wire.RateLimiter
}

// OAuth answers /oauth2: it turns the credential of a client into short-lived
// tokens, and recognises them (contracts/box.md section 4.2). It is an API of its
// own because its errors have another shape than those of /2.0.
type OAuth struct {
	OAuthConfig
	mux *wire.Mux
}

// maxOAuthBody is four times what the longest assertion takes.
const maxOAuthBody = 32 << 10

// NewOAuth returns the endpoints with all their routes.
func NewOAuth(c OAuthConfig) *OAuth {
	o := &OAuth{OAuthConfig: c, mux: wire.NewMux(writeOAuthError)}
	route := func(method, pattern, name string, h func(*oauthCall) error) wire.Route {
		return wire.Route{
			Method: method, Pattern: pattern, Name: name, Public: true, BodyLimit: maxOAuthBody,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := h(&oauthCall{w: w, r: r}); err != nil {
					writeOAuthError(w, r, err)
				}
			}),
		}
	}
	o.mux.Handle(
		route("POST", "/oauth2/token", "oauth2.token", o.token),
		route("POST", "/oauth2/revoke", "oauth2.revoke", o.revoke),
		route("GET", "/oauth2/authorize", "oauth2.authorize_page", o.authorizePage),
		route("POST", "/oauth2/authorize", "oauth2.authorize", o.authorize),
	)
	return o
}

// OAuthPaths are the prefixes of the routes.
func OAuthPaths() []string { return []string{"/oauth2/"} }

// ServeHTTP answers one request.
func (o *OAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

// Routes returns the rows, for metrics and tests.
func (o *OAuth) Routes() []wire.Route { return o.mux.Routes() }

// Authenticate resolves who calls /2.0: by an access token from here, or by a
// lasting token of the directory, which Box calls a developer token; and for whom,
// by As-User.
func (o *OAuth) Authenticate(r *http.Request) (Caller, error) {
	token, err := bearerToken(r)
	if err != nil {
		return Caller{}, err
	}
	actor, _, err := o.Sessions.Resolve(r.Context(), token, clientAddr(r))
	if countersign.KindOf(err) == countersign.Unauthenticated {
		actor, err = o.Authenticator.Bearer(r.Context(), token, clientAddr(r))
	}
	if err != nil {
		return Caller{}, err
	}
	actor, err = asUser(r, o.Authenticator, actor)
	return Caller{Actor: actor}, err
}

// oauthCall is one request.
type oauthCall struct {
	w http.ResponseWriter
	r *http.Request
}

// client recognises the client that a form names, and takes one from its allowance.
func (o *OAuth) client(c *oauthCall, id, secret string) (countersign.Actor, error) {
	client, err := o.Authenticator.Client(c.r.Context(), id, secret, clientAddr(c.r))
	if err != nil {
		return client, err
	}
	event := wire.EventOf(c.r.Context())
	event.Organization, event.User, event.Credential = string(client.Organization), string(client.User), string(client.Credential)
	if o.Callers != nil {
		err = o.Callers.Allow(string(client.Credential))
	}
	return client, err
}
