package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newDemoCommand(*process) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run a server with a small organization, ready to try",
		RunE:  func(*cobra.Command, []string) error { return errors.New("not written yet") },
	}
}
