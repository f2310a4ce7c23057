package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newServeCommand(*process) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		RunE:  func(*cobra.Command, []string) error { return errors.New("not written yet") },
	}
}
