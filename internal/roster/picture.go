package roster

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// ErrCold is returned by a list whose filter can match deleted users, deleted
// groups or removed memberships while the picture does not hold them: see
// Picture.WithCold.
var ErrCold = errors.New("deleted and removed rows are not loaded")

// Picture is one organization at one log position. It is immutable and safe for
// concurrent use; every answer of one picture shows that position. What it gives
// shares no memory with it, with one exception: the operations of a change
// request are pointers, which never change once submitted, and whoever reads them
// must not change them either.
//
// Deleted users, deleted groups and removed memberships are there only once
// WithCold has loaded them. Before, point reads do not find them, and lists that
// could match them fail with ErrCold.
type Picture struct {
	common       *common
	position     int64
	cold         bool
	organization countersign.Organization
	catalogue    map[countersign.Permission]countersign.CataloguePermission
	// ownsCatalogue is set within an edit that has copied the catalogue.
	ownsCatalogue bool
	users         rows[userChunk]
	groups        rows[groupChunk]
	members       rows[memberChunk]
	userNumbers   numbers
	groupNumbers  numbers
	memberNumbers numbers
	inOrder       sequence
	census        *census
	// admins are the active persons of role admin.
	admins      trie[struct{}]
	pending     pending
	credentials credentialIndex
	bytes       int64
}

// List is one page of an answer.
type List[T any] struct {
	Items []T
	// Total counts every row that matches, on whatever page.
	Total int
	// Revision is the log position the answer reflects.
	Revision int64
	// More says that rows remain after the last item; false for a limit of 0,
	// where there is no last item.
	More bool
}

// emptyCost is about what a picture without rows takes: tables of permissions,
// directories, and chunks that the first rows have not filled. It is what counts
// where there are thousands of small organizations.
const emptyCost = 32 << 10

// Empty returns the picture of nothing, at position 0.
func Empty() *Picture {
	p := &Picture{common: newCommon(), catalogue: map[countersign.Permission]countersign.CataloguePermission{}, census: &census{}, bytes: emptyCost}
	p.users.shift, p.groups.shift, p.members.shift = userShift, groupShift, memberShift
	for _, builtIn := range countersign.BuiltInPermissions() {
		p.catalogue[builtIn] = countersign.CataloguePermission{Permission: builtIn, BuiltIn: true}
	}
	return p
}

// Position returns the log position the picture reflects.
func (p *Picture) Position() int64 { return p.position }

// Bytes estimates the memory the picture holds, what it shares with others
// included.
func (p *Picture) Bytes() int64 { return p.bytes }

// HasCold reports whether deleted and removed rows are loaded.
func (p *Picture) HasCold() bool { return p.cold }

// Organization returns the organization itself.
func (p *Picture) Organization() countersign.Organization {
	o := p.organization
	o.Policy = o.Policy.Clone()
	return o
}

// Catalogue returns the built-in and the added permissions that may be granted,
// sorted.
func (p *Picture) Catalogue() []countersign.CataloguePermission {
	list := make([]countersign.CataloguePermission, 0, len(p.catalogue))
	for _, entry := range p.catalogue {
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b countersign.CataloguePermission) int {
		return strings.Compare(string(a.Permission), string(b.Permission))
	})
	return list
}

// KnowsPermission reports whether a permission stands in the catalogue.
func (p *Picture) KnowsPermission(permission countersign.Permission) bool {
	_, ok := p.catalogue[permission]
	return ok
}

// User returns one user: also one whom an open request would create, and a
// deleted one.
func (p *Picture) User(id countersign.UserID, now time.Time) (countersign.UserView, bool) {
	n := p.person(id)
	if !n.exists(now) {
		return countersign.UserView{}, false
	}
	return p.userView(&n, now), true
}

// Group returns one group: also one that an open request would create, and a
// deleted one.
func (p *Picture) Group(id countersign.GroupID, now time.Time) (countersign.GroupView, bool) {
	n := p.team(id)
	if !n.exists(now) {
		return countersign.GroupView{}, false
	}
	return p.groupView(&n, now), true
}

// Membership returns one membership: also one that an open request would
// create, and a removed one.
func (p *Picture) Membership(id countersign.MembershipID, now time.Time) (countersign.MembershipView, bool) {
	m, ok := p.findMembership(id, now)
	if !ok {
		return countersign.MembershipView{}, false
	}
	return p.membershipView(m, now), true
}

// OpenChange returns an open, unexpired change request.
func (p *Picture) OpenChange(id countersign.ChangeID, now time.Time) (countersign.ChangeRequest, bool) {
	for _, c := range p.pending.changes {
		if c.request.ID == id {
			if !c.cause.openAt(now) {
				break
			}
			return copyRequest(&c.request), true
		}
	}
	return countersign.ChangeRequest{}, false
}

// OpenChanges returns the open, unexpired change requests, oldest first.
func (p *Picture) OpenChanges(now time.Time) []countersign.ChangeRequest {
	list := make([]countersign.ChangeRequest, 0, len(p.pending.changes))
	for _, c := range p.pending.changes {
		if c.cause.openAt(now) {
			list = append(list, copyRequest(&c.request))
		}
	}
	return list
}

func copyRequest(c *countersign.ChangeRequest) countersign.ChangeRequest {
	r := *c
	r.Operations = slices.Clone(c.Operations)
	r.Base = slices.Clone(c.Base)
	r.RuleIDs = slices.Clone(c.RuleIDs)
	r.Requirement.Clauses = slices.Clone(c.Requirement.Clauses)
	r.Excluded = slices.Clone(c.Excluded)
	r.Approvals = slices.Clone(c.Approvals)
	r.Pools = slices.Clone(c.Pools)
	for i := range r.Pools {
		r.Pools[i] = slices.Clone(r.Pools[i])
	}
	return r
}

// Size counts what a picture holds.
type Size struct {
	// Users and Groups are those not deleted, Memberships those not removed.
	Users       int
	Groups      int
	Memberships int
	// OpenChanges were open when they last moved.
	OpenChanges int
}

// Size counts what the picture holds.
func (p *Picture) Size() Size {
	return Size{Users: p.users.living, Groups: p.groups.living, Memberships: p.members.living, OpenChanges: len(p.pending.changes)}
}
