package main

import (
	"crypto/rand"
	"time"

	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/box"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/wire"
)

// boxDialects are the API of Box and the token endpoints that belong to it.
func boxDialects(e *engine.Engine, a *authn.Authenticator, callers *wire.RateLimiter, mount string, audiences []string) []server.Dialect {
	oauth := box.NewOAuth(box.OAuthConfig{
		Engine: e, Authenticator: a, Sessions: authn.NewSessions(e, time.Now, rand.Reader, box.Audience()),
		Assertions: authn.NewAssertions(e, time.Now, append([]string{box.PublicAudience}, audiences...)),
		Callers:    callers,
	})
	return []server.Dialect{
		{Name: "box", Paths: box.Paths(), Mount: mount, API: box.New(box.Config{Engine: e, Authenticate: oauth.Authenticate, Callers: callers})},
		{Name: "box_oauth", Paths: box.OAuthPaths(), Mount: mount, API: oauth},
	}
}
