package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func audiences() []string {
	return []string{string(client.AdminsOnly), string(client.AdminsAndMembers), string(client.AllManagedUsers)}
}

// changeGroup sends a write on a group and tells what became of it.
func (s *session) changeGroup(ctx context.Context, w *writing, what string, send func(...client.WriteOption) (*client.Outcome[client.Group], error)) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := send(opts...)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.Group]{what: what, columns: groupColumns()}, out, raw)
}

func (s *session) groupsCreate(parent *cobra.Command) {
	var g client.GroupCreate
	var permissions, members []string
	invitability, viewability := choice{allowed: audiences()}, choice{allowed: audiences()}
	var w *writing
	cmd := s.add(parent, verb{
		use: "create NAME", short: "Create a group", long: "The name may also be given as --name.",
		example: "  countersign groups create 'Night shift' --permission transactions.create --member grace@northwind.example", max: 1,
		run: func(ctx context.Context, args []string) error {
			if (len(args) == 1) == s.given("name") {
				return usage("give one name of the group")
			}
			if len(args) == 1 {
				g.Name = args[0]
			}
			var err error
			if g.MemberIDs, err = s.users(ctx, members); err != nil {
				return err
			}
			g.Permissions = typed[client.Permission](permissions)
			g.Invitability, g.MemberViewability = client.Audience(invitability.value), client.Audience(viewability.value)
			return s.changeGroup(ctx, w, g.Name+" is created", func(opts ...client.WriteOption) (*client.Outcome[client.Group], error) {
				return s.api.CreateGroup(ctx, g, opts...)
			})
		},
	})
	flags := cmd.Flags()
	flags.StringVar(&g.Name, "name", "", "name")
	flags.StringVar(&g.Description, "description", "", "what it is for")
	flags.StringSliceVar(&permissions, "permission", nil, "`PERMISSION` its members receive; may be repeated")
	flags.StringArrayVar(&members, "member", nil, "`USER` who shall be in it; may be repeated")
	flags.StringVar(&g.ExternalSyncIdentifier, "external-sync-identifier", "", "`ID` of the group in another system")
	flags.StringVar(&g.Provenance, "provenance", "", "which `SYSTEM` it comes from")
	invitability.add(cmd, flags, "invitability", "", "who may invite the group")
	viewability.add(cmd, flags, "member-viewability", "", "who may list its members")
	w = writes(cmd, false)
}

func (s *session) groupsUpdate(parent *cobra.Command) {
	var name, description, external, provenance string
	var permissions []string
	invitability, viewability := choice{allowed: audiences()}, choice{allowed: audiences()}
	var w *writing
	fields := []string{"name", "description", "permissions", "external-sync-identifier", "provenance", "invitability", "member-viewability"}
	cmd := s.add(parent, verb{
		use: "update GROUP", short: "Change a group",
		long:    `Only what is given changes; "" clears what may be empty. ` + groupArgument,
		example: "  countersign groups update Treasury --permissions payouts.create,accounts.read --description ''", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			if !s.anyGiven(fields...) {
				return usage("give at least one flag that says what shall change")
			}
			var patch client.GroupPatch
			setString(s, "name", name, &patch.Name)
			clearable(s, "description", description, &patch.Description)
			clearable(s, "external-sync-identifier", external, &patch.ExternalSyncIdentifier)
			clearable(s, "provenance", provenance, &patch.Provenance)
			if s.given("permissions") {
				patch.Permissions = client.Value(permissionArguments(permissions))
			}
			if s.given("invitability") {
				patch.Invitability = client.Value(client.Audience(invitability.value))
			}
			if s.given("member-viewability") {
				patch.MemberViewability = client.Value(client.Audience(viewability.value))
			}
			id, err := s.group(ctx, args[0])
			if err != nil {
				return err
			}
			return s.changeGroup(ctx, w, args[0]+" is updated", func(opts ...client.WriteOption) (*client.Outcome[client.Group], error) {
				return s.api.UpdateGroup(ctx, id, patch, opts...)
			})
		},
	})
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "new name")
	flags.StringVar(&description, "description", "", "what it is for")
	flags.StringSliceVar(&permissions, "permissions", nil, "all `PERMISSIONS` from now on")
	flags.StringVar(&external, "external-sync-identifier", "", "`ID` of the group in another system")
	flags.StringVar(&provenance, "provenance", "", "which `SYSTEM` it comes from")
	invitability.add(cmd, flags, "invitability", "", "who may invite the group")
	viewability.add(cmd, flags, "member-viewability", "", "who may list its members")
	w = writes(cmd, true)
}

// clearable is setString for what may be empty.
func clearable(s *session, flag, value string, to *client.Optional[string]) {
	if s.given(flag) && value == "" {
		*to = client.Null[string]()
		return
	}
	setString(s, flag, value, to)
}
