package native

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

type importOpening struct {
	Label       string                           `json:"label"`
	Salt        string                           `json:"salt"`
	Files       []countersign.ImportFile         `json:"files"`
	Batches     []countersign.ImportBatchSummary `json:"batches"`
	Permissions []countersign.Permission         `json:"permissions"`
	SkipRejects bool                             `json:"skip_rejects"`
}

type importOut struct {
	ID              countersign.ChangeID             `json:"id"`
	State           engine.ImportState               `json:"state"`
	Label           text                             `json:"label"`
	Salt            string                           `json:"salt"`
	Files           []countersign.ImportFile         `json:"files"`
	Batches         []countersign.ImportBatchSummary `json:"batches"`
	Counts          countersign.ImportCounts         `json:"counts"`
	Permissions     []countersign.Permission         `json:"permissions"`
	SkipRejects     bool                             `json:"skip_rejects"`
	Requester       text                             `json:"requester"`
	RequesterPerson text                             `json:"requester_person"`
	Digest          string                           `json:"digest"`
	CreatedAt       moment                           `json:"created_at"`
	ClosesAt        moment                           `json:"closes_at"`
	Applied         []int                            `json:"applied"`
	Rows            int                              `json:"rows"`
	Skipped         int                              `json:"skipped"`
	Version         int64                            `json:"version"`
}

func importToWire(v engine.ImportView) importOut {
	return importOut{
		ID: v.Change.ID, State: v.State, Label: text(v.Open.Label), Salt: v.Open.Salt, Files: v.Open.Files, Batches: v.Open.Batches,
		Counts: v.Open.Counts(), Permissions: v.Open.Permissions, SkipRejects: v.Open.SkipRejects,
		Requester: text(v.Change.Requester), RequesterPerson: text(v.Change.RequesterPerson), Digest: v.Change.Digest,
		CreatedAt: moment(v.Change.CreatedAt), ClosesAt: moment(v.ClosesAt), Applied: v.Applied, Rows: v.Rows, Skipped: v.Skipped,
		Version: v.Change.Version,
	}
}

type importedBatchOut struct {
	ImportID countersign.ChangeID `json:"import_id"`
	Index    int                  `json:"index"`
	Digest   string               `json:"digest"`
	Change   countersign.ChangeID `json:"change"`
	Rows     int                  `json:"rows"`
	Skipped  []skippedOut         `json:"skipped"`
	Position int64                `json:"position"`
}

type skippedOut struct {
	Line  int    `json:"line"`
	Field text   `json:"field"`
	Code  string `json:"code"`
}

func importedBatchToWire(b engine.ImportedBatch) importedBatchOut {
	out := importedBatchOut{ImportID: b.Import, Index: b.Index, Digest: b.Digest, Change: b.Change, Rows: b.Rows, Position: b.Position}
	for _, row := range b.Skipped {
		out.Skipped = append(out.Skipped, skippedOut{row.Line, text(row.Field), row.Code})
	}
	return out
}

func (d *Dialect) openImport(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	var b importOpening
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	change := &countersign.OpenImport{
		Label: b.Label, Salt: b.Salt, Files: b.Files, Batches: b.Batches, Permissions: b.Permissions, SkipRejects: b.SkipRejects,
	}
	return d.mutate(c, mutation{
		route: "openImport", status: http.StatusCreated, do: d.submit(change),
		object: func(r countersign.ChangeRequest) string { return "imports/" + string(r.ID) },
	}, o)
}

func (d *Dialect) getImport(c *call) error {
	id, err := pathID[countersign.ChangeID](c.r, "import_id")
	if err != nil {
		return err
	}
	return d.readImport(c, "imports/"+string(id))
}

func (d *Dialect) getImportBatch(c *call) error {
	id, index, err := batchPlace(c.r)
	if err != nil {
		return err
	}
	return d.readImport(c, batchPath(id, index))
}

func (d *Dialect) readImport(c *call, path string) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	revision, err := d.revision(c)
	if err != nil {
		return err
	}
	version, body, err := d.object(c, path, nil)
	if err != nil {
		return err
	}
	return c.answerObject(revision, version, body)
}

// takeImportBatch keeps the bytes it decodes: their digest is what was approved.
func (d *Dialect) takeImportBatch(c *call) error {
	id, index, err := batchPlace(c.r)
	if err != nil {
		return err
	}
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	raw, err := wire.ReadBody(c.r, 0)
	if err != nil {
		return err
	}
	rows := &countersign.ImportRows{}
	if err := wire.Decode(c.r, 0, rows); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "takeImportBatch", status: http.StatusOK, do: d.submit(countersign.NewImportBatch(id, index, raw, rows)),
		object: func(countersign.ChangeRequest) string { return batchPath(id, index) },
	}, o)
}

func batchPlace(r *http.Request) (countersign.ChangeID, int, error) {
	id, err := pathID[countersign.ChangeID](r, "import_id")
	if err != nil {
		return "", 0, err
	}
	given := r.PathValue("index")
	index, err := strconv.Atoi(given)
	if err != nil || index < 0 || index >= countersign.MaxImportBatches || strconv.Itoa(index) != given {
		return "", 0, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "index", "must be the place of the batch in its import, from 0")
	}
	return id, index, nil
}

func batchPath(id countersign.ChangeID, index int) string {
	return "imports/" + string(id) + "/batches/" + strconv.Itoa(index)
}

// importObject reads an import, or one batch of it.
func (d *Dialect) importObject(c *call, path string) (version int64, body any, err error) {
	id, batch, one := strings.Cut(path, "/batches/")
	if !one {
		v, err := d.Engine.Import(c.ctx, c.actor, countersign.ChangeID(id))
		if err != nil {
			return 0, nil, err
		}
		return v.Change.Version, importToWire(v), nil
	}
	index, err := strconv.Atoi(batch)
	if err != nil {
		return 0, nil, err
	}
	b, err := d.Engine.ImportBatch(c.ctx, c.actor, countersign.ChangeID(id), index)
	return b.Position, importedBatchToWire(b), err
}
