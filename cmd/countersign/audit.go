package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/client"
)

func newAuditCommand(p *process) *cobra.Command {
	cmd := noun("audit", "The log of everything that happened", `
The log of the organization: every change, approval and denial is one leaf of a
Merkle tree (RFC 6962). A checkpoint signs the tree; proofs tie entries to it.`,
		"  countersign audit entries --from 100\n  countersign audit proof inclusion 17 -o json")
	s := newSession(p, cmd)
	s.auditEntries(cmd)
	s.auditShow(cmd)
	s.auditCheckpoint(cmd)
	s.auditProof(cmd)
	return cmd
}

func entryColumns() []column[client.Entry] {
	type entry = client.Entry
	return []column[entry]{
		{name: "index", cell: func(e entry) string { return number(e.Index) }},
		{name: "time", cell: func(e entry) string { return when(e.Time) }},
		{name: "kind", cell: func(e entry) string { return e.Kind }},
		{name: "what", cell: func(e entry) string { return leafOf(e).what() }},
		{name: "actor", cell: func(e entry) string { return leafOf(e).Actor.User }, full: true},
		{name: "change", cell: func(e entry) string { return leafOf(e).Change.ID }},
		{name: "leaf_hash", cell: func(e entry) string { return encoded(e.LeafHash) }, full: true, exact: true},
		{name: "leaf", cell: func(e entry) string { return string(e.Leaf) }, full: true},
	}
}

func encoded(hash []byte) string { return base64.StdEncoding.EncodeToString(hash) }

// leaf is what a line about an entry needs of it.
type leaf struct {
	Actor struct {
		User string `json:"user"`
	} `json:"actor"`
	Change struct {
		ID        string `json:"id"`
		State     string `json:"state"`
		Because   string `json:"because"`
		Emergency bool   `json:"emergency"`
		Document  struct {
			Operations []client.SubmittedOperation `json:"operations"`
		} `json:"document"`
	} `json:"change"`
	Approval struct {
		Decision string `json:"decision"`
	} `json:"approval"`
	Attempt struct {
		Action string   `json:"action"`
		Kinds  []string `json:"kinds"`
		Code   string   `json:"code"`
		User   string   `json:"user"`
		Count  int      `json:"count"`
	} `json:"attempt"`
}

// leafOf reads a leaf as far as it goes: an unknown kind of entry is still a line.
func leafOf(e client.Entry) leaf {
	var l leaf
	if err := json.Unmarshal(e.Parsed, &l); err != nil {
		return leaf{}
	}
	return l
}

func (l leaf) what() string {
	switch {
	case l.Attempt.Count > 0:
		return fmt.Sprintf("%d more by %s", l.Attempt.Count, l.Attempt.User)
	case l.Attempt.Action != "":
		return l.Attempt.Action + " " + strings.Join(l.Attempt.Kinds, ", ") + ": " + l.Attempt.Code
	case l.Approval.Decision != "":
		return l.Approval.Decision
	case l.Change.State != "":
		return strings.TrimSpace(l.Change.State + " " + l.Change.Because)
	case l.Change.Emergency:
		return "emergency: " + kinds(client.Change{Operations: l.Change.Document.Operations})
	default:
		return kinds(client.Change{Operations: l.Change.Document.Operations})
	}
}

func (s *session) auditEntries(parent *cobra.Command) {
	var from int64
	var p *paging
	cmd := s.add(parent, verb{
		use: "entries", short: "List entries in the order of the log", long: "Needs audit.read.",
		example: "  countersign audit entries --from 100 --limit 20\n  countersign audit entries --all -o json > log.json",
		run: func(ctx context.Context, _ []string) error {
			if s.given("page") || s.given("size") {
				return usage("entries are not numbered in pages; use --from, --limit and --cursor")
			}
			if from < 0 {
				return usage("--from counts from 0")
			}
			return showList(s, p, entryColumns(), func(at client.Paging, opts ...client.ReadOption) (*client.List[client.Entry], error) {
				q := client.EntryQuery{From: from, Limit: at.Limit, Cursor: at.Cursor}
				if at.Cursor != "" {
					q.From = 0 // the cursor says it
				}
				return s.api.ListEntries(ctx, q, opts...)
			})
		},
	})
	cmd.Flags().Int64Var(&from, "from", 0, "index of the first entry")
	p = pages(cmd)
	for _, name := range []string{"page", "size"} {
		_ = cmd.Flags().MarkHidden(name) // fails only for a flag that does not exist
	}
}

// index reads the position of an entry.
func index(word string) (int64, error) {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n < 0 {
		return 0, usage("%s is not an index; entries are counted from 0", strconv.Quote(word))
	}
	return n, nil
}

