package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newCredentialsCommand(p *process) *cobra.Command {
	cmd := noun("credentials", "Tokens, keys and codes", `
What people and programs prove their identity with. Secrets are shown once, on
standard output, and never again. People make their own: an admin issues a code
for one use, and whoever redeems it gets the token.`,
		`  countersign credentials list
  countersign credentials create settlement-bot --type token --lifetime 90d
  countersign credentials issue-code grace@northwind.example`)
	s := newSession(p, cmd)
	s.credentialsList(cmd)
	s.credentialsGet(cmd)
	s.credentialsCreate(cmd)
	s.credentialsIssueCode(cmd)
	s.credentialsCollect(cmd)
	s.credentialsRedeem(cmd)
	s.credentialsRevoke(cmd)
	s.credentialsCompromised(cmd)
	return cmd
}

func credentialColumns() []column[client.Credential] {
	type credential = client.Credential
	return []column[credential]{
		{name: "id", cell: func(k credential) string { return string(k.ID) }},
		{name: "user_id", cell: func(k credential) string { return string(k.UserID) }, full: true},
		{name: "type", cell: func(k credential) string { return string(k.Type) }},
		{name: "state", cell: func(k credential) string { return string(k.State) }},
		{name: "label", cell: func(k credential) string { return k.Label }},
		{name: "client_id", cell: func(k credential) string { return k.ClientID }},
		{name: "requested_by", cell: func(k credential) string { return string(k.RequestedBy) }, full: true},
		{name: "created_at", cell: func(k credential) string { return when(k.CreatedAt) }, full: true},
		{name: "modified_at", cell: func(k credential) string { return when(k.ModifiedAt) }, full: true},
		{name: "expires_at", cell: func(k credential) string { return when(k.ExpiresAt) }},
		{name: "public_key", cell: func(k credential) string { return k.PublicKey }, full: true},
		{name: "version", cell: func(k credential) string { return number(k.Version) }, full: true},
	}
}

// changeCredential sends a write on a credential and tells what became of it.
func (s *session) changeCredential(ctx context.Context, w *writing, d done[client.Credential], send func(...client.WriteOption) (*client.Outcome[client.Credential], error)) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := send(opts...)
	if err != nil {
		return err
	}
	d.columns = credentialColumns()
	return tell(ctx, s, d, out, raw)
}

func (s *session) credentialsList(parent *cobra.Command) {
	var user string
	cmd := s.add(parent, verb{
		use: "list [USER]", short: "List the credentials of a user, yours where none is named", long: "Never their secrets. " + userArgument, max: 1,
		example: "  countersign credentials list settlement-bot",
		run: func(ctx context.Context, args []string) error {
			var id client.UserID
			if ref := first(append(args, user)...); ref != "" {
				var err error
				if id, err = s.user(ctx, ref); err != nil {
					return err
				}
			}
			return showList(s, &paging{}, credentialColumns(), func(_ client.Paging, opts ...client.ReadOption) (*client.List[client.Credential], error) {
				return s.api.ListCredentials(ctx, id, opts...)
			})
		},
	})
	cmd.Flags().StringVar(&user, "user", "", "of this `USER`")
}

func (s *session) credentialsGet(parent *cobra.Command) {
	s.add(parent, verb{
		use: "get CREDENTIAL", short: "Show one credential, without its secret", long: "CREDENTIAL is an id.",
		example: "  countersign credentials get 0198c700-1111-7222-8333-444455556666", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.CredentialID]("credential", args[0])
			if err != nil {
				return err
			}
			var raw []byte
			k, err := s.api.GetCredential(ctx, id, s.reading(&raw)...)
			if err != nil {
				return err
			}
			return printOne(s, credentialColumns(), *k, raw)
		},
	})
}

