package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// Entry is one leaf of the organization's log.
type Entry struct {
	Index int64     `json:"index"`
	Time  time.Time `json:"time"`
	Kind  string    `json:"kind"`
	// Leaf holds the exact bytes that are hashed; Parsed is the same as JSON.
	Leaf     []byte          `json:"leaf"`
	Parsed   json.RawMessage `json:"parsed"`
	LeafHash []byte          `json:"leaf_hash"`
	// Openings reveal the commitments of the leaf; what was erased is missing.
	Openings map[string]Opening `json:"openings"`
}

// Opening reveals one commitment.
type Opening struct {
	Field string `json:"field"`
	// Salt is 16 bytes in hexadecimal.
	Salt string `json:"salt"`
	// Value is the canonical JSON of the value.
	Value string `json:"value"`
}

// InclusionProof proves that a leaf is in the tree of Size leaves (RFC 6962).
type InclusionProof struct {
	Index    int64    `json:"index"`
	Size     int64    `json:"size"`
	LeafHash []byte   `json:"leaf_hash"`
	Root     []byte   `json:"root"`
	Hashes   [][]byte `json:"hashes"`
}

// ConsistencyProof proves that the tree of To leaves begins with that of From.
type ConsistencyProof struct {
	From    int64    `json:"from"`
	To      int64    `json:"to"`
	OldRoot []byte   `json:"old_root"`
	Root    []byte   `json:"root"`
	Hashes  [][]byte `json:"hashes"`
}

// EntryQuery selects entries, in order of the log, from an index or a cursor.
type EntryQuery struct {
	From   int64
	Limit  int
	Cursor string
}

func (q EntryQuery) values() url.Values {
	v := url.Values{}
	addInt(v, "from", q.From)
	Paging{Limit: q.Limit, Cursor: q.Cursor}.values(v)
	return v
}

// ListEntries lists one page of entries.
func (c *Client) ListEntries(ctx context.Context, q EntryQuery, opts ...ReadOption) (*List[Entry], error) {
	return list[Entry](ctx, c, directoryPath+"/audit/entries", q.values(), opts)
}

// AllEntries lists entries to the end.
func (c *Client) AllEntries(ctx context.Context, q EntryQuery, opts ...ReadOption) iter.Seq2[Entry, error] {
	return all(Paging{Limit: q.Limit, Cursor: q.Cursor}, func(p Paging) (*List[Entry], error) {
		q.Limit, q.Cursor = p.Limit, p.Cursor
		if q.Cursor != "" {
			q.From = 0 // the cursor says it
		}
		return c.ListEntries(ctx, q, opts...)
	})
}

// GetEntry reads one entry.
func (c *Client) GetEntry(ctx context.Context, index int64, opts ...ReadOption) (*Entry, error) {
	return read[Entry](ctx, c, get(at("audit/entries", strconv.FormatInt(index, 10))), opts)
}

// GetCheckpoint reads the signed head of the log, a C2SP checkpoint.
func (c *Client) GetCheckpoint(ctx context.Context, opts ...ReadOption) (string, error) {
	return c.readText(ctx, get(directoryPath+"/audit/checkpoint"), opts)
}

// ProveInclusion proves that an entry is in the log of size entries; 0 means the
// present size.
func (c *Client) ProveInclusion(ctx context.Context, index, size int64, opts ...ReadOption) (*InclusionProof, error) {
	r := get(directoryPath + "/audit/proofs/inclusion")
	r.query = url.Values{"index": {strconv.FormatInt(index, 10)}}
	addInt(r.query, "size", size)
	return read[InclusionProof](ctx, c, r, opts)
}

// ProveConsistency proves that the log only grew between two sizes; to 0 means the
// present size.
func (c *Client) ProveConsistency(ctx context.Context, from, to int64, opts ...ReadOption) (*ConsistencyProof, error) {
	r := get(directoryPath + "/audit/proofs/consistency")
	r.query = url.Values{"from": {strconv.FormatInt(from, 10)}}
	addInt(r.query, "to", to)
	return read[ConsistencyProof](ctx, c, r, opts)
}
