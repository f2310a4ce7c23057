package roster

import (
	"context"
	"errors"
	"fmt"

	"github.com/countersign/countersign"
)

// Delta is every row that one transaction wrote, as the store would give it
// back, and the head after it.
type Delta struct {
	Head countersign.Head
	// Organization is nil when it did not move.
	Organization *countersign.Organization
	Catalogue    []countersign.CataloguePermission
	Users        []countersign.User
	Groups       []countersign.Group
	Memberships  []countersign.Membership
	Credentials  []countersign.Credential
	// Changes are decoded, with their approvals.
	Changes []countersign.ChangeRequest
}

// Follow returns a picture at the head of src: the picture itself when nothing
// moved. From position 0 it loads the rows that live. A source that stands behind
// the picture is another history: then it starts over, without what is cold. An
// error leaves the picture as it is, as everything does.
func (p *Picture) Follow(ctx context.Context, src Source) (*Picture, error) {
	return p.FollowWithin(ctx, src, nil)
}

// FollowWithin is Follow, but now and then asks for room for the bytes held so
// far; an error of room ends it.
func (p *Picture) FollowWithin(ctx context.Context, src Source, room func(bytes int64) error) (*Picture, error) {
	head, err := src.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the head: %w", err)
	}
	switch {
	case head.Size == p.position && p.position > 0:
		return p, nil
	case head.Size < p.position || p.position == 0:
		return load(ctx, src, head, room)
	}
	b := p.edit()
	b.room = room
	defer b.common.publish()
	if err := b.follow(ctx, src); err != nil {
		return nil, err
	}
	return b.done(head.Size), nil
}

// load makes a picture from nothing. It begins anew in every respect: pictures
// of another history share nothing with it.
func load(ctx context.Context, src Source, head countersign.Head, room func(bytes int64) error) (*Picture, error) {
	b := Empty().edit()
	b.room, b.loading, b.fresh = room, true, true
	organization, err := src.Organization(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the organization: %w", err)
	}
	b.putOrganization(&organization)
	if err := src.CatalogueSince(ctx, 0, b.eachPermission); err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	if err := src.LivingUsers(ctx, b.eachUser); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	b.bytes += noteAll(&b.users, b.token, b.common.hash)
	b.enterAll()
	if err := src.LivingGroups(ctx, b.eachGroup); err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	b.bytes += noteAll(&b.groups, b.token, b.common.hash)
	if err := src.LivingMemberships(ctx, b.eachMembership); err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	b.sealLast()
	b.linkAll()
	b.bytes += noteAll(&b.members, b.token, b.common.hash)
	b.fresh, b.loading = false, false
	if err := b.ask(); err != nil {
		return nil, err
	}
	if err := src.CredentialsSince(ctx, 0, b.putCredential); err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	if err := src.OpenChanges(ctx, 0, b.eachChange); err != nil {
		return nil, fmt.Errorf("read change requests: %w", err)
	}
	return b.done(head.Size), nil
}

// follow takes what moved after the picture.
func (b *builder) follow(ctx context.Context, src Source) error {
	organization, err := src.Organization(ctx)
	if err != nil {
		return fmt.Errorf("read the organization: %w", err)
	}
	b.putOrganization(&organization)
	if err := src.CatalogueSince(ctx, b.position, b.eachPermission); err != nil {
		return fmt.Errorf("read the catalogue: %w", err)
	}
	if err := src.UsersSince(ctx, b.position, b.eachUser); err != nil {
		return fmt.Errorf("read users: %w", err)
	}
	if err := src.GroupsSince(ctx, b.position, b.eachGroup); err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	if err := src.MembershipsSince(ctx, b.position, b.eachMembership); err != nil {
		return fmt.Errorf("read memberships: %w", err)
	}
	if err := src.CredentialsSince(ctx, b.position, b.putCredential); err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	if err := src.OpenChanges(ctx, b.position, b.eachChange); err != nil {
		return fmt.Errorf("read change requests: %w", err)
	}
	return nil
}

func (b *builder) eachPermission(p countersign.CataloguePermission) error {
	b.putPermission(p)
	return nil
}

func (b *builder) eachUser(u countersign.User) error { return b.putUser(&u) }

func (b *builder) eachGroup(g countersign.Group) error { return b.putGroup(&g) }

func (b *builder) eachMembership(m countersign.Membership) error { return b.putMembership(&m) }

func (b *builder) eachChange(c countersign.ChangeRequest) error {
	b.putChange(&c)
	return nil
}

func (b *builder) putOrganization(o *countersign.Organization) {
	b.organization = *o
	b.organization.Policy = o.Policy.Clone()
}

// Apply returns the picture after a transaction that began exactly at this one's
// position. It costs what the delta holds. What is applied may be thrown away,
// and something else applied to the same picture; only one edit may be made at a
// time. A delta that cannot be (a membership of nobody, an id that is no UUID)
// gives the picture back as it is: whoever finds it standing behind the delta
// follows the store, and learns what is wrong.
func (p *Picture) Apply(d Delta) *Picture {
	b := p.edit()
	defer b.common.publish()
	if err := b.apply(&d); err != nil {
		return p
	}
	return b.done(d.Head.Size)
}

func (b *builder) apply(d *Delta) error {
	if d.Organization != nil {
		b.putOrganization(d.Organization)
	}
	for _, p := range d.Catalogue {
		b.putPermission(p)
	}
	for i := range d.Users {
		if err := b.putUser(&d.Users[i]); err != nil {
			return err
		}
	}
	for i := range d.Groups {
		if err := b.putGroup(&d.Groups[i]); err != nil {
			return err
		}
	}
	for i := range d.Memberships {
		if err := b.putMembership(&d.Memberships[i]); err != nil {
			return err
		}
	}
	for _, c := range d.Credentials {
		if err := b.putCredential(c); err != nil {
			return err
		}
	}
	for i := range d.Changes {
		b.putChange(&d.Changes[i])
	}
	return nil
}

var errElsewhere = errors.New("the source does not stand where the picture does")

// WithCold returns the picture with deleted users, deleted groups and removed
// memberships. The source must stand at the picture's position: follow first,
// then load from the same snapshot. Room is asked as by FollowWithin; it may be
// nil. Pictures that follow from it keep what is cold.
func (p *Picture) WithCold(ctx context.Context, src Source, room func(bytes int64) error) (*Picture, error) {
	if p.cold {
		return p, nil
	}
	head, err := src.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the head: %w", err)
	}
	if head.Size != p.position {
		return nil, errElsewhere
	}
	b := p.edit()
	b.room, b.cold, b.loading = room, true, true
	defer b.common.publish()
	if err := src.DeletedUsers(ctx, b.eachUser); err != nil {
		return nil, fmt.Errorf("read deleted users: %w", err)
	}
	if err := src.DeletedGroups(ctx, b.eachGroup); err != nil {
		return nil, fmt.Errorf("read deleted groups: %w", err)
	}
	if err := src.RemovedMemberships(ctx, b.eachMembership); err != nil {
		return nil, fmt.Errorf("read removed memberships: %w", err)
	}
	b.sealLast()
	b.loading = false
	return b.done(p.position), nil
}
