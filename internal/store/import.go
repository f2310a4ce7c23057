package store

import (
	"context"

	"github.com/countersign/countersign"
)

// ImportedBatch is a batch of an import that has been applied.
type ImportedBatch struct {
	Import countersign.ChangeID
	Index  int
	// Change that applied it, and the position at which it did.
	Change   countersign.ChangeID
	Position int64
	// Rows that were taken in, and those that were left out.
	Rows    int
	Skipped []countersign.SkippedRow
}

// ImportReads are the reads of imports: which batches are applied, and the keys
// by which the rows of files name what they are about. Keys that name nothing
// living are left out; the order of the others is nobody's business.
type ImportReads interface {
	// ImportedBatch gives one applied batch; else NotFound.
	ImportedBatch(ctx context.Context, id countersign.ChangeID, index int) (ImportedBatch, error)
	// ImportedBatches calls fn for every applied batch, in order of index.
	ImportedBatches(ctx context.Context, id countersign.ChangeID, fn func(ImportedBatch) error) error
	// UsersByEmail and UsersByExternalID find living users by folded emails, and
	// end users by exact external ids.
	UsersByEmail(ctx context.Context, keys []string, fn func(UserRef) error) error
	UsersByExternalID(ctx context.Context, keys []string, fn func(UserRef) error) error
	// UsersByID finds living users by their ids.
	UsersByID(ctx context.Context, ids []countersign.UserID, fn func(UserRef) error) error
	// GroupsByName finds living groups by folded names.
	GroupsByName(ctx context.Context, keys []string, fn func(key string, id countersign.GroupID) error) error
	// PairsOfUsers calls fn for the memberships of users, first the removed ones,
	// oldest first, and then the living ones.
	PairsOfUsers(ctx context.Context, ids []countersign.UserID, fn func(Pair) error) error
}

// UserRef is a user by the key he was asked for with.
type UserRef struct {
	Key  string
	ID   countersign.UserID
	Type countersign.UserType
}

// Pair is a membership by whom it joins to what.
type Pair struct {
	User    countersign.UserID
	Group   countersign.GroupID
	Removed bool
	Version int64
}

// ImportWrites record imports.
type ImportWrites interface {
	// PutImportedBatch records an applied batch. A second time gives Exists with
	// Code "batch_applied".
	PutImportedBatch(ctx context.Context, b ImportedBatch) error
}
