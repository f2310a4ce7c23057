package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/approval"
)

// policyFrom reads a policy from a file.
func (s *session) policyFrom(ctx context.Context, file string) (client.Policy, error) {
	text, err := s.readFile(ctx, file)
	if err != nil {
		return client.Policy{}, err
	}
	p, err := parsePolicy(text)
	if err != nil {
		return p, usage("%s is not a policy: %v", file, err)
	}
	return p, nil
}

// parsePolicy reads a policy. What the client does not know would be lost on the
// way back, and of what is given twice nobody knows which counts, so that both are
// refused here.
func parsePolicy(text []byte) (client.Policy, error) {
	var strict countersign.Policy
	var p client.Policy
	err := json.Unmarshal(text, &strict, json.RejectUnknownMembers(true))
	if err == nil {
		err = json.Unmarshal(text, &p, json.RejectUnknownMembers(true))
	}
	return p, err
}

// lintHere finds what needs no directory: the shape of a policy, what can never be
// free, and rules that ask less than the default.
func lintHere(p client.Policy) ([]client.Finding, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	var own countersign.Policy
	if err := json.Unmarshal(text, &own); err != nil {
		return nil, err
	}
	if err := own.Validate("policy"); err != nil {
		var wrong *countersign.Error
		if !errors.As(err, &wrong) {
			return nil, err
		}
		return []client.Finding{{Severity: "error", Field: wrong.Field, Message: wrong.Message}}, nil
	}
	var out []client.Finding
	for _, id := range approval.Weaker(own) {
		out = append(out, client.Finding{Severity: "warning", Field: id, Message: "asks less than the default, which no longer counts for what this rule matches; ask here for all that is needed"})
	}
	return out, nil
}

func (s *session) policyLint(parent *cobra.Command) {
	var file string
	var offline bool
	cmd := s.add(parent, verb{
		use: "lint", short: "Say what is wrong with a policy",
		long: `
Of the one in force where no file is given. Exits 1 where the policy would be
refused. With --offline no directory is asked: the shape is checked, what may never
be free, and rules that ask less than the default, but not whether there are people
who could approve.`,
		example: "  countersign policy lint -f policy.json\n  countersign policy lint -f policy.json --offline",
		run: func(ctx context.Context, _ []string) error {
			if offline && file == "" {
				return usage("--offline needs --file: the policy in force is in the directory")
			}
			var p client.Policy
			var err error
			if file != "" {
				p, err = s.policyFrom(ctx, file)
			} else {
				var current *client.Policy
				if current, _, err = s.api.GetPolicy(ctx); err == nil {
					p = *current
				}
			}
			if err != nil {
				return err
			}
			return s.tellFindings(func(opts ...client.ReadOption) (*client.List[client.Finding], error) {
				if !offline {
					return s.api.LintPolicy(ctx, p, opts...)
				}
				found, err := lintHere(p)
				fmt.Fprintln(s.err, "offline: whether there are people who could approve was not looked at")
				return &client.List[client.Finding]{Items: found, Total: int64(len(found))}, err
			})
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the policy; - is standard input")
	cmd.Flags().BoolVar(&offline, "offline", false, "ask no directory")
}

// tellFindings writes findings as a list, and fails where the policy would be
// refused.
func (s *session) tellFindings(lint func(...client.ReadOption) (*client.List[client.Finding], error)) error {
	refused := false
	err := showList(s, &paging{}, findingColumns(), func(_ client.Paging, opts ...client.ReadOption) (*client.List[client.Finding], error) {
		list, err := lint(opts...)
		refused = refused || err == nil && refusing(list.Items)
		return list, err
	})
	if err == nil && refused {
		err = saidError{errors.New("the policy would be refused")}
	}
	return err
}

func refusing(list []client.Finding) bool {
	for _, f := range list {
		if f.Severity == "error" {
			return true
		}
	}
	return false
}

func findingColumns() []column[client.Finding] {
	return []column[client.Finding]{
		{name: "severity", cell: func(f client.Finding) string { return f.Severity }},
		{name: "field", cell: func(f client.Finding) string { return f.Field }},
		{name: "message", cell: func(f client.Finding) string { return f.Message }},
	}
}

// lint asks what is wrong with a policy, first here and then the directory, and
// tells it below other lines. It reports whether the policy would be refused.
func (s *session) lint(ctx context.Context, w io.Writer, p client.Policy) (bool, error) {
	found, err := lintHere(p)
	if err == nil && !refusing(found) {
		var list *client.List[client.Finding]
		if list, err = s.api.LintPolicy(ctx, p); err == nil {
			found = list.Items
		}
	}
	if err != nil {
		return false, err
	}
	for _, f := range found {
		fmt.Fprintf(w, "%s: %s: %s\n", visible(f.Severity), visible(f.Field), visible(f.Message))
	}
	return refusing(found), nil
}
