package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// noun is one kind of row: how it is written and read back.
type noun struct {
	name string
	// make returns a value with every field set; key names the row, seed varies
	// everything else.
	make func(key, seed int) any
	put  func(ctx context.Context, tx store.WriteTx, v any) error
	get  func(ctx context.Context, tx store.WriteTx, v any) (any, error)
	// empty are the fields that stay zero, with a reason each.
	empty []string
}

func nouns() []noun {
	return []noun{
		{
			name: "user",
			make: func(key, seed int) any {
				u := sample[countersign.User](seed)
				u.ID = id[countersign.UserID]("user", key)
				return u
			},
			put: func(ctx context.Context, tx store.WriteTx, v any) error {
				u := v.(countersign.User)
				return tx.PutUser(ctx, u, "key of "+u.Email)
			},
			get: func(ctx context.Context, tx store.WriteTx, v any) (any, error) {
				return tx.User(ctx, v.(countersign.User).ID)
			},
		},
		{
			name: "group",
			make: func(key, seed int) any {
				g := sample[countersign.Group](seed)
				g.ID = id[countersign.GroupID]("group", key)
				return g
			},
			put: func(ctx context.Context, tx store.WriteTx, v any) error {
				g := v.(countersign.Group)
				touched := g.MembersVersion
				g.MembersVersion = -1 // must not be written
				if err := tx.PutGroup(ctx, g, "key of "+g.Name); err != nil {
					return err
				}
				return tx.TouchMembers(ctx, g.ID, touched)
			},
			get: func(ctx context.Context, tx store.WriteTx, v any) (any, error) {
				return tx.Group(ctx, v.(countersign.Group).ID)
			},
		},
		{
			name: "membership",
			make: func(key, seed int) any {
				m := sample[countersign.Membership](seed)
				m.ID = id[countersign.MembershipID]("membership", key)
				return m
			},
			put: func(ctx context.Context, tx store.WriteTx, v any) error {
				return tx.PutMembership(ctx, v.(countersign.Membership))
			},
			get: func(ctx context.Context, tx store.WriteTx, v any) (any, error) {
				return tx.Membership(ctx, v.(countersign.Membership).ID)
			},
		},
		{
			name: "credential",
			make: func(key, seed int) any {
				c := sample[countersign.Credential](seed)
				c.ID = id[countersign.CredentialID]("credential", key)
				// These are unique in the deployment, and tests share one.
				n := number.Add(1)
				c.SecretHash, c.ClientID = hash(int(n)), fmt.Sprintf("client %d", n)
				return c
			},
			put: func(ctx context.Context, tx store.WriteTx, v any) error {
				return tx.PutCredential(ctx, v.(countersign.Credential))
			},
			get: func(ctx context.Context, tx store.WriteTx, v any) (any, error) {
				return tx.Credential(ctx, v.(countersign.Credential).ID)
			},
		},
		{
			name: "catalogue permission",
			make: func(key, seed int) any {
				p := sample[countersign.CataloguePermission](seed)
				p.Permission, p.BuiltIn = id[countersign.Permission]("permission", key), false
				return p
			},
			put: func(ctx context.Context, tx store.WriteTx, v any) error {
				return tx.PutCataloguePermission(ctx, v.(countersign.CataloguePermission))
			},
			get: func(ctx context.Context, tx store.WriteTx, v any) (any, error) {
				return tx.CataloguePermission(ctx, v.(countersign.CataloguePermission).Permission)
			},
			empty: []string{".BuiltIn"}, // built-in entries are not stored
		},
		{
			name: "change request",
			make: func(key, seed int) any {
				c := sample[store.ChangeRecord](seed)
				c.ID, c.Approvals = id[countersign.ChangeID]("change", key), nil
				return c
			},
			put: func(ctx context.Context, tx store.WriteTx, v any) error {
				return tx.PutChange(ctx, v.(store.ChangeRecord), nil)
			},
			get: func(ctx context.Context, tx store.WriteTx, v any) (any, error) {
				return tx.Change(ctx, v.(store.ChangeRecord).ID)
			},
			empty: []string{".Approvals"}, // have a test of their own
		},
		{
			name: "idempotency record",
			make: func(key, seed int) any {
				r := sample[store.IdempotencyRecord](seed)
				r.Principal, r.Route, r.Key = id[countersign.UserID]("user", key), "PUT /things", "key"
				return r
			},
			put: func(ctx context.Context, tx store.WriteTx, v any) error {
				return tx.Remember(ctx, v.(store.IdempotencyRecord))
			},
			get: func(ctx context.Context, tx store.WriteTx, v any) (any, error) {
				r := v.(store.IdempotencyRecord)
				return tx.Remembered(ctx, r.Principal, r.Route, r.Key, time.Time{})
			},
		},
	}
}

