package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/client"
)

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
		return i.renewKey(err)
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

// renewKey makes the key of an opening that was refused worth nothing: it would be
// refused again under the same key. Where nobody knows what became of it, the key
// is how to find out, and how not to open two imports.
func (i *importing) renewKey(err error) error {
	if errors.As(err, new(*client.UnknownOutcomeError)) {
		return i.unheard(err)
	}
	var answered *client.Error
	if !errors.As(err, &answered) || answered.Status >= http.StatusInternalServerError {
		return err
	}
	i.kept.Key = rand.Text()
	return errors.Join(err, i.keep())
}

// unknownHere says what to do when the directory does not know the import that
// DIR remembers: most likely it was sent to another one.
func (i *importing) unknownHere(err error) error {
	var answered *client.Error
	if i.change != "" || !errors.As(err, &answered) || answered.Status != http.StatusNotFound {
		return err
	}
	message := fmt.Sprintf("%s knows no import %s, which %s remembers", i.address, i.kept.ImportID, i.state)
	explain(i.err, &usageError{message: message, below: []string{
		"It was sent to " + first(i.kept.URL, "an address that is not remembered") + "; --url names a directory.",
		"Open another import here with --new.",
	}})
	return saidError{&missingError{message}}
}

// found reads the import and sees that it is of these files, and where it stands.
func (i *importing) found(ctx context.Context) (*client.Import, error) {
	for waited := false; ; waited = true {
		known, err := i.api.GetImport(ctx, i.kept.ImportID)
		if err != nil {
			return nil, i.unknownHere(err)
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
