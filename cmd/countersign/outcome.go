package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/client"
)

// done is a write as it is told: what was asked, and how its object looks.
type done[T any] struct {
	// what completes "applied: " and "waits for approval: ", such as "Grace is
	// suspended".
	what    string
	columns []column[T]
	// then is what to do once the change is applied, if anything; it may cite the
	// change.
	then func(*client.Change) string
}

// tell writes what became of a write. What programs read goes to standard output,
// what only people need beside it.
func tell[T any](ctx context.Context, s *session, d done[T], out *client.Outcome[T], raw []byte) error {
	if out.Replayed {
		fmt.Fprintln(s.err, "note: an earlier request had this Idempotency-Key; this is its answer.")
	}
	s.warnOfSecrets(out.Secrets)
	switch {
	case out.Preview != nil:
		return s.tellPreview(ctx, out.Preview, raw)
	case out.Pending != nil:
		return s.tellPending(d.then, out.Pending, raw)
	case s.format() == asJSON:
		return s.printJSON(raw)
	case len(out.Secrets) > 0:
		fmt.Fprintf(s.err, "applied: %s (revision %d)\n", visible(d.what), out.Revision)
		return printRows(s, secretColumns(), out.Secrets)
	case out.Receipt != nil:
		s.aside("applied: %s (revision %d); you may not read it, the change is %s\n", visible(d.what), out.Revision, out.Receipt.ChangeID)
		return nil
	}
	s.aside("applied: %s (revision %d)\n", visible(d.what), out.Revision)
	if _, gone := any(out.Object).(*client.Gone); gone || len(d.columns) == 0 {
		return nil
	}
	return printRows(s, d.columns, []T{*out.Object})
}

// aside writes a line for people: among the result where that is a table for
// people too, else on standard error.
func (s *session) aside(format string, args ...any) {
	to := s.out
	if s.format() != asTable {
		to = s.err
	}
	fmt.Fprintf(to, format, args...)
}

func (s *session) tellPending(then func(*client.Change) string, c *client.Change, raw []byte) error {
	s.aside("waiting for approval: change %s\n", c.ID)
	if missing := s.missing(c); missing != "" {
		s.aside("  needs: %s\n", visible(missing))
	}
	if !c.ExpiresAt.IsZero() {
		s.aside("  expires: %s\n", when(c.ExpiresAt))
	}
	s.aside("  approve with: countersign changes approve %s\n", c.ID)
	if then != nil {
		if next := then(c); next != "" {
			s.aside("  once approved: %s\n", next)
		}
	}
	switch s.format() {
	case asJSON:
		return s.printJSON(raw)
	case asCSV:
		return printRows(s, changeColumns(s), []client.Change{*c})
	default:
		return nil
	}
}

// missing says in words what a change still needs, clause by clause.
func (s *session) missing(c *client.Change) string {
	var parts []string
	for _, need := range c.Needs {
		if left := need.Need - need.Have; left > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", left, s.approvers(need.Approvers)))
		}
	}
	if len(c.Needs) == 0 && c.State.Open() { // a preview: nothing is given yet
		parts = s.clauses(c.Requirement)
	}
	if left := c.NeedPeople - c.People; left > 0 && len(c.Needs) > 1 {
		parts = append(parts, fmt.Sprintf("%d more people in all", left))
	}
	text := strings.Join(parts, ", and ")
	if why := s.outOfReach(c); why != "" {
		text = strings.TrimPrefix(text+" (out of reach: "+why+")", " ")
	}
	return text
}

// outOfReach says in words why an open change can no longer be applied as things
// stand; nothing when it can.
func (s *session) outOfReach(c *client.Change) string {
	if c.Reachable || !c.State.Open() {
		return ""
	}
	switch u := c.Unreachable; {
	case u == nil:
		return "too few are left who may decide"
	case u.Because == client.TooLate:
		return "it would expire before its delay is over; ask anew"
	case u.Approvers != nil:
		return fmt.Sprintf("%d of %s needed, %d left who may", u.Need, s.approvers(*u.Approvers), u.Left)
	default:
		return fmt.Sprintf("%d different people needed, %d left who may", u.Need, u.Left)
	}
}

