package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/canon"
)

// What differs between two policies, in the words in which policies are shown.

// samePolicy compares what two policies say, not how they are written.
func samePolicy(a, b *client.Policy) bool {
	one, err1 := canon.Encode(a)
	other, err2 := canon.Encode(b)
	return err1 == nil && err2 == nil && bytes.Equal(one, other)
}

// learnPolicies looks up the groups that policies name.
func (s *session) learnPolicies(ctx context.Context, list ...*client.Policy) {
	var groups []client.GroupID
	for _, p := range list {
		requirements := []client.Requirement{p.Default}
		for _, rule := range p.Rules {
			groups, requirements = append(groups, rule.When.GroupIDs...), append(requirements, rule.Requirement)
		}
		for _, r := range requirements {
			for _, clause := range r.Clauses {
				groups = append(groups, clause.Approvers.GroupID)
			}
		}
	}
	s.learn(ctx, nil, groups)
}

// showPolicyDifference writes what another policy would change, rule by rule.
func (s *session) showPolicyDifference(w io.Writer, was, is *client.Policy) {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if was.Name != is.Name {
		say("~ name: %s -> %s", was.Name, is.Name)
	}
	old, now := s.linesByID(was), s.linesByID(is)
	for _, r := range now.list {
		before, there := old.by[r.key]
		switch {
		case !there:
			say("+ %s: %s: %s", r.key, r.changes, first(r.needs+openFor(r.open), "-"))
		case before != r:
			say("~ %s", r.key)
			for _, part := range [][3]string{{"changes", before.changes, r.changes}, {r.word(), before.needs, r.needs}, {"open for", before.open, r.open}} {
				if part[1] != part[2] {
					say(deeper+"%s: %s -> %s", part[0], first(part[1], "-"), first(part[2], "-"))
				}
			}
		}
	}
	for _, r := range old.list {
		if _, there := now.by[r.key]; !there {
			say("- %s: %s: %s", r.key, r.changes, r.needs)
		}
	}
	for _, risk := range difference(is.AcceptedRisks, was.AcceptedRisks) {
		say("+ accepted risk: %s", risk)
	}
	for _, risk := range difference(was.AcceptedRisks, is.AcceptedRisks) {
		say("- accepted risk: %s", risk)
	}
	if len(lines) == 0 {
		say("only the order of rules, or how they are written: what is asked stays the same")
	}
	for _, line := range lines {
		text, deep := strings.CutPrefix(line, deeper)
		if deep {
			fmt.Fprint(w, deeper)
		}
		fmt.Fprintf(w, "  %s\n", visible(text))
	}
}

// deeper begins the lines below a rule.
const deeper = "    "

func openFor(open string) string {
	if open == "" {
		return ""
	}
	return ", open for " + open
}

// keyedLine is a rule, the default or an exclusion in words.
type keyedLine struct{ key, changes, needs, open string }

// word is what the needs of a line are called.
func (l keyedLine) word() string {
	if strings.HasPrefix(l.key, "exclusion ") {
		return "keeps apart"
	}
	return "needs"
}

type keyedLines struct {
	list []keyedLine
	by   map[string]keyedLine
}

// linesByID tells all of a policy, also what its table cuts short.
func (s *session) linesByID(p *client.Policy) keyedLines {
	out := keyedLines{by: map[string]keyedLine{}}
	add := func(key, changes, needs, open string) {
		line := keyedLine{key, changes, needs, open}
		out.list, out.by[key] = append(out.list, line), line
	}
	for _, rule := range p.Rules {
		line := s.ruleLine(rule.ID, strings.Join(append(slices.Clone(rule.Changes), s.conditions(rule.When)...), " "), rule.Requirement)
		add("rule "+line.rule, line.changes, line.needs, line.open)
	}
	line := s.ruleLine("", "all others", p.Default)
	add("default", line.changes, line.needs, line.open)
	for _, exclusion := range p.Exclusions {
		add("exclusion "+exclusion.ID, "nobody holds", sides(exclusion.Sides, math.MaxInt), "")
	}
	return out
}

func difference(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(word string) bool { return slices.Contains(b, word) })
}