func nounTests(*suite) []test {
	tests := []test{
		{name: "organization: every field comes back", run: organizationRoundTrip},
		{name: "organization: id, number and creation never change", run: organizationConstants},
		{name: "user: any text and any microsecond comes back", run: anyUser},
		{name: "empty lists and times come back as nothing", run: emptyValues},
		{name: "times come back in UTC, cut to microseconds", run: timesInUTC},
		{name: "living rows are found by key, deleted ones are not", run: livingLookups},
		{name: "of several memberships of a pair the living one is found, else the newest", run: newestMembership},
		{name: "approvals come back with their request, in order of position", run: approvalRoundTrip},
		{name: "removing all memberships of a user or group touches no other", run: removeMemberships},
		{name: "touching the members of a group leaves its version alone", run: touchMembers},
	}
	for _, n := range nouns() {
		tests = append(tests,
			test{name: n.name + ": every field comes back", run: func(s *suite) { roundTrip(s, n) }},
			test{name: n.name + ": a second write replaces every field", run: func(s *suite) { replace(s, n) }},
			test{name: n.name + ": what is not there is NotFound", run: func(s *suite) { missing(s, n) }},
		)
	}
	return tests
}

// comes writes v and reads it in the same and in another transaction.
func comes(s *suite, org countersign.OrganizationID, n noun, v any) {
	s.Helper()
	zero := slices.DeleteFunc(zeroFields(reflect.ValueOf(v), ""), func(field string) bool { return slices.Contains(n.empty, field) })
	if len(zero) > 0 {
		s.Fatalf("the sample leaves %v empty", zero)
	}
	s.write(org, func(tx store.WriteTx) error {
		if err := n.put(s.Context(), tx, v); err != nil {
			return err
		}
		got, err := n.get(s.Context(), tx, v)
		s.same(v, got)
		return err
	})
	s.write(org, func(tx store.WriteTx) error {
		got, err := n.get(s.Context(), tx, v)
		s.same(v, got)
		return err
	})
}

func roundTrip(s *suite, n noun) {
	org := s.found()
	comes(s, org, n, n.make(1, 1))
	for _, v := range oneTruthEach(n.make(1, 1)) {
		if p, ok := v.(countersign.CataloguePermission); ok && p.BuiltIn {
			continue // not stored
		}
		s.write(org, func(tx store.WriteTx) error {
			if err := n.put(s.Context(), tx, v); err != nil {
				return err
			}
			got, err := n.get(s.Context(), tx, v)
			s.same(v, got)
			return err
		})
	}
}

func replace(s *suite, n noun) {
	org := s.found()
	other := n.make(2, 3)
	comes(s, org, n, n.make(1, 1))
	comes(s, org, n, other)
	comes(s, org, n, n.make(1, 2))
	s.write(org, func(tx store.WriteTx) error {
		got, err := n.get(s.Context(), tx, other)
		s.same(other, got)
		return err
	})
}

func missing(s *suite, n noun) {
	s.write(s.found(), func(tx store.WriteTx) error {
		_, err := n.get(s.Context(), tx, n.make(1, 1))
		s.is(err, countersign.NotFound)
		return nil
	})
}

func organizationRoundTrip(s *suite) {
	o := organization()
	if zero := zeroFields(reflect.ValueOf(o), ""); len(zero) > 0 {
		s.Fatalf("the sample leaves %v empty", zero)
	}
	s.must(s.store.Found(s.Context(), o, func(tx store.WriteTx) error {
		got, err := tx.Organization(s.Context())
		s.same(o, got)
		return err
	}))
	s.same(o, s.contents(o.ID).Organization)
	changed := sample[countersign.Organization](7)
	changed.ID, changed.Number, changed.CreatedAt = o.ID, o.Number, o.CreatedAt
	s.write(o.ID, func(tx store.WriteTx) error { return tx.PutOrganization(s.Context(), changed) })
	s.same(changed, s.contents(o.ID).Organization)
}

