package roster

import (
	"context"
	"time"

	"github.com/countersign/countersign"
)

// Book pictures one organization. It is safe for concurrent use; every answer
// comes from one picture, and shares no memory with it that could change.
type Book struct{}

// List is one page of an answer.
type List[T any] struct {
	Items []T
	// Total counts every row that matches, on whatever page.
	Total int
	// Revision is the log position the answer reflects.
	Revision int64
	// More says that rows remain after the last item; false for a limit of 0.
	More bool
}

// Impact says who would gain or lose which effective permission.
type Impact struct {
	// Users, by name, at most 100 of them; UsersTotal counts all.
	Users      []UserImpact
	UsersTotal int
	// Gains and Losses count pairs of user and permission.
	Gains  int
	Losses int
}

// UserImpact is what one user would gain and lose, sorted.
type UserImpact struct {
	UserID countersign.UserID
	Name   string
	Type   countersign.UserType
	Gained []countersign.Permission
	Lost   []countersign.Permission
}

// NewBook returns an empty book at position 0.
func NewBook() *Book { return &Book{} }

// Follow brings the book up to the head of src. Calls are serialised. Rows are
// collected first and installed at once, so an error leaves the book as it was.
func (b *Book) Follow(ctx context.Context, src Source) error { panic("not yet") }

// Position returns the log position the book reflects.
func (b *Book) Position() int64 { panic("not yet") }

// Organization returns the organization itself.
func (b *Book) Organization() countersign.Organization { panic("not yet") }

// Catalogue returns the built-in and the added permissions that are in use, sorted.
func (b *Book) Catalogue() []countersign.CataloguePermission { panic("not yet") }

// KnowsPermission reports whether p stands in the catalogue.
func (b *Book) KnowsPermission(p countersign.Permission) bool { panic("not yet") }

// User returns one user: also one whom an open request would create, and a
// deleted one.
func (b *Book) User(id countersign.UserID, now time.Time) (countersign.UserView, bool) {
	panic("not yet")
}

// Users answers a list of users.
func (b *Book) Users(f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.UserView], error) {
	panic("not yet")
}

// Group returns one group: also one that an open request would create, and a
// deleted one.
func (b *Book) Group(id countersign.GroupID, now time.Time) (countersign.GroupView, bool) {
	panic("not yet")
}

// Groups answers a list of groups.
func (b *Book) Groups(f countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.GroupView], error) {
	panic("not yet")
}

// Membership returns one membership: also one that an open request would
// create, and a removed one.
func (b *Book) Membership(id countersign.MembershipID, now time.Time) (countersign.MembershipView, bool) {
	panic("not yet")
}

// Memberships answers a list of memberships.
func (b *Book) Memberships(f countersign.MembershipFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.MembershipView], error) {
	panic("not yet")
}

// Check answers whether a user holds a permission now; explain asks for every
// source of a yes, and for the open request that would turn a no into a yes.
func (b *Book) Check(user countersign.UserID, p countersign.Permission, now time.Time, explain bool) countersign.Verdict {
	panic("not yet")
}

// Holds is Check without reasons; it does not allocate.
func (b *Book) Holds(user countersign.UserID, p countersign.Permission, now time.Time) bool {
	panic("not yet")
}

// Effective returns the permissions a user holds now, sorted, each with every
// source; false when there is no such user.
func (b *Book) Effective(user countersign.UserID, now time.Time) ([]countersign.EffectivePermission, bool) {
	panic("not yet")
}

// Credential returns one credential, whatever its state.
func (b *Book) Credential(id countersign.CredentialID) (countersign.Credential, bool) {
	panic("not yet")
}

// CredentialBySecret finds a credential, whatever its state, by the SHA-256 of
// its secret.
func (b *Book) CredentialBySecret(hash [32]byte) (countersign.Credential, bool) { panic("not yet") }

// Credentials returns the credentials of a user, whatever their state, oldest first.
func (b *Book) Credentials(user countersign.UserID) []countersign.Credential { panic("not yet") }

// OpenChange returns an open, unexpired change request.
func (b *Book) OpenChange(id countersign.ChangeID, now time.Time) (countersign.ChangeRequest, bool) {
	panic("not yet")
}

// OpenChanges returns the open, unexpired change requests, oldest first.
func (b *Book) OpenChanges(now time.Time) []countersign.ChangeRequest { panic("not yet") }

// Eligible returns the active persons of the set who hold changes.approve, sorted.
func (b *Book) Eligible(set countersign.ApproverSet, now time.Time) []countersign.UserID {
	panic("not yet")
}

// ActiveAdmins returns the active persons of role admin, sorted.
func (b *Book) ActiveAdmins(now time.Time) []countersign.UserID { panic("not yet") }

// Impact tells who would gain or lose which effective permission if the effects
// were applied now.
func (b *Book) Impact(effects []countersign.Effect, now time.Time) Impact { panic("not yet") }
