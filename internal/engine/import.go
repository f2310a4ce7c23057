package engine

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/store"
)

// ImportView is an import as its readers see it: the change that opens it, and
// how far it has come.
type ImportView struct {
	Change countersign.ChangeRequest
	Open   *countersign.OpenImport
	// State is that of the change until it is applied, then "open", "complete" or
	// "closed".
	State ImportState
	// ClosesAt is when batches are no longer taken; zero until it is open.
	ClosesAt time.Time
	// Applied are the indexes of the batches taken in, ascending.
	Applied []int
	// Rows taken in so far, and Skipped ones.
	Rows    int
	Skipped int
}

// ImportState says how far an import has come.
type ImportState string

// The states of an import that its change does not have.
const (
	ImportOpen     ImportState = "open"
	ImportComplete ImportState = "complete"
	ImportClosed   ImportState = "closed"
)

// ImportedBatch is a batch that was taken in.
type ImportedBatch struct {
	store.ImportedBatch
	Digest string
}

// Import reads an import with how far it has come.
func (e *Engine) Import(ctx context.Context, actor countersign.Actor, id countersign.ChangeID) (ImportView, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return ImportView{}, err
	}
	defer v.done()
	var out ImportView
	err = e.store.Read(ctx, actor.Organization, func(tx store.ReadTx) error {
		found, err := findImport(ctx, tx, actor, v.holds, id)
		if err != nil {
			return err
		}
		found.State = ImportState(found.Change.StateAt(v.now))
		err = tx.ImportedBatches(ctx, id, func(b store.ImportedBatch) error {
			found.Applied = append(found.Applied, b.Index)
			found.Rows, found.Skipped = found.Rows+b.Rows, found.Skipped+len(b.Skipped)
			return nil
		})
		if found.Change.State == countersign.ChangeApplied {
			found.ClosesAt = found.Change.ClosedAt.Add(countersign.ImportLife)
			switch {
			case len(found.Applied) == len(found.Open.Batches):
				found.State = ImportComplete
			case v.now.Before(found.ClosesAt):
				found.State = ImportOpen
			default:
				found.State = ImportClosed
			}
		}
		out = found
		return err
	})
	return out, err
}

// ImportBatch reads what became of one batch.
func (e *Engine) ImportBatch(ctx context.Context, actor countersign.Actor, id countersign.ChangeID, index int) (ImportedBatch, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return ImportedBatch{}, err
	}
	defer v.done()
	var out ImportedBatch
	err = e.store.Read(ctx, actor.Organization, func(tx store.ReadTx) error {
		found, err := findImport(ctx, tx, actor, v.holds, id)
		if err != nil {
			return err
		}
		batch, err := tx.ImportedBatch(ctx, id, index)
		if isKind(err, countersign.NotFound) {
			return missingThing("applied batch")
		}
		if err == nil {
			out = ImportedBatch{ImportedBatch: batch, Digest: found.Open.Batches[index].Digest}
		}
		return err
	})
	return out, err
}

// findImport reads the change that opens an import, if the actor may see it.
func findImport(ctx context.Context, tx store.ReadTx, actor countersign.Actor, holds access.Holder, id countersign.ChangeID) (ImportView, error) {
	missing := countersign.Code(countersign.NotFound, "import_unknown", "import_id", "names no import")
	row, err := tx.Change(ctx, id)
	if isKind(err, countersign.NotFound) {
		return ImportView{}, missing
	}
	if err != nil {
		return ImportView{}, err
	}
	request, err := readRecord(row)
	if err != nil {
		return ImportView{}, err
	}
	open, is := alone[*countersign.OpenImport](request.Operations)
	if !is || !access.SeeChange(actor, holds, request.Requester, request.RequesterPerson) {
		return ImportView{}, missing
	}
	return ImportView{Change: request, Open: open}, nil
}

// alone is the one operation of a batch that consists of it.
func alone[T countersign.Change](ops []countersign.Change) (T, bool) {
	var none T
	if len(ops) != 1 {
		return none, false
	}
	op, is := ops[0].(T)
	return op, is
}

// checkAlone refuses among others a change of imports, since an import has the id
// of the change that opens it and a batch is one transaction; and a freeze or a
// thaw, so that nothing comes along with what stops everything else.
func checkAlone(ops []countersign.Change) error {
	for i, op := range ops {
		at := "operations." + strconv.Itoa(i)
		switch kind := op.Kind(); {
		case len(ops) == 1:
		case strings.HasPrefix(string(kind), "import."):
			return countersign.E(countersign.Invalid, at, "of an import must be the only operation")
		case kind == countersign.KindDrillRun:
			return countersign.E(countersign.Invalid, at, "is a drill, which must be the only operation: it changes nothing")
		case kind == countersign.KindOrganizationFreeze || kind == countersign.KindOrganizationThaw:
			return countersign.E(countersign.Invalid, at, "freezes or thaws the organization and must be the only operation")
		}
	}
	return nil
}

