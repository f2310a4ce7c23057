package roster

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/countersign/countersign"
)

// TEMPORARY stand-in.

var ErrCold = errors.New("cold")

type Picture struct {
	*Book
	head  countersign.Head
	org   countersign.Organization
	cat   map[countersign.Permission]countersign.CataloguePermission
	users map[countersign.UserID]countersign.User
	grps  map[countersign.GroupID]countersign.Group
	mems  map[countersign.MembershipID]countersign.Membership
	creds map[countersign.CredentialID]countersign.Credential
	chgs  map[countersign.ChangeID]countersign.ChangeRequest
}

type Delta struct {
	Head         countersign.Head
	Organization *countersign.Organization
	Catalogue    []countersign.CataloguePermission
	Users        []countersign.User
	Groups       []countersign.Group
	Memberships  []countersign.Membership
	Credentials  []countersign.Credential
	Changes      []countersign.ChangeRequest
}

func Empty() *Picture { return &Picture{Book: NewBook()} }

func (p *Picture) Bytes() int64 { return int64(1000 * (len(p.users) + len(p.grps) + len(p.mems) + 1)) }

func (p *Picture) HasCold() bool { return true }

func (p *Picture) WithCold(context.Context, Source, func(int64) error) (*Picture, error) { return p, nil }

type Counts struct{ Users, Groups, Memberships, OpenChanges int }

func (p *Picture) Size() Counts {
	u, c := p.Book.Size()
	return Counts{Users: u, OpenChanges: c, Groups: len(p.grps), Memberships: len(p.mems)}
}

func (p *Picture) FollowWithin(ctx context.Context, src Source, room func(int64) error) (*Picture, error) {
	next, err := p.Follow(ctx, src)
	if err == nil && room != nil {
		err = room(next.Bytes())
	}
	return next, err
}

func (p *Picture) Follow(ctx context.Context, src Source) (*Picture, error) {
	head, err := src.Head(ctx)
	if err != nil {
		return p, err
	}
	if head.Size == p.head.Size && head.Size > 0 {
		return p, nil
	}
	if head.Size < p.head.Size {
		p = Empty()
	}
	b, err := collect(ctx, src, head, p.head.Size)
	if err != nil {
		return p, err
	}
	return p.Apply(Delta{head, &b.organization, b.catalogue, b.users, b.groups, b.memberships, b.credentials, b.changes}), nil
}

func put[K comparable, V any](m map[K]V, list []V, key func(V) K) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[K]V{}
	}
	for _, v := range list {
		m[key(v)] = v
	}
	return m
}

func values[K comparable, V any](m map[K]V) []V {
	var out []V
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func (p *Picture) Apply(d Delta) *Picture {
	n := &Picture{head: d.Head, org: p.org}
	if d.Organization != nil {
		n.org = *d.Organization
	}
	n.cat = put(p.cat, d.Catalogue, func(v countersign.CataloguePermission) countersign.Permission { return v.Permission })
	n.users = put(p.users, d.Users, func(v countersign.User) countersign.UserID { return v.ID })
	n.grps = put(p.grps, d.Groups, func(v countersign.Group) countersign.GroupID { return v.ID })
	n.mems = put(p.mems, d.Memberships, func(v countersign.Membership) countersign.MembershipID { return v.ID })
	n.creds = put(p.creds, d.Credentials, func(v countersign.Credential) countersign.CredentialID { return v.ID })
	n.chgs = put(p.chgs, d.Changes, func(v countersign.ChangeRequest) countersign.ChangeID { return v.ID })
	maps.DeleteFunc(n.chgs, func(_ countersign.ChangeID, c countersign.ChangeRequest) bool { return !c.State.Open() })
	n.Book = NewBook()
	n.Book.state.install(&batch{n.head, n.org, values(n.cat), values(n.users), values(n.grps), values(n.mems), values(n.creds), values(n.chgs)})
	return n
}

var _ = time.Now
