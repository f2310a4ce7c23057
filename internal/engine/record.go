package engine

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// recorder is the transaction as a mutation sees it. It writes down every row on
// its way to the store, so that the roster need not read them back.
// TestEveryWriteIsRecorded holds it to the contract of the store.
type recorder struct {
	store.WriteTx
	// picture is the roster before.
	picture *roster.Picture
	delta   roster.Delta
	// open are the requests that moved and are open: how they stand is read back,
	// with the votes. Of closed ones the delta says all there is to show.
	open []countersign.ChangeID
	// unnamed says that rows moved which no call named.
	unnamed bool
}

// after is the picture that holds what was written.
func (r *recorder) after(ctx context.Context) (*roster.Picture, error) {
	head, err := r.Head(ctx)
	if err != nil || head.Size == r.picture.Position() {
		return r.picture, err
	}
	if r.unnamed {
		return r.picture.Follow(ctx, source{r.WriteTx})
	}
	slices.Sort(r.open)
	for _, id := range slices.Compact(r.open) {
		row, err := r.Change(ctx, id)
		if err != nil {
			return nil, err
		}
		request, err := shown(row)
		if err != nil {
			return nil, err
		}
		r.delta.Changes = append(r.delta.Changes, request)
	}
	r.delta.Head = head
	if next := r.picture.Apply(r.delta); next.Position() == head.Size {
		return next, nil
	}
	// What was taken down does not add up; what was stored tells.
	return r.picture.Follow(ctx, source{r.WriteTx})
}

// glimpse is the picture as what was written so far would make it. What went by
// unnamed, the memberships of somebody or something deleted, still stands in it.
func (r *recorder) glimpse() *roster.Picture {
	delta := r.delta
	delta.Head = countersign.Head{Size: r.picture.Position() + 1}
	return r.picture.Apply(delta)
}

// Savepoint undoes what was written down with what was written.
func (r *recorder) Savepoint(ctx context.Context, fn func() error) error {
	delta, open, unnamed := r.delta, r.open, r.unnamed
	err := r.WriteTx.Savepoint(ctx, fn)
	if err != nil {
		r.delta, r.open, r.unnamed = delta, open, unnamed
	}
	return err
}

func (r *recorder) PutOrganization(ctx context.Context, o countersign.Organization) error {
	r.delta.Organization = new(countersign.Organization)
	*r.delta.Organization = o
	r.delta.Organization.SealedAt, r.delta.Organization.CreatedAt = stored(o.SealedAt), stored(o.CreatedAt)
	r.delta.Organization.FrozenAt = stored(o.FrozenAt)
	return r.WriteTx.PutOrganization(ctx, o)
}

func (r *recorder) PutCataloguePermission(ctx context.Context, p countersign.CataloguePermission) error {
	r.delta.Catalogue = append(r.delta.Catalogue, p)
	return r.WriteTx.PutCataloguePermission(ctx, p)
}

func (r *recorder) PutUser(ctx context.Context, u countersign.User, emailKey string) error {
	r.delta.Users = append(r.delta.Users, storedUser(u))
	return r.WriteTx.PutUser(ctx, u, emailKey)
}

func (r *recorder) PutGroup(ctx context.Context, g countersign.Group, nameKey string) error {
	r.delta.Groups = append(r.delta.Groups, storedGroup(g))
	return r.WriteTx.PutGroup(ctx, g, nameKey)
}

func (r *recorder) PutMembership(ctx context.Context, m countersign.Membership) error {
	r.delta.Memberships = append(r.delta.Memberships, storedMembership(m))
	return r.WriteTx.PutMembership(ctx, m)
}

func (r *recorder) PutUsers(ctx context.Context, rows []store.UserRow) error {
	for i := range rows {
		r.delta.Users = append(r.delta.Users, storedUser(rows[i].User))
	}
	return r.WriteTx.PutUsers(ctx, rows)
}

func (r *recorder) PutGroups(ctx context.Context, rows []store.GroupRow) error {
	for i := range rows {
		r.delta.Groups = append(r.delta.Groups, storedGroup(rows[i].Group))
	}
	return r.WriteTx.PutGroups(ctx, rows)
}

func (r *recorder) PutMemberships(ctx context.Context, rows []countersign.Membership) error {
	for i := range rows {
		r.delta.Memberships = append(r.delta.Memberships, storedMembership(rows[i]))
	}
	return r.WriteTx.PutMemberships(ctx, rows)
}

func (r *recorder) RemoveMembershipsOfUser(ctx context.Context, id countersign.UserID, position int64, at time.Time) error {
	r.unnamed = true
	return r.WriteTx.RemoveMembershipsOfUser(ctx, id, position, at)
}

func (r *recorder) RemoveMembershipsOfGroup(ctx context.Context, id countersign.GroupID, position int64, at time.Time) error {
	r.unnamed = true
	return r.WriteTx.RemoveMembershipsOfGroup(ctx, id, position, at)
}

func (r *recorder) PutCredential(ctx context.Context, c countersign.Credential) error {
	c.SecretHash = present(c.SecretHash)
	c.CreatedAt, c.ModifiedAt, c.ExpiresAt = stored(c.CreatedAt), stored(c.ModifiedAt), stored(c.ExpiresAt)
	r.delta.Credentials = append(r.delta.Credentials, c)
	return r.WriteTx.PutCredential(ctx, c)
}

func (r *recorder) PutChange(ctx context.Context, c store.ChangeRecord, base []countersign.FactVersion) error {
	if c.State.Open() {
		r.open = append(r.open, c.ID)
	} else {
		r.closes(c.ID)
		r.delta.Changes = append(r.delta.Changes, countersign.ChangeRequest{ID: c.ID, State: c.State, Version: c.Version})
	}
	return r.WriteTx.PutChange(ctx, c, base)
}

func (r *recorder) AddApproval(ctx context.Context, a countersign.Approval) error {
	r.open = append(r.open, a.Change)
	return r.WriteTx.AddApproval(ctx, a)
}

// closes forgets that a request moved while it was open. The list is made anew,
// since a savepoint may go back to the old one.
func (r *recorder) closes(id countersign.ChangeID) {
	if slices.Contains(r.open, id) {
		r.open = slices.DeleteFunc(slices.Clone(r.open), func(open countersign.ChangeID) bool { return open == id })
	}
}

// What follows is the form in which the store gives rows back.

// stored is a time as the store keeps it: UTC, whole microseconds.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// present is a list as the store keeps it: nil when empty.
func present[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

func storedUser(u countersign.User) countersign.User {
	u.Permissions, u.AllowedIPs = present(u.Permissions), present(u.AllowedIPs)
	if len(u.Profile) == 0 {
		u.Profile = nil
	}
	u.CreatedAt, u.ModifiedAt = stored(u.CreatedAt), stored(u.ModifiedAt)
	u.LastKeepAliveAt, u.LastActiveAt = stored(u.LastKeepAliveAt), stored(u.LastActiveAt)
	return u
}

func storedGroup(g countersign.Group) countersign.Group {
	g.Permissions = present(g.Permissions)
	g.CreatedAt, g.ModifiedAt = stored(g.CreatedAt), stored(g.ModifiedAt)
	return g
}

func storedMembership(m countersign.Membership) countersign.Membership {
	m.StartsAt, m.ExpiresAt = stored(m.StartsAt), stored(m.ExpiresAt)
	m.CreatedAt, m.ModifiedAt = stored(m.CreatedAt), stored(m.ModifiedAt)
	return m
}
