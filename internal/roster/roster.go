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
