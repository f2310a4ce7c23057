package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newOrganizationCommand(p *process) *cobra.Command {
	cmd := noun("organization", "The organization itself", `
The organization you belong to. Until it is sealed, changes apply at once; from
then on policy decides.`,
		"  countersign organization show\n  countersign organization seal --dry-run")
	s := newSession(p, cmd)
	s.organizationShow(cmd)
	s.organizationUpdate(cmd)
	s.organizationSeal(cmd)
	s.organizationThaw(cmd)
	return cmd
}

func organizationColumns() []column[client.Organization] {
	type organization = client.Organization
	return []column[organization]{
		{name: "id", cell: func(o organization) string { return o.ID }},
		{name: "number", cell: func(o organization) string { return o.Number }},
		{name: "name", cell: func(o organization) string { return o.Name }},
		{name: "sealed", cell: func(o organization) string { return yes(o.Sealed) }},
		{name: "sealed_at", cell: func(o organization) string { return when(o.SealedAt) }, full: true},
		{name: "frozen", cell: func(o organization) string { return yes(o.Frozen) }},
		{name: "frozen_at", cell: func(o organization) string { return when(o.FrozenAt) }, full: true},
		{name: "created_at", cell: func(o organization) string { return when(o.CreatedAt) }, full: true},
		{name: "version", cell: func(o organization) string { return number(o.Version) }},
		{name: "policy_version", cell: func(o organization) string { return number(o.PolicyVersion) }, full: true},
	}
}

func (s *session) organizationShow(parent *cobra.Command) {
	s.add(parent, verb{
		use: "show", short: "Show the organization", example: "  countersign organization show",
		run: func(ctx context.Context, _ []string) error {
			var raw []byte
			o, err := s.api.GetOrganization(ctx, s.reading(&raw)...)
			if err != nil {
				return err
			}
			return printOne(s, organizationColumns(), *o, raw)
		},
	})
}

// changeOrganization sends a write on the organization and tells what became of it.
func (s *session) changeOrganization(ctx context.Context, w *writing, what string, send func(...client.WriteOption) (*client.Outcome[client.Organization], error)) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := send(opts...)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.Organization]{what: what, columns: organizationColumns()}, out, raw)
}

func (s *session) organizationUpdate(parent *cobra.Command) {
	var name string
	var w *writing
	cmd := s.add(parent, verb{
		use: "update", short: "Change settings of the organization", required: []string{"name"}, example: "  countersign organization update --name 'Northwind Custody'",
		run: func(ctx context.Context, _ []string) error {
			return s.changeOrganization(ctx, w, "the organization is called "+name, func(opts ...client.WriteOption) (*client.Outcome[client.Organization], error) {
				return s.api.UpdateOrganization(ctx, client.OrganizationPatch{Name: client.Value(name)}, opts...)
			})
		},
	})
	cmd.Flags().StringVar(&name, "name", "", "new name")
	w = writes(cmd, true)
}

func (s *session) organizationSeal(parent *cobra.Command) {
	var file, keys string
	var confirmed, noKeys bool
	var w *writing
	cmd := s.add(parent, verb{
		use: "seal", short: "End bootstrap: from now on policy decides",
		long: `
Installs the policy given, else two-person: every change needs one other admin, a
change of the policy two. Refused while too few people could approve, and unless
recovery keys are named (countersign recovery keys) or --accept-no-recovery says that
nobody outside shall be able to help. There is no way back, so it asks, unless --yes.`,
		example: "  countersign organization seal --recovery recovery.json --dry-run\n  countersign organization seal --recovery recovery.json --policy policy.json",
		run: func(ctx context.Context, _ []string) error {
			var seal client.OrganizationSeal
			if file != "" {
				p, err := s.policyFrom(ctx, file)
				if err != nil {
					return err
				}
				seal.Policy = &p
			}
			if keys != "" {
				set, err := s.recoverySetFrom(ctx, keys)
				if err != nil {
					return err
				}
				seal.Recovery = &set
			}
			if noKeys {
				seal.AcceptedRisks = []string{"no_recovery_keys"}
			}
			if !confirmed && !w.dryRun {
				if err := s.ask(ctx, "There is no way back from sealing. Seal the organization?", "organization seal --yes"); err != nil {
					return err
				}
			}
			return s.changeOrganization(ctx, w, "the organization is sealed", func(opts ...client.WriteOption) (*client.Outcome[client.Organization], error) {
				return s.api.SealOrganization(ctx, seal, opts...)
			})
		},
	})
	cmd.Flags().StringVar(&file, "policy", "", "`FILE` with the policy that shall rule; - is standard input")
	cmd.Flags().StringVar(&keys, "recovery", "", "`FILE` with the recovery keys, as recovery keys prints them; - is standard input")
	cmd.Flags().BoolVar(&noKeys, "accept-no-recovery", false, "live with it that nobody outside can help if the organization locks itself out")
	cmd.Flags().BoolVarP(&confirmed, "yes", "y", false, "do not ask")
	w = writes(cmd, true)
}
