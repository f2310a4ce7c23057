package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/csvimport"
)

func (i *importing) refuseRejects(n int) error {
	return saidTo(i.session, &usageError{message: fmt.Sprintf("%d rows cannot be imported, and nothing was sent", n), below: []string{
		"They stand in " + i.rejects + ", each with its reason.",
		"Mend the files, or leave these rows out with --skip-rejects.",
	}}, exitFailed)
}

// writeRejects writes the rows that are left out; where there are none, none are
// left of an earlier run either.
func (i *importing) writeRejects(rejects []csvimport.Reject) error {
	if err := i.ownRejects(); err != nil {
		return err
	}
	if len(rejects) == 0 {
		if err := os.Remove(i.rejects); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing old rejects: %w", err)
		}
		return nil
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(strings.Split(rejectsHeader, ",")) // a strings.Builder takes everything
	for _, r := range rejects {
		record := append([]string{r.File, strconv.Itoa(r.Line), r.Column, r.Reason}, r.Row...)
		for j, cell := range record {
			record[j] = neutral(cell)
		}
		_ = w.Write(record)
	}
	w.Flush()
	if err := writeWhole(i.rejects, []byte(b.String())); err != nil {
		return fmt.Errorf("writing rejects: %w", err)
	}
	fmt.Fprintf(i.err, "note: %d rows are left out; they stand in %s with the reason of each.\n", len(rejects), visible(i.rejects))
	return nil
}

// rejectsHeader is the first line of a file of rejects.
const rejectsHeader = "file,line,column,reason,row"

// ownRejects refuses to replace or remove a file that an earlier run did not write.
func (i *importing) ownRejects() error {
	text, err := os.ReadFile(i.rejects)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && (len(text) == 0 || strings.HasPrefix(string(text), rejectsHeader))) {
		return nil
	}
	if err != nil {
		return usage("%v", err)
	}
	return usage("%s is there and is no file of rejects; name another with --rejects", i.rejects)
}

// collectSkipped writes the rows the directory left out beside those the files
// were left without.
func (i *importing) collectSkipped(ctx context.Context, known *client.Import) error {
	have := int64(len(i.skipped))
	if have < known.Skipped { // some were left out in an earlier run
		i.skipped = nil
		for _, index := range known.Applied {
			batch, err := i.api.GetImportBatch(ctx, known.ID, int(index))
			if err != nil {
				return err
			}
			i.noteSkipped(int(index), batch.Skipped)
		}
	}
	all := append(slices.Clone(i.rows.Rejects), i.skipped...)
	slices.SortStableFunc(all, func(a, b csvimport.Reject) int {
		order := countersign.ImportFiles()
		return cmp.Or(slices.Index(order, a.File)-slices.Index(order, b.File), a.Line-b.Line)
	})
	return i.writeRejects(all)
}

func (i *importing) noteSkipped(index int, rows []client.SkippedRow) {
	for _, row := range rows {
		i.skipped = append(i.skipped, csvimport.Reject{
			File: i.plan.Batches[index].File, Line: int(row.Line), Column: row.Field, Reason: skippedBecause(row.Code),
		})
	}
}

// skippedBecause says in words why the directory left a row out.
func skippedBecause(code string) string {
	words := map[string]string{
		"email_taken": "belongs to another user of the organization", "external_id_taken": "belongs to another end user of the organization",
		"name_taken": "belongs to another group of the organization", "already_member": "is already in the group",
		"user_unknown": "names no user", "group_unknown": "names no group", "user_ambiguous": "names several API users; give the id of one",
		"not_a_member_type": "only people and API users can be in groups", "permission_unknown": "names a permission that is not in the catalogue",
	}
	return first(words[code], "was refused: "+code)
}
