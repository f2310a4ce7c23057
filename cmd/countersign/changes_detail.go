package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/countersign/countersign/client"
)

// What an approver reads besides the change itself: whom he could mistake, who
// else asks for the same, and what is new since the request before.

// showDigest writes the digest, the words to compare by voice, and what of the
// above was found out here.
func showDigest(w io.Writer, c *client.Change, seen *examined) {
	fmt.Fprintf(w, "\ndigest  %s\n", visible(c.Digest))
	if seen == nil {
		fmt.Fprint(w, "        not verified: nothing of this was compared with the document of the change\n")
		return
	}
	fmt.Fprintf(w, "words   %s\n", seen.words)
	fmt.Fprint(w, "\nverified here, from the document of the change: digest, words, operations, before and after,\n"+
		"who asks and why, times, what policy asked. Only the server says: state, impact, approvals,\n"+
		"whose names belong to ids, look-alikes, overlaps, earlier requests.\n")
}

// showLookalikes warns of names that could be taken for those of others.
func (s *session) showLookalikes(w io.Writer, c *client.Change) {
	if len(c.Lookalikes) == 0 {
		return
	}
	fmt.Fprint(w, "\nwarning: names that could be mistaken\n")
	for _, l := range c.Lookalikes {
		what := map[client.LookalikeKind]string{
			client.UserNameLookalike: "user", client.UserEmailLookalike: "email", client.GroupNameLookalike: "group",
		}[l.Kind]
		whose := "of " + l.ID
		if l.ID == "" {
			whose = "which is new"
		}
		fmt.Fprintf(w, "  %s %s, %s\n", visible(what), visible(spelled(l.Text)), visible(whose))
		for _, o := range l.Others {
			how := "looks like"
			if o.Same {
				how = "is also that of"
			}
			fmt.Fprintf(w, "    %s %s of %s\n", how, visible(spelled(o.Text)), visible(o.ID))
		}
		if more := l.OthersTotal - int64(len(l.Others)); more > 0 {
			fmt.Fprintf(w, "    and of %s\n", counted(more, "other"))
		}
	}
}

// spelled quotes a name and names its letters that are not ASCII by their code
// points: that they look like others is what is being told.
func spelled(name string) string {
	var odd []string
	for _, r := range name {
		if r > '~' && len(odd) < maxListed {
			odd = append(odd, fmt.Sprintf("U+%04X", r))
		}
	}
	text := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	if len(odd) > 0 {
		text += " (" + strings.Join(odd, " ") + ")"
	}
	return text
}

// showOverlaps names the open requests that this one meets, and which ends which.
func (s *session) showOverlaps(w io.Writer, c *client.Change) {
	if len(c.Overlaps) == 0 {
		return
	}
	fmt.Fprintf(w, "\noverlaps with %s\n", counted(int64(len(c.Overlaps)), "open request"))
	for _, o := range c.Overlaps {
		fmt.Fprintf(w, "  %s %s by %s\n", visible(string(o.ChangeID)), visible(strings.Join(o.Kinds, ", ")), visible(label(s, o.Requester)))
		switch {
		case o.EndsOther && o.EndsThis:
			fmt.Fprint(w, "    whichever is applied first makes the other stale\n")
		case o.EndsOther:
			fmt.Fprint(w, "    becomes stale once this one is applied\n")
		default:
			fmt.Fprint(w, "    makes this one stale once it is applied\n")
		}
		var facts []string
		for _, fact := range o.Facts[:min(maxListed, len(o.Facts))] {
			facts = append(facts, s.factLabel(fact))
		}
		if more := o.FactsTotal - int64(len(facts)); more > 0 {
			facts = append(facts, counted(more, "more fact"))
		}
		fmt.Fprintf(w, "    both about: %s\n", visible(strings.Join(facts, ", ")))
	}
}

// showEarlier tells how often the same was asked for before.
func (s *session) showEarlier(w io.Writer, c *client.Change) {
	if c.Earlier == nil || c.Earlier.Total == 0 {
		return
	}
	times := counted(int64(c.Earlier.Total), "time")
	if c.Earlier.More {
		times = "more than " + times
	}
	var ends []string
	for _, state := range changeStates() {
		if n := c.Earlier.States[state]; n > 0 {
			ends = append(ends, fmt.Sprintf("%d %s", n, state))
		}
	}
	fmt.Fprintf(w, "\nasked for before: %s by the same person (%s)\n", times, strings.Join(ends, ", "))
	for _, r := range c.Earlier.Latest {
		text := string(r.ID) + " " + string(r.State)
		if r.ClosedBecause != "" {
			text += " because " + r.ClosedBecause
		}
		if !r.ClosedAt.IsZero() {
			text += " at " + when(r.ClosedAt)
		}
		fmt.Fprintf(w, "  %s\n", visible(text))
	}
}

// showDifferences tells what is new since the request that this one replaces.
func (s *session) showDifferences(w io.Writer, seen *examined, most int) {
	if seen == nil || seen.differences == nil {
		return
	}
	d := seen.differences
	fmt.Fprintf(w, "\nwhat differs from change %s, which it replaces\n", visible(string(d.ChangeID)))
	if len(d.Operations)+len(d.Effects) == 0 {
		fmt.Fprint(w, "  nothing\n")
	}
	for _, o := range d.Operations {
		place := o.Is
		if place == nil {
			place = o.Was
		}
		fmt.Fprintf(w, "  operation %d, %s: %s\n", *place+1, visible(o.Kind), visible(string(o.How)))
		s.showMoved(w, o.Before, o.After)
	}
	for _, e := range d.Effects[:min(most, len(d.Effects))] {
		fmt.Fprintf(w, "  %s: %s\n", visible(s.factLabel(e.Fact)), howEffects(e.How))
		if e.How != client.DifferenceChanged {
			continue
		}
		for _, side := range []struct {
			name    string
			was, is map[string]json.RawMessage
		}{{"before", e.WasBefore, e.Before}, {"after", e.WasAfter, e.After}} {
			for _, name := range slices.Sorted(maps.Keys(merged(side.was, side.is))) {
				if string(side.was[name]) != string(side.is[name]) {
					for _, line := range s.movements(side.name+" "+name, side.was[name], side.is[name]) {
						fmt.Fprintf(w, "       %s\n", visible(line))
					}
				}
			}
		}
	}
	if more := len(d.Effects) - most; more > 0 {
		fmt.Fprintf(w, "  and %s\n", counted(int64(more), "more fact"))
	}
	if d.Partial {
		fmt.Fprint(w, "  and perhaps more: one of the two has more facts than its document lists\n")
	}
}

func howEffects(how client.How) string {
	return map[client.How]string{
		client.DifferenceAdded: "moves now, and did not", client.DifferenceRemoved: "moves no more",
		client.DifferenceChanged: "before and after are others now",
	}[how]
}

func (s *session) showMoved(w io.Writer, before, after map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(merged(before, after))) {
		for _, line := range s.movements(name, before[name], after[name]) {
			fmt.Fprintf(w, "       %s\n", visible(line))
		}
	}
}

func merged(a, b map[string]json.RawMessage) map[string]json.RawMessage {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]json.RawMessage{}
	}
	maps.Copy(out, b)
	return out
}
