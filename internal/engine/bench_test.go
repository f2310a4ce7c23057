package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

func benchStore(b *testing.B) store.Store {
	b.Helper()
	s, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"), sqlstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// crowd is an organization of so many people and one group, and its admin.
func crowd(b *testing.B, e *engine.Engine, people int) (countersign.Actor, countersign.GroupID, []countersign.UserID) {
	b.Helper()
	f, err := e.Found(b.Context(), engine.Founding{Organization: "Northwind", AdminName: "Ada", AdminEmail: "ada@northwind.example"})
	if err != nil {
		b.Fatal(err)
	}
	ada := countersign.Actor{
		Organization: f.Organization.ID, User: f.Admin.ID, ResponsiblePerson: f.Admin.ID, Type: countersign.Person,
		Credential: f.Token.Credential, Method: countersign.ByToken,
	}
	r, err := e.Submit(b.Context(), ada, []countersign.Change{&countersign.CreateGroup{Name: "Group"}}, engine.Options{})
	if err != nil {
		b.Fatal(err)
	}
	group := r.Change.Operations[0].(*countersign.CreateGroup).GroupID
	var ids []countersign.UserID
	for i := 0; i < people; i += 100 {
		var ops []countersign.Change
		for k := i; k < min(i+100, people); k++ {
			ops = append(ops, &countersign.InvitePerson{Name: fmt.Sprintf("Person %d", k), Email: fmt.Sprintf("p%d@northwind.example", k), Role: countersign.RoleNone})
		}
		r, err := e.Submit(b.Context(), ada, ops, engine.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, op := range r.Change.Operations {
			ids = append(ids, op.(*countersign.InvitePerson).UserID)
		}
	}
	return ada, group, ids
}

// toggle puts a user into the group and takes him out again.
func toggle(ctx context.Context, e *engine.Engine, actor countersign.Actor, group countersign.GroupID, user countersign.UserID) error {
	r, err := e.Submit(ctx, actor, []countersign.Change{&countersign.AddMembership{UserID: user, GroupID: group, Role: countersign.GroupMember}}, engine.Options{})
	if err != nil {
		return err
	}
	id := r.Change.Operations[0].(*countersign.AddMembership).MembershipID
	_, err = e.Submit(ctx, actor, []countersign.Change{&countersign.RemoveMembership{MembershipID: id}}, engine.Options{})
	return err
}

// One after another: each pays its own transaction and fsync.
func BenchmarkChangeAlone(b *testing.B) {
	e := withMemory(benchStore(b), 0)
	ada, group, ids := crowd(b, e, 100)
	for i := 0; b.Loop(); i++ {
		if err := toggle(b.Context(), e, ada, group, ids[i%len(ids)]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(2*b.N), "µs/change")
}

// 64 at once: they share transactions.
func BenchmarkChangesOf64Clients(b *testing.B) {
	e := withMemory(benchStore(b), 0)
	ada, group, ids := crowd(b, e, 100)
	var next atomic.Int64
	before := e.Figures()
	b.ResetTimer()
	var clients sync.WaitGroup
	for c := range 64 {
		clients.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := toggle(b.Context(), e, ada, group, ids[c]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	after := e.Figures()
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(2*b.N), "µs/change")
	b.ReportMetric(float64(after.Mutations-before.Mutations)/float64(after.Transactions-before.Transactions), "changes/tx")
}
