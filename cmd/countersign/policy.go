package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newPolicyCommand(p *process) *cobra.Command {
	cmd := noun("policy", "Which changes need whose approvals", `
The policy: which changes need whose approvals. It is a JSON document that can be
exported, edited, linted and put back; putting it back is itself a change.`,
		`  countersign policy export > policy.json
  countersign policy lint -f policy.json
  countersign policy put -f policy.json --reason 'two approvals for payouts'`)
	s := newSession(p, cmd)
	s.policyShow(cmd)
	s.policyExport(cmd)
	s.policyLint(cmd)
	s.policyPut(cmd)
	s.policyHealth(cmd)
	s.policyViolations(cmd)
	return cmd
}

// ruleLine is one row of a policy as people read it.
type ruleLine struct{ rule, changes, needs, open string }

func ruleColumns() []column[ruleLine] {
	return []column[ruleLine]{
		{name: "rule", cell: func(r ruleLine) string { return r.rule }},
		{name: "changes", cell: func(r ruleLine) string { return r.changes }},
		{name: "needs", cell: func(r ruleLine) string { return r.needs }},
		{name: "open_for", cell: func(r ruleLine) string { return r.open }},
	}
}

func (s *session) ruleLines(p *client.Policy) []ruleLine {
	var lines []ruleLine
	for _, rule := range p.Rules {
		changes := strings.Join(append(rule.Changes, s.conditions(rule.When)...), " ")
		lines = append(lines, s.ruleLine(rule.ID, changes, rule.Requirement))
	}
	lines = append(lines, s.ruleLine("default", "all others", p.Default))
	most := math.MaxInt
	if s.format() == asTable {
		most = mostNamed
	}
	for _, exclusion := range p.Exclusions {
		lines = append(lines, ruleLine{exclusion.ID, "nobody holds", sides(exclusion.Sides, most), ""})
	}
	return lines
}

// mostNamed is how many permissions of a side a table for people names.
const mostNamed = 3

func someOf(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, "|")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], "|"), len(list)-most)
}

// sides are what must not come together; of each side at most some are named.
func sides(list [][]client.Permission, most int) string {
	var words []string
	for _, side := range list {
		if len(side) > 0 {
			words = append(words, someOf(textsOf(side), most))
		}
	}
	return strings.Join(words, " together with ")
}

// conditions say in words when a rule is meant.
func (s *session) conditions(when client.Condition) []string {
	var out []string
	say := func(words string, values ...string) {
		if len(values) > 0 {
			out = append(out, words+" "+strings.Join(values, "|"))
		}
	}
	say("about group", textsOf(when.GroupIDs)...)
	say("giving or taking", textsOf(when.Permissions)...)
	say("about", textsOf(when.UserTypes)...)
	say("asked by", textsOf(when.RequesterTypes)...)
	if when.Approvers {
		out = append(out, "touching approvers")
	}
	return out
}

func textsOf[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func (s *session) ruleLine(id, changes string, r client.Requirement) ruleLine {
	parts := s.clauses(r)
	open := "7d"
	if seconds := r.ExpiresAfterSeconds; seconds != 0 {
		open = fmt.Sprintf("%ds", seconds)
		if seconds%(24*3600) == 0 {
			open = fmt.Sprintf("%dd", seconds/(24*3600))
		}
	}
	if len(parts) == 0 {
		return ruleLine{id, changes, "nothing: applied at once", ""}
	}
	return ruleLine{id, changes, strings.Join(parts, ", and "), open}
}

func (s *session) policyShow(parent *cobra.Command) {
	s.add(parent, verb{
		use: "show", short: "Show the policy", long: "All rules that match a change count; what none matches falls to the default.",
		example: "  countersign policy show",
		run: func(ctx context.Context, _ []string) error {
			var raw []byte
			p, version, err := s.api.GetPolicy(ctx, s.reading(&raw)...)
			if err != nil {
				return err
			}
			if s.format() == asJSON {
				return s.printJSON(raw)
			}
			s.aside("policy %s, version %d\n", visible(p.Name), version)
			return printRows(s, ruleColumns(), s.ruleLines(p))
		},
	})
}

func (s *session) policyExport(parent *cobra.Command) {
	s.add(parent, verb{
		use: "export", short: "Write the policy as JSON, ready to be edited and put back", long: "Whatever -o says, it is JSON.",
		example: "  countersign policy export > policy.json",
		run: func(ctx context.Context, _ []string) error {
			var raw []byte
			_, version, err := s.api.GetPolicy(ctx, s.reading(&raw)...)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.err, "put it back with: countersign policy put -f FILE --if-match %d\n", version)
			return s.printJSON(raw)
		},
	})
}

