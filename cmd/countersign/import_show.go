package main

import (
	"context"
	"slices"

	"github.com/countersign/countersign/client"
)

// tally is one line of what an import does.
type tally struct {
	what string
	rows int64
}

func tallies(c client.ImportCounts) []tally {
	all := []tally{
		{"people", c.Persons},
		{"of them admins", c.Admins},
		{"end users", c.EndUsers},
		{"API users", c.APIUsers},
		{"users who receive permissions", c.Grantees},
		{"groups", c.Groups},
		{"memberships", c.Memberships},
		{"of them group admins", c.GroupAdmins},
	}
	return slices.DeleteFunc(all, func(t tally) bool { return t.rows == 0 })
}

func (i *importing) showCounts(c client.ImportCounts, granted []client.Permission) error {
	columns := []column[tally]{
		{name: "what", cell: func(t tally) string { return t.what }}, {name: "rows", cell: func(t tally) string { return number(t.rows) }},
	}
	if err := printRows(i.session, columns, tallies(c)); err != nil {
		return err
	}
	if len(granted) > 0 {
		i.aside("permissions granted: %s\n", visible(joined(granted)))
	}
	return nil
}

// preview is a dry run: the files are checked, and the directory says what policy
// asks; which rows it would refuse shows when they come.
func (i *importing) preview(ctx context.Context) error {
	if len(i.plan.Batches) == 0 {
		return usage("%s holds no row that can be imported", i.dir)
	}
	o := opening(&i.plan.Open)
	var raw []byte
	out, err := i.api.OpenImport(ctx, o, client.DryRun(), client.Reason(i.reason), client.KeepBody(&raw))
	if err != nil {
		return err
	}
	if i.format() == asJSON {
		return i.printJSON(raw)
	}
	c := out.Preview.Change
	i.learnOf(ctx, &c)
	if err := i.showCounts(countsOf(i.plan.Open.Counts()), o.Permissions); err != nil {
		return err
	}
	i.aside("%d batches, %d rows left out\n", len(i.plan.Batches), len(i.rows.Rejects))
	taken, asked, err := i.taken(ctx)
	if err != nil {
		return err
	}
	if asked {
		i.aside("of these, %d emails and group names are taken already\n", taken)
	}
	if out.Preview.Would == "wait" {
		i.aside("dry run, nothing is stored: this would wait for approval by %s\n", visible(first(i.missing(&c), "others")))
	} else {
		i.aside("dry run, nothing is stored: this would begin at once\n")
	}
	return nil
}

// taken asks which emails and names exist, where that costs few questions.
func (i *importing) taken(ctx context.Context) (taken int64, asked bool, err error) {
	const most, each = 2000, 50
	var emails, names []string
	for _, u := range i.rows.Users {
		if u.Email != "" {
			emails = append(emails, u.Email)
		}
	}
	for _, g := range i.rows.Groups {
		names = append(names, g.Name)
	}
	if len(emails)+len(names) > most {
		return 0, false, nil
	}
	for part := range slices.Chunk(emails, each) {
		list, err := i.api.ListUsers(ctx, client.UserQuery{Emails: part, Paging: client.Paging{Limit: 1}})
		if err != nil {
			return 0, false, err
		}
		taken += list.Total
	}
	for part := range slices.Chunk(names, each) {
		list, err := i.api.ListGroups(ctx, client.GroupQuery{Names: part, Paging: client.Paging{Limit: 1}})
		if err != nil {
			return 0, false, err
		}
		taken += list.Total
	}
	return taken, true, nil
}

// finish tells what became of the import.
func (i *importing) finish(ctx context.Context) error {
	var raw []byte
	known, err := i.api.GetImport(ctx, i.kept.ImportID, client.KeepBody(&raw))
	if err != nil {
		return err
	}
	if known.Skipped > 0 {
		if err := i.collectSkipped(ctx, known); err != nil {
			return err
		}
	}
	if i.format() == asJSON {
		return i.printJSON(raw)
	}
	if err := i.showCounts(known.Counts, known.Permissions); err != nil {
		return err
	}
	i.aside("import %s is %s: %d rows imported, %d left out by the directory\n", known.ID, visible(known.State), known.Rows, known.Skipped)
	return nil
}
