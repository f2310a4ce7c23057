package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newInitCommand(*process) *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Found the first organization and its first admin",
		RunE:  func(*cobra.Command, []string) error { return errors.New("not written yet") },
	}
}
