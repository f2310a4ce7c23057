package b2core

import (
	"errors"
	"net/http"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/wire"
)

// Lives of tokens: that of access tokens is the one of the sibling product's
// sample (section 10), that of refresh tokens is ours.
const (
	accessLife  = 36_000 * time.Second
	refreshLife = 30 * 24 * time.Hour
)

// Audience is what short-lived tokens of this API are issued for.
func Audience() authn.Audience {
	return authn.Audience{Name: "b2core", Access: accessLife, Refresh: refreshLife, JWT: true}
}

// maxSecret bounds a password or token that is tried, in bytes.
const maxSecret = 2048

type signInIn struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

type refreshIn struct {
	Token string `json:"refreshToken"`
}

// tokensOut is the answer of a sign-in. There is no second factor: API users
// sign in here, and people do not.
type tokensOut struct {
	SecondFactor bool     `json:"2faRequired"`
	Access       tokenOut `json:"accessToken"`
	Refresh      tokenOut `json:"refreshToken"`
}

type tokenOut struct {
	Token     string  `json:"token"`
	CreatedAt *string `json:"createdAt"`
	ExpiresAt *string `json:"expiresAt"`
}

// public answers a request that carries its proof in its body.
type public func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP answers the error, if there is one.
func (h public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		writeError(w, r, err)
	}
}

// signIn exchanges name and password for tokens. Attempts are counted before
// anything is looked at, for the address and for the name, whether there is
// somebody of that name or not.
func (d *Dialect) signIn(w http.ResponseWriter, r *http.Request) error {
	var in signInIn
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := bounded("email", in.Email, countersign.MaxEmailLength); err != nil {
		return err
	}
	if err := bounded("password", in.Password, maxSecret); err != nil {
		return err
	}
	if err := allow(d.Addresses, clientAddr(r).String()); err != nil {
		return err
	}
	if err := allow(d.Names, authn.SignInName(in.Email)); err != nil {
		return err
	}
	actor, err := d.Authenticator.Password(r.Context(), in.Email, in.Password, clientAddr(r))
	if err != nil {
		return err
	}
	event := wire.EventOf(r.Context())
	event.Organization, event.User, event.Credential = string(actor.Organization), string(actor.User), string(actor.Credential)
	issued, err := d.Sessions.Open(r.Context(), actor, "")
	if err != nil {
		return err
	}
	d.writeTokens(w, issued)
	return nil
}

// refresh exchanges a refresh token, once.
func (d *Dialect) refresh(w http.ResponseWriter, r *http.Request) error {
	var in refreshIn
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := bounded("refreshToken", in.Token, maxSecret); err != nil {
		return err
	}
	if err := allow(d.Addresses, clientAddr(r).String()); err != nil {
		return err
	}
	issued, err := d.Sessions.Renew(r.Context(), in.Token, clientAddr(r))
	if err != nil {
		return err
	}
	d.writeTokens(w, issued)
	return nil
}

func bounded(field, value string, most int) error {
	switch {
	case value == "":
		return countersign.E(countersign.Invalid, field, "is required")
	case len(value) > most:
		return countersign.Code(countersign.Invalid, "too_long", field, "is too long to be one of ours")
	default:
		return nil
	}
}

// allow counts an attempt; a limiter that is not there allows every one.
func allow(l *wire.RateLimiter, key string) error {
	if l == nil {
		return nil
	}
	return l.Allow(key)
}

func (d *Dialect) writeTokens(w http.ResponseWriter, issued authn.Issued) {
	show := func(token string, expires time.Time, life time.Duration) tokenOut {
		return tokenOut{Token: token, CreatedAt: stamp(expires.Add(-life)), ExpiresAt: stamp(expires)}
	}
	wire.WriteJSON(w, http.StatusOK, tokensOut{
		Access:  show(issued.Access, issued.ExpiresAt, accessLife),
		Refresh: show(issued.Refresh, issued.RefreshExpiresAt, refreshLife),
	})
}

// actorOf recognises a bearer token: one that was made for an account, or one
// that a sign-in issued.
func (d *Dialect) actorOf(r *http.Request) (countersign.Actor, error) {
	token, err := bearer(r)
	if err != nil {
		return countersign.Actor{}, err
	}
	actor, err := d.Authenticator.Bearer(r.Context(), token, clientAddr(r))
	if d.Sessions == nil || !errors.Is(err, countersign.Unauthenticated) {
		return actor, err
	}
	actor, _, err = d.Sessions.Resolve(r.Context(), token, clientAddr(r))
	return actor, err
}
