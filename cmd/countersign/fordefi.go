package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/fordefi"
	"github.com/countersign/countersign/internal/engine"
)

// fordefiFlags are what can be chosen about the Fordefi dialect.
type fordefiFlags struct {
	title, profile string
	rate           int
}

func (f *fordefiFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.title, "fordefi-title", "Fordefi", "name of the service in the document at /openapi.json, such as XFT")
	flags.StringVar(&f.profile, "fordefi-profile", string(fordefi.Newest), "generation of the Fordefi API where a request names none: newest or seed")
	flags.IntVar(&f.rate, "fordefi-rate", 300, "requests one user may send to the Fordefi API in 60 seconds, on each node; 0 for no limit")
}

// check refuses what the flags cannot mean.
func (f *fordefiFlags) check() error {
	switch {
	case f.profile != string(fordefi.Newest) && f.profile != string(fordefi.Seed):
		return fmt.Errorf("--fordefi-profile %q must be %s or %s", f.profile, fordefi.Newest, fordefi.Seed)
	case f.rate < 0:
		return fmt.Errorf("--fordefi-rate %d must be 0 or more", f.rate)
	case f.title == "" || len(f.title) > 100:
		return fmt.Errorf("--fordefi-title must have 1 to 100 characters")
	}
	return nil
}

func (f *fordefiFlags) config(e *engine.Engine, a *authn.Authenticator) fordefi.Config {
	return fordefi.Config{
		Engine: e, Authenticator: a, Now: time.Now, Title: f.title, Profile: fordefi.Profile(f.profile), Rate: f.rate,
	}
}