// policyFrom reads a policy. What the client does not know would be lost on the
// way back, so it is refused here.
func (s *session) policyFrom(ctx context.Context, file string) (client.Policy, error) {
	var p client.Policy
	text, err := s.readFile(ctx, file)
	if err != nil {
		return p, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, usage("%s is not a policy: %v", file, err)
	}
	if decoder.More() {
		return p, usage("%s: something follows the policy", file)
	}
	return p, nil
}

func (s *session) policyPut(parent *cobra.Command) {
	var file string
	var w *writing
	cmd := s.add(parent, verb{
		use: "put", short: "Replace the policy", long: "Lint it first. --if-match keeps you from undoing what somebody else changed meanwhile.", required: []string{"file"},
		example: "  countersign policy put -f policy.json --if-match 4207 --reason 'two approvals for payouts'",
		run: func(ctx context.Context, _ []string) error {
			p, err := s.policyFrom(ctx, file)
			if err != nil {
				return err
			}
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
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the policy; - is standard input")
	w = writes(cmd, true)
}

func (s *session) policyLint(parent *cobra.Command) {
	var file string
	cmd := s.add(parent, verb{
		use: "lint", short: "Say what is wrong with a policy", long: "Of the one in force where no file is given. Exits 1 where the policy would be refused.",
		example: "  countersign policy lint -f policy.json",
		run: func(ctx context.Context, _ []string) error {
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
			refused := false
			err = showList(s, &paging{}, findingColumns(), func(_ client.Paging, opts ...client.ReadOption) (*client.List[client.Finding], error) {
				list, err := s.api.LintPolicy(ctx, p, opts...)
				for i := 0; err == nil && i < len(list.Items); i++ {
					refused = refused || list.Items[i].Severity == "error"
				}
				return list, err
			})
			if err == nil && refused {
				err = saidError{fmt.Errorf("the policy would be refused")}
			}
			return err
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "`FILE` with the policy; - is standard input")
}

func findingColumns() []column[client.Finding] {
	return []column[client.Finding]{
		{name: "severity", cell: func(f client.Finding) string { return f.Severity }},
		{name: "field", cell: func(f client.Finding) string { return f.Field }},
		{name: "message", cell: func(f client.Finding) string { return f.Message }},
	}
}

func (s *session) policyHealth(parent *cobra.Command) {
	s.add(parent, verb{
		use: "health", short: "Say whether the rules can be met",
		long: "One row for each rule and clause: how many approvals it needs, how many people could give them, how many of those can be spared.\n" +
			"Below, as a table for people: what was done in emergencies and nobody has ratified.",
		example: "  countersign policy health",
		run: func(ctx context.Context, _ []string) error {
			columns := []column[client.RuleHealth]{
				{name: "rule_id", cell: func(h client.RuleHealth) string { return h.RuleID }},
				{name: "clause", cell: func(h client.RuleHealth) string { return number(int64(h.Clause)) }},
				{name: "need", cell: func(h client.RuleHealth) string { return number(int64(h.Need)) }},
				{name: "eligible", cell: func(h client.RuleHealth) string { return number(int64(h.Eligible)) }},
				{name: "spare", cell: func(h client.RuleHealth) string { return number(int64(h.Spare)) }},
				{name: "ok", cell: func(h client.RuleHealth) string { return yes(h.OK) }},
			}
			err := showList(s, &paging{}, columns, func(_ client.Paging, opts ...client.ReadOption) (*client.List[client.RuleHealth], error) {
				return s.api.GetPolicyHealth(ctx, opts...)
			})
			if err != nil {
				return err
			}
			return s.tellUnratified(ctx)
		},
	})
}