// clauses says in words what a requirement asks.
func (s *session) clauses(r client.Requirement) []string {
	var parts []string
	for _, clause := range r.Clauses {
		parts = append(parts, fmt.Sprintf("%d of %s", clause.Need, s.approvers(clause.Approvers)))
	}
	if r.Distinct > 0 {
		parts = append(parts, fmt.Sprintf("%d different people", r.Distinct))
	}
	if r.Exclusive {
		parts = append(parts, "nobody counting twice")
	}
	if r.MustHold {
		parts = append(parts, "by who holds what is given")
	}
	if r.Signed == client.SigningRequired {
		parts = append(parts, "signed with a key of theirs")
	}
	if r.Veto > 1 {
		parts = append(parts, fmt.Sprintf("%d denials end it", r.Veto))
	}
	if r.DelaySeconds > 0 {
		parts = append(parts, fmt.Sprintf("then %s of waiting", time.Duration(r.DelaySeconds)*time.Second))
	}
	return parts
}

func (s *session) approvers(a client.ApproverSet) string {
	switch {
	case a.Role != "":
		return "role " + string(a.Role)
	case a.Permission != "":
		return "those who hold " + string(a.Permission)
	default:
		return "group " + label(s, a.GroupID)
	}
}

func (s *session) tellPreview(ctx context.Context, p *client.Preview, raw []byte) error {
	if s.format() == asJSON {
		return s.printJSON(raw)
	}
	c := p.Change
	c.Effects, c.Impact = p.Effects, p.Impact
	c.EffectsTotal = max(c.EffectsTotal, int64(len(p.Effects)))
	s.learnOf(ctx, &c)
	switch p.Would {
	case "apply":
		s.aside("dry run, nothing is stored: this would be applied at once\n")
	case "wait":
		s.aside("dry run, nothing is stored: this would wait for approval by %s\n", visible(first(s.missing(&c), "others")))
	default:
		s.aside("dry run, nothing is stored: the change request would be closed without effect\n")
	}
	if s.format() == asCSV {
		return printRows(s, changeColumns(s), []client.Change{c})
	}
	s.showEffects(s.out, &c, everything)
	s.showImpact(s.out, &c, everything)
	s.showLookalikes(s.out, &c)
	s.showOverlaps(s.out, &c)
	s.showEarlier(s.out, &c)
	return nil
}

// warnOfSecrets comes before the secrets themselves, so that whoever sees one has
// been told.
func (s *session) warnOfSecrets(secrets []client.Secret) {
	for _, secret := range secrets {
		if secret.AlreadyShown {
			fmt.Fprintf(s.err, "note: the secret of credential %s was shown in the first answer and cannot be shown again; revoke it and make another if it got lost.\n", secret.CredentialID)
		} else {
			fmt.Fprintf(s.err, "warning: the secret of credential %s (%s) is shown now and never again; store it safely.\n", secret.CredentialID, secret.Type)
		}
	}
}

func secretColumns() []column[client.Secret] {
	return []column[client.Secret]{
		{name: "credential_id", cell: func(k client.Secret) string { return string(k.CredentialID) }},
		{name: "user_id", cell: func(k client.Secret) string { return string(k.UserID) }, full: true},
		{name: "type", cell: func(k client.Secret) string { return string(k.Type) }},
		{name: "client_id", cell: func(k client.Secret) string { return k.ClientID }},
		{name: "expires_at", cell: func(k client.Secret) string { return when(k.ExpiresAt) }},
		{name: "value", exact: true, cell: func(k client.Secret) string {
			if k.AlreadyShown {
				return ""
			}
			return k.Value.Reveal()
		}},
	}
}
