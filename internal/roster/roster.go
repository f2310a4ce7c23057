// Package roster is the in-memory picture of organizations that answers every
// list and every permission check.
//
// A Picture shows one organization: users, groups, memberships, credentials,
// the permission catalogue and the open change requests, exactly as they were
// committed at one log position. It is immutable: following the store, or
// applying what a transaction wrote, gives another picture that shares with the
// first whatever did not move, so a change costs the rows it touches, and no
// reader ever waits for a writer. It is never authoritative: votes, versions and
// uniqueness are decided against the store. It follows the store by position:
// every governed row carries the position of its last write, and Follow reads
// the rows above the picture's own position from one snapshot, so there can be no
// gap; a store that stands behind the picture (a restored backup) makes it start
// over.
//
// Pending states are projections of the open change requests, never flags; an
// open request past its expiry counts as expired from that moment on. Start and
// expiry of memberships are compared at question time.
//
// What the words of filters and orders leave open is settled so:
//
//   - Lists and counts go by the state of a membership, whatever its term: an
//     effective member is one whose membership is active or pending removal. Only
//     permissions ask whether the term has begun and is not over.
//   - An empty value in a filter matches nothing, and so does an unknown id, and
//     any text that is no canonical UUID where an id belongs.
//   - Texts are ordered by the bytes of their folded form; role, state and type by
//     the word itself. Who has no value comes last in both directions.
//   - A cursor may name a row the filter does not let through, or no longer: the
//     page begins where that row would stand.
//   - Of several open requests the oldest decides (by creation, then id). Which one
//     a view names as its pending change: the one that would create the thing; else
//     the oldest that would change a user's role or state, or remove a membership;
//     else the oldest other one.
//
// Inside, rows live in chunks of columns (userchunk.go, groupchunk.go,
// memberchunk.go) behind a directory of two levels (table.go), found by an index
// of ids that all pictures of one loading share (index.go). An edit (builder.go)
// carries a token and copies each chunk it writes to once. What open requests
// would do hangs on the ids they name (pending.go, hang.go) in maps that are
// copied on write too (trie.go). Lists are one pass over the columns (filter.go,
// pass.go) that keeps the rows of one page (order.go); a list of users by type,
// role and state has its total from counts, and in the default order is walked
// (walk.go) along the rows that are kept in it (sequence.go).
//
// It does not know who may see what: callers narrow the filter (UserFilter.Only,
// GroupFilter.MemberOnly, MembershipFilter.Only).
package roster

import (
	"context"

	"github.com/countersign/countersign"
)

// Source is one read snapshot of the organization a picture shows. The methods
// whose names end in Since call fn for every row with Version > position,
// tombstones included. Living and its opposites give the rows of one kind that
// live, or no longer do, in any order.
type Source interface {
	Head(ctx context.Context) (countersign.Head, error)
	Organization(ctx context.Context) (countersign.Organization, error)
	CatalogueSince(ctx context.Context, position int64, fn func(countersign.CataloguePermission) error) error
	UsersSince(ctx context.Context, position int64, fn func(countersign.User) error) error
	GroupsSince(ctx context.Context, position int64, fn func(countersign.Group) error) error
	MembershipsSince(ctx context.Context, position int64, fn func(countersign.Membership) error) error
	CredentialsSince(ctx context.Context, position int64, fn func(countersign.Credential) error) error
	// OpenChanges gives decoded change requests with their approvals: from
	// position 0 only open ones, else every one that moved.
	OpenChanges(ctx context.Context, position int64, fn func(countersign.ChangeRequest) error) error

	LivingUsers(ctx context.Context, fn func(countersign.User) error) error
	DeletedUsers(ctx context.Context, fn func(countersign.User) error) error
	LivingGroups(ctx context.Context, fn func(countersign.Group) error) error
	DeletedGroups(ctx context.Context, fn func(countersign.Group) error) error
	LivingMemberships(ctx context.Context, fn func(countersign.Membership) error) error
	RemovedMemberships(ctx context.Context, fn func(countersign.Membership) error) error
}
