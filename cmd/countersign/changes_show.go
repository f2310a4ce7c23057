package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/countersign/countersign/client"
)

// What an approver reads. Everything here was chosen by somebody else, perhaps by
// the very requester, so every value passes through visible, and ids that have a
// name are shown by it: people approve names.

// maxListed is how many people one line names; the others are counted.
const maxListed = 8

// How much of a large change is written. Operations never are left out: they are
// what is approved.
const (
	oneScreen  = 12
	everything = 1 << 30
)

// learnOf looks up whom and what a change is about.
func (s *session) learnOf(ctx context.Context, c *client.Change) {
	users := slices.Concat([]client.UserID{c.Requester, c.RequesterPerson, c.ClosedBy}, c.Eligible[:min(maxListed, len(c.Eligible))], c.Excluded[:min(maxListed, len(c.Excluded))])
	var groups []client.GroupID
	for _, a := range c.Approvals {
		users = append(users, a.Person)
	}
	for _, need := range c.Needs {
		groups = append(groups, need.Approvers.GroupID)
		users = append(users, need.Eligible[:min(maxListed, len(need.Eligible))]...)
	}
	for _, op := range c.Operations {
		s.learnNew(op)
		for name, raw := range op.Fields {
			switch name {
			case "user_id", "responsible_person_id":
				users = append(users, client.UserID(plainValue(raw)))
			case "group_id":
				groups = append(groups, client.GroupID(plainValue(raw)))
			case "group_ids", "member_ids":
				for _, id := range listed(raw) {
					users, groups = append(users, client.UserID(id)), append(groups, client.GroupID(id))
				}
			}
		}
	}
	facts := make([]string, 0, len(c.Effects))
	for _, e := range c.Effects {
		facts = append(facts, e.Fact)
	}
	for _, o := range c.Overlaps {
		users, facts = append(users, o.Requester), append(facts, o.Facts[:min(maxListed, len(o.Facts))]...)
	}
	for _, fact := range facts {
		kind, key, _ := strings.Cut(fact, ":")
		user, group, both := strings.Cut(key, "/")
		switch {
		case both:
			users, groups = append(users, client.UserID(user)), append(groups, client.GroupID(group))
		case strings.HasPrefix(kind, "user"):
			users = append(users, client.UserID(key))
		case strings.HasPrefix(kind, "group"):
			groups = append(groups, client.GroupID(key))
		}
	}
	s.learn(ctx, users, groups)
}

// learnNew takes the label of what an operation would make from the operation: it
// cannot be looked up yet.
func (s *session) learnNew(op client.SubmittedOperation) {
	name := plainValue(op.Fields["name"])
	switch {
	case op.Kind == "group.create":
		s.known[plainValue(op.Fields["group_id"])] = quoted(name)
	case op.Kind == "user.invite", strings.HasPrefix(op.Kind, "user.create_"):
		made := client.User{Type: client.Person, Name: name, Email: plainValue(op.Fields["email"]), ExternalID: plainValue(op.Fields["external_id"])}
		if kind, ok := strings.CutPrefix(op.Kind, "user.create_"); ok {
			made.Type = client.UserType(kind)
		}
		s.known[plainValue(op.Fields["user_id"])] = labelOf(made)
	}
}

// listed reads the first strings of a list.
func listed(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list[:min(maxWords, len(list))]
}

