package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/countersign/countersign/client"
)

// compare is what an approver does: recompute from the files what the import
// names.
func (i *importing) compare(ctx context.Context) error {
	known, err := i.api.GetImport(ctx, client.ChangeID(i.change))
	if err != nil {
		return err
	}
	plan, err := i.rows.Cut(known.Salt, known.SkipRejects)
	if err != nil {
		return err
	}
	mine := opening(&plan.Open)
	var wrong []string
	for _, f := range mine.Files {
		if !slices.Contains(known.Files, f) {
			wrong = append(wrong, f.File+" is another file, or has other rows left out, than the import names")
		}
	}
	for _, f := range known.Files {
		if !slices.ContainsFunc(mine.Files, func(m client.ImportFile) bool { return m.File == f.File }) {
			wrong = append(wrong, "the import names "+f.File+", which is not here")
		}
	}
	if !slices.Equal(mine.Batches, known.Batches) {
		wrong = append(wrong, fmt.Sprintf("the %d batches of the import are not the %d of these files", len(known.Batches), len(mine.Batches)))
	}
	if !slices.Equal(mine.Permissions, known.Permissions) {
		wrong = append(wrong, "the import declares other permissions than the files grant")
	}
	if len(wrong) > 0 {
		return saidTo(i.session, &usageError{message: "these files are not what import " + i.change + " names; do not approve it for them", below: wrong}, exitFailed)
	}
	if i.format() == asJSON {
		return i.writeJSON(known)
	}
	// The counts of these files, not those the directory says they have.
	if err := i.showCounts(countsOf(plan.Open.Counts()), mine.Permissions); err != nil {
		return err
	}
	i.aside("the files are what import %s names: every file, every batch, every count\n", known.ID)
	if client.ChangeState(known.State).Open() {
		i.aside("  approve with: countersign changes approve %s --digest %s\n", known.ID, visible(known.Digest))
	} else {
		i.aside("  it is %s\n", visible(known.State))
	}
	return nil
}
