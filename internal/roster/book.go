package roster

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign"
)

// Book pictures one organization. It is safe for concurrent use. Every answer is
// given under one read lock, so it shows one position, and shares no memory with
// the book that could change.
//
// One thing is shared: the operations of a change request are pointers. They
// never change once submitted, and whoever reads them must not change them either.
type Book struct {
	// following admits one Follow at a time; readers do not wait for it.
	following sync.Mutex
	mu        sync.RWMutex
	state     *state // guarded by mu
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

// NewBook returns an empty book at position 0.
func NewBook() *Book { return &Book{state: newState()} }

// read locks the picture; the caller unlocks.
func (b *Book) read() (s *state, unlock func()) {
	b.mu.RLock()
	return b.state, b.mu.RUnlock
}

// Position returns the log position the book reflects.
func (b *Book) Position() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.position
}

// Organization returns the organization itself.
func (b *Book) Organization() countersign.Organization {
	s, unlock := b.read()
	defer unlock()
	o := s.organization
	o.Policy = copyPolicy(o.Policy)
	return o
}

func copyPolicy(p countersign.Policy) countersign.Policy {
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		p.Rules[i].Changes = slices.Clone(p.Rules[i].Changes)
		p.Rules[i].Requirement.Clauses = slices.Clone(p.Rules[i].Requirement.Clauses)
	}
	p.Default.Clauses = slices.Clone(p.Default.Clauses)
	return p
}

// Catalogue returns the built-in and the added permissions that may be granted,
// sorted.
func (b *Book) Catalogue() []countersign.CataloguePermission {
	s, unlock := b.read()
	defer unlock()
	list := make([]countersign.CataloguePermission, 0, len(s.catalogue))
	for _, p := range s.catalogue {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b countersign.CataloguePermission) int {
		return strings.Compare(string(a.Permission), string(b.Permission))
	})
	return list
}

// KnowsPermission reports whether p stands in the catalogue.
func (b *Book) KnowsPermission(p countersign.Permission) bool {
	s, unlock := b.read()
	defer unlock()
	_, ok := s.catalogue[p]
	return ok
}

// User returns one user: also one whom an open request would create, and a
// deleted one.
func (b *Book) User(id countersign.UserID, now time.Time) (countersign.UserView, bool) {
	s, unlock := b.read()
	defer unlock()
	n, ok := s.users[id]
	if !ok {
		return countersign.UserView{}, false
	}
	row := n.rowAt(now)
	if row == nil {
		return countersign.UserView{}, false
	}
	return s.userView(n, row, now), true
}

// Users answers a list of users. Of its own it refuses an unknown sort field
// (Invalid, "sort_by") and a page after an unknown user (Invalid, "cursor").
func (b *Book) Users(f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.UserView], error) {
	s, unlock := b.read()
	defer unlock()
	return s.listUsers(&f, sort, p, now)
}

// Group returns one group: also one that an open request would create, and a
// deleted one.
func (b *Book) Group(id countersign.GroupID, now time.Time) (countersign.GroupView, bool) {
	s, unlock := b.read()
	defer unlock()
	n, ok := s.groupsByID[id]
	if !ok {
		return countersign.GroupView{}, false
	}
	row := n.rowAt(now)
	if row == nil {
		return countersign.GroupView{}, false
	}
	return n.view(row, now), true
}

// Groups answers a list of groups, and refuses as Users does.
func (b *Book) Groups(f countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.GroupView], error) {
	s, unlock := b.read()
	defer unlock()
	return s.listGroups(&f, sort, p, now)
}

// Membership returns one membership: also one that an open request would
// create, and a removed one.
func (b *Book) Membership(id countersign.MembershipID, now time.Time) (countersign.MembershipView, bool) {
	s, unlock := b.read()
	defer unlock()
	m, ok := s.findMembership(id, now)
	if !ok {
		return countersign.MembershipView{}, false
	}
	return m.view(now), true
}

// Memberships answers a list of memberships, and refuses as Users does.
func (b *Book) Memberships(f countersign.MembershipFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.MembershipView], error) {
	s, unlock := b.read()
	defer unlock()
	return s.listMemberships(&f, sort, p, now)
}

// Check answers whether a user holds a permission now. Explain asks for every
// source of a yes, and for the open request that alone would turn a no into a
// yes; a no for want of a pending membership names its request in any case.
func (b *Book) Check(user countersign.UserID, p countersign.Permission, now time.Time, explain bool) countersign.Verdict {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.check(user, p, now, explain)
}

// Holds is Check without reasons; it does not allocate.
func (b *Book) Holds(user countersign.UserID, p countersign.Permission, now time.Time) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.userHolds(user, p, now)
}

// Effective returns the permissions a user holds now, sorted, each with every
// source; false when there is no such user.
func (b *Book) Effective(user countersign.UserID, now time.Time) ([]countersign.EffectivePermission, bool) {
	s, unlock := b.read()
	defer unlock()
	return s.effective(user, now)
}

// Credential returns one credential, whatever its state.
func (b *Book) Credential(id countersign.CredentialID) (countersign.Credential, bool) {
	s, unlock := b.read()
	defer unlock()
	c, ok := s.credentials.byID[id]
	if !ok {
		return countersign.Credential{}, false
	}
	return copyCredential(c), true
}

// CredentialBySecret finds a credential, whatever its state, by the SHA-256 of
// its secret.
func (b *Book) CredentialBySecret(hash [32]byte) (countersign.Credential, bool) {
	s, unlock := b.read()
	defer unlock()
	c, ok := s.credentials.bySecret[hash]
	if !ok {
		return countersign.Credential{}, false
	}
	return copyCredential(c), true
}

// Credentials returns the credentials of a user, whatever their state, oldest first.
func (b *Book) Credentials(user countersign.UserID) []countersign.Credential {
	s, unlock := b.read()
	defer unlock()
	return s.credentials.ofUser(user)
}

// OpenChange returns an open, unexpired change request.
func (b *Book) OpenChange(id countersign.ChangeID, now time.Time) (countersign.ChangeRequest, bool) {
	s, unlock := b.read()
	defer unlock()
	c, ok := s.changes[id]
	if !ok || !c.openAt(now) {
		return countersign.ChangeRequest{}, false
	}
	return copyRequest(&c.ChangeRequest), true
}

// OpenChanges returns the open, unexpired change requests, oldest first.
func (b *Book) OpenChanges(now time.Time) []countersign.ChangeRequest {
	s, unlock := b.read()
	defer unlock()
	list := make([]countersign.ChangeRequest, 0, len(s.changes))
	for _, c := range s.changes {
		if c.openAt(now) {
			list = append(list, copyRequest(&c.ChangeRequest))
		}
	}
	slices.SortFunc(list, func(a, b countersign.ChangeRequest) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(string(a.ID), string(b.ID)))
	})
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

// Eligible returns the active persons of the set who hold changes.approve, sorted.
func (b *Book) Eligible(set countersign.ApproverSet, now time.Time) []countersign.UserID {
	s, unlock := b.read()
	defer unlock()
	return s.eligible(set, now)
}

// ActiveAdmins returns the active persons of role admin, sorted.
func (b *Book) ActiveAdmins(time.Time) []countersign.UserID {
	s, unlock := b.read()
	defer unlock()
	return s.activeAdmins()
}

// Impact tells who would gain or lose which effective permission if the effects
// were applied now. Effects name facts and their new values as the engine does:
// words and permissions as strings, times in RFC 3339.
func (b *Book) Impact(effects []countersign.Effect, now time.Time) Impact {
	s, unlock := b.read()
	defer unlock()
	return s.impact(effects, now)
}
