package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/internal/csvimport"
)

// importing is one run of the import command.
type importing struct {
	*session
	dir string
	// The flags.
	change, label, reason, rejects, state string
	dryRun, skip, wait, verify, anew      bool

	rows *csvimport.Rows
	plan *csvimport.Plan
	kept importState
	// skipped are the rows the directory left out, as it told them.
	skipped []csvimport.Reject
}

func newImportCommand(p *process) *cobra.Command {
	s := &session{process: p}
	i := &importing{session: s}
	cmd := s.command(verb{
		use: "import DIR", short: "Import users, groups and memberships from CSV files",
		long: `
DIR holds users.csv, groups.csv and memberships.csv, or some of them: CSV as in
RFC 4180, in UTF-8, the first line naming the columns, in any order. Columns that
are not named here are an error; those that are left out are empty.

  users.csv        type (person, end_user or api_user), name, email, role,
                   external_id, permissions, responsible
  groups.csv       name, description, permissions, external_sync_identifier
  memberships.csv  group, user, role, starts_at, expires_at

permissions are separated by blanks. responsible is the email of the person who
answers for an API user. group is the name of a group, user the email of a
person, the name of an API user or the id of either; both may stand in the files
or in the directory already. Times are days or RFC 3339. Imported people are
invited: they still need a code.

Every row is checked before anything is sent. Rows that cannot be imported are
written to DIR/rejects.csv with the reason, and nothing is imported unless
--skip-rejects says to go on without them; then rows that the directory refuses,
because an email is taken for one, are left out and written there too.

The rows are sent in batches; each is taken in as a whole and once. After any
interruption the same command goes on where it was: the file
DIR/.countersign-import.json remembers which import these files belong to. An
import must be finished within 24 hours.

In a sealed organization the whole import waits for approval as one change, which
names the files, the digests of all batches and what their rows do. Whoever
approves it has the files too and compares: countersign import DIR --verify
--change ID. Once it is approved, the same command as before sends the batches;
--wait waits for that.`,
		example: `  countersign import ./from-okta --dry-run
  countersign import ./from-okta --reason "ticket OPS-17"
  countersign import ./from-okta --verify --change 0198c600-0000-7000-8000-000000000001`,
		min: 1, max: 1,
		run: func(ctx context.Context, args []string) error {
			i.dir = args[0]
			return i.run(ctx)
		},
	})
	flags := cmd.Flags()
	flags.BoolVar(&i.dryRun, "dry-run", false, "only check the files and say what would happen")
	flags.BoolVar(&i.skip, "skip-rejects", false, "leave out rows that cannot be imported")
	flags.BoolVar(&i.wait, "wait", false, "wait until the import is approved")
	flags.BoolVar(&i.verify, "verify", false, "compare the files with the import of --change, for whoever approves it")
	flags.StringVar(&i.change, "change", "", "`ID` of the change that opens the import (default: what DIR remembers)")
	flags.BoolVar(&i.anew, "new", false, "open a new import, whatever DIR remembers")
	flags.StringVar(&i.label, "label", "", "where the rows come from, for approvers")
	flags.StringVar(&i.reason, "reason", "", "why, for approvers and the log")
	flags.StringVar(&i.rejects, "rejects", "", "`FILE` for rows that cannot be imported (default: DIR/rejects.csv)")
	flags.StringVar(&i.state, "state", "", "`FILE` that remembers the import (default: DIR/"+importStateFile+")")
	s.addFlags(cmd, cmd.Flags())
	return cmd
}

func (i *importing) run(ctx context.Context) error {
	i.rejects = first(i.rejects, filepath.Join(i.dir, importRejects))
	i.state = first(i.state, filepath.Join(i.dir, importStateFile))
	if i.verify && i.change == "" {
		return usage("--verify needs --change: the import that is to be compared with the files")
	}
	if i.anew && i.change != "" {
		return usage("--new opens another import, --change names one that is there; give one of them")
	}
	rows, err := csvimport.Read(i.dir)
	if err != nil {
		return unreadable(err)
	}
	i.rows = rows
	if i.verify {
		return i.compare(ctx)
	}
	if err := i.remember(); err != nil {
		return err
	}
	if err := i.writeRejects(i.rows.Rejects); err != nil {
		return err
	}
	if i.plan, err = i.rows.Cut(i.kept.Salt, i.skip); err != nil {
		return err
	}
	i.plan.Open.Label = i.label
	if i.dryRun {
		return i.preview(ctx)
	}
	if n := len(i.rows.Rejects); n > 0 && !i.skip {
		return i.refuseRejects(n)
	}
	if len(i.plan.Batches) == 0 {
		return usage("%s holds no row that can be imported", i.dir)
	}
	known, err := i.open(ctx)
	if err != nil || known == nil {
		return err
	}
	return i.sendAll(ctx, known)
}

// unreadable turns an error of the files into one about the arguments.
func unreadable(err error) error {
	var file *csvimport.FileError
	var path *fs.PathError
	if errors.As(err, &file) || errors.As(err, &path) {
		return usage("%v", err)
	}
	return err
}

// saidTo tells an error in full and leaves an exit code that is not its own.
func saidTo(s *session, err error, code int) error {
	explain(s.err, err)
	if code == exitUsage {
		return saidError{err}
	}
	return saidError{errors.New(err.Error())}
}

func (i *importing) writeJSON(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the import: %w", err)
	}
	return i.printJSON(raw)
}
