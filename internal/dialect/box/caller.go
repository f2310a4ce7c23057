package box

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
)

// Scope is a right that a token may lack although its account has it
// (contracts/box.md section 4.1).
type Scope string

// The scopes that operations ask for.
const (
	ManageGroups       Scope = "manage_groups"
	ManageManagedUsers Scope = "manage_managed_users"
	ManageAppUsers     Scope = "manage_app_users"
)

// Caller is who a request is from, as its token and As-User say.
type Caller struct {
	// Actor has a Subject where somebody acts for another user.
	Actor countersign.Actor
	// Scopes are those the token is bound to; nil means that it is bound to none
	// and lacks nothing.
	Scopes []Scope
}

// has reports whether the token was given a scope.
func (c *Caller) has(s Scope) bool { return c.Scopes == nil || slices.Contains(c.Scopes, s) }

// Authenticate resolves the caller of a request, As-User included. Every failure
// of the token itself is Unauthenticated, which is answered with 401 and an
// empty body; an As-User that may not be is Forbidden.
type Authenticate func(r *http.Request) (Caller, error)

// Bearer recognises the directory's own long-lived tokens: what Box calls
// developer tokens.
func Bearer(a *authn.Authenticator) Authenticate {
	return func(r *http.Request) (Caller, error) {
		token, err := bearerToken(r)
		if err != nil {
			return Caller{}, err
		}
		actor, err := a.Bearer(r.Context(), token, clientAddr(r))
		if err != nil {
			return Caller{}, err
		}
		actor, err = asUser(r, a, actor)
		return Caller{Actor: actor}, err
	}
}

// bearerToken reads the token of a request: one header, one scheme, one token.
func bearerToken(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 1 {
		scheme, token, ok := strings.Cut(values[0], " ")
		if ok && strings.EqualFold(scheme, "Bearer") && token != "" && !strings.Contains(token, " ") {
			return token, nil
		}
	}
	return "", countersign.E(countersign.Unauthenticated, "Authorization", "must be one header: Bearer, a blank, and the token")
}

// asUser makes the actor act for whom As-User names.
func asUser(r *http.Request, a *authn.Authenticator, actor countersign.Actor) (countersign.Actor, error) {
	values := r.Header.Values("As-User")
	if len(values) == 0 {
		return actor, nil
	}
	number, err := strconv.ParseInt(strings.Join(values, ","), 10, 64)
	if err != nil {
		number = 0 // nobody's
	}
	return a.ActFor(r.Context(), actor, number)
}

// clientAddr is the address a request came from; internal/server has already
// looked behind trusted proxies.
func clientAddr(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap()
}
