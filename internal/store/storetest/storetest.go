// Package storetest holds a store to its contract, package store.
//
// It owns what every store must do, on every engine, in the words of the
// contract; what only one engine can do wrong is tested beside that engine.
// Run is one call: every test founds an organization of its own, so most share
// one database, and their sharing it is itself part of the test.
//
// A store may offer more than the contract, to be tested more:
//
//	Again(ctx) (store.Store, error)    opens the same database a second time
//	OnPoint(func(point string) error)  makes chosen statements fail
//	FailOnce(func(point string) bool)  makes one fail as a lost connection would
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/store"
)

// Run runs every test on databases that open returns: fresh, empty, and closed
// when the test they were opened for ends.
func Run(t *testing.T, open func(testing.TB) store.Store) {
	for _, group := range []struct {
		name  string
		tests func(*suite) []test
	}{
		{"nouns", nounTests},
		{"scans", scanTests},
		{"bulk", bulkTests},
		{"unique", uniqueTests},
		{"imports", importTests},
		{"emergencies", emergencyTests},
		{"tickets", ticketTests},
		{"changes", changeTests},
		{"log", logTests},
		{"transactions", transactionTests},
		{"faults", faultTests},
		{"organizations", organizationTests},
		{"text", textTests},
		{"watch", watchTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			shared := open(t)
			for _, c := range group.tests(&suite{}) {
				t.Run(c.name, func(t *testing.T) {
					s := &suite{T: t, store: shared, fresh: open}
					if c.alone {
						s.store = open(t)
					}
					c.run(s)
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*suite)
	// alone tests need a database that nobody else uses.
	alone bool
}

// suite is one test at work.
type suite struct {
	*testing.T
	store store.Store
	fresh func(testing.TB) store.Store
}

type (
	again interface {
		Again(ctx context.Context) (store.Store, error)
	}
	faulty interface {
		OnPoint(f func(point string) error)
	}
	failOnce interface {
		FailOnce(matches func(point string) bool) (failed func() bool)
	}
)

// number makes organizations unlike each other within a process.
var number atomic.Int64

// found creates an organization for this test.
func (s *suite) found() countersign.OrganizationID {
	s.Helper()
	o := organization()
	s.must(s.store.Found(s.Context(), o, func(store.WriteTx) error { return nil }))
	return o.ID
}

func organization() countersign.Organization {
	n := number.Add(1)
	o := sample[countersign.Organization](int(n))
	o.ID = countersign.OrganizationID(fmt.Sprintf("organization-%06d", n))
	o.Number = strconv.FormatInt(100_000_000_000+n, 10)
	return o
}

// write and read run a transaction that must succeed.
func (s *suite) write(org countersign.OrganizationID, fn func(store.WriteTx) error) {
	s.Helper()
	s.must(s.store.Write(s.Context(), org, fn))
}

func (s *suite) read(org countersign.OrganizationID, fn func(store.ReadTx) error) {
	s.Helper()
	s.must(s.store.Read(s.Context(), org, fn))
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) same(want, got any) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("(-want +got)\n%s", diff)
	}
}

// is checks the kind of an error, and its code when one is given.
func (s *suite) is(err error, kind countersign.Kind, code ...string) {
	s.Helper()
	if !errors.Is(err, kind) {
		s.Errorf("got %v, want the kind %s", err, kind)
		return
	}
	var e *countersign.Error
	if len(code) > 0 && (!errors.As(err, &e) || e.Code != code[0]) {
		s.Errorf("got %#v, want the code %s", err, code[0])
	}
}

// append adds one entry to the log, with as many hashes as it completes.
func appendEntry(ctx context.Context, tx store.WriteTx, facts ...countersign.Fact) error {
	head, err := tx.Head(ctx)
	if err != nil {
		return err
	}
	e := sample[countersign.AuditEntry](int(head.Size) + 1)
	e.Index = head.Size
	next := countersign.Head{Size: head.Size + 1, Time: e.Time, Frontier: hash(int(head.Size))}
	return tx.AppendEntry(ctx, e, facts, 2*head.Size, [][]byte{hash(int(2 * head.Size)), hash(int(2*head.Size + 1))}, next)
}

func hash(n int) []byte { return []byte(fmt.Sprintf("hash %027d", n)) }

// collect gathers what a scan calls its function with.
func collect[T any](scan func(fn func(T) error) error) ([]T, error) {
	var all []T
	err := scan(func(v T) error {
		all = append(all, v)
		return nil
	})
	return all, err
}

// contents is everything an organization holds, as any reader can see it.
type contents struct {
	Organization countersign.Organization
	Head         countersign.Head
	Catalogue    []countersign.CataloguePermission
	Users        []countersign.User
	Groups       []countersign.Group
	Memberships  []countersign.Membership
	Credentials  []countersign.Credential
	Changes      []store.ChangeRecord
	Entries      []countersign.AuditEntry
	Touched      []countersign.AuditEntry
	Hashes       [][]byte
	Blob         []byte
	RelyingOn    []countersign.ChangeID
}

// The words by which contents finds what has no scan of its own.
const (
	someFact   = countersign.Fact("user:touched")
	someBase   = countersign.Fact("user:relied-on")
	someDigest = "0123456789abcdef"
)

func dump(ctx context.Context, tx store.ReadTx) (c contents, err error) {
	steps := []func() error{
		func() (err error) { c.Organization, err = tx.Organization(ctx); return },
		func() (err error) { c.Head, err = tx.Head(ctx); return },
		func() (err error) { c.Catalogue, err = since(ctx, tx.CatalogueSince); return },
		func() (err error) { c.Users, err = since(ctx, tx.UsersSince); return },
		func() (err error) { c.Groups, err = since(ctx, tx.GroupsSince); return },
		func() (err error) { c.Memberships, err = since(ctx, tx.MembershipsSince); return },
		func() (err error) { c.Credentials, err = since(ctx, tx.CredentialsSince); return },
		func() (err error) { c.Changes, err = since(ctx, tx.OpenChangesSince); return },
		func() (err error) {
			c.Entries, err = collect(func(fn func(countersign.AuditEntry) error) error { return tx.Entries(ctx, 0, 1000, fn) })
			return
		},
		func() (err error) {
			c.Touched, err = collect(func(fn func(countersign.AuditEntry) error) error {
				return tx.EntriesOf(ctx, someFact, 0, 1000, fn)
			})
			return
		},
		func() (err error) {
			for i := range 2 * c.Head.Size {
				found, err := tx.Hashes(ctx, []int64{i})
				if orNothing(err) != nil {
					return err
				}
				c.Hashes = append(c.Hashes, found...)
			}
			return nil
		},
		func() (err error) { c.Blob, err = tx.Blob(ctx, someDigest); return orNothing(err) },
		func() (err error) {
			c.RelyingOn, err = tx.OpenChangesRelyingOn(ctx, []countersign.Fact{someBase})
			return
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// since reads everything that ever moved, position 0 included.
func since[T any](ctx context.Context, scan func(context.Context, int64, func(T) error) error) ([]T, error) {
	return collect(func(fn func(T) error) error { return scan(ctx, -1, fn) })
}

// whole collects a scan that takes no position.
func whole[T any](ctx context.Context, scan func(context.Context, func(T) error) error) ([]T, error) {
	return collect(func(fn func(T) error) error { return scan(ctx, fn) })
}

func orNothing(err error) error {
	if errors.Is(err, countersign.NotFound) {
		return nil
	}
	return err
}

func (s *suite) contents(org countersign.OrganizationID) (c contents) {
	s.Helper()
	s.read(org, func(tx store.ReadTx) (err error) {
		c, err = dump(s.Context(), tx)
		return err
	})
	return c
}

// eventually waits for what another goroutine is about to do.
func (s *suite) eventually(what string, done func() bool) {
	s.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Fatal("never happened: ", what)
}

// id makes ids that sort as they count.
func id[T ~string](kind string, n int) T { return T(fmt.Sprintf("%s-%06d", kind, n)) }

func longText(n int) string { return strings.Repeat("long ", n/5) }