// showChange writes what an approver should know, as it was examined; most bounds
// how many facts and users are told of. What was not examined, seen is nil then,
// says so.
func (s *session) showChange(w io.Writer, c *client.Change, seen *examined, most int) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-13s  %s\n", name, visible(value))
		}
	}
	line("change", string(c.ID))
	line("state", string(c.State)+closing(c))
	asked := label(s, c.Requester)
	if c.RequesterPerson != c.Requester {
		asked += ", for whom answers " + label(s, c.RequesterPerson)
	}
	if c.Recovery != nil {
		asked = fmt.Sprintf("nobody here: %d recovery keys; any admin can deny it", len(c.Recovery.Signatures))
	}
	line("asked by", asked)
	line("asked at", when(c.CreatedAt))
	line("reason", first(c.Reason, "(none given)"))
	if c.State.Open() {
		line("expires", when(c.ExpiresAt))
	}
	line("scheduled", when(c.ScheduledAt))
	if !c.DueAt.IsZero() {
		line("applied at", when(c.DueAt)+", unless somebody objects")
	}
	line("closed", when(c.ClosedAt))
	line("closed by", label(s, c.ClosedBy))
	line("replaces", string(c.Replaces))
	line("replaced by", string(c.ReplacedBy))
	line("made stale by", string(c.Winner))
	if c.Bootstrap {
		line("bootstrap", "applied at once: the organization was not sealed")
	}
	if c.Emergency {
		line("emergency", "done at once by one person; others are asked by change "+string(c.Ratification))
	}
	if c.Ratifies != "" {
		line("ratifies", "what was done at once; see: countersign changes show "+string(c.Ratifies))
	}
	s.showOperations(w, c)
	s.showEffects(w, c, most)
	s.showDifferences(w, seen, most)
	s.showImpact(w, c, most)
	s.showLookalikes(w, c)
	s.showOverlaps(w, c)
	s.showEarlier(w, c)
	s.showApprovals(w, c)
	showDigest(w, c, seen)
}

func (s *session) showOperations(w io.Writer, c *client.Change) {
	fmt.Fprintf(w, "\noperations (%d)\n", len(c.Operations))
	for i, op := range c.Operations {
		fmt.Fprintf(w, "  %d. %s\n", i+1, visible(op.Kind))
		for _, name := range slices.Sorted(maps.Keys(op.Fields)) {
			if allottedOnly(op.Kind, name) {
				continue
			}
			if op.Kind == "import.open" && name == "batches" {
				// Nobody compares hundreds of digests by eye; what the rows do follows below.
				fmt.Fprintf(w, "       batches: %d, to be compared with the files: countersign import DIR --verify --change %s\n",
					countOf(op.Fields[name]), visible(string(c.ID)))
				continue
			}
			// A line to each value, or a name could go on as if it were the next one.
			for _, p := range s.parts(name, op.Fields[name]) {
				fmt.Fprintf(w, "       %s: %s\n", visible(p.path), visible(p.text))
			}
		}
	}
}

// countOf counts a list.
func countOf(raw json.RawMessage) int {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return 0
	}
	return len(list)
}

// allottedOnly: ids given to what is about to be made say nothing to an approver.
func allottedOnly(kind, name string) bool {
	switch name {
	case "number", "memberships":
		return true
	case "import_id":
		return kind == "import.open"
	case "user_id":
		return kind == "user.invite" || strings.HasPrefix(kind, "user.create")
	case "group_id":
		return kind == "group.create"
	case "membership_id":
		return kind == "membership.add"
	case "credential_id":
		return kind != "credential.collect" && kind != "credential.revoke"
	default:
		return false
	}
}

// showEffects writes before and after, fact by fact.
func (s *session) showEffects(w io.Writer, c *client.Change, most int) {
	if len(c.Effects) == 0 {
		return
	}
	fmt.Fprintf(w, "\nbefore and after\n")
	for _, e := range c.Effects[:min(most, len(c.Effects))] {
		head := s.factLabel(e.Fact)
		if e.From == 0 {
			head += " (new)"
		}
		fmt.Fprintf(w, "  %s\n", visible(head))
		fields := maps.Clone(e.Before)
		if fields == nil {
			fields = map[string]json.RawMessage{}
		}
		maps.Copy(fields, e.After)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if name == "id" || name == "number" {
				continue
			}
			for _, line := range s.movements(name, e.Before[name], e.After[name]) {
				fmt.Fprintf(w, "    %s\n", visible(line))
			}
		}
	}
	if more := max(c.EffectsTotal, int64(len(c.Effects))) - int64(min(most, len(c.Effects))); more > 0 {
		fmt.Fprintf(w, "  and %s%s\n", counted(more, "more fact"), fuller(most, c))
	}
}