func (s *session) credentialsCreate(parent *cobra.Command) {
	var label, lifetime, key string
	kind := &choice{}
	var w *writing
	cmd := s.add(parent, verb{
		use: "create USER", short: "Create a credential of an API user, or of your own", required: []string{"type"}, min: 1, max: 1,
		long: `
Of an API user a token, a signing key, an OAuth client or a password; of yourself a
token or an approval key. Where approval is needed, collect the secret afterwards
with credentials collect. ` + userArgument,
		example: "  countersign credentials create settlement-bot --type token --label 'nightly report' --lifetime 30d\n  countersign credentials create settlement-bot --type signing_key --public-key request.csr",
		run: func(ctx context.Context, args []string) error {
			k := client.CredentialCreate{Type: client.CredentialType(kind.value), Label: label}
			var err error
			if lifetime != "" {
				if k.LifetimeSeconds, err = parseLifetime("lifetime", lifetime); err != nil {
					return err
				}
			}
			if key != "" {
				text, err := s.readFile(ctx, key)
				if err != nil {
					return err
				}
				k.PublicKey = string(text)
			}
			if strings.Contains(k.PublicKey, "PRIVATE KEY") {
				return usage("%s holds a private key; give the public half, nobody else ever needs the private one", key)
			}
			if k.UserID, err = s.user(ctx, args[0]); err != nil {
				return err
			}
			d := done[client.Credential]{what: "a credential (" + kind.value + ") of " + args[0] + " is created", then: collectNext}
			return s.changeCredential(ctx, w, d, func(opts ...client.WriteOption) (*client.Outcome[client.Credential], error) {
				return s.api.CreateCredential(ctx, k, opts...)
			})
		},
	})
	kind.allowed = []string{"token", "signing_key", "oauth_client", "password", "approval_key"}
	kind.add(cmd, cmd.Flags(), "type", "", "what kind")
	cmd.Flags().StringVar(&label, "label", "", "what it is for")
	cmd.Flags().StringVar(&lifetime, "lifetime", "", "how long it works, such as 90d or 12h (default: that of the type)")
	cmd.Flags().StringVar(&key, "public-key", "", "`FILE` with a PEM public key or certificate signing request, for keys; - is standard input")
	w = writes(cmd, false)
}

func (s *session) credentialsIssueCode(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "issue-code USER", short: "Issue a code with which an active user gets a further token",
		long:    "It works once, for 24 hours. Hand it to the user, who redeems it; nobody else sees the token. " + userArgument,
		example: "  countersign credentials issue-code grace@northwind.example --reason 'new laptop'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := s.user(ctx, args[0])
			if err != nil {
				return err
			}
			d := done[client.Credential]{what: "a code for " + args[0] + " is issued", then: collectNext}
			return s.changeCredential(ctx, w, d, func(opts ...client.WriteOption) (*client.Outcome[client.Credential], error) {
				return s.api.IssueEnrolmentCode(ctx, id, opts...)
			})
		},
	})
	w = writes(cmd, false)
}

func (s *session) credentialsCollect(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "collect CREDENTIAL", short: "Collect the secret of an approved credential",
		long:    "It is made now and shown once, to whoever asked for the credential.",
		example: "  countersign credentials collect 0198c700-1111-7222-8333-444455556666", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.CredentialID]("credential", args[0])
			if err != nil {
				return err
			}
			return s.changeCredential(ctx, w, done[client.Credential]{what: "the secret is collected"}, func(opts ...client.WriteOption) (*client.Outcome[client.Credential], error) {
				return s.api.CollectSecret(ctx, id, opts...)
			})
		},
	})
	w = writes(cmd, true)
}

func (s *session) credentialsRevoke(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "revoke CREDENTIAL", short: "Revoke a credential", long: "It stops working at once. Your own needs nobody's approval.",
		example: "  countersign credentials revoke 0198c700-1111-7222-8333-444455556666 --reason 'laptop lost'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.CredentialID]("credential", args[0])
			if err != nil {
				return err
			}
			return s.remove(ctx, w, "the credential is revoked", func(opts ...client.WriteOption) (*client.Outcome[client.Gone], error) {
				return s.api.RevokeCredential(ctx, id, opts...)
			})
		},
	})
	w = writes(cmd, true)
}

func (s *session) credentialsRedeem(parent *cobra.Command) {
	var label, key string
	cmd := s.add(parent, verb{
		use: "redeem [CODE]", short: "Exchange a code for a token of your own", max: 1,
		long: `
Takes an onboarding code or an enrolment code. No token is needed: the code is the
proof. Without CODE, or with -, it is read from standard input, so that it shows
neither in the shell's history nor to other users of the machine.`,
		example: "  countersign credentials redeem --label laptop\n  countersign credentials redeem - -o csv < code.txt",
		run: func(ctx context.Context, args []string) error {
			code, err := s.secretArgument(ctx, args, "code: ")
			if err != nil {
				return err
			}
			var raw []byte
			opts := []client.WriteOption{client.KeepBody(&raw)}
			if key != "" {
				opts = append(opts, client.IdempotencyKey(key))
			}
			out, err := s.api.RedeemCode(ctx, code, label, opts...)
			if err != nil {
				return err
			}
			s.warnOfSecrets(out.Secrets)
			fmt.Fprintf(s.err, "this is the token of user %s; come with it as COUNTERSIGN_TOKEN\n", visible(string(out.UserID)))
			if s.format() == asJSON {
				return s.printJSON(raw)
			}
			return printRows(s, secretColumns(), out.Secrets)
		},
	})
	cmd.Flags().StringVar(&label, "label", "", "what the new token shall be called")
	cmd.Flags().StringVar(&key, "idempotency-key", "", "`KEY` that makes the command repeatable (default: a new one)")
}
