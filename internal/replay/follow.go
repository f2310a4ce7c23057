package replay

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// Findings replays the log of an organization and says, one sentence each, what
// does not agree. An error means that the log could not be read at all.
func Findings(ctx context.Context, s store.Store, org countersign.OrganizationID) ([]string, error) {
	return Follow(org).Compare(ctx, s)
}

// Follower replays a log that grows: it remembers what the entries so far have
// told, so that a test which looks after every step plays each entry once.
type Follower struct{ p *player }

// Follow begins before the first entry of an organization's log.
func Follow(org countersign.OrganizationID) *Follower { return &Follower{newPlayer(org)} }

// Play plays the entries that have come since the last call, and returns what was
// found so far. Rows of the directory are not looked at.
func (f *Follower) Play(ctx context.Context, s store.Store) ([]string, error) {
	return f.look(ctx, s, func() {})
}

// Compare is Play, and then holds every row of the store to what the log tells.
func (f *Follower) Compare(ctx context.Context, s store.Store) ([]string, error) {
	return f.look(ctx, s, func() {
		f.p.compareRows()
		f.p.compareRequests()
	})
}

func (f *Follower) look(ctx context.Context, s store.Store, compare func()) ([]string, error) {
	p := f.p
	err := s.Read(ctx, p.org, func(tx store.ReadTx) error {
		p.ctx, p.tx = ctx, tx
		head, err := tx.Head(ctx)
		if err != nil {
			return err
		}
		from := p.tree.size
		entries, err := collect(func(fn func(countersign.AuditEntry) error) error {
			return tx.Entries(ctx, from, int(head.Size-from)+1, fn)
		})
		if err != nil {
			return err
		}
		if err := p.readHashes(from + int64(len(entries))); err != nil {
			return err
		}
		for _, e := range entries {
			p.position = e.Index + 1
			p.play(e)
		}
		p.position = 0
		p.compareHead(head)
		compare()
		return p.broken
	})
	return p.found, err
}

// readHashes reads those stored hashes of a tree that were not read before.
func (p *player) readHashes(size int64) error {
	var indexes []int64
	for i := int64(len(p.hashes)); i < tlog.StoredHashCount(size); i++ {
		indexes = append(indexes, i)
	}
	if len(indexes) == 0 {
		return nil
	}
	hashes, err := p.tx.Hashes(p.ctx, indexes)
	p.hashes = append(p.hashes, hashes...)
	return err
}

// storedHash is nil where the tree says there is none.
func (p *player) storedHash(index int64) []byte {
	if index >= int64(len(p.hashes)) {
		return nil
	}
	return p.hashes[index]
}
