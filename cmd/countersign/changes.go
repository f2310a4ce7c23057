package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newChangesCommand(p *process) *cobra.Command {
	cmd := noun("changes", "Changes that wait for approval, and what became of others", `
Changes: asked for, approved or denied by other people, applied. Look before you
approve: what is approved is exactly what show prints, bound by its digest.`,
		`  countersign changes list --needs-me
  countersign changes show 0198c600-1111-7222-8333-444455556666
  countersign changes approve 0198c600-1111-7222-8333-444455556666`)
	s := newSession(p, cmd)
	s.changesList(cmd)
	s.changesShow(cmd)
	s.changesApprove(cmd)
	s.changesDeny(cmd)
	s.changesWithdraw(cmd)
	s.changesCancel(cmd)
	s.changesSubmit(cmd)
	s.changesReplace(cmd)
	return cmd
}

func changeColumns(s *session) []column[client.Change] {
	type change = client.Change
	return []column[change]{
		{name: "id", cell: func(c change) string { return string(c.ID) }},
		{name: "state", cell: func(c change) string { return string(c.State) }},
		{name: "operations", cell: kinds},
		{name: "requester", cell: func(c change) string { return label(s, c.Requester) }},
		{name: "requester_person", cell: func(c change) string { return label(s, c.RequesterPerson) }, full: true},
		{name: "needs", cell: func(c change) string { return s.missing(&c) }},
		{name: "can_decide", cell: func(c change) string { return yes(c.CanDecide) }},
		{name: "gains", cell: func(c change) string { return impactOf(c, func(i *client.Impact) int64 { return i.Gains }) }, full: true},
		{name: "losses", cell: func(c change) string { return impactOf(c, func(i *client.Impact) int64 { return i.Losses }) }, full: true},
		{name: "created_at", cell: func(c change) string { return when(c.CreatedAt) }, full: true},
		{name: "expires_at", cell: func(c change) string { return when(c.ExpiresAt) }, full: true},
		{name: "closed_at", cell: func(c change) string { return when(c.ClosedAt) }, full: true},
		{name: "applied_revision", cell: func(c change) string {
			if c.AppliedRevision == 0 {
				return ""
			}
			return number(c.AppliedRevision)
		}, full: true},
		{name: "digest", cell: func(c change) string { return c.Digest }, full: true},
		{name: "reason", cell: func(c change) string { return c.Reason }},
	}
}

func impactOf(c client.Change, count func(*client.Impact) int64) string {
	if c.Impact == nil {
		return ""
	}
	return number(count(c.Impact))
}

// kinds names what a change does, kinds that repeat once.
func kinds(c client.Change) string {
	var order []string
	counts := map[string]int{}
	for _, op := range c.Operations {
		if counts[op.Kind]++; counts[op.Kind] == 1 {
			order = append(order, op.Kind)
		}
	}
	for i, kind := range order {
		if counts[kind] > 1 {
			order[i] = fmt.Sprintf("%d x %s", counts[kind], kind)
		}
	}
	return strings.Join(order, ", ")
}

func changeStates() []client.ChangeState {
	return []client.ChangeState{
		client.ChangeStatePending, client.ChangeStateScheduled, client.ChangeStateApplied, client.ChangeStateRejected,
		client.ChangeStateCancelled, client.ChangeStateExpired, client.ChangeStateStale, client.ChangeStateFailed,
	}
}

func (s *session) changesList(parent *cobra.Command) {
	var q client.ChangeQuery
	var user, group string
	var unreachable bool
	var states *choices
	var p *paging
	cmd := s.add(parent, verb{
		use: "list", short: "List changes, newest first", long: `
--needs-me is your inbox: what you may decide and have not. --unreachable lists what
waits in vain: too few are left who may approve it, or too little time.`,
		example: "  countersign changes list --needs-me --as grace\n  countersign changes list --state applied --user vera@northwind.example",
		run: func(ctx context.Context, _ []string) error {
			var err error
			if user != "" {
				if q.UserID, err = s.user(ctx, user); err != nil {
					return err
				}
			}
			if group != "" {
				if q.GroupID, err = s.group(ctx, group); err != nil {
					return err
				}
			}
			q.States = typed[client.ChangeState](states.values)
			if unreachable {
				q.Reachable = new(bool)
			}
			return showList(s, p, changeColumns(s), func(at client.Paging, opts ...client.ReadOption) (*client.List[client.Change], error) {
				q.Paging = at
				return s.listChanges(ctx, q, opts...)
			})
		},
	})
	states = words(cmd, "state", "in these states", changeStates()...)
	cmd.Flags().BoolVar(&q.NeedsMe, "needs-me", false, "open ones that you may decide and have not")
	cmd.Flags().BoolVar(&unreachable, "unreachable", false, "open ones that can no longer be applied as things stand")
	cmd.Flags().StringVar(&user, "user", "", "that touch this `USER`")
	cmd.Flags().StringVar(&group, "group", "", "that touch this `GROUP`")
	cmd.Flags().StringVar((*string)(&q.VotedWith), "voted-with", "", "on which somebody voted with this `CREDENTIAL`")
	p = pages(cmd)
}

