package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

// decision are the flags of approve and deny.
type decision struct {
	yes     bool
	digest  string
	comment string
	// signWith is the file of the key that signs; empty signs nothing.
	signWith string
	*writing
}

func (d *decision) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&d.digest, "digest", "", "`DIGEST` of the change you looked at; another one is refused")
	cmd.Flags().StringVar(&d.comment, "comment", "", "what to say with it")
	cmd.Flags().StringVar(&d.signWith, "key", "", "`FILE` with your key, to sign the decision with")
	d.writing = writes(cmd, false)
}

func (s *session) changesApprove(parent *cobra.Command) {
	var d decision
	d.add(s.add(parent, verb{
		use: "approve CHANGE", short: "Approve a change",
		long: `
Shows the change and asks; what is approved is what was shown. The digest is computed
here from the document of the change, and what the server shows is compared with it:
where they differ nothing is sent, and the exit code is 6. Where nobody can be asked,
give --yes together with --digest of the change that was looked at: there is no
approving unseen.

With --key the decision is signed, and nothing else than what was examined is.`,
		example: `  countersign changes approve 0198c600-1111-7222-8333-444455556666 --as grace
  countersign changes approve 0198c600-1111-7222-8333-444455556666 --as grace --key approver.pem
  countersign changes approve 0198c600-1111-7222-8333-444455556666 --yes --digest 9b74c989...`,
		min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			if d.yes && d.digest == "" {
				return usage("--yes needs --digest, the digest of the change you looked at (changes show prints it)")
			}
			return s.decide(ctx, args[0], client.Approve, &d)
		},
	}))
}

func (s *session) changesDeny(parent *cobra.Command) {
	var d decision
	d.add(s.add(parent, verb{
		use: "deny CHANGE", short: "Deny a change", long: "One denial ends it, unless policy asks for several. Shows the change and asks, unless --yes.",
		example: "  countersign changes deny 0198c600-1111-7222-8333-444455556666 --comment 'not on a Friday'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error { return s.decide(ctx, args[0], client.Deny, &d) },
	}))
}

func (s *session) changesWithdraw(parent *cobra.Command) {
	var d decision
	d.add(s.add(parent, verb{
		use: "withdraw CHANGE", short: "Take back what you have said of a change",
		long:    "As long as the change is open: also while an approved change waits out a delay. Shows the change and asks, unless --yes.",
		example: "  countersign changes withdraw 0198c600-1111-7222-8333-444455556666 --as grace", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error { return s.decide(ctx, args[0], client.Withdraw, &d) },
	}))
}

// decide fetches the change, shows it, asks, and sends the digest of what it
// showed: if the change is another by then, the server refuses.
func (s *session) decide(ctx context.Context, ref string, word client.Verb, d *decision) error {
	id, err := objectID[client.ChangeID]("change", ref)
	if err != nil {
		return err
	}
	if d.reason != "" && d.comment != "" {
		return usage("--reason and --comment are the same here; give one")
	}
	var raw []byte
	opts, err := d.options(&raw)
	if err != nil {
		return err
	}
	c, err := s.api.GetChange(ctx, id)
	if err != nil {
		return err
	}
	if err := s.mayDecide(ctx, c, word, d); err != nil {
		return err
	}
	seen, err := s.examineFor(ctx, c, word, d)
	if err != nil {
		return err
	}
	signs, err := s.signing(ctx, c, d, seen)
	if err != nil {
		return err
	}
	if !d.yes && !d.dryRun {
		s.learnOf(ctx, c)
		s.showChange(s.err, c, seen, oneScreen)
		if err := s.ask(ctx, fmt.Sprintf("\n%s this change?", verbAsTitle(word)), fmt.Sprintf("changes %s %s --yes --digest %s", word, c.ID, c.Digest)); err != nil {
			return err
		}
	}
	send, err := signs(word)
	if err != nil {
		return err
	}
	send.Comment = first(d.comment, d.reason)
	out, err := s.api.DecideChange(ctx, id, send, opts...)
	if err != nil {
		return err
	}
	if out.Pending != nil && s.format() == asTable {
		fmt.Fprintf(s.out, "%s: change %s still waits\n", map[client.Verb]string{client.Approve: "approved", client.Deny: "denied", client.Withdraw: "withdrawn"}[word], out.Pending.ID)
		s.learnOf(ctx, out.Pending)
		if !out.Pending.DueAt.IsZero() {
			fmt.Fprintf(s.out, "  will be applied: %s, unless somebody objects\n", when(out.Pending.DueAt))
			return nil
		}
		fmt.Fprintf(s.out, "  needs: %s\n", visible(s.missing(out.Pending)))
		fmt.Fprintf(s.out, "  may approve: %s\n", visible(labels(s, out.Pending.Eligible, maxListed)))
		return nil
	}
	return s.tellChange(ctx, kinds(*c), out, raw)
}

// examineFor examines a change before anything is said of it. To deny it, or to
// withdraw, is on the safe side: somebody must be able to, above all where the
// server lies.
func (s *session) examineFor(ctx context.Context, c *client.Change, word client.Verb, d *decision) (*examined, error) {
	seen, err := s.examine(ctx, c)
	if err != nil && word != client.Approve && d.signWith == "" {
		fmt.Fprintf(s.err, "warning: %s\n", visible(err.Error()))
		return nil, nil //nolint:nilnil // it was not examined
	}
	if err != nil {
		return nil, err
	}
	return &seen, nil
}

func verbAsTitle(word client.Verb) string {
	switch word {
	case client.Deny:
		return "Deny"
	case client.Withdraw:
		return "Withdraw what you have said of"
	default:
		return "Approve"
	}
}

// mayDecide finds out before the question what the server would say after it.
func (s *session) mayDecide(ctx context.Context, c *client.Change, word client.Verb, d *decision) error {
	switch {
	case d.digest != "" && d.digest != c.Digest:
		return fmt.Errorf("change %s has the digest %s, not the one you gave: it is not what you looked at", c.ID, c.Digest)
	case !c.State.Open():
		return fmt.Errorf("change %s is %s already%s", c.ID, c.State, closing(c))
	case c.CanDecide, d.key != "", d.signWith != "", word == client.Withdraw:
		// With an idempotency key this may be the repetition of a decision that was
		// made, with a key to sign its confirmation by a newer key: the server knows.
		return nil
	}
	s.learnOf(ctx, c)
	who := "nobody"
	if len(c.Eligible) > 0 {
		who = labels(s, c.Eligible, maxListed)
	}
	return fmt.Errorf("you may not %s change %s: %s; %s may", word, c.ID, s.whyNot(ctx, c), who)
}

// whyNot says why the caller is not among those who may decide.
func (s *session) whyNot(ctx context.Context, c *client.Change) string {
	me, err := s.api.GetMe(ctx)
	switch {
	case err != nil:
		return "you are not among those who decide it"
	case me.User.Type != client.Person:
		return "only people decide"
	case me.User.ID == c.Requester || me.User.ID == c.RequesterPerson:
		return "you asked for it"
	case slices.ContainsFunc(c.Approvals, func(a client.Approval) bool { return a.Person == me.User.ID }):
		return "you have decided already"
	case slices.Contains(c.Excluded, me.User.ID):
		return "it is about you, or follows one you asked for"
	default:
		return "policy does not ask you"
	}
}