// fuller says where more of a change can be read.
func fuller(most int, c *client.Change) string {
	if most == everything || c.ID == "" {
		return ""
	}
	return "; see: countersign changes show " + string(c.ID)
}

// counted is a number of things.
func counted(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(n) + " " + thing + "s"
}

// factLabel names a fact as people do: "user.role of Grace".
func (s *session) factLabel(fact string) string {
	kind, key, _ := strings.Cut(fact, ":")
	if key == "" {
		return kind
	}
	if user, group, both := strings.Cut(key, "/"); both {
		return kind + " of " + label(s, user) + " in " + label(s, group)
	}
	return kind + " of " + label(s, key)
}

// showImpact writes who gains or loses which effective permission.
func (s *session) showImpact(w io.Writer, c *client.Change, most int) {
	if c.Impact == nil {
		return
	}
	if slices.ContainsFunc(c.Operations, func(op client.SubmittedOperation) bool { return op.Kind == "import.open" }) {
		fmt.Fprint(w, "\nimpact: what the rows do; they are not here yet, and whoever approves compares the files\n")
		return
	}
	if c.Impact.UsersTotal == 0 {
		fmt.Fprint(w, "\nimpact: nobody gains or loses a permission\n")
		return
	}
	fmt.Fprintf(w, "\nimpact: %s gained, %s lost, by %s\n", counted(c.Impact.Gains, "permission"), counted(c.Impact.Losses, "permission"), counted(c.Impact.UsersTotal, "user"))
	for _, u := range c.Impact.Users[:min(most, len(c.Impact.Users))] {
		name := first(s.known[string(u.UserID)], quoted(first(u.Name, string(u.UserID))))
		fmt.Fprintf(w, "  %s, %s\n", visible(name), visible(string(u.Type)))
		if len(u.Gained) > 0 {
			fmt.Fprintf(w, "    gains  %s\n", visible(joined(u.Gained)))
		}
		if len(u.Lost) > 0 {
			fmt.Fprintf(w, "    loses  %s\n", visible(joined(u.Lost)))
		}
	}
	if more := c.Impact.UsersTotal - int64(min(most, len(c.Impact.Users))); more > 0 {
		fmt.Fprintf(w, "  and %s%s\n", counted(more, "more user"), fuller(most, c))
	}
}

// showApprovals writes who has decided, who may, and what is missing.
func (s *session) showApprovals(w io.Writer, c *client.Change) {
	fmt.Fprint(w, "\napprovals\n")
	for _, a := range c.Approvals {
		text := string(a.Decision) + " by " + label(s, a.Person) + " at " + when(a.At) + ", attested by the server only"
		if a.Attested == client.AttestedByKey {
			text = string(a.Decision) + " by " + label(s, a.Person) + " at " + when(a.At) + ", signed with a key"
		}
		if a.Comment != "" {
			text += ": " + a.Comment
		}
		fmt.Fprintf(w, "  %s\n", visible(text))
	}
	for _, need := range c.Needs {
		text := fmt.Sprintf("%d of %s needed, %d given", need.Need, s.approvers(need.Approvers), need.Have)
		if len(need.Eligible) > 0 && c.State.Open() {
			text += "; may approve: " + labels(s, need.Eligible, maxListed)
		}
		fmt.Fprintf(w, "  %s\n", visible(text))
	}
	if len(c.Approvals) == 0 && len(c.Needs) == 0 {
		fmt.Fprint(w, "  none needed\n")
	}
	if len(c.Excluded) > 0 && c.State.Open() {
		fmt.Fprintf(w, "  may not, although they otherwise could: %s\n", visible(labels(s, c.Excluded, maxListed)))
	}
	if why := s.outOfReach(c); why != "" {
		fmt.Fprintf(w, "  out of reach: %s\n", visible(why))
	}
}
