package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newCheckCommand(p *process) *cobra.Command {
	var explainIt bool
	s := &session{process: p}
	cmd := s.command(verb{
		use: "check USER PERMISSION", short: "Ask whether a user may do something",
		long: `
Prints allowed or denied, and exits 0 or 1 accordingly. --explain tells why.
` + userArgument,
		example: `  countersign check grace@northwind.example vaults.create --explain
  if countersign check settlement-bot payouts.create >/dev/null; then echo may; fi`,
		min: 2, max: 2,
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			var raw []byte
			verdict, err := s.api.Check(ctx, client.Question{UserID: id, Permission: client.Permission(args[1]), Explain: explainIt}, s.reading(&raw)...)
			if err != nil {
				return err
			}
			if err := s.printVerdict(verdict, raw); err != nil {
				return err
			}
			if !verdict.Allowed {
				return saidError{errors.New("denied")}
			}
			return nil
		},
	})
	cmd.Flags().BoolVar(&explainIt, "explain", false, "tell why")
	s.addFlags(cmd, cmd.Flags())
	return cmd
}

func (s *session) printVerdict(v *client.Verdict, raw []byte) error {
	if s.format() != asTable {
		columns := []column[client.Verdict]{
			{name: "allowed", cell: func(v client.Verdict) string { return yes(v.Allowed) }},
			{name: "why", cell: func(v client.Verdict) string { return v.Why }},
			{name: "because", cell: func(v client.Verdict) string { return because(v.Because) }},
			{name: "pending_change", cell: func(v client.Verdict) string { return string(v.PendingChange) }},
			{name: "revision", cell: func(v client.Verdict) string { return number(v.Revision) }},
		}
		return printOne(s, columns, *v, raw)
	}
	if v.Allowed {
		fmt.Fprint(s.out, "allowed")
		if len(v.Because) > 0 {
			fmt.Fprint(s.out, ": "+visible(because(v.Because)))
		}
		fmt.Fprintln(s.out)
		return nil
	}
	fmt.Fprintf(s.out, "denied: %s\n", visible(strings.ReplaceAll(first(v.Why, "not_granted"), "_", " ")))
	if v.PendingChange != "" {
		fmt.Fprintf(s.out, "  an open change would grant it: countersign changes show %s\n", v.PendingChange)
	}
	return nil
}