// listChanges lists a page of changes, and learns who asked for them where people
// will read it.
func (s *session) listChanges(ctx context.Context, q client.ChangeQuery, opts ...client.ReadOption) (*client.List[client.Change], error) {
	list, err := s.api.ListChanges(ctx, q, opts...)
	if err == nil && s.format() == asTable {
		var requesters []client.UserID
		for _, c := range list.Items {
			requesters = append(requesters, c.Requester)
		}
		s.learn(ctx, requesters, nil)
	}
	return list, err
}

func (s *session) changesShow(parent *cobra.Command) {
	var ignored bool
	cmd := s.add(parent, verb{
		use: "show CHANGE", short: "Show a change: before and after, who gains or loses what, who may approve",
		long: `
CHANGE is an id. The digest is computed here from the document of the change, and
what the server says is compared with that document: a server that shows something
else than it will apply is found out, with exit code 6. The words are those of the
digest, to be compared by voice; what binds is the digest. With -o json everything,
also of very large changes.`,
		example: "  countersign changes show 0198c600-1111-7222-8333-444455556666", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.ChangeID]("change", args[0])
			if err != nil {
				return err
			}
			var raw []byte
			c, err := s.api.GetChange(ctx, id, s.reading(&raw)...)
			if err != nil {
				return err
			}
			seen, err := s.examine(ctx, c)
			if err != nil {
				return err
			}
			switch s.format() {
			case asJSON:
				return s.printJSON(raw)
			case asCSV:
				return printRows(s, changeColumns(s), []client.Change{*c})
			default:
				s.learnOf(ctx, c)
				s.showChange(s.out, c, &seen, everything)
				return nil
			}
		},
	})
	// It was a choice once.
	cmd.Flags().BoolVar(&ignored, "verify", true, "what is always done: compare what is shown with the document")
	_ = cmd.Flags().MarkHidden("verify") // it fails only for a flag that does not exist
}

// tellChange tells what became of a submission, a decision or a withdrawal.
func (s *session) tellChange(ctx context.Context, what string, out *client.Outcome[client.Change], raw []byte) error {
	c := out.Object
	if c == nil || len(out.Secrets) > 0 {
		return tell(ctx, s, done[client.Change]{what: what, then: collectNext}, out, raw)
	}
	if out.Replayed {
		fmt.Fprintln(s.err, "note: an earlier request had this Idempotency-Key; this is its answer.")
	}
	if c.State == client.ChangeStateApplied {
		s.aside("applied: %s (change %s, revision %d)\n", visible(what), c.ID, out.Revision)
		if next := collectNext(c); next != "" {
			s.aside("  next: %s\n", next)
		}
	} else {
		s.aside("%s: change %s\n", visible(string(c.State)+closing(c)), c.ID)
	}
	var err error
	switch s.format() {
	case asJSON:
		err = s.printJSON(raw)
	case asCSV:
		err = printRows(s, changeColumns(s), []client.Change{*c})
	}
	if err == nil && (c.State == client.ChangeStateFailed || c.State == client.ChangeStateStale || c.State == client.ChangeStateExpired) {
		// It was carried out as asked, but not what people wanted: scripts must notice.
		err = saidError{fmt.Errorf("the change is %s", c.State)}
	}
	return err
}

func closing(c *client.Change) string {
	if c.ClosedBecause == "" {
		return ""
	}
	return " because " + c.ClosedBecause
}

// collectNext says how the requester gets at a secret that an approval released.
func collectNext(c *client.Change) string {
	for _, op := range c.Operations {
		if op.Kind != "credential.create" && op.Kind != "credential.issue_code" {
			continue
		}
		if id := plainValue(op.Fields["credential_id"]); id != "" {
			return "whoever asked for it collects the secret with: countersign credentials collect " + id
		}
	}
	return ""
}

func (s *session) changesCancel(parent *cobra.Command) {
	var w *writing
	cmd := s.add(parent, verb{
		use: "cancel CHANGE", short: "Withdraw a change request", long: "By whoever asked for it, or whoever holds changes.cancel.",
		example: "  countersign changes cancel 0198c600-1111-7222-8333-444455556666 --reason 'not needed any more'", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.ChangeID]("change", args[0])
			if err != nil {
				return err
			}
			var raw []byte
			opts, err := w.options(&raw)
			if err != nil {
				return err
			}
			out, err := s.api.CancelChange(ctx, id, opts...)
			if err != nil {
				return err
			}
			return s.tellChange(ctx, "the change is withdrawn", out, raw)
		},
	})
	w = writes(cmd, false)
}