func organizationConstants(s *suite) {
	o := organization()
	s.must(s.store.Found(s.Context(), o, func(store.WriteTx) error { return nil }))
	changed := o
	changed.Number, changed.CreatedAt, changed.Name = "1", time.UnixMicro(1).UTC(), "new name"
	s.write(o.ID, func(tx store.WriteTx) error { return tx.PutOrganization(s.Context(), changed) })
	o.Name = "new name"
	s.same(o, s.contents(o.ID).Organization)
	other := s.found()
	err := s.store.Write(s.Context(), other, func(tx store.WriteTx) error { return tx.PutOrganization(s.Context(), changed) })
	if err == nil {
		s.Error("one organization was written in the transaction of another")
	}
	s.same(o, s.contents(o.ID).Organization)
}

func anyUser(s *suite) {
	org := s.found()
	text := rapid.Custom(func(t *rapid.T) string { return strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "") })
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		if n := rapid.Int64Range(-1<<50, 1<<55).Draw(t, "microseconds"); n != 0 {
			return time.UnixMicro(n).UTC()
		}
		return time.Time{}
	})
	rapid.Check(s.T, func(t *rapid.T) {
		u := sample[countersign.User](1)
		u.ID = countersign.UserID(text.Draw(t, "id"))
		u.Name, u.Email, u.ExternalID = text.Draw(t, "name"), text.Draw(t, "email"), text.Draw(t, "external id")
		u.CreatedAt, u.LastActiveAt = moment.Draw(t, "created"), moment.Draw(t, "active")
		u.Number, u.Version = rapid.Int64().Draw(t, "number"), rapid.Int64().Draw(t, "version")
		u.State = countersign.UserDeleted // so that nothing is in its way
		u.AllowedIPs = rapid.SliceOfN(text, 1, 4).Draw(t, "allowed")
		err := s.store.Write(s.Context(), org, func(tx store.WriteTx) error {
			if err := tx.PutUser(s.Context(), u, u.Email); err != nil {
				return err
			}
			got, err := tx.User(s.Context(), u.ID)
			if err == nil && !reflect.DeepEqual(u, got) {
				t.Fatalf("wrote %#v, read %#v", u, got)
			}
			return err
		})
		if err != nil && !errors.Is(err, countersign.Exists) { // two numbers may be drawn alike
			t.Fatal(err)
		}
	})
}

func emptyValues(s *suite) {
	org := s.found()
	user := countersign.User{ID: "user"}
	group := countersign.Group{ID: "group"}
	membership := countersign.Membership{ID: "membership"}
	credential := countersign.Credential{ID: "credential"}
	change := store.ChangeRecord{ID: "change"}
	record := store.IdempotencyRecord{Principal: "user"}
	s.write(org, func(tx store.WriteTx) error {
		written := user
		written.Permissions, written.AllowedIPs = []countersign.Permission{}, []string{}
		for _, err := range []error{
			tx.PutUser(s.Context(), written, ""), tx.PutGroup(s.Context(), group, ""), tx.PutMembership(s.Context(), membership),
			tx.PutCredential(s.Context(), credential), tx.PutChange(s.Context(), change, nil), tx.Remember(s.Context(), record),
			tx.PutBlob(s.Context(), someDigest, nil),
			tx.AppendEntry(s.Context(), countersign.AuditEntry{}, nil, 0, nil, countersign.Head{Size: 1}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	got := s.contents(org)
	s.same([]countersign.User{user}, got.Users)
	s.same([]countersign.Group{group}, got.Groups)
	s.same([]countersign.Membership{membership}, got.Memberships)
	s.same([]countersign.Credential{credential}, got.Credentials)
	s.same([]store.ChangeRecord{change}, got.Changes)
	s.same([]countersign.AuditEntry{{}}, got.Entries)
	s.same(countersign.Head{Size: 1}, got.Head)
}

func timesInUTC(s *suite) {
	org := s.found()
	given := time.Date(2024, 3, 10, 1, 2, 3, 456_789_999, time.FixedZone("elsewhere", 3600))
	s.write(org, func(tx store.WriteTx) error {
		return tx.PutUser(s.Context(), countersign.User{ID: "user", CreatedAt: given}, "")
	})
	got := s.contents(org).Users[0].CreatedAt
	if want := time.Date(2024, 3, 10, 0, 2, 3, 456_789_000, time.UTC); got != want {
		s.Errorf("got %v, want %v", got, want)
	}
}
