package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newPolicyCommand(p *process) *cobra.Command {
	cmd := noun("policy", "Which changes need whose approvals", `
The policy: which changes need whose approvals. It is a JSON document that can be
exported, edited, linted and applied; applying it is itself a change, and passes at
least the policy it replaces.`,
		`  countersign policy edit --reason 'two approvals for payouts'
  countersign policy lint -f policy.json
  countersign policy apply -f policy.json --dry-run`)
	s := newSession(p, cmd)
	s.policyShow(cmd)
	s.policyExport(cmd)
	s.policyLint(cmd)
	s.policyEdit(cmd)
	s.policyApply(cmd)
	s.policyPut(cmd)
	s.policyHealth(cmd)
	s.policyDrill(cmd)
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
	groups := make([]string, len(when.GroupIDs))
	for i, id := range when.GroupIDs {
		groups[i] = label(s, id)
	}
	say("about group", groups...)
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
			s.learnPolicies(ctx, p)
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
			fmt.Fprintf(s.err, "put it back with: countersign policy apply -f FILE --if-match %d\n", version)
			return s.printJSON(raw)
		},
	})
}

// drillWord says how a rule stands with drills.
func drillWord(h client.RuleHealth) string {
	switch {
	case h.LastDrillAt.IsZero():
		return "never"
	case h.DrillDue:
		return "due, last " + h.LastDrillAt.Format(time.DateOnly)
	default:
		return h.LastDrillAt.Format(time.DateOnly)
	}
}

func (s *session) policyHealth(parent *cobra.Command) {
	s.add(parent, verb{
		use: "health", short: "Say whether the rules can be met",
		long: "One row for each rule and clause: how many approvals it needs, how many people are asked, how many of them could give one now, how many of those can be spared, and when a drill last reached them.\n" +
			"Below, as a table for people: what was done in emergencies and nobody has ratified.",
		example: "  countersign policy health",
		run: func(ctx context.Context, _ []string) error {
			columns := []column[client.RuleHealth]{
				{name: "rule_id", cell: func(h client.RuleHealth) string { return h.RuleID }},
				{name: "clause", cell: func(h client.RuleHealth) string { return number(int64(h.Clause)) }},
				{name: "need", cell: func(h client.RuleHealth) string { return number(int64(h.Need)) }},
				{name: "eligible", cell: func(h client.RuleHealth) string { return number(int64(h.Eligible)) }},
				{name: "reachable", cell: func(h client.RuleHealth) string { return number(int64(h.Reachable)) }},
				{name: "spare", cell: func(h client.RuleHealth) string { return number(int64(h.Spare)) }},
				{name: "oldest_sign_in_at", cell: func(h client.RuleHealth) string { return when(h.OldestSignInAt) }, full: true},
				{name: "last_drill_at", cell: func(h client.RuleHealth) string { return when(h.LastDrillAt) }, full: true},
				{name: "drill", cell: drillWord},
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