const batchHelp = `
FILE holds JSON: {"operations": [{"kind": "user.grant", "user_id": "...",
"permissions": ["vaults.create"]}, ...], "reason": "..."}, or only the list of
operations; - is standard input. The kinds and their fields stand in the API
document. All operations are applied in their order, or none.`

// overlapping adds --overlap, which submit and replace have.
func overlapping(cmd *cobra.Command) *choice {
	c := &choice{allowed: []string{"allow", "reject"}, value: "allow"}
	c.add(cmd, cmd.Flags(), "overlap", "", "what to do where open requests touch the same")
	return c
}

func (s *session) changesSubmit(parent *cobra.Command) {
	var file string
	var w *writing
	var overlap *choice
	cmd := s.add(parent, verb{
		use: "submit", short: "Submit a batch of operations", long: batchHelp, required: []string{"file"},
		example: "  countersign changes submit -f onboarding.json --dry-run\n  jq -c . onboarding.json | countersign changes submit -f -",
		run: func(ctx context.Context, _ []string) error {
			return s.sendBatch(ctx, file, overlap, w, func(batch client.ChangeSubmission, opts []client.WriteOption) (*client.Outcome[client.Change], error) {
				return s.api.SubmitChange(ctx, batch, opts...)
			})
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the operations; - is standard input")
	overlap = overlapping(cmd)
	w = writes(cmd, true)
}

func (s *session) changesReplace(parent *cobra.Command) {
	var file string
	var w *writing
	var overlap *choice
	cmd := s.add(parent, verb{
		use: "replace CHANGE", short: "Withdraw a change request of yours and submit its successor", required: []string{"file"}, min: 1, max: 1,
		long:    "The successor starts without approvals.\n" + batchHelp,
		example: "  countersign changes replace 0198c600-1111-7222-8333-444455556666 -f smaller.json --reason 'one permission will do'",
		run: func(ctx context.Context, args []string) error {
			id, err := objectID[client.ChangeID]("change", args[0])
			if err != nil {
				return err
			}
			return s.sendBatch(ctx, file, overlap, w, func(batch client.ChangeSubmission, opts []client.WriteOption) (*client.Outcome[client.Change], error) {
				return s.api.ReplaceChange(ctx, id, batch, opts...)
			})
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the operations; - is standard input")
	overlap = overlapping(cmd)
	w = writes(cmd, false)
}

func (s *session) sendBatch(ctx context.Context, file string, overlap *choice, w *writing, send func(client.ChangeSubmission, []client.WriteOption) (*client.Outcome[client.Change], error)) error {
	text, err := s.readFile(ctx, file)
	if err != nil {
		return err
	}
	batch, err := parseBatch(text)
	if err != nil {
		return usage("%s: %v", file, err)
	}
	if w.reason != "" && batch.Reason != "" {
		return usage("%s gives a reason already; leave --reason away, or the reason in the file", file)
	}
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	batch.RejectOverlap = overlap.value == "reject"
	out, err := send(batch, opts)
	if err != nil {
		return err
	}
	return s.tellChange(ctx, fmt.Sprintf("%d operations", len(batch.Operations)), out, raw)
}

// parseBatch only finds the operations; what is in them the server judges, and
// names them as the file does.
func parseBatch(text []byte) (client.ChangeSubmission, error) {
	var file struct {
		Operations []json.RawMessage `json:"operations"`
		Reason     string            `json:"reason"`
	}
	if trimmed := strings.TrimSpace(string(text)); strings.HasPrefix(trimmed, "[") {
		if err := json.Unmarshal(text, &file.Operations); err != nil {
			return client.ChangeSubmission{}, fmt.Errorf("this is not JSON: %w", err)
		}
	} else {
		decoder := json.NewDecoder(strings.NewReader(trimmed))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&file); err != nil {
			return client.ChangeSubmission{}, fmt.Errorf("this is not a batch: %w", err)
		}
		if decoder.More() {
			return client.ChangeSubmission{}, fmt.Errorf("something follows the batch")
		}
	}
	batch := client.ChangeSubmission{Reason: file.Reason}
	for _, op := range file.Operations {
		batch.Operations = append(batch.Operations, client.RawOperation(op))
	}
	if len(batch.Operations) == 0 {
		return batch, fmt.Errorf("there are no operations in it")
	}
	return batch, nil
}
