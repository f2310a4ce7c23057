package engine

import (
	"context"
	"errors"
	"sort"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/store"
)

// MaxEntries is the most entries one read returns.
const MaxEntries = 400

// readLog runs fn in a snapshot after testing audit.read.
func (e *Engine) readLog(ctx context.Context, actor countersign.Actor, fn func(tx store.ReadTx, head countersign.Head) error) error {
	v, err := e.look(ctx, actor)
	if err != nil {
		return err
	}
	defer v.done()
	if err := access.Require(v.holds, countersign.AuditRead); err != nil {
		return err
	}
	return e.store.Read(ctx, actor.Organization, func(tx store.ReadTx) error {
		head, err := tx.Head(ctx)
		if err != nil {
			return err
		}
		return fn(tx, head)
	})
}

// maxEntryBytes bounds what the entries of one read hold together: the batch of
// an import alone may bring a megabyte of openings.
const maxEntryBytes = 2 << 20

// Entries lists audit entries from an index on, ascending, and the head they
// were read at. Large entries make it give fewer than asked for, one at least.
func (e *Engine) Entries(ctx context.Context, actor countersign.Actor, from int64, limit int) ([]countersign.AuditEntry, countersign.Head, error) {
	var entries []countersign.AuditEntry
	var at countersign.Head
	err := e.readLog(ctx, actor, func(tx store.ReadTx, head countersign.Head) error {
		at = head
		list, bytes := []countersign.AuditEntry{}, 0
		enough := errors.New("enough")
		err := tx.Entries(ctx, from, min(limit, MaxEntries), func(n countersign.AuditEntry) error {
			if bytes += entryBytes(n); bytes > maxEntryBytes && len(list) > 0 {
				return enough
			}
			list = append(list, n)
			return nil
		})
		entries = list
		if errors.Is(err, enough) {
			return nil
		}
		return err
	})
	return entries, at, err
}

// FirstEntry finds the index of the first of size entries whose time is so, which
// must hold of all after it: times never decrease along the log. It is size where
// there is none.
func (e *Engine) FirstEntry(ctx context.Context, actor countersign.Actor, size int64, so func(time.Time) bool) (int64, error) {
	var failed error
	found := sort.Search(int(size), func(i int) bool {
		if failed != nil {
			return true
		}
		entries, _, err := e.Entries(ctx, actor, int64(i), 1)
		if err != nil || len(entries) == 0 {
			failed = err
			return true
		}
		return so(entries[0].Time)
	})
	return int64(found), failed
}

func entryBytes(n countersign.AuditEntry) int {
	bytes := len(n.Leaf)
	for commitment, o := range n.Openings {
		bytes += len(commitment) + len(o.Field) + len(o.Salt) + len(o.Value)
	}
	return bytes
}

// Entry reads one entry.
func (e *Engine) Entry(ctx context.Context, actor countersign.Actor, index int64) (countersign.AuditEntry, error) {
	var found countersign.AuditEntry
	err := e.readLog(ctx, actor, func(tx store.ReadTx, _ countersign.Head) error {
		n, err := tx.Entry(ctx, index)
		if isKind(err, countersign.NotFound) {
			return missingThing("audit entry")
		}
		found = n
		return err
	})
	return found, err
}

// Checkpoint returns the signed head of the log.
func (e *Engine) Checkpoint(ctx context.Context, actor countersign.Actor) ([]byte, error) {
	if e.keeper == nil {
		return nil, countersign.Code(countersign.Unavailable, "no_log_key", "", "this server has no log key; start it with --log-key")
	}
	var signed []byte
	err := e.readLog(ctx, actor, func(tx store.ReadTx, head countersign.Head) error {
		root, err := audit.Root(head)
		if err != nil {
			return err
		}
		text, err := e.keeper.Sign(audit.Origin(actor.Organization), head.Size, root, hashes(ctx, tx))
		signed = text
		return err
	})
	return signed, err
}

func hashes(ctx context.Context, tx store.ReadTx) audit.Reader {
	return func(indexes []int64) ([][]byte, error) { return tx.Hashes(ctx, indexes) }
}

// Inclusion proves that an entry is in the log of a size; 0 means the present one.
func (e *Engine) Inclusion(ctx context.Context, actor countersign.Actor, index, size int64) (Proof, error) {
	var proof Proof
	err := e.readLog(ctx, actor, func(tx store.ReadTx, head countersign.Head) error {
		at, err := sizeWithin("size", size, head.Size)
		if err != nil {
			return err
		}
		if index < 0 || index >= at {
			return countersign.E(countersign.Invalid, "index", "must be below the size of the log")
		}
		entry, err := tx.Entry(ctx, index)
		if err != nil {
			return err
		}
		path, err := audit.ProveInclusion(at, index, hashes(ctx, tx))
		if err != nil {
			return err
		}
		root, err := audit.TreeRoot(at, hashes(ctx, tx))
		if err != nil {
			return err
		}
		proof = Proof{Index: index, Size: at, Hashes: rawHashes(path), LeafHash: audit.LeafHash(entry.Leaf), Root: root[:]}
		return nil
	})
	return proof, err
}

// Consistency proves that the log of one size is a prefix of the log of another.
func (e *Engine) Consistency(ctx context.Context, actor countersign.Actor, from, to int64) (Proof, error) {
	var proof Proof
	err := e.readLog(ctx, actor, func(tx store.ReadTx, head countersign.Head) error {
		size, err := sizeWithin("to", to, head.Size)
		if err != nil {
			return err
		}
		if from < 1 || from > size {
			return countersign.E(countersign.Invalid, "from", "must be between 1 and the newer size")
		}
		path, err := audit.ProveConsistency(from, size, hashes(ctx, tx))
		if err != nil {
			return err
		}
		old, err := audit.TreeRoot(from, hashes(ctx, tx))
		if err != nil {
			return err
		}
		root, err := audit.TreeRoot(size, hashes(ctx, tx))
		if err != nil {
			return err
		}
		proof = Proof{Index: from, Size: size, Hashes: rawHashes(path), OldRoot: old[:], Root: root[:]}
		return nil
	})
	return proof, err
}

func sizeWithin(field string, asked, head int64) (int64, error) {
	switch {
	case asked == 0:
		return head, nil
	case asked < 0 || asked > head:
		return 0, countersign.E(countersign.Invalid, field, "must be between 1 and the size of the log")
	default:
		return asked, nil
	}
}

func rawHashes[L ~[]tlog.Hash](list L) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}
