package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

// create sends a new user and tells what became of it.
func (s *session) createUser(ctx context.Context, w *writing, u client.NewUser, what string, then func(*client.Change) string) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := s.api.CreateUser(ctx, u, opts...)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.User]{what: what, columns: userColumns(), then: then}, out, raw)
}

// allotted reads an id that the first operation of a change was given.
func allotted(c *client.Change, name string) string {
	if len(c.Operations) == 0 {
		return ""
	}
	return plainValue(c.Operations[0].Fields[name])
}

func codeNext(c *client.Change) string {
	if id := allotted(c, "user_id"); id != "" {
		return "countersign users onboarding-code " + id
	}
	return ""
}

func (s *session) usersInvite(parent *cobra.Command) {
	var u client.UserInvite
	var groups, profile []string
	role := &choice{}
	var w *writing
	cmd := s.add(parent, verb{
		use: "invite", short: "Invite a person", required: []string{"name", "email", "role"},
		long: `
Once the invitation is applied, make an onboarding code (users onboarding-code)
and hand it over; its owner redeems it (credentials redeem) and becomes active.`,
		example: "  countersign users invite --name Grace --email grace@northwind.example --role trader --group Treasury",
		run: func(ctx context.Context, _ []string) error {
			var err error
			if u.GroupIDs, err = s.groups(ctx, groups); err != nil {
				return err
			}
			if u.Profile, err = profileEntries(profile); err != nil {
				return err
			}
			u.Role = client.Role(role.value)
			return s.createUser(ctx, w, u, u.Name+" is invited", codeNext)
		},
	})
	cmd.Flags().StringVar(&u.Name, "name", "", "name")
	cmd.Flags().StringVar(&u.Email, "email", "", "email address")
	cmd.Flags().StringArrayVar(&profile, "profile", nil, "`NAME=VALUE` of an entry such as phone; may be repeated")
	role.allowed = []string{"admin", "trader", "viewer", "none"}
	role.add(cmd, cmd.Flags(), "role", "", "role")
	cmd.Flags().StringArrayVar(&groups, "group", nil, "`GROUP` to join; may be repeated")
	w = writes(cmd, false)
}

func (s *session) usersCreateAPIUser(parent *cobra.Command) {
	var u client.UserCreateAPIUser
	var groups, permissions []string
	var responsible string
	role := &choice{value: "none"}
	var w *writing
	cmd := s.add(parent, verb{
		use: "create-api-user", short: "Create an API user", required: []string{"name", "responsible"},
		long: `
An API user acts for a program. The person responsible counts as the requester of
everything it asks for, so that nobody approves what his own program wanted.
Credentials are made with credentials create.`,
		example: "  countersign users create-api-user --name settlement-bot --role viewer --responsible vera@northwind.example --allowed-ip 192.0.2.0/24",
		run: func(ctx context.Context, _ []string) error {
			var err error
			if u.GroupIDs, err = s.groups(ctx, groups); err != nil {
				return err
			}
			if u.ResponsiblePersonID, err = s.user(ctx, responsible); err != nil {
				return err
			}
			u.Role, u.Permissions = client.Role(role.value), typed[client.Permission](permissions)
			return s.createUser(ctx, w, u, u.Name+" is created", func(c *client.Change) string {
				if id := allotted(c, "user_id"); id != "" {
					return "countersign credentials create " + id + " --type token"
				}
				return ""
			})
		},
	})
	flags := cmd.Flags()
	flags.StringVar(&u.Name, "name", "", "name")
	role.allowed = []string{"trader", "viewer", "none"}
	role.add(cmd, flags, "role", "", "role")
	flags.StringVar(&responsible, "responsible", "", "`PERSON` who answers for it: id, email or exact name")
	flags.StringSliceVar(&permissions, "permission", nil, "individual `PERMISSION`; may be repeated")
	flags.StringSliceVar(&u.AllowedIPs, "allowed-ip", nil, "`ADDRESS` or prefix it may call from (default: anywhere)")
	flags.StringArrayVar(&groups, "group", nil, "`GROUP` to join; may be repeated")
	w = writes(cmd, false)
}

func (s *session) usersCreateAPISigner(parent *cobra.Command) {
	var u client.UserCreateAPISigner
	var responsible string
	var w *writing
	cmd := s.add(parent, verb{
		use: "create-api-signer", short: "Create a signing device", required: []string{"name", "responsible"},
		long:    "It enrols as a person does: users onboarding-code, then credentials redeem.",
		example: "  countersign users create-api-signer --name hsm-1 --responsible vera@northwind.example",
		run: func(ctx context.Context, _ []string) error {
			var err error
			if u.ResponsiblePersonID, err = s.user(ctx, responsible); err != nil {
				return err
			}
			return s.createUser(ctx, w, u, u.Name+" is created", codeNext)
		},
	})
	cmd.Flags().StringVar(&u.Name, "name", "", "name")
	cmd.Flags().StringVar(&responsible, "responsible", "", "`PERSON` who answers for it: id, email or exact name")
	w = writes(cmd, false)
}

func (s *session) usersCreateEndUser(parent *cobra.Command) {
	var u client.UserCreateEndUser
	var w *writing
	cmd := s.add(parent, verb{
		use: "create-end-user", short: "Create an end user", required: []string{"external-id"},
		long:    "An end user is a customer of yours, known by your own id of him.",
		example: "  countersign users create-end-user --external-id customer-4711",
		run: func(ctx context.Context, _ []string) error {
			return s.createUser(ctx, w, u, "end user "+u.ExternalID+" is created", nil)
		},
	})
	cmd.Flags().StringVar(&u.ExternalID, "external-id", "", "your own id of him")
	cmd.Flags().StringVar(&u.Name, "name", "", "name")
	w = writes(cmd, false)
}
