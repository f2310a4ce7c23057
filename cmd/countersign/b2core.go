package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/b2core"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const (
	// A robot signs in once in ten hours. One address may house many of them; one
	// name is one robot, that may be started again and again.
	signInsOfAddress = 60
	signInsOfName    = 20
)

// b2coreFlags are what can be chosen about the B2CORE dialect.
type b2coreFlags struct{ lists string }

func (f *b2coreFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.lists, "b2core-lists", string(b2core.EnvelopeArray),
		"how the B2CORE API answers lists: array for the bare array, object for {data, total, limit, offset}")
}

// check refuses what the flag cannot mean.
func (f *b2coreFlags) check() error {
	if f.lists != string(b2core.EnvelopeArray) && f.lists != string(b2core.EnvelopeObject) {
		return fmt.Errorf("--b2core-lists %q must be %s or %s", f.lists, b2core.EnvelopeArray, b2core.EnvelopeObject)
	}
	return nil
}

func (f *b2coreFlags) config(e *engine.Engine, a *authn.Authenticator, callers *wire.RateLimiter) b2core.Config {
	return b2core.Config{
		Engine: e, Authenticator: a, Sessions: authn.NewSessions(e, time.Now, rand.Reader, b2core.Audience()),
		Callers: callers, Envelope: b2core.Envelope(f.lists),
		Addresses: wire.NewRateLimiter(signInsOfAddress/60.0, signInsOfAddress, rememberedKeys, time.Now),
		Names:     wire.NewRateLimiter(signInsOfName/60.0, signInsOfName, rememberedKeys, time.Now),
	}
}