func (s *session) auditShow(parent *cobra.Command) {
	s.add(parent, verb{
		use: "show INDEX", short: "Show one entry", long: "Entries are counted from 0.", example: "  countersign audit show 17", min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			at, err := index(args[0])
			if err != nil {
				return err
			}
			var raw []byte
			e, err := s.api.GetEntry(ctx, at, s.reading(&raw)...)
			if err != nil {
				return err
			}
			if s.format() != asTable {
				return printOne(s, entryColumns(), *e, raw)
			}
			names := []string{"index", "time", "kind", "leaf_hash"}
			values := []string{number(e.Index), when(e.Time), e.Kind, encoded(e.LeafHash)}
			if err := s.printLines(names, values); err != nil {
				return err
			}
			fmt.Fprint(s.out, "\nleaf\n")
			if err := s.printJSON(e.Parsed); err != nil {
				return err
			}
			if len(e.Openings) > 0 {
				fmt.Fprint(s.out, "\nwhat its commitments hide\n")
			}
			for _, commitment := range slices.Sorted(maps.Keys(e.Openings)) {
				opening := e.Openings[commitment]
				fmt.Fprintf(s.out, "  %s\n", visible(opening.Field+" = "+opening.Value))
			}
			return nil
		},
	})
}

func (s *session) auditCheckpoint(parent *cobra.Command) {
	s.add(parent, verb{
		use: "checkpoint", short: "Show the signed head of the log", long: "A C2SP checkpoint: keep it, and the log can never again be shorter or other than it was.",
		example: "  countersign audit checkpoint > checkpoint.txt",
		run: func(ctx context.Context, _ []string) error {
			text, err := s.api.GetCheckpoint(ctx)
			if err != nil {
				return err
			}
			if s.format() == asTable {
				_, err = fmt.Fprint(s.out, visibleLines(text))
				return err
			}
			raw, err := json.Marshal(map[string]string{"checkpoint": text})
			if err != nil {
				return err
			}
			columns := []column[string]{{name: "checkpoint", cell: func(t string) string { return t }}}
			return printOne(s, columns, text, raw)
		},
	})
}

func (s *session) auditProof(parent *cobra.Command) {
	proof := noun("proof", "Prove that an entry is in the log, or that the log only grew", "Proofs are those of RFC 6962.",
		"  countersign audit proof inclusion 17\n  countersign audit proof consistency 17 42")
	parent.AddCommand(proof)
	s.add(proof, verb{
		use: "inclusion INDEX [SIZE]", short: "Prove that an entry is in the log", long: "In the tree of SIZE entries, the present ones where it is left out.",
		example: "  countersign audit proof inclusion 17 42", min: 1, max: 2,
		run: func(ctx context.Context, args []string) error {
			numbers, err := each64(args)
			if err != nil {
				return err
			}
			var raw []byte
			p, err := s.api.ProveInclusion(ctx, numbers[0], numbers[1], s.reading(&raw)...)
			if err != nil {
				return err
			}
			columns := []column[client.InclusionProof]{
				{name: "index", cell: func(p client.InclusionProof) string { return number(p.Index) }},
				{name: "size", cell: func(p client.InclusionProof) string { return number(p.Size) }},
				{name: "leaf_hash", exact: true, cell: func(p client.InclusionProof) string { return encoded(p.LeafHash) }},
				{name: "root", exact: true, cell: func(p client.InclusionProof) string { return encoded(p.Root) }},
				{name: "hashes", exact: true, cell: func(p client.InclusionProof) string { return hashes(p.Hashes) }},
			}
			return printOne(s, columns, *p, raw)
		},
	})
	s.add(proof, verb{
		use: "consistency FROM [TO]", short: "Prove that the log only grew", long: "From the tree of FROM entries to that of TO, the present ones where it is left out.",
		example: "  countersign audit proof consistency 17 42", min: 1, max: 2,
		run: func(ctx context.Context, args []string) error {
			numbers, err := each64(args)
			if err != nil {
				return err
			}
			var raw []byte
			p, err := s.api.ProveConsistency(ctx, numbers[0], numbers[1], s.reading(&raw)...)
			if err != nil {
				return err
			}
			columns := []column[client.ConsistencyProof]{
				{name: "from", cell: func(p client.ConsistencyProof) string { return number(p.From) }},
				{name: "to", cell: func(p client.ConsistencyProof) string { return number(p.To) }},
				{name: "old_root", exact: true, cell: func(p client.ConsistencyProof) string { return encoded(p.OldRoot) }},
				{name: "root", exact: true, cell: func(p client.ConsistencyProof) string { return encoded(p.Root) }},
				{name: "hashes", exact: true, cell: func(p client.ConsistencyProof) string { return hashes(p.Hashes) }},
			}
			return printOne(s, columns, *p, raw)
		},
	})
}

// each64 reads one or two indices; the second is 0, the present size, when absent.
func each64(args []string) ([2]int64, error) {
	var out [2]int64
	for i, arg := range args {
		n, err := index(arg)
		if err != nil {
			return out, err
		}
		out[i] = n
	}
	return out, nil
}

func hashes(list [][]byte) string {
	parts := make([]string, len(list))
	for i, h := range list {
		parts[i] = encoded(h)
	}
	return strings.Join(parts, " ")
}
