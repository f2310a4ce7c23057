package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func (s *session) policyPut(parent *cobra.Command) {
	var file string
	var w *writing
	cmd := s.add(parent, verb{
		use: "put", short: "Replace the policy without asking", required: []string{"file"},
		long:    "For scripts; people use apply. --if-match keeps you from undoing what somebody else changed meanwhile.",
		example: "  countersign policy put -f policy.json --if-match 4207 --reason 'two approvals for payouts'",
		run: func(ctx context.Context, _ []string) error {
			p, err := s.policyFrom(ctx, file)
			if err != nil {
				return err
			}
			return s.putPolicy(ctx, p, w)
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the policy; - is standard input")
	w = writes(cmd, true)
}

func (s *session) putPolicy(ctx context.Context, p client.Policy, w *writing) error {
	var raw []byte
	opts, err := w.options(&raw)
	if err != nil {
		return err
	}
	out, err := s.api.PutPolicy(ctx, p, opts...)
	if err != nil {
		return err
	}
	return tell(ctx, s, done[client.Policy]{what: "the policy is " + p.Name}, out, raw)
}

func (s *session) policyApply(parent *cobra.Command) {
	var file string
	var yes bool
	var w *writing
	cmd := s.add(parent, verb{
		use: "apply", short: "Make the policy what a file says", required: []string{"file"},
		long: `
Says what would differ, rule by rule, lints it, and asks, unless --yes. Where the
policy says so already, or a change that would make it so waits, nothing is sent: the
command can be repeated.`,
		example: "  countersign policy apply -f policy.json --dry-run\n  countersign policy apply -f policy.json --reason 'two approvals for payouts'",
		run: func(ctx context.Context, _ []string) error {
			p, err := s.policyFrom(ctx, file)
			if err != nil {
				return err
			}
			current, version, err := s.api.GetPolicy(ctx)
			if err != nil {
				return err
			}
			return s.applyPolicy(ctx, current, version, &p, w, yes)
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the policy; - is standard input")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	w = writes(cmd, true)
}

// applyPolicy puts a policy in the place of the one that was read: only that one.
func (s *session) applyPolicy(ctx context.Context, current *client.Policy, version int64, p *client.Policy, w *writing, yes bool) error {
	if samePolicy(current, p) {
		s.aside("nothing changed: the policy says so already (version %d)\n", version)
		return nil
	}
	s.learnPolicies(ctx, current, p)
	fmt.Fprintf(s.err, "what differs from policy %s, version %d\n", visible(current.Name), version)
	s.showPolicyDifference(s.err, current, p)
	refused, err := s.lint(ctx, s.err, *p)
	if err != nil {
		return err
	}
	if refused {
		return saidError{errors.New("the policy would be refused")}
	}
	if w.ifMatch == "" {
		w.ifMatch = number(version)
	}
	if !yes && !w.dryRun {
		if err := s.rehearsePolicy(ctx, *p, w); err != nil {
			return s.unlessWaiting(ctx, p, err)
		}
		if err := s.ask(ctx, "Make this the policy?", "policy apply -f FILE --yes"); err != nil {
			return err
		}
	}
	return s.unlessWaiting(ctx, p, s.putPolicy(ctx, *p, w))
}

// rehearsePolicy says in a line what putting a policy would lead to.
func (s *session) rehearsePolicy(ctx context.Context, p client.Policy, w *writing) error {
	dry := *w
	dry.dryRun, dry.key = true, ""
	var raw []byte
	opts, err := dry.options(&raw)
	if err != nil {
		return err
	}
	out, err := s.api.PutPolicy(ctx, p, opts...)
	if err != nil || out.Preview == nil {
		return err
	}
	c := out.Preview.Change
	if out.Preview.Would == "apply" {
		fmt.Fprint(s.err, "this would be applied at once\n")
		return nil
	}
	fmt.Fprintf(s.err, "this would wait for approval by %s\n", visible(first(s.missing(&c), "others")))
	return nil
}

// unlessWaiting takes it for success that a change waits which would make the very
// same policy.
func (s *session) unlessWaiting(ctx context.Context, p *client.Policy, err error) error {
	var answered *client.Error
	if !errors.As(err, &answered) || answered.Code != "change_pending" || answered.Details["change_id"] == "" {
		return err
	}
	c, seen := s.api.GetChange(ctx, client.ChangeID(answered.Details["change_id"]))
	if seen != nil || len(c.Operations) != 1 {
		return err
	}
	var asked client.Policy
	if json.Unmarshal(c.Operations[0].Fields["policy"], &asked) != nil || !samePolicy(&asked, p) {
		return err
	}
	s.aside("nothing changed: change %s asks for this policy, and waits\n", c.ID)
	s.learnOf(ctx, c)
	if missing := s.missing(c); missing != "" {
		s.aside("  needs: %s\n", visible(missing))
	}
	return nil
}

func (s *session) policyEdit(parent *cobra.Command) {
	var yes bool
	var w *writing
	cmd := s.add(parent, verb{
		use: "edit", short: "Change the policy in your editor",
		long: `
Opens the policy in $VISUAL or $EDITOR, lints what you save, says what differs and
what would become of it, and asks. What cannot be put stays in its file, to be
mended and applied.`,
		example: "  countersign policy edit --reason 'two approvals for payouts'\n  EDITOR='code --wait' countersign policy edit --dry-run",
		run: func(ctx context.Context, _ []string) error {
			var raw []byte
			current, version, err := s.api.GetPolicy(ctx, client.KeepBody(&raw))
			if err != nil {
				return err
			}
			return s.editPolicy(ctx, current, version, raw, w, yes)
		},
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	w = writes(cmd, true)
}

// editPolicy lets a person edit a copy of the policy until it can be put.
func (s *session) editPolicy(ctx context.Context, current *client.Policy, version int64, raw []byte, w *writing, yes bool) (err error) {
	dir, err := os.MkdirTemp("", "countersign-policy-")
	if err != nil {
		return fmt.Errorf("making a place for the policy: %w", err)
	}
	file := filepath.Join(dir, "policy.json")
	edited := false
	defer func() {
		if edited && err != nil {
			fmt.Fprintf(s.err, "your text is kept: countersign policy apply -f %s\n", shell(file))
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := writePrettily(file, raw); err != nil {
		return err
	}
	for {
		if err := s.editor(ctx, file); err != nil {
			return err
		}
		p, err := s.policyFrom(ctx, file)
		edited = err != nil || !samePolicy(current, &p)
		if err == nil {
			return s.applyPolicy(ctx, current, version, &p, w, yes)
		}
		fmt.Fprintf(s.err, "%s\n", visible(err.Error()))
		if again := s.ask(ctx, "Edit it again?", "policy apply -f "+shell(file)); again != nil {
			return again
		}
	}
}

func writePrettily(file string, raw []byte) error {
	var tree json.RawMessage = raw
	text, err := json.MarshalIndent(tree, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the policy down: %w", err)
	}
	return nil
}

// editor runs the editor of the caller, which may have arguments of its own, on a
// file. It gets the terminal.
func (s *session) editor(ctx context.Context, file string) error {
	command := first(s.getenv("VISUAL"), s.getenv("EDITOR"), "vi")
	cmd := exec.CommandContext(ctx, "sh", "-c", command+` "$1"`, "sh", file) //nolint:gosec // the caller's own choice
	if terminal, is := s.in.(*os.File); is {                                 // what else there is was not meant for an editor
		cmd.Stdin = terminal
	}
	cmd.Stdout, cmd.Stderr = s.err, s.err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the editor %s failed: %w", command, err)
	}
	return nil
}
