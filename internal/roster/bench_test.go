package roster_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

var benchUsers = flag.Int("roster.users", 100_000, "how many users, in 20 groups each, the benchmarks know")

const (
	benchGroups    = 10_000
	groupsPerUser  = 20
	benchQuestions = 1 << 16
)

// crowd is a large organization, made by a seed and told row by row.
type crowd struct {
	users int
	snapshot
}

func (c *crowd) Head(context.Context) (countersign.Head, error) {
	return countersign.Head{Size: 1}, nil
}

func (c *crowd) Organization(context.Context) (countersign.Organization, error) {
	return countersign.Organization{}, nil
}

func crowdUser(i int) countersign.UserID { return countersign.UserID(crowdID(1, i)) }

// crowdID scatters ids, so that neighbours in memory are not neighbours by id.
func crowdID(kind, i int) string {
	return fmt.Sprintf("%08x-0000-7000-800%d-%012x", uint32(i)*2654435761, kind, i)
}

func (c *crowd) UsersSince(_ context.Context, _ int64, fn func(countersign.User) error) error {
	r := rand.New(rand.NewPCG(1, 1))
	roles := []countersign.Role{countersign.RoleNone, countersign.RoleNone, countersign.RoleViewer, countersign.RoleTrader}
	for i := range c.users {
		u := countersign.User{
			ID: crowdUser(i), Number: int64(i), Type: countersign.Person, Role: roles[r.IntN(4)], State: countersign.UserActive, Version: 1,
			Name: fmt.Sprintf("Person %06d", r.IntN(c.users)), Email: fmt.Sprintf("person-%d@example.org", i),
			CreatedAt: noon.Add(time.Duration(r.IntN(1_000_000)) * time.Second),
		}
		if i%10 == 0 {
			u.State, u.Email = countersign.UserSuspended, ""
		}
		if err := fn(u); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) GroupsSince(_ context.Context, _ int64, fn func(countersign.Group) error) error {
	for i := range benchGroups {
		g := countersign.Group{
			ID: countersign.GroupID(crowdID(2, i)), Name: fmt.Sprintf("Group %d", i), State: countersign.GroupActive, Version: 1,
			Permissions: []countersign.Permission{countersign.Permission(fmt.Sprintf("pool-%d.use", i%500)), "common.use"},
		}
		if err := fn(g); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) MembershipsSince(_ context.Context, _ int64, fn func(countersign.Membership) error) error {
	r := rand.New(rand.NewPCG(2, 2))
	for i := range c.users {
		first := r.IntN(benchGroups)
		for k := range groupsPerUser {
			m := countersign.Membership{
				ID: countersign.MembershipID(crowdID(3, i*groupsPerUser+k)), UserID: crowdUser(i), State: countersign.MembershipActive,
				GroupID: countersign.GroupID(crowdID(2, (first+k*487)%benchGroups)), Role: countersign.GroupMember, Version: 1,
			}
			if err := fn(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// scene is the crowd in a book, the same ids in a map, and questions in random order.
type scene struct {
	book  *roster.Book
	plain map[countersign.UserID]int
	ids   []countersign.UserID
}

var theScene = sync.OnceValue(func() *scene {
	s := &scene{book: roster.NewBook(), plain: map[countersign.UserID]int{}}
	c := &crowd{users: *benchUsers, snapshot: snapshot{w: newWorld(1)}}
	if err := s.book.Follow(context.Background(), c); err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(3, 3))
	for i := range c.users {
		s.plain[crowdUser(i)] = i
	}
	for range benchQuestions {
		s.ids = append(s.ids, crowdUser(r.IntN(c.users)))
	}
	return s
})

func BenchmarkPlainMapLookup(b *testing.B) {
	s := theScene()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = s.plain[s.ids[i%benchQuestions]]
	}
}

// A no reads every group of the user; a yes stops at the first that grants. What
// few groups grant is a no for nearly everybody.
func BenchmarkHolds(b *testing.B) {
	s := theScene()
	for name, p := range map[string]countersign.Permission{
		"yes-by-first-group": "common.use", "no": "pool-7.use", "unknown": "never.seen",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.book.Holds(s.ids[i%benchQuestions], p, noon)
			}
		})
	}
}

// In turns on one machine, and the best of many short rounds of each: what other
// processes take away then falls out of the ratio.
func BenchmarkBesideAMap(b *testing.B) {
	s := theScene()
	const round = 1000
	contestants := []struct {
		name string
		ask  func(countersign.UserID)
	}{
		{"map", func(id countersign.UserID) { _ = s.plain[id] }},
		{"holds-yes", func(id countersign.UserID) { s.book.Holds(id, "common.use", noon) }},
		{"holds-no", func(id countersign.UserID) { s.book.Holds(id, "pool-7.use", noon) }},
		{"check-no", func(id countersign.UserID) { s.book.Check(id, "pool-7.use", noon, false) }},
		{"check-no-explained", func(id countersign.UserID) { s.book.Check(id, "pool-7.use", noon, true) }},
		{"check-yes-explained", func(id countersign.UserID) { s.book.Check(id, "common.use", noon, true) }},
	}
	best := make([]time.Duration, len(contestants))
	next := 0
	for b.Loop() {
		for i, c := range contestants {
			begun := b.Elapsed()
			for range round {
				c.ask(s.ids[next%benchQuestions])
				next++
			}
			if took := b.Elapsed() - begun; best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	for i, c := range contestants {
		b.ReportMetric(float64(best[i])/round, c.name+"-ns")
		b.ReportMetric(float64(best[i])/float64(best[0]), c.name+"/map")
	}
	b.ReportMetric(0, "ns/op")
}

func BenchmarkHoldsInParallel(b *testing.B) {
	s := theScene()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			s.book.Holds(s.ids[i%benchQuestions], "pool-7.use", noon)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := theScene()
	for _, explain := range []bool{false, true} {
		for name, p := range map[string]countersign.Permission{"no": "pool-7.use", "yes": "common.use"} {
			b.Run(fmt.Sprintf("%s/explain=%v", name, explain), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					s.book.Check(s.ids[i%benchQuestions], p, noon, explain)
				}
			})
		}
	}
}

func BenchmarkUsers(b *testing.B) {
	s := theScene()
	three := []countersign.SortKey{{Field: "role", Descending: true}, {Field: "state"}, {Field: "created", Descending: true}}
	filtered := countersign.UserFilter{Roles: []countersign.Role{countersign.RoleNone, countersign.RoleViewer}, States: []countersign.UserState{countersign.UserActive}}
	half := *benchUsers / 2
	for _, c := range []struct {
		name   string
		filter countersign.UserFilter
		sort   []countersign.SortKey
		page   countersign.Page
	}{
		{"total-only", countersign.UserFilter{}, nil, countersign.Page{}},
		{"first-page", countersign.UserFilter{}, nil, countersign.Page{Limit: 50}},
		{"first-page-two-filters-three-keys", filtered, three, countersign.Page{Limit: 50}},
		{"deep-page-three-keys", countersign.UserFilter{}, three, countersign.Page{Offset: half, Limit: 50}},
		{"deep-page-after-cursor-three-keys", countersign.UserFilter{}, three, countersign.Page{After: string(s.ids[0]), Limit: 50}},
		{"of-one-group", countersign.UserFilter{GroupIDs: []countersign.GroupID{countersign.GroupID(crowdID(2, 5))}}, nil, countersign.Page{Limit: 50}},
		{"holders-of-a-permission", countersign.UserFilter{Permission: "pool-7.use"}, nil, countersign.Page{Limit: 50}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.book.Users(c.filter, c.sort, c.page, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMemberships(b *testing.B) {
	s := theScene()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.book.Memberships(countersign.MembershipFilter{Only: s.ids[i%benchQuestions]}, nil, countersign.Page{Limit: 50}, noon); err != nil {
			b.Fatal(err)
		}
	}
}
