package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newMeCommand(p *process) *cobra.Command {
	s := &session{process: p}
	cmd := s.command(verb{
		use: "me", short: "Show who you are, and what you may do right now",
		long:    "The user, organization and credential behind your token.",
		example: "  countersign me --as grace",
		run: func(ctx context.Context, _ []string) error {
			var raw []byte
			me, err := s.api.GetMe(ctx, s.reading(&raw)...)
			if err != nil {
				return err
			}
			if s.format() != asTable {
				return printOne(s, meColumns(), *me, raw)
			}
			if err := printOne(s, meColumns()[:len(meColumns())-1], *me, nil); err != nil {
				return err
			}
			fmt.Fprintln(s.out)
			return printRows(s, effectiveColumns(), me.Permissions)
		},
	})
	s.addFlags(cmd, cmd.Flags())
	return cmd
}

func meColumns() []column[client.Me] {
	type me = client.Me
	return []column[me]{
		{name: "organization", cell: func(m me) string { return m.Organization.Name }},
		{name: "sealed", cell: func(m me) string { return yes(m.Organization.Sealed) }},
		{name: "user_id", cell: func(m me) string { return string(m.User.ID) }},
		{name: "name", cell: func(m me) string { return m.User.Name }},
		{name: "email", cell: func(m me) string { return m.User.Email }},
		{name: "type", cell: func(m me) string { return string(m.User.Type) }},
		{name: "role", cell: func(m me) string { return string(m.User.Role) }},
		{name: "groups", cell: func(m me) string { return groupNames(m.User) }},
		{name: "credential_id", cell: func(m me) string { return string(m.Credential.ID) }},
		{name: "credential_type", cell: func(m me) string { return string(m.Credential.Type) }},
		{name: "credential_label", cell: func(m me) string { return m.Credential.Label }},
		{name: "credential_expires_at", cell: func(m me) string { return when(m.Credential.ExpiresAt) }},
		{name: "permissions", cell: func(m me) string {
			var all []client.Permission
			for _, e := range m.Permissions {
				all = append(all, e.Permission)
			}
			return joined(all)
		}},
	}
}