// nameImport gives an import the id of the change that opens it.
func nameImport(op countersign.Change, id countersign.ChangeID) {
	if open, is := op.(*countersign.OpenImport); is {
		open.ImportID = id
	}
}

// takenIn is the outcome of a batch that was taken in before; nil when it was
// not. Whoever repeats a batch learns what became of it, and nothing changes.
func (w *work) takenIn(ops []countersign.Change) (*countersign.Outcome, error) {
	batch, is := alone[*countersign.ImportBatch](ops)
	if !is {
		return nil, nil //nolint:nilnil // another kind of change
	}
	if _, err := w.importOf(batch); err != nil {
		return nil, err
	}
	known, err := w.tx.ImportedBatch(w.ctx, batch.ImportID, batch.Index)
	if isKind(err, countersign.NotFound) {
		return nil, nil //nolint:nilnil // it is new
	}
	if err != nil {
		return nil, err
	}
	outcome, err := w.outcomeOf(known.Change)
	return &outcome, err
}

// importOf finds the import of a batch, which must be the actor's own, and must
// name these bytes at this place.
func (w *work) importOf(batch *countersign.ImportBatch) (ImportView, error) {
	found, err := findImport(w.ctx, w.tx, w.actor, w.holds, batch.ImportID)
	if err != nil {
		return found, err
	}
	switch {
	case found.Change.Requester != w.actor.User:
		return found, countersign.Code(countersign.Forbidden, "not_the_importer", "", "only the account that opened an import sends its batches")
	case found.Change.State != countersign.ChangeApplied:
		state := found.Change.StateAt(w.now)
		code, message := "import_not_open", "this import is "+string(state)
		if state.Open() {
			code, message = "import_waiting", "this import waits for approval; send its batches when it is applied"
		}
		return found, &countersign.Error{Kind: countersign.Refused, Code: code, Message: message, Detail: map[string]string{"state": string(state)}}
	case batch.Index >= len(found.Open.Batches):
		return found, countersign.E(countersign.Invalid, "index", "must be below the number of batches of the import")
	case found.Open.Batches[batch.Index].Digest != batch.Digest:
		return found, countersign.Code(countersign.Refused, "digest_mismatch", "", "these are not the bytes that the import names at this place")
	}
	return found, nil
}

// checkOpen refuses batches of an import that must not go on: it is too old, or
// what it was opened under no longer suffices.
func (w *work) checkOpen(found ImportView) error {
	request := found.Change
	if !w.now.Before(request.ClosedAt.Add(countersign.ImportLife)) {
		return countersign.Code(countersign.Refused, "import_closed", "", "this import was opened more than 24 hours ago; open another for what is left")
	}
	organization, err := w.tx.Organization(w.ctx)
	if err != nil {
		return err
	}
	switch {
	case !organization.Sealed():
		return nil
	case request.Bootstrap:
		return countersign.Code(countersign.Refused, "import_predates_seal", "", "this import was opened before the organization was sealed; open another for what is left")
	case organization.PolicyVersion <= request.AppliedPosition:
		return nil // whoever approved it did so under this policy
	}
	asked := approval.Required(organization.Policy, governed(w.picture, request.Operations, request.Requester, w.now)).Requirement
	as, now := approval.And(request.Requirement, request.Requirement), approval.And(request.Requirement, asked)
	as.ExpiresAfterSeconds, now.ExpiresAfterSeconds = 0, 0
	if !reflect.DeepEqual(as, now) {
		return countersign.Code(countersign.Refused, "import_policy_moved", "", "the policy now asks more of such an import than it was opened under; open another for what is left")
	}
	return nil
}

// checkDeclared holds the rows of a batch to what the import says of them.
func checkDeclared(open *countersign.OpenImport, batch *countersign.ImportBatch) error {
	rows := batch.Rows()
	differs := func(what string) error {
		return countersign.Code(countersign.Refused, "not_as_declared", "", "the rows of this batch are not what the import declares: "+what)
	}
	switch {
	case rows.Salt != open.Salt:
		return differs("another salt")
	case rows.Counts() != open.Batches[batch.Index].Counts:
		return differs("other counts")
	}
	for _, p := range rows.Granted() {
		if !slices.Contains(open.Permissions, p) {
			return differs("they grant " + string(p))
		}
	}
	return nil
}

// recordBatch keeps that a batch was taken in; a second time the store refuses.
func (w *work) recordBatch(id countersign.ChangeID, l *ledger) error {
	if l.imported == nil {
		return nil
	}
	l.imported.Change = id
	return w.tx.PutImportedBatch(w.ctx, *l.imported)
}

func orNone(out *countersign.Outcome) countersign.Outcome {
	if out == nil {
		return countersign.Outcome{}
	}
	return *out
}
