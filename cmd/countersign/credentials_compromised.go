package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

// credentialsCompromised lists what a stolen credential has had a say in.
func (s *session) credentialsCompromised(parent *cobra.Command) {
	var paged *paging
	cmd := s.add(parent, verb{
		use: "compromised CREDENTIAL", short: "List what was decided with a credential that was stolen",
		long: `
Revoke it first. Then this lists the changes on which somebody's last word was given
or signed with it: where they are open that vote is void, and where they are applied
it counted, so that somebody has to look at them. CREDENTIAL is an id.`,
		example: "  countersign credentials revoke 0198c700-1111-7222-8333-444455556666\n  countersign credentials compromised 0198c700-1111-7222-8333-444455556666",
		min:     1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.CredentialID]("credential", args[0])
			if err != nil {
				return err
			}
			credential, err := s.api.GetCredential(ctx, id)
			if err != nil {
				return err
			}
			if credential.State != client.CredentialStateRevoked {
				fmt.Fprintf(s.err, "warning: this credential is %s; revoke it first: countersign credentials revoke %s\n", visible(string(credential.State)), id)
			}
			columns := append([]column[client.Change]{{name: "vote", cell: func(c client.Change) string { return standing(c, credential) }}}, changeColumns(s)...)
			return showList(s, paged, columns, func(p client.Paging, opts ...client.ReadOption) (*client.List[client.Change], error) {
				return s.listChanges(ctx, client.ChangeQuery{VotedWith: id, Paging: p}, opts...)
			})
		},
	})
	paged = pages(cmd)
}

// standing says what became of the vote.
func standing(c client.Change, k *client.Credential) string {
	switch {
	case !c.State.Open():
		return "counted"
	case k.State == client.CredentialStateRevoked:
		return "void"
	default:
		return "counts"
	}
}
