package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/client"
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

// importState is what a later run needs to go on. It holds no row, but the salt,
// with which the digests in the log could be tried against guessed rows.
type importState struct {
	// URL of the directory the import was sent to.
	URL  string `json:"url"`
	Salt string `json:"salt"`
	// Key makes the opening repeatable: it may have happened although nobody heard.
	Key      string          `json:"key"`
	ImportID client.ChangeID `json:"import_id,omitzero"`
}

const (
	importStateFile = ".countersign-import.json"
	importRejects   = "rejects.csv"
)

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

func (i *importing) refuseRejects(n int) error {
	return saidTo(i.session, &usageError{message: fmt.Sprintf("%d rows cannot be imported, and nothing was sent", n), below: []string{
		"They stand in " + i.rejects + ", each with its reason.",
		"Mend the files, or leave these rows out with --skip-rejects.",
	}}, exitFailed)
}

// saidTo tells an error in full and leaves an exit code that is not its own.
func saidTo(s *session, err error, code int) error {
	explain(s.err, err)
	if code == exitUsage {
		return saidError{err}
	}
	return saidError{errors.New(err.Error())}
}

// remember reads what an earlier run left, or makes what this one will leave.
func (i *importing) remember() error {
	text, err := os.ReadFile(i.state)
	switch {
	case err == nil && !i.anew:
		if err := json.Unmarshal(text, &i.kept); err != nil || len(i.kept.Salt) != 32 {
			return usage("%s cannot be read; --new begins another import", i.state)
		}
	case err == nil || errors.Is(err, fs.ErrNotExist):
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // it never fails
		i.kept = importState{Salt: hex.EncodeToString(salt), Key: rand.Text()}
	default:
		return usage("%v", err)
	}
	if i.change != "" {
		i.kept.ImportID = client.ChangeID(i.change)
	}
	return nil
}

// keep writes what a later run needs, before what it may need it for.
func (i *importing) keep() error {
	text, err := json.MarshalIndent(i.kept, "", "  ")
	if err == nil {
		err = writeWhole(i.state, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("remembering the import: %w (choose another place with --state)", err)
	}
	return nil
}

// writeWhole replaces a file at once, for its owner alone.
func writeWhole(path string, text []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone after a successful rename
	if _, err := temp.Write(text); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// writeRejects writes the rows that are left out; where there are none, none are
// left of an earlier run either.
func (i *importing) writeRejects(rejects []csvimport.Reject) error {
	if len(rejects) == 0 {
		if err := os.Remove(i.rejects); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing old rejects: %w", err)
		}
		return nil
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"file", "line", "column", "reason", "row"}) // a strings.Builder takes everything
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

// opening is the plan as the client sends it.
func opening(open *countersign.OpenImport) client.ImportOpening {
	o := client.ImportOpening{Label: open.Label, Salt: open.Salt, SkipRejects: open.SkipRejects}
	for _, f := range open.Files {
		o.Files = append(o.Files, client.ImportFile{File: f.File, SHA256: f.SHA256, Rows: int64(f.Rows), Rejected: int64(f.Rejected)})
	}
	for _, b := range open.Batches {
		o.Batches = append(o.Batches, client.ImportBatchSummary{Digest: b.Digest, Counts: countsOf(b.Counts)})
	}
	for _, p := range open.Permissions {
		o.Permissions = append(o.Permissions, client.Permission(p))
	}
	return o
}

func countsOf(c countersign.ImportCounts) client.ImportCounts {
	return client.ImportCounts{
		Persons: int64(c.Persons), Admins: int64(c.Admins), EndUsers: int64(c.EndUsers), APIUsers: int64(c.APIUsers), Grantees: int64(c.Grantees),
		Groups: int64(c.Groups), Memberships: int64(c.Memberships), GroupAdmins: int64(c.GroupAdmins),
	}
}

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
	if err := i.showCounts(known.Counts, known.Permissions); err != nil {
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

func (i *importing) writeJSON(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the import: %w", err)
	}
	return i.printJSON(raw)
}

// open finds the import these files belong to, or opens one. It returns nil when
// that waits for approval.
func (i *importing) open(ctx context.Context) (*client.Import, error) {
	if i.kept.ImportID == "" {
		if err := i.begin(ctx); err != nil {
			return nil, err
		}
	}
	return i.found(ctx)
}

// begin opens a new import.
func (i *importing) begin(ctx context.Context) error {
	if err := i.keep(); err != nil {
		return err
	}
	out, err := i.api.OpenImport(ctx, opening(&i.plan.Open), client.Reason(i.reason), client.IdempotencyKey(i.kept.Key))
	if err != nil {
		return i.explainOpening(err)
	}
	switch {
	case out.Object != nil:
		i.kept.ImportID = out.Object.ID
	case out.Receipt != nil:
		i.kept.ImportID = client.ChangeID(out.Receipt.ID)
	default:
		i.kept.ImportID = out.Pending.ID
	}
	if err := i.keep(); err != nil || out.Pending == nil {
		return err
	}
	i.learnOf(ctx, out.Pending)
	i.aside("waiting for approval: change %s\n", out.Pending.ID)
	if missing := i.missing(out.Pending); missing != "" {
		i.aside("  needs: %s\n", visible(missing))
	}
	return nil
}

// explainOpening makes the key of an opening that went wrong worth nothing: what
// was refused is refused again under the same key.
func (i *importing) explainOpening(err error) error {
	var answered *client.Error
	if errors.As(err, &answered) {
		i.kept.Key = rand.Text()
		return errors.Join(err, i.keep())
	}
	return err
}

// found reads the import and sees that it is of these files, and where it stands.
func (i *importing) found(ctx context.Context) (*client.Import, error) {
	for waited := false; ; waited = true {
		known, err := i.api.GetImport(ctx, i.kept.ImportID)
		if err != nil {
			return nil, err
		}
		if i.change != "" && known.Salt != i.kept.Salt {
			// The import of --change was opened elsewhere: its salt is what counts.
			i.kept.Salt, i.kept.ImportID = known.Salt, known.ID
			label := i.plan.Open.Label
			if i.plan, err = i.rows.Cut(known.Salt, known.SkipRejects); err != nil {
				return nil, err
			}
			i.plan.Open.Label = label
			if err := i.keep(); err != nil {
				return nil, err
			}
		}
		if !slices.Equal(opening(&i.plan.Open).Batches, known.Batches) {
			return nil, usage("the files have changed since import %s was opened; restore them, or open another import with --new", known.ID)
		}
		switch {
		case known.State == "open", known.State == "complete":
			return known, nil
		case !client.ChangeState(known.State).Open():
			return nil, saidTo(i.session, &usageError{
				message: fmt.Sprintf("import %s is %s", known.ID, known.State), below: []string{"Open another for what is left: countersign import " + i.dir + " --new"},
			}, exitFailed)
		case !i.wait:
			i.aside("import %s waits for approval; nothing is imported yet\n", known.ID)
			i.aside("  compare with: countersign import DIR --verify --change %s\n", known.ID)
			i.aside("  approve with: countersign changes approve %s\n", known.ID)
			i.aside("  then go on with the same command as now: countersign import %s\n", visible(i.dir))
			if i.format() == asJSON {
				return nil, i.writeJSON(known)
			}
			return nil, nil
		}
		if !waited {
			fmt.Fprintf(i.err, "waiting until change %s is approved; interrupt as you like, the same command goes on\n", known.ID)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
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
