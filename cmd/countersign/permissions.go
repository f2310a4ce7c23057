package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newPermissionsCommand(p *process) *cobra.Command {
	cmd := noun("permissions", "The catalogue of permissions", `
The catalogue: the permissions there are, built in or added by the organization.
Only what stands here can be granted.`,
		"  countersign permissions list\n  countersign permissions add payouts.release --description 'Release a payout batch'")
	s := newSession(p, cmd)
	s.permissionsList(cmd)
	s.permissionsAdd(cmd)
	s.permissionsUpdate(cmd)
	s.permissionsRemove(cmd)
	return cmd
}

func catalogueColumns() []column[client.CatalogueEntry] {
	return []column[client.CatalogueEntry]{
		{name: "permission", cell: func(e client.CatalogueEntry) string { return string(e.Permission) }},
		{name: "built_in", cell: func(e client.CatalogueEntry) string { return yes(e.BuiltIn) }},
		{name: "description", cell: func(e client.CatalogueEntry) string { return e.Description }},
		{name: "version", cell: func(e client.CatalogueEntry) string { return number(e.Version) }, full: true},
	}
}

func (s *session) permissionsList(parent *cobra.Command) {
	s.add(parent, verb{
		use: "list", short: "List the catalogue", example: "  countersign permissions list -o csv",
		run: func(ctx context.Context, _ []string) error {
			return showList(s, &paging{}, catalogueColumns(), func(_ client.Paging, opts ...client.ReadOption) (*client.List[client.CatalogueEntry], error) {
				return s.api.ListPermissions(ctx, opts...)
			})
		},
	})
}

// changeEntry sends a write on the catalogue and tells what became of it.
func (s *session) changeEntry(ctx context.Context, w *writing, what string, send func(...client.WriteOption) (*client.Outcome[client.CatalogueEntry], error)) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := send(opts...)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.CatalogueEntry]{what: what, columns: catalogueColumns()}, out, raw)
}

func (s *session) permissionsAdd(parent *cobra.Command) {
	var description string
	var w *writing
	cmd := s.add(parent, verb{
		use: "add PERMISSION", short: "Add a permission to the catalogue", long: "PERMISSION is resource.action, such as payouts.release.",
		example: "  countersign permissions add payouts.release --description 'Release a payout batch'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			entry := client.PermissionAdd{Permission: client.Permission(args[0]), Description: description}
			return s.changeEntry(ctx, w, args[0]+" is in the catalogue", func(opts ...client.WriteOption) (*client.Outcome[client.CatalogueEntry], error) {
				return s.api.AddPermission(ctx, entry, opts...)
			})
		},
	})
	cmd.Flags().StringVar(&description, "description", "", "what it allows")
	w = writes(cmd, false)
}

func (s *session) permissionsUpdate(parent *cobra.Command) {
	var description string
	var w *writing
	cmd := s.add(parent, verb{
		use: "update PERMISSION", short: "Change the description of a permission", long: "Built-in ones cannot be changed.", required: []string{"description"},
		example: "  countersign permissions update payouts.release --description 'Release a batch'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			return s.changeEntry(ctx, w, args[0]+" is described anew", func(opts ...client.WriteOption) (*client.Outcome[client.CatalogueEntry], error) {
				return s.api.UpdatePermission(ctx, client.Permission(args[0]), description, opts...)
			})
		},
	})
	cmd.Flags().StringVar(&description, "description", "", "what it allows")
	w = writes(cmd, true)
}

func (s *session) permissionsRemove(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "remove PERMISSION", short: "Remove a permission that nobody holds", example: "  countersign permissions remove payouts.release", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			return s.remove(ctx, w, args[0]+" is out of the catalogue", func(opts ...client.WriteOption) (*client.Outcome[client.Gone], error) {
				return s.api.RemovePermission(ctx, client.Permission(args[0]), opts...)
			})
		},
	})
	w = writes(cmd, true)
}
