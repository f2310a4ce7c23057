package native

import (
	"crypto/sha256"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// maxIndex is the largest integer that every JSON reader keeps exact.
const maxIndex = 1 << 53

type entryOut struct {
	Index    int64                          `json:"index"`
	Time     moment                         `json:"time"`
	Kind     countersign.EntryKind          `json:"kind"`
	Leaf     []byte                         `json:"leaf"`
	Parsed   jsontext.Value                 `json:"parsed"`
	LeafHash []byte                         `json:"leaf_hash"`
	Openings map[string]countersign.Opening `json:"openings"`
}

func entryToWire(e countersign.AuditEntry) entryOut {
	return entryOut{
		Index: e.Index, Time: moment(e.Time), Kind: e.Kind, Leaf: e.Leaf, Parsed: e.Leaf,
		LeafHash: leafHash(e.Leaf), Openings: e.Openings,
	}
}

// leafHash is that of RFC 6962: a zero byte before the leaf keeps it apart from
// the hash of an inner node.
func leafHash(leaf []byte) []byte {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(leaf)
	return h.Sum(nil)
}

func (d *Dialect) listEntries(c *call) error {
	q := wire.ParseQuery(c.r)
	p := pager{fingerprint: c.listFingerprint()}
	limit := q.Int("limit", defaultLimit, 1, maxLimit)
	from := q.Int("from", 0, 0, maxIndex)
	if q.Has("cursor") {
		from = p.openIndex(q)
	}
	if err := q.Done(); err != nil {
		return err
	}
	entries, head, err := d.Engine.Entries(c.ctx, c.actor, from, int(limit))
	if err != nil {
		return err
	}
	out := list[entryOut]{Items: make([]entryOut, len(entries)), Total: int(head.Size)}
	for i, e := range entries {
		out.Items[i] = entryToWire(e)
	}
	if next := from + int64(len(entries)); len(entries) > 0 && next < head.Size {
		out.NextCursor = p.next(strconv.FormatInt(next, 10))
	}
	return c.answer(head.Size, out)
}

// openIndex reads a cursor that holds an index. Entries never move, so from
// would only contradict it.
func (p pager) openIndex(q *wire.Query) int64 {
	after, ok := p.open(q.String("cursor", "", maxCursor))
	index, err := strconv.ParseInt(after, 10, 64)
	if q.Has("from") {
		q.Fail("cursor", "Give from or cursor, not both.")
	}
	if !ok || err != nil || index < 0 {
		q.Fail("cursor", "This is not a next_cursor of this list; begin without one.")
	}
	return index
}

func (d *Dialect) getEntry(c *call) error {
	index, err := strconv.ParseInt(c.r.PathValue("index"), 10, 64)
	if err != nil || index < 0 || index > maxIndex {
		return countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "index", "must be the index of an entry, from 0")
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	e, err := d.Engine.Entry(c.ctx, c.actor, index)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, entryToWire(e))
	return nil
}

func (d *Dialect) getCheckpoint(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	note, err := d.Engine.Checkpoint(c.ctx, c.actor)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = c.w.Write(note) // whoever has gone away cannot be told
	return nil
}

type inclusionOut struct {
	Index    int64    `json:"index"`
	Size     int64    `json:"size"`
	LeafHash []byte   `json:"leaf_hash"`
	Root     []byte   `json:"root"`
	Hashes   [][]byte `json:"hashes"`
}

func (d *Dialect) proveInclusion(c *call) error {
	return c.prove("index", "size", func(index, size int64) (any, error) {
		p, err := d.Engine.Inclusion(c.ctx, c.actor, index, size)
		return inclusionOut{p.Index, p.Size, p.LeafHash, p.Root, p.Hashes}, err
	})
}

type consistencyOut struct {
	From    int64    `json:"from"`
	To      int64    `json:"to"`
	OldRoot []byte   `json:"old_root"`
	Root    []byte   `json:"root"`
	Hashes  [][]byte `json:"hashes"`
}

func (d *Dialect) proveConsistency(c *call) error {
	return c.prove("from", "to", func(from, to int64) (any, error) {
		p, err := d.Engine.Consistency(c.ctx, c.actor, from, to)
		return consistencyOut{p.Index, p.Size, p.OldRoot, p.Root, p.Hashes}, err
	})
}

// prove reads the two numbers of a proof: the first is required, the second
// means the present size when it is absent.
func (c *call) prove(first, second string, prove func(a, b int64) (any, error)) error {
	q := wire.ParseQuery(c.r)
	q.Required(first, maxText)
	a, b := q.Int(first, 0, 0, maxIndex), q.Int(second, 0, 1, maxIndex)
	if err := q.Done(); err != nil {
		return err
	}
	proof, err := prove(a, b)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, proof)
	return nil
}
