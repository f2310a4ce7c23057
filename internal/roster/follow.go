package roster

import (
	"context"
	"fmt"

	"github.com/countersign/countersign"
)

// batch is what a source has above a position, collected before any of it is
// installed.
type batch struct {
	head         countersign.Head
	organization countersign.Organization
	catalogue    []countersign.CataloguePermission
	users        []countersign.User
	groups       []countersign.Group
	memberships  []countersign.Membership
	credentials  []countersign.Credential
	changes      []countersign.ChangeRequest
}

func collect(ctx context.Context, src Source, head countersign.Head, position int64) (*batch, error) {
	b := &batch{head: head}
	var err error
	if b.organization, err = src.Organization(ctx); err != nil {
		return nil, fmt.Errorf("read the organization: %w", err)
	}
	if err := src.CatalogueSince(ctx, position, into(&b.catalogue)); err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	if err := src.UsersSince(ctx, position, into(&b.users)); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	if err := src.GroupsSince(ctx, position, into(&b.groups)); err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	if err := src.MembershipsSince(ctx, position, into(&b.memberships)); err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	if err := src.CredentialsSince(ctx, position, into(&b.credentials)); err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	if err := src.OpenChanges(ctx, position, into(&b.changes)); err != nil {
		return nil, fmt.Errorf("read change requests: %w", err)
	}
	return b, nil
}

func into[T any](list *[]T) func(T) error {
	return func(row T) error {
		*list = append(*list, row)
		return nil
	}
}

// install cannot fail: a picture is never left half painted.
func (s *state) install(b *batch) {
	s.organization = b.organization
	s.organization.Policy = copyPolicy(b.organization.Policy)
	for _, p := range b.catalogue {
		s.installPermission(p)
	}
	for _, u := range b.users {
		s.installUser(u)
	}
	for _, g := range b.groups {
		s.installGroup(g)
	}
	for _, m := range b.memberships {
		s.installMembership(m)
	}
	for _, c := range b.credentials {
		s.credentials.install(c)
	}
	for _, c := range b.changes {
		s.installChange(c)
	}
	s.position = b.head.Size
}

// installPermission takes an entry of the organization's own; the built-in ones
// are there from the start and cannot be taken over.
func (s *state) installPermission(p countersign.CataloguePermission) {
	switch old := s.catalogue[p.Permission]; {
	case old.BuiltIn:
	case p.Removed:
		delete(s.catalogue, p.Permission)
	default:
		s.catalogue[p.Permission] = p
	}
}

// Follow brings the book up to the head of src. Calls are serialised. Rows are
// collected first and installed at once, so an error leaves the book as it was.
// A source that stands behind the book is another history: the book starts over.
func (b *Book) Follow(ctx context.Context, src Source) error {
	b.following.Lock()
	defer b.following.Unlock()

	head, err := src.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head: %w", err)
	}
	position := b.Position() // only Follow moves it
	if head.Size == position && position > 0 {
		return nil
	}
	if head.Size < position {
		position = 0
	}
	rows, err := collect(ctx, src, head, position)
	if err != nil {
		return err
	}
	if position == 0 {
		fresh := newState() // painted beside the old one, which readers keep until then
		fresh.install(rows)
		b.mu.Lock()
		b.state = fresh
		b.mu.Unlock()
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.install(rows)
	return nil
}
