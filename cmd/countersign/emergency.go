package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newEmergencyCommand(p *process) *cobra.Command {
	cmd := noun("emergency", "Reduce power at once, alone", `
A phone is stolen, and nobody else is awake. Whoever holds emergency.suspend,
emergency.revoke or emergency.freeze does it at once, as one person, with a
reason. Others are asked to ratify it within 24 hours.

Two acts a person and 24 hours. Nobody is suspended, and no credential revoked,
without whom a rule of the policy could no longer be met: then freeze, which asks
that of nobody. To undo what was done is an ordinary change: it adds power.`,
		`  countersign emergency suspend vera@northwind.example --reason 'her phone was stolen'
  countersign emergency freeze --reason 'somebody uses the token of an admin'
  countersign emergency list --unratified`)
	s := newSession(p, cmd)
	s.emergencySuspend(cmd)
	s.emergencyRevoke(cmd)
	s.emergencyFreeze(cmd)
	s.emergencyList(cmd)
	return cmd
}

// act does one thing at once and says who is asked about it.
func (s *session) act(ctx context.Context, op client.Operation, w *writing, what string) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := s.api.SubmitChange(ctx, client.ChangeSubmission{Operations: []client.Operation{op}, Emergency: true}, opts...)
	if err != nil {
		return err
	}
	if err := s.tellChange(ctx, what, out, raw); err != nil || out.Object == nil {
		return err
	}
	s.aside("others are asked to ratify it, until 24 hours are over: change %s\n  ratify with: countersign changes approve %s\n",
		out.Object.Ratification, out.Object.Ratification)
	return nil
}

func (s *session) emergencySuspend(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "suspend USER", short: "Suspend a user at once",
		long:    "Whatever he has approved and what is not applied yet loses his approval. " + userArgument,
		example: "  countersign emergency suspend vera@northwind.example --reason 'her phone was stolen'", min: 1, max: 1, required: []string{"reason"},
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			return s.act(ctx, client.UserSuspend{UserID: id}, w, args[0]+" is suspended")
		},
	})
	w = writes(cmd, true)
}

func (s *session) emergencyRevoke(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "revoke CREDENTIAL", short: "Revoke a credential at once",
		long:    "Your own need no emergency: countersign credentials revoke. Those of a user: countersign credentials list USER.",
		example: "  countersign emergency revoke 0198c700-1111-7222-8333-444455556666 --reason 'it stood in a public repository'", min: 1, max: 1, required: []string{"reason"},
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.CredentialID]("credential", args[0])
			if err != nil {
				return err
			}
			return s.act(ctx, client.CredentialRevoke{CredentialID: id}, w, "the credential is revoked")
		},
	})
	w = writes(cmd, true)
}

func (s *session) emergencyFreeze(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "freeze", short: "Stop every change at once",
		long: `
Until the thaw open requests can be denied, withdrawn or cancelled, and people can
still be suspended in an emergency; nothing else is changed. Reads, checks and
signing in go on. The way out is countersign organization thaw, which needs the
approvals that a change of the policy needs.`,
		example: "  countersign emergency freeze --reason 'somebody uses the token of an admin'", required: []string{"reason"},
		run: func(ctx context.Context, _ []string) error {
			return s.act(ctx, client.OrganizationFreeze{}, w, "the organization is frozen")
		},
	})
	w = writes(cmd, true)
}

func (s *session) organizationThaw(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "thaw", short: "End a freeze", long: "Needs the approvals that a change of the policy needs. What waited goes on, and what has expired meanwhile has expired.",
		example: "  countersign organization thaw --reason 'the token is revoked'",
		run: func(ctx context.Context, _ []string) error {
			return s.submitOne(ctx, client.OrganizationThaw{}, w, "the organization is thawed")
		},
	})
	w = writes(cmd, true)
}

func emergencyColumns(s *session) []column[client.Emergency] {
	type emergency = client.Emergency
	return []column[emergency]{
		{name: "change", cell: func(e emergency) string { return string(e.ChangeID) }},
		{name: "kind", cell: func(e emergency) string { return e.Kind }},
		{name: "by", cell: func(e emergency) string { return label(s, e.PersonID) }},
		{name: "at", cell: func(e emergency) string { return when(e.At) }},
		{name: "ratification", cell: func(e emergency) string { return string(e.RatificationID) }},
		{name: "state", cell: ratified},
		{name: "position", cell: func(e emergency) string { return number(e.Position) }, full: true},
	}
}

// ratified says what others say of an act.
func ratified(e client.Emergency) string {
	switch e.State {
	case client.ChangeStatePending:
		return "not ratified yet"
	case client.ChangeStateApplied:
		return "ratified"
	case client.ChangeStateRejected:
		return "denied"
	case client.ChangeStateExpired:
		return "nobody ratified it"
	default:
		return string(e.State)
	}
}

// listEmergencies reads a page and looks up who acted.
func (s *session) listEmergencies(ctx context.Context, q client.EmergencyQuery, opts ...client.ReadOption) (*client.List[client.Emergency], error) {
	list, err := s.api.ListEmergencies(ctx, q, opts...)
	if err == nil && s.format() == asTable {
		var people []client.UserID
		for _, e := range list.Items {
			people = append(people, e.PersonID)
		}
		s.learn(ctx, people, nil)
	}
	return list, err
}

func (s *session) emergencyList(parent *cobra.Command) {
	var q client.EmergencyQuery
	var p *paging
	cmd := s.add(parent, verb{
		use: "list", short: "List what was done in emergencies, newest first",
		long:    "With what others said to it. What they denied, or did not ratify in time, stays on record; nothing was undone by that.",
		example: "  countersign emergency list --unratified",
		run: func(ctx context.Context, _ []string) error {
			return showList(s, p, emergencyColumns(s), func(at client.Paging, opts ...client.ReadOption) (*client.List[client.Emergency], error) {
				q.Paging = at
				return s.listEmergencies(ctx, q, opts...)
			})
		},
	})
	cmd.Flags().BoolVar(&q.Unratified, "unratified", false, "only those that nobody has ratified")
	p = pages(cmd)
}

// tellUnratified adds to the health of a policy, for people, what was done without
// it and nobody has ratified.
func (s *session) tellUnratified(ctx context.Context) error {
	if s.format() != asTable {
		return nil
	}
	list, err := s.listEmergencies(ctx, client.EmergencyQuery{Unratified: true})
	if err != nil || list.Total == 0 {
		return err
	}
	s.aside("\nemergencies that nobody has ratified: %d; all of them: countersign emergency list --unratified --all\n", list.Total)
	return printRows(s, emergencyColumns(s), list.Items)
}
