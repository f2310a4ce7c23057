package engine

import (
	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// openImport records that an import is open, and what it will do. What it says
// in full stands in the change.
func (l *ledger) openImport(c *countersign.OpenImport) error {
	if err := l.knows(c.Permissions); err != nil {
		return err
	}
	n := c.Counts()
	fields := map[string]any{
		"batches": int64(len(c.Batches)), "persons": int64(n.Persons), "admins": int64(n.Admins), "end_users": int64(n.EndUsers),
		"api_users": int64(n.APIUsers), "grantees": int64(n.Grantees), "groups": int64(n.Groups), "memberships": int64(n.Memberships),
		"group_admins": int64(n.GroupAdmins),
	}
	if c.SkipRejects {
		fields["skip_rejects"] = "yes"
	}
	l.move(countersign.ImportFact(c.ImportID), 0, nil, fields)
	return nil
}

// importBatch takes in a batch: what its rows make is booked and written as
// single operations would, in a few statements.
func (l *ledger) importBatch(c *countersign.ImportBatch) error {
	found, err := l.w.importOf(c)
	if err != nil {
		return err
	}
	if err := l.w.checkOpen(found); err != nil {
		return err
	}
	if err := checkDeclared(found.Open, c); err != nil {
		return err
	}
	l.rely(countersign.ImportFact(c.ImportID), found.Change.AppliedPosition)
	rows := c.Rows()
	l.file, l.lines = rows.File(), map[countersign.UserID]int{}
	in := &intake{ledger: l, skip: found.Open.SkipRejects}
	switch {
	case len(rows.Users) > 0:
		err = in.users(rows.Users)
	case len(rows.Groups) > 0:
		err = in.groups(rows.Groups)
	default:
		err = in.memberships(rows.Memberships)
	}
	if err != nil {
		return err
	}
	made := l.effects
	l.effects = nil
	taken := rows.Len() - len(in.skipped)
	l.move(countersign.ImportBatchFact(c.ImportID, c.Index), 0, nil, map[string]any{
		"digest": c.Digest, "rows": int64(taken), "skipped": skippedFields(in.skipped),
	})
	l.effects = append(l.effects, made...)
	l.imported = &store.ImportedBatch{Import: c.ImportID, Index: c.Index, Position: l.position, Rows: taken, Skipped: in.skipped}
	return nil
}

func skippedFields(rows []countersign.SkippedRow) any {
	if len(rows) == 0 {
		return nil
	}
	list := make([]map[string]any, len(rows))
	for i, row := range rows {
		list[i] = map[string]any{"line": row.Line, "field": row.Field, "code": row.Code}
	}
	return list
}

// intake is one batch at work.
type intake struct {
	*ledger
	skip    bool
	skipped []countersign.SkippedRow
}

// refuse leaves a row out where the import says so; otherwise its error ends the
// batch.
func (in *intake) refuse(line int, err error) error {
	var own *countersign.Error
	if !asError(err, &own) || own.Kind == countersign.Unavailable {
		return err
	}
	if !in.skip {
		return countersign.ImportRowError(in.file, line, err)
	}
	code := own.Code
	if code == "" {
		code = string(own.Kind)
	}
	in.skipped = append(in.skipped, countersign.SkippedRow{Line: line, Field: own.Field, Code: code})
	return nil
}

// starts books a fact that begins. Nothing waits for a fact of an id that was
// made just now, so what is new is not looked for among open requests.
func (in *intake) starts(fact countersign.Fact, fields map[string]any) {
	in.effects = append(in.effects, countersign.Effect{Fact: fact, To: in.position, After: fields})
}

// catalogue tells of each permission once whether it may be granted.
func (in *intake) catalogue() func([]countersign.Permission) error {
	known := map[countersign.Permission]error{}
	return func(list []countersign.Permission) error {
		for _, p := range list {
			err, asked := known[p]
			if !asked {
				err = in.knows([]countersign.Permission{p})
				known[p] = err
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}
