package sqlstore

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/countersign/countersign"
)

const entryColumns = `leaf_index, recorded_at, kind, leaf, openings`

const (
	entryAt     statement = `select ` + entryColumns + ` from audit_entries where organization_id = $1 and leaf_index = $2`
	entriesFrom statement = `select ` + entryColumns + ` from audit_entries
		where organization_id = $1 and leaf_index >= $2 order by leaf_index limit $3`
	entriesOf statement = `select e.leaf_index, e.recorded_at, e.kind, e.leaf, e.openings
		from audit_facts f join audit_entries e on e.organization_id = f.organization_id and e.leaf_index = f.position - 1
		where f.organization_id = $1 and f.fact = $2 and f.position < $3 order by f.position desc limit $4`
	insertEntry statement = `insert into audit_entries (organization_id, ` + entryColumns + `)
		values ($1, $2, $3, $4, $5, $6)`
	insertOutbox statement = `insert into outbox (organization_id, position, recorded_at) values ($1, $2, $3)`
	insertFact   statement = `insert into audit_facts (organization_id, fact, position) values ($1, $2, $3)`
	insertHash   statement = `insert into audit_hashes (organization_id, hash_index, hash) values ($1, $2, $3)`
	hashesAt               = `select hash_index, hash from audit_hashes
		where organization_id = $1 and hash_index in (select n from {rows})`
	blobOf  statement = `select body from audit_blobs where organization_id = $1 and digest = $2`
	putBlob statement = `insert into audit_blobs (organization_id, digest, body) values ($1, $2, $3)
		on conflict (organization_id, digest) do nothing`
)

// hashLength is that of SHA-256.
const hashLength = 32

func entryDest(e *countersign.AuditEntry) []any {
	return []any{&e.Index, at(&e.Time), &e.Kind, bytes(&e.Leaf), parsed(&e.Openings)}
}

func (t *readTx) Entry(ctx context.Context, index int64) (countersign.AuditEntry, error) {
	return find(ctx, t.s, "audit entry", entryDest, entryAt, t.org, index)
}

func (t *readTx) Entries(ctx context.Context, from int64, limit int, fn func(countersign.AuditEntry) error) error {
	if limit <= 0 {
		return nil
	}
	return scan(ctx, t.s, entryDest, entriesFrom, []any{t.org, from, limit}, fn)
}

func (t *readTx) EntriesOf(ctx context.Context, fact countersign.Fact, before int64, limit int, fn func(countersign.AuditEntry) error) error {
	if limit <= 0 {
		return nil
	}
	if before == 0 {
		before = math.MaxInt64
	}
	return scan(ctx, t.s, entryDest, entriesOf, []any{t.org, fact, before, limit}, fn)
}

type storedHash struct {
	index int64
	hash  []byte
}

func hashDest(h *storedHash) []any { return []any{&h.index, bytes(&h.hash)} }

func (t *readTx) Hashes(ctx context.Context, indexes []int64) ([][]byte, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	rows := make([]row, len(indexes))
	for i, index := range indexes {
		rows[i].Number = index
	}
	found := make(map[int64][]byte, len(indexes))
	err := list(ctx, t.s, hashDest, t.s.db.texts.hashesAt, []any{t.org, rows}, func(h storedHash) error {
		found[h.index] = h.hash
		return nil
	})
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(indexes))
	for i, index := range indexes {
		if hashes[i] = found[index]; hashes[i] == nil {
			return nil, notFound("tree hash")
		}
	}
	return hashes, nil
}

func (t *readTx) Blob(ctx context.Context, digest string) ([]byte, error) {
	return find(ctx, t.s, "blob", func(b *[]byte) []any { return []any{bytes(b)} }, blobOf, t.org, digest)
}

// AppendEntry refuses an entry that does not continue the log: whoever made it
// did not look at the head of this transaction.
func (t *writeTx) AppendEntry(ctx context.Context, e countersign.AuditEntry, facts []countersign.Fact, firstHash int64, hashes [][]byte, head countersign.Head) error {
	if e.Index != t.head.Size || head.Size != e.Index+1 {
		return fmt.Errorf("entry %d appended to a log of %d entries, leading to %d", e.Index, t.head.Size, head.Size)
	}
	calls := []call{{insertEntry, []any{t.org, e.Index, e.Time, e.Kind, e.Leaf, e.Openings}}}
	touched := slices.Compact(slices.Sorted(slices.Values(facts))) // sorted, as an index takes them in fastest
	calls = append(calls, t.puts(insertFact, len(touched), func(i int) []any { return []any{touched[i], head.Size} })...)
	for _, h := range hashes {
		if len(h) != hashLength {
			return fmt.Errorf("tree hash of %d bytes", len(h))
		}
	}
	calls = append(calls, t.puts(insertHash, len(hashes), func(i int) []any { return []any{firstHash + int64(i), hashes[i]} })...)
	calls = append(calls,
		call{insertOutbox, []any{t.org, head.Size, e.Time}},
		call{moveHead, []any{t.org, head.Size, head.Time, head.Frontier}})
	moved, err := t.s.execAll(ctx, calls)
	if err != nil {
		return err
	}
	if moved != 1 {
		t.s.failed = fmt.Errorf("the head is no longer at %d, although it was locked", t.head.Size)
		return t.s.failed
	}
	head.Time = asStored(head.Time)
	head.Frontier = slices.Clone(head.Frontier)
	t.head = head
	return nil
}

func (t *writeTx) PutBlob(ctx context.Context, digest string, body []byte) error {
	_, err := t.s.exec(ctx, putBlob, t.org, digest, body)
	return err
}
