// Package roster is the in-memory picture of organizations that answers every
// list and every permission check.
//
// A Book pictures one organization: users, groups, memberships, credentials,
// the permission catalogue and the open change requests, exactly as they were
// committed at one log position. It is never authoritative: votes, versions and
// uniqueness are decided against the store. It follows the store by position:
// every governed row carries the position of its last write, and Follow reads
// the rows above the book's own position from one snapshot, so there can be no
// gap; a store that stands behind the book (a restored backup) makes the book
// start over.
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
//   - An empty value in a filter matches nothing, and so does an unknown id.
//   - Texts are ordered by the bytes of their folded form; role, state and type by
//     the word itself. Who has no value comes last in both directions.
//   - A cursor may name a row the filter does not let through, or no longer: the
//     page begins where that row would stand.
//   - Of several open requests the oldest decides (by creation, then id). Which one
//     a view names as its pending change: the one that would create the thing; else
//     the oldest that would change a user's role or state, or remove a membership;
//     else the oldest other one.
//
// Inside, a node gathers what is known about one id (rows.go), and what an open
// request would do hangs on the nodes it names (pending.go) until it closes.
//
// It does not know who may see what: callers narrow the filter (UserFilter.Only,
// GroupFilter.MemberOnly, MembershipFilter.Only).
package roster

import (
	"context"

	"github.com/countersign/countersign"
)

// Source is one read snapshot of the organization a book pictures. The methods
// call fn for every row with Version > position, tombstones included.
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
}
