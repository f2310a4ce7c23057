package roster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign"
)

// Book is the picture of an organization that follows a source in place, with
// everything that is cold, so that tests ask one thing while their world moves on.
type Book struct {
	following sync.Mutex
	picture   atomic.Pointer[Picture]
}

// NewBook returns an empty book at position 0.
func NewBook() *Book {
	b := &Book{}
	b.picture.Store(Empty())
	return b
}

// Picture returns the picture the book shows now.
func (b *Book) Picture() *Picture { return b.picture.Load() }

// Follow brings the book up to the head of src. Calls are serialised; an error
// leaves the book as it was.
func (b *Book) Follow(ctx context.Context, src Source) error {
	b.following.Lock()
	defer b.following.Unlock()
	p, err := b.Picture().Follow(ctx, src)
	if err != nil {
		return err
	}
	if !p.HasCold() {
		if p, err = p.WithCold(ctx, src, nil); err != nil {
			return err
		}
	}
	b.picture.Store(p)
	return nil
}

// Position asks the picture.
func (b *Book) Position() int64 {
	return b.Picture().Position()
}

// Organization asks the picture.
func (b *Book) Organization() countersign.Organization {
	return b.Picture().Organization()
}

// Catalogue asks the picture.
func (b *Book) Catalogue() []countersign.CataloguePermission {
	return b.Picture().Catalogue()
}

// KnowsPermission asks the picture.
func (b *Book) KnowsPermission(p countersign.Permission) bool {
	return b.Picture().KnowsPermission(p)
}

// User asks the picture.
func (b *Book) User(id countersign.UserID, now time.Time) (countersign.UserView, bool) {
	return b.Picture().User(id, now)
}

// Users asks the picture.
func (b *Book) Users(f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.UserView], error) {
	return b.Picture().Users(f, sort, p, now)
}

// Group asks the picture.
func (b *Book) Group(id countersign.GroupID, now time.Time) (countersign.GroupView, bool) {
	return b.Picture().Group(id, now)
}

// Groups asks the picture.
func (b *Book) Groups(f countersign.GroupFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.GroupView], error) {
	return b.Picture().Groups(f, sort, p, now)
}

// Membership asks the picture.
func (b *Book) Membership(id countersign.MembershipID, now time.Time) (countersign.MembershipView, bool) {
	return b.Picture().Membership(id, now)
}

// Memberships asks the picture.
func (b *Book) Memberships(f countersign.MembershipFilter, sort []countersign.SortKey, p countersign.Page, now time.Time) (List[countersign.MembershipView], error) {
	return b.Picture().Memberships(f, sort, p, now)
}

// Check asks the picture.
func (b *Book) Check(user countersign.UserID, p countersign.Permission, now time.Time, explain bool) countersign.Verdict {
	return b.Picture().Check(user, p, now, explain)
}

// Holds asks the picture.
func (b *Book) Holds(user countersign.UserID, p countersign.Permission, now time.Time) bool {
	return b.Picture().Holds(user, p, now)
}

// Effective asks the picture.
func (b *Book) Effective(user countersign.UserID, now time.Time) ([]countersign.EffectivePermission, bool) {
	return b.Picture().Effective(user, now)
}

// Credential asks the picture.
func (b *Book) Credential(id countersign.CredentialID) (countersign.Credential, bool) {
	return b.Picture().Credential(id)
}

// CredentialBySecret asks the picture.
func (b *Book) CredentialBySecret(hash [32]byte) (countersign.Credential, bool) {
	return b.Picture().CredentialBySecret(hash)
}

// Credentials asks the picture.
func (b *Book) Credentials(user countersign.UserID) []countersign.Credential {
	return b.Picture().Credentials(user)
}

// OpenChange asks the picture.
func (b *Book) OpenChange(id countersign.ChangeID, now time.Time) (countersign.ChangeRequest, bool) {
	return b.Picture().OpenChange(id, now)
}

// OpenChanges asks the picture.
func (b *Book) OpenChanges(now time.Time) []countersign.ChangeRequest {
	return b.Picture().OpenChanges(now)
}

// Eligible asks the picture.
func (b *Book) Eligible(set countersign.ApproverSet, now time.Time) []countersign.UserID {
	return b.Picture().Eligible(set, now)
}

// ActiveAdmins asks the picture.
func (b *Book) ActiveAdmins(now time.Time) []countersign.UserID {
	return b.Picture().ActiveAdmins(now)
}

// Impact asks the picture.
func (b *Book) Impact(effects []countersign.Effect, now time.Time) Impact {
	return b.Picture().Impact(effects, now)
}

// Account asks the picture.
func (b *Book) Account(id countersign.UserID) (Account, bool) {
	return b.Picture().Account(id)
}

// PermissionInUse asks the picture.
func (b *Book) PermissionInUse(p countersign.Permission) bool {
	return b.Picture().PermissionInUse(p)
}

// Size asks the picture.
func (b *Book) Size() Size {
	return b.Picture().Size()
}
